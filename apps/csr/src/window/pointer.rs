//! The remote pointer, drawn over the picture while the representative only watches.
//!
//! While controlling, the local pointer takes the remote shape instead (see `window`), because it
//! moves without waiting for the network.

use tessera::{CursorShape, Rect, Size};

use super::viewport::Viewport;

/// Bytes of a pixel of a shape: blue, green, red, alpha; colours premultiplied by alpha.
const BYTES_PER_PIXEL: usize = 4;

/// A pointer shape at a place of the picture.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pointer<'a> {
    shape: &'a CursorShape,
    x: u16,
    y: u16,
}

impl<'a> Pointer<'a> {
    /// `shape` with its hot spot at (`x`, `y`) of the picture; `None` when there is nothing to see
    /// or the shape has not as many pixels as it claims.
    pub(crate) fn new(shape: &'a CursorShape, x: u16, y: u16) -> Option<Self> {
        let complete = shape.pixels.len() == shape.size.area() * BYTES_PER_PIXEL;
        (complete && !shape.size.is_empty()).then_some(Self { shape, x, y })
    }

    /// The pixels of the window that the shape covers, and the column and row of the shape at their
    /// top left; `None` when it lies outside the picture. The shape keeps its own size in a scaled
    /// picture.
    pub(crate) fn placement(&self, viewport: Viewport) -> Option<(Rect, (usize, usize))> {
        let area = viewport.area();
        let spot = viewport.to_window(Rect::new(self.x, self.y, 1, 1));
        if spot.is_empty() {
            return None;
        }
        let Size { width, height } = self.shape.size;
        let (x, width, skip_x) =
            clip(spot.x, self.shape.hotspot.0, width, u32::from(area.x), area.right())?;
        let (y, height, skip_y) =
            clip(spot.y, self.shape.hotspot.1, height, u32::from(area.y), area.bottom())?;
        Some((Rect::new(x, y, width, height), (skip_x, skip_y)))
    }

    /// Lays row `y` below the placement's top over `row`, which is as wide as the placement.
    pub(crate) fn blend(&self, row: &mut [u32], skip: (usize, usize), y: usize) {
        let start = (skip.1 + y) * usize::from(self.shape.size.width) + skip.0;
        let pixels = self.shape.pixels.chunks_exact(BYTES_PER_PIXEL).skip(start);
        for (below, above) in row.iter_mut().zip(pixels) {
            *below = over(*below, above);
        }
    }
}

/// The part of `length` pixels with pixel `hotspot` at `at` that lies in `from..to`: its first
/// pixel, its length and how many pixels before it are cut off.
fn clip(at: u16, hotspot: u16, length: u16, from: u32, to: u32) -> Option<(u16, u16, usize)> {
    let start = i64::from(at) - i64::from(hotspot);
    let first = start.max(i64::from(from));
    let end = (start + i64::from(length)).min(i64::from(to));
    let visible = u16::try_from(end - first).ok().filter(|&visible| visible > 0)?;
    Some((u16::try_from(first).ok()?, visible, usize::try_from(first - start).ok()?))
}

/// A premultiplied pixel over an opaque one.
fn over(below: u32, above: &[u8]) -> u32 {
    let [blue, green, red, alpha] = *above else {
        return below;
    };
    let through = 255 - u32::from(alpha);
    let [b, g, r, _] = below.to_le_bytes();
    let mix = |below: u8, above: u8| {
        // A colour above its alpha, which a well-formed shape does not have, saturates.
        (u32::from(above) + (u32::from(below) * through + 127) / 255).min(255) as u8
    };
    u32::from_le_bytes([mix(b, blue), mix(g, green), mix(r, red), 0])
}

#[cfg(test)]
mod tests {
    use super::super::viewport::Scale;
    use super::*;

    fn shape(size: Size, hotspot: (u16, u16), pixel: [u8; 4]) -> CursorShape {
        CursorShape { serial: 1, size, hotspot, pixels: pixel.repeat(size.area()).into() }
    }

    #[test]
    fn a_shape_at_the_edge_is_cut() {
        let shape = shape(Size::new(16, 16), (4, 4), [0, 0, 0, 255]);
        let square = Size::new(100, 100);
        let viewport = Viewport::new(square, square, Scale::Shrink, (0, 0)).expect("not empty");
        let corner = Pointer::new(&shape, 0, 99).and_then(|pointer| pointer.placement(viewport));
        assert_eq!(corner, Some((Rect::new(0, 95, 12, 5), (4, 0))));
    }

    #[test]
    fn alpha_mixes_with_what_lies_below() {
        assert_eq!(over(0x0012_3456, &[0, 0, 0, 0]), 0x0012_3456);
        assert_eq!(over(0x0012_3456, &[1, 2, 3, 255]), 0x0003_0201);
        assert_eq!(over(0x00ff_ffff, &[0, 0, 0, 128]), 0x007f_7f7f);
        assert_eq!(over(0x00ff_ffff, &[255, 255, 255, 0]), 0x00ff_ffff);
    }

    #[test]
    fn a_shape_with_too_few_pixels_is_not_drawn() {
        let mut broken = shape(Size::new(2, 2), (0, 0), [0; 4]);
        broken.pixels = [0u8; 15].as_slice().into();
        assert!(Pointer::new(&broken, 0, 0).is_none());
    }
}
