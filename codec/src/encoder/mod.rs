//! The encoder: from frames and damage to updates.
//!
//! One call goes through these steps: *scan* (hash each damaged tile, compare it with what was
//! sent, and classify what changed), *plan* (group tiles of a class into slices), *code* (slices
//! in parallel, until the budget is spent), *emit* (one chain and one leaf update), and the same
//! once more for *refinement* of pictures that have come to rest. Time is an argument; there is
//! no clock here, and no thread but those of the worker pool.

mod classify;
mod config;
mod payload;
mod plan;
mod tile;

use bytes::BufMut;

use self::classify::{Class, classify};
pub use self::config::{EncodeRequest, EncoderConfig, Policy, Report};
use self::payload::BufferPool;
pub use self::payload::{Payload, Payloads};
use self::plan::{JobState, Plan, SliceJob, distance};
use self::tile::{Held, Scan, ScanMode, TileState};
use crate::bitstream::{
    MAX_HEADER_BYTES, MAX_SLICE_HEADER_BYTES, SliceHeader, Tool, Track, UpdateHeader,
};
use crate::frame::FrameView;
use crate::geometry::{Size, TileGrid, TileIndex};
use crate::hash::gather;
use crate::kernels;
use crate::parallel::{SetupError, Workers};
use crate::region::Region;
use crate::tools::jpeg::Chroma;
use crate::tools::{EncodeScratch, ToolFailed, copy, lossless, palette, solid};

/// Tiles that one thread scans at a time; fewer than two such groups are scanned on the caller's
/// thread, where they take less time than waking another (about 5 µs a tile).
const SCAN_GRAIN: usize = 16;

/// Tiles below which slices are coded on the caller's thread.
const PARALLEL_TILES: usize = 16;

/// Most tiles refined in one call: some 4 ms of work, which new damage may have to wait for.
const REFINE_TILES: usize = 32;

/// Pictures are sent exact at once when no more than this many change together and each had
/// stood still for [`ISOLATED_US`]: refining them later would send them twice.
const ISOLATED_TILES: usize = 6;
const ISOLATED_US: u64 = 500_000;

/// First guess at the bytes of a tile, by tool number; measured sizes replace it.
const FIRST_TILE_BYTES: [usize; 5] = [3, 1_000, 8_000, 1_000, 4];

/// Numbers left unused at the end of an epoch, more than one call can take.
const NUMBER_RESERVE: u32 = 16;

/// Turns frames into updates. See the module documentation for the steps.
pub struct Encoder {
    config: EncoderConfig,
    workers: Workers<EncodeScratch>,
    grid: TileGrid,
    tiles: Vec<TileState>,
    /// Tiles to send although nobody reported damage: after a restart or a lost leaf.
    stale: Region,
    epoch: u32,
    /// Number of the last update, and of the last one on the chain, in this epoch.
    number: u32,
    chain: u32,
    buffers: BufferPool,
    scans: Vec<Scan>,
    pictures: Region,
    plan: Plan,
    /// Running mean of the bytes of a coded tile, by tool number.
    tile_bytes: [usize; 5],
}

impl Encoder {
    /// An encoder for frames of `size`; its first update starts the stream.
    ///
    /// # Errors
    /// When threads or compression contexts cannot be made.
    pub fn new(size: Size, config: EncoderConfig) -> Result<Self, SetupError> {
        let mut encoder = Self {
            config,
            workers: Workers::new(config.threads, EncodeScratch::new)?,
            grid: TileGrid::new(Size::default()),
            tiles: Vec::new(),
            stale: Region::empty(Size::default()),
            epoch: 0,
            number: 0,
            chain: 0,
            buffers: BufferPool::new(),
            scans: Vec::new(),
            pictures: Region::empty(Size::default()),
            plan: Plan::default(),
            tile_bytes: FIRST_TILE_BYTES,
        };
        encoder.start(size);
        Ok(encoder)
    }

    /// Makes the next update self-contained: it starts an epoch, and every tile is sent again.
    pub fn restart(&mut self) {
        self.start(self.grid.size());
    }

