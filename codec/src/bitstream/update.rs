//! The header of an update and of a slice, and the addresses of tiles: reading and writing side
//! by side.

use std::ops::{Deref, Range};

use bytes::BufMut;

use super::error::{DecodeError, Rule};
use super::limits::{MAX_SLICE_PAYLOAD_BYTES, MAX_SLICE_TILES};
use super::reader::Reader;
use super::writer::Writer;
use crate::geometry::{Rect, Size, TileGrid, TileIndex};

/// Version of the bitstream that this crate writes and reads.
pub const VERSION: u8 = 1;

/// First bytes of every update.
const MAGIC: [u8; 2] = *b"Te";

const FLAG_LEAF: u8 = 1;
const FLAG_START: u8 = 1 << 1;

/// Upper bound of an update header: magic, version, flags, four numbers of five bytes, two sides.
pub(crate) const MAX_HEADER_BYTES: usize = 2 + 1 + 1 + 4 * 5 + 2 * 2;

/// Upper bound of a slice header: tool, count, an address of five bytes a tile, a length.
pub(crate) const MAX_SLICE_HEADER_BYTES: usize = 1 + 1 + 5 * MAX_SLICE_TILES + 5;

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
    pub(crate) slices: u32,
}

/// Where the fields of a header that was read stand in the update.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FieldOffsets {
    pub(crate) epoch: usize,
    pub(crate) base: usize,
    /// Of the width, when there is one.
    pub(crate) size: usize,
    pub(crate) slices: usize,
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
        writer.u8(leaf | start);
        writer.number(self.epoch);
        writer.number(self.number);
        writer.number(self.base);
        if let Some(size) = self.start {
            writer.u16(size.width);
            writer.u16(size.height);
        }
        writer.number(self.slices);
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
        if flags & !(FLAG_LEAF | FLAG_START) != 0 {
            return Err(Rule::ReservedFlag.at(offset));
        }
        let track = if flags & FLAG_LEAF == 0 { Track::Chain } else { Track::Leaf };
        if track == Track::Leaf && flags & FLAG_START != 0 {
            return Err(Rule::LeafStart.at(offset));
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
        let offsets = FieldOffsets {
            epoch: epoch_offset,
            base: base_offset,
            size: size_offset,
            slices: reader.offset(),
        };
        let slices = reader.number()?;
        Ok((Self { track, epoch, number, base, start, slices }, offsets))
    }
}

/// How the pixels of a slice are coded. The numbers are those of the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub(crate) enum Tool {
    Solid = 0,
    Palette = 1,
    Lossless = 2,
    Jpeg = 3,
    Copy = 4,
}

impl Tool {
    fn from_wire(value: u8) -> Option<Self> {
        [Self::Solid, Self::Palette, Self::Lossless, Self::Jpeg, Self::Copy]
            .into_iter()
            .find(|&tool| tool as u8 == value)
    }

    /// Whether the tool reproduces the source's pixels bit by bit.
    pub(crate) const fn is_exact(self) -> bool {
        !matches!(self, Self::Jpeg)
    }
}

/// The tiles of a slice, in rising order.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct TileList {
    tiles: [TileIndex; MAX_SLICE_TILES],
    count: usize,
}

impl TileList {
    pub(crate) const fn new() -> Self {
        Self { tiles: [TileIndex(0); MAX_SLICE_TILES], count: 0 }
    }

    /// Appends a tile; returns whether there was room.
    pub(crate) fn push(&mut self, tile: TileIndex) -> bool {
        match self.tiles.get_mut(self.count) {
            Some(slot) => {
                *slot = tile;
                self.count += 1;
                true
            }
            None => false,
        }
    }

    /// The tiles of a block of `columns` by `rows` tiles, or `None` when they are too many.
    pub(crate) fn block(
        grid: TileGrid,
        column: u32,
        row: u32,
        columns: u32,
        rows: u32,
    ) -> Option<Self> {
        let mut list = Self::new();
        for r in row..row + rows {
            for c in column..column + columns {
                if !list.push(grid.index(c, r)) {
                    return None;
                }
            }
        }
        Some(list)
    }

    /// The smallest rectangle around all tiles: for a block, its pixels.
    pub(crate) fn bounds(&self, grid: TileGrid) -> Rect {
        self.iter().fold(Rect::default(), |bounds, &tile| bounds.union(grid.rect(tile)))
    }

