//! A window on the customer's desktop whose colour tells how many key presses have reached it.
//!
//! Seen from the representative's display it answers two questions: did the key arrive, and is its consequence
//! on the glass. Every press has a colour of its own, so that a late picture is never taken for a new one.

use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Instant;

use x11rb::COPY_DEPTH_FROM_PARENT;
use x11rb::connection::Connection;
use x11rb::protocol::Event;
use x11rb::protocol::xproto::{
    AtomEnum, ChangeGCAux, ConnectionExt as _, CreateGCAux, CreateWindowAux, EventMask, Gcontext,
    PropMode, Rectangle, Window, WindowClass,
};
use x11rb::wrapper::ConnectionExt as _;

use crate::display::{Area, Display};
use crate::error::Error;

/// Class of the window, as the window manager knows it.
pub const CLASS: &str = "tessera-probe";

/// The window, painted by a thread of its own.
#[derive(Debug)]
pub struct Probe {
    display: Arc<Display>,
    window: Window,
    arrivals: Arc<Mutex<Vec<Instant>>>,
    painter: Option<JoinHandle<()>>,
}

impl Probe {
    /// Opens the window at `area` of the display called `name`.
    pub fn open(name: &str, area: Area) -> Result<Self, Error> {
        let display = Arc::new(Display::connect(name)?);
        let connection = display.connection();
        let window = connection.generate_id()?;
        let values = CreateWindowAux::new()
            .background_pixel(colour(0))
            .event_mask(EventMask::KEY_PRESS | EventMask::EXPOSURE | EventMask::STRUCTURE_NOTIFY);
        connection.create_window(
            COPY_DEPTH_FROM_PARENT,
            window,
            display.root(),
            area.x.cast_signed(),
            area.y.cast_signed(),
            area.width,
            area.height,
            0,
            WindowClass::INPUT_OUTPUT,
            x11rb::COPY_FROM_PARENT,
            &values,
        )?;
        for (property, value) in [
            (AtomEnum::WM_CLASS, format!("{CLASS}\0{CLASS}\0")),
            (AtomEnum::WM_NAME, String::from("Probe")),
        ] {
            connection.change_property8(
                PropMode::REPLACE,
                window,
                property,
                AtomEnum::STRING,
                value.as_bytes(),
            )?;
        }
        let gc = connection.generate_id()?;
        connection.create_gc(gc, window, &CreateGCAux::new().graphics_exposures(0))?;
        connection.map_window(window)?;
        display.sync()?;

        let arrivals = Arc::new(Mutex::new(Vec::new()));
        let painter = {
            let (display, arrivals) = (Arc::clone(&display), Arc::clone(&arrivals));
            // Errors end the painting; the run then notices that the colour no longer changes.
            thread::spawn(move || drop(paint(&display, window, area, gc, &arrivals)))
        };
        Ok(Self { display, window, arrivals, painter: Some(painter) })
    }

    /// When the key press with this number, from 1, reached the window.
    pub fn arrival(&self, press: u32) -> Option<Instant> {
        let arrivals = self.arrivals.lock().unwrap_or_else(PoisonError::into_inner);
        arrivals.get(usize::try_from(press).ok()?.checked_sub(1)?).copied()
    }

    /// How many key presses have reached the window.
    pub fn presses(&self) -> u32 {
        let arrivals = self.arrivals.lock().unwrap_or_else(PoisonError::into_inner);
        u32::try_from(arrivals.len()).unwrap_or(u32::MAX)
    }
}

impl Drop for Probe {
    fn drop(&mut self) {
        // When the server is gone already, so are the window and its painter.
        let _ = self.display.connection().destroy_window(self.window);
        let _ = self.display.connection().flush();
        if let Some(painter) = self.painter.take() {
            let _ = painter.join();
        }
    }
}

fn paint(
    display: &Display,
    window: Window,
    area: Area,
    gc: Gcontext,
    arrivals: &Mutex<Vec<Instant>>,
) -> Result<(), Error> {
    let connection = display.connection();
    // Exactly the window: DAMAGE computes in 16 bits and does not report what reaches far beyond it.
    let everything = Rectangle { x: 0, y: 0, width: area.width, height: area.height };
    let mut presses = 0;
    loop {
        match connection.wait_for_event()? {
            Event::KeyPress(_) => {
                let arrival = Instant::now();
                presses += 1;
                connection.change_gc(gc, &ChangeGCAux::new().foreground(colour(presses)))?;
                connection.poly_fill_rectangle(window, gc, &[everything])?;
                connection.flush()?;
                arrivals.lock().unwrap_or_else(PoisonError::into_inner).push(arrival);
            }
            Event::Expose(_) => {
                connection.change_gc(gc, &ChangeGCAux::new().foreground(colour(presses)))?;
                connection.poly_fill_rectangle(window, gc, &[everything])?;
                connection.flush()?;
            }
            Event::DestroyNotify(_) => return Ok(()),
            _ => {}
        }
    }
}

/// The colour after so many presses, as the X server takes it. The multiplier is 2³² over the golden ratio, which
/// keeps neighbours far apart and repeats none within the presses of a run.
pub fn colour(presses: u32) -> u32 {
    presses.wrapping_add(1).wrapping_mul(0x9e37_79b1) >> 8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_press_of_a_run_has_its_own_colour() {
        let colours: std::collections::HashSet<u32> = (0..2000).map(colour).collect();
        assert_eq!(colours.len(), 2000);
        assert!(colours.iter().all(|colour| *colour < 1 << 24));
    }
}
