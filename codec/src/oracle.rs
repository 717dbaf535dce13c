//! What must hold for any input: the oracles of the fuzz targets, replayed by ordinary tests.
//!
//! Each takes arbitrary bytes, makes a scenario of them and panics where a promise of the codec is
//! broken. Hidden from the documentation: for the project's own tests, not for users.

mod state;

pub use state::state_any;

use crate::{
    ColourMode, Decoder, DecoderConfig, EncodeRequest, Encoder, EncoderConfig, Frame, Limits,
    Payloads, Policy, Rect, Region, Size, Status, Track,
};

/// A decoder small enough that a fuzzer's canvases stay cheap.
fn small_decoder() -> Decoder {
    let limits = Limits { max_dimension: 2048, max_pixels: 256 * 1024, max_update_bytes: 1 << 20 };
    let Ok(decoder) = Decoder::new(DecoderConfig { threads: 1, limits }) else {
        panic!("no memory for a decoder");
    };
    decoder
}

/// Applies updates cut from `input` — a byte whose two lowest bits are the track (0 chain, 1 leaf,
/// else video), two bytes of length (lower first), the update, and so on; what is left at the end is
/// cut short — and checks that a refused or postponed update leaves the picture as it was.
///
/// # Panics
/// When a promise is broken.
pub fn decode_any(input: &[u8]) {
    let mut decoder = small_decoder();
    let mut rest = input;
    while let [track, low, high, after @ ..] = rest {
        let length = usize::from(u16::from_le_bytes([*low, *high])).min(after.len());
        let (update, more) = after.split_at(length);
        let track = match track & 3 {
            0 => Track::Chain,
            1 => Track::Leaf,
            _ => Track::Video,
        };
        let before = decoder.view().map(|view| view.to_frame());
        let outcome = decoder.apply(track, update);
        let applied = match outcome {
            Ok(applied) => {
                let changed = !applied.changed.is_empty() || applied.started;
                assert!(applied.status == Status::Applied || !changed, "written before its turn");
                changed
            }
            Err(error) => {
                assert!(error.offset <= update.len(), "{error} lies outside the update");
                false
            }
        };
        if !applied {
            let after = decoder.view().map(|view| view.to_frame());
            assert!(after == before, "a refused update changed the picture");
        }
        assert!(decoder.view().is_none_or(|view| fourth_bytes(view.data()) == 0));
        rest = more;
    }
}

/// Every bit that is set in any pixel's fourth byte. Without a branch: under a fuzzer's
/// instrumentation each one costs more than the work of a whole row.
fn fourth_bytes(pixels: &[u8]) -> u8 {
    pixels.chunks_exact(4).fold(0, |bits, pixel| bits | pixel[3])
}

/// Every bit in which two rows of pixels differ, the fourth bytes of `sent` aside.
fn differing_bits(sent: &[u8], shown: &[u8]) -> u32 {
    let bits = |pixel: &[u8]| u32::from_le_bytes([pixel[0], pixel[1], pixel[2], pixel[3]]);
    sent.chunks_exact(4)
        .zip(shown.chunks_exact(4))
        .fold(0, |all, (sent, shown)| all | ((bits(sent) & 0x00ff_ffff) ^ bits(shown)))
}

/// Reads a scenario's choices from arbitrary bytes; zeroes when they run out.
struct Choices<'a> {
    bytes: std::slice::Iter<'a, u8>,
}

impl Choices<'_> {
    fn is_over(&self) -> bool {
        self.bytes.len() == 0
    }

    fn byte(&mut self) -> u8 {
        self.bytes.next().copied().unwrap_or(0)
    }

    fn below(&mut self, bound: u16) -> u16 {
        let value = u16::from_le_bytes([self.byte(), self.byte()]);
        if bound == 0 { 0 } else { value % bound }
    }

    /// Any size up to 160 pixels a side, so that a few columns and rows of tiles occur.
    fn size(&mut self) -> Size {
        Size::new(self.below(161), self.below(161))
    }

    /// Such a size, or now and then one so large that its start is coded in several lanes.
    fn size_or_large(&mut self) -> Size {
        if self.byte() % 32 == 31 { LARGE } else { self.size() }
    }

    /// A rectangle in a canvas of `size`; may be empty.
    fn rect(&mut self, size: Size) -> Rect {
        let (x, y) = (self.below(size.width), self.below(size.height));
        Rect::new(x, y, self.below(size.width - x + 1), self.below(size.height - y + 1))
    }
}

