//! What a loop does with its tunnels.

use bytes::Bytes;
use tessera_transport::relay::is_relay_message;

use super::{EventLoop, Origin, Place, TunnelId, Use, deliver};

/// Packets handed over by other loops between two looks at everything else.
const DELIVERIES: usize = 1024;

impl EventLoop {
    /// Lets connections in and spreads them over the loops.
    pub(super) fn accept(&mut self) {
        let Some(listener) = &self.listener else { return };
        let (accepted, refused) = listener.accept();
        self.shared.counters.tunnels_refused.add(refused);
        self.shared.counters.tunnels_accepted.add(accepted.len() as u64);
        for connection in accepted {
            self.shared.assign(connection);
        }
    }

    /// Queues the packets that other loops have for this one's tunnels.
    pub(super) fn take_deliveries(&mut self) {
        let now_us = self.shared.now_ns() / 1000;
        for _ in 0..DELIVERIES {
            let Some(delivery) = self.shared.take_delivery(self.index) else { break };
            self.tunnels.push(delivery.number, &delivery.bytes, delivery.stride_bytes, now_us);
        }
    }

    pub(super) fn read_tunnel(&mut self, number: usize) {
        let read = self.tunnels.read(number, self.shared.now().since_start_s);
        while let Some(packet) = self.tunnels.pop(number) {
            if !self.handle_tunnelled(number, &packet) {
                return self.close_tunnel(number);
            }
        }
        if read.is_err() {
            self.close_tunnel(number);
        }
    }

    pub(super) fn close_tunnel(&mut self, number: usize) {
        self.tunnels.close(number);
        let origin = Origin::Tunnel(TunnelId { event_loop: self.index, number });
        if self.flows.remove(&origin).is_some() {
            let mut channels = self.shared.channels();
            let changes = channels.leave(origin);
            self.shared.publish(&changes);
        }
    }

    pub(super) fn flush_tunnels(&mut self) {
        let mut broken = Vec::new();
        let dropped = self.tunnels.flush(self.shared.now_ns() / 1000, &mut broken);
        self.shared.counters.packets_unsent.add(dropped);
        for number in broken {
            self.close_tunnel(number);
        }
    }

    /// Does what is due with a packet out of a tunnel; `false` when it has no place there.
    fn handle_tunnelled(&mut self, number: usize, packet: &Bytes) -> bool {
        let id = TunnelId { event_loop: self.index, number };
        let origin = Origin::Tunnel(id);
        let Some(tunnel) = self.tunnels.tunnel(number) else { return false };
        let peer = tunnel.peer;
        match (&tunnel.used, is_relay_message(packet)) {
            (Use::None | Use::End, true) => {
                let is_bound = self.note_heard(origin);
                let place = Place::Tunnel { id, peer };
                let Some(answer) = self.desk.answer(packet, place, is_bound) else { return false };
                // Before the answer is queued: a bind may have closed the tunnel that the end had before.
                self.learn();
                if self.flows.contains_key(&origin)
                    && let Some(tunnel) = self.tunnels.tunnel(number)
                {
                    tunnel.used = Use::End;
                }
                self.tunnels.push(number, &answer, answer.len(), self.shared.now_ns() / 1000);
                true
            }
            (Use::End, false) => {
                self.forward_tunnelled(origin, packet);
                true
            }
            (Use::None | Use::Center(_), false) if is_quic(packet) => {
                self.tunnels.join_center(number, packet, self.poll.registry())
            }
            _ => false,
        }
    }

    fn forward_tunnelled(&mut self, from: Origin, packet: &[u8]) {
        let length = packet.len();
        match self.admit(from, length, length, self.shared.now_ns()) {
            Some((Place::Udp(to), _)) => self.batches.send(packet, to),
            Some((Place::Tunnel { id, .. }, _)) => {
                deliver(&self.shared, &mut self.tunnels, self.index, id, packet, length);
            }
            None => {}
        }
    }
}

/// Whether a packet has the bit that all packets of QUIC have (RFC 9000, section 17).
fn is_quic(packet: &[u8]) -> bool {
    packet.first().is_some_and(|first| first & 0x40 != 0)
}
