//! Token buckets: how often something may happen, for one source and for all together.
//!
//! Pure: time is an argument in microseconds from any fixed start, so that the tests need no clock. What is
//! limited, and the answer a limited caller gets, are [`service`](crate::service)'s business.

use std::collections::HashMap;
use std::fmt;
use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr};

const US_PER_S: u64 = 1_000_000;

/// Size and refill rate of a bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rate {
    /// Events that may happen at once after a quiet time.
    pub(crate) burst: u32,
    /// Time after which one more event is allowed, in microseconds; not zero.
    pub(crate) interval_us: u64,
}

impl Rate {
    /// `burst` events at once and `per_minute` (1 to 60,000,000) in the long run.
    pub(crate) const fn per_minute(burst: u32, per_minute: u32) -> Self {
        Self { burst, interval_us: 60 * US_PER_S / per_minute as u64 }
    }

    /// Time in which an empty bucket becomes full, in microseconds.
    fn refill_us(self) -> u64 {
        u64::from(self.burst) * self.interval_us
    }
}

/// One bucket, kept as the time at which it will be full: nothing has to be updated while it is idle.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Bucket {
    full_at_us: u64,
}

impl Bucket {
    /// Takes one event at `now_us`, or answers `false` and takes nothing.
    pub(crate) fn allow(&mut self, rate: Rate, now_us: u64) -> bool {
        let has_room = self.has_room(rate, now_us);
        if has_room {
            self.take(rate, now_us);
        }
        has_room
    }

    /// Whether one event fits at `now_us`; it is not taken yet.
    fn has_room(self, rate: Rate, now_us: u64) -> bool {
        self.taken_until(rate, now_us) <= now_us.saturating_add(rate.refill_us())
    }

    fn take(&mut self, rate: Rate, now_us: u64) {
        self.full_at_us = self.taken_until(rate, now_us);
    }

    fn taken_until(self, rate: Rate, now_us: u64) -> u64 {
        self.full_at_us.max(now_us).saturating_add(rate.interval_us)
    }

    fn is_full(self, now_us: u64) -> bool {
        self.full_at_us <= now_us
    }
}

/// What an address is limited as: an IPv4 address, or the /64 that one IPv6 customer usually holds whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Source(IpAddr);

impl From<IpAddr> for Source {
    fn from(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(v4) => Self(IpAddr::V4(v4)),
            IpAddr::V6(v6) => {
                Self(IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX))))
            }
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A bucket for each source and one that all share.
#[derive(Debug)]
pub(crate) struct Limiter<K> {
    per_source: Rate,
    global: Rate,
    shared: Bucket,
    sources: HashMap<K, Bucket>,
    max_sources: usize,
}

impl<K: Eq + Hash> Limiter<K> {
    /// A limiter that remembers at most `max_sources` sources that have used their bucket lately.
    pub(crate) fn new(per_source: Rate, global: Rate, max_sources: usize) -> Self {
        Self { per_source, global, shared: Bucket::default(), sources: HashMap::new(), max_sources }
    }

    /// Takes one event of `source` at `now_us`, or answers `false` and takes nothing.
    ///
    /// A refused event costs the shared bucket nothing: one flooding source cannot lock out the others by
    /// being refused. When `max_sources` are in use, a new source is refused until one of them is idle.
    pub(crate) fn allow(&mut self, source: K, now_us: u64) -> bool {
        if !self.shared.has_room(self.global, now_us) {
            return false;
        }
        if self.sources.len() >= self.max_sources && !self.sources.contains_key(&source) {
            self.sources.retain(|_, bucket| !bucket.is_full(now_us));
            if self.sources.len() >= self.max_sources {
                return false;
            }
        }
        let allowed = self.sources.entry(source).or_default().allow(self.per_source, now_us);
        if allowed {
            self.shared.take(self.global, now_us);
        }
        allowed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: Rate = Rate { burst: 3, interval_us: 1_000 };
    const WIDE: Rate = Rate { burst: 1_000, interval_us: 1 };

    fn allowed(limiter: &mut Limiter<u32>, source: u32, now_us: u64, tries: u32) -> u32 {
        (0..tries).map(|_| u32::from(limiter.allow(source, now_us))).sum()
    }

    #[test]
    fn a_quiet_source_has_its_burst_and_then_one_event_per_interval() {
        let mut limiter = Limiter::new(RATE, WIDE, 16);
        assert_eq!(allowed(&mut limiter, 1, 5_000, 10), 3);
        assert_eq!(allowed(&mut limiter, 1, 5_999, 10), 0);
        assert_eq!(allowed(&mut limiter, 1, 6_000, 10), 1);
        assert_eq!(allowed(&mut limiter, 1, 8_000, 10), 2);
        assert_eq!(allowed(&mut limiter, 1, 1_000_000, 10), 3, "never more than the burst");
    }

    #[test]
    fn sources_do_not_share_their_buckets() {
        let mut limiter = Limiter::new(RATE, WIDE, 16);
        assert_eq!(allowed(&mut limiter, 1, 0, 10), 3);
        assert_eq!(allowed(&mut limiter, 2, 0, 10), 3);
    }

    #[test]
    fn all_sources_together_are_limited() {
        let mut limiter = Limiter::new(RATE, Rate { burst: 5, interval_us: 1_000 }, 16);
        assert_eq!((0..10).map(|source| allowed(&mut limiter, source, 0, 3)).sum::<u32>(), 5);
        assert_eq!(allowed(&mut limiter, 11, 1_000, 3), 1);
    }

    #[test]
    fn a_refused_source_leaves_the_shared_bucket_to_the_others() {
        let mut limiter = Limiter::new(RATE, Rate { burst: 6, interval_us: 1_000 }, 16);
        assert_eq!(allowed(&mut limiter, 1, 0, 1_000), 3);
        assert_eq!(allowed(&mut limiter, 2, 0, 1_000), 3);
    }

    #[test]
    fn memory_is_bounded_and_idle_sources_make_room() {
        let mut limiter = Limiter::new(RATE, WIDE, 4);
        assert_eq!((0..100).map(|source| allowed(&mut limiter, source, 0, 1)).sum::<u32>(), 4);
        assert_eq!(limiter.sources.len(), 4);
        assert_eq!(allowed(&mut limiter, 100, 999, 1), 0);
        assert_eq!(allowed(&mut limiter, 100, 1_000, 1), 1);
        assert_eq!(limiter.sources.len(), 1);
    }

    #[test]
    fn a_clock_that_goes_back_gives_nothing_away() {
        let mut limiter = Limiter::new(RATE, WIDE, 16);
        assert_eq!(allowed(&mut limiter, 1, 10_000, 10), 3);
        assert_eq!(allowed(&mut limiter, 1, 0, 10), 0);
    }

    #[test]
    fn per_minute_rates_are_exact() {
        let rate = Rate::per_minute(1, 30);
        assert_eq!(rate.interval_us, 2 * US_PER_S);
    }

    #[test]
    fn an_ipv6_source_is_its_network_and_a_mapped_address_is_ipv4() {
        let source = |text: &str| Source::from(text.parse::<IpAddr>().expect("an address"));
        assert_eq!(source("2001:db8:1:2::1"), source("2001:db8:1:2:ffff::9"));
        assert_ne!(source("2001:db8:1:2::1"), source("2001:db8:1:3::1"));
        assert_eq!(source("::ffff:192.0.2.1"), source("192.0.2.1"));
        assert_ne!(source("192.0.2.1"), source("192.0.2.2"));
    }
}
