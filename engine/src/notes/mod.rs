//! Notes on a session: words that the representative writes while it goes on.
//!
//! Each change replaces a file in the data folder as a whole, so that a program that is killed loses
//! nothing and leaves no half of a text. The file is its owner's alone. How notes are typed is not
//! here.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use crate::Error;

/// Longest notes in characters. Arbitrary: some ten pages.
pub const MAX_CHARS: usize = 20_000;

/// Folder of the notes in the data folder.
const FOLDER: &str = "notes";

/// Sessions of one number whose notes are kept apart.
const MAX_OF_A_NUMBER: u32 = 1_000;

/// See the module text.
#[derive(Debug)]
pub struct Notebook {
    path: PathBuf,
    text: String,
}

impl Notebook {
    /// Begins the notes of a session that is known as `name`, its number say. Notes of an earlier
    /// session of that name stay; nothing is written before there is something to write.
    ///
    /// # Errors
    /// When the folder cannot be made.
    pub fn begin(data_dir: &Path, name: &str) -> Result<Self, Error> {
        let folder = data_dir.join(FOLDER);
        let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&folder);
        made.map_err(|error| failed(&folder, &error))?;
        let of = |count: u32| match count {
            1 => folder.join(format!("{name}.txt")),
            _ => folder.join(format!("{name}-{count}.txt")),
        };
        let path = (1..MAX_OF_A_NUMBER).map(of).find(|path| !path.exists());
        Ok(Self { path: path.unwrap_or_else(|| of(MAX_OF_A_NUMBER)), text: String::new() })
    }

    /// What is written so far.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Where it is kept.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Replaces what is written; what is beyond the limit is cut.
    ///
    /// # Errors
    /// When the file cannot be written; the words stay here, and the file as it was.
    pub fn write(&mut self, text: &str) -> Result<(), Error> {
        let end = text.char_indices().nth(MAX_CHARS).map_or(text.len(), |(at, _)| at);
        text[..end].clone_into(&mut self.text);
        self.replace(false)
    }

    /// Makes sure that what is written outlasts a loss of power.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn keep(&self) -> Result<(), Error> {
        if self.text.is_empty() && !self.path.exists() {
            return Ok(());
        }
        self.replace(true)
    }

    fn replace(&self, durable: bool) -> Result<(), Error> {
        let draft = self.path.with_extension("new");
        let written = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&draft)
            .and_then(|mut file| {
                file.write_all(self.text.as_bytes())?;
                if durable { file.sync_all() } else { Ok(()) }
            })
            .and_then(|()| std::fs::rename(&draft, &self.path))
            .and_then(|()| match self.path.parent() {
                Some(folder) if durable => File::open(folder)?.sync_all(),
                _ => Ok(()),
            });
        written.map_err(|error| {
            // A draft that stays behind would do no harm but to be in the way.
            let _ = std::fs::remove_file(&draft);
            failed(&self.path, &error)
        })
    }
}

fn failed(path: &Path, error: &io::Error) -> Error {
    Error::Notes { path: path.to_owned(), cause: error.to_string() }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn every_change_is_in_the_file_which_is_its_owners_alone() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut notes = Notebook::begin(folder.path(), "123456789").expect("begun");
        notes.keep().expect("nothing to keep");
        assert!(!notes.path().exists(), "no file without notes");
        for text in ["printer", "printer: driver was old\nnew one installed", ""] {
            notes.write(text).expect("written");
            assert_eq!(std::fs::read_to_string(notes.path()).expect("there"), text);
        }
        notes.write(&"한".repeat(MAX_CHARS + 1)).expect("written");
        assert_eq!(notes.text().chars().count(), MAX_CHARS);
        notes.keep().expect("kept");
        let mode = std::fs::metadata(notes.path()).expect("there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let files = std::fs::read_dir(folder.path().join(FOLDER)).expect("listed").count();
        assert_eq!(files, 1, "no draft stays behind");
        let next = Notebook::begin(folder.path(), "123456789").expect("begun");
        assert_ne!(next.path(), notes.path(), "a number that comes again has notes of its own");
    }

    #[test]
    fn what_cannot_be_written_stays_here_and_is_told() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut notes = Notebook::begin(folder.path(), "1").expect("begun");
        notes.write("first").expect("written");
        let draft = notes.path().with_extension("new");
        std::fs::create_dir(&draft).expect("in the way");
        let error = notes.write("second").expect_err("no draft can be made").to_string();
        assert!(error.contains("1.txt") && error.contains("notes"), "{error}");
        assert_eq!(notes.text(), "second");
        assert_eq!(std::fs::read_to_string(notes.path()).expect("as it was"), "first");
        let file = folder.path().join("file");
        std::fs::write(&file, "").expect("a file");
        assert!(Notebook::begin(&file, "1").is_err(), "no folder in a file");
    }
}
