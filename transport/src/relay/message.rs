//! The messages between a participant and a relay.

use crate::identity::{Fingerprint, Identity};
use crate::relay::token::{SignedToken, TOKEN_BYTES, Token};
use crate::signature::{PUBLIC_KEY_BYTES, PublicKey, SIGNATURE_BYTES, Signature};
use crate::wire::{Reader, Truncated};
use bytes::Bytes;
use core::net::{IpAddr, Ipv6Addr, SocketAddr};

/// Length of the longest message, a bind. Whatever is longer is not for the relay.
pub const MAX_MESSAGE_BYTES: usize = BIND_BYTES;

/// A knock is padded to this length, longer than its answer.
const KNOCK_BYTES: usize = 32;
const COOKIE_REPLY_BYTES: usize = 1 + TRANSACTION_BYTES + COOKIE_BYTES + 1;
const BIND_BYTES: usize = PROVEN_BYTES + SIGNATURE_BYTES;
/// What the signature of a bind covers, besides [`BIND_CONTEXT`] and the relay.
const PROVEN_BYTES: usize =
    1 + TRANSACTION_BYTES + COOKIE_BYTES + 8 + TOKEN_BYTES + PUBLIC_KEY_BYTES;
const BOUND_BYTES: usize = 1 + TRANSACTION_BYTES + 16 + 2;
const REFUSED_BYTES: usize = 1 + TRANSACTION_BYTES + 1;

const TRANSACTION_BYTES: usize = 8;
const COOKIE_BYTES: usize = 16;

// No answer is longer than its question.
const _: () = assert!(COOKIE_REPLY_BYTES <= KNOCK_BYTES && COOKIE_REPLY_BYTES <= BIND_BYTES);
const _: () = assert!(BOUND_BYTES <= BIND_BYTES && REFUSED_BYTES <= BIND_BYTES);

/// First bytes that belong to the relay. QUIC's packets have the bit 0x40 (RFC 9000, section 17).
const FIRST_KIND: u8 = 0x10;
const LAST_KIND: u8 = 0x1f;

const KNOCK: u8 = 0x10;
const COOKIE: u8 = 0x11;
const BIND: u8 = 0x12;
const BOUND: u8 = 0x13;
const REFUSED: u8 = 0x14;

/// Signed before the relay's fingerprint and the bind's bytes.
const BIND_CONTEXT: &[u8] = b"tessera relay bind";

/// Whether a packet is one of a relay's messages rather than something to forward.
pub fn is_relay_message(packet: &[u8]) -> bool {
    packet.first().is_some_and(|kind| (FIRST_KIND..=LAST_KIND).contains(kind))
}

/// Ties an answer to its question; nobody else can guess it.
pub type Transaction = [u8; TRANSACTION_BYTES];

/// What a relay makes for an address and wants to hear back from there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cookie(pub [u8; COOKIE_BYTES]);

/// A message between a participant and a relay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message {
    /// A participant asks for a cookie, and keeps its end bound.
    Knock {
        /// Echoed in the answer.
        transaction: Transaction,
    },
    /// The relay's answer to a knock, and to a bind whose cookie is not or no longer good.
    Cookie {
        /// Of the question.
        transaction: Transaction,
        /// To be echoed from the address that it was sent to.
        cookie: Cookie,
        /// Whether that address is an end of a channel.
        is_bound: bool,
    },
    /// A participant wants to be an end of a channel.
    Bind(Bind),
    /// It is one.
    Bound {
        /// Of the question.
        transaction: Transaction,
        /// Where the relay sees the participant.
        observed: SocketAddr,
    },
    /// It is not.
    Refused {
        /// Of the question.
        transaction: Transaction,
        /// Why.
        reason: Refusal,
    },
}

/// A participant's claim to an end of a channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bind {
    /// Echoed in the answer.
    pub transaction: Transaction,
    /// What the relay last sent to this address.
    pub cookie: Cookie,
    /// Larger than in any earlier bind of this end from another address, so that a recorded one cannot move it back.
    pub sequence: u64,
    /// What the center says about the end.
    pub token: SignedToken,
    /// The holder's key.
    pub key: PublicKey,
    /// Of everything above, by the holder.
    pub proof: Signature,
}

impl Bind {
    /// A bind at `relay`, signed with the key of `holder`.
    pub fn sign(
        holder: &Identity,
        relay: Fingerprint,
        token: SignedToken,
        cookie: Cookie,
        sequence: u64,
        transaction: Transaction,
    ) -> Self {
        let key = holder.public_key();
        let unsigned =
            Self { transaction, cookie, sequence, token, key, proof: [0; SIGNATURE_BYTES].into() };
        let proof = holder.sign(&unsigned.proven(relay));
        Self { proof, ..unsigned }
    }

