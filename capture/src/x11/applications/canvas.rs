//! The picture in which the windows of shared applications stand: where it lies on the screen, and
//! what it shows where there is no window to be seen.

use tessera_codec::{BYTES_PER_PIXEL, Frame, Rect, Size};

/// Blue, green, red and an unused byte where no shared window is: dark grey.
const GROUND: [u8; 4] = [0x30, 0x30, 0x30, 0];

/// Cross-lines, light on grey, over what must not be shown.
const HATCH_GROUND: [u8; 4] = [0x90, 0x90, 0x90, 0];
const HATCH_LINE: [u8; 4] = [0xd0, 0xd0, 0xd0, 0];

/// Pixels between two cross-lines.
const HATCH_PITCH: u16 = 16;

/// A rectangle of the root window, which may reach beyond the screen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) x: i32,
    pub(super) y: i32,
    pub(super) width: u16,
    pub(super) height: u16,
}

impl Place {
    pub(super) const fn size(self) -> Size {
        Size::new(self.width, self.height)
    }

    const fn right(self) -> i32 {
        self.x + self.width as i32
    }

    const fn bottom(self) -> i32 {
        self.y + self.height as i32
    }

    pub(super) const fn contains(self, x: i32, y: i32) -> bool {
        self.x <= x && x < self.right() && self.y <= y && y < self.bottom()
    }

    /// The pixels that both have; empty when there are none.
    pub(super) fn intersect(self, other: Self) -> Self {
        let (x, y) = (self.x.max(other.x), self.y.max(other.y));
        let extent = |end: i32, start: i32| u16::try_from(end - start).unwrap_or(0);
        let width = extent(self.right().min(other.right()), x);
        let height = extent(self.bottom().min(other.bottom()), y);
        Self { x, y, width, height }
    }

    pub(super) const fn is_empty(self) -> bool {
        self.width == 0 || self.height == 0
    }

    /// This rectangle as seen from the corner of `within`, cut to it.
    pub(super) fn seen_from(self, within: Self) -> Rect {
        let part = self.intersect(within);
        let offset = |at: i32, origin: i32| u16::try_from(at - origin).unwrap_or(0);
        if part.is_empty() {
            return Rect::default();
        }
        Rect::new(offset(part.x, within.x), offset(part.y, within.y), part.width, part.height)
    }

    fn union(self, other: Self) -> Self {
        let (x, y) = (self.x.min(other.x), self.y.min(other.y));
        let extent = |end: i32, start: i32| u16::try_from(end - start).unwrap_or(u16::MAX);
        let width = extent(self.right().max(other.right()), x);
        let height = extent(self.bottom().max(other.bottom()), y);
        Self { x, y, width, height }
    }
}

/// Where the canvas lies around windows at `places`: the smallest rectangle of the screen that holds
/// them. `grown` is what it must hold besides. `None` when nothing is on the screen.
pub(super) fn around(
    places: impl Iterator<Item = Place>,
    grown: Option<Place>,
    screen: Size,
) -> Option<Place> {
    let screen = Place { x: 0, y: 0, width: screen.width, height: screen.height };
    let parts = places.map(|place| place.intersect(screen)).filter(|part| !part.is_empty());
    let grown = grown.map(|grown| grown.intersect(screen)).filter(|part| !part.is_empty());
    parts.chain(grown).reduce(Place::union)
}

/// Fills `rect` with what stands where no window is.
pub(super) fn paint_ground(into: &mut Frame, rect: Rect) {
    for y in rect.y..rect.y + rect.height {
        for pixel in into.span_mut(rect.x, y, rect.width).chunks_exact_mut(BYTES_PER_PIXEL) {
            pixel.copy_from_slice(&GROUND);
        }
    }
}

/// Fills the pixels of `rect` that `hidden` names with cross-lines.
pub(super) fn paint_hatch(into: &mut Frame, rect: Rect, hidden: impl Fn(u16, u16) -> bool) {
    for y in rect.y..rect.y + rect.height {
        let row = into.span_mut(rect.x, y, rect.width).chunks_exact_mut(BYTES_PER_PIXEL);
        for (x, pixel) in (rect.x..).zip(row) {
            if hidden(x, y) {
                pixel.copy_from_slice(&hatch(x, y));
            }
        }
    }
}

/// The pattern at a pixel of the canvas.
pub(super) const fn hatch(x: u16, y: u16) -> [u8; 4] {
    let (x, y) = (x % HATCH_PITCH, y % HATCH_PITCH);
    if x == y || x + y == HATCH_PITCH - 1 { HATCH_LINE } else { HATCH_GROUND }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCREEN: Size = Size::new(800, 600);

    fn place(x: i32, y: i32, width: u16, height: u16) -> Place {
        Place { x, y, width, height }
    }

    #[test]
    fn the_canvas_holds_the_windows_as_far_as_they_are_on_the_screen() {
        let windows = [place(-50, 100, 100, 100), place(700, 50, 300, 20), place(5000, 0, 9, 9)];
        let canvas = around(windows.into_iter(), None, SCREEN).expect("windows");
        assert_eq!(canvas, place(0, 50, 800, 150));
        assert_eq!(windows[0].seen_from(canvas), Rect::new(0, 50, 50, 100));
        assert!(windows[2].seen_from(canvas).is_empty());
        assert_eq!(around([windows[2]].into_iter(), None, SCREEN), None);
        let grown = around(windows.into_iter(), Some(place(0, 0, 10, 900)), SCREEN);
        assert_eq!(grown, Some(place(0, 0, 800, 600)));
    }

    #[test]
    fn hidden_pixels_are_hatched_and_no_others() {
        let mut frame = Frame::black(Size::new(64, 40));
        paint_ground(&mut frame, Rect::new(0, 0, 64, 40));
        paint_hatch(&mut frame, Rect::new(8, 8, 40, 20), |x, _| x >= 20);
        for y in 0..40 {
            for x in 0..64 {
                let hidden = (20..48).contains(&x) && (8..28).contains(&y);
                let expected = if hidden { hatch(x, y) } else { GROUND };
                assert_eq!(frame.view().span(x, y, 1), expected, "{x}, {y}");
            }
        }
    }
}
