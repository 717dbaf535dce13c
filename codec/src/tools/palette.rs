//! Palette: tiles of at most 256 colours.
//!
//! Payload: one Zstandard frame of three parts, each over all tiles of the slice: the number of
//! colours of each tile, less one; the colours of each tile (blue, green, red) in the order in
//! which they appear; the palette indices of each tile, row by row. A tile of up to 2, 4 or 16
//! colours packs 8, 4 or 2 indices into a byte, the first in the lowest bits, and pads its last
//! byte with zeros; other tiles use a byte for each index.

use super::{DecodeScratch, EncodeScratch, ToolFailed, compress, decompress};
use crate::bitstream::Rule;
use crate::frame::{BYTES_PER_PIXEL, FrameView};
use crate::geometry::Rect;
use crate::hash::gather;

/// Most colours of a palette.
pub(crate) const MAX_COLOURS: usize = 256;

const BYTES_PER_COLOUR: usize = 3;

/// Slots of the hash table: four times the colours keep the probes short.
const SLOTS: usize = 4 * MAX_COLOURS;

/// Marks a slot as taken: the fourth byte of a colour is zero.
const TAKEN: u32 = 1 << 31;

/// The colours of a tile, numbered in the order in which they appear.
pub(crate) struct ColourTable {
    slots: Box<[u32; SLOTS]>,
    numbers: Box<[u8; SLOTS]>,
    colours: Box<[u32; MAX_COLOURS]>,
    count: usize,
}

impl ColourTable {
    pub(crate) fn new() -> Self {
        Self {
            slots: Box::new([0; SLOTS]),
            numbers: Box::new([0; SLOTS]),
            colours: Box::new([0; MAX_COLOURS]),
            count: 0,
        }
    }

    pub(crate) fn clear(&mut self) {
        self.slots.fill(0);
        self.count = 0;
    }

    /// Number of different colours seen.
    pub(crate) const fn len(&self) -> usize {
        self.count
    }

    fn colours(&self) -> &[u32] {
        &self.colours[..self.count]
    }

    /// The number of `colour`, or `None` when it would be the 257th.
    pub(crate) fn number(&mut self, colour: u32) -> Option<u8> {
        let key = colour | TAKEN;
        // Multiplicative hashing (Knuth, The Art of Computer Programming 3, 6.4).
        let mut at = (colour.wrapping_mul(0x9e37_79b1) >> 22) as usize % SLOTS;
        loop {
            let slot = self.slots[at];
            if slot == key {
                return Some(self.numbers[at]);
            }
            if slot == 0 {
                if self.count == MAX_COLOURS {
                    return None;
                }
                let number = self.count as u8;
                self.slots[at] = key;
                self.numbers[at] = number;
                self.colours[self.count] = colour;
                self.count += 1;
                return Some(number);
            }
            at = (at + 1) % SLOTS;
        }
    }
}

/// Bits of an index into a palette of `colours`.
const fn index_bits(colours: usize) -> usize {
    match colours {
        0..=2 => 1,
        3..=4 => 2,
        5..=16 => 4,
        _ => 8,
    }
}

const fn index_bytes(pixels: usize, colours: usize) -> usize {
    (pixels * index_bits(colours)).div_ceil(8)
}

/// Most bytes of a payload before compression, for tiles of `pixels` together.
const fn max_plain_bytes(tiles: usize, pixels: usize) -> usize {
    tiles * (1 + MAX_COLOURS * BYTES_PER_COLOUR) + pixels
}

