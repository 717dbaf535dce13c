//! The decoder: from updates to the picture.
//!
//! An update is applied whole or not at all. A chain update is decoded into the line, which no
//! viewer sees; only when all of it was valid are the tiles that it changes shown. The pictures of
//! a leaf are decoded into a staging buffer first. Headers are checked against fixed bounds and the
//! caller's [`Limits`] before anything is taken.

mod canvas;
mod check;
mod slices;
mod video;

use self::canvas::Canvas;
pub use self::video::{Film, FilmToDecode};
use crate::bitstream::{
    DecodeError, FieldOffsets, Kind, Limits, PictureHeader, Reader, Rule, StreamRanges, Track,
    UpdateHeader, palette,
};
use crate::chain::{Claim, Line, MAX_LANES, StreamDecoder};
use crate::colour::{ColourMode, Colours};
use crate::encoder::Position;
use crate::frame::{BYTES_PER_PIXEL, FrameView};
use crate::geometry::{Size, TileGrid, TileIndex};
use crate::hash::TILE_BYTES;
use crate::parallel::{LARGE_TILES, SetupError, Workers};
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
    /// A leaf or video frame whose chain update has not been applied yet: nothing was done. Keep the
    /// bytes and apply them again after the chain update with this number of that epoch.
    AheadOfChain {
        /// Epoch of the leaf.
        epoch: u32,
        /// Number of the chain update that it builds on.
        chain: u32,
    },
    /// A leaf or video frame of an earlier epoch, or a video frame that its stream does not await:
    /// nothing was done, nor will be.
    Obsolete,
}

/// What the line of a decoder is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum LineState {
    /// The next chain update builds on it.
    Whole,
    /// The picture is whole, models and older contents are not known: a chain update that begins
    /// them anew builds on it.
    Picture,
    /// Nothing builds on it: an update was refused inside its body, or slices are missing.
    Broken,
}

/// What a check has shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Checked {
    /// Every tile that is exact at the encoder is shown as it is there.
    Equal,
    /// Some tile is not; [`Decoder::hashes`] lets the encoder find out which.
    Differs,
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
    /// What it has shown, when it was a check.
    pub checked: Option<Checked>,
}

