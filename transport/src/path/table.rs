//! Which peer a packet is for or from: the constant addresses that QUIC sees, and the ways behind them. No socket and no
//! clock.

use super::route::{OWN_SOCKET, Outgoing, Route, SocketId, Way};
use super::seal::{self, Name, Seal};
use crate::relay;
use quinn::udp::RecvMeta;
use std::collections::HashMap;
use std::io::IoSliceMut;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};

/// Made-up addresses are of the prefix that nothing is routed to (RFC 6666).
const MADE_UP: [u16; 4] = [0x0100, 0, 0, 0];
const MADE_UP_PORT: u16 = 1;

/// A route whose last user has gone keeps its way this long, for the goodbye to be said and repeated.
const FAREWELL_US: u64 = 3_000_000;

#[derive(Debug)]
struct Entry {
    route: Route,
    users: u32,
    /// When it is forgotten; `None` while somebody uses it.
    until_us: Option<u64>,
}

/// Routes by the constant addresses of their peers.
#[derive(Debug)]
pub(super) struct Table {
    /// Whether direct paths may be used beside relayed ones; they show each side the other's addresses.
    pub(super) may_go_direct: bool,
    routes: HashMap<SocketAddr, Entry>,
    /// Whose packets come by a way.
    sources: HashMap<Way, SocketAddr>,
    names: HashMap<Name, SocketAddr>,
    made_up: u64,
}

/// What becomes of data for an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Destination {
    /// It is the address.
    Itself,
    /// It stands for this way.
    Way(Way),
    /// There is no way at present.
    Nowhere,
}

/// The form in which QUIC sees an address: IPv6, an IPv4 one mapped (RFC 4291, section 2.5.5.2).
pub(super) fn seen_form(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(v4) => v4.to_ipv6_mapped(),
        IpAddr::V6(v6) => v6,
    };
    SocketAddr::new(ip.into(), address.port())
}

