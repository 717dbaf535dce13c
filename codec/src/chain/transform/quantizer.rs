//! Steps of the coefficients, all of a plane alike: uniform steps lose least for their bytes.

use super::{PLANES, Plane};

/// Bits of the number of a quantizer.
pub(crate) const QUANTIZER_BITS: u32 = 6;

/// Steps of one octave, in sixteenths of an orthonormal coefficient.
const OCTAVE: [i32; 8] = [16, 17, 19, 21, 23, 25, 27, 29];

/// Steps of the planes, in halves of luma's. In reversible `YCoCg` an error of luma reaches three
/// channels whole, one of green chroma three by a half, one of orange chroma two by a half: steps in
/// the ratio of the roots of 3, 3/4 and 1/2 spread the error evenly.
const RATIOS: [i32; PLANES] = [2, 4, 5];

/// Largest coefficient of either sign.
const MAX_COEFFICIENT: i32 = (1 << 17) - 1;

/// What is added to a level before it is rounded down: below a half, as small coefficients are
/// likelier than large ones and fewer bits than error are lost.
const ROUNDING: f32 = 0.36;

/// How coarse coefficients are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Quantizer(u8);

impl Quantizer {
    /// Quantizer `number`, of which the lower bits count.
    pub(crate) const fn of(number: u32) -> Self {
        Self((number & ((1 << QUANTIZER_BITS) - 1)) as u8)
    }

    pub(crate) const fn number(self) -> u32 {
        self.0 as u32
    }

    /// The step of a plane.
    #[inline(always)]
    pub(super) fn step(self, plane: usize) -> i32 {
        let luma = OCTAVE[usize::from(self.0 % 8)] << (self.0 / 8);
        luma * RATIOS[plane % PLANES] / 2
    }

    /// Makes coefficients levels.
    #[inline(always)]
    pub(super) fn quantize(self, plane: usize, coefficients: &mut Plane) {
        let scale = (self.step(plane) as f32).recip();
        for row in coefficients {
            for value in row {
                let level = (value.abs() as f32 * scale + ROUNDING) as i32;
                *value = if *value < 0 { -level } else { level };
            }
        }
    }
}

/// Makes levels coefficients.
#[inline(always)]
pub(super) fn restore(levels: &mut Plane, step: i32) {
    for row in levels {
        for value in row {
            *value = (*value * step).clamp(-MAX_COEFFICIENT, MAX_COEFFICIENT);
        }
    }
}
