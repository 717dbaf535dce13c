//! What the capture thread, the encode thread and the transport of one share hold in common.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use atomic_waker::AtomicWaker;
use crossbeam::atomic::AtomicCell;
use crossbeam::queue::ArrayQueue;
use tessera_capture::{CaptureError, CursorShape, SourceWaker};
use tessera_codec::{ColourMode, Payload, Track};
use tessera_transport::report::Report;

use super::gate::Gate;
use super::sharer::MAX_UNACKNOWLEDGED;
use crate::figures::ShareFigures;

/// Payloads that may wait for the transport. Flow control keeps it nearly empty: it fills only when
/// many tiny updates meet a connection that takes none.
const OUTBOX: usize = 64;

/// More payloads than one call of the encoder makes.
const OUTBOX_RESERVE: usize = 16;

/// Reports of a viewer that may wait for the encoder, which looks for them each time it is woken.
const REPORTS: usize = 64;

/// No position.
const NOWHERE: u64 = u64::MAX;

/// What the capture thread tells besides pixels.
#[derive(Debug)]
#[non_exhaustive]
pub enum SourceNotice {
    /// The cursor has a new image.
    Cursor(CursorShape),
    /// A sentence for the person who shares.
    Remark(String),
    /// Capture has failed and ended; the share is over.
    Gone(CaptureError),
}

/// Receives notices; called on the capture thread, must return at once.
pub(crate) type OnNotice = Box<dyn Fn(SourceNotice) + Send>;

/// An encoded update on its way to the transport.
pub(crate) struct Outgoing {
    pub(crate) payload: Payload,
    /// When the damage in it was noticed.
    pub(crate) damage_us: u64,
    /// Whether it is the last update of its picture.
    pub(crate) ends_picture: bool,
}

/// One share, from the first wait of the capture thread to its end.
pub(crate) struct Stage {
    pub(crate) gate: Gate,
    outbox: ArrayQueue<Outgoing>,
    outbox_ready: AtomicWaker,
    /// Leaves and video frames that the viewer did not apply, by the encoder's numbers. Never full: it holds as many
    /// as may be on the way, and while the encoder does not look nothing new is sent.
    lost: ArrayQueue<(Track, u32)>,
    /// What the viewer says is wrong with its picture.
    reports: ArrayQueue<Report>,
    /// x in the upper, y in the lower 16 of the low 32 bits; or [`NOWHERE`].
    pointer: AtomicU64,
    pointer_moved: AtomicWaker,
    /// How many colours pictures have from the next update on.
    colours: AtomicCell<ColourMode>,
    pub(crate) figures: Arc<ShareFigures>,
}

impl Stage {
    pub(crate) fn new(
        capture: SourceWaker,
        colours: ColourMode,
        figures: Arc<ShareFigures>,
    ) -> Self {
        Self {
            gate: Gate::new(capture),
            outbox: ArrayQueue::new(OUTBOX),
            outbox_ready: AtomicWaker::new(),
            lost: ArrayQueue::new(MAX_UNACKNOWLEDGED),
            reports: ArrayQueue::new(REPORTS),
            pointer: AtomicU64::new(NOWHERE),
            pointer_moved: AtomicWaker::new(),
            colours: AtomicCell::new(colours),
            figures,
        }
    }

    /// Whether the outbox takes all updates of one more call of the encoder.
    pub(crate) fn has_room(&self) -> bool {
        self.outbox.len() + OUTBOX_RESERVE <= OUTBOX
    }

    /// Queues an update; `false` when there is no room, which [`Self::has_room`] rules out.
    pub(crate) fn push(&self, outgoing: Outgoing) -> bool {
        self.outbox.push(outgoing).is_ok()
    }

    pub(crate) fn wake_transport(&self) {
        self.outbox_ready.wake();
    }

    /// The next update to send. Cancel-safe.
    pub(crate) async fn next_outgoing(&self) -> Outgoing {
        std::future::poll_fn(|context| {
            self.outbox_ready.register(context.waker());
            match self.outbox.pop() {
                Some(outgoing) => std::task::Poll::Ready(outgoing),
                None => std::task::Poll::Pending,
            }
        })
        .await
    }

    /// The viewer has not applied the encoder's update `number` of `track`, no chain update: what was in
    /// it must be sent again.
    pub(crate) fn lost(&self, track: Track, number: u32) {
        self.lost.force_push((track, number));
        self.gate.wake_encoder();
    }

    /// The next update that was lost.
    pub(crate) fn next_lost(&self) -> Option<(Track, u32)> {
        self.lost.pop()
    }

    /// Passes on what the viewer says is wrong with its picture; `false` when too much waits.
    pub(crate) fn report(&self, report: Report) -> bool {
        let is_taken = self.reports.push(report).is_ok();
        self.gate.wake_encoder();
        is_taken
    }

    /// The next report to heed.
    pub(crate) fn next_report(&self) -> Option<Report> {
        self.reports.pop()
    }

    /// Chooses how many colours pictures have, also where nothing changes.
    pub(crate) fn set_colours(&self, colours: ColourMode) {
        self.colours.store(colours);
        self.gate.wake_encoder();
    }

    pub(crate) fn colours(&self) -> ColourMode {
        self.colours.load()
    }

    pub(crate) fn set_pointer(&self, x: u16, y: u16) {
        // Relaxed: one word that orders nothing else.
        self.pointer.store(u64::from(x) << 16 | u64::from(y), Ordering::Relaxed);
        self.pointer_moved.wake();
    }

    /// Where the pointer is, if the source has told.
    pub(crate) fn pointer(&self) -> Option<(u16, u16)> {
        let packed = self.pointer.load(Ordering::Relaxed);
        (packed != NOWHERE).then_some(((packed >> 16 & 0xffff) as u16, (packed & 0xffff) as u16))
    }

    /// Waits until the pointer is elsewhere than at `known`. Cancel-safe.
    pub(crate) async fn pointer_other_than(&self, known: Option<(u16, u16)>) -> (u16, u16) {
        std::future::poll_fn(|context| {
            self.pointer_moved.register(context.waker());
            match self.pointer() {
                Some(pointer) if Some(pointer) != known => std::task::Poll::Ready(pointer),
                _ => std::task::Poll::Pending,
            }
        })
        .await
    }
}