    fn start(&mut self, size: Size) {
        self.grid = TileGrid::new(size);
        self.epoch += 1;
        (self.number, self.chain) = (0, 0);
        self.tiles.clear();
        self.tiles.resize(self.grid.tiles() as usize, TileState::default());
        self.stale = Region::full(size);
        self.pictures = Region::empty(size);
    }

    /// Tells that the leaf update `number` of the present epoch will not arrive: its tiles are
    /// sent again by the next call of [`Self::encode`], where nothing newer was sent since.
    pub fn leaf_lost(&mut self, number: u32) {
        for (at, tile) in self.tiles.iter_mut().enumerate() {
            if tile.leaf == number && number > 0 {
                (tile.held, tile.leaf) = (Held::Nothing, 0);
                self.stale.insert(TileIndex(at as u32));
            }
        }
    }

    /// When [`Self::encode`] should be called again although nothing is damaged, on the clock of
    /// [`EncodeRequest::now_us`]; a time that has passed means at once, `None` means never.
    #[must_use]
    pub fn next_refinement_us(&self) -> Option<u64> {
        if !self.stale.is_empty() || self.chain == 0 {
            return Some(0);
        }
        let lossy = self.tiles.iter().filter(|tile| tile.held == Held::Lossy);
        lossy.map(|tile| tile.changed_us.saturating_add(self.config.rest_us)).min()
    }

    /// Codes what changed of the tiles in `damage`, and refines pictures at rest, into `out`.
    ///
    /// `frame` is the whole picture, up to date at least where `damage` says. Tiles that were coded
    /// or found unchanged leave `damage`; those that the budget left, and those that the encoder
    /// itself wants sent again, are in it afterwards. A frame of another size starts an epoch, and
    /// `damage` becomes the set over that size. Updates in `out` must be sent in their order; an
    /// update on the chain must not be left out.
    pub fn encode(
        &mut self,
        frame: FrameView<'_>,
        damage: &mut Region,
        request: &EncodeRequest,
        out: &mut Payloads,
    ) -> Report {
        out.clear();
        let mut report = Report::default();
        if frame.size() != self.grid.size() {
            self.start(frame.size());
        } else if self.number > u32::MAX - NUMBER_RESERVE {
            self.restart();
        }
        if damage.grid() != self.grid {
            *damage = Region::full(self.grid.size());
        }
        damage.merge(&self.stale);
        self.stale.clear();

        self.scans.clear();
        self.scans.extend(damage.iter().map(Scan::of));
        self.scan(frame, ScanMode::Changed { lossy: self.config.policy == Policy::Live });
        self.plan_damage(damage, request, &mut report);
        let spent = self.code(frame, request.budget_bytes);
        self.emit(Track::Chain, damage, &mut report, out);
        self.emit(Track::Leaf, damage, &mut report, out);

        if self.config.policy == Policy::Live {
            self.refine(frame, damage, request, spent, &mut report, out);
        }
        report.waiting_tiles = damage.len() as u32;
        report
    }

    /// Hashes the tiles in `scans` and classifies those that are to be coded.
    fn scan(&mut self, frame: FrameView<'_>, mode: ScanMode) {
        let parallel = self.scans.len() > 2 * SCAN_GRAIN;
        let (grid, states) = (self.grid, &self.tiles);
        self.workers.run(&mut self.scans, SCAN_GRAIN, parallel, |scan, scratch| {
            let rect = grid.rect(scan.tile);
            scan.hash = kernels::hash_tile(frame, rect, &mut scratch.tile);
            let state = &states[scan.tile.0 as usize];
            scan.changed = state.held == Held::Nothing || state.hash != scan.hash;
            let (wanted, lossy) = match mode {
                ScanMode::Changed { lossy } => (scan.changed, lossy),
                ScanMode::Refine => (!scan.changed, false),
            };
            if wanted {
                let pixels = gather(frame, rect, &mut scratch.tile);
                let width = usize::from(rect.width);
                scan.class = Some(classify(pixels, width, lossy, &mut scratch.colours));
            }
        });
    }

