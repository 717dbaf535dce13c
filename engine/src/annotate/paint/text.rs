//! Words on a plate, in a font that every side has: GNU Unifont, whose dots are squares that scale
//! without loss and whose 57,000 characters need no font of the system.

use tessera_codec::{Rect, Size};

use super::{COVERED, Canvas, Edges, Place, row_of};
use crate::annotate::point::bounds;
use crate::annotate::{Colour, Point};

/// Width and height of a dot of the font, in sixteenths of a pixel of the picture: a pixel and a half.
const DOT: i32 = 24;

/// Rows of dots of a character.
const ROWS: i32 = 16;

/// Dots between the plate's edge and the words.
const MARGIN: i32 = 3;

/// Colour of the plate, as 0RGB.
const PLATE: u32 = 0x00ff_fff4;

/// The pixels of the picture that the plate of `text` covers.
pub(in crate::annotate) fn plate(corner: Point, text: &str) -> Rect {
    let (columns, rows) = dots(text);
    let far = Point { x: corner.x + columns * DOT, y: corner.y + rows * DOT };
    bounds([corner, far], 0)
}

/// Size of the plate of `text` where a pixel of the picture is one of the window.
pub(super) fn size(text: &str) -> Size {
    let (columns, rows) = dots(text);
    let pixels = |dots: i32| u16::try_from(dots * DOT / Point::PARTS).unwrap_or(u16::MAX);
    Size::new(pixels(columns), pixels(rows))
}

/// Dots of the plate, across and down.
fn dots(text: &str) -> (i32, i32) {
    let across: i32 = text.chars().map(width).sum();
    (across + 2 * MARGIN, ROWS + 2 * MARGIN)
}

/// Dots that a character takes in a row.
fn width(character: char) -> i32 {
    glyph(character).map_or(ROWS / 2, |glyph| glyph.get_width() as i32)
}

/// The character's dots; of one that the font lacks, those of the placeholder.
fn glyph(character: char) -> Option<&'static unifont::Glyph> {
    unifont::get_glyph(character).or_else(|| unifont::get_glyph('\u{fffd}'))
}

/// Paints the part of it that lies `within` the window.
pub(super) fn paint(
    corner: Point,
    text: &str,
    colour: Colour,
    place: Place,
    within: Rect,
    edges: Edges,
    canvas: &mut Canvas<'_>,
) {
    if text.is_empty() {
        return;
    }
    let (columns, rows) = dots(text);
    let covered = if edges == Edges::Hard { COVERED } else { 0 };
    // Every column of dots of the words, from the top down.
    let set: Vec<u16> = text
        .chars()
        .flat_map(|character| {
            let glyph = glyph(character);
            (0..width(character)).map(move |x| {
                let lit =
                    |y: &i32| glyph.is_some_and(|glyph| glyph.get_pixel(x as usize, *y as usize));
                (0..ROWS).filter(lit).fold(0, |column, y| column | 1 << y)
            })
        })
        .collect();
    let Place { source, area } = place;
    let across = Axis { area: area.x, drawn: area.width, first: source.x, whole: source.width };
    let down = Axis { area: area.y, drawn: area.height, first: source.y, whole: source.height };
    let dot_x = across.dots(within.x, within.right(), corner.x);
    let dot_y = down.dots(within.y, within.bottom(), corner.y);
    for (y, dot_row) in (within.y..).zip(dot_y) {
        if !(0..rows).contains(&dot_row) {
            continue;
        }
        let row = row_of(canvas, within, y);
        for (pixel, &dot_column) in row.iter_mut().zip(&dot_x) {
            if (0..columns).contains(&dot_column) {
                let lit = is_lit(&set, dot_column - MARGIN, dot_row - MARGIN);
                let edge = dot_column == 0
                    || dot_column == columns - 1
                    || dot_row == 0
                    || dot_row == rows - 1;
                *pixel = covered | if lit || edge { colour.word() } else { PLATE };
            }
        }
    }
}

fn is_lit(set: &[u16], column: i32, row: i32) -> bool {
    let column = usize::try_from(column).ok().and_then(|column| set.get(column));
    column.is_some_and(|column| (0..ROWS).contains(&row) && column >> row & 1 == 1)
}

/// One direction of a [`Place`].
struct Axis {
    area: u16,
    drawn: u16,
    first: u16,
    whole: u16,
}

impl Axis {
    /// For each pixel of the window from `first` to `end`: which dot, counted from the plate's edge at
    /// `corner`, lies under its middle.
    fn dots(&self, first: u16, end: u32, corner: i32) -> Vec<i32> {
        let scale = f64::from(self.whole) / f64::from(self.drawn.max(1));
        (u32::from(first)..end)
            .map(|pixel| {
                let along = f64::from(pixel) + 0.5 - f64::from(self.area);
                let at = (along * scale + f64::from(self.first)) * f64::from(Point::PARTS);
                ((at - f64::from(corner)) / f64::from(DOT)).floor() as i32
            })
            .collect()
    }
}
