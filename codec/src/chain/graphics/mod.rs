//! Pixels of drawn content: text, icons, frames, plain ground.
//!
//! A pixel is predicted by what followed the same neighbourhood before, anywhere and at any time
//! since the line began: two hash tables from neighbouring pixels to the pixel that came next, one
//! of ten neighbours and one of four. Letters that return are found by what lies above them, sixteen
//! pixels at once. Where all that fails, the same place in an older picture and the
//! neighbours themselves are tried, and last a difference from a prediction is coded.

mod neighbours;
mod strips;
mod table;

use std::ops::Range;

use self::neighbours::Above;
use self::strips::{Candidate, SHORT_STRIP, STRIP, Strips};
use self::table::Table;
use super::coder::{BLUE, Coder, MAIN, RED};
use super::model::{Alphabet, Bit};
use super::photo::{from_samples, like_green, median_edge, samples};
use super::token::{fold, magnitude, residual, token};
use crate::colour::{Colours, Palette};

/// Logarithms of the tables' slots: 768 KiB in all. Larger tables keep more history, smaller ones
/// stay in a processor's nearer caches.
const WIDE_BITS: u32 = 17;
const NARROW_BITS: u32 = 16;

/// Pixels that one flag of a long and of a short run stands for.
const RUN: usize = 16;
const SHORT_RUN: usize = 8;

/// No pixel: colours have 24 bits.
const NONE: u32 = u32::MAX;

/// The models of drawn content.
#[derive(Debug)]
pub(crate) struct Graphics {
    wide: Table<WIDE_BITS>,
    narrow: Table<NARROW_BITS>,
    strips: Strips,
    strip: [Bit; strips::CONTEXTS],
    short_strip: [Bit; strips::CONTEXTS],
    flat: [Bit; 32],
    run: [Bit; 8],
    short_run: [Bit; 8],
    wide_hit: [Bit; 16 * 12],
    narrow_hit: [Bit; 16 * 8],
    older: [Bit; 20],
    west: [Bit; 32],
    north: [Bit; 32],
    north_east: [Bit; 8],
    north_west: [Bit; 8],
    green: [Alphabet; 8],
    blue: [Alphabet; 16],
    red: [Alphabet; 16],
    rank: [Alphabet; 8],
}

/// Pictures of one geometry: the one being coded and those that both sides have.
pub(super) struct Older<'a> {
    /// The chain's picture before the update.
    pub(super) previous: &'a [u32],
    /// Former and stable contents.
    pub(super) past: [&'a [u32]; 2],
    /// The colours of all.
    pub(super) colours: &'a Colours,
}

/// What is known of a pixel that the tables did not predict.
struct Unpredicted {
    west: u32,
    north: u32,
    north_east: u32,
    north_west: u32,
    /// Predictions that were refused.
    refused: [u32; 2],
    /// The same place in an older picture.
    older: u32,
    /// Whether that picture's left and upper pixels equal ours: bits 0 and 1.
    temporal: usize,
    /// 0: flat ground; else 1, plus 1 and 2 for the predictions that were refused.
    state: usize,
}

impl Graphics {
    pub(super) fn new() -> Self {
        Self {
            wide: Table::new(),
            narrow: Table::new(),
            strips: Strips::new(),
            strip: [Bit::STEADY; strips::CONTEXTS],
            short_strip: [Bit::STEADY; strips::CONTEXTS],
            flat: [Bit::STEADY; 32],
            run: [Bit::STEADY; 8],
            short_run: [Bit::STEADY; 8],
            wide_hit: [Bit::NEW; 16 * 12],
            narrow_hit: [Bit::NEW; 16 * 8],
            older: [Bit::NEW; 20],
            west: [Bit::NEW; 32],
            north: [Bit::NEW; 32],
            north_east: [Bit::NEW; 8],
            north_west: [Bit::NEW; 8],
            green: [Alphabet::NEW; 8],
            blue: [Alphabet::NEW; 16],
            red: [Alphabet::NEW; 16],
            rank: [Alphabet::NEW; 8],
        }
    }

    /// Brings the tables near before pixels of many places are decoded: since the last update pictures
    /// of many megabytes have passed through the processor's caches. An encoder, which knows what it
    /// will ask for, fetches that.
    pub(super) fn prepare<C: Coder>(&self) {
        if !C::ENCODES {
            self.narrow.fetch();
            self.wide.fetch();
        }
    }

