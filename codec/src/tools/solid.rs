//! Solid: tiles of one colour. Payload: blue, green, red of each tile.

use crate::bitstream::Rule;
use crate::frame::{BYTES_PER_PIXEL, FrameView};
use crate::geometry::Rect;

const BYTES_PER_TILE: usize = 3;

/// Appends the colour of the first pixel of each tile.
pub(crate) fn encode(frame: FrameView<'_>, tiles: impl Iterator<Item = Rect>, out: &mut Vec<u8>) {
    for tile in tiles {
        out.extend_from_slice(&frame.span(tile.x, tile.y, 1)[..BYTES_PER_TILE]);
    }
}

/// Fills `pixels`, the tiles one after another, with their colours.
pub(crate) fn decode(
    payload: &[u8],
    tiles: impl ExactSizeIterator<Item = Rect>,
    pixels: &mut [u8],
) -> Result<(), Rule> {
    if payload.len() != tiles.len() * BYTES_PER_TILE {
        return Err(Rule::PayloadLength);
    }
    let mut rest = pixels;
    for (tile, colour) in tiles.zip(payload.as_chunks::<BYTES_PER_TILE>().0) {
        let (own, after) = rest.split_at_mut(tile.area() * BYTES_PER_PIXEL);
        let [blue, green, red] = *colour;
        own.as_chunks_mut::<BYTES_PER_PIXEL>().0.fill([blue, green, red, 0]);
        rest = after;
    }
    Ok(())
}
