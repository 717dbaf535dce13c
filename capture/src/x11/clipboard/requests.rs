//! Reading a property with a bound on its size.

use x11rb::errors::ReplyError;
use x11rb::protocol::xproto::{Atom, AtomEnum, ConnectionExt as _, Window};

use super::super::connection::Display;
use crate::CaptureError;

/// A property's type and bytes.
pub(super) struct Value {
    pub(super) kind: Atom,
    pub(super) bytes: Vec<u8>,
}

/// Takes a property away and returns it; `None` when there is none, or it has more than `limit` bytes,
/// which are then never brought over.
pub(super) fn take(
    display: &Display,
    window: Window,
    property: Atom,
    limit: usize,
) -> Result<Option<Value>, CaptureError> {
    let conn = &display.conn;
    let failed = display.no_reply("the clipboard's content");
    let look = conn
        .get_property(false, window, property, AtomEnum::ANY, 0, 0)
        .map_err(|e| display.lost(e))?;
    let length = match look.reply() {
        Ok(reply) if reply.type_ == x11rb::NONE => return Ok(None),
        Ok(reply) => reply.bytes_after as usize,
        Err(ReplyError::X11Error(_)) => return Ok(None),
        Err(error) => return Err(failed(error)),
    };
    if length > limit {
        conn.delete_property(window, property).map_err(|e| display.lost(e))?;
        return Ok(None);
    }
    let units = length.div_ceil(4) as u32;
    let whole = conn
        .get_property(true, window, property, AtomEnum::ANY, 0, units)
        .map_err(|e| display.lost(e))?;
    match whole.reply() {
        Ok(reply) => Ok(Some(Value { kind: reply.type_, bytes: reply.value })),
        Err(ReplyError::X11Error(_)) => Ok(None),
        Err(error) => Err(failed(error)),
    }
}
