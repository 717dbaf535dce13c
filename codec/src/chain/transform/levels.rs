//! The quantized coefficients of a plane: how far they reach, then each from the last to the first.

use super::super::block_map::BLOCK;
use super::super::coder::Coder;
use super::super::model::Alphabet;
use super::{PLANES, Plane};

/// Diagonals of a plane, from the first coefficient to the last.
const DIAGONALS: usize = 2 * BLOCK - 1;

/// From one row of magnitudes to the next: two zeroes follow each row, which the contexts look at.
const STRIDE: usize = BLOCK + 2;

/// Classes of a coefficient's diagonal, and of the magnitudes around it.
const POSITIONS: usize = 6;
const POSITION: [u8; DIAGONALS] = [0, 1, 2, 3, 3, 4, 4, 4, 5, 5, 5, 5, 5, 5, 5];
const MAGNITUDES: usize = 10;
const MAGNITUDE: [u8; 32] = [
    0, 1, 2, 3, 3, 4, 4, 5, 5, 5, 6, 6, 6, 6, 7, 7, 7, 7, 7, 7, 8, 8, 8, 8, 8, 8, 8, 8, 8, 8, 8, 8,
];
/// The class of a coefficient on the last diagonal, around which all is zero.
const ON_LAST: usize = 9;

/// The largest symbol of a magnitude; what is above follows in plain bits.
const LARGE: usize = 15;

/// Bits of the length of what follows, and most bits of a field of signs.
const LENGTH_BITS: u32 = 4;
const SIGNS: usize = 16;

/// Contexts of the number of diagonals.
const REACHES: usize = 64;

/// Where the coefficients of each diagonal stand, from the lower left to the upper right.
static DIAGONAL: [[u8; BLOCK]; DIAGONALS] = {
    let mut places = [[0; BLOCK]; DIAGONALS];
    let mut diagonal = 0;
    while diagonal < DIAGONALS {
        let first = if diagonal < BLOCK { 0 } else { diagonal - BLOCK + 1 };
        let mut at = 0;
        while first + at < BLOCK && first + at <= diagonal {
            places[diagonal][at] = ((diagonal - first - at) * STRIDE + first + at) as u8;
            at += 1;
        }
        diagonal += 1;
    }
    places
};

/// Coefficients of a diagonal.
const fn length(diagonal: usize) -> usize {
    if diagonal < BLOCK { diagonal + 1 } else { DIAGONALS - diagonal }
}

/// The models of coefficients.
#[derive(Clone, Debug)]
pub(super) struct Levels {
    reach: [[Alphabet; REACHES]; PLANES],
    magnitude: [[Alphabet; POSITIONS * MAGNITUDES]; PLANES],
}

/// The class of a number of diagonals, of four.
const fn class(diagonals: u8) -> usize {
    match diagonals {
        0 => 0,
        1..=2 => 1,
        3..=5 => 2,
        _ => 3,
    }
}

impl Levels {
    pub(super) const NEW: Self = Self {
        reach: [[Alphabet::NEW; REACHES]; PLANES],
        magnitude: [[Alphabet::NEW; POSITIONS * MAGNITUDES]; PLANES],
    };

    /// The model of the number of diagonals, by the blocks `around` and the planes `before`.
    #[inline(always)]
    fn reach(&mut self, plane: usize, around: [Option<u8>; 2], before: [u8; 2]) -> &mut Alphabet {
        let mean = match around {
            [Some(west), Some(north)] => Some((west + north).div_ceil(2)),
            [one, other] => one.or(other),
        };
        let context = match plane {
            0 => mean.map_or(16, |mean| usize::from(mean.min(15))),
            1 => mean.map_or(4, class) * 4 + class(before[0]),
            _ => (mean.map_or(4, class) * 4 + class(before[0])) * 3 + class(before[1]).min(2),
        };
        &mut self.reach[plane % PLANES][context % REACHES]
    }

    /// Codes the levels of a plane, and returns the number of diagonals with some that are not 0.
    #[inline(always)]
    pub(super) fn code<C: Coder, const STATE: usize>(
        &mut self,
        coder: &mut C,
        plane: usize,
        around: [Option<u8>; 2],
        before: [u8; 2],
        levels: &mut Plane,
    ) -> usize {
        let mut magnitudes = [0_u8; STRIDE * (BLOCK + 2)];
        let mut reach = 0;
        if C::ENCODES {
            for (y, row) in levels.iter().enumerate() {
                for (x, level) in row.iter().enumerate() {
                    magnitudes[y * STRIDE + x] = level.unsigned_abs().min(LARGE as u32) as u8;
                    reach = reach.max(if *level == 0 { 0 } else { x + y + 1 });
                }
            }
        }
        let reach = coder.symbol::<STATE>(self.reach(plane, around, before), reach);
        let reach = reach.min(DIAGONALS);
        // The coefficients that are not 0, in their order.
        let mut places = [0_u8; BLOCK * BLOCK];
        let mut count = 0;
        let models = &mut self.magnitude[plane % PLANES];
        for diagonal in (0..reach).rev() {
            let position = usize::from(POSITION[diagonal]) * MAGNITUDES;
            for &place in &DIAGONAL[diagonal][..length(diagonal)] {
                let at = usize::from(place);
                let around = &magnitudes[at..at + 2 * STRIDE + 1];
                let near = around[1] + around[STRIDE];
                let far = around[2] + around[STRIDE + 1] + around[2 * STRIDE];
                let sum = usize::from(2 * near + far).min(MAGNITUDE.len() - 1);
                let on_last = diagonal + 1 == reach;
                let class = if on_last { ON_LAST } else { usize::from(MAGNITUDE[sum]) };
                let symbol = usize::from(magnitudes[at]);
                let symbol = coder.symbol::<STATE>(&mut models[position + class], symbol);
                magnitudes[at] = symbol as u8;
                places[count % (BLOCK * BLOCK)] = place;
                count += usize::from(symbol != 0);
            }
        }
        let value = |levels: &Plane, place: u8| {
            levels[usize::from(place) / STRIDE % BLOCK][usize::from(place) % STRIDE % BLOCK]
        };
        for group in places[..count].chunks(SIGNS) {
            let mut signs = 0;
            if C::ENCODES {
                for (at, &place) in group.iter().enumerate() {
                    signs |= u32::from(value(levels, place) < 0) << at;
                }
            }
            let signs = coder.plain(group.len() as u32, signs);
            for (at, &place) in group.iter().enumerate() {
                let mut magnitude = i32::from(magnitudes[usize::from(place)]);
                if magnitude == LARGE as i32 {
                    let more = value(levels, place).unsigned_abs().saturating_sub(LARGE as u32);
                    magnitude += code_more(coder, more) as i32;
                }
                let level = if signs >> at & 1 == 1 { -magnitude } else { magnitude };
                levels[usize::from(place) / STRIDE % BLOCK][usize::from(place) % STRIDE % BLOCK] =
                    level;
            }
        }
        reach
    }
}

/// Codes what a magnitude is above the largest symbol: its length, then its bits below the highest.
#[inline(always)]
fn code_more<C: Coder>(coder: &mut C, more: u32) -> u32 {
    let bits = coder.plain(LENGTH_BITS, (more + 1).ilog2());
    let base = (1 << bits) - 1;
    base + coder.plain(bits, more.wrapping_sub(base) & base)
}
