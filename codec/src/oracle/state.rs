//! Lines with several viewers, over connections that delay, lose, repeat and damage.

use std::collections::{HashMap, VecDeque};
use std::rc::Rc;

use bytes::Bytes;

use super::{Album, Choices, draw, scramble, small_decoder};
use crate::{
    Audience, Checked, ColourMode, Decoder, EncodeRequest, Encoder, EncoderConfig, Frame,
    FrameView, Payloads, Policy, Position, Rect, Region, Rule, Status, TileIndex, Track,
};

/// Most viewers at a time.
const MAX_VIEWERS: usize = 4;

/// First bytes of an update that are not damaged: at least its header, which only a transport that
/// does not keep order would change.
const HEADER_BYTES: usize = 16;

/// Two lines of the same frames with up to four viewers, as `input` says: each viewer is given
/// updates late, is left out of some, loses, repeats and reorders leaves and frames of videos, gets
/// damaged updates, changes lines and comes and goes, while the frames change, the size changes, and lines start anew and
/// change their colours.
///
/// # Panics
/// When a tile that an undamaged viewer calls exact is not as the frame was at the tile's version,
/// when a valid update is refused, or when, after rest, a viewer does not show the frame or was not
/// able to verify it.
pub fn state_any(input: &[u8]) {
    let mut choices = Choices { bytes: input.iter() };
    let mut scene = Scene::new(&mut choices);
    while !choices.is_over() {
        scene.step(&mut choices);
        scene.assert_claims();
    }
    scene.settle();
}

struct Line {
    encoder: Encoder,
    audience: Audience,
    damage: Region,
    /// The frame as it was at each chain update, in the line's colours.
    history: HashMap<Position, Rc<Frame>>,
}

struct Leaf {
    line: usize,
    number: u32,
    bytes: Bytes,
}

/// A frame of a video on its way.
struct VideoFrame {
    line: usize,
    number: u32,
    bytes: Bytes,
}

struct Viewer {
    id: u64,
    line: usize,
    decoder: Decoder,
    chain: VecDeque<Bytes>,
    leaves: Vec<Leaf>,
    frames: VecDeque<VideoFrame>,
    /// Whether it has asked for everything again and waits for it.
    waits: bool,
    /// Whether an update was damaged on its way.
    is_damaged: bool,
}

struct Scene {
    frame: Frame,
    /// The frame as it was before earlier changes.
    album: Album,
    lines: [Line; 2],
    viewers: Vec<Viewer>,
    next_id: u64,
    now_us: u64,
    payloads: Payloads,
}

impl Scene {
    fn new(choices: &mut Choices<'_>) -> Self {
        let policy = if choices.byte() & 1 == 0 { Policy::Exact } else { Policy::Live };
        let size = choices.size();
        let line = |first_epoch| {
            let config = EncoderConfig { policy, first_epoch, ..EncoderConfig::default() };
            let Ok(encoder) = Encoder::new(size, config) else { panic!("no memory") };
            let (audience, damage) = (Audience::new(), Region::full(size));
            Line { encoder, audience, damage, history: HashMap::new() }
        };
        let mut scene = Self {
            frame: Frame::black(size),
            album: Album::default(),
            lines: [line(1), line(1 << 20)],
            viewers: Vec::new(),
            next_id: 0,
            now_us: 1_000_000,
            payloads: Payloads::new(),
        };
        scene.join(0);
        scene
    }

    fn step(&mut self, choices: &mut Choices<'_>) {
        let operation = choices.byte() % 16;
        let line = usize::from(choices.byte() & 1);
        let viewer = usize::from(choices.byte());
        match operation {
            0..=2 => {
                self.album.add(&self.frame);
                let rect = draw(&mut self.frame, &self.album, choices);
                self.lines.iter_mut().for_each(|line| line.damage.add(rect));
            }
            3..=5 => {
                let room = choices.byte();
                let budget = usize::from(choices.byte()) * 32;
                self.encode(line, if budget == 0 { usize::MAX } else { budget }, room);
            }
            6 | 7 => self.receive(viewer, usize::from(choices.byte() % 8)),
            8 => self.handle_leaf(viewer, choices),
            9 => self.heal(viewer, usize::from(choices.byte()) * 64),
            10 => self.now_us += u64::from(choices.byte()) * 4_000,
            11 => self.join(line),
            12 => self.change_line(viewer),
            13 => self.damage_update(viewer, choices),
            14 => match choices.byte() % 8 {
                0 => self.lines[line].encoder.restart(),
                1 => {
                    let size = choices.size();
                    self.frame = Frame::black(size);
                    self.lines.iter_mut().for_each(|line| line.damage = Region::full(size));
                }
                2 | 3 => self.play(line, choices),
                4 | 5 => self.handle_frames(viewer, choices),
                6 => self.lines[line].encoder.set_colours(match choices.byte() % 3 {
                    0 => ColourMode::Standard,
                    1 => ColourMode::HighColour,
                    _ => ColourMode::Palette,
                }),
                _ => self.lines[line].encoder.reset_line(),
            },
            _ => self.leave(viewer),
        }
    }

