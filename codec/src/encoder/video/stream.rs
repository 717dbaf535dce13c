//! The tiles that show the rectangle that plays, and the frames of its stream.

use bytes::BufMut;

use super::Video;
use super::rate::{CodedFrame, Rate};
use crate::bitstream::{
    Kind, MAX_HEADER_BYTES, MAX_PICTURE_BYTES, MAX_VIDEO_HEADER_BYTES, Track, UpdateHeader,
    VideoHeader, tiles_under,
};
use crate::chain::{Claim, Line};
use crate::encoder::grain::Nature;
use crate::encoder::payload::{Payload, Payloads};
use crate::encoder::tile::{Held, Task};
use crate::encoder::{Encoder, Report};
use crate::frame::{BYTES_PER_PIXEL, FrameView};
use crate::geometry::{Rect, Size, TILE};
use crate::region::Region;
use crate::tools::ToolFailed;
use crate::video::{self, FrameKind};

/// The stream of the rectangle that plays, or played last.
#[derive(Default)]
pub(super) struct Stream {
    coder: Option<video::Encoder>,
    /// The frame at hand, coded.
    slice: Vec<u8>,
    number: u32,
    /// Number of the next frame.
    frame: u32,
    /// Whether the next frame must stand alone.
    must_begin: bool,
    /// Number of the update that began the stream.
    began: u32,
    rate: Rate,
    /// Whether nothing is known of the film that plays.
    is_new: bool,
    /// Mean squared errors in RGB: what is lost before the coder, and what the coder has lost of the
    /// frame at hand.
    lost: f32,
    error: f32,
}

/// Frames of which one is compared with its pixels. What is lost before the coder changes slowly.
const LOSS_FRAMES: u32 = 8;

impl Stream {
    pub(super) const fn must_begin(&self) -> bool {
        self.must_begin
    }

    /// Makes the next frame the first of a stream, and of a film.
    pub(super) const fn begin(&mut self) {
        (self.must_begin, self.is_new) = (true, true);
    }

    /// Learns that the update `number` is lost.
    pub(super) const fn lost(&mut self, number: u32) {
        if number >= self.began {
            self.must_begin = true;
        }
    }

    pub(super) const fn set_rate(&mut self, bytes_per_s: Option<u32>) {
        self.rate.target_bytes_per_s = bytes_per_s;
    }

    /// Codes the frame's pixels of `rect` into `slice`, as the next frame of the stream or as the first
    /// of another.
    fn code(&mut self, frame: FrameView<'_>, rect: Rect) -> Result<FrameKind, ToolFailed> {
        let size = Size::new(rect.width, rect.height);
        // A coder that fails is not put back.
        let mut coder = match self.coder.take().filter(|coder| coder.size() == size) {
            Some(coder) => coder,
            None => {
                self.must_begin = true;
                video::Encoder::new(size)?
            }
        };
        let kind = if self.must_begin { FrameKind::Intra } else { FrameKind::Inter };
        if kind == FrameKind::Intra {
            self.number += 1;
            self.frame = 0;
        }
        coder.take(frame, rect)?;
        if self.frame.is_multiple_of(LOSS_FRAMES) || kind == FrameKind::Intra {
            self.lost = coder.loss(frame, rect);
        }
        if self.is_new {
            self.rate.begin(&coder.detail(), self.lost);
            self.is_new = false;
        }
        let quantizer = self.rate.quantizer(kind == FrameKind::Intra);
        self.slice.clear();
        self.error = coder.encode(kind, quantizer, &mut self.slice)?;
        if self.slice.len() > MAX_PICTURE_BYTES {
            return Err(ToolFailed);
        }
        self.coder = Some(coder);
        Ok(kind)
    }

    /// Notes that the slice went as update `number`, of `bytes`.
    fn sent(&mut self, number: u32, bytes: usize, now_us: u64) {
        if self.frame == 0 {
            self.began = number;
        }
        self.must_begin = false;
        self.rate.learn(&CodedFrame {
            is_first: self.frame == 0,
            lost: self.lost,
            quantizing: self.error,
            bytes,
            now_us,
        });
        self.frame += 1;
    }
}

