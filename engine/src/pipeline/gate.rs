//! Who of a share's stages waits for what, and whom to wake.
//!
//! All of it is atomics. A stage that finds nothing to do announces that it waits, looks once more,
//! and blocks; whoever changes something looks for the announcement afterwards and wakes. Both
//! sides use sequentially consistent operations for announcement and condition, so at least one of
//! them sees the other's (Dekker's argument) and no wake is lost.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::Thread;

use tessera_capture::SourceWaker;

/// Shared by the capture thread, the encode thread and the connections of one share.
pub(crate) struct Gate {
    /// The encoder has a picture that it is not done with.
    encoder_busy: AtomicBool,
    /// The capture thread has damage and waits for a send slot.
    capture_waits: AtomicBool,
    /// The encoder has something to do and waits for a send slot.
    encoder_waits: AtomicBool,
    capture: SourceWaker,
    encoder: OnceLock<Thread>,
    stopped: AtomicBool,
}

impl Gate {
    pub(crate) const fn new(capture: SourceWaker) -> Self {
        Self {
            encoder_busy: AtomicBool::new(false),
            capture_waits: AtomicBool::new(false),
            encoder_waits: AtomicBool::new(false),
            capture,
            encoder: OnceLock::new(),
            stopped: AtomicBool::new(false),
        }
    }

    /// Whether the capture thread may make a picture now: the encoder would take it at once, since
    /// it is done with the one before and, as `is_open` tells, some viewer has a send slot. When it
    /// may not, the source is woken as soon as it may.
    pub(crate) fn may_capture_or_wake(&self, is_open: impl Fn() -> bool) -> bool {
        let may = || !self.encoder_busy.load(Ordering::SeqCst) && is_open();
        if may() {
            return true;
        }
        self.capture_waits.store(true, Ordering::SeqCst);
        if may() {
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

    /// The encoder holds the picture for something else, and the source is woken when it lays it down
    /// and some viewer has a slot. It may have done so by now: the capture thread looks once more.
    pub(crate) fn capture_waits_for_picture(&self) {
        self.encoder_busy.store(false, Ordering::SeqCst);
        self.capture_waits.store(true, Ordering::SeqCst);
    }

    /// The encoder has nothing to do with the picture that it has, or no slot for it: newer pixels
    /// go first, if some viewer has a slot. Returns whether the capture thread was waiting for that
    /// and now is awake.
    pub(crate) fn encoder_idle(&self, is_open: bool) -> bool {
        self.encoder_busy.store(false, Ordering::SeqCst);
        is_open && self.wake_capture()
    }

    /// The encoder has something to do for viewers without a slot, and is woken when one may have
    /// opened from now on; it looks once more before it sleeps.
    pub(crate) fn encoder_waits(&self) {
        self.encoder_waits.store(true, Ordering::SeqCst);
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

    /// A slot may have opened: wakes whoever waits for one, the capture thread first, since its
    /// pixels are newer than what the encoder has left over.
    pub(crate) fn reopen(&self) {
        let capture_goes = !self.encoder_busy.load(Ordering::SeqCst) && self.wake_capture();
        if !capture_goes && self.encoder_waits.swap(false, Ordering::SeqCst) {
            self.wake_encoder();
        }
    }

    /// Viewers have come or gone: both threads look at them.
    pub(crate) fn viewers_changed(&self) {
        self.capture.wake();
        self.wake_encoder();
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
