//! Images of the cursor as bytes on the control stream.
//!
//! First byte [`FIRST_BYTE`], which no JSON text begins with; then serial (32 bits), width, height,
//! hot spot from the left and from the top (16 bits each), little-endian; then the pixels, rows
//! without gaps, each blue, green, red, alpha, premultiplied.

use bytes::{BufMut, Bytes, BytesMut};
use tessera_capture::{CursorShape, MAX_CURSOR_DIMENSION};
use tessera_codec::{BYTES_PER_PIXEL, Size};
use tessera_transport::control::MAX_MESSAGE_BYTES;

/// What a message with an image begins with.
pub(crate) const FIRST_BYTE: u8 = 1;

const HEADER_BYTES: usize = 13;

/// Writes `shape`; rows for which a message has no room are left out, which only concerns images of
/// the largest size.
pub(crate) fn to_bytes(shape: &CursorShape) -> Bytes {
    let row_bytes = usize::from(shape.size.width) * BYTES_PER_PIXEL;
    let rows = shape.pixels.chunks_exact(row_bytes.max(1));
    let room_rows = (MAX_MESSAGE_BYTES - HEADER_BYTES) / row_bytes.max(1);
    let height = rows.len().min(room_rows).min(usize::from(shape.size.height));
    let mut out = BytesMut::with_capacity(HEADER_BYTES + height * row_bytes);
    out.put_u8(FIRST_BYTE);
    out.put_u32_le(shape.serial);
    out.put_u16_le(shape.size.width);
    out.put_u16_le(height as u16);
    out.put_u16_le(shape.hotspot.0);
    out.put_u16_le(shape.hotspot.1);
    for row in rows.take(height) {
        out.put_slice(row);
    }
    out.freeze()
}

/// Reads an image; `None` when it is none.
pub(crate) fn parse(bytes: &[u8]) -> Option<CursorShape> {
    let (header, pixels) = bytes.split_first_chunk::<HEADER_BYTES>()?;
    let [FIRST_BYTE, s0, s1, s2, s3, w0, w1, h0, h1, x0, x1, y0, y1] = *header else {
        return None;
    };
    let size = Size::new(u16::from_le_bytes([w0, w1]), u16::from_le_bytes([h0, h1]));
    let fits = size.width <= MAX_CURSOR_DIMENSION && size.height <= MAX_CURSOR_DIMENSION;
    (fits && pixels.len() == size.area() * BYTES_PER_PIXEL).then(|| CursorShape {
        serial: u32::from_le_bytes([s0, s1, s2, s3]),
        size,
        hotspot: (u16::from_le_bytes([x0, x1]), u16::from_le_bytes([y0, y1])),
        pixels: pixels.into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(width: u16, height: u16) -> CursorShape {
        let size = Size::new(width, height);
        let pixels = (0..size.area() * BYTES_PER_PIXEL).map(|byte| byte as u8).collect();
        CursorShape { serial: 7, size, hotspot: (1, 2), pixels }
    }

    #[test]
    fn images_survive_and_anything_else_is_refused() {
        for shape in [shape(0, 0), shape(1, 1), shape(24, 17), shape(256, 255)] {
            assert_eq!(parse(&to_bytes(&shape)), Some(shape));
        }
        let good = to_bytes(&shape(24, 17));
        assert_eq!(parse(&good[..good.len() - 1]), None);
        assert_eq!(parse(&[&good[..], &[0]].concat()), None);
        let mut wide = good.to_vec();
        wide[6] = 2;
        assert_eq!(parse(&wide), None, "512 pixels and more are too wide");
    }

    #[test]
    fn the_largest_image_loses_rows_rather_than_the_connection() {
        let bytes = to_bytes(&shape(256, 256));
        assert!(bytes.len() <= MAX_MESSAGE_BYTES);
        assert_eq!(parse(&bytes).map(|shape| shape.size), Some(Size::new(256, 255)));
    }
}
