//! The primary representative's side of the roster.

use std::collections::VecDeque;
use std::sync::Arc;

use tessera_transport::pairing::Number;
use tessera_transport::{Fingerprint, Identity};

use super::{Entry, Head, MAX_MEMBERS, Member, Role, SignedEntry};

/// Entries that are kept for those who come back; who has missed more joins anew.
const KEPT: usize = 64;

/// Signs the roster of one session.
#[derive(Debug)]
pub struct Issuer {
    identity: Arc<Identity>,
    newest: Entry,
    /// The latest entries with their heads, the newest last; never empty.
    kept: VecDeque<(Head, SignedEntry)>,
}

impl Issuer {
    /// The roster of a new session: its primary, alone.
    #[must_use]
    pub fn new(session: Number, identity: Arc<Identity>) -> Self {
        let members = vec![Member { key: identity.fingerprint(), role: Role::Primary }];
        let newest = Entry { session, sequence: 0, previous: None, members };
        let mut issuer = Self { identity, newest, kept: VecDeque::new() };
        issuer.sign();
        issuer
    }

    /// The key of this program, the primary's.
    #[must_use]
    pub fn own_key(&self) -> Fingerprint {
        self.identity.fingerprint()
    }

    /// Adds somebody who was let in; whoever is in already stays as they are. Returns whether they
    /// are in.
    pub fn admit(&mut self, key: Fingerprint, role: Role) -> bool {
        if self.newest.members.iter().any(|member| member.key == key) {
            return true;
        }
        if self.newest.members.len() >= MAX_MEMBERS {
            return false;
        }
        self.newest.members.push(Member { key, role });
        self.follow_up();
        true
    }

    /// Takes somebody off the list, if they are on it.
    pub fn remove(&mut self, key: Fingerprint) {
        let before = self.newest.members.len();
        self.newest.members.retain(|member| member.key != key || member.role == Role::Primary);
        if self.newest.members.len() != before {
            self.follow_up();
        }
    }

    /// What somebody has to be sent who has confirmed the entries up to `confirmed`: those after it,
    /// the newest one at least.
    pub fn since(&self, confirmed: Option<u64>) -> impl Iterator<Item = &SignedEntry> {
        let newest = self.newest.sequence;
        let first = confirmed.map_or(newest, |known| newest.min(known.saturating_add(1)));
        self.kept.iter().filter(move |(head, _)| head.sequence >= first).map(|(_, signed)| signed)
    }

    /// Whether `head` is an entry of this roster, as far as it is still kept.
    #[must_use]
    pub fn contains(&self, head: Head) -> bool {
        self.kept.iter().any(|(kept, _)| *kept == head)
    }

    fn follow_up(&mut self) {
        self.newest.sequence += 1;
        self.newest.previous = self.kept.back().map(|(head, _)| head.hash);
        self.sign();
    }

    fn sign(&mut self) {
        let signed = SignedEntry::sign(&self.newest, &self.identity);
        if self.kept.len() == KEPT {
            self.kept.pop_front();
        }
        self.kept.push_back((signed.head(self.newest.sequence), signed));
    }
}
