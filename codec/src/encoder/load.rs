//! Guesses how long the pixels of an update take to code, and parts it into lanes of equal work.
//!
//! The guess depends on pixels alone, so that the bytes are the same however many threads there are.

use super::blocks::TileContent;
use crate::chain::{BlockMap, MAX_LANES, Mode};
use crate::geometry::TileIndex;

/// Work is counted in half pixels of photographs. What a block of each mode takes, and what each
/// pixel of drawn content adds that repeats nothing; by measurement on one machine.
const PHOTO_WORK: u32 = 128;
const TRANSFORM_WORK: u32 = 64;
const DRAWN_WORK: u32 = 48;
const DRAWN_PIXEL_WORK: u32 = 5;

/// The least work of a lane, some three milliseconds. A lane learns from its own pixels alone, which
/// smaller lanes pay for in bytes: with half of it slides took 2 % more, an editor 16 %.
const LANE_WORK: u64 = 240_000;

/// The work of each row of blocks.
#[derive(Debug, Default)]
pub(super) struct Load {
    rows: Vec<u32>,
}

impl Load {
    /// Begins an update of `map`.
    pub(super) fn begin(&mut self, map: &BlockMap) {
        self.rows.clear();
        self.rows.resize(map.dimensions().1, 0);
    }

    /// Adds a tile of the update.
    pub(super) fn add(&mut self, map: &BlockMap, tile: TileIndex, content: &TileContent) {
        let mut first_row = usize::MAX;
        for (column, row) in map.blocks(tile) {
            first_row = first_row.min(row);
            let work = match map.mode(column, row) {
                Mode::GRAPHICS => DRAWN_WORK,
                Mode::PHOTO => PHOTO_WORK,
                Mode::TRANSFORM => TRANSFORM_WORK,
                _ => 0,
            };
            self.rows[row] += work;
        }
        for (row, &pixels) in self.rows.iter_mut().skip(first_row).zip(&content.drawn_pixels) {
            *row += u32::from(pixels) * DRAWN_PIXEL_WORK;
        }
    }

    /// Parts the update into lanes.
    pub(super) fn part(&self, map: &mut BlockMap) {
        let total: u64 = self.rows.iter().map(|&work| u64::from(work)).sum();
        let lanes = match total / LANE_WORK {
            0 => 1,
            // Of three, one of two threads would have two.
            3.. => MAX_LANES as u64,
            lanes => lanes,
        };
        let (mut passed, mut begun) = (0, 1);
        for (row, &work) in self.rows.iter().enumerate() {
            // A row that lies across the border goes to the side on which more of it lies.
            if row > 0 && begun < lanes && (passed + u64::from(work) / 2) * lanes >= total * begun {
                map.begin_lane(row);
                begun += 1;
            }
            passed += u64::from(work);
        }
    }
}