    /// Pixels of all tiles together.
    pub(crate) fn area(&self, grid: TileGrid) -> usize {
        self.iter().map(|&tile| grid.rect(tile).area()).sum()
    }
}

impl Deref for TileList {
    type Target = [TileIndex];

    fn deref(&self) -> &[TileIndex] {
        &self.tiles[..self.count]
    }
}

impl std::fmt::Debug for TileList {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_list().entries(self.iter().map(|tile| tile.0)).finish()
    }
}

/// The header of a slice, with the place of its payload in the update.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SliceHeader {
    pub(crate) tool: Tool,
    pub(crate) tiles: TileList,
    pub(crate) payload: Range<usize>,
}

impl SliceHeader {
    /// Writes the header of a slice whose payload of `payload_bytes` follows.
    pub(crate) fn write(
        tool: Tool,
        tiles: &TileList,
        grid: TileGrid,
        payload_bytes: usize,
        out: &mut impl BufMut,
    ) {
        let mut writer = Writer::new(out);
        writer.u8(tool as u8);
        let columns = grid.columns();
        match (tool, tiles.first(), tiles.last()) {
            (Tool::Jpeg, Some(first), Some(last)) => {
                writer.number(first.0);
                writer.u8((last.0 % columns - first.0 % columns + 1) as u8);
                writer.u8((last.0 / columns - first.0 / columns + 1) as u8);
            }
            _ => {
                writer.u8(tiles.len() as u8);
                let mut next = 0;
                for tile in tiles.iter() {
                    writer.number(tile.0 - next);
                    next = tile.0 + 1;
                }
            }
        }
        writer.number(payload_bytes as u32);
    }

    pub(crate) fn read(reader: &mut Reader<'_>, grid: TileGrid) -> Result<Self, DecodeError> {
        let offset = reader.offset();
        let tool = Tool::from_wire(reader.u8()?).ok_or(Rule::ToolUnknown.at(offset))?;
        let tiles = match tool {
            Tool::Jpeg => Self::read_block(reader, grid)?,
            _ => Self::read_list(reader, grid)?,
        };
        let offset = reader.offset();
        let payload_bytes = reader.number()? as usize;
        if payload_bytes > MAX_SLICE_PAYLOAD_BYTES {
            return Err(Rule::PayloadLimit.at(offset));
        }
        let start = reader.offset();
        reader.bytes(payload_bytes)?;
        Ok(Self { tool, tiles, payload: start..start + payload_bytes })
    }

    /// A list: count, then for each tile how many are skipped since the one before.
    fn read_list(reader: &mut Reader<'_>, grid: TileGrid) -> Result<TileList, DecodeError> {
        let offset = reader.offset();
        let count = reader.u8()?;
        if count == 0 || usize::from(count) > MAX_SLICE_TILES {
            return Err(Rule::TileCount.at(offset));
        }
        let mut tiles = TileList::new();
        let mut next = 0_u32;
        for _ in 0..count {
            let offset = reader.offset();
            let tile = next
                .checked_add(reader.number()?)
                .filter(|&tile| tile < grid.tiles())
                .ok_or(Rule::TileOutside.at(offset))?;
            tiles.push(TileIndex(tile));
            next = tile + 1;
        }
        Ok(tiles)
    }

    /// A block: first tile, columns, rows.
    fn read_block(reader: &mut Reader<'_>, grid: TileGrid) -> Result<TileList, DecodeError> {
        let offset = reader.offset();
        let first = reader.number()?;
        let columns = u32::from(reader.u8()?);
        let rows = u32::from(reader.u8()?);
        let count = columns * rows;
        if count == 0 || count as usize > MAX_SLICE_TILES {
            return Err(Rule::TileCount.at(offset));
        }
        if first >= grid.tiles() {
            return Err(Rule::TileOutside.at(offset));
        }
        let (column, row) = (first % grid.columns(), first / grid.columns());
        if column + columns > grid.columns() || row + rows > grid.rows() {
            return Err(Rule::TileOutside.at(offset));
        }
        TileList::block(grid, column, row, columns, rows).ok_or(Rule::TileCount.at(offset))
    }
}
