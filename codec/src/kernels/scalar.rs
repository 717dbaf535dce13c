//! Scalar references: what every faster kernel must equal bit by bit.

use super::{TEXTURE_DISTANCE, Texture};
use crate::colour::{CELLS, MAX_COLOURS, cell, high_colour};
use crate::frame::FrameView;
use crate::geometry::Rect;
use crate::hash::gather;

const COLOUR_MASK: u32 = 0x00ff_ffff;

pub(super) fn mask_copy(from: &[u8], to: &mut [u8]) {
    let (from, _) = from.as_chunks::<4>();
    let (to, _) = to.as_chunks_mut::<4>();
    for (from, to) in from.iter().zip(to) {
        *to = (u32::from_le_bytes(*from) & COLOUR_MASK).to_le_bytes();
    }
}

pub(super) fn mask(pixels: &mut [u8]) {
    for pixel in pixels.as_chunks_mut::<4>().0 {
        *pixel = (u32::from_le_bytes(*pixel) & COLOUR_MASK).to_le_bytes();
    }
}

#[inline(always)]
pub(super) fn load_row(from: &[u8], to: &mut [u32]) {
    for (from, to) in from.as_chunks::<4>().0.iter().zip(to) {
        *to = u32::from_le_bytes(*from) & COLOUR_MASK;
    }
}

#[inline(always)]
pub(super) fn load_palette_colours(
    from: &[u8],
    to: &mut [u32],
    by_cell: &[u8; CELLS],
    colours: &[u32; MAX_COLOURS],
) {
    for (from, to) in from.as_chunks::<4>().0.iter().zip(to) {
        *to = colours[usize::from(by_cell[cell(u32::from_le_bytes(*from))])];
    }
}

#[inline(always)]
pub(super) fn load_high_colours(from: &[u8], to: &mut [u32]) {
    for (from, to) in from.as_chunks::<4>().0.iter().zip(to) {
        *to = high_colour(u32::from_le_bytes(*from));
    }
}

#[inline(always)]
pub(super) fn squared_error(row: &[u8], quantized: &[u32]) -> u32 {
    let pairs = row.as_chunks::<4>().0.iter().zip(quantized);
    pairs
        .map(|(&[blue, green, red, _], quantized)| {
            let [b, g, r, _] = quantized.to_le_bytes();
            let square = |a: u8, b: u8| u32::from(a.abs_diff(b)).pow(2);
            square(blue, b) + square(green, g) + square(red, r)
        })
        .sum()
}

pub(super) fn hash_tile(frame: FrameView<'_>, rect: Rect, scratch: &mut [u8]) -> u128 {
    xxhash_rust::xxh3::xxh3_128(gather(frame, rect, scratch))
}

#[cfg(any(test, not(target_arch = "x86_64")))]
pub(super) fn last_at_most(rising: &[u16; 16], value: u16) -> usize {
    rising.iter().take_while(|&&at| at <= value).count() - 1
}

#[cfg(any(test, not(target_arch = "x86_64")))]
pub(super) fn above(values: &[u8; 64], most: u8) -> u64 {
    values.iter().rev().fold(0, |mask, &value| mask << 1 | u64::from(value > most))
}

#[cfg(any(test, not(target_arch = "x86_64")))]
pub(super) fn median_edge(west: u32, north: u32, north_west: u32) -> u32 {
    let (a, b, c) = (west.to_le_bytes(), north.to_le_bytes(), north_west.to_le_bytes());
    u32::from_le_bytes(std::array::from_fn(|at| {
        let (a, b, c) = (i16::from(a[at]), i16::from(b[at]), i16::from(c[at]));
        (a + b - c).clamp(a.min(b), a.max(b)) as u8
    }))
}

#[cfg(any(test, not(target_arch = "x86_64")))]
pub(super) fn restore(west: u32, north: &[u32], row: &mut [u32]) {
    let mut west = west;
    for (pixel, above) in row.iter_mut().zip(north.windows(2)) {
        let &[north_west, north] = above else { return };
        let predicted = median_edge(west, north, north_west).to_le_bytes();
        let residual = pixel.to_le_bytes();
        west =
            u32::from_le_bytes(std::array::from_fn(|at| predicted[at].wrapping_add(residual[at])));
        *pixel = west;
    }
}

/// See [`Texture`]. The rows hold the block's pixels and what stands at the same
/// places one to the left, one above, and in three older pictures.
#[inline(always)]
pub(super) fn texture(
    block: &[u32; 8],
    west: &[u32; 8],
    north: &[u32; 8],
    older: [&[u32; 8]; 3],
    width: usize,
) -> Texture {
    let is_far = |a: u32, b: u32| {
        let pairs = a.to_le_bytes().into_iter().zip(b.to_le_bytes());
        pairs.fold(false, |far, (a, b)| far | (a.abs_diff(b) > TEXTURE_DISTANCE))
    };
    let (mut repeated, mut far) = (0, 0);
    for at in 0..8 {
        let pixel = block[at];
        let equal = (pixel == west[at])
            | (pixel == north[at])
            | (pixel == older[0][at])
            | (pixel == older[1][at])
            | (pixel == older[2][at]);
        let counts = at < width;
        repeated += u32::from(equal & counts);
        let is_far = is_far(pixel, west[at]) & is_far(pixel, north[at]);
        far += u32::from(is_far & !equal & counts);
    }
    Texture { repeated, far }
}
