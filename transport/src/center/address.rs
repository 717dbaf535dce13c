//! Where a center is: `HOST[:PORT][/TUNNEL_PORT][#FINGERPRINT]`.

use crate::identity::Fingerprint;
use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::str::FromStr;

/// UDP port of a center unless another one is named.
pub const DEFAULT_PORT: u16 = 7443;

/// TCP port of the tunnels that lead to a center, unless another one is named: the one that few firewalls object to.
pub const DEFAULT_TUNNEL_PORT: u16 = 443;

/// A center's address as people write it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CenterAddress {
    /// Name in lower case or IP address without brackets: one center is written in one way, so that one pin is kept.
    pub host: String,
    /// UDP port.
    pub port: u16,
    /// TCP port of the tunnel that leads to it where UDP does not get through.
    pub tunnel_port: u16,
    /// Which key must answer there, where the address says so.
    pub fingerprint: Option<Fingerprint>,
}

/// A text is not the address of a center.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "this is not the address of a center: write HOST, HOST:PORT, HOST:PORT#FINGERPRINT or HOST:PORT/TUNNEL_PORT#FINGERPRINT, an IPv6 address in brackets"
)]
pub struct AddressError;

impl CenterAddress {
    /// Looks the host up.
    pub async fn resolve(&self) -> io::Result<Vec<SocketAddr>> {
        Ok(tokio::net::lookup_host((self.host.as_str(), self.port)).await?.collect())
    }
}

impl Default for CenterAddress {
    /// A center on the same machine.
    fn default() -> Self {
        Self {
            host: Ipv4Addr::LOCALHOST.to_string(),
            port: DEFAULT_PORT,
            tunnel_port: DEFAULT_TUNNEL_PORT,
            fingerprint: None,
        }
    }
}

impl fmt::Display for CenterAddress {
    /// Writes host and port, which together name a center; the rest is shown where it matters.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.host.parse() {
            Ok(ip) => SocketAddr::new(ip, self.port).fmt(f),
            Err(_) => write!(f, "{}:{}", self.host, self.port),
        }
    }
}

impl FromStr for CenterAddress {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let (place, fingerprint) = match text.trim().split_once('#') {
            Some((place, fingerprint)) => {
                (place, Some(fingerprint.parse().map_err(|_| AddressError)?))
            }
            None => (text.trim(), None),
        };
        let (place, tunnel_port) = match place.split_once('/') {
            Some((place, port)) => (place, port.parse().map_err(|_| AddressError)?),
            None => (place, DEFAULT_TUNNEL_PORT),
        };
        let (host, port) = if let Some(bracketed) = place.strip_prefix('[') {
            let (host, rest) = bracketed.split_once(']').ok_or(AddressError)?;
            let Ok(IpAddr::V6(host)) = host.parse() else { return Err(AddressError) };
            let host = host.to_string();
            match rest {
                "" => (host, None),
                rest => (host, Some(rest.strip_prefix(':').ok_or(AddressError)?)),
            }
        } else {
            match place.split_once(':') {
                Some((host, port)) => (host.to_ascii_lowercase(), Some(port)),
                None => (place.to_ascii_lowercase(), None),
            }
        };
        let port = port.map_or(Ok(DEFAULT_PORT), str::parse).map_err(|_| AddressError)?;
        let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':');
        if host.is_empty() || port == 0 || tunnel_port == 0 || !host.chars().all(is_name) {
            return Err(AddressError);
        }
        Ok(Self { host, port, tunnel_port, fingerprint })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> (String, u16, bool) {
        let address: CenterAddress = text.parse().expect(text);
        (address.host, address.port, address.fingerprint.is_some())
    }

    #[test]
    fn every_form_is_read() {
        let fingerprint = "ab".repeat(32);
        assert_eq!(parsed("help.example"), ("help.example".to_owned(), 7443, false));
        assert_eq!(parsed("192.0.2.1:99"), ("192.0.2.1".to_owned(), 99, false));
        assert_eq!(parsed("[::1]"), ("::1".to_owned(), 7443, false));
        assert_eq!(parsed("Help.Example:7443"), parsed("help.example"));
        assert_eq!(parsed("[2001:DB8::0:1]"), parsed("[2001:db8::1]"));
        assert_eq!(parsed(&format!("[::1]:99#{fingerprint}")), ("::1".to_owned(), 99, true));
        assert_eq!(parsed(&format!(" a#{fingerprint}\n")), ("a".to_owned(), 7443, true));
        assert_eq!(parsed(&format!("a:99/8443#{fingerprint}")), ("a".to_owned(), 99, true));
        let tunnel_port = |text: &str| text.parse().map(|it: CenterAddress| it.tunnel_port);
        assert_eq!(["a", "a/8443", "[::1]/1"].map(tunnel_port), [Ok(443), Ok(8443), Ok(1)]);
    }

    #[test]
    fn nothing_else_is() {
        for bad in [
            "",
            ":1",
            "a:0",
            "a:65536",
            "a:b",
            "::1",
            "[::1",
            "[a]:1",
            "a#12",
            "a b:1",
            "a\u{1b}:1",
            "a/0",
            "a/b",
            "a/1/2",
        ] {
            assert_eq!(bad.parse::<CenterAddress>(), Err(AddressError), "{bad}");
        }
    }

    #[test]
    fn it_is_shown_as_it_is_written() {
        for text in ["help.example:7443", "[::1]:99", "192.0.2.1:7443"] {
            assert_eq!(
                text.parse::<CenterAddress>().map(|address| address.to_string()),
                Ok(text.to_owned())
            );
        }
    }
}
