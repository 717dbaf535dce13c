//! Colour modes: how many colours the pictures have before anything is compared or coded.
//!
//! A reduced mode replaces each pixel by one of fewer colours; the *quantized* picture is what the
//! encoder compares, hashes and codes, and what a viewer's picture equals at rest. There is no
//! dithering: noise that vanishes in the reduction costs nothing, and pixels that were equal stay
//! equal.
//!
//! What is not here: when a palette is made anew (`encoder`), and how quantized pixels are coded
//! (`chain`).

mod histogram;
mod palette;

use crate::kernels;

pub(crate) use self::histogram::Histogram;
pub use self::palette::Palette;
pub(crate) use self::palette::{MAX_COLOURS, PaletteError};

/// How many colours pictures have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum ColourMode {
    /// All of 24 bits.
    #[default]
    Standard,
    /// High colour, 65,536: of red and blue the upper five bits count, of green the upper six. The
    /// lower bits repeat the upper ones, so that black and white stay what they are.
    HighColour,
    /// At most 256, a palette chosen for the scene.
    Palette,
}

/// Pixels whose quantized colours need not be told apart: those of one high colour.
///
/// Five bits of red, six of green, five of blue, from the highest.
#[inline(always)]
pub(crate) const fn cell(pixel: u32) -> usize {
    (pixel >> 8 & 0xf800 | pixel >> 5 & 0x07e0 | pixel >> 3 & 0x001f) as usize
}

/// Number of cells.
pub(crate) const CELLS: usize = 1 << 16;

/// The high colour of a pixel, in 24 bits.
#[inline(always)]
pub(crate) const fn high_colour(pixel: u32) -> u32 {
    pixel & 0x00f8_fcf8 | pixel >> 5 & 0x0007_0007 | pixel >> 6 & 0x0000_0300
}

/// The high colour that is the middle of a cell.
#[inline(always)]
pub(crate) const fn colour_of_cell(cell: usize) -> u32 {
    let cell = cell as u32;
    high_colour((cell & 0xf800) << 8 | (cell & 0x07e0) << 5 | (cell & 0x001f) << 3)
}

/// The components of a high colour, `0x00RRGGBB` with five, six and five bits.
#[inline(always)]
pub(crate) const fn components(pixel: u32) -> u32 {
    pixel >> 3 & 0x001f_001f | pixel >> 2 & 0x0000_3f00
}

/// The high colour with these components; higher bits than theirs are dropped.
#[inline(always)]
pub(crate) const fn from_components(components: u32) -> u32 {
    high_colour(components << 3 & 0x00f8_00f8 | components << 2 & 0x0000_fc00)
}

/// What the pixels of a picture become, and what their coding builds on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Colours {
    /// They stay what they are.
    #[default]
    Standard,
    /// Their high colours.
    HighColour,
    /// The palette's colours for their cells.
    Palette(Palette),
}

impl Colours {
    /// Reads a row of pixels, quantized, as `0x00RRGGBB`. `to` has a place for each.
    pub(crate) fn load_row(&self, from: &[u8], to: &mut [u32]) {
        match self {
            Self::Standard => kernels::load_row(from, to),
            Self::HighColour => kernels::load_high_colours(from, to),
            Self::Palette(palette) => {
                kernels::load_palette_colours(from, to, palette.by_cell(), palette.padded());
            }
        }
    }

    /// The mode.
    pub(crate) const fn mode(&self) -> ColourMode {
        match self {
            Self::Standard => ColourMode::Standard,
            Self::HighColour => ColourMode::HighColour,
            Self::Palette(_) => ColourMode::Palette,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_holds_exactly_the_pixels_of_one_high_colour() {
        for pixel in (0..1 << 24).step_by(5) {
            let high = high_colour(pixel);
            assert_eq!(colour_of_cell(cell(pixel)), high);
            assert_eq!(cell(high), cell(pixel));
            assert_eq!(high_colour(high), high);
            assert_eq!(from_components(components(pixel)), high);
            let error = |shift: u32| (pixel >> shift & 255).abs_diff(high >> shift & 255);
            assert!(error(0) < 8 && error(8) < 4 && error(16) < 8, "{pixel:06x} {high:06x}");
        }
        assert_eq!(high_colour(0x00ff_ffff), 0x00ff_ffff);
    }
}
