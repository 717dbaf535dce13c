//! A desktop, an encoder and a decoder, joined without a network.

#![allow(dead_code, reason = "each test binary uses a part of the desk")]

use tessera_codec::{
    Decoder, DecoderConfig, EncodeRequest, Encoder, EncoderConfig, Frame, Payloads, Rect, Region,
    Report, Size, Status, Track,
};

/// The frame and both ends of the codec.
pub(crate) struct Desk {
    pub(crate) frame: Frame,
    pub(crate) damage: Region,
    pub(crate) encoder: Encoder,
    pub(crate) decoder: Decoder,
    pub(crate) now_us: u64,
    pub(crate) budget_bytes: usize,
    payloads: Payloads,
}

impl Desk {
    pub(crate) fn new(size: Size, config: EncoderConfig) -> Self {
        Self {
            frame: Frame::black(size),
            damage: Region::full(size),
            encoder: Encoder::new(size, config).expect("encoder"),
            decoder: Decoder::new(DecoderConfig { threads: config.threads, ..Default::default() })
                .expect("decoder"),
            now_us: 1_000_000,
            budget_bytes: usize::MAX,
            payloads: Payloads::new(),
        }
    }

    pub(crate) fn resize(&mut self, size: Size) {
        self.frame = Frame::black(size);
        self.damage = Region::full(size);
    }

    pub(crate) fn replace_decoder(&mut self) {
        self.decoder = Decoder::new(DecoderConfig::default()).expect("decoder");
    }

    /// Glyph-like blots of a few colours on plain ground.
    pub(crate) fn draw_text(&mut self, seed: u64) {
        let mut state = seed;
        let width = usize::from(self.frame.size().width).max(1);
        for (at, pixel) in self.frame.data_mut().chunks_exact_mut(4).enumerate() {
            let (x, y) = (at % width, at / width);
            if x % 7 == 0 || y % 16 == 0 {
                state = next(state);
            }
            let ink = state >> (x % 7 + 5 * (y % 9)) & 1 == 1 && y % 16 < 10;
            let shade = if ink { 40 * (state >> 50 & 3) as u8 } else { 250 };
            pixel.copy_from_slice(&[shade, shade, shade.wrapping_add(5), 0]);
        }
        self.damage.fill();
    }

    /// Blots of two colours in a rectangle.
    pub(crate) fn draw_text_in(&mut self, rect: Rect, seed: u64) {
        let mut state = next(seed + 1);
        for y in rect.y..rect.y + rect.height {
            for pixel in self.frame.span_mut(rect.x, y, rect.width).chunks_exact_mut(4) {
                state = next(state);
                let shade = if state >> 61 == 0 { 20 } else { 240 };
                pixel.copy_from_slice(&[shade, shade, shade, 0]);
            }
        }
        self.damage.add(rect);
    }

    /// Asserts that the decoder shows the frame in `rect`, bit by bit.
    pub(crate) fn assert_equal_in(&self, rect: Rect) {
        let view = self.decoder.view().expect("picture");
        for y in rect.y..rect.y + rect.height {
            let sent = self.frame.view().span(rect.x, y, rect.width);
            let shown = view.span(rect.x, y, rect.width);
            for (at, (sent, shown)) in sent.chunks(4).zip(shown.chunks(4)).enumerate() {
                assert_eq!(shown[..3], sent[..3], "pixel {},{y}", usize::from(rect.x) + at);
            }
        }
    }

    /// Smooth colour with noise, as a camera makes it.
    pub(crate) fn draw_photo(&mut self, seed: u64) {
        let size = self.frame.size();
        self.draw_photo_in(0, 0, size.width, size.height, seed);
    }

    /// The same in a rectangle that lies in the frame.
    pub(crate) fn draw_photo_in(&mut self, x: u16, y: u16, width: u16, height: u16, seed: u64) {
        let mut state = seed;
        for row in y..y + height {
            let across = self.frame.span_mut(x, row, width).chunks_exact_mut(4).zip(u64::from(x)..);
            for (pixel, x) in across {
                let y = u64::from(row);
                state = next(state);
                let noise = (state >> 60) as u8;
                let blue = (x * 2 + y + seed * 13) as u8 / 2 + noise;
                let green = (y * 3 / 2 + seed * 29) as u8 / 2 + noise;
                let red = ((x + y) / 2 + seed * 7) as u8 / 2 + (state >> 56 & 7) as u8;
                pixel.copy_from_slice(&[blue, green, red, 0]);
            }
        }
        self.damage.add(Rect::new(x, y, width, height));
    }

