//! Who is in a session, signed by the representative whose session it is.
//!
//! Every change makes a new *entry*: the whole list, its place in the row of entries, and the hash of
//! the entry before. The primary representative signs it ([`Issuer`]); every other participant follows
//! the row ([`Follower`]) and stops at an entry that does not continue what it has seen. So nobody,
//! a center or a relay included, can show two participants different lists without one of them
//! finding out, and a sharer knows every key that may see its pictures.
//!
//! What is signed is kept and passed on as the exact text; it is never written anew. Signing and
//! checking are computations on what is handed in: there is no clock and no randomness here.

mod follower;
mod issuer;

pub use follower::Follower;
pub use issuer::Issuer;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tessera_transport::pairing::Number;
use tessera_transport::signature::{PublicKey, Signature};
use tessera_transport::{Fingerprint, Identity, hex, json};

/// Participants that a session may have.
pub const MAX_MEMBERS: usize = 16;

/// Longest text of an entry, in bytes: [`MAX_MEMBERS`] of about 100 bytes and the rest.
pub const MAX_ENTRY_BYTES: usize = 2_560;

/// Stands before what is signed, so that a signature is good for nothing else.
const CONTEXT: &[u8] = b"tessera roster 1\n";

/// What somebody is in a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// The representative whose session it is, who signs the roster.
    Primary,
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
    /// The one who signs: the only primary of a list without doubles.
    fn primary(&self) -> Option<Fingerprint> {
        let mut primaries = self.members.iter().filter(|member| member.role == Role::Primary);
        let primary = primaries.next()?.key;
        let is_double = |(place, member): (usize, &Member)| {
            self.members.iter().take(place).any(|other| other.key == member.key)
        };
        let is_valid = primaries.next().is_none()
            && self.members.len() <= MAX_MEMBERS
            && !self.members.iter().enumerate().any(is_double);
        is_valid.then_some(primary)
    }
}

/// An entry as it is sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedEntry {
    /// The text that is signed: an entry as JSON.
    entry: String,
    /// The signer's key.
    key: PublicKey,
    signature: Signature,
}

impl SignedEntry {
    fn sign(entry: &Entry, identity: &Identity) -> Self {
        let text = String::from_utf8_lossy(&json::to_bytes(entry)).into_owned();
        let signature = identity.sign(&signed_bytes(&text));
        Self { entry: text, key: identity.public_key(), signature }
    }

    /// What is written, when it is signed by the primary representative that it names.
    pub(crate) fn verify(&self) -> Result<Entry, RosterError> {
        if self.entry.len() > MAX_ENTRY_BYTES {
            return Err(RosterError::Unreadable);
        }
        if !self.key.verifies(&signed_bytes(&self.entry), &self.signature) {
            return Err(RosterError::Signature);
        }
        let entry: Entry = json::parse(&mut self.entry.clone().into_bytes(), MAX_ENTRY_BYTES)
            .map_err(|_| RosterError::Unreadable)?;
        match entry.primary() {
            Some(primary) if primary == self.key.fingerprint() => Ok(entry),
            Some(_) => Err(RosterError::Signature),
            None => Err(RosterError::Members),
        }
    }

    fn head(&self, sequence: u64) -> Head {
        let hash = EntryHash(Sha256::digest(signed_bytes(&self.entry)).into());
        Head { sequence, hash }
    }
}

fn signed_bytes(text: &str) -> Vec<u8> {
    [CONTEXT, text.as_bytes()].concat()
}

/// The list of participants is not what it has to be. Nothing is shared on its ground.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RosterError {
    /// Too long, or not an entry.
    #[error("the list of participants cannot be read: both programs should have the same version")]
    Unreadable,
    /// Signed by nobody or by somebody else.
    #[error(
        "the list of participants is not signed by the representative who was joined: leave, and ask for a new code"
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
    /// No primary or two, somebody twice, or too many.
    #[error("the list of participants breaks its rules: leave, and ask for a new code")]
    Members,
    /// This program is not on the list.
    #[error("the representative has removed this computer from the session")]
    Removed,
}
