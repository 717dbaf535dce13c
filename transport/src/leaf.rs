//! Leaves: pictures on which nothing later depends, each on a stream of its own that may be reset.

use crate::congestion::Handle;
use crate::control::CHUNK_BYTES;
use crate::error::{LinkError, Violation};
use crate::framing::{Deframer, FrameHeader};
use crate::link::{Link, stream_kind};
use crate::priority::Priority;
use bytes::{BufMut, Bytes, BytesMut};
use quinn::{ReadError, RecvStream, SendStream, VarInt};
use std::sync::Arc;

/// Longest leaf that is sent or accepted.
pub const MAX_LEAF_BYTES: usize = 16 << 20;

/// What a leaf waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LeafClass {
    /// A picture in motion.
    Picture,
    /// A picture on its way to exact.
    Refinement,
}

/// What stands before a leaf's payload: payload length (32 bits), then the fields below (64 bits each), little-endian.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LeafHeader {
    /// The sender's number of this leaf, below 2^61; also the reset code, so that a leaf reset before its header
    /// arrived can still be named.
    pub number: u64,
    /// The number of the chain update it builds on: where the chain has since written, it does not apply.
    pub builds_on: u64,
    /// When it was handed to the transport, by the sender's monotonic clock, in microseconds.
    pub sent_us: u64,
}

/// A [`LeafHeader`] as it is sent, also before each frame of a video.
#[derive(Debug, Clone, Copy)]
pub(crate) struct WireHeader {
    payload_bytes: u32,
    pub(crate) leaf: LeafHeader,
}

impl WireHeader {
    /// Bytes of a header.
    pub(crate) const LENGTH_BYTES: usize = 28;

    /// Appends the header of a payload of `payload_bytes`.
    pub(crate) fn write(payload_bytes: u32, leaf: LeafHeader, out: &mut BytesMut) {
        out.put_u32_le(payload_bytes);
        out.put_u64_le(leaf.number);
        out.put_u64_le(leaf.builds_on);
        out.put_u64_le(leaf.sent_us);
    }
}

impl FrameHeader for WireHeader {
    const BYTES: usize = Self::LENGTH_BYTES;
    const WHAT: &'static str = "a leaf";

    fn parse(bytes: &[u8]) -> Option<Self> {
        let (payload_bytes, rest) = bytes.split_first_chunk()?;
        let (number, rest) = rest.split_first_chunk()?;
        let (builds_on, rest) = rest.split_first_chunk()?;
        let leaf = LeafHeader {
            number: u64::from_le_bytes(*number),
            builds_on: u64::from_le_bytes(*builds_on),
            sent_us: u64::from_le_bytes(rest.try_into().ok()?),
        };
        Some(Self { payload_bytes: u32::from_le_bytes(*payload_bytes), leaf })
    }

    fn payload_bytes(&self) -> u32 {
        self.payload_bytes
    }
}

/// A stream for one leaf, not yet filled.
#[derive(Debug)]
pub struct LeafSender {
    send: SendStream,
    header: LeafHeader,
    congestion: Arc<Handle>,
}

impl LeafSender {
    pub(crate) async fn open(
        send: SendStream,
        class: LeafClass,
        header: LeafHeader,
        congestion: Arc<Handle>,
    ) -> Result<Self, LinkError> {
        let priority = match class {
            LeafClass::Picture => Priority::Picture,
            LeafClass::Refinement => Priority::Refinement,
        };
        // Fails only on a closed stream, where priority does not matter any more.
        let _ = send.set_priority(priority.for_stream(header.number));
        Ok(Self { send, header, congestion })
    }

