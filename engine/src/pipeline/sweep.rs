//! When to look at the whole screen although nothing was reported, since some drivers lose damage.

/// First sweep after the latest damage, in microseconds.
const FIRST_US: u64 = 250_000;

/// Longest pause between two sweeps, in microseconds.
const LONGEST_US: u64 = 30_000_000;

/// The schedule of sweeps: soon after damage stops, then at doubling intervals.
#[derive(Debug)]
pub(crate) struct Sweep {
    due_us: u64,
    pause_us: u64,
}

impl Sweep {
    pub(crate) const fn new(now_us: u64) -> Self {
        Self { due_us: now_us + FIRST_US, pause_us: FIRST_US }
    }

    /// Damage was reported: begin anew.
    pub(crate) const fn on_damage(&mut self, now_us: u64) {
        *self = Self::new(now_us);
    }

    /// Microseconds until the next sweep.
    pub(crate) const fn wait_us(&self, now_us: u64) -> u64 {
        self.due_us.saturating_sub(now_us)
    }

    /// Whether a sweep is due; if so, the next one is scheduled.
    pub(crate) fn take_due(&mut self, now_us: u64) -> bool {
        if now_us < self.due_us {
            return false;
        }
        self.pause_us = (self.pause_us * 2).min(LONGEST_US);
        self.due_us = now_us + self.pause_us;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sweeps_come_at_doubling_intervals_up_to_thirty_seconds() {
        let mut sweep = Sweep::new(0);
        let mut now_us = 0;
        let mut pauses_ms = Vec::new();
        for _ in 0..9 {
            let wait_us = sweep.wait_us(now_us);
            pauses_ms.push(wait_us / 1000);
            assert!(!sweep.take_due(now_us + wait_us - 1));
            now_us += wait_us;
            assert!(sweep.take_due(now_us));
        }
        assert_eq!(pauses_ms, [250, 500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000]);
        sweep.on_damage(now_us);
        assert_eq!(sweep.wait_us(now_us), FIRST_US);
    }
}
