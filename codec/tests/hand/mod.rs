//! Streams of the chain written symbol by symbol, from `docs/bitstream.md` alone: a second
//! implementation of its models and its entropy coder, slow and simple.

use std::collections::HashMap;

/// Modes of blocks.
pub(crate) const SKIP: usize = 0;
pub(crate) const GRAPHICS: usize = 1;
pub(crate) const PHOTO: usize = 2;
pub(crate) const TRANSFORM: usize = 3;
pub(crate) const COPY: usize = 4;
pub(crate) const FORMER: usize = 14;

/// What an update says of the tiles that it changes.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Claim {
    Exact,
    Lossy,
    AroundVideo,
}

/// What an update does to the cache.
#[derive(Clone, Copy)]
pub(crate) struct Directives<'a> {
    pub(crate) dropped: &'a [u8],
    pub(crate) page: u8,
    /// For each changed tile whether it is put; the tiles stand in one row and all change.
    pub(crate) put: &'a [bool],
}

/// The page of a vector, if it is cached, and its coordinates.
type HandVector = (Option<u8>, i32, i32);

fn uncached(vectors: &[(i32, i32)]) -> Vec<HandVector> {
    vectors.iter().map(|&(dx, dy)| (None, dx, dy)).collect()
}

/// A model's place: its name and its context.
type Key = (&'static str, usize);

#[derive(Clone)]
struct Bit {
    one: u32,
    seen: usize,
}

#[derive(Clone)]
struct Alphabet {
    below: [i32; 17],
    seen: usize,
}

/// A model that learns in batches.
#[derive(Clone)]
struct Batch {
    below: [i32; 17],
    counts: [i32; 16],
    /// How many batches came before the present one.
    full: usize,
}

/// One symbol: start, frequency, state.
type Symbol = (u64, u64, usize);

/// A stream in the making, with the models of the line.
#[derive(Clone, Default)]
pub(crate) struct Stream {
    bits: HashMap<Key, Bit>,
    alphabets: HashMap<Key, Alphabet>,
    batches: HashMap<Key, Batch>,
    symbols: Vec<Symbol>,
    plain: Vec<bool>,
}

impl Stream {
    /// The vectors and changed tiles (all in one row or square of two columns, 1 for a change) of
    /// the first update.
    pub(crate) fn map(vectors: &[(i32, i32)], tiles: &[u8]) -> Self {
        Self::map_of(vectors, tiles, Claim::Exact)
    }

    /// The same with tiles of another claim.
    pub(crate) fn map_of(vectors: &[(i32, i32)], tiles: &[u8], claim: Claim) -> Self {
        let mut stream = Self::default();
        stream.begin(&uncached(vectors), tiles, claim, None, &[]);
        stream
    }

    /// The first update with several lanes, of which each but the first begins in one of `lanes`,
    /// rows of blocks.
    pub(crate) fn map_in_lanes(tiles: &[u8], lanes: &[u64]) -> Self {
        let mut stream = Self::default();
        stream.begin(&[], tiles, Claim::Exact, None, lanes);
        stream
    }

    /// The next update of the same line with several lanes.
    pub(crate) fn next_in_lanes(mut self, tiles: &[u8], lanes: &[u64]) -> Self {
        self.clear();
        self.begin(&[], tiles, Claim::Exact, None, lanes);
        self
    }

    /// Another lane of the first update.
    pub(crate) fn lane() -> Self {
        Self::default()
    }

    /// The same lane of the next update.
    pub(crate) fn next_lane(mut self) -> Self {
        self.clear();
        self
    }

    fn clear(&mut self) {
        self.symbols.clear();
        self.plain.clear();
    }

    /// The next update of the same line.
    pub(crate) fn next_map(self, vectors: &[(i32, i32)], tiles: &[u8]) -> Self {
        self.continue_map(&uncached(vectors), tiles, None)
    }

    /// The next update of the same line, without vectors, with tiles of another claim.
    pub(crate) fn next_map_of(mut self, tiles: &[u8], claim: Claim) -> Self {
        self.clear();
        self.begin(&[], tiles, claim, None, &[]);
        self
    }

    /// The next update of the same line, with vectors into pages of the cache, and what it does to
    /// the cache.
    pub(crate) fn next_cached(
        self,
        vectors: &[(u8, i32, i32)],
        tiles: &[u8],
        directives: Option<Directives<'_>>,
    ) -> Self {
        let vectors: Vec<_> = vectors.iter().map(|&(page, dx, dy)| (Some(page), dx, dy)).collect();
        self.continue_map(&vectors, tiles, directives)
    }

    fn continue_map(
        mut self,
        vectors: &[HandVector],
        tiles: &[u8],
        directives: Option<Directives<'_>>,
    ) -> Self {
        self.clear();
        self.begin(vectors, tiles, Claim::Exact, directives, &[]);
        self
    }

    fn begin(
        &mut self,
        vectors: &[HandVector],
        tiles: &[u8],
        claim: Claim,
        directives: Option<Directives<'_>>,
        lanes: &[u64],
    ) {
        self.raw(4, vectors.len() as u64);
        let mut cached_before = 0;
        for &(page, dx, dy) in vectors {
            self.bit("cached", cached_before, page.is_some());
            cached_before = usize::from(page.is_some());
            if let Some(page) = page {
                self.raw(8, u64::from(page));
                self.bit("in place", 0, (dx, dy) == (0, 0));
                if (dx, dy) == (0, 0) {
                    continue;
                }
            }
            self.raw(15, (dx + 16_384) as u64);
            self.raw(15, (dy + 16_384) as u64);
        }
        for (at, &changed) in tiles.iter().enumerate() {
            // Two columns when there are four.
            let tile = |at: Option<usize>| at.map_or(0, |at| usize::from(tiles[at]));
            let is_left = at % 2 == 0;
            let west = tile(at.checked_sub(1).filter(|_| !is_left));
            let north = tile(at.checked_sub(2));
            let north_east = tile(at.checked_sub(1).filter(|_| is_left));
            self.bit("changed", west + 2 * north + 4 * north_east, changed == 1);
            if changed == 1 {
                let is_exact = claim == Claim::Exact;
                let before = tile(at.checked_sub(1)) == 1 && is_exact;
                self.bit("exact", usize::from(before), is_exact);
                if !is_exact {
                    self.bit("around", 0, claim == Claim::AroundVideo);
                }
            }
        }
        self.bit("directs", 0, directives.is_some());
        if let Some(Directives { dropped, page, put }) = directives {
            for &dropped in dropped {
                self.bit("drop", 0, true);
                self.raw(8, u64::from(dropped));
            }
            if dropped.len() < 256 {
                self.bit("drop", 0, false);
            }
            self.raw(8, u64::from(page));
            // One row of tiles, all of which change.
            let mut west = false;
            for &put in put {
                self.bit("put", usize::from(west), put);
                west = put;
            }
        }
        for &row in lanes {
            self.bit("another lane", 0, true);
            self.raw(11, row);
        }
        if lanes.len() < 3 {
            self.bit("another lane", 0, false);
        }
    }

    /// The modes of a row of a tile's blocks, when those to its left and above are all skipped.
    pub(crate) fn row(&mut self, modes: &[usize]) {
        let goes_on = modes.iter().all(|mode| *mode == SKIP);
        self.steady_bit("goes on", SKIP, goes_on);
        let mut west = SKIP;
        for &mode in modes.iter().filter(|_| !goes_on) {
            self.mode(west, SKIP, mode);
            west = mode;
        }
    }

    /// The mode of a block between those to its left and above.
    pub(crate) fn mode(&mut self, west: usize, north: usize, mode: usize) {
        self.symbol("mode", 16 * west + north, mode, 0);
    }

    /// The pixel 7, 8, 9 by the models of drawn content, all around it being black.
    pub(crate) fn drawn_dot(&mut self) {
        // Flat: nn = n, nww = n, old = w, temporal 3; then no candidate is left.
        self.steady_bit("flat", 1 + 2 + 4 + 8 * 3, false);
        // Green 8 folds to 16: token 11 from 14, extra bits 2. Blue and red differ by -1 and 1.
        self.symbol("green", 7, 11, 0);
        self.plain(3, 2);
        self.symbol("blue", 11, 1, 1);
        self.symbol("red", 1, 2, 2);
    }

    /// Sixteen pixels of a row by the models of drawn content, black but for the last, a
    /// [`Self::drawn_dot`]; all around is black.
    pub(crate) fn drawn_row_with_dot(&mut self) {
        self.steady_bit("run", 1 + 2 + 4, false);
        self.steady_bit("short run", 1 + 2 + 4, true);
        self.steady_bit("short run", 1 + 2 + 4, false);
        (0..7).for_each(|_| self.steady_bit("flat", 1 + 2 + 4 + 8 * 3, true));
        self.drawn_dot();
    }

    /// A row of sixteen black pixels below the first [`Self::drawn_row_with_dot`].
    pub(crate) fn drawn_row_below_dot(&mut self) {
        self.steady_bit("short run", 1 + 2 + 4, true);
        (0..5).for_each(|_| self.steady_bit("flat", 1 + 2 + 4 + 8 * 3, true));
        // The tables are empty: as in the older picture, which differs above the last pixel.
        self.bit("older", 3 + 4, true);
        self.bit("older", 3 + 4, true);
        self.bit("older", 1 + 4, true);
    }

    /// Rows of sixteen black pixels; in the first a dot stands two rows above the last pixel.
    pub(crate) fn drawn_runs(&mut self, rows: usize) {
        self.steady_bit("run", 2 + 4, true);
        (1..rows).for_each(|_| self.steady_bit("run", 1 + 2 + 4, true));
    }

    /// Whether the strip below a second [`Self::drawn_row_with_dot`] is that below the first.
    pub(crate) fn strip(&mut self, follows: bool) {
        self.steady_bit("strip", 4, follows);
    }

    /// The row below such a dot when it is no long strip: black, but the last pixel is the dot once
    /// more.
    pub(crate) fn drawn_row_with_dot_below_dot(&mut self) {
        self.steady_bit("short run", 1 + 2 + 4, true);
        self.steady_bit("short strip", 4, false);
        (0..5).for_each(|_| self.steady_bit("flat", 1 + 2 + 4 + 8 * 3, true));
        // Both tables know what followed below the first dot: black, as in the older picture.
        self.bit("wide", 1 + 16 * (2 + 3 + 6), true);
        self.bit("wide", 1 + 16 * (2 + 3 + 6), true);
        // Here something else follows, the pixel above.
        self.bit("wide", 1 + 16 * (2 + 3), false);
        self.bit("north", 2, true);
    }

    /// The same row when the second half of it is a short strip: black.
    pub(crate) fn drawn_row_of_short_strip(&mut self) {
        self.steady_bit("short run", 1 + 2 + 4, true);
        self.steady_bit("short strip", 4, true);
    }

    /// The second of two colours by the models of drawn content, all around it being the first,
    /// black.
    pub(crate) fn ranked_dot(&mut self) {
        self.steady_bit("flat", 1 + 2 + 4 + 8 * 3, false);
        self.symbol("rank", 7, 1, 0);
    }

    /// The pixel 7, 8, 9 by the models of photographs, all around it being black, and `count` pixels
    /// to its right that are as predicted, below black: the same again.
    pub(crate) fn photo_dot(&mut self, count: usize) {
        // The median of the left, of what is black above, and of their difference is the left.
        let repeats = (0..count).map(|_| ([0, 0], [0; 3]));
        let dot = std::iter::once(([0, 16 * 2], [11, 1, 2]));
        self.photo_row(&dot.chain(repeats).collect::<Vec<_>>());
    }

    /// Such a pixel, one whose channels differ from it as its own do from black, and one that differs
    /// from that by 8 in blue alone.
    pub(crate) fn photo_steps(&mut self) {
        self.photo_row(&[
            ([0, 16 * 2], [11, 1, 2]),
            ([0, 16 * 2], [11, 1, 2]),
            ([0, 0], [0, 11, 0]),
        ]);
    }

    /// A pixel below such a one and equal to it, in the only column of the canvas.
    pub(crate) fn photo_repeated(&mut self) {
        self.photo_row(&[([9, 9], [0; 3])]);
    }

    /// Neighbouring pixels of a row by the models of photographs, each with the contexts of green and
    /// of the other channels, and the tokens of green, blue and red. Of token 11 the extra bits are
    /// those of 16; no other has any.
    fn photo_row(&mut self, pixels: &[([usize; 2], [usize; 3])]) {
        for group in pixels.chunks(64) {
            for (channel, name) in
                ["photo green", "photo blue", "photo red"].into_iter().enumerate()
            {
                for (at, (contexts, tokens)) in group.iter().enumerate() {
                    let context = contexts[channel.min(1)];
                    self.batch_symbol(name, context, tokens[channel], at % 3);
                }
                for _ in group.iter().filter(|(_, tokens)| tokens[channel] == 11) {
                    self.plain(3, 2);
                }
            }
        }
    }

    fn bit(&mut self, name: &'static str, context: usize, bit: bool) {
        self.bit_with_last_rate(name, context, bit, 10);
    }

    fn steady_bit(&mut self, name: &'static str, context: usize, bit: bool) {
        self.bit_with_last_rate(name, context, bit, 15);
    }

    fn bit_with_last_rate(&mut self, name: &'static str, context: usize, bit: bool, last: usize) {
        const RATES: [u32; 16] = [1, 2, 2, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 5, 6];
        let model = self.bits.entry((name, context)).or_insert(Bit { one: 32_768, seen: 0 });
        let one = u64::from(model.one / 2).clamp(8, 32_760);
        self.symbols.push(if bit { (0, one, 0) } else { (one, 32_768 - one, 0) });
        let rate = RATES[model.seen];
        if bit {
            model.one += (65_535 - model.one) >> rate;
        } else {
            model.one -= model.one >> rate;
        }
        model.seen = (model.seen + 1).min(last);
    }

    pub(crate) fn symbol(
        &mut self,
        name: &'static str,
        context: usize,
        symbol: usize,
        state: usize,
    ) {
        const RATES: [i32; 32] = [
            2, 3, 3, 3, 4, 4, 4, 4, 4, 4, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 6, 6, 6, 6, 6, 6,
            6, 6, 6,
        ];
        let model = self.alphabets.entry((name, context)).or_insert_with(|| Alphabet {
            below: std::array::from_fn(|at| at as i32 * 2_048),
            seen: 0,
        });
        let (start, end) = (model.below[symbol] as u64, model.below[symbol + 1] as u64);
        self.symbols.push((start, end - start, state));
        let rate = RATES[model.seen];
        for at in 0..16 {
            let target = if at <= symbol { 4 * at as i32 } else { 32_704 + 4 * at as i32 };
            // The shift rounds down, below zero too.
            model.below[at] += (target - model.below[at]) >> rate;
        }
        model.seen = (model.seen + 1).min(31);
    }

    fn batch_symbol(&mut self, name: &'static str, context: usize, symbol: usize, state: usize) {
        const BATCHES: [(i32, i32); 7] =
            [(16, 1), (16, 1), (32, 1), (64, 1), (64, 2), (64, 2), (64, 3)];
        let model = self.batches.entry((name, context)).or_insert_with(|| Batch {
            below: std::array::from_fn(|at| at as i32 * 2_048),
            counts: [0; 16],
            full: 0,
        });
        let (start, end) = (model.below[symbol] as u64, model.below[symbol + 1] as u64);
        self.symbols.push((start, end - start, state));
        model.counts[symbol] += 1;
        let (size, rate) = BATCHES[model.full.min(BATCHES.len() - 1)];
        if model.counts.iter().sum::<i32>() < size {
            return;
        }
        for at in 0..16 {
            let before: i32 = model.counts[..at].iter().sum();
            let target = before * 32_640 / size + 8 * at as i32;
            model.below[at] += (target - model.below[at]) >> rate;
        }
        model.counts = [0; 16];
        model.full += 1;
    }

    /// A transform block of one grey: luma has one level, at the first coefficient, or none.
    /// `around` are the predictions to the left and above (7: none), `diagonals` those to the left.
    pub(crate) fn transform_grey(
        &mut self,
        prediction: usize,
        around: [usize; 2],
        diagonals: Option<usize>,
        level: i32,
    ) {
        self.symbol("prediction", 8 * around[0] + around[1], prediction, 0);
        let some = usize::from(level != 0);
        self.symbol("luma diagonals", diagonals.unwrap_or(16), some, 0);
        if level != 0 {
            let symbol = level.unsigned_abs().min(15);
            self.symbol("luma level", 9, symbol as usize, 0);
            self.plain(1, u32::from(level < 0));
            if symbol == 15 {
                let above = level.unsigned_abs() - 14;
                self.plain(4, above.ilog2());
                self.plain(above.ilog2() as usize, above - (1 << above.ilog2()));
            }
        }
        let class = if diagonals.is_some() { 0 } else { 4 };
        self.symbol("chroma diagonals", 4 * class + some, 0, 1);
        self.symbol("orange diagonals", 12 * class + 3 * some, 0, 2);
    }

    pub(crate) fn raw(&mut self, bits: u32, value: u64) {
        self.symbols.push((value << (15 - bits), 1 << (15 - bits), 0));
    }

    fn plain(&mut self, bits: usize, value: u32) {
        self.plain.extend((0..bits).map(|at| value >> at & 1 == 1));
    }

    /// The one segment.
    pub(crate) fn segments(&self) -> Vec<u8> {
        let mut states = [1_u64 << 24; 3];
        let mut words = Vec::new();
        for &(start, frequency, state) in self.symbols.iter().rev() {
            let x = &mut states[state];
            if *x >= frequency << 25 {
                words.push(*x as u16);
                *x >>= 16;
            }
            *x = ((*x / frequency) << 15) + *x % frequency + start;
        }
        let mut bytes: Vec<u8> =
            states.iter().flat_map(|state| state.to_le_bytes()[..5].to_vec()).collect();
        bytes.extend(words.iter().rev().flat_map(|word| word.to_le_bytes()));
        bytes
    }

    /// The stream with its lengths, each below 128.
    pub(crate) fn body(&self) -> Vec<u8> {
        let mut plain = vec![0_u8; self.plain.len().div_ceil(8)];
        for (at, _) in self.plain.iter().enumerate().filter(|(_, bit)| **bit) {
            plain[at / 8] |= 1 << (at % 8);
        }
        let segments = self.segments();
        let mut body = vec![segments.len() as u8, plain.len() as u8];
        body.extend(segments);
        body.extend(plain);
        body
    }
}
