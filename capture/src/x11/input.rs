//! Operating a display: XTEST events, keys found by keysym.
//!
//! A character is typed with the key that carries it in the current layout. Modifiers and the
//! group that its level needs are locked for the one key press and restored at once; modifiers that
//! this sink holds down itself are lifted for it. What the user of the display holds down is never
//! touched. A keysym that no reachable key carries is bound to an unused key, on all its levels,
//! until [`InputSink::release_all`].

use std::collections::VecDeque;

use x11rb::connection::Connection;
use x11rb::protocol::Event;
use x11rb::protocol::xkb::{
    self, ConnectionExt as _, EventType, GetStateReply, Group, MapPart, SelectEventsAux,
};
use x11rb::protocol::xproto::{
    BUTTON_PRESS_EVENT, BUTTON_RELEASE_EVENT, ConnectionExt as _, KEY_PRESS_EVENT,
    KEY_RELEASE_EVENT, Keycode, MOTION_NOTIFY_EVENT, ModMask,
};
use x11rb::protocol::xtest::{self, ConnectionExt as _};

use super::connection::Display;
use super::keymap::{Keymap, Keysym, Stroke};
use super::monitor_choice::MonitorChoice;
use crate::{CaptureError, InputEvent, InputSink, PointerButton};

/// `XkbUseCoreKbd`: the keyboard whose layout and state applications see.
const CORE_KEYBOARD: u16 = 0x100;

const ALL_MAP_PARTS: u16 = 0xff;

// The wheel's buttons, by convention of every X client.
const WHEEL_UP: u8 = 4;
const WHEEL_DOWN: u8 = 5;
const WHEEL_LEFT: u8 = 6;
const WHEEL_RIGHT: u8 = 7;

#[derive(Clone, Copy, Debug)]
struct HeldKey {
    /// The keysym that the caller named.
    asked: u32,
    keycode: Keycode,
}

#[derive(Clone, Copy, Debug)]
struct BoundKey {
    keycode: Keycode,
    keysym: Keysym,
}

/// The keyboard and pointer of an X11 display.
#[derive(Debug)]
pub struct X11Input {
    pub(super) display: Display,
    keymap: Keymap,
    keymap_outdated: bool,
    /// Keys that this sink holds down, oldest first; none twice.
    held_keys: Vec<HeldKey>,
    /// Buttons that this sink holds down; none twice.
    held_buttons: Vec<PointerButton>,
    /// Keys that this sink bound, oldest first.
    bound: VecDeque<BoundKey>,
    choice: MonitorChoice,
}

/// What has to be changed around a key press for its level and group.
#[derive(Clone, Copy, Debug)]
struct Preparation {
    stroke: Stroke,
    /// Modifier locks to change, and what to change them to.
    locks: (u8, u8),
    /// Modifiers that keys held by this sink have to stop setting.
    lifted: u8,
    /// The group to lock, when another one is in effect.
    group: Option<u8>,
}

impl X11Input {
    /// Opens `display` (such as `:0`), or the display of the environment when `None`.
    ///
    /// # Errors
    /// When there is no such display, or it lacks XTEST or XKEYBOARD.
    pub fn open(display: Option<&str>) -> Result<Self, CaptureError> {
        let display = Display::open(display)?;
        display.require(xtest::X11_EXTENSION_NAME)?;
        display.require(xkb::X11_EXTENSION_NAME)?;
        let conn = &display.conn;
        conn.xkb_use_extension(1, 0)
            .map_err(|e| display.lost(e))?
            .reply()
            .map_err(display.no_reply("the version of XKEYBOARD"))?;
        conn.xkb_select_events(
            CORE_KEYBOARD,
            EventType::from(0u16),
            EventType::NEW_KEYBOARD_NOTIFY | EventType::MAP_NOTIFY,
            MapPart::from(ALL_MAP_PARTS),
            MapPart::from(ALL_MAP_PARTS),
            &SelectEventsAux::new(),
        )
        .map_err(|e| display.lost(e))?;
        // Input goes through even while another client holds the server for itself.
        conn.xtest_grab_control(true).map_err(|e| display.lost(e))?;
        let keymap = fetch_keymap(&display)?;
        Ok(Self {
            display,
            keymap,
            keymap_outdated: false,
            held_keys: Vec::new(),
            held_buttons: Vec::new(),
            bound: VecDeque::new(),
            choice: MonitorChoice::default(),
        })
    }

