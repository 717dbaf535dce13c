//! The full-screen interface: the terminal in raw mode, restored whatever happens.

use std::io;
use std::thread;

use ratatui::crossterm::event::{self, Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use ratatui::{DefaultTerminal, Frame};

/// What a person did at the terminal, reduced to what the programs use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key {
    /// A key that types a character.
    Char(char),
    /// Enter.
    Enter,
    /// Escape.
    Escape,
    /// Takes back the character before the cursor.
    Backspace,
    /// Takes away the character at the cursor.
    Delete,
    /// To the beginning of the line.
    Home,
    /// To the end of the line.
    End,
    /// Tab.
    Tab,
    /// Shift with Tab.
    BackTab,
    /// Arrow up.
    Up,
    /// Arrow down.
    Down,
    /// Arrow to the left.
    Left,
    /// Arrow to the right.
    Right,
    /// Ctrl with C, which raw mode does not turn into a signal.
    Interrupt,
    /// The terminal has another size and wants to be drawn again.
    Resized,
}

/// The terminal while the program fills it; dropping it gives the terminal back as it was.
#[derive(Debug)]
pub struct Screen {
    terminal: DefaultTerminal,
}

impl Screen {
    /// Takes the terminal: raw mode, alternate screen. A panic gives it back before it is reported.
    ///
    /// # Errors
    /// When the terminal cannot be switched.
    pub fn take() -> io::Result<Self> {
        Ok(Self { terminal: ratatui::try_init()? })
    }

    /// Draws one picture of the screen.
    ///
    /// # Errors
    /// When the terminal is gone.
    pub fn draw(&mut self, render: impl FnOnce(&mut Frame<'_>)) -> io::Result<()> {
        self.terminal.draw(render)?;
        Ok(())
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        ratatui::restore();
    }
}

/// Reads the terminal on a thread of its own and hands every key to `forward` until that returns
/// `false` or the terminal is gone, which is reported as `None`.
///
/// The thread waits in a read of the terminal and ends with the process.
///
/// # Errors
/// When the thread cannot be started.
pub fn forward_keys(
    mut forward: impl FnMut(Option<Key>) -> bool + Send + 'static,
) -> io::Result<()> {
    thread::Builder::new().name("keys".into()).spawn(move || {
        loop {
            let Ok(event) = event::read() else {
                forward(None);
                return;
            };
            if key_of(&event).is_some_and(|key| !forward(Some(key))) {
                return;
            }
        }
    })?;
    Ok(())
}

fn key_of(event: &Event) -> Option<Key> {
    match event {
        Event::Resize(..) => Some(Key::Resized),
        Event::Key(KeyEvent { code, modifiers, kind, .. }) if *kind != KeyEventKind::Release => {
            let control = modifiers.contains(KeyModifiers::CONTROL);
            match code {
                KeyCode::Char('c') if control => Some(Key::Interrupt),
                KeyCode::Char(_) if control || modifiers.contains(KeyModifiers::ALT) => None,
                KeyCode::Char(typed) => Some(Key::Char(*typed)),
                KeyCode::Enter => Some(Key::Enter),
                KeyCode::Esc => Some(Key::Escape),
                KeyCode::Backspace => Some(Key::Backspace),
                KeyCode::Delete => Some(Key::Delete),
                KeyCode::Home => Some(Key::Home),
                KeyCode::End => Some(Key::End),
                KeyCode::Tab => Some(Key::Tab),
                KeyCode::BackTab => Some(Key::BackTab),
                KeyCode::Up => Some(Key::Up),
                KeyCode::Down => Some(Key::Down),
                KeyCode::Left => Some(Key::Left),
                KeyCode::Right => Some(Key::Right),
                _ => None,
            }
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(code: KeyCode, modifiers: KeyModifiers) -> Option<Key> {
        key_of(&Event::Key(KeyEvent::new(code, modifiers)))
    }

    #[test]
    fn chords_do_not_count_as_the_plain_key() {
        assert_eq!(key(KeyCode::Char('y'), KeyModifiers::NONE), Some(Key::Char('y')));
        assert_eq!(key(KeyCode::Char('y'), KeyModifiers::CONTROL), None);
        assert_eq!(key(KeyCode::Char('y'), KeyModifiers::ALT), None);
        assert_eq!(key(KeyCode::Char('c'), KeyModifiers::CONTROL), Some(Key::Interrupt));
    }

    #[test]
    fn a_key_let_go_is_not_a_key_pressed() {
        let released =
            KeyEvent::new_with_kind(KeyCode::Enter, KeyModifiers::NONE, KeyEventKind::Release);
        assert_eq!(key_of(&Event::Key(released)), None);
    }
}
