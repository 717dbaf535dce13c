//! Participants whom UDP does not reach come through TLS over TCP.

use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream, UdpSocket};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::pki_types::ServerName;
use rustls::{ClientConnection, StreamOwned};
use tessera_transport::center::{CenterAddress, CenterError, Client};
use tessera_transport::path::TunnelError;
use tessera_transport::relay::tunnel::{Inbound, Outbound, client_config};
use tessera_transport::relay::{Binder, Event, Side, is_relay_message};
use tessera_transport::{Fingerprint, Identity, Trust};

use crate::harness::{Center, Program, addresses};
use crate::relayed::{Participant, token, unix_s};

/// Longest wait for what must come; far above what it takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);
const LOOK: Duration = Duration::from_millis(5);

/// A participant's side of a tunnel.
struct Tunnel {
    stream: StreamOwned<ClientConnection, TcpStream>,
    inbound: Inbound,
}

impl Tunnel {
    fn open(relay: SocketAddr, fingerprint: Fingerprint) -> Self {
        let config = client_config(Trust::Only(fingerprint)).expect("a configuration");
        let name = ServerName::IpAddress(relay.ip().into());
        let connection = ClientConnection::new(config, name).expect("a connection");
        let socket = TcpStream::connect(relay).expect("connected");
        socket.set_read_timeout(Some(LOOK)).expect("set");
        Self { stream: StreamOwned::new(connection, socket), inbound: Inbound::default() }
    }

    fn send(&mut self, packet: &[u8]) {
        let (mut outbound, mut frames) = (Outbound::default(), Vec::new());
        outbound.push(packet, packet.len(), 0);
        outbound.take(0, &mut frames);
        self.send_raw(&frames);
    }

    fn send_raw(&mut self, bytes: &[u8]) {
        let end = Instant::now() + PATIENCE;
        let mut rest = bytes;
        while !rest.is_empty() {
            match self.stream.write(rest) {
                Ok(count) => rest = &rest[count..],
                Err(fault) if is_late(fault.kind()) => assert!(Instant::now() < end, "no TLS"),
                // The other side has closed it; reading shows that.
                Err(_) => return,
            }
        }
        while let Err(fault) = self.stream.flush() {
            if !is_late(fault.kind()) {
                return;
            }
        }
    }

    /// The next packet; `None` when none comes for a moment, an error at the end.
    fn receive(&mut self) -> Result<Option<Vec<u8>>, ErrorKind> {
        let mut buffer = [0; 4096];
        if let Some(packet) = self.inbound.pop() {
            return Ok(Some(packet.to_vec()));
        }
        match self.stream.read(&mut buffer) {
            Ok(0) => Err(ErrorKind::UnexpectedEof),
            Ok(count) => {
                self.inbound.push(&buffer[..count]).expect("frames");
                Ok(self.inbound.pop().map(|packet| packet.to_vec()))
            }
            Err(fault) if is_late(fault.kind()) => Ok(None),
            Err(fault) => Err(fault.kind()),
        }
    }

    /// Binds an end of the channel of this number.
    fn bind(&mut self, relay: Fingerprint, center: &Identity, side: Side, number: u8) {
        let identity = Arc::new(Identity::ephemeral().expect("a key"));
        let token = token(&identity, side, number).sign(center);
        let mut binder = Binder::new(identity, relay, token, [number; 16], unix_s(), 0);
        let end = Instant::now() + PATIENCE;
        while Instant::now() < end {
            while let Some(packet) = binder.poll_transmit(0) {
                self.send(&packet);
            }
            if let Some(packet) = self.receive().expect("open") {
                assert!(is_relay_message(&packet));
                binder.handle_packet(&packet, 0);
            }
            match binder.poll_event() {
                Some(Event::Bound { observed }) => {
                    let own = self.stream.sock.local_addr().expect("bound");
                    return assert_eq!(observed, own);
                }
                Some(other) => panic!("{other:?}"),
                None => {}
            }
        }
        panic!("nothing came of the bind");
    }

