//! What can stop a run, each told in one sentence.

use std::io;
use std::time::Duration;

use x11rb::errors::{ConnectError, ConnectionError, ReplyError, ReplyOrIdError};

/// Why a run could not be carried through.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// SIGINT, SIGTERM or SIGHUP arrived.
    #[error("interrupted; everything that was started has been ended")]
    Interrupted,
    /// A condition did not come true in time.
    #[error("{what} within {} s{hint}", limit.as_secs())]
    Late {
        /// The condition, as a phrase with "not" in it.
        what: String,
        /// The time it was given.
        limit: Duration,
        /// Where to look next, beginning with "; ", or empty.
        hint: String,
    },
    /// A process that has to stay ended.
    #[error("{name} ended by itself ({status}); its last words are in {log}")]
    Ended {
        /// The program.
        name: String,
        /// Its exit status.
        status: String,
        /// Its log file.
        log: String,
    },
    /// The operating system refused something.
    #[error("cannot {what}: {source}")]
    Io {
        /// What was attempted.
        what: String,
        /// The system's answer.
        source: io::Error,
    },
    /// No X server answered under this name.
    #[error("cannot connect to display {display}: {source}; check that an X server runs there")]
    Connect {
        /// The display's name.
        display: String,
        /// The library's reason.
        source: ConnectError,
    },
    /// An X server refused a request or went away.
    #[error("the X server refused a request or went away: {0}")]
    X(String),
    /// A requirement of the run is missing on this machine or in the product.
    #[error("{0}")]
    Unmet(String),
}

impl Error {
    /// Wraps an I/O error with what was attempted.
    pub fn io(what: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let what = what.into();
        move |source| Self::Io { what, source }
    }
}

impl From<ConnectionError> for Error {
    fn from(error: ConnectionError) -> Self {
        Self::X(error.to_string())
    }
}

impl From<ReplyError> for Error {
    fn from(error: ReplyError) -> Self {
        Self::X(error.to_string())
    }
}

impl From<ReplyOrIdError> for Error {
    fn from(error: ReplyOrIdError) -> Self {
        Self::X(error.to_string())
    }
}
