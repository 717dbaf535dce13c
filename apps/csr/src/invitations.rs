//! Invitations as files, for the representative's own mail program.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use tessera::invitation::Invitation;

use crate::error::Error;

/// Invitations that are kept.
const MAX_FILES: u32 = 10_000;

/// Writes an invitation: its `mailto:` address, which opens it in a mail program, and its words.
pub(crate) fn write(data_dir: &Path, invitation: &Invitation, to: &str) -> Result<PathBuf, Error> {
    let (path, mut file) = create(&data_dir.join("invitations"))?;
    let text = format!("{}\n\n{}", invitation.mailto(to), invitation.text());
    file.write_all(text.as_bytes()).map_err(|error| failed(&path, error))?;
    Ok(path)
}

/// Creates the first invitation by number that is not there yet.
fn create(folder: &Path) -> Result<(PathBuf, File), Error> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(folder);
    made.map_err(|error| failed(folder, error))?;
    let mut path = PathBuf::new();
    for number in 1..MAX_FILES {
        path = folder.join(format!("invitation-{number}.txt"));
        match OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path) {
            Ok(file) => return Ok((path, file)),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(failed(&path, error)),
        }
    }
    Err(failed(&path, io::Error::other("there are too many already")))
}

fn failed(path: &Path, reason: io::Error) -> Error {
    Error::File { path: path.to_owned(), reason }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn an_invitation_begins_with_the_address_that_opens_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let code = "123 456 789-1234 5678".parse().expect("a code");
        let invitation = Invitation::new("127.0.0.1:7443", &code, "Lee");
        let path = write(folder.path(), &invitation, "kim@example.com").expect("written");
        let mode = fs::metadata(&path).expect("there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let text = fs::read_to_string(&path).expect("there");
        assert!(text.starts_with("mailto:kim@example.com?subject=Remote%20support"), "{text}");
        assert!(text.contains("\n\nLee invites you"), "{text}");
        let blocked = folder.path().join("file");
        fs::write(&blocked, "").expect("a file");
        let error = write(&blocked, &invitation, "").expect_err("no folder in a file");
        assert!(error.to_string().contains("file"), "{error}");
    }
}
