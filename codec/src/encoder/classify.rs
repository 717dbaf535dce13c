//! What a tile is, from its pixels alone: the choice of a coding tool.

use crate::frame::BYTES_PER_PIXEL;
use crate::tools::palette::ColourTable;

/// The kinds of content that are coded differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    /// One colour.
    Solid,
    /// At most 256 colours, drawn by a program.
    Graphics,
    /// More colours, drawn by a program: gradients, shadows, text over a picture.
    TrueColour,
    /// A photograph or film: many colours and few equal neighbours.
    Picture,
}

/// Rows between two that are looked at: 16 rows of a tile tell a picture from text.
const SAMPLED_ROW_STEP: usize = 4;

/// A tile whose sampled rows hold fewer colours was drawn by a program: anti-aliased text of two
/// colours makes some 20 to 40.
const MIN_PICTURE_COLOURS: usize = 64;

/// Percentage of sampled pixels that equal their left neighbour in drawn content at least. Text
/// on plain ground has 60 and more, photographs below 25 (both counted on desktop recordings).
const MAX_PICTURE_EQUAL_PERCENT: usize = 40;

/// The class of a tile of `width` pixels a row. With `lossy`, pictures are told from other content
/// of many colours; without it they count as what their colours make them.
pub(super) fn classify(
    pixels: &[u8],
    width: usize,
    lossy: bool,
    colours: &mut ColourTable,
) -> Class {
    let pixels = pixels.as_chunks::<BYTES_PER_PIXEL>().0;
    let Some((first, rest)) = pixels.split_first() else { return Class::Solid };
    if rest.iter().all(|pixel| pixel == first) {
        return Class::Solid;
    }
    if lossy && is_picture(pixels, width, colours) {
        return Class::Picture;
    }
    colours.clear();
    let mut last = u32::MAX;
    for pixel in pixels {
        let colour = u32::from_le_bytes(*pixel);
        if colour != last {
            last = colour;
            if colours.number(colour).is_none() {
                return Class::TrueColour;
            }
        }
    }
    Class::Graphics
}

fn is_picture(pixels: &[[u8; BYTES_PER_PIXEL]], width: usize, colours: &mut ColourTable) -> bool {
    colours.clear();
    let (mut equal, mut looked_at, mut many) = (0, 0, false);
    for row in pixels.chunks_exact(width).step_by(SAMPLED_ROW_STEP) {
        let mut last = u32::MAX;
        for pixel in row {
            let colour = u32::from_le_bytes(*pixel);
            if colour == last {
                equal += 1;
            } else if !many {
                many = colours.number(colour).is_none() || colours.len() >= MIN_PICTURE_COLOURS;
            }
            last = colour;
        }
        looked_at += width;
    }
    many && equal * 100 < looked_at * MAX_PICTURE_EQUAL_PERCENT
}
