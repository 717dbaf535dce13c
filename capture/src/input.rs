//! Operating a screen: the events that are injected and the device that takes them.

use crate::CaptureError;

/// A button of the pointer; the wheel is [`InputEvent::Wheel`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PointerButton {
    /// The primary button of a right-handed mouse.
    Left,
    /// The button under the wheel.
    Middle,
    /// The context menu button.
    Right,
    /// "Back" in browsers.
    Back,
    /// "Forward" in browsers.
    Forward,
}

/// One action of a keyboard or pointer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InputEvent {
    /// The pointer moves to this pixel; positions outside are moved to the nearest edge.
    Pointer {
        /// Pixels from the left edge of the screen.
        x: u16,
        /// Pixels from the top edge of the screen.
        y: u16,
    },
    /// A button goes down or up where the pointer is.
    Button {
        /// Which one.
        button: PointerButton,
        /// Down (`true`) or up.
        pressed: bool,
    },
    /// The wheel turns where the pointer is, in notches; at most
    /// [`MAX_NOTCHES`](Self::MAX_NOTCHES) are taken from one event.
    Wheel {
        /// Notches to the right; negative to the left.
        right: i16,
        /// Notches down (content moves up); negative up.
        down: i16,
    },
    /// A key goes down or up.
    ///
    /// The release names the same keysym as its press. A repeated press of a key that is down
    /// changes nothing: the screen's own system repeats held keys.
    Key {
        /// X11 keysym (`X11/keysymdef.h`; `0x0100_0000 + code point` for any Unicode character).
        keysym: u32,
        /// Down (`true`) or up.
        pressed: bool,
    },
}

impl InputEvent {
    /// Bound on wheel notches of one event and axis: a second of furious scrolling (arbitrary; safe
    /// because further notches come as further events).
    pub const MAX_NOTCHES: u16 = 32;
}

/// A keyboard and pointer that act on a screen as if the user did.
pub trait InputSink: Send {
    /// Performs `event`.
    ///
    /// # Errors
    /// [`CaptureError::NoKey`] for a keysym that cannot be typed: nothing was injected, and later
    /// events work. Any other error is final.
    fn inject(&mut self, event: &InputEvent) -> Result<(), CaptureError>;

    /// Lets go of every key and button that this sink holds down and undoes its changes to the
    /// keyboard layout. Also happens on drop.
    fn release_all(&mut self);
}
