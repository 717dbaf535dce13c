//! The decoder: from updates to the picture.
//!
//! An update is applied whole or not at all. A chain update is decoded into the line, which no
//! viewer sees; only when all of it was valid are the tiles that it changes shown. The pictures of
//! a leaf are decoded into a staging buffer first. Headers are checked against fixed bounds and the
//! caller's [`Limits`] before anything is taken.

mod canvas;

use self::canvas::Canvas;
use crate::bitstream::{
    DecodeError, FieldOffsets, Limits, PictureHeader, Reader, Rule, StreamRanges, Track,
    UpdateHeader,
};
use crate::chain::{Line, MAX_LANES, StreamDecoder};
use crate::frame::{BYTES_PER_PIXEL, FrameView};
use crate::geometry::{Size, TileGrid};
use crate::parallel::{SetupError, Workers};
use crate::region::Region;
use crate::tools::jpeg;

/// Settings of a decoder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DecoderConfig {
    /// Threads that decode lanes and pictures; one (or none) works on the caller's thread.
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
    workers: Workers<jpeg::Decoder>,
    /// What a viewer sees.
    canvas: Option<Canvas>,
    /// What the chain builds on.
    line: Line,
    /// Whether the line cannot go on, because an update was refused inside its body.
    is_broken: bool,
    pictures: Vec<Picture>,
    staging: Vec<u8>,
    /// Tiles that the leaf at hand writes.
    written: Region,
    changed: Region,
}

/// A picture of the leaf at hand.
struct Picture {
    header: PictureHeader,
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
            workers: Workers::new(config.threads, jpeg::Decoder::new)?,
            canvas: None,
            line: Line::new(Size::default()),
            is_broken: false,
            pictures: Vec::new(),
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
                match track {
                    Track::Chain => self.apply_chain(update, &mut reader, &header, grid)?,
                    Track::Leaf => self.apply_leaf(update, &mut reader, &header, grid)?,
                }
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

    /// Decodes the body of a chain update into the line, and shows what it changes.
    fn apply_chain(
        &mut self,
        update: &[u8],
        reader: &mut Reader<'_>,
        header: &UpdateHeader,
        grid: TileGrid,
    ) -> Result<(), DecodeError> {
        if header.start.is_none() && self.is_broken {
            return Err(Rule::ChainBroken.at(0));
        }
        // Until the body has been decoded to its end, the line is of no use for another.
        self.is_broken = true;
        if header.start.is_some() {
            self.line.reset(grid.size());
        } else if header.reset {
            self.line.renew();
        }
        if grid.tiles() > 0 {
            self.decode_lanes(update, reader)?;
        }
        reader.finish()?;
        self.line.commit();
        self.is_broken = false;

        let canvas = begin(&mut self.canvas, &mut self.changed, header, grid);
        for (tile, exact) in self.line.map.changed() {
            canvas.show(tile, &self.line.previous, header.number, exact, &mut self.changed);
        }
        canvas.chain = header.number;
        Ok(())
    }

    /// Decodes the map and the pixels of all lanes.
    fn decode_lanes(&mut self, update: &[u8], reader: &mut Reader<'_>) -> Result<(), DecodeError> {
        let Self { line, workers, .. } = self;
        let mut ranges: [StreamRanges; MAX_LANES] = Default::default();
        let mut streams = ranges.clone().map(|_| StreamDecoder::new(&[], &[]));
        let mut lanes = 1;
        let mut at = 0;
        while at < lanes {
            let range = StreamRanges::read(reader)?;
            streams[at] =
                StreamDecoder::new(&update[range.segments.clone()], &update[range.plain.clone()]);
            if at == 0 {
                line.map.clear();
                line.map.code(&mut streams[0]);
                line.place_copies().map_err(|rule| rule.at(range.segments.start))?;
                lanes = line.split_lanes();
            }
            ranges[at] = range;
            at += 1;
        }
        line.code_pixels(&mut streams[..lanes], workers);
        for (stream, range) in streams.into_iter().zip(ranges).take(lanes) {
            stream.finish().map_err(|rule| rule.at(range.segments.start))?;
        }
        Ok(())
    }

    /// Decodes the pictures of a leaf into the staging buffer, and shows them.
    fn apply_leaf(
        &mut self,
        update: &[u8],
        reader: &mut Reader<'_>,
        header: &UpdateHeader,
        grid: TileGrid,
    ) -> Result<(), DecodeError> {
        self.read_pictures(reader, grid)?;
        let part_bytes =
            |picture: &Picture| picture.header.block.rect(grid).area() * BYTES_PER_PIXEL;
        let total_bytes: usize = self.pictures.iter().map(part_bytes).sum();
        // No tile is written twice, so this is at most the canvas itself.
        if self.staging.len() < total_bytes {
            self.staging.resize(total_bytes, 0);
        }
        let staging = &mut self.staging[..total_bytes];
        self.workers.run_on_parts(
            &mut self.pictures,
            staging,
            part_bytes,
            |picture, pixels, jpeg| {
                let payload = &update[picture.header.payload.clone()];
                picture.outcome = jpeg.decode(payload, picture.header.block.rect(grid), pixels);
            },
        );
        for Picture { header, outcome } in &self.pictures {
            outcome.map_err(|rule| rule.at(header.payload.start))?;
        }
        // Nothing can fail from here on.
        let canvas = begin(&mut self.canvas, &mut self.changed, header, grid);
        let mut staged = self.staging.as_slice();
        for picture in &self.pictures {
            let (pixels, rest) = staged.split_at(part_bytes(picture));
            canvas.show_picture(picture.header.block, pixels, header.number, &mut self.changed);
            staged = rest;
        }
        Ok(())
    }

    /// Reads and checks the headers of all pictures, so that decoding needs only the payloads.
    fn read_pictures(
        &mut self,
        reader: &mut Reader<'_>,
        grid: TileGrid,
    ) -> Result<(), DecodeError> {
        if self.written.grid() == grid {
            self.written.clear();
        } else {
            self.written = Region::empty(grid.size());
        }
        self.pictures.clear();
        let offset = reader.offset();
        let count = reader.number()?;
        if count > grid.tiles() {
            return Err(Rule::PictureCount.at(offset));
        }
        for _ in 0..count {
            let offset = reader.offset();
            let header = PictureHeader::read(reader, grid)?;
            for tile in header.block.tiles(grid) {
                if self.written.contains(tile) {
                    return Err(Rule::TileRepeated.at(offset));
                }
                self.written.insert(tile);
            }
            self.pictures.push(Picture { header, outcome: Ok(()) });
        }
        reader.finish()
    }
}

/// The canvas that an update which has been decoded writes to, made anew when it starts with
/// another size; `changed` becomes the set of what that alone changes.
fn begin<'a>(
    canvas: &'a mut Option<Canvas>,
    changed: &mut Region,
    header: &UpdateHeader,
    grid: TileGrid,
) -> &'a mut Canvas {
    if changed.grid() == grid {
        changed.clear();
    } else {
        *changed = Region::empty(grid.size());
    }
    if let Some(present) = canvas
        && present.grid == grid
    {
        if header.start.is_some() {
            present.restart(header.epoch);
        }
    } else {
        changed.fill();
        *canvas = None;
    }
    canvas.get_or_insert_with(|| Canvas::new(grid.size(), header.epoch))
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
