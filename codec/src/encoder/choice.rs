//! Decides how the changed tiles are sent: what may be lossy, what is film, what fits the budget.

use super::blocks::{TileContent, make_exact};
use super::config::{EncodeRequest, Policy};
use super::grain::looks_photographic;
use super::tile::{Candidate, Task, TileState};
use super::{Encoder, Held};
use crate::frame::FrameView;

/// Blocks of new photographic content up to which an update is exact at once: by the guess below
/// less than 4 kB, which refining them later would send on top. A choice, not a measurement.
const EXACT_BLOCKS: u32 = 48;

/// Changes in quick succession after which a tile of new photographic content is film.
pub(super) const FILM_CHANGES: u8 = 4;

/// What quick succession means: 4 changes a second. Arbitrary; a slower film costs bytes, not
/// pixels.
pub(super) const FILM_PAUSE_US: u64 = 250_000;

/// Blocks of new photographic content in one update beyond which they go as JPEG at once, however
/// rarely they change: coding so many would hold the picture up. A choice, not a measurement.
pub(super) const BURST_BLOCKS: u32 = 4_096;

/// Changes of film of which one is searched for moved content. Arbitrary: a share of the cost that
/// does not matter.
pub(super) const FILM_SEARCH_CHANGES: u8 = 8;

/// First guesses at the bytes of a block; the ratio of coded to guessed bytes corrects them.
const GRAPHICS_BYTES: u64 = 12;
const PHOTO_BYTES: u64 = 70;
const TRANSFORM_BYTES: u64 = 10;
const TILE_BYTES: u64 = 2;

/// First guess at the bytes of a tile of which the decoder has nothing, and the fewest such tiles that
/// are looked at in a call.
const NEW_TILE_BYTES: usize = 128;
const LEAST_NEW_TILES: usize = 32;

/// How many times as many of them are looked at as fit by what the last ones took.
const NEW_TILE_MARGIN: usize = 2;

/// One, as a ratio.
const RATIO_ONE: u64 = 1 << 8;

/// Guesses how many bytes tiles will take.
#[derive(Debug)]
pub(super) struct Estimate {
    /// Coded bytes for each guessed byte, lately.
    ratio: u64,
    /// What a tile took lately of which the decoder had nothing.
    new_tile_bytes: usize,
}

impl Estimate {
    pub(super) const fn new() -> Self {
        Self { ratio: RATIO_ONE, new_tile_bytes: NEW_TILE_BYTES }
    }

    /// The most tiles of which the decoder has nothing that may fit `budget_bytes`.
    pub(super) fn most_new_tiles(&self, budget_bytes: usize) -> usize {
        (budget_bytes / self.new_tile_bytes).saturating_mul(NEW_TILE_MARGIN).max(LEAST_NEW_TILES)
    }

    /// Learns that an update of `tiles`, all of them such, took `bytes`.
    pub(super) fn learn_new_tiles(&mut self, tiles: usize, bytes: usize) {
        if let Some(latest) = bytes.checked_div(tiles) {
            self.new_tile_bytes = self.new_tile_bytes.midpoint(latest).max(1);
        }
    }

    fn guess(content: &TileContent) -> u64 {
        let exact = u64::from(content.photo - content.transform);
        TILE_BYTES
            + u64::from(content.graphics) * GRAPHICS_BYTES
            + exact * PHOTO_BYTES
            + u64::from(content.transform) * TRANSFORM_BYTES
    }

    fn bytes(&self, content: &TileContent) -> u64 {
        Self::guess(content) * self.ratio / RATIO_ONE
    }

    /// Learns that `contents` took `bytes`.
    pub(super) fn learn<'a>(
        &mut self,
        contents: impl Iterator<Item = &'a TileContent>,
        bytes: usize,
    ) {
        let guessed: u64 = contents.map(Self::guess).sum();
        if let Some(ratio) = (bytes as u64 * RATIO_ONE).checked_div(guessed) {
            // Small updates are mostly headers: they say little about a large one.
            let ratio = ratio.clamp(RATIO_ONE / 8, RATIO_ONE * 2);
            self.ratio = (self.ratio * 3 + ratio) / 4;
        }
    }
}

/// Whether a tile was sent as film a moment ago.
pub(super) const fn was_film(state: &TileState, now_us: u64) -> bool {
    state.filmed_us > 0 && now_us.saturating_sub(state.filmed_us) <= FILM_PAUSE_US
}