/// The other form, in which addresses are compared and remembered here.
pub(crate) fn plain_form(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

fn is_made_up(address: SocketAddr) -> bool {
    matches!(address.ip(), IpAddr::V6(ip) if ip.segments()[..4] == MADE_UP)
}

impl Table {
    pub(super) fn new() -> Self {
        Self {
            may_go_direct: true,
            routes: HashMap::new(),
            sources: HashMap::new(),
            names: HashMap::new(),
            made_up: 0,
        }
    }

    /// An address that stands for a new peer.
    pub(super) fn make_up(&mut self) -> SocketAddr {
        self.made_up += 1;
        let ip = Ipv6Addr::from((u128::from(MADE_UP[0]) << 112) | u128::from(self.made_up));
        SocketAddr::new(ip.into(), MADE_UP_PORT)
    }

    /// A new route with one user.
    pub(super) fn insert(&mut self, address: SocketAddr, route: Route) {
        self.routes.insert(address, Entry { route, users: 1, until_us: None });
        self.index(address);
    }

    /// One more user of a route, also of one whose last user has just gone; `false` where there is none.
    pub(super) fn take_up(&mut self, address: SocketAddr) -> bool {
        let Some(entry) = self.routes.get_mut(&address) else { return false };
        entry.users += 1;
        entry.until_us = None;
        true
    }

    pub(super) fn route(&self, address: SocketAddr) -> Option<&Route> {
        self.routes.get(&address).map(|entry| &entry.route)
    }

    /// Changes a route, if it is there, and what was known about its ways.
    pub(super) fn change<T>(
        &mut self,
        address: SocketAddr,
        change: impl FnOnce(&mut Route) -> T,
    ) -> Option<T> {
        let changed = change(&mut self.routes.get_mut(&address)?.route);
        self.index(address);
        Some(changed)
    }

    /// A user of a route has gone.
    pub(super) fn retire(&mut self, address: SocketAddr, now_us: u64) {
        if let Some(entry) = self.routes.get_mut(&address) {
            entry.users -= 1;
            entry.until_us = (entry.users == 0).then_some(now_us + FAREWELL_US);
        }
    }

    /// Gives the ways of one route to another to the same peer.
    pub(super) fn absorb(&mut self, into: SocketAddr, from: SocketAddr, now_us: u64) {
        if into == from || !self.routes.contains_key(&into) {
            return;
        }
        if let Some(entry) = self.remove(from) {
            self.change(into, |route| route.absorb(now_us, entry.route));
        }
    }

    /// A way leads nowhere any more.
    pub(super) fn remove_way(&mut self, way: Way, now_us: u64) {
        if let Some(address) = self.sources.get(&way).copied() {
            self.change(address, |route| route.remove(now_us, way));
        }
    }

    /// Begins to probe the ways to a peer with the keys of a connection to it.
    pub(super) fn begin(&mut self, address: SocketAddr, now_us: u64, seal: Seal) {
        self.change(address, |route| route.begin(now_us, seal));
    }

    pub(super) fn destination(&self, address: SocketAddr) -> Destination {
        match self.routes.get(&address) {
            Some(entry) => entry.route.target().map_or(Destination::Nowhere, Destination::Way),
            None if is_made_up(address) => Destination::Nowhere,
            None => Destination::Itself,
        }
    }

    /// Takes what is not QUIC's out of a batch of received buffers, and gives the rest the addresses that QUIC knows.
    /// Answers are added to `out`. Tells whether anything was taken out.
    pub(super) fn receive(
        &mut self,
        socket: SocketId,
        buffers: &mut [IoSliceMut<'_>],
        metas: &mut [RecvMeta],
        now_us: u64,
        out: &mut Vec<Outgoing>,
    ) -> bool {
        let mut has_taken = false;
        for (buffer, meta) in buffers.iter_mut().zip(metas) {
            let way = Way::Udp { socket, remote: plain_form(meta.addr) };
            let Some(batch) = buffer.get_mut(..meta.len) else { continue };
            if batch.chunks(meta.stride.max(1)).any(is_ours) {
                meta.len = self.take_ours(way, batch, meta.stride, now_us, out);
                has_taken = true;
            }
            if meta.len == 0 {
                continue;
            }
            match self.whose(way, now_us) {
                Some(address) if address != seen_form(meta.addr) => {
                    meta.addr = address;
                    // The own address belongs to the way, which QUIC does not know.
                    meta.dst_ip = None;
                }
                Some(_) => meta.addr = seen_form(meta.addr),
                None if socket == OWN_SOCKET => meta.addr = seen_form(meta.addr),
                // Sockets of one peer are for nobody else.
                None => meta.len = 0,
            }
        }
        has_taken
    }

    /// Whose packets come by this way; notes that some did.
    pub(super) fn whose(&mut self, way: Way, now_us: u64) -> Option<SocketAddr> {
        let address = *self.sources.get(&way)?;
        self.routes.get_mut(&address)?.route.traffic(now_us, way);
        Some(address)
    }

    /// A packet of this package, not of QUIC.
    pub(super) fn packet(&mut self, way: Way, packet: &[u8], now_us: u64, out: &mut Vec<Outgoing>) {
        if relay::is_relay_message(packet) {
            if let Some(address) = self.sources.get(&way).copied() {
                self.change(address, |route| {
                    route.relay_message(now_us, way, packet);
                    route.run(now_us, out);
                });
            }
            return;
        }
        let named = seal::name_of(packet).and_then(|name| self.names.get(&name).copied());
        let Some(address) = named else { return };
        let Some(entry) = self.routes.get_mut(&address) else { return };
        let Some(heard) = entry.route.packet(now_us, way, packet, self.may_go_direct) else {
            return;
        };
        out.extend(heard.answer);
        entry.route.run(now_us, out);
        if heard.is_known && self.sources.get(&way) != Some(&address) {
            self.index(address);
        }
    }

    /// Does what is due for all peers, and tells what is to be sent and when to come back.
    pub(super) fn run(&mut self, now_us: u64, out: &mut Vec<Outgoing>) -> Option<u64> {
        let over = |entry: &Entry| entry.until_us.is_some_and(|until_us| until_us <= now_us);
        let gone: Vec<_> =
            self.routes.iter().filter(|(_, it)| over(it)).map(|(address, _)| *address).collect();
        for address in gone {
            self.remove(address);
        }
        let mut due_us = None;
        for entry in self.routes.values_mut() {
            if entry.until_us.is_none() {
                entry.route.run(now_us, out);
            }
            let next_us = entry.until_us.or_else(|| entry.route.timeout_us(now_us));
            due_us = due_us.into_iter().chain(next_us).min();
        }
        due_us
    }

    /// Which sockets and tunnels are still needed.
    pub(super) fn is_used(&self, needed: impl Fn(Way) -> bool) -> bool {
        self.routes.values().any(|entry| entry.route.ways().any(&needed))
    }

    fn remove(&mut self, address: SocketAddr) -> Option<Entry> {
        self.sources.retain(|_, it| *it != address);
        self.names.retain(|_, it| *it != address);
        self.routes.remove(&address)
    }

    /// Finds a route by its ways and its name from now on.
    fn index(&mut self, address: SocketAddr) {
        let Some(entry) = self.routes.get(&address) else { return };
        let ways: Vec<Way> = entry.route.ways().collect();
        self.sources.retain(|way, it| *it != address || ways.contains(way));
        for way in ways {
            self.sources.entry(way).or_insert(address);
        }
        self.names.retain(|_, it| *it != address);
        if let Some(name) = entry.route.name() {
            self.names.insert(name, address);
        }
    }

    /// Handles and removes the packets of a batch that are not QUIC's; returns the length of the rest, which keeps its
    /// stride.
    fn take_ours(
        &mut self,
        way: Way,
        batch: &mut [u8],
        stride: usize,
        now_us: u64,
        out: &mut Vec<Outgoing>,
    ) -> usize {
        let mut kept = 0;
        let mut at = 0;
        while at < batch.len() {
            let end = batch.len().min(at + stride.max(1));
            if is_ours(&batch[at..end]) {
                self.packet(way, &batch[at..end], now_us, out);
            } else {
                batch.copy_within(at..end, kept);
                kept += end - at;
            }
            at = end;
        }
        kept
    }
}

/// Whether a packet is this package's: QUIC's have the bit 0x40 set (RFC 9000, section 17).
fn is_ours(packet: &[u8]) -> bool {
    packet.first().is_some_and(|first| *first < 0x40)
}
