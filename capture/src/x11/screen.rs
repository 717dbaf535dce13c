//! The pixels of the root window.
//!
//! The X server writes rectangles into shared memory, packed one behind the other. From there the
//! pixels are copied once, into the caller's frame. The memory has two halves: while one is copied,
//! the server fills the other, and both stay in a processor's cache however large the screen is.

use std::iter::Peekable;

use tessera_codec::{BYTES_PER_PIXEL, Frame, Rect, Region, Size, TILE};

use super::connection::Display;
use super::image::{HALF_BYTES, Images, Requested};
use crate::{CaptureError, SharedMemoryAbsent};

/// Most requests for one half of the memory, and the number of separate rectangles above which
/// whole bands of tile rows are cheaper: a pipelined request costs about as much as the pixels of
/// seven tiles.
const BATCH: usize = 16;

/// A part of the root window.
#[derive(Debug)]
pub(super) struct Screen {
    size: Size,
    /// Where it begins on the root window.
    origin: (u16, u16),
    images: Images,
}

impl Screen {
    /// Prepares to read `area` of the root window; the second value says why it will be slow.
    pub(super) fn new(
        display: &Display,
        area: Rect,
    ) -> Result<(Self, Option<SharedMemoryAbsent>), CaptureError> {
        let (images, absent) = Images::open(display)?;
        let mut screen = Self { size: Size::default(), origin: (0, 0), images };
        screen.place(area);
        Ok((screen, absent))
    }

    /// Reads `area` of the root window from now on.
    pub(super) const fn place(&mut self, area: Rect) {
        self.size = Size::new(area.width, area.height);
        self.origin = (area.x, area.y);
    }

    /// What is read of the root window.
    pub(super) const fn area(&self) -> Rect {
        Rect::new(self.origin.0, self.origin.1, self.size.width, self.size.height)
    }

    pub(super) const fn size(&self) -> Size {
        self.size
    }

    /// See [`crate::ScreenSource::read`].
    pub(super) fn read(
        &self,
        display: &Display,
        region: &Region,
        into: &mut Frame,
    ) -> Result<(), CaptureError> {
        if region.grid().size() != self.size || into.size() != self.size {
            return Err(CaptureError::SizeChanged);
        }
        if region.rects().nth(BATCH).is_none() {
            self.read_rects(display, region.rects(), region, into)
        } else {
            self.read_rects(display, bands(region), region, into)
        }
    }

    fn read_rects(
        &self,
        display: &Display,
        rects: impl Iterator<Item = Rect>,
        region: &Region,
        into: &mut Frame,
    ) -> Result<(), CaptureError> {
        let mut parts = rects.flat_map(parts).peekable();
        let mut batch = self.request_batch(display, &mut parts, 0)?;
        for half in [1, 0].into_iter().cycle() {
            if batch.iter().all(Option::is_none) {
                break;
            }
            let next = self.request_batch(display, &mut parts, half * HALF_BYTES)?;
            for pending in std::mem::replace(&mut batch, next).into_iter().flatten() {
                self.receive(display, pending, region, into)?;
            }
        }
        Ok(())
    }

    /// Asks for as many of `parts` as one half of the memory takes, the one that begins at `start`.
    fn request_batch<'c>(
        &self,
        display: &'c Display,
        parts: &mut Peekable<impl Iterator<Item = Rect>>,
        start: usize,
    ) -> Result<Batch<'c>, CaptureError> {
        let mut batch = [const { None }; BATCH];
        let mut offset = start;
        for slot in &mut batch {
            let fits = |rect: &Rect| offset + bytes(*rect) <= start + HALF_BYTES;
            let Some(rect) = parts.next_if(fits) else { break };
            // Places on the root window are at most MAX_DIMENSION, which fits i16.
            let at = ((self.origin.0 + rect.x) as i16, (self.origin.1 + rect.y) as i16);
            let size = Size::new(rect.width, rect.height);
            let requested = self.images.request(display, display.root, at, size, offset)?;
            *slot = Some(Pending { rect, requested });
            offset += bytes(rect);
        }
        Ok(batch)
    }

    fn receive(
        &self,
        display: &Display,
        pending: Pending<'_>,
        region: &Region,
        into: &mut Frame,
    ) -> Result<(), CaptureError> {
        let Pending { rect, requested } = pending;
        // A rectangle that was on the screen when it was asked for, and is not any more, is an error
        // that says so.
        let pixels = self.images.receive(display, requested)?;
        for span in spans(region, rect) {
            pixels.copy_to(place_in(rect, span), into.span_mut(span.x, span.y, span.width));
        }
        Ok(())
    }
}

/// What was asked for and has not come yet.
type Batch<'c> = [Option<Pending<'c>>; BATCH];