    /// Takes pixels to be those of the monitor that `choice` shows.
    #[must_use]
    pub fn on_monitor(self, choice: MonitorChoice) -> Self {
        let mut input = self;
        input.choice = choice;
        input
    }

    fn press_key(&mut self, asked: u32) -> Result<(), CaptureError> {
        let Some(keysym) = Keysym::new(asked) else {
            return Err(CaptureError::NoKey { keysym: asked });
        };
        if self.held_keys.iter().any(|held| held.asked == asked) {
            return Ok(());
        }
        let state = self.keyboard_state()?;
        let preparation = match self.prepare(keysym, &state) {
            Some(preparation) => preparation,
            None => {
                self.bind(keysym)?;
                self.prepare(keysym, &state).ok_or(CaptureError::NoKey { keysym: asked })?
            }
        };
        self.strike(asked, preparation, &state)
    }

    /// The keyboard's state now; also notices a layout that changed before.
    fn keyboard_state(&mut self) -> Result<GetStateReply, CaptureError> {
        let display = &self.display;
        let state = display
            .conn
            .xkb_get_state(CORE_KEYBOARD)
            .map_err(|e| display.lost(e))?
            .reply()
            .map_err(display.no_reply("the keyboard's state"))?;
        while let Some(event) = display.conn.poll_for_event().map_err(|e| display.lost(e))? {
            self.keymap_outdated |= matches!(
                event,
                Event::MappingNotify(_) | Event::XkbMapNotify(_) | Event::XkbNewKeyboardNotify(_)
            );
        }
        if self.keymap_outdated {
            self.reload_keymap()?;
        }
        Ok(state)
    }

    fn reload_keymap(&mut self) -> Result<(), CaptureError> {
        self.keymap = fetch_keymap(&self.display)?;
        self.keymap_outdated = false;
        // A new layout replaces all keys, bound ones included.
        let keymap = &self.keymap;
        self.bound.retain(|bound| {
            keymap.strokes(bound.keysym).any(|stroke| stroke.keycode == bound.keycode)
        });
        Ok(())
    }

    /// The way to give `keysym` that disturbs the keyboard's state least, if there is one.
    fn prepare(&self, keysym: Keysym, state: &GetStateReply) -> Option<Preparation> {
        let in_effect = mask(state.mods);
        let held_by_any = mask(state.base_mods);
        let held_by_us =
            self.held_keys.iter().fold(0, |all, held| all | self.keymap.modifiers(held.keycode));
        self.keymap
            .strokes(keysym)
            .filter_map(|stroke| {
                let group_now = u8::from(state.group);
                let group = Some(stroke.group)
                    .filter(|&group| group != self.keymap.group_of(stroke.keycode, group_now));
                if keysym.is_modifier() {
                    return Some(Preparation { stroke, locks: (0, 0), lifted: 0, group });
                }
                let missing = stroke.set & !in_effect;
                let mut extra = in_effect & stroke.looked_at & !stroke.set;
                if keysym.is_function() {
                    extra &= !held_by_any;
                }
                let lifted = extra & held_by_any;
                let reachable = lifted & !held_by_us == 0;
                let locks = (missing | extra, missing);
                reachable.then_some(Preparation { stroke, locks, lifted, group })
            })
            .min_by_key(|way| {
                (way.group.is_some(), way.lifted.count_ones(), way.locks.0.count_ones())
            })
    }