    fn receive_until(&mut self, due: &[u8], mut again: impl FnMut()) {
        let end = Instant::now() + PATIENCE;
        while Instant::now() < end {
            again();
            if self.receive().expect("open").is_some_and(|packet| packet == due) {
                return;
            }
        }
        panic!("the packet was not forwarded");
    }

    /// Waits until the relay has closed the tunnel.
    fn is_closed_within(&mut self, time: Duration) -> bool {
        let end = Instant::now() + time;
        while Instant::now() < end {
            if self.receive().is_err() {
                return true;
            }
        }
        false
    }
}

fn is_late(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::WouldBlock | ErrorKind::TimedOut)
}

/// A relay alone, the center whose tokens it takes, and where its tunnels are.
fn start() -> (tempfile::TempDir, Identity, Center, SocketAddr) {
    let data = tempfile::tempdir().expect("a folder");
    let center = Identity::ephemeral().expect("a key");
    let relay = Center::start_relay(data.path(), center.fingerprint(), "127.0.0.1:0");
    let place = relay.announced("relay ").expect("announced").parse();
    let place: tessera_transport::center::RelayPlace = place.expect("a relay");
    let tunnel = SocketAddr::from((Ipv4Addr::LOCALHOST, place.tunnel.expect("a tunnel")));
    (data, center, relay, tunnel)
}

#[test]
fn a_tunnel_is_an_end_like_any_other() {
    let (_data, center, relay, address) = start();
    let mut tunnel = Tunnel::open(address, relay.fingerprint());
    tunnel.bind(relay.fingerprint(), &center, Side::Joiner, 1);
    let mut host = Participant::new(relay.listens_on());
    let host_token = token(&host.identity, Side::Host, 1).sign(&center);
    assert!(matches!(host.bind(relay.fingerprint(), host_token), Event::Bound { .. }));
    let hello = [&b"\x40"[..], &[7; 1199]].concat();
    tunnel.receive_until(&hello, || host.send(&hello));
    let end = Instant::now() + PATIENCE;
    while host.receive().as_deref() != Some(&hello[..]) {
        assert!(Instant::now() < end, "the packet was not forwarded");
        tunnel.send(&hello);
    }

    // The host moves into a tunnel too: both may be served by different loops.
    let mut other = Tunnel::open(address, relay.fingerprint());
    let identity = host.identity.clone();
    let again = token(&identity, Side::Host, 1).sign(&center);
    let mut binder = Binder::new(identity, relay.fingerprint(), again, [9; 16], u64::MAX / 2, 0);
    while binder.observed().is_none() {
        while let Some(packet) = binder.poll_transmit(0) {
            other.send(&packet);
        }
        if let Some(packet) = other.receive().expect("open") {
            binder.handle_packet(&packet, 0);
        }
    }
    other.receive_until(b"\x40 between tunnels", || tunnel.send(b"\x40 between tunnels"));
    tunnel.receive_until(b"\x40 and back", || other.send(b"\x40 and back"));
    assert_eq!(relay.metric("tessera_relay_tunnels "), 2);
    drop(other);
    let end = Instant::now() + PATIENCE;
    while relay.metric("tessera_relay_tunnels ") != 1 {
        assert!(Instant::now() < end, "a tunnel that was closed stays");
    }
}

#[test]
fn what_has_no_place_in_a_tunnel_closes_it() {
    let (_data, center, relay, address) = start();
    let fingerprint = relay.fingerprint();
    let zero = [0, 0];
    let oversize = 1501_u16.to_le_bytes();
    let unbound = [&[3, 0][..], b"\x20 x"].concat();
    let quic_at_a_relay_alone = [&[2, 0][..], b"\x40x"].concat();
    let malformed = [&[2, 0][..], b"\x12x"].concat();
    for bytes in [&zero[..], &oversize, &unbound, &quic_at_a_relay_alone, &malformed] {
        let mut tunnel = Tunnel::open(address, fingerprint);
        tunnel.send_raw(bytes);
        assert!(tunnel.is_closed_within(PATIENCE), "{bytes:?}");
    }
    let mut plain = TcpStream::connect(address).expect("connected");
    plain.write_all(b"GET / HTTP/1.1\r\n\r\n").expect("sent");
    plain.set_read_timeout(Some(PATIENCE)).expect("set");
    let mut answer = Vec::new();
    // Closed, with or without TLS's alert.
    let _ = plain.read_to_end(&mut answer);
    assert!(answer.len() < 64, "{answer:?}");

    let mut bound = Tunnel::open(address, fingerprint);
    bound.bind(fingerprint, &center, Side::Joiner, 1);
}

