//! Pixels as luma and chroma: the reversible `YCoCg` of Malvar and Sullivan ("YCoCg-R: a color space
//! with RGB reversibility and low dynamic range", 2003).

use super::super::block_map::BLOCK;
use super::{PLANES, Place, Plane};

/// Luma, green chroma and orange chroma of a pixel.
#[inline(always)]
pub(super) fn of_pixel(pixel: u32) -> [i32; PLANES] {
    let [blue, green, red] = [pixel & 255, pixel >> 8 & 255, pixel >> 16 & 255].map(|c| c as i32);
    let orange = red - blue;
    let mean = blue + (orange >> 1);
    let chroma = green - mean;
    [mean + (chroma >> 1), chroma, orange]
}

/// The pixel of three values, each channel limited to what it can hold.
#[inline(always)]
fn to_pixel([luma, chroma, orange]: [i32; PLANES]) -> u32 {
    let mean = luma - (chroma >> 1);
    let green = (chroma + mean).clamp(0, 255);
    let blue = mean - (orange >> 1);
    let red = (blue + orange).clamp(0, 255);
    let blue = blue.clamp(0, 255);
    (blue | green << 8 | red << 16) as u32
}

/// The planes of a block; beyond the canvas its last row and column go on.
#[inline(always)]
pub(super) fn planes(pixels: &[u32], place: Place) -> [Plane; PLANES] {
    let mut rows = [[0; BLOCK]; BLOCK];
    for (y, row) in rows.iter_mut().enumerate() {
        let at = place.at + y.min(place.height - 1) * place.stride;
        if let Some(pixels) = pixels[at..].first_chunk::<BLOCK>() {
            *row = *pixels;
        }
        let last = row[(place.width - 1) % BLOCK];
        row[place.width..].fill(last);
    }
    let mut planes = [Plane::default(); PLANES];
    for (y, row) in rows.iter().enumerate() {
        for (x, &pixel) in row.iter().enumerate() {
            let [luma, chroma, orange] = of_pixel(pixel);
            (planes[0][y][x], planes[1][y][x], planes[2][y][x]) = (luma, chroma, orange);
        }
    }
    planes
}

/// Writes the pixels of a block that lie on the canvas.
#[inline(always)]
pub(super) fn write(pixels: &mut [u32], place: Place, planes: &[Plane; PLANES]) {
    let [luma, chroma, orange] = planes;
    let rows = luma.iter().zip(chroma).zip(orange).take(place.height);
    for (y, ((luma, chroma), orange)) in rows.enumerate() {
        let mut row = [0; BLOCK];
        for x in 0..BLOCK {
            row[x] = to_pixel([luma[x], chroma[x], orange[x]]);
        }
        let at = place.at + y * place.stride;
        match pixels[at..].first_chunk_mut::<BLOCK>() {
            Some(pixels) if place.width == BLOCK => *pixels = row,
            _ => pixels[at..at + place.width].copy_from_slice(&row[..place.width]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_colour_comes_back() {
        for colour in (0..1 << 24).step_by(7) {
            assert_eq!(to_pixel(of_pixel(colour)), colour);
        }
    }
}
