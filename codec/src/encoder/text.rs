//! Tells text on photographs from photographs: on the chain text is never approximate. On leaves,
//! which film and bursts take, it is until they rest.
//!
//! Text has edges, and *ink*: pixels that equal a neighbour while another neighbour is far from
//! them, as strokes have and photographs hardly ever. A block is text when it has clear edges and
//! ink is near, or when its edges are many and strong; and so is a block beside one where the last
//! pixels of a letter reach into it. The limits were set with letters of 9 to 26 points in eight
//! colours on photographs, which they find wherever a pixel differs by more than 24 from what it
//! covers; of photographs without text they take a few blocks for it, which costs bytes.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::chain::{BLOCK, Picture};
use crate::kernels::{self, Vectorized};

/// Differences of a channel between neighbouring pixels that make an edge weak, clear or strong, and
/// the one beside ink.
const WEAK: u32 = 24;
const CLEAR: u32 = 32;
const STRONG: u32 = 96;
const BESIDE_INK: u32 = 40;

/// Pixels at edges and of ink that text has at least.
const MIN_CLEAR: u32 = 2;
const MIN_STRONG: u32 = 3;
const MIN_INK: u32 = 2;

/// How many blocks to the sides and up and down ink may be away.
const INK_COLUMNS: usize = 4;
const INK_ROWS: usize = 1;

/// What stands out in a block.
#[derive(Clone, Copy, Debug, Default)]
struct Strokes {
    /// Pixels at weak and at clear edges.
    weak: u32,
    clear: u32,
    /// Pixels at strong edges, and of ink, except those on a straight line through the block: the
    /// edges of pictures and windows are such lines.
    strong: u32,
    ink: u32,
}

impl Strokes {
    /// All counts in one number: each is at most 64, the pixels of a block.
    fn pack(self) -> u32 {
        let Self { weak, clear, strong, ink } = self;
        u32::from_le_bytes([weak, clear, strong, ink].map(|count| count as u8))
    }

    fn unpack(packed: u32) -> Self {
        let [weak, clear, strong, ink] = packed.to_le_bytes().map(u32::from);
        Self { weak, clear, strong, ink }
    }
}

/// The strokes of the blocks looked at in one update, by any thread.
#[derive(Debug, Default)]
pub(super) struct TextSearch {
    columns: usize,
    rows: usize,
    /// For each block the update that it was last looked at in, and what was found. Two threads
    /// that look at one block at the same time find the same.
    known: Vec<AtomicU64>,
    update: u32,
}

impl TextSearch {
    /// Begins an update of a picture of `columns` and `rows` of blocks.
    pub(super) fn begin(&mut self, (columns, rows): (usize, usize)) {
        self.update = self.update.wrapping_add(1);
        if (self.columns, self.rows) != (columns, rows) || self.update == 0 {
            (self.columns, self.rows, self.update) = (columns, rows, 1);
            self.known.clear();
            self.known.resize_with(columns * rows, AtomicU64::default);
        }
    }

    /// Whether a photographic block of `picture` has text on it.
    pub(super) fn is_text(&self, picture: &Picture, column: usize, row: usize) -> bool {
        if self.strokes(picture, column, row).weak == 0 {
            return false;
        }
        if self.has_letters(picture, column, row) {
            return true;
        }
        let west = column.checked_sub(1).map(|west| (west, row));
        let north = row.checked_sub(1).map(|north| (column, north));
        let east = (column + 1 < self.columns).then_some((column + 1, row));
        let south = (row + 1 < self.rows).then_some((column, row + 1));
        let mut beside = [west, east, north, south].into_iter().flatten();
        beside.any(|(column, row)| self.has_letters(picture, column, row))
    }

    fn has_letters(&self, picture: &Picture, column: usize, row: usize) -> bool {
        let strokes = self.strokes(picture, column, row);
        if strokes.clear < MIN_CLEAR {
            return false;
        }
        if strokes.strong >= MIN_STRONG || strokes.ink >= MIN_INK {
            return true;
        }
        let rows = row.saturating_sub(INK_ROWS)..(row + INK_ROWS + 1).min(self.rows);
        let columns =
            column.saturating_sub(INK_COLUMNS)..(column + INK_COLUMNS + 1).min(self.columns);
        rows.flat_map(|row| columns.clone().map(move |column| (column, row)))
            .any(|(column, row)| self.strokes(picture, column, row).ink >= MIN_INK)
    }

    fn strokes(&self, picture: &Picture, column: usize, row: usize) -> Strokes {
        let Some(known) = self.known.get(row * self.columns + column) else {
            return Strokes::default();
        };
        let noted = known.load(Ordering::Relaxed);
        if noted >> 32 == u64::from(self.update) {
            return Strokes::unpack(noted as u32);
        }
        let strokes = kernels::vectorize(StrokeCount { picture, column, row });
        known.store(u64::from(self.update) << 32 | u64::from(strokes.pack()), Ordering::Relaxed);
        strokes
    }
}

