//! One participant's copy of the roster: the holder of control adds to it, everybody else follows.

use std::collections::VecDeque;
use std::sync::Arc;

use tessera_transport::pairing::Number;
use tessera_transport::{Fingerprint, Identity};

use super::{Entry, Head, MAX_MEMBERS, Member, Role, RosterError, SignedEntry, holder_of, passing};

/// Entries that are kept for those who come back; who has missed more joins anew.
const KEPT: usize = 64;

/// The row of a session's entries, as far as it is known here.
#[derive(Clone, Debug)]
pub struct Roster {
    pub(super) session: Number,
    pub(super) identity: Arc<Identity>,
    /// The key that was proved when joining: who signs the first entry that is taken.
    joined: Fingerprint,
    /// The newest list.
    pub(super) members: Vec<Member>,
    /// The latest entries with their heads, the newest last; empty before the first was taken.
    kept: VecDeque<(Head, SignedEntry)>,
    /// Entry with which the present holder took control, or nobody did.
    term: u64,
}

/// What an entry that was taken has changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The list before.
    pub before: Vec<Member>,
    /// Who held control before.
    pub held_by: Option<Fingerprint>,
    /// Whether somebody else holds it now, or nobody.
    pub has_passed: bool,
}

impl Roster {
    /// The roster of a new session: its primary, alone.
    #[must_use]
    pub fn found(session: Number, identity: Arc<Identity>, agent: bool) -> Self {
        let key = identity.fingerprint();
        let members = vec![Member { key, role: Role::Primary, agent }];
        let mut roster = Self {
            session,
            identity,
            joined: key,
            members: Vec::new(),
            kept: VecDeque::new(),
            term: 0,
        };
        roster.write(members);
        roster
    }

    /// Follows the roster of `session`; `primary` is the key that was proved when joining.
    #[must_use]
    pub const fn follow(session: Number, identity: Arc<Identity>, primary: Fingerprint) -> Self {
        Self {
            session,
            identity,
            joined: primary,
            members: Vec::new(),
            kept: VecDeque::new(),
            term: 0,
        }
    }

    /// This program's key.
    #[must_use]
    pub fn own(&self) -> Fingerprint {
        self.identity.fingerprint()
    }

    /// Everybody who is in, this program included, in the order in which they came.
    #[must_use]
    pub fn members(&self) -> &[Member] {
        &self.members
    }

    /// What somebody is here; nothing for strangers.
    #[must_use]
    pub fn role_of(&self, key: Fingerprint) -> Option<Role> {
        self.member(key).map(|member| member.role)
    }

    /// Somebody's place on the list.
    #[must_use]
    pub fn member(&self, key: Fingerprint) -> Option<&Member> {
        self.members.iter().find(|member| member.key == key)
    }

    /// Who holds control; before the first entry the one who was joined. Nobody after the session was given away.
    #[must_use]
    pub fn holder(&self) -> Option<Fingerprint> {
        if self.kept.is_empty() { Some(self.joined) } else { holder_of(&self.members) }
    }

    /// Whether this program holds control.
    #[must_use]
    pub fn is_holder(&self) -> bool {
        !self.kept.is_empty() && self.holder() == Some(self.own())
    }

    /// Whether nobody holds control.
    #[must_use]
    pub fn is_vacant(&self) -> bool {
        self.holder().is_none()
    }

    /// Entry with which the present holder took control: what was said before it counts no more.
    #[must_use]
    pub const fn term(&self) -> u64 {
        self.term
    }

    /// Where this participant has got to; `None` before the first entry.
    #[must_use]
    pub fn head(&self) -> Option<Head> {
        self.kept.back().map(|(head, _)| *head)
    }

    /// The newest entry, for others.
    #[must_use]
    pub fn newest(&self) -> Option<&SignedEntry> {
        self.kept.back().map(|(_, signed)| signed)
    }

    /// Adds somebody who was let in; whoever is in already stays as they are. Returns whether they
    /// are in. Only for the holder.
    pub fn admit(&mut self, member: Member) -> bool {
        if self.member(member.key).is_some() {
            return true;
        }
        if self.members.len() >= MAX_MEMBERS || member.role == Role::Primary || !self.is_holder() {
            return false;
        }
        let mut members = self.members.clone();
        members.push(member);
        self.write(members);
        true
    }

    /// Takes somebody off the list; returns whether they were on it. Only for the holder, who stays.
    pub fn remove(&mut self, key: Fingerprint) -> bool {
        if !self.is_holder() || key == self.own() || self.member(key).is_none() {
            return false;
        }
        let members = self.members.iter().filter(|member| member.key != key).copied().collect();
        self.write(members);
        true
    }

