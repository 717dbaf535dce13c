//! What a tile tells of a video that may be playing in it.

use crate::chain::Picture;
use crate::encoder::choice::FILM_PAUSE_US;
use crate::frame::{BYTES_PER_PIXEL, FrameView};
use crate::geometry::{Rect, TILE};
use crate::kernels::{self, Vectorized};

/// What a tile tells of a video that may be playing in it.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::encoder) struct Play {
    /// Changes in quick succession to new content that looks filmed, and the time of the last.
    changes: u8,
    at_us: u64,
    /// When it changed to something drawn last; 0 when it never did.
    drawn_us: u64,
    /// The pixels that the latest of them changed, and those of some before.
    areas: [Rect; 2],
    /// Whether `Search::prints` has what the pixels were as of the last change.
    pub(super) is_kept: bool,
}

/// Changes after which the pixels that they changed are forgotten in part: film may have moved on.
const AREA_CHANGES: u8 = 4;

impl Play {
    /// Notes that `area` changed to something filmed.
    pub(super) fn change(&mut self, area: Rect, now_us: u64) {
        if !self.is_recent(now_us) {
            (self.changes, self.areas) = (0, Default::default());
        }
        let [latest, former] = self.areas;
        self.areas = if self.changes.is_multiple_of(AREA_CHANGES) {
            [area, latest]
        } else {
            [latest.union(area), former]
        };
        // Past the largest count it goes on in steps that keep the remainder.
        self.changes = self.changes.checked_add(1).unwrap_or(AREA_CHANGES);
        self.at_us = now_us;
    }

    /// Notes a change to something drawn. Film does not take turns with something else: a page that is
    /// shown between two photographs.
    pub(super) fn change_to_drawn(&mut self, now_us: u64) {
        *self = Self { drawn_us: now_us, ..Self::default() };
    }

    pub(super) const fn changes(&self) -> u8 {
        self.changes
    }

    /// Whether a change to something drawn is part of what goes on at `now_us`.
    pub(super) const fn is_drawn(&self, now_us: u64) -> bool {
        self.drawn_us > 0 && now_us.saturating_sub(self.drawn_us) <= FILM_PAUSE_US
    }

    /// The pixels that the changes of late have changed.
    pub(super) fn area(&self) -> Rect {
        self.areas[0].union(self.areas[1])
    }

    /// Whether the last change is part of what goes on at `now_us`.
    pub(super) const fn is_recent(&self, now_us: u64) -> bool {
        self.changes > 0 && now_us.saturating_sub(self.at_us) <= FILM_PAUSE_US
    }
}

/// The smallest rectangle around the pixels of `rect` that differ from an older source's.
pub(super) struct Differing<'a> {
    pub(super) older: &'a Picture,
    pub(super) frame: FrameView<'a>,
    pub(super) rect: Rect,
}

impl Vectorized for Differing<'_> {
    type Output = Rect;

    #[inline(always)]
    fn run(self) -> Rect {
        let Self { older, frame, rect } = self;
        let mut columns = [0_u8; TILE as usize];
        let mut found: Option<(u16, u16)> = None;
        for y in rect.y..rect.y + rect.height {
            let at = older.at(usize::from(rect.x), usize::from(y));
            let older = &older.pixels()[at..at + usize::from(rect.width)];
            let row = frame.span(rect.x, y, rect.width).as_chunks::<BYTES_PER_PIXEL>().0;
            let mut any = 0;
            for (column, (&pixel, &older)) in columns.iter_mut().zip(row.iter().zip(older)) {
                let differs = u8::from(u32::from_le_bytes(pixel) & 0x00ff_ffff != older);
                *column |= differs;
                any |= differs;
            }
            if any == 1 {
                found = Some((found.map_or(y, |(first, _)| first), y));
            }
        }
        let first = columns.iter().position(|&differs| differs == 1);
        let last = columns.iter().rposition(|&differs| differs == 1);
        match (found, first, last) {
            (Some((top, bottom)), Some(first), Some(last)) => {
                Rect::new(rect.x + first as u16, top, (last - first) as u16 + 1, bottom - top + 1)
            }
            _ => Rect::default(),
        }
    }
}

