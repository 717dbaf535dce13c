//! What a video region makes of a clip: bytes of whole frames, error inside, exactness around.

use tessera_codec::{FrameView, Rect};

use crate::metrics::{difference, psnr_db};

/// Sums over the frames from the first that is coded as video, that one included.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Film {
    /// Index of that frame in the clip, and its rectangle.
    pub(crate) first_frame: usize,
    pub(crate) rect: Rect,
    frames: usize,
    bytes: usize,
    squared: u64,
    samples: u64,
    wrong_around: u64,
}

impl Film {
    /// Begins at frame `first_frame` with the pixels of `rect`.
    pub(crate) const fn new(first_frame: usize, rect: Rect) -> Self {
        let (frames, bytes, squared, samples, wrong_around) = (0, 0, 0, 0, 0);
        Self { first_frame, rect, frames, bytes, squared, samples, wrong_around }
    }

    /// Adds a frame that took `bytes` in all.
    pub(crate) fn add(&mut self, bytes: usize, source: FrameView<'_>, shown: FrameView<'_>) {
        self.frames += 1;
        self.bytes += bytes;
        self.squared += difference(source, shown, self.rect).1;
        self.samples += self.rect.area() as u64 * 3;
        for part in source.size().rect().outside(self.rect) {
            self.wrong_around += difference(source, shown, part).0;
        }
    }

    /// Mean bytes of a frame, everything on the screen included.
    pub(crate) fn bytes_per_frame(&self) -> f64 {
        self.bytes as f64 / self.frames.max(1) as f64
    }

    /// PSNR inside the rectangle in RGB, in decibels; `None` when every pixel is exact.
    pub(crate) fn psnr_db(&self) -> Option<f64> {
        psnr_db(self.squared, self.samples)
    }

    /// Pixels around the rectangle that were not exact at a frame's end, in all frames together.
    pub(crate) const fn wrong_around(&self) -> u64 {
        self.wrong_around
    }
}
