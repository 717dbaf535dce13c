//! The palette at the head of an update's body: its colours in the order of their cells.

use bytes::BufMut;

use super::error::{DecodeError, Rule};
use super::reader::Reader;
use super::writer::Writer;
use crate::colour::{MAX_COLOURS, Palette, PaletteError};

/// Upper bound of a palette: the number of colours and three bytes each.
pub(crate) const MAX_PALETTE_BYTES: usize = 2 + 3 * MAX_COLOURS;

/// Writes a palette.
pub(crate) fn write(palette: &Palette, out: &mut impl BufMut) {
    let mut writer = Writer::new(out);
    writer.number(palette.colours().len() as u32);
    for colour in palette.colours() {
        writer.bytes(&colour.to_le_bytes()[..3]);
    }
}

/// Reads a palette.
pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Palette, DecodeError> {
    let offset = reader.offset();
    let count = reader.number()? as usize;
    if count == 0 || count > MAX_COLOURS {
        return Err(Rule::PaletteCount.at(offset));
    }
    let offset = reader.offset();
    let bytes = reader.bytes(3 * count)?;
    let mut colours = [0; MAX_COLOURS];
    for (colour, bytes) in colours.iter_mut().zip(bytes.as_chunks::<3>().0) {
        let &[blue, green, red] = bytes;
        *colour = u32::from_le_bytes([blue, green, red, 0]);
    }
    Palette::new(&colours[..count]).map_err(|error| match error {
        PaletteError::Count => Rule::PaletteCount.at(offset),
        PaletteError::Order => Rule::PaletteOrder.at(offset),
    })
}
