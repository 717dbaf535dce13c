//! The decoder: from updates to the picture.
//!
//! An update is applied whole or not at all. Its headers are validated first, against fixed bounds
//! and the caller's [`Limits`]; then its slices are decoded into a staging buffer, in parallel;
//! only when all have succeeded are their pixels written to the canvas. Copies read the canvas
//! while it is still untouched.

mod canvas;

use self::canvas::Canvas;
use crate::bitstream::{
    DecodeError, FieldOffsets, Limits, Reader, Rule, SliceHeader, Tool, Track, UpdateHeader,
};
use crate::frame::{BYTES_PER_PIXEL, FrameView};
use crate::geometry::{Rect, Size, TileGrid};
use crate::parallel::{SetupError, Workers};
use crate::region::Region;
use crate::tools::copy::Vector;
use crate::tools::{DecodeScratch, copy, lossless, palette, solid};

/// Tiles below which slices are decoded on the caller's thread.
const PARALLEL_TILES: usize = 16;

/// Settings of a decoder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DecoderConfig {
    /// Threads that decode slices; one (or none) works on the caller's thread.
    pub threads: usize,
    /// What is accepted at most.
    pub limits: Limits,
}

impl Default for DecoderConfig {
    fn default() -> Self {
        Self { threads: 1, limits: Limits::default() }
    }
}

/// What became of a valid update.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Its tiles are in the picture, except those that a newer update had written.
    Applied,
    /// A leaf whose chain update has not been applied yet: nothing was done. Keep the bytes and
    /// apply them again after the chain update with this number of that epoch.
    AheadOfChain {
        /// Epoch of the leaf.
        epoch: u32,
        /// Number of the chain update that it builds on.
        chain: u32,
    },
    /// A leaf of an earlier epoch: nothing was done, nor will be.
    Obsolete,
}

/// An update's effect on the picture.
#[derive(Clone, Copy, Debug)]
pub struct Applied<'a> {
    /// What became of the update.
    pub status: Status,
    /// The tiles that it wrote; all, when it made the picture anew with another size.
    pub changed: &'a Region,
    /// Its epoch.
    pub epoch: u32,
    /// Its number within the epoch.
    pub number: u32,
    /// Whether it started an epoch.
    pub started: bool,
}

/// Keeps the picture that updates describe.
pub struct Decoder {
    limits: Limits,
    workers: Workers<DecodeScratch>,
    canvas: Option<Canvas>,
    slices: Vec<Slice>,
    staging: Vec<u8>,
    /// Tiles that the update at hand writes.
    written: Region,
    changed: Region,
}

/// A slice of the update at hand.
struct Slice {
    header: SliceHeader,
    /// The source of a copy.
    vector: Vector,
    exact: bool,
    outcome: Result<(), Rule>,
}

impl Decoder {
    /// A decoder without a picture.
    ///
    /// # Errors
    /// When threads or decompression contexts cannot be made.
    pub fn new(config: DecoderConfig) -> Result<Self, SetupError> {
        let nothing = Region::empty(Size::default());
        Ok(Self {
            limits: config.limits,
            workers: Workers::new(config.threads, DecodeScratch::new)?,
            canvas: None,
            slices: Vec::new(),
            staging: Vec::new(),
            written: nothing.clone(),
            changed: nothing,
        })
    }

