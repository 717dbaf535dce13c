//! The encoder's end of a stream: rANS (Duda, "Asymmetric numeral systems", 2013) with three
//! states, and plain bits beside them.
//!
//! rANS decodes in the reverse order of encoding. So symbols are logged as (start, frequency,
//! state), and a segment is coded backwards when it ends.

use super::coder::{
    BLUE, Coder, GROUP, MAIN, MAX_PLAIN_BITS, MAX_RAW_BITS, RED, SEGMENT_SYMBOLS, STATE_BYTES,
    STATE_LOW, STATES,
};
use super::model::{Bit, FREQUENCY_BITS, FREQUENCY_SUM, SymbolModel};

/// Collects the symbols of one stream.
#[derive(Debug, Default)]
pub(crate) struct StreamEncoder {
    /// start << 17 | frequency << 2 | state, of the symbols of the present segment.
    log: Vec<u32>,
    words: Vec<u16>,
    segments: Vec<u8>,
    plain: Vec<u8>,
    pending: u64,
    pending_bits: u32,
}

impl StreamEncoder {
    /// Begins a stream and keeps the memory.
    pub(crate) fn clear(&mut self) {
        self.log.clear();
        self.segments.clear();
        self.plain.clear();
        (self.pending, self.pending_bits) = (0, 0);
    }

    /// The segments of the ended stream.
    pub(crate) fn segments(&self) -> &[u8] {
        &self.segments
    }

    /// The plain bits of the ended stream, to a full byte.
    pub(crate) fn plain(&self) -> &[u8] {
        &self.plain
    }

    #[inline(always)]
    fn push(&mut self, start: u32, frequency: u32, state: usize) {
        self.log.push(entry(start, frequency, state));
    }

    /// At most 32 plain bits.
    #[inline(always)]
    fn push_plain(&mut self, bits: u32, value: u32) {
        self.pending |= u64::from(value) << self.pending_bits;
        self.pending_bits += bits;
        if self.pending_bits >= 32 {
            self.plain.extend_from_slice(&(self.pending as u32).to_le_bytes());
            self.pending >>= 32;
            self.pending_bits -= 32;
        }
    }

    fn end_segment(&mut self) {
        self.words.clear();
        // At most one word a symbol.
        self.words.resize(self.log.len(), 0);
        let mut back = BackPass { first: self.words.len(), words: &mut self.words };
        let [mut main, mut blue, mut red] = [STATE_LOW; STATES];
        for &entry in self.log.iter().rev() {
            // A branch that photographs make predictable, and each state in a register.
            match (entry & 3) as usize {
                BLUE => blue = back.code(blue, entry),
                RED => red = back.code(red, entry),
                _ => main = back.code(main, entry),
            }
        }
        let (states, first) = ([main, blue, red], back.first);
        self.log.clear();
        for state in states {
            self.segments.extend_from_slice(&state.to_le_bytes()[..STATE_BYTES]);
        }
        for word in &self.words[first..] {
            self.segments.extend_from_slice(&word.to_le_bytes());
        }
    }
}

/// A symbol in the log.
#[inline(always)]
const fn entry(start: u32, frequency: u32, state: usize) -> u32 {
    start << 17 | frequency << 2 | state as u32
}

/// The words of a segment, from the last to the first.
struct BackPass<'a> {
    words: &'a mut [u16],
    /// Where the word coded last lies.
    first: usize,
}

impl BackPass<'_> {
    /// The state that holds the symbol of a log's entry before those in `state`.
    #[inline(always)]
    fn code(&mut self, state: u64, entry: u32) -> u64 {
        let start = u64::from(entry >> 17);
        let frequency = u64::from(entry >> 2 & (FREQUENCY_SUM - 1));
        // One symbol of two or three gives a word, unpredictably: without a branch.
        let is_full = state >= (STATE_LOW >> FREQUENCY_BITS << 16) * frequency;
        if let Some(word) = self.words.get_mut(self.first.wrapping_sub(1)) {
            *word = state as u16;
        }
        self.first -= usize::from(is_full);
        let reduced = if is_full { state >> 16 } else { state };
        let quotient = divide(reduced, reciprocal(frequency));
        reduced + quotient * (u64::from(FREQUENCY_SUM) - frequency) + start
    }
}

/// Binary digits of a [`reciprocal`] behind the point.
const RECIPROCAL_BITS: u32 = 60;

/// Added to a reciprocal, so that rounding never leaves it below the true one.
const RECIPROCAL_EXCESS: u64 = 30;

