//! How somebody who was admitted comes back without the code: by their key and a ticket that is good once.
//!
//! The primary CSR's [`TicketDesk`] gives a new ticket over each connection. It takes the place of the one before when the
//! participant has confirmed that it is kept, so that a connection that breaks at any moment leaves a good one. A
//! ticket that was replaced is *spent*: whoever shows it has a copy, and the copy's owner is told.
//!
//! Pure: tickets are made elsewhere and handed in.

use crate::hex;
use crate::pairing::code::NoRandomness;
use rand::TryRngCore;
use rand::rngs::OsRng;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::VecDeque;
use std::fmt;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// Length of a ticket: 256 random bits cannot be guessed, whatever the rate.
pub const TICKET_BYTES: usize = 32;

/// Spent tickets that are still recognised as such; older ones are refused like strangers.
const SPENT: usize = 64;

/// Lets its holder return once, together with the key that it was given to. `Debug` does not show it; in JSON it is 64
/// hexadecimal digits.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Ticket(Zeroizing<[u8; TICKET_BYTES]>);

impl Ticket {
    /// A new one.
    pub fn generate() -> Result<Self, NoRandomness> {
        let mut bytes = Zeroizing::new([0; TICKET_BYTES]);
        OsRng.try_fill_bytes(&mut *bytes).map_err(|_| NoRandomness)?;
        Ok(Self(bytes))
    }

    /// The ticket as bytes.
    pub fn as_bytes(&self) -> &[u8; TICKET_BYTES] {
        &self.0
    }

    fn digest(&self) -> [u8; 32] {
        Sha256::digest(*self.0).into()
    }
}

impl From<[u8; TICKET_BYTES]> for Ticket {
    fn from(bytes: [u8; TICKET_BYTES]) -> Self {
        Self(Zeroizing::new(bytes))
    }
}

impl fmt::Debug for Ticket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Ticket(hidden)")
    }
}

impl From<Ticket> for String {
    fn from(ticket: Ticket) -> Self {
        hex::to_string(&*ticket.0)
    }
}

/// A text is not a ticket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a ticket is 64 hexadecimal digits")]
pub struct TicketTextError;

impl TryFrom<String> for Ticket {
    type Error = TicketTextError;

    fn try_from(text: String) -> Result<Self, TicketTextError> {
        let text = Zeroizing::new(text);
        hex::parse(&text).map(Self::from).ok_or(TicketTextError)
    }
}

/// What a shown ticket is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TicketVerdict {
    /// Its holder may return.
    Good,
    /// It was good once: two programs have it.
    Spent,
    /// It was never given, or long ago.
    Unknown,
}

/// The tickets of one participant, at the primary CSR. It keeps their digests alone.
#[derive(Debug, Default)]
pub struct TicketDesk {
    /// The one that its holder has confirmed.
    kept: Option<[u8; 32]>,
    /// The one given last, until it is confirmed.
    given: Option<[u8; 32]>,
    spent: VecDeque<[u8; 32]>,
}

impl TicketDesk {
    /// Notes that `ticket` was sent to the participant. One that was sent and never confirmed is spent with it.
    pub fn give(&mut self, ticket: &Ticket) {
        if let Some(unconfirmed) = self.given.replace(ticket.digest()) {
            self.spend(unconfirmed);
        }
    }

    /// The participant has kept the ticket given last; the one before is spent.
    pub fn confirm(&mut self) {
        if let Some(given) = self.given.take()
            && let Some(before) = self.kept.replace(given)
        {
            self.spend(before);
        }
    }

    /// Says what `ticket` is worth, shown with the participant's key. A good one stays good until the next is
    /// confirmed.
    pub fn redeem(&mut self, ticket: &Ticket) -> TicketVerdict {
        let digest = ticket.digest();
        let is = |other: &[u8; 32]| bool::from(other.ct_eq(&digest));
        if self.given.as_ref().is_some_and(is) {
            // It was kept, and the word of it was lost.
            self.confirm();
            TicketVerdict::Good
        } else if self.kept.as_ref().is_some_and(is) {
            TicketVerdict::Good
        } else if self.spent.iter().any(is) {
            TicketVerdict::Spent
        } else {
            TicketVerdict::Unknown
        }
    }

    fn spend(&mut self, digest: [u8; 32]) {
        if self.spent.len() == SPENT {
            self.spent.pop_front();
        }
        self.spent.push_back(digest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tickets<const N: usize>() -> [Ticket; N] {
        std::array::from_fn(|number| Ticket::from([number as u8; TICKET_BYTES]))
    }

    #[test]
    fn a_ticket_is_good_until_the_next_one_is_kept_and_then_a_copy_shows() {
        let [first, second, third, stranger] = tickets();
        let mut desk = TicketDesk::default();
        assert_eq!(desk.redeem(&first), TicketVerdict::Unknown);
        desk.give(&first);
        desk.confirm();
        assert_eq!(desk.redeem(&first), TicketVerdict::Good);
        desk.give(&second);
        assert_eq!(desk.redeem(&first), TicketVerdict::Good, "the second may never have arrived");
        desk.confirm();
        assert_eq!(desk.redeem(&first), TicketVerdict::Spent);
        assert_eq!(desk.redeem(&second), TicketVerdict::Good);
        desk.give(&third);
        assert_eq!(desk.redeem(&third), TicketVerdict::Good, "only the word of it was lost");
        assert_eq!(desk.redeem(&second), TicketVerdict::Spent);
        assert_eq!(desk.redeem(&stranger), TicketVerdict::Unknown);
    }

    #[test]
    fn a_ticket_that_was_never_confirmed_is_spent_by_the_next() {
        let [first, second, third] = tickets();
        let mut desk = TicketDesk::default();
        desk.give(&first);
        desk.confirm();
        desk.give(&second);
        desk.give(&third);
        assert_eq!(desk.redeem(&second), TicketVerdict::Spent);
        assert_eq!(desk.redeem(&first), TicketVerdict::Good);
        assert_eq!(desk.redeem(&third), TicketVerdict::Good);
    }

    #[test]
    fn memory_is_bounded() {
        let mut desk = TicketDesk::default();
        for number in 0..10 * SPENT {
            let mut bytes = [0; TICKET_BYTES];
            bytes[..8].copy_from_slice(&number.to_le_bytes());
            desk.give(&bytes.into());
            desk.confirm();
        }
        assert_eq!(desk.spent.len(), SPENT);
    }

    #[test]
    fn a_ticket_is_not_shown_and_is_read_as_it_is_written() {
        let ticket = Ticket::generate().expect("random");
        assert_ne!(ticket, Ticket::generate().expect("random"));
        assert_eq!(format!("{ticket:?}"), "Ticket(hidden)");
        let text = String::from(ticket.clone());
        assert!(!format!("{ticket:?}").contains(&text));
        assert_eq!(Ticket::try_from(text), Ok(ticket));
        assert_eq!(Ticket::try_from("12".to_owned()), Err(TicketTextError));
    }
}
