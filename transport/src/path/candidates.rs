//! The addresses at which a participant may be reached directly, as it tells its peer end to end.
//!
//! A candidate is only a place to probe: nothing but a few probes goes there until the peer itself has answered from it.

use crate::error::Violation;
use bytes::{BufMut, Bytes, BytesMut};
use std::net::{IpAddr, SocketAddr};

/// First byte of the control message that carries them, where JSON has a brace.
pub const FIRST_BYTE: u8 = 2;

/// Most candidates that are told or taken.
pub const MAX_CANDIDATES: usize = 8;

/// Name of a channel through a relay, drawn by the center.
pub type Channel = [u8; 16];

const WHAT: &str = "a message of candidates";
const WITHOUT_CHANNEL: u8 = 0;
const WITH_CHANNEL: u8 = 1;
const V4: u8 = 4;
const V6: u8 = 6;

/// What one participant tells the other about the ways to it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Candidates {
    /// The channel through a relay that the joiner was given for this peer, so that the other side knows which of its
    /// channels leads to it.
    pub channel: Option<Channel>,
    /// Addresses to probe, at most [`MAX_CANDIDATES`].
    pub addresses: Vec<SocketAddr>,
}

impl Candidates {
    /// The message; addresses beyond [`MAX_CANDIDATES`] are left out.
    #[must_use]
    pub fn to_bytes(&self) -> Bytes {
        let mut bytes = BytesMut::with_capacity(2 + 16 + 1 + MAX_CANDIDATES * 19);
        bytes.put_u8(FIRST_BYTE);
        match &self.channel {
            Some(channel) => {
                bytes.put_u8(WITH_CHANNEL);
                bytes.put_slice(channel);
            }
            None => bytes.put_u8(WITHOUT_CHANNEL),
        }
        for address in self.addresses.iter().take(MAX_CANDIDATES) {
            match address.ip().to_canonical() {
                IpAddr::V4(ip) => {
                    bytes.put_u8(V4);
                    bytes.put_slice(&ip.octets());
                }
                IpAddr::V6(ip) => {
                    bytes.put_u8(V6);
                    bytes.put_slice(&ip.octets());
                }
            }
            bytes.put_u16_le(address.port());
        }
        bytes.freeze()
    }

    /// Reads a message. Addresses that nobody can be reached at are left out.
    ///
    /// # Errors
    /// The rule that the peer broke.
    pub fn parse(bytes: &[u8]) -> Result<Self, Violation> {
        let mut rest = Rest(bytes);
        if rest.array()? != [FIRST_BYTE] {
            return Err(Violation::BadValue(WHAT));
        }
        let channel = match rest.array()? {
            [WITHOUT_CHANNEL] => None,
            [WITH_CHANNEL] => Some(rest.array()?),
            _ => return Err(Violation::BadValue(WHAT)),
        };
        let mut addresses = Vec::new();
        for _ in 0..MAX_CANDIDATES {
            if rest.0.is_empty() {
                break;
            }
            let ip: IpAddr = match rest.array()? {
                [V4] => rest.array::<4>()?.into(),
                [V6] => rest.array::<16>()?.into(),
                _ => return Err(Violation::BadValue(WHAT)),
            };
            let address = SocketAddr::new(ip.to_canonical(), u16::from_le_bytes(rest.array()?));
            if crate::center::is_joinable(&address) {
                addresses.push(address);
            }
        }
        if !rest.0.is_empty() {
            return Err(Violation::Surplus(WHAT));
        }
        Ok(Self { channel, addresses })
    }
}

/// What is still to be read.
struct Rest<'a>(&'a [u8]);

impl Rest<'_> {
    fn array<const N: usize>(&mut self) -> Result<[u8; N], Violation> {
        let (head, rest) = self.0.split_first_chunk().ok_or(Violation::Truncated(WHAT))?;
        self.0 = rest;
        Ok(*head)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> SocketAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn what_is_told_is_what_was_meant() {
        let addresses = vec![address("192.0.2.1:7"), address("[2001:db8::1]:65535")];
        for channel in [None, Some([7; 16])] {
            let told = Candidates { channel, addresses: addresses.clone() };
            assert_eq!(Candidates::parse(&told.to_bytes()), Ok(told));
        }
    }

    #[test]
    fn more_than_the_limit_is_neither_told_nor_taken() {
        let many = Candidates { channel: None, addresses: vec![address("192.0.2.1:7"); 20] };
        let told = many.to_bytes();
        assert_eq!(Candidates::parse(&told).map(|it| it.addresses.len()), Ok(MAX_CANDIDATES));
        let mut more = told.to_vec();
        more.extend([V4, 192, 0, 2, 1, 7, 0]);
        assert_eq!(Candidates::parse(&more), Err(Violation::Surplus(WHAT)));
    }

    #[test]
    fn an_address_in_disguise_is_seen_and_a_useless_one_left_out() {
        let mut bytes = vec![FIRST_BYTE, WITHOUT_CHANNEL, V6];
        bytes.extend([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, 2, 1, 9, 0]);
        bytes.extend([V4, 224, 0, 0, 1, 9, 0, V4, 192, 0, 2, 1, 0, 0]);
        let read = Candidates::parse(&bytes).map(|it| it.addresses);
        assert_eq!(read, Ok(vec![address("192.0.2.1:9")]));
    }

    #[test]
    fn every_cut_is_noticed() {
        let told = Candidates { channel: Some([7; 16]), addresses: vec![address("[::1]:80")] };
        let bytes = told.to_bytes();
        for length in (0..bytes.len()).filter(|length| *length != 18) {
            assert!(Candidates::parse(&bytes[..length]).is_err(), "{length}");
        }
    }
}
