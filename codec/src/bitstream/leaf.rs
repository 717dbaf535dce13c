//! The body of a leaf update: pictures of rectangular blocks of tiles.

use std::ops::Range;

use bytes::BufMut;

use super::error::{DecodeError, Rule};
use super::limits::{MAX_PICTURE_BYTES, MAX_PICTURE_TILES};
use super::reader::Reader;
use super::writer::Writer;
use crate::geometry::{Rect, TileGrid, TileIndex};

/// Upper bound of a picture's header: address and length, two numbers and two bytes.
pub(crate) const MAX_PICTURE_HEADER_BYTES: usize = 2 * 5 + 2;

/// A rectangle of tiles of a grid; never empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TileBlock {
    first: TileIndex,
    columns: u8,
    rows: u8,
}

impl TileBlock {
    /// The block of `columns` by `rows` tiles whose first is `first`; 1 to [`MAX_PICTURE_TILES`] in
    /// all, and within the grid.
    pub(crate) const fn new(first: TileIndex, columns: u8, rows: u8) -> Self {
        Self { first, columns, rows }
    }

    /// The tiles, row by row.
    pub(crate) fn tiles(self, grid: TileGrid) -> impl Iterator<Item = TileIndex> + Clone {
        let Self { first, columns, rows } = self;
        (0..u32::from(rows)).flat_map(move |row| {
            (0..u32::from(columns)).map(move |at| TileIndex(first.0 + row * grid.columns() + at))
        })
    }

    /// Number of tiles.
    pub(crate) fn len(self) -> usize {
        usize::from(self.columns) * usize::from(self.rows)
    }

    /// Its pixels.
    pub(crate) fn rect(self, grid: TileGrid) -> Rect {
        self.tiles(grid).fold(Rect::default(), |rect, tile| rect.union(grid.rect(tile)))
    }
}

/// The header of a picture, with the place of its payload in the update.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PictureHeader {
    pub(crate) block: TileBlock,
    pub(crate) payload: Range<usize>,
}

impl PictureHeader {
    /// Writes the header of a picture whose payload of `payload_bytes` follows.
    pub(crate) fn write(block: TileBlock, payload_bytes: usize, out: &mut impl BufMut) {
        let mut writer = Writer::new(out);
        writer.number(block.first.0);
        writer.u8(block.columns);
        writer.u8(block.rows);
        writer.number(payload_bytes as u32);
    }

    pub(crate) fn read(reader: &mut Reader<'_>, grid: TileGrid) -> Result<Self, DecodeError> {
        let offset = reader.offset();
        let first = reader.number()?;
        let (columns, rows) = (reader.u8()?, reader.u8()?);
        let count = usize::from(columns) * usize::from(rows);
        if count == 0 || count > MAX_PICTURE_TILES {
            return Err(Rule::TileCount.at(offset));
        }
        if first >= grid.tiles() {
            return Err(Rule::TileOutside.at(offset));
        }
        let (column, row) = (first % grid.columns(), first / grid.columns());
        if column + u32::from(columns) > grid.columns() || row + u32::from(rows) > grid.rows() {
            return Err(Rule::TileOutside.at(offset));
        }
        let offset = reader.offset();
        let payload_bytes = reader.number()? as usize;
        if payload_bytes > MAX_PICTURE_BYTES {
            return Err(Rule::PayloadLimit.at(offset));
        }
        let start = reader.offset();
        reader.bytes(payload_bytes)?;
        let block = TileBlock::new(TileIndex(first), columns, rows);
        Ok(Self { block, payload: start..start + payload_bytes })
    }
}
