//! A test picture that moves: colour bars that scroll, text that is typed, and noise.
//!
//! Three kinds of content that a codec treats differently, on a canvas of any size, the same for
//! the same seed. Frame `n` depends on nothing but the seed, the size and `n`, so two runs can be
//! compared pixel by pixel. The drawing reads no clock; [`PatternSource`] adds the pace.

use std::time::Duration;

use tessera_codec::{BYTES_PER_PIXEL, Frame, Rect, Region, Size};

use crate::pacing::{Pacer, Tick};
use crate::{CaptureError, Monitor, Pace, ScreenSource, SourceEvent, SourceWaker, Wake};

const BAR_WIDTH: u32 = 80;
/// The bars move by this many pixels a frame: not a divisor of a tile, so copies are unaligned.
const BAR_STEP: u32 = 3;
const BARS: [[u8; 3]; 7] = [
    [0xff, 0xff, 0xff],
    [0x00, 0xff, 0xff],
    [0xff, 0xff, 0x00],
    [0x00, 0xff, 0x00],
    [0xff, 0x00, 0xff],
    [0x00, 0x00, 0xff],
    [0xff, 0x00, 0x00],
];
const GLYPH_WIDTH: u16 = 8;
const GLYPH_HEIGHT: u16 = 16;
const PAPER: [u8; 3] = [0xf8, 0xfa, 0xfa];
const INK: [u8; 3] = [0x30, 0x20, 0x18];
const NOISE_SIDE: u16 = 96;

/// The drawing itself: a pure function of seed, size and frame number, drawn step by step.
#[derive(Clone, Debug)]
pub struct Pattern {
    seed: u64,
    number: u64,
    frame: Frame,
}

impl Pattern {
    /// Frame 0 of the pattern with this seed on a canvas of `size`.
    #[must_use]
    pub fn new(size: Size, seed: u64) -> Self {
        let mut pattern = Self { seed, number: 0, frame: Frame::black(size) };
        let text = pattern.text_area();
        fill(&mut pattern.frame, text, PAPER);
        let mut ignored = Region::empty(size);
        pattern.draw(&mut ignored);
        pattern
    }

    /// The picture.
    #[must_use]
    pub const fn frame(&self) -> &Frame {
        &self.frame
    }

    /// Its number, from 0.
    #[must_use]
    pub const fn number(&self) -> u64 {
        self.number
    }

    /// Draws the next frame and adds what it changed to `damage`, which is over the same size.
    pub fn advance(&mut self, damage: &mut Region) {
        self.number += 1;
        self.draw(damage);
    }

    fn draw(&mut self, damage: &mut Region) {
        self.draw_bars(damage);
        self.draw_text(damage);
        self.draw_noise(damage);
    }

    fn bar_area(&self) -> Rect {
        let size = self.frame.size();
        Rect::new(0, 0, size.width, size.height / 4)
    }

    fn text_area(&self) -> Rect {
        let size = self.frame.size();
        let top = size.height / 4;
        Rect::new(0, top, size.width, size.height - top)
    }

    fn draw_bars(&mut self, damage: &mut Region) {
        let area = self.bar_area();
        if area.is_empty() {
            return;
        }
        let period = BAR_WIDTH * BARS.len() as u32;
        let shift = (self.number % u64::from(period)) as u32 * BAR_STEP;
        for x in 0..area.width {
            let at = (u32::from(x) + shift) % period / BAR_WIDTH;
            put(self.frame.span_mut(x, 0, 1), BARS[at as usize]);
        }
        let row_bytes = usize::from(area.width) * BYTES_PER_PIXEL;
        let (first, rest) = self.frame.data_mut().split_at_mut(row_bytes);
        for row in rest.chunks_exact_mut(row_bytes).take(usize::from(area.height) - 1) {
            row.copy_from_slice(first);
        }
        damage.add(area);
    }

