//! The layer over pixels, at any scale, and only where asked.
//!
//! Each mark is a set of shapes whose distance from a pixel's middle is known; within half a pixel of
//! the edge the colour is mixed by it. What a pixel becomes depends on nothing but the layer, the
//! scale and what is below, so that a part painted alone equals the same part of the whole.

mod mask;
mod text;

use tessera_codec::{Rect, Size};

use self::mask::{Mask, Spot};
pub(super) use self::text::plate;
use super::layer::POINTER_RADIUS;
use super::mark::{Mark, corners};
use super::{Colour, Layer, Point, Tool};

/// Length of an arrow's head, in sixteenths of a pixel.
const ARROW_HEAD: i32 = 20 * Point::PARTS;

/// How far from its point an arrow's head reaches: its corners lie aside by 0.45 of its length.
pub(super) const ARROW_REACH: i32 = 23 * Point::PARTS;

/// Pixels of the window that a mark may reach beyond its place in the picture at the smallest scale:
/// an arrow's head is never shorter than 4, a pointer's radius never less than 3.
const SMALLEST_REACH: f64 = 5.0;

/// How much of a highlighter's colour there is, of 255.
const HIGHLIGHT: u32 = 102;

/// Where in a window the picture lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The part of the shared picture that is shown.
    pub source: Rect,
    /// The window's pixels that it covers.
    pub area: Rect,
}

impl Place {
    /// A place in the window, in pixels from its left and top edge.
    fn spot(self, point: Point) -> Spot {
        let at = |from: u16, along: i32, first: u16, drawn: u16, whole: u16| {
            let along = along - i32::from(first) * Point::PARTS;
            f64::from(from)
                + f64::from(along) * f64::from(drawn)
                    / (f64::from(whole.max(1)) * f64::from(Point::PARTS))
        };
        let Self { source, area } = self;
        Spot {
            x: at(area.x, point.x, source.x, area.width, source.width),
            y: at(area.y, point.y, source.y, area.height, source.height),
        }
    }

    /// A length in the window, given in sixteenths of a pixel of the picture.
    fn length(self, parts: i32) -> f64 {
        let across = f64::from(self.area.width) / f64::from(self.source.width.max(1));
        let down = f64::from(self.area.height) / f64::from(self.source.height.max(1));
        f64::from(parts) * across.min(down) / f64::from(Point::PARTS)
    }
}

/// How colours end at a mark's edge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Edges {
    /// Mixed with what is below; a highlighter lets it through.
    Soft,
    /// A pixel is covered (its highest byte is 255 then) or left alone, for places where nothing can be
    /// mixed. A highlighter covers every third row.
    Hard,
}

/// Set in a pixel that [`Edges::Hard`] has covered.
const COVERED: u32 = 0xff00_0000;

/// Pixels to paint on: 0RGB words, row by row.
#[derive(Debug)]
pub struct Canvas<'a> {
    /// All of them.
    pub pixels: &'a mut [u32],
    /// How many there are in a row.
    pub width: u16,
}

/// Paints layers; keeps its memory from one to the next.
#[derive(Debug, Default)]
pub struct Painter {
    mask: Mask,
}

impl Painter {
    /// Paints what `layer` shows in `part` of the window; the rest is left alone.
    pub fn paint(
        &mut self,
        layer: &Layer,
        place: Place,
        part: Rect,
        edges: Edges,
        canvas: &mut Canvas<'_>,
    ) {
        let part = part.intersect(place.area);
        if part.is_empty() || place.source.is_empty() {
            return;
        }
        for (mark, colour) in layer.marks() {
            let within = part.intersect(self.touched(mark.bounds(), place));
            if !within.is_empty() {
                self.paint_mark(mark, colour, place, within, edges, canvas);
            }
        }
        for (at, colour) in layer.pointers() {
            self.paint_pointer(place.spot(at), colour, place, part, edges, canvas);
        }
    }

    /// Paints words on a plate with its upper left corner at `corner` of the window, as far as they lie
    /// in `part`: for a window's own use, such as the names of its tools.
    pub fn paint_label(
        text: &str,
        colour: Colour,
        corner: (u16, u16),
        part: Rect,
        canvas: &mut Canvas<'_>,
    ) {
        let height = canvas.pixels.len() / usize::from(canvas.width.max(1));
        let all = Rect::new(0, 0, canvas.width, u16::try_from(height).unwrap_or(u16::MAX));
        let (part, place) = (part.intersect(all), Place { source: all, area: all });
        let parts = |at: u16| i32::from(at) * Point::PARTS;
        let corner = Point { x: parts(corner.0), y: parts(corner.1) };
        if !part.is_empty() {
            text::paint(corner, text, colour, place, part, Edges::Soft, canvas);
        }
    }

    /// Width and height of the plate of [`Self::paint_label`].
    #[must_use]
    pub fn label_size(text: &str) -> Size {
        text::size(text)
    }

