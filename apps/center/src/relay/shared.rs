//! What the event loops of one relay share: who the relay is, its table of channels, and how each loop hears of changes.

use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use std::sync::atomic::{AtomicBool, AtomicUsize};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use crossbeam::queue::ArrayQueue;
use mio::Waker;
use tessera_transport::Fingerprint;
use tessera_transport::relay::Cookies;

use super::channels::{Change, Channels, Now, TunnelId};
use super::counters::Counters;
use super::tunnel::{Accepted, Places};

/// Batches that may wait for the tunnels of one loop; beyond, they are dropped as if the tunnel were full.
const DELIVERIES: usize = 1024;

/// One relay.
#[derive(Debug)]
pub(super) struct Shared {
    /// The relay itself; what binds are signed for.
    pub(super) relay: Fingerprint,
    /// Whose tokens count.
    pub(super) center: Fingerprint,
    pub(super) cookies: Cookies,
    pub(super) counters: Counters,
    started: Instant,
    /// Who has a tunnel.
    pub(super) places: Arc<Places>,
    channels: Mutex<Channels>,
    mailboxes: Vec<Mailbox>,
    assigned: AtomicUsize,
    is_over: AtomicBool,
}

/// What one event loop has yet to learn. It is filled by binds and new connections, which are limited, and emptied at
/// every wake-up; packets have a queue with a bound, and no lock.
#[derive(Debug)]
pub(super) struct Mailbox {
    waker: Waker,
    /// Whether there is something behind the two locks, so that a loop that only forwards takes neither. Released after
    /// something was put there, and acquired before it is taken.
    has_news: AtomicBool,
    changes: Mutex<Vec<Change>>,
    connections: Mutex<Vec<Accepted>>,
    deliveries: ArrayQueue<Delivery>,
}

/// Packets of `stride_bytes` each, the last of which may be shorter, for one tunnel of a loop.
#[derive(Debug)]
pub(super) struct Delivery {
    pub(super) number: usize,
    pub(super) bytes: Box<[u8]>,
    pub(super) stride_bytes: usize,
}

impl Mailbox {
    pub(super) fn new(waker: Waker) -> Self {
        Self {
            waker,
            has_news: AtomicBool::new(false),
            changes: Mutex::default(),
            connections: Mutex::default(),
            deliveries: ArrayQueue::new(DELIVERIES),
        }
    }

    fn tell(&self) {
        self.has_news.store(true, Release);
        self.wake();
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
            counters: Counters::default(),
            places: Arc::default(),
            started: Instant::now(),
            channels: Mutex::new(channels),
            mailboxes,
            assigned: AtomicUsize::new(0),
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
            mailbox.tell();
        }
    }

    /// What the loop of this index has to learn, in order, and the connections that it is to serve; `None` when there is
    /// nothing new.
    pub(super) fn take_news(&self, index: usize) -> Option<(Vec<Change>, Vec<Accepted>)> {
        let mailbox = self.mailboxes.get(index).filter(|it| it.has_news.swap(false, Acquire))?;
        let changes = &mut *mailbox.changes.lock().unwrap_or_else(PoisonError::into_inner);
        let connections = &mut *mailbox.connections.lock().unwrap_or_else(PoisonError::into_inner);
        Some((std::mem::take(changes), std::mem::take(connections)))
    }

    /// Gives a connection to one loop after the other.
    pub(super) fn assign(&self, connection: Accepted) {
        let turn = self.assigned.fetch_add(1, Relaxed) % self.mailboxes.len().max(1);
        if let Some(mailbox) = self.mailboxes.get(turn) {
            mailbox.connections.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
            mailbox.tell();
        }
    }

    /// Hands packets over to the loop of a tunnel; `false` when too many wait there.
    pub(super) fn deliver(&self, to: TunnelId, bytes: &[u8], stride_bytes: usize) -> bool {
        let Some(mailbox) = self.mailboxes.get(to.event_loop) else { return false };
        let delivery = Delivery { number: to.number, bytes: bytes.into(), stride_bytes };
        let has_room = mailbox.deliveries.push(delivery).is_ok();
        mailbox.wake();
        has_room
    }

    /// The next packets for a tunnel of the loop of this index.
    pub(super) fn take_delivery(&self, index: usize) -> Option<Delivery> {
        self.mailboxes.get(index)?.deliveries.pop()
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
