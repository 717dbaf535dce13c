//! The bytes that frames of a video may take, and the quantizer that keeps to them.
//!
//! How much there is to code is known from the frames before: bytes and quantizer together, of which
//! six steps of one are worth half of the other. What was spent too much is saved within some frames,
//! and a little of what was not spent may be spent later. There is no clock here.

use super::rate::CodedFrame;
use crate::encoder::choice::FILM_PAUSE_US;
use crate::video::Detail;

/// Quantizer steps that halve the bytes.
const STEPS_TO_HALVE: f32 = 6.0;

/// How much of what is known of frames a new one replaces: more when there is more to code.
const NEWS: f32 = 0.25;
const NEWS_ABOVE: f32 = 0.5;

/// Frames in which a debt is paid back, the least and the most that one may take of what is due for
/// it, and the time for which can be saved and owed at most. Choices.
const HORIZON: f32 = 15.0;
const SHARES: (f32, f32) = (0.5, 1.5);
const SAVED_S: f32 = 0.2;
const OWED_S: f32 = 0.5;

/// How many frames' bytes the first frame of a stream may take, which the others build on.
const FIRST_FRAMES: f32 = 5.0;

/// What a frame has less to code than the first, when nothing else is known of it: half.
const FIRST_TO_OTHER: f32 = 1.0;

/// Shortest time between frames that counts.
const MIN_PAUSE_US: u64 = 10_000;

/// Frames a second, when nothing is known of them.
const FRAMES_PER_S: f32 = 30.0;

/// Follows a rate.
#[derive(Debug)]
pub(super) struct Budget {
    bytes_per_s: Option<u32>,
    /// Bytes spent beyond what was due so far.
    debt: f32,
    /// Mean pause between frames, in seconds.
    pause_s: f32,
    last_us: Option<u64>,
    /// What there is to code of a stream's first frame, and of another: the logarithm of the bytes, with
    /// base two, at the quantizer 0.
    of_first: f32,
    of_other: Option<f32>,
}

impl Default for Budget {
    fn default() -> Self {
        Self {
            bytes_per_s: None,
            debt: 0.0,
            pause_s: FRAMES_PER_S.recip(),
            last_us: None,
            of_first: 0.0,
            of_other: None,
        }
    }
}

impl Budget {
    pub(super) const fn set_rate(&mut self, bytes_per_s: Option<u32>) {
        self.bytes_per_s = bytes_per_s;
    }

    /// Begins with film of which nothing is known but its first frame.
    pub(super) fn begin(&mut self, first: &Detail) {
        (self.debt, self.last_us, self.of_other) = (0.0, None, None);
        // By the middle of the quantizers that count: how many bytes a step is worth varies.
        let middle = 28;
        self.of_first = amount(first.bytes(middle), middle);
    }

    /// The least quantizer that is within the rate, for a frame taken at `now_us`.
    pub(super) fn quantizer(&mut self, is_first: bool, now_us: u64) -> f32 {
        let Some(bytes_per_s) = self.bytes_per_s else {
            (self.debt, self.last_us) = (0.0, Some(now_us));
            return 0.0;
        };
        let rate = bytes_per_s as f32;
        if let Some(last_us) = self.last_us.replace(now_us) {
            let pause_us = now_us.saturating_sub(last_us).clamp(MIN_PAUSE_US, FILM_PAUSE_US);
            let pause_s = pause_us as f32 / 1e6;
            self.debt = (self.debt - rate * pause_s).clamp(-rate * SAVED_S, rate * OWED_S);
            self.pause_s += (pause_s - self.pause_s) * NEWS;
        }
        let due = rate * self.pause_s;
        let amount = match (is_first, self.of_other) {
            (true, _) => self.of_first,
            (false, Some(amount)) => amount,
            (false, None) => self.of_first - FIRST_TO_OTHER,
        };
        let bytes = match is_first {
            true => due * FIRST_FRAMES,
            false => (due - self.debt / HORIZON).clamp(due * SHARES.0, due * SHARES.1),
        };
        (amount - bytes.max(1.0).log2()) * STEPS_TO_HALVE
    }

