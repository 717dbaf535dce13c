//! Blocks of photographs in motion: an 8x8 transform in integers, with loss.
//!
//! A block is taken into luma and two chroma planes, predicted from the known pixels above it and to
//! its left, and what the prediction misses is transformed, quantized and coded. It is decoded the
//! same on every machine, so that later updates may copy what it shows. Section 12 of
//! `docs/bitstream.md`.

mod colour;
mod cosine;
mod levels;
mod prediction;
mod quantizer;

use self::levels::Levels;
use self::prediction::{Edge, PREDICTIONS, Prediction};
pub(crate) use self::quantizer::{QUANTIZER_BITS, Quantizer};
use super::block_map::BLOCK;
use super::coder::{BLUE, Coder, MAIN, RED};
use super::model::Alphabet;

/// One plane of a block: rows of values.
type Plane = [[i32; BLOCK]; BLOCK];

/// Luma and both chroma planes.
const PLANES: usize = 3;

/// What the models remember of a block that was coded.
#[derive(Clone, Copy, Debug)]
struct Note {
    prediction: usize,
    /// For each plane the number of diagonals from the first coefficient to the last that is not 0.
    diagonals: [u8; PLANES],
}

/// The blocks coded before the present one that its contexts look at.
#[derive(Debug, Default)]
pub(super) struct Surroundings {
    west: Option<Note>,
    /// Of each column, the note of the row of blocks above, or of the present row to the left.
    north: Vec<Option<Note>>,
}

impl Surroundings {
    /// Begins a lane of `columns` blocks in a row.
    pub(super) fn reset(&mut self, columns: usize) {
        self.north.clear();
        self.north.resize(columns, None);
        self.west = None;
    }

    /// Passes a block that is not a transform.
    #[inline(always)]
    pub(super) fn pass(&mut self, column: usize) {
        self.west = None;
        if let Some(north) = self.north.get_mut(column) {
            *north = None;
        }
    }
}

/// Where a block lies, and which of its surroundings are known.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    /// Index of its first pixel, and indices from one row to the next.
    pub(super) at: usize,
    pub(super) stride: usize,
    /// Pixels of it on the canvas.
    pub(super) width: usize,
    pub(super) height: usize,
    /// Pixels on the canvas from its first column to the right.
    pub(super) reach: usize,
    /// Whether it has known pixels to its left, and above.
    pub(super) west: bool,
    pub(super) north: bool,
}

/// The models of transform blocks.
#[derive(Clone, Debug)]
pub(super) struct Transform {
    predictions: [Alphabet; (PREDICTIONS + 1) * (PREDICTIONS + 1)],
    levels: Levels,
}

impl Transform {
    pub(super) const NEW: Self = Self {
        predictions: [Alphabet::NEW; (PREDICTIONS + 1) * (PREDICTIONS + 1)],
        levels: Levels::NEW,
    };

    /// Codes the block at `place` of `pixels`, in column `column`, and puts there what it becomes.
    #[inline(always)]
    pub(super) fn code<C: Coder>(
        &mut self,
        coder: &mut C,
        pixels: &mut [u32],
        place: Place,
        surroundings: &mut Surroundings,
        column: usize,
        quantizer: &Quantizer,
    ) {
        let edge = Edge::of(pixels, place);
        let source = if C::ENCODES { colour::planes(pixels, place) } else { [Plane::default(); 3] };
        let west = surroundings.west;
        let north = surroundings.north.get(column).copied().flatten();

        let chosen = if C::ENCODES { edge.choose(&source[0]) } else { Prediction::default() };
        let number = |note: Option<Note>| note.map_or(PREDICTIONS, |note| note.prediction);
        let context = number(west) * (PREDICTIONS + 1) + number(north);
        let symbol = coder.symbol::<MAIN>(&mut self.predictions[context], chosen.number());
        let prediction = Prediction::of(symbol);

        let mut note = Note { prediction: prediction.number(), diagonals: [0; PLANES] };
        let mut planes = [Plane::default(); PLANES];
        for plane in 0..PLANES {
            let predicted = edge.predict(plane, prediction);
            let step = quantizer.step(plane);
            let mut coefficients = Plane::default();
            if C::ENCODES {
                coefficients = cosine::forward(&difference(&source[plane], &predicted));
                quantizer.quantize(plane, &mut coefficients);
            }
            let around = [west, north].map(|note| note.map(|note| note.diagonals[plane]));
            let before = [note.diagonals[0], note.diagonals[1]];
            let levels = &mut self.levels;
            let diagonals = match plane {
                0 => levels.code::<C, MAIN>(coder, plane, around, before, &mut coefficients),
                1 => levels.code::<C, BLUE>(coder, plane, around, before, &mut coefficients),
                _ => levels.code::<C, RED>(coder, plane, around, before, &mut coefficients),
            };
            note.diagonals[plane] = diagonals as u8;
            planes[plane] = predicted;
            if diagonals > 0 {
                quantizer::restore(&mut coefficients, step);
                let residual = cosine::inverse(&coefficients);
                for (row, residual) in planes[plane].iter_mut().zip(&residual) {
                    for (value, residual) in row.iter_mut().zip(residual) {
                        *value += residual;
                    }
                }
            }
        }
        colour::write(pixels, place, &planes);
        surroundings.west = Some(note);
        if let Some(north) = surroundings.north.get_mut(column) {
            *north = Some(note);
        }
    }
}

#[inline(always)]
fn difference(source: &Plane, predicted: &Plane) -> Plane {
    let mut difference = *source;
    for (row, predicted) in difference.iter_mut().zip(predicted) {
        for (value, predicted) in row.iter_mut().zip(predicted) {
            *value -= predicted;
        }
    }
    difference
}
