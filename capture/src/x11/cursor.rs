//! The pointer's picture (XFIXES) and place (XI2 raw motion, then a query). Presses are watched along.

use tessera_codec::{BYTES_PER_PIXEL, Size};
use x11rb::protocol::xfixes::{self, ConnectionExt as _, CursorNotifyMask, GetCursorImageReply};
use x11rb::protocol::xinput::{self, ConnectionExt as _, Device, EventMask, XIEventMask};

use super::connection::Display;
use crate::{CaptureError, CursorShape, MAX_CURSOR_DIMENSION};

/// Asks for events when the pointer's picture or place changes, and when a button is pressed.
pub(super) fn watch(display: &Display) -> Result<(), CaptureError> {
    let conn = &display.conn;
    conn.xfixes_query_version(5, 0)
        .map_err(|e| display.lost(e))?
        .reply()
        .map_err(display.no_reply("the version of XFIXES"))?;
    conn.xfixes_select_cursor_input(display.root, CursorNotifyMask::DISPLAY_CURSOR)
        .map_err(|e| display.lost(e))?;
    // Since 2.1 raw events come also while another client grabs the pointer.
    conn.xinput_xi_query_version(2, 2)
        .map_err(|e| display.lost(e))?
        .reply()
        .map_err(display.no_reply("the version of XInputExtension"))?;
    let raw =
        XIEventMask::RAW_MOTION | XIEventMask::RAW_BUTTON_PRESS | XIEventMask::RAW_TOUCH_BEGIN;
    let events = EventMask { deviceid: Device::ALL_MASTER.into(), mask: vec![raw] };
    conn.xinput_xi_select_events(display.root, &[events]).map_err(|e| display.lost(e))?;
    Ok(())
}

/// Extensions that [`watch`] needs.
pub(super) const EXTENSIONS: [&str; 2] = [xfixes::X11_EXTENSION_NAME, xinput::X11_EXTENSION_NAME];

/// The pointer's picture now.
pub(super) fn shape(display: &Display) -> Result<CursorShape, CaptureError> {
    let reply = display
        .conn
        .xfixes_get_cursor_image()
        .map_err(|e| display.lost(e))?
        .reply()
        .map_err(display.no_reply("the picture of the pointer"))?;
    Ok(cut(&reply))
}

/// The server's picture, within the limits of [`CursorShape`]. Its pixels are premultiplied
/// 0xAARRGGBB already (XFIXES protocol, section 6).
fn cut(image: &GetCursorImageReply) -> CursorShape {
    let size =
        Size::new(image.width.min(MAX_CURSOR_DIMENSION), image.height.min(MAX_CURSOR_DIMENSION));
    let mut pixels = Vec::with_capacity(size.area() * BYTES_PER_PIXEL);
    let rows = image.cursor_image.chunks_exact(usize::from(image.width).max(1));
    for row in rows.take(usize::from(size.height)) {
        for pixel in row.iter().take(usize::from(size.width)) {
            pixels.extend_from_slice(&pixel.to_le_bytes());
        }
    }
    CursorShape {
        serial: image.cursor_serial,
        size,
        hotspot: (
            image.xhot.min(size.width.saturating_sub(1)),
            image.yhot.min(size.height.saturating_sub(1)),
        ),
        pixels: pixels.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_oversize_cursor_is_cut_and_its_hotspot_kept_inside() {
        let (width, height) = (MAX_CURSOR_DIMENSION + 1, 2);
        let image = GetCursorImageReply {
            sequence: 0,
            length: 0,
            x: 0,
            y: 0,
            width,
            height,
            xhot: width - 1,
            yhot: 1,
            cursor_serial: 5,
            cursor_image: (0..u32::from(width * height)).collect(),
        };
        let shape = cut(&image);
        assert_eq!(shape.size, Size::new(MAX_CURSOR_DIMENSION, height));
        assert_eq!(shape.hotspot, (MAX_CURSOR_DIMENSION - 1, 1));
        assert_eq!(shape.pixels.len(), shape.size.area() * BYTES_PER_PIXEL);
        let second_row = usize::from(MAX_CURSOR_DIMENSION) * BYTES_PER_PIXEL;
        assert_eq!(shape.pixels[second_row..second_row + 2], [1, 1]);
    }
}