    /// Learns what a frame took.
    pub(super) fn learn(&mut self, coded: &CodedFrame) {
        self.debt += coded.bytes as f32;
        let coded_amount = amount(coded.bytes as f32, coded.quantizer);
        if coded.is_first {
            self.of_first = coded_amount;
            return;
        }
        let known = *self.of_other.get_or_insert(coded_amount);
        let news = if coded_amount > known { NEWS_ABOVE } else { NEWS };
        self.of_other = Some(known + (coded_amount - known) * news);
    }
}

/// What there was to code in a frame of `bytes`.
fn amount(bytes: f32, quantizer: u8) -> f32 {
    bytes.max(1.0).log2() + f32::from(quantizer) / STEPS_TO_HALVE
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Film of which a frame takes `bytes` at the quantizer 20, and the first six times as many.
    fn play(budget: &mut Budget, bytes: f32, frames: u32, now_us: &mut u64) -> Vec<usize> {
        let mut taken = Vec::new();
        let begins = budget.last_us.is_none();
        if begins {
            budget.of_first = amount(bytes * 6.0, 20);
        }
        for frame in 0..frames {
            *now_us += 33_333;
            let is_first = begins && frame == 0;
            let quantizer = budget.quantizer(is_first, *now_us).round().clamp(12.0, 44.0) as u8;
            let whole = if is_first { bytes * 6.0 } else { bytes };
            let coded = whole * ((20.0 - f32::from(quantizer)) / 5.0).exp2();
            budget.learn(&CodedFrame {
                is_first,
                lost: 0.0,
                quantizing: 5.0,
                quantizer,
                bytes: coded as usize,
            });
            taken.push(coded as usize);
        }
        taken
    }

    fn mean(bytes: &[usize]) -> usize {
        bytes.iter().sum::<usize>() / bytes.len()
    }

    #[test]
    fn a_rate_is_kept_in_the_mean_whatever_there_is_to_code() {
        for bytes in [20_000.0, 60_000.0, 200_000.0] {
            let (mut budget, mut now_us) = (Budget::default(), 0);
            budget.set_rate(Some(400_000));
            let taken = play(&mut budget, bytes, 150, &mut now_us);
            let mean = mean(&taken[30..]);
            assert!((12_000..=13_800).contains(&mean), "{mean} of {bytes}: {taken:?}");
        }
    }

    #[test]
    fn a_rate_that_falls_is_followed_with_the_next_frame() {
        let (mut budget, mut now_us) = (Budget::default(), 0);
        budget.set_rate(Some(900_000));
        play(&mut budget, 60_000.0, 60, &mut now_us);
        budget.set_rate(Some(300_000));
        let taken = play(&mut budget, 60_000.0, 5, &mut now_us);
        assert!(taken.iter().all(|&bytes| bytes < 16_000), "{taken:?}");
    }

    #[test]
    fn a_scene_with_more_to_code_is_over_the_rate_for_a_few_frames_only() {
        let (mut budget, mut now_us) = (Budget::default(), 0);
        budget.set_rate(Some(400_000));
        play(&mut budget, 20_000.0, 60, &mut now_us);
        let taken = play(&mut budget, 120_000.0, 60, &mut now_us);
        assert!(taken[6..].iter().all(|&bytes| bytes < 16_000), "{taken:?}");
        let within_a_second = mean(&taken[..30]);
        assert!(within_a_second < 19_000, "{within_a_second}: {taken:?}");
    }

    #[test]
    fn without_a_rate_any_quantizer_will_do() {
        let (mut budget, mut now_us) = (Budget::default(), 0);
        play(&mut budget, 60_000.0, 10, &mut now_us);
        assert_eq!(budget.quantizer(false, now_us), 0.0);
    }
}
