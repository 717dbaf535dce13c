//! Reads the elementary fields of an update, each with a check of its bounds.

use super::error::{DecodeError, Rule};

/// Most bytes of a variable-length number: five times seven bits hold 32.
const MAX_NUMBER_BYTES: u32 = 5;

/// A cursor over an update.
pub(crate) struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    pub(crate) const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// A cursor over a part of an update, which counts offsets like the whole; the part lies in it.
    pub(crate) fn within(update: &'a [u8], part: std::ops::Range<usize>) -> Self {
        Self { bytes: update.get(..part.end).unwrap_or_default(), at: part.start }
    }

    /// Offset of the next byte.
    pub(crate) const fn offset(&self) -> usize {
        self.at
    }

    /// The next `count` bytes.
    pub(crate) fn bytes(&mut self, count: usize) -> Result<&'a [u8], DecodeError> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let taken = rest.get(..count).ok_or(Rule::Truncated.at(self.at))?;
        self.at += count;
        Ok(taken)
    }

    /// All bytes that are left.
    pub(crate) fn rest(&mut self) -> &'a [u8] {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        self.at = self.bytes.len();
        rest
    }

    pub(crate) fn u8(&mut self) -> Result<u8, DecodeError> {
        let byte = *self.bytes.get(self.at).ok_or(Rule::Truncated.at(self.at))?;
        self.at += 1;
        Ok(byte)
    }

    /// Two bytes, the lower first.
    pub(crate) fn u16(&mut self) -> Result<u16, DecodeError> {
        Ok(u16::from(self.u8()?) | u16::from(self.u8()?) << 8)
    }

    /// Eight bytes, the lowest first.
    pub(crate) fn u64(&mut self) -> Result<u64, DecodeError> {
        let mut value = 0;
        for position in 0..8 {
            value |= u64::from(self.u8()?) << (8 * position);
        }
        Ok(value)
    }

    /// An unsigned number of 32 bits: seven bits a byte, the lowest first, the top bit set while
    /// more follow (LEB128), in its shortest form.
    pub(crate) fn number(&mut self) -> Result<u32, DecodeError> {
        let start = self.at;
        let mut value = 0_u64;
        for position in 0..MAX_NUMBER_BYTES {
            let byte = self.u8()?;
            value |= u64::from(byte & 0x7f) << (7 * position);
            if byte & 0x80 == 0 {
                if byte == 0 && position > 0 {
                    return Err(Rule::NumberForm.at(start));
                }
                return u32::try_from(value).map_err(|_| Rule::NumberRange.at(start));
            }
        }
        Err(Rule::NumberRange.at(start))
    }

    /// Succeeds when every byte was read.
    pub(crate) fn finish(&self) -> Result<(), DecodeError> {
        if self.at == self.bytes.len() { Ok(()) } else { Err(Rule::TrailingBytes.at(self.at)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bitstream::Writer;

    #[test]
    fn numbers_come_back_and_longer_forms_are_refused() {
        for value in [0, 1, 127, 128, 16_383, 16_384, u32::MAX - 1, u32::MAX] {
            let mut out = Vec::new();
            Writer::new(&mut out).number(value);
            assert_eq!(Reader::new(&out).number(), Ok(value));
            for end in 0..out.len() {
                assert_eq!(Reader::new(&out[..end]).number(), Err(Rule::Truncated.at(end)));
            }
        }
        assert_eq!(Reader::new(&[0x80, 0]).number(), Err(Rule::NumberForm.at(0)));
        assert_eq!(Reader::new(&[0xff; 5]).number(), Err(Rule::NumberRange.at(0)));
        assert_eq!(
            Reader::new(&[0xff, 0xff, 0xff, 0xff, 0x1f]).number(),
            Err(Rule::NumberRange.at(0))
        );
    }
}
