//! Marks over a whole display that are not part of it: people at the display see them, its capture
//! does not.
//!
//! The marks are an opaque window on top of everything, cut to their shape, which lets every click
//! through. Nothing can be mixed with what is below, so that it needs no compositing manager and looks
//! the same under one. While it is there, the server keeps the pixels of each top-level window apart
//! (Composite, automatic redirection), and [`Beneath`] reads from them what the marks cover. The
//! root window's own background comes from the *ground*, a window that has the same background and is
//! never shown.
//!
//! A property of the root window tells every source of the display of an overlay, in whichever
//! program it is.

mod beneath;

use tessera_codec::{BYTES_PER_PIXEL, Rect, Size};
use x11rb::connection::Connection;
use x11rb::errors::ReplyError;
use x11rb::protocol::composite::{self, ConnectionExt as _, Redirect};
use x11rb::protocol::shape::{self, ConnectionExt as _};
use x11rb::protocol::xproto::{
    AtomEnum, ChangeWindowAttributesAux, ClipOrdering, ConfigureWindowAux, ConnectionExt as _,
    CreateGCAux, CreateWindowAux, Gcontext, ImageFormat, Pixmap, PropMode, Rectangle, StackMode,
    Window, WindowClass,
};
use x11rb::wrapper::ConnectionExt as _;

use super::connection::Display;
use crate::CaptureError;
pub(super) use beneath::Beneath;

/// Name of the property of the root window that names the overlay's window and its ground.
const PROPERTY: &[u8] = b"_TESSERA_OVERLAY";

/// Most bytes of pixels in one request; every server takes that.
const MAX_IMAGE_BYTES: usize = 200 << 10;

/// A pixel of marks has this set; every other one is left as it is on the display.
const COVERED: u32 = 0xff00_0000;

/// `ParentRelative` as a window's background pixmap (X11 protocol, `CreateWindow`).
const PARENT_RELATIVE: Pixmap = 1;

/// See the module text. Dropping it takes the marks away.
#[derive(Debug)]
pub struct Overlay {
    display: Display,
    size: Size,
    window: Window,
    pixmap: Pixmap,
    gc: Gcontext,
    /// Covered parts of each row, from the top.
    rows: Vec<Vec<Rectangle>>,
}

impl Overlay {
    /// Lays an empty overlay over `display`; `None` is the display of the environment.
    ///
    /// # Errors
    /// When the display cannot be opened or lacks the extensions SHAPE or Composite.
    pub fn open(display: Option<&str>) -> Result<Self, CaptureError> {
        let display = Display::open(display)?;
        display.require_bgrx()?;
        display.require(shape::X11_EXTENSION_NAME)?;
        display.require(composite::X11_EXTENSION_NAME)?;
        let size = super::monitors::canvas(&display)?;
        let (window, pixmap, gc) = (display.id()?, display.id()?, display.id()?);
        let ground = display.id()?;
        create(&display, size, window, pixmap, gc).map_err(display.no_reply("an overlay"))?;
        // Where another program composites the desktop, the ground cannot be had.
        let ground = lay_ground(&display, size, ground)
            .map_err(display.no_reply("the overlay's ground"))?
            .unwrap_or(x11rb::NONE);
        tell(&display, &[window, ground]).map_err(display.no_reply("an overlay"))?;
        Ok(Self { display, size, window, pixmap, gc, rows: vec![Vec::new(); size.height.into()] })
    }

    /// Size of the display as it was when the overlay was opened.
    #[must_use]
    pub const fn size(&self) -> Size {
        self.size
    }

    /// Whether the display still has that size; if not, another overlay is to be opened.
    ///
    /// # Errors
    /// When the display is gone.
    pub fn fits(&self) -> Result<bool, CaptureError> {
        Ok(super::monitors::canvas(&self.display)? == self.size)
    }

    /// Shows `part` of `pixels`, which are the whole display's, 0RGB words row by row, those of marks
    /// with 255 in the highest byte.
    ///
    /// # Errors
    /// When the display is gone, or `pixels` are not as many as the display's.
    pub fn show(&mut self, pixels: &[u32], part: Rect) -> Result<(), CaptureError> {
        let part = part.intersect(self.size.rect());
        if pixels.len() != self.size.area() {
            return Err(CaptureError::SizeChanged);
        }
        if part.is_empty() {
            return Ok(());
        }
        let width = usize::from(self.size.width);
        for y in part.y..part.y + part.height {
            let row = &pixels[usize::from(y) * width..][..width];
            spans(row, y, &mut self.rows[usize::from(y)]);
        }
        self.put(pixels, part).map_err(|error| self.display.lost(error))
    }

