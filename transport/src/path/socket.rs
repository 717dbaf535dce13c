//! The sockets of an endpoint as the one that QUIC sees: thin, and no slower than quinn's own.
//!
//! Batches pass as the system gave and takes them (quinn-udp's GSO and GRO); what is looked up for a batch is two entries
//! of a table. The lock around it is contended only when another thread asks for figures.

use super::epoch::PathEpoch;
use super::route::{OWN_SOCKET, Outgoing, SocketId, TunnelId, Way};
use super::table::{Destination, Table, plain_form, seen_form};
use super::tunnel::Tunnel;
use quinn::udp::{RecvMeta, Transmit, UdpSocketState};
use quinn::{AsyncUdpSocket, UdpPoller};
use std::collections::HashMap;
use std::future::Future;
use std::io::{self, IoSliceMut};
use std::net::{Ipv6Addr, SocketAddr};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;
use tokio::io::Interest;
use tokio::sync::Notify;
use tokio::time::Instant;

/// A UDP socket with what quinn-udp knows about it.
#[derive(Debug)]
pub(super) struct Udp {
    io: tokio::net::UdpSocket,
    state: UdpSocketState,
    is_v6: bool,
}

impl Udp {
    pub(super) fn new(socket: std::net::UdpSocket) -> io::Result<Self> {
        let is_v6 = socket.local_addr()?.is_ipv6();
        let state = UdpSocketState::new((&socket).into())?;
        Ok(Self { io: tokio::net::UdpSocket::from_std(socket)?, state, is_v6 })
    }

    pub(super) fn local_address(&self) -> io::Result<SocketAddr> {
        self.io.local_addr()
    }

    fn try_send(&self, transmit: &Transmit<'_>) -> io::Result<()> {
        self.io.try_io(Interest::WRITABLE, || self.state.send((&self.io).into(), transmit))
    }

    /// Sends a packet that may be lost.
    fn send(&self, remote: SocketAddr, contents: &[u8]) {
        let destination = self.form(remote);
        let transmit =
            Transmit { destination, ecn: None, contents, segment_size: None, src_ip: None };
        // What does not go out now is repeated by whoever needs it.
        let _ = self.try_send(&transmit);
    }

    /// The form of an address that this socket takes.
    fn form(&self, address: SocketAddr) -> SocketAddr {
        if self.is_v6 { seen_form(address) } else { address }
    }

    fn poll_recv(
        &self,
        cx: &mut Context<'_>,
        buffers: &mut [IoSliceMut<'_>],
        metas: &mut [RecvMeta],
    ) -> Poll<io::Result<usize>> {
        loop {
            ready!(self.io.poll_recv_ready(cx))?;
            let received = self
                .io
                .try_io(Interest::READABLE, || self.state.recv((&self.io).into(), buffers, metas));
            if let Ok(count) = received {
                return Poll::Ready(Ok(count));
            }
        }
    }
}

/// What the lock guards.
#[derive(Debug)]
pub(super) struct State {
    pub(super) table: Table,
    sockets: Vec<(SocketId, Arc<Udp>)>,
    tunnels: HashMap<TunnelId, Arc<Tunnel>>,
    /// The socket that is looked at first next time, so that none waits for another.
    turn: usize,
    next_id: u32,
    receiver: Option<Waker>,
    blocked: Option<Arc<Udp>>,
    /// Reused for what is sent in answer to a batch.
    out: Vec<Outgoing>,
}

/// All sockets of an endpoint.
#[derive(Debug)]
pub(crate) struct Sockets {
    state: Mutex<State>,
    own: Arc<Udp>,
    started: Instant,
    due: Arc<Notify>,
}

impl Sockets {
    /// Begins with the endpoint's own socket. Must be called within a tokio runtime, which then drives the paths.
    pub(crate) fn new(socket: std::net::UdpSocket) -> io::Result<Arc<Self>> {
        let own = Arc::new(Udp::new(socket)?);
        let state = State {
            table: Table::new(),
            sockets: vec![(OWN_SOCKET, Arc::clone(&own))],
            tunnels: HashMap::new(),
            turn: 0,
            next_id: OWN_SOCKET.0 + 1,
            receiver: None,
            blocked: None,
            out: Vec::new(),
        };
        let due = Arc::new(Notify::new());
        let sockets =
            Arc::new(Self { state: Mutex::new(state), own, started: Instant::now(), due });
        tokio::spawn(drive(Arc::downgrade(&sockets), Arc::clone(&sockets.due)));
        Ok(sockets)
    }

    /// The address of the endpoint's own socket.
    pub(crate) fn local_address(&self) -> io::Result<SocketAddr> {
        self.own.local_address()
    }

    /// Time since the endpoint was opened, in microseconds.
    pub(super) fn now_us(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_micros()).unwrap_or(u64::MAX)
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the table, and sees to what becomes due by it.
    pub(super) fn change<T>(&self, change: impl FnOnce(&mut Table, u64) -> T) -> T {
        let changed = change(&mut self.lock().table, self.now_us());
        self.due.notify_one();
        changed
    }

