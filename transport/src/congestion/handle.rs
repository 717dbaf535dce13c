//! What congestion control knows of a link's path, for whoever decides what to send.

use super::unsent::Unsent;
use atomic_waker::AtomicWaker;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};

/// The figures of one link's congestion control. Each is an independent gauge, hence `Relaxed`.
#[derive(Debug, Default)]
pub struct Handle {
    window_bytes: AtomicU64,
    in_flight_bytes: AtomicU64,
    delivery_rate_bytes_per_s: AtomicU64,
    min_rtt_us: AtomicU64,
    queue_delay_us: AtomicU64,
    unsent: Unsent,
    /// Counts the changes of what is above.
    changes: AtomicU64,
    changed: AtomicWaker,
}

/// Values of a [`Handle`], written together.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Gauges {
    pub(super) window_bytes: u64,
    pub(super) in_flight_bytes: u64,
    pub(super) delivery_rate_bytes_per_s: u64,
    pub(super) min_rtt_us: u64,
    pub(super) queue_delay_us: u64,
}

impl Handle {
    /// Bytes that may be in flight.
    pub fn window_bytes(&self) -> u64 {
        self.window_bytes.load(Ordering::Relaxed)
    }

    /// Bytes sent on the present path and neither acknowledged nor given up.
    pub fn in_flight_bytes(&self) -> u64 {
        self.in_flight_bytes.load(Ordering::Relaxed)
    }

    /// Rate that the path delivers, in bytes per second; 0 before the first measurement. While there was too little to
    /// send it is what was seen before, or more if more was delivered.
    pub fn delivery_rate_bytes_per_s(&self) -> u64 {
        self.delivery_rate_bytes_per_s.load(Ordering::Relaxed)
    }

    /// Smallest round trip of the present path; 0 before the first.
    pub fn min_rtt_us(&self) -> u64 {
        self.min_rtt_us.load(Ordering::Relaxed)
    }

    /// What stands in the path's queues, beyond the smallest round trip.
    pub fn queue_delay_us(&self) -> u64 {
        self.queue_delay_us.load(Ordering::Relaxed)
    }

    /// Exact damage that was handed to QUIC and has not been sent yet, in bytes; with it what was lost and has to be sent
    /// again. Reckoned: see `congestion/unsent.rs`.
    pub fn unsent_exact_bytes(&self) -> u64 {
        self.unsent.exact_bytes()
    }

    /// The same of pictures in motion and refinement, which wait for all exact damage.
    pub fn unsent_pictures_bytes(&self) -> u64 {
        self.unsent.pictures_bytes()
    }

    /// Waits until any figure has changed since `seen`, which is then brought up to date. For one task at a time.
    pub fn poll_changed(&self, seen: &mut u64, context: &Context<'_>) -> Poll<()> {
        self.changed.register(context.waker());
        let changes = self.changes.load(Ordering::Acquire);
        if std::mem::replace(seen, changes) == changes { Poll::Pending } else { Poll::Ready(()) }
    }

    pub(crate) fn hand_over_exact(&self, bytes: usize) {
        self.unsent.exact(bytes as u64);
    }

    pub(crate) fn hand_over_pictures(&self, bytes: usize) {
        self.unsent.pictures(bytes as u64);
    }

    pub(super) fn unsent(&self) -> &Unsent {
        &self.unsent
    }

    pub(super) fn publish(&self, gauges: Gauges) {
        self.window_bytes.store(gauges.window_bytes, Ordering::Relaxed);
        self.in_flight_bytes.store(gauges.in_flight_bytes, Ordering::Relaxed);
        self.delivery_rate_bytes_per_s.store(gauges.delivery_rate_bytes_per_s, Ordering::Relaxed);
        self.min_rtt_us.store(gauges.min_rtt_us, Ordering::Relaxed);
        self.queue_delay_us.store(gauges.queue_delay_us, Ordering::Relaxed);
        self.changes.fetch_add(1, Ordering::Release);
        self.changed.wake();
    }
}
