//! The log of consent: what a customer was asked, what they answered, and what they took back (PERM-12).
//!
//! The customer's program writes an entry for each of these: the exact text that was shown, who asked, when, and the head of the
//! roster, chained by the hash of the entry before and signed with the customer's key. The representative's program signs it as
//! well and keeps the same. What is signed is kept as the exact text. So neither side can alter, leave out or reorder entries
//! later without the other's copy, or the file itself, showing it.
//!
//! It proves that the holders of these keys agreed in this order, not who sat at the computers; times are those of the
//! customer's clock. This module only computes: the driver writes [`Line`]s to a file, and [`verify()`] reads one.

mod verify;

pub use verify::{Finding, Report, verify};

use std::collections::VecDeque;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tessera_transport::pairing::Number;
use tessera_transport::signature::{PublicKey, Signature};
use tessera_transport::{Fingerprint, Identity, hex, json};

use super::activity::Activity;
use super::roster::Head;

/// Longest text of an entry in bytes: a request's text of 512 characters, all escaped, and the rest.
pub const MAX_ENTRY_BYTES: usize = 6 * 1024;

/// Longest line of a file in bytes: an entry, whose quotes are escaped, with its signature.
pub const MAX_LINE_BYTES: usize = 3 * MAX_ENTRY_BYTES;

/// Entries that wait for the representative's signature; older ones stay without it.
const MAX_WAITING: usize = 64;

/// Stands before what the customer signs.
const CONTEXT: &[u8] = b"tessera consent 1\n";

/// Stands before what the representative signs.
const COUNTERSIGN_CONTEXT: &[u8] = b"tessera consent 1 seen\n";

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum What {
    /// A request was shown.
    Asked {
        /// What was asked for.
        activity: Activity,
        /// The text on the screen.
        text: String,
    },
    /// A request was answered.
    Answered {
        /// What was asked for.
        activity: Activity,
        /// The text on the screen.
        text: String,
        /// Whether it was allowed.
        granted: bool,
        /// Whether everything was allowed for the rest of the session.
        all: bool,
        /// Whether the person answered, as opposed to an earlier consent that covers it.
        by_person: bool,
    },
    /// Control was taken back.
    ControlWithdrawn,
    /// Everything that was allowed was withdrawn.
    AllWithdrawn,
    /// Whatever was allowed lapsed, since nobody the customer knows holds control any more.
    Lapsed,
    /// The customer's part in the session is over.
    Over,
}

/// The content of an entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Entry {
    session: Number,
    sequence: u64,
    /// Hash of the entry before; none for the first.
    previous: Option<String>,
    /// Microseconds since 1970 by the customer's clock.
    time_us: u64,
    /// Who held control then.
    representative: Option<Fingerprint>,
    /// The list of participants then.
    roster: Option<Head>,
    #[serde(flatten)]
    what: What,
}

impl Entry {
    fn parse(text: &str) -> Option<Self> {
        if text.len() > MAX_ENTRY_BYTES {
            return None;
        }
        json::parse(&mut text.to_owned().into_bytes(), MAX_ENTRY_BYTES).ok()
    }
}

/// An entry as it is sent and kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedRecord {
    /// The text that is signed.
    entry: String,
    key: PublicKey,
    signature: Signature,
}

impl SignedRecord {
    fn is_signed(&self) -> bool {
        self.key.verifies(&[CONTEXT, self.entry.as_bytes()].concat(), &self.signature)
    }

    fn hash(&self) -> String {
        hex::to_string(&Sha256::digest([CONTEXT, self.entry.as_bytes()].concat()))
    }
}

/// The representative's signature of an entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Countersignature {
    /// Hash of the entry.
    of: String,
    key: PublicKey,
    signature: Signature,
}

impl Countersignature {
    fn sign(record: &SignedRecord, identity: &Identity) -> Self {
        let signature = identity.sign(&[COUNTERSIGN_CONTEXT, record.entry.as_bytes()].concat());
        Self { of: record.hash(), key: identity.public_key(), signature }
    }

    fn is_of(&self, record: &SignedRecord) -> bool {
        self.of == record.hash()
            && self
                .key
                .verifies(&[COUNTERSIGN_CONTEXT, record.entry.as_bytes()].concat(), &self.signature)
    }
}

