//! How coarse the frames of a video are.

use crate::encoder::choice::FILM_PAUSE_US;

/// H.264 quantizers of a stream's first frame and of every second of the others, between which it is
/// coarser by one: 40 dB on animated film with much detail (docs/decisions/0014). What the first one
/// shows well, the others need not send again.
const INTRA_QUANTIZER: u8 = 17;
const QUANTIZER: u8 = 20;

/// Coarsest quantizer that a target rate may lead to: blocks are plain to see beyond it.
const MAX_QUANTIZER: u8 = 40;

/// Chooses quantizers for a target rate.
#[derive(Debug, Default)]
pub(super) struct Rate {
    pub(super) target_bytes_per_s: Option<u32>,
    /// Steps above [`QUANTIZER`].
    coarser: u8,
    last_us: u64,
}

impl Rate {
    /// Learns that a frame at `now_us` took `bytes`.
    pub(super) fn learn(&mut self, bytes: usize, now_us: u64) {
        let Some(target) = self.target_bytes_per_s else {
            self.coarser = 0;
            return;
        };
        let pause_us = now_us.saturating_sub(self.last_us).clamp(10_000, FILM_PAUSE_US);
        self.last_us = now_us;
        let due = u64::from(target) * pause_us / 1_000_000;
        let bytes = bytes as u64;
        // Six steps halve the bytes; one at a time up, so that an intra frame alone does little.
        if bytes * 10 > due * 11 {
            let step = if bytes > due * 2 { 2 } else { 1 };
            self.coarser = (self.coarser + step).min(MAX_QUANTIZER - QUANTIZER);
        } else if bytes * 10 < due * 8 {
            self.coarser = self.coarser.saturating_sub(1);
        }
    }

    /// The quantizer of frame `number` of a stream.
    pub(super) const fn quantizer(&self, number: u32) -> u8 {
        let quantizer = match number {
            0 => INTRA_QUANTIZER,
            _ if number.is_multiple_of(2) => QUANTIZER,
            _ => QUANTIZER + 1,
        };
        self.coarser + quantizer
    }
}
