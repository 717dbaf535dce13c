//! What ends the program other than the person, each as one sentence.

use std::io;
use std::path::PathBuf;

/// See the module text.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error(transparent)]
    Session(#[from] tessera::Error),
    #[error(transparent)]
    Log(#[from] tessera_terminal::LogError),
    #[error(transparent)]
    Prompt(#[from] tessera_terminal::PromptError),
    #[error(
        "cannot read the code file {path} ({reason}); check its name and that it is yours to read"
    )]
    CodeFile { path: PathBuf, reason: io::Error },
    #[error("the terminal cannot be used ({0}); run the program in another terminal")]
    Terminal(io::Error),
    #[error(
        "the system refuses what the program needs to start ({0}); close some programs and try again"
    )]
    System(io::Error),
    #[error(
        "the shared display is gone or can no longer be captured; start again in a running desktop with a new code"
    )]
    ScreenGone,
    #[error(
        "cannot check {path} ({cause}); name a file of the folder 'consent' in a data directory"
    )]
    ConsentLog { path: PathBuf, cause: String },
    #[error("{path} is not what was written: {findings} lines are broken, see above")]
    ConsentLogBroken { path: PathBuf, findings: usize },
    #[error("the session ended without a word; see the log and start again with a new code")]
    Silent,
}
