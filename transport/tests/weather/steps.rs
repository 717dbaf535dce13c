//! What the window makes of a path that changes at once.

use crate::flows::{pair, rate_over, saturate, seconds};
use tessera_netsim::{Network, Profile, Side, run};

/// A saturated link on `before` for 8 s, then on `after`.
struct Step {
    before: Profile,
    after: Profile,
}

/// What came of it.
struct Answer {
    /// Seconds after the step until the queue was at most 60 ms long for the rest.
    settled_s: f64,
    /// Share of the new rate that was used from 4 s after the step on.
    used: f64,
    longest_queue_us: u64,
}

impl Step {
    fn run(&self) -> Answer {
        let seed = crate::seed();
        run(async {
            let network = Network::new(self.before, self.before, seed);
            let pair = pair(&network).await;
            let arrived = saturate(&pair);
            seconds(8.0).await;
            network.forget_queues();
            network.change(Side::Left, self.after);
            let (mut settled_s, mut longest_queue_us) = (0.0, 0);
            for tick in 1..=400 {
                seconds(0.01).await;
                let queued_us = network.queued_us(Side::Left);
                longest_queue_us = queued_us.max(longest_queue_us);
                if queued_us > 60_000 {
                    settled_s = f64::from(tick) / 100.0;
                }
            }
            let rate = rate_over(&arrived, 10.0).await;
            let used = rate / self.after.rate_bits_per_s as f64;
            println!("settled after {settled_s} s, {longest_queue_us} us at most, {used} used");
            Answer { settled_s, used, longest_queue_us }
        })
    }
}

#[test]
fn half_the_rate_is_followed_down_within_a_few_round_trips() {
    let before = Profile { queue_bytes: 1_000_000, ..Profile::DSL };
    let after = Profile { rate_bits_per_s: before.rate_bits_per_s / 2, ..before };
    let answer = Step { before, after }.run();
    assert!(answer.settled_s <= 0.4, "{}", answer.settled_s);
    assert!(answer.longest_queue_us <= 100_000, "{}", answer.longest_queue_us);
    assert!(answer.used >= 0.8, "{}", answer.used);
}

#[test]
fn a_tenth_of_the_rate_is_followed_down_within_three_seconds() {
    let before = Profile { queue_bytes: 1_000_000, ..Profile::DSL };
    let after = Profile { rate_bits_per_s: before.rate_bits_per_s / 10, ..before };
    let answer = Step { before, after }.run();
    assert!(answer.settled_s <= 3.0, "{}", answer.settled_s);
    assert!(answer.longest_queue_us <= 550_000, "{}", answer.longest_queue_us);
    assert!(answer.used >= 0.7, "{}", answer.used);
}

#[test]
fn twice_the_rate_is_found_within_seconds_and_without_a_queue() {
    let after = Profile::DSL;
    let before = Profile { rate_bits_per_s: after.rate_bits_per_s / 2, ..after };
    let answer = Step { before, after }.run();
    assert!(answer.used >= 0.8, "{}", answer.used);
    assert!(answer.longest_queue_us <= 60_000, "{}", answer.longest_queue_us);
}

#[test]
fn a_path_that_becomes_longer_is_used_again() {
    let before = Profile::DSL;
    let after = Profile { delay_us: before.delay_us + 60_000, ..before };
    let answer = Step { before, after }.run();
    assert!(answer.used >= 0.75, "{}", answer.used);
    assert!(answer.longest_queue_us <= 60_000, "{}", answer.longest_queue_us);
}

#[test]
fn a_path_that_becomes_shorter_queues_little() {
    let after = Profile::DSL;
    let before = Profile { delay_us: after.delay_us + 60_000, ..after };
    let answer = Step { before, after }.run();
    assert!(answer.used >= 0.8, "{}", answer.used);
    assert!(answer.settled_s <= 0.6, "{}", answer.settled_s);
}
