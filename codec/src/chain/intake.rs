//! Brings a frame's pixels into the new picture of a line, and that picture up to date.
//!
//! An update's picture becomes the previous one by changing places with it. So blocks that the last
//! update wrote are out of date in the other; those that are not written anew are copied here.

use std::ops::Range;

use super::block_map::{BLOCK, BlockMap, Mode};
use super::cache::{Cache, Place};
use super::picture::{Picture, Rows};
use crate::colour::Colours;
use crate::frame::FrameView;
use crate::geometry::{Rect, TILE, TileGrid, TileIndex};
use crate::kernels::{self, Vectorized};
use crate::parallel::Divide;
use crate::region::Region;

const SIDE: usize = TILE as usize;

/// What is known of the picture before the update at hand.
#[derive(Clone, Copy)]
pub(super) struct Before<'a> {
    pub(super) previous: &'a Picture,
    /// Whether that is black all over.
    pub(super) is_black: bool,
    /// For each block the update that wrote it last, and the last update.
    pub(super) born: &'a [u32],
    pub(super) updates: u32,
    /// Tiles with blocks that the last update wrote.
    pub(super) stale: &'a [bool],
    /// Of the update at hand.
    pub(super) map: &'a BlockMap,
}

impl Before<'_> {
    fn is_stale(&self, column: usize, row: usize) -> bool {
        self.born.get(row * self.map.dimensions().0 + column) == Some(&self.updates)
    }
}

/// What is taken.
#[derive(Clone, Copy)]
pub(super) struct Source<'a> {
    pub(super) frame: FrameView<'a>,
    pub(super) tiles: &'a Region,
    pub(super) colours: &'a Colours,
    /// Where tiles may return from.
    pub(super) cache: &'a Cache,
}

/// Rows of tiles of which one thread writes the new picture.
pub(super) struct IntakeBand<'a> {
    pub(super) grid: TileGrid,
    /// Its rows of tiles.
    pub(super) rows: Range<usize>,
    pub(super) current: Rows<'a>,
}

/// The same, with what is found out about its tiles.
pub(super) struct TakeBand<'a> {
    pub(super) band: IntakeBand<'a>,
    /// For each tile the blocks that show what they did before, a bit each.
    pub(super) kept: &'a mut [u64],
    /// For each tile where in the cache it is found as a whole.
    pub(super) origins: &'a mut [Option<Place>],
}

impl Divide for IntakeBand<'_> {
    fn len(&self) -> usize {
        self.rows.len()
    }

    fn divide(self, middle: usize) -> (Self, Self) {
        let Self { grid, rows, current } = self;
        let row = rows.start + middle;
        let (upper, lower) = current.split_at(row * SIDE);
        let below = Self { grid, rows: row..rows.end, current: lower };
        (Self { grid, rows: rows.start..row, current: upper }, below)
    }
}

impl Divide for TakeBand<'_> {
    fn len(&self) -> usize {
        self.band.len()
    }

    fn divide(self, middle: usize) -> (Self, Self) {
        let Self { band, kept, origins } = self;
        let tiles = middle * band.grid.columns() as usize;
        let (band, band_below) = band.divide(middle);
        let (kept, kept_below) = kept.split_at_mut(tiles);
        let (origins, origins_below) = origins.split_at_mut(tiles);
        let below = Self { band: band_below, kept: kept_below, origins: origins_below };
        (Self { band, kept, origins }, below)
    }
}

impl IntakeBand<'_> {
    /// The band's tiles, each with its place among them.
    fn tiles(&self) -> impl Iterator<Item = (TileIndex, usize)> + use<> {
        let (grid, rows) = (self.grid, self.rows.clone());
        let columns = 0..grid.columns();
        rows.flat_map(move |row| columns.clone().map(move |column| grid.index(column, row as u32)))
            .zip(0..)
    }

    /// Brings all tiles up to date where the map leaves blocks as they are.
    pub(super) fn refresh(&mut self, before: Before<'_>) {
        for (tile, _) in self.tiles() {
            if before.stale[tile.0 as usize] {
                self.refresh_tile(tile, before);
            }
        }
    }

    fn refresh_tile(&mut self, tile: TileIndex, before: Before<'_>) {
        let Before { previous, map, .. } = before;
        for (row, columns) in map.rows_of(tile) {
            let is_due =
                |column| map.mode(column, row) == Mode::SKIP && before.is_stale(column, row);
            let mut start = columns.start;
            while start < columns.end {
                let run = (start..columns.end).take_while(|column| is_due(*column)).count();
                if run > 0 {
                    let rect = map.run_rect(&(start..start + run), row);
                    let at = previous.at(usize::from(rect.x), usize::from(rect.y));
                    let (width, height) = (usize::from(rect.width), usize::from(rect.height));
                    self.current.copy_area((at, width, height), previous.pixels(), at);
                }
                start += run + 1;
            }
        }
    }
}

impl TakeBand<'_> {
    /// Takes the tiles of `source` and brings the others up to date.
    pub(super) fn take(self, source: Source<'_>, before: Before<'_>) {
        let Self { mut band, kept, origins } = self;
        for (tile, at) in band.tiles() {
            if source.tiles.contains(tile) {
                kept[at] = 0;
            } else if before.stale[tile.0 as usize] {
                band.refresh_tile(tile, before);
            }
        }
        let columns = (band.grid.columns() as usize).max(1);
        let tiles = kept.chunks_mut(columns).zip(origins.chunks_mut(columns));
        for (row, (kept, origins)) in band.rows.zip(tiles) {
            let current = &mut band.current;
            kernels::vectorize(RowIntake { source, row, before, current, kept, origins });
        }
    }
}

