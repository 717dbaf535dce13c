//! How the right to sign moves: proposed by the holder, accepted by the next one, completed by the holder.

use tessera_transport::Fingerprint;

use super::{
    Acceptance, Change, Entry, Member, Role, Roster, RosterError, SignedEntry, accepted_bytes,
    holder_of,
};

/// Checks who holds control after `signer` has signed `after` where there was `before` (RULE-04, RULE-06).
pub(super) fn check(
    before: &[Member],
    signer: Fingerprint,
    signed: &SignedEntry,
    after: &[Member],
) -> Result<(), RosterError> {
    match holder_of(after) {
        Some(holder) if holder == signer => Ok(()),
        Some(holder) if passed(before, holder).is_none_or(|passed| passed != after) => {
            Err(RosterError::Members)
        }
        Some(holder) if signed.is_accepted_by(holder) => Ok(()),
        Some(_) => Err(RosterError::Signature),
        None if after == vacated(before) => Ok(()),
        None => Err(RosterError::Members),
    }
}

/// The list on which `to` holds control and the former holder assists; none unless `to` assists before.
fn passed(before: &[Member], to: Fingerprint) -> Option<Vec<Member>> {
    before.iter().find(|member| member.key == to && member.role == Role::Assisting)?;
    let after = before.iter().map(|member| match member.role {
        Role::Primary => Member { role: Role::Assisting, ..*member },
        _ if member.key == to => Member { role: Role::Primary, ..*member },
        _ => *member,
    });
    Some(after.collect())
}

/// The list without the one who held control.
pub(super) fn vacated(before: &[Member]) -> Vec<Member> {
    before.iter().filter(|member| member.role != Role::Primary).copied().collect()
}

impl Roster {
    /// The text of the entry with which `to` would hold control, for them to accept. Only for the holder; none when `to` is
    /// not in as an assistant.
    #[must_use]
    pub fn propose(&self, to: Fingerprint) -> Option<String> {
        let members = passed(&self.members, to).filter(|_| self.is_holder())?;
        Some(self.next(members).text())
    }

    /// Accepts control by the entry `text`, if it continues this row and does nothing else than to pass control to this
    /// program.
    #[must_use]
    pub fn accept_control(&self, text: &str) -> Option<Acceptance> {
        let entry = Entry::parse(text).ok()?;
        let members = passed(&self.members, self.own())?;
        if entry != self.next(members) {
            return None;
        }
        let signature = self.identity.sign(&accepted_bytes(text));
        Some(Acceptance { key: self.identity.public_key(), signature })
    }

    /// Completes the entry that was proposed; none when it is not the next one, or not accepted by the one whom it names.
    pub fn pass(&mut self, text: &str, acceptance: Acceptance) -> Option<Change> {
        let entry = Entry::parse(text).ok().filter(|_| self.is_holder())?;
        let holder = holder_of(&entry.members)?;
        let members = passed(&self.members, holder)?;
        if entry != self.next(members) {
            return None;
        }
        let signed = SignedEntry::sign(text.to_owned(), Some(acceptance), &self.identity);
        if !signed.is_accepted_by(holder) {
            return None;
        }
        let change = self.change(&entry.members);
        let head = signed.head(entry.sequence);
        self.keep(entry, head, signed);
        Some(change)
    }
}
