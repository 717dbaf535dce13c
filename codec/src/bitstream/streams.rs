//! The body of a chain update: the streams of its lanes, each with its lengths before it.

use std::ops::Range;

use bytes::BufMut;

use super::error::DecodeError;
use super::reader::Reader;
use super::writer::Writer;

/// Upper bound of the lengths of a stream: two numbers.
pub(crate) const MAX_STREAM_HEADER_BYTES: usize = 2 * 5;

/// Where the two parts of a stream stand in the update.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct StreamRanges {
    pub(crate) segments: Range<usize>,
    pub(crate) plain: Range<usize>,
}

impl StreamRanges {
    /// Writes a stream with its lengths.
    pub(crate) fn write(segments: &[u8], plain: &[u8], out: &mut impl BufMut) {
        let mut writer = Writer::new(out);
        writer.number(segments.len() as u32);
        writer.number(plain.len() as u32);
        writer.bytes(segments);
        writer.bytes(plain);
    }

    /// Reads the lengths of a stream and skips its bytes.
    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let (segments, plain) = (reader.number()? as usize, reader.number()? as usize);
        let start = reader.offset();
        reader.bytes(segments)?;
        let middle = reader.offset();
        reader.bytes(plain)?;
        Ok(Self { segments: start..middle, plain: middle..reader.offset() })
    }
}
