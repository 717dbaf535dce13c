//! What the representative's mouse and keyboard do in the share window.
//!
//! Control begins with a click in the window, never by itself, and ends with the customer's consent.
//! The click is passed on like any other. When the customer takes control back by a click of theirs, a
//! click here asks for it again; that one is not passed on, since nothing is carried out yet. Everything that is down is let go of when the window loses
//! the keyboard, so that no key stays down at the customer.

use tessera::{InputEvent, PointerButton};
use winit::keyboard::PhysicalKey;

use super::keys::Keysyms;

/// Pixels of smooth scrolling that count as one notch of a wheel. Arbitrary: about three lines of
/// text, which is what a notch scrolls in most programs.
const PIXELS_PER_NOTCH: f64 = 48.0;

/// Turns the window's input into what is sent to the customer.
#[derive(Debug, Default)]
pub(crate) struct Operator {
    allowed: bool,
    engaged: bool,
    /// Allowed, but for now the customer operates.
    paused: bool,
    position: Option<(u16, u16)>,
    keys: Vec<(PhysicalKey, Keysyms)>,
    buttons: Vec<PointerButton>,
    notches: (f64, f64),
}

impl Operator {
    /// Whether input is being passed on.
    pub(crate) const fn is_engaged(&self) -> bool {
        self.engaged
    }

    /// Whether a click would begin control.
    pub(crate) const fn is_allowed(&self) -> bool {
        self.allowed
    }

    /// The customer allowed control or took it back. What is down then is let go of by the
    /// customer's program itself.
    pub(crate) fn set_allowed(&mut self, allowed: bool) {
        self.allowed = allowed;
        if !allowed {
            let position = self.position;
            *self = Self { position, ..Self::default() };
        }
    }

    /// Whether a click would take control again.
    pub(crate) const fn is_paused(&self) -> bool {
        self.paused
    }

    /// The customer took control back by a click, or it was taken again by one here.
    pub(crate) fn set_paused(&mut self, paused: bool, out: &mut Vec<InputEvent>) {
        let was_paused = std::mem::replace(&mut self.paused, paused && self.allowed);
        if self.paused {
            let (position, allowed) = (self.position, self.allowed);
            *self = Self { position, allowed, paused, ..Self::default() };
        } else if was_paused && self.allowed {
            self.engaged = true;
            out.extend(self.position.map(|(x, y)| InputEvent::Pointer { x, y }));
        }
    }

    /// The pointer is over pixel (`x`, `y`) of the picture.
    pub(crate) fn on_pointer(&mut self, x: u16, y: u16, out: &mut Vec<InputEvent>) {
        if self.position != Some((x, y)) {
            self.position = Some((x, y));
            if self.engaged {
                out.push(InputEvent::Pointer { x, y });
            }
        }
    }

    /// A button went down or up.
    pub(crate) fn on_button(
        &mut self,
        button: PointerButton,
        pressed: bool,
        out: &mut Vec<InputEvent>,
    ) {
        if pressed && self.allowed && !self.engaged && !self.paused {
            self.engaged = true;
            if let Some((x, y)) = self.position {
                out.push(InputEvent::Pointer { x, y });
            }
        }
        let held = self.buttons.iter().position(|&held| held == button);
        match (pressed, held) {
            (true, None) if self.engaged => self.buttons.push(button),
            (false, Some(at)) => {
                self.buttons.swap_remove(at);
            }
            _ => return,
        }
        out.push(InputEvent::Button { button, pressed });
    }

    /// The wheel turned by notches to the right and down, or by parts of one.
    pub(crate) fn on_notches(&mut self, right: f64, down: f64, out: &mut Vec<InputEvent>) {
        if !self.engaged {
            return;
        }
        self.notches.0 += right;
        self.notches.1 += down;
        let (right, down) = (take_whole(&mut self.notches.0), take_whole(&mut self.notches.1));
        if (right, down) != (0, 0) {
            out.push(InputEvent::Wheel { right, down });
        }
    }

