//! One UDP socket with any number of links on it, made and accepted.
//!
//! All settings of QUIC stand here, each with its reason. What packets travel by below is the affair of [`crate::path`].

use crate::congestion;
use crate::error::{BindError, CloseReason, ConnectError};
use crate::identity::{Fingerprint, Identity};
use crate::link::Link;
use crate::path::{self, Outlet, PathEpoch, Sockets, TunnelError, TunnelTo, Ways};
use crate::tls::{self, FoundKey};
use quinn::{
    AckFrequencyConfig, AsyncUdpSocket, EndpointConfig, IdleTimeout, TransportConfig, VarInt,
};
use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::Duration;

/// A protocol and its version, agreed on by TLS (ALPN, RFC 7301): peers without a common one never get to exchange a
/// message, and both are told so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Protocol {
    /// Short name of the protocol, of ASCII letters and hyphens.
    pub name: &'static str,
    /// Version; raised whenever peers would misunderstand each other.
    pub version: u16,
}

impl Protocol {
    /// Between two participants of a session.
    pub const SESSION: Self = Self { name: "tessera-session", version: 3 };
    /// Between a program and the center.
    pub const CENTER: Self = Self { name: "tessera-center", version: 2 };

    pub(crate) fn alpn(self) -> Vec<u8> {
        format!("{}/{}", self.name, self.version).into_bytes()
    }
}

/// Whose key is accepted in the handshake.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trust {
    /// Exactly this participant.
    Only(Fingerprint),
    /// Anyone who proves to hold the key shown. Who it is must be settled afterwards, by pairing or by a first-use pin,
    /// before anything else is parsed.
    AnyKey,
}

/// UDP payload of every packet. The smallest that QUIC allows (RFC 9000, section 14.1) passes every path, also inside a
/// tunnel, and keeps all paths of a session alike.
const PACKET_BYTES: u16 = 1200;
/// A participant of whom nothing is heard for this time counts as lost. Sooner signs of it come from [`crate::vigil`].
pub const IDLE_TIMEOUT: Duration = Duration::from_secs(3);
/// After this time without a packet either participant sends one: a silence of a few times that means something. The
/// one that is first spares the other its own, so that a quiet link carries about 2 kbit/s each way.
pub(crate) const KEEP_ALIVE: Duration = Duration::from_millis(250);
/// The same two for links to the center, which has many of them and needs to know less soon.
const CENTER_IDLE_TIMEOUT: Duration = Duration::from_secs(4);
/// See [`CENTER_IDLE_TIMEOUT`]. Three lost keep-alives in a row fit into it.
const CENTER_KEEP_ALIVE: Duration = Duration::from_secs(1);
/// Assumed before the first measurement (quinn's default of 333 ms makes a lost first packet cost a second).
const INITIAL_RTT: Duration = Duration::from_millis(100);
/// Longest time that the peer may hold an acknowledgement back. The default of 25 ms would hide the delay that
/// congestion control looks for.
const MAX_ACK_DELAY: Duration = Duration::from_millis(2);
/// Unsent and unacknowledged stream bytes that quinn buffers: twice the product of 200 Mbit/s and 100 ms.
const SEND_WINDOW_BYTES: u64 = 5_000_000;
/// What one stream may have in flight towards us: an update of the largest default size without a pause.
const STREAM_WINDOW_BYTES: u32 = 16 << 20;
/// What all streams of a link together may have in flight towards us.
pub(crate) const LINK_WINDOW_BYTES: u32 = 24 << 20;
/// Datagrams waiting to be sent. At 100 kbit/s this is a second's worth; the oldest are dropped beyond.
const DATAGRAM_SEND_BYTES: usize = 12_500;
/// Datagrams received and not yet read.
const DATAGRAM_RECEIVE_BYTES: usize = 64 << 10;
/// Unidirectional streams a peer may have open: the chain, acknowledgements, and leaves in flight.
pub(crate) const OPEN_STREAMS: u32 = 128;
/// Handshakes in progress that are held at a time; further ones are refused.
const MAX_HANDSHAKES: usize = 64;
/// Received bytes buffered for a handshake not yet answered, for each and for all.
const HANDSHAKE_BUFFER_BYTES: u64 = 16 << 10;

