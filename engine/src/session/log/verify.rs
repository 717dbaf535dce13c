//! Checks a consent log's file without anything else: what it proves, and what is broken.

use std::collections::BTreeMap;
use std::fmt;

use tessera_transport::pairing::Number;
use tessera_transport::{Fingerprint, json};

use super::{Countersignature, Entry, Line, MAX_LINE_BYTES, SignedRecord, What};

/// Something that is wrong with a log, in the line of this number (from 1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The line.
    pub line: usize,
    /// What is wrong, as one sentence.
    pub sentence: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "line {}: {}", self.line, self.sentence)
    }
}

/// One session in a log.
#[derive(Clone, Debug)]
struct Chapter {
    session: Number,
    key: Fingerprint,
    records: Vec<(SignedRecord, Entry, bool)>,
}

/// What a log's file is worth.
#[derive(Clone, Debug, Default)]
pub struct Report {
    chapters: Vec<Chapter>,
    findings: Vec<Finding>,
}

impl Report {
    /// What is broken; nothing for a log that holds.
    #[must_use]
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// Entries that hold.
    #[must_use]
    pub fn entries(&self) -> usize {
        self.chapters.iter().map(|chapter| chapter.records.len()).sum()
    }

    /// What is proved, one sentence a session, and what is not complete about it.
    #[must_use]
    pub fn sentences(&self) -> Vec<String> {
        self.chapters.iter().flat_map(Chapter::sentences).collect()
    }

    /// Sequence and hash of the last entry of a session.
    pub(super) fn end_of(&self, session: Number) -> Option<(u64, String)> {
        let chapter = self.chapters.iter().rev().find(|chapter| chapter.session == session)?;
        let (record, entry, _) = chapter.records.last()?;
        Some((entry.sequence, record.hash()))
    }
}

impl Chapter {
    fn sentences(&self) -> Vec<String> {
        let (count, session, key) = (self.records.len(), self.session, self.key);
        let answers = self
            .records
            .iter()
            .filter(|(_, entry, _)| matches!(entry.what, What::Answered { granted: true, .. }));
        let mut sentences = vec![format!(
            "session {session}: {count} entries in order, each signed by the customer's key {key}; {} requests were allowed",
            answers.count()
        )];
        let mut signers = BTreeMap::new();
        for (_, entry, _) in
            self.records.iter().filter(|(_, _, is_countersigned)| *is_countersigned)
        {
            if let Some(key) = entry.representative {
                *signers.entry(key).or_insert(0_usize) += 1;
            }
        }
        for (key, count) in &signers {
            sentences.push(format!(
                "session {session}: {count} of them are signed by the representative's key {key} as well"
            ));
        }
        if let Some((_, first, _)) = self.records.first().filter(|(_, entry, _)| entry.sequence > 0)
        {
            sentences.push(format!(
                "session {session}: the log begins with entry {}: this side came later, or the beginning was cut off",
                first.sequence
            ));
        }
        let alone = count - signers.values().sum::<usize>();
        if alone > 0 {
            sentences.push(format!(
                "session {session}: {alone} entries have the customer's signature alone, so that the representative may never have seen them"
            ));
        }
        let runs_backwards = self.records.windows(2).any(|pair| match pair {
            [(_, before, _), (_, after, _)] => after.time_us < before.time_us,
            _ => false,
        });
        if runs_backwards {
            sentences.push(format!(
                "session {session}: the customer's clock was set back in between; the order holds, the times do not"
            ));
        }
        if !matches!(self.records.last(), Some((_, Entry { what: What::Over, .. }, _))) {
            sentences.push(format!(
                "session {session}: the log does not reach the end of the session: it goes on, the program was killed, or the end was cut off"
            ));
        }
        sentences
    }
}

/// Checks the content of a log's file. With `expected`, also that it is the log of this key.
#[must_use]
pub fn verify(content: &[u8], expected: Option<Fingerprint>) -> Report {
    let mut report = Report::default();
    let lines: Vec<&[u8]> = content.split_inclusive(|byte| *byte == b'\n').collect();
    for (place, line) in lines.iter().enumerate() {
        let problem = if line.last() == Some(&b'\n') {
            report.read(line, expected)
        } else {
            Some("the line is cut off: the program was killed as it wrote, or the file was shortened".to_owned())
        };
        if let Some(sentence) = problem {
            report.findings.push(Finding { line: place + 1, sentence });
        }
    }
    report
}

impl Report {
    /// Takes a line, or says what is wrong with it.
    fn read(&mut self, line: &[u8], expected: Option<Fingerprint>) -> Option<String> {
        match json::parse(&mut line.to_vec(), MAX_LINE_BYTES) {
            Ok(Line::Record(record)) => self.record(record, expected),
            Ok(Line::Countersigned(signed)) => self.countersigned(&signed),
            Err(_) => Some("this is no line of a consent log: it was altered".to_owned()),
        }
    }

    fn record(&mut self, record: SignedRecord, expected: Option<Fingerprint>) -> Option<String> {
        let Some(entry) = Entry::parse(&record.entry) else {
            return Some("the entry cannot be read: it was altered".to_owned());
        };
        let key = record.key.fingerprint();
        if !record.is_signed() {
            return Some(format!(
                "the signature is not that of the key {key}: the entry was altered"
            ));
        }
        if expected.is_some_and(|expected| expected != key) {
            return Some(format!("the entry is signed by another key, {key}"));
        }
        let session = entry.session;
        let place = self.chapters.iter().position(|chapter| chapter.session == session);
        let Some(chapter) = place.and_then(|place| self.chapters.get_mut(place)) else {
            self.chapters.push(Chapter { session, key, records: vec![(record, entry, false)] });
            return None;
        };
        if chapter.key != key {
            return Some(format!("the entry is signed by another key than those before it, {key}"));
        }
        let (last, before, _) = chapter.records.last()?;
        let follows = before.sequence.checked_add(1) == Some(entry.sequence)
            && entry.previous.as_ref() == Some(&last.hash());
        if !follows {
            return Some(format!(
                "entry {} does not follow entry {}: entries were left out, repeated or put into another order",
                entry.sequence, before.sequence
            ));
        }
        chapter.records.push((record, entry, false));
        None
    }

    fn countersigned(&mut self, signed: &Countersignature) -> Option<String> {
        let mut records =
            self.chapters.iter_mut().flat_map(|chapter| chapter.records.iter_mut().rev());
        let Some((record, entry, is_countersigned)) =
            records.find(|(record, _, _)| record.hash() == signed.of)
        else {
            return Some("this signature belongs to no entry above it".to_owned());
        };
        if !signed.is_of(record) {
            return Some("the representative's signature is not right: it was altered".to_owned());
        }
        if entry.representative != Some(signed.key.fingerprint()) {
            // Of somebody who came later, and has seen it then.
            return None;
        }
        *is_countersigned = true;
        None
    }
}
