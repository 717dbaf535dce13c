//! One direction of a path: what becomes of a packet, and when.

use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};

/// How packets are lost, in the model of Gilbert and Elliott: the link is good or bad for some time, and loses a part of
/// what is sent meanwhile.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Loss {
    /// Share of packets lost while the link is good, 0 to 1.
    pub good: f64,
    /// Share of packets lost while it is bad.
    pub bad: f64,
    /// How long it is good, on average.
    pub good_us: f64,
    /// How long it is bad, on average.
    pub bad_us: f64,
}

impl Loss {
    /// No packet is lost.
    pub const NONE: Self = Self::random(0.0);

    /// Each packet is lost with the same chance.
    pub const fn random(share: f64) -> Self {
        Self { good: share, bad: share, good_us: 1e6, bad_us: 1e6 }
    }

    /// All is lost for `burst_us` at a time, on average, and for `share` of the time.
    pub fn bursts(share: f64, burst_us: f64) -> Self {
        Self { good: 0.0, bad: 1.0, good_us: burst_us * (1.0 - share) / share, bad_us: burst_us }
    }
}

/// What a link does to packets.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Profile {
    /// Bits that pass the bottleneck each second.
    pub rate_bits_per_s: u64,
    /// Time from the bottleneck to the other side.
    pub delay_us: u64,
    /// Most that is added to it: drawn evenly every 10 ms, as where others use the same air. Packets stay in order.
    pub jitter_us: u64,
    /// What is lost before the bottleneck.
    pub loss: Loss,
    /// Share of packets that `reorder_us` are added to, so that others overtake them.
    pub reordered: f64,
    /// See [`Profile::reordered`].
    pub reorder_us: u64,
    /// Share of packets that arrive twice.
    pub duplicated: f64,
    /// Bytes that wait before the bottleneck; what comes when it is full is lost.
    pub queue_bytes: u64,
}

impl Profile {
    /// A clean link with a queue that holds `queue_us` at its rate.
    pub const fn new(rate_bits_per_s: u64, delay_us: u64, queue_us: u64) -> Self {
        Self {
            rate_bits_per_s,
            delay_us,
            jitter_us: 0,
            loss: Loss::NONE,
            reordered: 0.0,
            reorder_us: 0,
            duplicated: 0.0,
            queue_bytes: rate_bits_per_s / 8 * queue_us / 1_000_000,
        }
    }

    /// 20 Mbit/s, 40 ms both ways together, 150 ms of queue.
    pub const DSL: Self = Self::new(20_000_000, 20_000, 150_000);

    /// 4 Mbit/s, 100 ms both ways together, 2 % of loss, 200 ms of queue.
    pub const BAD: Self =
        Self { loss: Loss::random(0.02), ..Self::new(4_000_000, 50_000, 200_000) };
}

/// How long a jitter lasts.
const JITTER_US: u64 = 10_000;

/// Bytes of the headers below UDP's payload: IPv4 and UDP.
const HEADER_BYTES: u64 = 28;

/// One direction of a path.
#[derive(Debug)]
pub struct Link {
    profile: Profile,
    random: StdRng,
    is_bad: bool,
    /// When it turns from good to bad or back.
    turns_us: f64,
    /// When the bottleneck has sent all that was let in.
    busy_until_us: f64,
    /// When the last packet in order arrives.
    last_arrival_us: u64,
    /// What jitter adds at present, as a share of the most it may, and until when.
    jitter: f64,
    jitter_until_us: u64,
}

/// When a packet arrives; twice if it is duplicated, never if it is lost.
pub type Arrivals = [Option<u64>; 2];

impl Link {
    /// A link whose chances are drawn from `seed`.
    pub fn new(profile: Profile, seed: u64) -> Self {
        Self {
            profile,
            random: StdRng::seed_from_u64(seed),
            is_bad: true,
            turns_us: 0.0,
            busy_until_us: 0.0,
            last_arrival_us: 0,
            jitter: 0.0,
            jitter_until_us: 0,
        }
    }

    /// What the link does at present.
    pub fn profile(&self) -> Profile {
        self.profile
    }

    /// Does otherwise from now on; what waits in the queue waits on.
    pub fn change(&mut self, profile: Profile) {
        self.profile = profile;
    }

    /// How long a packet that comes at `now_us` waits before it is sent.
    pub fn queued_us(&self, now_us: u64) -> u64 {
        (self.busy_until_us - now_us as f64).max(0.0) as u64
    }