    /// The picture as of the last update, once an epoch has started. Fourth bytes are zero; tiles
    /// never written are black, or show the epoch before when it had the same size.
    #[must_use]
    pub fn view(&self) -> Option<FrameView<'_>> {
        self.canvas.as_ref().map(|canvas| canvas.frame.view())
    }

    /// The tiles that equal the source's pixels bit by bit, as of the updates applied.
    #[must_use]
    pub fn exact(&self) -> Option<&Region> {
        self.canvas.as_ref().map(|canvas| &canvas.exact)
    }

    /// Whether every tile is exact.
    #[must_use]
    pub fn is_exact(&self) -> bool {
        let canvas = self.canvas.as_ref();
        canvas.is_some_and(|canvas| canvas.exact.len() == canvas.grid.tiles() as usize)
    }

    /// Applies one update that came on `track`.
    ///
    /// # Errors
    /// The first rule of the bitstream that the update breaks; the picture is then unchanged. A
    /// broken chain cannot go on: ask the sender to restart, or end the connection.
    pub fn apply(&mut self, track: Track, update: &[u8]) -> Result<Applied<'_>, DecodeError> {
        if update.len() > self.limits.max_update_bytes {
            return Err(Rule::UpdateLimit.at(self.limits.max_update_bytes));
        }
        let mut reader = Reader::new(update);
        let (header, offsets) = UpdateHeader::read(&mut reader)?;
        if header.track != track {
            return Err(Rule::TrackMismatch.at(UpdateHeader::FLAGS_OFFSET));
        }
        let status = match self.admit(&header, &offsets)? {
            Admission::Now(grid) => {
                if header.slices > grid.tiles() {
                    return Err(Rule::SliceCount.at(offsets.slices));
                }
                self.read_slices(&mut reader, header.slices, grid)?;
                self.decode_slices(update, &header, grid)?;
                self.commit(&header, grid);
                Status::Applied
            }
            Admission::Not(status) => {
                self.changed.clear();
                status
            }
        };
        let (epoch, number, started) = (header.epoch, header.number, header.start.is_some());
        Ok(Applied { status, changed: &self.changed, epoch, number, started })
    }

    /// Whether the update's turn has come, and the grid that it writes on.
    fn admit(
        &self,
        header: &UpdateHeader,
        offsets: &FieldOffsets,
    ) -> Result<Admission, DecodeError> {
        let present = self.canvas.as_ref().map_or(0, |canvas| canvas.epoch);
        if let Some(size) = header.start {
            if header.epoch <= present {
                return Err(Rule::Epoch.at(offsets.epoch));
            }
            if !self.limits.allow(size) {
                return Err(Rule::CanvasLimit.at(offsets.size));
            }
            return Ok(Admission::Now(TileGrid::new(size)));
        }
        let ahead = Status::AheadOfChain { epoch: header.epoch, chain: header.base };
        match (&self.canvas, header.track) {
            (Some(canvas), Track::Chain) if header.epoch != canvas.epoch => {
                Err(Rule::Epoch.at(offsets.epoch))
            }
            (Some(canvas), Track::Chain) if header.base == canvas.chain => {
                Ok(Admission::Now(canvas.grid))
            }
            (_, Track::Chain) => Err(Rule::ChainGap.at(offsets.base)),
            (_, Track::Leaf) if header.epoch < present => Ok(Admission::Not(Status::Obsolete)),
            (Some(canvas), Track::Leaf)
                if header.epoch == present && header.base <= canvas.chain =>
            {
                Ok(Admission::Now(canvas.grid))
            }
            (_, Track::Leaf) => Ok(Admission::Not(ahead)),
        }
    }

    /// Reads and checks all slice headers, so that decoding needs only the payloads.
    fn read_slices(
        &mut self,
        reader: &mut Reader<'_>,
        slices: u32,
        grid: TileGrid,
    ) -> Result<(), DecodeError> {
        if self.written.grid() == grid {
            self.written.clear();
        } else {
            self.written = Region::empty(grid.size());
        }
        self.slices.clear();
        for _ in 0..slices {
            let offset = reader.offset();
            let slice = SliceHeader::read(reader, grid)?;
            for &tile in slice.tiles.iter() {
                if self.written.contains(tile) {
                    return Err(Rule::TileRepeated.at(offset));
                }
                self.written.insert(tile);
            }
            let exact = slice.tool.is_exact();
            let (vector, outcome) = (Vector::default(), Ok(()));
            self.slices.push(Slice { header: slice, vector, exact, outcome });
        }
        reader.finish()
    }

    /// Checks that a copy reads only what this epoch has written, and notes whether that is exact.
    fn resolve_copy(
        slice: &mut Slice,
        payload: &[u8],
        canvas: Option<&Canvas>,
        grid: TileGrid,
    ) -> Result<(), Rule> {
        slice.vector = copy::vector(payload)?;
        for &tile in slice.header.tiles.iter() {
            let source =
                slice.vector.source(grid.rect(tile), grid.size()).ok_or(Rule::CopyOutside)?;
            let canvas = canvas.ok_or(Rule::CopyUnwritten)?;
            for under in canvas.tiles_under(source) {
                if !canvas.is_written(under) {
                    return Err(Rule::CopyUnwritten);
                }
                slice.exact &= canvas.exact.contains(under);
            }
        }
        Ok(())
    }

    /// Decodes every slice into its part of the staging buffer.
    fn decode_slices(
        &mut self,
        update: &[u8],
        header: &UpdateHeader,
        grid: TileGrid,
    ) -> Result<(), DecodeError> {
        // A starting update has no canvas to copy from: the old one is another epoch's.
        let canvas = self.canvas.as_ref().filter(|_| header.start.is_none());
        for slice in self.slices.iter_mut().filter(|slice| slice.header.tool == Tool::Copy) {
            let payload = &update[slice.header.payload.clone()];
            Self::resolve_copy(slice, payload, canvas, grid)
                .map_err(|rule| rule.at(slice.header.payload.start))?;
        }
        let part_bytes = |slice: &Slice| slice.header.tiles.area(grid) * BYTES_PER_PIXEL;
        let total_bytes: usize = self.slices.iter().map(part_bytes).sum();
        // No tile is written twice, so this is at most the canvas itself.
        if self.staging.len() < total_bytes {
            self.staging.resize(total_bytes, 0);
        }
        let tiles: usize = self.slices.iter().map(|slice| slice.header.tiles.len()).sum();
        let view = canvas.map(|canvas| canvas.frame.view());
        self.workers.run_on_parts(
            &mut self.slices,
            &mut self.staging[..total_bytes],
            tiles > PARALLEL_TILES,
            part_bytes,
            |slice, pixels, scratch| {
                let payload = &update[slice.header.payload.clone()];
                slice.outcome = decode_slice(slice, payload, view, grid, scratch, pixels);
            },
        );
        let failed = self
            .slices
            .iter()
            .find_map(|slice| slice.outcome.err().map(|rule| rule.at(slice.header.payload.start)));
        failed.map_or(Ok(()), Err)
    }

    /// Writes the staged pixels to the canvas. Nothing can fail from here on.
    fn commit(&mut self, header: &UpdateHeader, grid: TileGrid) {
        let size = grid.size();
        if self.changed.grid() == grid {
            self.changed.clear();
        } else {
            self.changed = Region::empty(size);
        }
        let canvas = match (&mut self.canvas, header.start) {
            (Some(canvas), None) => canvas,
            (Some(canvas), Some(_)) if canvas.grid == grid => {
                canvas.restart(header.epoch);
                canvas
            }
            (canvas, _) => {
                self.changed.fill();
                canvas.insert(Canvas::new(size, header.epoch))
            }
        };
        let mut staged = self.staging.as_slice();
        for slice in &self.slices {
            let tiles = &slice.header.tiles;
            let (pixels, rest) = staged.split_at(tiles.area(grid) * BYTES_PER_PIXEL);
            let block = (slice.header.tool == Tool::Jpeg).then(|| tiles.bounds(grid));
            canvas.write(tiles, block, pixels, header.number, slice.exact, &mut self.changed);
            staged = rest;
        }
        if header.track == Track::Chain {
            canvas.chain = header.number;
        }
    }
}

impl std::fmt::Debug for Decoder {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let size = self.canvas.as_ref().map(|canvas| canvas.grid.size());
        out.debug_struct("Decoder").field("size", &size).finish_non_exhaustive()
    }
}

/// Whether an update may be applied now.
enum Admission {
    Now(TileGrid),
    Not(Status),
}

fn decode_slice(
    slice: &Slice,
    payload: &[u8],
    canvas: Option<FrameView<'_>>,
    grid: TileGrid,
    scratch: &mut DecodeScratch,
    pixels: &mut [u8],
) -> Result<(), Rule> {
    let tiles = &slice.header.tiles;
    let rects = tiles.iter().map(|&tile| -> Rect { grid.rect(tile) });
    match slice.header.tool {
        Tool::Solid => solid::decode(payload, rects, pixels),
        Tool::Palette => palette::decode(payload, rects, scratch, pixels),
        Tool::Lossless => lossless::decode(payload, rects, scratch, pixels),
        Tool::Jpeg => scratch.jpeg.decode(payload, tiles.bounds(grid), pixels),
        Tool::Copy => {
            let canvas = canvas.ok_or(Rule::CopyUnwritten)?;
            copy::decode(slice.vector, canvas, rects, pixels)
        }
    }
}
