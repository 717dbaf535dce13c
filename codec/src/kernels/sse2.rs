//! Single pixels and models in SSE2, which every x86-64 processor has.
#![allow(unsafe_code, reason = "vector loads take pointers")]

use std::arch::x86_64::{
    __m128i, _MM_HINT_T0, _mm_add_epi8, _mm_add_epi16, _mm_cmpgt_epi8, _mm_cmpgt_epi16,
    _mm_cvtsi32_si128, _mm_cvtsi128_si32, _mm_loadu_si128, _mm_max_epi16, _mm_max_epu8,
    _mm_min_epi16, _mm_min_epu8, _mm_movemask_epi8, _mm_packs_epi16, _mm_packus_epi16,
    _mm_prefetch, _mm_set1_epi8, _mm_set1_epi16, _mm_setzero_si128, _mm_sub_epi8, _mm_sub_epi16,
    _mm_unpacklo_epi8,
};

#[inline]
#[target_feature(enable = "sse2")]
fn load(values: &[u16; 8]) -> __m128i {
    // SAFETY: 16 bytes are readable at the reference; the load needs no alignment.
    unsafe { _mm_loadu_si128(values.as_ptr().cast()) }
}

#[inline]
#[target_feature(enable = "sse2")]
pub(super) fn last_at_most(rising: &[u16; 16], value: u16) -> usize {
    let (halves, _) = rising.as_chunks::<8>();
    let value = _mm_set1_epi16(value as i16);
    let low = _mm_cmpgt_epi16(load(&halves[0]), value);
    let high = _mm_cmpgt_epi16(load(&halves[1]), value);
    // Ones from the first larger value up.
    let mask = _mm_movemask_epi8(_mm_packs_epi16(low, high)) as u32;
    (mask | 1 << 16).trailing_zeros() as usize - 1
}

#[inline]
#[target_feature(enable = "sse2")]
pub(super) fn above(values: &[u8; 64], most: u8) -> u64 {
    let most = _mm_set1_epi8(most as i8);
    let (parts, _) = values.as_chunks::<16>();
    parts.iter().rev().fold(0, |mask, part| {
        // SAFETY: 16 bytes are readable at the reference; the load needs no alignment.
        let part = unsafe { _mm_loadu_si128(part.as_ptr().cast()) };
        mask << 16 | u64::from(_mm_movemask_epi8(_mm_cmpgt_epi8(part, most)) as u16)
    })
}

#[inline]
#[target_feature(enable = "sse")]
pub(super) fn prefetch<T>(place: &T) {
    _mm_prefetch::<_MM_HINT_T0>(std::ptr::from_ref(place).cast());
}

/// The channels of a pixel, 16 bits each.
#[inline]
#[target_feature(enable = "sse2")]
fn wide(pixel: u32) -> __m128i {
    _mm_unpacklo_epi8(_mm_cvtsi32_si128(pixel as i32), _mm_setzero_si128())
}

#[inline]
#[target_feature(enable = "sse2")]
pub(super) fn median_edge(west: u32, north: u32, north_west: u32) -> u32 {
    let (a, b, c) = (wide(west), wide(north), wide(north_west));
    let plane = _mm_sub_epi16(_mm_add_epi16(a, b), c);
    let median = _mm_max_epi16(_mm_min_epi16(a, b), _mm_min_epi16(plane, _mm_max_epi16(a, b)));
    _mm_cvtsi128_si32(_mm_packus_epi16(median, median)) as u32
}

#[inline]
#[target_feature(enable = "sse2")]
pub(super) fn restore(west: u32, north: &[u32], row: &mut [u32]) {
    let Some((&north_west, north)) = north.split_first() else { return };
    let mut west = _mm_cvtsi32_si128(west as i32);
    let mut north_west = _mm_cvtsi32_si128(north_west as i32);
    for (pixel, &north) in row.iter_mut().zip(north) {
        let north = _mm_cvtsi32_si128(north as i32);
        let (least, most) = (_mm_min_epu8(west, north), _mm_max_epu8(west, north));
        // Of west, north and west + north - north west the median is the sum of the first two less
        // the north west limited to their range; the order keeps the way from west to west short.
        let limited = _mm_min_epu8(_mm_max_epu8(north_west, least), most);
        let sum = _mm_add_epi8(north, _mm_cvtsi32_si128(*pixel as i32));
        west = _mm_sub_epi8(_mm_add_epi8(west, sum), limited);
        north_west = north;
        *pixel = _mm_cvtsi128_si32(west) as u32;
    }
}
