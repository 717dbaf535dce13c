//! Inner loops over pixels, each with a scalar reference; the choice of the instruction set is
//! made here and nowhere else.

mod scalar;

/// Copies pixels and zeroes the fourth byte of each. Both slices have the same length, a multiple
/// of four.
pub(crate) fn mask_copy(from: &[u8], to: &mut [u8]) {
    scalar::mask_copy(from, to);
}

/// Zeroes the fourth byte of each pixel.
pub(crate) fn mask(pixels: &mut [u8]) {
    scalar::mask(pixels);
}
