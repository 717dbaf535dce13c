//! Whether loss tells of congestion.
//!
//! Up to 5 % of the bytes it does not: radio loses that much by itself, and a queue that overflows shows in the delay.
//! More may come from a bottleneck without a queue, which then loses what is above its rate, or from the path after all.
//! Sending no more than was delivered tells: the former stops losing, the latter goes on and is tolerated.

use super::window::PACKET_BYTES;

/// Share of the bytes whose loss is never taken for congestion.
const IGNORED: f64 = 0.05;
/// More than this is never taken for the path's own.
const MOST_TOLERATED: f64 = 0.3;
/// Bytes sent that the share is told from, or two windows if that is more; older ones fade.
const MEMORY_BYTES: u64 = 300 * PACKET_BYTES;
/// With fewer bytes than this the share is not told: three losses of a hundred packets are chance, ten are not.
const LEAST_BYTES: f64 = 100.0 * PACKET_BYTES as f64;

/// Follows what is acknowledged and what is lost.
#[derive(Clone, Copy, Debug)]
pub(super) struct Loss {
    /// Fading sums.
    lost_bytes: f64,
    kept_bytes: f64,
    /// Share that is taken for the path's own.
    tolerated: f64,
    /// The share that was too much, while less is sent to see whether it stays.
    tested: Option<f64>,
}

impl Default for Loss {
    fn default() -> Self {
        Self { lost_bytes: 0.0, kept_bytes: 0.0, tolerated: IGNORED, tested: None }
    }
}

impl Loss {
    pub(super) fn on_ack(&mut self, bytes: u64) {
        self.kept_bytes += bytes as f64;
    }

    pub(super) fn on_loss(&mut self, bytes: u64) {
        self.lost_bytes += bytes as f64;
    }

    /// After each batch of acknowledgements, under a window of `window_bytes`.
    pub(super) fn on_end_acks(&mut self, window_bytes: u64) {
        let sent_bytes = self.lost_bytes + self.kept_bytes;
        if sent_bytes < LEAST_BYTES {
            return;
        }
        let share = self.lost_bytes / sent_bytes;
        match self.tested {
            None if share > self.tolerated => {
                self.tested = Some(share);
                (self.lost_bytes, self.kept_bytes) = (0.0, 0.0);
            }
            Some(tested) if share < tested / 2.0 => self.tested = None,
            Some(_) => {
                self.tested = None;
                self.tolerated = (share * 1.5).clamp(IGNORED, MOST_TOLERATED);
            }
            None => {}
        }
        if sent_bytes > MEMORY_BYTES.max(2 * window_bytes) as f64 {
            self.lost_bytes *= 0.5;
            self.kept_bytes *= 0.5;
            // What was tolerated and does not occur any more would hide a bottleneck.
            self.tolerated = self.tolerated.min((4.0 * share).max(IGNORED));
        }
    }

    /// Whether no more may be sent than is delivered.
    pub(super) fn is_congestion(&self) -> bool {
        self.tested.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sends `packets`, of which every `nth` is lost.
    fn send(loss: &mut Loss, packets: u64, nth: u64) {
        for number in 1..=packets {
            if number % nth == 0 {
                loss.on_loss(PACKET_BYTES);
            } else {
                loss.on_ack(PACKET_BYTES);
            }
            loss.on_end_acks(50_000);
        }
    }

    #[test]
    fn little_loss_is_ignored() {
        let mut loss = Loss::default();
        send(&mut loss, 10_000, 25);
        assert!(!loss.is_congestion());
    }

    #[test]
    fn much_loss_is_congestion_until_it_stays_although_less_is_sent() {
        let mut loss = Loss::default();
        send(&mut loss, 150, 8);
        assert!(loss.is_congestion());
        send(&mut loss, 150, 8);
        assert!(!loss.is_congestion(), "it is the path's");
        send(&mut loss, 5_000, 8);
        assert!(!loss.is_congestion());
    }

    #[test]
    fn loss_that_goes_when_less_is_sent_is_not_tolerated() {
        let mut loss = Loss::default();
        send(&mut loss, 150, 8);
        send(&mut loss, 150, 1_000);
        assert!(!loss.is_congestion());
        send(&mut loss, 300, 8);
        assert!(loss.is_congestion());
    }

    #[test]
    fn what_was_tolerated_once_is_not_for_ever() {
        let mut loss = Loss::default();
        send(&mut loss, 600, 8);
        assert!(!loss.is_congestion());
        send(&mut loss, 3_000, 1_000_000);
        send(&mut loss, 200, 8);
        assert!(loss.is_congestion());
    }
}
