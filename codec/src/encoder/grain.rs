//! Tells photographs and film from drawings by how neighbouring pixels differ, in a sample of rows.

use crate::frame::{BYTES_PER_PIXEL, FrameView};
use crate::geometry::Rect;
use crate::kernels::{self, Vectorized};

/// Neighbours in a smooth picture differ by at most this in each channel.
const CLOSE: u8 = 12;

/// Rows of which one is looked at, and rows of which one is followed by the row below it to see how
/// colour varies.
const ROW_STEP: usize = 4;
const COLOUR_STEP: usize = 8;

/// The squared error in RGB that a quarter of the samples of colour may cause, in the mean, and in four
/// pixels that share one; more in one of so many fours spoils all. Film has a mean of at most 22 and
/// no four above 804, red letters on black have means of 40 to 245 where there are some, and fours of
/// up to 3768.
const MAX_COLOUR_LOSS: u32 = 40;
const MAX_COLOUR_LOSS_OF_FOUR: u32 = 1_000;
const FOURS_PER_SPOILT: u32 = 128;

/// What a rectangle of pixels looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Nature {
    /// All pixels are equal to their neighbours.
    Solid,
    /// Nearly all are, and the others differ by little.
    Plain,
    /// Like a photograph, or smooth.
    Film,
    /// Sharp edges between equal pixels.
    Drawn,
    /// Colour changes from pixel to pixel, so that half of its resolution would be seen to be missing.
    Colourful,
}

impl Nature {
    /// That of `rect`.
    pub(super) fn of(frame: FrameView<'_>, rect: Rect) -> Self {
        let Grain { pairs, close, far } = Grain::of(frame, rect, ROW_STEP);
        if close + far == 0 {
            Self::Solid
        } else if is_colourful(frame, rect) {
            Self::Colourful
        } else if (close + far) * 4 > pairs * 3 || close * 16 > pairs && close > 2 * far {
            Self::Film
        } else if far * 64 <= pairs {
            Self::Plain
        } else {
            Self::Drawn
        }
    }

    /// Whether a video coder shows it well.
    pub(super) const fn is_film(self) -> bool {
        matches!(self, Self::Film | Self::Plain)
    }
}

/// Pairs of neighbours in a row.
#[derive(Clone, Copy, Debug, Default)]
struct Grain {
    pairs: u32,
    /// Those that differ by little, and by more.
    close: u32,
    far: u32,
}

impl Grain {
    /// That of every `step`-th row of `rect`.
    fn of(frame: FrameView<'_>, rect: Rect, step: usize) -> Self {
        kernels::vectorize(GrainOf { frame, rect, step })
    }
}

struct GrainOf<'a> {
    frame: FrameView<'a>,
    rect: Rect,
    step: usize,
}

impl Vectorized for GrainOf<'_> {
    type Output = Grain;

    #[inline(always)]
    fn run(self) -> Grain {
        let Self { frame, rect, step } = self;
        let mut grain = Grain::default();
        for y in (rect.y..rect.y + rect.height).step_by(step) {
            let row = frame.span(rect.x, y, rect.width).as_chunks::<BYTES_PER_PIXEL>().0;
            for (pixel, next) in row.iter().zip(row.get(1..).unwrap_or_default()) {
                let distance = (0..3)
                    .fold(0, |most: u8, channel| most.max(pixel[channel].abs_diff(next[channel])));
                grain.pairs += 1;
                grain.close += u32::from((1..=CLOSE).contains(&distance));
                grain.far += u32::from(distance > CLOSE);
            }
        }
        grain
    }
}

/// Whether `rect` looks like a photograph: three of four pixels differ from their neighbour. So few
/// are equal in photographs only.
pub(super) fn looks_photographic(frame: FrameView<'_>, rect: Rect) -> bool {
    let Grain { pairs, close, far } = Grain::of(frame, rect, 8);
    (close + far) * 4 > pairs * 3
}

/// Whether a quarter of the samples of colour would spoil `rect`, which is at most a tile large.
pub(super) fn is_colourful(frame: FrameView<'_>, rect: Rect) -> bool {
    let ColourLoss { fours, sum, spoilt } = kernels::vectorize(ColourLossOf { frame, rect });
    sum > fours * MAX_COLOUR_LOSS || spoilt * FOURS_PER_SPOILT > fours
}

/// What is lost if four pixels share a colour, in a sample of them.
#[derive(Clone, Copy, Debug, Default)]
struct ColourLoss {
    /// Fours looked at, the sum of their mean squared errors, and those that lose too much.
    fours: u32,
    sum: u32,
    spoilt: u32,
}

struct ColourLossOf<'a> {
    frame: FrameView<'a>,
    rect: Rect,
}

impl Vectorized for ColourLossOf<'_> {
    type Output = ColourLoss;

    #[inline(always)]
    fn run(self) -> ColourLoss {
        let Self { frame, rect } = self;
        let mut loss = ColourLoss::default();
        for y in (rect.y..rect.y + rect.height.saturating_sub(1)).step_by(COLOUR_STEP) {
            let row = |y| {
                let row = frame.span(rect.x, y, rect.width).as_chunks::<BYTES_PER_PIXEL>().0;
                row.as_chunks::<2>().0
            };
            for (upper, lower) in row(y).iter().zip(row(y + 1)) {
                let four = [upper[0], upper[1], lower[0], lower[1]];
                // Blue and red less green are all there is to colour.
                let blue = four.map(|[blue, green, ..]| i32::from(blue) - i32::from(green));
                let red = four.map(|[_, green, red, _]| i32::from(red) - i32::from(green));
                // By the weights of BT.601 0.27 of blue's variance and 0.22 of red's.
                let of_four = (5 * deviation(blue) + 4 * deviation(red)) as u32 / (18 * 16);
                loss.fours += 1;
                loss.sum += of_four;
                loss.spoilt += u32::from(of_four > MAX_COLOUR_LOSS_OF_FOUR);
            }
        }
        loss
    }
}

/// Sixteen times the variance.
#[inline(always)]
fn deviation(four: [i32; 4]) -> i32 {
    let [a, b, c, d] = four;
    let sum = a + b + c + d;
    4 * (a * a + b * b + c * c + d * d) - sum * sum
}