    /// Plans slices for what the scan found changed; unchanged tiles leave `damage`.
    fn plan_damage(&mut self, damage: &mut Region, request: &EncodeRequest, report: &mut Report) {
        let now_us = request.now_us;
        self.pictures.clear();
        let mut isolated = true;
        for scan in &self.scans {
            let state = &mut self.tiles[scan.tile.0 as usize];
            if !scan.changed {
                damage.remove(scan.tile);
                report.unchanged_tiles += 1;
            } else if scan.class == Some(Class::Picture) {
                self.pictures.insert(scan.tile);
                isolated &= state.held != Held::Nothing
                    && now_us.saturating_sub(state.changed_us) >= ISOLATED_US;
            }
            if scan.changed && (state.held == Held::Nothing || state.seen != scan.hash) {
                state.changed_us = now_us;
            }
            state.seen = scan.hash;
        }
        let isolated = isolated && self.pictures.len() <= ISOLATED_TILES;
        if isolated {
            self.pictures.clear();
        }

        self.plan.clear();
        let limit = |tool: Tool| request.budget_bytes / self.tile_bytes[tool as usize].max(1);
        let exact = [
            (Tool::Solid, Class::Solid),
            (Tool::Palette, Class::Graphics),
            (Tool::Lossless, Class::TrueColour),
        ];
        for (tool, class) in exact {
            let of_class = |scan: &&Scan| {
                scan.changed
                    && (scan.class == Some(class)
                        || isolated
                            && scan.class == Some(Class::Picture)
                            && class == Class::TrueColour)
            };
            let tiles = self.scans.iter().filter(of_class).map(|scan| scan.tile);
            self.plan.add_lists(tool, Track::Chain, tiles, limit(tool));
        }
        self.plan.add_blocks(&mut self.pictures, limit(Tool::Jpeg));
        if let Some(pointer) = request.pointer {
            self.plan.nearest_first(self.grid, pointer);
        }
    }

    /// Codes planned slices until `budget_bytes` are spent, and returns how many were.
    fn code(&mut self, frame: FrameView<'_>, budget_bytes: usize) -> usize {
        let Self { config, workers, grid, plan, tile_bytes, .. } = self;
        let (grid, quality) = (*grid, config.motion_quality);
        let jobs = plan.jobs_mut();
        let (mut spent, mut next) = (0_usize, 0);
        while next < jobs.len() && (next == 0 || spent < budget_bytes) {
            // As many slices as the budget holds by estimate: a wide budget takes all at once.
            let (mut expected, mut tiles, start) = (spent, 0, next);
            while next < jobs.len() && (next == start || expected < budget_bytes) {
                let job = &jobs[next];
                expected += tile_bytes[job.tool as usize] * job.tiles.len();
                tiles += if job.tool == Tool::Solid { 0 } else { job.tiles.len() };
                next += 1;
            }
            let wave = &mut jobs[start..next];
            workers.run(wave, 1, tiles > PARALLEL_TILES, |job, scratch| {
                job.state = match code_slice(job, frame, grid, quality, scratch) {
                    Ok(()) => JobState::Coded,
                    Err(ToolFailed) => JobState::Failed,
                };
            });
            for job in wave.iter().filter(|job| job.state == JobState::Coded) {
                spent += job.payload.len() + job.tiles.len();
                let mean = &mut tile_bytes[job.tool as usize];
                *mean = (*mean * 3 + job.payload.len() / job.tiles.len().max(1)) / 4;
            }
        }
        spent
    }

