//! Probes and their answers on the wire, sealed with keys that only the two ends of one connection share.
//!
//! Both have the same length, so that an answer never is larger than what it answers, and a first byte that no QUIC
//! packet has. Each direction has a key of its own and one count of everything sealed with it, which is the nonce: it
//! never repeats, and a window of the counts that were opened refuses what is replayed.

use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};

/// First bytes; 0x20 to 0x2f belong to this package, QUIC's packets have 0x40 or more.
const PROBE: u8 = 0x20;
const ANSWER: u8 = 0x21;

/// What tells the connections on a socket apart; made of the session's keys, like them.
pub(crate) type Name = [u8; 8];

const HEADER_BYTES: usize = 1 + 8 + 8;
const BODY_BYTES: usize = 8;
const TAG_BYTES: usize = 16;
/// Length of a probe and of an answer.
pub(crate) const PROBE_BYTES: usize = HEADER_BYTES + BODY_BYTES + TAG_BYTES;

/// A probe or an answer on its way.
pub(crate) type Packet = [u8; PROBE_BYTES];

/// What a packet was, once it has been opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Opened {
    /// To be answered on the way it came.
    Probe {
        /// To be told in the answer.
        number: u64,
    },
    /// Of the probe with this number.
    Answer {
        /// The number.
        to: u64,
    },
}

/// The name that `packet` carries, if it has the length and the kind of a packet of this package.
pub(crate) fn name_of(packet: &[u8]) -> Option<Name> {
    if packet.len() != PROBE_BYTES || !matches!(packet.first(), Some(&(PROBE | ANSWER))) {
        return None;
    }
    packet.get(1..9)?.try_into().ok()
}

/// Secret material of a connection, the same at both ends (RFC 8446, section 7.5).
pub(crate) struct Secrets {
    /// Of what the side sends that connected.
    pub(crate) from_client: [u8; 32],
    /// Of what the other one sends.
    pub(crate) from_server: [u8; 32],
    /// Names of the two directions, in the same order.
    pub(crate) names: [Name; 2],
}

/// Seals and opens the packets of one connection.
pub(crate) struct Seal {
    sealing: LessSafeKey,
    opening: LessSafeKey,
    sent_name: Name,
    received_name: Name,
    next: u64,
    seen: ReplayWindow,
}

impl std::fmt::Debug for Seal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Keys stay out of logs.
        f.debug_struct("Seal").field("next", &self.next).finish_non_exhaustive()
    }
}

impl Seal {
    /// The end that connected (`is_client`), or the other one.
    pub(crate) fn new(secrets: &Secrets, is_client: bool) -> Option<Self> {
        let key = |bytes: &[u8; 32]| {
            UnboundKey::new(&CHACHA20_POLY1305, bytes).map(LessSafeKey::new).ok()
        };
        let (client, server) = (key(&secrets.from_client)?, key(&secrets.from_server)?);
        let [client_name, server_name] = secrets.names;
        let (sealing, opening, sent_name, received_name) = if is_client {
            (client, server, client_name, server_name)
        } else {
            (server, client, server_name, client_name)
        };
        let seen = ReplayWindow::default();
        Some(Self { sealing, opening, sent_name, received_name, next: 1, seen })
    }

    /// The name on packets for this end.
    pub(crate) fn received_name(&self) -> Name {
        self.received_name
    }

    /// A new probe, and its number. `None` once all numbers have been used, which takes longer than anybody lives.
    pub(crate) fn probe(&mut self) -> Option<(u64, Packet)> {
        let number = self.next;
        // What a probe says is only that it is one: the body is there for the length.
        Some((number, self.packet(PROBE, 0)?))
    }

    /// The answer to the peer's probe `to`.
    pub(crate) fn answer(&mut self, to: u64) -> Option<Packet> {
        self.packet(ANSWER, to)
    }

    fn packet(&mut self, kind: u8, body: u64) -> Option<Packet> {
        let number = self.next;
        self.next = number.checked_add(1)?;
        let mut packet = [0; PROBE_BYTES];
        let (header, rest) = packet.split_at_mut(HEADER_BYTES);
        let (text, tag_place) = rest.split_at_mut(BODY_BYTES);
        header[0] = kind;
        header[1..9].copy_from_slice(&self.sent_name);
        header[9..].copy_from_slice(&number.to_le_bytes());
        text.copy_from_slice(&body.to_le_bytes());
        let tag = self
            .sealing
            .seal_in_place_separate_tag(nonce(number), Aad::from(&*header), text)
            .ok()?;
        tag_place.copy_from_slice(tag.as_ref());
        Some(packet)
    }

