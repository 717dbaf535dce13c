//! What a session may still pass through the relay: a rate and an allowance, counted by all event loops together.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Shortest burst: packets that were held up together for this time may pass together.
const BURST_NS: u64 = 50_000_000;
/// Smallest burst: two of the largest batches that a system hands over at once.
const BURST_BYTES: u64 = 128 << 10;

/// Rate and allowance of one session.
///
/// The rate is kept as the time until which the session has paid for what passed. All accesses are relaxed: each value
/// stands for itself, and a packet more or less at the limit does no harm.
#[derive(Debug)]
pub(super) struct Meter {
    rate_kbit_s: u64,
    paid_until_ns: AtomicU64,
    left_bytes: AtomicU64,
}

impl Meter {
    /// `rate_kbit_s` must not be 0.
    pub(super) fn new(rate_kbit_s: u32, allowance_mib: u32) -> Self {
        Self {
            rate_kbit_s: rate_kbit_s.max(1).into(),
            paid_until_ns: AtomicU64::new(0),
            left_bytes: AtomicU64::new(u64::from(allowance_mib) << 20),
        }
    }

    /// How many of `bytes`, packets of `stride_bytes` each and perhaps a shorter one at the end, may pass at `now_ns`
    /// (nanoseconds from any fixed start): all of them, or as many whole packets as there is room for.
    pub(super) fn admit(&self, bytes: usize, stride_bytes: usize, now_ns: u64) -> usize {
        let in_rate = |paid_until_ns: u64| {
            let until_ns = now_ns.saturating_add(self.burst_ns());
            let room_ns = until_ns.saturating_sub(paid_until_ns.max(now_ns));
            if self.cost_ns(bytes) <= room_ns {
                return bytes;
            }
            let packets = room_ns / self.cost_ns(stride_bytes).max(1);
            usize::try_from(packets).unwrap_or(usize::MAX).saturating_mul(stride_bytes).min(bytes)
        };
        let mut admitted = 0;
        let taken = self.left_bytes.fetch_update(Relaxed, Relaxed, |left_bytes| {
            admitted = in_rate(self.paid_until_ns.load(Relaxed));
            if left_bytes < admitted as u64 {
                admitted = 0;
                return (left_bytes > 0).then_some(0);
            }
            Some(left_bytes - admitted as u64)
        });
        if taken.is_err() || admitted == 0 {
            return 0;
        }
        let cost_ns = self.cost_ns(admitted);
        // Never fails: the closure always has a value.
        let _ = self.paid_until_ns.fetch_update(Relaxed, Relaxed, |paid_until_ns| {
            Some(paid_until_ns.max(now_ns).saturating_add(cost_ns))
        });
        admitted
    }

    /// Whether nothing will pass any more.
    pub(super) fn is_exhausted(&self) -> bool {
        self.left_bytes.load(Relaxed) == 0
    }

    fn cost_ns(&self, bytes: usize) -> u64 {
        (bytes as u64).saturating_mul(8_000_000) / self.rate_kbit_s
    }

    fn burst_ns(&self) -> u64 {
        BURST_NS.max(self.cost_ns(BURST_BYTES as usize))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND_NS: u64 = 1_000_000_000;
    const PACKET: usize = 1200;

    /// Bytes that pass in `seconds` when packets come `times` as fast as they may.
    fn passed(meter: &Meter, seconds: u64, times: u64) -> u64 {
        let packets = seconds * 12_500 * times;
        (0..packets)
            .map(|index| meter.admit(PACKET, PACKET, index * seconds * SECOND_NS / packets) as u64)
            .sum()
    }

    #[test]
    fn what_comes_too_fast_passes_at_the_rate() {
        // 120 Mbit/s are 12,500 packets a second.
        let meter = Meter::new(120_000, 1 << 20);
        let rate = 15_000_000;
        assert_eq!(passed(&meter, 2, 1), 2 * rate, "all of what comes at the rate");
        let meter = Meter::new(120_000, 1 << 20);
        let all = passed(&meter, 2, 4);
        assert!((2 * rate..2 * rate + rate / 19).contains(&all), "{all} bytes");
    }

    #[test]
    fn a_batch_passes_in_part_at_the_limit() {
        let meter = Meter::new(1000, 1);
        let batch = 54 * PACKET;
        assert_eq!(meter.admit(batch, PACKET, 0), batch);
        assert_eq!(meter.admit(batch, PACKET, 0), batch);
        assert_eq!(meter.admit(batch, PACKET, 0), PACKET, "128 KiB are a burst at a low rate");
        assert_eq!(meter.admit(PACKET, PACKET, 0), 0);
    }

    #[test]
    fn an_allowance_is_used_up_for_good() {
        let meter = Meter::new(u32::MAX, 1);
        let passed: usize =
            (0..1000).map(|second| meter.admit(PACKET, PACKET, second * SECOND_NS)).sum();
        assert_eq!(passed, (1 << 20) / PACKET * PACKET);
        assert!(meter.is_exhausted());
    }

    #[test]
    fn a_clock_that_goes_back_gives_nothing_away() {
        let meter = Meter::new(1000, 1 << 10);
        while meter.admit(PACKET, PACKET, SECOND_NS) > 0 {}
        assert_eq!(meter.admit(PACKET, PACKET, 0), 0);
    }
}