    /// The same without the edges between colours, which a video coder spoils.
    pub(crate) fn draw_film_in(&mut self, rect: Rect, seed: u64) {
        let mut state = seed;
        let fold = |at: u64| (at % 256).min(255 - at % 256) as u8;
        for y in rect.y..rect.y + rect.height {
            let row = self.frame.span_mut(rect.x, y, rect.width).chunks_exact_mut(4);
            let y = u64::from(y);
            for (pixel, x) in row.zip(u64::from(rect.x)..) {
                state = next(state);
                let noise = (state >> 60) as u8;
                let blue = fold(x * 2 + y + seed * 13) + noise;
                let green = fold(y * 3 / 2 + seed * 29) + noise;
                let red = fold((x + y) / 2 + seed * 7) + noise;
                pixel.copy_from_slice(&[blue, green, red, 0]);
            }
        }
        self.damage.add(rect);
    }

    /// A smooth slope of colour with the least noise, as a shaded surface has it.
    pub(crate) fn draw_slope(&mut self) {
        let size = self.frame.size();
        let mut state = 9;
        for y in 0..size.height {
            for (pixel, x) in self.frame.span_mut(0, y, size.width).chunks_exact_mut(4).zip(0..) {
                state = next(state);
                let (x, y, grain) = (u32::from(x as u16), u32::from(y), (state >> 60) as u32 & 3);
                let [blue, green, red] = [60 + x / 8, 90 + (x + y) / 9, 140 + y / 7];
                let colour = [blue + grain, green + grain, red + (grain >> 1)];
                for (value, colour) in pixel.iter_mut().zip(colour) {
                    *value = colour as u8;
                }
                pixel[3] = 0;
            }
        }
        self.damage.fill();
    }

    /// Letters with soft edges over what is there, in the colour `ink`: arcs, slanted and upright
    /// strokes of `thickness` pixels. Returns the pixels that they change by
    /// more than the grain of the photographs could hide.
    pub(crate) fn draw_letters(&mut self, ink: [u8; 3], thickness: f32, y: u16) -> Vec<(u16, u16)> {
        let mut drawn = Vec::new();
        for x in 20..self.frame.size().width - 20 {
            for row in y..y + 14 {
                let (u, v) = (f32::from(x % 12) - 5.3, f32::from(row - y) - 6.6);
                let distance = match x / 12 % 4 {
                    0 => (u.hypot(v) - 4.2).abs(),
                    1 => (u - 0.4 * v).abs() * 0.93,
                    2 => u.abs().min((v - 4.0).abs()),
                    _ => (u.hypot(v * 0.8) - 3.5).abs().min((u - 3.6).abs()),
                };
                let cover = (thickness / 2.0 + 0.5 - distance).clamp(0.0, 1.0);
                let pixel = self.frame.span_mut(x, row, 1);
                let before = [pixel[0], pixel[1], pixel[2]];
                for (value, ink) in pixel.iter_mut().zip(ink) {
                    let (under, ink) = (f32::from(*value), f32::from(ink));
                    *value = (under + (ink - under) * cover).round() as u8;
                }
                if before.iter().zip(pixel).any(|(a, b)| a.abs_diff(*b) > 40) {
                    drawn.push((x, row));
                }
            }
        }
        self.damage.fill();
        drawn
    }

    /// Asserts that the decoder shows these pixels exactly.
    pub(crate) fn assert_shown(&self, pixels: &[(u16, u16)]) {
        let view = self.decoder.view().expect("picture");
        for &(x, y) in pixels {
            let (sent, shown) = (self.frame.view(), view);
            assert_eq!(shown.span(x, y, 1)[..3], sent.span(x, y, 1)[..3], "pixel {x},{y}");
        }
    }

    /// Moves everything up by `rows`, and puts a new photograph below.
    pub(crate) fn scroll_up(&mut self, rows: u16, seed: u64) {
        let size = self.frame.size();
        let before = self.frame.clone();
        for y in 0..size.height - rows {
            let from = before.view();
            let row = from.span(0, y + rows, size.width);
            self.frame.span_mut(0, y, size.width).copy_from_slice(row);
        }
        self.draw_photo_in(0, size.height - rows, size.width, rows, seed);
        self.damage.fill();
    }

