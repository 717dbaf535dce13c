//! What both sides of the chain remember.

use super::block_map::{BlockMap, Mode};
use super::cache::Cache;
use super::coder::Coder;
use super::lanes::{Lanes, Sources};
use super::picture::Picture;
use crate::bitstream::Rule;
use crate::colour::Colours;
use crate::geometry::{Rect, Size, TileIndex};
use crate::parallel::Workers;

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
    /// The picture as the update at hand makes it; between updates equal to `previous`.
    pub(crate) current: Picture,
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
            current: Picture::black(Size::default()),
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
        self.renew();
    }

    /// Forgets all but the picture: models, older contents, and how old blocks are.
    pub(crate) fn renew(&mut self) {
        let size = self.previous.size();
        self.past.iter_mut().for_each(|past| past.reset(size));
        self.map.reset(size);
        self.cache.reset(size);
        self.lanes.reset();
        let (columns, rows) = self.map.dimensions();
        self.born.clear();
        self.born.resize(columns * rows, 0);
        self.updates = 0;
    }

    /// The older content that `mode` stands for.
    #[inline(always)]
    pub(crate) fn past(&self, mode: Mode) -> Option<&Picture> {
        let [former, stable] = &self.past;
        match mode {
            Mode::FORMER => Some(former),
            Mode::STABLE => Some(stable),
            _ => None,
        }
    }

    /// Both older contents.
    pub(crate) const fn pasts(&self) -> &[Picture; 2] {
        &self.past
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
    }

    /// Makes the blocks without pixels in `current`.
    ///
    /// # Errors
    /// When a copy names no vector, or its source leaves the canvas or is not in the cache.
    pub(crate) fn place_copies(&mut self) -> Result<(), Rule> {
        let Self { previous, past: [former, stable], current, map, cache, .. } = self;
        let (_, rows) = map.dimensions();
        let size = current.size();
        for row in 0..rows {
            for (columns, mode) in map.runs(row) {
                // What is skipped in an exact tile is there already.
                if mode.has_pixels() || mode == Mode::SKIP && !map.has_near(row, &columns) {
                    continue;
                }
                let rect = map.run_rect(&columns, row);
                let at = current.at(usize::from(rect.x), usize::from(rect.y));
                let mut from = at;
                let source = match (mode, mode.vector()) {
                    (Mode::FORMER, _) => &*former,
                    (Mode::STABLE, _) => &*stable,
                    (_, None) => &*previous,
                    (_, Some(vector)) => {
                        let vector = map.vectors().get(vector).ok_or(Rule::VectorUnknown)?;
                        let source_of =
                            |block: Rect| vector.source(block, size).ok_or(Rule::CopyOutside);
                        if let Some(page) = vector.page {
                            for column in columns {
                                let block = map.rect(column, row);
                                let source = source_of(block)?;
                                let at = current.at(usize::from(block.x), usize::from(block.y));
                                cache.copy(page, source, current, at)?;
                            }
                            continue;
                        }
                        let source = source_of(rect)?;
                        from = current.at(usize::from(source.x), usize::from(source.y));
                        &*previous
                    }
                };
                let (width, height) = (usize::from(rect.width), usize::from(rect.height));
                current.copy_area((at, width, height), source, from);
            }
        }
        Ok(())
    }

    /// Codes the pixels of the map's lanes, in parallel when there are several, each with its coder.
    pub(crate) fn code_pixels<C: Coder + Send, W: Send>(
        &mut self,
        coders: &mut [C],
        workers: &Workers<W>,
    ) {
        let Self { previous, past, current, map, colours, lanes, .. } = self;
        lanes.code(current, coders, Sources { map, previous, past, colours }, workers);
    }

    /// Ends the update: what it overwrote becomes past or goes into the cache, and its picture
    /// becomes the previous one.
    ///
    /// # Errors
    /// When the cache has no room for what goes there.
    pub(crate) fn commit(&mut self) -> Result<(), Rule> {
        let Self { previous, past: [former, stable], born, current, map, cache, .. } = self;
        map.directives.follow(cache, previous)?;
        self.updates += 1;
        let (row_blocks, rows) = map.dimensions();
        for row in 0..rows {
            // Long rows of pixels, since memory is what this takes its time from.
            for (columns, _) in map.runs(row).filter(|(_, mode)| *mode != Mode::SKIP) {
                let born = &mut born[row * row_blocks..][columns.clone()];
                for (column, born) in columns.clone().zip(born) {
                    if self.updates - *born >= STABLE_UPDATES {
                        let rect = map.rect(column, row);
                        let at = current.at(usize::from(rect.x), usize::from(rect.y));
                        let (width, height) = (usize::from(rect.width), usize::from(rect.height));
                        stable.copy_area((at, width, height), previous, at);
                    }
                    *born = self.updates;
                }
                let rect = map.run_rect(&columns, row);
                let at = current.at(usize::from(rect.x), usize::from(rect.y));
                let (width, height) = (usize::from(rect.width), usize::from(rect.height));
                former.copy_area((at, width, height), previous, at);
                previous.copy_area((at, width, height), current, at);
            }
        }
        Ok(())
    }
}
