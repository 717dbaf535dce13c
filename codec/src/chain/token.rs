//! Residuals as a token of sixteen and plain extra bits: the nearer to zero, the fewer.

use super::coder::Coder;
use super::model::Alphabet;

/// Tokens below this have no extra bits.
pub(super) const FIRST_WITH_EXTRA: usize = 10;

/// Least folded residual of each token.
const BASE: [u32; 16] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 14, 22, 38, 70, 134];

/// Extra bits of each token.
const EXTRA_BITS: [u32; 16] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 3, 4, 5, 6, 7];

/// Token of each folded residual.
static TOKENS: [u8; 256] = {
    let mut tokens = [0; 256];
    let mut token = 0;
    while token < 16 {
        let mut value = BASE[token];
        while value < BASE[token] + (1 << EXTRA_BITS[token]) && value < 256 {
            tokens[value as usize] = token as u8;
            value += 1;
        }
        token += 1;
    }
    tokens
};

/// Folds a difference modulo 256 so that small ones of either sign come first: 0 -1 1 -2 2 ...
#[inline(always)]
pub(super) fn fold(difference: u8) -> u32 {
    let signed = difference as i8;
    ((i32::from(signed) << 1) ^ (i32::from(signed) >> 7)) as u32 & 255
}

/// The difference that [`fold`] folded.
#[inline(always)]
pub(super) fn unfold(folded: u32) -> u8 {
    ((folded >> 1) as u8) ^ 0_u8.wrapping_sub((folded & 1) as u8)
}

/// The token of a folded residual below 256.
#[inline(always)]
pub(super) fn token(folded: u32) -> usize {
    usize::from(TOKENS[folded as usize & 255])
}

/// The least folded residual of `token`.
#[inline(always)]
pub(super) fn base(token: usize) -> u32 {
    BASE[token & 15]
}

/// The number of extra bits of `token`.
#[inline(always)]
pub(super) fn extra_bits(token: usize) -> u32 {
    EXTRA_BITS[token & 15]
}

/// Codes one residual by itself.
#[inline(always)]
pub(super) fn residual<C: Coder, const STATE: usize>(
    coder: &mut C,
    model: &mut Alphabet,
    difference: u8,
) -> u8 {
    let folded = fold(difference);
    let token = coder.symbol::<STATE>(model, token(folded));
    let extra = if C::ENCODES { folded - base(token) } else { 0 };
    unfold(base(token) + coder.plain(extra_bits(token), extra))
}

/// Codes a number below 256 by itself.
#[inline(always)]
pub(super) fn magnitude<C: Coder, const STATE: usize>(
    coder: &mut C,
    model: &mut Alphabet,
    value: usize,
) -> usize {
    let token = coder.symbol::<STATE>(model, token(value as u32));
    let extra = if C::ENCODES { value as u32 - base(token) } else { 0 };
    (base(token) + coder.plain(extra_bits(token), extra)) as usize & 255
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_difference_has_a_token_and_comes_back() {
        for difference in 0..=255 {
            let folded = fold(difference);
            assert_eq!(unfold(folded), difference);
            let token = token(folded);
            assert!(folded - base(token) < 1 << extra_bits(token), "{difference}");
        }
        assert_eq!(fold(255), 1, "-1 comes second");
    }
}
