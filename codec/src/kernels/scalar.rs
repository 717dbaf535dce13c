//! Scalar references: what every faster kernel must equal bit by bit.

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

pub(super) fn hash_tile(frame: FrameView<'_>, rect: Rect, scratch: &mut [u8]) -> u128 {
    xxhash_rust::xxh3::xxh3_128(gather(frame, rect, scratch))
}
