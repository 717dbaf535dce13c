//! The block map of an update: which tiles change, and how each of their 8x8 blocks is made.

use std::ops::Range;

use super::cache::{Directives, PAGE_BITS};
use super::coder::Coder;
use super::model::{Alphabet, Bit, SYMBOLS};
use super::transform::{QUANTIZER_BITS, Quantizer};
use crate::bitstream::Rule;
use crate::geometry::{Rect, Size, TILE, TileGrid, TileIndex};

/// Width and height of a block, in pixels.
pub(crate) const BLOCK: usize = 8;

/// Blocks along a side of a tile.
const TILE_BLOCKS: usize = TILE as usize / BLOCK;

/// Most vectors of an update: one mode each.
pub(crate) const MAX_VECTORS: usize = 10;

/// Bits of the number of vectors, and of each coordinate.
const COUNT_BITS: u32 = 4;
const COORDINATE_BITS: u32 = 15;

/// Most lanes of an update.
pub(crate) const MAX_LANES: usize = 4;

/// Bits of the row of blocks in which a lane begins: a canvas has at most 2,048.
const LANE_ROW_BITS: u32 = 11;

/// Added to a coordinate on the wire: the largest canvas is this wide.
const COORDINATE_BIAS: i32 = 1 << (COORDINATE_BITS - 1);

/// How the pixels of a block are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Mode(u8);

impl Mode {
    /// As in the chain's picture before the update.
    pub(crate) const SKIP: Self = Self(0);
    /// Pixel by pixel, by the models of drawn content.
    pub(crate) const GRAPHICS: Self = Self(1);
    /// Pixel by pixel, by the models of photographs.
    pub(crate) const PHOTO: Self = Self(2);
    /// As a photograph, approximately: see `transform`.
    pub(crate) const TRANSFORM: Self = Self(3);
    const FIRST_COPY: u8 = 4;
    /// As the place was before its present content.
    pub(crate) const FORMER: Self = Self(14);
    /// As the place was when it last had stood for a while.
    pub(crate) const STABLE: Self = Self(15);

    /// From the chain's picture before the update, by a vector.
    pub(crate) const fn copy(vector: usize) -> Self {
        Self(Self::FIRST_COPY + vector as u8)
    }

    /// The vector of a copy.
    #[inline(always)]
    pub(crate) const fn vector(self) -> Option<usize> {
        let is_copy = self.0 >= Self::FIRST_COPY && self.0 < Self::FORMER.0;
        if is_copy { Some((self.0 - Self::FIRST_COPY) as usize) } else { None }
    }

    /// Whether the block is coded pixel by pixel.
    #[inline(always)]
    pub(crate) const fn is_by_pixel(self) -> bool {
        self.0 == Self::GRAPHICS.0 || self.0 == Self::PHOTO.0
    }

    /// Whether pixels are coded for the block.
    #[inline(always)]
    pub(crate) const fn has_pixels(self) -> bool {
        self.0 != Self::SKIP.0 && self.0 < Self::FIRST_COPY
    }

    const fn symbol(self) -> usize {
        self.0 as usize
    }
}

/// What a chain update says of a tile that it changes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Claim {
    /// All its pixels are exact then.
    Exact,
    /// They are not.
    #[default]
    Lossy,
    /// Nor are they, and where the tile shows a video they stay as they are.
    AroundVideo,
}

/// Where the source of a copy lies, seen from its destination.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Vector {
    /// The page of the cache that it lies in; the chain's picture when there is none.
    pub(crate) page: Option<u8>,
    /// Pixels to the right.
    pub(crate) dx: i16,
    /// Pixels down.
    pub(crate) dy: i16,
}

impl Vector {
    /// The source of `block`, or `None` when it leaves a canvas of `size`.
    #[inline(always)]
    pub(crate) fn source(self, block: Rect, size: Size) -> Option<Rect> {
        let x = u16::try_from(i32::from(block.x) + i32::from(self.dx)).ok()?;
        let y = u16::try_from(i32::from(block.y) + i32::from(self.dy)).ok()?;
        let source = Rect::new(x, y, block.width, block.height);
        source.fits(size).then_some(source)
    }
}

