//! The signals that end the program.

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::error::Error;

/// Caught from the program's first moment on.
#[derive(Debug)]
pub(crate) struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    /// Begins to catch them.
    pub(crate) fn new() -> Result<Self, Error> {
        let catch = |kind| {
            signal(kind).map_err(|source| Error::System { what: "a signal handler", source })
        };
        Ok(Self {
            interrupt: catch(SignalKind::interrupt())?,
            terminate: catch(SignalKind::terminate())?,
        })
    }

    /// Waits for one and names it.
    pub(crate) async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.interrupt.recv() => "SIGINT",
            _ = self.terminate.recv() => "SIGTERM",
        }
    }
}
