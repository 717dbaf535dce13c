//! How much may be in flight: a pure function of what was sent, acknowledged and lost, and when.
//!
//! The window is what the path delivers in its smallest round trip plus a little, which stands in the queue and keeps the
//! bottleneck busy:
//!
//! ```text
//! window = rate x (smallest round trip + 10 ms + what the path jitters) + 4 packets
//! ```
//!
//! It follows the rate down within a round trip and grows by as much as it is above rate x round trip, since a path that
//! has more delivers more. The fixed part makes flows of this kind converge to equal shares: a queue of 10 ms and
//! 4 packets at its own rate is longer for the slower one. Loss plays no part below 5 % of the bytes.
//!
//! Four things interrupt this: the start, when the window doubles until a queue begins to stand; a look at the empty
//! path once in 10 s, without which the queue would pass for path; flows that fill queues, against whom the window
//! follows CUBIC as long as they are there; and idleness, after which what is known is old.
//!
//! docs/rate-control.md tells the reasons of each constant and shows the answers to steps.

use super::cubic::Cubic;
use super::delivery::{Delivery, Round};
use super::jitter::Jitter;
use super::loss::Loss;

/// Payload of a packet, in bytes.
pub(super) const PACKET_BYTES: u64 = 1200;
/// Window of a path of which nothing is known: 10 packets (RFC 9002, section 7.2).
pub(super) const INITIAL_WINDOW_BYTES: u64 = 10 * PACKET_BYTES;
/// Least window: with fewer packets in flight a loss is noticed by a timeout only.
const MIN_WINDOW_BYTES: u64 = 4 * PACKET_BYTES;
/// Largest window: 1 GB/s for 60 ms.
const MAX_WINDOW_BYTES: u64 = 60_000_000;

/// What may stand in the bottleneck's queue, as time at the own rate.
const STANDING_US: u64 = 10_000;
/// And as bytes.
const STANDING_BYTES: u64 = 4 * PACKET_BYTES;
/// What quinn sends at once: at least 10 packets.
const BURST_BYTES: u64 = 10 * PACKET_BYTES;
/// Most of the jitter that the window makes up for.
const MAX_JITTER_US: u64 = 15_000;

/// For this long the smallest round trip is believed without having been seen again.
const MIN_RTT_LIFETIME_US: u64 = 10_000_000;
/// The same while others fill the queue, who seldom let it be seen.
const CROWDED_MIN_RTT_LIFETIME_US: u64 = 30_000_000;
/// The same while the window is not used, so that no queue is ours.
const UNUSED_MIN_RTT_LIFETIME_US: u64 = 5_000_000;

/// A window that was not needed for this long is not relied upon any more.
const UNUSED_US: u64 = 1_000_000;
/// What is left of it, as time at the known rate: if the path has become ten times slower, this queues 200 ms.
const RESTART_US: u64 = 20_000;

/// Rounds in a row whose queue is more than twice what we let stand, until it is asked whose it is.
const SUSPECT_ROUNDS: u32 = 2;
/// More than this is too much even where four packets take longer.
const CROWDED_US: u64 = 80_000;
/// For this long a queue that was found to be ours is not suspected again.
const TRUSTED_US: u64 = 2_000_000;
/// A standing round trip that varies by no more than this and what may stand, although we have given way, is no queue.
const JUDGED_US: u64 = 5_000;
/// What is left when our own queue is empty varies by more than this from time to time if it is the queue of others.
const SAME_US: u64 = 2_000;
/// A path that was found longer and whose queue then grows again within this time was not longer but full.
const DOUBT_US: u64 = 20_000_000;
/// How often that look is taken.
const TRIAL_EVERY_US: u64 = 10_000_000;

/// What the window is after at present.
#[derive(Clone, Copy, Debug)]
enum Phase {
    /// Doubles with each round trip until a queue stands, or up to a window known from before.
    Startup { known_bytes: u64, best_rate: u64, flat_rounds: u32 },
    /// Follows the rate.
    Steady { suspicion: Option<Suspicion> },
    /// Lets the queue run empty for a round trip, to see the path.
    Drain { suspicion: Option<Suspicion> },
    /// Follows CUBIC, since somebody else does.
    Crowded {
        cubic: Cubic,
        /// What may stand when they have gone.
        target_us: u64,
        /// When to look whether they have gone.
        trial_us: u64,
        longest_queue_us: u64,
        /// The round trip when our queue was last empty.
        floor_us: u64,
        last_loss_us: u64,
    },
}