    /// Presses the key of `way`, with the state around it as it needs and then as it was.
    fn strike(
        &mut self,
        asked: u32,
        way: Preparation,
        state: &GetStateReply,
    ) -> Result<(), CaptureError> {
        let keycode = way.stroke.keycode;
        // Two characters of one key overlap when typed fast: the first one ends early.
        if let Some(at) = self.held_keys.iter().position(|held| held.keycode == keycode) {
            self.held_keys.remove(at);
            self.fake(KEY_RELEASE_EVENT, keycode)?;
        }
        let lifted: Vec<Keycode> = self
            .held_keys
            .iter()
            .map(|held| held.keycode)
            .filter(|&held| self.keymap.modifiers(held) & way.lifted != 0)
            .collect();
        for &modifier in &lifted {
            self.fake(KEY_RELEASE_EVENT, modifier)?;
        }
        let locked = mask(state.locked_mods);
        let (changed, to) = way.locks;
        self.lock(changed, to, way.group)?;
        self.held_keys.push(HeldKey { asked, keycode });
        self.fake(KEY_PRESS_EVENT, keycode)?;
        self.lock(changed, locked, way.group.map(|_| u8::from(state.locked_group)))?;
        for &modifier in &lifted {
            self.fake(KEY_PRESS_EVENT, modifier)?;
        }
        Ok(())
    }

    /// Sets the modifier locks in `affected` to those of `to`, and the locked group.
    fn lock(&self, affected: u8, to: u8, group: Option<u8>) -> Result<(), CaptureError> {
        if affected == 0 && group.is_none() {
            return Ok(());
        }
        self.display
            .conn
            .xkb_latch_lock_state(
                CORE_KEYBOARD,
                ModMask::from(affected),
                ModMask::from(to & affected),
                group.is_some(),
                Group::from(group.unwrap_or(0)),
                ModMask::from(0u8),
                false,
                0,
            )
            .map_err(|e| self.display.lost(e))?;
        Ok(())
    }

    /// Gives `keysym` to an unused key, or to the one bound longest ago.
    fn bind(&mut self, keysym: Keysym) -> Result<(), CaptureError> {
        let no_key = CaptureError::NoKey { keysym: keysym.0 };
        let is_held = |keycode: Keycode| self.held_keys.iter().any(|held| held.keycode == keycode);
        let keycode = match self.keymap.unused().find(|&keycode| !is_held(keycode)) {
            Some(keycode) => keycode,
            None => {
                let oldest = self.bound.iter().position(|bound| !is_held(bound.keycode));
                oldest.and_then(|at| self.bound.remove(at)).ok_or(no_key)?.keycode
            }
        };
        self.map_key(keycode, keysym.0)?;
        self.bound.push_back(BoundKey { keycode, keysym });
        self.reload_keymap()
    }

    /// Makes `keycode` give `keysym` with and without Shift; 0 makes it give nothing.
    fn map_key(&self, keycode: Keycode, keysym: u32) -> Result<(), CaptureError> {
        self.display
            .conn
            .change_keyboard_mapping(1, keycode, 2, &[keysym, keysym])
            .map_err(|e| self.display.lost(e))?;
        Ok(())
    }

    fn release_key(&mut self, asked: u32) -> Result<(), CaptureError> {
        let Some(at) = self.held_keys.iter().position(|held| held.asked == asked) else {
            return Ok(());
        };
        let held = self.held_keys.remove(at);
        self.fake(KEY_RELEASE_EVENT, held.keycode)
    }

    fn button(&mut self, button: PointerButton, pressed: bool) -> Result<(), CaptureError> {
        let at = self.held_buttons.iter().position(|&held| held == button);
        match (at, pressed) {
            (None, true) => {
                self.held_buttons.push(button);
                self.fake(BUTTON_PRESS_EVENT, number(button))
            }
            (Some(at), false) => {
                self.held_buttons.remove(at);
                self.fake(BUTTON_RELEASE_EVENT, number(button))
            }
            _ => Ok(()),
        }
    }

