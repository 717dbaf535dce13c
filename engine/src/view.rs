//! Pictures of a shared desktop on their way to a window, and input on its way back.
//!
//! The decoder puts the newest picture into a [`Handle`] and calls its wake function; the window's
//! thread takes it with [`Handle::advance`], shows it and says so with [`Handle::presented`]. That
//! acknowledgement is what lets the sharer send more, so a window calls it for every picture it
//! took, shown or hidden. A window that is late misses pictures, never pixels.
//!
//! How a window draws is not here.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use atomic_waker::AtomicWaker;
use crossbeam::queue::ArrayQueue;
use tessera_capture::{CursorShape, InputEvent};
use tessera_codec::{Frame, FrameView, Region, Size};

use crate::clock;
use crate::figures::{Figures, ShareFigures};
use crate::pipeline::pictures::{Reader, Writer, pictures};
use crate::pipeline::slot::Slot;

/// Input events that may wait for the transport; more are discarded and counted.
const INPUT_QUEUE: usize = 1024;

/// Presentations that may wait for the transport. The sharer sends no more than three updates ahead
/// of the latest presentation, so a few are enough.
const PRESENTED_QUEUE: usize = 16;

/// What is known about a picture besides its pixels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PictureInfo {
    /// Number of the latest update in it.
    pub update: u64,
    /// Whether no tile is approximate: each equals, bit by bit, the sharer's desktop at the moment
    /// when the sharer coded that tile. On a desktop that stands still, the whole picture then
    /// equals it.
    pub exact: bool,
    /// Whether that has been found true: hashes of what is shown were compared with the sharer's.
    /// Some 50 ms after the desktop has come to rest.
    pub verified: bool,
    /// When the latest update was received, by this program's clock in microseconds.
    pub received_us: u64,
    /// When it had been decoded.
    pub decoded_us: u64,
    /// When the sharer noticed the damage, by the sharer's clock; 0 when unknown.
    pub damage_us: u64,
}

/// The newest picture of a view.
#[derive(Clone, Copy, Debug)]
pub struct Picture<'a> {
    /// All pixels.
    pub frame: FrameView<'a>,
    /// Tiles that differ from the picture taken before; all of them after a change of size.
    pub changed: &'a Region,
    /// What is known about it.
    pub info: PictureInfo,
}

/// The remote cursor, drawn by the window over the picture.
#[derive(Clone, Copy, Debug)]
pub struct Cursor<'a> {
    /// Its image; `None` until the sharer has sent one.
    pub shape: Option<&'a CursorShape>,
    /// Position of the hot spot in pixels of the picture.
    pub x: u16,
    /// The same, downwards.
    pub y: u16,
}

/// A presentation to be acknowledged.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Presented {
    pub(crate) update: u64,
    pub(crate) presented_us: u64,
}

type Wake = Box<dyn Fn() + Send + Sync>;

/// What the window, the decode thread and the transport share.
pub(crate) struct Shared {
    wake: OnceLock<Wake>,
    cursor_shape: Slot<CursorShape>,
    /// x in the upper, y in the lower 16 of the low 32 bits.
    cursor_position: AtomicU64,
    input: ArrayQueue<InputEvent>,
    pub(crate) presented: ArrayQueue<Presented>,
    /// Wakes the sender of input.
    pub(crate) input_ready: AtomicWaker,
    /// Wakes the sender of acknowledgements.
    acknowledge: Arc<AtomicWaker>,
    figures: Arc<ShareFigures>,
}

impl Shared {
    pub(crate) fn wake(&self) {
        if let Some(wake) = self.wake.get() {
            wake();
        }
    }

    /// The next input event, of a run of pointer motions only the last; `peeked` keeps what was seen
    /// after such a run.
    pub(crate) fn next_input(&self, peeked: &mut Option<InputEvent>) -> Option<InputEvent> {
        let mut event = peeked.take().or_else(|| self.input.pop())?;
        while matches!(event, InputEvent::Pointer { .. }) {
            match self.input.pop() {
                Some(further @ InputEvent::Pointer { .. }) => event = further,
                other => {
                    *peeked = other;
                    break;
                }
            }
        }
        Some(event)
    }

    pub(crate) fn set_cursor_shape(&self, shape: Box<CursorShape>) {
        self.cursor_shape.put(shape);
        self.wake();
    }

    pub(crate) fn set_cursor_position(&self, x: u16, y: u16) {
        // Relaxed: the position is one word and orders nothing else.
        self.cursor_position.store(u64::from(x) << 16 | u64::from(y), Ordering::Relaxed);
        self.wake();
    }
}

/// The window's end of a view: one for each share.
pub struct Handle {
    pictures: Reader<PictureInfo>,
    shared: Arc<Shared>,
    cursor: Option<Box<CursorShape>>,
}

/// The other end of a [`Handle`]: what the decode thread fills, and what a program that makes
/// pictures itself can fill by hand.
pub struct Feed {
    pictures: Writer<PictureInfo>,
    pub(crate) shared: Arc<Shared>,
}

/// Makes a view of `size` and its feed.
#[must_use]
pub fn feed(size: Size) -> (Feed, Handle) {
    feed_with(size, Arc::default(), Arc::default())
}

