//! How large the picture is shown, and which part of it where not all of it is.

use tessera::Size;

use super::viewport::{Scale, Viewport};

/// Pixels of the picture of one step, by a key or a notch of the wheel.
const STEP: f64 = 64.0;

/// A pointer so near to the window's edge, in pixels, moves the seen part that way.
const EDGE: f64 = 24.0;

/// See the module text.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Panning {
    pub(crate) scale: Scale,
    /// The first pixel that is seen of a picture that is larger than the window.
    pub(crate) corner: (u16, u16),
}

impl Panning {
    /// Moves the seen part by steps from what `viewport` shows.
    pub(crate) fn by_steps(&mut self, viewport: Viewport, right: f64, down: f64) {
        self.by_pixels(viewport, right * STEP, down * STEP);
    }

    /// The same by pixels.
    pub(crate) fn by_pixels(&mut self, viewport: Viewport, right: f64, down: f64) {
        // The casts saturate at both ends, and what is no number becomes 0.
        let moved = |at: u16, by: f64| (f64::from(at) + by) as u16;
        let seen = viewport.source();
        self.corner = (moved(seen.x, right), moved(seen.y, down));
    }

    /// The steps that a pointer at a place of a window of size `window` asks for: it is near an edge.
    pub(crate) fn pull(&self, x: f64, y: f64, window: Size) -> Option<(f64, f64)> {
        let pull = |at: f64, length: u16| {
            f64::from(u8::from(at > f64::from(length) - EDGE)) - f64::from(u8::from(at < EDGE))
        };
        let steps = (pull(x, window.width), pull(y, window.height));
        (self.scale == Scale::Actual && steps != (0.0, 0.0)).then_some(steps)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_seen_part_moves_and_stays_in_the_picture() {
        let (picture, window) = (Size::new(1000, 800), Size::new(300, 200));
        let mut panning = Panning { scale: Scale::Actual, corner: (0, 0) };
        let view = |panning: &Panning| {
            Viewport::new(picture, window, panning.scale, panning.corner).expect("not empty")
        };
        panning.by_steps(view(&panning), 2.0, -3.0);
        assert_eq!((view(&panning).source().x, view(&panning).source().y), (128, 0));
        for _ in 0..20 {
            panning.by_steps(view(&panning), 1.0, 1.0);
        }
        assert_eq!((view(&panning).source().x, view(&panning).source().y), (700, 600));
        panning.by_pixels(view(&panning), -10.0, f64::NAN);
        assert_eq!(view(&panning).source().x, 690);

        assert_eq!(panning.pull(299.0, 100.0, window), Some((1.0, 0.0)));
        assert_eq!(panning.pull(3.0, 2.0, window), Some((-1.0, -1.0)));
        assert_eq!(panning.pull(150.0, 100.0, window), None);
        panning.scale = Scale::Fit;
        assert_eq!(panning.pull(299.0, 100.0, window), None);
    }
}
