//! The picture of the decoder and what it knows about each tile.

use crate::bitstream::TileList;
use crate::frame::{BYTES_PER_PIXEL, Frame};
use crate::geometry::{Rect, Size, TILE, TileGrid, TileIndex};
use crate::region::Region;

/// One epoch's picture.
pub(super) struct Canvas {
    pub(super) frame: Frame,
    pub(super) grid: TileGrid,
    pub(super) epoch: u32,
    /// Number of the chain update applied last.
    pub(super) chain: u32,
    /// Number of the update that wrote each tile last; 0 when none of this epoch did.
    versions: Vec<u32>,
    /// Tiles that equal the source's pixels as of their version.
    pub(super) exact: Region,
}

impl Canvas {
    /// A black picture before its first update.
    pub(super) fn new(size: Size, epoch: u32) -> Self {
        let grid = TileGrid::new(size);
        Self {
            frame: Frame::black(size),
            grid,
            epoch,
            chain: 0,
            versions: vec![0; grid.tiles() as usize],
            exact: Region::empty(size),
        }
    }

    /// Forgets what was written and keeps the pixels.
    pub(super) fn restart(&mut self, epoch: u32) {
        (self.epoch, self.chain) = (epoch, 0);
        self.versions.fill(0);
        self.exact.clear();
    }

    /// Whether an update of this epoch wrote `tile`.
    pub(super) fn is_written(&self, tile: TileIndex) -> bool {
        self.versions.get(tile.0 as usize).is_some_and(|&version| version > 0)
    }

    /// The tiles that share a pixel with `rect`, which lies on the canvas and is not empty.
    pub(super) fn tiles_under(&self, rect: Rect) -> impl Iterator<Item = TileIndex> + use<> {
        let grid = self.grid;
        let tile = u32::from(TILE);
        let columns = u32::from(rect.x) / tile..=(rect.right() - 1) / tile;
        (u32::from(rect.y) / tile..=(rect.bottom() - 1) / tile)
            .flat_map(move |row| columns.clone().map(move |column| grid.index(column, row)))
    }

    /// Writes the decoded pixels of a slice as update `number`, except where a newer update has
    /// written. `pixels` holds the tiles one after another, or, for a `block`, its rows.
    pub(super) fn write(
        &mut self,
        tiles: &TileList,
        block: Option<Rect>,
        pixels: &[u8],
        number: u32,
        exact: bool,
        changed: &mut Region,
    ) {
        let mut start = 0;
        for &tile in tiles.iter() {
            let rect = self.grid.rect(tile);
            let row_bytes = usize::from(rect.width) * BYTES_PER_PIXEL;
            let (first, stride_bytes) = match block {
                Some(block) => {
                    let stride_bytes = usize::from(block.width) * BYTES_PER_PIXEL;
                    let x = usize::from(rect.x - block.x) * BYTES_PER_PIXEL;
                    (usize::from(rect.y - block.y) * stride_bytes + x, stride_bytes)
                }
                None => (start, row_bytes),
            };
            start += rect.area() * BYTES_PER_PIXEL;
            let version = &mut self.versions[tile.0 as usize];
            if *version >= number {
                continue;
            }
            *version = number;
            for (y, row) in (rect.y..rect.y + rect.height).zip(0..) {
                let from = first + row * stride_bytes;
                let row = &pixels[from..from + row_bytes];
                self.frame.span_mut(rect.x, y, rect.width).copy_from_slice(row);
            }
            if exact {
                self.exact.insert(tile);
            } else {
                self.exact.remove(tile);
            }
            changed.insert(tile);
        }
    }
}
