//! How fast operations of one participant may come.

/// Operations that may come at once: a whole layer of one author, told to somebody who joins.
const BURST: u64 = 2_048;

/// Operations a second after that; a hand that draws makes 34.
const PER_SECOND: u64 = 100;

/// Counts operations against a rate; one for each participant who sends.
#[derive(Clone, Copy, Debug)]
pub struct Meter {
    /// Allowance in millionths of an operation.
    left: u64,
    at_us: u64,
}

impl Default for Meter {
    fn default() -> Self {
        Self { left: BURST * 1_000_000, at_us: 0 }
    }
}

impl Meter {
    /// Whether one more may come at `now_us`. A clock that goes back gives nothing and takes nothing.
    pub fn admit(&mut self, now_us: u64) -> bool {
        let passed_us = now_us.saturating_sub(self.at_us);
        self.at_us = self.at_us.max(now_us);
        self.left =
            self.left.saturating_add(passed_us.saturating_mul(PER_SECOND)).min(BURST * 1_000_000);
        let admitted = self.left >= 1_000_000;
        if admitted {
            self.left -= 1_000_000;
        }
        admitted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_is_cut_to_the_rate_and_a_jump_of_the_clock_gives_one_burst_at_most() {
        let mut meter = Meter::default();
        let at_once = (0..10_000).filter(|_| meter.admit(5)).count() as u64;
        assert_eq!(at_once, BURST);
        let later = (0..10_000u64).filter(|step| meter.admit(5 + step * 1_000)).count() as u64;
        assert!((990..=1_001).contains(&later), "{later} in ten seconds");
        let jumped = (0..10_000).filter(|_| meter.admit(u64::MAX)).count() as u64;
        assert_eq!(jumped, BURST);
        assert!(!meter.admit(3), "back in time");
    }
}
