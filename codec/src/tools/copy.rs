//! Copy: tiles that stood elsewhere on the canvas before the update.
//!
//! Payload: the horizontal and the vertical offset from a tile's pixels to their source, two bytes
//! each, two's complement, lower byte first; one vector for the slice. Sources are read from the
//! canvas as it was before the update, so that overlapping moves need no order.

use crate::bitstream::{Rule, Writer};
use crate::frame::{BYTES_PER_PIXEL, FrameView};
use crate::geometry::{Rect, Size};

const PAYLOAD_BYTES: usize = 4;

/// Where the source of a copy lies, seen from its destination.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Vector {
    /// Pixels to the right.
    pub(crate) dx: i16,
    /// Pixels down.
    pub(crate) dy: i16,
}

impl Vector {
    /// The source of `tile`, or `None` when it leaves a canvas of `size`.
    pub(crate) fn source(self, tile: Rect, size: Size) -> Option<Rect> {
        let x = u16::try_from(i32::from(tile.x) + i32::from(self.dx)).ok()?;
        let y = u16::try_from(i32::from(tile.y) + i32::from(self.dy)).ok()?;
        let source = Rect::new(x, y, tile.width, tile.height);
        source.fits(size).then_some(source)
    }
}

/// Appends the payload.
pub(crate) fn encode(vector: Vector, out: &mut Vec<u8>) {
    let mut writer = Writer::new(out);
    writer.u16(vector.dx as u16);
    writer.u16(vector.dy as u16);
}

/// Reads the vector of a slice.
pub(crate) fn vector(payload: &[u8]) -> Result<Vector, Rule> {
    let &[x0, x1, y0, y1] =
        <&[u8; PAYLOAD_BYTES]>::try_from(payload).map_err(|_| Rule::PayloadLength)?;
    Ok(Vector { dx: i16::from_le_bytes([x0, x1]), dy: i16::from_le_bytes([y0, y1]) })
}

/// Copies the sources out of `canvas`, one tile after another, into `pixels`.
pub(crate) fn decode(
    vector: Vector,
    canvas: FrameView<'_>,
    tiles: impl Iterator<Item = Rect>,
    pixels: &mut [u8],
) -> Result<(), Rule> {
    let mut rest = pixels;
    for tile in tiles {
        let source = vector.source(tile, canvas.size()).ok_or(Rule::CopyOutside)?;
        let (own, after) = rest.split_at_mut(tile.area() * BYTES_PER_PIXEL);
        let row_bytes = usize::from(tile.width) * BYTES_PER_PIXEL;
        for (y, row) in (source.y..).zip(own.chunks_exact_mut(row_bytes.max(1))) {
            row.copy_from_slice(canvas.span(source.x, y, source.width));
        }
        rest = after;
    }
    Ok(())
}