/// The models of the map.
#[derive(Clone, Debug)]
struct MapModels {
    changed: [Bit; 8],
    exact: [Bit; 2],
    around: Bit,
    cached: [Bit; 2],
    in_place: Bit,
    another_lane: Bit,
    /// By the mode around: whether a row of a tile's blocks goes on with it.
    goes_on: [Bit; SYMBOLS],
    modes: [Alphabet; SYMBOLS * SYMBOLS],
}

impl MapModels {
    const NEW: Self = Self {
        changed: [Bit::NEW; 8],
        exact: [Bit::NEW; 2],
        around: Bit::NEW,
        cached: [Bit::NEW; 2],
        in_place: Bit::NEW,
        another_lane: Bit::NEW,
        goes_on: [Bit::STEADY; SYMBOLS],
        modes: [Alphabet::NEW; SYMBOLS * SYMBOLS],
    };

    fn code_claim<C: Coder>(&mut self, coder: &mut C, exact_before: bool, claim: Claim) -> Claim {
        if coder.bit(&mut self.exact[usize::from(exact_before)], claim == Claim::Exact) {
            Claim::Exact
        } else if coder.bit(&mut self.around, claim == Claim::AroundVideo) {
            Claim::AroundVideo
        } else {
            Claim::Lossy
        }
    }
}

/// The block map at hand, and the models of all.
#[derive(Clone, Debug)]
pub(crate) struct BlockMap {
    grid: TileGrid,
    columns: usize,
    rows: usize,
    /// Modes row by row, with a column of skips on both sides and a row of them above.
    modes: Vec<Mode>,
    /// For each tile whether the update changes it, and what it is then.
    changed: Vec<bool>,
    claims: Vec<Claim>,
    vectors: [Vector; MAX_VECTORS],
    vector_count: usize,
    quantizer: Quantizer,
    /// The row of blocks in which each lane begins, of the first [`Self::lanes`] lanes.
    lane_starts: [u16; MAX_LANES],
    lanes: usize,
    /// What the update does to the cache.
    pub(crate) directives: Directives,
    models: Box<MapModels>,
}

impl BlockMap {
    pub(crate) fn new(size: Size) -> Self {
        let mut map = Self {
            grid: TileGrid::new(size),
            columns: 0,
            rows: 0,
            modes: Vec::new(),
            changed: Vec::new(),
            claims: Vec::new(),
            vectors: [Vector::default(); MAX_VECTORS],
            vector_count: 0,
            quantizer: Quantizer::of(0),
            lane_starts: [0; MAX_LANES],
            lanes: 1,
            directives: Directives::new(),
            models: Box::new(MapModels::NEW),
        };
        map.reset(size);
        map
    }

    /// Forgets everything, for a canvas of `size`.
    pub(crate) fn reset(&mut self, size: Size) {
        self.grid = TileGrid::new(size);
        self.columns = usize::from(size.width).div_ceil(BLOCK);
        self.rows = usize::from(size.height).div_ceil(BLOCK);
        let tiles = self.grid.tiles() as usize;
        self.modes.resize((self.columns + 2) * (self.rows + 1), Mode::SKIP);
        self.changed.resize(tiles, false);
        self.claims.resize(tiles, Claim::default());
        *self.models = MapModels::NEW;
        self.directives.reset(tiles);
        self.clear();
    }

    /// Begins a map in which nothing changes.
    pub(crate) fn clear(&mut self) {
        self.modes.fill(Mode::SKIP);
        self.changed.fill(false);
        self.claims.fill(Claim::default());
        self.vector_count = 0;
        self.lanes = 1;
        self.directives.clear();
    }

