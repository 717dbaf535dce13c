//! Pixels as luma and chroma planes, and back.
//!
//! YCbCr by the matrix of ITU-R BT.601; luma takes 16 to 235, chroma the full range, one sample for
//! two by two pixels. Finer chroma than luma costs few bytes, and makes the most of them in RGB: a
//! chroma error shows in three channels of four pixels.

use crate::frame::{BYTES_PER_PIXEL, FrameView};
use crate::geometry::{Rect, Size};
use crate::kernels::{self, Vectorized};

/// Luma for black, and its weights for blue, green and red, times 2^16: 219/255 of BT.601's.
const BLACK: i32 = 16;
const LUMA: [i32; 3] = [6_416, 33_039, 16_829];

/// Weights of blue, green and red in the two chroma samples, times 2^16.
const CB: [i32; 3] = [32_768, -21_710, -11_058];
const CR: [i32; 3] = [-5_329, -27_439, 32_768];

/// Chroma for grey.
const GREY: i32 = 128;

/// Of luma less black in every channel, times 2^16.
const FROM_LUMA: i32 = 76_309;

/// Of sixteenths of chroma in blue, green (both) and red, times 2^16.
const BLUE_OF_CB: i32 = 7_258;
const GREEN_OF_CB: i32 = -1_410;
const GREEN_OF_CR: i32 = -2_925;
const RED_OF_CR: i32 = 5_743;

/// Half, to round.
const ROUND: i32 = 1 << 15;

/// Rows of which one is compared to tell what planes lose: an odd number, so that both rows that share
/// samples of chroma are looked at.
const LOSS_ROW_STEP: usize = 9;

/// Fractional bits of chroma between the steps: sixteenths.
const FRACTION: u32 = 4;

/// What interpolation between four samples leaves of the squared error of chroma that is noise.
const INTERPOLATED_CHROMA: f32 = 0.39;

/// Three planes of whole macroblocks.
#[derive(Debug, Default)]
pub(super) struct Planes {
    size: Size,
    pub(super) luma: Vec<u8>,
    pub(super) chroma: [Vec<u8>; 2],
    /// Chroma on its way, in sixteenths.
    fine: [Vec<i16>; 2],
    /// Two rows of pixels, padded.
    rows: [Vec<u32>; 2],
    /// A row of pixels as the planes show it.
    shown: RowScratch,
}

/// Mean squared errors of planes.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct PlaneErrors {
    pub(super) luma: f32,
    /// Of both chroma planes.
    pub(super) chroma: [f32; 2],
}

impl PlaneErrors {
    /// The mean squared error of the three channels of pixels that these errors lead to.
    pub(super) fn in_rgb(self) -> f32 {
        const fn gain(weight: i32) -> f32 {
            let gain = weight as f32 / (1 << 16) as f32;
            gain * gain
        }
        let [cb, cr] = self.chroma;
        let chroma = cb * (gain(BLUE_OF_CB) + gain(GREEN_OF_CB))
            + cr * (gain(RED_OF_CR) + gain(GREEN_OF_CR));
        self.luma * gain(FROM_LUMA)
            + chroma / 3.0 * (1 << (2 * FRACTION)) as f32 * INTERPOLATED_CHROMA
    }
}

/// Planes that a library owns: luma, and both chroma planes, each with the bytes between its rows.
#[derive(Clone, Copy)]
pub(super) struct PlanesView<'a> {
    pub(super) luma: &'a [u8],
    pub(super) chroma: [&'a [u8]; 2],
    pub(super) stride: usize,
    pub(super) chroma_stride: usize,
}

impl Planes {
    /// Width and height of the luma plane, even numbers.
    pub(super) const fn size(&self) -> Size {
        self.size
    }

    /// Becomes black planes of `size`, whole macroblocks.
    pub(super) fn reset(&mut self, size: Size) {
        let quarter = size.area() / 4;
        self.size = size;
        self.luma.clear();
        self.luma.resize(size.area(), BLACK as u8);
        for plane in &mut self.chroma {
            plane.clear();
            plane.resize(quarter, GREY as u8);
        }
        self.fine.iter_mut().for_each(|plane| plane.resize(quarter, 0));
        self.rows.iter_mut().for_each(|row| row.resize(usize::from(size.width), 0));
    }

