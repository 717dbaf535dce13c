//! The decoder's end of a stream.
//!
//! Reading never fails in the middle: beyond the end come zeroes. At each segment's end the states
//! must be back at their lowest value, and at the end every byte must have been used, which damage
//! of any kind is unlikely to leave so. The work done before that is known is bounded by the
//! pixels of the lane.

use super::coder::{Coder, GROUP, SEGMENT_SYMBOLS, STATE_BYTES, STATE_LOW, STATES};
use super::model::{Bit, FREQUENCY_BITS, FREQUENCY_SUM, SymbolModel};
use crate::bitstream::Rule;

/// Reads the symbols of one stream.
#[derive(Debug)]
pub(crate) struct StreamDecoder<'a> {
    segments: &'a [u8],
    /// Next byte of the segments.
    at: usize,
    plain: &'a [u8],
    /// Next bit of the plain bits.
    plain_bit: usize,
    states: [u64; STATES],
    /// Symbols read of the present segment.
    symbols: usize,
    broken: Option<Rule>,
}

impl<'a> StreamDecoder<'a> {
    /// A stream of `segments` and `plain` bits.
    pub(crate) fn new(segments: &'a [u8], plain: &'a [u8]) -> Self {
        let mut decoder = Self {
            segments,
            at: 0,
            plain,
            plain_bit: 0,
            states: [0; STATES],
            symbols: 0,
            broken: None,
        };
        decoder.start_segment();
        decoder
    }

    /// Says what became of the ended stream.
    ///
    /// # Errors
    /// When it was not exactly what its symbols need.
    pub(crate) fn finish(self) -> Result<(), Rule> {
        let plain_bytes = self.plain_bit.div_ceil(8);
        let spare_bits = plain_bytes * 8 - self.plain_bit;
        let spare = self.plain.last().map_or(0, |&last| u32::from(last) >> (8 - spare_bits));
        match self.broken {
            Some(rule) => Err(rule),
            None if self.at != self.segments.len() => Err(Rule::StreamLength),
            None if plain_bytes != self.plain.len() || spare != 0 => Err(Rule::PlainBits),
            None => Ok(()),
        }
    }

    fn start_segment(&mut self) {
        for state in &mut self.states {
            let mut bytes = [0; 8];
            match self.segments.get(self.at..self.at + STATE_BYTES) {
                Some(taken) => bytes[..STATE_BYTES].copy_from_slice(taken),
                None => self.broken = self.broken.or(Some(Rule::StreamLength)),
            }
            *state = u64::from_le_bytes(bytes);
            self.at += STATE_BYTES;
        }
        self.symbols = 0;
    }

    fn check_states(&mut self) {
        if self.states != [STATE_LOW; STATES] {
            self.broken = self.broken.or(Some(Rule::StreamState));
        }
    }

    /// The first two bytes that were not read, lower first; zeroes beyond the end.
    #[inline(always)]
    fn next_word(&self) -> u64 {
        match self.segments.get(self.at..self.at + 2) {
            Some(&[low, high]) => u64::from(u16::from_le_bytes([low, high])),
            _ => 0,
        }
    }

    /// Takes a new state, and a word into it when it fell too low. Without a branch on that, since
    /// one symbol of two or three needs a word, unpredictably.
    #[inline(always)]
    fn set<const STATE: usize>(&mut self, state: u64) {
        let word = self.next_word();
        let low = state < STATE_LOW;
        self.states[STATE] = if low { state << 16 | word } else { state };
        self.at += 2 * usize::from(low);
        self.symbols += 1;
    }
}