    /// Columns and rows of blocks.
    pub(crate) const fn dimensions(&self) -> (usize, usize) {
        (self.columns, self.rows)
    }

    #[inline(always)]
    const fn at(&self, column: usize, row: usize) -> usize {
        (row + 1) * (self.columns + 2) + column + 1
    }

    /// The mode of a block.
    #[inline(always)]
    pub(crate) fn mode(&self, column: usize, row: usize) -> Mode {
        self.modes[self.at(column, row)]
    }

    /// Sets the mode of a block.
    #[inline(always)]
    pub(crate) fn set_mode(&mut self, column: usize, row: usize, mode: Mode) {
        let at = self.at(column, row);
        self.modes[at] = mode;
    }

    /// The modes of a row of blocks.
    pub(crate) fn row(&self, row: usize) -> &[Mode] {
        let start = self.at(0, row);
        &self.modes[start..start + self.columns]
    }

    /// Pixels of a block, cut to the canvas.
    #[inline(always)]
    pub(crate) fn rect(&self, column: usize, row: usize) -> Rect {
        let size = self.grid.size();
        let (x, y) = ((column * BLOCK) as u16, (row * BLOCK) as u16);
        Rect::new(x, y, (size.width - x).min(BLOCK as u16), (size.height - y).min(BLOCK as u16))
    }

