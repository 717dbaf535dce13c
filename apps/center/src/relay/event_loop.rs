//! One thread of the relay: waits on mio, forwards in batches, asks the desk about the rest.

mod tunnelled;

use std::collections::HashMap;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use mio::{Events, Interest, Poll, Token};
use tessera_transport::relay::{MAX_MESSAGE_BYTES, is_relay_message};
use tracing::error;

use super::batch::{Batches, Received};
use super::channels::{Address, Change, Flow, Origin, Place, TunnelId};
use super::desk::Desk;
use super::shared::Shared;
use super::tunnel::{Listener, Ready, Tunnels, Use};

pub(super) const WAKE: Token = Token(0);
const UDP: Token = Token(1);
const LISTENER: Token = Token(2);

/// System calls of receiving between two looks at everything else.
const DRAIN_CALLS: usize = 32;
/// Longest wait; what has no event of its own is looked after this often.
const HOUSEKEEPING: Duration = Duration::from_secs(1);

/// A loop ready to run.
pub(super) struct EventLoop {
    index: usize,
    poll: Poll,
    batches: Batches,
    tunnels: Tunnels,
    /// The first loop's, which takes connections in for all.
    listener: Option<Listener>,
    shared: Arc<Shared>,
    desk: Desk,
    flows: HashMap<Origin, Flow>,
    /// Whether the UDP socket may hold more than was taken; mio tells of the first packet only.
    has_more: bool,
    tidied_at_s: u64,
}

impl EventLoop {
    /// A loop on `poll`, at which [`WAKE`] is registered already.
    pub(super) fn new(
        index: usize,
        poll: Poll,
        mut batches: Batches,
        tunnels: Tunnels,
        mut listener: Option<Listener>,
        shared: Arc<Shared>,
    ) -> io::Result<Self> {
        poll.registry().register(batches.socket_mut(), UDP, Interest::READABLE)?;
        if let Some(listener) = &mut listener {
            poll.registry().register(listener.socket_mut(), LISTENER, Interest::READABLE)?;
        }
        let desk = Desk::new(shared.clone());
        let flows = HashMap::new();
        let (has_more, tidied_at_s) = (false, 0);
        Ok(Self {
            index,
            poll,
            batches,
            tunnels,
            listener,
            shared,
            desk,
            flows,
            has_more,
            tidied_at_s,
        })
    }

    /// Forwards until the relay ends.
    pub(super) fn run(mut self) {
        let mut events = Events::with_capacity(256);
        let mut received = Vec::new();
        while !self.shared.is_over() {
            let is_waiting = !self.has_more && !self.tunnels.has_unread();
            let wait = if is_waiting { HOUSEKEEPING } else { Duration::ZERO };
            match self.poll.poll(&mut events, Some(wait)) {
                Ok(()) => {}
                Err(fault) if fault.kind() == io::ErrorKind::Interrupted => {}
                Err(fault) => return error!(%fault, "an event loop of the relay ended"),
            }
            self.learn();
            for number in self.tunnels.take_unread() {
                self.read_tunnel(number);
            }
            for event in &events {
                match (event.token(), Ready::of(event.token())) {
                    (UDP, _) => self.has_more = true,
                    (LISTENER, _) => self.accept(),
                    (_, Some(Ready::Participant(number))) => {
                        if event.is_readable() {
                            self.read_tunnel(number);
                        }
                        self.tunnels.touch(number);
                    }
                    (_, Some(Ready::Center(number))) => {
                        self.tunnels.read_center(number, self.shared.now_ns() / 1000);
                    }
                    _ => {}
                }
            }
            if self.has_more {
                self.drain(&mut received);
            }
            self.flush_tunnels();
            self.tidy_up();
        }
    }

    /// What is done about once a second.
    fn tidy_up(&mut self) {
        let now = self.shared.now();
        if now.since_start_s == self.tidied_at_s {
            return;
        }
        self.tidied_at_s = now.since_start_s;
        // An error may have hidden an event.
        self.has_more = true;
        self.accept();
        for number in self.tunnels.overdue(now.since_start_s) {
            self.close_tunnel(number);
        }
        if self.index == 0 {
            let mut channels = self.shared.channels();
            let changes = channels.expire(now);
            self.shared.publish(&changes);
        }
    }

    /// Takes what other loops have for this one: changes, connections, and packets for its tunnels.
    fn learn(&mut self) {
        if let Some((changes, connections)) = self.shared.take_news(self.index) {
            for change in changes {
                self.follow(change);
            }
            let now_s = self.shared.now().since_start_s;
            for accepted in connections {
                // One that has broken already is not missed.
                let _ = self.tunnels.open(accepted, self.poll.registry(), now_s);
            }
        }
        self.take_deliveries();
    }

