//! A line of text over the picture.
//!
//! The font is GNU Unifont, whose dots need no font of the system.

use tessera::{Rect, Size};

/// Rows of dots of a character.
const ROWS: u16 = 16;

/// Pixels between the text and the plate's edge, and between the plate and the window's.
const MARGIN: u16 = 6;

/// Most characters; what is longer is cut.
const MAX_CHARS: usize = 160;

/// White on dark, as 0RGB.
const INK: u32 = 0x00ff_ffff;
const PLATE: u32 = 0x0018_1818;

/// A drawn line.
#[derive(Debug, Default)]
pub(crate) struct Overlay {
    text: String,
    size: Size,
    pixels: Vec<u32>,
}

impl Overlay {
    /// The text that is drawn.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// Draws `text`.
    pub(crate) fn new(text: String) -> Self {
        let glyphs: Vec<_> = text
            .chars()
            .take(MAX_CHARS)
            .filter_map(|character| {
                unifont::get_glyph(character).or_else(|| unifont::get_glyph('\u{fffd}'))
            })
            .collect();
        let dots: usize = glyphs.iter().map(|glyph| glyph.get_width()).sum();
        // At most 160 characters of 16 dots.
        let size = Size::new(dots as u16 + 2 * MARGIN, ROWS + 2 * MARGIN);
        let mut pixels = vec![PLATE; size.area()];
        let rows = pixels.chunks_exact_mut(usize::from(size.width)).skip(MARGIN.into());
        for (y, row) in rows.take(ROWS.into()).enumerate() {
            let columns = glyphs
                .iter()
                .flat_map(|glyph| (0..glyph.get_width()).map(move |x| glyph.get_pixel(x, y)));
            for (pixel, lit) in row.iter_mut().skip(MARGIN.into()).zip(columns) {
                if lit {
                    *pixel = INK;
                }
            }
        }
        Self { text, size, pixels }
    }

    /// The pixels of a window that it covers: the lower left corner.
    pub(crate) fn placement(&self, window: Size) -> Rect {
        let width = self.size.width.min(window.width.saturating_sub(2 * MARGIN));
        let height = self.size.height.min(window.height.saturating_sub(2 * MARGIN));
        if width == 0 || height == 0 {
            return Rect::default();
        }
        Rect::new(MARGIN, window.height - MARGIN - height, width, height)
    }

    /// Lays row `y` over `row`, the part of a window's row that it covers.
    pub(crate) fn draw(&self, row: &mut [u32], y: usize) {
        let line = self.pixels.chunks_exact(usize::from(self.size.width).max(1)).nth(y);
        if let Some(line) = line {
            let count = row.len().min(line.len());
            row[..count].copy_from_slice(&line[..count]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_as_wide_as_its_characters_and_cut_to_the_window() {
        let line = Overlay::new("l1\u{d55c}".to_owned());
        assert_eq!(line.size, Size::new(8 + 8 + 16 + 12, 28));
        assert!(line.pixels.contains(&INK) && line.pixels[0] == PLATE);
        assert_eq!(line.placement(Size::new(100, 100)), Rect::new(6, 66, 44, 28));
        assert_eq!(line.placement(Size::new(40, 20)), Rect::new(6, 6, 28, 8));
        assert!(line.placement(Size::new(12, 100)).is_empty());
        let mut row = [0; 28];
        line.draw(&mut row, 27);
        assert_eq!(row, [PLATE; 28]);
        assert_eq!(Overlay::new("m".repeat(1000)).size.width, 160 * 8 + 12);
    }
}
