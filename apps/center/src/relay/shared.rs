//! What the event loops of one relay share: who the relay is, its table of channels, and how each loop hears of changes.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use mio::Waker;
use tessera_transport::Fingerprint;
use tessera_transport::relay::Cookies;

use super::channels::{Change, Channels, Now};
use super::counters::Counters;

/// One relay.
#[derive(Debug)]
pub(super) struct Shared {
    /// The relay itself; what binds are signed for.
    pub(super) relay: Fingerprint,
    /// Whose tokens count.
    pub(super) center: Fingerprint,
    pub(super) cookies: Cookies,
    pub(super) counters: Arc<Counters>,
    started: Instant,
    channels: Mutex<Channels>,
    mailboxes: Vec<Mailbox>,
    is_over: AtomicBool,
}

/// What one event loop has yet to learn. It is filled by binds, which are limited, and emptied at every wake-up.
#[derive(Debug)]
pub(super) struct Mailbox {
    waker: Waker,
    changes: Mutex<Vec<Change>>,
}

impl Mailbox {
    pub(super) fn new(waker: Waker) -> Self {
        Self { waker, changes: Mutex::default() }
    }

    fn wake(&self) {
        // A loop that cannot be woken looks by itself when its poll times out.
        let _ = self.waker.wake();
    }
}

impl Shared {
    pub(super) fn new(
        relay: Fingerprint,
        center: Fingerprint,
        cookies: Cookies,
        channels: Channels,
        mailboxes: Vec<Mailbox>,
    ) -> Self {
        Self {
            relay,
            center,
            cookies,
            counters: Arc::default(),
            started: Instant::now(),
            channels: Mutex::new(channels),
            mailboxes,
            is_over: AtomicBool::new(false),
        }
    }

    pub(super) fn channels(&self) -> MutexGuard<'_, Channels> {
        // Changes of a bind that panicked half-way are unknown to the loops: its ends are silent and expire.
        self.channels.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells every loop.
    pub(super) fn publish(&self, changes: &[Change]) {
        if changes.is_empty() {
            return;
        }
        for mailbox in &self.mailboxes {
            let mut waiting = mailbox.changes.lock().unwrap_or_else(PoisonError::into_inner);
            waiting.extend_from_slice(changes);
            drop(waiting);
            mailbox.wake();
        }
    }

    /// What the loop of this index has to learn, in order.
    pub(super) fn take_changes(&self, index: usize) -> Vec<Change> {
        let Some(mailbox) = self.mailboxes.get(index) else { return Vec::new() };
        std::mem::take(&mut mailbox.changes.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Tells every loop to end.
    pub(super) fn end(&self) {
        self.is_over.store(true, Relaxed);
        self.mailboxes.iter().for_each(Mailbox::wake);
    }

    pub(super) fn is_over(&self) -> bool {
        self.is_over.load(Relaxed)
    }

    /// Nanoseconds since the relay started.
    pub(super) fn now_ns(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    /// This moment in seconds.
    pub(super) fn now(&self) -> Now {
        let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Now { since_start_s: self.started.elapsed().as_secs(), unix_s: unix.as_secs() }
    }
}