/// Keeps the picture that updates describe.
pub struct Decoder {
    limits: Limits,
    workers: Workers<jpeg::Decoder>,
    /// What a viewer sees.
    canvas: Option<Canvas>,
    /// What the chain builds on.
    line: Line,
    line_state: LineState,
    /// The line that slices are decoded with.
    slice_line: Line,
    /// Whether the chain update at hand has other colours than the one before.
    are_colours_new: bool,
    pictures: Vec<Picture>,
    staging: Vec<u8>,
    /// Tiles of the slices at hand, each with its version and what it is.
    healed: Vec<(TileIndex, u32, Claim)>,
    /// Tiles of the check applied last, and the hashes of what is shown there.
    hashes: Vec<(TileIndex, u64)>,
    /// The bytes of a tile, and those of the hashes, on their way into a hash.
    tile_bytes: Vec<u8>,
    hash_bytes: Vec<u8>,
    /// The video stream that plays, or played last.
    stream: Option<video::Stream>,
    /// What its frames are decoded with; away while one is being decoded.
    film: Option<Box<FilmToDecode>>,
    /// Tiles that the leaf or frame at hand writes.
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
            line_state: LineState::Whole,
            slice_line: Line::new(Size::default()),
            are_colours_new: false,
            pictures: Vec::new(),
            staging: Vec::new(),
            healed: Vec::new(),
            hashes: Vec::new(),
            tile_bytes: vec![0; TILE_BYTES],
            hash_bytes: Vec::new(),
            stream: None,
            film: Some(Box::default()),
            written: nothing.clone(),
            changed: nothing,
        })
    }

    /// The picture as of the last update, once an epoch has started. Fourth bytes are zero; tiles
    /// never written are black, or show the epoch before when it had the same size. Its rows may
    /// lie further apart than their pixels.
    #[must_use]
    pub fn view(&self) -> Option<FrameView<'_>> {
        self.canvas.as_ref().and_then(|canvas| canvas.view(&self.line.previous))
    }

    /// How many colours the pictures have, as of the chain update applied last.
    #[must_use]
    pub const fn colours(&self) -> ColourMode {
        self.line.colours.mode()
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

    /// Where the chain stands.
    #[must_use]
    pub fn position(&self) -> Position {
        self.canvas.as_ref().map_or_else(Position::default, |canvas| Position {
            epoch: canvas.epoch,
            number: canvas.chain,
        })
    }

    /// Whether no chain update can be applied but one that starts an epoch, because one was refused
    /// inside its body or slices are missing. [`Encoder::repair`](crate::Encoder::repair) helps.
    #[must_use]
    pub const fn is_broken(&self) -> bool {
        matches!(self.line_state, LineState::Broken)
    }

    /// Number of the update that wrote `tile` last; 0 when none of this epoch did.
    #[must_use]
    pub fn version(&self, tile: TileIndex) -> u32 {
        self.canvas.as_ref().map_or(0, |canvas| canvas.version(tile))
    }

    /// Applies one update that came on `track`.
    ///
    /// # Errors
    /// The first rule of the bitstream that the update breaks; the picture is then unchanged.
    pub fn apply(&mut self, track: Track, update: &[u8]) -> Result<Applied<'_>, DecodeError> {
        let mut reader = Reader::new(update);
        let (header, admission) = self.read_header(track, update, &mut reader)?;
        let mut checked = None;
        let status = match admission {
            Admission::Now(grid) => {
                let mut is_awaited = true;
                match header.kind {
                    Kind::Chain => self.apply_chain(update, &mut reader, &header, grid)?,
                    Kind::Leaf => self.apply_leaf(update, &mut reader, &header, grid)?,
                    Kind::Video => {
                        let film = self.begin_film(&mut reader, header, grid)?;
                        is_awaited = match film {
                            Some(mut film) => {
                                film.decode(update);
                                self.end_film(film)?
                            }
                            None => false,
                        };
                    }
                    Kind::Slices => self.apply_slices(update, &mut reader, &header, grid)?,
                    Kind::Check => checked = Some(self.apply_check(&mut reader, grid)?),
                }
                if is_awaited {
                    Status::Applied
                } else {
                    self.changed.clear();
                    Status::Obsolete
                }
            }
            Admission::Not(status) => {
                self.changed.clear();
                status
            }
        };
        let (epoch, number, started) = (header.epoch, header.number, header.start.is_some());
        Ok(Applied { status, changed: &self.changed, epoch, number, started, checked })
    }

    /// Reads and checks the header of `update`, and finds out whether its turn has come.
    fn read_header(
        &self,
        track: Track,
        update: &[u8],
        reader: &mut Reader<'_>,
    ) -> Result<(UpdateHeader, Admission), DecodeError> {
        if update.len() > self.limits.max_update_bytes {
            return Err(Rule::UpdateLimit.at(self.limits.max_update_bytes));
        }
        let (mut header, offsets) = UpdateHeader::read(reader)?;
        // Slices for a decoder of which it is not known where it stands may start what has started.
        let is_here = |canvas: &Canvas| {
            canvas.epoch == header.epoch && header.start == Some(canvas.grid.size())
        };
        if header.kind == Kind::Slices && self.canvas.as_ref().is_some_and(is_here) {
            header.start = None;
        }
        if header.kind.track() != track {
            return Err(Rule::TrackMismatch.at(UpdateHeader::FLAGS_OFFSET));
        }
        let admission = self.admit(&header, &offsets)?;
        Ok((header, admission))
    }

    /// Whether the update's turn has come, and the grid that it writes on.
    fn admit(
        &self,
        header: &UpdateHeader,
        offsets: &FieldOffsets,
    ) -> Result<Admission, DecodeError> {
        let present = self.canvas.as_ref().map_or(0, |canvas| canvas.epoch);
        if let Some(size) = header.start {
            if header.epoch == present {
                return Err(Rule::Epoch.at(offsets.epoch));
            }
            if !self.limits.allow(size) {
                return Err(Rule::CanvasLimit.at(offsets.size));
            }
            return Ok(Admission::Now(TileGrid::new(size)));
        }
        if matches!(header.kind, Kind::Leaf | Kind::Video) {
            return Ok(match &self.canvas {
                Some(canvas) if header.epoch == present && header.base <= canvas.chain => {
                    Admission::Now(canvas.grid)
                }
                _ if header.epoch < present => Admission::Not(Status::Obsolete),
                _ => {
                    Admission::Not(Status::AheadOfChain { epoch: header.epoch, chain: header.base })
                }
            });
        }
        let is_here = header.epoch == present && self.canvas.is_some();
        if self.is_broken() && (header.kind != Kind::Slices || !is_here) {
            return Err(Rule::ChainBroken.at(0));
        }
        let Some(canvas) = &self.canvas else { return Err(Rule::ChainGap.at(offsets.base)) };
        if header.epoch != present {
            return Err(Rule::Epoch.at(offsets.epoch));
        }
        let (follows, offset) = match header.kind {
            Kind::Slices => (header.number >= canvas.chain, offsets.number),
            Kind::Check => (header.number == canvas.chain, offsets.number),
            Kind::Chain | Kind::Leaf | Kind::Video => (header.base == canvas.chain, offsets.base),
        };
        if !follows {
            return Err(Rule::ChainGap.at(offset));
        }
        let is_usable = match (header.kind, self.line_state) {
            (Kind::Slices, _) | (_, LineState::Whole) => true,
            (_, LineState::Picture) => header.reset || header.kind == Kind::Check,
            (_, LineState::Broken) => false,
        };
        if is_usable { Ok(Admission::Now(canvas.grid)) } else { Err(Rule::ChainBroken.at(0)) }
    }

    /// Decodes the body of a chain update into the line, and shows what it changes.
    fn apply_chain(
        &mut self,
        update: &[u8],
        reader: &mut Reader<'_>,
        header: &UpdateHeader,
        grid: TileGrid,
    ) -> Result<(), DecodeError> {
        // Until the body has been decoded to its end, the line is of no use for another.
        self.line_state = LineState::Broken;
        if header.start.is_some() {
            self.begin_line(grid);
        } else if header.reset {
            self.line.renew();
        }
        self.take_colours(reader, header)?;
        let first = if grid.tiles() > 0 {
            Some(FirstStream::decode(&mut self.line, update, reader)?)
        } else {
            None
        };
        let is_large = self.line.map.changed().count() >= LARGE_TILES;
        self.workers.threads().enter(is_large, || {
            if let Some(first) = first {
                first.decode_lanes(&mut self.line, &self.workers, update, reader)?;
            }
            reader.finish()?;
            self.line.commit(&self.workers);
            self.line_state = LineState::Whole;
            self.show_chain(header, grid);
            Ok(())
        })
    }

    /// Begins the line anew, and goes on showing what is shown.
    fn begin_line(&mut self, grid: TileGrid) {
        if let Some(canvas) = &mut self.canvas {
            canvas.keep(&self.line.previous);
        }
        self.line.reset(grid.size());
    }

    /// Shows what the line's update has changed.
    fn show_chain(&mut self, header: &UpdateHeader, grid: TileGrid) {
        let canvas = begin(&mut self.canvas, &mut self.changed, header, grid);
        if self.are_colours_new {
            // What equalled the source in its former colours does so no more.
            canvas.exact.clear();
        }
        let Line { map, previous, .. } = &self.line;
        canvas.show(map, previous, header.number, &self.workers, &mut self.changed);
        canvas.chain = header.number;
    }

    /// Takes up the colours of a chain update or of slices, and their palette if they have one.
    fn take_colours(
        &mut self,
        reader: &mut Reader<'_>,
        header: &UpdateHeader,
    ) -> Result<(), DecodeError> {
        // Whoever follows only from here on lacks an earlier palette.
        let begins_anew = header.start.is_some() || header.reset;
        let colours = match (header.colours, &self.line.colours) {
            (ColourMode::Standard, _) => Colours::Standard,
            (ColourMode::HighColour, _) => Colours::HighColour,
            (ColourMode::Palette, _) if header.has_palette => {
                Colours::Palette(palette::read(reader)?)
            }
            (ColourMode::Palette, Colours::Palette(_)) if !begins_anew => {
                self.are_colours_new = false;
                return Ok(());
            }
            (ColourMode::Palette, _) => return Err(Rule::PaletteMissing.at(reader.offset())),
        };
        self.are_colours_new = self.line.colours != colours;
        self.line.colours = colours;
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
        canvas.set_apart(&self.line.previous);
        let mut staged = self.staging.as_slice();
        for picture in &self.pictures {
            let (pixels, rest) = staged.split_at(part_bytes(picture));
            canvas.show_picture(picture.header.block, pixels, header.number, &mut self.changed);
            staged = rest;
        }
        Ok(())
    }

    /// Makes `written` the empty set over `grid`.
    fn prepare_written(&mut self, grid: TileGrid) {
        if self.written.grid() == grid {
            self.written.clear();
        } else {
            self.written = Region::empty(grid.size());
        }
    }

    /// Reads and checks the headers of all pictures, so that decoding needs only the payloads.
    fn read_pictures(
        &mut self,
        reader: &mut Reader<'_>,
        grid: TileGrid,
    ) -> Result<(), DecodeError> {
        self.prepare_written(grid);
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

/// The first stream of a body, of which the map has been decoded.
struct FirstStream<'a> {
    stream: StreamDecoder<'a>,
    /// Where it begins in the update.
    offset: usize,
}

