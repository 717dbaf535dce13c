//! A live X11 display.
//!
//! [`X11Source`] watches and reads the root window, [`X11Input`] operates it. Each has a connection
//! of its own, so that they live on different threads. [`applications`] does the same with the windows of single
//! applications.

pub mod applications;
mod clipboard;
mod connection;
mod cursor;
mod damage;
mod image;
mod input;
mod keymap;
mod monitor_choice;
mod monitors;
mod notice;
mod overlay;
mod presses;
mod screen;
mod shared_memory;
mod sleeper;
mod xlib;

use std::time::{Duration, Instant};

use tessera_codec::{Frame, Rect, Region, Size};
use x11rb::connection::Connection;
use x11rb::protocol::xproto::{Atom, ConnectionExt as _};
use x11rb::protocol::{Event, damage as damage_protocol};

use crate::{
    CaptureError, Monitor, ScreenSource, SharedMemoryAbsent, SourceEvent, SourceWaker, Wake,
};
pub use clipboard::{Clipboard, ClipboardEvent, ClipboardKind};
use connection::Display;
use damage::RootDamage;
pub use input::X11Input;
pub use monitor_choice::MonitorChoice;
pub use notice::Notice;
use overlay::Beneath;
pub use overlay::Overlay;
use presses::Presses;
use screen::Screen;
use sleeper::Sleeper;
pub use xlib::on_xlib_display_lost;

/// The root window of an X11 display as a screen.
#[derive(Debug)]
pub struct X11Source {
    display: Display,
    sleeper: Sleeper,
    damage: RootDamage,
    screen: Screen,
    monitors: Vec<Monitor>,
    monitors_named: bool,
    choice: MonitorChoice,
    /// The monitor that is shown; `None`: all.
    shown: Option<u32>,
    pointer: Option<(i16, i16)>,
    shared_memory_absent: Option<SharedMemoryAbsent>,
    untold: Changes,
    presses: Presses,
    /// Marks that are no part of what is shown.
    beneath: Option<Beneath>,
    overlay_property: Atom,
}

/// What the server announced and `wait` has not told yet.
#[derive(Clone, Copy, Debug, Default)]
struct Changes {
    /// Nothing was told so far: everything is new.
    all: bool,
    damage: bool,
    cursor: bool,
    motion: bool,
    layout: bool,
    overlay: bool,
}

impl Changes {
    const fn any(self) -> bool {
        self.all || self.damage || self.cursor || self.motion || self.layout || self.overlay
    }
}

impl X11Source {
    /// Opens `display` (such as `:0`), or the display of the environment when `None`.
    ///
    /// # Errors
    /// When there is no such display, its pixels are not BGRX, it lacks DAMAGE, XFIXES or
    /// `XInputExtension`, or it is larger than 16384 pixels. MIT-SHM and RANDR may be absent.
    pub fn open(display: Option<&str>) -> Result<Self, CaptureError> {
        Self::open_monitor(display, MonitorChoice::default())
    }

    /// As [`open`](Self::open), showing the monitor that `choice` says at any moment.
    ///
    /// # Errors
    /// As those of [`open`](Self::open).
    pub fn open_monitor(
        display: Option<&str>,
        choice: MonitorChoice,
    ) -> Result<Self, CaptureError> {
        let display = Display::open(display)?;
        display.require_bgrx()?;
        display.require(damage_protocol::X11_EXTENSION_NAME)?;
        cursor::EXTENSIONS.into_iter().try_for_each(|extension| display.require(extension))?;

        let sleeper = Sleeper::new(&display)?;

        // Watching begins before the first look, so that no change falls between the two.
        cursor::watch(&display)?;
        let monitors_named = monitors::watch(&display)?;
        let damage = RootDamage::new(&display)?;
        let overlay_property = Beneath::property(&display)?;
        let size = monitors::canvas(&display)?;
        let monitors = monitors::list(&display, size, monitors_named)?;
        let shown = choice.shown();
        let area = area_of(&monitors, shown, size);
        let (screen, shared_memory_absent) = Screen::new(&display, area)?;
        choice.follow(sleeper.waker());
        choice.set_area(area);
        Ok(Self {
            monitors,
            choice,
            shown,
            sleeper,
            damage,
            screen,
            monitors_named,
            pointer: None,
            shared_memory_absent,
            untold: Changes { all: true, ..Changes::default() },
            presses: Presses::default(),
            beneath: Beneath::find(&display, overlay_property)?,
            overlay_property,
            display,
        })
    }

