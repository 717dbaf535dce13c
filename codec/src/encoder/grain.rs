//! Tells photographs and film from drawings by how neighbouring pixels differ, in a sample of rows.

use crate::frame::{BYTES_PER_PIXEL, FrameView};
use crate::geometry::Rect;

/// Neighbours in a smooth picture differ by at most this in each channel.
const CLOSE: u8 = 12;

/// Pairs of neighbours in a row.
#[derive(Clone, Copy, Debug, Default)]
struct Grain {
    pairs: u32,
    /// Those that differ by little, and by more.
    close: u32,
    far: u32,
}

impl Grain {
    /// That of every `step`-th row of `rect`.
    fn of(frame: FrameView<'_>, rect: Rect, step: usize) -> Self {
        let mut grain = Self::default();
        for y in (rect.y..rect.y + rect.height).step_by(step) {
            let row = frame.span(rect.x, y, rect.width).as_chunks::<BYTES_PER_PIXEL>().0;
            for (pixel, next) in row.iter().zip(row.get(1..).unwrap_or_default()) {
                let distance = (0..3)
                    .fold(0, |most: u8, channel| most.max(pixel[channel].abs_diff(next[channel])));
                grain.pairs += 1;
                grain.close += u32::from((1..=CLOSE).contains(&distance));
                grain.far += u32::from(distance > CLOSE);
            }
        }
        grain
    }

    /// Whether three of four pixels differ from their neighbour: so few are equal in photographs
    /// only.
    const fn is_photographic(self) -> bool {
        (self.close + self.far) * 4 > self.pairs * 3
    }
}

/// Whether `rect` looks like a photograph.
pub(super) fn looks_photographic(frame: FrameView<'_>, rect: Rect) -> bool {
    Grain::of(frame, rect, 8).is_photographic()
}

/// Whether `rect` looks like film rather than drawn: like a photograph, or many pixels differ from
/// their neighbour and most of those by little, as in a sky.
pub(super) fn looks_filmed(frame: FrameView<'_>, rect: Rect) -> bool {
    let grain = Grain::of(frame, rect, 4);
    let Grain { pairs, close, far } = grain;
    grain.is_photographic() || close * 4 > pairs && close > 2 * far
}
