//! What lies under an overlay.
//!
//! All of it is asked for while the server serves nobody else, so that the picture, the overlay's shape
//! and the windows below belong to one moment.

use tessera_codec::{BYTES_PER_PIXEL, Frame, Rect, Region, TILE};
use x11rb::connection::Connection;
use x11rb::errors::{ConnectionError, ReplyError, ReplyOrIdError};
use x11rb::protocol::composite::ConnectionExt as _;
use x11rb::protocol::shape::{self, ConnectionExt as _};
use x11rb::protocol::xproto::{
    Atom, AtomEnum, ConnectionExt as _, ImageFormat, MapState, Rectangle, Window, WindowClass,
};

use super::super::connection::Display;
use super::super::damage::on_canvas;
use super::PROPERTY;
use crate::CaptureError;

/// Top-level windows that are looked at.
const MAX_WINDOWS: usize = 512;

/// Parts that the marks are cut into by the windows below them.
const MAX_PARTS: usize = 50_000;

/// An overlay of the display, as a source sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::x11) struct Beneath {
    overlay: Window,
    /// `NONE` where there is none.
    ground: Window,
}

/// A window below the overlay.
struct Below {
    window: Window,
    /// Where it begins on the root window, border included.
    corner: (i32, i32),
    /// What it covers of the root window.
    covers: Vec<Rect>,
}

impl Beneath {
    /// The property that tells of overlays.
    pub(in crate::x11) fn property(display: &Display) -> Result<Atom, CaptureError> {
        let atom = display.conn.intern_atom(false, PROPERTY).map_err(|e| display.lost(e))?;
        let atom = atom.reply().map_err(display.no_reply("the name of a property"))?;
        Ok(atom.atom)
    }

    /// The overlay that the property tells of.
    pub(in crate::x11) fn find(
        display: &Display,
        property: Atom,
    ) -> Result<Option<Self>, CaptureError> {
        let told = display
            .conn
            .get_property(false, display.root, property, AtomEnum::WINDOW, 0, 2)
            .map_err(|e| display.lost(e))?
            .reply()
            .map_err(display.no_reply("a property"))?;
        let mut windows = told.value32().into_iter().flatten();
        Ok(windows.next().zip(windows.next()).map(|(overlay, ground)| Self { overlay, ground }))
    }

    /// Puts into `frame`, which shows `area` of the root window, what lies under the marks in the tiles
    /// of `region`.
    ///
    /// # Errors
    /// When the display is gone. An overlay that has gone covers nothing.
    pub(in crate::x11) fn mend(
        self,
        display: &Display,
        area: Rect,
        region: &Region,
        frame: &mut Frame,
    ) -> Result<(), CaptureError> {
        match self.try_mend(display, area, region, frame) {
            Err(ReplyError::ConnectionError(error)) => Err(display.lost(error)),
            // A window has gone between two requests of others, or the overlay has.
            Ok(()) | Err(ReplyError::X11Error(_)) => Ok(()),
        }
    }

    fn try_mend(
        self,
        display: &Display,
        area: Rect,
        region: &Region,
        frame: &mut Frame,
    ) -> Result<(), ReplyError> {
        let conn = &display.conn;
        let marks = conn.shape_get_rectangles(self.overlay, shape::SK::BOUNDING)?.reply()?;
        let marks = marks.rectangles.into_iter().map(|mark| on_canvas(mark).intersect(area));
        let mut left: Vec<Rect> =
            marks.flat_map(|mark| in_tiles(mark, area, region)).take(MAX_PARTS).collect();
        if left.is_empty() {
            return Ok(());
        }
        for below in self.windows(display)? {
            if left.is_empty() {
                break;
            }
            let (taken, rest) = divide(left, &below.covers);
            left = rest;
            read(display, below.window, below.corner, &taken, area, frame)?;
        }
        if self.ground == x11rb::NONE {
            smear(&left, area, frame);
        } else {
            // The root's background may be another one than when the ground was laid.
            conn.clear_area(false, self.ground, 0, 0, 0, 0)?;
            read(display, self.ground, (0, 0), &left, area, frame)?;
        }
        Ok(())
    }

