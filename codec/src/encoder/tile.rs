//! What the encoder knows about each tile: the pixels that were sent and how.

use super::blocks::{TileContent, TileModes};
use super::choice::FILM_SEARCH_CHANGES;
use super::video::Play;
use crate::chain::Claim;
use crate::geometry::TileIndex;

/// How well the decoder knows a tile once everything that was sent has arrived.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Held {
    /// Not in this epoch, or only by a leaf that was lost.
    #[default]
    Nothing,
    /// Approximately.
    Lossy,
    /// Bit by bit.
    Exact,
}

/// One tile.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct TileState {
    /// Hash of the pixels sent last; says nothing while `held` is `Nothing`.
    pub(super) hash: u128,
    pub(super) held: Held,
    /// Number of the leaf update that wrote the tile last; 0 when a chain update did.
    pub(super) leaf: u32,
    /// Number of the chain update that wrote the tile last; 0 when none of the epoch did.
    pub(super) written: u32,
    /// Whether it wrote the tile exactly.
    pub(super) written_exactly: bool,
    /// Hash of the pixels examined last, whether or not they could be sent.
    pub(super) seen: u128,
    /// When the pixels changed last, in microseconds.
    pub(super) changed_us: u64,
    /// Changes in quick succession, each to new photographic content, and the time of the last.
    pub(super) film_changes: u8,
    pub(super) film_us: u64,
    /// When the tile was sent as film last; 0 when it never was.
    pub(super) filmed_us: u64,
    /// Hash of the source's pixels examined last, before their colours were reduced, and how far
    /// these are from the palette's; see [`Look`].
    pub(super) source: u128,
    pub(super) error: f32,
    pub(super) play: Play,
}

impl TileState {
    /// Notes pixels with `hash`, examined at `now_us`.
    pub(super) fn see(&mut self, hash: u128, now_us: u64) {
        if self.held == Held::Nothing || self.seen != hash {
            self.changed_us = now_us;
        }
        self.seen = hash;
    }

    /// The number of film changes with one more. Past the largest it goes on in the same turn of
    /// [`FILM_SEARCH_CHANGES`], so that film stays film and is searched as often as before.
    pub(super) fn next_film_change(&self) -> u8 {
        self.film_changes.checked_add(1).unwrap_or(FILM_SEARCH_CHANGES)
    }

    /// Notes that what was seen at `now_us` goes as film.
    pub(super) fn see_film(&mut self, now_us: u64) {
        self.film_changes = self.next_film_change();
        (self.film_us, self.filmed_us) = (now_us, now_us);
    }

    /// When the tile may be refined, if it needs to be.
    pub(super) fn refinable_us(&self, rest_us: u64) -> Option<u64> {
        (self.held == Held::Lossy).then(|| self.changed_us.saturating_add(rest_us))
    }

    /// Notes that the pixels seen last were sent, by leaf `leaf` or, when 0, on the chain.
    pub(super) fn sent(&mut self, held: Held, leaf: u32) {
        (self.hash, self.held, self.leaf) = (self.seen, held, leaf);
    }
}

/// Why a tile is examined, and what for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Task {
    /// Its pixels are those that were sent, exactly or not long enough ago.
    Nothing,
    /// Its pixels have changed.
    Change,
    /// Its pixels rest and are known only approximately.
    Refine,
}

/// What a tile's pixels look like.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Look {
    /// Hash of the pixels in the colours in which they are sent.
    pub(super) hash: u128,
    /// Hash of the source's pixels.
    pub(super) source: u128,
    /// Mean over sampled pixels of the squared distance from the palette's colours.
    pub(super) error: f32,
}

/// A tile under examination.
#[derive(Clone, Copy, Debug)]
pub(super) struct Candidate {
    pub(super) tile: TileIndex,
    pub(super) look: Look,
    pub(super) task: Task,
    /// Whether it is photographic and a sample of its blocks mostly shows nothing known.
    pub(super) is_new_photo: bool,
    pub(super) modes: TileModes,
    pub(super) content: TileContent,
    /// The vector by which it returns from the cache as a whole.
    pub(super) returns_by: Option<u8>,
    /// When only what stands around the video in it is to be sent: what that makes of the tile.
    pub(super) around_video: Option<Claim>,
}

impl Candidate {
    /// `tile`, not yet looked at.
    pub(super) fn of(tile: TileIndex) -> Self {
        let (modes, content) = (TileModes::SKIP, TileContent::default());
        let (look, task) = (Look::default(), Task::Nothing);
        Self {
            tile,
            look,
            task,
            is_new_photo: false,
            modes,
            content,
            returns_by: None,
            around_video: None,
        }
    }

    /// Whether all of the tile is to be sent, and nothing else.
    pub(super) const fn is_whole(&self) -> bool {
        self.around_video.is_none()
    }

    /// What the tile will be once it is sent on the chain.
    pub(super) const fn claim(&self) -> Claim {
        match self.around_video {
            Some(claim) => claim,
            None if self.content.is_exact() => Claim::Exact,
            None => Claim::Lossy,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::choice::FILM_CHANGES;
    use super::*;

    #[test]
    fn film_that_plays_for_long_stays_film_and_is_searched_in_its_turn() {
        let mut state = TileState::default();
        for change in 1..1_000_u32 {
            state.see_film(u64::from(change));
            let turn = u32::from(state.film_changes) % u32::from(FILM_SEARCH_CHANGES);
            assert_eq!(turn, change % u32::from(FILM_SEARCH_CHANGES), "change {change}");
            assert!(change < 4 || state.film_changes >= FILM_CHANGES, "change {change}");
        }
    }
}
