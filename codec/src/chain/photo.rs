//! Pixels of photographs: many colours, no repetition.
//!
//! Prediction by the median edge detector of LOCO-I (Weinberger, Seroussi, Sapiro, "The LOCO-I
//! lossless image compression algorithm", 2000); residuals of green, and of blue and red less
//! green's, in contexts of the activity in the rows above and of green's token. No context needs the
//! pixel to the left: so those of many pixels are found together, and each channel of these is coded
//! at a go. A decoder knows the models of all symbols of a channel before the first of them.

use std::ops::Range;

use super::batch::BatchAlphabet;
use super::coder::{Coder, GROUP};
use super::token::{FIRST_WITH_EXTRA, base, extra_bits, fold, token, unfold};
use crate::colour;
use crate::kernels::{self, Vectorized};

pub(super) use crate::kernels::median_edge;

/// Classes of activity.
const ACTIVITIES: usize = 16;

/// The largest token of green of each class but the last: the context of the other channels.
const TOKEN_CLASSES: [u8; 3] = [1, 5, 11];

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

/// The classes of activity above each of the [`GROUP`] pixels from `i` on.
#[inline(always)]
fn classes_above(pixels: &[u32], i: usize, stride: usize) -> [u8; GROUP] {
    let mut classes = [0; GROUP];
    let green = |pixel: u32| (pixel >> 8 & 255) as u16;
    // From two pixels to the left to two to the right. Of a batch that is wider than the picture,
    // what lies beyond it is never asked for.
    let (mut row, mut row2) = ([0_u16; GROUP + 4], [0_u16; GROUP]);
    for (into, &pixel) in row.iter_mut().zip(&pixels[i - stride - 2..]) {
        *into = green(pixel);
    }
    for (into, &pixel) in row2.iter_mut().zip(&pixels[i - 2 * stride..]) {
        *into = green(pixel);
    }
    let mut activities = [0_u16; GROUP];
    for x in 0..GROUP {
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

    /// Codes the residuals of the first `count` pixels of a group, whose classes of activity are given:
    /// an encoder takes them folded, a decoder gives them as they are; green, blue and red.
    #[inline(always)]
    fn code<C: Coder>(
        &mut self,
        coder: &mut C,
        classes: &[u8; GROUP],
        values: &mut [[u8; GROUP]; 3],
        count: usize,
    ) {
        let [green, blue, red] = values;
        let tokens = code_channel(coder, &mut self.green, classes, green, count);
        // Both by green's, so that neither waits for the other.
        let mut contexts = *classes;
        for (context, token) in contexts.iter_mut().zip(tokens) {
            let class: u8 = TOKEN_CLASSES.iter().map(|largest| u8::from(token > *largest)).sum();
            *context += ACTIVITIES as u8 * class;
        }
        code_channel(coder, &mut self.blue, &contexts, blue, count);
        code_channel(coder, &mut self.red, &contexts, red, count);
    }
}

/// Codes the residuals of a channel, as [`Residuals::code`] does, and returns their tokens.
#[inline(always)]
fn code_channel<C: Coder, const CONTEXTS: usize>(
    coder: &mut C,
    models: &mut [BatchAlphabet; CONTEXTS],
    contexts: &[u8; GROUP],
    values: &mut [u8; GROUP],
    count: usize,
) -> [u8; GROUP] {
    let mut tokens = [0; GROUP];
    if C::ENCODES {
        for (token_of, &folded) in tokens.iter_mut().zip(&values[..count]) {
            *token_of = token(u32::from(folded)) as u8;
        }
    }
    coder.group(models, contexts, &mut tokens, count);
    if !C::ENCODES {
        // Of all tokens without extra bits the residual folded is the token.
        for (value, &token) in values.iter_mut().zip(&tokens) {
            *value = unfold(u32::from(token));
        }
    }
    let mut rest = kernels::above(&tokens, FIRST_WITH_EXTRA as u8 - 1);
    while rest != 0 {
        let at = rest.trailing_zeros() as usize % GROUP;
        let token = usize::from(tokens[at]);
        let extra = if C::ENCODES { u32::from(values[at]).wrapping_sub(base(token)) } else { 0 };
        let extra = coder.plain(extra_bits(token), extra);
        if !C::ENCODES {
            values[at] = unfold(base(token) + extra);
        }
        rest &= rest - 1;
    }
    tokens
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
        for start in range.clone().step_by(GROUP) {
            let count = (range.end - start).min(GROUP);
            let classes = classes_above(pixels, start, stride);
            if C::ENCODES {
                let mut folded = fold_row::<HIGH>(pixels, start, stride);
                residuals.code(coder, &classes, &mut folded, count);
                continue;
            }
            let mut differences = [[0; GROUP]; 3];
            residuals.code(coder, &classes, &mut differences, count);
            let (above, row) = pixels.split_at_mut(start);
            let row = &mut row[..count];
            let [green, blue, red] = &differences;
            for (((pixel, &dg), &db), &dr) in row.iter_mut().zip(green).zip(blue).zip(red) {
                let shared = like_green::<HIGH>(dg);
                let (db, dr) = (db.wrapping_add(shared), dr.wrapping_add(shared));
                *pixel = u32::from_le_bytes([db, dg, dr, 0]);
            }
            let west = above[start - 1];
            let north = &above[start - stride - 1..][..=count];
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
fn fold_row<const HIGH: bool>(pixels: &[u32], start: usize, stride: usize) -> [[u8; GROUP]; 3] {
    let load = |from: usize| {
        let mut bytes = [0_u8; 4 * GROUP];
        for (bytes, &pixel) in bytes.as_chunks_mut().0.iter_mut().zip(&pixels[from..]) {
            *bytes = samples::<HIGH>(pixel).to_le_bytes();
        }
        bytes
    };
    let (row, west) = (load(start), load(start - 1));
    let (north, north_west) = (load(start - stride), load(start - stride - 1));
    let mut differences = [0_u8; 4 * GROUP];
    for at in 0..4 * GROUP {
        let (a, b, c) = (west[at], north[at], north_west[at]);
        // The median is the same as the sum of all three less the least and the largest.
        let middle = c.max(a.min(b)).min(a.max(b));
        differences[at] = row[at].wrapping_sub(a).wrapping_sub(b).wrapping_add(middle);
    }
    let mut folded = [[0; GROUP]; 3];
    let [green, blue, red] = &mut folded;
    for (((&[db, dg, dr, _], green), blue), red) in
        differences.as_chunks().0.iter().zip(green).zip(blue).zip(red)
    {
        let shared = like_green::<HIGH>(dg);
        *green = fold(dg) as u8;
        *blue = fold(db.wrapping_sub(shared)) as u8;
        *red = fold(dr.wrapping_sub(shared)) as u8;
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