struct Pending<'c> {
    rect: Rect,
    requested: Requested<'c>,
}

/// Where `span` begins in the packed pixels of `rect`, in bytes.
fn place_in(rect: Rect, span: Rect) -> usize {
    let pixels = usize::from(span.y - rect.y) * usize::from(rect.width);
    (pixels + usize::from(span.x - rect.x)) * BYTES_PER_PIXEL
}

/// Bytes of the pixels of `rect`.
const fn bytes(rect: Rect) -> usize {
    rect.area() * BYTES_PER_PIXEL
}

/// `rect` in parts of whole rows that each fit into a half of the shared memory.
pub(super) fn parts(rect: Rect) -> impl Iterator<Item = Rect> {
    let row_bytes = usize::from(rect.width).max(1) * BYTES_PER_PIXEL;
    let rows = (HALF_BYTES / row_bytes).clamp(1, usize::from(u16::MAX)) as u16;
    let tops = (rect.y..rect.y + rect.height).step_by(usize::from(rows));
    tops.map(move |y| Rect { y, height: rows.min(rect.y + rect.height - y), ..rect })
}

/// The touched rows of tiles as bands that do not overlap, each as wide as the touched tiles in it.
fn bands(region: &Region) -> impl Iterator<Item = Rect> + '_ {
    let mut rects = region.rects().peekable();
    std::iter::from_fn(move || {
        let mut band = rects.next()?;
        // Rectangles come ordered by their top edge, so what does not touch the band is below it.
        while let Some(next) = rects.next_if(|next| u32::from(next.y) <= band.bottom()) {
            band = band.union(next);
        }
        Some(band)
    })
}

/// The pixel rows of those tiles of `rect` that are in `region`, neighbours in one span. `rect`
/// begins and ends at columns where tiles or the canvas do.
fn spans(region: &Region, rect: Rect) -> impl Iterator<Item = Rect> + '_ {
    let grid = region.grid();
    let columns = u32::from(rect.x / TILE)..rect.right().div_ceil(u32::from(TILE));
    (rect.y..).take(usize::from(rect.height)).flat_map(move |y| {
        let mut columns = columns.clone();
        std::iter::from_fn(move || {
            let touched = |&column: &u32| region.contains(grid.index(column, u32::from(y / TILE)));
            let first = columns.find(touched)?;
            let end = columns.find(|column| !touched(column)).unwrap_or(columns.end);
            let x = first as u16 * TILE;
            let right = (end * u32::from(TILE)).min(rect.right());
            Some(Rect::new(x, y, (right - u32::from(x)) as u16, 1))
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZE: Size = Size::new(300, 200);

    fn region(rects: &[Rect]) -> Region {
        let mut region = Region::empty(SIZE);
        rects.iter().for_each(|&rect| region.add(rect));
        region
    }

    #[test]
    fn bands_join_what_shares_or_touches_rows() {
        let region =
            region(&[Rect::new(0, 0, 1, 1), Rect::new(200, 0, 1, 100), Rect::new(130, 130, 1, 1)]);
        assert_eq!(bands(&region).collect::<Vec<_>>(), [Rect::new(0, 0, 256, 192)]);
        let apart = self::region(&[Rect::new(70, 0, 1, 1), Rect::new(299, 199, 1, 1)]);
        assert_eq!(
            bands(&apart).collect::<Vec<_>>(),
            [Rect::new(64, 0, 64, 64), Rect::new(256, 192, 44, 8)]
        );
    }

    #[test]
    fn parts_fit_into_half_the_memory_and_cover_everything() {
        let screen = Rect::new(0, 0, 1920, 1080);
        let parts: Vec<Rect> = parts(screen).collect();
        assert!(parts.len() > 1 && parts.iter().all(|part| bytes(*part) <= HALF_BYTES));
        assert_eq!(parts.iter().map(|part| part.area()).sum::<usize>(), screen.area());
        assert!(parts.windows(2).all(|pair| pair[0].bottom() == u32::from(pair[1].y)));
        let small = Rect::new(64, 128, 64, 64);
        assert_eq!(super::parts(small).collect::<Vec<_>>(), [small]);
    }

    #[test]
    fn spans_cover_exactly_the_region() {
        let region = region(&[Rect::new(0, 70, 70, 1), Rect::new(256, 0, 44, 200)]);
        let mut covered = Frame::black(SIZE);
        for span in spans(&region, SIZE.rect()) {
            covered.span_mut(span.x, span.y, span.width).fill(1);
        }
        let mut expected = Frame::black(SIZE);
        for rect in region.rects() {
            for y in rect.y..rect.y + rect.height {
                expected.span_mut(rect.x, y, rect.width).fill(1);
            }
        }
        assert!(covered == expected);
    }
}
