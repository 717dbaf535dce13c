//! Pixels of photographs: many colours, no repetition.
//!
//! Prediction by the median edge detector of LOCO-I (Weinberger, Seroussi, Sapiro, "The LOCO-I
//! lossless image compression algorithm", 2000); residuals of green, and of blue and red less
//! green's, in contexts of the local activity and of the channel before.

use super::coder::{BLUE, Coder, MAIN, RED};
use super::model::Alphabet;
use super::token::{FIRST_WITH_EXTRA, base, extra_bits, fold, token, unfold};
use crate::kernels;

pub(super) use crate::kernels::median_edge;

/// Classes of activity.
const ACTIVITIES: usize = 16;

/// Class of a token as the context of the next channel.
const TOKEN_CLASSES: [u8; 16] = [0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 2, 2, 3, 3, 3, 3];

/// The half octave that an activity lies in.
#[inline(always)]
fn activity_class(activity: u32) -> usize {
    let value = activity + 2;
    let octave = value.ilog2();
    ((2 * octave + (value >> (octave - 1) & 1)) as usize - 2).min(ACTIVITIES - 1)
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
        let model = &mut self.blue[class + ACTIVITIES * class_of(green_token)];
        let blue_token = coder.symbol::<BLUE>(model, token(blue)) & 15;
        let model = &mut self.red[class + ACTIVITIES * class_of(blue_token)];
        let red_token = coder.symbol::<RED>(model, token(red)) & 15;
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
    residuals: Residuals,
}

impl Photo {
    pub(super) const NEW: Self = Self { residuals: Residuals::NEW };

    /// The prediction of the pixel at `i`, and the class of the activity around it.
    #[inline(always)]
    fn predict(pixels: &[u32], i: usize, stride: usize) -> ([u8; 4], usize) {
        let &[ww, w] = &pixels[i - 2..i] else { return ([0; 4], 0) };
        let &[nw, n, ne] = &pixels[i - stride - 1..i - stride + 2] else { return ([0; 4], 0) };
        let nn = pixels[i - 2 * stride];
        // Half of each channel's sums, not of all: both are taken whole before halving.
        let near = kernels::distance_of_pairs([w, n, n], [nw, nw, ne]);
        let far = kernels::distance_of_pairs([w, n, 0], [ww, nn, 0]);
        (median_edge(w, n, nw).to_le_bytes(), activity_class(near + far / 2))
    }

    /// Codes the pixel at `i`, which is `pixel`, without loss.
    #[inline(always)]
    pub(super) fn code<C: Coder>(
        &mut self,
        coder: &mut C,
        pixels: &[u32],
        i: usize,
        stride: usize,
        pixel: u32,
    ) -> u32 {
        let ([blue, green, red, _], class) = Self::predict(pixels, i, stride);
        let [b, g, r, _] = pixel.to_le_bytes();
        let dg = g.wrapping_sub(green);
        let (db, dr) =
            (b.wrapping_sub(blue).wrapping_sub(dg), r.wrapping_sub(red).wrapping_sub(dg));
        let [dg, db, dr] =
            self.residuals.code(coder, class, [fold(dg), fold(db), fold(dr)]).map(unfold);
        u32::from_le_bytes([
            blue.wrapping_add(dg).wrapping_add(db),
            green.wrapping_add(dg),
            red.wrapping_add(dg).wrapping_add(dr),
            0,
        ])
    }
}
