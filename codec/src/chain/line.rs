//! What both sides of the chain remember.

use std::convert::Infallible;
use std::ops::Range;

use super::block_map::{BLOCK, BlockMap, Mode};
use super::cache::{Cache, Place};
use super::coder::Coder;
use super::intake::{Before, IntakeBand, Source, TakeBand};
use super::lanes::{Lanes, Sources};
use super::picture::{Picture, Rows};
use crate::bitstream::Rule;
use crate::colour::Colours;
use crate::frame::FrameView;
use crate::geometry::{Rect, Size, TILE, TileGrid, TileIndex};
use crate::parallel::{Divide, Workers};
use crate::region::Region;

/// Updates that a block must have stood for to be remembered as former content. What scrolls or is
/// dragged changes with each update: remembering it would displace what it covers, and take time.
const FORMER_UPDATES: u32 = 3;

/// Updates that a block must have stood for to be remembered as stable. Fewer would let a dragged
/// window's own content displace what it covers.
const STABLE_UPDATES: u32 = 12;

/// The chain's picture, older contents, models, and the update at hand.
#[derive(Debug)]
pub(crate) struct Line {
    /// The chain's picture before the update at hand.
    pub(crate) previous: Picture,
    /// For each block its content before the present one, and the last that had been stable.
    past: [Picture; 2],
    /// For each block the number of the update that wrote it last.
    born: Vec<u32>,
    /// Updates since the line began.
    updates: u32,
    /// Whether `previous` and `past` are black all over.
    is_black: bool,
    /// The picture as the update at hand makes it. Between updates it equals `previous`, but for
    /// the blocks that the last update wrote: these are brought up to date by the next one, which
    /// mostly writes them again.
    pub(crate) current: Picture,
    /// Tiles with such blocks.
    stale: Vec<bool>,
    /// For each tile that [`Self::take`] took a bit for each block, in the order of the map: it shows
    /// what it did before.
    kept: Vec<u64>,
    pub(crate) map: BlockMap,
    pub(crate) cache: Cache,
    /// Colours of the pixels that the update at hand codes.
    pub(crate) colours: Colours,
    lanes: Lanes,
}

impl Line {
    /// A line that begins with a black picture.
    pub(crate) fn new(size: Size) -> Self {
        let mut line = Self {
            previous: Picture::black(Size::default()),
            past: std::array::from_fn(|_| Picture::black(Size::default())),
            born: Vec::new(),
            updates: 0,
            is_black: true,
            current: Picture::black(Size::default()),
            stale: Vec::new(),
            kept: Vec::new(),
            map: BlockMap::new(Size::default()),
            cache: Cache::new(),
            colours: Colours::Standard,
            lanes: Lanes::new(),
        };
        line.reset(size);
        line
    }

    /// Begins anew with a black picture of `size`.
    pub(crate) fn reset(&mut self, size: Size) {
        self.previous.reset(size);
        self.current.reset(size);
        self.forget();
        self.is_black = true;
    }

    /// Forgets all but the picture: models, older contents, and how old blocks are.
    pub(crate) fn renew(&mut self) {
        self.current.become_like(&self.previous);
        self.forget();
        self.is_black = false;
    }

    fn forget(&mut self) {
        let size = self.previous.size();
        self.past.iter_mut().for_each(|past| past.reset(size));
        self.map.reset(size);
        self.cache.reset(size);
        self.lanes.reset();
        let (columns, rows) = self.map.dimensions();
        self.born.clear();
        self.born.resize(columns * rows, 0);
        self.updates = 0;
        let tiles = TileGrid::new(size).tiles() as usize;
        self.stale.clear();
        self.stale.resize(tiles, false);
        self.kept.resize(tiles, 0);
    }

    /// Whether nothing has been put into the line's picture yet.
    pub(crate) const fn is_first(&self) -> bool {
        self.is_black
    }

