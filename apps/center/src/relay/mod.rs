//! The relay: forwards packets between the two ends of a channel and cannot read them.
//!
//! One event loop a core on mio, without a runtime, each with a socket of its own on the one port. A packet is looked
//! up by the address that it came from and sent on as it is, in the batches that the system makes ([`batch`]). Ends are
//! bound by [`desk`] and kept in [`channels`]; each loop holds its part of that table, so that forwarding takes no lock.
//! Participants whom UDP does not reach come through a [`tunnel`].
//! What travels is described in docs/protocol.md, section 9; why it is built like this in
//! docs/decisions/0020-relay.md.

mod batch;
mod channels;
mod counters;
mod desk;
mod event_loop;
mod meter;
mod shared;
mod sockets;
mod tunnel;

use std::fmt::{self, Display, Formatter};
use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use mio::{Poll, Waker};
use rand::TryRngCore;
use rand::rngs::OsRng;
use tessera_transport::pairing::NoRandomness;
use tessera_transport::relay::Cookies;
use tessera_transport::relay::tunnel::server_config;
use tessera_transport::{BindError, Fingerprint, Identity};
use tracing::warn;

use crate::error::Error;
use batch::Batches;
use channels::{Channels, Limits};
use event_loop::{EventLoop, WAKE};
use shared::{Mailbox, Shared};
use tunnel::{CenterSide, Listener, Tunnels};

/// Channels of a relay; about 600 bytes each with what the loops hold.
const CHANNELS: usize = 65_536;
/// Channels of one session: its viewers with each other, and those left over from before they reconnected.
const CHANNELS_PER_SESSION: usize = 64;
/// Sessions whose use of their allowance is remembered.
const SESSIONS: usize = 65_536;
/// An end that nothing comes from for this time is forgotten: five knocks are lost by then.
const IDLE_S: u64 = 60;

/// What a relay is started with.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// UDP address; port 0: any free port.
    pub(crate) listen: SocketAddr,
    /// The argument that it was given with, for errors.
    pub(crate) listen_flag: &'static str,
    /// TCP address of the tunnels.
    pub(crate) tunnel: TunnelAddress,
    /// UDP address of the center beside the relay, which tunnels lead to as well.
    pub(crate) center_beside: Option<SocketAddr>,
    /// The relay itself.
    pub(crate) identity: Arc<Identity>,
    /// The center whose tokens count.
    pub(crate) center: Fingerprint,
    /// Event loops, at least 1.
    pub(crate) loops: usize,
    /// Whether packets are sent many at a time (GSO).
    pub(crate) offload: bool,
}

/// Where tunnels are taken in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TunnelAddress {
    /// Nowhere.
    Off,
    /// There, or the relay does not start.
    At(SocketAddr),
    /// There, if that may be.
    IfAllowed(SocketAddr),
}

/// A running relay; ends when dropped.
#[derive(Debug)]
pub(crate) struct Relay {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
    address: SocketAddr,
    tunnel: Option<SocketAddr>,
}

impl Relay {
    /// Opens the sockets and starts the loops.
    pub(crate) fn start(settings: &Settings) -> Result<Self, Error> {
        let listen = |source| listen_error(settings, source);
        let system = |source| Error::System { what: "an event loop of the relay", source };
        let mut key = [0; 32];
        OsRng.try_fill_bytes(&mut key).map_err(|_| NoRandomness)?;
        let sockets = sockets::open(settings.listen, settings.loops.max(1)).map_err(listen)?;
        let address = sockets.first().map_or(Ok(settings.listen), UdpSocket::local_addr);
        let address = address.map_err(listen)?;
        let limits = Limits {
            channels: CHANNELS,
            per_session: CHANNELS_PER_SESSION,
            sessions: SESSIONS,
            idle_s: IDLE_S,
        };
        let polls: Vec<Poll> =
            sockets.iter().map(|_| Poll::new()).collect::<io::Result<_>>().map_err(system)?;
        let mailboxes: Vec<Mailbox> = polls
            .iter()
            .map(|poll| Waker::new(poll.registry(), WAKE).map(Mailbox::new))
            .collect::<io::Result<_>>()
            .map_err(system)?;
        let tunnel_config =
            server_config(&settings.identity).map_err(BindError::Tls).map_err(Error::Listen)?;
        let shared = Arc::new(Shared::new(
            settings.identity.fingerprint(),
            settings.center,
            Cookies::new(&key),
            Channels::new(limits),
            mailboxes,
        ));
        let mut listener = listener(settings.tunnel, &shared)?;
        let tunnel = listener.as_ref().map(Listener::address).transpose().map_err(system)?;
        let center = settings.center_beside.map(CenterSide::new);
        let mut relay = Self { shared, threads: Vec::new(), address, tunnel };
        for (index, (socket, poll)) in sockets.into_iter().zip(polls).enumerate() {
            let socket = mio::net::UdpSocket::from_std(socket);
            let batches = Batches::new(socket, settings.offload).map_err(system)?;
            let tunnels = Tunnels::new(tunnel_config.clone(), center.clone());
            let (shared, listener) = (relay.shared.clone(), listener.take());
            let event_loop =
                EventLoop::new(index, poll, batches, tunnels, listener, shared).map_err(system)?;
            let thread = thread::Builder::new().name(format!("relay-{index}"));
            relay.threads.push(thread.spawn(|| event_loop.run()).map_err(system)?);
        }
        Ok(relay)
    }

    /// Where it is, with the port that was chosen.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where its tunnels are taken in, if they are.
    pub(crate) fn tunnel(&self) -> Option<SocketAddr> {
        self.tunnel
    }
}

/// Opens the socket for tunnels, if there is to be one and may be.
fn listener(address: TunnelAddress, shared: &Shared) -> Result<Option<Listener>, Error> {
    match address {
        TunnelAddress::Off => Ok(None),
        TunnelAddress::At(address) => Listener::bind(address, shared.places.clone())
            .map(Some)
            .map_err(|source| Error::Tunnel { address, source }),
        TunnelAddress::IfAllowed(address) => {
            let listener = Listener::bind(address, shared.places.clone());
            if let Err(fault) = &listener {
                warn!(%address, %fault, "no tunnel for participants without UDP; --tunnel ADDR chooses another place");
            }
            Ok(listener.ok())
        }
    }
}

impl Display for Relay {
    /// Its counters in Prometheus' text format.
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let channels = self.shared.channels().len();
        self.shared.counters.write(channels, self.shared.places.len(), f)
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.shared.end();
        for thread in self.threads.drain(..) {
            // A loop that panicked has said so.
            let _ = thread.join();
        }
    }
}

/// As many event loops as this machine has cores.
pub(crate) fn loop_for_each_core() -> usize {
    thread::available_parallelism().map_or(1, usize::from)
}

fn listen_error(settings: &Settings, source: io::Error) -> Error {
    let Settings { listen: address, listen_flag: flag, .. } = *settings;
    match source.kind() {
        io::ErrorKind::AddrInUse => Error::RelayInUse { address, flag },
        _ => Error::Relay { address, flag, source },
    }
}
