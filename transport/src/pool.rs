//! Buffers that are written once, handed out as [`Bytes`], and used again when the last holder has let go.

use bytes::{Bytes, BytesMut};

/// Buffers kept: one being filled, one being decoded, one being presented, one spare.
const BUFFERS: usize = 4;

/// A small ring of reusable buffers. When all are still held by someone, the next one is allocated anew.
#[derive(Debug, Default)]
pub(crate) struct BufferPool {
    ring: [BytesMut; BUFFERS],
    next: usize,
}

impl BufferPool {
    /// Moves an empty buffer with room for `capacity_bytes` out of the pool. It comes back through
    /// [`BufferPool::freeze`].
    pub(crate) fn take(&mut self, capacity_bytes: usize) -> BytesMut {
        let free = self.ring.iter_mut().position(|buffer| {
            buffer.capacity() >= capacity_bytes || buffer.try_reclaim(capacity_bytes)
        });
        self.next = free.unwrap_or((self.next + 1) % BUFFERS);
        let mut buffer = self.ring.get_mut(self.next).map(std::mem::take).unwrap_or_default();
        buffer.reserve(capacity_bytes);
        buffer
    }

    /// Turns the filled buffer into `Bytes` and keeps its memory for later.
    pub(crate) fn freeze(&mut self, mut buffer: BytesMut) -> Bytes {
        let bytes = buffer.split().freeze();
        if let Some(slot) = self.ring.get_mut(self.next) {
            *slot = buffer;
        }
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_used_again_once_released_and_never_before() {
        let mut pool = BufferPool::default();
        let mut fill = |byte: u8| {
            let mut buffer = pool.take(1000);
            buffer.resize(1000, byte);
            pool.freeze(buffer)
        };
        let held = fill(1);
        let address = held.as_ptr();
        let others: Vec<Bytes> = (2..12).map(&mut fill).collect();
        assert!(held.iter().all(|byte| *byte == 1));
        assert!(others.iter().all(|other| other.as_ptr() != address));
        drop(others);
        let mut seen = std::collections::HashSet::new();
        for round in 0..100 {
            seen.insert(fill(round).as_ptr());
        }
        assert!(seen.len() <= BUFFERS, "{} buffers for one in use", seen.len());
    }
}
