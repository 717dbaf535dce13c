//! The damage set: which tiles of a canvas may have changed.
//!
//! A bitmap with one bit a tile, so that adding, merging and clearing never allocate and the set
//! can never outgrow the canvas, however many damage events arrive.

use crate::geometry::{Rect, Size, TILE, TileGrid, TileIndex};

/// A set of tiles of one canvas.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Region {
    grid: TileGrid,
    words: Vec<u64>,
}

impl Region {
    /// The empty set over a canvas of `size`.
    #[must_use]
    pub fn empty(size: Size) -> Self {
        let grid = TileGrid::new(size);
        Self { grid, words: vec![0; (grid.tiles() as usize).div_ceil(64)] }
    }

    /// The set of all tiles of a canvas of `size`.
    #[must_use]
    pub fn full(size: Size) -> Self {
        let mut region = Self::empty(size);
        region.fill();
        region
    }

    /// The grid that the set counts in.
    #[must_use]
    pub const fn grid(&self) -> TileGrid {
        self.grid
    }

    /// Adds every tile of the canvas.
    pub fn fill(&mut self) {
        self.add(self.grid.size().rect());
    }

    /// Removes every tile.
    pub fn clear(&mut self) {
        self.words.fill(0);
    }

    /// Whether no tile is in the set.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.words.iter().all(|&word| word == 0)
    }

    /// Number of tiles in the set.
    #[must_use]
    pub fn len(&self) -> usize {
        self.words.iter().map(|word| word.count_ones() as usize).sum()
    }

    /// Adds every tile that shares a pixel with `rect`; what lies outside the canvas is ignored.
    pub fn add(&mut self, rect: Rect) {
        let rect = rect.intersect(self.grid.size().rect());
        if rect.is_empty() {
            return;
        }
        let columns = u32::from(rect.x / TILE)..=(rect.right() - 1) / u32::from(TILE);
        for row in u32::from(rect.y / TILE)..=(rect.bottom() - 1) / u32::from(TILE) {
            for column in columns.clone() {
                self.insert(self.grid.index(column, row));
            }
        }
    }

    /// Adds one tile; a tile that the grid does not have is ignored.
    pub fn insert(&mut self, tile: TileIndex) {
        if tile.0 < self.grid.tiles() {
            self.words[tile.0 as usize / 64] |= 1 << (tile.0 % 64);
        }
    }

    /// Removes one tile.
    pub fn remove(&mut self, tile: TileIndex) {
        if tile.0 < self.grid.tiles() {
            self.words[tile.0 as usize / 64] &= !(1 << (tile.0 % 64));
        }
    }

    /// Whether `tile` is in the set.
    #[must_use]
    pub fn contains(&self, tile: TileIndex) -> bool {
        tile.0 < self.grid.tiles() && self.words[tile.0 as usize / 64] >> (tile.0 % 64) & 1 == 1
    }

    /// Adds the tiles of `other`, which must be over a canvas of the same size.
    ///
    /// # Panics
    /// When the sizes differ: both sets come from our own capture side, never from a peer.
    pub fn merge(&mut self, other: &Self) {
        assert_eq!(self.grid, other.grid, "regions of different canvases");
        for (word, other) in self.words.iter_mut().zip(&other.words) {
            *word |= other;
        }
    }

    /// Makes this set equal to `other` without allocating, when both are over canvases of one size.
    pub fn assign(&mut self, other: &Self) {
        if self.grid == other.grid {
            self.words.copy_from_slice(&other.words);
        } else {
            self.clone_from(other);
        }
    }

    /// The tiles in the set, row by row.
    pub fn iter(&self) -> impl Iterator<Item = TileIndex> + '_ {
        self.words.iter().enumerate().flat_map(|(at, &word)| {
            std::iter::successors(Some(word), |rest| Some(rest & rest.wrapping_sub(1)))
                .take_while(|&rest| rest != 0)
                .map(move |rest| TileIndex(at as u32 * 64 + rest.trailing_zeros()))
        })
    }

    /// The set as rectangles that do not overlap: runs of tiles in a row, merged with the equal run
    /// above them.
    pub fn rects(&self) -> impl Iterator<Item = Rect> + '_ {
        let grid = self.grid;
        let columns = grid.columns();
        let run_at = move |column: u32, row: u32| -> u32 {
            (column..columns).take_while(|&c| self.contains(grid.index(c, row))).count() as u32
        };
        let starts = move |column: u32, row: u32| -> bool {
            self.contains(grid.index(column, row))
                && (column == 0 || !self.contains(grid.index(column - 1, row)))
        };
        (0..grid.rows()).flat_map(move |row| {
            (0..columns).filter_map(move |column| {
                if !starts(column, row) {
                    return None;
                }
                let run = run_at(column, row);
                let same_above =
                    row > 0 && starts(column, row - 1) && run_at(column, row - 1) == run;
                if same_above {
                    return None;
                }
                let below = (row + 1..grid.rows())
                    .take_while(|&r| starts(column, r) && run_at(column, r) == run)
                    .count() as u32;
                let first = grid.rect(grid.index(column, row));
                let last = grid.rect(grid.index(column + run - 1, row + below));
                Some(first.union(last))
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rects_cover_each_tile_once() {
        let size = Size::new(300, 200);
        let mut region = Region::empty(size);
        region.add(Rect::new(0, 0, 130, 70));
        region.add(Rect::new(250, 190, 500, 500));
        let mut seen = Region::empty(size);
        for rect in region.rects() {
            let before = seen.len();
            let mut one = Region::empty(size);
            one.add(rect);
            seen.merge(&one);
            assert_eq!(seen.len(), before + one.len(), "{rect:?} overlaps another");
        }
        assert_eq!(seen, region);
        assert_eq!(region.rects().next(), Some(Rect::new(0, 0, 192, 128)));
    }

    #[test]
    fn iteration_lists_inserted_tiles_in_order() {
        let mut region = Region::empty(Size::new(64 * 100, 64));
        for tile in [0, 63, 64, 99] {
            region.insert(TileIndex(tile));
        }
        region.insert(TileIndex(100));
        assert_eq!(region.iter().map(|tile| tile.0).collect::<Vec<_>>(), [0, 63, 64, 99]);
    }
}
