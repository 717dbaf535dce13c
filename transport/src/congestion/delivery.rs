//! What the peer acknowledged, told in rounds: one round trip each, or a few milliseconds where round trips are shorter.
//!
//! A round gives one sample of the delivery rate in the manner of draft-cheng-iccrg-delivery-rate-estimation: what was
//! delivered during the round over the longer of the time it took to send and the time it took to acknowledge, so that
//! acknowledgements that arrive bunched together do not look like a fast link. A sample is *limited* when the pipe was
//! not kept full because there was too little to send: it shows a rate that the path has, but not all of it.

use std::collections::VecDeque;

/// Shortest round, in microseconds. Below it the size of a burst decides what is measured, not the path: on loopback
/// rounds of 60 us read up to three times the rate that a whole transfer had.
const MIN_ROUND_US: u64 = 4_000;

/// Bursts in flight that are remembered. Each is at most 10 packets of 1,200 bytes; of more, the oldest are forgotten,
/// and their acknowledgement gives no round-trip time.
const REMEMBERED_BURSTS: usize = 4096;

/// What is remembered of packets sent at one time.
#[derive(Clone, Copy, Debug)]
struct Burst {
    sent_us: u64,
    limited: bool,
}

/// What a finished round tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Round {
    /// Bytes delivered per second.
    pub(super) rate_bytes_per_s: u64,
    /// Whether there was too little to send.
    pub(super) limited: bool,
    /// Smallest round trip in it: what stands in queues all the time is in it, what bursts add is not.
    pub(super) min_rtt_us: u64,
    /// Mean of its round trips.
    pub(super) mean_rtt_us: u64,
    /// Bytes acknowledged.
    pub(super) delivered_bytes: u64,
    /// Bytes given up as lost.
    pub(super) lost_bytes: u64,
}

/// The round under way.
#[derive(Clone, Copy, Debug, Default)]
struct Open {
    /// When it began.
    began_us: u64,
    /// When the newest packet acknowledged at that time had been sent.
    began_sent_us: u64,
    /// Delivered by then.
    began_bytes: u64,
    limited: bool,
    lost_bytes: u64,
    min_rtt_us: Option<u64>,
    rtt_sum_us: u64,
    rtt_count: u64,
}

/// Follows what is sent and acknowledged.
#[derive(Clone, Debug)]
pub(super) struct Delivery {
    bursts: VecDeque<Burst>,
    delivered_bytes: u64,
    /// The newest burst acknowledged in the present batch of acknowledgements.
    newest: Option<Burst>,
    newest_sent_us: u64,
    /// The pipe had a bubble that has left it when this much is delivered.
    limited_until_bytes: Option<u64>,
    round: Open,
}

impl Delivery {
    pub(super) fn new(now_us: u64) -> Self {
        Self {
            bursts: VecDeque::new(),
            delivered_bytes: 0,
            newest: None,
            newest_sent_us: now_us,
            limited_until_bytes: None,
            round: Open { began_us: now_us, began_sent_us: now_us, ..Open::default() },
        }
    }

    /// Packets are sent at `now_us`; `in_flight_bytes` were before them.
    pub(super) fn on_sent(&mut self, now_us: u64, in_flight_bytes: u64) {
        if in_flight_bytes == 0 {
            self.limited_until_bytes = Some(self.delivered_bytes);
        }
        if self.bursts.back().is_some_and(|last| last.sent_us == now_us) {
            return;
        }
        if self.bursts.len() == REMEMBERED_BURSTS {
            self.bursts.pop_front();
        }
        let limited = self.limited_until_bytes.is_some();
        self.bursts.push_back(Burst { sent_us: now_us, limited });
    }

    /// A packet that was sent at `sent_us` is acknowledged.
    pub(super) fn on_ack(&mut self, sent_us: u64, bytes: u64) {
        self.delivered_bytes += bytes;
        while let Some(burst) = self.bursts.front().copied().filter(|it| it.sent_us <= sent_us) {
            self.bursts.pop_front();
            if burst.sent_us == sent_us {
                self.newest = Some(burst);
            }
        }
    }

    /// Packets are given up.
    pub(super) fn on_loss(&mut self, bytes: u64) {
        self.round.lost_bytes += bytes;
    }

    /// There is nothing to send, and room for more than the `in_flight_bytes`.
    pub(super) fn on_bubble(&mut self, in_flight_bytes: u64) {
        self.limited_until_bytes = Some(self.delivered_bytes + in_flight_bytes);
    }

