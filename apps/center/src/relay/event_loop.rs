//! One thread of the relay: waits on mio, forwards in batches, asks the desk about the rest.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use mio::{Events, Interest, Poll, Token};
use tessera_transport::relay::{MAX_MESSAGE_BYTES, is_relay_message};
use tracing::error;

use super::batch::{Batches, Received};
use super::channels::{Change, Flow};
use super::desk::Desk;
use super::shared::Shared;

pub(super) const WAKE: Token = Token(0);
const UDP: Token = Token(1);

/// System calls of receiving between two looks at everything else.
const DRAIN_CALLS: usize = 32;
/// Longest wait; the first loop expires ends this often.
const HOUSEKEEPING: Duration = Duration::from_secs(1);

/// A loop ready to run.
pub(super) struct EventLoop {
    index: usize,
    poll: Poll,
    batches: Batches,
    shared: Arc<Shared>,
    desk: Desk,
    flows: HashMap<SocketAddr, Flow>,
    /// Whether the socket may hold more than was taken; mio tells of the first packet only.
    has_more: bool,
}

impl EventLoop {
    /// A loop on `poll`, at which [`WAKE`] is registered already.
    pub(super) fn new(
        index: usize,
        poll: Poll,
        mut batches: Batches,
        shared: Arc<Shared>,
    ) -> io::Result<Self> {
        poll.registry().register(batches.socket_mut(), UDP, Interest::READABLE)?;
        let desk = Desk::new(shared.clone());
        Ok(Self { index, poll, batches, shared, desk, flows: HashMap::new(), has_more: false })
    }

    /// Forwards until the relay ends.
    pub(super) fn run(mut self) {
        let mut events = Events::with_capacity(64);
        let mut received = Vec::new();
        let mut tidied_at_s = 0;
        while !self.shared.is_over() {
            let wait = if self.has_more { Duration::ZERO } else { HOUSEKEEPING };
            match self.poll.poll(&mut events, Some(wait)) {
                Ok(()) => {}
                Err(fault) if fault.kind() == io::ErrorKind::Interrupted => {}
                Err(fault) => return error!(%fault, "an event loop of the relay ended"),
            }
            self.learn();
            // Without an event too: an error may have hidden one.
            if self.has_more || events.is_empty() || events.iter().any(|it| it.token() == UDP) {
                self.drain(&mut received);
            }
            let now = self.shared.now();
            if self.index == 0 && now.since_start_s > tidied_at_s {
                tidied_at_s = now.since_start_s;
                let mut channels = self.shared.channels();
                let changes = channels.expire(now);
                self.shared.publish(&changes);
            }
        }
    }

    fn learn(&mut self) {
        for change in self.shared.take_changes(self.index) {
            match change {
                Change::Flows(from, flow) => drop(self.flows.insert(from, flow)),
                Change::Ends(from) => drop(self.flows.remove(&from)),
            }
        }
    }

    fn drain(&mut self, received: &mut Vec<Received>) {
        self.has_more = true;
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
        let bytes = self.batches.bytes(batch);
        // A message is short; only the last packet of a batch may be shorter than the others.
        let last_bytes =
            batch.len - (batch.len.saturating_sub(1)) / batch.stride_bytes * batch.stride_bytes;
        let may_hold_messages = last_bytes <= MAX_MESSAGE_BYTES
            && bytes.chunks(batch.stride_bytes).any(is_relay_message);
        if !may_hold_messages {
            return self.forward(batch, now_ns);
        }
        for part in batch.packets() {
            if is_relay_message(self.batches.bytes(&part)) {
                self.answer(&part);
            } else {
                self.forward(&part, now_ns);
            }
        }
    }

    fn answer(&mut self, packet: &Received) {
        let from = packet.from;
        let flow = self.flows.get(&from.peer);
        if let Some(flow) = flow {
            flow.heard.note(self.shared.now().since_start_s);
        }
        let is_bound = flow.is_some();
        if let Some(answer) = self.desk.answer(self.batches.bytes(packet), from, is_bound) {
            self.batches.send(&answer, from);
            // A bind at this loop takes effect at once here.
            self.learn();
        }
    }

    fn forward(&mut self, batch: &Received, now_ns: u64) {
        let counters = &self.shared.counters;
        let packets = |bytes: usize| bytes.div_ceil(batch.stride_bytes) as u64;
        let Some(flow) = self.flows.get(&batch.from.peer) else {
            return counters.packets_unknown.add(packets(batch.len));
        };
        flow.heard.note(now_ns / 1_000_000_000);
        let Some(to) = flow.to else {
            return counters.packets_unpaired.add(packets(batch.len));
        };
        let admitted = flow.meter.admit(batch.len, batch.stride_bytes, now_ns);
        if admitted < batch.len {
            counters.packets_over_rate.add(packets(batch.len - admitted));
        }
        if admitted > 0 {
            counters.packets_forwarded.add(packets(admitted));
            counters.bytes_forwarded.add(admitted as u64);
            self.batches.forward(batch, admitted, to);
        }
    }
}
