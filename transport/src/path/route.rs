//! The ways to one peer as a value: its paths, the keys of its probes, its places at relays. No socket and no clock.

use super::choice::{Action, Choice, MAX_PATHS, PathId, PathKind};
use super::epoch::PathEpoch;
use super::seal::{Opened, Seal};
use super::status::Status;
use crate::relay::{self, Binder};
use bytes::Bytes;
use std::net::SocketAddr;
use tokio::sync::watch;

/// Where packets of a path go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Way {
    /// From one of the endpoint's sockets to an address.
    Udp {
        /// Which socket.
        socket: SocketId,
        /// Where to, in its canonical form.
        remote: SocketAddr,
    },
    /// Into a tunnel.
    Tunnel(TunnelId),
}

/// The endpoint's own socket: of strangers, of the center, and of peers who connected to it directly.
pub(super) const OWN_SOCKET: SocketId = SocketId(0);

/// One of the endpoint's sockets, never used twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct SocketId(pub(super) u32);

/// One of the endpoint's tunnels, never used twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct TunnelId(pub(super) u32);

/// A packet of this package to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Outgoing {
    pub(super) way: Way,
    pub(super) packet: Bytes,
}

/// An end of a channel, to be bound at a relay and kept so.
#[derive(Debug)]
struct Place {
    way: Way,
    path: PathId,
    binder: Binder,
}

/// The ways to one peer.
#[derive(Debug)]
pub(super) struct Route {
    choice: Choice,
    ways: [Option<Way>; MAX_PATHS],
    kinds: [PathKind; MAX_PATHS],
    places: Vec<Place>,
    seal: Option<Seal>,
    epoch: PathEpoch,
    status: watch::Sender<Status>,
}

impl Route {
    /// A route that begins on one path.
    pub(super) fn new(now_us: u64, kind: PathKind, way: Way, epoch: PathEpoch) -> Self {
        let (choice, first) = Choice::new(now_us, kind);
        let mut ways = [None; MAX_PATHS];
        ways[first.index()] = Some(way);
        let status = watch::Sender::new(Status::new(kind));
        Self {
            choice,
            ways,
            kinds: [kind; MAX_PATHS],
            places: Vec::new(),
            seal: None,
            epoch,
            status,
        }
    }

    /// Where data goes at present.
    pub(super) fn target(&self) -> Option<Way> {
        self.way(self.choice.current())
    }

    pub(super) fn epoch(&self) -> &PathEpoch {
        &self.epoch
    }

    pub(super) fn status(&self) -> watch::Receiver<Status> {
        self.status.subscribe()
    }

    /// How packets travel at present.
    pub(super) fn kind(&self) -> PathKind {
        self.choice.current_kind()
    }

    /// The socket that the peer's candidates are probed from: the one that a relay knows, if there is one.
    pub(super) fn home(&self) -> SocketId {
        let sockets = self.ways().filter_map(|way| match way {
            Way::Udp { socket, .. } => Some(socket),
            Way::Tunnel(_) => None,
        });
        sockets.max_by_key(|socket| socket.0).unwrap_or(OWN_SOCKET)
    }

