//! Photo-like pictures from a seed: smooth shapes over several scales with grain, hard for a codec in the way
//! that photographs are.

use std::fs::File;
use std::io::BufWriter;
use std::path::Path;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use crate::error::Error;

/// Distances between the lattice points of the layers, in pixels, coarse to fine, and each layer's weight.
const LAYERS: [(usize, f32); 4] = [(256, 0.5), (80, 0.28), (24, 0.15), (7, 0.07)];

/// The grain's half range in steps of 8-bit colour, about that of a camera at moderate sensitivity.
const GRAIN: i16 = 5;

/// Colours that the brightness runs through, dark to light: blue, green, red.
const RAMP: [[f32; 3]; 5] = [
    [42.0, 24.0, 16.0],
    [118.0, 84.0, 40.0],
    [96.0, 150.0, 118.0],
    [120.0, 190.0, 232.0],
    [236.0, 240.0, 250.0],
];

/// Four bytes a pixel, blue first, rows without gaps.
#[derive(Debug)]
pub struct Picture {
    /// Pixels in a row.
    pub width: u16,
    /// Rows.
    pub height: u16,
    /// The pixels.
    pub bgrx: Vec<u8>,
}

/// A grid of random brightness with smooth values in between.
struct Layer {
    step: usize,
    columns: usize,
    values: Vec<f32>,
}

impl Layer {
    fn new(step: usize, width: usize, height: usize, rng: &mut StdRng) -> Self {
        let columns = width / step + 2;
        let rows = height / step + 2;
        Self { step, columns, values: (0..columns * rows).map(|_| rng.random()).collect() }
    }

    fn at(&self, x: usize, y: usize) -> f32 {
        let smooth = |offset: usize| {
            let t = offset as f32 / self.step as f32;
            t * t * (3.0 - 2.0 * t)
        };
        let corner = y / self.step * self.columns + x / self.step;
        let (tx, ty) = (smooth(x % self.step), smooth(y % self.step));
        let between = |a: f32, b: f32, t: f32| a + (b - a) * t;
        let upper = between(self.values[corner], self.values[corner + 1], tx);
        let lower =
            between(self.values[corner + self.columns], self.values[corner + self.columns + 1], tx);
        between(upper, lower, ty)
    }
}

/// A picture of this size; the same seed makes the same picture.
pub fn photo(width: u16, height: u16, seed: u64) -> Picture {
    let mut rng = StdRng::seed_from_u64(seed);
    let (columns, rows) = (usize::from(width), usize::from(height));
    let layers = LAYERS.map(|(step, weight)| (Layer::new(step, columns, rows, &mut rng), weight));
    let mut bgrx = Vec::with_capacity(columns * rows * 4);
    for y in 0..rows {
        for x in 0..columns {
            let brightness: f32 =
                layers.iter().map(|(layer, weight)| layer.at(x, y) * weight).sum();
            // Stretched, because a sum of random values crowds around the middle.
            let place = ((brightness - 0.25) * 2.0).clamp(0.0, 0.999) * (RAMP.len() - 1) as f32;
            let (below, share) = (place as usize, place.fract());
            let grain = rng.random_range(-GRAIN..=GRAIN);
            for (low, high) in RAMP[below].iter().zip(RAMP[below + 1]) {
                let colour = low + (high - low) * share;
                bgrx.push((colour as i16 + grain).clamp(0, 255) as u8);
            }
            bgrx.push(0);
        }
    }
    Picture { width, height, bgrx }
}

/// Writes four bytes a pixel, blue first, as a PNG file without transparency.
pub fn write_png(path: &Path, width: u16, height: u16, bgrx: &[u8]) -> Result<(), Error> {
    let unwritable = || format!("write {}", path.display());
    let file = File::create(path).map_err(Error::io(unwritable()))?;
    let mut encoder = png::Encoder::new(BufWriter::new(file), width.into(), height.into());
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    let rgb: Vec<u8> =
        bgrx.chunks_exact(4).flat_map(|pixel| [pixel[2], pixel[1], pixel[0]]).collect();
    let written = encoder.write_header().and_then(|mut writer| {
        writer.write_image_data(&rgb)?;
        writer.finish()
    });
    written.map_err(|error| Error::Unmet(format!("cannot {}: {error}", unwritable())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_photo_has_the_many_colours_of_one() {
        let picture = photo(300, 200, 1);
        assert_eq!(picture.bgrx.len(), 300 * 200 * 4);
        let colours: std::collections::HashSet<&[u8]> = picture.bgrx.chunks_exact(4).collect();
        assert!(colours.len() > 1000, "only {} colours", colours.len());
    }

    #[test]
    fn the_seed_decides_the_picture() {
        assert_eq!(photo(40, 30, 7).bgrx, photo(40, 30, 7).bgrx);
        assert_ne!(photo(40, 30, 7).bgrx, photo(40, 30, 8).bgrx);
    }
}
