//! How much of a picture is lost by which quantizer, guessed before it is coded.
//!
//! Prediction within a picture gives blocks of 4x4 samples their mean and little of what varies
//! inside. So their coefficients, of a Hadamard transform, are nearly those that are quantized: small
//! ones vanish with all that they are worth, the others keep the error of rounding, and take bits by
//! their logarithm.

use super::planes::{PlaneErrors, Planes};

/// Rows of blocks of which one is looked at.
const STEP: usize = 4;

/// Share of a quantizer's step below which a coefficient vanishes: `OpenH264` adds a third of a step
/// before it rounds down.
const VANISHING: f32 = 2.0 / 3.0;

/// Bits of a coefficient that does not vanish, sign and place included, and of one that does. Guesses,
/// by first frames of film.
const KEPT_BITS: f32 = 5.0;
const LOST_BITS: f32 = 0.15;

/// Octaves of squared coefficients.
const OCTAVES: usize = 26;

/// The squared coefficients of a plane by octaves: their sums and numbers, and that of all samples.
#[derive(Clone, Debug, Default)]
struct Spectrum {
    octaves: [(u64, u32); OCTAVES],
    samples: u32,
}

/// The detail of a picture.
#[derive(Clone, Debug, Default)]
pub(crate) struct Detail {
    luma: Spectrum,
    chroma: [Spectrum; 2],
}

impl Detail {
    pub(super) fn of(planes: &Planes) -> Self {
        let width = usize::from(planes.size().width);
        let [cb, cr] = &planes.chroma;
        Self {
            luma: Spectrum::of(&planes.luma, width),
            chroma: [Spectrum::of(cb, width / 2), Spectrum::of(cr, width / 2)],
        }
    }

    /// The mean squared error in RGB to expect with `quantizer`.
    pub(crate) fn error(&self, quantizer: u8) -> f32 {
        let of_chroma = of_chroma(quantizer);
        let chroma = self.chroma.each_ref().map(|plane| plane.error(of_chroma));
        PlaneErrors { luma: self.luma.error(quantizer), chroma }.in_rgb()
    }
}

impl Detail {
    /// The bytes to expect of the picture with `quantizer`, coded by itself.
    pub(crate) fn bytes(&self, quantizer: u8) -> f32 {
        let of_chroma = of_chroma(quantizer);
        let [cb, cr] = self.chroma.each_ref().map(|plane| plane.bits(of_chroma));
        (self.luma.bits(quantizer) + cb + cr) / 8.0 * STEP as f32
    }
}

/// The quantizer of chroma: H.264, table 8-15, as far as 40.
fn of_chroma(quantizer: u8) -> u8 {
    quantizer.min(29 + (quantizer.saturating_sub(29) * 2).div_ceil(3))
}

impl Spectrum {
    fn of(plane: &[u8], width: usize) -> Self {
        let mut spectrum = Self::default();
        for rows in plane.chunks_exact(4 * width).step_by(STEP) {
            for x in (0..width.saturating_sub(3)).step_by(4) {
                let mut block = [[0_i32; 4]; 4];
                for (row, samples) in block.iter_mut().zip(rows.chunks_exact(width)) {
                    for (to, &sample) in row.iter_mut().zip(&samples[x..]) {
                        *to = i32::from(sample);
                    }
                }
                spectrum.add(block);
            }
        }
        spectrum
    }

    fn add(&mut self, block: [[i32; 4]; 4]) {
        let across = block.map(hadamard);
        let columns = [0, 1, 2, 3].map(|x| hadamard(across.map(|row| row[x])));
        self.samples += 16;
        // The first is the mean.
        for coefficient in columns.into_iter().flatten().skip(1) {
            // Sixteen times what it adds to the squared samples.
            let square = coefficient.unsigned_abs().pow(2);
            let octave = square.checked_ilog2().map_or(0, |octave| octave as usize + 1);
            let (sum, count) = &mut self.octaves[octave.min(OCTAVES - 1)];
            *sum += u64::from(square);
            *count += 1;
        }
    }

    /// The octave in which coefficients vanish, above which they do not.
    fn threshold(step: f32) -> f32 {
        (16.0 * (step * VANISHING).powi(2)).log2() + 1.0
    }

    /// Bits of the samples that were looked at.
    fn bits(&self, quantizer: u8) -> f32 {
        let threshold = Self::threshold(step(quantizer));
        let mut bits = 0.0;
        for (&(_, count), octave) in self.octaves.iter().zip(0_u8..) {
            // An octave of squares is half of one of magnitudes.
            let above = (f32::from(octave) + 0.5 - threshold).max(0.0) / 2.0;
            let kept = (f32::from(octave) + 1.0 - threshold).clamp(0.0, 1.0);
            bits += count as f32 * (kept * KEPT_BITS + above + (1.0 - kept) * LOST_BITS);
        }
        bits
    }

    fn error(&self, quantizer: u8) -> f32 {
        let step = step(quantizer);
        let threshold = Self::threshold(step);
        let rounding = step * step / 12.0;
        let mut error = 0.0;
        for (&(sum, count), octave) in self.octaves.iter().zip(0_u8..) {
            // Of an octave that the threshold lies in, a part vanishes.
            let vanishing = (threshold - f32::from(octave)).clamp(0.0, 1.0);
            error += vanishing * sum as f32 / 16.0 + (1.0 - vanishing) * count as f32 * rounding;
        }
        error / self.samples.max(1) as f32
    }
}

/// A quantizer's step: 0.625 at 0, and doubled every six.
fn step(quantizer: u8) -> f32 {
    0.625 * (f32::from(quantizer) / 6.0).exp2()
}

fn hadamard([a, b, c, d]: [i32; 4]) -> [i32; 4] {
    let (ac, bd, a_c, b_d) = (a + c, b + d, a - c, b - d);
    [ac + bd, a_c + b_d, ac - bd, a_c - b_d]
}