/// Whether the pixels of `rect` in the chain's picture equal the frame's.
fn holds(line: &Line, frame: FrameView<'_>, rect: Rect) -> bool {
    (rect.y..rect.y + rect.height).all(|y| {
        let at = line.previous.at(usize::from(rect.x), usize::from(y));
        let held = &line.previous.pixels()[at..at + usize::from(rect.width)];
        let row = frame.span(rect.x, y, rect.width).as_chunks::<BYTES_PER_PIXEL>().0;
        row.iter()
            .zip(held)
            .fold(0, |sum, (&pixel, held)| sum | (u32::from_le_bytes(pixel) & 0x00ff_ffff) ^ held)
            == 0
    })
}

impl Encoder {
    /// Sets aside, before anything is searched for, the tiles of the video that plays. Those of its
    /// edge around which something has changed stay candidates for that alone.
    pub(in crate::encoder) fn set_video_apart(&mut self, frame: FrameView<'_>, now_us: u64) {
        let Self { candidates, tiles, grid, line, video, .. } = self;
        video.changed.clear();
        video.moves = false;
        let Some(rect) = video.rect else { return };
        let mut around = 0;
        candidates.retain_mut(|item| {
            let whole = grid.rect(item.tile);
            let part = rect.intersect(whole);
            let state = &mut tiles[item.tile.0 as usize];
            let is_film = item.task == Task::Change
                && !part.is_empty()
                && state.held != Held::Nothing
                && Nature::of(frame, part).is_film();
            if !is_film {
                return true;
            }
            state.see_film(now_us);
            video.moved_us = now_us;
            video.moves = true;
            // A leaf, or another video, has shown it approximately.
            let is_by_leaf = state.leaf > 0 && !video.shown.contains(item.tile);
            let is_to_send =
                |part: &Rect| !part.is_empty() && (is_by_leaf || !holds(line, frame, *part));
            if !whole.outside(rect).iter().any(is_to_send) {
                video.shown.insert(item.tile);
                video.changed.insert(item.tile);
                return false;
            }
            // At first the decoder may show another video there.
            let is_known = video.shown.contains(item.tile);
            item.around_video = Some(if is_known { Claim::AroundVideo } else { Claim::Lossy });
            around += 1;
            true
        });
        // Were the rectangle too small, most of its edge would go on changing.
        let side = u32::from(rect.width.min(rect.height)) / u32::from(TILE);
        if around > 1 && around * 2 >= side {
            video.misfits += 1;
        } else if video.moves {
            video.misfits = 0;
        }
    }

    /// Codes a frame of the video, if something of it has changed or a stream has to begin.
    pub(in crate::encoder) fn emit_video(
        &mut self,
        frame: FrameView<'_>,
        now_us: u64,
        damage: &mut Region,
        report: &mut Report,
        out: &mut Payloads,
    ) {
        let Self { video, tiles, grid, buffers, .. } = self;
        let Some(rect) = video.rect.filter(|_| video.moves || video.is_due()) else { return };
        let Ok(kind) = video.stream.code(frame, rect) else {
            // What was set aside is still damage.
            video.release();
            return;
        };
        self.number += 1;
        let (number, base) = (self.number, self.chain);
        let header = UpdateHeader::new(Kind::Video, self.epoch, number, base);
        let Video { stream, shown, changed, .. } = video;
        let place = VideoHeader { stream: stream.number, frame: stream.frame, rect };
        let tile_bytes = tiles_under(rect, *grid).count().div_ceil(8);
        let max_bytes = MAX_HEADER_BYTES + MAX_VIDEO_HEADER_BYTES + tile_bytes + stream.slice.len();
        let bytes = buffers.cut(max_bytes, |buffer| {
            header.write(buffer);
            place.write(*grid, shown, buffer);
            buffer.put_slice(&stream.slice);
        });
        stream.sent(number, bytes.len(), now_us);
        for tile in shown.iter() {
            let state = &mut tiles[tile.0 as usize];
            if changed.contains(tile) {
                damage.remove(tile);
                state.sent(Held::Lossy, number);
            }
            (state.held, state.leaf) = (Held::Lossy, number);
            report.video_tiles += 1;
        }
        report.bytes += bytes.len();
        let begins_video = kind == FrameKind::Intra;
        out.push(Payload { track: Track::Video, number, begins_video, bytes });
    }
}
