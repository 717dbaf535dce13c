//! Pictures in memory.
//!
//! A pixel is four bytes: blue, green, red and a byte without meaning ("BGRX", the layout of a
//! 24-bit-depth X11 `ZPixmap` on a little-endian machine). The fourth byte of a live framebuffer is
//! not constant, so whatever compares or hashes pixels masks it.

use crate::geometry::{Rect, Size};

/// Bytes of one pixel.
pub const BYTES_PER_PIXEL: usize = 4;

/// A picture that somebody else owns, read only.
#[derive(Clone, Copy)]
pub struct FrameView<'a> {
    data: &'a [u8],
    size: Size,
    stride_bytes: usize,
}

impl<'a> FrameView<'a> {
    /// A view of `data` as a picture of `size` whose rows start `stride_bytes` apart.
    ///
    /// Returns `None` when a row does not fit its stride or `data` is too short for the last row.
    #[must_use]
    pub fn new(data: &'a [u8], size: Size, stride_bytes: usize) -> Option<Self> {
        let row_bytes = usize::from(size.width) * BYTES_PER_PIXEL;
        let needed = match usize::from(size.height) {
            0 => 0,
            rows => (rows - 1).checked_mul(stride_bytes)?.checked_add(row_bytes)?,
        };
        (stride_bytes >= row_bytes && data.len() >= needed).then_some(Self {
            data,
            size,
            stride_bytes,
        })
    }

    /// Width and height in pixels.
    #[must_use]
    pub const fn size(&self) -> Size {
        self.size
    }

    /// Bytes between the starts of two rows.
    #[must_use]
    pub const fn stride_bytes(&self) -> usize {
        self.stride_bytes
    }

    /// The bytes of the picture, rows [`Self::stride_bytes`] apart.
    #[must_use]
    pub const fn data(&self) -> &'a [u8] {
        self.data
    }

    /// A copy of the picture, rows packed without gaps.
    #[must_use]
    pub fn to_frame(&self) -> Frame {
        let mut frame = Frame::black(self.size);
        frame.copy_rect(*self, self.size.rect());
        frame
    }

    /// The bytes of `width` pixels from (`x`, `y`) to the right.
    ///
    /// # Panics
    /// When the span leaves the picture.
    #[must_use]
    pub fn span(&self, x: u16, y: u16, width: u16) -> &'a [u8] {
        assert!(
            y < self.size.height && u32::from(x) + u32::from(width) <= u32::from(self.size.width)
        );
        let start = usize::from(y) * self.stride_bytes + usize::from(x) * BYTES_PER_PIXEL;
        &self.data[start..start + usize::from(width) * BYTES_PER_PIXEL]
    }
}

impl PartialEq for FrameView<'_> {
    /// Whether both have the same size and the same bytes in every pixel, the fourth too.
    fn eq(&self, other: &Self) -> bool {
        self.size == other.size
            && (0..self.size.height)
                .all(|y| self.span(0, y, self.size.width) == other.span(0, y, self.size.width))
    }
}

impl Eq for FrameView<'_> {}

impl std::fmt::Debug for FrameView<'_> {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("FrameView")
            .field("size", &self.size)
            .field("stride_bytes", &self.stride_bytes)
            .finish_non_exhaustive()
    }
}

/// A picture that owns its pixels, rows packed without gaps.
#[derive(Clone, PartialEq, Eq)]
pub struct Frame {
    data: Vec<u8>,
    size: Size,
}

impl Frame {
    /// A black picture of `size`.
    #[must_use]
    pub fn black(size: Size) -> Self {
        Self { data: vec![0; size.area() * BYTES_PER_PIXEL], size }
    }

    /// Width and height in pixels.
    #[must_use]
    pub const fn size(&self) -> Size {
        self.size
    }

    /// Bytes between the starts of two rows.
    #[must_use]
    pub const fn stride_bytes(&self) -> usize {
        self.size.width as usize * BYTES_PER_PIXEL
    }

    /// The whole picture, read only.
    #[must_use]
    pub fn view(&self) -> FrameView<'_> {
        FrameView { data: &self.data, size: self.size, stride_bytes: self.stride_bytes() }
    }

    /// All bytes, row by row.
    #[must_use]
    pub fn data(&self) -> &[u8] {
        &self.data
    }

    /// All bytes, row by row, for writing.
    pub fn data_mut(&mut self) -> &mut [u8] {
        &mut self.data
    }

    /// The bytes of `width` pixels from (`x`, `y`) to the right, for writing.
    ///
    /// # Panics
    /// When the span leaves the picture.
    pub fn span_mut(&mut self, x: u16, y: u16, width: u16) -> &mut [u8] {
        assert!(
            y < self.size.height && u32::from(x) + u32::from(width) <= u32::from(self.size.width)
        );
        let start = usize::from(y) * self.stride_bytes() + usize::from(x) * BYTES_PER_PIXEL;
        &mut self.data[start..start + usize::from(width) * BYTES_PER_PIXEL]
    }

    /// All rows, for writing.
    pub(crate) fn rows(&mut self) -> FrameRows<'_> {
        FrameRows { size: self.size, first: 0, data: &mut self.data }
    }

    /// Copies the pixels of `rect` from the same place of `source`, which has the same size.
    ///
    /// # Panics
    /// When the sizes differ or `rect` leaves the picture.
    pub fn copy_rect(&mut self, source: FrameView<'_>, rect: Rect) {
        assert!(source.size() == self.size, "pictures of different sizes");
        for y in rect.y..rect.y + rect.height {
            self.span_mut(rect.x, y, rect.width)
                .copy_from_slice(source.span(rect.x, y, rect.width));
        }
    }
}

/// Some rows of a picture, for one thread to write.
pub(crate) struct FrameRows<'a> {
    data: &'a mut [u8],
    size: Size,
    /// Number of the first row.
    first: u16,
}

impl FrameRows<'_> {
    /// The rows above row `y` and the others.
    pub(crate) fn split_at(self, y: u16) -> (Self, Self) {
        let Self { data, size, first } = self;
        let middle = usize::from(y - first) * usize::from(size.width) * BYTES_PER_PIXEL;
        let (above, below) = data.split_at_mut(middle);
        (Self { data: above, size, first }, Self { data: below, size, first: y })
    }

    /// The bytes of `width` pixels from (`x`, `y`) to the right.
    pub(crate) fn span_mut(&mut self, x: u16, y: u16, width: u16) -> &mut [u8] {
        let row = usize::from(y - self.first) * usize::from(self.size.width);
        let start = (row + usize::from(x)) * BYTES_PER_PIXEL;
        &mut self.data[start..start + usize::from(width) * BYTES_PER_PIXEL]
    }
}

impl std::fmt::Debug for Frame {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Frame").field("size", &self.size).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_view_needs_every_byte_of_its_last_row() {
        let size = Size::new(3, 2);
        assert!(FrameView::new(&[0; 28], size, 16).is_some());
        assert!(FrameView::new(&[0; 27], size, 16).is_none());
        assert!(FrameView::new(&[0; 64], size, 11).is_none());
    }

    #[test]
    fn copy_rect_changes_only_the_rectangle() {
        let size = Size::new(4, 4);
        let mut white = Frame::black(size);
        white.data_mut().fill(255);
        let mut frame = Frame::black(size);
        frame.copy_rect(white.view(), Rect::new(1, 2, 2, 1));
        let lit = frame.data().chunks(4).filter(|pixel| pixel[0] == 255).count();
        assert_eq!(lit, 2);
        assert_eq!(frame.view().span(1, 2, 2), [255; 8]);
    }
}
