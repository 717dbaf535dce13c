//! One window of a shared application: its own pixels, apart from all others.
//!
//! With Composite the server keeps the window's pixels in memory of their own, so that what covers it
//! on the screen is not in them. When the server begins to, it fills that memory with what is on the
//! screen at that place, other windows included, and leaves it to the application to draw over it. So
//! a pixel is hidden until it is known to be the window's own: it was visible when that began, or it
//! was drawn since. The same happens again with each new size, for which the server also tells damage
//! that nobody drew; that is thrown away, and the application asked to draw itself anew.
//!
//! Without Composite pixels are the screen's, and those that other windows cover are hidden.

use tessera_codec::{Rect, Size};
use x11rb::connection::Connection;
use x11rb::protocol::composite::{ConnectionExt as _, Redirect};
use x11rb::protocol::damage::{self, ConnectionExt as _, ReportLevel};
use x11rb::protocol::xfixes;
use x11rb::protocol::xproto::{
    ChangeWindowAttributesAux, ConnectionExt as _, Drawable, EventMask, Pixmap, Window,
};

use super::super::connection::Display;
use super::super::damage::on_canvas;
use super::canvas::Place;
use super::mask::Mask;
use super::placement::{Placed, above, children};
use crate::CaptureError;

/// Most windows within a window that are asked to draw themselves anew.
const MAX_REDRAWN: usize = 1024;

/// A window with what of it may be shown.
#[derive(Debug)]
pub(super) struct Tracked {
    pub(super) placed: Placed,
    pub(super) damage: damage::Damage,
    /// The window's own pixels, where the server keeps them.
    pixmap: Option<Pixmap>,
    /// Pixels of the window that are not to be shown.
    pub(super) hidden: Mask,
    /// Counts the sizes that it has had.
    pub(super) generation: u32,
    /// Whether any may ever be: pixels of an unusual depth are not read.
    readable: bool,
}

/// What the pixels of a tracked window are read from.
#[derive(Clone, Copy, Debug)]
pub(super) struct Origin {
    pub(super) drawable: Drawable,
    /// Where the window's content begins there.
    pub(super) x: i32,
    pub(super) y: i32,
}

/// Has the server serve this connection alone, so that nothing changes until [`share_server`].
pub(super) fn hold_server(display: &Display) -> Result<(), CaptureError> {
    display.conn.grab_server().map_err(|e| display.lost(e))?;
    Ok(())
}

/// Ends what [`hold_server`] began.
pub(super) fn share_server(display: &Display) -> Result<(), CaptureError> {
    display.conn.ungrab_server().map_err(|e| display.lost(e))?;
    display.conn.flush().map_err(|e| display.lost(e))
}

impl Tracked {
    /// Begins with a window; `stood` tells that it stood there before, its visible pixels drawn.
    /// `None` when it has gone.
    pub(super) fn begin(
        display: &Display,
        placed: Placed,
        composite: bool,
        stood: bool,
        screen: Size,
    ) -> Result<Option<Self>, CaptureError> {
        let conn = &display.conn;
        let (damage, pixmap) = (display.id()?, display.id()?);
        let readable = matches!(placed.depth, 24 | 32);
        let size = placed.place.size();
        let structure = ChangeWindowAttributesAux::new().event_mask(EventMask::STRUCTURE_NOTIFY);
        let watched = conn.change_window_attributes(placed.window, &structure);
        if watched.map_err(|e| display.lost(e))?.check().is_err() {
            return Ok(None);
        }
        hold_server(display)?;
        let covered = if stood { covered(display, &placed, screen)? } else { Mask::all(size) };
        let named = if composite {
            let redirected = conn
                .composite_redirect_window(placed.window, Redirect::AUTOMATIC)
                .map_err(|e| display.lost(e))?;
            let named = conn
                .composite_name_window_pixmap(placed.window, pixmap)
                .map_err(|e| display.lost(e))?;
            redirected.check().is_ok() && named.check().is_ok()
        } else {
            true
        };
        let watching = conn
            .damage_create(damage, placed.window, ReportLevel::NON_EMPTY)
            .map_err(|e| display.lost(e))?;
        // What it begins with is no drawing.
        conn.damage_subtract(damage, x11rb::NONE, x11rb::NONE).map_err(|e| display.lost(e))?;
        let watching = watching.check().is_ok();
        share_server(display)?;
        if !(named && watching) {
            return Ok(None);
        }
        let tracked = Self {
            placed,
            damage,
            pixmap: composite.then_some(pixmap),
            hidden: if readable { covered } else { Mask::all(size) },
            generation: 0,
            readable,
        };
        if composite && readable && !tracked.hidden.is_empty() {
            redraw(display, placed.window)?;
        }
        Ok(Some(tracked))
    }

