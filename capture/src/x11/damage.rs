//! Which pixels changed: one DAMAGE object on the root window.
//!
//! Its level is `NonEmpty`: the server sends one event when something is drawn, and then none until
//! the damage is taken, however many rectangles are drawn. Taking it is one subtraction of
//! everything and one reply with the rectangles, whatever their number. Everything drawn after the
//! subtraction raises a new event, so pixels that are read after it are never older than the damage
//! taken.

use tessera_codec::{Rect, Region};
use x11rb::cookie::Cookie;
use x11rb::protocol::damage::{self, ConnectionExt as _, ReportLevel};
use x11rb::protocol::xfixes::{self, ConnectionExt as _, FetchRegionReply};
use x11rb::protocol::xproto::Rectangle;
use x11rb::rust_connection::RustConnection;

use super::connection::Display;
use crate::CaptureError;

/// Tells the server which version of DAMAGE is spoken, as it wants before anything else.
pub(super) fn ready(display: &Display) -> Result<(), CaptureError> {
    display
        .conn
        .damage_query_version(1, 1)
        .map_err(|e| display.lost(e))?
        .reply()
        .map_err(display.no_reply("the version of DAMAGE"))?;
    Ok(())
}

/// The damage of the root window and of all windows on it.
#[derive(Debug)]
pub(super) struct RootDamage {
    damage: damage::Damage,
    taken: xfixes::Region,
}

impl RootDamage {
    /// Begins to collect damage.
    pub(super) fn new(display: &Display) -> Result<Self, CaptureError> {
        ready(display)?;
        let conn = &display.conn;
        let this = Self { damage: display.id()?, taken: display.id()? };
        conn.damage_create(this.damage, display.root, ReportLevel::NON_EMPTY)
            .map_err(|e| display.lost(e))?
            .check()
            .map_err(display.no_reply("damage of the screen"))?;
        conn.xfixes_create_region(this.taken, &[]).map_err(|e| display.lost(e))?;
        Ok(this)
    }

    /// Takes all damage: it is empty again from here on.
    pub(super) fn take<'c>(&self, display: &'c Display) -> Result<TakenDamage<'c>, CaptureError> {
        let conn = &display.conn;
        conn.damage_subtract(self.damage, x11rb::NONE, self.taken).map_err(|e| display.lost(e))?;
        let reply = conn.xfixes_fetch_region(self.taken).map_err(|e| display.lost(e))?;
        Ok(TakenDamage { display, reply })
    }
}

/// Damage whose rectangles are on their way.
pub(super) struct TakenDamage<'c> {
    display: &'c Display,
    reply: Cookie<'c, RustConnection, FetchRegionReply>,
}

impl TakenDamage<'_> {
    /// Adds the parts of the rectangles that lie in `area` to `region`, which is over that.
    pub(super) fn add_to(self, area: Rect, region: &mut Region) -> Result<(), CaptureError> {
        let failed = self.display.no_reply("the damaged region");
        let reply = self.reply.reply().map_err(failed)?;
        for &rectangle in &reply.rectangles {
            let Rect { x, y, width, height } = on_canvas(rectangle).intersect(area);
            if width > 0 && height > 0 {
                region.add(Rect::new(x - area.x, y - area.y, width, height));
            }
        }
        Ok(())
    }
}

/// The part of a rectangle right of and below the origin.
pub(super) fn on_canvas(rectangle: Rectangle) -> Rect {
    let clip = |start: i16, len: u16| {
        let outside = u16::try_from(-i32::from(start)).unwrap_or(0);
        (u16::try_from(start).unwrap_or(0), len.saturating_sub(outside))
    };
    let (x, width) = clip(rectangle.x, rectangle.width);
    let (y, height) = clip(rectangle.y, rectangle.height);
    Rect::new(x, y, width, height)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rectangles_that_begin_outside_are_cut() {
        let rectangle = Rectangle { x: -10, y: 5, width: 30, height: 4 };
        assert_eq!(on_canvas(rectangle), Rect::new(0, 5, 20, 4));
        let outside = Rectangle { x: -32768, y: 0, width: 9, height: 4 };
        assert!(on_canvas(outside).is_empty());
    }
}
