//! The header of an update: reading and writing side by side.

use bytes::BufMut;

use super::error::{DecodeError, Rule};
use super::reader::Reader;
use super::writer::Writer;
use crate::geometry::Size;

/// Version of the bitstream that this crate writes and reads.
pub const VERSION: u8 = 3;

/// First bytes of every update.
const MAGIC: [u8; 2] = *b"Te";

const FLAG_LEAF: u8 = 1;
const FLAG_START: u8 = 1 << 1;
const FLAG_RESET: u8 = 1 << 2;

/// Upper bound of an update header: magic, version, flags, three numbers of five bytes, two sides.
pub(crate) const MAX_HEADER_BYTES: usize = 2 + 1 + 1 + 3 * 5 + 2 * 2;

/// How an update travels, and with it what later pixels may depend on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Track {
    /// Ordered and reliable; later updates may depend on it.
    Chain,
    /// May be reset or overtaken; nothing depends on it.
    Leaf,
}

/// The header of an update.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct UpdateHeader {
    pub(crate) track: Track,
    /// Counts the starts of the stream; tiles of one epoch never mix with another's.
    pub(crate) epoch: u32,
    /// Rises within an epoch over both tracks: the version of every tile that the update writes.
    pub(crate) number: u32,
    /// Number of the chain update that this one builds on; 0 at the start of an epoch.
    pub(crate) base: u32,
    /// The canvas, when the update starts an epoch.
    pub(crate) start: Option<Size>,
    /// Whether models and older contents begin anew while the picture stays.
    pub(crate) reset: bool,
}

/// Where the fields of a header that was read stand in the update.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FieldOffsets {
    pub(crate) epoch: usize,
    pub(crate) base: usize,
    /// Of the width, when there is one.
    pub(crate) size: usize,
}

impl UpdateHeader {
    /// Where the flags stand, which name the track.
    pub(crate) const FLAGS_OFFSET: usize = MAGIC.len() + 1;

    pub(crate) fn write(&self, out: &mut impl BufMut) {
        let mut writer = Writer::new(out);
        writer.bytes(&MAGIC);
        writer.u8(VERSION);
        let leaf = if self.track == Track::Leaf { FLAG_LEAF } else { 0 };
        let start = if self.start.is_some() { FLAG_START } else { 0 };
        let reset = if self.reset { FLAG_RESET } else { 0 };
        writer.u8(leaf | start | reset);
        writer.number(self.epoch);
        writer.number(self.number);
        writer.number(self.base);
        if let Some(size) = self.start {
            writer.u16(size.width);
            writer.u16(size.height);
        }
    }

    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<(Self, FieldOffsets), DecodeError> {
        if reader.bytes(MAGIC.len())? != MAGIC {
            return Err(Rule::Magic.at(0));
        }
        let offset = reader.offset();
        if reader.u8()? != VERSION {
            return Err(Rule::Version.at(offset));
        }
        let offset = reader.offset();
        let flags = reader.u8()?;
        if flags & !(FLAG_LEAF | FLAG_START | FLAG_RESET) != 0 {
            return Err(Rule::ReservedFlag.at(offset));
        }
        let track = if flags & FLAG_LEAF == 0 { Track::Chain } else { Track::Leaf };
        if track == Track::Leaf && flags & FLAG_START != 0 {
            return Err(Rule::LeafStart.at(offset));
        }
        let reset = flags & FLAG_RESET != 0;
        if reset && flags & (FLAG_LEAF | FLAG_START) != 0 {
            return Err(Rule::ResetFlag.at(offset));
        }
        let epoch_offset = reader.offset();
        let epoch = reader.number()?;
        let number_offset = reader.offset();
        let number = reader.number()?;
        let base_offset = reader.offset();
        let base = reader.number()?;
        if number <= base {
            return Err(Rule::NumberOrder.at(number_offset));
        }
        let size_offset = reader.offset();
        let start = if flags & FLAG_START == 0 {
            None
        } else if base == 0 {
            Some(Size::new(reader.u16()?, reader.u16()?))
        } else {
            return Err(Rule::ChainGap.at(base_offset));
        };
        let offsets = FieldOffsets { epoch: epoch_offset, base: base_offset, size: size_offset };
        Ok((Self { track, epoch, number, base, start, reset }, offsets))
    }
}
