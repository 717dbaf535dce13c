//! The window over a bottleneck in a few lines. Whole links in all weathers are in `tests/weather`.

use super::*;
use std::collections::VecDeque;

/// A sender that always has something, a bottleneck with a queue without end, and the way back.
struct Path {
    window: Window,
    now_us: u64,
    rate_bytes_per_s: u64,
    rtt_us: u64,
    /// When the bottleneck is done with what it has.
    free_us: u64,
    /// When each packet was sent and when its acknowledgement comes.
    in_flight: VecDeque<(u64, u64)>,
    /// One packet in so many is lost; 0: none.
    loses_every: u64,
    sent: u64,
}

impl Path {
    /// 20 Mbit/s and 40 ms.
    fn new() -> Self {
        Self {
            window: Window::new(0),
            now_us: 0,
            rate_bytes_per_s: 2_500_000,
            rtt_us: 40_000,
            free_us: 0,
            in_flight: VecDeque::new(),
            loses_every: 0,
            sent: 0,
        }
    }

    fn in_flight_bytes(&self) -> u64 {
        self.in_flight.len() as u64 * PACKET_BYTES
    }

    fn send(&mut self) {
        let limit = self.window.window_bytes() + self.window.foreign_bytes();
        while self.in_flight_bytes() + PACKET_BYTES <= limit {
            self.window.on_sent(self.now_us, PACKET_BYTES);
            self.free_us =
                self.free_us.max(self.now_us) + PACKET_BYTES * 1_000_000 / self.rate_bytes_per_s;
            self.in_flight.push_back((self.now_us, self.free_us + self.rtt_us));
            self.sent += 1;
        }
    }

    /// Takes what comes back until `time_us` from now, and sends all the time.
    fn run(&mut self, time_us: u64) {
        let end_us = self.now_us + time_us;
        self.send();
        while let Some(&(sent_us, back_us)) = self.in_flight.front().filter(|it| it.1 <= end_us) {
            self.in_flight.pop_front();
            self.now_us = self.now_us.max(back_us);
            let number = self.sent - self.in_flight.len() as u64;
            if self.loses_every > 0 && number.is_multiple_of(self.loses_every) {
                self.window.on_loss(self.now_us, sent_us, PACKET_BYTES, false);
            } else {
                self.window.on_ack(sent_us, PACKET_BYTES);
                self.window.on_end_acks(self.now_us, self.in_flight_bytes(), false);
            }
            self.send();
        }
        self.now_us = end_us;
    }

    /// Waits until everything has come back, and so long beyond.
    fn rest(&mut self, time_us: u64) {
        while let Some((sent_us, back_us)) = self.in_flight.pop_front() {
            self.now_us = self.now_us.max(back_us);
            self.window.on_ack(sent_us, PACKET_BYTES);
            self.window.on_end_acks(self.now_us, self.in_flight_bytes(), true);
        }
        self.now_us += time_us;
    }

    /// What waits before the bottleneck, as time.
    fn queue_us(&self) -> u64 {
        self.free_us.saturating_sub(self.now_us)
    }
}

/// The window of the module's documentation for a path without jitter.
fn ideal(rate_bytes_per_s: u64, rtt_us: u64) -> u64 {
    rate_bytes_per_s * (rtt_us + STANDING_US) / 1_000_000 + STANDING_BYTES
}

fn is_near(value: u64, expected: u64, percent: u64) -> bool {
    value.abs_diff(expected) * 100 <= expected * percent
}

#[test]
fn it_finds_the_rate_and_lets_little_stand() {
    let mut path = Path::new();
    path.run(3_000_000);
    let window = path.window.window_bytes();
    assert!(is_near(window, ideal(2_500_000, 40_000), 10), "{window}");
    assert!(is_near(path.window.rate_bytes_per_s(), 2_500_000, 5));
    assert!(path.queue_us() <= 2 * STANDING_US, "{} us stand", path.queue_us());
}

#[test]
fn a_slower_path_is_followed_within_a_few_round_trips() {
    let mut path = Path::new();
    path.run(3_000_000);
    path.rate_bytes_per_s /= 2;
    path.run(10 * 40_000);
    let window = path.window.window_bytes();
    assert!(window <= ideal(1_250_000, 40_000) * 5 / 4, "{window}");
    path.run(1_000_000);
    assert!(path.queue_us() <= 3 * STANDING_US, "{} us stand", path.queue_us());
}

#[test]
fn a_faster_path_is_found() {
    let mut path = Path::new();
    path.run(3_000_000);
    path.rate_bytes_per_s *= 4;
    path.run(4_000_000);
    assert!(path.window.rate_bytes_per_s() >= 8_000_000, "{}", path.window.rate_bytes_per_s());
}

#[test]
fn some_loss_changes_nothing() {
    let mut path = Path::new();
    path.loses_every = 50;
    path.run(5_000_000);
    let window = path.window.window_bytes();
    assert!(window >= ideal(2_500_000, 40_000) * 8 / 10, "{window}");
}

#[test]
fn what_was_not_needed_for_a_while_is_not_relied_upon() {
    let mut path = Path::new();
    path.run(3_000_000);
    let before = path.window.window_bytes();
    path.rest(2 * UNUSED_US);
    path.window.on_sent(path.now_us, PACKET_BYTES);
    let restarted = path.window.window_bytes();
    let known = bytes_in(path.window.rate_bytes_per_s(), RESTART_US);
    assert!(restarted < before && restarted == known.max(INITIAL_WINDOW_BYTES), "{restarted}");
}

#[test]
fn when_nothing_comes_through_it_begins_anew() {
    let mut path = Path::new();
    path.run(3_000_000);
    path.window.on_loss(path.now_us, path.now_us, PACKET_BYTES, true);
    assert_eq!(path.window.window_bytes(), MIN_WINDOW_BYTES);
    assert_eq!(path.window.rate_bytes_per_s(), 0);
}

#[test]
fn another_path_begins_anew_and_what_is_on_the_old_one_is_not_counted() {
    let mut path = Path::new();
    path.run(3_000_000);
    let on_the_old = path.in_flight_bytes();
    assert!(on_the_old > INITIAL_WINDOW_BYTES);
    path.window.on_path_change(path.now_us);
    assert_eq!(path.window.window_bytes(), INITIAL_WINDOW_BYTES);
    assert_eq!((path.window.in_flight_bytes(), path.window.foreign_bytes()), (0, on_the_old));
    assert_eq!((path.window.min_rtt_us(), path.window.rate_bytes_per_s()), (0, 0));
    // What was sent before tells nothing, however it ends.
    let (sent_us, _) = path.in_flight.pop_front().expect("in flight");
    path.window.on_ack(sent_us, PACKET_BYTES);
    path.window.on_end_acks(path.now_us, path.in_flight_bytes(), false);
    let (sent_us, _) = path.in_flight.pop_front().expect("in flight");
    path.window.on_loss(path.now_us, sent_us, PACKET_BYTES, false);
    assert_eq!((path.window.min_rtt_us(), path.window.rate_bytes_per_s()), (0, 0));
    assert_eq!(path.window.foreign_bytes(), on_the_old - 2 * PACKET_BYTES);
    // The new path is twice as long and a quarter as fast.
    (path.rate_bytes_per_s, path.rtt_us) = (625_000, 80_000);
    path.free_us = path.now_us;
    path.run(5_000_000);
    assert_eq!(path.window.foreign_bytes(), 0);
    let window = path.window.window_bytes();
    assert!(is_near(window, ideal(625_000, 80_000), 15), "{window}");
}