    /// The windows below the overlay, the topmost first.
    fn windows(self, display: &Display) -> Result<Vec<Below>, ReplyError> {
        let conn = &display.conn;
        let tree = conn.query_tree(display.root)?.reply()?.children;
        let under = tree.iter().copied().take_while(|window| *window != self.overlay);
        let under: Vec<Window> = under.filter(|window| *window != self.ground).collect();
        let mut asked = Vec::new();
        for &window in under.iter().rev().take(MAX_WINDOWS) {
            asked.push((
                window,
                conn.get_window_attributes(window)?,
                conn.get_geometry(window)?,
                conn.shape_get_rectangles(window, shape::SK::BOUNDING)?,
            ));
        }
        let mut windows = Vec::new();
        for (window, attributes, geometry, shape) in asked {
            let (attributes, geometry) = (attributes.reply(), geometry.reply());
            let (Ok(attributes), Ok(geometry), Ok(shape)) = (attributes, geometry, shape.reply())
            else {
                continue;
            };
            let shown = attributes.map_state == MapState::VIEWABLE
                && attributes.class == WindowClass::INPUT_OUTPUT
                && matches!(geometry.depth, 24 | 32);
            if shown {
                let border = i32::from(geometry.border_width);
                let corner = (i32::from(geometry.x), i32::from(geometry.y));
                let origin = (corner.0 + border, corner.1 + border);
                // Of a window without a shape, X.Org's server leaves out two sides of the border.
                let whole = Rectangle {
                    x: -(geometry.border_width.cast_signed()),
                    y: -(geometry.border_width.cast_signed()),
                    width: geometry.width.saturating_add(2 * geometry.border_width),
                    height: geometry.height.saturating_add(2 * geometry.border_width),
                };
                let parts = match shape.rectangles.as_slice() {
                    [only]
                        if (only.x, only.y) == (whole.x, whole.y)
                            && only.width
                                >= geometry.width.saturating_add(geometry.border_width)
                            && only.height
                                >= geometry.height.saturating_add(geometry.border_width) =>
                    {
                        vec![whole]
                    }
                    _ => shape.rectangles,
                };
                let covers = parts.into_iter().map(|part| placed(part, origin));
                windows.push(Below { window, corner, covers: covers.collect() });
            }
        }
        Ok(windows)
    }
}

/// A rectangle of a window on the root window.
fn placed(part: Rectangle, origin: (i32, i32)) -> Rect {
    let clamp = |at: i32| i16::try_from(at).unwrap_or(if at < 0 { i16::MIN } else { i16::MAX });
    on_canvas(Rectangle {
        x: clamp(i32::from(part.x) + origin.0),
        y: clamp(i32::from(part.y) + origin.1),
        ..part
    })
}

/// The parts of `mark`, a place on the root window, in the tiles of `region`, whose picture begins at
/// `area`.
fn in_tiles(mark: Rect, area: Rect, region: &Region) -> impl Iterator<Item = Rect> {
    let grid = region.grid();
    let columns = tiles(mark.x, mark.width, area.x);
    let rows = tiles(mark.y, mark.height, area.y);
    rows.flat_map(move |row| columns.clone().map(move |column| (column, row)))
        .filter(move |&(column, row)| region.contains(grid.index(column, row)))
        .map(move |(column, row)| {
            let corner = |from: u16, tile: u32| from + tile as u16 * TILE;
            mark.intersect(Rect::new(corner(area.x, column), corner(area.y, row), TILE, TILE))
        })
        .collect::<Vec<_>>()
        .into_iter()
}

/// Tiles that a length touches; none of an empty one.
fn tiles(at: u16, length: u16, from: u16) -> std::ops::Range<u32> {
    if length == 0 || at < from {
        return 0..0;
    }
    let first = u32::from(at - from);
    first / u32::from(TILE)..(first + u32::from(length)).div_ceil(u32::from(TILE))
}

/// What of `parts` lies in `covers`, and what does not.
fn divide(parts: Vec<Rect>, covers: &[Rect]) -> (Vec<Rect>, Vec<Rect>) {
    let (mut taken, mut left) = (Vec::new(), parts);
    for cover in covers {
        let mut rest = Vec::new();
        for part in left {
            let common = part.intersect(*cover);
            if common.is_empty() {
                rest.push(part);
                continue;
            }
            taken.push(common);
            // Above, below, and on both sides.
            let (right, bottom) = (common.right() as u16, common.bottom() as u16);
            let pieces = [
                Rect::new(part.x, part.y, part.width, common.y - part.y),
                Rect::new(part.x, bottom, part.width, (part.bottom() as u16) - bottom),
                Rect::new(part.x, common.y, common.x - part.x, common.height),
                Rect::new(right, common.y, (part.right() as u16) - right, common.height),
            ];
            rest.extend(pieces.into_iter().filter(|piece| !piece.is_empty()));
        }
        left = rest;
        if taken.len() + left.len() > MAX_PARTS {
            break;
        }
    }
    (taken, left)
}