    /// Codes the pixels of `range`, a part of a row.
    #[inline(always)]
    pub(super) fn code_span<C: Coder>(
        &mut self,
        coder: &mut C,
        pixels: &mut [u32],
        older: &Older<'_>,
        range: Range<usize>,
        stride: usize,
    ) {
        let mut above = Above::NOTHING;
        let mut i = range.start;
        // After a run or a strip that was not one, the next of its kind is tried after its length.
        let (mut next_run, mut next_short_run) = (i, i);
        let (mut next_strip, mut next_short_strip) = (i, i);
        self.strips.begin(pixels[i - 1], range.len());
        while i < range.end {
            if i >= next_run && i + RUN <= range.end && may_run::<RUN>(pixels, i, stride) {
                if self.code_run::<C, RUN>(coder, pixels, older.previous, i, stride) {
                    i += RUN;
                    continue;
                }
                next_run = i + RUN;
            }
            if !above.covers(i) {
                above.look(pixels, older, i, stride, range.end - i);
                self.fetch::<C>(&above, pixels, range.end - i);
            }
            let [key, short_key] = above.keys(i);
            if key != 0 {
                let is_open = i >= next_strip && i + STRIP <= range.end;
                if is_open && let Some(candidate) = self.strips.find(key, pixels[i - 1]) {
                    if self.code_strip::<C, STRIP>(coder, &mut pixels[i..i + STRIP], &candidate) {
                        self.strips.confirm(key, &candidate.pixels);
                        i += STRIP;
                        continue;
                    }
                    next_strip = i + STRIP;
                }
                self.strips.learn::<STRIP>(key);
            }
            if i >= next_short_run
                && i + SHORT_RUN <= range.end
                && may_run::<SHORT_RUN>(pixels, i, stride)
            {
                if self.code_run::<C, SHORT_RUN>(coder, pixels, older.previous, i, stride) {
                    i += SHORT_RUN;
                    continue;
                }
                next_short_run = i + SHORT_RUN;
            }
            if short_key != 0 {
                let end = i + SHORT_STRIP;
                let is_open = i >= next_short_strip && end <= range.end;
                if is_open && let Some(candidate) = self.strips.find(short_key, pixels[i - 1]) {
                    if self.code_strip::<C, SHORT_STRIP>(coder, &mut pixels[i..end], &candidate) {
                        self.strips.confirm(short_key, &candidate.pixels);
                        i = end;
                        continue;
                    }
                    next_short_strip = end;
                }
                self.strips.learn::<SHORT_STRIP>(short_key);
            }
            pixels[i] = self.code(coder, pixels, older, &above, i, stride);
            self.strips.push(pixels[i]);
            i += 1;
        }
    }

    /// Brings near what the tables may be asked for of the pixels that `above` covers, of which `count`
    /// are coded at most.
    #[inline(always)]
    fn fetch<C: Coder>(&self, above: &Above, pixels: &[u32], count: usize) {
        self.strips.prefetch(above.first_keys(count));
        if C::ENCODES {
            let [narrow, wide] = above.all_hashes(pixels);
            for (narrow, wide) in narrow.into_iter().zip(wide) {
                self.narrow.prefetch(Table::<NARROW_BITS>::place(narrow));
                self.wide.prefetch(Table::<WIDE_BITS>::place(wide));
            }
        }
    }

    /// Codes whether `pixels` are those of `candidate`, and makes them so if they are.
    #[inline(always)]
    fn code_strip<C: Coder, const LENGTH: usize>(
        &mut self,
        coder: &mut C,
        pixels: &mut [u32],
        candidate: &Candidate<LENGTH>,
    ) -> bool {
        let all = C::ENCODES && *pixels == candidate.pixels;
        let models = if LENGTH == STRIP { &mut self.strip } else { &mut self.short_strip };
        let follows = coder.bit(&mut models[candidate.context % strips::CONTEXTS], all);
        if follows {
            pixels.copy_from_slice(&candidate.pixels);
        }
        follows
    }

    /// Codes whether the next `LENGTH` pixels all equal the one to their left, and makes them so if
    /// they do.
    #[inline(always)]
    fn code_run<C: Coder, const LENGTH: usize>(
        &mut self,
        coder: &mut C,
        pixels: &mut [u32],
        previous: &[u32],
        i: usize,
        stride: usize,
    ) -> bool {
        let west = pixels[i - 1];
        let all = C::ENCODES && all_are(&pixels[i..i + LENGTH], west);
        let (first, last) = (i, i + LENGTH - 1);
        let above = pixels[first - 2 * stride] == west && pixels[last - 2 * stride] == west;
        let context = usize::from(above)
            + 2 * usize::from(previous[first] == west)
            + 4 * usize::from(previous[last] == west);
        let models = if LENGTH == RUN { &mut self.run } else { &mut self.short_run };
        let is_run = coder.bit(&mut models[context], all);
        if is_run {
            let run = [west; LENGTH];
            pixels[i..i + LENGTH].copy_from_slice(&run);
            self.strips.extend(&run);
        }
        is_run
    }