/// As [`feed`], counting in `figures` and waking `acknowledge` for each presentation.
pub(crate) fn feed_with(
    size: Size,
    figures: Arc<ShareFigures>,
    acknowledge: Arc<AtomicWaker>,
) -> (Feed, Handle) {
    let (writer, reader) = pictures(size);
    let shared = Arc::new(Shared {
        wake: OnceLock::new(),
        cursor_shape: Slot::new(),
        cursor_position: AtomicU64::new(0),
        input: ArrayQueue::new(INPUT_QUEUE),
        presented: ArrayQueue::new(PRESENTED_QUEUE),
        input_ready: AtomicWaker::new(),
        acknowledge,
        figures,
    });
    let handle = Handle { pictures: reader, shared: Arc::clone(&shared), cursor: None };
    (Feed { pictures: writer, shared }, handle)
}

impl Feed {
    /// Shows `picture`, in which the tiles of `changed` are new, and wakes the window.
    ///
    /// `changed` counts in the grid of the picture's size; a picture of another size than the one
    /// before is shown whole.
    pub fn show(&mut self, picture: FrameView<'_>, changed: &Region, info: PictureInfo) {
        self.pictures.resize(picture.size());
        let copied: Result<bool, std::convert::Infallible> = self.pictures.write(
            changed,
            |tiles, frame: &mut Frame| {
                for rect in tiles.rects() {
                    frame.copy_rect(picture, rect);
                }
                Ok(())
            },
            |described| *described = info,
        );
        match copied {
            Ok(is_shown) => {
                debug_assert!(is_shown, "of three pictures the reader holds two at most");
                self.shared.wake();
            }
            Err(never) => match never {},
        }
    }

    /// Changes the image of the remote cursor.
    pub fn set_cursor_shape(&self, shape: CursorShape) {
        self.shared.set_cursor_shape(Box::new(shape));
    }

    /// Moves the remote cursor.
    pub fn set_cursor_position(&self, x: u16, y: u16) {
        self.shared.set_cursor_position(x, y);
    }

    /// Takes the next input event that the window has sent.
    pub fn next_input(&self) -> Option<InputEvent> {
        self.shared.input.pop()
    }
}

impl Handle {
    /// Sets the function that is called after each new picture, cursor shape or cursor position,
    /// and calls it once. It runs on the library's threads and must return at once; only the first
    /// one set counts.
    pub fn on_wake(&self, wake: impl Fn() + Send + Sync + 'static) {
        let _ = self.shared.wake.set(Box::new(wake));
        self.shared.wake();
    }

    /// Takes the newest picture; `false` when there is none since the last call.
    pub fn advance(&mut self) -> bool {
        self.pictures.advance()
    }

    /// The picture taken last; `None` before the first.
    #[must_use]
    pub fn picture(&self) -> Option<Picture<'_>> {
        self.pictures.current().map(|picture| Picture {
            frame: picture.frame.view(),
            changed: &picture.changed,
            info: picture.meta,
        })
    }

    /// Says that the picture taken last is on the screen.
    pub fn presented(&self) {
        let Some(picture) = self.pictures.current() else {
            return;
        };
        let presented_us = clock::now_us();
        self.shared.figures.on_presented(&picture.meta, presented_us);
        // A full queue holds older presentations, of which the newest says everything.
        let _ = self
            .shared
            .presented
            .force_push(Presented { update: picture.meta.update, presented_us });
        self.shared.acknowledge.wake();
    }

    /// The remote cursor.
    pub fn cursor(&mut self) -> Cursor<'_> {
        if let Some(shape) = self.shared.cursor_shape.take() {
            self.cursor = Some(shape);
        }
        let position = self.shared.cursor_position.load(Ordering::Relaxed);
        Cursor {
            shape: self.cursor.as_deref(),
            x: (position >> 16 & 0xffff) as u16,
            y: (position & 0xffff) as u16,
        }
    }

    /// Sends input to the sharer, who discards it while control is not granted.
    ///
    /// Coordinates are pixels of the picture. Returns `false` when the event was discarded here
    /// because too many wait.
    pub fn send_input(&self, event: InputEvent) -> bool {
        self.input().send(event)
    }

    /// A sender of input for another thread; cheap to clone.
    #[must_use]
    pub fn input(&self) -> InputSender {
        InputSender { shared: Arc::clone(&self.shared) }
    }

    /// Counters of this view.
    #[must_use]
    pub fn figures(&self) -> Figures {
        self.shared.figures.snapshot()
    }
}

/// Sends input of one view from any thread.
#[derive(Clone)]
pub struct InputSender {
    shared: Arc<Shared>,
}

impl InputSender {
    /// As [`Handle::send_input`].
    pub fn send(&self, event: InputEvent) -> bool {
        let taken = self.shared.input.push(event).is_ok();
        self.shared.figures.on_input(taken);
        self.shared.input_ready.wake();
        taken
    }
}

impl std::fmt::Debug for Handle {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Handle").field("picture", &self.picture()).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Feed {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Feed").finish_non_exhaustive()
    }
}

impl std::fmt::Debug for InputSender {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("InputSender").finish_non_exhaustive()
    }
}
