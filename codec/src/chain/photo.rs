//! Pixels of photographs: many colours, no repetition.
//!
//! Prediction by the median edge detector of LOCO-I (Weinberger, Seroussi, Sapiro, "The LOCO-I
//! lossless image compression algorithm", 2000); residuals of green, and of blue and red less
//! green's, in contexts of the activity in the rows above and of green's token. No context needs the
//! pixel to the left: so those of many pixels are found together, and a decoder knows the model of
//! the next symbol while it still works on this one.

use std::ops::Range;

use super::batch::BatchAlphabet;
use super::coder::{BLUE, BatchCoder, Coder, MAIN, RED};
use super::token::{FIRST_WITH_EXTRA, base, extra_bits, fold, token, unfold};
use crate::colour;
use crate::kernels::{self, Vectorized};

pub(super) use crate::kernels::median_edge;

/// Classes of activity.
const ACTIVITIES: usize = 16;

/// Class of a token as the context of the next channel.
const TOKEN_CLASSES: [u8; 16] = [0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 2, 2, 3, 3, 3, 3];

/// Pixels whose contexts are found together.
const BATCH: usize = 64;

/// Largest activity: that of four differences.
const MAX_ACTIVITY: usize = 4 * 255;

/// For each activity of green the half octave that three times it lies in.
static CLASSES: [u8; MAX_ACTIVITY + 1] = {
    let mut classes = [0; MAX_ACTIVITY + 1];
    let mut activity = 0;
    while activity <= MAX_ACTIVITY {
        let value = 3 * activity as u32 + 2;
        let octave = value.ilog2();
        let class = 2 * octave + (value >> (octave - 1) & 1) - 2;
        classes[activity] = if class < ACTIVITIES as u32 { class as u8 } else { 15 };
        activity += 1;
    }
    classes
};

/// The classes of activity above each of the [`BATCH`] pixels from `i` on.
#[inline(always)]
fn classes_above(pixels: &[u32], i: usize, stride: usize) -> [u8; BATCH] {
    let mut classes = [0; BATCH];
    let green = |pixel: u32| (pixel >> 8 & 255) as u16;
    // From two pixels to the left to two to the right. Of a batch that is wider than the picture,
    // what lies beyond it is never asked for.
    let (mut row, mut row2) = ([0_u16; BATCH + 4], [0_u16; BATCH]);
    for (into, &pixel) in row.iter_mut().zip(&pixels[i - stride - 2..]) {
        *into = green(pixel);
    }
    for (into, &pixel) in row2.iter_mut().zip(&pixels[i - 2 * stride..]) {
        *into = green(pixel);
    }
    let mut activities = [0_u16; BATCH];
    for x in 0..BATCH {
        let [nww, nw, n, ne, nee] = [row[x], row[x + 1], row[x + 2], row[x + 3], row[x + 4]];
        let near = nw.abs_diff(n) + n.abs_diff(ne) + ne.abs_diff(nee);
        let far = nww.abs_diff(nw) + n.abs_diff(row2[x]);
        activities[x] = near + far / 2;
    }
    for (class, &activity) in classes.iter_mut().zip(&activities) {
        *class = CLASSES[usize::from(activity).min(MAX_ACTIVITY)];
    }
    classes
}

/// What is predicted of a pixel: its channels, or, of a `HIGH` colour, its components.
#[inline(always)]
pub(super) const fn samples<const HIGH: bool>(pixel: u32) -> u32 {
    if HIGH { colour::components(pixel) } else { pixel }
}

/// The pixel of such samples.
#[inline(always)]
pub(super) const fn from_samples<const HIGH: bool>(samples: u32) -> u32 {
    if HIGH { colour::from_components(samples) } else { samples }
}

/// By how much blue and red are expected to differ from their predictions when green differs by
/// `green`: of a high colour it has one bit more than they.
#[inline(always)]
pub(super) const fn like_green<const HIGH: bool>(green: u8) -> u8 {
    if HIGH { (green as i8 >> 1) as u8 } else { green }
}

/// The models of residuals.
#[derive(Clone, Debug)]
struct Residuals {
    green: [BatchAlphabet; ACTIVITIES],
    blue: [BatchAlphabet; ACTIVITIES * 4],
    red: [BatchAlphabet; ACTIVITIES * 4],
}

impl Residuals {
    const NEW: Self = Self {
        green: [BatchAlphabet::NEW; ACTIVITIES],
        blue: [BatchAlphabet::NEW; ACTIVITIES * 4],
        red: [BatchAlphabet::NEW; ACTIVITIES * 4],
    };

    /// Codes the folded residuals of green, blue and red, below 256 each.
    #[inline(always)]
    fn code(&mut self, coder: &mut impl BatchCoder, class: usize, folded: [u32; 3]) -> [u32; 3] {
        let [green, blue, red] = folded;
        let class_of = |token: usize| usize::from(TOKEN_CLASSES[token & 15]);
        let green_token = coder.symbol::<MAIN>(&mut self.green[class], token(green)) & 15;
        // Both by green's, so that neither waits for the other.
        let context = class + ACTIVITIES * (class_of(green_token) & 3);
        let blue_token = coder.symbol::<BLUE>(&mut self.blue[context], token(blue)) & 15;
        let red_token = coder.symbol::<RED>(&mut self.red[context], token(red)) & 15;
        let bases = [base(green_token), base(blue_token), base(red_token)];
        if green_token.max(blue_token).max(red_token) < FIRST_WITH_EXTRA {
            return bases;
        }
        let bits = [extra_bits(green_token), extra_bits(blue_token), extra_bits(red_token)];
        let extra = green.wrapping_sub(bases[0])
            | blue.wrapping_sub(bases[1]) << bits[0]
            | red.wrapping_sub(bases[2]) << (bits[0] + bits[1]);
        let extra = coder.plain(bits[0] + bits[1] + bits[2], extra);
        [
            bases[0] + (extra & ((1 << bits[0]) - 1)),
            bases[1] + (extra >> bits[0] & ((1 << bits[1]) - 1)),
            bases[2] + (extra >> (bits[0] + bits[1])),
        ]
    }
}