    /// The window's pixels that show any of `rect`, which lies in the picture.
    #[must_use]
    pub fn touched(&self, rect: Rect, place: Place) -> Rect {
        if rect.is_empty() {
            return Rect::default();
        }
        let corner = |x: u32, y: u32| {
            place.spot(Point { x: x as i32 * Point::PARTS, y: y as i32 * Point::PARTS })
        };
        let (low, high) =
            (corner(rect.x.into(), rect.y.into()), corner(rect.right(), rect.bottom()));
        // However small the scale, nothing becomes so small that it is not seen.
        let first = |at: f64| (at - SMALLEST_REACH).max(0.0) as u16;
        let last = |at: f64| (at + SMALLEST_REACH).clamp(0.0, f64::from(u16::MAX)) as u16;
        let (x, y) = (first(low.x), first(low.y));
        Rect::new(x, y, last(high.x) - x, last(high.y) - y).intersect(place.area)
    }

    fn paint_mark(
        &mut self,
        mark: &Mark,
        colour: Colour,
        place: Place,
        within: Rect,
        edges: Edges,
        canvas: &mut Canvas<'_>,
    ) {
        if mark.tool() == Tool::Text {
            let corner = mark.points().next().unwrap_or_default();
            return text::paint(corner, mark.text(), colour, place, within, edges, canvas);
        }
        let radius = place.length(mark.tool().radius()).max(0.75);
        self.mask.clear(within);
        match (mark.tool(), mark.points().next(), mark.points().nth(1)) {
            (Tool::Rectangle, Some(a), Some(b)) => {
                self.line(corners(a, b).into_iter(), radius, place);
            }
            (Tool::Arrow, Some(a), Some(b)) => {
                let (tail, tip) = (place.spot(a), place.spot(b));
                let neck = self.mask.arrow_head(tail, tip, place.length(ARROW_HEAD));
                self.mask.segment(tail, neck, radius);
            }
            _ => self.line(mark.points(), radius, place),
        }
        let strength = if mark.tool() == Tool::Highlighter { HIGHLIGHT } else { 255 };
        lay(&self.mask, colour.word(), strength, edges, canvas);
    }

    /// A line through all points; a single one is a dot.
    fn line(&mut self, points: impl Iterator<Item = Point> + Clone, radius: f64, place: Place) {
        let Some(first) = points.clone().next() else { return };
        let mut from = place.spot(first);
        self.mask.segment(from, from, radius);
        for point in points.skip(1) {
            let to = place.spot(point);
            self.mask.segment(from, to, radius);
            from = to;
        }
    }

    /// A dot with a white rim.
    fn paint_pointer(
        &mut self,
        at: Spot,
        colour: Colour,
        place: Place,
        part: Rect,
        edges: Edges,
        canvas: &mut Canvas<'_>,
    ) {
        let radius = place.length(POINTER_RADIUS - 2 * Point::PARTS).max(3.0);
        let reach = radius + 2.0;
        let around = Rect::new(
            (at.x - reach).max(0.0) as u16,
            (at.y - reach).max(0.0) as u16,
            (2.0 * reach + 2.0) as u16,
            (2.0 * reach + 2.0) as u16,
        );
        let within = part.intersect(around);
        for (radius, word) in [(radius, 0x00ff_ffff), (radius * 0.7, colour.word())] {
            self.mask.clear(within);
            self.mask.segment(at, at, radius);
            lay(&self.mask, word, 255, edges, canvas);
        }
    }
}

/// Lays a colour over the pixels of a mask.
fn lay(mask: &Mask, word: u32, strength: u32, edges: Edges, canvas: &mut Canvas<'_>) {
    let striped = strength < 255;
    for (y, covers) in mask.rows() {
        let row = row_of(canvas, mask.area(), y);
        for (pixel, &cover) in row.iter_mut().zip(covers) {
            match edges {
                Edges::Soft => *pixel = mix(*pixel, word, u32::from(cover) * strength / 255),
                Edges::Hard if cover >= 128 && (!striped || y.is_multiple_of(3)) => {
                    *pixel = word | COVERED;
                }
                Edges::Hard => {}
            }
        }
    }
}

/// The pixels of row `y` that lie in the columns of `area`; none beside the canvas.
fn row_of<'a>(canvas: &'a mut Canvas<'_>, area: Rect, y: u16) -> &'a mut [u32] {
    let width = usize::from(canvas.width);
    let right = (area.right() as usize).min(width);
    let left = usize::from(area.x).min(right);
    let start = usize::from(y) * width;
    canvas.pixels.get_mut(start + left..start + right).unwrap_or_default()
}

/// `above` over `below`, `alpha` parts of 255 of it.
fn mix(below: u32, above: u32, alpha: u32) -> u32 {
    let [b0, b1, b2, _] = below.to_le_bytes();
    let [a0, a1, a2, _] = above.to_le_bytes();
    let channel = |below: u8, above: u8| {
        // A mean of two bytes is a byte.
        ((u32::from(above) * alpha + u32::from(below) * (255 - alpha) + 127) / 255) as u8
    };
    u32::from_le_bytes([channel(b0, a0), channel(b1, a1), channel(b2, a2), 0])
}
