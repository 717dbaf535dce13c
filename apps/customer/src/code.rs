//! How the session is entered: with a code from a file or the person, or back into the one that the program was in.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use tessera::customer::Entrance;
use tessera::{Code, Kept};

use crate::conduct::Input;
use crate::error::Error;

/// How often a code file that is not there yet is looked for. Arbitrary: nobody notices the delay,
/// and looking costs one system call.
const LOOK_INTERVAL: Duration = Duration::from_millis(100);

/// Longest code file in bytes; more than any code.
const MAX_CODE_BYTES: u64 = 256;

/// How often a person may mistype before the program suggests to start again.
const ATTEMPTS: usize = 5;

/// Reads the code from `path`, waiting for the file to appear. `None` when the program is told to
/// end meanwhile.
pub(crate) fn from_file(path: &Path, inputs: &Receiver<Input>) -> Result<Option<Code>, Error> {
    let mut waiting = false;
    loop {
        match read(path) {
            Ok(text) => return Ok(Some(text.parse().map_err(tessera::Error::from)?)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                if !std::mem::replace(&mut waiting, true) {
                    tracing::info!(path = %path.display(), "waiting for the code file");
                }
            }
            Err(reason) => return Err(Error::CodeFile { path: path.to_owned(), reason }),
        }
        match inputs.recv_timeout(LOOK_INTERVAL) {
            Err(RecvTimeoutError::Timeout) => {}
            // Only a signal can come before the session has begun.
            Ok(_) | Err(RecvTimeoutError::Disconnected) => return Ok(None),
        }
    }
}

fn read(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    File::open(path)?.take(MAX_CODE_BYTES).read_to_string(&mut text)?;
    Ok(text)
}

/// Asks the person: whether to go back to the session that the program was in when it ended, else for the code.
pub(crate) fn from_person(data_dir: &Path) -> Result<Entrance, Error> {
    match Kept::read(data_dir) {
        Ok(Some(kept)) if returns(&kept)? => return Ok(Entrance::Return(kept)),
        Ok(Some(_)) => Kept::forget(data_dir)?,
        Ok(None) => {}
        // It can still be joined with a code.
        Err(error) => eprintln!("{error}"),
    }
    from_prompt().map(Entrance::Code)
}

fn returns(kept: &Kept) -> Result<bool, Error> {
    let shown = if kept.shows() { " Your desktop will be shown again." } else { "" };
    let question = format!(
        "This program was in a session with {} when it ended. Return to it? [Y/n]{shown}",
        kept.csr_name()
    );
    let answer = tessera_terminal::ask(&question)?;
    Ok(!answer.trim_start().to_lowercase().starts_with('n'))
}

/// Asks the person until the answer has the form of a code.
fn from_prompt() -> Result<Code, Error> {
    let mut attempts = 0;
    loop {
        attempts += 1;
        let typed = tessera_terminal::ask("Code from the support representative:")?;
        match typed.parse().map_err(tessera::Error::from) {
            Ok(code) => return Ok(code),
            Err(error) if attempts == ATTEMPTS || !tessera_terminal::is_interactive() => {
                return Err(error.into());
            }
            Err(error) => eprintln!("{error}"),
        }
    }
}
