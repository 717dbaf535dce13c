//! Video regions: recognises a rectangle that plays film and codes it as a video stream.
//!
//! *Recognise* (`search`): tiles that change to new photographic content again and again, that touch
//! each other, and whose changes together keep filling one rectangle. *Play* (`stream`): while it
//! does, changes of its tiles go into frames of a video stream, and refinement waits. What stands
//! around the rectangle in its outer tiles, and tiles inside that change to something drawn, stay on
//! the chain, exactly. A frame may be coded while the chain goes on (`film`). *Release*: when nothing of it has moved for a while its tiles are refined like
//! others. One rectangle plays at a time, and only in full colour.

mod budget;
mod evidence;
mod film;
mod rate;
mod search;
mod stream;

pub(super) use self::evidence::Play;
pub use self::film::FilmToCode;
use self::search::Search;
use self::stream::Stream;
use super::Encoder;
use super::tile::TileState;
use crate::geometry::{Rect, Size, TileIndex};
use crate::region::Region;

/// How long a tile inside must have rested to be refined although film plays around it.
const HOLE_REST_US: u64 = 1_000_000;

/// The video that plays, and what is known of film that may become one.
pub(super) struct Video {
    /// The rectangle that plays.
    rect: Option<Rect>,
    /// Its tiles that show frames, and those of them that the call at hand changed.
    shown: Region,
    changed: Region,
    /// Tiles that the frame being coded is still to be shown in.
    showing: Region,
    /// Whether something has changed since the last frame was taken.
    waits: bool,
    /// When it moved last.
    moved_us: u64,
    /// Calls in succession that do not fit the rectangle.
    misfits: u8,
    /// Whether the call at hand changes something of it.
    moves: bool,
    /// Whether it ends with the call at hand: what that has set aside is still a part of it.
    is_over: bool,
    search: Search,
    stream: Stream,
}

impl Video {
    pub(super) fn new() -> Self {
        Self {
            rect: None,
            shown: Region::empty(Size::default()),
            changed: Region::empty(Size::default()),
            showing: Region::empty(Size::default()),
            waits: false,
            moved_us: 0,
            misfits: 0,
            moves: false,
            is_over: false,
            search: Search::new(),
            stream: Stream::default(),
        }
    }

    /// Forgets everything: an epoch starts.
    pub(super) fn reset(&mut self, size: Size) {
        self.shown = Region::empty(size);
        self.changed = Region::empty(size);
        self.showing = Region::empty(size);
        self.search.reset(size);
        self.release();
    }

    /// Ends the video; its tiles are refined in their turn.
    pub(super) fn release(&mut self) {
        self.rect = None;
        self.shown.clear();
        self.changed.clear();
        self.showing.clear();
        (self.moves, self.is_over, self.waits) = (false, false, false);
        self.misfits = 0;
        self.search.forget_rectangle();
    }

    /// Plays `rect` from the next call on, which begins a stream.
    fn play(&mut self, rect: Rect, now_us: u64) {
        self.rect = Some(rect);
        self.shown.clear();
        self.showing.clear();
        (self.moved_us, self.misfits, self.waits) = (now_us, 0, false);
        self.stream.begin();
    }

    /// Has frames keep to a rate; see [`Encoder::set_picture_rate`].
    pub(super) const fn limit_rate(&mut self, bytes_per_s: Option<u32>) {
        self.stream.set_rate(bytes_per_s);
    }

    /// Whether a frame is due, and none is being coded.
    pub(super) fn is_due(&self) -> bool {
        let is_wanted = self.waits || self.stream.must_begin();
        self.rect.is_some() && is_wanted && self.stream.is_free() && !self.shown.is_empty()
    }

    /// Ends a video that was found to be over.
    pub(super) fn end_if_over(&mut self) {
        if self.is_over {
            self.release();
        }
    }

    /// Ends a video that has come to rest.
    pub(super) fn end_at_rest(&mut self, now_us: u64, rest_us: u64) {
        if self.rect.is_some() && now_us.saturating_sub(self.moved_us) >= rest_us {
            self.release();
        }
    }

    /// When `tile` may be refined, if it needs to be.
    pub(super) fn refinable_us(
        &self,
        tile: TileIndex,
        state: &TileState,
        rest_us: u64,
    ) -> Option<u64> {
        let at_us = state.refinable_us(rest_us)?;
        if self.rect.is_none() || !self.shown.contains(tile) {
            return Some(at_us);
        }
        let hole_us = state.changed_us.saturating_add(HOLE_REST_US);
        Some(hole_us.min(self.moved_us.saturating_add(rest_us)).max(at_us))
    }

    /// Notes that the chain has sent what stands around the video in `tile`, which shows frames from
    /// now on.
    pub(super) fn show(&mut self, tile: TileIndex) {
        self.shown.insert(tile);
    }

    /// Notes that the chain has sent all of `tile`.
    pub(super) fn leave(&mut self, tile: TileIndex) {
        self.shown.remove(tile);
        self.showing.remove(tile);
    }

    /// The rectangle that plays; empty when none does.
    pub(super) fn rect(&self) -> Rect {
        self.rect.unwrap_or_default()
    }

    /// Whether the video that plays has pixels in `rect`.
    pub(super) fn touches(&self, rect: Rect) -> bool {
        !self.rect().intersect(rect).is_empty()
    }
}

impl Encoder {
    /// The rectangle that plays as video at present.
    #[must_use]
    pub const fn video_rect(&self) -> Option<Rect> {
        self.video.rect
    }

    /// Tells that the video update `number` of the present epoch will not arrive: the next frame
    /// begins a stream.
    pub const fn video_lost(&mut self, number: u32) {
        self.video.stream.lost(number);
    }
}