    /// The mean squared error in RGB between the planes and the pixels of `rect`, which they were
    /// taken from, in a sample of rows.
    pub(super) fn loss(&mut self, frame: FrameView<'_>, rect: Rect) -> f32 {
        let Self { size, luma, chroma: [cb, cr], shown, .. } = self;
        let (stride, chroma_stride) = (usize::from(size.width), usize::from(size.width / 2));
        let view = PlanesView { luma, chroma: [cb, cr], stride, chroma_stride };
        let size = Size::new(rect.width, rect.height);
        let (mut sum, mut samples) = (0, 0);
        for y in (0..rect.height).step_by(LOSS_ROW_STEP) {
            let shown = view.row(size, y, shown);
            let pixels = frame.span(rect.x, rect.y + y, rect.width);
            sum += kernels::vectorize(SquaredError { pixels, shown });
            samples += 3 * u64::from(rect.width);
        }
        sum as f32 / samples.max(1) as f32
    }

    /// Takes the pixels of `rect`, which is not empty and at most as large as the planes; the last
    /// pixels are repeated into what is left.
    pub(super) fn take(&mut self, frame: FrameView<'_>, rect: Rect) {
        kernels::vectorize(Take { planes: self, frame, rect });
    }
}

/// The squared errors of a row of pixels, summed over three channels.
struct SquaredError<'a> {
    pixels: &'a [u8],
    shown: &'a [u8],
}

impl Vectorized for SquaredError<'_> {
    type Output = u64;

    #[inline(always)]
    fn run(self) -> u64 {
        let Self { pixels, shown } = self;
        let pixels = pixels.as_chunks::<BYTES_PER_PIXEL>().0.iter();
        let errors = pixels.zip(shown.as_chunks::<BYTES_PER_PIXEL>().0).map(|(pixel, shown)| {
            let square = |channel: usize| u32::from(pixel[channel].abs_diff(shown[channel])).pow(2);
            u64::from(square(0) + square(1) + square(2))
        });
        errors.sum()
    }
}

struct Take<'a> {
    planes: &'a mut Planes,
    frame: FrameView<'a>,
    rect: Rect,
}

impl Vectorized for Take<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { planes: Planes { size, luma, chroma, fine, rows, .. }, frame, rect } = self;
        let width = usize::from(size.width);
        let half = width / 2;
        let taken = usize::from(rect.width);
        for (pair, luma) in luma.chunks_exact_mut(2 * width).enumerate() {
            for (row, (pixels, luma)) in
                rows.iter_mut().zip(luma.chunks_exact_mut(width)).enumerate()
            {
                let y = ((2 * pair + row) as u16).min(rect.height - 1);
                kernels::load_row(frame.span(rect.x, rect.y + y, rect.width), &mut pixels[..taken]);
                let last = pixels[taken - 1];
                pixels[taken..].fill(last);
                for (luma, &pixel) in luma.iter_mut().zip(pixels.iter()) {
                    *luma = ((weigh(LUMA, pixel) + (BLACK << 16) + ROUND) >> 16) as u8;
                }
            }
            let [upper, lower] = &*rows;
            let [cb, cr] = fine;
            let cb = &mut cb[pair * half..][..half];
            let cr = &mut cr[pair * half..][..half];
            let pixels = upper.as_chunks::<2>().0.iter().zip(lower.as_chunks::<2>().0);
            for ((cb, cr), (upper, lower)) in cb.iter_mut().zip(cr).zip(pixels) {
                // Four pixels: their sum is four times the mean.
                let sum = |weights| {
                    weigh(weights, upper[0])
                        + weigh(weights, upper[1])
                        + weigh(weights, lower[0])
                        + weigh(weights, lower[1])
                };
                *cb = (((sum(CB) + (1 << 13)) >> 14) + (GREY << FRACTION)) as i16;
                *cr = (((sum(CR) + (1 << 13)) >> 14) + (GREY << FRACTION)) as i16;
            }
        }
        for (fine, plane) in fine.iter_mut().zip(chroma) {
            for row in fine.chunks_exact_mut(half) {
                sharpen_row(row);
            }
            let rows = fine.len() / half;
            for (at, out) in plane.chunks_exact_mut(half).enumerate() {
                let row = |at: usize| &fine[at * half..][..half];
                let around = row(at.saturating_sub(1)).iter().zip(row((at + 1).min(rows - 1)));
                for (out, (&here, (&above, &below))) in
                    out.iter_mut().zip(row(at).iter().zip(around))
                {
                    let sample = sharpened(above, here, below);
                    *out = ((sample + (1 << (FRACTION - 1))) >> FRACTION).clamp(0, 255) as u8;
                }
            }
        }
    }
}

