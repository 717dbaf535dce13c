//! Presses of the people at the screen, told apart from injected ones by their device.

use x11rb::errors::ReplyError;
use x11rb::protocol::Event;
use x11rb::protocol::xinput::{ConnectionExt as _, DeviceId, XIGetPropertyItems};
use x11rb::protocol::xproto::{AtomEnum, ConnectionExt as _};

use super::connection::Display;
use crate::CaptureError;

/// Devices of presses that were not looked at yet.
#[derive(Debug, Default)]
pub(super) struct Presses(Vec<DeviceId>);

impl Presses {
    /// Takes note of `event` if it is a press.
    pub(super) fn note(&mut self, event: &Event) {
        let device = match event {
            Event::XinputRawButtonPress(press) => press.sourceid,
            Event::XinputRawTouchBegin(touch) => touch.sourceid,
            _ => return,
        };
        if !self.0.contains(&device) {
            self.0.push(device);
        }
    }

    pub(super) const fn any(&self) -> bool {
        !self.0.is_empty()
    }

    /// Whether one of the presses since the last call was a person's.
    pub(super) fn take(&mut self, display: &Display) -> Result<bool, CaptureError> {
        let mut by_person = false;
        for device in self.0.drain(..) {
            by_person = by_person || !is_injected(display, device)?;
        }
        Ok(by_person)
    }
}

/// Whether input of this device was injected by a program: the server marks the devices of XTEST with
/// a property. It is asked for at each press, which are few, since numbers of devices are used again.
/// A device that is gone is taken for a person's.
fn is_injected(display: &Display, device: DeviceId) -> Result<bool, CaptureError> {
    let conn = &display.conn;
    let mark = conn
        .intern_atom(true, b"XTEST Device")
        .map_err(|e| display.lost(e))?
        .reply()
        .map_err(display.no_reply("the mark of injected input"))?
        .atom;
    if mark == x11rb::NONE {
        return Ok(false);
    }
    let marked = conn
        .xinput_xi_get_property(device, false, mark, AtomEnum::ANY.into(), 0, 1)
        .map_err(|e| display.lost(e))?
        .reply();
    match marked {
        Ok(reply) => Ok(matches!(reply.items, XIGetPropertyItems::Data8(bytes) if bytes == [1])),
        Err(ReplyError::X11Error(_)) => Ok(false),
        Err(error) => Err(display.no_reply("the mark of injected input")(error)),
    }
}
