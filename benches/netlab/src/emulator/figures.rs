//! What a direction of a link has carried, counted while it works.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::direction::Fate;

/// What one direction of a link has done since it was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DirectionFigures {
    /// Packets that arrived.
    pub packets: u64,
    /// Their bytes, IP headers included.
    pub bytes: u64,
    /// Packets lost on the way.
    pub lost: u64,
    /// Packets that the queue had no room for, or that came while the link was cut.
    pub dropped: u64,
    /// Time that the packets carried have waited in the queue, together.
    pub queued: Duration,
    /// The longest of these waits.
    pub queued_longest: Duration,
    /// Time that packets were handed over after their arrival was due, together: the emulator's own error.
    pub late: Duration,
    /// The longest of these.
    pub late_longest: Duration,
    /// Packets that were more than half a millisecond late.
    pub late_packets: u64,
}

/// What is late enough to count. Arbitrary: well under the millisecond that measurements are read in.
const LATE_NS: u64 = 500_000;

#[derive(Debug, Default)]
pub(super) struct Counters {
    packets: AtomicU64,
    bytes: AtomicU64,
    lost: AtomicU64,
    dropped: AtomicU64,
    queued_ns: AtomicU64,
    queued_longest_ns: AtomicU64,
    late_ns: AtomicU64,
    late_longest_ns: AtomicU64,
    late_packets: AtomicU64,
}

impl Counters {
    pub(super) fn count(&self, fate: Fate) {
        match fate {
            Fate::Carried { queued } => {
                self.queued_ns.fetch_add(nanoseconds(queued), Ordering::Relaxed);
                self.queued_longest_ns.fetch_max(nanoseconds(queued), Ordering::Relaxed);
            }
            Fate::Lost => drop(self.lost.fetch_add(1, Ordering::Relaxed)),
            Fate::Dropped => drop(self.dropped.fetch_add(1, Ordering::Relaxed)),
        }
    }

    pub(super) fn count_arrival(&self, bytes: usize, late: Duration) {
        let late_ns = nanoseconds(late);
        self.packets.fetch_add(1, Ordering::Relaxed);
        self.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
        self.late_ns.fetch_add(late_ns, Ordering::Relaxed);
        self.late_longest_ns.fetch_max(late_ns, Ordering::Relaxed);
        self.late_packets.fetch_add(u64::from(late_ns > LATE_NS), Ordering::Relaxed);
    }

    /// What was the longest is so no more.
    pub(super) fn forget_longest(&self) {
        self.queued_longest_ns.store(0, Ordering::Relaxed);
        self.late_longest_ns.store(0, Ordering::Relaxed);
    }

    pub(super) fn figures(&self) -> DirectionFigures {
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let time = |counter: &AtomicU64| Duration::from_nanos(count(counter));
        DirectionFigures {
            packets: count(&self.packets),
            bytes: count(&self.bytes),
            lost: count(&self.lost),
            dropped: count(&self.dropped),
            queued: time(&self.queued_ns),
            queued_longest: time(&self.queued_longest_ns),
            late: time(&self.late_ns),
            late_longest: time(&self.late_longest_ns),
            late_packets: count(&self.late_packets),
        }
    }
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