    /// A touchpad scrolled by pixels to the right and down.
    pub(crate) fn on_scroll(&mut self, right: f64, down: f64, out: &mut Vec<InputEvent>) {
        self.on_notches(right / PIXELS_PER_NOTCH, down / PIXELS_PER_NOTCH, out);
    }

    /// A key went down that means `keysyms`. Repeats are not passed on: the customer's computer
    /// repeats what is held down.
    pub(crate) fn on_key_down(
        &mut self,
        key: PhysicalKey,
        keysyms: Keysyms,
        out: &mut Vec<InputEvent>,
    ) {
        if !self.engaged || keysyms.is_empty() || self.keys.iter().any(|(held, _)| *held == key) {
            return;
        }
        out.extend(keysyms.iter().map(|&keysym| InputEvent::Key { keysym, pressed: true }));
        self.keys.push((key, keysyms));
    }

    /// A key went up. What is released is what its press meant: by now the modifiers, and so the
    /// key's meaning, may be others.
    pub(crate) fn on_key_up(&mut self, key: PhysicalKey, out: &mut Vec<InputEvent>) {
        if let Some(at) = self.keys.iter().position(|(held, _)| *held == key) {
            release(&self.keys.remove(at).1, out);
        }
    }

    /// Lets go of everything and passes nothing on until the next click.
    pub(crate) fn disengage(&mut self, out: &mut Vec<InputEvent>) {
        self.release_all(out);
        self.engaged = false;
    }

    /// Lets go of everything that is down.
    pub(crate) fn release_all(&mut self, out: &mut Vec<InputEvent>) {
        // The latest first, so that modifiers go up last.
        for (_, keysyms) in self.keys.drain(..).rev() {
            release(&keysyms, out);
        }
        let up = |button| InputEvent::Button { button, pressed: false };
        out.extend(self.buttons.drain(..).map(up));
        self.notches = (0.0, 0.0);
    }
}

fn release(keysyms: &[u32], out: &mut Vec<InputEvent>) {
    out.extend(keysyms.iter().rev().map(|&keysym| InputEvent::Key { keysym, pressed: false }));
}

/// Takes the whole notches out of `notches`, no more than one event may carry.
fn take_whole(notches: &mut f64) -> i16 {
    let limit = f64::from(InputEvent::MAX_NOTCHES);
    let whole = notches.trunc().clamp(-limit, limit);
    *notches = if notches.is_finite() { notches.fract() } else { 0.0 };
    // Within the limit by the clamp; not a number becomes 0.
    whole as i16
}

#[cfg(test)]
mod tests {
    use winit::keyboard::KeyCode;

    use super::*;

    const A: PhysicalKey = PhysicalKey::Code(KeyCode::KeyA);
    const SHIFT: PhysicalKey = PhysicalKey::Code(KeyCode::ShiftLeft);

    fn down(button: PointerButton) -> InputEvent {
        InputEvent::Button { button, pressed: true }
    }

    fn key(keysym: u32, pressed: bool) -> InputEvent {
        InputEvent::Key { keysym, pressed }
    }

    fn engaged() -> Operator {
        let mut operator = Operator::default();
        operator.set_allowed(true);
        operator.on_button(PointerButton::Left, true, &mut Vec::new());
        operator.on_button(PointerButton::Left, false, &mut Vec::new());
        operator
    }

    #[test]
    fn nothing_is_sent_before_a_click_and_the_customers_consent() {
        let mut operator = Operator::default();
        let mut out = Vec::new();
        operator.on_pointer(5, 6, &mut out);
        operator.on_button(PointerButton::Left, true, &mut out);
        operator.on_button(PointerButton::Left, false, &mut out);
        operator.on_key_down(A, vec![0x61], &mut out);
        assert!(!operator.is_engaged());
        operator.set_allowed(true);
        operator.on_pointer(7, 8, &mut out);
        operator.on_key_down(A, vec![0x61], &mut out);
        operator.on_notches(0.0, 3.0, &mut out);
        assert!(out.is_empty(), "{out:?}");

        operator.on_button(PointerButton::Left, true, &mut out);
        assert_eq!(out, [InputEvent::Pointer { x: 7, y: 8 }, down(PointerButton::Left)]);
        assert!(operator.is_engaged());
    }