/// Appends the payload of `tiles`, each of at most 256 colours.
pub(crate) fn encode(
    frame: FrameView<'_>,
    tiles: impl ExactSizeIterator<Item = Rect>,
    scratch: &mut EncodeScratch,
    out: &mut Vec<u8>,
) -> Result<(), ToolFailed> {
    let EncodeScratch { zstd, compressed, plain, tile: pixels, colours: table, palette, .. } =
        scratch;
    let count = tiles.len();
    plain.clear();
    plain.resize(count, 0);
    palette.indices.clear();
    for (at, tile) in tiles.enumerate() {
        let gathered = gather(frame, tile, pixels);
        table.clear();
        palette.numbers.clear();
        let mut last = (u32::MAX, 0_u8);
        for pixel in gathered.as_chunks::<BYTES_PER_PIXEL>().0 {
            let colour = u32::from_le_bytes(*pixel);
            if colour != last.0 {
                last = (colour, table.number(colour).ok_or(ToolFailed)?);
            }
            palette.numbers.push(last.1);
        }
        plain[at] = (table.len() - 1) as u8;
        for colour in table.colours() {
            plain.extend_from_slice(&colour.to_le_bytes()[..BYTES_PER_COLOUR]);
        }
        pack(&palette.numbers, index_bits(table.len()), &mut palette.indices);
    }
    plain.extend_from_slice(&palette.indices);
    compress(zstd, compressed, plain, out)
}

/// Scratch memory of the encoder.
#[derive(Default)]
pub(crate) struct PaletteScratch {
    numbers: Vec<u8>,
    indices: Vec<u8>,
}

fn pack(numbers: &[u8], bits: usize, out: &mut Vec<u8>) {
    if bits == 8 {
        out.extend_from_slice(numbers);
        return;
    }
    for group in numbers.chunks(8 / bits) {
        out.push(group.iter().rev().fold(0, |byte, number| byte << bits | number));
    }
}

/// Decodes the tiles one after another into `pixels`.
pub(crate) fn decode(
    payload: &[u8],
    tiles: impl ExactSizeIterator<Item = Rect> + Clone,
    scratch: &mut DecodeScratch,
    pixels: &mut [u8],
) -> Result<(), Rule> {
    let DecodeScratch { zstd, plain, .. } = scratch;
    let limit = max_plain_bytes(tiles.len(), pixels.len() / BYTES_PER_PIXEL);
    decompress(zstd, payload, limit, plain)?;
    let (counts, rest) = plain.split_at_checked(tiles.len()).ok_or(Rule::PayloadLength)?;
    let colours: usize = counts.iter().map(|&count| usize::from(count) + 1).sum();
    let (mut colours, mut indices) =
        rest.split_at_checked(colours * BYTES_PER_COLOUR).ok_or(Rule::PayloadLength)?;
    let mut rest = pixels;
    for (tile, &count) in tiles.zip(counts) {
        let count = usize::from(count) + 1;
        let (own, after) = rest.split_at_mut(tile.area() * BYTES_PER_PIXEL);
        let (palette, more_colours) =
            colours.split_at_checked(count * BYTES_PER_COLOUR).ok_or(Rule::PayloadLength)?;
        let (packed, more_indices) =
            indices.split_at_checked(index_bytes(tile.area(), count)).ok_or(Rule::PayloadLength)?;
        let mut table = [None; MAX_COLOURS];
        for (slot, colour) in table.iter_mut().zip(palette.as_chunks::<BYTES_PER_COLOUR>().0) {
            let [blue, green, red] = *colour;
            *slot = Some([blue, green, red, 0]);
        }
        unpack(packed, index_bits(count), &table, own.as_chunks_mut().0)?;
        (colours, indices, rest) = (more_colours, more_indices, after);
    }
    if indices.is_empty() { Ok(()) } else { Err(Rule::PayloadLength) }
}

fn unpack(
    packed: &[u8],
    bits: usize,
    table: &[Option<[u8; BYTES_PER_PIXEL]>; MAX_COLOURS],
    pixels: &mut [[u8; BYTES_PER_PIXEL]],
) -> Result<(), Rule> {
    let mask = (0xff_u16 >> (8 - bits)) as u8;
    for (group, &byte) in pixels.chunks_mut(8 / bits).zip(packed) {
        let mut rest = byte;
        for pixel in group {
            *pixel = table[usize::from(rest & mask)].ok_or(Rule::PaletteIndex)?;
            rest = rest.checked_shr(bits as u32).unwrap_or(0);
        }
    }
    Ok(())
}
