//! Checks a log of consent and prints what it proves.

use std::path::Path;

use tessera::session::log::{Report, verify as check};
use tessera::{Fingerprint, plain_text};

use crate::error::Error;

/// Longest file that is read, in bytes; a session writes a few kilobytes.
const MAX_BYTES: u64 = 64 << 20;

/// Characters of a finding that are shown; more than any has.
const MAX_CHARS: usize = 500;

/// Prints what the log in `file` proves, and fails with what is broken.
pub(crate) fn verify(file: &Path, key: Option<Fingerprint>) -> Result<(), Error> {
    let unreadable = |cause: String| Error::ConsentLog { path: file.to_owned(), cause };
    let length = std::fs::metadata(file).map_err(|error| unreadable(error.to_string()))?.len();
    if length > MAX_BYTES {
        return Err(unreadable("it is too long for a log of consent".to_owned()));
    }
    let content = std::fs::read(file).map_err(|error| unreadable(error.to_string()))?;
    let report = check(&content, key);
    print(&report);
    match report.findings().len() {
        0 if report.entries() == 0 => Err(unreadable("it holds no entry".to_owned())),
        0 => Ok(()),
        findings => Err(Error::ConsentLogBroken { path: file.to_owned(), findings }),
    }
}

fn print(report: &Report) {
    for sentence in report.sentences() {
        println!("{}", plain_text(&sentence, MAX_CHARS));
    }
    for finding in report.findings() {
        println!("broken: {}", plain_text(&finding.to_string(), MAX_CHARS));
    }
    if report.entries() > 0 {
        println!(
            "It proves that the holders of these keys agreed to what the entries say, in this order; not who sat at the computers, and not that the clocks were right."
        );
    }
}