    #[test]
    fn a_key_is_released_as_what_it_was_pressed_as() {
        let mut operator = engaged();
        let mut out = Vec::new();
        operator.on_key_down(SHIFT, vec![0xffe1], &mut out);
        operator.on_key_down(A, vec![0x41], &mut out);
        operator.on_key_down(A, vec![0x41], &mut out);
        operator.on_key_up(SHIFT, &mut out);
        operator.on_key_up(A, &mut out);
        operator.on_key_up(A, &mut out);
        let expected = [key(0xffe1, true), key(0x41, true), key(0xffe1, false), key(0x41, false)];
        assert_eq!(out, expected);
    }

    #[test]
    fn losing_the_keyboard_releases_everything_modifiers_last() {
        let mut operator = engaged();
        let mut out = Vec::new();
        operator.on_key_down(SHIFT, vec![0xffe1], &mut out);
        operator.on_key_down(A, vec![0x41], &mut out);
        operator.on_button(PointerButton::Right, true, &mut out);
        out.clear();
        operator.release_all(&mut out);
        let button = InputEvent::Button { button: PointerButton::Right, pressed: false };
        assert_eq!(out, [key(0x41, false), key(0xffe1, false), button]);
        out.clear();
        operator.release_all(&mut out);
        operator.on_key_up(A, &mut out);
        assert!(out.is_empty(), "{out:?}");
    }

    #[test]
    fn consent_withdrawn_needs_a_new_click() {
        let mut operator = engaged();
        let mut out = Vec::new();
        operator.on_key_down(A, vec![0x61], &mut out);
        operator.set_allowed(false);
        out.clear();
        operator.on_key_up(A, &mut out);
        operator.set_allowed(true);
        operator.on_key_down(A, vec![0x61], &mut out);
        assert!(out.is_empty() && !operator.is_engaged(), "{out:?}");
    }

    #[test]
    fn control_that_the_customer_took_back_is_not_taken_by_input() {
        let mut operator = engaged();
        let mut out = Vec::new();
        operator.on_pointer(3, 4, &mut out);
        operator.on_key_down(A, vec![0x61], &mut out);
        out.clear();
        operator.set_paused(true, &mut out);
        operator.on_pointer(5, 6, &mut out);
        operator.on_key_up(A, &mut out);
        operator.on_button(PointerButton::Left, true, &mut out);
        operator.on_button(PointerButton::Left, false, &mut out);
        operator.on_key_down(A, vec![0x61], &mut out);
        assert!(out.is_empty() && operator.is_paused() && !operator.is_engaged(), "{out:?}");
        operator.set_paused(false, &mut out);
        assert_eq!(out, [InputEvent::Pointer { x: 5, y: 6 }]);
        assert!(operator.is_engaged());
        operator.set_allowed(false);
        operator.set_paused(true, &mut out);
        assert!(!operator.is_paused(), "nothing is paused that is not allowed");
    }

    #[test]
    fn parts_of_a_notch_add_up() {
        let mut operator = engaged();
        let mut out = Vec::new();
        for _ in 0..3 {
            operator.on_scroll(0.0, -PIXELS_PER_NOTCH / 2.0, &mut out);
        }
        operator.on_notches(2.5, 0.0, &mut out);
        operator.on_notches(f64::NAN, 1e9, &mut out);
        let expected = [
            InputEvent::Wheel { right: 0, down: -1 },
            InputEvent::Wheel { right: 2, down: 0 },
            InputEvent::Wheel { right: 0, down: 32 },
        ];
        assert_eq!(out, expected);
    }
}
