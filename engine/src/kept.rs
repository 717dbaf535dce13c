//! What a customer's program keeps of a session while it is in it, so that it can come back after it
//! was killed or the machine was restarted: a file in the data folder, readable by its user alone.
//!
//! The file is replaced as a whole and gone when the session is over. What it holds lets nobody in
//! without the program's key, and only once; see [`tessera_transport::pairing::ticket`].

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

use serde::{Deserialize, Serialize};
use tessera_transport::pairing::{Number, Ticket};
use tessera_transport::{Fingerprint, json};

use crate::Error;

/// Name of the file in the data folder.
const FILE: &str = "session.json";

/// How the names of files that are not yet complete begin.
const DRAFT: &str = "session.";

/// Longest file in bytes; more than any that is written.
const MAX_BYTES: usize = 4096;

/// A session that this program was in when it ended without leaving.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    pub(crate) center: String,
    pub(crate) number: Number,
    /// Key of the representative; nobody else is accepted as one.
    pub(crate) csr: Fingerprint,
    pub(crate) csr_name: String,
    pub(crate) ticket: Ticket,
    /// Whether the desktop was shown.
    pub(crate) shows: bool,
}

impl Kept {
    /// The session that the program of this data folder was in last, if it did not leave it.
    ///
    /// # Errors
    /// When the file cannot be read, can be read by others, or is none of ours.
    pub fn read(data_dir: &Path) -> Result<Option<Self>, Error> {
        let path = data_dir.join(FILE);
        let failed = |cause: String| Error::Kept { path: path.clone(), cause };
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(failed(error.to_string())),
        };
        let mut text = Vec::new();
        let read = file
            .metadata()
            .and_then(|metadata| match metadata.permissions().mode() & 0o077 {
                0 => Ok(()),
                _ => Err(io::Error::other("other users can read it")),
            })
            .and_then(|()| file.take(MAX_BYTES as u64 + 1).read_to_end(&mut text));
        read.map_err(|error| failed(error.to_string()))?;
        json::parse(&mut text, MAX_BYTES).map(Some).map_err(|error| failed(error.to_string()))
    }

    /// Forgets the session: nobody comes back to it from here.
    ///
    /// # Errors
    /// When the file cannot be removed.
    pub fn forget(data_dir: &Path) -> Result<(), Error> {
        // Drafts of programs that were killed as they wrote them hold tickets too.
        let names = std::fs::read_dir(data_dir).into_iter().flatten().flatten();
        let drafts = names.map(|entry| entry.file_name()).filter(|name| {
            name.to_str().is_some_and(|name| name.starts_with(DRAFT) && name.ends_with(".new"))
        });
        for name in drafts.chain([FILE.into()]) {
            let path = data_dir.join(name);
            match std::fs::remove_file(&path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(Error::Kept { path, cause: error.to_string() });
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Number of the session.
    #[must_use]
    pub const fn number(&self) -> Number {
        self.number
    }

    /// Name of the representative, made safe for a terminal.
    #[must_use]
    pub fn csr_name(&self) -> String {
        crate::plain_text(&self.csr_name, crate::session::messages::MAX_NAME_CHARS)
    }

    /// Whether the desktop was shown, and will be again.
    #[must_use]
    pub const fn shows(&self) -> bool {
        self.shows
    }

    /// Replaces the file; when this returns, it outlasts a loss of power.
    pub(crate) fn write(&self, data_dir: &Path) -> Result<(), Error> {
        let path = data_dir.join(FILE);
        let draft = data_dir.join(format!("{DRAFT}{}.new", std::process::id()));
        let written = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&draft)
            .and_then(|mut file| {
                file.write_all(&json::to_bytes(self)).and_then(|()| file.sync_all())
            })
            .and_then(|()| std::fs::rename(&draft, &path))
            .and_then(|()| File::open(data_dir)?.sync_all());
        written.map_err(|error| {
            // A draft that stays behind would do no harm but to be in the way.
            let _ = std::fs::remove_file(&draft);
            Error::Kept { path, cause: error.to_string() }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept() -> Kept {
        Kept {
            center: "127.0.0.1:7443".to_owned(),
            number: Number::from_index(5).expect("a number"),
            csr: [3; 32].into(),
            csr_name: "Ann\u{1b}[2J".to_owned(),
            ticket: [4; 32].into(),
            shows: true,
        }
    }

    #[test]
    fn what_is_kept_is_private_found_again_and_forgotten() {
        let folder = tempfile::tempdir().expect("a folder");
        assert_eq!(Kept::read(folder.path()).expect("nothing yet"), None);
        kept().write(folder.path()).expect("written");
        let second = Kept { ticket: [5; 32].into(), ..kept() };
        second.write(folder.path()).expect("replaced");
        let found = Kept::read(folder.path()).expect("readable").expect("kept");
        assert_eq!(found, second);
        assert_eq!(found.csr_name(), "Ann[2J");
        let names: Vec<_> = std::fs::read_dir(folder.path()).expect("listed").collect();
        assert_eq!(names.len(), 1, "no draft stays behind");
        let mode = std::fs::metadata(folder.path().join(FILE)).expect("there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let draft = folder.path().join("session.1.new");
        std::fs::write(&draft, "half a tick").expect("as a killed program leaves it");
        Kept::forget(folder.path()).expect("removed");
        assert!(!draft.exists());
        Kept::forget(folder.path()).expect("nothing to remove");
        assert_eq!(Kept::read(folder.path()).expect("nothing left"), None);
    }

    #[test]
    fn a_file_that_others_can_read_or_that_is_damaged_is_named() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join(FILE);
        kept().write(folder.path()).expect("written");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).expect("changed");
        let exposed = Kept::read(folder.path()).expect_err("exposed").to_string();
        assert!(exposed.contains(FILE) && exposed.contains("other users"), "{exposed}");
        kept().write(folder.path()).expect("written");
        std::fs::write(&path, "{").expect("damaged");
        let damaged = Kept::read(folder.path()).expect_err("damaged").to_string();
        assert!(damaged.contains(FILE), "{damaged}");
        std::fs::write(&path, vec![b' '; MAX_BYTES + 1]).expect("long");
        assert!(Kept::read(folder.path()).is_err(), "read within its limit");
    }
}
