//! Which rectangle plays film: tiles that touch each other, that change to new photographic content
//! in quick succession, and whose changes together keep filling one rectangle.

use crate::bitstream::tiles_under;
use crate::chain::BLOCK;
use crate::colour::ColourMode;
use crate::encoder::Encoder;
use crate::encoder::config::Policy;
use crate::encoder::grain::Nature;
use crate::encoder::tile::{Held, Task, TileState};

use super::evidence::{Differing, Play, Print};
use crate::frame::FrameView;
use crate::geometry::{Rect, Size, TILE, TileGrid, TileIndex};
use crate::kernels;
use crate::region::Region;
use crate::video;

/// Changes in quick succession after which film is a video, and calls in which its rectangle must
/// have stood. At 15 changes a second three have come 133 ms after the first.
const VIDEO_CHANGES: u8 = 3;
const STABLE_CALLS: u8 = 2;

/// Fewest tiles of a video: below, a stream of its own does not pay for its intra frame. A choice, not
/// a measurement.
const MIN_TILES: usize = 6;

/// Blocks of a tile.
const TILE_BLOCKS: u32 = (TILE as usize / BLOCK).pow(2) as u32;

/// Share of its tiles that must be film when it is recognised, and below which it is given up, and of
/// those that may change to something drawn, in percent. The others rest, as what stands behind a
/// speaker does.
const FILM_PERCENT: usize = 60;
const LEAST_FILM_PERCENT: usize = 40;
const MOST_DRAWN_PERCENT: usize = 10;

/// Calls in succession that do not fit the rectangle before it is given up, to be found anew.
const MISFITS: u8 = 4;

/// What the search remembers, and its memory.
pub(super) struct Search {
    /// Film not yet looked at, the tiles that hang together with one of it, and the most that did.
    pending: Region,
    component: Region,
    largest: Region,
    stack: Vec<TileIndex>,
    /// The rectangle seen last, and in how many calls in succession.
    candidate: (Rect, u8),
    /// What the source was of each tile that was sent as film, of which the line holds nothing.
    prints: Vec<Print>,
}

impl Search {
    pub(super) fn new() -> Self {
        let nothing = Region::empty(Size::default());
        Self {
            pending: nothing.clone(),
            component: nothing.clone(),
            largest: nothing,
            stack: Vec::new(),
            candidate: (Rect::default(), 0),
            prints: Vec::new(),
        }
    }

    /// Forgets everything, for a canvas of `size`.
    pub(super) fn reset(&mut self, size: Size) {
        self.pending = Region::empty(size);
        self.component = Region::empty(size);
        self.largest = Region::empty(size);
        self.prints.clear();
        self.prints.resize(TileGrid::new(size).tiles() as usize, Print::EMPTY);
        self.forget_rectangle();
    }

    pub(super) fn forget_rectangle(&mut self) {
        self.candidate = (Rect::default(), 0);
    }

    /// Leaves of the pending tiles, in `largest`, the most that hang together, sides touching.
    fn keep_largest_component(&mut self) {
        let Self { pending, component, largest, stack, .. } = self;
        let grid = pending.grid();
        largest.clear();
        loop {
            let next = pending.iter().next();
            let Some(first) = next else { break };
            component.clear();
            pending.remove(first);
            stack.push(first);
            while let Some(tile) = stack.pop() {
                component.insert(tile);
                let (column, row) = (tile.0 % grid.columns(), tile.0 / grid.columns());
                let beside = [
                    (column > 0).then(|| grid.index(column - 1, row)),
                    (column + 1 < grid.columns()).then(|| grid.index(column + 1, row)),
                    (row > 0).then(|| grid.index(column, row - 1)),
                    (row + 1 < grid.rows()).then(|| grid.index(column, row + 1)),
                ];
                for tile in beside.into_iter().flatten() {
                    if pending.contains(tile) {
                        pending.remove(tile);
                        stack.push(tile);
                    }
                }
            }
            if component.len() > largest.len() {
                largest.assign(component);
            }
        }
    }

    /// The rectangle that the largest set of film fills, once it has stood.
    fn recognise(&mut self, tiles: &[TileState], grid: TileGrid, now_us: u64) -> Option<Rect> {
        let (mut rect, mut changes) = (Rect::default(), 0);
        for tile in self.largest.iter() {
            let play = &tiles[tile.0 as usize].play;
            rect = rect.union(play.area());
            changes = changes.max(play.changes());
        }
        let size = Size::new(rect.width, rect.height);
        if rect.is_empty() || !video::allows(size) {
            return None;
        }
        let (known, calls) = self.candidate;
        self.candidate = (rect, if rect == known { calls.saturating_add(1) } else { 1 });
        let Under { film, drawn, all } = self.under(rect, tiles, grid, now_us);
        let is_video = changes >= VIDEO_CHANGES
            && self.candidate.1 >= STABLE_CALLS
            && film >= MIN_TILES
            && film * 100 >= all * FILM_PERCENT
            && drawn * 100 <= all * MOST_DRAWN_PERCENT;
        is_video.then_some(rect)
    }

