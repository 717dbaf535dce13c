//! The console without a full screen: events as lines out, commands as lines in.

use std::io::{self, BufRead};
use std::thread;

use tessera::Activity;

use crate::console::Action;

/// Longest command in bytes; more than any command.
const MAX_LINE_BYTES: u64 = 256;

/// Hands each line of the standard input to `forward` on a thread of its own, until the input ends
/// or `forward` returns `false`.
pub(crate) fn forward_lines(
    mut forward: impl FnMut(String) -> bool + Send + 'static,
) -> io::Result<()> {
    thread::Builder::new().name("lines".into()).spawn(move || {
        let mut input = io::stdin().lock();
        loop {
            let mut line = String::new();
            match io::Read::take(&mut input, MAX_LINE_BYTES).read_line(&mut line) {
                Ok(1..) if forward(line) => {}
                _ => return,
            }
        }
    })?;
    Ok(())
}

/// What a line means; `None` for what is no command.
pub(crate) fn command(line: &str) -> Option<Action> {
    match line.trim() {
        "view" => Some(Action::Request(Activity::View)),
        "control" => Some(Action::Request(Activity::Control)),
        "stop" => Some(Action::StopShare),
        "end" => Some(Action::End),
        _ => None,
    }
}