/// The suspicion that others fill the queue, which ours does not explain.
#[derive(Clone, Copy, Debug)]
struct Suspicion {
    since_us: u64,
    /// Rounds with such a queue so far.
    rounds: u32,
    /// What may stand at the rate of the time before.
    target_us: u64,
    /// Longest and shortest round trip that stood since.
    longest_us: u64,
    shortest_us: u64,
    /// The window before it was lowered, and how it grew if others had been found before.
    window_bytes: u64,
    cubic: Option<Cubic>,
    /// The round trip with our queue empty when they were last looked for.
    floor_us: Option<u64>,
}

/// The window of one path, and what it is made from.
#[derive(Clone, Debug)]
pub(super) struct Window {
    delivery: Delivery,
    phase: Phase,
    window_bytes: u64,
    in_flight_bytes: u64,
    rate_bytes_per_s: u64,
    former_rate: u64,
    min_rtt_us: Option<u64>,
    min_rtt_seen_us: u64,
    /// Smallest of the last and the present round.
    standing_rtt_us: u64,
    jitter: Jitter,
    /// The smallest round trip before the path was found longer, and how long that is in doubt.
    doubted: Option<(u64, u64)>,
    /// Until then the queue is known to be ours.
    trusted_until_us: u64,
    /// The window when it was last used without a queue of others; 0 since the last start. With far less there is no
    /// share whose absence would tell such a queue from a longer path.
    proven_bytes: u64,
    loss: Loss,
    /// Smallest round trips of the batches at hand during startup.
    recent_rtts_us: [u64; HYSTART_SAMPLES],
    recent_count: usize,
    /// Smallest round trip since the startup began: what stood in queues before is not ours.
    startup_rtt_us: u64,
    /// When the window was last needed.
    needed_us: u64,
    /// What was sent before belongs to another path.
    path_began_us: u64,
    foreign_bytes: u64,
}

/// Round trips of which the smallest tells that a queue stands, as in RFC 9406, section 4.2.
const HYSTART_SAMPLES: usize = 8;

/// A round trip that is so much longer than the smallest ends the startup by itself: on slow links 8 of them are late.
const SUDDEN_US: u64 = 60_000;

impl Window {
    pub(super) fn new(now_us: u64) -> Self {
        Self {
            delivery: Delivery::new(now_us),
            phase: Phase::startup(MAX_WINDOW_BYTES),
            window_bytes: INITIAL_WINDOW_BYTES,
            in_flight_bytes: 0,
            rate_bytes_per_s: 0,
            former_rate: 0,
            min_rtt_us: None,
            min_rtt_seen_us: now_us,
            standing_rtt_us: 0,
            jitter: Jitter::default(),
            doubted: None,
            proven_bytes: 0,
            trusted_until_us: 0,
            loss: Loss::default(),
            recent_rtts_us: [0; HYSTART_SAMPLES],
            recent_count: 0,
            startup_rtt_us: u64::MAX,
            needed_us: now_us,
            path_began_us: now_us,
            foreign_bytes: 0,
        }
    }

    /// Bytes that may be in flight, those of a former path not counted.
    pub(super) fn window_bytes(&self) -> u64 {
        self.window_bytes
    }

    /// Bytes in flight of a former path, to be added where they are counted.
    pub(super) fn foreign_bytes(&self) -> u64 {
        self.foreign_bytes
    }

    /// Bytes in flight on this path.
    pub(super) fn in_flight_bytes(&self) -> u64 {
        self.in_flight_bytes.saturating_sub(self.foreign_bytes)
    }

    /// Rate that the path delivers; 0 before the first round. While the window doubles, half of what it lets out is
    /// what it let out before, and was delivered or will be.
    pub(super) fn rate_bytes_per_s(&self) -> u64 {
        match (self.phase, self.startup_rtt_us) {
            // Something has come back since it began to double.
            (Phase::Startup { .. }, rtt_us) if rtt_us < u64::MAX => {
                let delivered = u128::from(self.window_bytes) * 500_000 / u128::from(rtt_us.max(1));
                self.rate_bytes_per_s.max(u64::try_from(delivered).unwrap_or(u64::MAX))
            }
            _ => self.rate_bytes_per_s,
        }
    }

