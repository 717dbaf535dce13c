//! What `serve` tells on standard output once it serves: where the center is and how the first CSR enrols.
//!
//! A person gets each long value on a line of its own, to be copied whole also where the terminal wraps it. A program
//! that reads a pipe gets one `name value` line each, whose names docs/center.md promises.

use std::fmt::Write;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};

use tessera_transport::Fingerprint;
use tessera_transport::center::{DEFAULT_TUNNEL_PORT, EnrolmentToken};

/// Everything there is to tell.
#[derive(Debug)]
pub(crate) struct Announcement {
    /// Where the UDP socket is bound, its port being the real one.
    pub(crate) bound: SocketAddr,
    pub(crate) http: SocketAddr,
    /// Where the relay's UDP sockets are bound.
    pub(crate) relay: SocketAddr,
    /// Where its tunnels are taken in.
    pub(crate) tunnel: Option<SocketAddr>,
    pub(crate) fingerprint: Fingerprint,
    /// A token for the first CSR; `None` when one is enrolled.
    pub(crate) token: Option<EnrolmentToken>,
}

impl Announcement {
    /// One `name value` line each, `center` once for each address, loopback first.
    pub(crate) fn for_programs(&self) -> String {
        let Self { bound, http, relay, tunnel, fingerprint, token } = self;
        let mut lines = vec![("listening on", format!("{bound}/udp"))];
        lines.extend(self.centers().map(|center| ("center", center)));
        lines.push(("fingerprint", fingerprint.to_string()));
        lines.push(("relay", format!("{relay}/udp")));
        lines.extend(tunnel.iter().map(|tunnel| ("tunnel", format!("{tunnel}/tcp"))));
        lines.extend(token.iter().map(|token| ("enrolment token", token.reveal().to_string())));
        lines.push(("http", format!("http://{http}/healthz http://{http}/metrics")));
        lines.iter().fold(String::new(), |mut text, (name, value)| {
            // Writing to a String cannot fail.
            let _ = writeln!(text, "{name:<16} {value}");
            text
        })
    }

    /// Labels with the values below them.
    pub(crate) fn for_people(&self) -> String {
        let Self { bound, http, relay, tunnel, token, .. } = self;
        let mut parts =
            vec![("The center listens for CSRs and customers on UDP", bound.to_string())];
        let mut centers = self.centers();
        parts.extend(centers.next().map(|center| ("Its address, for --center", center)));
        parts.extend(centers.map(|center| ("The same from other machines", center)));
        parts.extend(token.iter().map(|token| {
            ("Token for the first CSR, valid once and for 24 hours", token.reveal().to_string())
        }));
        parts.push(("It relays between them on UDP", relay.to_string()));
        parts.extend(tunnel.iter().map(|it| ("And, where UDP is blocked, on TCP", it.to_string())));
        parts.push(("Health and metrics", format!("http://{http}/healthz\nhttp://{http}/metrics")));
        parts.iter().fold(String::new(), |mut text, (label, value)| {
            // Writing to a String cannot fail.
            let _ = write!(text, "{label}:\n{value}\n\n");
            text
        })
    }

    /// The center as people give it to `--center`, loopback first.
    fn centers(&self) -> impl Iterator<Item = String> {
        let Self { bound, tunnel, fingerprint, .. } = *self;
        // Another port than the one that is tried by itself has to be told.
        let other_port = tunnel.map(|tunnel| tunnel.port()).filter(|it| *it != DEFAULT_TUNNEL_PORT);
        let tunnel = other_port.map(|port| format!("/{port}")).unwrap_or_default();
        let addresses = reachable_addresses(bound).into_iter();
        addresses.map(move |address| format!("{address}{tunnel}#{fingerprint}"))
    }
}