impl Encoder {
    /// Decides for every candidate; those that stay are sent on the chain, film is in `film`, and
    /// the line holds nothing of the others.
    pub(super) fn choose(&mut self, request: &EncodeRequest) {
        if self.config.policy == Policy::Live {
            if self.must_be_exact(request) {
                for candidate in &mut self.candidates {
                    make_exact(&mut self.line, candidate.tile, &mut candidate.content);
                }
            } else {
                self.set_film_apart(request.now_us);
            }
        }
        self.cut_to_budget(request.budget_bytes);
    }

    /// Sets aside, before anything is searched for, the tiles that were film a moment ago and look
    /// photographic still. Every so often they are searched all the same: the film may have begun
    /// to scroll.
    pub(super) fn set_known_film_apart(&mut self, frame: FrameView<'_>, now_us: u64) {
        if self.config.policy != Policy::Live {
            return;
        }
        let Self { candidates, tiles, film, grid, video, .. } = self;
        candidates.retain(|item| {
            let state = &mut tiles[item.tile.0 as usize];
            let is_known = item.task == Task::Change
                && !video.touches(grid.rect(item.tile))
                && state.held != Held::Nothing
                && was_film(state, now_us)
                && state.film_changes % FILM_SEARCH_CHANGES != FILM_SEARCH_CHANGES - 1
                && looks_photographic(frame, grid.rect(item.tile));
            if is_known {
                state.see_film(now_us);
                film.insert(item.tile);
            }
            !is_known
        });
    }

    /// Whether everything is sent exactly: when that is little, or starts an epoch within budget.
    fn must_be_exact(&self, request: &EncodeRequest) -> bool {
        let lossy: u32 = self.candidates.iter().map(|item| item.content.lossy_blocks()).sum();
        if lossy <= EXACT_BLOCKS {
            return true;
        }
        let exact_bytes = |content: TileContent| self.estimate.bytes(&content.as_exact());
        let bytes: u64 = self.candidates.iter().map(|item| exact_bytes(item.content)).sum();
        self.chain == 0 && bytes <= request.budget_bytes as u64
    }

    /// Tells film from photographs that appear, scroll or are dragged: film changes again and again
    /// and little of it moves. So much new content at once that coding it well would delay it is
    /// treated alike: it is seen at once and refined when it rests.
    fn set_film_apart(&mut self, now_us: u64) {
        let changed = self.candidates.iter().filter(|item| item.task == Task::Change);
        let (fresh, moved) = changed.fold((0, 0), |(fresh, moved), item| {
            (fresh + item.content.photo, moved + item.content.moved)
        });
        let is_burst = self.is_burst || fresh > BURST_BLOCKS;
        let Self { candidates, tiles, line, film, grid, motion, video, .. } = self;
        let outside = |item: &&mut Candidate| !video.touches(grid.rect(item.tile));
        let changed = candidates.iter_mut().filter(|item| item.task == Task::Change);
        for item in changed.filter(outside) {
            let state = &mut tiles[item.tile.0 as usize];
            let is_new = item.content.photo * 2 > item.content.blocks && fresh > moved;
            let is_quick = now_us.saturating_sub(state.film_us) <= FILM_PAUSE_US;
            state.film_changes = match (is_new, is_quick) {
                (true, true) => state.next_film_change(),
                (true, false) => 1,
                (false, _) => 0,
            };
            if is_new {
                state.film_us = now_us;
            }
            let is_film = state.film_changes >= FILM_CHANGES || (is_burst && is_new);
            if is_film && state.held != Held::Nothing {
                state.filmed_us = now_us;
                film.insert(item.tile);
                line.leave(item.tile, grid.rect(item.tile));
                motion.forget(item.tile);
            }
        }
        candidates.retain(|item| !film.contains(item.tile));
    }

    /// Keeps the first candidates that fit `budget_bytes` by estimate, and one at least.
    fn cut_to_budget(&mut self, budget_bytes: usize) {
        let budget_bytes = budget_bytes as u64;
        let (mut expected, mut kept) = (0, 0);
        for candidate in &self.candidates {
            if kept > 0 && expected >= budget_bytes {
                break;
            }
            expected += self.estimate.bytes(&candidate.content);
            kept += 1;
        }
        let Self { candidates, line, grid, motion, .. } = self;
        for candidate in &candidates[kept..] {
            line.leave(candidate.tile, grid.rect(candidate.tile));
            motion.forget(candidate.tile);
        }
        candidates.truncate(kept);
        for candidate in candidates {
            line.map.set_changed(candidate.tile, candidate.claim());
        }
    }
}
