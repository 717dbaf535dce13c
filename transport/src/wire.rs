//! Bounds-checked reading of the fixed-width little-endian fields that all binary messages of this package are made of.

use bytes::Bytes;

/// A message ended before one of its fields did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Truncated;

/// A cursor over a received message.
pub(crate) struct Reader(pub(crate) Bytes);

impl Reader {
    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], Truncated> {
        let (head, _) = self.0.split_first_chunk::<N>().ok_or(Truncated)?;
        let head = *head;
        let _ = self.0.split_to(N);
        Ok(head)
    }

    pub(crate) fn u8(&mut self) -> Result<u8, Truncated> {
        Ok(u8::from_le_bytes(self.array()?))
    }

    pub(crate) fn i32(&mut self) -> Result<i32, Truncated> {
        Ok(i32::from_le_bytes(self.array()?))
    }

    pub(crate) fn u32(&mut self) -> Result<u32, Truncated> {
        Ok(u32::from_le_bytes(self.array()?))
    }

    pub(crate) fn u64(&mut self) -> Result<u64, Truncated> {
        Ok(u64::from_le_bytes(self.array()?))
    }

    /// The next `length_bytes` bytes, without copying.
    pub(crate) fn bytes(&mut self, length_bytes: usize) -> Result<Bytes, Truncated> {
        if self.0.len() < length_bytes {
            return Err(Truncated);
        }
        Ok(self.0.split_to(length_bytes))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
