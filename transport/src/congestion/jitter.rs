//! How much round trips vary by themselves.
//!
//! A window without room for it would keep a path that jitters from being used: the mean round trip is longer than the
//! smallest without any queue. What stands in a queue all the time does not count, or the window would follow its own
//! queue upwards.

use super::delivery::Round;

/// Rounds of which the smallest round trip stands for the path without jitter; at least this many, at most twice.
const ROUNDS: u32 = 8;

/// The difference between the mean round trip and the smallest of the last rounds.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Jitter {
    mean_rtt_us: u64,
    /// Smallest of the rounds counted at present, and of those before.
    least_us: [Option<u64>; 2],
    rounds: u32,
}

impl Jitter {
    pub(super) fn on_round(&mut self, round: &Round) {
        self.mean_rtt_us = match self.mean_rtt_us {
            0 => round.mean_rtt_us,
            mean_us => (7 * mean_us + round.mean_rtt_us) / 8,
        };
        if self.rounds == ROUNDS {
            self.rounds = 0;
            self.least_us = [None, self.least_us[0]];
        }
        self.rounds += 1;
        let least_us = self.least_us[0].unwrap_or(u64::MAX);
        self.least_us[0] = Some(least_us.min(round.min_rtt_us));
    }

    /// In microseconds; 0 before the first round.
    pub(super) fn us(&self) -> u64 {
        let least_us = self.least_us.iter().flatten().min();
        least_us.map_or(0, |least_us| self.mean_rtt_us.saturating_sub(*least_us))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round(min_rtt_us: u64, mean_rtt_us: u64) -> Round {
        Round {
            rate_bytes_per_s: 0,
            limited: false,
            min_rtt_us,
            mean_rtt_us,
            delivered_bytes: 0,
            lost_bytes: 0,
        }
    }

    #[test]
    fn a_queue_that_stands_is_no_jitter_for_long() {
        let mut jitter = Jitter::default();
        for _ in 0..30 {
            jitter.on_round(&round(40_000, 42_000));
        }
        assert_eq!(jitter.us(), 2_000);
        for _ in 0..60 {
            jitter.on_round(&round(90_000, 92_000));
        }
        assert!(jitter.us() <= 2_000, "{}", jitter.us());
    }

    #[test]
    fn what_varies_from_round_to_round_is() {
        let mut jitter = Jitter::default();
        for number in 0..64 {
            let rtt_us = 40_000 + number % 4 * 10_000;
            jitter.on_round(&round(rtt_us, rtt_us));
        }
        assert!((13_000..17_500).contains(&jitter.us()), "{}", jitter.us());
    }
}