/// Marsaglia's xorshift with 32 bits.
fn scramble(state: u32) -> u32 {
    let mut x = state | 1;
    x ^= x << 13;
    x ^= x >> 17;
    x ^= x << 5;
    x
}

/// A canvas of as many blocks as two lanes take.
const LARGE: Size = Size::new(512, 512);

/// Changes of the desktop and calls of the codec in one scenario, so that long inputs do not slow a
/// fuzzer down; on a large canvas fewer.
const MAX_STEPS: usize = 48;
const MAX_LARGE_STEPS: usize = 6;

/// Pictures that the desktop showed before, more of them than the codec keeps of each place.
#[derive(Default)]
struct Album {
    pictures: Vec<Frame>,
    oldest: usize,
}

const ALBUM_PICTURES: usize = 5;

impl Album {
    fn add(&mut self, frame: &Frame) {
        if self.pictures.len() < ALBUM_PICTURES {
            self.pictures.push(frame.clone());
            return;
        }
        self.oldest = (self.oldest + 1) % ALBUM_PICTURES;
        self.pictures[self.oldest].clone_from(frame);
    }

    /// One of the pictures, if it has the `size`.
    fn pick(&self, choice: u8, size: Size) -> Option<&Frame> {
        let at = usize::from(choice).checked_rem(self.pictures.len())?;
        self.pictures.get(at).filter(|picture| picture.size() == size)
    }
}

/// One change of the desktop, which showed the pictures of `album` before.
fn draw(frame: &mut Frame, album: &Album, choices: &mut Choices<'_>) -> Rect {
    let rect = choices.rect(frame.size());
    let kind = choices.byte() % 8;
    let colour = [choices.byte(), choices.byte(), choices.byte(), choices.byte()];
    match kind {
        0 => paint(frame, rect, colour, |_, _, _| colour),
        1 => paint(frame, rect, colour, |_, _, noise| noise),
        // A few colours without order.
        2 => paint(frame, rect, colour, |_, _, [a, b, _, x]| [a & 0x42, b & 0x80, colour[2], x]),
        // A gradient with grain: a picture.
        3 => paint(frame, rect, colour, |x, y, [grain, ..]| {
            let slope = (x as u8).wrapping_add(y as u8);
            [slope ^ (grain & 7), slope, colour[2].wrapping_add(slope), 0]
        }),
        // The same blots over and over: text.
        4 => paint(frame, rect, colour, |x, y, _| {
            let ink = u32::from_le_bytes(colour) >> ((x * 3 + y % 11 * 7) % 29) & 1;
            [250 * ink as u8, 250 * ink as u8, colour[0] & 0xf0, 0]
        }),
        // What stands elsewhere: a moved window.
        5 => {
            let now = frame.clone();
            copy(frame, &now, rect, (colour[0] as i8, colour[1] as i8));
        }
        // What stood there or elsewhere before: a window that closed, a page that scrolls back.
        6 => {
            let by = if colour[3] & 1 == 0 { (0, 0) } else { (colour[0] as i8, colour[1] as i8) };
            if let Some(before) = album.pick(colour[2], frame.size()) {
                copy(frame, before, rect, by);
            }
        }
        // Only the byte without meaning.
        _ => {
            for y in rect.y..rect.y + rect.height {
                let row = frame.span_mut(rect.x, y, rect.width);
                row.iter_mut().skip(3).step_by(4).for_each(|byte| *byte ^= colour[0]);
            }
        }
    }
    rect
}

/// Fills `rect` with what `pixel` makes of the place in it and of noise grown from `seed`.
fn paint(
    frame: &mut Frame,
    rect: Rect,
    seed: [u8; 4],
    pixel: impl Fn(usize, usize, [u8; 4]) -> [u8; 4],
) {
    let mut state = u32::from_le_bytes(seed);
    for y in 0..rect.height {
        let row = frame.span_mut(rect.x, rect.y + y, rect.width);
        for (x, out) in row.chunks_exact_mut(4).enumerate() {
            state = scramble(state);
            out.copy_from_slice(&pixel(x, usize::from(y), state.to_le_bytes()));
        }
    }
}

/// Copies what stands in `from` at `rect`, moved by `by` and held inside, to `rect` in `to`.
fn copy(to: &mut Frame, from: &Frame, rect: Rect, by: (i8, i8)) {
    let Size { width, height } = from.size();
    let moved = |at: u16, by: i8, room: u16| at.saturating_add_signed(i16::from(by)).min(room);
    let x = moved(rect.x, by.0, width - rect.width);
    let y = moved(rect.y, by.1, height - rect.height);
    for row in 0..rect.height {
        let source = from.view().span(x, y + row, rect.width);
        to.span_mut(rect.x, rect.y + row, rect.width).copy_from_slice(source);
    }
}