    /// The older content that `mode` stands for.
    #[inline(always)]
    pub(crate) fn past(&self, mode: Mode) -> Option<&Picture> {
        let [former, stable] = self.pasts();
        match mode {
            Mode::FORMER => Some(former),
            Mode::STABLE => Some(stable),
            _ => None,
        }
    }

    /// Both older contents.
    #[inline(always)]
    pub(crate) const fn pasts(&self) -> [&Picture; 2] {
        pasts(&self.past, &self.previous, self.is_black)
    }

    /// Takes the new pixels of `tiles` from a frame of the picture's size, for an update whose map is
    /// empty as yet. `origins` names for each tile of the canvas where in the cache it is expected to
    /// be found as a whole, if anywhere; of the tiles that differ from that it names nothing then.
    pub(crate) fn take<W: Send>(
        &mut self,
        frame: FrameView<'_>,
        tiles: &Region,
        origins: &mut [Option<Place>],
        workers: &Workers<W>,
    ) {
        let Self {
            previous,
            born,
            updates,
            is_black,
            current,
            stale,
            kept,
            map,
            cache,
            colours,
            ..
        } = self;
        let grid = tiles.grid();
        let before = Before { previous, is_black: *is_black, born, updates: *updates, stale, map };
        let source = Source { frame, tiles, colours, cache };
        let rows = 0..grid.rows() as usize;
        let band =
            TakeBand { band: IntakeBand { grid, rows, current: current.rows() }, kept, origins };
        let Ok(()) = workers.divide(band, 1, |band| {
            band.take(source, before);
            Ok::<_, Infallible>(())
        });
        stale.fill(false);
    }

    /// Of the blocks of `tile`, which [`Self::take`] took, those that show what they did before: a
    /// bit for each in the order of the map.
    pub(crate) fn kept(&self, tile: TileIndex) -> u64 {
        self.kept.get(tile.0 as usize).copied().unwrap_or(0)
    }

    /// Whether the blocks in `columns` of a row show what they did before, where [`Self::take`] took
    /// `tiles` and nothing else has changed. What lies outside the canvas does.
    pub(crate) fn keeps(&self, tiles: &Region, columns: Range<u16>, row: u16) -> bool {
        let side = TILE / BLOCK as u16;
        let (grid, row) = (tiles.grid(), usize::from(row));
        let (width, height) = self.map.dimensions();
        row >= height
            || (columns.start / side..columns.end.min(width as u16).div_ceil(side)).all(|at| {
                let tile = grid.index(u32::from(at), (row / usize::from(side)) as u32);
                let ((first, top), (blocks, _)) = self.map.extent(tile);
                let kept = self.kept(tile) >> ((row - top) * blocks);
                let asked = usize::from(columns.start).max(first)..usize::from(columns.end);
                let asked = asked.start - first..asked.end.min(first + blocks) - first;
                let mask = ((1_u64 << asked.len()) - 1) << asked.start;
                !tiles.contains(tile) || kept & mask == mask
            })
    }

    /// Brings the new picture up to date where the update at hand, whose map is known, leaves blocks
    /// as they are.
    pub(crate) fn refresh<W: Send>(&mut self, workers: &Workers<W>) {
        let Self { previous, born, updates, is_black, current, stale, map, .. } = self;
        if !stale.contains(&true) {
            return;
        }
        let grid = map.grid();
        let before = Before { previous, is_black: *is_black, born, updates: *updates, stale, map };
        let rows = 0..grid.rows() as usize;
        let band = IntakeBand { grid, rows, current: current.rows() };
        let Ok(()) = workers.divide(band, 1, |mut band| {
            band.refresh(before);
            Ok::<_, Infallible>(())
        });
        stale.fill(false);
    }

    /// Leaves a tile out of the update at hand: its pixels become the previous ones again.
    pub(crate) fn leave(&mut self, tile: TileIndex, rect: Rect) {
        self.map.set_unchanged(tile);
        self.revert(rect);
    }

