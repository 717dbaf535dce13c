//! Frames on a stream: a fixed header that holds the payload's length, then the payload.
//!
//! All framed streams (control, chain, acknowledgements, center) share this. A frame's length is checked against the
//! reader's limit before anything is allocated for it. A payload that lies in one received chunk is handed out as a
//! slice of it; one that spans several is gathered into a pooled buffer, which is the one copy on the receiving side.

use crate::error::Violation;
use crate::pool::BufferPool;
use bytes::{Buf, Bytes, BytesMut};

/// The layout of one kind of frame.
pub trait FrameHeader: Sized + Copy {
    /// Length of the header in bytes, at most [`MAX_HEADER_BYTES`].
    const BYTES: usize;
    /// What a frame is called in errors.
    const WHAT: &'static str;
    /// Reads the header from exactly [`Self::BYTES`] bytes.
    fn parse(bytes: &[u8]) -> Option<Self>;
    /// Length of the payload that follows.
    fn payload_bytes(&self) -> u32;
}

/// Longest header of any kind of frame.
pub const MAX_HEADER_BYTES: usize = 32;

/// The plain frame: a payload length of 32 bits, little-endian.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MessageHeader {
    /// Length of the message.
    pub payload_bytes: u32,
}

impl FrameHeader for MessageHeader {
    const BYTES: usize = 4;
    const WHAT: &'static str = "a message";

    fn parse(bytes: &[u8]) -> Option<Self> {
        Some(Self { payload_bytes: u32::from_le_bytes(bytes.try_into().ok()?) })
    }

    fn payload_bytes(&self) -> u32 {
        self.payload_bytes
    }
}

/// How much is reserved at most for a payload of which nothing has arrived yet: a peer that announces much and sends
/// nothing costs no more than this.
const GATHER_STEP_BYTES: usize = 1 << 20;

/// Where the reader stands within a frame.
#[derive(Debug)]
enum Position<H> {
    Header { bytes: [u8; MAX_HEADER_BYTES], filled: usize },
    Payload { header: H },
    Gathering { header: H, gathered: BytesMut },
}

/// Cuts received chunks into frames. Pure: fed with [`Deframer::push`], drained with [`Deframer::poll_frame`].
#[derive(Debug)]
pub struct Deframer<H> {
    chunk: Bytes,
    position: Position<H>,
    limit_bytes: usize,
    pool: BufferPool,
    gathered_frames: u64,
}

impl<H: FrameHeader> Deframer<H> {
    /// A reader of frames whose payload has at most `limit_bytes` bytes.
    pub fn new(limit_bytes: usize) -> Self {
        Self {
            chunk: Bytes::new(),
            position: Self::at_start(),
            limit_bytes,
            pool: BufferPool::default(),
            gathered_frames: 0,
        }
    }

    fn at_start() -> Position<H> {
        Position::Header { bytes: [0; MAX_HEADER_BYTES], filled: 0 }
    }

    /// Adds the next bytes of the stream. To be called only when [`Deframer::poll_frame`] has returned `None`, so that
    /// no more than one chunk and one frame are ever held.
    pub fn push(&mut self, chunk: Bytes) {
        debug_assert!(self.chunk.is_empty(), "drain before pushing");
        self.chunk = chunk;
    }

    /// The next whole frame, or `None` when more bytes are needed. After an error the stream is unusable.
    pub fn poll_frame(&mut self) -> Result<Option<(H, Bytes)>, Violation> {
        loop {
            match &mut self.position {
                Position::Header { bytes, filled } => {
                    let missing = bytes.get_mut(*filled..H::BYTES).unwrap_or_default();
                    let taken = missing.len().min(self.chunk.len());
                    self.chunk.copy_to_slice(&mut missing[..taken]);
                    *filled += taken;
                    if *filled < H::BYTES {
                        return Ok(None);
                    }
                    let header =
                        H::parse(&bytes[..H::BYTES]).ok_or(Violation::BadValue(H::WHAT))?;
                    let length_bytes = header.payload_bytes();
                    if length_bytes as usize > self.limit_bytes {
                        return Err(Violation::TooLong {
                            what: H::WHAT,
                            length_bytes: length_bytes.into(),
                            limit_bytes: self.limit_bytes,
                        });
                    }
                    self.position = Position::Payload { header };
                }
                Position::Payload { header } => {
                    let header = *header;
                    let length_bytes = header.payload_bytes() as usize;
                    if self.chunk.len() >= length_bytes {
                        self.position = Self::at_start();
                        return Ok(Some((header, self.chunk.split_to(length_bytes))));
                    }
                    if self.chunk.is_empty() {
                        return Ok(None);
                    }
                    let gathered = self.pool.take(length_bytes.min(GATHER_STEP_BYTES));
                    self.position = Position::Gathering { header, gathered };
                }
                Position::Gathering { header, gathered } => {
                    let header = *header;
                    let length_bytes = header.payload_bytes() as usize;
                    let taken = (length_bytes - gathered.len()).min(self.chunk.len());
                    if gathered.capacity() < gathered.len() + taken {
                        // Doubling: what is reserved stays in proportion to what has arrived.
                        gathered.reserve(
                            (length_bytes - gathered.len()).min(gathered.len()).max(taken),
                        );
                    }
                    gathered.extend_from_slice(&self.chunk.split_to(taken));
                    if gathered.len() < length_bytes {
                        return Ok(None);
                    }
                    let payload = self.pool.freeze(std::mem::take(gathered));
                    self.gathered_frames += 1;
                    self.position = Self::at_start();
                    return Ok(Some((header, payload)));
                }
            }
        }
    }

    /// Sets the limit for frames whose header has not been read.
    pub fn set_limit(&mut self, limit_bytes: usize) {
        self.limit_bytes = limit_bytes;
    }

    /// Whether the stream may end here: between two frames.
    pub fn is_between_frames(&self) -> bool {
        self.chunk.is_empty() && matches!(self.position, Position::Header { filled: 0, .. })
    }

    /// How many frames so far spanned several chunks and were therefore copied once.
    pub fn gathered_frames(&self) -> u64 {
        self.gathered_frames
    }
}