#[inline(always)]
fn weigh([blue, green, red]: [i32; 3], pixel: u32) -> i32 {
    let channel = |shift: u32| (pixel >> shift & 0xff) as i32;
    blue * channel(0) + green * channel(8) + red * channel(16)
}

/// Undoes most of what interpolation at the decoder takes from a sample that is the mean of its
/// pixels: (8 here − before − after) / 6.
#[inline(always)]
fn sharpened(before: i16, here: i16, after: i16) -> i32 {
    let sum = 8 * i32::from(here) - i32::from(before) - i32::from(after);
    // A sixth, times 2^16.
    (sum * 10_923) >> 16
}

#[inline(always)]
fn sharpen_row(row: &mut [i16]) {
    let Some((&first, _)) = row.split_first() else { return };
    let mut before = first;
    for at in 0..row.len() {
        let here = row[at];
        let after = *row.get(at + 1).unwrap_or(&here);
        row[at] = sharpened(before, here, after) as i16;
        before = here;
    }
}

/// Memory for one row of pixels on its way out of planes.
#[derive(Debug, Default)]
pub(super) struct RowScratch {
    /// Both chroma planes between two of their rows, in quarters less grey; the outermost samples
    /// stand once more before the first and behind the last.
    coarse: [Vec<i16>; 2],
    /// The same for each pixel, in sixteenths.
    fine: [Vec<i16>; 2],
    pixels: Vec<u8>,
}

impl PlanesView<'_> {
    /// Row `y` of the first `size` pixels, which the planes have; chroma is interpolated between its
    /// four nearest samples.
    pub(super) fn row<'a>(&self, size: Size, y: u16, scratch: &'a mut RowScratch) -> &'a [u8] {
        let width = usize::from(size.width);
        let samples = width.div_ceil(2);
        scratch.coarse.iter_mut().for_each(|row| row.resize(samples + 2, 0));
        scratch.fine.iter_mut().for_each(|row| row.resize(2 * samples, 0));
        scratch.pixels.resize(width * BYTES_PER_PIXEL, 0);
        let last = usize::from(size.height.div_ceil(2)) - 1;
        let near = usize::from(y / 2);
        let far = if y.is_multiple_of(2) { near.saturating_sub(1) } else { (near + 1).min(last) };
        let rows = self
            .chroma
            .map(|plane| [near, far].map(|row| &plane[row * self.chroma_stride..][..samples]));
        let luma = &self.luma[usize::from(y) * self.stride..][..width];
        kernels::vectorize(GiveRow { rows, luma, scratch });
        &scratch.pixels
    }
}