    /// Hands the payload to QUIC as it is, without a copy, and ends the stream. What has not been sent yet can be taken
    /// back by [`SentLeaf::reset`]. Dropping the future before it is ready resets the stream.
    pub async fn send(mut self, payload: Bytes) -> Result<SentLeaf, LinkError> {
        let too_long = LinkError::TooLong {
            what: "a leaf",
            length_bytes: payload.len(),
            limit_bytes: MAX_LEAF_BYTES,
        };
        if payload.len() > MAX_LEAF_BYTES {
            return Err(too_long);
        }
        let payload_bytes = u32::try_from(payload.len()).map_err(|_| too_long)?;
        let mut header = BytesMut::with_capacity(1 + WireHeader::BYTES);
        header.put_u8(stream_kind::LEAF);
        WireHeader::write(payload_bytes, self.header, &mut header);
        self.congestion.hand_over_pictures(header.len() + payload.len());
        self.send.write_all_chunks(&mut [header.freeze(), payload]).await?;
        // Fails only when the stream was reset or stopped, which `SentLeaf::delivered` reports.
        let _ = self.send.finish();
        Ok(SentLeaf { send: self.send, number: self.header.number })
    }
}

/// A leaf on its way. Dropping it lets it go on.
#[derive(Debug)]
pub struct SentLeaf {
    send: SendStream,
    number: u64,
}

impl SentLeaf {
    /// Takes back what has not been sent. The peer may or may not have received the leaf: it is in doubt until the peer
    /// has reported it.
    pub fn reset(mut self) {
        let code = VarInt::from_u64(self.number).unwrap_or(VarInt::MAX);
        // Fails only when everything has been acknowledged: then there is nothing to take back.
        let _ = self.send.reset(code);
    }

    /// Waits until the peer's transport has everything (`true`) or does not want it (`false`).
    pub async fn delivered(&self) -> Result<bool, LinkError> {
        match self.send.stopped().await {
            Ok(code) => Ok(code.is_none()),
            Err(quinn::StoppedError::ConnectionLost(error)) => Err(error.into()),
            Err(quinn::StoppedError::ZeroRttRejected) => Ok(false),
        }
    }
}

/// A leaf that begins to arrive.
#[derive(Debug)]
pub struct LeafReceiver {
    receive: RecvStream,
    link: Link,
    deframer: Deframer<WireHeader>,
}

/// What became of a leaf.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Leaf {
    /// It arrived whole.
    Whole {
        /// Its header.
        header: LeafHeader,
        /// The payload: contiguous, shared, released by dropping.
        bytes: Bytes,
    },
    /// The sender took it back.
    Reset {
        /// Its number.
        number: u64,
    },
}

impl LeafReceiver {
    pub(crate) fn new(receive: RecvStream, link: Link) -> Self {
        Self { receive, link, deframer: Deframer::new(MAX_LEAF_BYTES) }
    }

    /// Waits for the rest of the leaf, or for its reset. Dropping the future tells the sender that the leaf is not
    /// wanted.
    pub async fn read(mut self) -> Result<Leaf, LinkError> {
        const WHAT: &str = "a leaf";
        let mut whole = None;
        loop {
            if whole.is_none() {
                whole = self.deframer.poll_frame().map_err(|error| self.link.violated(error))?;
            }
            match self.receive.read_chunk(CHUNK_BYTES, true).await {
                Ok(Some(_)) if whole.is_some() => {
                    return Err(self.link.violated(Violation::Surplus(WHAT)));
                }
                Ok(Some(chunk)) => self.deframer.push(chunk.bytes),
                Ok(None) => {
                    return match whole {
                        Some((header, bytes)) if self.deframer.is_between_frames() => {
                            Ok(Leaf::Whole { header: header.leaf, bytes })
                        }
                        Some(_) => Err(self.link.violated(Violation::Surplus(WHAT))),
                        None => Err(self.link.violated(Violation::Truncated(WHAT))),
                    };
                }
                Err(ReadError::Reset(code)) => {
                    return Ok(Leaf::Reset { number: code.into_inner() });
                }
                Err(error) => return Err(self.link.stream_failed(error, WHAT)),
            }
        }
    }
}