/// A little more than `2^60 / frequency`, by a division that is not on the way from one state to
/// the next.
///
/// [`divide`] is exact when the excess times the frequency is at most 2^60 / 2^40 (Granlund and
/// Montgomery, "Division by invariant integers using multiplication", 1994). Here it is at most
/// 31 * 2^15. The quotient in floating point is short by at most 2^8 / frequency, which is below
/// the excess for all frequencies above 8; the smaller ones are tested one by one.
#[inline(always)]
fn reciprocal(frequency: u64) -> u64 {
    let quotient = (1_u64 << RECIPROCAL_BITS) as f64 / frequency as i64 as f64;
    quotient as i64 as u64 + RECIPROCAL_EXCESS
}

/// The quotient of a state, which is below 2^40, by the frequency that `reciprocal` is of.
#[inline(always)]
fn divide(state: u64, reciprocal: u64) -> u64 {
    ((u128::from(state) * u128::from(reciprocal)) >> RECIPROCAL_BITS) as u64
}

impl Coder for StreamEncoder {
    const ENCODES: bool = true;

    #[inline(always)]
    fn bit(&mut self, model: &mut Bit, bit: bool) -> bool {
        let one = model.frequency_of_one();
        if bit {
            self.push(0, one, MAIN);
        } else {
            self.push(one, FREQUENCY_SUM - one, MAIN);
        }
        model.adapt(bit);
        bit
    }

    #[inline(always)]
    fn symbol<const STATE: usize>(&mut self, model: &mut impl SymbolModel, symbol: usize) -> usize {
        let (start, frequency) = model.range(symbol);
        self.push(start, frequency, STATE);
        model.adapt(symbol);
        symbol
    }

    #[inline(always)]
    fn raw(&mut self, bits: u32, value: u32) -> u32 {
        debug_assert!((1..=MAX_RAW_BITS).contains(&bits) && value >> bits == 0);
        self.push(value << (FREQUENCY_BITS - bits), 1 << (FREQUENCY_BITS - bits), MAIN);
        value
    }

    #[inline(always)]
    fn plain(&mut self, bits: u32, value: u32) -> u32 {
        debug_assert!(bits <= MAX_PLAIN_BITS && value >> bits == 0);
        self.push_plain(bits, value);
        value
    }

    #[inline(always)]
    fn group<M: SymbolModel, const CONTEXTS: usize>(
        &mut self,
        models: &mut [M; CONTEXTS],
        contexts: &[u8; GROUP],
        symbols: &mut [u8; GROUP],
        count: usize,
    ) {
        let mut log = [0; GROUP];
        let turns = contexts[..count].chunks(STATES).zip(symbols.chunks(STATES));
        for (log, (contexts, symbols)) in log.chunks_mut(STATES).zip(turns) {
            let entries = log.iter_mut().zip(contexts).zip(symbols).enumerate();
            for (state, ((entry_of, &context), &symbol)) in entries {
                let model = &mut models[usize::from(context) % CONTEXTS];
                let (start, frequency) = model.range(usize::from(symbol));
                *entry_of = entry(start, frequency, state);
                model.adapt(usize::from(symbol));
            }
        }
        self.log.extend_from_slice(&log[..count]);
    }

    #[inline(always)]
    fn end_row(&mut self) {
        if self.log.len() >= SEGMENT_SYMBOLS {
            self.end_segment();
        }
    }

    fn end(&mut self) {
        self.end_segment();
        let bytes = self.pending_bits.div_ceil(8) as usize;
        self.plain.extend_from_slice(&self.pending.to_le_bytes()[..bytes]);
        (self.pending, self.pending_bits) = (0, 0);
    }

    fn is_damaged(&self) -> bool {
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reciprocals_divide_exactly() {
        // All frequencies that a model or a field can have.
        let frequencies = [1, 2].into_iter().chain(4..=u64::from(FREQUENCY_SUM));
        for frequency in frequencies {
            let reciprocal = reciprocal(frequency);
            let last = (1_u64 << 40) - 1;
            // Where the quotient steps, at the largest states most of all.
            for multiple in [1, 2, 3, last / frequency / 2, last / frequency - 1, last / frequency]
            {
                let state = multiple * frequency;
                for state in [state - 1, state, (state + 1).min(last), last] {
                    assert_eq!(divide(state, reciprocal), state / frequency, "{state}/{frequency}");
                }
            }
        }
    }
}
