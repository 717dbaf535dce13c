//! A picture of the chain: 32-bit pixels with room around them, so that every neighbour that a
//! model or a search looks at exists. Around the canvas all pixels are black and stay so.

use super::block_map::BLOCK;
use crate::colour::Colours;
use crate::frame::{BYTES_PER_PIXEL, FrameRows, FrameView};
use crate::geometry::{Rect, Size};
use crate::kernels;

/// Black columns on either side. The models look at most 17 pixels to the right, in a row above,
/// where the next row's left border continues the right one.
const SIDE: usize = 16;

/// Black rows above and below.
const EDGE: usize = 8;

/// Pixels as `0x00RRGGBB`.
#[derive(Clone, Debug)]
pub(crate) struct Picture {
    size: Size,
    stride: usize,
    pixels: Vec<u32>,
}

impl Picture {
    /// A black picture.
    pub(crate) fn black(size: Size) -> Self {
        let mut picture = Self { size, stride: 0, pixels: Vec::new() };
        picture.reset(size);
        picture
    }

    /// Becomes a black picture of `size`, in the memory it has where that is enough.
    pub(crate) fn reset(&mut self, size: Size) {
        self.size = size;
        self.stride = usize::from(size.width) + 2 * SIDE;
        let length = self.stride * (usize::from(size.height) + 2 * EDGE);
        if length > self.pixels.capacity() {
            // The system's zeroed memory, which costs nothing before it is written to.
            self.pixels = vec![0; length];
        } else {
            self.pixels.clear();
            self.pixels.resize(length, 0);
        }
    }

    /// Becomes a copy of `other`, in the memory it has where that is enough.
    pub(crate) fn become_like(&mut self, other: &Self) {
        (self.size, self.stride) = (other.size, other.stride);
        self.pixels.clone_from(&other.pixels);
    }

    /// Width and height in pixels, without the border.
    pub(crate) const fn size(&self) -> Size {
        self.size
    }

    /// Pixels from one row to the next.
    pub(crate) const fn stride(&self) -> usize {
        self.stride
    }

    /// Index of a pixel; the coordinates may lie in the border.
    #[inline(always)]
    pub(crate) const fn at(&self, x: usize, y: usize) -> usize {
        (y + EDGE) * self.stride + x + SIDE
    }

    /// Index of the first pixel of row `y`, that of its border.
    pub(super) const fn row_start(&self, y: usize) -> usize {
        (y + EDGE) * self.stride
    }

    /// All pixels, the border's too.
    #[inline(always)]
    pub(crate) fn pixels(&self) -> &[u32] {
        &self.pixels
    }

    /// All pixels for writing; the border must stay black.
    #[inline(always)]
    pub(crate) fn pixels_mut(&mut self) -> &mut [u32] {
        &mut self.pixels
    }

    /// All rows, for writing.
    pub(crate) fn rows(&mut self) -> Rows<'_> {
        Rows { stride: self.stride, offset: 0, pixels: &mut self.pixels }
    }

    /// Takes the pixels of `rect` from a frame of the same size, in `colours`.
    pub(crate) fn take(&mut self, frame: FrameView<'_>, rect: Rect, colours: &Colours) {
        self.rows().take(frame, rect, colours);
    }

    /// The picture as a frame; its rows are further apart than their pixels.
    pub(crate) fn view(&self) -> Option<FrameView<'_>> {
        let pixels = self.pixels.get(self.at(0, 0)..)?;
        FrameView::new(kernels::bytes_of(pixels), self.size, self.stride * BYTES_PER_PIXEL)
    }

    /// Gives the pixels of `rect` to a frame of the same size.
    pub(crate) fn give(&self, rect: Rect, frame: &mut FrameRows<'_>) {
        let width = usize::from(rect.width);
        for y in rect.y..rect.y + rect.height {
            let at = self.at(usize::from(rect.x), usize::from(y));
            let row = frame.span_mut(rect.x, y, rect.width).as_chunks_mut::<BYTES_PER_PIXEL>().0;
            for (to, from) in row.iter_mut().zip(&self.pixels[at..at + width]) {
                *to = from.to_le_bytes();
            }
        }
    }

    /// Whether all pixels of `rect`, which is not empty, are equal.
    pub(crate) fn is_plain(&self, rect: Rect) -> bool {
        let at = self.at(usize::from(rect.x), usize::from(rect.y));
        let (first, width) = (self.pixels[at], usize::from(rect.width));
        (0..usize::from(rect.height)).all(|row| {
            let row = &self.pixels[at + row * self.stride..][..width];
            row.iter().fold(0, |sum, pixel| sum | (pixel ^ first)) == 0
        })
    }

    /// Copies the pixels of `rect` from the same place of `source`, which has the same size.
    pub(crate) fn copy_rect(&mut self, source: &Self, rect: Rect) {
        let width = usize::from(rect.width);
        for y in rect.y..rect.y + rect.height {
            let at = self.at(usize::from(rect.x), usize::from(y));
            self.pixels[at..at + width].copy_from_slice(&source.pixels[at..at + width]);
        }
    }

    /// Copies the pixels of `source_rect` of another picture to `rect`, which is as large.
    pub(crate) fn copy_from(&mut self, rect: Rect, source: &Self, source_rect: Rect) {
        let width = usize::from(rect.width);
        for row in 0..usize::from(rect.height) {
            let to = self.at(usize::from(rect.x), usize::from(rect.y) + row);
            let from = source.at(usize::from(source_rect.x), usize::from(source_rect.y) + row);
            self.pixels[to..to + width].copy_from_slice(&source.pixels[from..from + width]);
        }
    }
}

