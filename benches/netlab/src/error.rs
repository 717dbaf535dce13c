//! What can go wrong, as sentences.

use std::io;

/// Why a network could not be made.
#[derive(Debug, thiserror::Error)]
pub enum NetlabError {
    /// This machine or this user may not make network namespaces.
    #[error("network namespaces are not allowed here: {0}")]
    NotPermitted(String),
    /// A command of the system refused.
    #[error("`{command}` failed: {reason}")]
    Command {
        /// The command as it was given.
        command: String,
        /// What it said.
        reason: String,
    },
    /// The operating system refused something.
    #[error("cannot {what}: {source}")]
    Io {
        /// What was attempted.
        what: String,
        /// The system's answer.
        source: io::Error,
    },
}

impl NetlabError {
    /// Wraps an I/O error with what was attempted.
    pub(crate) fn io(what: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let what = what.into();
        move |source| Self::Io { what, source }
    }
}
