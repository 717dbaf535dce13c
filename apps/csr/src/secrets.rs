//! The code and the token in files: written and read so that nobody else sees them.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use tessera::Code;

use crate::error::Error;

/// Longest token file in bytes; more than any token.
const MAX_TOKEN_BYTES: u64 = 4096;

/// Writes the code to `path`, whole or not at all, so that whoever waits for the file never reads a
/// part of it.
pub(crate) fn write_code(path: &Path, code: &Code) -> Result<(), Error> {
    let mut draft = path.as_os_str().to_owned();
    draft.push(".new");
    let draft = PathBuf::from(draft);
    let write = || -> io::Result<()> {
        // A draft left by a program that was killed may have other permissions.
        match fs::remove_file(&draft) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft)?;
        writeln!(file, "{}", code.reveal().as_str())?;
        fs::rename(&draft, path)
    };
    write().map_err(|reason| Error::CodeFile { path: path.to_owned(), reason })
}

/// Reads an enrolment token.
pub(crate) fn read_token(path: &Path) -> Result<String, Error> {
    let mut token = String::new();
    let read = fs::File::open(path).and_then(|file| {
        io::Read::read_to_string(&mut io::Read::take(file, MAX_TOKEN_BYTES), &mut token)
    });
    match read {
        Ok(_) => Ok(token.trim().to_owned()),
        Err(reason) => Err(Error::TokenFile { path: path.to_owned(), reason }),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_code_file_is_private_and_replaced_whole() {
        let directory = tempfile::tempdir().expect("temporary directory");
        let path = directory.path().join("code");
        for text in ["123 456 789-1234 5678", "987 654 321-8765 4321"] {
            let code: Code = text.parse().expect("a code");
            write_code(&path, &code).expect("written");
            let written = fs::read_to_string(&path).expect("readable");
            assert_eq!(written.trim().parse::<Code>().ok(), Some(code));
            let mode = fs::metadata(&path).expect("there").permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
        assert_eq!(fs::read_dir(directory.path()).expect("listed").count(), 1);
    }

    #[test]
    fn a_code_file_that_cannot_be_written_is_named() {
        let code: Code = "123 456 789-1234 5678".parse().expect("a code");
        let error = write_code(Path::new("/nowhere/at/all"), &code).expect_err("no directory");
        assert!(error.to_string().contains("/nowhere/at/all"), "{error}");
    }
}
