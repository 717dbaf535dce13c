//! The pairing protocol's four messages and its refusal: the only ones read before a peer is admitted.
//!
//! | from | message | bytes after the kind |
//! |---|---|---|
//! | joiner | start (1) | number (32 bits, little-endian), share (33) |
//! | primary | share (2) | share (33) |
//! | joiner | confirmation (3) | tag (32) |
//! | primary | admission (4) | tag (32) |
//! | primary | refusal (5) | reason (8 bits), wait in milliseconds (32 bits; 0 unless the reason is "too fast") |
//!
//! The joiner confirms first: a primary that shows its tag to someone who does not know the secret would give a guess
//! away uncounted.

use crate::error::Violation;
use crate::pairing::code::Number;
use crate::wire::{Reader, Truncated};
use bytes::{BufMut, Bytes, BytesMut};

/// A SPAKE2 share as the spake2 crate writes it: its side and a compressed Edwards point.
pub(crate) const SHARE_BYTES: usize = 33;
/// An HMAC-SHA-256 tag.
pub(crate) const TAG_BYTES: usize = 32;
/// Longest pairing message.
pub(crate) const MAX_PAIRING_BYTES: usize = 64;

/// Why a joiner is not admitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// The secret does not match, and has never been another one.
    WrongCode,
    /// The secret does not match, and has been renewed since the session began.
    Renewed,
    /// The session has another number.
    OtherNumber,
    /// Too many guesses lately.
    TooFast {
        /// How long to wait before the next attempt, in milliseconds.
        wait_ms: u32,
    },
}

/// A message of the pairing protocol.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Message {
    Start { number: Number, share: [u8; SHARE_BYTES] },
    Share([u8; SHARE_BYTES]),
    Confirmation([u8; TAG_BYTES]),
    Admission([u8; TAG_BYTES]),
    Refused(Refusal),
}

const WHAT: &str = "a pairing message";

impl Message {
    pub(crate) fn to_bytes(&self) -> Bytes {
        let mut out = BytesMut::with_capacity(MAX_PAIRING_BYTES);
        match self {
            Self::Start { number, share } => {
                out.put_u8(1);
                out.put_u32_le(number.value());
                out.put_slice(share);
            }
            Self::Share(share) => {
                out.put_u8(2);
                out.put_slice(share);
            }
            Self::Confirmation(tag) => {
                out.put_u8(3);
                out.put_slice(tag);
            }
            Self::Admission(tag) => {
                out.put_u8(4);
                out.put_slice(tag);
            }
            Self::Refused(refusal) => {
                let (reason, wait_ms) = match *refusal {
                    Refusal::WrongCode => (0, 0),
                    Refusal::Renewed => (1, 0),
                    Refusal::OtherNumber => (2, 0),
                    Refusal::TooFast { wait_ms } => (3, wait_ms),
                };
                out.put_u8(5);
                out.put_u8(reason);
                out.put_u32_le(wait_ms);
            }
        }
        out.freeze()
    }

    pub(crate) fn parse(bytes: Bytes) -> Result<Self, Violation> {
        let truncated = |_: Truncated| Violation::Truncated(WHAT);
        let mut reader = Reader(bytes);
        let message = match reader.u8().map_err(truncated)? {
            1 => {
                let value = u32::from_le_bytes(reader.array().map_err(truncated)?);
                let number = value
                    .checked_sub(Number::FIRST)
                    .and_then(Number::from_index)
                    .ok_or(Violation::BadValue(WHAT))?;
                Self::Start { number, share: reader.array().map_err(truncated)? }
            }
            2 => Self::Share(reader.array().map_err(truncated)?),
            3 => Self::Confirmation(reader.array().map_err(truncated)?),
            4 => Self::Admission(reader.array().map_err(truncated)?),
            5 => {
                let reason = reader.u8().map_err(truncated)?;
                let wait_ms = u32::from_le_bytes(reader.array().map_err(truncated)?);
                Self::Refused(match (reason, wait_ms) {
                    (0, 0) => Refusal::WrongCode,
                    (1, 0) => Refusal::Renewed,
                    (2, 0) => Refusal::OtherNumber,
                    (3, wait_ms) => Refusal::TooFast { wait_ms },
                    _ => return Err(Violation::BadValue(WHAT)),
                })
            }
            kind => return Err(Violation::UnknownKind { what: WHAT, kind }),
        };
        if !reader.is_empty() {
            return Err(Violation::Surplus(WHAT));
        }
        Ok(message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_and_every_cut_is_refused() {
        let number = Number::from_index(7).expect("in range");
        for message in [
            Message::Start { number, share: [7; 33] },
            Message::Share([1; 33]),
            Message::Confirmation([2; 32]),
            Message::Admission([3; 32]),
            Message::Refused(Refusal::WrongCode),
            Message::Refused(Refusal::Renewed),
            Message::Refused(Refusal::OtherNumber),
            Message::Refused(Refusal::TooFast { wait_ms: 1500 }),
        ] {
            let bytes = message.to_bytes();
            assert!(bytes.len() <= MAX_PAIRING_BYTES);
            for length in 0..bytes.len() {
                assert!(Message::parse(bytes.slice(..length)).is_err());
            }
            let surplus = Bytes::from([&bytes[..], &[0]].concat());
            assert!(Message::parse(surplus).is_err());
            assert!(Message::parse(bytes).is_ok_and(|read| read == message));
        }
    }
}
