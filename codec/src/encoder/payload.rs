//! Updates on their way out, cut from buffers that are used again.

use bytes::{Bytes, BytesMut};

use crate::bitstream::Track;

/// One update.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payload {
    /// How it must travel.
    pub track: Track,
    /// Its number in the epoch; names a leaf in [`Encoder::leaf_lost`](crate::Encoder::leaf_lost).
    pub number: u32,
    /// Whether it begins a video stream, so that no video update before it is needed any more.
    pub begins_video: bool,
    /// The update. Its memory returns to the encoder when the last handle is dropped.
    pub bytes: Bytes,
}

/// The updates that one call of the encoder made, in the order in which they must be sent.
#[derive(Debug, Default)]
pub struct Payloads {
    list: Vec<Payload>,
}

impl Payloads {
    /// An empty list.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Drops all updates and keeps the list's memory.
    pub fn clear(&mut self) {
        self.list.clear();
    }

    /// Number of updates.
    #[must_use]
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// Whether there is no update.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// The updates in order.
    pub fn iter(&self) -> std::slice::Iter<'_, Payload> {
        self.list.iter()
    }

    /// Takes the updates out in order and keeps the list's memory.
    pub fn drain(&mut self) -> std::vec::Drain<'_, Payload> {
        self.list.drain(..)
    }

    pub(super) fn push(&mut self, payload: Payload) {
        self.list.push(payload);
    }
}

impl<'a> IntoIterator for &'a Payloads {
    type Item = &'a Payload;
    type IntoIter = std::slice::Iter<'a, Payload>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// Buffers of the pool: more than the updates that a sender holds at a time.
const POOL_BUFFERS: usize = 16;

/// Smallest buffer, in bytes: most updates fit, so that buffers seldom grow.
const MIN_BUFFER_BYTES: usize = 64 * 1024;

/// The buffers that updates are cut from.
///
/// A buffer is free again when every `Bytes` cut from it has been dropped. When none is free a new
/// one takes the place of the oldest, whose memory then lives as long as its handles do.
#[derive(Debug)]
pub(super) struct BufferPool {
    buffers: [BytesMut; POOL_BUFFERS],
    oldest: usize,
}

impl BufferPool {
    pub(super) fn new() -> Self {
        Self { buffers: std::array::from_fn(|_| BytesMut::new()), oldest: 0 }
    }

    /// Lets `write` fill at most `max_bytes` and returns them.
    pub(super) fn cut(&mut self, max_bytes: usize, write: impl FnOnce(&mut BytesMut)) -> Bytes {
        let free = self.buffers.iter_mut().position(|buffer| buffer.try_reclaim(max_bytes));
        let at = free.unwrap_or_else(|| {
            self.oldest = (self.oldest + 1) % POOL_BUFFERS;
            self.buffers[self.oldest] =
                BytesMut::with_capacity(max_bytes.next_power_of_two().max(MIN_BUFFER_BYTES));
            self.oldest
        });
        let buffer = &mut self.buffers[at];
        write(buffer);
        buffer.split().freeze()
    }
}