    /// Opens a further socket, for one peer.
    pub(super) fn open(&self) -> io::Result<(SocketId, Arc<Udp>)> {
        let mut own = self.local_address()?;
        own.set_port(0);
        let udp = Arc::new(Udp::new(std::net::UdpSocket::bind(own)?)?);
        let mut state = self.lock();
        let id = SocketId(state.fresh_id());
        state.sockets.push((id, Arc::clone(&udp)));
        state.wake_receiver();
        Ok((id, udp))
    }

    /// Adds a tunnel, for a route that `attach` gives it to.
    pub(super) fn add_tunnel<T>(
        &self,
        tunnel: &Arc<Tunnel>,
        attach: impl FnOnce(&mut Table, u64, TunnelId) -> T,
    ) -> (TunnelId, T) {
        let now_us = self.now_us();
        let mut state = self.lock();
        let id = TunnelId(state.fresh_id());
        state.tunnels.insert(id, Arc::clone(tunnel));
        let attached = attach(&mut state.table, now_us, id);
        drop(state);
        self.due.notify_one();
        (id, attached)
    }

    /// Whether direct paths may be used beside relayed ones.
    pub(super) fn may_go_direct(&self) -> bool {
        self.lock().table.may_go_direct
    }

    /// The count of path switches of a peer whose ways were known before it connected.
    pub(crate) fn epoch_of(&self, address: SocketAddr) -> Option<PathEpoch> {
        self.lock().table.route(address).map(|route| route.epoch().clone())
    }

    /// Forbids direct paths where there is a relay.
    pub(crate) fn forbid_direct(&self) {
        self.lock().table.may_go_direct = false;
    }

    /// A tunnel has ended.
    pub(super) fn remove_tunnel(&self, id: TunnelId) {
        self.lock().tunnels.remove(&id);
    }

    /// Has QUIC look for received packets.
    pub(super) fn wake_receiver(&self) {
        self.lock().wake_receiver();
    }

    /// Does what is due, and tells when something is next.
    fn run(&self) -> Option<Instant> {
        let mut state = self.lock();
        let State { table, out, .. } = &mut *state;
        let due_us = table.run(self.now_us(), out);
        state.send_out();
        state.close_unused();
        due_us.map(|due_us| self.started + Duration::from_micros(due_us))
    }
}

impl State {
    fn fresh_id(&mut self) -> u32 {
        let id = self.next_id;
        self.next_id += 1;
        id
    }

    fn wake_receiver(&self) {
        if let Some(receiver) = &self.receiver {
            receiver.wake_by_ref();
        }
    }

    fn socket(&self, id: SocketId) -> Option<&Arc<Udp>> {
        self.sockets.iter().find(|(it, _)| *it == id).map(|(_, udp)| udp)
    }

    pub(super) fn local_address(&self, id: SocketId) -> Option<SocketAddr> {
        self.socket(id)?.local_address().ok()
    }

    fn send_out(&mut self) {
        let mut out = std::mem::take(&mut self.out);
        for Outgoing { way, packet } in out.drain(..) {
            match way {
                Way::Udp { socket, remote } => {
                    if let Some(udp) = self.socket(socket) {
                        udp.send(remote, &packet);
                    }
                }
                Way::Tunnel(id) => {
                    if let Some(tunnel) = self.tunnels.get(&id) {
                        tunnel.send(&packet, packet.len());
                    }
                }
            }
        }
        self.out = out;
    }

    /// Closes sockets and tunnels that no peer has any more.
    fn close_unused(&mut self) {
        let Self { table, sockets, tunnels, .. } = self;
        sockets.retain(|(id, udp)| {
            *id == OWN_SOCKET
                // Somebody is about to use it.
                || Arc::strong_count(udp) > 1
                || table.is_used(|way| matches!(way, Way::Udp { socket, .. } if socket == *id))
        });
        tunnels.retain(|id, tunnel| {
            let is_used = table.is_used(|way| way == Way::Tunnel(*id));
            if !is_used {
                tunnel.close();
            }
            is_used
        });
    }

    fn poll_tunnels(
        &mut self,
        buffers: &mut [IoSliceMut<'_>],
        metas: &mut [RecvMeta],
        now_us: u64,
    ) -> usize {
        let Self { table, tunnels, out, .. } = self;
        let mut count = 0;
        for (id, tunnel) in tunnels {
            let way = Way::Tunnel(*id);
            while let (Some(buffer), Some(meta)) = (buffers.get_mut(count), metas.get_mut(count)) {
                let Some(packet) = tunnel.receive() else { break };
                if packet.first().is_some_and(|first| *first < 0x40) {
                    table.packet(way, &packet, now_us, out);
                } else if let (Some(address), Some(place)) =
                    (table.whose(way, now_us), buffer.get_mut(..packet.len()))
                {
                    place.copy_from_slice(&packet);
                    let len = packet.len();
                    *meta = RecvMeta { addr: address, len, stride: len, ecn: None, dst_ip: None };
                    count += 1;
                }
            }
        }
        count
    }
}

impl AsyncUdpSocket for Sockets {
    fn create_io_poller(self: Arc<Self>) -> Pin<Box<dyn UdpPoller>> {
        Box::pin(Poller { sockets: self, waiting: Mutex::new(None) })
    }

