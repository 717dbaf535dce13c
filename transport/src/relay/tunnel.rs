//! Packets in a byte stream, for both sides of a tunnel: each with its length before it, and none of them late.

use crate::endpoint::Trust;
use crate::identity::Identity;
use crate::tls;
use bytes::{Buf, Bytes, BytesMut};
use std::collections::VecDeque;
use std::io;
use std::sync::Arc;

/// Longest packet in a frame: that of an Ethernet.
const MAX_PACKET_BYTES: usize = 1500;
const LENGTH_BYTES: usize = 2;

/// A packet that has waited longer is dropped: by then QUIC has, or will have, sent something better.
const LATE_US: u64 = 50_000;

/// Bytes handed over at a time, one TLS record at most. The rest can still be dropped.
const BATCH_BYTES: usize = 8 << 10;

/// Bytes that may wait: what 50 ms hold at 160 Mbit/s.
const MAX_WAITING_BYTES: usize = 1 << 20;

/// Packets received and not yet taken; QUIC takes them before the next is read, unless its thread is held up.
const MAX_RECEIVED: usize = 2048;

/// The relay's side of TLS: TLS 1.3, its usual certificate, and none asked for, since what a participant wants it proves
/// inside.
pub fn server_config(identity: &Identity) -> Result<Arc<rustls::ServerConfig>, rustls::Error> {
    tls::tunnel_server(identity)
}

/// A participant's side of TLS: TLS 1.3 with a relay that `trust` admits. It shows no certificate.
pub fn client_config(trust: Trust) -> Result<Arc<rustls::ClientConfig>, rustls::Error> {
    tls::tunnel_client(trust)
}

/// Packets on their way into the tunnel.
#[derive(Debug, Default)]
pub struct Outbound {
    /// Frames, one after the other.
    frames: VecDeque<u8>,
    /// When each was queued, and its length.
    waiting: VecDeque<(u64, usize)>,
    dropped: u64,
}

impl Outbound {
    /// Queues packets of `packet_bytes` each, the last of which may be shorter. What there is no room for is dropped.
    pub fn push(&mut self, contents: &[u8], packet_bytes: usize, now_us: u64) {
        self.drop_late(now_us);
        for packet in contents.chunks(packet_bytes.max(1)) {
            let frame_bytes = LENGTH_BYTES + packet.len();
            let Ok(length) = u16::try_from(packet.len()) else { continue };
            if packet.len() > MAX_PACKET_BYTES
                || self.frames.len() + frame_bytes > MAX_WAITING_BYTES
            {
                self.dropped += 1;
                continue;
            }
            self.frames.extend(length.to_le_bytes());
            self.frames.extend(packet);
            self.waiting.push_back((now_us, frame_bytes));
        }
    }

    /// Moves the next frames to `batch`, at most 8 KiB, and drops those that are late.
    pub fn take(&mut self, now_us: u64, batch: &mut Vec<u8>) {
        self.drop_late(now_us);
        while let Some(&(_, frame_bytes)) = self.waiting.front()
            && batch.len() + frame_bytes <= BATCH_BYTES
        {
            self.waiting.pop_front();
            batch.extend(self.frames.drain(..frame_bytes.min(self.frames.len())));
        }
    }

    fn drop_late(&mut self, now_us: u64) {
        while let Some(&(queued_us, frame_bytes)) = self.waiting.front()
            && now_us.saturating_sub(queued_us) > LATE_US
        {
            self.waiting.pop_front();
            drop(self.frames.drain(..frame_bytes.min(self.frames.len())));
            self.dropped += 1;
        }
    }

    /// Packets that were late or that there was no room for, since this was last asked.
    pub fn take_dropped(&mut self) -> u64 {
        std::mem::take(&mut self.dropped)
    }
}

/// Packets out of the tunnel.
#[derive(Debug, Default)]
pub struct Inbound {
    bytes: BytesMut,
    packets: VecDeque<Bytes>,
}

impl Inbound {
    /// Takes what was read. Fails when it is no sequence of frames.
    pub fn push(&mut self, received: &[u8]) -> io::Result<()> {
        self.bytes.extend_from_slice(received);
        while let Some(length) = self.bytes.first_chunk::<LENGTH_BYTES>() {
            let length = usize::from(u16::from_le_bytes(*length));
            if length == 0 || length > MAX_PACKET_BYTES {
                return Err(io::ErrorKind::InvalidData.into());
            }
            if self.bytes.len() < LENGTH_BYTES + length {
                break;
            }
            self.bytes.advance(LENGTH_BYTES);
            let packet = self.bytes.split_to(length).freeze();
            if self.packets.len() < MAX_RECEIVED {
                self.packets.push_back(packet);
            }
        }
        Ok(())
    }

    /// The next packet.
    pub fn pop(&mut self) -> Option<Bytes> {
        self.packets.pop_front()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn take(queue: &mut Outbound, now_us: u64) -> Vec<u8> {
        let mut batch = Vec::new();
        queue.take(now_us, &mut batch);
        batch
    }

    #[test]
    fn a_late_packet_is_dropped_whole() {
        let mut queue = Outbound::default();
        queue.push(&[1; 10], 10, 0);
        queue.push(&[2; 10], 10, 40_000);
        let batch = take(&mut queue, 50_001);
        assert_eq!(batch, [&[10, 0][..], &[2; 10]].concat());
        assert!(take(&mut queue, 50_001).is_empty());
    }

    #[test]
    fn little_is_handed_over_at_a_time_and_little_waits() {
        let mut queue = Outbound::default();
        queue.push(&vec![0; 4 << 20], 1200, 0);
        assert!(queue.frames.len() <= MAX_WAITING_BYTES);
        assert!(take(&mut queue, 0).len() <= BATCH_BYTES);
        assert!(take(&mut queue, LATE_US + 1).is_empty());
        assert!(queue.frames.is_empty() && queue.waiting.is_empty());
    }

    #[test]
    fn a_frame_without_a_packet_or_with_too_much_is_refused() {
        for length in [0, MAX_PACKET_BYTES as u16 + 1, u16::MAX] {
            assert!(Inbound::default().push(&length.to_le_bytes()).is_err(), "{length}");
        }
    }

    proptest! {
        #[test]
        fn packets_come_out_as_they_went_in_however_the_stream_is_cut(
            packets in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..1300), 0..6),
            cut in 1..2000_usize,
        ) {
            let mut queue = Outbound::default();
            for packet in &packets {
                queue.push(packet, packet.len(), 0);
            }
            let stream = take(&mut queue, 0);
            let mut inbound = Inbound::default();
            for part in stream.chunks(cut) {
                inbound.push(part).expect("frames");
            }
            let received: Vec<_> = std::iter::from_fn(|| inbound.pop()).collect();
            prop_assert_eq!(received, packets);
        }
    }
}
