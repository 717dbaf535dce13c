//! What runs in AVX-512: XXH3 with 128 bits, over rows of pixels whose fourth bytes count as zero,
//! without copying them first. A stripe is one vector, and so are the accumulators.
#![allow(unsafe_code, reason = "vector loads and stores take pointers")]

use std::arch::x86_64::{
    __m512i, _mm512_add_epi64, _mm512_and_si512, _mm512_loadu_si512, _mm512_mul_epu32,
    _mm512_set1_epi32, _mm512_shuffle_epi32, _mm512_slli_epi64, _mm512_srli_epi64,
    _mm512_storeu_si512, _mm512_ternarylogic_epi64, _mm512_xor_si512,
};

use super::xxh3::{
    LAST_SECRET, PRIME32_1, SCRAMBLE_SECRET, SECRET, STRIPE_BYTES, STRIPES_PER_BLOCK, finish,
    starts,
};

/// `(a & b) ^ c` by its truth table.
const AND_XOR: i32 = 0b0110_1010;

#[target_feature(enable = "avx512f")]
fn load(bytes: &[u8; STRIPE_BYTES]) -> __m512i {
    // SAFETY: 64 bytes are readable at the reference; the load needs no alignment.
    unsafe { _mm512_loadu_si512(bytes.as_ptr().cast()) }
}

/// The bytes of the secret from `at` on.
#[target_feature(enable = "avx512f")]
fn secret(at: usize) -> __m512i {
    SECRET[at..].first_chunk().map_or_else(|| _mm512_set1_epi32(0), |bytes| load(bytes))
}

/// The accumulators with one more stripe of pixels, their fourth bytes masked.
#[target_feature(enable = "avx512f")]
fn accumulate(lanes: __m512i, stripe: &[u8; STRIPE_BYTES], secret: __m512i) -> __m512i {
    let (mask, pixels) = (_mm512_set1_epi32(0x00ff_ffff), load(stripe));
    let key = _mm512_ternarylogic_epi64::<AND_XOR>(pixels, mask, secret);
    let product = _mm512_mul_epu32(key, _mm512_srli_epi64::<32>(key));
    let swapped = _mm512_shuffle_epi32::<0b01_00_11_10>(_mm512_and_si512(pixels, mask));
    _mm512_add_epi64(_mm512_add_epi64(lanes, swapped), product)
}

#[target_feature(enable = "avx512f")]
fn scramble(lanes: __m512i) -> __m512i {
    let shifted = _mm512_xor_si512(lanes, _mm512_srli_epi64::<47>(lanes));
    let key = _mm512_xor_si512(shifted, secret(SCRAMBLE_SECRET));
    let factor = _mm512_set1_epi32(PRIME32_1 as i32);
    let low = _mm512_mul_epu32(key, factor);
    let high = _mm512_mul_epu32(_mm512_srli_epi64::<32>(key), factor);
    _mm512_add_epi64(low, _mm512_slli_epi64::<32>(high))
}

/// The hash of `rows` taken together, `bytes` long: a multiple of [`STRIPE_BYTES`], as is each row,
/// and at least [`super::xxh3::MIN_BYTES`].
#[target_feature(enable = "avx512f")]
pub(super) fn hash_rows<'a>(rows: impl Iterator<Item = &'a [u8]>, bytes: usize) -> u128 {
    let mut lanes = load(&starts());
    let last = bytes / STRIPE_BYTES - 1;
    let mut at = 0;
    for row in rows {
        for stripe in row.as_chunks::<STRIPE_BYTES>().0 {
            if at == last {
                // The last stripe has a secret of its own.
                lanes = accumulate(lanes, stripe, secret(LAST_SECRET));
                break;
            }
            lanes = accumulate(lanes, stripe, secret(at % STRIPES_PER_BLOCK * 8));
            at += 1;
            if at % STRIPES_PER_BLOCK == 0 {
                lanes = scramble(lanes);
            }
        }
    }
    let mut stored = [0_u64; 8];
    // SAFETY: 64 bytes are writable at the reference; the store needs no alignment.
    unsafe { _mm512_storeu_si512(stored.as_mut_ptr().cast(), lanes) };
    finish(stored, bytes)
}