    fn follow(&mut self, change: Change) {
        match change {
            Change::Flows(Origin::Tunnel(id), _) if id.event_loop != self.index => {}
            Change::Flows(from, flow) => drop(self.flows.insert(from, flow)),
            Change::Ends(from) => {
                let was_bound = self.flows.remove(&from).is_some();
                if let (true, Origin::Tunnel(id)) = (was_bound, from) {
                    self.tunnels.close(id.number);
                }
            }
        }
    }

    fn drain(&mut self, received: &mut Vec<Received>) {
        for _ in 0..DRAIN_CALLS {
            match self.batches.receive(received) {
                Ok(()) => {}
                Err(fault) if fault.kind() == io::ErrorKind::WouldBlock => {
                    self.has_more = false;
                    break;
                }
                // Of a packet sent before, such as one to a port that is closed.
                Err(_) => self.has_more = false,
            }
            let now_ns = self.shared.now_ns();
            for batch in received.iter() {
                self.handle(batch, now_ns);
            }
            self.batches.flush();
        }
        self.shared.counters.packets_unsent.add(std::mem::take(&mut self.batches.unsent));
    }

    fn handle(&mut self, batch: &Received, now_ns: u64) {
        // Only the last packet of a batch may be shorter than the others, and a message is short.
        let before_last = batch.len.saturating_sub(1) / batch.stride_bytes * batch.stride_bytes;
        let may_hold_messages = batch.len - before_last <= MAX_MESSAGE_BYTES;
        let mut packets = self.batches.bytes(batch).chunks(batch.stride_bytes);
        if !(may_hold_messages && packets.any(is_relay_message)) {
            return self.forward(batch, now_ns);
        }
        for packet in batch.packets() {
            if is_relay_message(self.batches.bytes(&packet)) {
                self.answer(&packet);
            } else {
                self.forward(&packet, now_ns);
            }
        }
    }

    fn answer(&mut self, packet: &Received) {
        let place = Place::Udp(packet.from);
        let is_bound = self.note_heard(place.origin());
        if let Some(answer) = self.desk.answer(self.batches.bytes(packet), place, is_bound) {
            self.batches.send(&answer, packet.from);
            // A bind at this loop takes effect at once here.
            self.learn();
        }
    }

    /// Notes that something came from there, and says whether an end is there.
    fn note_heard(&self, origin: Origin) -> bool {
        let flow = self.flows.get(&origin);
        if let Some(flow) = flow {
            flow.heard.note(self.shared.now().since_start_s);
        }
        flow.is_some()
    }

    fn forward(&mut self, batch: &Received, now_ns: u64) {
        let Received { from: Address { peer, .. }, stride_bytes, len, .. } = *batch;
        let Some((to, admitted)) = self.admit(Origin::Udp(peer), len, stride_bytes, now_ns) else {
            return;
        };
        match to {
            Place::Udp(to) => self.batches.forward(batch, admitted, to),
            Place::Tunnel { id, .. } => {
                let bytes = self.batches.bytes(batch).get(..admitted).unwrap_or_default();
                deliver(&self.shared, &mut self.tunnels, self.index, id, bytes, stride_bytes);
            }
        }
    }

    /// Where packets from there go and how many bytes of them may; all that may not are counted as dropped.
    fn admit(
        &self,
        from: Origin,
        bytes: usize,
        stride_bytes: usize,
        now_ns: u64,
    ) -> Option<(Place, usize)> {
        let counters = &self.shared.counters;
        let packets = |bytes: usize| bytes.div_ceil(stride_bytes) as u64;
        let Some(flow) = self.flows.get(&from) else {
            counters.packets_unknown.add(packets(bytes));
            return None;
        };
        flow.heard.note(now_ns / 1_000_000_000);
        let Some(to) = flow.to else {
            counters.packets_unpaired.add(packets(bytes));
            return None;
        };
        let admitted = flow.meter.admit(bytes, stride_bytes, now_ns);
        if admitted < bytes {
            counters.packets_over_rate.add(packets(bytes - admitted));
        }
        if admitted == 0 {
            return None;
        }
        counters.packets_forwarded.add(packets(admitted));
        counters.bytes_forwarded.add(admitted as u64);
        Some((to, admitted))
    }
}

/// Queues packets for a tunnel of this loop, or of another one.
fn deliver(
    shared: &Shared,
    tunnels: &mut Tunnels,
    own_index: usize,
    to: TunnelId,
    bytes: &[u8],
    stride_bytes: usize,
) {
    if to.event_loop == own_index {
        tunnels.push(to.number, bytes, stride_bytes, shared.now_ns() / 1000);
    } else if !shared.deliver(to, bytes, stride_bytes) {
        shared.counters.packets_unsent.add(bytes.len().div_ceil(stride_bytes) as u64);
    }
}
