//! How often something that should be rare may happen. Time is an argument.

/// Some times at once, and again after a while.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Allowance {
    most: u64,
    /// Time after which one more is allowed.
    each_us: u64,
    left: u64,
    since_us: u64,
}

impl Allowance {
    /// `most` at once, and one more every `each_us`.
    pub(crate) const fn new(most: u64, each_us: u64) -> Self {
        Self { most, each_us, left: most, since_us: 0 }
    }

    /// Takes one, if one is left at `now_us`.
    pub(crate) fn take(&mut self, now_us: u64) -> bool {
        let regained = now_us.saturating_sub(self.since_us) / self.each_us;
        if regained > 0 {
            self.left = self.left.saturating_add(regained).min(self.most);
            self.since_us += regained * self.each_us;
        }
        let is_left = self.left > 0;
        self.left = self.left.saturating_sub(1);
        is_left
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_and_then_one_at_a_time() {
        let mut allowance = Allowance::new(2, 1_000);
        let taken: Vec<_> =
            [5_000, 5_001, 5_002, 6_000, 6_001].map(|now| allowance.take(now)).into();
        assert_eq!(taken, [true, true, false, true, false]);
    }
}
