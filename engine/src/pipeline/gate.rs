//! What the stages of one sharer know of each other: counters, who waits, and whom to wake.
//!
//! All of it is atomics. A stage that finds nothing to do announces that it waits, looks once more,
//! and blocks; whoever changes something looks for the announcement afterwards and wakes. Both
//! sides use sequentially consistent operations for announcement and condition, so at least one of
//! them sees the other's (Dekker's argument) and no wake is lost.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::Thread;

use tessera_capture::SourceWaker;

use super::flow;

/// Shared by the capture thread, the encode thread and the transport of one sharer.
pub(crate) struct Gate {
    /// The encoder has a picture that it is not done with.
    encoder_busy: AtomicBool,
    /// The capture thread has damage and waits for a send slot.
    capture_waits: AtomicBool,
    /// The encoder has something to code and waits for a send slot.
    encoder_waits: AtomicBool,
    capture: SourceWaker,
    encoder: OnceLock<Thread>,
    stopped: AtomicBool,
    received: AtomicU64,
    presented: AtomicU64,
    encoded_bytes: AtomicU64,
    received_bytes: AtomicU64,
    congestion_window_bytes: AtomicU64,
    delivery_rate_bytes_per_s: AtomicU64,
    min_rtt_us: AtomicU64,
}

impl Gate {
    pub(crate) fn new(capture: SourceWaker) -> Self {
        Self {
            encoder_busy: AtomicBool::new(false),
            capture_waits: AtomicBool::new(false),
            encoder_waits: AtomicBool::new(false),
            capture,
            encoder: OnceLock::new(),
            stopped: AtomicBool::new(false),
            received: AtomicU64::new(0),
            presented: AtomicU64::new(0),
            encoded_bytes: AtomicU64::new(0),
            received_bytes: AtomicU64::new(0),
            congestion_window_bytes: AtomicU64::new(0),
            delivery_rate_bytes_per_s: AtomicU64::new(0),
            min_rtt_us: AtomicU64::new(0),
        }
    }

    /// What the flow control decides on. The counters are read one by one: each only grows or is a
    /// gauge, so a mixed reading is at worst a slot opened or closed one wake early.
    pub(crate) fn flow(&self) -> flow::State {
        flow::State {
            received: self.received.load(Ordering::SeqCst),
            presented: self.presented.load(Ordering::SeqCst),
            in_flight_bytes: self
                .encoded_bytes
                .load(Ordering::SeqCst)
                .saturating_sub(self.received_bytes.load(Ordering::SeqCst)),
            congestion_window_bytes: self.congestion_window_bytes.load(Ordering::SeqCst),
            delivery_rate_bytes_per_s: self.delivery_rate_bytes_per_s.load(Ordering::SeqCst),
            min_rtt_us: self.min_rtt_us.load(Ordering::SeqCst),
        }
    }

    /// Whether the capture thread may make a picture now: the encoder would take it at once.
    fn may_capture(&self) -> bool {
        !self.encoder_busy.load(Ordering::SeqCst) && self.flow().is_open()
    }

    /// As [`Self::may_capture`]; when not, the source is woken as soon as it may.
    pub(crate) fn may_capture_or_wake(&self) -> bool {
        if self.may_capture() {
            return true;
        }
        self.capture_waits.store(true, Ordering::SeqCst);
        if self.may_capture() {
            self.capture_waits.store(false, Ordering::SeqCst);
            return true;
        }
        false
    }

    /// The capture thread is about to hand over a picture. Said beforehand: the encoder may be done
    /// with the picture before the capture thread runs again.
    pub(crate) fn capturing(&self) {
        self.encoder_busy.store(true, Ordering::SeqCst);
    }

    /// The picture has been handed over.
    pub(crate) fn captured(&self) {
        self.wake_encoder();
    }

    /// There was no picture after all.
    pub(crate) fn not_captured(&self) {
        self.encoder_busy.store(false, Ordering::SeqCst);
    }

    /// The encoder has nothing to do with the picture that it has, or no slot for it: newer pixels
    /// go first. Returns whether the capture thread was waiting for that and now is awake.
    pub(crate) fn encoder_idle(&self) -> bool {
        self.encoder_busy.store(false, Ordering::SeqCst);
        self.flow().is_open() && self.wake_capture()
    }

    /// Whether the encoder may code now; when not, it is woken as soon as that may have changed.
    pub(crate) fn may_encode_or_wake(&self, has_room: impl Fn() -> bool) -> bool {
        let may = || self.flow().is_open() && has_room();
        if may() {
            return true;
        }
        self.encoder_waits.store(true, Ordering::SeqCst);
        may()
    }

    fn wake_capture(&self) -> bool {
        let waits = self.capture_waits.swap(false, Ordering::SeqCst);
        if waits {
            self.capture.wake();
        }
        waits
    }

    /// Names the thread that encodes.
    pub(crate) fn register_encoder(&self, thread: Thread) {
        let _ = self.encoder.set(thread);
    }

    pub(crate) fn wake_encoder(&self) {
        if let Some(thread) = self.encoder.get() {
            thread.unpark();
        }
    }

    /// An update was encoded.
    pub(crate) fn encoded(&self, bytes: u64) {
        self.encoded_bytes.fetch_add(bytes, Ordering::SeqCst);
    }

    /// The viewer has received an update of so many bytes, perhaps the last one of its picture.
    pub(crate) fn received(&self, bytes: u64, ends_picture: bool) {
        self.received.fetch_add(u64::from(ends_picture), Ordering::SeqCst);
        self.received_bytes.fetch_add(bytes, Ordering::SeqCst);
    }

    /// The viewer has presented the last update of a picture, or will never.
    pub(crate) fn presented(&self) {
        self.presented.fetch_add(1, Ordering::SeqCst);
    }

    /// The connection's figures have changed.
    pub(crate) fn path(&self, figures: &tessera_transport::Figures) {
        self.congestion_window_bytes.store(figures.window_bytes, Ordering::SeqCst);
        self.delivery_rate_bytes_per_s.store(figures.delivery_rate_bytes_per_s, Ordering::SeqCst);
        self.min_rtt_us.store(figures.min_rtt_us, Ordering::SeqCst);
    }

    /// Something has changed that may have opened a slot: wakes whoever waits for one, the capture
    /// thread first, since its pixels are newer than what the encoder has left over.
    pub(crate) fn reopen(&self) {
        if !self.flow().is_open() {
            return;
        }
        let capture_goes = !self.encoder_busy.load(Ordering::SeqCst) && self.wake_capture();
        if !capture_goes && self.encoder_waits.swap(false, Ordering::SeqCst) {
            self.wake_encoder();
        }
    }

    /// Makes all stages end.
    pub(crate) fn stop(&self) {
        self.stopped.store(true, Ordering::SeqCst);
        self.capture.wake();
        self.wake_encoder();
    }

    pub(crate) fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::SeqCst)
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn the_updates_of_a_picture_take_one_slot() {
        let poll = mio::Poll::new().expect("an event queue");
        let waker = SourceWaker::new(poll.registry(), mio::Token(0)).expect("a waker");
        let gate = Gate::new(waker);
        for _ in 0..flow::MAX_UNPRESENTED {
            gate.received(0, false);
            gate.received(0, true);
        }
        assert!(gate.flow().is_open());
        gate.received(0, false);
        assert!(gate.flow().is_open(), "the rest of the picture is on its way");
        gate.received(0, true);
        assert!(!gate.flow().is_open());
        gate.presented();
        assert!(gate.flow().is_open());
    }
}