/// A row of tiles, of which some are taken: one row of blocks after the other, since memory is read
/// fastest in long rows. Before these come the tiles that are found as a whole.
struct RowIntake<'a, 'b> {
    source: Source<'a>,
    row: usize,
    before: Before<'a>,
    current: &'a mut Rows<'b>,
    kept: &'a mut [u64],
    origins: &'a mut [Option<Place>],
}

impl Vectorized for RowIntake<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn run(mut self) {
        let Self { source: Source { tiles, cache, .. }, row, before, .. } = self;
        let grid = tiles.grid();
        let first = row * SIDE / BLOCK;
        let last = (first + SIDE / BLOCK).min(before.map.dimensions().1);
        for block_row in first..last {
            for column in 0..grid.columns() {
                let origin = &self.origins[column as usize];
                if let Some(held) = origin.and_then(|place| cache.tile(place)) {
                    let tile = grid.rect(grid.index(column, row as u32));
                    if !self.recall(tile, block_row, &held[(block_row - first) * BLOCK..]) {
                        self.origins[column as usize] = None;
                    }
                }
            }
        }
        for block_row in first..last {
            for column in 0..grid.columns() {
                let tile = grid.index(column, row as u32);
                if tiles.contains(tile) && self.origins[column as usize].is_none() {
                    let bits = self.take(grid.rect(tile), block_row, before.stale[tile.0 as usize]);
                    let blocks = bits.count as usize * (block_row - first);
                    self.kept[column as usize] |= u64::from(bits.kept) << blocks;
                }
            }
        }
    }
}

/// Of some neighbouring blocks those that show what they did before, a bit each.
struct KeptBlocks {
    kept: u32,
    count: u32,
}

impl RowIntake<'_, '_> {
    /// Takes a row of a tile's blocks, and says whether its pixels are those of `held`.
    #[inline(always)]
    fn recall(&mut self, tile: Rect, block_row: usize, held: &[[u32; SIDE]]) -> bool {
        let Source { frame, colours, .. } = self.source;
        let y = (block_row * BLOCK) as u16;
        let rows = y..(y + BLOCK as u16).min(tile.y + tile.height);
        let mut differing = [0_u32; SIDE];
        for (held, y) in held.iter().zip(rows) {
            let at = self.before.previous.at(usize::from(tile.x), usize::from(y));
            let to = self.current.span(at, usize::from(tile.width));
            let from = frame.span(tile.x, y, tile.width);
            match colours {
                Colours::Standard => kernels::load_row(from, to),
                _ => colours.load_row(from, to),
            }
            for (differing, (to, held)) in differing.iter_mut().zip(to.iter().zip(held)) {
                *differing |= to ^ held;
            }
        }
        differing.iter().fold(0, |sum, bits| sum | bits) == 0
    }

    /// Takes a row of a tile's blocks. Only those that differ are written, and those that are out of
    /// date.
    #[inline(always)]
    fn take(&mut self, tile: Rect, block_row: usize, is_stale: bool) -> KeptBlocks {
        let Before { previous, is_black, .. } = self.before;
        let (left, width) = (usize::from(tile.x), usize::from(tile.width));
        let y = (block_row * BLOCK) as u16;
        let height = usize::from(tile.y + tile.height - y).min(BLOCK);
        let mut rows = [[0_u32; SIDE]; BLOCK];
        // Of each column of pixels, beyond the tile's too, in which bits any differs.
        let mut differing = [0_u32; SIDE];
        for (row, y) in rows[..height].iter_mut().zip(y..) {
            let from = self.source.frame.span(tile.x, y, tile.width);
            match self.source.colours {
                Colours::Standard => kernels::load_row(from, &mut row[..width]),
                colours => colours.load_row(from, &mut row[..width]),
            }
            let at = previous.at(left, usize::from(y));
            // The picture's border makes a full row readable everywhere.
            let there = previous.pixels()[at..].first_chunk::<SIDE>();
            let there = if is_black { &[0; SIDE] } else { there.unwrap_or(&[0; SIDE]) };
            for x in 0..SIDE {
                differing[x] |= row[x] ^ there[x];
            }
        }
        let mut bits = KeptBlocks { kept: 0, count: 0 };
        for x in (0..width).step_by(BLOCK) {
            let at = previous.at(left + x, usize::from(y));
            let width = (width - x).min(BLOCK);
            let is_kept = differing[x..x + width].iter().fold(0, |sum, bits| sum | bits) == 0;
            if !is_kept || is_stale && self.before.is_stale((left + x) / BLOCK, block_row) {
                for (row, line) in rows[..height].iter().enumerate() {
                    let to = self.current.span(at + row * previous.stride(), width);
                    match (to.first_chunk_mut::<BLOCK>(), line[x..].first_chunk::<BLOCK>()) {
                        (Some(to), Some(from)) => *to = *from,
                        _ => to.copy_from_slice(&line[x..x + width]),
                    }
                }
            }
            bits.kept |= u32::from(is_kept) << bits.count;
            bits.count += 1;
        }
        bits
    }
}
