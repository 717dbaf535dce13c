//! Operating the windows of shared applications, and no others.
//!
//! A press is carried out only where a shared window lies on top. While it is judged and carried out
//! the server serves nobody else, so that no other window comes in between. A window that is covered
//! is raised first. Keys go where the keyboard's focus is, so they are carried out only while a shared
//! window has it; and since the server goes on repeating a key that is held down whoever gets the
//! focus, only modifiers are held, and all other keys let go at once.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use x11rb::connection::Connection;
use x11rb::protocol::xproto::{
    ClientMessageEvent, ConfigureWindowAux, ConnectionExt as _, EventMask, StackMode, Window,
};

use super::super::connection::Display;
use super::super::input::X11Input;
use super::super::keymap::Keysym;
use super::canvas::Place;
use super::ownership::{Atoms, client_of};
use super::placement::{Placed, top};
use super::source::Shown;
use super::tracked::{hold_server, share_server};
use crate::{CaptureError, InputEvent, InputSink};

/// How long a window manager may take to raise a window.
const RAISE_PATIENCE: Duration = Duration::from_millis(500);

/// Between two looks whether it has.
const RAISE_INTERVAL: Duration = Duration::from_millis(5);

/// `PointerRoot` of the X protocol: the focus is wherever the pointer is.
const POINTER_ROOT: Window = 1;

/// "From a pager" of EWMH: a person asked for it.
const FROM_A_PERSON: u32 = 2;

/// See the module text.
#[derive(Debug)]
pub struct ApplicationInput {
    input: X11Input,
    atoms: Atoms,
    shown: Arc<Mutex<Shown>>,
    /// Where the pointer shall be, on the root window.
    pointer: Option<(i32, i32)>,
}

impl ApplicationInput {
    pub(super) fn open(
        display: Option<&str>,
        shown: Arc<Mutex<Shown>>,
    ) -> Result<Self, CaptureError> {
        let input = X11Input::open(display)?;
        let atoms = Atoms::new(&input.display)?;
        Ok(Self { input, atoms, shown, pointer: None })
    }