    /// Smallest round trip; 0 before the first.
    pub(super) fn min_rtt_us(&self) -> u64 {
        self.min_rtt_us.unwrap_or(0)
    }

    /// What stands in queues.
    pub(super) fn queue_delay_us(&self) -> u64 {
        self.standing_rtt_us.saturating_sub(self.min_rtt_us())
    }

    /// Packets with together so many bytes are sent.
    pub(super) fn on_sent(&mut self, now_us: u64, bytes: u64) {
        if self.is_unused(now_us) {
            self.restart(now_us);
        }
        self.delivery.on_sent(now_us, self.in_flight_bytes());
        self.in_flight_bytes += bytes;
        if self.in_flight_bytes() >= self.window_bytes / 2 {
            self.needed_us = now_us;
        }
    }

    /// A packet sent at `sent_us` is acknowledged.
    pub(super) fn on_ack(&mut self, sent_us: u64, bytes: u64) {
        if sent_us < self.path_began_us {
            self.foreign_bytes = self.foreign_bytes.saturating_sub(bytes);
            return;
        }
        self.delivery.on_ack(sent_us, bytes);
        self.loss.on_ack(bytes);
        if let Phase::Startup { known_bytes, .. } = self.phase
            && self.in_flight_bytes() + 2 * PACKET_BYTES >= self.window_bytes / 2
        {
            self.window_bytes = (self.window_bytes + bytes).min(known_bytes);
        }
    }

    /// A batch of acknowledgements ends, with `in_flight_bytes` left and `idle` if there is nothing more to send.
    pub(super) fn on_end_acks(&mut self, now_us: u64, in_flight_bytes: u64, idle: bool) {
        self.in_flight_bytes = in_flight_bytes;
        let in_flight_bytes = self.in_flight_bytes();
        if idle && in_flight_bytes < self.window_bytes / 4 * 3 {
            self.delivery.on_bubble(in_flight_bytes);
        }
        let (rtt_us, round) = self.delivery.on_end_acks(now_us);
        if let Some(rtt_us) = rtt_us {
            self.on_rtt(now_us, rtt_us);
        }
        if let Some(round) = round {
            self.on_round(now_us, &round);
        }
        self.loss.on_end_acks(self.window_bytes);
    }

    /// Packets are given up, the newest of which was sent at `sent_us`; `is_persistent` when nothing has come through
    /// for several timeouts.
    pub(super) fn on_loss(&mut self, now_us: u64, sent_us: u64, bytes: u64, is_persistent: bool) {
        self.in_flight_bytes = self.in_flight_bytes.saturating_sub(bytes);
        if sent_us < self.path_began_us {
            self.foreign_bytes = self.foreign_bytes.saturating_sub(bytes);
            return;
        }
        self.delivery.on_loss(bytes);
        self.loss.on_loss(bytes);
        if is_persistent {
            self.window_bytes = MIN_WINDOW_BYTES;
            self.rate_bytes_per_s = 0;
            self.former_rate = 0;
            self.recent_count = 0;
            self.startup_rtt_us = u64::MAX;
            self.phase = Phase::startup(MAX_WINDOW_BYTES);
            return;
        }
        let queue_us = self.queue_delay_us();
        if let Phase::Crowded { cubic, longest_queue_us, last_loss_us, .. } = &mut self.phase
            && sent_us > *last_loss_us
            && queue_us >= *longest_queue_us / 2
        {
            *last_loss_us = now_us;
            cubic.on_loss(now_us, self.window_bytes as f64 / PACKET_BYTES as f64);
            self.follow_cubic(now_us);
        }
    }

    /// The path is another one from now on.
    pub(super) fn on_path_change(&mut self, now_us: u64) {
        let in_flight_bytes = self.in_flight_bytes;
        *self = Self::new(now_us);
        self.in_flight_bytes = in_flight_bytes;
        self.foreign_bytes = in_flight_bytes;
    }

