//! Input events as bytes in the transport's input datagrams.
//!
//! One byte of kind, then fixed fields, little-endian. An event that is not exactly one of these is
//! a violation by the peer.

use bytes::{BufMut, Bytes, BytesMut};
use tessera_capture::{InputEvent, PointerButton};

const POINTER: u8 = 1;
const BUTTON: u8 = 2;
const WHEEL: u8 = 3;
const KEY: u8 = 4;

const BUTTONS: [PointerButton; 5] = [
    PointerButton::Left,
    PointerButton::Middle,
    PointerButton::Right,
    PointerButton::Back,
    PointerButton::Forward,
];

/// Longest event: kind, keysym, pressed.
const MAX_BYTES: usize = 6;

pub(crate) fn to_bytes(event: &InputEvent) -> Bytes {
    let mut out = BytesMut::with_capacity(MAX_BYTES);
    match *event {
        InputEvent::Pointer { x, y } => {
            out.put_u8(POINTER);
            out.put_u16_le(x);
            out.put_u16_le(y);
        }
        InputEvent::Button { button, pressed } => {
            let code = BUTTONS.iter().position(|&known| known == button).unwrap_or_default();
            out.put_u8(BUTTON);
            out.put_u8(code as u8);
            out.put_u8(u8::from(pressed));
        }
        InputEvent::Wheel { right, down } => {
            out.put_u8(WHEEL);
            out.put_i16_le(right);
            out.put_i16_le(down);
        }
        InputEvent::Key { keysym, pressed } => {
            out.put_u8(KEY);
            out.put_u32_le(keysym);
            out.put_u8(u8::from(pressed));
        }
    }
    out.freeze()
}

/// Reads an event; `None` when it is none.
pub(crate) fn parse(bytes: &[u8]) -> Option<InputEvent> {
    let flag = |byte: u8| match byte {
        0 => Some(false),
        1 => Some(true),
        _ => None,
    };
    match *bytes {
        [POINTER, x0, x1, y0, y1] => Some(InputEvent::Pointer {
            x: u16::from_le_bytes([x0, x1]),
            y: u16::from_le_bytes([y0, y1]),
        }),
        [BUTTON, code, pressed] => Some(InputEvent::Button {
            button: *BUTTONS.get(usize::from(code))?,
            pressed: flag(pressed)?,
        }),
        [WHEEL, r0, r1, d0, d1] => Some(InputEvent::Wheel {
            right: i16::from_le_bytes([r0, r1]),
            down: i16::from_le_bytes([d0, d1]),
        }),
        [KEY, k0, k1, k2, k3, pressed] => Some(InputEvent::Key {
            keysym: u32::from_le_bytes([k0, k1, k2, k3]),
            pressed: flag(pressed)?,
        }),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_survive_and_anything_else_is_refused() {
        let mut events = vec![
            InputEvent::Pointer { x: 1919, y: 0x1234 },
            InputEvent::Wheel { right: -3, down: i16::MAX },
            InputEvent::Key { keysym: 0x0100_20ac, pressed: true },
            InputEvent::Key { keysym: 0x61, pressed: false },
        ];
        events.extend(BUTTONS.map(|button| InputEvent::Button { button, pressed: true }));
        for event in events {
            let bytes = to_bytes(&event);
            assert_eq!(parse(&bytes), Some(event));
            assert_eq!(parse(&bytes[..bytes.len() - 1]), None);
            assert_eq!(parse(&[&bytes[..], &[0]].concat()), None);
        }
        for bad in [&[][..], &[9, 0, 0], &[BUTTON, 5, 0], &[BUTTON, 0, 2], &[KEY, 0, 0, 0, 0, 7]] {
            assert_eq!(parse(bad), None, "{bad:?}");
        }
    }
}