    /// Notes what arrived from the server; never blocks.
    fn drain(&mut self) -> Result<(), CaptureError> {
        while let Some(event) =
            self.display.conn.poll_for_event().map_err(|e| self.display.lost(e))?
        {
            self.presses.note(&event);
            match event {
                Event::DamageNotify(_) => self.untold.damage = true,
                Event::XfixesCursorNotify(_) => self.untold.cursor = true,
                Event::PropertyNotify(event) if event.atom == self.overlay_property => {
                    self.untold.overlay = true;
                }
                Event::XinputRawMotion(_) => self.untold.motion = true,
                Event::ConfigureNotify(_)
                | Event::RandrScreenChangeNotify(_)
                | Event::RandrNotify(_) => self.untold.layout = true,
                // Other events go to every client unasked, such as MappingNotify.
                _ => {}
            }
        }
        Ok(())
    }

    const fn has_untold(&self) -> bool {
        self.untold.any() || self.presses.any()
    }

    /// Tells what is untold; returns whether anything was new.
    fn tell(
        &mut self,
        damage: &mut Region,
        events: &mut Vec<SourceEvent>,
    ) -> Result<bool, CaptureError> {
        let changes = std::mem::take(&mut self.untold);
        let told_before = events.len();
        // First: it takes control back.
        let by_person = self.presses.take(&self.display)?;
        events.extend(by_person.then_some(SourceEvent::LocalPress));
        if changes.all {
            events.extend(self.shared_memory_absent.take().map(SourceEvent::SharedMemoryAbsent));
            events.push(SourceEvent::Monitors);
        }
        if changes.overlay {
            self.beneath = Beneath::find(&self.display, self.overlay_property)?;
        }
        let moved = changes.layout && self.tell_layout(events)?;
        let replaced = changes.all || moved || damage.grid().size() != self.screen.size();
        if replaced {
            *damage = Region::full(self.screen.size());
        }
        // Both requests are under way before the first reply is awaited. The pointer is asked for
        // with every damage as well, since programs can move it without raw motion.
        let taken =
            (changes.all || changes.damage).then(|| self.damage.take(&self.display)).transpose()?;
        let place = (changes.all || changes.damage || changes.motion || moved)
            .then(|| self.display.conn.query_pointer(self.display.root))
            .transpose()
            .map_err(|e| self.display.lost(e))?;
        let damaged = replaced || taken.is_some();
        taken.map(|taken| taken.add_to(self.screen.area(), damage)).transpose()?;
        let place = place
            .map(|cookie| cookie.reply().map_err(self.display.no_reply("the pointer's place")))
            .transpose()?;
        if let Some(place) = place {
            self.tell_pointer((place.root_x, place.root_y), events);
        }
        if changes.all || changes.cursor {
            events.push(SourceEvent::Cursor(cursor::shape(&self.display)?));
        }
        Ok(damaged || events.len() > told_before)
    }

    fn tell_pointer(&mut self, place: (i16, i16), events: &mut Vec<SourceEvent>) {
        if self.pointer == Some(place) {
            return;
        }
        self.pointer = Some(place);
        let Rect { x, y, width, height } = self.screen.area();
        let within = |at: i16, from: u16, length: u16| {
            let along = u16::try_from(i32::from(at) - i32::from(from)).unwrap_or(0);
            along.min(length.saturating_sub(1))
        };
        events.push(SourceEvent::Pointer {
            x: within(place.0, x, width),
            y: within(place.1, y, height),
        });
    }

