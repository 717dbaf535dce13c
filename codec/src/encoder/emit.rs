//! Writes updates and notes what the decoder will hold.

use bytes::BufMut;

use super::Encoder;
use super::config::Report;
use super::grain::is_colourful;
use super::payload::{Payload, Payloads};
use super::tile::{Held, Task};
use crate::bitstream::{
    Kind, MAX_HEADER_BYTES, MAX_PICTURE_HEADER_BYTES, MAX_STREAM_HEADER_BYTES, PictureHeader,
    StreamRanges, Track, UpdateHeader, Writer,
    palette::{self, MAX_PALETTE_BYTES},
};
use crate::chain::{Claim, Line, MAX_LANES, StreamEncoder};
use crate::colour::Colours;
use crate::frame::FrameView;
use crate::geometry::TileIndex;
use crate::parallel::Workers;
use crate::region::Region;
use crate::tools::jpeg::Chroma;

impl Encoder {
    /// Codes the candidates on the chain.
    pub(super) fn emit_chain(
        &mut self,
        frame: FrameView<'_>,
        damage: &mut Region,
        report: &mut Report,
        out: &mut Payloads,
    ) {
        let start = (self.chain == 0).then(|| self.grid.size());
        if self.candidates.is_empty() && start.is_none() {
            return;
        }
        let lanes = self.code_lanes();
        self.number += 1;
        let (number, base) = (self.number, self.chain);
        let reset = std::mem::take(&mut self.is_reset_due);
        let palette = match &self.line.colours {
            Colours::Palette(palette) if self.colour_choice.is_new || reset => Some(palette),
            _ => None,
        };
        let header = UpdateHeader {
            start,
            reset,
            colours: self.line.colours.mode(),
            has_palette: palette.is_some(),
            ..UpdateHeader::new(Kind::Chain, self.epoch, number, base)
        };
        let streams = &self.streams[..lanes];
        let stream_bytes: usize = streams
            .iter()
            .map(|stream| MAX_STREAM_HEADER_BYTES + stream.segments().len() + stream.plain().len())
            .sum();
        let most = MAX_HEADER_BYTES + MAX_PALETTE_BYTES + stream_bytes;
        let bytes = self.buffers.cut(most, |buffer| {
            header.write(buffer);
            if let Some(palette) = palette {
                palette::write(palette, buffer);
            }
            for stream in streams {
                StreamRanges::write(stream.segments(), stream.plain(), buffer);
            }
        });
        let playing = self.video.rect();
        self.originals.note(&self.line, frame, self.grid, &self.candidates, playing);
        self.estimate.learn(self.candidates.iter().map(|item| &item.content), bytes.len());
        let held = |tile: TileIndex| self.tiles[tile.0 as usize].held;
        if self.candidates.iter().all(|item| held(item.tile) == Held::Nothing) {
            self.estimate.learn_new_tiles(self.candidates.len(), bytes.len());
        }
        if self.candidates.iter().all(|item| item.task == Task::Refine) {
            self.refinement.learn(self.candidates.len(), bytes.len());
        }
        for candidate in &self.candidates {
            damage.remove(candidate.tile);
            let content = &candidate.content;
            let is_exact = candidate.claim() == Claim::Exact;
            let key = is_exact.then_some(candidate.look.hash);
            self.directory.note(&self.line, candidate.tile, key);
            let held = if is_exact { Held::Exact } else { Held::Lossy };
            if candidate.around_video.is_some() {
                self.video.show(candidate.tile);
            } else {
                self.video.leave(candidate.tile);
            }
            let state = &mut self.tiles[candidate.tile.0 as usize];
            state.sent(held, 0);
            (state.written, state.written_exactly) = (number, is_exact);
            match held {
                Held::Exact => report.exact_tiles += 1,
                _ => report.coarse_tiles += 1,
            }
            report.refined_tiles += u32::from(candidate.task == Task::Refine);
            report.chain_blocks += content.blocks;
            report.moved_blocks += content.moved;
            report.graphics_blocks += content.graphics;
            report.photo_blocks += content.photo;
        }
        self.directory.settle(&self.line, self.candidates.iter().map(|item| item.tile));
        self.colour_choice.is_new = false;
        self.chain = number;
        report.bytes += bytes.len();
        out.push(Payload { track: Track::Chain, number, begins_video: false, bytes });
    }

