//! The one table that says what waits for what.
//!
//! quinn sends datagrams before all streams, and streams by descending priority. Input, voice and cursor positions are
//! datagrams; they stay under 100 kbit/s together, so that going first costs the streams nothing.

/// What a stream carries, most urgent first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Priority {
    /// Control messages and acknowledgements.
    Control,
    /// The chain: exact damage on which later pixels may depend.
    Chain,
    /// Pictures in motion, as leaves.
    Picture,
    /// Pictures on their way to exact, as leaves.
    Refinement,
}

/// Priorities within one class are told apart by this many values.
const CLASS_SPAN: i32 = 1 << 24;

impl Priority {
    /// quinn's priority for a stream of this class: larger goes first.
    ///
    /// Among streams of one class, a larger `number` goes first: a newer leaf overtakes an older one, which it is likely
    /// to supersede. Numbers wrap after 2^24, when the leaves before the wrap are long gone.
    pub fn for_stream(self, number: u64) -> i32 {
        let class = match self {
            Self::Control => 3,
            Self::Chain => 2,
            Self::Picture => 1,
            Self::Refinement => 0,
        };
        let within = (number % CLASS_SPAN as u64) as i32;
        class * CLASS_SPAN + within
    }
}

#[cfg(test)]
mod tests {
    use super::Priority::*;

    #[test]
    fn classes_never_overlap_and_newer_goes_first() {
        let classes = [Control, Chain, Picture, Refinement];
        for pair in classes.windows(2) {
            assert!(pair[0].for_stream(0) > pair[1].for_stream((1 << 24) - 1), "{pair:?}");
        }
        assert!(Picture.for_stream(8) > Picture.for_stream(7));
        assert_eq!(Picture.for_stream(1 << 24), Picture.for_stream(0));
    }
}
