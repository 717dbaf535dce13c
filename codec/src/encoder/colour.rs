//! Reduces the colours of what is sent, and decides when a palette is made anew.
//!
//! A palette stays as long as the scene does. How badly it fits is known from a sample of every
//! tile that changes. When that exceeds what the palette was made with, a new one is tried: after a
//! while, or at once when it exceeds it by far; and it is taken only when it is much better.

use super::tile::{Held, Look, TileState};
use super::{Encoder, Scratch};
use crate::colour::{ColourMode, Colours, Histogram};
use crate::frame::{BYTES_PER_PIXEL, Frame, FrameView};
use crate::geometry::{Rect, TILE};
use crate::kernels;
use crate::region::Region;

/// Rows of a tile of which one is sampled.
const SAMPLED_ROWS: usize = 8;

/// A mean squared error of a pixel, over three channels, that no palette need improve on: 48 dB.
const FINE_ERROR: f32 = 3.0;

/// By how much the error must exceed that of the palette's own scene, as a factor, before another
/// palette is tried; and what is left of it with the other one at most. 1 dB is a factor of 1.26.
const WORSE: f32 = 1.26;
const BETTER: f32 = 0.65;

/// The same factor of an error so large that another scene has begun at once.
const CUT: f32 = 4.0;

/// How long the error must have been too large otherwise, in microseconds: a scene that passes sooner
/// is not worth sending the whole picture again. These were measured: decision 13.
const PATIENCE_US: u64 = 200_000;

/// The colours of the pictures sent.
#[derive(Debug)]
pub(super) struct ColourChoice {
    /// What was asked for last.
    wanted: ColourMode,
    histogram: Option<Box<Histogram>>,
    /// Whether the decoder does not have the palette yet.
    pub(super) is_new: bool,
    /// The mean error of the palette's own scene, or the one at which no better was found.
    accepted_error: f32,
    /// Since when the error is too large.
    poor_since_us: Option<u64>,
}

impl ColourChoice {
    pub(super) const fn new(wanted: ColourMode) -> Self {
        Self { wanted, histogram: None, is_new: false, accepted_error: 0.0, poor_since_us: None }
    }
}

impl Encoder {
    /// Chooses how many colours the pictures have from the next update on.
    pub fn set_colours(&mut self, mode: ColourMode) {
        self.colour_choice.wanted = mode;
    }

    /// How many colours pictures have from the next update on.
    #[must_use]
    pub const fn colours(&self) -> ColourMode {
        self.colour_choice.wanted
    }

    /// Writes into `quantized` what a viewer's picture equals once `frame` has been sent and
    /// refined: `frame` in the colours of the last update. Both have the same size.
    ///
    /// # Panics
    /// When the sizes differ.
    pub fn quantize(&self, frame: FrameView<'_>, quantized: &mut Frame) {
        assert!(frame.size() == quantized.size(), "pictures of different sizes");
        let size = frame.size();
        let mut row = vec![0; usize::from(size.width)];
        for y in 0..size.height {
            self.line.colours.load_row(frame.span(0, y, size.width), &mut row);
            let into = quantized.span_mut(0, y, size.width);
            for (to, from) in into.as_chunks_mut::<BYTES_PER_PIXEL>().0.iter_mut().zip(&row) {
                *to = from.to_le_bytes();
            }
        }
    }

    /// Whether the mode that was asked for is still to be taken up.
    pub(super) fn has_other_colours(&self) -> bool {
        self.grid.tiles() > 0 && self.line.colours.mode() != self.colour_choice.wanted
    }

    /// Takes up the mode that was asked for. Everything is looked at again then; what is shown
    /// stays until it is overwritten.
    pub(super) fn settle_colours(&mut self, frame: FrameView<'_>, damage: &mut Region) {
        if !self.has_other_colours() {
            return;
        }
        let colours = match self.colour_choice.wanted {
            ColourMode::Standard => Colours::Standard,
            ColourMode::HighColour => Colours::HighColour,
            ColourMode::Palette => {
                let histogram =
                    self.colour_choice.histogram.get_or_insert_with(|| Box::new(Histogram::new()));
                match histogram.palette(frame) {
                    Some(palette) => Colours::Palette(palette),
                    // No pixels, no colours.
                    None => return,
                }
            }
        };
        self.use_colours(colours, damage);
    }

