//! Adaptive probabilities: of a bit, and of one of sixteen symbols.
//!
//! Frequencies are out of 2^15. A model adapts fast while it has seen little and slower later. The
//! rates are part of the bitstream.

use crate::kernels;

/// Bits of a frequency: all frequencies of a model add up to 2^15.
pub(crate) const FREQUENCY_BITS: u32 = 15;

/// Sum of the frequencies of a model.
pub(crate) const FREQUENCY_SUM: u32 = 1 << FREQUENCY_BITS;

/// Least frequency of either value of a bit.
const MIN_BIT_FREQUENCY: u32 = 8;

/// Shift of each adaptation of a bit, by the number of adaptations before.
const BIT_RATES: [u8; 16] = [1, 2, 2, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 5, 6];

/// Index of the last rate of an ordinary bit, and of one that is almost always the same.
const LAST_RATE: u8 = 10;
const LAST_RATE_STEADY: u8 = 15;

/// An adaptive bit.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bit {
    /// Probability of 1, of 2^16.
    one: u16,
    adaptations: u8,
    last_rate: u8,
}

impl Bit {
    /// A bit about which nothing is known.
    pub(crate) const NEW: Self = Self { one: 1 << 15, adaptations: 0, last_rate: LAST_RATE };

    /// The same, for a bit that is expected to be almost always the same.
    pub(crate) const STEADY: Self =
        Self { one: 1 << 15, adaptations: 0, last_rate: LAST_RATE_STEADY };

    /// Frequency of 1.
    #[inline(always)]
    pub(crate) fn frequency_of_one(self) -> u32 {
        (u32::from(self.one) >> 1).clamp(MIN_BIT_FREQUENCY, FREQUENCY_SUM - MIN_BIT_FREQUENCY)
    }

    /// Adapts to a coded value.
    #[inline(always)]
    pub(crate) fn adapt(&mut self, bit: bool) {
        let rate = BIT_RATES[usize::from(self.adaptations & 15)];
        if bit {
            self.one += (u16::MAX - self.one) >> rate;
        } else {
            self.one -= self.one >> rate;
        }
        self.adaptations += u8::from(self.adaptations < self.last_rate);
    }
}

/// Symbols of an alphabet.
pub(crate) const SYMBOLS: usize = 16;

/// Shift of each adaptation of a symbol model, by the number of adaptations before.
const SYMBOL_RATES: [u8; 32] = [
    2, 3, 3, 3, 4, 4, 4, 4, 4, 4, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 6, 6,
];

/// Least frequency of a symbol.
const MIN_SYMBOL_FREQUENCY: u16 = 4;

/// For each symbol the cumulative frequencies that an adaptation goes towards.
static TARGETS: [[u16; SYMBOLS]; SYMBOLS] = {
    let mut targets = [[0; SYMBOLS]; SYMBOLS];
    let mut symbol = 0;
    while symbol < SYMBOLS {
        let mut at = 0;
        while at < SYMBOLS {
            let least = at as u16 * MIN_SYMBOL_FREQUENCY;
            let above = FREQUENCY_SUM as u16 - SYMBOLS as u16 * MIN_SYMBOL_FREQUENCY;
            targets[symbol][at] = if at <= symbol { least } else { above + least };
            at += 1;
        }
        symbol += 1;
    }
    targets
};

/// What a coder asks of a model of one of sixteen symbols.
pub(crate) trait SymbolModel {
    /// Cumulative frequency below `symbol`, and its own.
    fn range(&self, symbol: usize) -> (u32, u32);

    /// The symbol whose range holds `value`, which is below 2^15.
    fn symbol_at(&self, value: u32) -> usize;

    /// Adapts to a coded symbol.
    fn adapt(&mut self, symbol: usize);
}

/// An adaptive alphabet of sixteen symbols.
#[derive(Clone, Copy, Debug)]
#[repr(align(64))]
pub(crate) struct Alphabet {
    /// Cumulative frequency below each symbol; rises, and starts with 0.
    below: [u16; SYMBOLS],
    // Apart from the frequencies: a narrow store into them would delay the next wide load.
    adaptations: u16,
}

impl Alphabet {
    /// All symbols equally likely.
    pub(crate) const NEW: Self = {
        let mut below = [0; SYMBOLS];
        let mut at = 1;
        while at < SYMBOLS {
            below[at] = at as u16 * (FREQUENCY_SUM as u16 / SYMBOLS as u16);
            at += 1;
        }
        Self { below, adaptations: 0 }
    };
}

impl SymbolModel for Alphabet {
    #[inline(always)]
    fn range(&self, symbol: usize) -> (u32, u32) {
        let start = u32::from(self.below[symbol & 15]);
        let end = self.below.get((symbol & 15) + 1).map_or(FREQUENCY_SUM, |&end| u32::from(end));
        (start, end - start)
    }

    #[inline(always)]
    fn symbol_at(&self, value: u32) -> usize {
        kernels::last_at_most(&self.below, value as u16)
    }

    #[inline(always)]
    fn adapt(&mut self, symbol: usize) {
        let rate = i16::from(SYMBOL_RATES[usize::from(self.adaptations & 31)]);
        for (below, target) in self.below.iter_mut().zip(&TARGETS[symbol & 15]) {
            // Both are below 2^15.
            let step = (*target as i16).wrapping_sub(*below as i16) >> rate;
            *below = (*below as i16).wrapping_add(step) as u16;
        }
        self.adaptations += u16::from(usize::from(self.adaptations) < SYMBOL_RATES.len() - 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_stay_a_partition_whatever_is_coded() {
        let mut state = 1_u32;
        for run in [1, 40, 2_000] {
            let mut alphabet = Alphabet::NEW;
            for _ in 0..20 {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                let symbol = (state >> 28) as usize;
                (0..run).for_each(|_| alphabet.adapt(symbol));
                let mut next = 0;
                for at in 0..SYMBOLS {
                    let (start, frequency) = alphabet.range(at);
                    assert_eq!(start, next);
                    assert!(frequency >= u32::from(MIN_SYMBOL_FREQUENCY), "symbol {at}");
                    assert_eq!(alphabet.symbol_at(start), at);
                    assert_eq!(alphabet.symbol_at(start + frequency - 1), at);
                    next = start + frequency;
                }
                assert_eq!(next, FREQUENCY_SUM);
            }
        }
    }

    #[test]
    fn a_bit_never_becomes_impossible() {
        for value in [false, true] {
            let mut bit = Bit::STEADY;
            (0..10_000).for_each(|_| bit.adapt(value));
            let one = bit.frequency_of_one();
            assert!((MIN_BIT_FREQUENCY..=FREQUENCY_SUM - MIN_BIT_FREQUENCY).contains(&one));
        }
    }
}
