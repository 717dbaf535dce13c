//! How two participants are introduced to each other: one channel, and the relays that serve it.

use crate::identity::Fingerprint;
use crate::relay::SignedToken;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

/// Most relays of one channel.
pub const MAX_RELAYS: usize = 4;

/// Where a relay is, as the center tells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RelayPlace {
    /// Its address; without one it is where the center is, under whichever address a program reaches that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ip: Option<IpAddr>,
    /// UDP port.
    pub port: u16,
    /// TCP port of its tunnel, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tunnel: Option<u16>,
    /// Its key.
    pub fingerprint: Fingerprint,
}

impl RelayPlace {
    /// The relay as a program sees it that reaches the center at `center`.
    pub fn seen_from(&self, center: IpAddr) -> Relay {
        let ip = self.ip.unwrap_or(center);
        let tunnel = self.tunnel.map(|port| SocketAddr::new(ip, port));
        Relay { udp: SocketAddr::new(ip, self.port), tunnel, fingerprint: self.fingerprint }
    }
}

/// A text does not say where a relay is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "this is not the address of a relay: write IP:PORT#FINGERPRINT or IP:PORT/TUNNEL_PORT#FINGERPRINT, as `tessera-center relay` prints it"
)]
pub struct RelayPlaceError;

impl FromStr for RelayPlace {
    type Err = RelayPlaceError;

    /// Reads `IP:PORT[/TUNNEL_PORT]#FINGERPRINT`.
    fn from_str(text: &str) -> Result<Self, RelayPlaceError> {
        let (place, fingerprint) = text.trim().split_once('#').ok_or(RelayPlaceError)?;
        let (udp, tunnel) = match place.split_once('/') {
            Some((udp, tunnel)) => (udp, Some(tunnel.parse().map_err(|_| RelayPlaceError)?)),
            None => (place, None),
        };
        let udp: SocketAddr = udp.parse().map_err(|_| RelayPlaceError)?;
        let fingerprint = fingerprint.parse().map_err(|_| RelayPlaceError)?;
        let is_place = udp.port() != 0 && tunnel != Some(0) && !udp.ip().is_unspecified();
        let place = Self { ip: Some(udp.ip()), port: udp.port(), tunnel, fingerprint };
        is_place.then_some(place).ok_or(RelayPlaceError)
    }
}

impl fmt::Display for RelayPlace {
    /// Writes what [`FromStr`] reads; without an address of its own, `0.0.0.0` in its place.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ip = self.ip.unwrap_or(IpAddr::from([0; 4]));
        write!(f, "{}", SocketAddr::new(ip, self.port))?;
        if let Some(tunnel) = self.tunnel {
            write!(f, "/{tunnel}")?;
        }
        write!(f, "#{}", self.fingerprint)
    }
}

/// One side's introduction to the other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Introduction {
    /// For this side's end of the channel.
    pub token: SignedToken,
    /// The relays that take the token, 1 to [`MAX_RELAYS`], the one to try first being the first.
    pub relays: Vec<RelayPlace>,
}

/// A relay, with the addresses that this program reaches it at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Relay {
    /// For packets.
    pub udp: SocketAddr,
    /// For a tunnel where packets do not get through.
    pub tunnel: Option<SocketAddr>,
    /// Its key: binds are signed for it, and its tunnel must show it.
    pub fingerprint: Fingerprint,
}

/// A way to the other participant through relays.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Channel {
    /// For this side's end.
    pub token: SignedToken,
    /// The relays that take the token, at most [`MAX_RELAYS`], the one to try first being the first.
    pub relays: Vec<Relay>,
}

impl Channel {
    pub(crate) fn new(introduction: Introduction, center: IpAddr) -> Self {
        let relays = introduction.relays.iter().take(MAX_RELAYS);
        let relays = relays.map(|place| place.seen_from(center)).collect();
        Self { token: introduction.token, relays }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_relay_is_read_as_it_is_written() {
        let fingerprint = "ab".repeat(32);
        for place in ["192.0.2.1:7444", "[2001:db8::1]:7444/443", "192.0.2.1:1/2"] {
            let text = format!("{place}#{fingerprint}");
            let read: RelayPlace = text.parse().expect(&text);
            assert_eq!(read.to_string(), text);
        }
        for bad in
            ["192.0.2.1:7444", "192.0.2.1#", "host:1", "192.0.2.1:0", "0.0.0.0:1", "192.0.2.1:1/0"]
        {
            let text = format!("{bad}#{fingerprint}");
            let read = text.parse::<RelayPlace>().is_ok();
            assert_eq!(read, bad == "192.0.2.1:7444", "{text}");
        }
        assert_eq!("192.0.2.1:1".parse::<RelayPlace>(), Err(RelayPlaceError));
    }

    #[test]
    fn a_relay_without_an_address_is_where_the_center_is() {
        let fingerprint = Fingerprint::from([1; 32]);
        let center = IpAddr::from([198, 51, 100, 1]);
        let own = RelayPlace { ip: None, port: 7444, tunnel: Some(443), fingerprint };
        assert_eq!(own.seen_from(center).udp, SocketAddr::new(center, 7444));
        assert_eq!(own.seen_from(center).tunnel, Some(SocketAddr::new(center, 443)));
        let elsewhere = RelayPlace { ip: Some(IpAddr::from([192, 0, 2, 1])), tunnel: None, ..own };
        assert_eq!(elsewhere.seen_from(center).udp, SocketAddr::from(([192, 0, 2, 1], 7444)));
    }
}