/// Some rows of a picture, for one thread to write. Indices are those of the picture.
pub(crate) struct Rows<'a> {
    pixels: &'a mut [u32],
    /// Index of the first pixel.
    offset: usize,
    stride: usize,
}

impl Rows<'_> {
    /// The rows above row `y` and the others.
    pub(crate) fn split_at(self, y: usize) -> (Self, Self) {
        let Self { pixels, offset, stride } = self;
        let middle = (y + EDGE) * stride;
        let (above, below) = pixels.split_at_mut(middle - offset);
        (Self { pixels: above, offset, stride }, Self { pixels: below, offset: middle, stride })
    }

    /// The `width` pixels from index `at` on.
    #[inline(always)]
    pub(crate) fn span(&mut self, at: usize, width: usize) -> &mut [u32] {
        let at = at - self.offset;
        &mut self.pixels[at..at + width]
    }

    /// Takes the pixels of `rect` from a frame of the picture's size, in `colours`.
    pub(crate) fn take(&mut self, frame: FrameView<'_>, rect: Rect, colours: &Colours) {
        let width = usize::from(rect.width);
        for y in rect.y..rect.y + rect.height {
            let at = (usize::from(y) + EDGE) * self.stride + usize::from(rect.x) + SIDE;
            colours.load_row(frame.span(rect.x, y, rect.width), self.span(at, width));
        }
    }

    /// Copies an area, given by the index of its first pixel, its width and its height, from index
    /// `from` of all pixels of a picture of the same size.
    #[inline(always)]
    pub(crate) fn copy_area(
        &mut self,
        (to, width, height): (usize, usize, usize),
        source: &[u32],
        from: usize,
    ) {
        copy_area(self.pixels, (to - self.offset, width, height), source, from, self.stride);
    }

    /// Pixels from one row to the next.
    pub(crate) const fn stride(&self) -> usize {
        self.stride
    }
}

#[inline(always)]
fn copy_area(
    target: &mut [u32],
    (to, width, height): (usize, usize, usize),
    source: &[u32],
    from: usize,
    stride: usize,
) {
    for row in 0..height {
        let (to, from) = (to + row * stride, from + row * stride);
        let block = target[to..].first_chunk_mut::<BLOCK>();
        match (block, source[from..].first_chunk::<BLOCK>()) {
            // A fixed length is two moves, where a slice's is a call.
            (Some(block), Some(source)) if width == BLOCK => *block = *source,
            _ => target[to..to + width].copy_from_slice(&source[from..from + width]),
        }
    }
}

/// Whether two blocks of `width` by `height` pixels, at most [`BLOCK`] each, at the given indices
/// of pictures of the same size, are equal.
#[inline(always)]
pub(crate) fn blocks_equal(
    (a, a_at): (&Picture, usize),
    (b, b_at): (&Picture, usize),
    width: usize,
    height: usize,
) -> bool {
    if width != BLOCK {
        return (0..height).all(|row| {
            let (i, j) = (a_at + row * a.stride, b_at + row * b.stride);
            a.pixels[i..i + width] == b.pixels[j..j + width]
        });
    }
    (0..height).all(|row| {
        let p = a.pixels[a_at + row * a.stride..].first_chunk::<BLOCK>();
        let q = b.pixels[b_at + row * b.stride..].first_chunk::<BLOCK>();
        // Without a branch for each pixel, nor a call to compare 32 bytes.
        let differing = p.zip(q).map(|(p, q)| p.iter().zip(q).fold(0, |sum, (p, q)| sum | (p ^ q)));
        differing == Some(0)
    })
}