    /// Types one glyph; a full page begins again on clean paper.
    fn draw_text(&mut self, damage: &mut Region) {
        let area = self.text_area();
        let columns = u64::from(area.width / GLYPH_WIDTH);
        let lines = u64::from(area.height / GLYPH_HEIGHT);
        let cells = columns * lines;
        if cells == 0 {
            return;
        }
        let cell = self.number % cells;
        if cell == 0 && self.number > 0 {
            fill(&mut self.frame, area, PAPER);
            damage.add(area);
        }
        let rect = Rect::new(
            (cell % columns) as u16 * GLYPH_WIDTH,
            area.y + (cell / columns) as u16 * GLYPH_HEIGHT,
            GLYPH_WIDTH,
            GLYPH_HEIGHT,
        );
        let strokes = mix(self.seed ^ mix(self.number));
        for y in 0..GLYPH_HEIGHT {
            for x in 0..GLYPH_WIDTH {
                // An 8x16 glyph of mirrored random strokes with a margin, like type from afar.
                let inside = (1..7).contains(&x) && (3..13).contains(&y);
                let bit = strokes >> (x.min(7 - x) + (y - y % 2) * 2 % 60) & 1;
                let colour = if inside && bit == 1 { INK } else { PAPER };
                put(self.frame.span_mut(rect.x + x, rect.y + y, 1), colour);
            }
        }
        damage.add(rect);
    }

    /// A square of noise in the bottom right corner: the worst case for every codec.
    fn draw_noise(&mut self, damage: &mut Region) {
        let size = self.frame.size();
        let width = NOISE_SIDE.min(size.width);
        let height = NOISE_SIDE.min(size.height);
        let area = Rect::new(size.width - width, size.height - height, width, height);
        let mut state = mix(self.seed.wrapping_add(self.number));
        for y in area.y..area.y + height {
            for pixel in self.frame.span_mut(area.x, y, width).chunks_exact_mut(BYTES_PER_PIXEL) {
                state = mix(state);
                let [blue, green, red, ..] = state.to_le_bytes();
                put(pixel, [blue, green, red]);
            }
        }
        damage.add(area);
    }
}