/// What may be in flight from somebody who has not yet been admitted: enough for pairing, and little enough that many at
/// a time cost nothing.
const STRANGER_WINDOW_BYTES: u32 = 16 << 10;

/// What the streams of a link to the center may have in flight, and buffer for sending: it carries short messages only,
/// and strangers may open one.
const CENTER_WINDOW_BYTES: u32 = 64 << 10;

fn idle_timeout(time: Duration) -> IdleTimeout {
    // Far below what the field holds.
    VarInt::from_u32(time.as_millis() as u32).into()
}

fn transport_config(protocol: Protocol) -> TransportConfig {
    let mut acks = AckFrequencyConfig::default();
    // Threshold 1: at most one ack-eliciting packet goes unacknowledged, that is, every second one is acknowledged at once.
    acks.ack_eliciting_threshold(VarInt::from_u32(1)).max_ack_delay(Some(MAX_ACK_DELAY));
    let mut config = TransportConfig::default();
    config
        .initial_mtu(PACKET_BYTES)
        .min_mtu(PACKET_BYTES)
        .mtu_discovery_config(None)
        .max_idle_timeout(Some(idle_timeout(IDLE_TIMEOUT)))
        .keep_alive_interval(Some(KEEP_ALIVE))
        .initial_rtt(INITIAL_RTT)
        .ack_frequency_config(Some(acks))
        // Streams of one priority are sent one after the other, not round robin: half of two updates shows nothing.
        .send_fairness(false)
        .send_window(SEND_WINDOW_BYTES)
        .stream_receive_window(VarInt::from_u32(STREAM_WINDOW_BYTES))
        .receive_window(VarInt::from_u32(LINK_WINDOW_BYTES))
        .datagram_send_buffer_size(DATAGRAM_SEND_BYTES)
        .datagram_receive_buffer_size(Some(DATAGRAM_RECEIVE_BYTES))
        // The control stream is the only bidirectional one.
        .max_concurrent_bidi_streams(VarInt::from_u32(1))
        .max_concurrent_uni_streams(VarInt::from_u32(OPEN_STREAMS));
    if protocol == Protocol::CENTER {
        config
            .max_idle_timeout(Some(idle_timeout(CENTER_IDLE_TIMEOUT)))
            .keep_alive_interval(Some(CENTER_KEEP_ALIVE))
            .send_window(CENTER_WINDOW_BYTES.into())
            .stream_receive_window(VarInt::from_u32(CENTER_WINDOW_BYTES))
            .receive_window(VarInt::from_u32(CENTER_WINDOW_BYTES))
            .datagram_receive_buffer_size(None)
            .max_concurrent_uni_streams(VarInt::from_u32(0));
    }
    config
}

/// Has congestion control begin anew whenever `epoch` rises.
fn follow_path(transport: &mut TransportConfig, epoch: &PathEpoch) {
    let factory = congestion::Factory::new(epoch.clone());
    transport.congestion_controller_factory(Arc::new(factory));
}

/// A UDP socket and the links on it. Cheap to clone; all clones are the same endpoint.
#[derive(Debug, Clone)]
pub struct Endpoint {
    inner: quinn::Endpoint,
    identity: Arc<Identity>,
    accepts: Option<Protocol>,
    /// The sockets below, unless they are of the caller's making.
    sockets: Option<Arc<Sockets>>,
}

