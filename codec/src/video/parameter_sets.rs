//! The sequence and picture parameter sets of a video stream (H.264, sections 7.3.2.1 and 7.3.2.2).
//!
//! They follow from the size alone, and are what `OpenH264` writes for the settings of
//! [`super::encoder`]; an encoder checks that.

use super::{MACROBLOCK, START_CODE};
use crate::geometry::Size;

/// Header, profile High (100), its constraint flags, level 5.2.
const SEQUENCE_START: [u8; 4] = [0x67, 100, 0x0c, 52];

/// The picture parameter set: number 0 of sequence 0, CABAC, one reference, no other tool.
const PICTURE: [u8; 4] = [0x68, 0xee, 0x3c, 0x80];

/// Writes bits, the highest of a byte first.
struct Bits<'a> {
    out: &'a mut Vec<u8>,
    pending: u64,
    count: u32,
}

impl Bits<'_> {
    /// The lowest `count` bits of `value`, at most 32.
    fn put(&mut self, count: u32, value: u32) {
        self.pending = self.pending << count | u64::from(value);
        self.count += count;
        while self.count >= 8 {
            self.count -= 8;
            self.out.push((self.pending >> self.count) as u8);
        }
    }

    /// An unsigned Exp-Golomb number, `ue(v)`.
    fn unsigned(&mut self, value: u32) {
        let bits = (value + 1).ilog2();
        self.put(bits, 0);
        self.put(bits + 1, value + 1);
    }

    /// The stop bit and zeroes up to a full byte.
    fn finish(mut self) {
        self.put(1, 1);
        let rest = (8 - self.count) % 8;
        self.put(rest, 0);
    }
}

/// Appends both sets, each after a start code, for planes of `size`, whole macroblocks.
pub(super) fn write(size: Size, out: &mut Vec<u8>) {
    out.extend_from_slice(&START_CODE);
    out.extend_from_slice(&SEQUENCE_START);
    let mut bits = Bits { out, pending: 0, count: 0 };
    bits.unsigned(0); // number of the set
    bits.unsigned(1); // 4:2:0
    bits.unsigned(0); // 8 bits of luma
    bits.unsigned(0); // 8 bits of chroma
    bits.put(2, 0b00); // no lossless bypass, no scaling lists
    bits.unsigned(11); // frame numbers of 15 bits
    bits.unsigned(2); // output in the order of decoding
    bits.unsigned(1); // one reference picture
    bits.put(1, 0); // no gaps in frame numbers
    bits.unsigned(u32::from(size.width / MACROBLOCK) - 1);
    bits.unsigned(u32::from(size.height / MACROBLOCK) - 1);
    bits.put(4, 0b1101); // frames only, direct 8x8 inference, no cropping, usability information:
    bits.put(8, 0); // nothing but
    bits.put(2, 0b11); // restrictions, vectors may leave the picture
    bits.unsigned(0); // no bound on bytes,
    bits.unsigned(0); // nor on bits
    bits.unsigned(16); // vectors of 16 bits
    bits.unsigned(16);
    bits.unsigned(0); // no reordering
    bits.unsigned(1); // one picture is kept
    bits.finish();
    out.extend_from_slice(&START_CODE);
    out.extend_from_slice(&PICTURE);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::video::allows;

    #[test]
    fn a_known_size_gives_the_known_bytes() {
        let mut sets = Vec::new();
        write(Size::new(960, 544), &mut sets);
        let expected = [
            0, 0, 0, 1, 0x67, 0x64, 0x0c, 0x34, 0xac, 0x18, 0xd0, 0x1e, 0x02, 0x2d, 0x00, 0xf0,
            0x88, 0x46, 0xa0, 0, 0, 0, 1, 0x68, 0xee, 0x3c, 0x80,
        ];
        assert_eq!(sets, expected);
    }

    #[test]
    fn no_size_needs_bytes_that_prevent_a_start_code() {
        let mut sets = Vec::new();
        for columns in 1..=240 {
            for rows in 1..=240 {
                let size = Size::new(columns * MACROBLOCK, rows * MACROBLOCK);
                if !allows(size) {
                    continue;
                }
                sets.clear();
                write(size, &mut sets);
                let sequence = &sets[START_CODE.len()..sets.len() - 2 * START_CODE.len()];
                assert!(
                    !sequence.windows(3).any(|three| three[..2] == [0, 0] && three[2] <= 3),
                    "{size:?}"
                );
            }
        }
    }
}
