//! One interface for both directions, so that every model stands in the code once.

use super::model::{Bit, SymbolModel};

/// States of the entropy coder. Those of blue and red let a processor overlap the three channels.
pub(crate) const STATES: usize = 3;

/// State of bits, modes, vectors and green.
pub(crate) const MAIN: usize = 0;
/// State of blue.
pub(crate) const BLUE: usize = 1;
/// State of red.
pub(crate) const RED: usize = 2;

/// Symbols after which a segment of the stream ends at the next row of pixels.
pub(crate) const SEGMENT_SYMBOLS: usize = 1 << 15;

/// Bytes of a state at the start of a segment.
pub(crate) const STATE_BYTES: usize = 5;

/// Least value of a state, and its value before the first and after the last symbol.
pub(crate) const STATE_LOW: u64 = 1 << 24;

/// Most bits of a field without a model.
pub(crate) const MAX_RAW_BITS: u32 = 15;

/// Most bits of a plain field.
pub(crate) const MAX_PLAIN_BITS: u32 = 21;

/// Most symbols that are coded together, by turns in all states.
pub(crate) const GROUP: usize = 64;

/// Codes symbols in one direction. Each method takes the value to encode, which a decoder ignores,
/// and returns the value that was coded.
pub(crate) trait Coder {
    /// Whether this is the encoder.
    const ENCODES: bool;

    /// A bit, in the main state.
    fn bit(&mut self, model: &mut Bit, bit: bool) -> bool;

    /// One of sixteen symbols, in state `STATE`.
    fn symbol<const STATE: usize>(&mut self, model: &mut impl SymbolModel, symbol: usize) -> usize;

    /// `bits` equally likely bits, 1 to [`MAX_RAW_BITS`], in the main state.
    fn raw(&mut self, bits: u32, value: u32) -> u32;

    /// `bits` equally likely bits, at most [`MAX_PLAIN_BITS`], apart from all states.
    fn plain(&mut self, bits: u32, value: u32) -> u32;

    /// The first `count` of some symbols, at most [`GROUP`], each by the model of its context, in the
    /// states by turns, beginning with the main one. Symbols that the same state holds are then three
    /// apart, which a processor has under way at once.
    fn group<M: SymbolModel, const CONTEXTS: usize>(
        &mut self,
        models: &mut [M; CONTEXTS],
        contexts: &[u8; GROUP],
        symbols: &mut [u8; GROUP],
        count: usize,
    );

    /// Marks the end of a row of pixels, where a long segment ends.
    fn end_row(&mut self);

    /// Marks the end of the stream.
    fn end(&mut self);

    /// Whether the stream is known to be damaged already: what follows is of no use.
    fn is_damaged(&self) -> bool;
}
