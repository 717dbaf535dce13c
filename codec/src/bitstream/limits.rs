//! Bounds on what an update may ask for, checked before anything is allocated.

use crate::geometry::{MAX_DIMENSION, Size};

/// Most tiles in one picture of a leaf: 1 MiB of pixels, the unit of parallel work.
pub(crate) const MAX_PICTURE_TILES: usize = 64;

/// Most bytes in one picture's payload: twice the pixels of a full one.
pub(crate) const MAX_PICTURE_BYTES: usize = 2 * 1024 * 1024;

/// What a decoder accepts at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Largest width and height of the canvas, in pixels, at most [`MAX_DIMENSION`].
    pub max_dimension: u16,
    /// Most pixels of the canvas. The decoder holds five pictures of it with four bytes a pixel, and
    /// at most the bytes of one more for the pictures of a leaf; besides, some 3 MB of models for each
    /// lane, of which there are four at most, and what the H.264 decoder needs for a video.
    pub max_pixels: usize,
    /// Most bytes of one update.
    pub max_update_bytes: usize,
}

impl Default for Limits {
    /// Room for four 3840x2160 monitors, and for the updates that fill them without compression.
    fn default() -> Self {
        Self {
            max_dimension: MAX_DIMENSION,
            max_pixels: 4 * 3840 * 2160,
            max_update_bytes: 4 * 3840 * 2160 * 4,
        }
    }
}

impl Limits {
    /// Whether a canvas of `size` may be held.
    #[must_use]
    pub fn allow(&self, size: Size) -> bool {
        let side = self.max_dimension.min(MAX_DIMENSION);
        size.width <= side && size.height <= side && size.area() <= self.max_pixels
    }
}
