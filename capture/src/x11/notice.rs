//! A small notice on top of everything on a display: what is being done there, and a place to
//! click to end it.
//!
//! It is part of the desktop like any window: whoever sees the desktop sees the notice. Text is
//! drawn with the X server's own fonts, which every server has; characters that the font lacks
//! become its placeholder.

use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use x11rb::connection::Connection;
use x11rb::cookie::Cookie;
use x11rb::errors::{ConnectionError, ReplyError};
use x11rb::protocol::Event;
use x11rb::protocol::xproto::{
    AtomEnum, Char2b, ClientMessageEvent, ConfigureWindowAux, ConnectionExt as _, CreateGCAux,
    CreateWindowAux, EventMask, Font, Gcontext, PropMode, StackMode, Visibility, Window,
    WindowClass,
};
use x11rb::wrapper::ConnectionExt as _;

use super::connection::Display;
use crate::CaptureError;

/// Fonts in order of preference: one with many scripts, then the one that every server has.
const FONTS: [&[u8]; 2] = [b"-misc-fixed-medium-r-normal--18-*-*-*-*-*-iso10646-1", b"fixed"];

/// Longest text in characters: what the drawing request takes.
const MAX_CHARS: usize = 255;

/// Pixels between the text and the edge of the notice.
const MARGIN: u16 = 6;

/// Black on amber, as 0RGB.
const BACKGROUND: u32 = 0x00ff_c000;
const FOREGROUND: u32 = 0x0000_0000;

/// A notice that is covered is raised, but not again within this time: another window that wants to
/// be on top as well would otherwise make the two raise each other without end.
const RAISE_INTERVAL: Duration = Duration::from_secs(1);

/// See the module text. Dropping it takes the notice away.
#[derive(Debug)]
pub struct Notice {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    display: Display,
    window: Window,
    gc: Gcontext,
    font: Font,
    ascent: i16,
    text: Mutex<Vec<Char2b>>,
}

impl Notice {
    /// Shows `text` at the middle of the upper edge of `display` (`None`: the display of the
    /// environment). `on_click` is called on a thread of the notice for each click on it.
    ///
    /// # Errors
    /// When the display cannot be opened, has no font, or no thread can be started.
    pub fn open(
        display: Option<&str>,
        text: &str,
        on_click: impl Fn() + Send + 'static,
    ) -> Result<Self, CaptureError> {
        let display = Display::open(display)?;
        let (window, gc, font) = (display.id()?, display.id()?, display.id()?);
        create(&display, window, gc, font).map_err(display.no_reply("a notice"))?;
        let font_info = display
            .conn
            .query_font(font)
            .map_err(ReplyError::from)
            .and_then(Cookie::reply)
            .map_err(display.no_reply("a notice"))?;
        let shared = Arc::new(Shared {
            display,
            window,
            gc,
            font,
            ascent: font_info.font_ascent,
            text: Mutex::default(),
        });
        let watched = Arc::clone(&shared);
        let thread = thread::Builder::new()
            .name("notice".into())
            .spawn(move || watched.watch(&on_click))
            .map_err(|source| CaptureError::System { what: "a thread", source })?;
        let notice = Self { shared, thread: Some(thread) };
        notice.set_text(text)?;
        Ok(notice)
    }

    /// Changes the text; what is longer than 255 characters is cut.
    ///
    /// # Errors
    /// When the display is gone.
    pub fn set_text(&self, text: &str) -> Result<(), CaptureError> {
        self.shared.place(text).map_err(self.shared.display.no_reply("a notice"))
    }
}