    fn join(&mut self, line: usize) {
        if self.viewers.len() == MAX_VIEWERS {
            return;
        }
        self.lines[line].audience.join(self.next_id);
        self.viewers.push(Viewer {
            id: self.next_id,
            line,
            decoder: small_decoder(),
            chain: VecDeque::new(),
            leaves: Vec::new(),
            frames: VecDeque::new(),
            waits: false,
            is_damaged: false,
        });
        self.next_id += 1;
    }

    /// The index of an existing viewer.
    fn pick(&self, viewer: usize) -> Option<usize> {
        viewer.checked_rem(self.viewers.len())
    }

    fn leave(&mut self, viewer: usize) {
        let Some(at) = self.pick(viewer) else { return };
        let viewer = self.viewers.swap_remove(at);
        self.lines[viewer.line].audience.leave(viewer.id);
    }

    fn change_line(&mut self, viewer: usize) {
        let Some(at) = self.pick(viewer) else { return };
        let viewer = &mut self.viewers[at];
        self.lines[viewer.line].audience.leave(viewer.id);
        viewer.line = 1 - viewer.line;
        self.lines[viewer.line].audience.join(viewer.id);
    }

    /// Encodes on a line; a bit of `room` is set for a viewer that has none.
    fn encode(&mut self, at: usize, budget_bytes: usize, room: u8) {
        let line = &mut self.lines[at];
        let request = EncodeRequest { now_us: self.now_us, budget_bytes, pointer: Some((70, 70)) };
        line.encoder.encode(self.frame.view(), &mut line.damage, &request, &mut self.payloads);
        if self.payloads.is_empty() {
            return;
        }
        let position = line.encoder.position();
        // Leaves and checks change nothing about what a version stands for.
        let Line { history, encoder, .. } = line;
        history.entry(position).or_insert_with(|| Rc::new(quantized(encoder, &self.frame)));
        let (viewers, payloads) = (&mut self.viewers, &self.payloads);
        let has_room = |id: u64| room >> (id % 8) & 1 == 0;
        line.audience.deliver(position, has_room, |id| {
            let Some(viewer) = viewers.iter_mut().find(|viewer| viewer.id == id) else {
                panic!("an update for nobody");
            };
            for payload in payloads {
                let bytes = payload.bytes.clone();
                match payload.track {
                    Track::Chain => viewer.chain.push_back(bytes),
                    Track::Leaf => {
                        viewer.leaves.push(Leaf { line: at, number: payload.number, bytes });
                    }
                    Track::Video => {
                        let number = payload.number;
                        viewer.frames.push_back(VideoFrame { line: at, number, bytes });
                    }
                }
            }
        });
    }

    fn heal(&mut self, viewer: usize, budget_bytes: usize) {
        let Some(at) = self.pick(viewer) else { return };
        let viewer = &mut self.viewers[at];
        let line = &mut self.lines[viewer.line];
        line.audience.heal(viewer.id, &mut line.encoder, budget_bytes, &mut self.payloads);
        viewer.chain.extend(self.payloads.drain().map(|payload| payload.bytes));
    }