    /// What the token says, when `relay` may act on this bind: the token is one of `center`'s and has not expired by
    /// `now_unix_s`, and its holder has signed the bind for this relay. The cookie is not looked at.
    pub fn verify(
        &self,
        relay: Fingerprint,
        center: Fingerprint,
        now_unix_s: u64,
    ) -> Result<Token, Refusal> {
        let token = self.token.verify(center).ok_or(Refusal::Token)?;
        if token.expires_unix_s <= now_unix_s {
            return Err(Refusal::Expired);
        }
        let is_holder = token.holder == self.key.fingerprint()
            && self.key.verifies(&self.proven(relay), &self.proof);
        if is_holder { Ok(token) } else { Err(Refusal::Key) }
    }

    fn proven(&self, relay: Fingerprint) -> Vec<u8> {
        let mut proven =
            Vec::with_capacity(BIND_CONTEXT.len() + relay.as_bytes().len() + PROVEN_BYTES);
        proven.extend_from_slice(BIND_CONTEXT);
        proven.extend_from_slice(relay.as_bytes());
        self.write_proven(&mut proven);
        proven
    }

    fn write_proven(&self, out: &mut Vec<u8>) {
        out.push(BIND);
        out.extend_from_slice(&self.transaction);
        out.extend_from_slice(&self.cookie.0);
        out.extend_from_slice(&self.sequence.to_le_bytes());
        out.extend_from_slice(self.token.as_bytes());
        out.extend_from_slice(self.key.as_bytes());
    }
}

/// Why a relay did not bind an end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The token is not one of the relay's center.
    #[error(
        "the relay does not know the center that introduced both sides: its operator has to start it with this center's fingerprint"
    )]
    Token,
    /// The token is too old.
    #[error(
        "the permission to use the relay has expired: join again, and check the clocks of relay and center if it stays so"
    )]
    Expired,
    /// Whoever sent the bind has not proved to have the key that the token is for.
    #[error("the permission to use the relay belongs to another program: join again")]
    Key,
    /// The end has been bound elsewhere by a later bind.
    #[error("another connection of this program has taken the place at the relay: join again")]
    Overtaken,
    /// The relay holds as many channels as it may, or has had too many binds lately.
    #[error("the relay is busy: it is tried again in a moment")]
    Busy,
    /// The session has used up what the relay forwards for it.
    #[error("the session has used up what the relay forwards for one session: open a new session")]
    Exhausted,
    /// A reason that this version does not know.
    #[error(
        "the relay refused for a reason unknown to this version: install the same Tessera version on both sides"
    )]
    Other(u8),
}

impl Refusal {
    fn code(self) -> u8 {
        match self {
            Self::Token => 1,
            Self::Expired => 2,
            Self::Key => 3,
            Self::Overtaken => 4,
            Self::Busy => 5,
            Self::Exhausted => 6,
            Self::Other(code) => code,
        }
    }

    fn from_code(code: u8) -> Self {
        let known =
            [Self::Token, Self::Expired, Self::Key, Self::Overtaken, Self::Busy, Self::Exhausted];
        known.into_iter().find(|reason| reason.code() == code).unwrap_or(Self::Other(code))
    }
}

/// A packet that begins like a relay's message is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a message between a participant and a relay")]
pub struct Malformed;

impl From<Truncated> for Malformed {
    fn from(_: Truncated) -> Self {
        Self
    }
}

impl Message {
    /// Reads a whole packet as a message.
    pub fn parse(packet: &[u8]) -> Result<Self, Malformed> {
        // Before anything is copied.
        let due_bytes = match packet.first() {
            Some(&KNOCK) => KNOCK_BYTES,
            Some(&COOKIE) => COOKIE_REPLY_BYTES,
            Some(&BIND) => BIND_BYTES,
            Some(&BOUND) => BOUND_BYTES,
            Some(&REFUSED) => REFUSED_BYTES,
            _ => return Err(Malformed),
        };
        if packet.len() != due_bytes {
            return Err(Malformed);
        }
        let mut reader = Reader(Bytes::copy_from_slice(packet));
        let kind = reader.u8()?;
        let transaction = reader.array()?;
        match kind {
            KNOCK => {
                let is_padding = reader.0.iter().all(|byte| *byte == 0);
                is_padding.then_some(Self::Knock { transaction }).ok_or(Malformed)
            }
            COOKIE => {
                let cookie = Cookie(reader.array()?);
                let is_bound = match reader.u8()? {
                    0 => false,
                    1 => true,
                    _ => return Err(Malformed),
                };
                Ok(Self::Cookie { transaction, cookie, is_bound })
            }
            BIND => Ok(Self::Bind(Bind {
                transaction,
                cookie: Cookie(reader.array()?),
                sequence: reader.u64()?,
                token: SignedToken::from(reader.array::<TOKEN_BYTES>()?),
                key: PublicKey::from(reader.array::<PUBLIC_KEY_BYTES>()?),
                proof: Signature::from(reader.array::<SIGNATURE_BYTES>()?),
            })),
            BOUND => {
                let ip = Ipv6Addr::from(reader.array::<16>()?);
                let port = u16::from_le_bytes(reader.array()?);
                let observed = SocketAddr::new(IpAddr::V6(ip).to_canonical(), port);
                Ok(Self::Bound { transaction, observed })
            }
            _ => Ok(Self::Refused { transaction, reason: Refusal::from_code(reader.u8()?) }),
        }
    }