/// What is remembered of a tile's pixels: enough to tell which of its rows and columns have changed. A
/// change goes unnoticed once in four thousand million times.
#[derive(Clone, Debug)]
pub(super) struct Print {
    rows: [u32; TILE as usize],
    columns: [u32; TILE as usize],
}

/// Odd numbers without a pattern, by which the pixels of a row and of a column are weighted.
const WEIGHTS: [u32; TILE as usize] = {
    let mut weights = [0; TILE as usize];
    let (mut at, mut state) = (0, 0x9e37_79b9_u32);
    while at < weights.len() {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        weights[at] = state | 1;
        at += 1;
    }
    weights
};

impl Print {
    pub(super) const EMPTY: Self = Self { rows: [0; TILE as usize], columns: [0; TILE as usize] };

    /// That of the pixels of `rect`, which is at most a tile large.
    pub(super) fn of(frame: FrameView<'_>, rect: Rect) -> Self {
        kernels::vectorize(PrintOf { frame, rect })
    }

    /// The smallest rectangle around the pixels in which it differs from `older`, both of `rect`.
    pub(super) fn differing(&self, older: &Self, rect: Rect) -> Rect {
        let span = |sums: &[u32], older: &[u32]| {
            let differs = |(sum, older): (&u32, &u32)| sum != older;
            let first = sums.iter().zip(older).position(differs)?;
            let last = sums.iter().zip(older).rposition(differs)?;
            Some((first as u16, (last - first) as u16 + 1))
        };
        let (rows, columns) = (span(&self.rows, &older.rows), span(&self.columns, &older.columns));
        match (columns, rows) {
            (Some((x, width)), Some((y, height))) => {
                Rect::new(rect.x + x, rect.y + y, width, height)
            }
            _ => Rect::default(),
        }
    }
}

struct PrintOf<'a> {
    frame: FrameView<'a>,
    rect: Rect,
}

impl Vectorized for PrintOf<'_> {
    type Output = Print;

    #[inline(always)]
    fn run(self) -> Print {
        let Self { frame, rect } = self;
        let mut print = Print::EMPTY;
        for ((y, sum), down) in (rect.y..rect.y + rect.height).zip(&mut print.rows).zip(WEIGHTS) {
            let row = frame.span(rect.x, y, rect.width).as_chunks::<BYTES_PER_PIXEL>().0;
            for ((&pixel, column), across) in row.iter().zip(&mut print.columns).zip(WEIGHTS) {
                let pixel = u32::from_le_bytes(pixel) & 0x00ff_ffff;
                *sum = sum.wrapping_add(pixel.wrapping_mul(across));
                *column = column.wrapping_add(pixel.wrapping_mul(down));
            }
        }
        print
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::Frame;
    use crate::geometry::Size;

    #[test]
    fn prints_tell_what_has_changed_to_the_pixel() {
        let size = Size::new(150, 90);
        let mut frame = Frame::black(size);
        for (at, byte) in frame.data_mut().iter_mut().enumerate() {
            *byte = (at * 37 % 251) as u8;
        }
        let rect = Rect::new(64, 64, 64, 26);
        let before = Print::of(frame.view(), rect);
        assert!(before.differing(&before, rect).is_empty());
        frame.span_mut(70, 66, 1)[2] ^= 1;
        frame.span_mut(81, 89, 1)[0] ^= 0x80;
        // Outside, and the byte that is no colour.
        frame.span_mut(63, 64, 1)[0] ^= 1;
        frame.span_mut(127, 64, 1)[3] ^= 1;
        let after = Print::of(frame.view(), rect);
        assert_eq!(after.differing(&before, rect), Rect::new(70, 66, 12, 24));
    }

    #[test]
    fn pixels_that_change_places_are_a_change() {
        let size = Size::new(64, 64);
        let mut frame = Frame::black(size);
        frame.span_mut(3, 5, 1)[1] = 9;
        let before = Print::of(frame.view(), size.rect());
        frame.span_mut(3, 5, 1)[1] = 0;
        frame.span_mut(4, 5, 1)[1] = 9;
        let after = Print::of(frame.view(), size.rect());
        assert_eq!(after.differing(&before, size.rect()), Rect::new(3, 5, 2, 1));
    }
}