    /// Applies up to `count` updates of the viewer's chain.
    fn receive(&mut self, viewer: usize, count: usize) {
        let Some(at) = self.pick(viewer) else { return };
        for _ in 0..count {
            let viewer = &mut self.viewers[at];
            let Some(update) = viewer.chain.pop_front() else { return };
            let line = &mut self.lines[viewer.line];
            match viewer.decoder.apply(Track::Chain, &update) {
                Ok(applied) => {
                    assert_eq!(applied.status, Status::Applied);
                    let differs = applied.checked == Some(Checked::Differs);
                    assert!(!differs || viewer.is_damaged, "a check fails without damage");
                    if differs {
                        let position = viewer.decoder.position();
                        let hashes = viewer.decoder.hashes().iter().copied();
                        let wrong = line.encoder.find_wrong(position, hashes);
                        line.audience.found_wrong(viewer.id, &wrong);
                    }
                    viewer.waits &= viewer.decoder.is_broken();
                }
                Err(error) => {
                    assert!(viewer.is_damaged, "a valid update is refused: {error}");
                    // What was under way when it broke is no news.
                    if !viewer.waits || error.rule != Rule::ChainBroken {
                        viewer.waits = true;
                        line.audience.lost(viewer.id);
                    }
                }
            }
        }
    }

    fn handle_leaf(&mut self, viewer: usize, choices: &mut Choices<'_>) {
        let Some(at) = self.pick(viewer) else { return };
        let viewer = &mut self.viewers[at];
        let Some(which) = usize::from(choices.byte()).checked_rem(viewer.leaves.len()) else {
            return;
        };
        let fate = choices.byte() % 4;
        if fate == 0 {
            let leaf = viewer.leaves.swap_remove(which);
            self.lines[leaf.line].encoder.leaf_lost(leaf.number);
            return;
        }
        match viewer.decoder.apply(Track::Leaf, &viewer.leaves[which].bytes) {
            Ok(applied) => {
                // Sometimes it comes twice.
                if !matches!(applied.status, Status::AheadOfChain { .. }) && fate != 1 {
                    viewer.leaves.swap_remove(which);
                }
            }
            Err(error) => panic!("a valid leaf is refused: {error}"),
        }
    }

    /// Plays film in most of the picture, at 25 frames a second, while all viewers have room; now and
    /// then in another rectangle.
    fn play(&mut self, line: usize, choices: &mut Choices<'_>) {
        let size = self.frame.size();
        let (left, top) = (choices.byte() % 8, choices.byte() % 4);
        let mut rect = Rect::new(u16::from(left), u16::from(top), size.width, size.height);
        rect = rect.intersect(size.rect());
        if rect.is_empty() {
            return;
        }
        for frame in 0..choices.byte() % 16 {
            draw_film(&mut self.frame, rect, u32::from(choices.byte()) << 8 | u32::from(frame));
            self.lines.iter_mut().for_each(|line| line.damage.add(rect));
            self.now_us += 40_000;
            self.encode(line, usize::MAX, 0);
        }
    }

    /// Applies frames of a viewer's videos, of which some are lost, come twice or too early.
    fn handle_frames(&mut self, viewer: usize, choices: &mut Choices<'_>) {
        let Some(at) = self.pick(viewer) else { return };
        let viewer = &mut self.viewers[at];
        for _ in 0..choices.byte() % 16 {
            let fate = choices.byte() % 8;
            let Some(frame) = viewer.frames.pop_front() else { continue };
            match (fate, viewer.decoder.apply(Track::Video, &frame.bytes)) {
                (_, Err(error)) => panic!("a valid frame is refused: {error}"),
                (0, _) => viewer.frames.push_front(frame),
                (1, _) => viewer.frames.push_back(frame),
                (_, Ok(applied)) if applied.status == Status::Applied => {}
                // It is not kept until its turn comes.
                _ => self.lines[frame.line].encoder.video_lost(frame.number),
            }
        }
    }

    /// Changes a bit of an update on its way to a viewer.
    fn damage_update(&mut self, viewer: usize, choices: &mut Choices<'_>) {
        let (which, place, bit) = (choices.byte(), choices.below(u16::MAX), choices.byte() % 8);
        let Some(at) = self.pick(viewer) else { return };
        let viewer = &mut self.viewers[at];
        let Some(which) = usize::from(which).checked_rem(viewer.chain.len()) else { return };
        let mut update = viewer.chain[which].to_vec();
        let body_bytes = update.len().saturating_sub(HEADER_BYTES);
        if let Some(place) = usize::from(place).checked_rem(body_bytes) {
            update[HEADER_BYTES + place] ^= 1 << bit;
            viewer.chain[which] = update.into();
            viewer.is_damaged = true;
        }
    }

