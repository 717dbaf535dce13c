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

use std::collections::{BTreeMap, VecDeque};
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

/// Entries that are kept for representatives who have not signed them yet, and known by these; a session has few.
const MAX_KEPT: usize = 256;

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
    /// The latest entries with their places.
    kept: VecDeque<(u64, SignedRecord)>,
    /// The last entry that each representative has signed.
    taken: BTreeMap<Fingerprint, u64>,
}

impl Writer {
    /// The log of a session that begins.
    #[must_use]
    pub const fn new(session: Number, identity: Arc<Identity>) -> Self {
        Self {
            session,
            identity,
            sequence: 0,
            previous: None,
            kept: VecDeque::new(),
            taken: BTreeMap::new(),
        }
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
        self.previous = Some(record.hash());
        if self.kept.len() == MAX_KEPT {
            self.kept.pop_front();
        }
        self.kept.push_back((self.sequence, record.clone()));
        self.sequence += 1;
        record
    }

    /// Entries that `representative`, who has come, come back or taken over, has not signed yet.
    pub fn unsigned_by(&self, representative: Fingerprint) -> impl Iterator<Item = &SignedRecord> {
        let taken = self.taken.get(&representative).copied();
        let unsigned = self.kept.iter().filter(move |(sequence, _)| Some(*sequence) > taken);
        unsigned.map(|(_, record)| record)
    }

    /// Takes the signature of `signer`; whether it is one of an entry.
    pub fn countersigned(&mut self, signer: Fingerprint, signed: &Countersignature) -> bool {
        let found = self.kept.iter().find(|(_, record)| signed.is_of(record));
        let Some((sequence, _)) = found.filter(|_| signed.key.fingerprint() == signer) else {
            return false;
        };
        let taken = self.taken.entry(signer).or_insert(*sequence);
        *taken = (*taken).max(*sequence);
        true
    }
}

/// The log of one customer as the representative's program takes it.
#[derive(Clone, Debug, Default)]
pub struct Reader {
    /// Places and hashes of the latest entries, the newest last.
    known: VecDeque<(u64, String)>,
}

/// An entry is not one of the customer's log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "an entry of the consent log is not signed by the customer, or does not follow the one before"
)]
pub struct NotAnEntry;

impl Reader {
    /// Takes an entry of the customer with `key`, and signs that it was seen; whether it is new as well. The first may be any:
    /// a representative may come later than the log begins.
    ///
    /// # Errors
    /// When it is not the customer's, of another session, or leaves out or repeats a place.
    pub fn take(
        &mut self,
        record: &SignedRecord,
        customer: Fingerprint,
        session: Number,
        identity: &Identity,
    ) -> Result<(Countersignature, bool), NotAnEntry> {
        let entry = Entry::parse(&record.entry).ok_or(NotAnEntry)?;
        let place = (entry.sequence, record.hash());
        let is_known = self.known.contains(&place);
        let follows = self.known.back().is_none_or(|(sequence, hash)| {
            sequence.checked_add(1) == Some(entry.sequence) && entry.previous.as_ref() == Some(hash)
        });
        let is_theirs = record.key.fingerprint() == customer && entry.session == session;
        if !is_theirs || !(is_known || follows) || !record.is_signed() {
            return Err(NotAnEntry);
        }
        if !is_known {
            if self.known.len() == MAX_KEPT {
                self.known.pop_front();
            }
            self.known.push_back(place);
        }
        Ok((Countersignature::sign(record, identity), !is_known))
    }
}