    /// Takes a packet of `payload_bytes` at `now_us`, which must not decrease, and tells when it arrives.
    pub fn send(&mut self, now_us: u64, payload_bytes: u64) -> Arrivals {
        let profile = self.profile;
        while now_us as f64 >= self.turns_us {
            self.is_bad = !self.is_bad;
            let mean_us = if self.is_bad { profile.loss.bad_us } else { profile.loss.good_us };
            // Exponentially distributed; never so short that this loop would not end.
            self.turns_us += (-(1.0 - self.random.random::<f64>()).ln() * mean_us).max(1.0);
        }
        let lost = if self.is_bad { profile.loss.bad } else { profile.loss.good };
        let bytes = payload_bytes + HEADER_BYTES;
        let waiting_us = (self.busy_until_us - now_us as f64).max(0.0);
        let bytes_per_us = profile.rate_bits_per_s as f64 / 8e6;
        let is_full = waiting_us * bytes_per_us + bytes as f64 > profile.queue_bytes as f64;
        if self.chance(lost) || is_full {
            return [None; 2];
        }
        let sent_us = now_us as f64 + waiting_us + bytes as f64 / bytes_per_us;
        self.busy_until_us = sent_us;
        if now_us >= self.jitter_until_us {
            self.jitter = self.random.random();
            self.jitter_until_us = now_us + JITTER_US;
        }
        let jitter_us = (profile.jitter_us as f64 * self.jitter) as u64;
        let mut arrival_us =
            (sent_us.ceil() as u64 + profile.delay_us + jitter_us).max(self.last_arrival_us);
        if self.chance(profile.reordered) {
            arrival_us += profile.reorder_us;
        } else {
            self.last_arrival_us = arrival_us;
        }
        let again = self.chance(profile.duplicated).then_some(arrival_us);
        [Some(arrival_us), again]
    }

    fn chance(&mut self, share: f64) -> bool {
        // Drawn each time, so that a changed profile does not shift what befalls later packets.
        self.random.random::<f64>() < share
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arrivals(profile: Profile, seed: u64, count: u64, every_us: u64) -> Vec<Arrivals> {
        let mut link = Link::new(profile, seed);
        (0..count).map(|number| link.send(number * every_us, 1172)).collect()
    }

    #[test]
    fn the_same_seed_is_the_same_weather() {
        let profile = Profile {
            jitter_us: 5_000,
            reordered: 0.1,
            reorder_us: 9_000,
            duplicated: 0.1,
            ..Profile::BAD
        };
        assert_eq!(arrivals(profile, 1, 1000, 3_000), arrivals(profile, 1, 1000, 3_000));
        assert_ne!(arrivals(profile, 1, 1000, 3_000), arrivals(profile, 2, 1000, 3_000));
    }

    #[test]
    fn a_bottleneck_spaces_packets_and_drops_what_its_queue_does_not_hold() {
        // 1,200 bytes at 4 Mbit/s: 2.4 ms; 24,000 bytes of queue: 20 packets.
        let arrived = arrivals(Profile::new(4_000_000, 50_000, 48_000), 0, 30, 0);
        let times: Vec<u64> = arrived.iter().filter_map(|[first, _]| *first).collect();
        assert_eq!(times, (1..=20).map(|nth| 50_000 + nth * 2_400).collect::<Vec<_>>());
    }

    #[test]
    fn losses_come_in_bursts_of_the_length_and_share_that_were_asked_for() {
        let loss = Loss::bursts(0.02, 10_000.0);
        let profile = Profile { loss, ..Profile::new(1_000_000_000, 0, 1_000_000) };
        let lost: Vec<bool> =
            arrivals(profile, 7, 1_000_000, 1_000).iter().map(|it| it[0].is_none()).collect();
        let count = lost.iter().filter(|it| **it).count();
        let bursts = lost.windows(2).filter(|pair| !pair[0] && pair[1]).count();
        let share = count as f64 / lost.len() as f64;
        let length = count as f64 / bursts as f64;
        assert!((0.018..0.022).contains(&share), "{share}");
        assert!((9.0..11.5).contains(&length), "{length}");
    }

    #[test]
    fn jitter_keeps_the_order_and_reordering_does_not() {
        let in_order = Profile { jitter_us: 20_000, ..Profile::new(20_000_000, 20_000, 150_000) };
        let times = |profile| -> Vec<u64> {
            arrivals(profile, 3, 2_000, 1_000).iter().filter_map(|it| it[0]).collect()
        };
        assert!(times(in_order).is_sorted());
        let reordering = Profile { reordered: 0.05, reorder_us: 10_000, ..in_order };
        let overtaken = times(reordering).windows(2).filter(|pair| pair[0] > pair[1]).count();
        assert!((20..200).contains(&overtaken), "{overtaken}");
    }
}
