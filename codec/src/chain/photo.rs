//! Pixels of photographs: many colours, no repetition.
//!
//! Prediction by the median edge detector of LOCO-I (Weinberger, Seroussi, Sapiro, "The LOCO-I
//! lossless image compression algorithm", 2000); residuals of green, and of blue and red less
//! green's, in contexts of the activity in the rows above and of green's token. No context needs the
//! pixel to the left: so those of many pixels are found together, and a decoder knows the model of
//! the next symbol while it still works on this one.

use super::coder::{BLUE, Coder, MAIN, RED};
use super::model::Alphabet;
use super::token::{FIRST_WITH_EXTRA, base, extra_bits, fold, token, unfold};
use crate::colour;

pub(super) use crate::kernels::median_edge;

/// Classes of activity.
const ACTIVITIES: usize = 16;

/// Class of a token as the context of the next channel.
const TOKEN_CLASSES: [u8; 16] = [0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 2, 2, 3, 3, 3, 3];

/// Pixels whose contexts are found together.
pub(super) const BATCH: usize = 64;

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
pub(super) fn classes_above(pixels: &[u32], i: usize, stride: usize) -> [u8; BATCH] {
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
    green: [Alphabet; ACTIVITIES],
    blue: [Alphabet; ACTIVITIES * 4],
    red: [Alphabet; ACTIVITIES * 4],
}

impl Residuals {
    const NEW: Self = Self {
        green: [Alphabet::NEW; ACTIVITIES],
        blue: [Alphabet::NEW; ACTIVITIES * 4],
        red: [Alphabet::NEW; ACTIVITIES * 4],
    };

    /// Codes the folded residuals of green, blue and red, below 256 each.
    #[inline(always)]
    fn code<C: Coder>(&mut self, coder: &mut C, class: usize, folded: [u32; 3]) -> [u32; 3] {
        let [green, blue, red] = folded;
        let class_of = |token: usize| usize::from(TOKEN_CLASSES[token & 15]);
        let green_token = coder.symbol::<MAIN>(&mut self.green[class], token(green)) & 15;
        // Both by green's, so that neither waits for the other.
        let context = class + ACTIVITIES * class_of(green_token);
        let blue_token = coder.symbol::<BLUE>(&mut self.blue[context], token(blue)) & 15;
        let red_token = coder.symbol::<RED>(&mut self.red[context], token(red)) & 15;
        let bases = [base(green_token), base(blue_token), base(red_token)];
        if green_token.max(blue_token).max(red_token) < FIRST_WITH_EXTRA {
            return bases;
        }
        let bits = [extra_bits(green_token), extra_bits(blue_token), extra_bits(red_token)];
        let extra = if C::ENCODES {
            (green - bases[0])
                | (blue - bases[1]) << bits[0]
                | (red - bases[2]) << (bits[0] + bits[1])
        } else {
            0
        };
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

    /// Codes the pixel at `i`, which is `pixel`, below activity of `class`; a `HIGH` colour by its
    /// components.
    #[inline(always)]
    pub(super) fn code<C: Coder, const HIGH: bool>(
        &mut self,
        coder: &mut C,
        pixels: &[u32],
        i: usize,
        stride: usize,
        pixel: u32,
        class: u8,
    ) -> u32 {
        let residuals = if HIGH { &mut self.high } else { &mut self.standard };
        let west = pixels[i - 1];
        let &[north_west, north] = &pixels[i - stride - 1..=i - stride] else { return 0 };
        let [west, north, north_west] = [west, north, north_west].map(samples::<HIGH>);
        let [blue, green, red, _] = median_edge(west, north, north_west).to_le_bytes();
        let class = usize::from(class) & (ACTIVITIES - 1);
        let [b, g, r, _] = samples::<HIGH>(pixel).to_le_bytes();
        let dg = g.wrapping_sub(green);
        let shared = like_green::<HIGH>(dg);
        let (db, dr) =
            (b.wrapping_sub(blue).wrapping_sub(shared), r.wrapping_sub(red).wrapping_sub(shared));
        let [dg, db, dr] = residuals.code(coder, class, [fold(dg), fold(db), fold(dr)]).map(unfold);
        let shared = like_green::<HIGH>(dg);
        from_samples::<HIGH>(u32::from_le_bytes([
            blue.wrapping_add(shared).wrapping_add(db),
            green.wrapping_add(dg),
            red.wrapping_add(shared).wrapping_add(dr),
            0,
        ]))
    }
}