    /// Pixels first, then the shape: what becomes visible is already drawn, and the shape holds every
    /// drawn pixel at any time.
    fn put(&self, pixels: &[u32], part: Rect) -> Result<(), x11rb::errors::ConnectionError> {
        let conn = &self.display.conn;
        let width = usize::from(self.size.width);
        let row_bytes = usize::from(part.width) * BYTES_PER_PIXEL;
        let rows = (MAX_IMAGE_BYTES / row_bytes).clamp(1, usize::from(part.height));
        let mut y = part.y;
        while u32::from(y) < part.bottom() {
            let count = rows.min((part.bottom() - u32::from(y)) as usize) as u16;
            let mut data = Vec::with_capacity(row_bytes * usize::from(count));
            for row in y..y + count {
                let start = usize::from(row) * width + usize::from(part.x);
                let words = &pixels[start..start + usize::from(part.width)];
                data.extend(words.iter().flat_map(|word| (word & !COVERED).to_le_bytes()));
            }
            let (x, top) = (part.x.cast_signed(), y.cast_signed());
            let format = ImageFormat::Z_PIXMAP;
            let (gc, depth) = (self.gc, self.display.depth());
            conn.put_image(format, self.pixmap, gc, part.width, count, x, top, 0, depth, &data)?;
            y += count;
        }
        // A server may have copied the background when it was set.
        let look = ChangeWindowAttributesAux::new().background_pixmap(self.pixmap);
        conn.change_window_attributes(self.window, &look)?;
        let covered: Vec<Rectangle> = self.rows.iter().flatten().copied().collect();
        let (set, bounding) = (shape::SO::SET, shape::SK::BOUNDING);
        let order = ClipOrdering::YX_BANDED;
        conn.shape_rectangles(set, bounding, order, self.window, 0, 0, &covered)?;
        let above = ConfigureWindowAux::new().stack_mode(StackMode::ABOVE);
        conn.configure_window(self.window, &above)?;
        let (x, y) = (part.x.cast_signed(), part.y.cast_signed());
        conn.clear_area(false, self.window, x, y, part.width, part.height)?;
        conn.flush()
    }
}

impl Drop for Overlay {
    fn drop(&mut self) {
        // The windows and the redirection go with the connection, the property does not.
        let _ = tell(&self.display, &[]);
    }
}

/// The covered parts of row `y`.
fn spans(row: &[u32], y: u16, into: &mut Vec<Rectangle>) {
    into.clear();
    let mut x = 0;
    while let Some(first) = row[x..].iter().position(|pixel| pixel & COVERED != 0) {
        let start = x + first;
        let length = row[start..].iter().take_while(|pixel| *pixel & COVERED != 0).count();
        x = start + length;
        // A display has at most 16384 pixels in each direction.
        into.push(Rectangle {
            x: start as i16,
            y: y.cast_signed(),
            width: length as u16,
            height: 1,
        });
    }
}

fn create(
    display: &Display,
    size: Size,
    window: Window,
    pixmap: Pixmap,
    gc: Gcontext,
) -> Result<(), ReplyError> {
    let conn = &display.conn;
    conn.composite_query_version(0, 4)?.reply()?;
    conn.shape_query_version()?.reply()?;
    // Before the first mark is seen, so that whatever it covers is kept.
    conn.composite_redirect_subwindows(display.root, Redirect::AUTOMATIC)?.check()?;
    conn.create_pixmap(display.depth(), pixmap, display.root, size.width, size.height)?.check()?;
    conn.create_gc(gc, pixmap, &CreateGCAux::new().foreground(0).graphics_exposures(0))?.check()?;
    let all = Rectangle { x: 0, y: 0, width: size.width, height: size.height };
    conn.poly_fill_rectangle(pixmap, gc, &[all])?;
    let look = CreateWindowAux::new().override_redirect(1).background_pixmap(pixmap);
    let (class, Size { width, height }) = (WindowClass::INPUT_OUTPUT, size);
    conn.create_window(0, window, display.root, 0, 0, width, height, 0, class, 0, &look)?
        .check()?;
    for kind in [shape::SK::BOUNDING, shape::SK::INPUT] {
        let order = ClipOrdering::UNSORTED;
        conn.shape_rectangles(shape::SO::SET, kind, order, window, 0, 0, &[])?;
    }
    conn.map_window(window)?.check()
}

/// Makes a window with the root's background whose pixels are nowhere on the screen; `None` where
/// that is somebody else's privilege.
fn lay_ground(display: &Display, size: Size, ground: Window) -> Result<Option<Window>, ReplyError> {
    let conn = &display.conn;
    let look = CreateWindowAux::new().override_redirect(1).background_pixmap(PARENT_RELATIVE);
    let (class, Size { width, height }) = (WindowClass::INPUT_OUTPUT, size);
    conn.create_window(0, ground, display.root, 0, 0, width, height, 0, class, 0, &look)?
        .check()?;
    let order = ClipOrdering::UNSORTED;
    conn.shape_rectangles(shape::SO::SET, shape::SK::INPUT, order, ground, 0, 0, &[])?;
    match conn.composite_redirect_window(ground, Redirect::MANUAL)?.check() {
        Ok(()) => {}
        Err(ReplyError::X11Error(_)) => {
            conn.destroy_window(ground)?;
            return Ok(None);
        }
        Err(error) => return Err(error),
    }
    let below = ConfigureWindowAux::new().stack_mode(StackMode::BELOW);
    conn.configure_window(ground, &below)?;
    conn.map_window(ground)?.check()?;
    Ok(Some(ground))
}

/// Says on the root window which windows the overlay has; none is the end of it.
fn tell(display: &Display, windows: &[Window]) -> Result<(), ReplyError> {
    let conn = &display.conn;
    let property = conn.intern_atom(false, PROPERTY)?.reply()?.atom;
    match windows {
        [] => conn.delete_property(display.root, property)?.check(),
        windows => conn
            .change_property32(
                PropMode::REPLACE,
                display.root,
                property,
                AtomEnum::WINDOW,
                windows,
            )?
            .check(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_what_is_covered_in_a_row() {
        let mut found = Vec::new();
        let row = [0, COVERED, COVERED | 5, 0, 7, COVERED];
        spans(&row, 3, &mut found);
        let spans: Vec<_> = found.iter().map(|span| (span.x, span.y, span.width)).collect();
        assert_eq!(spans, [(1, 3, 2), (5, 3, 1)]);
        super::spans(&[0, 1], 3, &mut found);
        assert!(found.is_empty());
    }
}