impl Drop for Notice {
    fn drop(&mut self) {
        // The thread is waiting for an event, so it is sent one. A broken connection ends it too.
        let _ = self.shared.tell_to_end();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn create(display: &Display, window: Window, gc: Gcontext, font: Font) -> Result<(), ReplyError> {
    let conn = &display.conn;
    open_font(display, font)?;
    let look = CreateWindowAux::new()
        .background_pixel(BACKGROUND)
        .border_pixel(FOREGROUND)
        .override_redirect(1)
        .event_mask(EventMask::EXPOSURE | EventMask::BUTTON_PRESS | EventMask::VISIBILITY_CHANGE);
    let class = WindowClass::INPUT_OUTPUT;
    conn.create_window(0, window, display.root, 0, 0, 1, 1, 1, class, 0, &look)?.check()?;
    let colours = CreateGCAux::new().font(font).foreground(FOREGROUND).background(BACKGROUND);
    conn.create_gc(gc, window, &colours)?.check()
}

/// Opens the first of [`FONTS`] that the server has.
fn open_font(display: &Display, font: Font) -> Result<(), ReplyError> {
    let [preferred, everywhere] = FONTS;
    match display.conn.open_font(font, preferred)?.check() {
        Err(ReplyError::X11Error(_)) => display.conn.open_font(font, everywhere)?.check(),
        opened => opened,
    }
}

impl Shared {
    /// Gives the notice the size and the name of `text` and has it drawn.
    fn place(&self, text: &str) -> Result<(), ReplyError> {
        let conn = &self.display.conn;
        let drawn = wide(text);
        let extents = conn.query_text_extents(self.font, &drawn)?.reply()?;
        let root = conn.get_geometry(self.display.root)?.reply()?;
        let width =
            u16::try_from(extents.overall_width.max(1)).unwrap_or(u16::MAX / 4) + 2 * MARGIN;
        let height = (extents.font_ascent + extents.font_descent).unsigned_abs() + 2 * MARGIN;
        let left = (i32::from(root.width) - i32::from(width)).max(0) / 2;
        *self.text.lock().unwrap_or_else(PoisonError::into_inner) = drawn;
        let place = ConfigureWindowAux::new()
            .x(left)
            .y(0)
            .width(u32::from(width))
            .height(u32::from(height))
            .stack_mode(StackMode::ABOVE);
        conn.configure_window(self.window, &place)?;
        let name = text.as_bytes();
        conn.change_property8(
            PropMode::REPLACE,
            self.window,
            AtomEnum::WM_NAME,
            AtomEnum::STRING,
            name,
        )?;
        conn.map_window(self.window)?;
        // The exposure that this makes draws the text.
        conn.clear_area(true, self.window, 0, 0, 0, 0)?;
        Ok(conn.flush()?)
    }

    /// Draws, raises and reports clicks until told to end or the connection breaks.
    fn watch(&self, on_click: &dyn Fn()) {
        let mut raised_at: Option<Instant> = None;
        while let Ok(event) = self.display.conn.wait_for_event() {
            let done = match event {
                Event::Expose(_) => self.draw(),
                Event::ButtonPress(_) => {
                    on_click();
                    Ok(())
                }
                Event::VisibilityNotify(event)
                    if event.state != Visibility::UNOBSCURED
                        && raised_at.is_none_or(|at| at.elapsed() >= RAISE_INTERVAL) =>
                {
                    raised_at = Some(Instant::now());
                    self.raise()
                }
                Event::ClientMessage(_) => return,
                _ => Ok(()),
            };
            if done.is_err() {
                return;
            }
        }
    }

    fn draw(&self) -> Result<(), ConnectionError> {
        let text = self.text.lock().unwrap_or_else(PoisonError::into_inner);
        let (x, y) = (MARGIN.cast_signed(), MARGIN.cast_signed() + self.ascent);
        self.display.conn.image_text16(self.window, self.gc, x, y, &text)?;
        self.display.conn.flush()
    }

    fn raise(&self) -> Result<(), ConnectionError> {
        let above = ConfigureWindowAux::new().stack_mode(StackMode::ABOVE);
        self.display.conn.configure_window(self.window, &above)?;
        self.display.conn.flush()
    }

    fn tell_to_end(&self) -> Result<(), ConnectionError> {
        let end = ClientMessageEvent::new(8, self.window, AtomEnum::STRING, [0u8; 20]);
        self.display.conn.send_event(false, self.window, EventMask::NO_EVENT, end)?;
        self.display.conn.flush()
    }
}

/// `text` in the form that the drawing request takes; characters beyond its 16 bits become U+FFFD.
fn wide(text: &str) -> Vec<Char2b> {
    text.chars()
        .take(MAX_CHARS)
        .map(|character| {
            let [byte1, byte2] =
                u16::try_from(u32::from(character)).unwrap_or(0xfffd).to_be_bytes();
            Char2b { byte1, byte2 }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_cut_and_has_a_placeholder_beyond_sixteen_bits() {
        assert_eq!(wide(&"x".repeat(300)).len(), MAX_CHARS);
        let wide = wide("한😀");
        assert_eq!((wide[0].byte1, wide[0].byte2), (0xd5, 0x5c));
        assert_eq!((wide[1].byte1, wide[1].byte2), (0xff, 0xfd));
    }
}
