//! How the session is entered: with a code from a file or the person, or back into the one that the program was in.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use tessera::Kept;
use tessera::customer::Entrance;
use tessera::invitation::Destination;

use crate::conduct::Input;
use crate::error::Error;

/// How often a code file that is not there yet is looked for. Arbitrary: nobody notices the delay,
/// and looking costs one system call.
const LOOK_INTERVAL: Duration = Duration::from_millis(100);

/// Longest code file in bytes; more than any code or link.
const MAX_CODE_BYTES: u64 = 2048;

/// How often a person may mistype before the program suggests to start again.
const ATTEMPTS: usize = 5;

/// A way into a session, and the center that a link has named.
#[derive(Debug)]
pub(crate) struct Way {
    pub(crate) entrance: Entrance,
    pub(crate) center: Option<String>,
}

/// Reads the code, or a link, from `path`, waiting for the file to appear. `None` when the program is
/// told to end meanwhile.
pub(crate) fn from_file(path: &Path, inputs: &Receiver<Input>) -> Result<Option<Way>, Error> {
    let mut waiting = false;
    loop {
        match read(path) {
            Ok(text) => return understood(&text).map(Some),
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
pub(crate) fn from_person(data_dir: &Path) -> Result<Way, Error> {
    match Kept::read(data_dir) {
        Ok(Some(kept)) if returns(&kept)? => {
            return Ok(Way { entrance: Entrance::Return(kept), center: None });
        }
        Ok(Some(_)) => Kept::forget(data_dir)?,
        Ok(None) => {}
        // It can still be joined with a code.
        Err(error) => eprintln!("{error}"),
    }
    from_prompt()
}

/// What was given as a code: one, or a link that holds one.
fn understood(text: &str) -> Result<Way, Error> {
    if let Some(Destination { center, code }) = Destination::of_link(text) {
        return Ok(Way { entrance: Entrance::Code(code), center: Some(center) });
    }
    let code = text.parse().map_err(tessera::Error::from)?;
    Ok(Way { entrance: Entrance::Code(code), center: None })
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

/// Asks the person until the answer has the form of a code or a link.
fn from_prompt() -> Result<Way, Error> {
    let mut attempts = 0;
    loop {
        attempts += 1;
        let typed = tessera_terminal::ask("Code from the support representative:")?;
        match understood(&typed) {
            Ok(way) => return Ok(way),
            Err(error) if attempts == ATTEMPTS || !tessera_terminal::is_interactive() => {
                return Err(error);
            }
            Err(error) => eprintln!("{error}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_names_its_center_and_a_code_none() {
        let link = "tessera:join?center=support.example%3A7443&number=123456789#12345678";
        let way = understood(link).expect("a link");
        assert_eq!(way.center.as_deref(), Some("support.example:7443"));
        let way = understood("123 456 789-1234 5678").expect("a code");
        assert!(way.center.is_none() && matches!(way.entrance, Entrance::Code(_)));
        assert!(understood("https://support.example/join").is_err());
    }
}