    fn use_colours(&mut self, colours: Colours, damage: &mut Region) {
        self.line.colours = colours;
        let choice = &mut self.colour_choice;
        choice.is_new = true;
        (choice.accepted_error, choice.poor_since_us) = (f32::INFINITY, None);
        // Videos have all colours.
        self.video.release();
        for tile in &mut self.tiles {
            (tile.held, tile.leaf) = (Held::Nothing, 0);
            // Nor does what slices carry equal the source any more.
            tile.written_exactly = false;
        }
        damage.fill();
    }

    /// Makes another palette when the scene is no longer the present one's, and returns whether it
    /// did.
    pub(super) fn follow_scene(
        &mut self,
        frame: FrameView<'_>,
        now_us: u64,
        damage: &mut Region,
    ) -> bool {
        let Colours::Palette(present) = &self.line.colours else { return false };
        let error =
            self.tiles.iter().map(|tile| tile.error).sum::<f32>() / self.tiles.len().max(1) as f32;
        let choice = &mut self.colour_choice;
        // The first look at a palette's scene tells how well it can be.
        choice.accepted_error = choice.accepted_error.min(error);
        if error <= (choice.accepted_error * WORSE).max(FINE_ERROR) {
            choice.poor_since_us = None;
            return false;
        }
        let since_us = *choice.poor_since_us.get_or_insert(now_us);
        let is_cut = error > choice.accepted_error.max(FINE_ERROR) * CUT;
        if !is_cut && now_us.saturating_sub(since_us) < PATIENCE_US {
            return false;
        }
        choice.poor_since_us = None;
        let histogram = choice.histogram.get_or_insert_with(|| Box::new(Histogram::new()));
        let Some(palette) = histogram.palette(frame) else { return false };
        if histogram.error(&palette) > histogram.error(present) * BETTER {
            choice.accepted_error = error;
            return false;
        }
        self.use_colours(Colours::Palette(palette), damage);
        true
    }
}

/// Looks at the pixels of `rect`, a tile with the given `state`.
pub(super) fn look(
    frame: FrameView<'_>,
    rect: Rect,
    colours: &Colours,
    state: &TileState,
    scratch: &mut Scratch,
) -> Look {
    let source = kernels::hash_tile(frame, rect, &mut scratch.tile);
    match colours {
        Colours::Standard => Look { hash: source, source, error: 0.0 },
        _ if state.held != Held::Nothing && state.source == source => {
            Look { hash: state.seen, source, error: state.error }
        }
        _ => {
            let (hash, error) = quantized(frame, rect, colours, &mut scratch.tile);
            Look { hash, source, error }
        }
    }
}

/// The hash of the pixels of `rect` in `colours`, and the mean over sampled pixels of the squared
/// distance from them. `scratch` holds at least a tile, which `rect` is at most.
fn quantized(
    frame: FrameView<'_>,
    rect: Rect,
    colours: &Colours,
    scratch: &mut [u8],
) -> (u128, f32) {
    let width = usize::from(rect.width);
    let bytes = &mut scratch[..width * usize::from(rect.height) * BYTES_PER_PIXEL];
    let mut pixels = [0; TILE as usize];
    let pixels = &mut pixels[..width];
    let (mut error, mut sampled) = (0, 0);
    let rows = bytes.chunks_exact_mut((width * BYTES_PER_PIXEL).max(1));
    for (y, into) in (rect.y..rect.y + rect.height).zip(rows) {
        let row = frame.span(rect.x, y, rect.width);
        colours.load_row(row, pixels);
        for (to, from) in into.as_chunks_mut::<BYTES_PER_PIXEL>().0.iter_mut().zip(&*pixels) {
            *to = from.to_le_bytes();
        }
        if usize::from(y).is_multiple_of(SAMPLED_ROWS) {
            error += kernels::squared_error(row, pixels);
            sampled += width;
        }
    }
    (xxhash_rust::xxh3::xxh3_128(bytes), error as f32 / sampled.max(1) as f32)
}
