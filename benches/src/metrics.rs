//! What a codec did to a clip: bytes, time, exact pixels and error, frame by frame.

use std::time::Duration;

use tessera_codec::FrameView;

/// What coding one frame cost.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Cost {
    /// Every byte that a viewer needs, headers included.
    pub(crate) bytes: usize,
    /// Time of the encoder alone.
    pub(crate) encode: Duration,
    /// Time of the decoder alone.
    pub(crate) decode: Duration,
}

/// Sums over the frames of one clip.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally {
    frames: usize,
    key: Cost,
    rest: Cost,
    exact_pixels: u64,
    pixels: u64,
    squared_error: u64,
    error_samples: u64,
}

impl Tally {
    /// Adds a frame: its cost and how the decoded picture compares with the source.
    ///
    /// The first frame added is the key frame and counts in no per-frame figure.
    pub(crate) fn add(&mut self, cost: Cost, source: FrameView<'_>, decoded: FrameView<'_>) {
        if self.frames == 0 {
            self.key = cost;
        } else {
            self.rest.bytes += cost.bytes;
            self.rest.encode += cost.encode;
            self.rest.decode += cost.decode;
            self.compare(source, decoded);
        }
        self.frames += 1;
    }

    /// Replaces the decode times by one mean, for coders that decode a clip in one go.
    pub(crate) fn set_decode(&mut self, per_frame: Duration) {
        self.key.decode = per_frame;
        self.rest.decode = per_frame * self.frames.saturating_sub(1) as u32;
    }

    fn compare(&mut self, source: FrameView<'_>, decoded: FrameView<'_>) {
        let size = source.size();
        assert_eq!(size, decoded.size(), "a codec changed the size of the picture");
        for y in 0..size.height {
            let rows = (source.span(0, y, size.width), decoded.span(0, y, size.width));
            if rows.0 == rows.1 {
                self.exact_pixels += u64::from(size.width);
                continue;
            }
            for (a, b) in rows.0.chunks_exact(4).zip(rows.1.chunks_exact(4)) {
                if a[..3] == b[..3] {
                    self.exact_pixels += 1;
                } else {
                    let error = |c: usize| u64::from(a[c].abs_diff(b[c])).pow(2);
                    self.squared_error += error(0) + error(1) + error(2);
                    self.error_samples += 3;
                }
            }
        }
        self.pixels += size.area() as u64;
    }

    /// Frames added.
    pub(crate) const fn frames(&self) -> usize {
        self.frames
    }

    /// Bytes of the key frame.
    pub(crate) const fn key_bytes(&self) -> usize {
        self.key.bytes
    }

    /// Encode time of the key frame, in milliseconds.
    pub(crate) fn key_encode_ms(&self) -> f64 {
        self.key.encode.as_secs_f64() * 1e3
    }

    /// Mean over the frames after the first.
    fn mean(&self, sum: f64) -> f64 {
        sum / self.frames.saturating_sub(1).max(1) as f64
    }

    /// Mean bytes of the frames after the first.
    pub(crate) fn bytes_per_frame(&self) -> f64 {
        self.mean(self.rest.bytes as f64)
    }

    /// Mean encode time of the frames after the first, in milliseconds.
    pub(crate) fn encode_ms(&self) -> f64 {
        self.mean(self.rest.encode.as_secs_f64() * 1e3)
    }

    /// Mean decode time of the frames after the first, in milliseconds.
    pub(crate) fn decode_ms(&self) -> f64 {
        self.mean(self.rest.decode.as_secs_f64() * 1e3)
    }

    /// Share of pixels that equal the source at each frame's end, 0 to 1.
    pub(crate) fn exact_share(&self) -> f64 {
        if self.pixels == 0 { 1.0 } else { self.exact_pixels as f64 / self.pixels as f64 }
    }

    /// PSNR over the whole screen in RGB, in decibels; `None` when every pixel is exact.
    pub(crate) fn psnr_db(&self) -> Option<f64> {
        psnr_db(self.squared_error, self.pixels * 3)
    }

    /// PSNR over the pixels that are not exact: what the eye sees move, in decibels.
    pub(crate) fn inexact_psnr_db(&self) -> Option<f64> {
        psnr_db(self.squared_error, self.error_samples)
    }
}

/// PSNR of `samples` 8-bit samples with the summed `squared_error`, in decibels.
fn psnr_db(squared_error: u64, samples: u64) -> Option<f64> {
    (squared_error > 0)
        .then(|| 10.0 * (255.0_f64.powi(2) * samples as f64 / squared_error as f64).log10())
}

#[cfg(test)]
mod tests {
    use super::*;
    use tessera_codec::{Frame, Size};

    #[test]
    fn one_wrong_channel_in_the_second_frame_shows() {
        let source = Frame::black(Size::new(10, 10));
        let mut wrong = source.clone();
        wrong.data_mut()[0] = 255;
        wrong.data_mut()[7] = 9;
        let cost = Cost { bytes: 7, ..Cost::default() };
        let mut tally = Tally::default();
        tally.add(cost, source.view(), wrong.view());
        assert_eq!(tally.psnr_db(), None, "the key frame does not count");
        tally.add(cost, source.view(), wrong.view());
        assert!((tally.exact_share() - 0.99).abs() < 1e-9, "the X byte does not count");
        assert!((tally.psnr_db().unwrap_or(0.0) - 10.0 * 300.0_f64.log10()).abs() < 1e-9);
        assert!((tally.bytes_per_frame() - 7.0).abs() < 1e-9);
    }
}