    fn try_send(&self, transmit: &Transmit<'_>) -> io::Result<()> {
        let state = self.lock();
        let (udp, remote, src_ip) = match state.table.destination(transmit.destination) {
            Destination::Itself => {
                (Arc::clone(&self.own), plain_form(transmit.destination), transmit.src_ip)
            }
            Destination::Way(Way::Udp { socket, remote }) => {
                let Some(udp) = state.socket(socket) else { return Ok(()) };
                // The own address that QUIC knows is that of the way it began on.
                let is_first = remote == plain_form(transmit.destination);
                (Arc::clone(udp), remote, transmit.src_ip.filter(|_| is_first))
            }
            Destination::Way(Way::Tunnel(id)) => {
                if let Some(tunnel) = state.tunnels.get(&id) {
                    let packet_bytes = transmit.segment_size.unwrap_or(transmit.contents.len());
                    tunnel.send(transmit.contents, packet_bytes);
                }
                return Ok(());
            }
            Destination::Nowhere => return Ok(()),
        };
        drop(state);
        let destination = udp.form(remote);
        let sent = udp.try_send(&Transmit { destination, src_ip, ..transmit.clone() });
        if matches!(&sent, Err(error) if error.kind() == io::ErrorKind::WouldBlock) {
            self.lock().blocked = Some(udp);
        }
        sent
    }

    fn poll_recv(
        &self,
        cx: &mut Context<'_>,
        buffers: &mut [IoSliceMut<'_>],
        metas: &mut [RecvMeta],
    ) -> Poll<io::Result<usize>> {
        let mut state = self.lock();
        if state.receiver.as_ref().is_none_or(|waker| !waker.will_wake(cx.waker())) {
            state.receiver = Some(cx.waker().clone());
        }
        let count = state.poll_tunnels(buffers, metas, self.now_us());
        if !state.out.is_empty() {
            state.send_out();
            self.due.notify_one();
        }
        if count > 0 {
            return Poll::Ready(Ok(count));
        }
        for step in 0..state.sockets.len() {
            let place = (state.turn + step) % state.sockets.len();
            let (id, udp) = &state.sockets[place];
            let id = *id;
            let Poll::Ready(received) = udp.poll_recv(cx, buffers, metas) else { continue };
            let count = received?;
            let State { table, out, .. } = &mut *state;
            let metas = metas.get_mut(..count).unwrap_or_default();
            if table.receive(id, buffers, metas, self.now_us(), out) {
                state.send_out();
                self.due.notify_one();
            }
            state.turn = place + 1;
            return Poll::Ready(Ok(count));
        }
        Poll::Pending
    }

    /// An IPv6 address always, as which QUIC sees all addresses.
    fn local_addr(&self) -> io::Result<SocketAddr> {
        let own = self.local_address()?;
        Ok(SocketAddr::new(Ipv6Addr::UNSPECIFIED.into(), own.port()))
    }

    fn may_fragment(&self) -> bool {
        self.own.state.may_fragment()
    }

    fn max_transmit_segments(&self) -> usize {
        self.own.state.max_gso_segments()
    }

    fn max_receive_segments(&self) -> usize {
        self.own.state.gro_segments()
    }
}

type Writable = Pin<Box<dyn Future<Output = io::Result<()>> + Send>>;

/// Waits for the socket that could not take a packet.
struct Poller {
    sockets: Arc<Sockets>,
    /// Only ever locked by the one task that polls.
    waiting: Mutex<Option<Writable>>,
}

impl std::fmt::Debug for Poller {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Poller").finish_non_exhaustive()
    }
}

impl UdpPoller for Poller {
    fn poll_writable(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let waiting = this.waiting.get_mut().unwrap_or_else(PoisonError::into_inner);
        if waiting.is_none() {
            let Some(udp) = this.sockets.lock().blocked.take() else { return Poll::Ready(Ok(())) };
            *waiting = Some(Box::pin(async move { udp.io.writable().await }));
        }
        let Some(writable) = waiting else { return Poll::Ready(Ok(())) };
        let result = ready!(writable.as_mut().poll(cx));
        *waiting = None;
        Poll::Ready(result)
    }
}

/// Does what is due until the endpoint has gone.
async fn drive(sockets: Weak<Sockets>, due: Arc<Notify>) {
    loop {
        let next = match sockets.upgrade() {
            Some(sockets) => sockets.run(),
            None => return,
        };
        let timer = async {
            match next {
                Some(next) => tokio::time::sleep_until(next).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = timer => {}
            () = due.notified() => {}
        }
    }
}

impl Drop for Sockets {
    fn drop(&mut self) {
        self.due.notify_one();
    }
}
