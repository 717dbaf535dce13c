//! Commands as lines of the standard input, for programs without a screen.

use std::io::{self, BufRead, Read};
use std::thread;

/// Longest line in bytes; more than any command and the longest message of a chat. The rest of a longer one counts as another line.
const MAX_LINE_BYTES: u64 = 8 * 1024;

/// Hands each line of the standard input to `forward` on a thread of its own, until the input ends
/// or `forward` returns `false`.
///
/// # Errors
/// When the thread cannot be started.
pub fn forward_lines(mut forward: impl FnMut(String) -> bool + Send + 'static) -> io::Result<()> {
    thread::Builder::new().name("lines".into()).spawn(move || {
        let mut input = io::stdin().lock();
        loop {
            let mut line = String::new();
            match Read::take(&mut input, MAX_LINE_BYTES).read_line(&mut line) {
                Ok(1..) if forward(line) => {}
                _ => return,
            }
        }
    })?;
    Ok(())
}