    /// Whether film has left `rect`, which plays, or has outgrown it.
    fn misfits(&self, rect: Rect, tiles: &[TileState], grid: TileGrid, now_us: u64) -> bool {
        let Under { film, all, .. } = self.under(rect, tiles, grid, now_us);
        let elsewhere = self.largest.len() - film;
        film * 100 < all * LEAST_FILM_PERCENT || elsewhere * 8 > all
    }

    fn under(&self, rect: Rect, tiles: &[TileState], grid: TileGrid, now_us: u64) -> Under {
        tiles_under(rect, grid).fold(Under::default(), |under, tile| Under {
            film: under.film + usize::from(self.largest.contains(tile)),
            drawn: under.drawn + usize::from(tiles[tile.0 as usize].play.is_drawn(now_us)),
            all: under.all + 1,
        })
    }
}

/// Numbers of tiles under a rectangle: that are film, that change to something drawn, and all.
#[derive(Clone, Copy, Debug, Default)]
struct Under {
    film: usize,
    drawn: usize,
    all: usize,
}

/// Makes tiles of the edge of `rect` refinable at once: what stands around it may have become
/// approximate with the film.
fn refine_around(rect: Rect, tiles: &mut [TileState], grid: TileGrid) {
    for (state, tile) in tiles.iter_mut().zip(0..) {
        let whole = grid.rect(TileIndex(tile));
        let part = whole.intersect(rect);
        if state.held == Held::Lossy && !part.is_empty() && part != whole {
            state.changed_us = 0;
        }
    }
}

impl Encoder {
    /// Looks for a rectangle of film, and gives up the present one when the film is elsewhere. What is
    /// found plays from the next call on.
    pub(in crate::encoder) fn find_video(&mut self, frame: FrameView<'_>, now_us: u64) {
        if self.config.policy != Policy::Live || self.line.colours.mode() != ColourMode::Standard {
            return;
        }
        let Self { candidates, tiles, film, grid, line, originals, video, .. } = self;
        let search = &mut video.search;
        let changes = candidates
            .iter()
            .filter(|item| item.task == Task::Change && item.around_video.is_none());
        // Film does not take turns with something else that comes back: a page between two photographs.
        for item in changes.clone().filter(|item| !item.content.is_mostly_new()) {
            let Some(state) = tiles.get_mut(item.tile.0 as usize) else { continue };
            if state.play.changes() > 0 && !Nature::of(frame, grid.rect(item.tile)).is_film() {
                state.play.change_to_drawn(now_us);
            }
        }
        // Photographs that scroll come into sight tile by tile, at the same place for as long as they
        // do; but then most of what changes has moved.
        let (new, moved) = changes.clone().fold((0, 0), |(new, moved), item| {
            (new + item.content.photo + item.content.graphics, moved + item.content.moved)
        });
        let mut any = video.moves;
        if moved <= new + film.len() as u32 * TILE_BLOCKS {
            let tiles_changed = changes.filter(|item| item.content.is_mostly_new());
            for tile in tiles_changed.map(|item| item.tile).chain(film.iter()) {
                let state = tiles.get_mut(tile.0 as usize);
                // What is sent for the first time has not changed.
                let Some(state) = state.filter(|state| state.held != Held::Nothing) else {
                    continue;
                };
                let rect = grid.rect(tile);
                let is_leaf = film.contains(tile);
                let known = search.prints.get_mut(tile.0 as usize);
                let print = (is_leaf || state.leaf > 0).then(|| Print::of(frame, rect));
                let area = match (state.leaf, &print, &known) {
                    (0, ..) => {
                        let older = originals.picture(line);
                        Some(kernels::vectorize(Differing { older, frame, rect }))
                    }
                    (_, Some(print), Some(known)) if state.play.is_kept => {
                        Some(print.differing(known, rect))
                    }
                    _ => None,
                };
                let area = area.filter(|area| !area.is_empty());
                if !Nature::of(frame, area.unwrap_or(rect)).is_film() {
                    state.play.change_to_drawn(now_us);
                    continue;
                }
                any = true;
                state.play.change(area.unwrap_or_default(), now_us);
                state.play.is_kept = is_leaf;
                if let (true, Some(known), Some(print)) = (is_leaf, known, print) {
                    *known = print;
                }
            }
        }
        for tile in video.shown.iter().filter(|_| video.moves) {
            if let Some(state) = tiles.get_mut(tile.0 as usize)
                && state.film_us == now_us
            {
                state.play.change(Rect::default(), now_us);
                state.play.is_kept = false;
            }
        }
        if !any {
            return;
        }
        video.search.pending.clear();
        for (state, tile) in tiles.iter().zip(0..) {
            if state.play.is_recent(now_us) {
                video.search.pending.insert(TileIndex(tile));
            }
        }
        video.search.keep_largest_component();
        match video.rect {
            Some(rect) => {
                video.misfits += u8::from(video.search.misfits(rect, tiles, *grid, now_us));
                if video.misfits >= MISFITS {
                    video.is_over = true;
                    // What changed there so far says nothing about where film plays now.
                    tiles.iter_mut().for_each(|state| state.play = Play::default());
                }
            }
            None => {
                if let Some(rect) = video.search.recognise(tiles, *grid, now_us) {
                    video.play(rect, now_us);
                    refine_around(rect, tiles, *grid);
                }
            }
        }
    }
}