struct StrokeCount<'a> {
    picture: &'a Picture,
    column: usize,
    row: usize,
}

impl Vectorized for StrokeCount<'_> {
    type Output = Strokes;

    #[inline(always)]
    fn run(self) -> Strokes {
        let Self { picture, column, row } = self;
        let stride = picture.stride();
        let first = picture.at(column * BLOCK, row * BLOCK);
        let mut marks = Marks::default();
        for y in 0..BLOCK {
            let at = first + y * stride;
            let row = |at: usize| picture.pixels().get(at..)?.first_chunk::<BLOCK>();
            let rows = (row(at), row(at - 1), row(at - stride), row(at + 1), row(at + stride));
            // The picture's border makes all of them readable.
            if let (Some(row), Some(west), Some(north), Some(east), Some(south)) = rows {
                marks.mark(y, row, [west, north, east, south]);
            }
        }
        marks.strokes()
    }
}

/// The pixels of a block with a property, a bit each: those that have it towards the left and those
/// that have it towards above.
#[derive(Clone, Copy, Debug, Default)]
struct Mask {
    west: [u8; BLOCK],
    north: [u8; BLOCK],
}

impl Mask {
    fn count(&self) -> u32 {
        self.west.iter().zip(&self.north).map(|(west, north)| (west | north).count_ones()).sum()
    }

    /// Without those of `west` that fill a column, and those of `north` that fill a row.
    fn without_edges(mut self) -> Self {
        let columns = self.west.iter().fold(u8::MAX, |all, row| all & row);
        self.west.iter_mut().for_each(|row| *row &= !columns);
        self.north.iter_mut().filter(|row| **row == u8::MAX).for_each(|row| *row = 0);
        self
    }

    /// Without those of `west` that fill a row, and those of `north` that fill a column.
    fn without_lines(self) -> Self {
        let Self { west, north } = self;
        let Self { west: north, north: west } = Self { west: north, north: west }.without_edges();
        Self { west, north }
    }
}

/// The marks on a block's pixels.
#[derive(Clone, Copy, Debug, Default)]
struct Marks {
    weak: Mask,
    clear: Mask,
    strong: Mask,
    repeated: Mask,
    /// Beside ink: to the left and above, and to the right and below.
    before: Mask,
    after: Mask,
}

impl Marks {
    /// Marks row `y` of pixels, with those to the left, above, to the right and below.
    #[inline(always)]
    fn mark(&mut self, y: usize, row: &[u32; BLOCK], around: [&[u32; BLOCK]; 4]) {
        let [west, north, east, south] = around.map(|other| distances(row, other));
        self.weak.west[y] = bits(|at| west[at] > WEAK);
        self.weak.north[y] = bits(|at| north[at] > WEAK);
        self.clear.west[y] = bits(|at| west[at] > CLEAR);
        self.clear.north[y] = bits(|at| north[at] > CLEAR);
        self.strong.west[y] = bits(|at| west[at] > STRONG);
        self.strong.north[y] = bits(|at| north[at] > STRONG);
        self.repeated.west[y] = bits(|at| west[at] == 0);
        self.repeated.north[y] = bits(|at| north[at] == 0);
        self.before.west[y] = bits(|at| west[at] > BESIDE_INK);
        self.before.north[y] = bits(|at| north[at] > BESIDE_INK);
        self.after.west[y] = bits(|at| east[at] > BESIDE_INK);
        self.after.north[y] = bits(|at| south[at] > BESIDE_INK);
    }

    fn strokes(&self) -> Strokes {
        let repeated = self.repeated.without_lines();
        let (before, after) = (self.before.without_edges(), self.after.without_edges());
        let ink = |y: usize| {
            (repeated.west[y] | repeated.north[y])
                & (before.west[y] | before.north[y] | after.west[y] | after.north[y])
        };
        Strokes {
            weak: self.weak.count(),
            clear: self.clear.count(),
            strong: self.strong.without_edges().count(),
            ink: (0..BLOCK).map(|y| ink(y).count_ones()).sum(),
        }
    }
}

/// For each pixel the largest difference of a channel.
#[inline(always)]
fn distances(a: &[u32; BLOCK], b: &[u32; BLOCK]) -> [u32; BLOCK] {
    let mut distances = [0; BLOCK];
    for x in 0..BLOCK {
        let channel = |shift: u32| (a[x] >> shift & 255).abs_diff(b[x] >> shift & 255);
        distances[x] = channel(0).max(channel(8)).max(channel(16));
    }
    distances
}

#[inline(always)]
fn bits(holds: impl Fn(usize) -> bool) -> u8 {
    (0..BLOCK).fold(0, |bits, at| bits | u8::from(holds(at)) << at)
}