#[test]
fn a_tunnel_without_a_use_is_closed_however_slowly_it_talks() {
    let (_data, _center, relay, address) = start();
    let silent = TcpStream::connect(address).expect("connected");
    let mut idle = Tunnel::open(address, relay.fingerprint());
    let mut drop_by_drop = TcpStream::connect(address).expect("connected");
    drop_by_drop.set_read_timeout(Some(LOOK)).expect("set");
    assert!(idle.is_closed_within(PATIENCE), "idle in TLS");
    // The head of a record of TLS that never becomes whole.
    let end = Instant::now() + PATIENCE;
    let mut buffer = [0; 16];
    while drop_by_drop.write_all(&[22]).is_ok() {
        assert!(Instant::now() < end, "it is let talk for ever");
        if matches!(drop_by_drop.read(&mut buffer), Ok(0)) {
            break;
        }
    }
    silent.set_read_timeout(Some(PATIENCE)).expect("set");
    assert_eq!((&silent).read(&mut buffer).expect("closed"), 0);
    assert_eq!(relay.metric("tessera_relay_tunnels "), 0);
}

#[test]
fn another_relays_key_is_not_accepted() {
    let (_data, center, _relay, address) = start();
    let mut tunnel = Tunnel::open(address, center.fingerprint());
    tunnel.send(&[0x10; 32]);
    assert!(tunnel.receive().is_err());
}

/// The center's address as it is where UDP gets nowhere: that port swallows everything.
fn without_udp(center: &Center) -> (UdpSocket, CenterAddress) {
    let nowhere = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a socket");
    let port = nowhere.local_addr().expect("bound").port();
    (nowhere, CenterAddress { port, ..center.address() })
}

#[tokio::test]
async fn without_udp_the_center_is_reached_through_a_tunnel() {
    let data = tempfile::tempdir().expect("a folder");
    let center = Center::start(data.path(), &[]);
    let (_nowhere, address) = without_udp(&center);
    let connect = async |program: &Program| {
        Client::connect(&program.endpoint, &address, None, None).await.expect("connected")
    };
    let (csr, joiner) = (Program::new(), Program::new());
    let mut client = connect(&csr).await;
    client.enrol(center.token().secret, "Ann".to_owned()).await.expect("enrolled");
    let number = client.open_session(addresses(4000)).await.expect("opened");
    let found = connect(&joiner).await.find(number).await.expect("found");
    assert_eq!(found.addresses, addresses(4000));
    // The relay is told by the address that the tunnel goes to.
    let channel = found.channel.expect("an introduction");
    assert_eq!(channel.relays[0].udp.ip(), Ipv4Addr::LOCALHOST);
    let introduced = client.next_introduction().await.expect("connected");
    assert_eq!(introduced.joiner, joiner.identity.fingerprint());
    assert_eq!(introduced.channel.relays, channel.relays);
}

#[tokio::test]
async fn a_tunnel_accepts_no_other_key_than_the_pinned_one() {
    let data = tempfile::tempdir().expect("a folder");
    let center = Center::start(data.path(), &[]);
    let (_nowhere, address) = without_udp(&center);
    let program = Program::new();
    let other = program.identity.fingerprint();
    let address = CenterAddress { fingerprint: None, ..address };
    let refused = Client::connect(&program.endpoint, &address, Some(other), None).await;
    let error = refused.expect_err("another key");
    assert!(
        matches!(&error, CenterError::Unreachable { tunnel, .. }
            if matches!(**tunnel, CenterError::Tunnel(TunnelError::Tls { .. }))),
        "{error}"
    );
    Client::connect(&program.endpoint, &address, None, None).await.expect("first use");
}
