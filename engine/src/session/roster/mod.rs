//! Who is in a session, signed by the representative who holds control of it.
//!
//! Every change makes a new *entry*: the whole list, its place in the row of entries, and the hash of
//! the entry before. The primary representative signs it; every other participant follows
//! the row and stops at an entry that does not continue what it has seen. So nobody,
//! a center or a relay included, can show two participants different lists without one of them
//! finding out, and a sharer knows every key that may see its pictures.
//!
//! The right to sign moves with control of the session: the entry that names another primary is signed by the old one and
//! countersigned by the new one. Only the old one can complete it, so that the row never forks by accident. After the session
//! was transferred the row ends in an entry without a primary, which nobody continues here.
//!
//! What is signed is kept and passed on as the exact text; it is never written anew. Signing and
//! checking are computations on what is handed in: there is no clock and no randomness here.

mod chain;
mod passing;

pub use chain::{Change, Roster};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tessera_transport::pairing::Number;
use tessera_transport::signature::{PublicKey, Signature};
use tessera_transport::{Fingerprint, Identity, hex, json};

/// Participants that a session may have.
pub const MAX_MEMBERS: usize = 16;

/// Longest text of an entry, in bytes: [`MAX_MEMBERS`] of about 120 bytes and the rest.
pub const MAX_ENTRY_BYTES: usize = 2_560;

/// Stands before what is signed, so that a signature is good for nothing else.
const CONTEXT: &[u8] = b"tessera roster 1\n";

/// The same for the signature of a new primary.
const COUNTERSIGN_CONTEXT: &[u8] = b"tessera roster 1 accept\n";

/// What somebody is in a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// The representative who holds control of the session and signs the roster.
    Primary,
    /// Another representative, without control.
    Assisting,
    /// Somebody who is helped.
    Customer,
}

/// A participant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// Whose.
    pub key: Fingerprint,
    /// What they are.
    pub role: Role,
    /// Whether they are a queue agent as well (ROLE-04).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub agent: bool,
}

/// Place of an entry in the row and its hash: two participants who name the same head have the same row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// 0 for the first entry of a session.
    pub sequence: u64,
    /// Hash of the entry.
    pub hash: EntryHash,
}

/// SHA-256 of what is signed of an entry. In JSON: 64 hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct EntryHash([u8; 32]);

impl From<EntryHash> for String {
    fn from(hash: EntryHash) -> Self {
        hex::to_string(&hash.0)
    }
}

impl TryFrom<String> for EntryHash {
    type Error = RosterError;

    fn try_from(text: String) -> Result<Self, RosterError> {
        hex::parse(&text).map(Self).ok_or(RosterError::Unreadable)
    }
}

/// The content of an entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Entry {
    session: Number,
    sequence: u64,
    /// Hash of the entry before; none for the first.
    previous: Option<EntryHash>,
    members: Vec<Member>,
}

impl Entry {
    fn parse(text: &str) -> Result<Self, RosterError> {
        if text.len() > MAX_ENTRY_BYTES {
            return Err(RosterError::Unreadable);
        }
        json::parse(&mut text.to_owned().into_bytes(), MAX_ENTRY_BYTES)
            .map_err(|_| RosterError::Unreadable)
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&json::to_bytes(self)).into_owned()
    }

    /// At most one primary (RULE-04), nobody twice, not too many.
    fn is_valid(&self) -> bool {
        let primaries = self.members.iter().filter(|member| member.role == Role::Primary).count();
        let is_double = |(place, member): (usize, &Member)| {
            self.members.iter().take(place).any(|other| other.key == member.key)
        };
        primaries <= 1
            && self.members.len() <= MAX_MEMBERS
            && !self.members.iter().enumerate().any(is_double)
    }
}

/// The one who holds control according to a list; nobody while a session waits for its next representative.
fn holder_of(members: &[Member]) -> Option<Fingerprint> {
    members.iter().find(|member| member.role == Role::Primary).map(|member| member.key)
}

/// Signature with which somebody becomes the primary.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acceptance {
    key: PublicKey,
    signature: Signature,
}

/// An entry as it is sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedEntry {
    /// The text that is signed: an entry as JSON.
    entry: String,
    /// The signer's key.
    key: PublicKey,
    signature: Signature,
    /// Of the new primary, where the entry names another than its signer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    accepted: Option<Acceptance>,
}

impl SignedEntry {
    fn sign(text: String, accepted: Option<Acceptance>, identity: &Identity) -> Self {
        let signature = identity.sign(&signed_bytes(&text));
        Self { entry: text, key: identity.public_key(), signature, accepted }
    }

    /// What is written, when the key that comes along has signed it and it keeps the rules of a list.
    pub(crate) fn verify(&self) -> Result<Entry, RosterError> {
        let entry = Entry::parse(&self.entry)?;
        if !self.key.verifies(&signed_bytes(&self.entry), &self.signature) {
            return Err(RosterError::Signature);
        }
        if entry.is_valid() { Ok(entry) } else { Err(RosterError::Members) }
    }

    fn is_accepted_by(&self, holder: Fingerprint) -> bool {
        self.accepted.as_ref().is_some_and(|Acceptance { key, signature }| {
            key.fingerprint() == holder && key.verifies(&accepted_bytes(&self.entry), signature)
        })
    }

    fn head(&self, sequence: u64) -> Head {
        let hash = EntryHash(Sha256::digest(signed_bytes(&self.entry)).into());
        Head { sequence, hash }
    }
}

fn signed_bytes(text: &str) -> Vec<u8> {
    [CONTEXT, text.as_bytes()].concat()
}

fn accepted_bytes(text: &str) -> Vec<u8> {
    [COUNTERSIGN_CONTEXT, text.as_bytes()].concat()
}

/// The list of participants is not what it has to be. Nothing is shared on its ground.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RosterError {
    /// Too long, or not an entry.
    #[error("the list of participants cannot be read: both programs should have the same version")]
    Unreadable,
    /// Signed by nobody or by somebody else.
    #[error(
        "the list of participants is not signed by the representative who holds control: leave, and ask for a new code"
    )]
    Signature,
    /// Of another session.
    #[error("the list of participants is that of another session: leave, and ask for a new code")]
    OtherSession,
    /// An entry is missing, repeated with another content, or leads back.
    #[error(
        "the list of participants does not continue the one shown before, so that somebody may have been shown another: leave, and ask for a new code"
    )]
    Broken,
    /// Two primaries, somebody twice, too many, or control went to somebody who may not have it.
    #[error("the list of participants breaks its rules: leave, and ask for a new code")]
    Members,
    /// This program is not on the list.
    #[error("the representative has removed this computer from the session")]
    Removed,
}
