//! What the capture thread, the encode thread and the connections of one share hold in common.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tessera_capture::{CaptureError, CursorShape, SourceWaker};

use super::gate::Gate;
use super::seat::Seat;
use super::slot::Slot;
use crate::figures::CodingCounters;

/// No position.
const NOWHERE: u64 = u64::MAX;

/// What the capture thread tells besides pixels.
#[derive(Debug)]
#[non_exhaustive]
pub enum SourceNotice {
    /// The cursor has a new image.
    Cursor(CursorShape),
    /// Somebody at the shared screen pressed a button of a pointing device; not told of injected input.
    LocalPress,
    /// A sentence for the person who shares.
    Remark(String),
    /// Capture has failed and ended; the share is over.
    Gone(CaptureError),
}

/// Receives notices; called on the capture thread, must return at once.
pub(crate) type OnNotice = Box<dyn Fn(SourceNotice) + Send>;

/// The viewers of a share.
pub(crate) type Seating = Vec<Arc<Seat>>;

/// Tells each thread of a share, whenever viewers come or go, who they are then.
pub(crate) struct Seatings {
    pub(crate) for_capture: Slot<Seating>,
    pub(crate) for_encode: Slot<Seating>,
}

impl Seatings {
    pub(crate) fn new() -> Self {
        Self { for_capture: Slot::new(), for_encode: Slot::new() }
    }

    pub(crate) fn announce(&self, seating: &Seating, gate: &Gate) {
        drop(self.for_capture.put(Box::new(seating.clone())));
        drop(self.for_encode.put(Box::new(seating.clone())));
        gate.viewers_changed();
    }
}

/// One share, from the first wait of the capture thread to its end.
pub(crate) struct Stage {
    pub(crate) gate: Gate,
    /// x in the upper, y in the lower 16 of the low 32 bits; or [`NOWHERE`].
    pointer: AtomicU64,
    pub(crate) coding: Arc<CodingCounters>,
}

impl Stage {
    pub(crate) const fn new(capture: SourceWaker, coding: Arc<CodingCounters>) -> Self {
        Self { gate: Gate::new(capture), pointer: AtomicU64::new(NOWHERE), coding }
    }

    /// Takes note of where the pointer is; [`Seat::pointer_moved`] tells a viewer's connection.
    pub(crate) fn set_pointer(&self, x: u16, y: u16) {
        // Sequentially consistent with the wake that follows.
        self.pointer.store(u64::from(x) << 16 | u64::from(y), Ordering::SeqCst);
    }

    /// Where the pointer is, if the source has told.
    pub(crate) fn pointer(&self) -> Option<(u16, u16)> {
        let packed = self.pointer.load(Ordering::SeqCst);
        (packed != NOWHERE).then_some(((packed >> 16 & 0xffff) as u16, (packed & 0xffff) as u16))
    }
}
