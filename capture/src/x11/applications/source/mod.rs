//! The windows of some applications as a screen.
//!
//! The canvas is the smallest rectangle of the display that holds the windows; they keep their places
//! to each other. A pop-up that reaches beyond makes it larger, and it stays so until a main window
//! changes: otherwise each menu would change the picture's size twice. What is no shared window is
//! plain grey, what must not be shown is hatched, and while no window is on the screen (all are
//! minimised) everything is hatched.

mod looking;
mod reading;

use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tessera_codec::{Frame, Region, Size};
use x11rb::connection::Connection;
use x11rb::protocol::composite::{self, ConnectionExt as _};
use x11rb::protocol::xfixes::{self, ConnectionExt as _};
use x11rb::protocol::xproto::{ChangeWindowAttributesAux, ConnectionExt as _, EventMask, Window};
use x11rb::protocol::{Event, damage};

use self::reading::Job;
use super::super::connection::Display;
use super::super::cursor;
use super::super::damage::ready;
use super::super::image::Images;
use super::super::monitors;
use super::super::presses::Presses;
use super::super::sleeper::Sleeper;
use super::canvas::Place;
use super::placement::{Finder, Placed};
use super::tracked::{Tracked, hold_server, share_server};
use super::{ApplicationId, ApplicationInput};
use crate::{
    CaptureError, CursorShape, Monitor, ScreenSource, SharedMemoryAbsent, SourceEvent, SourceWaker,
    Wake,
};

/// An application whose windows have all gone has ended if none comes within this time: a splash
/// screen goes before the main window comes.
const GONE_AFTER: Duration = Duration::from_secs(3);

/// The canvas while no window has been on the screen yet; arbitrary.
const EMPTY_CANVAS: Place = Place { x: 0, y: 0, width: 640, height: 480 };

/// No server gives this number to a cursor: they count from 1.
const NO_CURSOR: u32 = 0;

/// What the source and the input of a share both know.
#[derive(Debug, Default)]
pub(super) struct Shown {
    pub(super) ids: Vec<ApplicationId>,
    pub(super) canvas: Place,
    /// The lowest first.
    pub(super) placed: Vec<Placed>,
}

/// Chooses what is shared, from any thread.
#[derive(Clone, Debug)]
pub struct Selection {
    sender: Sender<Vec<ApplicationId>>,
    waker: SourceWaker,
}

impl Selection {
    /// Shares these applications from now on and no others. Nothing happens once the source is gone.
    pub fn share(&self, applications: Vec<ApplicationId>) {
        if self.sender.send(applications).is_ok() {
            self.waker.wake();
        }
    }
}

/// See the module text.
#[derive(Debug)]
pub struct ApplicationSource {
    display: Display,
    name: Option<String>,
    sleeper: Sleeper,
    finder: Finder,
    images: Images,
    /// Whether windows can be read apart from what covers them.
    composite: bool,
    region: xfixes::Region,
    chosen: (Sender<Vec<ApplicationId>>, Receiver<Vec<ApplicationId>>),
    ids: Vec<ApplicationId>,
    tracked: Vec<Tracked>,
    screen: Size,
    canvas: Place,
    monitors: Vec<Monitor>,
    shown: Arc<Mutex<Shown>>,
    presses: Presses,
    /// Windows that came on the screen since the windows were looked for.
    mapped: Vec<Window>,
    /// Damage that the server announced.
    announced: Vec<damage::Damage>,
    untold: Untold,
    pointer: Option<(u16, u16)>,
    /// Whether the pointer is over a shared window; elsewhere its picture is not told.
    pointer_over: bool,
    gone_since: Option<Instant>,
    shared_memory_absent: Option<SharedMemoryAbsent>,
    /// A read met other windows than were told, so that all have to be read anew.
    surprised: bool,
    jobs: Vec<Job>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Untold {
    all: bool,
    cursor: bool,
    motion: bool,
    layout: bool,
    resized: bool,
}

impl ApplicationSource {
    /// Opens `display` (`None`: the display of the environment) to share `applications`.
    ///
    /// # Errors
    /// As [`X11Source::open`](super::super::X11Source::open).
    pub fn open(
        display: Option<&str>,
        applications: &[ApplicationId],
    ) -> Result<Self, CaptureError> {
        let name = display.map(str::to_owned);
        let display = Display::open(display)?;
        display.require_bgrx()?;
        display.require(damage::X11_EXTENSION_NAME)?;
        cursor::EXTENSIONS.into_iter().try_for_each(|extension| display.require(extension))?;
        let sleeper = Sleeper::new(&display)?;
        cursor::watch(&display)?;
        ready(&display)?;
        let events = EventMask::SUBSTRUCTURE_NOTIFY
            | EventMask::STRUCTURE_NOTIFY
            | EventMask::PROPERTY_CHANGE;
        let watch = ChangeWindowAttributesAux::new().event_mask(events);
        let conn = &display.conn;
        conn.change_window_attributes(display.root, &watch).map_err(|e| display.lost(e))?;
        let region = display.id()?;
        conn.xfixes_create_region(region, &[]).map_err(|e| display.lost(e))?;
        let (images, shared_memory_absent) = Images::open(&display)?;
        let mut source = Self {
            composite: has_composite(&display)?,
            finder: Finder::new(&display)?,
            name,
            sleeper,
            images,
            region,
            chosen: mpsc::channel(),
            ids: applications.to_vec(),
            tracked: Vec::new(),
            screen: monitors::canvas(&display)?,
            canvas: EMPTY_CANVAS,
            monitors: Vec::new(),
            shown: Arc::default(),
            presses: Presses::default(),
            mapped: Vec::new(),
            announced: Vec::new(),
            untold: Untold { all: true, ..Untold::default() },
            pointer: None,
            pointer_over: false,
            gone_since: None,
            shared_memory_absent,
            surprised: false,
            jobs: Vec::new(),
            display,
        };
        source.look(&mut Vec::new())?;
        Ok(source)
    }