    /// What is shown now.
    fn shown<T>(&self, pick: impl FnOnce(&Shown) -> T) -> T {
        pick(&self.shown.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Whether a shared window lies on top at a point of the root window.
    fn is_ours_at(&self, (x, y): (i32, i32)) -> Result<bool, CaptureError> {
        let display = &self.input.display;
        let point = i16::try_from(x).ok().zip(i16::try_from(y).ok());
        let Some((root_x, root_y)) = point else { return Ok(false) };
        let over = display
            .conn
            .translate_coordinates(display.root, display.root, root_x, root_y)
            .map_err(|e| display.lost(e))?
            .reply()
            .map_err(display.no_reply("the window at the pointer"))?
            .child;
        // A frame's own parts are the window manager's and not shown.
        Ok(self
            .shown(|shown| shown.placed.iter().any(|it| it.top == over && it.place.contains(x, y))))
    }

    /// Brings the shared window at a point to the top there; `false` when there is none, or it stays
    /// covered.
    fn raise_at(&self, point: (i32, i32)) -> Result<bool, CaptureError> {
        let window = self.shown(|shown| {
            shown.placed.iter().rev().find(|it| it.place.contains(point.0, point.1)).copied()
        });
        let Some(window) = window else { return Ok(false) };
        if self.is_ours_at(point)? {
            return Ok(true);
        }
        self.raise(window)?;
        let until = Instant::now() + RAISE_PATIENCE;
        while !self.is_ours_at(point)? {
            if Instant::now() >= until {
                return Ok(false);
            }
            std::thread::sleep(RAISE_INTERVAL);
        }
        Ok(true)
    }

    fn raise(&self, placed: Placed) -> Result<(), CaptureError> {
        let display = &self.input.display;
        let conn = &display.conn;
        if placed.managed {
            let data = [FROM_A_PERSON, x11rb::CURRENT_TIME, 0, 0, 0];
            let message =
                ClientMessageEvent::new(32, placed.window, self.atoms.active_window, data);
            let mask = EventMask::SUBSTRUCTURE_REDIRECT | EventMask::SUBSTRUCTURE_NOTIFY;
            conn.send_event(false, display.root, mask, message).map_err(|e| display.lost(e))?;
        } else {
            let above = ConfigureWindowAux::new().stack_mode(StackMode::ABOVE);
            conn.configure_window(placed.top, &above).map_err(|e| display.lost(e))?;
        }
        conn.flush().map_err(|e| display.lost(e))
    }

    /// Whether keys go to a shared window.
    fn has_focus(&self) -> Result<bool, CaptureError> {
        let display = &self.input.display;
        let focus = display
            .conn
            .get_input_focus()
            .map_err(|e| display.lost(e))?
            .reply()
            .map_err(display.no_reply("the keyboard's focus"))?
            .focus;
        match focus {
            x11rb::NONE => Ok(false),
            POINTER_ROOT => self.is_ours_at(pointer(display)?),
            window => {
                let client = client_of(display, window);
                if self.shown(|shown| shown.ids.iter().any(|id| id.client == client)) {
                    return Ok(true);
                }
                let top = top(display, window)?;
                Ok(self.shown(|shown| shown.placed.iter().any(|it| Some(it.top) == top)))
            }
        }
    }

    fn on_pointer(&mut self, x: u16, y: u16) -> Result<(), CaptureError> {
        let Place { x: left, y: above, .. } = self.shown(|shown| shown.canvas);
        let point = (left + i32::from(x), above + i32::from(y));
        self.pointer = Some(point);
        if self.is_ours_at(point)? { self.move_to(point) } else { Ok(()) }
    }

    fn move_to(&mut self, (x, y): (i32, i32)) -> Result<(), CaptureError> {
        // The canvas lies on the screen.
        let on_screen = |at: i32| u16::try_from(at).unwrap_or(0);
        self.input.inject(&InputEvent::Pointer { x: on_screen(x), y: on_screen(y) })
    }

    /// Carries out what happens where the pointer is.
    fn at_pointer(&mut self, event: &InputEvent) -> Result<(), CaptureError> {
        let Some(point) = self.pointer else { return Ok(()) };
        if !self.raise_at(point)? {
            return Ok(());
        }
        self.alone(|this| {
            if this.is_ours_at(point)? {
                // The person at the screen may have moved it meanwhile.
                this.move_to(point)?;
                this.input.inject(event)?;
            }
            Ok(())
        })
    }

    fn on_key_down(&mut self, keysym: u32) -> Result<(), CaptureError> {
        let is_modifier = Keysym::new(keysym).is_some_and(Keysym::is_modifier);
        self.alone(|this| {
            if !this.has_focus()? {
                return Ok(());
            }
            this.input.inject(&InputEvent::Key { keysym, pressed: true })?;
            if !is_modifier {
                this.input.inject(&InputEvent::Key { keysym, pressed: false })?;
            }
            Ok(())
        })
    }

    /// Has `act` done while the server serves nobody else.
    fn alone(
        &mut self,
        act: impl FnOnce(&mut Self) -> Result<(), CaptureError>,
    ) -> Result<(), CaptureError> {
        hold_server(&self.input.display)?;
        let done = act(self);
        share_server(&self.input.display)?;
        done
    }
}

/// Where the pointer is on the root window.
fn pointer(display: &Display) -> Result<(i32, i32), CaptureError> {
    let reply = display
        .conn
        .query_pointer(display.root)
        .map_err(|e| display.lost(e))?
        .reply()
        .map_err(display.no_reply("the pointer's place"))?;
    Ok((reply.root_x.into(), reply.root_y.into()))
}

impl InputSink for ApplicationInput {
    fn inject(&mut self, event: &InputEvent) -> Result<(), CaptureError> {
        match *event {
            InputEvent::Pointer { x, y } => self.on_pointer(x, y),
            InputEvent::Button { pressed: true, .. } | InputEvent::Wheel { .. } => {
                self.at_pointer(event)
            }
            InputEvent::Key { keysym, pressed: true } => self.on_key_down(keysym),
            // What is not held is not let go of.
            InputEvent::Button { pressed: false, .. } | InputEvent::Key { pressed: false, .. } => {
                self.input.inject(event)
            }
        }
    }

    fn release_all(&mut self) {
        self.input.release_all();
    }
}