    /// Codes the pixel at `i`.
    #[inline(always)]
    fn code<C: Coder>(
        &mut self,
        coder: &mut C,
        pixels: &[u32],
        older: &Older<'_>,
        above: &Above,
        i: usize,
        stride: usize,
    ) -> u32 {
        let &[ww, w, pixel] = &pixels[i - 2..=i] else { return 0 };
        let &[nw, n, ne] = &pixels[i - stride - 1..i - stride + 2] else { return 0 };
        let flags = above.flags(i);
        // Whichever older picture has the pixel to the left is likely to have this one too.
        let [former, stable] = older.past;
        let (picture, number) = if w == older.previous[i - 1] {
            (older.previous, 0)
        } else if w == former[i - 1] {
            (former, 1)
        } else if w == stable[i - 1] {
            (stable, 2)
        } else {
            (older.previous, 0)
        };
        let old = picture[i];
        let temporal = usize::from(w == picture[i - 1])
            + 2 * (flags >> (neighbours::OLDER + number) & 1) as usize;
        if flags & neighbours::FLAT != 0 && (w ^ n) | (w ^ ww) == 0 {
            // Plain ground stays out of the tables.
            let context = (flags & (neighbours::NORTH | neighbours::WEST)) as usize / 2
                + 4 * usize::from(old == w)
                + 8 * temporal;
            if coder.bit(&mut self.flat[context], pixel == w) {
                return w;
            }
            let unpredicted = Unpredicted {
                west: w,
                north: w,
                north_east: w,
                north_west: w,
                refused: [NONE; 2],
                older: old,
                temporal,
                state: 0,
            };
            return self.code_unpredicted(coder, older.colours, &unpredicted, pixel);
        }
        let [narrow_hash, wide_hash] = above.hashes(i, w, ww);
        let (wide_place, narrow_place) =
            (Table::<WIDE_BITS>::place(wide_hash), Table::<NARROW_BITS>::place(narrow_hash));
        let (wide, narrow) = (self.wide.slot(wide_place), self.narrow.slot(narrow_place));
        let wide_confidence = wide.confidence(wide_place.tag);
        let narrow_confidence = narrow.confidence(narrow_place.tag);
        let first = if wide_confidence > 0 { wide.pixel() } else { NONE };
        let second = if narrow_confidence > 0 { narrow.pixel() } else { NONE };
        let steady = temporal == 3;
        let coded = 'coded: {
            if wide_confidence > 0 {
                let agreement = match narrow_confidence {
                    0 => 0,
                    _ => 1 + usize::from(first == second),
                };
                let context = wide_confidence
                    + 16 * (agreement + 3 * usize::from(old == first) + 6 * usize::from(steady));
                if coder.bit(&mut self.wide_hit[context], pixel == first) {
                    break 'coded first;
                }
            }
            let is_other = narrow_confidence > 0 && second != first;
            if is_other {
                let context = narrow_confidence
                    + 16 * (usize::from(wide_confidence > 0)
                        + 2 * usize::from(old == second)
                        + 4 * usize::from(steady));
                if coder.bit(&mut self.narrow_hit[context], pixel == second) {
                    break 'coded second;
                }
            }
            let unpredicted = Unpredicted {
                west: w,
                north: n,
                north_east: ne,
                north_west: nw,
                refused: [first, second],
                older: old,
                temporal,
                state: 1 + usize::from(wide_confidence > 0) + 2 * usize::from(is_other),
            };
            self.code_unpredicted(coder, older.colours, &unpredicted, pixel)
        };
        self.wide.adapt(wide_place, coded);
        self.narrow.adapt(narrow_place, coded);
        coded
    }

    /// Codes a pixel that the tables or the flat ground did not predict.
    #[inline(always)]
    fn code_unpredicted<C: Coder>(
        &mut self,
        coder: &mut C,
        colours: &Colours,
        known: &Unpredicted,
        pixel: u32,
    ) -> u32 {
        let &Unpredicted { west, north, north_east, north_west, refused, temporal, state, .. } =
            known;
        let is_flat = state == 0;
        let mut older = known.older;
        let is_open = !(refused.contains(&older) || is_flat && older == west);
        if !is_open {
            older = NONE;
        } else if coder.bit(&mut self.older[temporal + 4 * state], pixel == older) {
            return older;
        }
        if !is_flat {
            let is_open = |p: u32| !refused.contains(&p) && p != older;
            let context =
                state + 8 * usize::from(west == north_west) + 16 * usize::from(north == west);
            if is_open(west) && coder.bit(&mut self.west[context & 31], pixel == west) {
                return west;
            }
            let context = state
                + 8 * usize::from(north == north_west)
                + 16 * usize::from(north == north_east);
            let is_new = north != west && is_open(north);
            if is_new && coder.bit(&mut self.north[context & 31], pixel == north) {
                return north;
            }
            let is_new = north_east != west && north_east != north && is_open(north_east);
            if is_new && coder.bit(&mut self.north_east[state & 7], pixel == north_east) {
                return north_east;
            }
            let is_new = ![west, north, north_east].contains(&north_west) && is_open(north_west);
            if is_new && coder.bit(&mut self.north_west[state & 7], pixel == north_west) {
                return north_west;
            }
        }
        match colours {
            Colours::Standard => self.code_difference::<C, false>(coder, known, pixel),
            Colours::HighColour => self.code_difference::<C, true>(coder, known, pixel),
            Colours::Palette(palette) => self.code_rank(coder, palette, known, pixel),
        }
    }

    /// Codes a pixel as its difference from a prediction, of components when it is `HIGH` colour.
    /// It may be one refused above: harmless, since few pixels come this far.
    #[inline(always)]
    fn code_difference<C: Coder, const HIGH: bool>(
        &mut self,
        coder: &mut C,
        known: &Unpredicted,
        pixel: u32,
    ) -> u32 {
        let context = known.edge_context();
        let [west, north, north_west, pixel] =
            [known.west, known.north, known.north_west, pixel].map(samples::<HIGH>);
        let [blue, green, red, _] = median_edge(west, north, north_west).to_le_bytes();
        let [b, g, r, _] = pixel.to_le_bytes();
        let dg = residual::<C, MAIN>(coder, &mut self.green[context], g.wrapping_sub(green));
        let blue = blue.wrapping_add(like_green::<HIGH>(dg));
        let model = &mut self.blue[token(fold(dg))];
        let db = residual::<C, BLUE>(coder, model, b.wrapping_sub(blue));
        let red = red.wrapping_add(like_green::<HIGH>(dg));
        let model = &mut self.red[token(fold(db))];
        let dr = residual::<C, RED>(coder, model, r.wrapping_sub(red));
        let bytes = [blue.wrapping_add(db), green.wrapping_add(dg), red.wrapping_add(dr), 0];
        from_samples::<HIGH>(u32::from_le_bytes(bytes))
    }

    /// Codes a pixel as the number of colours that are nearer to a prediction.
    #[inline(always)]
    fn code_rank<C: Coder>(
        &mut self,
        coder: &mut C,
        palette: &Palette,
        known: &Unpredicted,
        pixel: u32,
    ) -> u32 {
        let context = known.edge_context();
        let &Unpredicted { west, north, north_west, .. } = known;
        let from = palette.index(median_edge(west, north, north_west));
        let rank = if C::ENCODES { palette.rank(from, palette.index(pixel)) } else { 0 };
        palette.at_rank(from, magnitude::<C, MAIN>(coder, &mut self.rank[context], rank))
    }
}

impl Unpredicted {
    /// Which of the neighbours that the prediction is made of are equal.
    #[inline(always)]
    fn edge_context(&self) -> usize {
        let &Self { west, north, north_west, state, .. } = self;
        usize::from(state == 0)
            + 2 * usize::from(north == west)
            + 4 * usize::from(north_west == west || north_west == north)
    }
}

/// Whether all known neighbours of the next `LENGTH` pixels from `i` have one colour.
#[inline(always)]
fn may_run<const LENGTH: usize>(pixels: &[u32], i: usize, stride: usize) -> bool {
    let west = pixels[i - 1];
    west == pixels[i - 2] && all_are(&pixels[i - stride - 2..i - stride + LENGTH + 2], west)
}

/// Whether all pixels are `colour`; without a branch for each.
#[inline(always)]
fn all_are(pixels: &[u32], colour: u32) -> bool {
    pixels.iter().fold(0, |sum, &pixel| sum | (pixel ^ colour)) == 0
}
