//! Types text with the keys of a display's layout.

use x11rb::protocol::xproto::Keysym;

use crate::display::Display;
use crate::error::Error;

/// Keysyms from the X protocol's keysym encoding.
const SHIFT_L: Keysym = 0xffe1;
const RETURN: Keysym = 0xff0d;

/// Types `text`, which may hold printable ASCII and line ends, as fast as the server takes it.
pub fn type_text(display: &Display, text: &str) -> Result<(), Error> {
    let (shift, _) = display.keycode(SHIFT_L)?;
    for character in text.chars() {
        let keysym = match character {
            '\n' => RETURN,
            // Latin-1 characters are their own keysyms.
            ' '..='~' => u32::from(character),
            _ => {
                return Err(Error::Unmet(format!(
                    "no key is known for {character:?}; type printable ASCII"
                )));
            }
        };
        let (keycode, shifted) = display.keycode(keysym)?;
        if shifted {
            display.key(shift, true)?;
        }
        display.key(keycode, true)?;
        display.key(keycode, false)?;
        if shifted {
            display.key(shift, false)?;
        }
    }
    display.sync()
}
