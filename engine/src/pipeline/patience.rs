//! How long a line waits for a viewer that has no room, before it is left out of an update.
//!
//! To be left out costs a viewer slices and the others the line's models, so that a viewer whose slot
//! opens in a moment is waited for. But the waiting is rationed: one that is slower than the others
//! each time holds them up for a small part of the time, and is left out from then on. Pure: time is
//! an argument.

use tessera_codec::Pace;

/// What may be waited at once, and what is regained meanwhile, in microseconds of waiting for each
/// second without. Choices, not measurements: on the fast line some pictures at 60 a second, so that
/// a busy computer does not count as slow, and 3 % of the time; the slow line goes by its slowest
/// viewer, unless nothing is heard of it.
const FAST: Ration = Ration { most_us: 40_000, regained_us_per_s: 30_000 };
const SLOW: Ration = Ration { most_us: 250_000, regained_us_per_s: 1_000_000 };

#[derive(Clone, Copy, Debug)]
struct Ration {
    most_us: u64,
    regained_us_per_s: u64,
}

/// What is left of it for one viewer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Patience {
    ration: Ration,
    left_us: u64,
    noted_us: u64,
    is_waited_for: bool,
}

impl Patience {
    /// That of a line with `pace` for a viewer that comes at `now_us`.
    pub(crate) const fn of(pace: Pace, now_us: u64) -> Self {
        let ration = match pace {
            Pace::Fast => FAST,
            Pace::Slow => SLOW,
        };
        Self { ration, left_us: ration.most_us, noted_us: now_us, is_waited_for: false }
    }

    /// Notes whether the others wait for the viewer from `now_us` on, and returns how much longer
    /// they may.
    pub(crate) fn note(&mut self, is_waited_for: bool, now_us: u64) -> u64 {
        let elapsed_us = now_us.saturating_sub(self.noted_us);
        self.noted_us = now_us;
        if std::mem::replace(&mut self.is_waited_for, is_waited_for) {
            self.left_us = self.left_us.saturating_sub(elapsed_us);
        } else {
            let regained_us = elapsed_us.saturating_mul(self.ration.regained_us_per_s) / 1_000_000;
            self.left_us = self.left_us.saturating_add(regained_us).min(self.ration.most_us);
        }
        self.left_us
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_waited_and_what_lasts_is_not() {
        let mut patience = Patience::of(Pace::Fast, 0);
        assert_eq!(patience.note(true, 1_000), FAST.most_us);
        assert_eq!(patience.note(true, 11_000), FAST.most_us - 10_000);
        assert_eq!(patience.note(true, 42_000), 0);
        assert_eq!(patience.note(false, 42_000), 0);
        assert_eq!(patience.note(false, 1_042_000), FAST.regained_us_per_s);
        assert_eq!(patience.note(true, 9_042_000), FAST.most_us, "no more than that");
    }

    #[test]
    fn a_viewer_that_is_always_late_holds_the_others_up_for_little_of_the_time() {
        // 60 pictures a second for a minute, and the viewer has room 12 ms late for each.
        let (mut patience, mut waited_us) = (Patience::of(Pace::Fast, 0), 0);
        for picture in 0..3_600 {
            let now_us = picture * 16_667;
            let wait_us = patience.note(true, now_us).min(12_000);
            patience.note(false, now_us + wait_us);
            waited_us += wait_us;
        }
        assert!(waited_us < 60_000_000 * 4 / 100, "{waited_us} of 60,000,000");
    }
}
