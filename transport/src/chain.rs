//! The chain: updates in order, reliable, never reset; everything that later updates may build on.

use crate::congestion::Handle;
use crate::control::read_frame;
use crate::error::{LinkError, Violation};
use crate::framing::{Deframer, FrameHeader};
use crate::link::Link;
use crate::priority::Priority;
use bytes::{BufMut, Bytes, BytesMut};
use quinn::{RecvStream, SendStream};
use std::sync::Arc;

/// Longest update that is sent, and accepted unless the receiver sets another limit: two uncompressed frames of
/// 1920x1080 pixels of four bytes.
pub const MAX_UPDATE_BYTES: usize = 16 << 20;

/// Header of an update: payload length (32 bits), number (64 bits), sending time in microseconds (64 bits), little-endian.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UpdateHeader {
    /// Length of the update.
    pub payload_bytes: u32,
    /// Position on the chain, counted from 0.
    pub number: u64,
    /// When it was handed to the transport, by the sender's monotonic clock.
    pub sent_us: u64,
}

impl FrameHeader for UpdateHeader {
    const BYTES: usize = 20;
    const WHAT: &'static str = "an update";

    fn parse(bytes: &[u8]) -> Option<Self> {
        let (payload_bytes, rest) = bytes.split_first_chunk()?;
        let (number, rest) = rest.split_first_chunk()?;
        Some(Self {
            payload_bytes: u32::from_le_bytes(*payload_bytes),
            number: u64::from_le_bytes(*number),
            sent_us: u64::from_le_bytes(rest.try_into().ok()?),
        })
    }

    fn payload_bytes(&self) -> u32 {
        self.payload_bytes
    }
}

impl UpdateHeader {
    fn write(&self, out: &mut BytesMut) {
        out.put_u32_le(self.payload_bytes);
        out.put_u64_le(self.number);
        out.put_u64_le(self.sent_us);
    }
}

/// Headers are cut out of blocks of this size, so that one allocation serves many updates.
const HEADER_BLOCK_BYTES: usize = 4096;

/// The sending end of a chain.
#[derive(Debug)]
pub struct ChainSender {
    send: SendStream,
    next_number: u64,
    headers: BytesMut,
    congestion: Arc<Handle>,
}

impl ChainSender {
    pub(crate) fn new(send: SendStream, congestion: Arc<Handle>) -> Self {
        // Fails only on a closed stream, where priority does not matter any more.
        let _ = send.set_priority(Priority::Chain.for_stream(0));
        Self { send, next_number: 0, headers: BytesMut::new(), congestion }
    }

    /// Sends the next update and returns its number. Waits while the link's send window is full. The payload is handed
    /// to QUIC as it is, without a copy; its memory is free again once the peer has acknowledged it.
    ///
    /// `sent_us` is the time of this call by the caller's monotonic clock. Not cancel-safe: the chain cannot be used
    /// after an update half-sent.
    pub async fn send(&mut self, update: Bytes, sent_us: u64) -> Result<u64, LinkError> {
        let too_long = LinkError::TooLong {
            what: "an update",
            length_bytes: update.len(),
            limit_bytes: MAX_UPDATE_BYTES,
        };
        if update.len() > MAX_UPDATE_BYTES {
            return Err(too_long);
        }
        let payload_bytes = u32::try_from(update.len()).map_err(|_| too_long)?;
        let number = self.next_number;
        if self.headers.capacity() < UpdateHeader::BYTES
            && !self.headers.try_reclaim(HEADER_BLOCK_BYTES)
        {
            self.headers.reserve(HEADER_BLOCK_BYTES);
        }
        UpdateHeader { payload_bytes, number, sent_us }.write(&mut self.headers);
        let header = self.headers.split().freeze();
        self.congestion.hand_over_exact(header.len() + update.len());
        self.send.write_all_chunks(&mut [header, update]).await?;
        self.next_number += 1;
        Ok(number)
    }

    /// The number that the next update will have.
    pub fn next_number(&self) -> u64 {
        self.next_number
    }
}

/// A received update.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Update {
    /// Position on the chain, counted from 0.
    pub number: u64,
    /// When it was sent, by the sender's monotonic clock, in microseconds.
    pub sent_us: u64,
    /// The payload: contiguous, shared, released by dropping.
    pub bytes: Bytes,
}

/// The receiving end of a chain.
#[derive(Debug)]
pub struct ChainReceiver {
    receive: RecvStream,
    link: Link,
    deframer: Deframer<UpdateHeader>,
    next_number: u64,
}

impl ChainReceiver {
    pub(crate) fn new(receive: RecvStream, link: Link) -> Self {
        Self { receive, link, deframer: Deframer::new(MAX_UPDATE_BYTES), next_number: 0 }
    }

    /// Narrows the longest update accepted; to be called before the first update is read.
    #[must_use]
    pub fn with_limit(mut self, limit_bytes: usize) -> Self {
        self.deframer = Deframer::new(limit_bytes.min(MAX_UPDATE_BYTES));
        self
    }

    /// The next update; `None` when the peer has ended the chain. Cancel-safe.
    pub async fn next(&mut self) -> Result<Option<Update>, LinkError> {
        let frame = read_frame(&mut self.receive, &mut self.deframer, &self.link, "the chain");
        let Some((header, bytes)) = frame.await? else { return Ok(None) };
        if header.number != self.next_number {
            return Err(self.link.violated(Violation::OutOfSequence {
                what: "update",
                found: header.number,
                expected: self.next_number,
            }));
        }
        self.next_number += 1;
        Ok(Some(Update { number: header.number, sent_us: header.sent_us, bytes }))
    }

    /// How many updates spanned several packets and were gathered by one copy; the others were handed out in place.
    pub fn gathered_updates(&self) -> u64 {
        self.deframer.gathered_frames()
    }
}
