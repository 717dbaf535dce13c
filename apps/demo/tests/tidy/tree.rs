//! The project's files as the rules see them.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::lexer::{blank_comments_and_strings, split_tests};

/// Folders that hold nothing the project keeps.
const SKIPPED: [&str; 4] = [".git", "target", "artifacts", "coverage"];

/// Files that are read; others, such as pictures and golden vectors, only count as being there.
const READ: [&str; 5] = ["rs", "md", "toml", "sql", "run"];

/// Every file of the project by its path from the top, with its text where it has any.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tree {
    files: BTreeMap<String, String>,
}

/// One Rust file.
#[derive(Debug)]
pub(crate) struct Source {
    pub(crate) path: String,
    /// As it stands.
    pub(crate) text: String,
    /// Without tests, comments and the content of strings; lines keep their numbers.
    pub(crate) code: String,
    /// The tests alone, likewise.
    pub(crate) test_code: String,
}

impl Tree {
    /// The files of the project that this test belongs to.
    pub(crate) fn of_project() -> Self {
        let mut tree = Self::default();
        tree.add_folder(&root(), "");
        assert!(tree.files.contains_key("Cargo.toml"), "{} is not the project", root().display());
        tree
    }

    /// A project that has only this file.
    pub(crate) fn with(path: &str, text: &str) -> Self {
        Self { files: BTreeMap::from([(path.to_owned(), text.to_owned())]) }
    }

    /// Adds a file.
    pub(crate) fn and(mut self, path: &str, text: &str) -> Self {
        self.files.insert(path.to_owned(), text.to_owned());
        self
    }

    fn add_folder(&mut self, folder: &Path, name: &str) {
        let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{name}: {error}"));
        for entry in entries {
            let path = entry.unwrap_or_else(|error| panic!("{name}: {error}")).path();
            let file_name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let inner =
                if name.is_empty() { file_name.clone() } else { format!("{name}/{file_name}") };
            if path.is_dir() {
                if !SKIPPED.contains(&file_name.as_str()) && inner != "fuzz/corpus" {
                    self.add_folder(&path, &inner);
                }
                continue;
            }
            let extension = path.extension().unwrap_or_default().to_string_lossy();
            let is_text = READ.contains(&extension.as_ref())
                || ["Makefile", "run"].contains(&file_name.as_str())
                || name == "scripts";
            let text =
                if is_text { fs::read_to_string(&path).unwrap_or_default() } else { String::new() };
            self.files.insert(inner, text);
        }
    }

    /// Whether there is such a file or folder.
    pub(crate) fn has(&self, path: &str) -> bool {
        let folder = format!("{}/", path.trim_end_matches('/'));
        self.files.contains_key(path) || self.files.keys().any(|it| it.starts_with(&folder))
    }

    /// A file's text; empty when there is none.
    pub(crate) fn text(&self, path: &str) -> &str {
        self.files.get(path).map_or("", String::as_str)
    }

    /// Paths and texts.
    pub(crate) fn files(&self) -> impl Iterator<Item = (&str, &str)> {
        self.files.iter().map(|(path, text)| (path.as_str(), text.as_str()))
    }

    /// The Rust files whose path begins with one of `folders`.
    pub(crate) fn sources(&self, folders: &[&str]) -> Vec<Source> {
        let chosen = self.files().filter(|(path, _)| {
            path.ends_with(".rs") && folders.iter().any(|folder| path.starts_with(folder))
        });
        chosen.map(|(path, text)| Source::new(path, text)).collect()
    }
}

impl Source {
    fn new(path: &str, text: &str) -> Self {
        let bare = blank_comments_and_strings(text);
        let is_test = path.contains("/tests/") || path.ends_with("/tests.rs");
        let (code, test_code) = if is_test { (String::new(), bare) } else { split_tests(&bare) };
        Self { path: path.to_owned(), text: text.to_owned(), code, test_code }
    }
}

/// The top folder of the project.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}
