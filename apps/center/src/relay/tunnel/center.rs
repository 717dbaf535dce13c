//! The center's side of a tunnel: a socket of its own for each, so that the center sees it as a program of its own.

use std::hash::{BuildHasher, RandomState};
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use mio::net::UdpSocket;
use mio::{Interest, Registry, Token};

use crate::limiter::Source;

/// Where the center beside this relay is.
#[derive(Clone, Debug)]
pub(in crate::relay) struct CenterSide {
    address: SocketAddr,
    sources: RandomState,
}

impl CenterSide {
    /// The center whose UDP socket is bound at `bound`.
    pub(in crate::relay) fn new(bound: SocketAddr) -> Self {
        let ip = match bound.ip() {
            IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
            // One that serves both families serves IPv4; see `open`.
            IpAddr::V6(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
            ip => ip,
        };
        Self { address: SocketAddr::new(ip, bound.port()), sources: RandomState::new() }
    }

    /// A socket towards the center for a participant at `participant`.
    ///
    /// Its address is a loopback one that is the same for one source and hardly that of another: what the center limits
    /// by source, it limits by source here too.
    pub(super) fn open(
        &self,
        participant: IpAddr,
        registry: &Registry,
        token: Token,
    ) -> io::Result<CenterSocket> {
        let from: IpAddr = if self.address.is_ipv4() {
            let [.., second, third, fourth] =
                self.sources.hash_one(Source::from(participant)).to_be_bytes();
            Ipv4Addr::new(127, second | 0x80, third, fourth.clamp(1, 254)).into()
        } else {
            Ipv6Addr::UNSPECIFIED.into()
        };
        let mut socket = UdpSocket::bind(SocketAddr::new(from, 0))?;
        socket.connect(self.address)?;
        registry.register(&mut socket, token, Interest::READABLE)?;
        Ok(CenterSocket(socket))
    }
}

/// A socket towards the center.
#[derive(Debug)]
pub(in crate::relay) struct CenterSocket(UdpSocket);

impl CenterSocket {
    pub(super) fn send(&self, packet: &[u8]) {
        // What the center does not take is lost, as on any path.
        let _ = self.0.send(packet);
    }

    /// The next packet of the center's, in `scratch`.
    pub(super) fn receive<'a>(&self, scratch: &'a mut [u8]) -> Option<&'a [u8]> {
        let count = self.0.recv(scratch).ok()?;
        scratch.get(..count)
    }
}