    /// A batch of acknowledgements ends: its round-trip time, if it has one, and the round that ended with it.
    pub(super) fn on_end_acks(&mut self, now_us: u64) -> (Option<u64>, Option<Round>) {
        if self.limited_until_bytes.is_some_and(|until| self.delivered_bytes > until) {
            self.limited_until_bytes = None;
        }
        let Some(burst) = self.newest.take() else { return (None, None) };
        let rtt_us = now_us.saturating_sub(burst.sent_us).max(1);
        self.newest_sent_us = burst.sent_us;
        let round = &mut self.round;
        round.min_rtt_us = Some(round.min_rtt_us.map_or(rtt_us, |least| least.min(rtt_us)));
        round.rtt_sum_us += rtt_us;
        round.rtt_count += 1;
        if burst.sent_us < round.began_us {
            return (Some(rtt_us), None);
        }
        round.limited |= burst.limited;
        if now_us - round.began_us < MIN_ROUND_US {
            return (Some(rtt_us), None);
        }
        let ended = *round;
        self.round = Open {
            began_us: now_us,
            began_sent_us: burst.sent_us,
            began_bytes: self.delivered_bytes,
            ..Open::default()
        };
        let delivered_bytes = self.delivered_bytes - ended.began_bytes;
        let acking_us = now_us - ended.began_us;
        let sending_us = burst.sent_us - ended.began_sent_us.min(burst.sent_us);
        let time_us = acking_us.max(sending_us);
        let rate = u128::from(delivered_bytes) * 1_000_000 / u128::from(time_us);
        let round = Round {
            rate_bytes_per_s: u64::try_from(rate).unwrap_or(u64::MAX),
            limited: ended.limited,
            min_rtt_us: ended.min_rtt_us.unwrap_or(rtt_us),
            mean_rtt_us: ended.rtt_sum_us / ended.rtt_count.max(1),
            delivered_bytes,
            lost_bytes: ended.lost_bytes,
        };
        (Some(rtt_us), Some(round))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sends a packet of 1,000 bytes every millisecond and acknowledges each after 40 ms, `held` at a time.
    fn steady(held: u64) -> Vec<Round> {
        let mut delivery = Delivery::new(0);
        let mut rounds = Vec::new();
        for ms in 1..400_u64 {
            delivery.on_sent(ms * 1000, 1);
            if ms % held == 0 && ms > 40 {
                for sent_ms in (ms - 40).saturating_sub(held - 1).max(1)..=ms - 40 {
                    delivery.on_ack(sent_ms * 1000, 1000);
                }
                rounds.extend(delivery.on_end_acks(ms * 1000).1);
            }
        }
        rounds
    }

    #[test]
    fn a_round_reads_the_rate_that_is_sent() {
        for held in [1, 2, 4, 8] {
            let rounds = steady(held);
            assert!(rounds.len() >= 7, "{rounds:?}");
            for round in &rounds[1..] {
                let rate = round.rate_bytes_per_s;
                assert!((900_000..=1_100_000).contains(&rate), "{held}: {round:?}");
                assert_eq!(round.min_rtt_us, 40_000);
                assert!(!round.limited);
            }
        }
    }

    #[test]
    fn acknowledgements_in_one_bunch_look_no_faster_than_sending_was() {
        let mut delivery = Delivery::new(0);
        for ms in 0..50 {
            delivery.on_sent(ms * 1000, ms);
        }
        delivery.on_ack(0, 1000);
        delivery.on_end_acks(49_000);
        for ms in 50..100 {
            delivery.on_sent(ms * 1000, 50);
        }
        // 99 packets within 5 ms.
        for ms in 1..100 {
            delivery.on_ack(ms * 1000, 1000);
        }
        let (_, round) = delivery.on_end_acks(104_000);
        let rate = round.expect("a round").rate_bytes_per_s;
        assert!(rate <= 1_010_000, "{rate}");
    }

    #[test]
    fn a_bubble_marks_what_is_sent_behind_it_until_it_has_left() {
        let mut delivery = Delivery::new(0);
        delivery.on_sent(1_000, 0);
        delivery.on_ack(1_000, 1000);
        let (_, first) = delivery.on_end_acks(41_000);
        assert!(first.expect("a round").limited, "nothing was in flight");
        delivery.on_sent(42_000, 0);
        delivery.on_sent(43_000, 1000);
        delivery.on_ack(42_000, 1000);
        let (_, second) = delivery.on_end_acks(82_000);
        assert!(second.expect("a round").limited);
        delivery.on_sent(83_000, 1000);
        delivery.on_ack(43_000, 1000);
        delivery.on_ack(83_000, 1000);
        let (_, third) = delivery.on_end_acks(123_000);
        assert!(!third.expect("a round").limited);
    }
}
