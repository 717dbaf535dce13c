//! How coarse the frames of a video are: as coarse as their error may be, and coarser when a rate
//! demands it (`budget`).
//!
//! The error that counts is the mean over all frames, in RGB: a constant quantizer reaches it in the
//! fewest bytes, and a slow controller finds that quantizer, from a guess at the first frame
//! (`video::texture`) and from what the coder says of each frame. There is no clock here.

use super::budget::Budget;
use crate::video::Detail;

/// The mean squared error that frames should have: 40.2 dB.
const ERROR: f32 = 6.2;

/// Share of it that quantizing is allowed at least. The rest is what is lost in 4:2:0, whatever the
/// quantizer; where that is more, no quantizer makes up for it.
const LEAST_SHARE: f32 = 0.5;

/// Quantizer steps in which the error doubles: so it was measured on film, between 17 and 28.
const STEPS_TO_DOUBLE: f32 = 4.6;

/// By how many steps a stream's first frame is finer than the others: what it shows well, they need
/// not send again. And the share of their error that it has then.
const INTRA_FINER: f32 = 3.5;
const INTRA_SHARE: f32 = 0.67;

/// Frames over which the mean is taken, in which it is brought to what it should be, the share of a
/// deviation that a frame corrects, below and above it, and the most steps at once. Choices; a faster
/// controller follows the errors' noise.
const WINDOW: f32 = 60.0;
const HORIZON: f32 = 12.0;
const GAIN: f32 = 0.35;
const GAIN_ABOVE: f32 = 0.7;
const MAX_STEP: f32 = 2.0;

/// The finest and the coarsest quantizer that the error asks for, and the coarsest that a rate does.
/// Beyond 40 blocks are plain to see.
const QUANTIZERS: (f32, f32) = (12.0, 40.0);
const COARSEST: f32 = 44.0;

/// The coarsest quantizer that a guess leads to: the smoother film is, the less blocks of 4x4 samples
/// tell of it.
const MAX_GUESS: u8 = 23;

/// Chooses quantizers.
#[derive(Debug)]
pub(super) struct Rate {
    budget: Budget,
    /// That of frames after the first, if only the error counts.
    quantizer: f32,
    /// What rounding has left of it.
    carry: f32,
    /// The mean error, and of how many frames.
    mean: f32,
    frames: f32,
    /// Whether the last frame was as fine as its error asked for.
    is_free: bool,
}

/// What is known of a coded frame.
#[derive(Clone, Copy, Debug)]
pub(super) struct CodedFrame {
    /// Whether it is the first of a stream.
    pub(super) is_first: bool,
    /// Mean squared errors in RGB: what is lost before the coder, and by it.
    pub(super) lost: f32,
    pub(super) quantizing: f32,
    pub(super) quantizer: u8,
    pub(super) bytes: usize,
}

impl Default for Rate {
    fn default() -> Self {
        Self {
            budget: Budget::default(),
            quantizer: 20.5,
            carry: 0.0,
            mean: 0.0,
            frames: 0.0,
            is_free: true,
        }
    }
}

/// The error that quantizing should make, when `error` is to be seen and `lost` is lost before.
fn of_quantizing(error: f32, lost: f32) -> f32 {
    (error - lost).max(error * LEAST_SHARE)
}

impl Rate {
    /// Begins with film of which nothing is known but its first frame.
    pub(super) fn begin(&mut self, first: &Detail, lost: f32) {
        let error = of_quantizing(ERROR, lost) * INTRA_SHARE;
        let finest = QUANTIZERS.0 as u8;
        let guess = (finest..MAX_GUESS).find(|&quantizer| first.error(quantizer + 1) > error);
        self.quantizer = f32::from(guess.unwrap_or(MAX_GUESS)) + INTRA_FINER;
        (self.carry, self.mean, self.frames) = (0.0, 0.0, 0.0);
        self.budget.begin(first);
    }

    /// Has frames taken from now on keep to a rate.
    pub(super) const fn set_rate(&mut self, bytes_per_s: Option<u32>) {
        self.budget.set_rate(bytes_per_s);
    }

    /// The quantizer of the next frame, taken at `now_us`, which may be the first of a stream.
    pub(super) fn quantizer(&mut self, is_first: bool, now_us: u64) -> u8 {
        let (finest, coarsest) = QUANTIZERS;
        let wanted = if is_first { self.quantizer - INTRA_FINER } else { self.quantizer };
        let affordable = self.budget.quantizer(is_first, now_us);
        self.is_free = affordable <= wanted;
        let exact = match is_first {
            true => wanted.max(affordable),
            false => wanted.clamp(finest, coarsest).max(affordable) + self.carry,
        };
        let quantizer = exact.round().clamp(finest, COARSEST);
        if !is_first {
            self.carry = (exact - quantizer).clamp(-0.5, 0.5);
        }
        quantizer as u8
    }

    /// Learns what became of a frame.
    pub(super) fn learn(&mut self, coded: &CodedFrame) {
        self.budget.learn(coded);
        if !self.is_free {
            return;
        }
        let lost = coded.lost.min(ERROR * (1.0 - LEAST_SHARE));
        let (is_first, error) = (coded.is_first, coded.quantizing + lost);
        self.frames = (self.frames + 1.0).min(WINDOW);
        self.mean += (error - self.mean) / self.frames;
        let wanted = ERROR + (ERROR - self.mean) * self.frames / HORIZON;
        let wanted = of_quantizing(wanted.clamp(ERROR * 0.8, ERROR * 1.2), lost);
        let quantizing = coded.quantizing.max(ERROR / 100.0);
        let (wanted, gain) = match is_first {
            true => (wanted * INTRA_SHARE, 1.0),
            false if quantizing > wanted => (wanted, GAIN_ABOVE),
            false => (wanted, GAIN),
        };
        let steps = STEPS_TO_DOUBLE * (wanted / quantizing).log2() * gain;
        let (finest, coarsest) = QUANTIZERS;
        self.quantizer =
            (self.quantizer + steps.clamp(-MAX_STEP, MAX_STEP)).clamp(finest, coarsest);
    }
}