    /// Plays film in a rectangle, 30 pictures a second, until the encoder has taken it for film.
    pub(crate) fn play_film(&mut self, x: u16, y: u16, width: u16, height: u16) {
        for seed in 0..6 {
            self.now_us += 33_333;
            self.draw_photo_in(x, y, width, height, 11 * seed);
            self.send();
        }
        self.now_us += 33_333;
        self.draw_photo_in(x, y, width, height, 5);
    }

    /// Encodes, and returns the updates without applying them.
    pub(crate) fn record(&mut self) -> Vec<(Track, Vec<u8>)> {
        self.encode();
        self.payloads.drain().map(|payload| (payload.track, payload.bytes.to_vec())).collect()
    }

    fn encode(&mut self) -> Report {
        let request = EncodeRequest {
            now_us: self.now_us,
            budget_bytes: self.budget_bytes,
            pointer: Some((40, 40)),
        };
        let view = self.frame.view();
        self.encoder.encode(view, &mut self.damage, &request, &mut self.payloads)
    }

    /// Encodes, and applies every update.
    pub(crate) fn send(&mut self) -> Report {
        let report = self.encode();
        let mut bytes = 0;
        for payload in self.payloads.drain() {
            bytes += payload.bytes.len();
            let applied = self.decoder.apply(payload.track, &payload.bytes).expect("valid update");
            assert_eq!((applied.status, applied.number), (Status::Applied, payload.number));
        }
        assert_eq!(bytes, report.bytes);
        report
    }

    /// Encodes, applies the chain, and reports every leaf lost.
    pub(crate) fn send_losing_leaves(&mut self) {
        self.encode();
        let mut lost = 0;
        for payload in self.payloads.drain() {
            if payload.track == Track::Leaf {
                self.encoder.leaf_lost(payload.number);
                lost += 1;
            } else {
                self.decoder.apply(payload.track, &payload.bytes).expect("valid update");
            }
        }
        assert!(lost > 0, "nothing was sent on a leaf");
    }

    /// Lets time pass, and encodes whenever the encoder asks for it, until it asks no more.
    pub(crate) fn settle(&mut self) {
        let mut calls = 0;
        while let Some(at_us) = self.encoder.next_refinement_us() {
            self.now_us = self.now_us.max(at_us);
            self.send();
            calls += 1;
            assert!(calls < 10_000, "refinement does not end");
        }
    }

    /// What the decoder shows.
    pub(crate) fn view(&self) -> Frame {
        self.decoder.view().expect("picture").to_frame()
    }

    /// The frame in the colours in which it is sent.
    pub(crate) fn quantized(&self) -> Frame {
        let mut quantized = Frame::black(self.frame.size());
        self.encoder.quantize(self.frame.view(), &mut quantized);
        quantized
    }

    /// Asserts that the decoder shows the frame, bit by bit, and that its fourth bytes are zero.
    pub(crate) fn assert_equal(&self) {
        let view = self.decoder.view().expect("picture");
        assert_eq!(view.size(), self.frame.size());
        // Without a copy, since this is also called where nothing may be allocated.
        for y in 0..view.size().height {
            let width = view.size().width;
            let sent = self.frame.view().span(0, y, width).as_chunks::<4>().0;
            let shown = view.span(0, y, width).as_chunks::<4>().0;
            for (x, (sent, shown)) in sent.iter().zip(shown).enumerate() {
                let sent = [sent[0], sent[1], sent[2], 0];
                assert_eq!(*shown, sent, "pixel {x},{y}");
            }
        }
    }

    /// Peak signal to noise ratio of the decoder's picture over the three colours, in decibels.
    pub(crate) fn psnr_db(&self) -> f64 {
        let view = self.view();
        let pairs = self.frame.data().chunks_exact(4).zip(view.data().chunks_exact(4));
        let squares: f64 = pairs
            .flat_map(|(sent, shown)| sent.iter().zip(shown).take(3))
            .map(|(&sent, &shown)| (f64::from(sent) - f64::from(shown)).powi(2))
            .sum();
        let mean = squares / (3 * self.frame.size().area()) as f64;
        10.0 * (255.0_f64.powi(2) / mean).log10()
    }
}

/// Marsaglia's xorshift with 64 bits.
fn next(state: u64) -> u64 {
    let mut x = state.max(1);
    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    x
}