    /// Asserts that what undamaged viewers call exact, or verified, is.
    fn assert_claims(&self) {
        for viewer in self.viewers.iter().filter(|viewer| !viewer.is_damaged) {
            let decoder = &viewer.decoder;
            let (Some(view), Some(exact)) = (decoder.view(), decoder.exact()) else { continue };
            let Position { epoch, .. } = decoder.position();
            for tile in exact.iter().chain(decoder.verified().into_iter().flat_map(Region::iter)) {
                let position = Position { epoch, number: decoder.version(tile) };
                let source = self.lines.iter().find_map(|line| line.history.get(&position));
                let Some(source) = source else { panic!("{tile:?} is of no version") };
                assert_tile(source, view, exact.grid().rect(tile), tile);
            }
        }
    }

    /// Lets everything arrive and come to rest.
    fn settle(&mut self) {
        for _ in 0..300 {
            let mut is_quiet = true;
            for at in 0..self.lines.len() {
                let line = &self.lines[at];
                let due_us = line.encoder.next_refinement_us();
                self.now_us = self.now_us.max(due_us.unwrap_or(0));
                is_quiet &= due_us.is_none() && line.damage.is_empty();
                self.encode(at, usize::MAX, 0);
            }
            for at in 0..self.viewers.len() {
                let viewer = &self.viewers[at];
                is_quiet &= viewer.chain.is_empty();
                is_quiet &= !self.lines[viewer.line].audience.needs_healing(viewer.id);
                self.heal(at, 4_000);
                self.receive(at, usize::MAX);
                let viewer = &mut self.viewers[at];
                // The newest first: order must not matter.
                for leaf in viewer.leaves.drain(..).rev() {
                    if let Err(error) = viewer.decoder.apply(Track::Leaf, &leaf.bytes) {
                        panic!("a valid leaf is refused: {error}");
                    }
                }
                for frame in viewer.frames.drain(..) {
                    if let Err(error) = viewer.decoder.apply(Track::Video, &frame.bytes) {
                        panic!("a valid frame is refused: {error}");
                    }
                }
            }
            if is_quiet {
                self.assert_equal();
                return;
            }
            self.assert_claims();
        }
        panic!("no rest");
    }

    fn assert_equal(&self) {
        for viewer in &self.viewers {
            let Some(view) = viewer.decoder.view() else { panic!("no picture") };
            assert_eq!(view.size(), self.frame.size());
            let encoder = &self.lines[viewer.line].encoder;
            let (grid, wanted) = (encoder.grid(), quantized(encoder, &self.frame));
            for tile in (0..grid.tiles()).map(TileIndex) {
                assert_tile(&wanted, view, grid.rect(tile), tile);
            }
            assert!(viewer.decoder.is_exact(), "equal but not said to be exact");
            assert!(viewer.decoder.is_verified(), "equal but not found to be");
        }
    }
}

/// Draws a picture of a film, with grain, in `rect`.
fn draw_film(frame: &mut Frame, rect: Rect, seed: u32) {
    let mut state = scramble(seed);
    for y in rect.y..rect.y + rect.height {
        for (x, pixel) in frame.span_mut(rect.x, y, rect.width).chunks_exact_mut(4).enumerate() {
            state = scramble(state);
            let slope = (seed % 64) as u8 + (x / 2) as u8 + (y / 4) as u8;
            let [blue, green, red, _] = state.to_le_bytes().map(|byte| byte % 8);
            pixel.copy_from_slice(&[slope + blue, slope / 2 + green, 200 - slope / 2 + red, 0]);
        }
    }
}

/// What `frame` looks like in the colours of an encoder's last update.
fn quantized(encoder: &Encoder, frame: &Frame) -> Frame {
    let mut quantized = Frame::black(frame.size());
    encoder.quantize(frame.view(), &mut quantized);
    quantized
}

fn assert_tile(source: &Frame, view: FrameView<'_>, rect: Rect, tile: TileIndex) {
    for y in rect.y..rect.y + rect.height {
        let sent = source.view().span(rect.x, y, rect.width).chunks_exact(4);
        for (sent, shown) in sent.zip(view.span(rect.x, y, rect.width).chunks_exact(4)) {
            assert!(shown[..3] == sent[..3], "{tile:?}: {sent:?} as {shown:?} in row {y}");
        }
    }
}
