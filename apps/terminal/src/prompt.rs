//! Questions at the terminal.
//!
//! Questions and their answers' echo go to the standard error, so that the standard output stays
//! free for what the program has to say.

use std::io::{self, BufRead, IsTerminal, Write};

use ratatui::crossterm::event::{self, Event, KeyCode, KeyEventKind, KeyModifiers};
use ratatui::crossterm::terminal;

/// Longest answer in characters; more than any code or token, and a bound on what a file piped in
/// can make the program keep.
const MAX_ANSWER_CHARS: usize = 1024;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum PromptError {
    /// The input ended before an answer came.
    #[error(
        "the input ended before an answer was given; run the program in a terminal or use the option that reads from a file"
    )]
    Ended,
    /// The person broke off.
    #[error("interrupted at the prompt; start the program again when you are ready")]
    Interrupted,
    /// The terminal failed.
    #[error("the terminal cannot be read ({0}); run the program in another terminal")]
    Terminal(#[from] io::Error),
}

/// Whether a person sits at the standard input and output.
#[must_use]
pub fn is_interactive() -> bool {
    io::stdin().is_terminal() && io::stdout().is_terminal()
}

/// Asks `question` and reads one line; without a terminal, one line of the standard input.
///
/// # Errors
/// When the input ends or cannot be read.
pub fn ask(question: &str) -> Result<String, PromptError> {
    show(question)?;
    let mut line = String::new();
    let mut input = io::Read::take(io::stdin().lock(), 4 * MAX_ANSWER_CHARS as u64);
    if input.read_line(&mut line)? == 0 {
        return Err(PromptError::Ended);
    }
    Ok(line.trim().to_owned())
}

/// Like [`ask`], without showing what is typed: for secrets.
///
/// # Errors
/// When the input ends, is broken off with Ctrl-C or Ctrl-D, or cannot be read.
pub fn ask_hidden(question: &str) -> Result<String, PromptError> {
    if !io::stdin().is_terminal() {
        return ask(question);
    }
    show(question)?;
    terminal::enable_raw_mode()?;
    let answer = read_hidden();
    terminal::disable_raw_mode()?;
    eprintln!();
    answer
}

fn show(question: &str) -> io::Result<()> {
    let mut out = io::stderr().lock();
    write!(out, "{question} ")?;
    out.flush()
}

fn read_hidden() -> Result<String, PromptError> {
    let mut answer = String::new();
    loop {
        let Event::Key(key) = event::read()? else { continue };
        if key.kind == KeyEventKind::Release {
            continue;
        }
        let control = key.modifiers.contains(KeyModifiers::CONTROL);
        match key.code {
            KeyCode::Char('c') if control => return Err(PromptError::Interrupted),
            KeyCode::Char('d') if control => return Err(PromptError::Ended),
            KeyCode::Enter => return Ok(answer.trim().to_owned()),
            KeyCode::Backspace => {
                answer.pop();
            }
            KeyCode::Char(typed) if !control && answer.chars().count() < MAX_ANSWER_CHARS => {
                answer.push(typed);
            }
            _ => {}
        }
    }
}