    /// Codes the map and the pixels, each lane into its stream, and returns how many there are. A
    /// canvas without tiles has none.
    fn code_lanes(&mut self) -> usize {
        let Self { line, motion, directory, load, streams, workers, grid, candidates, .. } = self;
        if grid.tiles() == 0 {
            return 0;
        }
        let tiles = candidates.iter().map(|item| item.tile);
        line.map.drop_unused_vectors(tiles.clone());
        directory.direct(line, tiles);
        motion.find_replaced(line, workers);
        load.begin(&line.map);
        for candidate in candidates.iter() {
            load.add(&line.map, candidate.tile, &candidate.content);
        }
        load.part(&mut line.map);
        // Where every source equals the frame, the line has its pixels already.
        let is_lossy = candidates.iter().any(|item| !item.content.is_exact());
        let lanes = code_body(line, streams, workers, is_lossy);
        line.commit(workers);
        directory.commit(line, |tile| motion.replaced(tile));
        lanes
    }

    /// Codes the film tiles as pictures on a leaf.
    pub(super) fn emit_film(
        &mut self,
        frame: FrameView<'_>,
        now_us: u64,
        damage: &mut Region,
        report: &mut Report,
        out: &mut Payloads,
    ) {
        if !self.room.pictures {
            self.film.clear();
        }
        if self.film.is_empty() {
            return;
        }
        let best = self.config.motion_quality;
        self.pace.begin(best, self.film.len() as u32, now_us);
        self.plan.plan(&mut self.film);
        let (grid, quality) = (self.grid, self.pace.quality(best));
        self.workers.run(self.plan.jobs_mut(), 1, |job, scratch| {
            let rect = job.block.rect(grid);
            let is_colourful =
                job.block.tiles(grid).any(|tile| is_colourful(frame, grid.rect(tile)));
            let chroma = if is_colourful { Chroma::Full } else { Chroma::Quarter };
            let coded = scratch.jpeg.encode(frame, rect, quality, chroma, &mut job.payload);
            job.is_coded = coded.is_ok();
        });
        let coded = || self.plan.jobs().iter().filter(|job| job.is_coded);
        let pictures = coded().count() as u32;
        if pictures == 0 {
            return;
        }
        self.number += 1;
        let (number, base) = (self.number, self.chain);
        let header = UpdateHeader::new(Kind::Leaf, self.epoch, number, base);
        let payload_bytes: usize =
            coded().map(|job| MAX_PICTURE_HEADER_BYTES + job.payload.len()).sum();
        // The number of pictures comes first, in at most five bytes.
        let bytes = self.buffers.cut(MAX_HEADER_BYTES + 5 + payload_bytes, |buffer| {
            header.write(buffer);
            Writer::new(buffer).number(pictures);
            for job in coded() {
                PictureHeader::write(job.block, job.payload.len(), buffer);
                buffer.put_slice(&job.payload);
            }
        });
        for job in coded() {
            for tile in job.block.tiles(grid) {
                damage.remove(tile);
                self.tiles[tile.0 as usize].sent(Held::Lossy, number);
            }
            report.jpeg_tiles += job.block.len() as u32;
        }
        self.pace.learn_tiles(quality, report.jpeg_tiles, bytes.len());
        report.bytes += bytes.len();
        out.push(Payload { track: Track::Leaf, number, begins_video: false, bytes });
    }
}

/// Codes the body of a chain update from the map and the pixels of `line`, each lane into its
/// stream, and returns how many there are. With `place` blocks that only come near their source
/// take its pixels first.
pub(super) fn code_body<W: Send>(
    line: &mut Line,
    streams: &mut [StreamEncoder; MAX_LANES],
    workers: &Workers<W>,
    place: bool,
) -> usize {
    for stream in streams.iter_mut() {
        stream.clear();
    }
    let [first, ..] = streams;
    line.map.code(first);
    if place {
        let placed = line.place_copies(workers);
        debug_assert!(placed.is_ok(), "the search made an invalid map: {placed:?}");
    }
    let lanes = line.map.lanes();
    let coded = line.code_pixels(&mut streams[..lanes], workers);
    debug_assert!(coded.is_ok(), "the cache was directed wrongly: {coded:?}");
    lanes
}
