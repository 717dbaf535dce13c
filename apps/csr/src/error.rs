//! What ends the program other than the person, each as one sentence.

use std::io;
use std::path::PathBuf;

use softbuffer::SoftBufferError;

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
        "there is no display to show the share window on ({0}); run the program in a graphical session, or name an X display with --display"
    )]
    NoDisplay(String),
    #[error("the display of the share window has gone; start again in a running graphical session")]
    DisplayGone,
    #[error(
        "the share window cannot be drawn on this display, since its screen does not have 24-bit colour; start again on one that has, named with --display"
    )]
    Visual,
    #[error("the share window cannot be shown ({0}); stop and request the share again")]
    Window(String),
    #[error(
        "cannot read the token file {path} ({reason}); check its name and that it is yours to read"
    )]
    TokenFile { path: PathBuf, reason: io::Error },
    #[error(
        "cannot write the code file {path} ({reason}); choose a file in a directory that is yours to write"
    )]
    CodeFile { path: PathBuf, reason: io::Error },
    #[error(
        "cannot read the quick phrases {path} ({reason}); check its name and that it is text that is yours to read"
    )]
    Phrases { path: PathBuf, reason: io::Error },
    #[error(
        "cannot write {path} ({reason}); check that the data folder is yours to write and has room"
    )]
    File { path: PathBuf, reason: io::Error },
    #[error(
        "the terminal cannot be used ({0}); run the program in another terminal, or with --no-console"
    )]
    Terminal(io::Error),
    #[error(
        "the system refuses what the program needs to start ({0}); close some programs and try again"
    )]
    System(io::Error),
    #[error("the console ended unexpectedly; please report this with the log file")]
    Console,
}

impl From<SoftBufferError> for Error {
    fn from(error: SoftBufferError) -> Self {
        match error {
            // How the library tells of a screen that it cannot draw on.
            SoftBufferError::PlatformError(Some(reason), None) if reason.starts_with("Visual ") => {
                Self::Visual
            }
            error => Self::Window(error.to_string()),
        }
    }
}

impl Error {
    /// Tells the person, as the last thing that the program says.
    pub(crate) fn report(&self) {
        eprintln!("tessera-csr: {self}");
    }
}