/// Draws, encodes and decodes as `input` says, with lost leaves, tight budgets, resizing,
/// restarts and pauses, and checks that the decoder shows the frame bit by bit: after each
/// unlimited call when the policy is exact, and always after rest.
///
/// # Panics
/// When a promise is broken.
pub fn roundtrip_any(input: &[u8]) {
    let mut choices = Choices { bytes: input.iter() };
    let policy = if choices.byte() & 1 == 0 { Policy::Exact } else { Policy::Live };
    let size = choices.size_or_large();
    let config = EncoderConfig { policy, ..EncoderConfig::default() };
    let Ok(encoder) = Encoder::new(size, config) else { panic!("no memory for an encoder") };
    let mut scene = Scene {
        frame: Frame::black(size),
        album: Album::default(),
        damage: Region::full(size),
        encoder,
        decoder: small_decoder(),
        payloads: Payloads::new(),
        now_us: 0,
    };
    let mut steps = 0;
    while !choices.is_over() && steps < MAX_STEPS {
        steps += if scene.frame.size() == LARGE { MAX_STEPS / MAX_LARGE_STEPS } else { 1 };
        match choices.byte() % 8 {
            0..=2 => {
                let rect = draw(&mut scene.frame, &scene.album, &mut choices);
                scene.damage.add(rect);
            }
            3 => {
                scene.encode(usize::MAX, false);
                assert!(scene.damage.is_empty(), "an unlimited budget left damage");
                if policy == Policy::Exact {
                    scene.assert_equal();
                }
            }
            4 => scene.encode(usize::from(choices.byte()) * 16, false),
            5 => scene.encode(usize::MAX, true),
            6 => scene.now_us += u64::from(choices.byte()) * 2_000,
            _ => match choices.byte() % 5 {
                0 => scene.encoder.restart(),
                1 => scene.encoder.reset_line(),
                2 => scene.encoder.set_colours(match choices.byte() % 3 {
                    0 => ColourMode::Standard,
                    1 => ColourMode::HighColour,
                    _ => ColourMode::Palette,
                }),
                _ => {
                    let size = choices.size_or_large();
                    scene.frame = Frame::black(size);
                    scene.damage = Region::full(size);
                }
            },
        }
    }
    scene.settle();
}

struct Scene {
    frame: Frame,
    /// The frame as of earlier calls of the encoder.
    album: Album,
    damage: Region,
    encoder: Encoder,
    decoder: Decoder,
    payloads: Payloads,
    now_us: u64,
}

impl Scene {
    fn encode(&mut self, budget_bytes: usize, lose_leaves: bool) {
        let request = EncodeRequest { now_us: self.now_us, budget_bytes, pointer: Some((70, 70)) };
        let view = self.frame.view();
        self.encoder.encode(view, &mut self.damage, &request, &mut self.payloads);
        self.album.add(&self.frame);
        for payload in self.payloads.drain() {
            if lose_leaves && payload.track == Track::Leaf {
                self.encoder.leaf_lost(payload.number);
                continue;
            }
            match self.decoder.apply(payload.track, &payload.bytes) {
                Ok(applied) => assert_eq!(applied.status, Status::Applied),
                Err(error) => panic!("the encoder made an invalid update: {error}"),
            }
        }
    }

    fn settle(&mut self) {
        for _ in 0..1_000 {
            self.encode(usize::MAX, false);
            let Some(at_us) = self.encoder.next_refinement_us() else {
                self.assert_equal();
                assert!(self.decoder.is_exact(), "equal but not said to be exact");
                return;
            };
            self.now_us = self.now_us.max(at_us);
        }
        panic!("the encoder does not come to rest");
    }

    fn assert_equal(&self) {
        let Some(view) = self.decoder.view() else { panic!("no picture") };
        assert_eq!(view.size(), self.frame.size());
        let mut expected = Frame::black(self.frame.size());
        self.encoder.quantize(self.frame.view(), &mut expected);
        let shown = view.to_frame();
        if differing_bits(expected.data(), shown.data()) == 0 {
            return;
        }
        for (at, (sent, shown)) in
            expected.data().chunks_exact(4).zip(shown.data().chunks_exact(4)).enumerate()
        {
            assert!(shown == sent, "pixel {at}: {sent:?} as {shown:?}");
        }
    }
}