/// The models of photographs.
#[derive(Clone, Debug)]
pub(crate) struct Photo {
    standard: Residuals,
    high: Residuals,
}

impl Photo {
    pub(super) const NEW: Self = Self { standard: Residuals::NEW, high: Residuals::NEW };

    /// Codes the pixels of a row at `range`; `HIGH` colours by their components.
    pub(super) fn code<C: Coder, const HIGH: bool>(
        &mut self,
        coder: &mut C,
        pixels: &mut [u32],
        range: Range<usize>,
        stride: usize,
    ) {
        let residuals = if HIGH { &mut self.high } else { &mut self.standard };
        kernels::vectorize(PhotoRow::<C, HIGH> { residuals, coder, pixels, range, stride });
    }
}

/// The pixels of a row; a function of its own, which needs all registers.
struct PhotoRow<'a, C, const HIGH: bool> {
    residuals: &'a mut Residuals,
    coder: &'a mut C,
    pixels: &'a mut [u32],
    range: Range<usize>,
    stride: usize,
}

impl<C: Coder, const HIGH: bool> Vectorized for PhotoRow<'_, C, HIGH> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { residuals, coder, pixels, range, stride } = self;
        for start in range.clone().step_by(BATCH) {
            let end = range.end.min(start + BATCH);
            let classes = classes_above(pixels, start, stride).map(usize::from);
            if C::ENCODES {
                let folded = fold_row::<HIGH>(pixels, start, stride);
                let mut batch = coder.begin_batch();
                for (class, folded) in classes.iter().zip(&folded).take(end - start) {
                    residuals.code(&mut batch, class & (ACTIVITIES - 1), folded.map(u32::from));
                }
                coder.end_batch(batch);
                continue;
            }
            let (above, row) = pixels.split_at_mut(start);
            let row = &mut row[..end - start];
            let mut batch = coder.begin_batch();
            for (pixel, class) in row.iter_mut().zip(&classes) {
                let folded = residuals.code(&mut batch, class & (ACTIVITIES - 1), [0; 3]);
                let [dg, db, dr] = folded.map(unfold);
                let shared = like_green::<HIGH>(dg);
                let (db, dr) = (db.wrapping_add(shared), dr.wrapping_add(shared));
                *pixel = u32::from_le_bytes([db, dg, dr, 0]);
            }
            coder.end_batch(batch);
            let west = above[start - 1];
            let north = &above[start - stride - 1..][..=end - start];
            if HIGH {
                restore_high_colours(west, north, row);
            } else {
                kernels::restore(west, north, row);
            }
        }
    }
}

/// The folded residuals of green, blue and red of the pixels from `start` on.
#[inline(always)]
fn fold_row<const HIGH: bool>(pixels: &[u32], start: usize, stride: usize) -> [[u8; 3]; BATCH] {
    let load = |from: usize| {
        let mut bytes = [0_u8; 4 * BATCH];
        for (bytes, &pixel) in bytes.as_chunks_mut().0.iter_mut().zip(&pixels[from..]) {
            *bytes = samples::<HIGH>(pixel).to_le_bytes();
        }
        bytes
    };
    let (row, west) = (load(start), load(start - 1));
    let (north, north_west) = (load(start - stride), load(start - stride - 1));
    let mut differences = [0_u8; 4 * BATCH];
    for at in 0..4 * BATCH {
        let (a, b, c) = (west[at], north[at], north_west[at]);
        // The median is the same as the sum of all three less the least and the largest.
        let middle = c.max(a.min(b)).min(a.max(b));
        differences[at] = row[at].wrapping_sub(a).wrapping_sub(b).wrapping_add(middle);
    }
    let mut folded = [[0; 3]; BATCH];
    for (folded, &[db, dg, dr, _]) in folded.iter_mut().zip(differences.as_chunks().0) {
        let shared = like_green::<HIGH>(dg);
        *folded = [dg, db.wrapping_sub(shared), dr.wrapping_sub(shared)].map(|d| fold(d) as u8);
    }
    folded
}

/// Makes pixels from residuals: [`kernels::restore`] for high colours.
#[inline(always)]
fn restore_high_colours(west: u32, north: &[u32], row: &mut [u32]) {
    let mut west = samples::<true>(west);
    for (pixel, above) in row.iter_mut().zip(north.windows(2)) {
        let &[north_west, north] = above else { return };
        let [north_west, north] = [north_west, north].map(samples::<true>);
        let predicted = median_edge(west, north, north_west).to_le_bytes();
        let residual = pixel.to_le_bytes();
        let sum = std::array::from_fn(|at| predicted[at].wrapping_add(residual[at]));
        *pixel = from_samples::<true>(u32::from_le_bytes(sum));
        west = samples::<true>(*pixel);
    }
}
