//! Which rectangle plays film: tiles that touch each other, that change to new photographic content
//! in quick succession, and whose changes together keep filling one rectangle.

use crate::bitstream::tiles_under;
use crate::chain::{BLOCK, Picture};
use crate::colour::ColourMode;
use crate::encoder::Encoder;
use crate::encoder::choice::FILM_PAUSE_US;
use crate::encoder::config::Policy;
use crate::encoder::grain::looks_filmed;
use crate::encoder::tile::{Held, Task, TileState};
use crate::frame::{BYTES_PER_PIXEL, FrameView};
use crate::geometry::{Rect, Size, TILE, TileGrid, TileIndex};
use crate::kernels::{self, Vectorized};
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

/// Share of its tiles that must be film when it is recognised, and below which it is given up, in
/// percent.
const FILM_PERCENT: usize = 90;
const LEAST_FILM_PERCENT: usize = 50;

/// Calls in succession that do not fit the rectangle before it is given up, to be found anew.
const MISFITS: u8 = 4;

/// What a tile tells of a video that may be playing in it.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::encoder) struct Play {
    /// Changes in quick succession to mostly new photographic content, and the time of the last.
    changes: u8,
    at_us: u64,
    /// The pixels that the latest of them changed, and those of some before.
    areas: [Rect; 2],
    /// Whether [`Search::before`] has the pixels as of the last change.
    is_kept: bool,
}

/// Changes after which the pixels that they changed are forgotten in part: film may have moved on.
const AREA_CHANGES: u8 = 4;

impl Play {
    /// Notes that `area` changed.
    fn change(&mut self, area: Rect, now_us: u64) {
        if !self.is_recent(now_us) {
            (self.changes, self.areas) = (0, Default::default());
        }
        let [latest, former] = self.areas;
        self.areas = if self.changes.is_multiple_of(AREA_CHANGES) {
            [area, latest]
        } else {
            [latest.union(area), former]
        };
        // Past the largest count it goes on in steps that keep the remainder.
        self.changes = self.changes.checked_add(1).unwrap_or(AREA_CHANGES);
        self.at_us = now_us;
    }

    /// The pixels that the changes of late have changed.
    fn area(&self) -> Rect {
        self.areas[0].union(self.areas[1])
    }

    /// Whether the last change is part of what goes on at `now_us`.
    const fn is_recent(&self, now_us: u64) -> bool {
        self.changes > 0 && now_us.saturating_sub(self.at_us) <= FILM_PAUSE_US
    }
}

/// What the search remembers, and its memory.
pub(super) struct Search {
    /// Film not yet looked at, the tiles that hang together with one of it, and the most that did.
    pending: Region,
    component: Region,
    largest: Region,
    stack: Vec<TileIndex>,
    /// The rectangle seen last, and in how many calls in succession.
    candidate: (Rect, u8),
    /// The source of tiles that were sent as film, of which the line holds nothing.
    before: Picture,
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
            before: Picture::black(Size::default()),
        }
    }

    /// Forgets everything, for a canvas of `size`.
    pub(super) fn reset(&mut self, size: Size) {
        self.pending = Region::empty(size);
        self.component = Region::empty(size);
        self.largest = Region::empty(size);
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
    fn recognise(&mut self, tiles: &[TileState], grid: TileGrid) -> Option<Rect> {
        let (mut rect, mut changes) = (Rect::default(), 0);
        for tile in self.largest.iter() {
            let play = &tiles[tile.0 as usize].play;
            rect = rect.union(play.area());
            changes = changes.max(play.changes);
        }
        let size = Size::new(rect.width, rect.height);
        if rect.is_empty() || !video::allows(size) {
            return None;
        }
        let (known, calls) = self.candidate;
        self.candidate = (rect, if rect == known { calls.saturating_add(1) } else { 1 });
        let (film, of) = self.film_under(rect, grid);
        let is_video = changes >= VIDEO_CHANGES
            && self.candidate.1 >= STABLE_CALLS
            && of >= MIN_TILES
            && film * 100 >= of * FILM_PERCENT;
        is_video.then_some(rect)
    }

    /// Whether film has left `rect`, which plays, or has outgrown it.
    fn misfits(&self, rect: Rect, grid: TileGrid) -> bool {
        let (film, of) = self.film_under(rect, grid);
        let elsewhere = self.largest.len() - film;
        film * 100 < of * LEAST_FILM_PERCENT || elsewhere * 8 > of
    }

    /// How many of the tiles under `rect` are film, and how many there are.
    fn film_under(&self, rect: Rect, grid: TileGrid) -> (usize, usize) {
        let under = tiles_under(rect, grid);
        let film = under.clone().filter(|tile| self.largest.contains(*tile)).count();
        (film, under.count())
    }
}