/// A row of luma, and of each chroma plane the nearer and the farther one.
struct GiveRow<'a> {
    rows: [[&'a [u8]; 2]; 2],
    luma: &'a [u8],
    scratch: &'a mut RowScratch,
}

impl Vectorized for GiveRow<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { rows, luma, scratch: RowScratch { coarse, fine, pixels } } = self;
        for (([near, far], coarse), fine) in rows.iter().zip(coarse).zip(fine.iter_mut()) {
            for ((to, &near), &far) in coarse[1..].iter_mut().zip(*near).zip(*far) {
                *to = 3 * i16::from(near) + i16::from(far) - 4 * GREY as i16;
            }
            let samples = near.len();
            coarse[0] = coarse[1];
            coarse[samples + 1] = coarse[samples];
            let pairs = fine.as_chunks_mut::<2>().0.iter_mut();
            let around = coarse.iter().zip(&coarse[1..]).zip(&coarse[2..]);
            for ([left, right], ((before, here), after)) in pairs.zip(around) {
                *left = 3 * here + before;
                *right = 3 * here + after;
            }
        }
        let [cb, cr] = &*fine;
        let pixels = pixels.as_chunks_mut::<BYTES_PER_PIXEL>().0.iter_mut();
        for (((out, &luma), &cb), &cr) in pixels.zip(luma).zip(cb).zip(cr) {
            *out = to_pixel(luma, i32::from(cb), i32::from(cr)).to_le_bytes();
        }
    }
}

/// A pixel as `0x00RRGGBB` from luma and sixteenths of chroma less grey.
#[inline(always)]
fn to_pixel(luma: u8, cb: i32, cr: i32) -> u32 {
    let luma = FROM_LUMA * (i32::from(luma) - BLACK) + ROUND;
    let channel = |value: i32| ((luma + value) >> 16).clamp(0, 255) as u32;
    let green = channel(GREEN_OF_CB * cb + GREEN_OF_CR * cr);
    channel(BLUE_OF_CB * cb) | green << 8 | channel(RED_OF_CR * cr) << 16
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::Frame;

    fn there_and_back(frame: &Frame, rect: Rect) -> Vec<u8> {
        let mut planes = Planes::default();
        let size = Size::new(rect.width, rect.height);
        planes.reset(crate::video::padded(size));
        planes.take(frame.view(), rect);
        let stride = usize::from(planes.size().width);
        let view = PlanesView {
            luma: &planes.luma,
            chroma: [&planes.chroma[0], &planes.chroma[1]],
            stride,
            chroma_stride: stride / 2,
        };
        let mut scratch = RowScratch::default();
        (0..size.height).flat_map(|y| view.row(size, y, &mut scratch).to_vec()).collect()
    }

    #[test]
    fn plain_colours_come_back_at_every_size() {
        for (width, height) in [(1, 1), (2, 3), (15, 16), (17, 33), (64, 1)] {
            for colour in
                [[0, 0, 0], [255; 3], [255, 0, 0], [0, 255, 0], [0, 0, 255], [90, 17, 203]]
            {
                let mut frame = Frame::black(Size::new(70, 40));
                for pixel in frame.data_mut().as_chunks_mut::<4>().0 {
                    pixel[..3].copy_from_slice(&colour);
                }
                let rect = Rect::new(3, 2, width, height);
                for pixel in there_and_back(&frame, rect).as_chunks::<4>().0 {
                    for (sent, shown) in colour.iter().zip(pixel) {
                        assert!(sent.abs_diff(*shown) <= 2, "{colour:?} came back as {pixel:?}");
                    }
                    assert_eq!(pixel[3], 0);
                }
            }
        }
    }

    #[test]
    fn a_slope_of_colour_comes_back_within_three() {
        let size = Size::new(64, 32);
        let mut frame = Frame::black(size);
        for (at, pixel) in frame.data_mut().as_chunks_mut::<4>().0.iter_mut().enumerate() {
            let (x, y) = ((at % 64) as u8, (at / 64) as u8);
            *pixel = [x * 3, 255 - y * 4, 100 + x, 9];
        }
        let shown = there_and_back(&frame, size.rect());
        for (sent, shown) in frame.data().as_chunks::<4>().0.iter().zip(shown.as_chunks::<4>().0) {
            for channel in 0..3 {
                assert!(sent[channel].abs_diff(shown[channel]) <= 3, "{sent:?} as {shown:?}");
            }
        }
    }
}
