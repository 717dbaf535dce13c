//! What runs in AVX2: XXH3 with 128 bits, over rows of pixels whose fourth bytes count as zero, without
//! copying them first.
//!
//! The algorithm is the long-input form of the XXH3 specification
//! (<https://github.com/Cyan4973/xxHash/blob/dev/doc/xxhash_spec.md>) with the default secret and
//! seed 0; the names of steps and constants are those of the specification.
#![allow(unsafe_code, reason = "vector loads and stores take pointers")]

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

/// Bytes taken by one step of the accumulators.
pub(super) const STRIPE_BYTES: usize = 64;

/// Shortest input that the specification hashes in stripes.
pub(super) const MIN_BYTES: usize = 241;

const STRIPES_PER_BLOCK: usize = (SECRET.len() - STRIPE_BYTES) / 8;

const PRIME32_1: u64 = 0x9e37_79b1;
const PRIME32_2: u64 = 0x85eb_ca77;
const PRIME32_3: u64 = 0xc2b2_ae3d;
const PRIME64_1: u64 = 0x9e37_79b1_85eb_ca87;
const PRIME64_2: u64 = 0xc2b2_ae3d_27d4_eb4f;
const PRIME64_3: u64 = 0x1656_67b1_9e37_79f9;
const PRIME64_4: u64 = 0x85eb_ca77_c2b2_ae63;
const PRIME64_5: u64 = 0x27d4_eb2f_1656_67c5;

/// The default secret of the specification.
const SECRET: [u8; 192] = [
    0xb8, 0xfe, 0x6c, 0x39, 0x23, 0xa4, 0x4b, 0xbe, 0x7c, 0x01, 0x81, 0x2c, 0xf7, 0x21, 0xad, 0x1c,
    0xde, 0xd4, 0x6d, 0xe9, 0x83, 0x90, 0x97, 0xdb, 0x72, 0x40, 0xa4, 0xa4, 0xb7, 0xb3, 0x67, 0x1f,
    0xcb, 0x79, 0xe6, 0x4e, 0xcc, 0xc0, 0xe5, 0x78, 0x82, 0x5a, 0xd0, 0x7d, 0xcc, 0xff, 0x72, 0x21,
    0xb8, 0x08, 0x46, 0x74, 0xf7, 0x43, 0x24, 0x8e, 0xe0, 0x35, 0x90, 0xe6, 0x81, 0x3a, 0x26, 0x4c,
    0x3c, 0x28, 0x52, 0xbb, 0x91, 0xc3, 0x00, 0xcb, 0x88, 0xd0, 0x65, 0x8b, 0x1b, 0x53, 0x2e, 0xa3,
    0x71, 0x64, 0x48, 0x97, 0xa2, 0x0d, 0xf9, 0x4e, 0x38, 0x19, 0xef, 0x46, 0xa9, 0xde, 0xac, 0xd8,
    0xa8, 0xfa, 0x76, 0x3f, 0xe3, 0x9c, 0x34, 0x3f, 0xf9, 0xdc, 0xbb, 0xc7, 0xc7, 0x0b, 0x4f, 0x1d,
    0x8a, 0x51, 0xe0, 0x4b, 0xcd, 0xb4, 0x59, 0x31, 0xc8, 0x9f, 0x7e, 0xc9, 0xd9, 0x78, 0x73, 0x64,
    0xea, 0xc5, 0xac, 0x83, 0x34, 0xd3, 0xeb, 0xc3, 0xc5, 0x81, 0xa0, 0xff, 0xfa, 0x13, 0x63, 0xeb,
    0x17, 0x0d, 0xdd, 0x51, 0xb7, 0xf0, 0xda, 0x49, 0xd3, 0x16, 0x55, 0x26, 0x29, 0xd4, 0x68, 0x9e,
    0x2b, 0x16, 0xbe, 0x58, 0x7d, 0x47, 0xa1, 0xfc, 0x8f, 0xf8, 0xb8, 0xd1, 0x7a, 0xd0, 0x31, 0xce,
    0x45, 0xcb, 0x3a, 0x8f, 0x95, 0x16, 0x04, 0x28, 0xaf, 0xd7, 0xfb, 0xca, 0xbb, 0x4b, 0x40, 0x7e,
];

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
        let lanes = [
            PRIME32_3, PRIME64_1, PRIME64_2, PRIME64_3, PRIME64_4, PRIME32_2, PRIME64_5, PRIME32_1,
        ];
        let mut bytes = [0; STRIPE_BYTES];
        for (bytes, lane) in bytes.as_chunks_mut::<8>().0.iter_mut().zip(lanes) {
            *bytes = lane.to_le_bytes();
        }
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
        let secret = secret(SECRET.len() - STRIPE_BYTES);
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

fn avalanche(hash: u64) -> u64 {
    let mixed = (hash ^ hash >> 37).wrapping_mul(0x1656_6791_9e37_79f9);
    mixed ^ mixed >> 32
}

fn merge(lanes: [u64; 8], secret_at: usize, start: u64) -> u64 {
    let (secret, _) = SECRET[secret_at..secret_at + STRIPE_BYTES].as_chunks::<8>();
    let pairs = lanes.as_chunks::<2>().0.iter().zip(secret.as_chunks::<2>().0);
    avalanche(pairs.fold(start, |sum, (lane, secret)| {
        let a = lane[0] ^ u64::from_le_bytes(secret[0]);
        let b = lane[1] ^ u64::from_le_bytes(secret[1]);
        let product = u128::from(a) * u128::from(b);
        sum.wrapping_add(product as u64 ^ (product >> 64) as u64)
    }))
}

/// The hash of `rows` taken together, `bytes` long: a multiple of [`STRIPE_BYTES`], as is each
/// row, and at least [`MIN_BYTES`].
#[target_feature(enable = "avx2")]
pub(super) fn hash_rows<'a>(rows: impl Iterator<Item = &'a [u8]>, bytes: usize) -> u128 {
    let mut accumulators = Accumulators::new();
    let last = bytes / STRIPE_BYTES - 1;
    let mut at = 0;
    for row in rows {
        for stripe in row.as_chunks::<STRIPE_BYTES>().0 {
            if at == last {
                // The last stripe has a secret of its own.
                accumulators.accumulate(stripe, secret(SECRET.len() - STRIPE_BYTES - 7));
                break;
            }
            accumulators.accumulate(stripe, secret(at % STRIPES_PER_BLOCK * 8));
            at += 1;
            if at % STRIPES_PER_BLOCK == 0 {
                accumulators.scramble();
            }
        }
    }
    let lanes = accumulators.lanes();
    let length = bytes as u64;
    let low = merge(lanes, 11, length.wrapping_mul(PRIME64_1));
    let high = merge(lanes, SECRET.len() - STRIPE_BYTES - 11, !length.wrapping_mul(PRIME64_2));
    u128::from(high) << 64 | u128::from(low)
}
