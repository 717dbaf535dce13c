//! A second decoder of the video track, from `docs/bitstream.md` alone: headers and parameter sets bit by
//! bit, colours in floating point. The H.264 library decodes the slices here as well.

use openh264::decoder::Decoder;
use openh264::formats::YUVSource;

/// A video frame taken apart.
pub(crate) struct HandFrame {
    pub(crate) epoch: u32,
    pub(crate) stream: u32,
    pub(crate) frame: u32,
    /// x, y, width, height.
    pub(crate) rect: [u16; 4],
    /// For each tile under the rectangle, row by row, whether the frame is shown in it.
    pub(crate) shown: Vec<bool>,
    pub(crate) slice: Vec<u8>,
}

fn take_number(bytes: &mut &[u8]) -> u32 {
    let mut value = 0;
    for at in 0.. {
        let byte = bytes[0];
        *bytes = &bytes[1..];
        value |= u32::from(byte & 0x7f) << (7 * at);
        if byte < 0x80 {
            break;
        }
    }
    value
}

impl HandFrame {
    /// Takes a valid update apart.
    pub(crate) fn read(update: &[u8]) -> Self {
        assert_eq!(update[..4], [0x54, 0x65, 4, 4], "magic, version, kind");
        let mut rest = &update[4..];
        let epoch = take_number(&mut rest);
        let (number, base) = (take_number(&mut rest), take_number(&mut rest));
        assert!(number > base);
        let (stream, frame) = (take_number(&mut rest), take_number(&mut rest));
        let rect = [0, 2, 4, 6].map(|at| u16::from_le_bytes([rest[at], rest[at + 1]]));
        rest = &rest[8..];
        let [x, y, width, height] = rect.map(usize::from);
        let columns = (x + width).div_ceil(64) - x / 64;
        let tiles = columns * ((y + height).div_ceil(64) - y / 64);
        let shown = (0..tiles).map(|tile| rest[tile / 8] >> (tile % 8) & 1 == 1).collect();
        let slice = rest[tiles.div_ceil(8)..].to_vec();
        Self { epoch, stream, frame, rect, shown, slice }
    }
}

/// Bits, the highest of a byte first.
#[derive(Default)]
struct Bits(Vec<bool>);

impl Bits {
    fn put(&mut self, bits: &str) {
        self.0.extend(bits.bytes().filter(|bit| *bit != b' ').map(|bit| bit == b'1'));
    }

    /// `ue(v)` of H.264: as many zeroes as bits follow the leading one.
    fn number(&mut self, value: u32) {
        let code = format!("{:b}", value + 1);
        self.put(&"0".repeat(code.len() - 1));
        self.put(&code);
    }

    fn bytes(self) -> Vec<u8> {
        let byte = |bits: &[bool]| bits.iter().fold(0, |byte, bit| byte << 1 | u8::from(*bit));
        self.0.chunks(8).map(|bits| byte(bits) << (8 - bits.len())).collect()
    }
}

/// Both parameter sets for planes of so many macroblocks, each after a start code.
fn parameter_sets(columns: u32, rows: u32) -> Vec<u8> {
    let mut bits = Bits::default();
    for value in [0, 1, 0, 0] {
        bits.number(value);
    }
    bits.put("00");
    for value in [11, 2, 1] {
        bits.number(value);
    }
    bits.put("0");
    bits.number(columns - 1);
    bits.number(rows - 1);
    // Frames only, 8x8 inference, no cropping; usability information: restrictions alone.
    bits.put("1 1 0 1  0 0 0 0 0 0 0 0 1 1");
    for value in [0, 0, 16, 16, 0, 1] {
        bits.number(value);
    }
    bits.put("1");
    let sequence = bits.bytes();
    let start = [0, 0, 0, 1];
    [&start[..], &[0x67, 100, 0x0c, 52], &sequence, &start, &[0x68, 0xee, 0x3c, 0x80]].concat()
}

/// Decodes the frames of one stream after another.
pub(crate) struct HandVideo {
    library: Decoder,
}

impl HandVideo {
    pub(crate) fn new() -> Self {
        Self { library: Decoder::new().expect("a decoder") }
    }

    /// The pixels of the frame, blue, green and red, row by row.
    pub(crate) fn pixels(&mut self, frame: &HandFrame) -> Vec<[f64; 3]> {
        let [_, _, width, height] = frame.rect.map(u32::from);
        let mut bytes = match frame.frame {
            0 => parameter_sets(width.div_ceil(16), height.div_ceil(16)),
            _ => Vec::new(),
        };
        bytes.extend([0, 0, 0, 1]);
        bytes.extend(&frame.slice);
        let planes = self.library.decode(&bytes).expect("a valid slice").expect("a picture");
        let (luma_stride, stride, _) = planes.strides();
        let (last_column, last_row) =
            (width.div_ceil(2) as usize - 1, height.div_ceil(2) as usize - 1);
        // Each pixel lies a quarter of the way from its sample to the next one, in both directions.
        let chroma = |plane: &[u8], x: usize, y: usize| {
            let sample = |column: usize, row: usize| f64::from(plane[row * stride + column]);
            let beside = |at: usize, last: usize| match at % 2 {
                0 => (at / 2).saturating_sub(1),
                _ => (at / 2 + 1).min(last),
            };
            let (column, row) = (x / 2, y / 2);
            let (far_column, far_row) = (beside(x, last_column), beside(y, last_row));
            let across = |row| 0.75 * sample(column, row) + 0.25 * sample(far_column, row);
            0.75 * across(row) + 0.25 * across(far_row) - 128.0
        };
        let places = (0..height as usize).flat_map(|y| (0..width as usize).map(move |x| (x, y)));
        places
            .map(|(x, y)| {
                let luma = (f64::from(planes.y()[y * luma_stride + x]) - 16.0) * 255.0 / 219.0;
                let (cb, cr) = (chroma(planes.u(), x, y), chroma(planes.v(), x, y));
                let (blue, red) = (luma + cb / 0.564, luma + cr / 0.713);
                let green = (luma - 0.299 * red - 0.114 * blue) / 0.587;
                [blue, green, red].map(|value| value.clamp(0.0, 255.0))
            })
            .collect()
    }
}