    /// Cuts one update out of the coded slices of `track`, and notes what the decoder will hold.
    fn emit(&mut self, track: Track, damage: &mut Region, report: &mut Report, out: &mut Payloads) {
        let jobs = self.plan.jobs();
        let coded = || jobs.iter().filter(|job| job.track == track && job.state == JobState::Coded);
        let start = (track == Track::Chain && self.chain == 0).then(|| self.grid.size());
        let slices = coded().count() as u32;
        if slices == 0 && start.is_none() {
            return;
        }
        self.number += 1;
        let (number, base) = (self.number, self.chain);
        let header = UpdateHeader { track, epoch: self.epoch, number, base, start, slices };
        let max_bytes = MAX_HEADER_BYTES
            + coded().map(|job| MAX_SLICE_HEADER_BYTES + job.payload.len()).sum::<usize>();
        let grid = self.grid;
        let bytes = self.buffers.cut(max_bytes, |buffer| {
            header.write(buffer);
            for job in coded() {
                SliceHeader::write(job.tool, &job.tiles, grid, job.payload.len(), buffer);
                buffer.put_slice(&job.payload);
            }
        });
        for job in coded() {
            for &tile in job.tiles.iter() {
                damage.remove(tile);
                let state = &mut self.tiles[tile.0 as usize];
                let became_exact =
                    job.tool.is_exact() && state.held == Held::Lossy && state.hash == state.seen;
                report.refined_tiles += u32::from(became_exact);
                state.hash = state.seen;
                state.held = if job.tool.is_exact() { Held::Exact } else { Held::Lossy };
                state.leaf = if track == Track::Leaf { number } else { 0 };
            }
            let count = match job.tool {
                Tool::Solid => &mut report.solid_tiles,
                Tool::Palette => &mut report.palette_tiles,
                Tool::Lossless => &mut report.lossless_tiles,
                Tool::Jpeg => &mut report.jpeg_tiles,
                Tool::Copy => &mut report.copied_tiles,
            };
            *count += job.tiles.len() as u32;
        }
        if track == Track::Chain {
            self.chain = number;
        }
        report.bytes += bytes.len();
        out.push(Payload { track, number, bytes });
    }

    /// Sends pictures that have come to rest once more, exactly, with what `spent` left of the
    /// budget.
    fn refine(
        &mut self,
        frame: FrameView<'_>,
        damage: &mut Region,
        request: &EncodeRequest,
        spent: usize,
        report: &mut Report,
        out: &mut Payloads,
    ) {
        let left = request.budget_bytes.saturating_sub(spent);
        if left == 0 && spent > 0 {
            return;
        }
        let fitting = left / self.tile_bytes[Tool::Lossless as usize].max(1);
        let rested = |state: &TileState| {
            state.held == Held::Lossy
                && state.changed_us.saturating_add(self.config.rest_us) <= request.now_us
        };
        self.scans.clear();
        for (at, state) in self.tiles.iter().enumerate() {
            let tile = TileIndex(at as u32);
            if rested(state) && !damage.contains(tile) {
                self.scans.push(Scan::of(tile));
            }
        }
        if let Some(pointer) = request.pointer {
            let grid = self.grid;
            self.scans
                .sort_unstable_by_key(|scan| (distance(grid.rect(scan.tile), pointer), scan.tile));
        }
        self.scans.truncate(fitting.clamp(1, REFINE_TILES));
        self.scans.sort_unstable_by_key(|scan| scan.tile);
        self.scan(frame, ScanMode::Refine);

        self.plan.clear();
        for (tool, class) in [
            (Tool::Solid, Class::Solid),
            (Tool::Palette, Class::Graphics),
            (Tool::Lossless, Class::TrueColour),
        ] {
            let of_class = |scan: &&Scan| !scan.changed && scan.class == Some(class);
            let tiles = self.scans.iter().filter(of_class).map(|scan| scan.tile);
            self.plan.add_lists(tool, Track::Leaf, tiles, fitting);
        }
        // What changed without having been reported is damage like any other.
        for scan in self.scans.iter().filter(|scan| scan.changed) {
            damage.insert(scan.tile);
        }
        self.code(frame, left);
        self.emit(Track::Leaf, damage, report, out);
    }
}

impl std::fmt::Debug for Encoder {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Encoder")
            .field("size", &self.grid.size())
            .field("epoch", &self.epoch)
            .field("number", &self.number)
            .finish_non_exhaustive()
    }
}

fn code_slice(
    job: &mut SliceJob,
    frame: FrameView<'_>,
    grid: TileGrid,
    quality: u8,
    scratch: &mut EncodeScratch,
) -> Result<(), ToolFailed> {
    let SliceJob { tool, tiles, vector, payload, .. } = job;
    let rects = tiles.iter().map(|&tile| grid.rect(tile));
    match tool {
        Tool::Solid => solid::encode(frame, rects, payload),
        Tool::Palette => palette::encode(frame, rects, scratch, payload)?,
        Tool::Lossless => lossless::encode(frame, rects, scratch, payload)?,
        Tool::Jpeg => {
            let block = tiles.bounds(grid);
            scratch.jpeg.encode(frame, block, quality, Chroma::Quarter, payload)?;
        }
        Tool::Copy => copy::encode(*vector, payload),
    }
    Ok(())
}