impl Endpoint {
    /// Opens a socket at `address` (port 0: any free port) that connects as `identity` and accepts peers speaking
    /// `accepts`; with `None`, it only connects.
    ///
    /// Must be called within a tokio runtime, which then drives the socket.
    pub fn bind(
        address: SocketAddr,
        identity: Arc<Identity>,
        accepts: Option<Protocol>,
    ) -> Result<Self, BindError> {
        let socket_error = |cause| BindError::Socket { address, cause };
        let socket = UdpSocket::bind(address).map_err(socket_error)?;
        let sockets = Sockets::new(socket).map_err(socket_error)?;
        let below = Arc::clone(&sockets) as Arc<dyn AsyncUdpSocket>;
        Ok(Self { sockets: Some(sockets), ..Self::with_socket(below, identity, accepts, None)? })
    }

    /// As [`Endpoint::bind`], on a socket of the caller's making: what packets travel by is its affair alone, and links
    /// have no [`Ways`].
    ///
    /// Time is that of the tokio runtime around it. With `chance`, what QUIC leaves to chance follows from it, so that a
    /// simulated run is the same each time; connection identifiers can then be guessed, which real networks must not allow.
    pub fn with_socket(
        socket: Arc<dyn AsyncUdpSocket>,
        identity: Arc<Identity>,
        accepts: Option<Protocol>,
        chance: Option<[u8; 32]>,
    ) -> Result<Self, BindError> {
        let address = socket.local_addr().unwrap_or(SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)));
        let server = match accepts {
            Some(protocol) => Some(server_config(&identity, protocol, Trust::AnyKey)?.0),
            None => None,
        };
        let runtime = Arc::new(quinn::TokioRuntime);
        let mut config = EndpointConfig::default();
        // The bit tells QUIC's packets from those of the paths.
        config.grease_quic_bit(false).rng_seed(chance);
        let inner = quinn::Endpoint::new_with_abstract_socket(config, server, socket, runtime)
            .map_err(|cause| BindError::Socket { address, cause })?;
        Ok(Self { inner, identity, accepts, sockets: None })
    }

    /// The address bound, with the port that was chosen.
    pub fn local_address(&self) -> std::io::Result<SocketAddr> {
        match &self.sockets {
            Some(sockets) => sockets.local_address(),
            None => self.inner.local_addr(),
        }
    }

    /// How peers know this endpoint.
    pub fn fingerprint(&self) -> Fingerprint {
        self.identity.fingerprint()
    }

    /// Whose key this endpoint shows.
    pub fn identity(&self) -> Arc<Identity> {
        Arc::clone(&self.identity)
    }

    /// Connects to the peer at `address`, whom `trust` must admit.
    pub async fn connect(
        &self,
        address: SocketAddr,
        protocol: Protocol,
        trust: Trust,
    ) -> Result<Link, ConnectError> {
        let seen = self.reachable_form(address);
        if self.local_address().is_ok_and(|own| own.is_ipv4())
            && !seen.ip().to_canonical().is_ipv4()
        {
            let cause = "this program's socket has no IPv6".to_owned();
            return Err(ConnectError::Address { address, cause });
        }
        self.connect_to(seen, address, protocol, trust, PathEpoch::default()).await
    }

    /// Connects to the peer to whom `ways` lead, and whom `trust` must admit.
    pub async fn connect_by(
        &self,
        ways: &Ways,
        protocol: Protocol,
        trust: Trust,
    ) -> Result<Link, ConnectError> {
        let address = ways.address();
        self.connect_to(address, ways.remote_address(), protocol, trust, ways.epoch()).await
    }

    /// Connects to the peer whom QUIC knows by the address `seen`, and people by `address`.
    async fn connect_to(
        &self,
        seen: SocketAddr,
        address: SocketAddr,
        protocol: Protocol,
        trust: Trust,
        epoch: PathEpoch,
    ) -> Result<Link, ConnectError> {
        let wrong = |cause: String| ConnectError::Address { address, cause };
        let (crypto, found) = tls::client(&self.identity, protocol, trust)
            .map_err(|error| wrong(error.to_string()))?;
        let mut config = quinn::ClientConfig::new(crypto);
        let mut transport = transport_config(protocol);
        follow_path(&mut transport, &epoch);
        config.transport_config(Arc::new(transport));
        // The server name is not sent (no SNI) and not checked: the key is what counts.
        let connecting = self
            .inner
            .connect_with(config, seen, "tessera")
            .map_err(|error| wrong(error.to_string()))?;
        match connecting.await {
            Ok(connection) => {
                let link = self.link(connection, protocol, epoch)?;
                link.begin_paths();
                Ok(link)
            }
            Err(error) => Err(handshake_error(address, trust, &found, &error)),
        }
    }

    fn link(
        &self,
        connection: quinn::Connection,
        protocol: Protocol,
        epoch: PathEpoch,
    ) -> Result<Link, ConnectError> {
        // The way to a center is the one that was connected by.
        let sockets = self.sockets.clone().filter(|_| protocol == Protocol::SESSION);
        Link::new(connection, &self.identity, sockets.map(|sockets| (sockets, epoch)))
    }

    /// Opens a UDP socket for one peer. Fails on a socket of the caller's making, which is the only one there.
    pub fn outlet(&self) -> Result<Outlet, BindError> {
        let sockets = self.sockets.clone().ok_or_else(|| ErrorKind::Unsupported.into());
        sockets.and_then(Outlet::new).map_err(|cause| {
            let any = SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0));
            BindError::Socket { address: self.local_address().unwrap_or(any), cause }
        })
    }

    /// Sets up a tunnel that leads to the center itself.
    pub(crate) async fn tunnel(&self, to: &TunnelTo) -> Result<Ways, TunnelError> {
        match &self.sockets {
            Some(sockets) => path::tunnel_to_center(sockets, to).await,
            None => Err(TunnelError::Slow(to.relay)),
        }
    }

    /// Forbids direct paths: peers are reached through relays alone, and neither side learns the other's addresses.
    pub fn forbid_direct(&self) {
        if let Some(sockets) = &self.sockets {
            sockets.forbid_direct();
        }
    }

    /// Waits for the next peer that knocks; `None` once the endpoint is closed. Its handshake runs in
    /// [`Incoming::accept`], so that a slow one keeps nobody waiting.
    pub async fn accept(&self) -> Option<Incoming> {
        let protocol = self.accepts?;
        let inner = self.inner.accept().await?;
        Some(Incoming { inner, endpoint: self.clone(), protocol })
    }

    /// Closes all links with `reason` and stops accepting.
    pub fn close(&self, reason: &CloseReason) {
        self.inner.close(reason.code(), reason.text().as_bytes());
    }

    /// Waits until all links have ended and their peers have been told, for at most a few round trips.
    pub async fn wait_idle(&self) {
        self.inner.wait_idle().await;
    }

    /// An IPv4 address in the form that an IPv6 socket sends to (RFC 4291, section 2.5.5.2), and an unspecified address
    /// as loopback, which is what it means to someone on the same machine.
    fn reachable_form(&self, address: SocketAddr) -> SocketAddr {
        let mut ip = match address.ip() {
            IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
            IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
            ip => ip,
        };
        // As quinn sees all addresses; the sockets below take them back.
        if let IpAddr::V4(v4) = ip {
            ip = IpAddr::V6(v4.to_ipv6_mapped());
        }
        SocketAddr::new(ip, address.port())
    }
}