impl<'a> FirstStream<'a> {
    /// Decodes the map of a body into `line`.
    fn decode(
        line: &mut Line,
        update: &'a [u8],
        reader: &mut Reader<'_>,
    ) -> Result<Self, DecodeError> {
        let StreamRanges { segments, plain } = StreamRanges::read(reader)?;
        let offset = segments.start;
        let mut stream = StreamDecoder::new(&update[segments], &update[plain]);
        line.map.clear();
        line.map.code(&mut stream);
        line.map.check_lanes().map_err(|rule| rule.at(offset))?;
        Ok(Self { stream, offset })
    }

    /// Decodes the rest of the body: what the map describes, and the pixels of all lanes.
    fn decode_lanes<W: Send>(
        self,
        line: &mut Line,
        workers: &Workers<W>,
        update: &'a [u8],
        reader: &mut Reader<'_>,
    ) -> Result<(), DecodeError> {
        line.refresh(workers);
        line.place_copies(workers).map_err(|rule| rule.at(self.offset))?;
        let lanes = line.map.lanes();
        let mut offsets = [self.offset; MAX_LANES];
        let mut streams: [_; MAX_LANES] = std::array::from_fn(|_| StreamDecoder::new(&[], &[]));
        streams[0] = self.stream;
        for at in 1..lanes {
            let StreamRanges { segments, plain } = StreamRanges::read(reader)?;
            offsets[at] = segments.start;
            streams[at] = StreamDecoder::new(&update[segments], &update[plain]);
        }
        let followed = line.code_pixels(&mut streams[..lanes], workers);
        for (stream, offset) in streams.into_iter().zip(offsets).take(lanes) {
            stream.finish().map_err(|rule| rule.at(offset))?;
        }
        followed.map_err(|rule| rule.at(self.offset))
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