    /// Gives the session away: a list without this program and without a primary. Only for the holder.
    pub fn vacate(&mut self) {
        if self.is_holder() {
            let members = passing::vacated(&self.members);
            self.write(members);
        }
    }

    /// What somebody has to be sent who has taken the entries up to `known`: those after it,
    /// the newest one at least.
    pub fn since(&self, known: Option<u64>) -> impl Iterator<Item = &SignedEntry> {
        let newest = self.head().map_or(0, |head| head.sequence);
        let first = known.map_or(newest, |known| newest.min(known.saturating_add(1)));
        self.kept.iter().filter(move |(head, _)| head.sequence >= first).map(|(_, signed)| signed)
    }

    /// Whether `head` is an entry of this roster, as far as it is still kept.
    #[must_use]
    pub fn contains(&self, head: Head) -> bool {
        self.kept.iter().any(|(kept, _)| *kept == head)
    }

    /// Whether an entry is known already, as one that comes from several sides is.
    #[must_use]
    pub fn knows(&self, signed: &SignedEntry) -> bool {
        Entry::parse(&signed.entry).is_ok_and(|entry| self.contains(signed.head(entry.sequence)))
    }

    /// Whether `head` belongs to another row than this one: the same place with another content.
    #[must_use]
    pub fn contradicts(&self, head: Head) -> bool {
        self.kept.iter().any(|(kept, _)| kept.sequence == head.sequence && *kept != head)
    }

    /// Takes the next entry; `None` when it is the newest one again, as comes after a rejoin.
    ///
    /// # Errors
    /// The entry changes nothing then.
    pub fn accept(&mut self, signed: &SignedEntry) -> Result<Option<Change>, RosterError> {
        let entry = signed.verify()?;
        let head = signed.head(entry.sequence);
        if self.head() == Some(head) {
            return Ok(None);
        }
        let signer = signed.key.fingerprint();
        // The first entry may be the one by which the primary who was joined took control.
        let is_theirs = match self.head() {
            Some(_) => self.holder() == Some(signer),
            None => {
                holder_of(&entry.members) == Some(self.joined)
                    && (signer == self.joined || signed.is_accepted_by(self.joined))
            }
        };
        if !is_theirs {
            return Err(RosterError::Signature);
        }
        if entry.session != self.session {
            return Err(RosterError::OtherSession);
        }
        match self.head() {
            None => {}
            Some(known) => {
                let follows = known.sequence.checked_add(1) == Some(entry.sequence)
                    && entry.previous == Some(known.hash);
                if !follows {
                    return Err(RosterError::Broken);
                }
                passing::check(&self.members, signer, signed, &entry.members)?;
            }
        }
        if !entry.members.iter().any(|member| member.key == self.own()) {
            return Err(RosterError::Removed);
        }
        let change = self.change(&entry.members);
        self.keep(entry, head, signed.clone());
        Ok(Some(change))
    }

    /// What `write` changes, if it changes anything.
    pub(crate) fn change_by(&mut self, write: impl FnOnce(&mut Self) -> bool) -> Option<Change> {
        let (before, held_by, head) = (self.members.clone(), self.holder(), self.head());
        write(self);
        let has_passed = held_by != self.holder();
        (head != self.head()).then_some(Change { before, held_by, has_passed })
    }

    pub(super) fn change(&self, after: &[Member]) -> Change {
        let held_by = self.holder();
        let has_passed = !self.kept.is_empty() && held_by != holder_of(after);
        Change { before: self.members.clone(), held_by, has_passed }
    }

    pub(super) fn next(&self, members: Vec<Member>) -> Entry {
        let head = self.head();
        Entry {
            session: self.session,
            sequence: head.map_or(0, |head| head.sequence + 1),
            previous: head.map(|head| head.hash),
            members,
        }
    }

    pub(super) fn keep(&mut self, entry: Entry, head: Head, signed: SignedEntry) {
        if self.kept.is_empty() || holder_of(&self.members) != holder_of(&entry.members) {
            self.term = entry.sequence;
        }
        if self.kept.len() == KEPT {
            self.kept.pop_front();
        }
        self.kept.push_back((head, signed));
        self.members = entry.members;
    }

    fn write(&mut self, members: Vec<Member>) {
        let entry = self.next(members);
        let signed = SignedEntry::sign(entry.text(), None, &self.identity);
        self.keep(entry, head_of(&signed, self), signed);
    }
}

fn head_of(signed: &SignedEntry, roster: &Roster) -> Head {
    signed.head(roster.head().map_or(0, |head| head.sequence + 1))
}
