//! Lossless: tiles of any number of colours.
//!
//! Payload: Zstandard frames that together hold three planes: green, red less green, blue less
//! green (modulo 256), each over all tiles of the slice, one byte for each pixel, row by row.
//! Each byte is a residual: the value less the prediction from its neighbours in the same tile
//! and plane, modulo 256. The prediction is the median edge detector of LOCO-I (Weinberger,
//! Seroussi, Sapiro, "The LOCO-I lossless image compression algorithm", 2000): with `a` to the
//! left, `b` above and `c` above left, the median of `a`, `b` and `a + b - c`. In the first row it
//! is `a`, in the first column `b`, in the corner 0.

use super::{DecodeScratch, EncodeScratch, ToolFailed, compress, decompress};
use crate::bitstream::Rule;
use crate::frame::{BYTES_PER_PIXEL, FrameView};
use crate::geometry::Rect;
use crate::hash::gather;

const PLANES: usize = 3;

/// Scratch memory of the encoder: the planes of one tile.
#[derive(Default)]
pub(crate) struct LosslessScratch {
    plane: Vec<u8>,
}

/// The median of left, above and the plane through the three neighbours.
fn predict(left: u8, above: u8, corner: u8) -> u8 {
    let (a, b, c) = (i16::from(left), i16::from(above), i16::from(corner));
    // Lies between `a` and `b`, so it fits a byte.
    (a + b - c).clamp(a.min(b), a.max(b)) as u8
}

fn plane_value(pixel: [u8; BYTES_PER_PIXEL], plane: usize) -> u8 {
    let [blue, green, red, _] = pixel;
    match plane {
        0 => green,
        1 => red.wrapping_sub(green),
        _ => blue.wrapping_sub(green),
    }
}

/// Appends the payload of `tiles`.
pub(crate) fn encode(
    frame: FrameView<'_>,
    tiles: impl ExactSizeIterator<Item = Rect> + Clone,
    scratch: &mut EncodeScratch,
    out: &mut Vec<u8>,
) -> Result<(), ToolFailed> {
    let EncodeScratch { zstd, compressed, plain, tile: pixels, lossless, .. } = scratch;
    let area: usize = tiles.clone().map(Rect::area).sum();
    plain.clear();
    plain.resize(area * PLANES, 0);
    let mut start = 0;
    for tile in tiles {
        let gathered = gather(frame, tile, pixels).as_chunks::<BYTES_PER_PIXEL>().0;
        for plane in 0..PLANES {
            lossless.plane.clear();
            lossless.plane.extend(gathered.iter().map(|&pixel| plane_value(pixel, plane)));
            let at = plane * area + start;
            residuals(&lossless.plane, usize::from(tile.width), &mut plain[at..at + tile.area()]);
        }
        start += tile.area();
    }
    // A frame for each plane, because their statistics differ.
    for plane in plain.chunks(area.max(1)) {
        compress(zstd, compressed, plane, out)?;
    }
    Ok(())
}

fn residuals(values: &[u8], width: usize, out: &mut [u8]) {
    let mut above: Option<&[u8]> = None;
    for (row, out) in values.chunks_exact(width).zip(out.chunks_exact_mut(width)) {
        match above {
            None => {
                out[0] = row[0];
                for (out, pair) in out[1..].iter_mut().zip(row.windows(2)) {
                    *out = pair[1].wrapping_sub(pair[0]);
                }
            }
            Some(above) => {
                out[0] = row[0].wrapping_sub(above[0]);
                let left = &row[..width - 1];
                let corner = &above[..width - 1];
                let neighbours = left.iter().zip(&above[1..]).zip(corner);
                for ((out, &value), ((&a, &b), &c)) in
                    out[1..].iter_mut().zip(&row[1..]).zip(neighbours)
                {
                    *out = value.wrapping_sub(predict(a, b, c));
                }
            }
        }
        above = Some(row);
    }
}

/// Decodes the tiles one after another into `pixels`.
pub(crate) fn decode(
    payload: &[u8],
    tiles: impl Iterator<Item = Rect>,
    scratch: &mut DecodeScratch,
    pixels: &mut [u8],
) -> Result<(), Rule> {
    let DecodeScratch { zstd, plain, .. } = scratch;
    let area = pixels.len() / BYTES_PER_PIXEL;
    decompress(zstd, payload, area * PLANES, plain)?;
    if plain.len() != area * PLANES {
        return Err(Rule::PayloadLength);
    }
    let (green, rest) = plain.split_at_mut(area);
    let (red, blue) = rest.split_at_mut(area);
    let mut start = 0;
    for tile in tiles {
        let range = start..start + tile.area();
        let width = usize::from(tile.width);
        let planes = [&mut green[range.clone()], &mut red[range.clone()], &mut blue[range.clone()]];
        for plane in planes {
            restore(plane, width);
        }
        let own = &mut pixels[range.start * BYTES_PER_PIXEL..range.end * BYTES_PER_PIXEL];
        let values = green[range.clone()].iter().zip(&red[range.clone()]).zip(&blue[range.clone()]);
        for (pixel, ((&g, &r), &b)) in own.as_chunks_mut().0.iter_mut().zip(values) {
            *pixel = [b.wrapping_add(g), g, r.wrapping_add(g), 0];
        }
        start = range.end;
    }
    Ok(())
}

/// Turns residuals into values, in place.
fn restore(plane: &mut [u8], width: usize) {
    let mut rows = plane.chunks_exact_mut(width);
    let Some(mut above) = rows.next() else { return };
    let mut left = 0_u8;
    for value in above.iter_mut() {
        left = left.wrapping_add(*value);
        *value = left;
    }
    for row in rows {
        // In the first column all three neighbours are the one above.
        let (mut left, mut corner) = (above[0], above[0]);
        for (value, &above) in row.iter_mut().zip(above.iter()) {
            left = value.wrapping_add(predict(left, above, corner));
            *value = left;
            corner = above;
        }
        above = row;
    }
}
