//! The size of the root window and the monitors on it (RANDR 1.5).

use tessera_codec::{MAX_DIMENSION, Size};
use x11rb::protocol::randr::{self, ConnectionExt as _, NotifyMask};
use x11rb::protocol::xproto::{
    ChangeWindowAttributesAux, ConnectionExt as _, EventMask, Rectangle,
};

use super::connection::Display;
use super::damage::on_canvas;
use crate::{CaptureError, Monitor};

/// Asks for events when the screen's size, its monitors or the root window's properties change. Returns whether the server knows
/// monitors.
pub(super) fn watch(display: &Display) -> Result<bool, CaptureError> {
    let conn = &display.conn;
    let events = EventMask::STRUCTURE_NOTIFY | EventMask::PROPERTY_CHANGE;
    let watched = ChangeWindowAttributesAux::new().event_mask(events);
    conn.change_window_attributes(display.root, &watched).map_err(|e| display.lost(e))?;
    if !display.has(randr::X11_EXTENSION_NAME)? {
        return Ok(false);
    }
    let version = conn
        .randr_query_version(1, 5)
        .map_err(|e| display.lost(e))?
        .reply()
        .map_err(display.no_reply("the version of RANDR"))?;
    if (version.major_version, version.minor_version) < (1, 5) {
        return Ok(false);
    }
    let changes = NotifyMask::SCREEN_CHANGE | NotifyMask::CRTC_CHANGE | NotifyMask::OUTPUT_CHANGE;
    conn.randr_select_input(display.root, changes).map_err(|e| display.lost(e))?;
    Ok(true)
}

/// The root window's size now.
pub(super) fn canvas(display: &Display) -> Result<Size, CaptureError> {
    let root = display
        .conn
        .get_geometry(display.root)
        .map_err(|e| display.lost(e))?
        .reply()
        .map_err(display.no_reply("the size of the screen"))?;
    if root.width > MAX_DIMENSION || root.height > MAX_DIMENSION {
        let found = format!("a screen of {}x{} pixels", root.width, root.height);
        return Err(display.unsupported(found, "at most 16384x16384"));
    }
    Ok(Size::new(root.width, root.height))
}

/// The monitors on a canvas of this size; the whole canvas when the server names none.
pub(super) fn list(
    display: &Display,
    canvas: Size,
    named: bool,
) -> Result<Vec<Monitor>, CaptureError> {
    let mut monitors = if named { query(display, canvas)? } else { Vec::new() };
    monitors.retain(|monitor| !monitor.rect.is_empty());
    if monitors.is_empty() {
        monitors.push(Monitor { name: "screen".into(), rect: canvas.rect(), primary: true });
    }
    Ok(monitors)
}

fn query(display: &Display, canvas: Size) -> Result<Vec<Monitor>, CaptureError> {
    let conn = &display.conn;
    let reply = conn
        .randr_get_monitors(display.root, true)
        .map_err(|e| display.lost(e))?
        .reply()
        .map_err(display.no_reply("the monitors"))?;
    reply
        .monitors
        .iter()
        .map(|info| {
            let name = conn
                .get_atom_name(info.name)
                .map_err(|e| display.lost(e))?
                .reply()
                .map_err(display.no_reply("the name of a monitor"))?;
            let place = Rectangle { x: info.x, y: info.y, width: info.width, height: info.height };
            Ok(Monitor {
                name: String::from_utf8_lossy(&name.name).into_owned(),
                rect: on_canvas(place).intersect(canvas.rect()),
                primary: info.primary,
            })
        })
        .collect()
}
