//! The one queue into which everything speaks that happens to a program.

use std::sync::mpsc::Receiver;
use std::time::Instant;

/// What happens next; `None` when `deadline`, by which the program ends whatever it still waits for, has passed, or
/// when nothing can happen any more.
#[must_use]
pub fn next_input<T>(inputs: &Receiver<T>, deadline: Option<Instant>) -> Option<T> {
    match deadline {
        None => inputs.recv().ok(),
        Some(deadline) => {
            inputs.recv_timeout(deadline.saturating_duration_since(Instant::now())).ok()
        }
    }
}
