//! Where in the window the picture lies, and which part of it is to be seen.

use tessera::annotate::Point;
use tessera::{Rect, Size};

/// How large the picture is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Scale {
    /// Its own size where it fits, else smaller.
    #[default]
    Shrink,
    /// As large as the window allows, also larger than it is.
    Fit,
    /// Its own size; of what does not fit, a part.
    Actual,
}

impl Scale {
    /// The next one, when a person goes through them.
    pub(crate) const fn next(self) -> Self {
        match self {
            Self::Shrink => Self::Fit,
            Self::Fit => Self::Actual,
            Self::Actual => Self::Shrink,
        }
    }
}

/// The placement of a picture in a window; both are not empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Viewport {
    /// The part of the picture that is to be seen.
    source: Rect,
    /// The part of the window that shows it.
    area: Rect,
}

impl Viewport {
    /// Places a picture of size `picture` in the middle of a window of size `window`. Where only a
    /// part of it is seen, that begins at `corner`, or so near to it that the window is full. `None`
    /// when one of the sizes is empty.
    pub(crate) fn new(
        picture: Size,
        window: Size,
        scale: Scale,
        corner: (u16, u16),
    ) -> Option<Self> {
        if picture.is_empty() || window.is_empty() {
            return None;
        }
        let fits = picture.width <= window.width && picture.height <= window.height;
        let (source, drawn) = match scale {
            Scale::Shrink if fits => (picture.rect(), picture),
            Scale::Shrink | Scale::Fit => (picture.rect(), fit(picture, window)),
            Scale::Actual => {
                let width = picture.width.min(window.width);
                let height = picture.height.min(window.height);
                let x = corner.0.min(picture.width - width);
                let y = corner.1.min(picture.height - height);
                (Rect::new(x, y, width, height), Size::new(width, height))
            }
        };
        let area = Rect::new(
            (window.width - drawn.width) / 2,
            (window.height - drawn.height) / 2,
            drawn.width,
            drawn.height,
        );
        Some(Self { source, area })
    }

    /// The part of the window that the picture covers.
    pub(crate) const fn area(self) -> Rect {
        self.area
    }

    /// The part of the picture that is to be seen.
    pub(crate) const fn source(self) -> Rect {
        self.source
    }

    /// Whether each pixel of the picture is one pixel of the window.
    pub(crate) fn is_one_to_one(self) -> bool {
        self.area.width == self.source.width && self.area.height == self.source.height
    }

    /// The pixels of the window that show any pixel of `rect`, which lies in the picture; empty when
    /// none of it is to be seen.
    pub(crate) fn to_window(self, rect: Rect) -> Rect {
        let seen = rect.intersect(self.source);
        if seen.is_empty() {
            return Rect::default();
        }
        let (left, top) = (seen.x - self.source.x, seen.y - self.source.y);
        let (x, width) = span_to_window(left, seen.width, self.source.width, self.area.width);
        let (y, height) = span_to_window(top, seen.height, self.source.height, self.area.height);
        Rect::new(self.area.x + x, self.area.y + y, width, height)
    }

    /// The columns of the picture that column `x` of the covered part shows: first and one past the
    /// last.
    pub(crate) fn columns(self, x: u16) -> (u16, u16) {
        let (first, end) = source(x, self.source.width, self.area.width);
        (self.source.x + first, self.source.x + end)
    }

    /// The rows of the picture that row `y` of the covered part shows.
    pub(crate) fn rows(self, y: u16) -> (u16, u16) {
        let (first, end) = source(y, self.source.height, self.area.height);
        (self.source.y + first, self.source.y + end)
    }

    /// The place in the picture under a point of the window, finer than a pixel; points beside the
    /// picture give the nearest place on its edge.
    pub(crate) fn to_point(self, x: f64, y: f64) -> Point {
        let along = |at: f64, area: u16, drawn: u16, first: u16, whole: u16| {
            let scale = f64::from(whole) / f64::from(drawn);
            let pixels = ((at - f64::from(area)) * scale).clamp(0.0, f64::from(whole));
            // Not a number becomes the edge.
            ((pixels + f64::from(first)) * f64::from(Point::PARTS)).round() as i32
        };
        let (area, source) = (self.area, self.source());
        Point {
            x: along(x, area.x, area.width, source.x, source.width),
            y: along(y, area.y, area.height, source.y, source.height),
        }
    }

    /// The pixel of the picture under a point of the window, in pixels from the window's corner;
    /// points beside the picture give the nearest pixel of its edge.
    pub(crate) fn to_picture(self, x: f64, y: f64) -> (u16, u16) {
        let Rect { width, height, .. } = self.source;
        (
            self.source.x + point_to_picture(x, self.area.x, self.area.width, width),
            self.source.y + point_to_picture(y, self.area.y, self.area.height, height),
        )
    }
}

/// The largest size with the proportions of `picture` in `window`, at least one pixel each way.
fn fit(picture: Size, window: Size) -> Size {
    let (pw, ph) = (u32::from(picture.width), u32::from(picture.height));
    let (ww, wh) = (u32::from(window.width), u32::from(window.height));
    if ww * ph <= wh * pw {
        Size::new(window.width, narrow((ww * ph / pw).max(1)))
    } else {
        Size::new(narrow((wh * pw / ph).max(1)), window.height)
    }
}