/// Copies the parts of a window that begins at `corner` of the root window, border included, into the
/// frame.
fn read(
    display: &Display,
    window: Window,
    corner: (i32, i32),
    parts: &[Rect],
    area: Rect,
    frame: &mut Frame,
) -> Result<(), ReplyError> {
    let Some(around) = parts.iter().copied().reduce(Rect::union) else { return Ok(()) };
    // A rectangle on the root window reaches no farther than 16384 pixels, and neither does a window
    // that covers it.
    let (x, y) = (i32::from(around.x) - corner.0, i32::from(around.y) - corner.1);
    let (conn, format) = (&display.conn, ImageFormat::Z_PIXMAP);
    // The window itself would give no border.
    let pixmap = conn.generate_id().map_err(|error| match error {
        ReplyOrIdError::ConnectionError(error) => ReplyError::ConnectionError(error),
        ReplyOrIdError::X11Error(error) => ReplyError::X11Error(error),
        ReplyOrIdError::IdsExhausted => ReplyError::ConnectionError(ConnectionError::UnknownError),
    })?;
    conn.composite_name_window_pixmap(window, pixmap)?;
    let image = conn
        .get_image(format, pixmap, x as i16, y as i16, around.width, around.height, !0)?
        .reply();
    conn.free_pixmap(pixmap)?;
    let image = image?;
    let stride = usize::from(around.width) * BYTES_PER_PIXEL;
    for part in parts {
        for row in part.y..part.y + part.height {
            let start = usize::from(row - around.y) * stride
                + usize::from(part.x - around.x) * BYTES_PER_PIXEL;
            let into = frame.span_mut(part.x - area.x, row - area.y, part.width);
            if let Some(pixels) = image.data.get(start..start + into.len()) {
                into.copy_from_slice(pixels);
            }
        }
    }
    Ok(())
}

/// Fills parts whose pixels cannot be had with the pixel beside them, so that no mark is seen.
fn smear(parts: &[Rect], area: Rect, frame: &mut Frame) {
    for part in parts {
        for row in part.y..part.y + part.height {
            let (x, y) = (part.x - area.x, row - area.y);
            let beside =
                if x > 0 { x - 1 } else { (part.right() as u16 - area.x).min(area.width - 1) };
            let mut pixel = [0; BYTES_PER_PIXEL];
            pixel.copy_from_slice(frame.span_mut(beside, y, 1));
            for into in frame.span_mut(x, y, part.width).chunks_exact_mut(BYTES_PER_PIXEL) {
                into.copy_from_slice(&pixel);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use tessera_codec::Size;

    use super::*;

    #[test]
    fn parts_are_divided_without_loss_or_overlap() {
        let part = Rect::new(10, 10, 100, 50);
        let covers = [Rect::new(0, 0, 50, 30), Rect::new(40, 20, 20, 100), Rect::new(200, 0, 5, 5)];
        let (taken, left) = divide(vec![part], &covers);
        let mut counts = vec![0; 200 * 200];
        for rect in taken.iter().chain(&left) {
            for y in rect.y..rect.y + rect.height {
                for x in rect.x..rect.x + rect.width {
                    counts[usize::from(y) * 200 + usize::from(x)] += 1;
                }
            }
        }
        assert_eq!(counts.iter().sum::<i32>(), 5_000);
        assert!(counts.iter().all(|count| *count <= 1));
        let inside = |rect: &Rect| covers.iter().any(|cover| rect.intersect(*cover) == *rect);
        assert!(taken.iter().all(inside) && !left.iter().any(inside));
    }

    #[test]
    fn marks_are_cut_to_the_tiles_that_are_read() {
        let area = Rect::new(100, 0, 200, 128);
        let mut region = Region::empty(Size::new(200, 128));
        region.add(Rect::new(64, 0, 1, 1));
        let cut: Vec<Rect> = in_tiles(Rect::new(150, 10, 100, 3), area, &region).collect();
        assert_eq!(cut, [Rect::new(164, 10, 64, 3)]);
        assert_eq!(in_tiles(Rect::default(), area, &region).count(), 0);
    }

    #[test]
    fn what_cannot_be_had_takes_the_pixel_beside() {
        let area = Rect::new(0, 0, 8, 2);
        let mut frame = Frame::black(Size::new(8, 2));
        frame.span_mut(2, 0, 1).fill(9);
        frame.span_mut(3, 0, 3).fill(200);
        smear(&[Rect::new(3, 0, 3, 1)], area, &mut frame);
        assert_eq!(frame.span_mut(2, 0, 4), [9; 16]);
    }
}