impl Coder for StreamDecoder<'_> {
    const ENCODES: bool = false;

    #[inline(always)]
    fn bit(&mut self, model: &mut Bit, _: bool) -> bool {
        let one = u64::from(model.frequency_of_one());
        let [state, ..] = self.states;
        let value = state & u64::from(FREQUENCY_SUM - 1);
        let high = state >> FREQUENCY_BITS;
        let bit = value < one;
        let next = if bit {
            one * high + value
        } else {
            (u64::from(FREQUENCY_SUM) - one) * high + value - one
        };
        model.adapt(bit);
        self.set::<0>(next);
        bit
    }

    #[inline(always)]
    fn symbol<const STATE: usize>(&mut self, model: &mut impl SymbolModel, _: usize) -> usize {
        let (symbol, next) = symbol_in(self.states[STATE], model);
        self.set::<STATE>(next);
        symbol
    }

    #[inline(always)]
    fn raw(&mut self, bits: u32, _: u32) -> u32 {
        let [state, ..] = self.states;
        let value = state & u64::from(FREQUENCY_SUM - 1);
        let low_bits = FREQUENCY_BITS - bits;
        let raw = value >> low_bits;
        let next = (state >> FREQUENCY_BITS << low_bits) + value - (raw << low_bits);
        self.set::<0>(next);
        raw as u32
    }

    #[inline(always)]
    fn plain(&mut self, bits: u32, _: u32) -> u32 {
        let rest = self.plain.get(self.plain_bit / 8..).unwrap_or_default();
        let word = match rest.first_chunk() {
            Some(bytes) => u64::from_le_bytes(*bytes),
            // Near the end, zeroes follow.
            None => rest.iter().rev().fold(0, |word, &byte| word << 8 | u64::from(byte)),
        };
        let value = word >> (self.plain_bit % 8) & ((1 << bits) - 1);
        self.plain_bit += bits as usize;
        value as u32
    }

    #[inline(always)]
    fn group<M: SymbolModel, const CONTEXTS: usize>(
        &mut self,
        models: &mut [M; CONTEXTS],
        contexts: &[u8; GROUP],
        symbols: &mut [u8; GROUP],
        count: usize,
    ) {
        let mut words = Words::ahead(self.segments, self.at);
        let [mut main, mut blue, mut red] = self.states;
        let mut next = |state: &mut u64, context: u8, symbol: &mut u8| {
            let model = &mut models[usize::from(context) % CONTEXTS];
            let (coded, rest) = symbol_in(*state, model);
            *state = words.refill(rest);
            *symbol = coded as u8;
        };
        let (turns, rest) = contexts[..count].as_chunks::<STATES>();
        let (symbols, symbols_rest) = symbols[..count].as_chunks_mut::<STATES>();
        for ([a, b, c], [x, y, z]) in turns.iter().zip(symbols) {
            next(&mut main, *a, x);
            next(&mut blue, *b, y);
            next(&mut red, *c, z);
        }
        let states = [&mut main, &mut blue, &mut red];
        for ((state, context), symbol) in states.into_iter().zip(rest).zip(symbols_rest) {
            next(state, *context, symbol);
        }
        self.at += 2 * words.read;
        self.states = [main, blue, red];
        self.symbols += count;
    }

    #[inline(always)]
    fn end_row(&mut self) {
        if self.symbols >= SEGMENT_SYMBOLS {
            self.check_states();
            self.start_segment();
        }
    }

    fn end(&mut self) {
        self.check_states();
    }

    #[inline(always)]
    fn is_damaged(&self) -> bool {
        self.broken.is_some() || self.at > self.segments.len()
    }
}

/// The symbol in `state`, to which `model` adapts, and the state without it.
#[inline(always)]
fn symbol_in(state: u64, model: &mut impl SymbolModel) -> (usize, u64) {
    let value = state & u64::from(FREQUENCY_SUM - 1);
    let symbol = model.symbol_at(value as u32);
    let (start, frequency) = model.range(symbol);
    let next = u64::from(frequency) * (state >> FREQUENCY_BITS) + value - u64::from(start);
    model.adapt(symbol);
    (symbol, next)
}

/// The words that a group of symbols may need: copies, so that no symbol looks where the stream ends.
/// Beyond that come zeroes.
struct Words {
    words: [u16; GROUP],
    read: usize,
}

impl Words {
    /// The words of `segments` from byte `at` on.
    #[inline(always)]
    fn ahead(segments: &[u8], at: usize) -> Self {
        let mut words = [0; GROUP];
        let bytes = segments.get(at..).unwrap_or_default().as_chunks().0;
        for (word, bytes) in words.iter_mut().zip(bytes) {
            *word = u16::from_le_bytes(*bytes);
        }
        Self { words, read: 0 }
    }

    /// The state with a word taken into it if it is too low.
    #[inline(always)]
    fn refill(&mut self, state: u64) -> u64 {
        let word = u64::from(self.words[self.read % GROUP]);
        // In numbers, since a compiler makes a branch of a choice here, which no processor foresees.
        let low = u64::from(state < STATE_LOW);
        self.read += low as usize;
        state << (16 * low) | word & low.wrapping_neg()
    }
}
