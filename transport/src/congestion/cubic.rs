//! The window of CUBIC (RFC 9438): what fills queues beside us follows it, so our window does too while that lasts.

/// Part of the window that is kept at a loss. RFC 9438 says 0.7 (section 4.6); we look whether the others are gone every
/// few seconds, which costs a part of the share, and may have begun later than they.
const KEPT: f64 = 0.8;
/// Packets per cubed second by which the window grows, for the same reason ten times that of RFC 9438 (section 4.1). Beside
/// one CUBIC flow on 20 Mbit/s and 40 ms this gives 37 to 50 % of the link over 30 s; 0.6 gives 30 to 40 %.
const GROWTH: f64 = 4.0;
/// Packets per round trip by which it grows at least, as with Reno.
const RENO_GAIN: f64 = 1.0;

/// A window between two losses.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Cubic {
    /// Window at the last loss, in packets, which growth slows down at.
    plateau_packets: f64,
    /// Window after the last loss, in packets.
    began_packets: f64,
    began_us: u64,
    has_lost: bool,
}

impl Cubic {
    /// Begins with `window_packets`, as if that much had been too much.
    pub(super) fn new(now_us: u64, window_packets: f64) -> Self {
        Self {
            plateau_packets: window_packets,
            began_packets: window_packets,
            began_us: now_us,
            has_lost: false,
        }
    }

    /// The window at `now_us`, in packets, for round trips of `rtt_us`.
    pub(super) fn window_packets(&self, now_us: u64, rtt_us: u64) -> f64 {
        let time_s = now_us.saturating_sub(self.began_us) as f64 / 1e6;
        let to_plateau_s = ((self.plateau_packets - self.began_packets).max(0.0) / GROWTH).cbrt();
        let cubic = GROWTH * (time_s - to_plateau_s).powi(3) + self.plateau_packets;
        // Which is more on short paths (RFC 9438, section 4.3).
        let reno = self.began_packets + RENO_GAIN * time_s * 1e6 / rtt_us.max(1) as f64;
        cubic.max(reno)
    }

    /// Whether there has been a loss.
    pub(super) fn has_lost(&self) -> bool {
        self.has_lost
    }

    /// As if the growth had paused for `time_us`.
    pub(super) fn delayed_by(self, time_us: u64) -> Self {
        Self { began_us: self.began_us + time_us, ..self }
    }

    /// A packet was lost while the window was `window_packets`.
    pub(super) fn on_loss(&mut self, now_us: u64, window_packets: f64) {
        // Below the former plateau somebody new takes a part: leave it more (RFC 9438, section 4.7).
        self.plateau_packets = if window_packets < self.plateau_packets {
            window_packets * (1.0 + KEPT) / 2.0
        } else {
            window_packets
        };
        self.began_packets = window_packets * KEPT;
        self.began_us = now_us;
        self.has_lost = true;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_loss_takes_a_fifth_and_the_plateau_is_reached_again() {
        let mut cubic = Cubic::new(0, 200.0);
        cubic.on_loss(1_000_000, 200.0);
        let at = |ms: u64| cubic.window_packets(1_000_000 + ms * 1000, 200_000);
        assert!((at(0) - 160.0).abs() < 0.1);
        // K = cbrt(40 / 4) = 2.154 s.
        assert!((at(2_154) - 200.0).abs() < 0.5, "{}", at(2_154));
        assert!(at(1_000) > 180.0 && at(1_000) < 200.0, "{}", at(1_000));
        assert!(at(4_000) > 220.0);
    }

    #[test]
    fn a_loss_below_the_plateau_lowers_it() {
        let mut cubic = Cubic::new(0, 100.0);
        cubic.on_loss(0, 80.0);
        assert!((cubic.plateau_packets - 72.0).abs() < 1e-9);
    }

    #[test]
    fn small_windows_grow_as_with_reno() {
        let mut cubic = Cubic::new(0, 10.0);
        cubic.on_loss(0, 10.0);
        assert!((cubic.window_packets(500_000, 50_000) - 18.0).abs() < 0.1);
    }
}