/// A line of a log's file, which is one JSON object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Line {
    /// An entry.
    Record(SignedRecord),
    /// The other side's signature of an entry above.
    Countersigned(Countersignature),
}

impl Line {
    /// The line with its end.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = json::to_bytes(self).to_vec();
        bytes.push(b'\n');
        bytes
    }
}

/// The log as the customer's program writes it.
#[derive(Clone, Debug)]
pub struct Writer {
    session: Number,
    identity: Arc<Identity>,
    sequence: u64,
    previous: Option<String>,
    /// Entries without the representative's signature.
    waiting: VecDeque<SignedRecord>,
}

impl Writer {
    /// The log of a session that begins.
    #[must_use]
    pub const fn new(session: Number, identity: Arc<Identity>) -> Self {
        Self { session, identity, sequence: 0, previous: None, waiting: VecDeque::new() }
    }

    /// Goes on with the log of a session whose file ends with `last`, of a program that was started anew.
    #[must_use]
    pub fn resume(mut self, last: &Report) -> Self {
        if let Some((sequence, hash)) = last.end_of(self.session) {
            (self.sequence, self.previous) = (sequence + 1, Some(hash.to_owned()));
        }
        self
    }

    /// Writes an entry.
    pub fn append(
        &mut self,
        what: What,
        time_us: u64,
        representative: Option<Fingerprint>,
        roster: Option<Head>,
    ) -> SignedRecord {
        let entry = Entry {
            session: self.session,
            sequence: self.sequence,
            previous: self.previous.take(),
            time_us,
            representative,
            roster,
            what,
        };
        let text = String::from_utf8_lossy(&json::to_bytes(&entry)).into_owned();
        let signature = self.identity.sign(&[CONTEXT, text.as_bytes()].concat());
        let record = SignedRecord { entry: text, key: self.identity.public_key(), signature };
        self.sequence += 1;
        self.previous = Some(record.hash());
        if self.waiting.len() == MAX_WAITING {
            self.waiting.pop_front();
        }
        self.waiting.push_back(record.clone());
        record
    }

    /// Entries to send to a representative who has come or come back.
    pub fn unsigned(&self) -> impl Iterator<Item = &SignedRecord> {
        self.waiting.iter()
    }

    /// Takes the signature of `signer`; whether it is one of an entry that waited for it.
    pub fn countersigned(&mut self, signer: Fingerprint, signed: &Countersignature) -> bool {
        let place = self.waiting.iter().position(|record| signed.is_of(record));
        let Some(place) = place.filter(|_| signed.key.fingerprint() == signer) else {
            return false;
        };
        self.waiting.remove(place);
        true
    }
}

/// The log of one customer as the representative's program takes it.
#[derive(Clone, Debug, Default)]
pub struct Reader {
    /// Sequence and hash of the last entry.
    last: Option<(u64, String)>,
}

/// An entry is not one of the customer's log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "an entry of the consent log is not signed by the customer, or does not follow the one before"
)]
pub struct NotAnEntry;

impl Reader {
    /// Takes an entry of the customer with `key`; one that came before is signed again. `None` for one that this side has
    /// no beginning of, which a representative who came later signs nevertheless, from there on.
    ///
    /// # Errors
    /// When it is not the customer's, of another session, or leaves out or repeats a place.
    pub fn take(
        &mut self,
        record: &SignedRecord,
        customer: Fingerprint,
        session: Number,
        identity: &Identity,
    ) -> Result<Countersignature, NotAnEntry> {
        let entry = Entry::parse(&record.entry).ok_or(NotAnEntry)?;
        let is_theirs = record.key.fingerprint() == customer && entry.session == session;
        let follows = match &self.last {
            None => true,
            Some((sequence, hash)) => {
                let is_next = sequence.checked_add(1) == Some(entry.sequence)
                    && entry.previous.as_ref() == Some(hash);
                is_next || (*sequence == entry.sequence && record.hash() == *hash)
            }
        };
        if !is_theirs || !follows || !record.is_signed() {
            return Err(NotAnEntry);
        }
        self.last = Some((entry.sequence, record.hash()));
        Ok(Countersignature::sign(record, identity))
    }
}
