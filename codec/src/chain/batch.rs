//! Probabilities of one of sixteen symbols that are learnt batch by batch.
//!
//! A photograph's residuals are noise of a shape that changes slowly. So their model only counts
//! symbols, and becomes another when a batch is full: until then a decoder reads frequencies that
//! no symbol changes, and need not wait for the one before. Sizes of batches and rates are part of
//! the bitstream.

use super::model::{FREQUENCY_SUM, SYMBOLS, SymbolModel};
use crate::kernels;

/// Least frequency of a symbol.
const MIN_FREQUENCY: u16 = 8;

/// What remains of the frequencies, to be shared by counts: a multiple of the size of every batch.
const SHARED: u32 = FREQUENCY_SUM - SYMBOLS as u32 * MIN_FREQUENCY as u32;

/// A batch: how many symbols (as a power of two), and by what shift the model goes towards their
/// frequencies.
#[derive(Clone, Copy)]
struct Batch {
    bits: u8,
    rate: u8,
}

/// The batches from a new model on; the last one for ever.
const BATCHES: [Batch; 7] = [
    Batch { bits: 4, rate: 1 },
    Batch { bits: 4, rate: 1 },
    Batch { bits: 5, rate: 1 },
    Batch { bits: 6, rate: 1 },
    Batch { bits: 6, rate: 2 },
    Batch { bits: 6, rate: 2 },
    Batch { bits: 6, rate: 3 },
];

/// An alphabet of sixteen symbols that learns in batches.
#[derive(Clone, Copy, Debug)]
#[repr(align(64))]
pub(super) struct BatchAlphabet {
    /// Cumulative frequency below each symbol, and the sum of all.
    below: [u16; SYMBOLS + 1],
    /// How often each symbol came in the present batch.
    counts: [u8; SYMBOLS],
    /// Symbols until the batch is full.
    missing: u8,
    /// Index of the present batch.
    batch: u8,
}

impl BatchAlphabet {
    /// All symbols equally likely.
    pub(super) const NEW: Self = {
        let mut below = [0; SYMBOLS + 1];
        let mut at = 1;
        while at <= SYMBOLS {
            below[at] = at as u16 * (FREQUENCY_SUM as u16 / SYMBOLS as u16);
            at += 1;
        }
        Self { below, counts: [0; SYMBOLS], missing: 1 << BATCHES[0].bits, batch: 0 }
    };

    /// Goes towards the frequencies of the full batch, and begins the next.
    #[cold]
    #[inline(never)]
    fn learn(&mut self) {
        let at = usize::from(self.batch);
        let Batch { bits, rate } = BATCHES[at.min(BATCHES.len() - 1)];
        let share = SHARED >> bits;
        let mut before = 0;
        for (symbol, (below, count)) in self.below.iter_mut().zip(&self.counts).enumerate() {
            let target = (before * share) as i32 + symbol as i32 * i32::from(MIN_FREQUENCY);
            let step = (target - i32::from(*below)) >> rate;
            *below = below.wrapping_add(step as u16);
            before += u32::from(*count);
        }
        self.counts = [0; SYMBOLS];
        let next = (at + 1).min(BATCHES.len() - 1);
        self.batch = next as u8;
        self.missing = 1 << BATCHES[next].bits;
    }
}

impl SymbolModel for BatchAlphabet {
    #[inline(always)]
    fn range(&self, symbol: usize) -> (u32, u32) {
        let start = u32::from(self.below[symbol & 15]);
        (start, u32::from(self.below[(symbol & 15) + 1]) - start)
    }

    #[inline(always)]
    fn symbol_at(&self, value: u32) -> usize {
        let [below @ .., _] = &self.below;
        kernels::last_at_most(below, value as u16)
    }

    #[inline(always)]
    fn adapt(&mut self, symbol: usize) {
        self.counts[symbol & 15] += 1;
        self.missing -= 1;
        if self.missing == 0 {
            self.learn();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_stay_whole_and_nothing_becomes_impossible() {
        for period in 1..=SYMBOLS {
            let mut alphabet = BatchAlphabet::NEW;
            for seen in 0..20_000 {
                alphabet.adapt(seen % period);
                let mut next = 0;
                for symbol in 0..SYMBOLS {
                    let (start, frequency) = alphabet.range(symbol);
                    assert_eq!(start, next);
                    assert!(frequency >= u32::from(MIN_FREQUENCY), "symbol {symbol}");
                    assert_eq!(alphabet.symbol_at(start), symbol);
                    assert_eq!(alphabet.symbol_at(start + frequency - 1), symbol);
                    next = start + frequency;
                }
                assert_eq!(next, FREQUENCY_SUM);
            }
        }
    }

    #[test]
    fn a_model_learns_what_comes_often() {
        let mut alphabet = BatchAlphabet::NEW;
        (0..1024).for_each(|seen| alphabet.adapt(if seen % 4 == 0 { 15 } else { 3 }));
        let share = |symbol| f64::from(alphabet.range(symbol).1) / f64::from(FREQUENCY_SUM);
        assert!((share(3) - 0.75).abs() < 0.02, "{}", share(3));
        assert!((share(15) - 0.25).abs() < 0.02, "{}", share(15));
    }
}
