//! A participant's side of the roster.

use tessera_transport::Fingerprint;
use tessera_transport::pairing::Number;

use super::{Head, Member, Role, RosterError, SignedEntry};

/// Follows the roster of one session, from the entry with which this program was let in.
#[derive(Clone, Debug)]
pub struct Follower {
    session: Number,
    own: Member,
    primary: Fingerprint,
    head: Option<Head>,
    members: Vec<Member>,
}

impl Follower {
    /// Follows the roster of `session` as `own`; `primary` is the key that was proved when joining.
    #[must_use]
    pub const fn new(session: Number, own: Member, primary: Fingerprint) -> Self {
        Self { session, own, primary, head: None, members: Vec::new() }
    }

    /// Takes the next entry. The newest one may come again, as it does after a rejoin.
    ///
    /// # Errors
    /// The entry changes nothing then, and nothing may be shared any more.
    pub fn accept(&mut self, signed: &SignedEntry) -> Result<Head, RosterError> {
        let entry = signed.verify()?;
        if signed.key.fingerprint() != self.primary {
            return Err(RosterError::Signature);
        }
        if entry.session != self.session {
            return Err(RosterError::OtherSession);
        }
        let head = signed.head(entry.sequence);
        let continues = match self.head {
            None => true,
            Some(known) if known.sequence == entry.sequence => known == head,
            Some(known) => {
                known.sequence.checked_add(1) == Some(entry.sequence)
                    && entry.previous == Some(known.hash)
            }
        };
        if !continues {
            return Err(RosterError::Broken);
        }
        if !entry.members.contains(&self.own) {
            return Err(RosterError::Removed);
        }
        (self.head, self.members) = (Some(head), entry.members);
        Ok(head)
    }

    /// Where this participant has got to; `None` before the first entry.
    #[must_use]
    pub const fn head(&self) -> Option<Head> {
        self.head
    }

    /// The key of this program.
    #[must_use]
    pub const fn own_key(&self) -> Fingerprint {
        self.own.key
    }

    /// The key of the primary representative.
    #[must_use]
    pub const fn primary_key(&self) -> Fingerprint {
        self.primary
    }

    /// Everybody who is in, this program included.
    #[must_use]
    pub fn members(&self) -> &[Member] {
        &self.members
    }

    /// Whether pictures may be sent to the holder of `key`: a representative of the newest entry.
    #[must_use]
    pub fn may_see(&self, key: Fingerprint) -> bool {
        self.members.iter().any(|member| member.key == key && member.role == Role::Primary)
    }
}
