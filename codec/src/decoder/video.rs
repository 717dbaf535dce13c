//! Video updates: frames of a stream, each of which needs the one before.
//!
//! Decoding one takes many times what a small change takes. So it stands apart: the decoder checks what
//! stands before the frame and hands it out, whoever called it has it decoded, here or on another
//! thread, and the decoder shows what came of it where nothing newer has been shown meanwhile.

use std::cmp::Ordering;
use std::ops::Range;

use super::{Admission, Applied, Decoder, Status, begin};
use crate::bitstream::{DecodeError, Kind, Reader, Rule, Track, UpdateHeader, VideoHeader};
use crate::colour::ColourMode;
use crate::geometry::{Rect, Size, TileGrid};
use crate::region::Region;
use crate::video::{self, FrameKind};

/// The stream whose frames are being decoded, or were last.
pub(super) struct Stream {
    epoch: u32,
    number: u32,
    rect: Rect,
    /// Number of the frame that is due; `None` when one was left out or damaged, or is being decoded,
    /// so that no other can follow.
    due: Option<u32>,
}

/// A frame of film that is to be decoded: between [`Decoder::take_film`] and [`Decoder::put_film`].
pub struct FilmToDecode {
    /// None at first and after an error: what the library holds then is of no use.
    decoder: Option<video::Decoder>,
    frame: Frame,
    /// The tiles that show it.
    tiles: Region,
    outcome: Result<(), Rule>,
}

/// What a frame's update says of it.
#[derive(Clone, Debug)]
struct Frame {
    header: UpdateHeader,
    grid: TileGrid,
    /// Its stream, number and rectangle.
    place: VideoHeader,
    kind: FrameKind,
    payload: Range<usize>,
}

/// What becomes of a video update.
pub enum Film {
    /// Its frame is due.
    Due(Box<FilmToDecode>),
    /// It is not: [`Status::AheadOfChain`] or [`Status::Obsolete`].
    Not(Status),
}

impl Default for FilmToDecode {
    fn default() -> Self {
        let frame = Frame {
            header: UpdateHeader::new(Kind::Video, 0, 0, 0),
            grid: TileGrid::new(Size::default()),
            place: VideoHeader { stream: 0, frame: 0, rect: Rect::default() },
            kind: FrameKind::Intra,
            payload: 0..0,
        };
        let tiles = Region::empty(Size::default());
        Self { decoder: None, frame, tiles, outcome: Err(Rule::VideoFrame) }
    }
}

impl FilmToDecode {
    /// Decodes the frame, whose update is `update`. What came of it is seen when it is put back.
    pub fn decode(&mut self, update: &[u8]) {
        self.outcome = self.try_decode(update);
    }

    fn try_decode(&mut self, update: &[u8]) -> Result<(), Rule> {
        let Frame { place, kind, payload, .. } = &self.frame;
        let size = Size::new(place.rect.width, place.rect.height);
        let mut decoder = match self.decoder.take().filter(|decoder| decoder.size() == size) {
            Some(decoder) => decoder,
            None => video::Decoder::new(size)?,
        };
        decoder.decode(update.get(payload.clone()).ok_or(Rule::VideoUnit)?, *kind)?;
        self.decoder = Some(decoder);
        Ok(())
    }
}

impl std::fmt::Debug for FilmToDecode {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("FilmToDecode").field("place", &self.frame.place).finish_non_exhaustive()
    }
}

impl Decoder {
    /// Takes the frame of film in `update`, which came on the video track, to be
    /// [decoded](FilmToDecode::decode) and then given to [`Self::put_film`]; on which thread does not
    /// matter, and other updates may be applied meanwhile. One frame may be away at a time.
    ///
    /// # Errors
    /// The first rule of the bitstream that what stands before the frame breaks.
    pub fn take_film(&mut self, update: &[u8]) -> Result<Film, DecodeError> {
        let mut reader = Reader::new(update);
        let (header, admission) = self.read_header(Track::Video, update, &mut reader)?;
        let grid = match admission {
            Admission::Now(grid) => grid,
            Admission::Not(status) => return Ok(Film::Not(status)),
        };
        let film = self.begin_film(&mut reader, header, grid)?;
        Ok(film.map_or(Film::Not(Status::Obsolete), Film::Due))
    }

