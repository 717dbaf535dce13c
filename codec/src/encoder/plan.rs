//! Groups tiles into slices: the units of parallel coding.

use crate::bitstream::{MAX_SLICE_TILES, TileList, Tool, Track};
use crate::geometry::{Rect, TileGrid, TileIndex};
use crate::region::Region;
use crate::tools::copy::Vector;

/// Most tiles in a slice that is compressed: enough history for Zstandard and its tables, small
/// enough to keep two threads busy.
const COMPRESSED_SLICE_TILES: usize = 16;

/// Most columns and tiles of a block of pictures.
const BLOCK_COLUMNS: u32 = 8;
const BLOCK_TILES: u32 = 32;

/// A slice to code, and its payload afterwards.
#[derive(Debug)]
pub(super) struct SliceJob {
    pub(super) tool: Tool,
    pub(super) track: Track,
    pub(super) tiles: TileList,
    /// The source of a copy.
    pub(super) vector: Vector,
    pub(super) payload: Vec<u8>,
    pub(super) state: JobState,
}

/// How far a slice has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum JobState {
    Waiting,
    Coded,
    Failed,
}

/// Slices of one call; memory is kept from call to call.
#[derive(Debug, Default)]
pub(super) struct Plan {
    jobs: Vec<SliceJob>,
    used: usize,
}

impl Plan {
    pub(super) fn clear(&mut self) {
        self.used = 0;
    }

    pub(super) fn jobs(&self) -> &[SliceJob] {
        &self.jobs[..self.used]
    }

    pub(super) fn jobs_mut(&mut self) -> &mut [SliceJob] {
        &mut self.jobs[..self.used]
    }

    fn push(&mut self, tool: Tool, track: Track, tiles: TileList, vector: Vector) {
        if let Some(job) = self.jobs.get_mut(self.used) {
            job.payload.clear();
            (job.tool, job.track, job.tiles, job.vector) = (tool, track, tiles, vector);
            job.state = JobState::Waiting;
        } else {
            let (payload, state) = (Vec::new(), JobState::Waiting);
            self.jobs.push(SliceJob { tool, track, tiles, vector, payload, state });
        }
        self.used += 1;
    }

    /// Adds slices of `tool` for `tiles`, at most `limit` tiles each.
    pub(super) fn add_lists(
        &mut self,
        tool: Tool,
        track: Track,
        tiles: impl Iterator<Item = TileIndex>,
        limit: usize,
    ) {
        let most = match tool {
            Tool::Solid | Tool::Copy => MAX_SLICE_TILES,
            _ => COMPRESSED_SLICE_TILES.min(limit).max(1),
        };
        let mut list = TileList::new();
        for tile in tiles {
            list.push(tile);
            if list.len() == most {
                self.push(
                    tool,
                    track,
                    std::mem::replace(&mut list, TileList::new()),
                    Vector::default(),
                );
            }
        }
        if !list.is_empty() {
            self.push(tool, track, list, Vector::default());
        }
    }

    /// Adds a slice for each rectangular block of the pictures in `tiles`, at most `limit` tiles
    /// each, and empties the set.
    pub(super) fn add_blocks(&mut self, tiles: &mut Region, limit: usize) {
        let grid = tiles.grid();
        let most = BLOCK_TILES.min(limit as u32).max(1);
        loop {
            let next = tiles.iter().next();
            let Some(first) = next else { return };
            let (column, row) = (first.0 % grid.columns(), first.0 / grid.columns());
            let holds = |c: u32, r: u32| tiles.contains(grid.index(c, r));
            let columns = (column..grid.columns().min(column + BLOCK_COLUMNS.min(most)))
                .take_while(|&c| holds(c, row))
                .count() as u32;
            let rows = (row..grid.rows().min(row + most / columns))
                .take_while(|&r| (column..column + columns).all(|c| holds(c, r)))
                .count() as u32;
            let Some(block) = TileList::block(grid, column, row, columns, rows) else { return };
            for &tile in block.iter() {
                tiles.remove(tile);
            }
            self.push(Tool::Jpeg, Track::Leaf, block, Vector::default());
        }
    }

    /// Puts the slices nearest to `pointer` first.
    pub(super) fn nearest_first(&mut self, grid: TileGrid, pointer: (u16, u16)) {
        self.jobs_mut().sort_unstable_by_key(|job| {
            job.tiles.iter().map(|&tile| distance(grid.rect(tile), pointer)).min()
        });
    }
}

/// Square of the distance of `point` from the middle of `rect`, in pixels.
pub(super) fn distance(rect: Rect, point: (u16, u16)) -> u64 {
    let dx = i64::from(rect.x) + i64::from(rect.width / 2) - i64::from(point.0);
    let dy = i64::from(rect.y) + i64::from(rect.height / 2) - i64::from(point.1);
    (dx * dx + dy * dy) as u64
}
