//! Groups tiles of film into rectangles: the units of parallel coding.

use crate::bitstream::TileBlock;
use crate::geometry::{Rect, TileGrid};
use crate::region::Region;

/// Most columns and tiles of a rectangle. Wide ones share their edges, small ones keep two threads
/// busy; both figures are choices, not measurements.
const BLOCK_COLUMNS: u32 = 8;
const BLOCK_TILES: u32 = 32;

/// A picture to code, and its payload afterwards.
#[derive(Debug)]
pub(super) struct PictureJob {
    pub(super) block: TileBlock,
    pub(super) payload: Vec<u8>,
    pub(super) is_coded: bool,
}

/// Pictures of one call; memory is kept from call to call.
#[derive(Debug, Default)]
pub(super) struct Plan {
    jobs: Vec<PictureJob>,
    used: usize,
}

impl Plan {
    pub(super) fn jobs(&self) -> &[PictureJob] {
        &self.jobs[..self.used]
    }

    pub(super) fn jobs_mut(&mut self) -> &mut [PictureJob] {
        &mut self.jobs[..self.used]
    }

    fn push(&mut self, block: TileBlock) {
        if let Some(job) = self.jobs.get_mut(self.used) {
            job.payload.clear();
            (job.block, job.is_coded) = (block, false);
        } else {
            self.jobs.push(PictureJob { block, payload: Vec::new(), is_coded: false });
        }
        self.used += 1;
    }

    /// Plans a picture for each rectangle of the tiles in `tiles`, and empties the set.
    pub(super) fn plan(&mut self, tiles: &mut Region) {
        self.used = 0;
        let grid = tiles.grid();
        loop {
            let next = tiles.iter().next();
            let Some(first) = next else { return };
            let (column, row) = (first.0 % grid.columns(), first.0 / grid.columns());
            let holds = |c: u32, r: u32| tiles.contains(grid.index(c, r));
            let columns = (column..grid.columns().min(column + BLOCK_COLUMNS))
                .take_while(|&c| holds(c, row))
                .count() as u32;
            let rows = (row..grid.rows().min(row + BLOCK_TILES / columns))
                .take_while(|&r| (column..column + columns).all(|c| holds(c, r)))
                .count() as u32;
            // Both are at most `BLOCK_TILES`.
            let block = TileBlock::new(first, columns as u8, rows as u8);
            for tile in block.tiles(grid) {
                tiles.remove(tile);
            }
            self.push(block);
        }
    }
}

/// Square of the distance of `point` from the middle of `tile`, in pixels.
pub(super) fn distance(tile: Rect, point: (u16, u16)) -> u64 {
    let dx = i64::from(tile.x) + i64::from(tile.width / 2) - i64::from(point.0);
    let dy = i64::from(tile.y) + i64::from(tile.height / 2) - i64::from(point.1);
    (dx * dx + dy * dy) as u64
}

/// Puts what `tile_of` places nearest to `pointer` first; without a pointer, in the grid's order.
pub(super) fn nearest_first<T>(
    list: &mut [T],
    grid: TileGrid,
    pointer: Option<(u16, u16)>,
    tile_of: impl Fn(&T) -> crate::geometry::TileIndex,
) {
    list.sort_unstable_by_key(|item| {
        let tile = tile_of(item);
        (pointer.map_or(0, |pointer| distance(grid.rect(tile), pointer)), tile)
    });
}