    fn on_rtt(&mut self, now_us: u64, rtt_us: u64) {
        if self.min_rtt_us.is_none_or(|least| rtt_us <= least) {
            self.min_rtt_us = Some(rtt_us);
            self.min_rtt_seen_us = now_us;
        }
        if self.standing_rtt_us == 0 {
            self.standing_rtt_us = rtt_us;
        }
        self.standing_rtt_us = self.standing_rtt_us.min(rtt_us);
        if matches!(self.phase, Phase::Startup { .. }) {
            self.recent_rtts_us[self.recent_count % HYSTART_SAMPLES] = rtt_us;
            self.recent_count += 1;
            self.startup_rtt_us = self.startup_rtt_us.min(rtt_us);
            let least_us = self.recent_rtts_us.iter().copied().min().unwrap_or(0);
            let base_us = self.startup_rtt_us;
            let stands = self.recent_count >= HYSTART_SAMPLES
                && least_us > base_us + (base_us / 8).clamp(4_000, 16_000);
            if stands || rtt_us > base_us + SUDDEN_US {
                self.settle();
            }
        }
    }

    fn on_round(&mut self, now_us: u64, round: &Round) {
        self.standing_rtt_us = round.min_rtt_us;
        let rate = round.rate_bytes_per_s;
        if rate >= self.rate_bytes_per_s {
            self.rate_bytes_per_s = rate;
        } else if !round.limited && !matches!(self.phase, Phase::Drain { .. }) {
            // One poor round does not count against the one before, unless a queue confirms it.
            let confirmed =
                self.queue_delay_us() > 2 * self.standing_target_us() + self.jitter_us();
            self.rate_bytes_per_s = if confirmed { rate } else { rate.max(self.former_rate) };
        }
        if !round.limited && !matches!(self.phase, Phase::Drain { .. }) {
            self.former_rate = rate;
            self.needed_us = now_us;
        }
        if self.expire_min_rtt(now_us, round) {
            return;
        }
        match self.phase {
            Phase::Startup { known_bytes, best_rate, flat_rounds } => {
                self.start_up(round, known_bytes, best_rate, flat_rounds);
            }
            Phase::Steady { suspicion } => self.follow(now_us, round, suspicion),
            Phase::Drain { suspicion: None } => {
                self.believe(now_us, round.min_rtt_us);
                self.window_bytes = self.target_bytes();
            }
            Phase::Drain { suspicion: Some(suspicion) } => self.judge(now_us, round, suspicion),
            Phase::Crowded { .. } => self.compete(now_us, round),
        }
    }

    fn start_up(&mut self, round: &Round, known_bytes: u64, best_rate: u64, flat_rounds: u32) {
        if self.window_bytes >= known_bytes || self.loss.is_congestion() {
            self.settle();
        } else if !round.limited {
            // Three rounds without a quarter more: the path is full although no queue shows it.
            let grows = round.rate_bytes_per_s >= best_rate + best_rate / 4;
            let best_rate = best_rate.max(round.rate_bytes_per_s);
            let flat_rounds = if grows { 0 } else { flat_rounds + 1 };
            self.phase = Phase::Startup { known_bytes, best_rate, flat_rounds };
            if flat_rounds == 3 {
                self.settle();
            }
        }
    }

    fn follow(&mut self, now_us: u64, round: &Round, suspicion: Option<Suspicion>) {
        let before = Suspicion {
            since_us: now_us,
            rounds: 0,
            target_us: self.standing_target_us(),
            longest_us: 0,
            shortest_us: u64::MAX,
            window_bytes: self.window_bytes,
            cubic: None,
            floor_us: None,
        };
        let mut suspicion = suspicion.unwrap_or(before);
        let allowed_us = self.allowed_us(suspicion.target_us);
        let is_crowded =
            !round.limited && now_us >= self.trusted_until_us && self.queue_delay_us() > allowed_us;
        let target_bytes = self.target_bytes();
        // A window that is not used shows nothing; it neither grows nor shrinks. But where a queue stands
        // that is longer than it may be, a part of it is used and too much: a sender that leaves some room
        // free would keep that queue, and then take it for path.
        let stands = self.queue_delay_us() > self.standing_target_us() + self.jitter_us();
        if target_bytes > self.window_bytes || !round.limited || stands {
            self.window_bytes = target_bytes.min(2 * self.window_bytes);
        }
        if !is_crowded {
            self.jitter.on_round(round);
            if !round.limited {
                self.proven_bytes = self.window_bytes;
            }
            self.phase = Phase::Steady { suspicion: None };
            return;
        }
        suspicion.rounds += 1;
        suspicion.longest_us = suspicion.longest_us.max(self.standing_rtt_us);
        suspicion.shortest_us = suspicion.shortest_us.min(self.standing_rtt_us);
        self.phase = Phase::Steady { suspicion: Some(suspicion) };
        if suspicion.rounds < SUSPECT_ROUNDS {
            return;
        }
        match self.doubted.take() {
            Some((min_rtt_us, until_us)) if now_us < until_us => {
                self.min_rtt_us = Some(min_rtt_us);
                self.min_rtt_seen_us = now_us;
                self.crowd(now_us, &suspicion, self.standing_rtt_us);
            }
            _ => self.drain(Some(suspicion)),
        }
    }