/// The configuration for accepting a peer that `trust` admits, and where the key of a refused one is found.
fn server_config(
    identity: &Identity,
    protocol: Protocol,
    trust: Trust,
) -> Result<(quinn::ServerConfig, Arc<FoundKey>), rustls::Error> {
    let (crypto, found) = tls::server(identity, protocol, trust)?;
    let mut config = quinn::ServerConfig::with_crypto(crypto);
    config
        .transport_config(Arc::new(transport_config(protocol)))
        // Paths are changed below QUIC, by probes sealed with a key of the session, never by where packets come from.
        .migration(false)
        .max_incoming(MAX_HANDSHAKES)
        .incoming_buffer_size(HANDSHAKE_BUFFER_BYTES)
        .incoming_buffer_size_total(HANDSHAKE_BUFFER_BYTES * MAX_HANDSHAKES as u64);
    Ok((config, found))
}

/// A peer that knocks. Dropping it refuses the peer.
#[derive(Debug)]
pub struct Incoming {
    inner: quinn::Incoming,
    endpoint: Endpoint,
    protocol: Protocol,
}

impl Incoming {
    /// Where its packets come from; a made-up address for one who comes through a relay.
    pub fn remote_address(&self) -> SocketAddr {
        path::plain_form(self.inner.remote_address())
    }