    /// The ways of all paths.
    pub(super) fn ways(&self) -> impl Iterator<Item = Way> + '_ {
        self.ways.iter().flatten().copied()
    }

    /// A connection was made: from now on the paths are probed with its keys.
    pub(super) fn begin(&mut self, now_us: u64, seal: Seal) {
        self.seal = Some(seal);
        self.choice.refresh(now_us);
    }

    /// The name on packets for this end, once there is a connection.
    pub(super) fn name(&self) -> Option<super::seal::Name> {
        self.seal.as_ref().map(Seal::received_name)
    }

    /// Has a way probed unless it is known already; `false` where there is no room for it.
    pub(super) fn add(&mut self, now_us: u64, kind: PathKind, way: Way) -> bool {
        self.find(way).is_some() || self.place(way, kind, |choice| choice.add(now_us, kind))
    }

    /// Has the peer's place at a relay kept by `binder`, and the path through it probed.
    pub(super) fn add_relay(&mut self, now_us: u64, way: Way, binder: Binder) {
        let kind = if matches!(way, Way::Tunnel(_)) { PathKind::Tunnel } else { PathKind::Relay };
        if self.add(now_us, kind, way)
            && let Some(path) = self.find(way)
        {
            self.places.push(Place { way, path, binder });
        }
    }

    /// Forgets a way that leads nowhere any more.
    pub(super) fn remove(&mut self, now_us: u64, way: Way) {
        let Some(path) = self.find(way) else { return };
        self.places.retain(|place| place.way != way);
        self.choice.remove(now_us, path);
        if path != self.choice.current() {
            self.ways[path.index()] = None;
        }
    }

    /// The network has changed.
    pub(super) fn refresh(&mut self, now_us: u64) {
        self.choice.refresh(now_us);
        for place in &mut self.places {
            place.binder.check(now_us);
        }
    }

    /// Takes over the ways of another route to the same peer.
    pub(super) fn absorb(&mut self, now_us: u64, other: Self) {
        let Self { ways, kinds, places, .. } = other;
        for (way, kind) in ways.into_iter().zip(kinds) {
            if let Some(way) = way {
                self.add(now_us, kind, way);
            }
        }
        for Place { way, binder, .. } in places {
            if let Some(path) = self.find(way) {
                self.places.push(Place { way, path, binder });
            }
        }
    }

    /// Packets of QUIC have come by a way.
    pub(super) fn traffic(&mut self, now_us: u64, way: Way) {
        if let Some(path) = self.find(way) {
            self.choice.traffic(now_us, path);
        }
    }

    /// A relay's message has come by a way.
    pub(super) fn relay_message(&mut self, now_us: u64, way: Way, packet: &[u8]) {
        if let Some(place) = self.places.iter_mut().find(|place| place.way == way) {
            place.binder.handle_packet(packet, now_us);
        }
    }

    /// A probe or an answer has come by a way, if that is what it is. Tells what to answer, and whether the way is known.
    ///
    /// A way that was not known becomes one of the peer's where `may_go_direct` says so.
    pub(super) fn packet(
        &mut self,
        now_us: u64,
        way: Way,
        packet: &[u8],
        may_go_direct: bool,
    ) -> Option<Heard> {
        let seal = self.seal.as_mut()?;
        let opened = seal.open(packet)?;
        match opened {
            Opened::Answer { to } => {
                let path = self.find(way)?;
                self.choice.answered(now_us, path, to);
                Some(Heard { answer: None, is_known: true })
            }
            Opened::Probe { number } => {
                let is_known = match self.find(way) {
                    Some(path) => {
                        self.choice.heard(now_us, path);
                        true
                    }
                    None if may_go_direct => self.place(way, PathKind::Direct, |choice| {
                        choice.add_heard(now_us, PathKind::Direct)
                    }),
                    None => return None,
                };
                let answer = self.seal.as_mut()?.answer(number)?;
                let answer = Outgoing { way, packet: Bytes::copy_from_slice(&answer) };
                Some(Heard { answer: Some(answer), is_known })
            }
        }
    }

    /// Does what is due, and tells what is to be sent for it.
    pub(super) fn run(&mut self, now_us: u64, out: &mut Vec<Outgoing>) {
        if self.seal.is_some() {
            while let Some(action) = self.choice.poll(now_us) {
                self.act(now_us, action, out);
            }
        }
        for place in &mut self.places {
            while let Some(packet) = place.binder.poll_transmit(now_us) {
                out.push(Outgoing { way: place.way, packet: packet.into() });
            }
        }
        self.relay_events();
        self.publish(now_us);
    }

    /// When [`Self::run`] has something to do.
    pub(super) fn timeout_us(&self, now_us: u64) -> Option<u64> {
        let binders = self.places.iter().filter_map(|place| place.binder.next_timeout_us());
        let choice = self.seal.as_ref().and_then(|_| self.choice.timeout_us(now_us));
        binders.chain(choice).min()
    }

    fn act(&mut self, now_us: u64, action: Action, out: &mut Vec<Outgoing>) {
        match action {
            Action::Probe(path) => {
                if self.choice.is_doubted(path) {
                    // The relay may have been restarted, or an address translator may have forgotten this end.
                    let place = self.places.iter_mut().find(|place| place.path == path);
                    place.into_iter().for_each(|place| place.binder.check(now_us));
                }
                let probe = self.seal.as_mut().and_then(Seal::probe);
                if let (Some((number, probe)), Some(way)) = (probe, self.way(path)) {
                    self.choice.probed(now_us, path, number);
                    out.push(Outgoing { way, packet: Bytes::copy_from_slice(&probe) });
                } else {
                    self.choice.remove(now_us, path);
                }
            }
            Action::Use(_) => {
                self.epoch.raise();
                self.status.send_modify(|status| status.switches += 1);
            }
            Action::Returned(_) => self.status.send_modify(|status| status.returns += 1),
        }
    }

    fn relay_events(&mut self) {
        for place in &mut self.places {
            while let Some(event) = place.binder.poll_event() {
                match event {
                    relay::Event::Bound { observed } => {
                        if self.seal.is_none() && !self.status.borrow().is_bound {
                            // The handshake goes by the first relay that is ready for it.
                            self.choice.begin_on(place.path);
                        }
                        self.status.send_modify(|status| {
                            status.is_bound = true;
                            status.observed = Some(observed);
                        });
                    }
                    relay::Event::Refused(reason) => {
                        tracing::info!(%reason, "a relay has refused");
                        self.status.send_modify(|status| status.is_bound = false);
                    }
                    relay::Event::Silent | relay::Event::Heard => {}
                }
            }
        }
    }

    fn publish(&self, now_us: u64) {
        let current = self.choice.current();
        let (kind, rtt_us) = (self.choice.current_kind(), self.choice.rtt_us(current));
        let is_silent = self.choice.is_silent(now_us);
        self.status.send_if_modified(|status| {
            let is_news = (status.kind, status.is_silent) != (kind, is_silent);
            (status.kind, status.rtt_us, status.is_silent) = (kind, rtt_us, is_silent);
            is_news
        });
    }

    fn place(
        &mut self,
        way: Way,
        kind: PathKind,
        add: impl FnOnce(&mut Choice) -> Option<PathId>,
    ) -> bool {
        let Some(path) = add(&mut self.choice) else { return false };
        self.ways[path.index()] = Some(way);
        self.kinds[path.index()] = kind;
        true
    }

    fn find(&self, way: Way) -> Option<PathId> {
        let place = self.ways.iter().position(|it| *it == Some(way))?;
        Choice::id(place)
    }

    fn way(&self, path: PathId) -> Option<Way> {
        *self.ways.get(path.index())?
    }
}

/// What became of a packet that was opened.
#[derive(Debug)]
pub(super) struct Heard {
    pub(super) answer: Option<Outgoing>,
    /// Whether what comes by this way from now on is the peer's.
    pub(super) is_known: bool,
}