/// The smallest rectangle around the pixels of `rect` that differ from an older source's.
struct Differing<'a> {
    older: &'a Picture,
    frame: FrameView<'a>,
    rect: Rect,
}

impl Vectorized for Differing<'_> {
    type Output = Rect;

    #[inline(always)]
    fn run(self) -> Rect {
        let Self { older, frame, rect } = self;
        let mut columns = [0_u8; TILE as usize];
        let mut found: Option<(u16, u16)> = None;
        for y in rect.y..rect.y + rect.height {
            let at = older.at(usize::from(rect.x), usize::from(y));
            let older = &older.pixels()[at..at + usize::from(rect.width)];
            let row = frame.span(rect.x, y, rect.width).as_chunks::<BYTES_PER_PIXEL>().0;
            let mut any = 0;
            for (column, (&pixel, &older)) in columns.iter_mut().zip(row.iter().zip(older)) {
                let differs = u8::from(u32::from_le_bytes(pixel) & 0x00ff_ffff != older);
                *column |= differs;
                any |= differs;
            }
            if any == 1 {
                found = Some((found.map_or(y, |(first, _)| first), y));
            }
        }
        let first = columns.iter().position(|&differs| differs == 1);
        let last = columns.iter().rposition(|&differs| differs == 1);
        match (found, first, last) {
            (Some((top, bottom)), Some(first), Some(last)) => {
                Rect::new(rect.x + first as u16, top, (last - first) as u16 + 1, bottom - top + 1)
            }
            _ => Rect::default(),
        }
    }
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
        // Film does not take turns with something else: a page that is shown between two photographs.
        for item in changes.clone().filter(|item| !item.content.is_mostly_photo()) {
            let Some(state) = tiles.get_mut(item.tile.0 as usize) else { continue };
            if state.play.changes > 0 && !looks_filmed(frame, grid.rect(item.tile)) {
                state.play = Play::default();
            }
        }
        // Photographs that scroll come into sight tile by tile, at the same place for as long as they
        // do; but then most of what changes has moved.
        let (photo, moved) = changes.clone().fold((0, 0), |(photo, moved), item| {
            (photo + item.content.photo, moved + item.content.moved)
        });
        let is_scroll = moved > photo + film.len() as u32 * TILE_BLOCKS;
        let fresh = changes.filter(|item| !is_scroll && item.content.is_mostly_photo());
        let mut any = video.moves;
        for tile in fresh.map(|item| item.tile).chain(film.iter()) {
            let state = tiles.get_mut(tile.0 as usize);
            // What is sent for the first time has not changed.
            let Some(state) = state.filter(|state| state.held != Held::Nothing) else { continue };
            any = true;
            let rect = grid.rect(tile);
            let older = match (state.leaf, state.play.is_kept) {
                (0, _) => Some(originals.picture(line)),
                (_, true) => Some(&search.before),
                (_, false) => None,
            };
            let area = older.map(|older| kernels::vectorize(Differing { older, frame, rect }));
            state.play.change(area.unwrap_or_default(), now_us);
            state.play.is_kept = film.contains(tile);
            if state.play.is_kept {
                if search.before.size() != grid.size() {
                    search.before.reset(grid.size());
                }
                search.before.take(frame, rect, &line.colours);
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
                video.misfits += u8::from(video.search.misfits(rect, *grid));
                if video.misfits >= MISFITS {
                    video.release();
                    // What changed there so far says nothing about where film plays now.
                    tiles.iter_mut().for_each(|state| state.play = Play::default());
                }
            }
            None => {
                if let Some(rect) = video.search.recognise(tiles, *grid) {
                    video.play(rect, now_us);
                    refine_around(rect, tiles, *grid);
                }
            }
        }
    }
}