    /// The window is somewhere else, or has another size.
    pub(super) fn moved(&mut self, display: &Display, to: Placed) -> Result<(), CaptureError> {
        let conn = &display.conn;
        let from = std::mem::replace(&mut self.placed, to);
        if (from.place.size(), from.border) == (to.place.size(), to.border) {
            return Ok(());
        }
        self.hidden = Mask::all(to.place.size());
        self.generation = self.generation.wrapping_add(1);
        if let Some(pixmap) = self.pixmap {
            conn.free_pixmap(pixmap).map_err(|e| display.lost(e))?;
            // Where this fails, the window is about to be reported as gone.
            conn.composite_name_window_pixmap(to.window, pixmap).map_err(|e| display.lost(e))?;
            conn.damage_subtract(self.damage, x11rb::NONE, x11rb::NONE)
                .map_err(|e| display.lost(e))?;
            if self.readable {
                redraw(display, to.window)?;
            }
        }
        Ok(())
    }

    /// Takes the damage since the last call, by way of `region`, as parts of the window.
    pub(super) fn take_damage(
        &self,
        display: &Display,
        region: xfixes::Region,
    ) -> Result<Vec<Rect>, CaptureError> {
        use x11rb::protocol::xfixes::ConnectionExt as _;
        let conn = &display.conn;
        conn.damage_subtract(self.damage, x11rb::NONE, region).map_err(|e| display.lost(e))?;
        let fetched = conn.xfixes_fetch_region(region).map_err(|e| display.lost(e))?;
        let reply = fetched.reply().map_err(display.no_reply("the damaged region"))?;
        Ok(reply.rectangles.into_iter().map(on_canvas).collect())
    }

    /// The window has drawn these parts, at its present size.
    pub(super) fn was_drawn(&mut self, parts: &[Rect]) {
        if self.pixmap.is_some() && self.readable {
            parts.iter().for_each(|&rect| self.hidden.remove(rect));
        }
    }

    /// Without Composite: finds out what is covered; `true` when that has changed.
    pub(super) fn look_what_covers(
        &mut self,
        display: &Display,
        screen: Size,
    ) -> Result<bool, CaptureError> {
        if self.pixmap.is_some() || !self.readable {
            return Ok(false);
        }
        let covered = covered(display, &self.placed, screen)?;
        let changed = covered != self.hidden;
        self.hidden = covered;
        Ok(changed)
    }

    pub(super) fn origin(&self, display: &Display) -> Origin {
        let border = i32::from(self.placed.border);
        match self.pixmap {
            Some(drawable) => Origin { drawable, x: border, y: border },
            None => {
                let Place { x, y, .. } = self.placed.place;
                Origin { drawable: display.root, x, y }
            }
        }
    }

    /// Lets go of the window. It may have gone, in which case the server has done so.
    pub(super) fn end(self, display: &Display) -> Result<(), CaptureError> {
        let conn = &display.conn;
        conn.damage_destroy(self.damage).map_err(|e| display.lost(e))?;
        if let Some(pixmap) = self.pixmap {
            conn.free_pixmap(pixmap).map_err(|e| display.lost(e))?;
            conn.composite_unredirect_window(self.placed.window, Redirect::AUTOMATIC)
                .map_err(|e| display.lost(e))?;
        }
        Ok(())
    }
}

/// The pixels of a window that others cover or that lie beside the screen.
fn covered(display: &Display, placed: &Placed, screen: Size) -> Result<Mask, CaptureError> {
    let place = placed.place;
    let mut mask = Mask::all(place.size());
    let screen = Place { x: 0, y: 0, width: screen.width, height: screen.height };
    mask.remove(screen.seen_from(place));
    for cover in above(display, placed.top)? {
        mask.insert(cover.seen_from(place));
    }
    Ok(mask)
}

/// Has an application draw a window and all windows in it anew.
fn redraw(display: &Display, window: Window) -> Result<(), CaptureError> {
    let mut windows = vec![window];
    let mut at = 0;
    while at < windows.len().min(MAX_REDRAWN) {
        let window = windows[at];
        // Everything of it, with an Expose event; windows that draw nothing ignore it.
        display.conn.clear_area(true, window, 0, 0, 0, 0).map_err(|e| display.lost(e))?;
        windows.extend(children(display, window)?);
        at += 1;
    }
    Ok(())
}

/// The size of a part of a window.
pub(super) const fn size_of(rect: Rect) -> Size {
    Size::new(rect.width, rect.height)
}
