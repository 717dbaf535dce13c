//! Scalar references: what every faster kernel must equal bit by bit.

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