    /// Whether the peer has shown that it receives packets at its address.
    pub fn is_address_validated(&self) -> bool {
        self.inner.remote_address_validated()
    }

    /// Lets the peer show first that it receives packets at its address (RFC 9000, section 8.1.2); it then knocks again.
    /// To be used while there are many handshakes, at the cost of a round trip; a peer that has shown it is refused.
    pub fn retry(self) {
        if let Err(error) = self.inner.retry() {
            error.into_incoming().refuse();
        }
    }

    /// Refuses the peer, telling it so.
    pub fn refuse(self) {
        self.inner.refuse();
    }

    /// Drops the peer's packet without an answer.
    pub fn ignore(self) {
        self.inner.ignore();
    }

    /// Runs the handshake with the peer, whom `trust` must admit.
    pub async fn accept(self, trust: Trust) -> Result<Link, ConnectError> {
        let transport = transport_config(self.protocol);
        let link = self.accept_with(trust, transport).await?;
        link.begin_paths();
        Ok(link)
    }

    /// As [`Incoming::accept`], for anybody. Until [`Link::admit`] is called the peer can open no stream but the control
    /// stream, have no more than 16 KiB on its way, and move to no other path.
    pub async fn accept_stranger(self) -> Result<Link, ConnectError> {
        let mut transport = transport_config(self.protocol);
        transport
            .receive_window(VarInt::from_u32(STRANGER_WINDOW_BYTES))
            .max_concurrent_uni_streams(VarInt::from_u32(0));
        self.accept_with(Trust::AnyKey, transport).await
    }

    async fn accept_with(
        self,
        trust: Trust,
        mut transport: TransportConfig,
    ) -> Result<Link, ConnectError> {
        let address = self.remote_address();
        let sockets = self.endpoint.sockets.as_ref();
        let known = sockets.and_then(|sockets| sockets.epoch_of(self.inner.remote_address()));
        let epoch = known.unwrap_or_default();
        let identity = &self.endpoint.identity;
        let refused = |cause: String| ConnectError::Refused { address, cause };
        let (mut config, found) = server_config(identity, self.protocol, trust)
            .map_err(|error| refused(error.to_string()))?;
        follow_path(&mut transport, &epoch);
        config.transport_config(Arc::new(transport));
        // The client's first packet is read here already.
        let connecting = self
            .inner
            .accept_with(Arc::new(config))
            .map_err(|error| handshake_error(address, trust, &found, &error))?;
        match connecting.await {
            Ok(connection) => self.endpoint.link(connection, self.protocol, epoch),
            Err(error) => Err(handshake_error(address, trust, &found, &error)),
        }
    }
}

fn handshake_error(
    address: SocketAddr,
    trust: Trust,
    found: &FoundKey,
    error: &quinn::ConnectionError,
) -> ConnectError {
    match (trust, found.refused()) {
        (Trust::Only(expected), Some(found)) => {
            ConnectError::Fingerprint { address, expected, found }
        }
        _ => ConnectError::from_quinn(address, error),
    }
}