    /// Gives the new picture of `rect` back for the previous one.
    pub(crate) fn revert(&mut self, rect: Rect) {
        self.current.copy_rect(&self.previous, rect);
    }

    /// Takes the new picture of `rect` for the previous one, without a past.
    pub(crate) fn accept(&mut self, rect: Rect) {
        self.previous.copy_rect(&self.current, rect);
        self.is_black = false;
    }

    /// Makes the blocks without pixels in `current`.
    ///
    /// # Errors
    /// When a copy names no vector, or its source leaves the canvas or is not in the cache.
    pub(crate) fn place_copies<W: Send>(&mut self, workers: &Workers<W>) -> Result<(), Rule> {
        let Self { previous, past, current, map, cache, .. } = self;
        let size = current.size();
        let rows = 0..map.dimensions().1;
        let band = CurrentBand { rows, height: BLOCK, current: current.rows() };
        let sources = CopySources { size, map, previous, past, cache };
        workers.divide(band, GRAIN_ROWS, |band| band.place(sources))
    }

    /// Codes the pixels of the map's lanes, each with its coder, and beside them puts into the cache
    /// what goes there; in parallel where threads are idle.
    ///
    /// # Errors
    /// When the cache has no room for what goes there.
    pub(crate) fn code_pixels<C: Coder + Send, W: Send>(
        &mut self,
        coders: &mut [C],
        workers: &Workers<W>,
    ) -> Result<(), Rule> {
        let Self { previous, past, is_black, current, map, cache, colours, lanes, .. } = self;
        let past = pasts(past, previous, *is_black);
        let sources = Sources { map, previous, past, colours };
        let (followed, ()) = workers.join(
            || map.directives.follow(cache, previous),
            || lanes.code(current, coders, sources, workers),
        );
        followed
    }

    /// Ends the update: what it overwrote becomes past, and its picture the previous one.
    pub(crate) fn commit<W: Send>(&mut self, workers: &Workers<W>) {
        let Self { previous, past: [former, stable], born, current, stale, map, .. } = self;
        self.updates += 1;
        let (columns, rows) = map.dimensions();
        let (former, stable) = (former.rows(), stable.rows());
        let band = CommitBand { rows: 0..rows, columns, former, stable, born };
        // Of what is black no past need be kept.
        let (update, keeps_past) = (self.updates, !self.is_black);
        self.is_black = false;
        let Ok(()) = workers.divide(band, GRAIN_ROWS, |band| {
            band.commit(map, previous, update, keeps_past);
            Ok::<_, Infallible>(())
        });
        std::mem::swap(previous, current);
        for (stale, changed) in stale.iter_mut().zip(map.changed_tiles()) {
            *stale |= changed;
        }
    }
}

/// Both older contents. While all is black `previous` stands for them, so that memory that was never
/// written is not read.
#[inline(always)]
const fn pasts<'a>(
    [former, stable]: &'a [Picture; 2],
    previous: &'a Picture,
    is_black: bool,
) -> [&'a Picture; 2] {
    if is_black { [previous; 2] } else { [former, stable] }
}

/// Rows of blocks that one thread works on at a time.
const GRAIN_ROWS: usize = 8;

/// Rows of tiles or blocks, of which one thread writes the new pixels.
struct CurrentBand<'a> {
    rows: Range<usize>,
    /// Pixels from one row to the next.
    height: usize,
    current: Rows<'a>,
}

impl Divide for CurrentBand<'_> {
    fn len(&self) -> usize {
        self.rows.len()
    }

    fn divide(self, middle: usize) -> (Self, Self) {
        let Self { rows, height, current } = self;
        let row = rows.start + middle;
        let (above, below) = current.split_at(row * height);
        (
            Self { rows: rows.start..row, height, current: above },
            Self { rows: row..rows.end, height, current: below },
        )
    }
}