    /// The queue has run empty as far as it is ours.
    fn judge(&mut self, now_us: u64, round: &Round, suspicion: Suspicion) {
        let least_us = round.min_rtt_us;
        let queue_us = suspicion.longest_us.saturating_sub(self.min_rtt_us());
        let left_us = least_us.saturating_sub(self.min_rtt_us());
        let varied_us =
            suspicion.longest_us - suspicion.shortest_us.min(least_us).min(suspicion.longest_us);
        let has_share = self.proven_bytes > 0 && suspicion.window_bytes >= self.proven_bytes / 2;
        let seen_before =
            suspicion.floor_us.is_some_and(|floor_us| floor_us.abs_diff(least_us) <= SAME_US);
        if left_us <= (queue_us / 8).max(self.allowed_us(suspicion.target_us)) {
            // All of it was ours: the rate has dropped by far, or the others have gone.
            self.settle();
            self.min_rtt_seen_us = now_us;
            self.window_bytes = self.target_bytes();
            if self.window_bytes <= 3 * MIN_WINDOW_BYTES {
                // So slow that four packets alone are suspicious.
                self.trusted_until_us = now_us + TRUSTED_US;
            }
        } else if seen_before || has_share && varied_us <= suspicion.target_us + JUDGED_US {
            // There is no queue: the path has become longer.
            self.doubted = Some((self.min_rtt_us(), now_us + DOUBT_US));
            self.believe(now_us, least_us);
            self.window_bytes = suspicion.window_bytes;
        } else {
            self.crowd(now_us, &suspicion, least_us);
        }
    }

    fn crowd(&mut self, now_us: u64, suspicion: &Suspicion, floor_us: u64) {
        self.window_bytes = suspicion.window_bytes;
        let packets = self.window_bytes as f64 / PACKET_BYTES as f64;
        let cubic = suspicion.cubic.map_or_else(
            || Cubic::new(now_us, packets),
            |cubic| cubic.delayed_by(now_us - suspicion.since_us),
        );
        self.phase = Phase::Crowded {
            cubic,
            target_us: suspicion.target_us.min(CROWDED_US / 2),
            trial_us: now_us + TRIAL_EVERY_US,
            longest_queue_us: suspicion.longest_us.saturating_sub(self.min_rtt_us()),
            floor_us,
            last_loss_us: now_us,
        };
    }

    fn compete(&mut self, now_us: u64, round: &Round) {
        let (queue_us, standing_us) = (self.queue_delay_us(), self.standing_target_us());
        let Phase::Crowded { cubic, target_us, trial_us, longest_queue_us, floor_us, .. } =
            &mut self.phase
        else {
            return;
        };
        // The more we have, the less time four packets of ours stand.
        *target_us = standing_us.min(*target_us);
        *longest_queue_us = queue_us.max(*longest_queue_us / 16 * 15);
        if queue_us <= *target_us {
            self.settle();
        } else if now_us >= *trial_us {
            // Whether they are gone shows when our own queue runs empty.
            let suspicion = Suspicion {
                since_us: now_us,
                rounds: SUSPECT_ROUNDS,
                target_us: *target_us,
                longest_us: self.standing_rtt_us,
                shortest_us: 0,
                window_bytes: self.window_bytes,
                cubic: Some(*cubic),
                floor_us: Some(*floor_us),
            };
            self.drain(Some(suspicion));
        } else if !round.limited {
            self.follow_cubic(now_us);
        }
    }

    fn follow_cubic(&mut self, now_us: u64) {
        let Phase::Crowded { cubic, .. } = &self.phase else { return };
        let packets = cubic.window_packets(now_us, self.standing_rtt_us);
        let mut bytes = (packets * PACKET_BYTES as f64) as u64;
        if !cubic.has_lost() {
            // Until there is a loss nobody knows who has how much: take more, as a flow that starts does.
            bytes = bytes.max(self.window_bytes / 8 * 9);
        }
        self.window_bytes =
            bytes.min(self.window_bytes / 2 * 3).clamp(MIN_WINDOW_BYTES, MAX_WINDOW_BYTES);
    }