    /// Returns whether another part of the root window is shown from now on.
    fn tell_layout(&mut self, events: &mut Vec<SourceEvent>) -> Result<bool, CaptureError> {
        let canvas = monitors::canvas(&self.display)?;
        let monitors = monitors::list(&self.display, canvas, self.monitors_named)?;
        let shown = self.choice.shown();
        let area = area_of(&monitors, shown, canvas);
        let before = self.screen.area();
        if area != before {
            self.screen.place(area);
            self.choice.set_area(area);
            // Told anew, as seen from there.
            self.pointer = None;
        }
        if (area.width, area.height) != (before.width, before.height) {
            events.push(SourceEvent::Resized(self.screen.size()));
        }
        if (&monitors, shown) != (&self.monitors, self.shown) {
            (self.monitors, self.shown) = (monitors, shown);
            events.push(SourceEvent::Monitors);
        }
        Ok(area != before)
    }
}

impl X11Source {
    /// Reads the screen without the marks over it: picture and marks are of one moment.
    fn read_beneath(
        &self,
        beneath: Beneath,
        region: &Region,
        into: &mut Frame,
    ) -> Result<(), CaptureError> {
        held(&self.display, || {
            self.screen.read(&self.display, region, into)?;
            beneath.mend(&self.display, self.screen.area(), region, into)
        })
    }
}

/// Does something while the server serves this connection alone.
fn held(
    display: &Display,
    act: impl FnOnce() -> Result<(), CaptureError>,
) -> Result<(), CaptureError> {
    display.conn.grab_server().map_err(|e| display.lost(e))?;
    let done = act();
    display.conn.ungrab_server().map_err(|e| display.lost(e))?;
    display.conn.flush().map_err(|e| display.lost(e))?;
    done
}

/// The part of a root window of size `canvas` that is shown.
fn area_of(monitors: &[Monitor], shown: Option<u32>, canvas: Size) -> Rect {
    let monitor = shown.and_then(|shown| monitors.get(usize::try_from(shown).ok()?));
    monitor.map_or(canvas.rect(), |monitor| monitor.rect)
}

impl ScreenSource for X11Source {
    fn size(&self) -> Size {
        self.screen.size()
    }

    fn monitors(&self) -> &[Monitor] {
        &self.monitors
    }

    fn waker(&self) -> SourceWaker {
        self.sleeper.waker()
    }

    fn wait(
        &mut self,
        timeout: Option<Duration>,
        damage: &mut Region,
        events: &mut Vec<SourceEvent>,
    ) -> Result<Wake, CaptureError> {
        let deadline = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        let mut woken = false;
        loop {
            // x11rb reads until the socket is empty, as the edge-triggered poll below requires.
            self.drain()?;
            self.untold.layout |= self.choice.shown() != self.shown;
            let resized = damage.grid().size() != self.screen.size();
            let told = (self.has_untold() || resized) && self.tell(damage, events)?;
            if woken {
                return Ok(Wake::Woken);
            }
            if told {
                return Ok(Wake::Activity);
            }
            if deadline.is_some_and(|at| at <= Instant::now()) {
                return Ok(Wake::TimedOut);
            }
            // Replies awaited in `tell` may have brought events along; those raise no new edge.
            self.drain()?;
            if !self.has_untold() {
                woken = self.sleeper.sleep(&self.display, deadline)?;
            }
        }
    }

    fn read(&mut self, region: &Region, into: &mut Frame) -> Result<(), CaptureError> {
        let mut read = match self.beneath {
            None => self.screen.read(&self.display, region, into),
            Some(beneath) => self.read_beneath(beneath, region, into),
        };
        if self.beneath.is_none() && read.is_ok() {
            // An overlay tells of itself before it shows anything, so that word of one that is in these
            // pixels has come before them.
            self.drain()?;
            if self.untold.overlay {
                self.beneath = Beneath::find(&self.display, self.overlay_property)?;
                if let Some(beneath) = self.beneath {
                    read = self.read_beneath(beneath, region, into);
                }
            }
        }
        // The size may have changed without an event that is still to come.
        self.untold.layout |= matches!(read, Err(CaptureError::SizeChanged));
        read
    }
}
