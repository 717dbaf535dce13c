//! Datagrams: small, urgent, lossy. They go ahead of all streams and therefore stay few.
//!
//! All fields are little-endian. The first byte is the kind.

use crate::error::Violation;
use crate::wire::{Reader, Truncated};
use bytes::{BufMut, Bytes, BytesMut};

/// Longest datagram that fits one packet of 1,200 bytes with every header of QUIC (at most 1 + 20 + 4 bytes of short
/// header, 16 of tag, 3 of frame).
pub const MAX_DATAGRAM_BYTES: usize = 1150;

/// Longest single input event.
pub const MAX_EVENT_BYTES: usize = 64;

/// What travels as a datagram.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Datagram {
    /// Input events, numbered in a row from `first`: everything the peer is not known to have.
    Input {
        /// Number of the first event.
        first: u64,
        /// The events, each opaque here and at most [`MAX_EVENT_BYTES`] long.
        events: Vec<Bytes>,
    },
    /// All input events before `next` have been received.
    InputAcknowledgement {
        /// Number of the first event not received.
        next: u64,
    },
    /// Where the sharer's cursor is. Only the newest counts: older numbers are ignored by [`NewestCursor`].
    Cursor(CursorPosition),
}

/// A cursor position, in pixels of the shared desktop; may lie outside of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CursorPosition {
    /// Counted up with each position sent.
    pub number: u64,
    /// Pixels from the left.
    pub x: i32,
    /// Pixels from the top.
    pub y: i32,
}

const INPUT: u8 = 1;
const INPUT_ACKNOWLEDGEMENT: u8 = 2;
const CURSOR: u8 = 3;

/// Bytes of an input datagram before its events: kind, first number.
pub(crate) const INPUT_HEADER_BYTES: usize = 9;

impl Datagram {
    /// The bytes on the wire.
    pub fn to_bytes(&self) -> Bytes {
        let mut out = BytesMut::with_capacity(64);
        match self {
            Self::Input { first, events } => {
                out.put_u8(INPUT);
                out.put_u64_le(*first);
                for event in events {
                    debug_assert!(event.len() <= MAX_EVENT_BYTES);
                    out.put_u8(event.len() as u8);
                    out.put_slice(event);
                }
            }
            Self::InputAcknowledgement { next } => {
                out.put_u8(INPUT_ACKNOWLEDGEMENT);
                out.put_u64_le(*next);
            }
            Self::Cursor(position) => {
                out.put_u8(CURSOR);
                out.put_u64_le(position.number);
                out.put_i32_le(position.x);
                out.put_i32_le(position.y);
            }
        }
        out.freeze()
    }

    /// Reads a datagram; its events are slices of `bytes`.
    pub fn parse(bytes: Bytes) -> Result<Self, Violation> {
        const WHAT: &str = "a datagram";
        let truncated = |_: Truncated| Violation::Truncated(WHAT);
        let mut reader = Reader(bytes);
        let datagram = match reader.u8().map_err(truncated)? {
            INPUT => {
                let first = reader.u64().map_err(truncated)?;
                let mut events = Vec::new();
                while !reader.is_empty() {
                    let length_bytes = usize::from(reader.u8().map_err(truncated)?);
                    if length_bytes > MAX_EVENT_BYTES {
                        return Err(Violation::TooLong {
                            what: "an input event",
                            length_bytes: length_bytes as u64,
                            limit_bytes: MAX_EVENT_BYTES,
                        });
                    }
                    events.push(reader.bytes(length_bytes).map_err(truncated)?);
                }
                if first.checked_add(events.len() as u64).is_none() {
                    return Err(Violation::BadValue("an input event's number"));
                }
                Self::Input { first, events }
            }
            INPUT_ACKNOWLEDGEMENT => {
                Self::InputAcknowledgement { next: reader.u64().map_err(truncated)? }
            }
            CURSOR => Self::Cursor(CursorPosition {
                number: reader.u64().map_err(truncated)?,
                x: reader.i32().map_err(truncated)?,
                y: reader.i32().map_err(truncated)?,
            }),
            kind => return Err(Violation::UnknownKind { what: "datagram", kind }),
        };
        if !reader.is_empty() {
            return Err(Violation::Surplus(WHAT));
        }
        Ok(datagram)
    }
}

/// Lets through only cursor positions newer than all before: datagrams overtake each other.
#[derive(Debug, Default)]
pub struct NewestCursor {
    newest: Option<u64>,
}

impl NewestCursor {
    /// Whether `position` is the newest so far.
    pub fn is_newer(&mut self, position: &CursorPosition) -> bool {
        let newer = self.newest.is_none_or(|newest| position.number > newest);
        if newer {
            self.newest = Some(position.number);
        }
        newer
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let datagrams = [
            Datagram::Input { first: 3, events: vec![] },
            Datagram::Input {
                first: u64::MAX - 2,
                events: vec![Bytes::from_static(b"a"), Bytes::new()],
            },
            Datagram::InputAcknowledgement { next: 9 },
            Datagram::Cursor(CursorPosition { number: 1, x: -5, y: i32::MAX }),
        ];
        for datagram in datagrams {
            assert_eq!(Datagram::parse(datagram.to_bytes()), Ok(datagram));
        }
    }

    #[test]
    fn what_no_peer_writes_is_refused() {
        let refused =
            |bytes: &[u8]| Datagram::parse(Bytes::copy_from_slice(bytes)).expect_err("refused");
        assert_eq!(refused(&[]), Violation::Truncated("a datagram"));
        assert_eq!(refused(&[77]), Violation::UnknownKind { what: "datagram", kind: 77 });
        assert_eq!(refused(&[3; 18]), Violation::Surplus("a datagram"));
        assert_eq!(refused(&[1, 0, 0, 0, 0, 0, 0, 0, 0, 5, 1]), Violation::Truncated("a datagram"));
        let mut long = vec![1, 0, 0, 0, 0, 0, 0, 0, 0, 65];
        long.resize(long.len() + 65, 0);
        assert!(matches!(refused(&long), Violation::TooLong { length_bytes: 65, .. }));
        let wraps = Datagram::Input { first: u64::MAX, events: vec![Bytes::new()] }.to_bytes();
        assert!(matches!(refused(&wraps), Violation::BadValue(_)));
    }

    #[test]
    fn an_overtaken_cursor_position_does_not_come_back() {
        let mut newest = NewestCursor::default();
        let at = |number| CursorPosition { number, x: 0, y: 0 };
        let seen: Vec<bool> = [0, 2, 1, 2, 3].map(|n| newest.is_newer(&at(n))).to_vec();
        assert_eq!(seen, [true, true, false, false, true]);
    }
}
