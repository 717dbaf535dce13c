//! The body of a video update: a frame of a rectangle that plays film, and the tiles that show it.

use std::ops::Range;

use bytes::BufMut;

use super::error::{DecodeError, Rule};
use super::limits::MAX_PICTURE_BYTES;
use super::reader::Reader;
use super::writer::Writer;
use crate::geometry::{Rect, Size, TILE, TileGrid, TileIndex};
use crate::region::Region;
use crate::video;

/// Upper bound of what stands before the payload, without the tiles: two numbers, four sides.
pub(crate) const MAX_VIDEO_HEADER_BYTES: usize = 2 * 5 + 4 * 2;

/// What stands before the payload, which is the rest of the update.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct VideoHeader {
    /// Number of the stream, rising within an epoch.
    pub(crate) stream: u32,
    /// Number of the frame in the stream; frame 0 stands alone.
    pub(crate) frame: u32,
    /// The pixels of the frame.
    pub(crate) rect: Rect,
}

impl VideoHeader {
    /// Writes the header; `shown` are the tiles that show the frame.
    pub(crate) fn write(&self, grid: TileGrid, shown: &Region, out: &mut impl BufMut) {
        let Rect { x, y, width, height } = self.rect;
        let mut writer = Writer::new(out);
        writer.number(self.stream);
        writer.number(self.frame);
        for side in [x, y, width, height] {
            writer.u16(side);
        }
        let mut tiles = tiles_under(self.rect, grid).peekable();
        while tiles.peek().is_some() {
            let byte = tiles
                .by_ref()
                .take(8)
                .zip(0..)
                .fold(0, |byte, (tile, bit)| byte | u8::from(shown.contains(tile)) << bit);
            writer.u8(byte);
        }
    }

    /// Reads a header and puts the tiles that show the frame into `shown`, which is over `grid` and
    /// empty; returns it with the place of the payload.
    pub(crate) fn read(
        reader: &mut Reader<'_>,
        grid: TileGrid,
        shown: &mut Region,
    ) -> Result<(Self, Range<usize>), DecodeError> {
        let (stream, frame) = (reader.number()?, reader.number()?);
        let offset = reader.offset();
        let rect = Rect::new(reader.u16()?, reader.u16()?, reader.u16()?, reader.u16()?);
        let size = Size::new(rect.width, rect.height);
        if !rect.fits(grid.size()) || !video::allows(size) {
            return Err(Rule::VideoRegion.at(offset));
        }
        let mut tiles = tiles_under(rect, grid).peekable();
        while tiles.peek().is_some() {
            let offset = reader.offset();
            let mut byte = reader.u8()?;
            for tile in tiles.by_ref().take(8) {
                if byte & 1 == 1 {
                    shown.insert(tile);
                }
                byte >>= 1;
            }
            if tiles.peek().is_none() && byte != 0 {
                return Err(Rule::VideoTiles.at(offset));
            }
        }
        let offset = reader.offset();
        let payload = reader.rest();
        if payload.len() > MAX_PICTURE_BYTES {
            return Err(Rule::PayloadLimit.at(offset));
        }
        Ok((Self { stream, frame, rect }, offset..offset + payload.len()))
    }
}

/// The tiles with pixels of `rect`, which is not empty, row by row.
pub(crate) fn tiles_under(rect: Rect, grid: TileGrid) -> impl Iterator<Item = TileIndex> + Clone {
    tile_rows(rect, grid).flatten()
}

/// The same, each row for itself.
pub(crate) fn tile_rows(
    rect: Rect,
    grid: TileGrid,
) -> impl Iterator<Item = impl Iterator<Item = TileIndex> + Clone> + Clone {
    let tile = u32::from(TILE);
    let columns = u32::from(rect.x) / tile..rect.right().div_ceil(tile);
    let rows = u32::from(rect.y) / tile..rect.bottom().div_ceil(tile);
    rows.map(move |row| columns.clone().map(move |column| grid.index(column, row)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_read_as_it_was_written() {
        let grid = TileGrid::new(Size::new(700, 300));
        let mut shown = Region::empty(grid.size());
        for tile in [grid.index(1, 1), grid.index(4, 2), grid.index(9, 3)] {
            shown.insert(tile);
        }
        let header = VideoHeader { stream: 3, frame: 200, rect: Rect::new(65, 64, 451, 190) };
        let mut bytes = Vec::new();
        header.write(grid, &shown, &mut bytes);
        bytes.extend_from_slice(b"slice");
        let mut read = Region::empty(grid.size());
        let (again, payload) =
            VideoHeader::read(&mut Reader::new(&bytes), grid, &mut read).expect("valid");
        // The third tile has no pixel of the rectangle's.
        shown.remove(grid.index(9, 3));
        assert!(read.iter().eq(shown.iter()));
        assert_eq!((again, &bytes[payload]), (header, b"slice".as_slice()));
    }
}
