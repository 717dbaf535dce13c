//! What must hold for any input: the oracles of the fuzz targets, replayed by ordinary tests.
//!
//! Each takes arbitrary bytes, makes a scenario of them and panics where a promise of the codec is
//! broken. Hidden from the documentation: for the project's own tests, not for users.

mod state;

pub use state::state_any;

use crate::{
    Decoder, DecoderConfig, EncodeRequest, Encoder, EncoderConfig, Frame, Limits, Payloads, Policy,
    Rect, Region, Size, Status, Track,
};

/// A decoder small enough that a fuzzer's canvases stay cheap.
fn small_decoder() -> Decoder {
    let limits = Limits { max_dimension: 2048, max_pixels: 256 * 1024, max_update_bytes: 1 << 20 };
    let Ok(decoder) = Decoder::new(DecoderConfig { threads: 1, limits }) else {
        panic!("no memory for a decoder");
    };
    decoder
}

/// Applies updates cut from `input` — a byte whose lowest bit is the track, two bytes of length
/// (lower first), the update, and so on; what is left at the end is cut short — and checks that a
/// refused or postponed update leaves the picture as it was.
///
/// # Panics
/// When a promise is broken.
pub fn decode_any(input: &[u8]) {
    let mut decoder = small_decoder();
    let mut before = Vec::new();
    let mut rest = input;
    while let [track, low, high, after @ ..] = rest {
        let length = usize::from(u16::from_le_bytes([*low, *high])).min(after.len());
        let (update, more) = after.split_at(length);
        let track = if track & 1 == 0 { Track::Chain } else { Track::Leaf };
        before.clear();
        before.extend_from_slice(decoder.view().map_or(&[], |view| view.data()));
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
            let data = decoder.view().map_or(&[] as &[u8], |view| view.data());
            assert!(data == before, "a refused update changed the picture");
        }
        assert!(
            decoder.view().is_none_or(|view| view
                .data()
                .iter()
                .skip(3)
                .step_by(4)
                .all(|&x| x == 0))
        );
        rest = more;
    }
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

    /// Any size up to 300 pixels a side, so that a few columns and rows of tiles occur.
    fn size(&mut self) -> Size {
        Size::new(self.below(301), self.below(301))
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

/// One change of the desktop.
fn draw(frame: &mut Frame, choices: &mut Choices<'_>) -> Rect {
    let rect = choices.rect(frame.size());
    let kind = choices.byte() % 5;
    let colour = [choices.byte(), choices.byte(), choices.byte(), choices.byte()];
    let mut state = u32::from_le_bytes(colour);
    for y in rect.y..rect.y + rect.height {
        for (at, pixel) in frame.span_mut(rect.x, y, rect.width).chunks_exact_mut(4).enumerate() {
            state = scramble(state);
            let noise = state.to_le_bytes();
            let slope = (at as u8).wrapping_add(y as u8);
            match kind {
                0 => pixel.copy_from_slice(&colour),
                1 => pixel.copy_from_slice(&noise),
                // A few colours without order.
                2 => {
                    let [a, b, _, x] = noise;
                    pixel.copy_from_slice(&[a & 0x42, b & 0x80, colour[2], x]);
                }
                // A gradient with grain: a picture.
                3 => {
                    let grain = noise[0] & 7;
                    pixel.copy_from_slice(&[
                        slope ^ grain,
                        slope,
                        colour[2].wrapping_add(slope),
                        0,
                    ]);
                }
                // Only the byte without meaning.
                _ => pixel[3] = noise[3],
            }
        }
    }
    rect
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
    let size = choices.size();
    let config = EncoderConfig { policy, ..EncoderConfig::default() };
    let Ok(encoder) = Encoder::new(size, config) else { panic!("no memory for an encoder") };
    let mut scene = Scene {
        frame: Frame::black(size),
        damage: Region::full(size),
        encoder,
        decoder: small_decoder(),
        payloads: Payloads::new(),
        now_us: 0,
    };
    while !choices.is_over() {
        match choices.byte() % 8 {
            0..=2 => {
                let rect = draw(&mut scene.frame, &mut choices);
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
            _ => match choices.byte() % 4 {
                0 => scene.encoder.restart(),
                1 => scene.encoder.reset_line(),
                _ => {
                    let size = choices.size();
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
        for (at, (sent, shown)) in
            self.frame.data().chunks_exact(4).zip(view.data().chunks_exact(4)).enumerate()
        {
            assert!(shown == [sent[0], sent[1], sent[2], 0], "pixel {at}: {sent:?} as {shown:?}");
        }
    }
}