/// What copies read.
#[derive(Clone, Copy)]
struct CopySources<'a> {
    size: Size,
    map: &'a BlockMap,
    previous: &'a Picture,
    past: &'a [Picture; 2],
    cache: &'a Cache,
}

impl CurrentBand<'_> {
    /// Makes the copies in rows of blocks.
    fn place(mut self, sources: CopySources<'_>) -> Result<(), Rule> {
        let CopySources { size, map, previous, past: [former, stable], cache } = sources;
        let current = &mut self.current;
        for row in self.rows {
            for (columns, mode) in map.runs(row) {
                // What is skipped in an exact tile is there already.
                if mode.has_pixels() || mode == Mode::SKIP && !map.has_near(row, &columns) {
                    continue;
                }
                let rect = map.run_rect(&columns, row);
                let at = previous.at(usize::from(rect.x), usize::from(rect.y));
                let mut from = at;
                let source = match (mode, mode.vector()) {
                    (Mode::FORMER, _) => former,
                    (Mode::STABLE, _) => stable,
                    (_, None) => previous,
                    (_, Some(vector)) => {
                        let vector = map.vectors().get(vector).ok_or(Rule::VectorUnknown)?;
                        let source = vector.source(rect, size).ok_or(Rule::CopyOutside)?;
                        if let Some(page) = vector.page {
                            cache.copy(page, source, current, at)?;
                            continue;
                        }
                        from = previous.at(usize::from(source.x), usize::from(source.y));
                        previous
                    }
                };
                let (width, height) = (usize::from(rect.width), usize::from(rect.height));
                current.copy_area((at, width, height), source.pixels(), from);
            }
        }
        Ok(())
    }
}

/// Rows of blocks whose update one thread ends.
struct CommitBand<'a> {
    rows: Range<usize>,
    columns: usize,
    former: Rows<'a>,
    stable: Rows<'a>,
    born: &'a mut [u32],
}

impl Divide for CommitBand<'_> {
    fn len(&self) -> usize {
        self.rows.len()
    }

    fn divide(self, middle: usize) -> (Self, Self) {
        let Self { rows, columns, former, stable, born } = self;
        let row = rows.start + middle;
        let (above_born, below_born) = born.split_at_mut(middle * columns);
        let [(former, below_former), (stable, below_stable)] =
            [former, stable].map(|picture| picture.split_at(row * BLOCK));
        let above = Self { rows: rows.start..row, columns, former, stable, born: above_born };
        let below = Self {
            rows: row..rows.end,
            columns,
            former: below_former,
            stable: below_stable,
            born: below_born,
        };
        (above, below)
    }
}

impl CommitBand<'_> {
    fn commit(self, map: &BlockMap, previous: &Picture, update: u32, keeps_past: bool) {
        let Self { rows, columns, mut former, mut stable, born } = self;
        for (row, born) in rows.zip(born.chunks_mut(columns.max(1))) {
            for columns in map.changed_runs(row) {
                let born = &mut born[columns.clone()];
                if keeps_past {
                    let keep = |picture: &mut Rows<'_>, columns: Range<usize>| {
                        let rect = map.run_rect(&columns, row);
                        let at = previous.at(usize::from(rect.x), usize::from(rect.y));
                        let (width, height) = (usize::from(rect.width), usize::from(rect.height));
                        picture.copy_area((at, width, height), previous.pixels(), at);
                    };
                    for (updates, picture) in
                        [(FORMER_UPDATES, &mut former), (STABLE_UPDATES, &mut stable)]
                    {
                        let mut start = columns.start;
                        for run in
                            born.chunk_by(|a, b| (update - a >= updates) == (update - b >= updates))
                        {
                            let end = start + run.len();
                            if run.first().is_some_and(|born| update - born >= updates) {
                                keep(picture, start..end);
                            }
                            start = end;
                        }
                    }
                }
                born.fill(update);
            }
        }
    }
}
