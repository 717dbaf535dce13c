//! Prediction of a block from the known pixels around it.

use super::super::block_map::BLOCK;
use super::{PLANES, Place, Plane, colour};

/// Ways to predict.
pub(super) const PREDICTIONS: usize = 7;

/// Value of each plane where no pixel is known: grey.
const UNKNOWN: [i32; PLANES] = [128, 0, 0];

/// A way to predict.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Prediction {
    /// The mean of the pixels around.
    #[default]
    Mean,
    /// A surface through the pixels around.
    Surface,
    /// Each column as the pixel above it.
    Down,
    /// Each row as the pixel to its left.
    Right,
    /// The slopes of the row above and of the column to the left added.
    Slopes,
    /// Along the diagonal from the upper left.
    DownRight,
    /// Along the diagonal from the upper right.
    DownLeft,
}

/// All predictions by number.
const ALL: [Prediction; PREDICTIONS] = [
    Prediction::Mean,
    Prediction::Surface,
    Prediction::Down,
    Prediction::Right,
    Prediction::Slopes,
    Prediction::DownRight,
    Prediction::DownLeft,
];

impl Prediction {
    pub(super) const fn number(self) -> usize {
        self as usize
    }

    /// The prediction of a number; unknown ones are the mean.
    pub(super) fn of(number: usize) -> Self {
        ALL.get(number).copied().unwrap_or_default()
    }
}

/// The values of the planes around a block.
#[derive(Debug)]
pub(super) struct Edge {
    /// Above the block, and as many to the right of that.
    above: [[i32; 2 * BLOCK]; PLANES],
    left: [[i32; BLOCK]; PLANES],
    corner: [i32; PLANES],
}

impl Edge {
    /// The known values around the block at `place`; what is not known is taken from its
    /// neighbours.
    #[inline(always)]
    pub(super) fn of(pixels: &[u32], place: Place) -> Self {
        let mut edge = Self {
            above: UNKNOWN.map(|value| [value; 2 * BLOCK]),
            left: UNKNOWN.map(|value| [value; BLOCK]),
            corner: UNKNOWN,
        };
        if place.north {
            let at = place.at - place.stride;
            let reach = place.reach.clamp(1, 2 * BLOCK);
            let mut above = [0; 2 * BLOCK];
            if let Some(pixels) = pixels[at..].first_chunk() {
                above = *pixels;
            }
            let last = above[reach - 1];
            above[reach..].fill(last);
            for (x, &pixel) in above.iter().enumerate() {
                for (plane, value) in colour::of_pixel(pixel).into_iter().enumerate() {
                    edge.above[plane][x] = value;
                }
            }
        }
        if place.west {
            for y in 0..BLOCK {
                let at = place.at - 1 + y.min(place.height - 1) * place.stride;
                for (plane, value) in colour::of_pixel(pixels[at]).into_iter().enumerate() {
                    edge.left[plane][y] = value;
                }
            }
        }
        match (place.west, place.north) {
            (true, true) => edge.corner = colour::of_pixel(pixels[place.at - 1 - place.stride]),
            (true, false) => {
                for plane in 0..PLANES {
                    edge.above[plane] = [edge.left[plane][0]; 2 * BLOCK];
                    edge.corner[plane] = edge.left[plane][0];
                }
            }
            (false, true) => {
                for plane in 0..PLANES {
                    edge.left[plane] = [edge.above[plane][0]; BLOCK];
                    edge.corner[plane] = edge.above[plane][0];
                }
            }
            (false, false) => {}
        }
        edge
    }

    /// Predicts a plane.
    #[inline(always)]
    pub(super) fn predict(&self, plane: usize, prediction: Prediction) -> Plane {
        let (above, left, corner) =
            (&self.above[plane % PLANES], &self.left[plane % PLANES], self.corner[plane % PLANES]);
        let mut out = Plane::default();
        match prediction {
            Prediction::Mean => {
                let sum: i32 = above[..BLOCK].iter().sum::<i32>() + left.iter().sum::<i32>();
                out = [[(sum + BLOCK as i32) >> 4; BLOCK]; BLOCK];
            }
            Prediction::Surface => {
                for (y, row) in out.iter_mut().enumerate() {
                    for (x, value) in row.iter_mut().enumerate() {
                        let (right, down) = (x as i32 + 1, y as i32 + 1);
                        *value = ((8 - right) * left[y]
                            + right * above[BLOCK - 1]
                            + (8 - down) * above[x]
                            + down * left[BLOCK - 1]
                            + 8)
                            >> 4;
                    }
                }
            }
            Prediction::Down => {
                for row in &mut out {
                    row.copy_from_slice(&above[..BLOCK]);
                }
            }
            Prediction::Right => {
                for (row, &left) in out.iter_mut().zip(left) {
                    *row = [left; BLOCK];
                }
            }
            Prediction::Slopes => {
                for (row, &left) in out.iter_mut().zip(left) {
                    for (value, above) in row.iter_mut().zip(above) {
                        *value = left + above - corner;
                    }
                }
            }
            Prediction::DownRight => {
                // From the lower left over the corner to the upper right, smoothed.
                let mut line = [0; 2 * BLOCK + 1];
                for at in 0..BLOCK {
                    line[at] = left[BLOCK - 1 - at];
                    line[BLOCK + 1 + at] = above[at];
                }
                line[BLOCK] = corner;
                let mut smooth = [0; 2 * BLOCK - 1];
                for (at, value) in smooth.iter_mut().enumerate() {
                    *value = (line[at] + 2 * line[at + 1] + line[at + 2] + 2) >> 2;
                }
                for (y, row) in out.iter_mut().enumerate() {
                    row.copy_from_slice(&smooth[BLOCK - 1 - y..2 * BLOCK - 1 - y]);
                }
            }
            Prediction::DownLeft => {
                let mut smooth = [above[2 * BLOCK - 1]; 2 * BLOCK];
                for (at, value) in smooth[..2 * BLOCK - 2].iter_mut().enumerate() {
                    *value = (above[at] + 2 * above[at + 1] + above[at + 2] + 2) >> 2;
                }
                for (y, row) in out.iter_mut().enumerate() {
                    row.copy_from_slice(&smooth[y..y + BLOCK]);
                }
            }
        }
        out
    }

    /// The prediction that comes nearest to a luma plane.
    #[inline(always)]
    pub(super) fn choose(&self, luma: &Plane) -> Prediction {
        let mut best = (u32::MAX, Prediction::default());
        for prediction in ALL {
            let predicted = self.predict(0, prediction);
            let mut distance = 0;
            for (row, predicted) in luma.iter().zip(&predicted) {
                for (value, predicted) in row.iter().zip(predicted) {
                    distance += value.abs_diff(*predicted);
                }
            }
            if distance < best.0 {
                best = (distance, prediction);
            }
        }
        best.1
    }
}
