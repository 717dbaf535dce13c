//! The clipboard of a display (the selection `CLIPBOARD`; ICCCM 2).
//!
//! Nothing is read before somebody needs it: a program that copies something is told of with the
//! kinds that it offers, and the content is asked for with [`Clipboard::read`] only when it is pasted
//! elsewhere. What is offered here from elsewhere is fetched the same way, when a program here pastes.
//! What is selected with the mouse alone (`PRIMARY`) is left alone. Content is bytes: no picture is
//! decoded here.

mod reading;
mod requests;
mod serving;

use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use x11rb::connection::Connection;
use x11rb::protocol::Event;
use x11rb::protocol::xfixes::{self, ConnectionExt as _, SelectionEventMask};
use x11rb::protocol::xproto::{
    Atom, ConnectionExt as _, CreateWindowAux, EventMask, Property, Timestamp, Window, WindowClass,
};

use super::connection::Display;
use super::sleeper::Sleeper;
use crate::{CaptureError, SourceWaker};
use reading::Reading;
use serving::Serving;

/// How long the other end of a transfer may do nothing.
const PATIENCE: Duration = Duration::from_secs(10);

/// What the clipboard may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ClipboardKind {
    /// Text in UTF-8.
    Text,
    /// A picture as a PNG file.
    Png,
}

impl ClipboardKind {
    /// Both, the more telling one first.
    pub const ALL: [Self; 2] = [Self::Text, Self::Png];

    /// Most bytes of content; more is not taken and not given. A book has 1 MB of text, and a full
    /// screen as PNG a few megabytes.
    #[must_use]
    pub const fn limit_bytes(self) -> usize {
        match self {
            Self::Text => 1 << 20,
            Self::Png => 16 << 20,
        }
    }
}

/// What happens on the clipboard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClipboardEvent {
    /// A program of the display has copied something that can be had in these kinds; in none, when it
    /// is something else.
    Copied(Vec<ClipboardKind>),
    /// A program of the display pastes what was [offered](Clipboard::offer): answer with
    /// [`Clipboard::give`].
    Wanted {
        /// Names this request in the answer.
        request: u32,
        /// What is wanted.
        kind: ClipboardKind,
    },
    /// The answer to [`Clipboard::read`]; `None` when there is no such content, it is too large, or
    /// its program does not give it.
    Read(ClipboardKind, Option<Vec<u8>>),
    /// The display is gone; nothing follows.
    Gone,
}

/// What the thread is asked to do.
enum Order {
    Offer(Vec<ClipboardKind>),
    Give(u32, Option<Vec<u8>>),
    Read(ClipboardKind),
    End,
}

/// See the module text. Dropping it ends the thread, and what was offered can be pasted no longer.
#[derive(Debug)]
pub struct Clipboard {
    orders: Sender<Order>,
    waker: SourceWaker,
    thread: Option<JoinHandle<()>>,
}

impl Clipboard {
    /// Watches the clipboard of `display` (`None`: that of the environment) on a thread of its own,
    /// which calls `on_event`.
    ///
    /// # Errors
    /// When the display cannot be opened, lacks XFIXES, or no thread can be started.
    pub fn open(
        display: Option<&str>,
        on_event: impl FnMut(ClipboardEvent) + Send + 'static,
    ) -> Result<Self, CaptureError> {
        let display = Display::open(display)?;
        display.require(xfixes::X11_EXTENSION_NAME)?;
        let sleeper = Sleeper::new(&display)?;
        let waker = sleeper.waker();
        let (orders, received) = channel();
        let watcher = Watcher::new(display, sleeper, received, Box::new(on_event))?;
        let thread = thread::Builder::new()
            .name("clipboard".into())
            .spawn(move || watcher.run())
            .map_err(|source| CaptureError::System { what: "a thread", source })?;
        Ok(Self { orders, waker, thread: Some(thread) })
    }

    /// Lets programs of the display paste content of these kinds from now on; of none: no longer.
    /// Nothing of it is needed before a program does.
    pub fn offer(&self, kinds: Vec<ClipboardKind>) {
        self.order(Order::Offer(kinds));
    }

    /// Answers [`ClipboardEvent::Wanted`]; content beyond the kind's limit counts as none.
    pub fn give(&self, request: u32, content: Option<Vec<u8>>) {
        self.order(Order::Give(request, content));
    }

    /// Reads what a program of the display has copied; [`ClipboardEvent::Read`] follows.
    pub fn read(&self, kind: ClipboardKind) {
        self.order(Order::Read(kind));
    }

    fn order(&self, order: Order) {
        // A thread that has ended has said so.
        if self.orders.send(order).is_ok() {
            self.waker.wake();
        }
    }
}

