//! The pixels of the window: the picture, the edge around it, and a line and the remote pointer over it.
//!
//! A canvas draws into memory that somebody else owns and keeps between two drawings, and tells
//! which parts of it changed. It knows nothing of windows.

use tessera::{BYTES_PER_PIXEL, FrameView, Rect, Size, view};

use super::annotation::Over;
use super::overlay::Overlay;
use super::pointer::Pointer;
use super::viewport::{Scale, Viewport};

/// Colour of the window beside the picture, as 0RGB.
const EDGE: u32 = 0x0020_2020;

/// How a picture is shown, and what over it.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Look<'a> {
    pub(crate) scale: Scale,
    /// The first pixel that is seen of a picture that is larger than the window.
    pub(crate) corner: (u16, u16),
    pub(crate) overlay: Option<&'a Overlay>,
    pub(crate) pointer: Option<&'a Pointer<'a>>,
}

/// Draws pictures and the remote pointer into a window's pixels.
#[derive(Debug, Default)]
pub(crate) struct Canvas {
    window: Size,
    viewport: Option<Viewport>,
    /// What lies under the drawn line, and where; empty while none is drawn.
    below_overlay: Covered,
    /// The same of the drawn pointer, which may lie over the line.
    below_pointer: Covered,
}

#[derive(Debug, Default)]
struct Covered {
    rect: Rect,
    pixels: Vec<u32>,
}

impl Canvas {
    /// Where the picture lies in the window, after the first drawing.
    pub(crate) const fn viewport(&self) -> Option<Viewport> {
        self.viewport
    }

    /// Brings `pixels`, a window of size `window`, up to date with `picture`, in which the tiles of
    /// its `changed` are new, and draws what is `over` it and what `look` has over that. Everything is drawn
    /// anew when another part of the picture is seen than before, or elsewhere. The parts that changed
    /// are added to `damage`.
    ///
    /// `pixels` has one 0RGB word for each pixel of the window and holds what the drawing before
    /// left there; when it does not have that many, nothing is drawn.
    pub(crate) fn draw(
        &mut self,
        pixels: &mut [u32],
        window: Size,
        picture: view::Picture<'_>,
        look: Look<'_>,
        over: &mut Over<'_>,
        damage: &mut Vec<Rect>,
    ) {
        let view::Picture { frame, changed, .. } = picture;
        let viewport = Viewport::new(frame.size(), window, look.scale, look.corner);
        let Some(placed) = viewport.filter(|_| pixels.len() == window.area()) else {
            return;
        };
        if viewport == self.viewport && window == self.window && !over.is_anew() {
            self.below_pointer.restore(pixels, window, damage);
            self.below_overlay.restore(pixels, window, damage);
            if changed.grid().size() == frame.size() {
                let tiles = changed.rects().map(|rect| placed.to_window(rect));
                let parts = tiles.chain(over.changed(placed));
                for part in parts.filter(|part| !part.is_empty()) {
                    draw_part(pixels, window, frame, placed, part);
                    over.paint(pixels, window.width, placed, part);
                    damage.push(part);
                }
            }
        } else {
            self.viewport = viewport;
            self.window = window;
            self.below_overlay.rect = Rect::default();
            self.below_pointer.rect = Rect::default();
            pixels.fill(EDGE);
            draw_part(pixels, window, frame, placed, placed.area());
            over.paint(pixels, window.width, placed, window.rect());
            damage.push(window.rect());
        }
        if let Some(overlay) = look.overlay {
            let rect = overlay.placement(window);
            self.below_overlay.keep(pixels, window, rect, damage);
            for (y, row) in rows_mut(pixels, window, rect).enumerate() {
                overlay.draw(row, y);
            }
        }
        if let Some((pointer, (rect, skip))) =
            look.pointer.and_then(|pointer| Some((pointer, pointer.placement(placed)?)))
        {
            self.below_pointer.keep(pixels, window, rect, damage);
            for (y, row) in rows_mut(pixels, window, rect).enumerate() {
                pointer.blend(row, skip, y);
            }
        }
    }
}

impl Covered {
    /// Puts back what was kept.
    fn restore(&mut self, pixels: &mut [u32], window: Size, damage: &mut Vec<Rect>) {
        let rect = std::mem::take(&mut self.rect);
        if rect.is_empty() {
            return;
        }
        let saved = self.pixels.chunks_exact(usize::from(rect.width));
        for (row, saved) in rows_mut(pixels, window, rect).zip(saved) {
            row.copy_from_slice(saved);
        }
        damage.push(rect);
    }

    /// Keeps what `rect`, which lies in the window, shows before it is covered.
    fn keep(&mut self, pixels: &mut [u32], window: Size, rect: Rect, damage: &mut Vec<Rect>) {
        self.rect = rect;
        self.pixels.clear();
        for row in rows_mut(pixels, window, rect) {
            self.pixels.extend_from_slice(row);
        }
        damage.push(rect);
    }
}

/// The parts in `rect` of the rows of a window.
fn rows_mut(pixels: &mut [u32], window: Size, rect: Rect) -> impl Iterator<Item = &mut [u32]> {
    let columns = usize::from(rect.x)..usize::from(rect.x) + usize::from(rect.width);
    pixels
        .chunks_exact_mut(usize::from(window.width).max(1))
        .skip(usize::from(rect.y))
        .take(usize::from(rect.height))
        .map(move |row| &mut row[columns.clone()])
}

/// Draws what `part`, which lies in the viewport's area, shows of the frame.
fn draw_part(
    pixels: &mut [u32],
    window: Size,
    frame: FrameView<'_>,
    viewport: Viewport,
    part: Rect,
) {
    let (left, top) = (part.x - viewport.area().x, part.y - viewport.area().y);
    let Rect { x: first_x, y: first_y, .. } = viewport.source();
    for (row, y) in rows_mut(pixels, window, part).zip(top..) {
        if viewport.is_one_to_one() {
            let source = frame.span(first_x + left, first_y + y, part.width);
            for (pixel, bgrx) in row.iter_mut().zip(source.chunks_exact(BYTES_PER_PIXEL)) {
                *pixel = word(bgrx);
            }
        } else {
            for (pixel, x) in row.iter_mut().zip(left..) {
                *pixel = mean(frame, viewport.columns(x), viewport.rows(y));
            }
        }
    }
}

/// A pixel as 0RGB.
fn word(bgrx: &[u8]) -> u32 {
    match *bgrx {
        [blue, green, red, ..] => u32::from_le_bytes([blue, green, red, 0]),
        _ => 0,
    }
}

/// The mean of the pixels in `columns` by `rows`, neither of them empty, as 0RGB.
fn mean(frame: FrameView<'_>, columns: (u16, u16), rows: (u16, u16)) -> u32 {
    let mut sums = [0u64; 3];
    for y in rows.0..rows.1 {
        let span = frame.span(columns.0, y, columns.1 - columns.0);
        for bgrx in span.chunks_exact(BYTES_PER_PIXEL) {
            for (sum, &channel) in sums.iter_mut().zip(bgrx) {
                *sum += u64::from(channel);
            }
        }
    }
    let count = u64::from(columns.1 - columns.0) * u64::from(rows.1 - rows.0);
    // A mean of bytes is a byte.
    let [blue, green, red] = sums.map(|sum| ((sum + count / 2) / count) as u8);
    u32::from_le_bytes([blue, green, red, 0])
}