/// `SplitMix64`'s step and finaliser (Steele, Lea, Flood 2014).
const fn mix(value: u64) -> u64 {
    let value = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

fn put(pixel: &mut [u8], [blue, green, red]: [u8; 3]) {
    pixel.copy_from_slice(&[blue, green, red, 0]);
}

fn fill(frame: &mut Frame, area: Rect, colour: [u8; 3]) {
    for y in area.y..area.y + area.height {
        for pixel in frame.span_mut(area.x, y, area.width).chunks_exact_mut(BYTES_PER_PIXEL) {
            put(pixel, colour);
        }
    }
}

/// A [`Pattern`] as a screen.
#[derive(Debug)]
pub struct PatternSource {
    pattern: Pattern,
    monitors: [Monitor; 1],
    pacer: Pacer,
    started: bool,
}

impl PatternSource {
    /// A screen of `size` that shows the pattern with `seed`, at `pace`.
    ///
    /// # Errors
    /// [`CaptureError::System`] when the system gives no event queue.
    pub fn new(size: Size, seed: u64, pace: Pace) -> Result<Self, CaptureError> {
        Ok(Self {
            pattern: Pattern::new(size, seed),
            monitors: [Monitor { name: "pattern".into(), rect: size.rect(), primary: true }],
            pacer: Pacer::new(pace)?,
            started: false,
        })
    }

    /// What the screen shows now.
    #[must_use]
    pub const fn pattern(&self) -> &Pattern {
        &self.pattern
    }
}

impl ScreenSource for PatternSource {
    fn size(&self) -> Size {
        self.pattern.frame.size()
    }

    fn monitors(&self) -> &[Monitor] {
        &self.monitors
    }

    fn waker(&self) -> SourceWaker {
        self.pacer.waker()
    }

    fn wait(
        &mut self,
        timeout: Option<Duration>,
        damage: &mut Region,
        _events: &mut Vec<SourceEvent>,
    ) -> Result<Wake, CaptureError> {
        if !self.started || damage.grid().size() != self.size() {
            self.started = true;
            *damage = Region::full(self.size());
            return Ok(Wake::Activity);
        }
        Ok(match self.pacer.wait(timeout, false)? {
            Tick::Due => {
                self.pattern.advance(damage);
                Wake::Activity
            }
            Tick::Woken => Wake::Woken,
            Tick::TimedOut => Wake::TimedOut,
        })
    }

    fn read(&mut self, region: &Region, into: &mut Frame) -> Result<(), CaptureError> {
        copy_region(&self.pattern.frame, region, into)
    }
}

/// Copies the tiles of `region` from a picture in memory.
pub(crate) fn copy_region(
    from: &Frame,
    region: &Region,
    into: &mut Frame,
) -> Result<(), CaptureError> {
    if region.grid().size() != from.size() || into.size() != from.size() {
        return Err(CaptureError::SizeChanged);
    }
    for rect in region.rects() {
        into.copy_rect(from.view(), rect);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZE: Size = Size::new(333, 211);

    #[test]
    fn damage_covers_every_change_and_read_follows_it() {
        let mut source = PatternSource::new(SIZE, 7, Pace::Unpaced).expect("event queue");
        let mut seen = Frame::black(SIZE);
        let mut events = Vec::new();
        let cells = u64::from(SIZE.width / GLYPH_WIDTH * ((SIZE.height - SIZE.height / 4) / 16));
        while source.pattern().number() < cells + 20 {
            let mut damage = Region::empty(SIZE);
            assert_eq!(source.wait(None, &mut damage, &mut events).expect("wait"), Wake::Activity);
            source.read(&damage, &mut seen).expect("read");
            assert!(&seen == source.pattern().frame(), "frame {}", source.pattern().number());
        }
        assert!(events.is_empty());
    }

    #[test]
    fn the_seed_decides_the_picture() {
        let draw = |seed| {
            let mut pattern = Pattern::new(SIZE, seed);
            let mut damage = Region::empty(SIZE);
            (0..9).for_each(|_| pattern.advance(&mut damage));
            pattern
        };
        assert!(draw(1).frame() == draw(1).frame());
        assert!(draw(1).frame() != draw(2).frame());
    }

    #[test]
    fn canvases_too_small_for_a_glyph_are_drawn() {
        for size in [Size::new(1, 1), Size::new(5, 3), Size::new(1, 300)] {
            let mut pattern = Pattern::new(size, 3);
            let mut damage = Region::empty(size);
            pattern.advance(&mut damage);
            assert!(!damage.is_empty());
        }
    }

    #[test]
    fn another_thread_wakes_a_waiting_source() {
        let pace = Pace::Every(Duration::from_secs(3600));
        let mut source = PatternSource::new(SIZE, 1, pace).expect("event queue");
        let mut damage = Region::empty(SIZE);
        let mut events = Vec::new();
        source.wait(None, &mut damage, &mut events).expect("first wait");
        source.wait(None, &mut damage, &mut events).expect("first frame");
        let waker = source.waker();
        let thread = std::thread::spawn(move || waker.wake());
        assert_eq!(source.wait(None, &mut damage, &mut events).expect("wait"), Wake::Woken);
        thread.join().expect("waking thread");
        let soon = Some(Duration::from_millis(1));
        assert_eq!(source.wait(soon, &mut damage, &mut events).expect("wait"), Wake::TimedOut);
    }

    #[test]
    fn a_frame_of_another_size_is_refused() {
        let mut source = PatternSource::new(SIZE, 1, Pace::Unpaced).expect("event queue");
        let mut other = Frame::black(Size::new(10, 10));
        let read = source.read(&Region::full(SIZE), &mut other);
        assert!(matches!(read, Err(CaptureError::SizeChanged)));
    }
}
