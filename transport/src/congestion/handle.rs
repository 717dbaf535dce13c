//! What congestion control knows of a link's path, for whoever decides what to send.

use std::sync::atomic::{AtomicU64, Ordering};

/// The figures of one link's congestion control. Each is an independent gauge, hence `Relaxed`.
#[derive(Debug, Default)]
pub struct Handle {
    window_bytes: AtomicU64,
    in_flight_bytes: AtomicU64,
    delivery_rate_bytes_per_s: AtomicU64,
    min_rtt_us: AtomicU64,
    queue_delay_us: AtomicU64,
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

    pub(super) fn publish(&self, gauges: Gauges) {
        self.window_bytes.store(gauges.window_bytes, Ordering::Relaxed);
        self.in_flight_bytes.store(gauges.in_flight_bytes, Ordering::Relaxed);
        self.delivery_rate_bytes_per_s.store(gauges.delivery_rate_bytes_per_s, Ordering::Relaxed);
        self.min_rtt_us.store(gauges.min_rtt_us, Ordering::Relaxed);
        self.queue_delay_us.store(gauges.queue_delay_us, Ordering::Relaxed);
    }
}