    /// Neighbouring blocks of one mode in a row of blocks: their columns and the mode. None where no
    /// tile changes.
    pub(crate) fn runs(&self, row: usize) -> impl Iterator<Item = (Range<usize>, Mode)> + '_ {
        let tile_columns = self.grid.columns() as usize;
        let tiles = &self.changed[row / TILE_BLOCKS * tile_columns..][..tile_columns];
        let modes = if tiles.contains(&true) { self.row(row) } else { &[] };
        let mut end = 0;
        modes.chunk_by(PartialEq::eq).filter_map(move |run| {
            let start = end;
            end += run.len();
            run.first().map(|&mode| (start..end, mode))
        })
    }

    /// Neighbouring blocks of a row of blocks that are not left as they are: their columns.
    pub(crate) fn changed_runs(&self, row: usize) -> impl Iterator<Item = Range<usize>> + '_ {
        let tile_columns = self.grid.columns() as usize;
        let tiles = &self.changed[row / TILE_BLOCKS * tile_columns..][..tile_columns];
        let modes = if tiles.contains(&true) { self.row(row) } else { &[] };
        let is_changed = |mode: &Mode| *mode != Mode::SKIP;
        let mut end = 0;
        modes.chunk_by(move |a, b| is_changed(a) == is_changed(b)).filter_map(move |run| {
            let start = end;
            end += run.len();
            run.first().is_some_and(is_changed).then_some(start..end)
        })
    }

    /// Pixels of neighbouring blocks of a row, at least one, cut to the canvas.
    #[inline(always)]
    pub(crate) fn run_rect(&self, columns: &Range<usize>, row: usize) -> Rect {
        let (first, last) = (self.rect(columns.start, row), self.rect(columns.end - 1, row));
        Rect { width: last.x + last.width - first.x, ..first }
    }

    /// Whether some of the blocks lie in a tile that the update changes and leaves inexact.
    pub(crate) fn has_near(&self, row: usize, columns: &Range<usize>) -> bool {
        let first = row / TILE_BLOCKS * self.grid.columns() as usize;
        let mut tiles = columns.start / TILE_BLOCKS..=(columns.end - 1) / TILE_BLOCKS;
        tiles.any(|tile| self.changed[first + tile] && self.claims[first + tile] != Claim::Exact)
    }

    /// The rows of blocks in `tile`, each with its columns.
    pub(crate) fn rows_of(
        &self,
        tile: TileIndex,
    ) -> impl Iterator<Item = (usize, Range<usize>)> + use<> {
        let ((column, row), (columns, rows)) = self.extent(tile);
        (row..row + rows).map(move |row| (row, column..column + columns))
    }

    /// The column and the row of the first block in `tile`, and how many columns and rows it has.
    pub(crate) fn extent(&self, tile: TileIndex) -> ((usize, usize), (usize, usize)) {
        let tile_columns = self.grid.columns().max(1);
        let column = (tile.0 % tile_columns) as usize * TILE_BLOCKS;
        let row = (tile.0 / tile_columns) as usize * TILE_BLOCKS;
        let columns = self.columns.saturating_sub(column).min(TILE_BLOCKS);
        ((column, row), (columns, self.rows.saturating_sub(row).min(TILE_BLOCKS)))
    }

    /// Columns and rows of the blocks in `tile`.
    pub(crate) fn blocks(&self, tile: TileIndex) -> impl Iterator<Item = (usize, usize)> + use<> {
        let tile_columns = self.grid.columns().max(1);
        let first_column = (tile.0 % tile_columns) as usize * TILE_BLOCKS;
        let first_row = (tile.0 / tile_columns) as usize * TILE_BLOCKS;
        let columns = first_column..(first_column + TILE_BLOCKS).min(self.columns);
        (first_row..(first_row + TILE_BLOCKS).min(self.rows))
            .flat_map(move |row| columns.clone().map(move |column| (column, row)))
    }

    /// The pixels of `tile`, a rectangle for each row of blocks, from the first to the last block
    /// that is not left as it is.
    pub(crate) fn changed_parts(&self, tile: TileIndex) -> impl Iterator<Item = Rect> + '_ {
        let tile_columns = self.grid.columns().max(1);
        let column = (tile.0 % tile_columns) as usize * TILE_BLOCKS;
        let row = (tile.0 / tile_columns) as usize * TILE_BLOCKS;
        (row..).zip(self.block_rows(tile)).filter_map(move |(row, range)| {
            let modes = &self.modes[range];
            let changes = |mode: &Mode| *mode != Mode::SKIP;
            let (first, last) = (modes.iter().position(changes)?, modes.iter().rposition(changes)?);
            Some(self.run_rect(&(column + first..column + last + 1), row))
        })
    }

    /// Marks `tile` as changed.
    pub(crate) fn set_changed(&mut self, tile: TileIndex, claim: Claim) {
        self.changed[tile.0 as usize] = true;
        self.claims[tile.0 as usize] = claim;
    }

    /// Leaves `tile` as it is.
    pub(crate) fn set_unchanged(&mut self, tile: TileIndex) {
        self.changed[tile.0 as usize] = false;
        for (column, row) in self.blocks(tile) {
            self.set_mode(column, row, Mode::SKIP);
        }
    }

    /// The tiles that the update changes, each with what it is then.
    pub(crate) fn changed(&self) -> impl Iterator<Item = (TileIndex, Claim)> + '_ {
        let tiles = self.changed.iter().zip(&self.claims).zip(0..);
        tiles.filter_map(|((&changed, &claim), tile)| changed.then_some((TileIndex(tile), claim)))
    }

    /// For each tile whether the update changes it.
    pub(crate) fn changed_tiles(&self) -> &[bool] {
        &self.changed
    }

    /// The grid of tiles.
    pub(crate) const fn grid(&self) -> TileGrid {
        self.grid
    }

    /// The vectors of the update's copies.
    pub(crate) fn vectors(&self) -> &[Vector] {
        &self.vectors[..self.vector_count]
    }

    /// Sets the vectors, of which there are at most [`MAX_VECTORS`].
    pub(crate) fn set_vectors(&mut self, vectors: &[Vector]) {
        self.vector_count = vectors.len().min(MAX_VECTORS);
        self.vectors[..self.vector_count].copy_from_slice(&vectors[..self.vector_count]);
    }

    /// The quantizer of the update's transform blocks.
    pub(crate) const fn quantizer(&self) -> Quantizer {
        self.quantizer
    }

    /// Sets the quantizer of the update's transform blocks.
    pub(crate) const fn set_quantizer(&mut self, quantizer: Quantizer) {
        self.quantizer = quantizer;
    }

    /// Number of lanes, at least one.
    pub(crate) const fn lanes(&self) -> usize {
        self.lanes
    }

    /// The rows of blocks of a lane. Each lane has some, unless [`Self::check_lanes`] says otherwise.
    pub(super) fn lane(&self, at: usize) -> Range<usize> {
        let row = |at: usize| self.lane_starts[..self.lanes].get(at).map(|&row| usize::from(row));
        row(at).unwrap_or(self.rows)..row(at + 1).unwrap_or(self.rows)
    }

    /// Begins another lane in row `row` of blocks, if there may be one more.
    pub(crate) fn begin_lane(&mut self, row: usize) {
        if let Some(start) = self.lane_starts.get_mut(self.lanes) {
            *start = row as u16;
            self.lanes += 1;
        }
    }

    /// # Errors
    /// When a lane does not begin on the canvas and below the one before.
    pub(crate) fn check_lanes(&self) -> Result<(), Rule> {
        let starts = &self.lane_starts[..self.lanes];
        let rises = starts.is_sorted_by(|row, next| row < next);
        let is_inside = starts.last().is_none_or(|&row| usize::from(row) < self.rows);
        if rises && is_inside { Ok(()) } else { Err(Rule::LaneRow) }
    }

    /// Leaves out the vectors that no block of `tiles`, all that change, is copied by.
    pub(crate) fn drop_unused_vectors(&mut self, tiles: impl Iterator<Item = TileIndex> + Clone) {
        let mut used = [false; MAX_VECTORS];
        for tile in tiles.clone() {
            for range in self.block_rows(tile) {
                let vectors = self.modes[range].iter().filter_map(|mode| mode.vector());
                vectors.for_each(|vector| used[vector] = true);
            }
        }
        let mut renamed = [Mode::SKIP; MAX_VECTORS];
        let mut kept = 0;
        for (vector, _) in used.iter().enumerate().filter(|(_, used)| **used) {
            self.vectors[kept] = self.vectors[vector];
            renamed[vector] = Mode::copy(kept);
            kept += 1;
        }
        if kept == self.vector_count {
            return;
        }
        self.vector_count = kept;
        for tile in tiles {
            for range in self.block_rows(tile) {
                for mode in &mut self.modes[range] {
                    if let Some(vector) = mode.vector() {
                        *mode = renamed[vector];
                    }
                }
            }
        }
    }

    /// Where the modes of each row of blocks of `tile` stand.
    fn block_rows(&self, tile: TileIndex) -> impl Iterator<Item = Range<usize>> + use<> {
        let tile_columns = self.grid.columns().max(1);
        let column = (tile.0 % tile_columns) as usize * TILE_BLOCKS;
        let first_row = (tile.0 / tile_columns) as usize * TILE_BLOCKS;
        let width = TILE_BLOCKS.min(self.columns - column);
        let (start, stride) = (self.at(column, first_row), self.columns + 2);
        let rows = TILE_BLOCKS.min(self.rows - first_row);
        (0..rows).map(move |row| start + row * stride..start + row * stride + width)
    }

    /// Codes the whole map.
    pub(crate) fn code<C: Coder>(&mut self, coder: &mut C) {
        let count = coder.raw(COUNT_BITS, self.vector_count as u32) as usize;
        // A count that no encoder writes: its vectors are read, and their copies are refused.
        self.vector_count = count.min(MAX_VECTORS);
        let mut cached_before = false;
        for vector in self.vectors.iter_mut().take(count) {
            Self::code_vector(coder, &mut self.models, vector, cached_before);
            cached_before = vector.page.is_some();
        }
        let tile_columns = self.grid.columns() as usize;
        for tile in 0..self.changed.len() {
            let column = tile % tile_columns.max(1);
            let west = column > 0 && self.changed[tile - 1];
            let above = tile.checked_sub(tile_columns);
            let north = above.is_some_and(|at| self.changed[at]);
            let north_east =
                column + 1 < tile_columns && above.is_some_and(|at| self.changed[at + 1]);
            let context = usize::from(west) + 2 * usize::from(north) + 4 * usize::from(north_east);
            let changed = coder.bit(&mut self.models.changed[context], self.changed[tile]);
            self.changed[tile] = changed;
            if changed {
                let exact_before = tile > 0 && self.claims[tile - 1] == Claim::Exact;
                self.claims[tile] = self.models.code_claim(coder, exact_before, self.claims[tile]);
            }
        }
        self.directives.code(coder, &self.changed, tile_columns);
        self.code_lanes(coder);
        for row in 0..self.rows {
            let first_tile = row / TILE_BLOCKS * tile_columns;
            for tile in 0..tile_columns {
                if self.changed[first_tile + tile] {
                    let first = tile * TILE_BLOCKS;
                    self.code_modes(coder, row, first..(first + TILE_BLOCKS).min(self.columns));
                }
            }
        }
        if self.modes.contains(&Mode::TRANSFORM) {
            let number = coder.raw(QUANTIZER_BITS, self.quantizer.number());
            self.quantizer = Quantizer::of(number);
        }
    }

    fn code_lanes<C: Coder>(&mut self, coder: &mut C) {
        let mut lanes = 1;
        while lanes < MAX_LANES && coder.bit(&mut self.models.another_lane, lanes < self.lanes) {
            let row = coder.raw(LANE_ROW_BITS, u32::from(self.lane_starts[lanes]));
            self.lane_starts[lanes] = row as u16;
            lanes += 1;
        }
        self.lanes = lanes;
    }

    fn code_vector<C: Coder>(
        coder: &mut C,
        models: &mut MapModels,
        vector: &mut Vector,
        cached_before: bool,
    ) {
        let cached = &mut models.cached[usize::from(cached_before)];
        if coder.bit(cached, vector.page.is_some()) {
            let page = vector.page.map_or(0, u32::from);
            vector.page = Some(coder.raw(PAGE_BITS, page) as u8);
            let in_place = (vector.dx, vector.dy) == (0, 0);
            if coder.bit(&mut models.in_place, in_place) {
                (vector.dx, vector.dy) = (0, 0);
                return;
            }
        } else {
            vector.page = None;
        }
        vector.dx = Self::code_coordinate(coder, vector.dx);
        vector.dy = Self::code_coordinate(coder, vector.dy);
    }

    fn code_coordinate<C: Coder>(coder: &mut C, coordinate: i16) -> i16 {
        let biased = (i32::from(coordinate) + COORDINATE_BIAS) as u32;
        (coder.raw(COORDINATE_BITS, biased) as i32 - COORDINATE_BIAS) as i16
    }

    /// Codes the modes of a row of a tile's blocks.
    #[inline]
    fn code_modes<C: Coder>(&mut self, coder: &mut C, row: usize, columns: Range<usize>) {
        let (start, above) = (self.at(columns.start, row), self.columns + 2);
        let west = self.modes[start - 1];
        let range = start..start + columns.len();
        let all_are_west = |modes: &[Mode]| modes.iter().all(|mode| *mode == west);
        if all_are_west(&self.modes[start - above..range.end - above]) {
            let all = C::ENCODES && all_are_west(&self.modes[range.clone()]);
            if coder.bit(&mut self.models.goes_on[west.symbol() % SYMBOLS], all) {
                self.modes[range].fill(west);
                return;
            }
        }
        for at in range {
            let [west, north] = [self.modes[at - 1], self.modes[at - above]];
            let model = &mut self.models.modes[west.symbol() * SYMBOLS + north.symbol()];
            self.modes[at] = Mode(coder.symbol::<0>(model, self.modes[at].symbol()) as u8);
        }
    }
}
