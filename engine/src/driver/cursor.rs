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

const LARGEST_BYTES: usize =
    HEADER_BYTES + MAX_CURSOR_DIMENSION as usize * MAX_CURSOR_DIMENSION as usize * BYTES_PER_PIXEL;
const _: () = assert!(LARGEST_BYTES <= MAX_MESSAGE_BYTES, "every image fits into a message");

/// Writes `shape`; `None` when it is larger than a viewer accepts or its pixels are not as many as
/// its size says, which no source of ours makes.
pub(crate) fn to_bytes(shape: &CursorShape) -> Option<Bytes> {
    if !is_acceptable(shape.size, shape.pixels.len()) {
        return None;
    }
    let mut out = BytesMut::with_capacity(HEADER_BYTES + shape.pixels.len());
    out.put_u8(FIRST_BYTE);
    out.put_u32_le(shape.serial);
    out.put_u16_le(shape.size.width);
    out.put_u16_le(shape.size.height);
    out.put_u16_le(shape.hotspot.0);
    out.put_u16_le(shape.hotspot.1);
    out.put_slice(&shape.pixels);
    Some(out.freeze())
}

fn is_acceptable(size: Size, pixel_bytes: usize) -> bool {
    size.width <= MAX_CURSOR_DIMENSION
        && size.height <= MAX_CURSOR_DIMENSION
        && pixel_bytes == size.area() * BYTES_PER_PIXEL
}

/// Reads an image; `None` when it is none.
pub(crate) fn parse(bytes: &[u8]) -> Option<CursorShape> {
    let (header, pixels) = bytes.split_first_chunk::<HEADER_BYTES>()?;
    let [FIRST_BYTE, s0, s1, s2, s3, w0, w1, h0, h1, x0, x1, y0, y1] = *header else {
        return None;
    };
    let size = Size::new(u16::from_le_bytes([w0, w1]), u16::from_le_bytes([h0, h1]));
    is_acceptable(size, pixels.len()).then(|| CursorShape {
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
        for shape in [shape(0, 0), shape(1, 1), shape(24, 17), shape(256, 256)] {
            assert_eq!(to_bytes(&shape).and_then(|bytes| parse(&bytes)), Some(shape));
        }
        let good = to_bytes(&shape(24, 17)).expect("an image");
        assert_eq!(parse(&good[..good.len() - 1]), None);
        assert_eq!(parse(&[&good[..], &[0]].concat()), None);
        let mut wide = good.to_vec();
        wide[6] = 2;
        assert_eq!(parse(&wide), None, "512 pixels and more are too wide");
    }

    #[test]
    fn what_no_viewer_accepts_is_not_sent() {
        assert_eq!(to_bytes(&shape(257, 1)), None);
        let short = CursorShape { size: Size::new(24, 18), ..shape(24, 17) };
        assert_eq!(to_bytes(&short), None);
    }
}
