//! One direction of a link as a pure state machine: packets, time and chance in, packets and times out.
//!
//! A packet waits for its turn, keeps the link busy for as long as its bits take, may be lost, and arrives after the
//! delay. Time is counted from an instant of the caller's choice.

use std::collections::VecDeque;
use std::time::Duration;

use crate::shape::Shape;

/// What becomes of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It will arrive. It waited for its turn so long.
    Carried {
        /// Time in the queue.
        queued: Duration,
    },
    /// It is lost on the way.
    Lost,
    /// The queue had no room.
    Dropped,
}

/// The link from one end to the other.
#[derive(Debug)]
pub(crate) struct Direction {
    shape: Shape,
    /// When the link has sent everything that waits.
    free_at: Duration,
    /// What is on the way, in the order of arrival.
    flight: VecDeque<(Duration, Vec<u8>)>,
    spare: Vec<Vec<u8>>,
}

impl Direction {
    /// An empty link.
    pub(crate) fn new(shape: Shape) -> Self {
        Self { shape, free_at: Duration::ZERO, flight: VecDeque::new(), spare: Vec::new() }
    }

    /// What follows is sent with another shape; what waits or is on the way stays as it was.
    pub(crate) fn reshape(&mut self, shape: Shape) {
        self.shape = shape;
    }

    /// Takes a packet at `now`. It is lost when `chance`, a number drawn evenly from 0 to 1, is below the shape's loss.
    pub(crate) fn offer(&mut self, now: Duration, packet: &[u8], chance: f64) -> Fate {
        let turn = self.free_at.max(now);
        let queued = turn - now;
        if self.shape.rate_bits.is_some() && queued > self.shape.queue {
            return Fate::Dropped;
        }
        self.free_at = turn + self.shape.serialization(packet.len());
        if chance < self.shape.loss {
            return Fate::Lost;
        }
        // A link does not reorder, even when it became shorter meanwhile.
        let last = self.flight.back().map_or(Duration::ZERO, |(arrival, _)| *arrival);
        let arrival = (self.free_at + self.shape.delay).max(last);
        let mut bytes = self.spare.pop().unwrap_or_default();
        bytes.clear();
        bytes.extend_from_slice(packet);
        self.flight.push_back((arrival, bytes));
        Fate::Carried { queued }
    }

    /// When the next packet arrives.
    pub(crate) fn next_arrival(&self) -> Option<Duration> {
        self.flight.front().map(|(arrival, _)| *arrival)
    }

    /// The next packet that has arrived by `now`, and when it did.
    pub(crate) fn arrived(&mut self, now: Duration) -> Option<(Duration, Vec<u8>)> {
        let is_there = self.next_arrival()? <= now;
        if is_there { self.flight.pop_front() } else { None }
    }

    /// Takes a packet's memory back.
    pub(crate) fn recycle(&mut self, packet: Vec<u8>) {
        self.spare.push(packet);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(milliseconds: u64) -> Duration {
        Duration::from_millis(milliseconds)
    }

    /// 1,000 bytes a millisecond.
    const SHAPE: Shape =
        Shape { rate_bits: Some(8_000_000), delay: ms(10), loss: 0.0, queue: ms(3) };

    /// Where nothing is lost, chance does not matter.
    const CHANCE: f64 = 0.0;

    fn arrivals(direction: &mut Direction) -> Vec<Duration> {
        std::iter::from_fn(|| direction.arrived(Duration::MAX).map(|(at, _)| at)).collect()
    }

    #[test]
    fn packets_take_their_turn_their_bits_and_the_delay() {
        let mut direction = Direction::new(SHAPE);
        let fates: Vec<Fate> = (0..6).map(|_| direction.offer(ms(0), &[7; 1000], CHANCE)).collect();
        let carried = |queued| Fate::Carried { queued: ms(queued) };
        // A wait of 3 ms is allowed, one of 4 ms is not.
        let expected = [0, 1, 2, 3].map(carried);
        assert_eq!(fates[..4], expected);
        assert_eq!(fates[4..], [Fate::Dropped; 2]);
        assert_eq!(arrivals(&mut direction), [11, 12, 13, 14].map(ms));
    }

    #[test]
    fn nothing_arrives_early() {
        let mut direction = Direction::new(SHAPE);
        direction.offer(ms(5), &[1, 2, 3], CHANCE);
        let arrival = direction.next_arrival().expect("one is on the way");
        assert_eq!(direction.arrived(arrival - Duration::from_nanos(1)), None);
        assert_eq!(direction.arrived(arrival), Some((arrival, vec![1, 2, 3])));
        assert_eq!(direction.next_arrival(), None);
    }

    #[test]
    fn what_is_lost_takes_its_time() {
        let mut direction = Direction::new(Shape { loss: 0.3, ..SHAPE });
        let fates = [0.299, 0.3, 0.999].map(|chance| direction.offer(ms(0), &[0; 1000], chance));
        let carried = |queued| Fate::Carried { queued: ms(queued) };
        assert_eq!(fates, [Fate::Lost, carried(1), carried(2)]);
        assert_eq!(arrivals(&mut direction), [12, 13].map(ms));
    }

    #[test]
    fn a_shorter_link_does_not_reorder() {
        let mut direction = Direction::new(SHAPE);
        direction.offer(ms(0), &[0; 1000], CHANCE);
        direction.reshape(Shape::CLEAR);
        direction.offer(ms(0), &[0; 1000], CHANCE);
        assert_eq!(arrivals(&mut direction), [11, 11].map(ms));
    }
}