    /// The message as a packet.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(MAX_MESSAGE_BYTES);
        match self {
            Self::Knock { transaction } => {
                out.push(KNOCK);
                out.extend_from_slice(transaction);
                out.resize(KNOCK_BYTES, 0);
            }
            Self::Cookie { transaction, cookie, is_bound } => {
                out.push(COOKIE);
                out.extend_from_slice(transaction);
                out.extend_from_slice(&cookie.0);
                out.push((*is_bound).into());
            }
            Self::Bind(bind) => {
                bind.write_proven(&mut out);
                out.extend_from_slice(bind.proof.as_bytes());
            }
            Self::Bound { transaction, observed } => {
                out.push(BOUND);
                out.extend_from_slice(transaction);
                out.extend_from_slice(&address_octets(observed.ip()));
                out.extend_from_slice(&observed.port().to_le_bytes());
            }
            Self::Refused { transaction, reason } => {
                out.push(REFUSED);
                out.extend_from_slice(transaction);
                out.push(reason.code());
            }
        }
        out
    }
}

/// An address in 16 bytes, an IPv4 one in its IPv6-mapped form (RFC 4291, section 2.5.5.2).
pub(super) fn address_octets(ip: IpAddr) -> [u8; 16] {
    match ip {
        IpAddr::V4(v4) => v4.to_ipv6_mapped().octets(),
        IpAddr::V6(v6) => v6.octets(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::relay::{ChannelId, SessionId, Side};

    const TRANSACTION: Transaction = [1; TRANSACTION_BYTES];

    fn bind(holder: &Identity, center: &Identity, relay: Fingerprint) -> Bind {
        let token = Token {
            side: Side::Joiner,
            channel: ChannelId([1; 16]),
            session: SessionId([2; 16]),
            holder: holder.fingerprint(),
            expires_unix_s: 100,
            rate_kbit_s: 1,
            allowance_mib: 1,
        };
        Bind::sign(holder, relay, token.sign(center), Cookie([3; 16]), 4, TRANSACTION)
    }

    fn identities() -> [Identity; 3] {
        [(); 3].map(|()| Identity::ephemeral().expect("a key"))
    }

    #[test]
    fn every_message_is_read_back_and_is_the_relays() {
        let [holder, center, relay] = identities();
        let observed = |text: &str| text.parse().expect("an address");
        let messages = [
            Message::Knock { transaction: TRANSACTION },
            Message::Cookie { transaction: TRANSACTION, cookie: Cookie([5; 16]), is_bound: true },
            Message::Bind(bind(&holder, &center, relay.fingerprint())),
            Message::Bound { transaction: TRANSACTION, observed: observed("192.0.2.1:65535") },
            Message::Bound { transaction: TRANSACTION, observed: observed("[2001:db8::1]:1") },
            Message::Refused { transaction: TRANSACTION, reason: Refusal::Busy },
            Message::Refused { transaction: TRANSACTION, reason: Refusal::Other(200) },
        ];
        for message in messages {
            let bytes = message.to_bytes();
            assert!(is_relay_message(&bytes) && bytes.len() <= MAX_MESSAGE_BYTES, "{message:?}");
            assert_eq!(Message::parse(&bytes), Ok(message.clone()));
            assert_eq!(Message::parse(&bytes[..bytes.len() - 1]), Err(Malformed), "{message:?}");
            assert_eq!(Message::parse(&[&bytes[..], &[0]].concat()), Err(Malformed), "{message:?}");
        }
        assert!(!is_relay_message(&[0x40]) && !is_relay_message(&[0x20]) && !is_relay_message(&[]));
    }

    #[test]
    fn a_bind_is_verified_for_its_relay_its_center_and_its_time_alone() {
        let [holder, center, relay] =
            identities().map(|identity| (identity.fingerprint(), identity));
        let good = bind(&holder.1, &center.1, relay.0);
        assert_eq!(good.verify(relay.0, center.0, 99).map(|token| token.holder), Ok(holder.0));
        assert_eq!(good.verify(relay.0, center.0, 100), Err(Refusal::Expired));
        assert_eq!(good.verify(relay.0, relay.0, 99), Err(Refusal::Token));
        assert_eq!(
            good.verify(center.0, center.0, 99),
            Err(Refusal::Key),
            "sent on by another relay"
        );
    }

    #[test]
    fn a_token_is_worth_nothing_without_its_key() {
        let [holder, center, relay] = identities();
        let good = bind(&holder, &center, relay.fingerprint());
        let thief = Identity::ephemeral().expect("a key");
        let token = good.token.clone();
        let own_key =
            Bind::sign(&thief, relay.fingerprint(), token, good.cookie, good.sequence, TRANSACTION);
        let claimed_key = Bind { key: good.key, ..own_key.clone() };
        let later = Bind { sequence: good.sequence + 1, ..good.clone() };
        let other_cookie = Bind { cookie: Cookie([4; 16]), ..good };
        for bad in [own_key, claimed_key, later, other_cookie] {
            let verified = bad.verify(relay.fingerprint(), center.fingerprint(), 99);
            assert_eq!(verified, Err(Refusal::Key));
        }
    }
}