    /// Opens a packet of the peer; `None` for what is forged, altered or replayed.
    pub(crate) fn open(&mut self, packet: &[u8]) -> Option<Opened> {
        if name_of(packet)? != self.received_name {
            return None;
        }
        let (header, sealed) = packet.split_at_checked(HEADER_BYTES)?;
        let number = u64::from_le_bytes(header.get(9..)?.try_into().ok()?);
        if !self.seen.is_new(number) {
            return None;
        }
        let mut text: [u8; BODY_BYTES + TAG_BYTES] = sealed.try_into().ok()?;
        let body = self.opening.open_in_place(nonce(number), Aad::from(header), &mut text).ok()?;
        let body = u64::from_le_bytes((&*body).try_into().ok()?);
        self.seen.insert(number);
        match header.first()? {
            &PROBE => Some(Opened::Probe { number }),
            _ => Some(Opened::Answer { to: body }),
        }
    }
}

fn nonce(number: u64) -> Nonce {
    let mut bytes = [0; NONCE_LEN];
    bytes[..8].copy_from_slice(&number.to_le_bytes());
    Nonce::assume_unique_for_key(bytes)
}

/// The numbers that were seen, as far back as packets on ways of different length may overtake each other (the manner of
/// RFC 4303, section 3.4.3). A number is not inserted unless it is new.
#[derive(Debug, Default)]
struct ReplayWindow {
    /// One more than the largest number seen.
    end: u64,
    /// Bit n: `end - 1 - n` was seen.
    seen: u128,
}

impl ReplayWindow {
    fn is_new(&self, number: u64) -> bool {
        match self.end.checked_sub(number) {
            // The last number has no successor, and nobody gets there by counting.
            None | Some(0) => number != u64::MAX,
            Some(back) => back <= u64::from(u128::BITS) && self.seen & (1 << (back - 1)) == 0,
        }
    }

    fn insert(&mut self, number: u64) {
        match self.end.checked_sub(number) {
            None | Some(0) => {
                let ahead = u32::try_from(number - self.end + 1).unwrap_or(u32::MAX);
                self.seen = self.seen.checked_shl(ahead).unwrap_or(0) | 1;
                self.end = number + 1;
            }
            Some(back) => self.seen |= 1 << (back - 1),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn ends() -> (Seal, Seal) {
        let secrets =
            Secrets { from_client: [1; 32], from_server: [2; 32], names: [[3; 8], [4; 8]] };
        (Seal::new(&secrets, true).expect("keys"), Seal::new(&secrets, false).expect("keys"))
    }

    #[test]
    fn a_probe_is_answered_once() {
        let (mut client, mut server) = ends();
        let (number, probe) = client.probe().expect("a number");
        assert_eq!(server.open(&probe), Some(Opened::Probe { number }));
        assert_eq!(server.open(&probe), None, "replayed");
        let answer = server.answer(number).expect("a number");
        assert_eq!(answer.len(), probe.len());
        assert_eq!(client.open(&answer), Some(Opened::Answer { to: number }));
        assert_eq!(client.open(&answer), None, "replayed");
        assert_eq!(client.open(&probe), None, "sent back to its sender");
    }

    #[test]
    fn every_altered_bit_is_noticed() {
        let (mut client, mut server) = ends();
        let (_, probe) = client.probe().expect("a number");
        for bit in 0..PROBE_BYTES * 8 {
            let mut forged = probe;
            forged[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(server.open(&forged), None, "bit {bit}");
        }
        assert!(server.open(&probe[..PROBE_BYTES - 1]).is_none());
        assert!(server.open(&[]).is_none());
        assert!(server.open(&probe).is_some(), "what was forged has not used the number up");
    }

    #[test]
    fn a_packet_of_another_connection_is_refused() {
        let (mut client, _) = ends();
        let secrets =
            Secrets { from_client: [9; 32], from_server: [2; 32], names: [[3; 8], [4; 8]] };
        let mut other = Seal::new(&secrets, false).expect("keys");
        let (_, probe) = client.probe().expect("a number");
        assert_eq!(other.open(&probe), None);
    }

    proptest! {
        #[test]
        fn every_number_is_taken_once_and_old_ones_never(
            numbers in prop::collection::vec(prop_oneof![0_u64..400, Just(u64::MAX), any::<u64>()], 1..300),
        ) {
            let mut window = ReplayWindow::default();
            let mut taken = std::collections::HashSet::new();
            let mut newest = 0;
            for number in numbers {
                let expected = number != u64::MAX
                    && !taken.contains(&number)
                    && (number >= newest || newest - number < 128);
                if window.is_new(number) {
                    prop_assert!(expected, "{number} was taken again, or is too old");
                    window.insert(number);
                    taken.insert(number);
                    newest = newest.max(number);
                } else {
                    prop_assert!(!expected, "{number} was refused");
                }
            }
        }
    }
}
