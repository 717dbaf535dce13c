//! The tiles that show the rectangle that plays, and the frames of its stream.

use bytes::BufMut;

use super::film::{FilmToCode, Place};
use crate::bitstream::{
    Kind, MAX_HEADER_BYTES, MAX_VIDEO_HEADER_BYTES, Track, UpdateHeader, VideoHeader, tiles_under,
};
use crate::chain::{Claim, Line};
use crate::encoder::grain::Nature;
use crate::encoder::payload::{Payload, Payloads};
use crate::encoder::tile::{Held, Task};
use crate::encoder::{Encoder, Report};
use crate::frame::{BYTES_PER_PIXEL, FrameView};
use crate::geometry::{Rect, Size, TILE};
use crate::region::Region;

/// In the place of the number of a frame that has none yet.
const NO_NUMBER: u32 = u32::MAX;

/// The stream of the rectangle that plays, or played last.
pub(super) struct Stream {
    /// What the next frame is coded with; away while one is being coded.
    film: Option<Box<FilmToCode>>,
    number: u32,
    /// Number of the next frame.
    frame: u32,
    /// Whether the next frame must stand alone.
    must_begin: bool,
    /// No update before this one is of the stream.
    began: u32,
    /// Whether nothing is known of the film that plays.
    is_new: bool,
    bytes_per_s: Option<u32>,
}

impl Default for Stream {
    fn default() -> Self {
        Self {
            film: Some(Box::default()),
            number: 0,
            frame: 0,
            must_begin: false,
            began: 0,
            is_new: true,
            bytes_per_s: None,
        }
    }
}

impl Stream {
    pub(super) const fn must_begin(&self) -> bool {
        self.must_begin
    }

    /// Whether no frame is being coded.
    pub(super) const fn is_free(&self) -> bool {
        self.film.is_some()
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
        self.bytes_per_s = bytes_per_s;
    }

    /// Takes the frame's pixels of `rect` as the next frame of the stream, or as the first of another;
    /// what carries it has at least the number `next`.
    fn take(
        &mut self,
        frame: FrameView<'_>,
        rect: Rect,
        epoch: u32,
        next: u32,
        now_us: u64,
        most_per_megapixel: Option<u32>,
    ) -> Option<Box<FilmToCode>> {
        let mut film = self.film.take()?;
        self.must_begin |= !film.goes_on_with(Size::new(rect.width, rect.height));
        if std::mem::take(&mut self.must_begin) {
            (self.number, self.frame, self.began) = (self.number + 1, 0, next);
        }
        let ceiling = most_per_megapixel.map(|most| {
            let most = u64::from(most) * rect.area() as u64 / 1_000_000;
            u32::try_from(most).unwrap_or(u32::MAX)
        });
        film.set_rate(self.bytes_per_s.into_iter().chain(ceiling).min());
        let place = Place { epoch, rect, stream: self.number, frame: self.frame };
        // What could not be taken counts as not coded.
        let _ = film.take(frame, place, std::mem::take(&mut self.is_new), now_us);
        Some(film)
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

    /// Notes that what the call at hand changed of the video goes with its next frame.
    pub(in crate::encoder) fn await_video(&mut self, damage: &mut Region) {
        let Self { video, tiles, .. } = self;
        // Film that is elsewhere now is damage there, and what it leaves is damage here.
        if !video.moves || video.is_over && self.config.film_apart {
            return;
        }
        video.waits = true;
        for tile in video.changed.iter().filter(|tile| video.shown.contains(*tile)) {
            damage.remove(tile);
            tiles[tile.0 as usize].sent(Held::Lossy, NO_NUMBER);
        }
    }

    /// Whether there is a frame of film to take, and none is being coded.
    #[must_use]
    pub fn is_film_due(&self) -> bool {
        self.video.is_due()
    }

    /// Takes a frame of film, if one is due, out of `frame`: the picture that was encoded last, or a
    /// newer one of the same size. It is to be [coded](FilmToCode::code) and then given to
    /// [`Self::put_film`]; on which thread does not matter, and what [`Self::encode`] makes meanwhile
    /// goes its way. Only with [`EncoderConfig::film_apart`](crate::EncoderConfig::film_apart) is
    /// there any to take.
    pub fn take_film(&mut self, frame: FrameView<'_>, now_us: u64) -> Option<Box<FilmToCode>> {
        let rect = self.video.rect.filter(|_| self.is_film_due())?;
        if frame.size() != self.grid.size() {
            return None;
        }
        let Self { video, epoch, number, config, .. } = self;
        let most = config.film_bytes_per_s_per_megapixel;
        video.waits = false;
        video.showing.assign(&video.shown);
        video.stream.take(frame, rect, *epoch, *number + 1, now_us, most)
    }

    /// Takes back a frame of film that was coded, and appends its update to `out` unless it is of no
    /// use any more. The update shows it in the tiles that the chain has not written since the frame
    /// was taken.
    pub fn put_film(&mut self, mut film: Box<FilmToCode>, out: &mut Payloads) -> Report {
        let mut report = Report::default();
        let Self { video, tiles, grid, buffers, stale, .. } = self;
        let place = Place {
            epoch: self.epoch,
            rect: video.rect(),
            stream: video.stream.number,
            frame: video.stream.frame,
        };
        let is_awaited = film.place == place && !video.showing.is_empty();
        let begins_video = place.frame == 0;
        if !film.is_coded() && is_awaited {
            // What the coder cannot show is sent by other means.
            for tile in video.shown.iter() {
                let state = &mut tiles[tile.0 as usize];
                (state.held, state.leaf) = (Held::Nothing, 0);
                stale.insert(tile);
            }
            video.release();
        } else if !is_awaited || video.stream.must_begin() && !begins_video {
            // Nor does anything build on it.
            video.stream.must_begin = true;
        } else {
            self.number += 1;
            let (number, base) = (self.number, self.chain);
            let header = UpdateHeader::new(Kind::Video, self.epoch, number, base);
            let header_of =
                VideoHeader { stream: place.stream, frame: place.frame, rect: place.rect };
            let tile_bytes = tiles_under(place.rect, *grid).count().div_ceil(8);
            let most = MAX_HEADER_BYTES + MAX_VIDEO_HEADER_BYTES + tile_bytes + film.slice.len();
            let bytes = buffers.cut(most, |buffer| {
                header.write(buffer);
                header_of.write(*grid, &video.showing, buffer);
                buffer.put_slice(&film.slice);
            });
            film.sent(bytes.len());
            video.stream.frame += 1;
            for tile in video.showing.iter() {
                let state = &mut tiles[tile.0 as usize];
                (state.held, state.leaf) = (Held::Lossy, number);
                report.video_tiles += 1;
            }
            report.bytes = bytes.len();
            out.push(Payload { track: Track::Video, number, begins_video, bytes });
        }
        self.video.stream.film = Some(film);
        report
    }
}