    fn wheel(&self, notches: i16, back: u8, forth: u8) -> Result<(), CaptureError> {
        let button = if notches < 0 { back } else { forth };
        for _ in 0..notches.unsigned_abs().min(InputEvent::MAX_NOTCHES) {
            self.fake(BUTTON_PRESS_EVENT, button)?;
            self.fake(BUTTON_RELEASE_EVENT, button)?;
        }
        Ok(())
    }

    fn move_pointer(&self, x: u16, y: u16) -> Result<(), CaptureError> {
        // The server moves what lies outside to the nearest edge.
        let (x, y) = self.choice.to_root(x, y);
        let [x, y] = [x, y].map(|at| i16::try_from(at).unwrap_or(i16::MAX));
        self.display
            .conn
            .xtest_fake_input(
                MOTION_NOTIFY_EVENT,
                0,
                x11rb::CURRENT_TIME,
                self.display.root,
                x,
                y,
                0,
            )
            .map_err(|e| self.display.lost(e))?;
        Ok(())
    }

    fn fake(&self, event: u8, detail: u8) -> Result<(), CaptureError> {
        self.display
            .conn
            .xtest_fake_input(event, detail, x11rb::CURRENT_TIME, x11rb::NONE, 0, 0, 0)
            .map_err(|e| self.display.lost(e))?;
        Ok(())
    }

    fn let_go(&mut self) -> Result<(), CaptureError> {
        while let Some(held) = self.held_keys.pop() {
            self.fake(KEY_RELEASE_EVENT, held.keycode)?;
        }
        while let Some(button) = self.held_buttons.pop() {
            self.fake(BUTTON_RELEASE_EVENT, number(button))?;
        }
        if !self.bound.is_empty() {
            // Keys that a new layout took over since are not ours to clear.
            self.keyboard_state()?;
        }
        while let Some(bound) = self.bound.pop_front() {
            self.map_key(bound.keycode, x11rb::NONE)?;
            self.keymap_outdated = true;
        }
        // Waits until the server has done all of it.
        self.keyboard_state().map(drop)
    }
}

impl InputSink for X11Input {
    fn inject(&mut self, event: &InputEvent) -> Result<(), CaptureError> {
        match *event {
            InputEvent::Pointer { x, y } => self.move_pointer(x, y)?,
            InputEvent::Button { button, pressed } => self.button(button, pressed)?,
            InputEvent::Wheel { right, down } => {
                self.wheel(right, WHEEL_LEFT, WHEEL_RIGHT)?;
                self.wheel(down, WHEEL_UP, WHEEL_DOWN)?;
            }
            InputEvent::Key { keysym, pressed: true } => self.press_key(keysym)?,
            InputEvent::Key { keysym, pressed: false } => self.release_key(keysym)?,
        }
        self.display.conn.flush().map_err(|e| self.display.lost(e))
    }

    fn release_all(&mut self) {
        // Fails only when the server is gone, and the held keys with it.
        let _ = self.let_go();
    }
}

impl Drop for X11Input {
    fn drop(&mut self) {
        self.release_all();
    }
}

fn fetch_keymap(display: &Display) -> Result<Keymap, CaptureError> {
    let parts = MapPart::KEY_TYPES | MapPart::KEY_SYMS | MapPart::MODIFIER_MAP;
    let nothing = MapPart::from(0u8);
    let reply = display
        .conn
        .xkb_get_map(
            CORE_KEYBOARD,
            parts,
            nothing,
            0,
            0,
            0,
            0,
            0,
            0,
            0,
            0,
            0u16.into(),
            0,
            0,
            0,
            0,
            0,
            0,
        )
        .map_err(|e| display.lost(e))?
        .reply()
        .map_err(display.no_reply("the keyboard layout"))?;
    Ok(Keymap::new(reply))
}

/// The eight real modifiers.
fn mask(modifiers: ModMask) -> u8 {
    u16::from(modifiers) as u8
}

/// The button's number in the X protocol.
const fn number(button: PointerButton) -> u8 {
    match button {
        PointerButton::Left => 1,
        PointerButton::Middle => 2,
        PointerButton::Right => 3,
        PointerButton::Back => 8,
        PointerButton::Forward => 9,
    }
}
