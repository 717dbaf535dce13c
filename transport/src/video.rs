//! Video: frames each of which needs the one before, on a stream that may be reset as a whole.
//!
//! A new stream starts with a frame that needs none; what the one before it still had to send is not needed any more.

use crate::congestion::Handle;
use crate::control::CHUNK_BYTES;
use crate::error::{LinkError, Violation};
use crate::framing::Deframer;
use crate::leaf::{LeafHeader, MAX_LEAF_BYTES, WireHeader};
use crate::link::{Link, stream_kind, write_kind};
use crate::priority::Priority;
use bytes::{Bytes, BytesMut};
use quinn::{ReadError, RecvStream, SendStream, VarInt};
use std::sync::Arc;

/// What is added to the number of the last frame sent to make a reset code: a stream that is reset before its kind has
/// arrived can be told from a leaf, whose code is its number.
const RESET_CODE: u64 = 1 << 61;

/// Largest number of a frame or a leaf.
pub const MAX_NUMBER: u64 = RESET_CODE - 1;

const WHAT: &str = "a video";

/// Headers are cut out of blocks of this size, so that one allocation serves many frames.
const HEADER_BLOCK_BYTES: usize = 4096;

/// The sending end of a video stream.
#[derive(Debug)]
pub struct VideoSender {
    send: SendStream,
    last_number: u64,
    headers: BytesMut,
    congestion: Arc<Handle>,
}

impl VideoSender {
    /// `first_number` is the number of the first frame.
    pub(crate) async fn open(
        mut send: SendStream,
        first_number: u64,
        congestion: Arc<Handle>,
    ) -> Result<Self, LinkError> {
        // Fails only on a closed stream, where priority does not matter any more.
        let _ = send.set_priority(Priority::Picture.for_stream(first_number));
        write_kind(&mut send, stream_kind::VIDEO).await?;
        Ok(Self { send, last_number: first_number, headers: BytesMut::new(), congestion })
    }

    /// Sends the next frame; numbers rise by one over all streams of the link. The payload is handed to QUIC as it is,
    /// without a copy. Not cancel-safe: the stream cannot be used after a frame half-sent.
    pub async fn send(&mut self, header: LeafHeader, frame: Bytes) -> Result<(), LinkError> {
        let too_long = LinkError::TooLong {
            what: WHAT,
            length_bytes: frame.len(),
            limit_bytes: MAX_LEAF_BYTES,
        };
        if frame.len() > MAX_LEAF_BYTES {
            return Err(too_long);
        }
        let payload_bytes = u32::try_from(frame.len()).map_err(|_| too_long)?;
        if self.headers.capacity() < WireHeader::LENGTH_BYTES
            && !self.headers.try_reclaim(HEADER_BLOCK_BYTES)
        {
            self.headers.reserve(HEADER_BLOCK_BYTES);
        }
        WireHeader::write(payload_bytes, header, &mut self.headers);
        self.last_number = header.number;
        let wire_header = self.headers.split().freeze();
        self.congestion.hand_over_pictures(wire_header.len() + frame.len());
        self.send.write_all_chunks(&mut [wire_header, frame]).await?;
        Ok(())
    }

    /// Takes back what has not been sent. Frames up to the last one may or may not have arrived: the peer reports each.
    pub fn reset(mut self) {
        let code = VarInt::from_u64(RESET_CODE | self.last_number).unwrap_or(VarInt::MAX);
        // Fails only when everything has been acknowledged: then there is nothing to take back.
        let _ = self.send.reset(code);
    }
}

/// The number of the last frame of a video stream that was reset with `code`; `None` when it is a leaf's.
pub(crate) fn reset_video(code: u64) -> Option<u64> {
    (code & RESET_CODE != 0).then_some(code & MAX_NUMBER)
}

/// The receiving end of a video stream.
#[derive(Debug)]
pub struct VideoReceiver {
    receive: RecvStream,
    link: Link,
    deframer: Deframer<WireHeader>,
}

/// What comes next on a video stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum VideoEvent {
    /// A frame.
    Frame {
        /// Its header.
        header: LeafHeader,
        /// The payload: contiguous, shared, released by dropping.
        bytes: Bytes,
    },
    /// The sender took back what was still to come.
    Reset {
        /// Number of the last frame that it had sent.
        last: u64,
    },
    /// The stream has ended after its last frame.
    Ended,
}

impl VideoReceiver {
    pub(crate) fn new(receive: RecvStream, link: Link) -> Self {
        Self { receive, link, deframer: Deframer::new(MAX_LEAF_BYTES) }
    }

    /// Whether the stream was opened after `other`.
    #[must_use]
    pub fn is_newer_than(&self, other: &Self) -> bool {
        self.receive.id().index() > other.receive.id().index()
    }

    /// The next frame, or how the stream ended; nothing comes after that. Cancel-safe.
    pub async fn next(&mut self) -> Result<VideoEvent, LinkError> {
        loop {
            let frame = self.deframer.poll_frame().map_err(|error| self.link.violated(error))?;
            if let Some((header, bytes)) = frame {
                return Ok(VideoEvent::Frame { header: header.leaf, bytes });
            }
            match self.receive.read_chunk(CHUNK_BYTES, true).await {
                Ok(Some(chunk)) => self.deframer.push(chunk.bytes),
                Ok(None) if self.deframer.is_between_frames() => return Ok(VideoEvent::Ended),
                Ok(None) => return Err(self.link.violated(Violation::Truncated(WHAT))),
                Err(ReadError::Reset(code)) => {
                    let last = reset_video(code.into_inner());
                    let last = last.ok_or_else(|| self.link.violated(Violation::BadValue(WHAT)))?;
                    return Ok(VideoEvent::Reset { last });
                }
                Err(error) => return Err(self.link.stream_failed(error, WHAT)),
            }
        }
    }
}