    /// A handle that changes what is shared.
    #[must_use]
    pub fn selection(&self) -> Selection {
        Selection { sender: self.chosen.0.clone(), waker: self.waker() }
    }

    /// Input for the windows that this source shows, and for no others.
    ///
    /// # Errors
    /// As [`X11Input::open`](super::super::X11Input::open).
    pub fn input(&self) -> Result<ApplicationInput, CaptureError> {
        ApplicationInput::open(self.name.as_deref(), Arc::clone(&self.shown))
    }

    /// Whether covered parts of the windows show the applications' own pixels; else they are hatched.
    #[must_use]
    pub const fn sees_covered_parts(&self) -> bool {
        self.composite
    }

    /// Notes what arrived from the server; never blocks.
    fn drain(&mut self) -> Result<(), CaptureError> {
        while let Some(event) =
            self.display.conn.poll_for_event().map_err(|e| self.display.lost(e))?
        {
            self.presses.note(&event);
            match event {
                Event::DamageNotify(event) if self.announced.contains(&event.damage) => {}
                Event::DamageNotify(event) => self.announced.push(event.damage),
                Event::XfixesCursorNotify(_) => self.untold.cursor = true,
                Event::XinputRawMotion(_) => self.untold.motion = true,
                Event::MapNotify(event) => {
                    self.finder.known.forget(event.window);
                    self.mapped.push(event.window);
                    self.untold.layout = true;
                }
                Event::ReparentNotify(_) => {
                    self.finder.reparented();
                    self.untold.layout = true;
                }
                Event::UnmapNotify(_) | Event::DestroyNotify(_) | Event::CirculateNotify(_) => {
                    self.untold.layout = true;
                }
                Event::ConfigureNotify(event) => {
                    self.untold.layout |= !self.composite || self.concerns(event.window);
                }
                Event::PropertyNotify(event) => {
                    self.untold.layout |= event.atom == self.finder.atoms.client_list;
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn concerns(&self, window: Window) -> bool {
        let is_of = |placed: &Placed| placed.window == window || placed.top == window;
        window == self.display.root || self.tracked.iter().any(|tracked| is_of(&tracked.placed))
    }

    fn has_untold(&self) -> bool {
        let Untold { all, cursor, motion, layout, resized } = self.untold;
        all || cursor
            || motion
            || layout
            || resized
            || self.presses.any()
            || !self.announced.is_empty()
    }

    /// Tells what is untold; returns whether anything was new.
    fn tell(
        &mut self,
        damage: &mut Region,
        events: &mut Vec<SourceEvent>,
    ) -> Result<bool, CaptureError> {
        let told_before = events.len();
        let by_person = self.presses.take(&self.display)?;
        events.extend(by_person.then_some(SourceEvent::LocalPress));
        let untold = std::mem::take(&mut self.untold);
        if untold.all {
            events.extend(self.shared_memory_absent.take().map(SourceEvent::SharedMemoryAbsent));
        }
        let mut changed = Vec::new();
        if untold.layout {
            self.look(&mut changed)?;
        }
        self.take_damage(&mut changed)?;
        if std::mem::take(&mut self.untold.resized) || untold.resized {
            events.push(SourceEvent::Resized(self.size()));
            events.push(SourceEvent::Monitors);
        }
        let replaced = untold.all || damage.grid().size() != self.size();
        if replaced {
            *damage = Region::full(self.size());
        }
        let mut damaged = replaced;
        for rect in changed.into_iter().filter(|rect| !rect.is_empty()) {
            damage.add(rect);
            damaged = true;
        }
        if untold.all || untold.motion || untold.layout {
            self.tell_pointer(untold.all, events)?;
        }
        if untold.cursor && self.pointer_over {
            events.push(SourceEvent::Cursor(cursor::shape(&self.display)?));
        }
        Ok(damaged || events.len() > told_before)
    }

    /// The pointer's place, and its picture when it came over a shared window or left it.
    fn tell_pointer(
        &mut self,
        first: bool,
        events: &mut Vec<SourceEvent>,
    ) -> Result<(), CaptureError> {
        let display = &self.display;
        let pointer = display
            .conn
            .query_pointer(display.root)
            .map_err(|e| display.lost(e))?
            .reply()
            .map_err(display.no_reply("the pointer's place"))?;
        let over = self.tracked.iter().any(|it| it.placed.top == pointer.child);
        let place =
            Place { x: pointer.root_x.into(), y: pointer.root_y.into(), width: 1, height: 1 };
        let seen = place.seen_from(self.canvas);
        if over && !seen.is_empty() && self.pointer != Some((seen.x, seen.y)) {
            self.pointer = Some((seen.x, seen.y));
            events.push(SourceEvent::Pointer { x: seen.x, y: seen.y });
        }
        if first || over != self.pointer_over {
            self.pointer_over = over;
            events.push(SourceEvent::Cursor(match over {
                true => cursor::shape(display)?,
                false => CursorShape {
                    serial: NO_CURSOR,
                    size: Size::default(),
                    hotspot: (0, 0),
                    pixels: Arc::default(),
                },
            }));
        }
        Ok(())
    }
}

impl ScreenSource for ApplicationSource {
    fn size(&self) -> Size {
        self.canvas.size()
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
            self.drain()?;
            while let Ok(chosen) = self.chosen.1.try_recv() {
                self.untold.layout |= chosen != self.ids;
                self.ids = chosen;
            }
            let resized = damage.grid().size() != self.size();
            let told = (self.has_untold() || resized) && self.tell(damage, events)?;
            if woken {
                return Ok(Wake::Woken);
            }
            if told {
                return Ok(Wake::Activity);
            }
            let gone_at = self.gone_since.map(|since| since + GONE_AFTER);
            if gone_at.is_some_and(|at| at <= Instant::now()) {
                return Err(CaptureError::ApplicationGone);
            }
            if deadline.is_some_and(|at| at <= Instant::now()) {
                return Ok(Wake::TimedOut);
            }
            // Replies awaited in `tell` may have brought events along; those raise no new edge.
            self.drain()?;
            if !self.has_untold() {
                let until = [deadline, gone_at].into_iter().flatten().min();
                woken = self.sleeper.sleep(&self.display, until)?;
            }
        }
    }

    fn read(&mut self, region: &Region, into: &mut Frame) -> Result<(), CaptureError> {
        if region.grid().size() != self.size() || into.size() != self.size() {
            return Err(CaptureError::SizeChanged);
        }
        let read = if self.composite {
            self.read_windows(region, into)
        } else {
            // Between the look at what covers the windows and the reading nothing may move.
            hold_server(&self.display)?;
            let read = match self.stands() {
                Ok(true) => self.read_windows(region, into),
                Ok(false) => Err(CaptureError::SizeChanged),
                Err(error) => Err(error),
            };
            share_server(&self.display)?;
            read
        };
        if matches!(read, Err(CaptureError::SizeChanged)) {
            self.untold.layout = true;
            self.surprised = true;
        }
        read
    }
}

/// Whether the server can keep the pixels of windows apart, with the names that are needed for it.
fn has_composite(display: &Display) -> Result<bool, CaptureError> {
    if !display.has(composite::X11_EXTENSION_NAME)? {
        return Ok(false);
    }
    let version = display
        .conn
        .composite_query_version(0, 4)
        .map_err(|e| display.lost(e))?
        .reply()
        .map_err(display.no_reply("the version of Composite"))?;
    Ok((version.major_version, version.minor_version) >= (0, 2))
}