    /// Replaces a smallest round trip that is too old to be believed; returns whether a look at the path begins.
    fn expire_min_rtt(&mut self, now_us: u64, round: &Round) -> bool {
        let lifetime_us = match self.phase {
            Phase::Crowded { .. } => CROWDED_MIN_RTT_LIFETIME_US,
            _ if round.limited => UNUSED_MIN_RTT_LIFETIME_US,
            _ => MIN_RTT_LIFETIME_US,
        };
        if now_us - self.min_rtt_seen_us < lifetime_us {
            return false;
        }
        // A queue of ours stands where the window is used: it would pass for path.
        let looks = matches!(self.phase, Phase::Steady { .. }) && !round.limited;
        if looks {
            self.drain(None);
        } else if !matches!(self.phase, Phase::Drain { .. }) {
            let least_us = match self.phase {
                Phase::Crowded { floor_us, .. } => floor_us,
                _ => round.min_rtt_us,
            };
            self.min_rtt_us = Some(least_us);
            self.min_rtt_seen_us = now_us;
        }
        looks
    }

    fn drain(&mut self, suspicion: Option<Suspicion>) {
        self.phase = Phase::Drain { suspicion };
        let half = bytes_in(self.rate_bytes_per_s, self.min_rtt_us() / 2);
        self.window_bytes = half.clamp(2 * PACKET_BYTES, self.window_bytes);
    }

    fn settle(&mut self) {
        self.recent_count = 0;
        self.phase = Phase::Steady { suspicion: None };
    }

    fn believe(&mut self, now_us: u64, min_rtt_us: u64) {
        self.min_rtt_us = Some(min_rtt_us);
        self.min_rtt_seen_us = now_us;
        self.settle();
    }

    /// Whether what is known of the path is old, and next to nothing is in flight.
    fn is_unused(&self, now_us: u64) -> bool {
        now_us - self.needed_us >= UNUSED_US && self.in_flight_bytes() <= 2 * PACKET_BYTES
    }

    fn restart(&mut self, now_us: u64) {
        self.needed_us = now_us;
        let known_bytes = match self.phase {
            Phase::Startup { known_bytes, .. } => known_bytes,
            _ => self.window_bytes,
        };
        let least = bytes_in(self.rate_bytes_per_s, RESTART_US).max(INITIAL_WINDOW_BYTES);
        self.window_bytes = self.window_bytes.min(least);
        self.recent_count = 0;
        self.startup_rtt_us = u64::MAX;
        self.proven_bytes = 0;
        self.phase = Phase::startup(known_bytes);
    }

    fn standing_target_us(&self) -> u64 {
        let bytes_us = STANDING_BYTES * 1_000_000 / self.rate_bytes_per_s.max(1);
        STANDING_US + bytes_us
    }

    /// Longest queue that is not taken for that of others where `target_us` may stand.
    fn allowed_us(&self, target_us: u64) -> u64 {
        (2 * target_us).min(CROWDED_US) + self.jitter_us()
    }

    /// What the path jitters by itself: bursts of our own wait for each other too.
    fn jitter_us(&self) -> u64 {
        let burst_us = BURST_BYTES / 2 * 1_000_000 / self.rate_bytes_per_s.max(1);
        self.jitter.us().saturating_sub(burst_us).min(MAX_JITTER_US).min(self.min_rtt_us() / 2)
    }

    fn target_bytes(&self) -> u64 {
        let min_rtt_us = self.min_rtt_us();
        let target = if self.loss.is_congestion() {
            bytes_in(self.rate_bytes_per_s, min_rtt_us)
        } else {
            bytes_in(self.rate_bytes_per_s, min_rtt_us + STANDING_US + self.jitter_us())
                + STANDING_BYTES
        };
        target.clamp(MIN_WINDOW_BYTES, MAX_WINDOW_BYTES)
    }
}

impl Phase {
    fn startup(known_bytes: u64) -> Self {
        Self::Startup { known_bytes, best_rate: 0, flat_rounds: 0 }
    }
}

fn bytes_in(rate_bytes_per_s: u64, time_us: u64) -> u64 {
    u64::try_from(u128::from(rate_bytes_per_s) * u128::from(time_us) / 1_000_000)
        .unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
