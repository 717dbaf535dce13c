//! Single pixels and models: on x86-64 in SSE2, elsewhere the scalar reference.
#![allow(unsafe_code, reason = "functions of an instruction set are called here")]

#[cfg(not(target_arch = "x86_64"))]
use super::scalar as fastest;
#[cfg(target_arch = "x86_64")]
use super::sse2 as fastest;

/// The last place in `rising` whose value is at most `value`; the first value is 0, and all are
/// below 2^15.
#[inline(always)]
pub(crate) fn last_at_most(rising: &[u16; 16], value: u16) -> usize {
    #[allow(unused_unsafe, reason = "the scalar reference is safe")]
    // SAFETY: every x86-64 processor has SSE2, and the function asks for nothing else.
    unsafe {
        fastest::last_at_most(rising, value)
    }
}

/// A bit for each of the values, which are all below 2^7, from the lowest: it is above `most`.
#[inline(always)]
pub(crate) fn above(values: &[u8; 64], most: u8) -> u64 {
    #[allow(unused_unsafe, reason = "the scalar reference is safe")]
    // SAFETY: every x86-64 processor has SSE2, and the function asks for nothing else.
    unsafe {
        fastest::above(values, most)
    }
}

/// For each channel the median of `west`, `north` and `west + north - north_west`.
#[inline(always)]
pub(crate) fn median_edge(west: u32, north: u32, north_west: u32) -> u32 {
    #[allow(unused_unsafe, reason = "the scalar reference is safe")]
    // SAFETY: every x86-64 processor has SSE2, and the function asks for nothing else.
    unsafe {
        fastest::median_edge(west, north, north_west)
    }
}

/// Adds to each pixel of `row`, which holds residuals, its median edge prediction, channel by
/// channel and without carry. `west` stands before the row; `north` is the row above from one pixel
/// further to the left.
#[inline(always)]
pub(crate) fn restore(west: u32, north: &[u32], row: &mut [u32]) {
    #[allow(unused_unsafe, reason = "the scalar reference is safe")]
    // SAFETY: every x86-64 processor has SSE2, and the function asks for nothing else.
    unsafe {
        fastest::restore(west, north, row);
    }
}

/// Brings `slice[at]` near, if there is one: what is read soon should not be waited for then.
#[inline(always)]
pub(crate) fn prefetch<T>(slice: &[T], at: usize) {
    #[cfg(target_arch = "x86_64")]
    if let Some(place) = slice.get(at) {
        // SAFETY: every x86-64 processor has SSE, and the function asks for nothing else.
        unsafe { fastest::prefetch(place) };
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = (slice, at);
}

/// The bytes of pixels as they lie in memory: blue first, as every target of ours has the lowest byte
/// first.
pub(crate) fn bytes_of(pixels: &[u32]) -> &[u8] {
    #[cfg(not(target_endian = "little"))]
    compile_error!("pixels are kept with the lowest byte first");
    // SAFETY: every byte is a valid `u8`, and a `u8` may lie at any address.
    let (_, bytes, _) = unsafe { pixels.align_to::<u8>() };
    bytes
}

#[cfg(test)]
mod tests {
    use super::super::scalar;
    use super::*;

    #[test]
    fn single_pixels_equal_the_scalar_reference() {
        let mut state = 0x9e37_79b9_u32;
        println!("seed {state}");
        let mut next = || {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            // Extremes often.
            match state >> 30 {
                0 => 0,
                1 => 0x00ff_ffff,
                _ => state & 0x00ff_ffff,
            }
        };
        for _ in 0..20_000 {
            let (a, b, c) = (next(), next(), next());
            assert_eq!(median_edge(a, b, c), scalar::median_edge(a, b, c));
            let mut rising: [u16; 16] = std::array::from_fn(|_| (next() >> 3) as u16 & 0x7fff);
            rising.sort_unstable();
            rising[0] = 0;
            let value = (next() >> 5) as u16 & 0x7fff;
            for value in [value, 0, 0x7fff, rising[9]] {
                assert_eq!(last_at_most(&rising, value), scalar::last_at_most(&rising, value));
            }
            let values = std::array::from_fn(|_| next() as u8 & 127);
            for most in [0, 9, 126, values[5]] {
                assert_eq!(above(&values, most), scalar::above(&values, most));
            }
        }
    }

    #[test]
    fn bytes_of_pixels_are_all_of_them_blue_first() {
        assert_eq!(bytes_of(&[0x0003_0201, 0x0006_0504]), [1, 2, 3, 0, 4, 5, 6, 0]);
        assert!(bytes_of(&[]).is_empty());
    }

    #[test]
    fn restored_rows_equal_the_scalar_reference() {
        let mut state = 0x2545_f491_u32;
        println!("seed {state}");
        let mut next = || {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            // Small differences and extremes often.
            match state >> 30 {
                0 => 0,
                1 => state & 0x0003_0303,
                _ => state & 0x00ff_ffff,
            }
        };
        for length in (0..70).chain([1920]) {
            let north: Vec<u32> = (0..=length).map(|_| next()).collect();
            let mut row: Vec<u32> = (0..length).map(|_| next()).collect();
            let mut expected = row.clone();
            let west = next();
            restore(west, &north, &mut row);
            scalar::restore(west, &north, &mut expected);
            assert_eq!(row, expected);
        }
    }
}
