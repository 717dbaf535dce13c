//! The header of an update: reading and writing side by side.

use bytes::BufMut;

use super::error::{DecodeError, Rule};
use super::reader::Reader;
use super::writer::Writer;
use crate::colour::ColourMode;
use crate::geometry::Size;

/// Version of the bitstream that this crate writes and reads.
pub const VERSION: u8 = 4;

/// First bytes of every update.
const MAGIC: [u8; 2] = *b"Te";

/// Three bits: what the update holds; see [`KINDS`].
const KIND_MASK: u8 = 7;
const FLAG_START: u8 = 1 << 3;
const FLAG_RESET: u8 = 1 << 4;
/// Two bits: the colour mode of a chain update or of slices.
const COLOURS_SHIFT: u32 = 5;
const COLOURS_MASK: u8 = 3 << COLOURS_SHIFT;
const FLAG_PALETTE: u8 = 1 << 7;

/// Kinds by their number.
const KINDS: [Kind; 5] = [Kind::Chain, Kind::Leaf, Kind::Slices, Kind::Check, Kind::Video];

/// Colour modes by their number.
const COLOUR_MODES: [ColourMode; 3] =
    [ColourMode::Standard, ColourMode::HighColour, ColourMode::Palette];

/// Upper bound of an update header: magic, version, flags, three numbers of five bytes, two sides.
pub(crate) const MAX_HEADER_BYTES: usize = 2 + 1 + 1 + 3 * 5 + 2 * 2;

/// How an update travels, and with it what later pixels may depend on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Track {
    /// Ordered and reliable; later updates may depend on it.
    Chain,
    /// May be reset or overtaken; nothing depends on it.
    Leaf,
    /// Frames of film, in order within a video stream, each of which needs the one before; may be
    /// reset, and nothing else depends on it.
    Video,
}

/// What an update holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// What the line's picture becomes, given all that it was.
    Chain,
    /// Pictures that nothing builds on.
    Leaf,
    /// Tiles of the line's picture that build on nothing.
    Slices,
    /// A hash of the tiles that are exact.
    Check,
    /// A frame of film, which only the next ones of its stream build on.
    Video,
}

impl Kind {
    /// How such an update travels.
    pub(crate) const fn track(self) -> Track {
        match self {
            Self::Leaf => Track::Leaf,
            Self::Video => Track::Video,
            Self::Chain | Self::Slices | Self::Check => Track::Chain,
        }
    }
}

/// The header of an update.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct UpdateHeader {
    pub(crate) kind: Kind,
    /// Counts the starts of the stream; tiles of one epoch never mix with another's.
    pub(crate) epoch: u32,
    /// Of the chain and of leaves: rises within an epoch, the version of every tile that the update
    /// writes. Of slices and checks: that of the chain update whose outcome they tell.
    pub(crate) number: u32,
    /// Number of the chain update that this one builds on; 0 when it builds on none.
    pub(crate) base: u32,
    /// The canvas, when the update starts an epoch.
    pub(crate) start: Option<Size>,
    /// Whether models and older contents begin anew while the picture stays.
    pub(crate) reset: bool,
    /// How many colours the pixels of a chain update or of slices have.
    pub(crate) colours: ColourMode,
    /// Whether the body begins with a palette.
    pub(crate) has_palette: bool,
}

/// Where the fields of a header that was read stand in the update.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FieldOffsets {
    pub(crate) epoch: usize,
    pub(crate) number: usize,
    pub(crate) base: usize,
    /// Of the width, when there is one.
    pub(crate) size: usize,
}

impl UpdateHeader {
    /// The header of an update that neither starts nor resets anything, nor says of which colours
    /// its pixels are.
    pub(crate) const fn new(kind: Kind, epoch: u32, number: u32, base: u32) -> Self {
        Self {
            kind,
            epoch,
            number,
            base,
            start: None,
            reset: false,
            colours: ColourMode::Standard,
            has_palette: false,
        }
    }

    /// Where the flags stand, which name the track.
    pub(crate) const FLAGS_OFFSET: usize = MAGIC.len() + 1;

    pub(crate) fn write(&self, out: &mut impl BufMut) {
        let mut writer = Writer::new(out);
        writer.bytes(&MAGIC);
        writer.u8(VERSION);
        let start = if self.start.is_some() { FLAG_START } else { 0 };
        let reset = if self.reset { FLAG_RESET } else { 0 };
        let colours = COLOUR_MODES.iter().position(|mode| *mode == self.colours).unwrap_or(0) as u8;
        let palette = if self.has_palette { FLAG_PALETTE } else { 0 };
        let kind = KINDS.iter().position(|kind| *kind == self.kind).unwrap_or(0) as u8;
        writer.u8(kind | start | reset | colours << COLOURS_SHIFT | palette);
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
        let kind = usize::from(flags & KIND_MASK);
        let kind = *KINDS.get(kind).ok_or(Rule::Kind.at(offset))?;
        let mode = usize::from((flags & COLOURS_MASK) >> COLOURS_SHIFT);
        let colours = *COLOUR_MODES.get(mode).ok_or(Rule::ReservedFlag.at(offset))?;
        let (starts, reset) = (flags & FLAG_START != 0, flags & FLAG_RESET != 0);
        if starts && matches!(kind, Kind::Leaf | Kind::Check | Kind::Video) {
            return Err(Rule::LeafStart.at(offset));
        }
        if reset && (starts || kind != Kind::Chain) {
            return Err(Rule::ResetFlag.at(offset));
        }
        let has_palette = flags & FLAG_PALETTE != 0;
        if has_palette && colours != ColourMode::Palette
            || !matches!(kind, Kind::Chain | Kind::Slices) && colours != ColourMode::Standard
        {
            return Err(Rule::ColourMode.at(offset));
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
        let builds_on_none = starts || matches!(kind, Kind::Slices | Kind::Check);
        if builds_on_none && base != 0 {
            return Err(Rule::ChainGap.at(base_offset));
        }
        let start = if starts { Some(Size::new(reader.u16()?, reader.u16()?)) } else { None };
        let offsets = FieldOffsets {
            epoch: epoch_offset,
            number: number_offset,
            base: base_offset,
            size: size_offset,
        };
        let header = Self { kind, epoch, number, base, start, reset, colours, has_palette };
        Ok((header, offsets))
    }
}
