//! What runs in AVX2: plain code compiled for it, and XXH3 with 128 bits, over rows of pixels whose
//! fourth bytes count as zero, without copying them first.
#![allow(unsafe_code, reason = "vector loads and stores take pointers")]

use super::xxh3::{
    LAST_SECRET, PRIME32_1, SCRAMBLE_SECRET, SECRET, STRIPE_BYTES, STRIPES_PER_BLOCK, finish,
    starts,
};
use std::arch::x86_64::{
    __m256i, _mm256_add_epi64, _mm256_and_si256, _mm256_loadu_si256, _mm256_mul_epu32,
    _mm256_set1_epi32, _mm256_shuffle_epi32, _mm256_slli_epi64, _mm256_srli_epi64,
    _mm256_storeu_si256, _mm256_xor_si256,
};

/// Does `work` compiled for AVX2 and the bit instructions that come with it. Not inlined, so that a
/// caller's variables take no registers from its loops.
#[inline(never)]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt")]
pub(super) fn run<W: super::Vectorized>(work: W) -> W::Output {
    work.run()
}

/// The accumulators: eight lanes of 64 bits.
#[derive(Clone, Copy)]
struct Accumulators([__m256i; 2]);

#[target_feature(enable = "avx2")]
fn load(bytes: &[u8; 32]) -> __m256i {
    // SAFETY: 32 bytes are readable at the reference; the load needs no alignment.
    unsafe { _mm256_loadu_si256(bytes.as_ptr().cast()) }
}

/// The 64 bytes of the secret from `at`, as two vectors.
#[target_feature(enable = "avx2")]
fn secret(at: usize) -> [__m256i; 2] {
    let (halves, _) = SECRET[at..at + STRIPE_BYTES].as_chunks::<32>();
    [load(&halves[0]), load(&halves[1])]
}

#[target_feature(enable = "avx2")]
fn multiply_32(lanes: __m256i, factor: u64) -> __m256i {
    let factor = _mm256_set1_epi32(factor as i32);
    let low = _mm256_mul_epu32(lanes, factor);
    let high = _mm256_mul_epu32(_mm256_srli_epi64::<32>(lanes), factor);
    _mm256_add_epi64(low, _mm256_slli_epi64::<32>(high))
}

impl Accumulators {
    #[target_feature(enable = "avx2")]
    fn new() -> Self {
        let bytes = starts();
        let (halves, _) = bytes.as_chunks::<32>();
        Self([load(&halves[0]), load(&halves[1])])
    }

    /// Takes in one stripe of pixels, their fourth bytes masked.
    #[target_feature(enable = "avx2")]
    fn accumulate(&mut self, stripe: &[u8; STRIPE_BYTES], secret: [__m256i; 2]) {
        let mask = _mm256_set1_epi32(0x00ff_ffff);
        let (halves, _) = stripe.as_chunks::<32>();
        for ((lanes, half), secret) in self.0.iter_mut().zip(halves).zip(secret) {
            let data = _mm256_and_si256(load(half), mask);
            let key = _mm256_xor_si256(data, secret);
            let product = _mm256_mul_epu32(key, _mm256_srli_epi64::<32>(key));
            let swapped = _mm256_shuffle_epi32::<0b01_00_11_10>(data);
            *lanes = _mm256_add_epi64(_mm256_add_epi64(*lanes, swapped), product);
        }
    }

    #[target_feature(enable = "avx2")]
    fn scramble(&mut self) {
        let secret = secret(SCRAMBLE_SECRET);
        for (lanes, secret) in self.0.iter_mut().zip(secret) {
            let shifted = _mm256_xor_si256(*lanes, _mm256_srli_epi64::<47>(*lanes));
            *lanes = multiply_32(_mm256_xor_si256(shifted, secret), PRIME32_1);
        }
    }

    #[target_feature(enable = "avx2")]
    fn lanes(self) -> [u64; 8] {
        let mut halves = [[0_u64; 4]; 2];
        for (into, lanes) in halves.iter_mut().zip(self.0) {
            // SAFETY: 32 bytes are writable at the reference; the store needs no alignment.
            unsafe { _mm256_storeu_si256(into.as_mut_ptr().cast(), lanes) };
        }
        let [[a, b, c, d], [e, f, g, h]] = halves;
        [a, b, c, d, e, f, g, h]
    }
}

/// The hash of `rows` taken together, `bytes` long: a multiple of [`STRIPE_BYTES`], as is each
/// row, and at least [`super::xxh3::MIN_BYTES`].
#[target_feature(enable = "avx2")]
pub(super) fn hash_rows<'a>(rows: impl Iterator<Item = &'a [u8]>, bytes: usize) -> u128 {
    let mut accumulators = Accumulators::new();
    let last = bytes / STRIPE_BYTES - 1;
    let mut at = 0;
    for row in rows {
        for stripe in row.as_chunks::<STRIPE_BYTES>().0 {
            if at == last {
                // The last stripe has a secret of its own.
                accumulators.accumulate(stripe, secret(LAST_SECRET));
                break;
            }
            accumulators.accumulate(stripe, secret(at % STRIPES_PER_BLOCK * 8));
            at += 1;
            if at % STRIPES_PER_BLOCK == 0 {
                accumulators.scramble();
            }
        }
    }
    finish(accumulators.lanes(), bytes)
}
