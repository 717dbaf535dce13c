//! The local pointer in the window: while controlling it has the remote shape.

use tessera::CursorShape;
use winit::event_loop::ActiveEventLoop;
use winit::window::{CursorIcon, CustomCursor, Window};

/// Shapes that are kept ready. A desktop switches between few; arbitrary, and a bound on what the
/// other side can make this program keep.
const KEPT_SHAPES: usize = 32;

/// Gives the local pointer the remote shapes.
#[derive(Debug, Default)]
pub(crate) struct LocalCursor {
    shown: Option<u32>,
    ready: Vec<(u32, Option<CustomCursor>)>,
}

impl LocalCursor {
    /// Shows `shape`, or the ordinary pointer for `None`.
    pub(crate) fn show(
        &mut self,
        event_loop: &ActiveEventLoop,
        window: &Window,
        shape: Option<&CursorShape>,
    ) {
        let serial = shape.map(|shape| shape.serial);
        if serial == self.shown {
            return;
        }
        self.shown = serial;
        let Some(shape) = shape else {
            window.set_cursor(CursorIcon::Default);
            window.set_cursor_visible(true);
            return;
        };
        match self.prepare(event_loop, shape) {
            Some(cursor) => {
                window.set_cursor(cursor);
                window.set_cursor_visible(true);
            }
            None => window.set_cursor_visible(false),
        }
    }

    /// The shape as the platform's cursor; `None` when it shows nothing.
    fn prepare(
        &mut self,
        event_loop: &ActiveEventLoop,
        shape: &CursorShape,
    ) -> Option<CustomCursor> {
        if let Some((_, ready)) = self.ready.iter().find(|(serial, _)| *serial == shape.serial) {
            return ready.clone();
        }
        let cursor = source(shape).map(|source| event_loop.create_custom_cursor(source));
        if self.ready.len() == KEPT_SHAPES {
            self.ready.remove(0);
        }
        self.ready.push((shape.serial, cursor.clone()));
        cursor
    }
}

/// The window library's form of a shape: red, green, blue, alpha. It hands the colours to the
/// display as they are, which wants them premultiplied.
fn source(shape: &CursorShape) -> Option<winit::window::CustomCursorSource> {
    if !shape.pixels.chunks_exact(4).any(|pixel| pixel[3] != 0) {
        return None;
    }
    let mut rgba = shape.pixels.to_vec();
    for pixel in rgba.chunks_exact_mut(4) {
        pixel.swap(0, 2);
    }
    let hotspot_x = shape.hotspot.0.min(shape.size.width.saturating_sub(1));
    let hotspot_y = shape.hotspot.1.min(shape.size.height.saturating_sub(1));
    CustomCursor::from_rgba(rgba, shape.size.width, shape.size.height, hotspot_x, hotspot_y).ok()
}
