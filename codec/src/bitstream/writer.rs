//! Writes the elementary fields of an update: the mirror of the reader.

use bytes::BufMut;

/// Appends fields to a buffer.
pub(crate) struct Writer<'a, B: BufMut> {
    out: &'a mut B,
}

impl<'a, B: BufMut> Writer<'a, B> {
    pub(crate) const fn new(out: &'a mut B) -> Self {
        Self { out }
    }

    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        self.out.put_slice(bytes);
    }

    pub(crate) fn u8(&mut self, value: u8) {
        self.out.put_u8(value);
    }

    pub(crate) fn u16(&mut self, value: u16) {
        self.out.put_u16_le(value);
    }

    pub(crate) fn number(&mut self, value: u32) {
        let mut rest = value;
        while rest >= 0x80 {
            self.out.put_u8(rest as u8 | 0x80);
            rest >>= 7;
        }
        self.out.put_u8(rest as u8);
    }
}