/// Addresses under which others reach the socket at `bound`: itself, or what stands behind "every address",
/// loopback first.
pub(crate) fn reachable_addresses(bound: SocketAddr) -> Vec<SocketAddr> {
    // From the blocks for documentation (RFC 5737, RFC 3849), so that nobody's address stands here.
    let (loopback, elsewhere): (IpAddr, IpAddr) = match bound.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => {
            (Ipv4Addr::LOCALHOST.into(), Ipv4Addr::new(192, 0, 2, 1).into())
        }
        IpAddr::V6(ip) if ip.is_unspecified() => {
            (Ipv6Addr::LOCALHOST.into(), Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1).into())
        }
        _ => return vec![bound],
    };
    let outward = source_address_towards(bound.ip(), elsewhere);
    [loopback].into_iter().chain(outward).map(|ip| SocketAddr::new(ip, bound.port())).collect()
}

/// The address this machine would send from: connecting a UDP socket chooses a route and sends nothing.
fn source_address_towards(unspecified: IpAddr, destination: IpAddr) -> Option<IpAddr> {
    let socket = UdpSocket::bind((unspecified, 0)).ok()?;
    socket.connect((destination, 9)).ok()?;
    Some(socket.local_addr().ok()?.ip())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Columns of the narrowest terminal that is laid out for.
    const COLUMNS: usize = 80;

    fn announcement() -> Announcement {
        let fingerprint = Fingerprint::from([0xab; 32]);
        Announcement {
            bound: SocketAddr::from(([192, 0, 2, 7], 7443)),
            http: SocketAddr::from(([127, 0, 0, 1], 7480)),
            relay: SocketAddr::from(([192, 0, 2, 7], 7444)),
            tunnel: Some(SocketAddr::from(([192, 0, 2, 7], 443))),
            fingerprint,
            token: Some(EnrolmentToken::generate(fingerprint).expect("random")),
        }
    }

    #[test]
    fn people_can_copy_address_and_token_as_whole_lines() {
        let announcement = announcement();
        let text = announcement.for_people();
        let center = format!("192.0.2.7:7443#{}", "ab".repeat(32));
        let token = announcement.token.as_ref().expect("a token").reveal();
        for value in [center.as_str(), token.as_str()] {
            assert_eq!(text.lines().filter(|line| *line == value).count(), 1, "{text}");
        }
        for line in text.lines().filter(|line| line.contains(' ')) {
            assert!(line.len() <= COLUMNS, "{line} wraps");
        }
        assert!(!Announcement { token: None, ..announcement }.for_people().contains("oken"));
    }

    #[test]
    fn programs_find_each_value_behind_its_name() {
        let announcement = announcement();
        let text = announcement.for_programs();
        let value =
            |name: &str| text.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
        let fingerprint = "ab".repeat(32);
        assert_eq!(value("center "), Some(format!("192.0.2.7:7443#{fingerprint}").as_str()));
        assert_eq!(value("fingerprint "), Some(fingerprint.as_str()));
        let token = announcement.token.as_ref().expect("a token").reveal();
        assert_eq!(value("enrolment token "), Some(token.as_str()));
        assert_eq!(value("listening on "), Some("192.0.2.7:7443/udp"));
        assert_eq!(value("relay "), Some("192.0.2.7:7444/udp"));
        assert_eq!(value("tunnel "), Some("192.0.2.7:443/tcp"));
        assert_eq!(text.lines().count(), 7, "{text}");
    }

    #[test]
    fn a_given_address_is_announced_as_it_is_and_every_address_by_those_that_reach_it() {
        let given = SocketAddr::from(([192, 0, 2, 7], 7443));
        assert_eq!(reachable_addresses(given), [given]);
        let all = reachable_addresses(SocketAddr::from(([0, 0, 0, 0], 7443)));
        assert_eq!(all.first(), Some(&SocketAddr::from(([127, 0, 0, 1], 7443))), "{all:?}");
        assert!(all.iter().all(|address| !address.ip().is_unspecified()), "{all:?}");
    }
}