/// First covered index and number of covered indices of the `drawn` that show `from..from + length`
/// of `whole`.
fn span_to_window(from: u16, length: u16, whole: u16, drawn: u16) -> (u16, u16) {
    let (whole, drawn) = (u32::from(whole), u32::from(drawn));
    let first = u32::from(from) * drawn / whole;
    let end = ((u32::from(from) + u32::from(length)) * drawn).div_ceil(whole).min(drawn);
    (narrow(first), narrow(end.saturating_sub(first)))
}

/// The indices of `whole` that index `at` of `drawn` shows; never empty.
fn source(at: u16, whole: u16, drawn: u16) -> (u16, u16) {
    let (at, whole, drawn) = (u32::from(at), u32::from(whole), u32::from(drawn));
    let first = at * whole / drawn;
    let end = ((at + 1) * whole / drawn).max(first + 1).min(whole);
    (narrow(first), narrow(end))
}

fn point_to_picture(at: f64, origin: u16, drawn: u16, whole: u16) -> u16 {
    let along = (at - f64::from(origin)) * f64::from(whole) / f64::from(drawn);
    // The cast saturates, and a point that is not a number becomes the edge.
    (along.max(0.0) as u16).min(whole - 1)
}

/// The value, which the callers keep within a picture's extent.
const fn narrow(value: u32) -> u16 {
    if value > u16::MAX as u32 { u16::MAX } else { value as u16 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn viewport(picture: (u16, u16), window: (u16, u16)) -> Viewport {
        scaled(picture, window, Scale::Shrink, (0, 0))
    }

    fn scaled(
        picture: (u16, u16),
        window: (u16, u16),
        scale: Scale,
        corner: (u16, u16),
    ) -> Viewport {
        let (picture, window) = (Size::new(picture.0, picture.1), Size::new(window.0, window.1));
        Viewport::new(picture, window, scale, corner).expect("neither is empty")
    }

    #[test]
    fn a_picture_that_fits_is_shown_one_to_one_in_the_middle() {
        let exact = viewport((1920, 1080), (1920, 1080));
        assert!(exact.is_one_to_one());
        assert_eq!(exact.area(), Rect::new(0, 0, 1920, 1080));
        let larger = viewport((800, 600), (1000, 700));
        assert!(larger.is_one_to_one());
        assert_eq!(larger.to_window(Rect::new(10, 20, 5, 5)), Rect::new(110, 70, 5, 5));
    }

    #[test]
    fn scaled_to_fit_a_small_picture_fills_the_window() {
        let larger = scaled((100, 50), (400, 400), Scale::Fit, (0, 0));
        assert_eq!(larger.area(), Rect::new(0, 100, 400, 200));
        assert!(!larger.is_one_to_one());
        assert_eq!(
            (larger.columns(0), larger.columns(3), larger.columns(4)),
            ((0, 1), (0, 1), (1, 2))
        );
        assert_eq!(larger.to_window(Rect::new(99, 49, 1, 1)), Rect::new(396, 296, 4, 4));
        assert_eq!(larger.to_picture(399.9, 299.9), (99, 49));
    }

    #[test]
    fn at_its_own_size_a_part_of_a_large_picture_is_seen() {
        let part = scaled((1000, 700), (300, 800), Scale::Actual, (650, 400));
        assert!(part.is_one_to_one());
        assert_eq!(part.source(), Rect::new(650, 0, 300, 700));
        assert_eq!(part.area(), Rect::new(0, 50, 300, 700));
        assert_eq!(part.to_window(Rect::new(640, 10, 20, 5)), Rect::new(0, 60, 10, 5));
        assert!(part.to_window(Rect::new(0, 0, 650, 700)).is_empty());
        assert_eq!(part.to_picture(10.0, 50.0), (660, 0));
        assert_eq!(part.columns(10), (660, 661));
        let end = scaled((1000, 700), (300, 200), Scale::Actual, (9999, 9999));
        assert_eq!(end.source(), Rect::new(700, 500, 300, 200));
    }

    #[test]
    fn a_larger_picture_keeps_its_proportions() {
        let wide = viewport((1920, 1080), (960, 1000));
        assert_eq!(wide.area(), Rect::new(0, 230, 960, 540));
        let tall = viewport((1080, 1920), (1080, 960));
        assert_eq!(tall.area(), Rect::new(270, 0, 540, 960));
        assert_eq!(viewport((16_384, 1), (10, 10)).area().height, 1);
    }

    #[test]
    fn every_window_pixel_that_shows_a_changed_pixel_is_in_the_changed_part() {
        let view = viewport((1000, 700), (333, 481));
        let changed = Rect::new(64, 128, 64, 64);
        let part = view.to_window(changed);
        for y in 0..view.area().height {
            for x in 0..view.area().width {
                let (left, right) = view.columns(x);
                let (top, bottom) = view.rows(y);
                let shown = Rect::new(left, top, right - left, bottom - top);
                if !shown.intersect(changed).is_empty() {
                    let pixel = Rect::new(view.area().x + x, view.area().y + y, 1, 1);
                    assert_eq!(part.intersect(pixel), pixel, "{pixel:?} not in {part:?}");
                }
            }
        }
    }

    #[test]
    fn pointer_positions_stay_in_the_picture() {
        let view = viewport((100, 50), (300, 50));
        assert_eq!(view.to_picture(100.0, 0.0), (0, 0));
        assert_eq!(view.to_picture(199.9, 49.9), (99, 49));
        assert_eq!(view.to_picture(-5.0, f64::NAN), (0, 0));
        assert_eq!(view.to_picture(1e9, 1e9), (99, 49));
        let half = viewport((200, 100), (100, 50));
        assert_eq!(half.to_picture(50.5, 25.0), (101, 50));
    }
}
