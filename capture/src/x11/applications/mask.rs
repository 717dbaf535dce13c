//! Which pixels of a window must not be shown.

use tessera_codec::{Rect, Size};

/// A set of pixels of a window, empty most of the time and then without any cost.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Mask {
    size: Size,
    /// A bit for each pixel, rows begin at a word; empty when no bit is set.
    words: Vec<u64>,
    /// Bits that are set.
    count: usize,
}

impl Mask {
    /// A set over a window of `size`, with no pixel in it.
    pub(super) const fn none(size: Size) -> Self {
        Self { size, words: Vec::new(), count: 0 }
    }

    /// A set with every pixel in it.
    pub(super) fn all(size: Size) -> Self {
        let mut mask = Self::none(size);
        mask.insert(size.rect());
        mask
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.count == 0
    }

    pub(super) fn contains(&self, x: u16, y: u16) -> bool {
        let at = usize::from(y) * self.stride() + usize::from(x) / 64;
        self.words.get(at).is_some_and(|word| word >> (x % 64) & 1 == 1)
    }

    /// Adds the pixels of `rect` that lie in the window.
    pub(super) fn insert(&mut self, rect: Rect) {
        let rect = rect.intersect(self.size.rect());
        if rect.is_empty() {
            return;
        }
        if self.words.is_empty() {
            self.words = vec![0; self.stride() * usize::from(self.size.height)];
        }
        self.change(rect, |word, bits| word | bits);
    }

    /// Takes the pixels of `rect` out.
    pub(super) fn remove(&mut self, rect: Rect) {
        let rect = rect.intersect(self.size.rect());
        if !rect.is_empty() && !self.words.is_empty() {
            self.change(rect, |word, bits| word & !bits);
        }
        if self.count == 0 {
            self.words = Vec::new();
        }
    }

    fn stride(&self) -> usize {
        usize::from(self.size.width).div_ceil(64)
    }

    fn change(&mut self, rect: Rect, change: impl Fn(u64, u64) -> u64) {
        let (left, right) = (usize::from(rect.x), usize::from(rect.x) + usize::from(rect.width));
        let stride = self.stride();
        let rows = self.words.chunks_exact_mut(stride);
        for row in rows.skip(usize::from(rect.y)).take(usize::from(rect.height)) {
            for (at, word) in row.iter_mut().enumerate().take(right.div_ceil(64)).skip(left / 64) {
                let from = left.saturating_sub(at * 64).min(64);
                let to = (right - at * 64).min(64);
                let bits = below(to) & !below(from);
                let changed = change(*word, bits);
                self.count =
                    self.count + changed.count_ones() as usize - word.count_ones() as usize;
                *word = changed;
            }
        }
    }
}

/// The lowest `count` bits of a word.
const fn below(count: usize) -> u64 {
    if count >= 64 { u64::MAX } else { (1 << count) - 1 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pixels_come_and_go_one_by_one_and_across_words() {
        let size = Size::new(200, 5);
        let mut mask = Mask::none(size);
        mask.insert(Rect::new(60, 1, 80, 2));
        mask.insert(Rect::new(199, 4, 50, 50));
        mask.remove(Rect::new(63, 0, 2, 2));
        for y in 0..5 {
            for x in 0..200 {
                let inside = (60..140).contains(&x) && (1..3).contains(&y);
                let taken = (63..65).contains(&x) && y < 2;
                let expected = inside && !taken || (x, y) == (199, 4);
                assert_eq!(mask.contains(x, y), expected, "{x}, {y}");
            }
        }
        assert_eq!(mask.count, 160 - 2 + 1);
        mask.remove(size.rect());
        assert_eq!(mask, Mask::none(size));
        assert_eq!(Mask::all(size).count, 1000);
        assert!(!Mask::all(size).contains(0, 5));
    }
}
