//! When the sharer may send, and how much: pure functions of what is known about the viewer.
//!
//! A send slot is open while the viewer keeps up with presenting and the path has room. With an
//! open slot any damage goes at once; without one it waits as damage and merges, so that nothing
//! stale is ever encoded.

/// Pictures that a viewer may have received and not yet presented, each of one update or of two:
/// on the chain and on a leaf. Two let the decoder work on one while the other is shown; more would
/// only queue. What is still on its way does not count: a fixed number in flight would tie the rate
/// to the round trip.
pub(crate) const MAX_UNPRESENTED: u64 = 2;

/// Queueing that the sender may add to the path's own round trip, in microseconds.
const QUEUE_TARGET_US: u64 = 20_000;

/// How much of a path's time one update may take, in microseconds: what does not fit stays damage,
/// and by the time it is encoded it is newer.
const UPDATE_TARGET_US: u64 = 30_000;

/// Smallest window and update budget, in bytes: ten packets (RFC 9002, section 7.2), so that a path without
/// a measured rate can begin.
const MIN_BYTES: u64 = 12_000;

/// Largest update in bytes, whatever the path carries: bounds what a pooled buffer grows to.
const MAX_UPDATE_BYTES: u64 = 8 << 20;

/// What is known about a path and the viewer at its end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct State {
    /// Pictures that the viewer has reported as received.
    pub(crate) received: u64,
    /// Pictures that it has reported as presented.
    pub(crate) presented: u64,
    /// Bytes encoded and not yet reported as received.
    pub(crate) in_flight_bytes: u64,
    /// Congestion window of the connection.
    pub(crate) congestion_window_bytes: u64,
    /// Measured delivery rate in bytes per second; 0 before the first sample.
    pub(crate) delivery_rate_bytes_per_s: u64,
    /// Smallest round trip seen on the path.
    pub(crate) min_rtt_us: u64,
}

impl State {
    /// Bytes that may be in flight: what the path delivers in a round trip plus the queueing
    /// allowed, but no less than the congestion window, which probes for more.
    fn window_bytes(&self) -> u64 {
        bytes_in(self.delivery_rate_bytes_per_s, self.min_rtt_us + QUEUE_TARGET_US)
            .max(self.congestion_window_bytes)
            .max(MIN_BYTES)
    }

    /// Whether a send slot is open.
    pub(crate) fn is_open(&self) -> bool {
        self.received.saturating_sub(self.presented) <= MAX_UNPRESENTED
            && self.in_flight_bytes < self.window_bytes()
    }

    /// Most bytes that the next update may have.
    ///
    /// An update may overfill the window: cutting it to what is left would fill the path with
    /// slivers. The next slot opens only when the excess is gone.
    pub(crate) fn budget_bytes(&self) -> usize {
        let budget = bytes_in(self.delivery_rate_bytes_per_s, UPDATE_TARGET_US)
            .max(self.congestion_window_bytes)
            .clamp(MIN_BYTES, MAX_UPDATE_BYTES);
        usize::try_from(budget).unwrap_or(usize::MAX)
    }
}

fn bytes_in(rate_bytes_per_s: u64, time_us: u64) -> u64 {
    u64::try_from(u128::from(rate_bytes_per_s) * u128::from(time_us) / 1_000_000)
        .unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_path_may_send() {
        assert!(State::default().is_open());
        assert_eq!(State::default().budget_bytes() as u64, MIN_BYTES);
    }

    #[test]
    fn a_viewer_that_does_not_present_closes_the_slot() {
        let behind = |received| State { received, presented: 5, ..State::default() };
        assert!(behind(7).is_open());
        assert!(!behind(8).is_open());
    }

    #[test]
    fn updates_on_their_way_are_limited_by_bytes_alone() {
        // 20 Mbit/s and 40 ms: 2.5 MB/s x 60 ms = 150 kB.
        let dsl = State {
            delivery_rate_bytes_per_s: 2_500_000,
            min_rtt_us: 40_000,
            in_flight_bytes: 149_999,
            ..State::default()
        };
        assert!(dsl.is_open());
        assert!(!State { in_flight_bytes: 150_000, ..dsl }.is_open());
        assert_eq!(dsl.budget_bytes(), 75_000);
    }
}