    /// Takes back a frame of film that was decoded, and shows it, unless it is of no use any more:
    /// then [`Status::Obsolete`] tells so.
    ///
    /// # Errors
    /// The rule that the frame breaks.
    pub fn put_film(&mut self, film: Box<FilmToDecode>) -> Result<Applied<'_>, DecodeError> {
        let UpdateHeader { epoch, number, .. } = film.frame.header;
        let is_shown = self.end_film(film)?;
        if !is_shown {
            self.changed.clear();
        }
        let status = if is_shown { Status::Applied } else { Status::Obsolete };
        Ok(Applied { status, changed: &self.changed, epoch, number, started: false, checked: None })
    }

    /// Reads what stands before a frame; `None` when its stream does not await it.
    pub(super) fn begin_film(
        &mut self,
        reader: &mut Reader<'_>,
        header: UpdateHeader,
        grid: TileGrid,
    ) -> Result<Option<Box<FilmToDecode>>, DecodeError> {
        self.prepare_written(grid);
        let offset = reader.offset();
        let (place, payload) = VideoHeader::read(reader, grid, &mut self.written)?;
        let Some(kind) = self.expected_kind(header.epoch, &place) else { return Ok(None) };
        if kind == FrameKind::Intra {
            let (epoch, number, rect) = (header.epoch, place.stream, place.rect);
            self.stream = Some(Stream { epoch, number, rect, due: None });
        }
        let Some(stream) = &mut self.stream else { return Ok(None) };
        // Until the frame has been decoded, none can follow.
        stream.due = None;
        if place.rect != stream.rect {
            return Err(Rule::VideoMoved.at(offset));
        }
        let mut film = self.film.take().unwrap_or_default();
        std::mem::swap(&mut film.tiles, &mut self.written);
        film.outcome = Err(Rule::VideoFrame);
        film.frame = Frame { header, grid, place, kind, payload };
        Ok(Some(film))
    }

    /// Shows a frame that was decoded; `false` when its stream is over.
    pub(super) fn end_film(&mut self, mut film: Box<FilmToDecode>) -> Result<bool, DecodeError> {
        let FilmToDecode { decoder, frame, tiles, outcome } = &mut *film;
        let place = &frame.place;
        let is_present = |stream: &&mut Stream| {
            (stream.epoch, stream.number) == (frame.header.epoch, place.stream)
        };
        let stream = self.stream.as_mut().filter(is_present);
        let is_here =
            self.canvas.as_ref().is_some_and(|canvas| {
                (canvas.epoch, canvas.grid) == (frame.header.epoch, frame.grid)
            }) && self.line.colours.mode() == ColourMode::Standard;
        let shown = match (*outcome, stream, decoder) {
            (Err(rule), ..) => Err(rule.at(frame.payload.start)),
            (Ok(()), Some(stream), Some(decoder)) if is_here => {
                let canvas = begin(&mut self.canvas, &mut self.changed, &frame.header, frame.grid);
                canvas.set_apart(&self.line.previous);
                let (number, changed) = (frame.header.number, &mut self.changed);
                canvas.show_video(place.rect, tiles, decoder, number, changed);
                stream.due = place.frame.checked_add(1);
                Ok(true)
            }
            _ => Ok(false),
        };
        self.film = Some(film);
        shown
    }

    /// Of which kind `frame` is if its turn has come. When frames before it are missing, its stream
    /// is over.
    fn expected_kind(&mut self, epoch: u32, frame: &VideoHeader) -> Option<FrameKind> {
        let present = self.stream.as_mut().filter(|stream| stream.epoch == epoch);
        if self.line.colours.mode() != ColourMode::Standard {
            if let Some(stream) = present {
                stream.due = None;
            }
            return None;
        }
        let Some(stream) = present else { return (frame.frame == 0).then_some(FrameKind::Intra) };
        match frame.stream.cmp(&stream.number) {
            Ordering::Less => None,
            Ordering::Equal if stream.due == Some(frame.frame) => Some(FrameKind::Inter),
            Ordering::Equal => {
                // A frame that was there already comes twice.
                stream.due = stream.due.filter(|due| frame.frame < *due);
                None
            }
            Ordering::Greater if frame.frame == 0 => Some(FrameKind::Intra),
            Ordering::Greater => {
                stream.due = None;
                None
            }
        }
    }
}