impl Drop for Clipboard {
    fn drop(&mut self) {
        self.order(Order::End);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Names of what is exchanged.
#[derive(Clone, Copy, Debug)]
struct Atoms {
    clipboard: Atom,
    targets: Atom,
    utf8: Atom,
    string: Atom,
    plain: Atom,
    png: Atom,
    incr: Atom,
    /// The property of the own window that others write into.
    received: Atom,
}

impl Atoms {
    fn new(display: &Display) -> Result<Self, CaptureError> {
        let atom = |name: &[u8]| {
            let cookie = display.conn.intern_atom(false, name).map_err(|e| display.lost(e))?;
            let reply = cookie.reply().map_err(display.no_reply("names of the clipboard"))?;
            Ok::<_, CaptureError>(reply.atom)
        };
        Ok(Self {
            clipboard: atom(b"CLIPBOARD")?,
            targets: atom(b"TARGETS")?,
            utf8: atom(b"UTF8_STRING")?,
            string: atom(b"STRING")?,
            plain: atom(b"text/plain;charset=utf-8")?,
            png: atom(b"image/png")?,
            incr: atom(b"INCR")?,
            received: atom(b"TESSERA_CLIPBOARD")?,
        })
    }

    /// The kind of content that a target means.
    fn kind(&self, target: Atom) -> Option<ClipboardKind> {
        match target {
            it if [self.utf8, self.string, self.plain].contains(&it) => Some(ClipboardKind::Text),
            it if it == self.png => Some(ClipboardKind::Png),
            _ => None,
        }
    }
}

/// The thread's state.
struct Watcher {
    display: Display,
    sleeper: Sleeper,
    orders: Receiver<Order>,
    on_event: Box<dyn FnMut(ClipboardEvent) + Send>,
    atoms: Atoms,
    window: Window,
    reading: Reading,
    serving: Serving,
}

impl Watcher {
    fn new(
        display: Display,
        sleeper: Sleeper,
        orders: Receiver<Order>,
        on_event: Box<dyn FnMut(ClipboardEvent) + Send>,
    ) -> Result<Self, CaptureError> {
        let conn = &display.conn;
        conn.xfixes_query_version(5, 0)
            .map_err(|e| display.lost(e))?
            .reply()
            .map_err(display.no_reply("the version of XFIXES"))?;
        let atoms = Atoms::new(&display)?;
        let window = display.id()?;
        let events = CreateWindowAux::new().event_mask(EventMask::PROPERTY_CHANGE);
        let class = WindowClass::INPUT_ONLY;
        conn.create_window(0, window, display.root, 0, 0, 1, 1, 0, class, 0, &events)
            .map_err(|e| display.lost(e))?;
        let changes = SelectionEventMask::SET_SELECTION_OWNER
            | SelectionEventMask::SELECTION_WINDOW_DESTROY
            | SelectionEventMask::SELECTION_CLIENT_CLOSE;
        conn.xfixes_select_selection_input(window, atoms.clipboard, changes)
            .map_err(|e| display.lost(e))?;
        let owner = conn.get_selection_owner(atoms.clipboard).map_err(|e| display.lost(e))?;
        let owner = owner.reply().map_err(display.no_reply("the clipboard's owner"))?.owner;
        let mut watcher = Self {
            display,
            sleeper,
            orders,
            on_event,
            atoms,
            window,
            reading: Reading::default(),
            serving: Serving::default(),
        };
        watcher.owned_by(owner, x11rb::CURRENT_TIME)?;
        Ok(watcher)
    }

    fn run(mut self) {
        while let Ok(true) = self.step() {}
        (self.on_event)(ClipboardEvent::Gone);
    }

    /// Does what there is to do and sleeps; `false` when it is over.
    fn step(&mut self) -> Result<bool, CaptureError> {
        while let Some(event) =
            self.display.conn.poll_for_event().map_err(|e| self.display.lost(e))?
        {
            self.on_server_event(&event)?;
        }
        while let Ok(order) = self.orders.try_recv() {
            match order {
                Order::Offer(kinds) => self.offer(kinds)?,
                Order::Give(request, content) => self.give(request, content)?,
                Order::Read(kind) => self.read(kind)?,
                Order::End => return Ok(false),
            }
        }
        let now = Instant::now();
        self.reading_timed_out(now)?;
        self.serving.give_up(now);
        // Replies that were awaited may have brought events along; those raise no new edge.
        while let Some(event) =
            self.display.conn.poll_for_event().map_err(|e| self.display.lost(e))?
        {
            self.on_server_event(&event)?;
        }
        let due = [self.reading.due(), self.serving.due()].into_iter().flatten().min();
        self.sleeper.sleep(&self.display, due)?;
        Ok(true)
    }

    fn on_server_event(&mut self, event: &Event) -> Result<(), CaptureError> {
        match event {
            Event::XfixesSelectionNotify(event) => {
                self.owned_by(event.owner, event.selection_timestamp)
            }
            Event::SelectionNotify(event) => self.converted(event.target, event.property),
            Event::SelectionRequest(event) => self.requested(event),
            Event::PropertyNotify(event) if event.window == self.window => {
                match event.state == Property::NEW_VALUE && event.atom == self.atoms.received {
                    true => self.arrived(),
                    false => Ok(()),
                }
            }
            Event::PropertyNotify(event) if event.state == Property::DELETE => {
                self.taken(event.window, event.atom)
            }
            _ => Ok(()),
        }
    }

    /// Another program owns the clipboard now, or this one, or none.
    fn owned_by(&mut self, owner: Window, since: Timestamp) -> Result<(), CaptureError> {
        if owner == self.window {
            return Ok(());
        }
        self.serving.disown();
        if owner == x11rb::NONE {
            (self.on_event)(ClipboardEvent::Copied(Vec::new()));
            return Ok(());
        }
        self.ask_targets(since)
    }
}
