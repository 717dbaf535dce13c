//! Chooses a mode for each block of a changed tile.

use super::originals::Originals;
use super::text::TextSearch;
use crate::chain::{BLOCK, BlockMap, Line, Mode, Picture, blocks_equal};
use crate::colour::ColourMode;
use crate::geometry::{Rect, TILE, TileIndex};
use crate::kernels::{self, Texture, Vectorized};

/// Blocks along a side of a tile.
const TILE_BLOCKS: usize = TILE as usize / BLOCK;

/// A block is a photograph when less than this share of its pixels repeats something, in percent.
const MIN_REPEATED_PERCENT: u32 = 20;

/// Or when less than this share does, and nearly all others lie close to a neighbour.
const MAX_REPEATED_PERCENT: u32 = 70;
const MIN_CLOSE_PER_FAR: u32 = 6;

/// The same in a line's first update: most of it is new, so that it takes the longest, and repeated
/// pixels cost most of the time of drawn content. Key frames of photographs, wallpapers and
/// slides take 20 % less time for 1 to 6 % more bytes.
const MAX_REPEATED_PERCENT_FIRST: u32 = 96;

/// The share where there are 256 colours. A choice; it tells film from what is drawn, no more.
const MAX_REPEATED_PERCENT_PALETTE: u32 = 60;

/// What a tile's blocks turned out to be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct TileContent {
    /// Blocks in all.
    pub(super) blocks: u32,
    /// Blocks by the models of drawn content.
    pub(super) graphics: u32,
    /// Blocks of new photographic content, and those of them that are approximate.
    pub(super) photo: u32,
    pub(super) transform: u32,
    /// Of each row of blocks the pixels of drawn content that repeat nothing.
    pub(super) drawn_pixels: [u16; TILE_BLOCKS],
    /// Blocks that moved here or came back.
    pub(super) moved: u32,
    /// One bit for each block, in the order of the map: it shows older pixels that are approximate.
    near: u64,
}

impl TileContent {
    /// Whether the tile will be known bit by bit.
    pub(super) const fn is_exact(&self) -> bool {
        self.near == 0 && self.transform == 0
    }

    /// Whether most of what changed has not been seen before.
    pub(super) const fn is_mostly_new(&self) -> bool {
        self.photo + self.graphics > self.moved
    }

    /// Blocks that are lossy now and would be photographs if they had to be exact.
    pub(super) const fn lossy_blocks(&self) -> u32 {
        self.near.count_ones() + self.transform
    }

    /// The same without loss.
    pub(super) const fn as_exact(self) -> Self {
        Self { photo: self.photo + self.near.count_ones(), near: 0, transform: 0, ..self }
    }

    /// Whether the block with number `bit` shows older pixels that are approximate.
    pub(super) const fn is_near(&self, bit: u32) -> bool {
        self.near >> bit & 1 == 1
    }
}

/// The modes of a tile's blocks, row by row, each of eight.
#[derive(Clone, Copy, Debug)]
pub(super) struct TileModes([[Mode; TILE_BLOCKS]; TILE_BLOCKS]);

impl TileModes {
    pub(super) const SKIP: Self = Self([[Mode::SKIP; TILE_BLOCKS]; TILE_BLOCKS]);

    /// The modes to the left of a block and above it, as far as they are in the tile: what stands
    /// in another may be found at the same time.
    #[inline(always)]
    fn neighbours(&self, column: usize, row: usize) -> [Mode; 2] {
        let (x, y) = (column % TILE_BLOCKS, row % TILE_BLOCKS);
        let west = x.checked_sub(1).map_or(Mode::SKIP, |west| self.0[y][west]);
        let north = y.checked_sub(1).map_or(Mode::SKIP, |north| self.0[north][x]);
        [west, north]
    }

    /// Writes the modes of `tile` into `map`.
    pub(super) fn write(&self, map: &mut BlockMap, tile: TileIndex) {
        for (column, row) in map.blocks(tile) {
            map.set_mode(column, row, self.0[row % TILE_BLOCKS][column % TILE_BLOCKS]);
        }
    }
}

/// Chooses the modes of `tile`, whose new pixels are in the line's current picture, and needs nothing
/// of other tiles' modes. With a search for text, photographs without it may be approximate. `kept`
/// tells the blocks that show what they did before, a bit each, if that is known.
pub(super) fn choose_modes(
    line: &Line,
    originals: &Originals,
    text: Option<&TextSearch>,
    tile: TileIndex,
    kept: Option<u64>,
) -> (TileModes, TileContent) {
    kernels::vectorize(ModeSearch { line, originals, text, tile, kept })
}

/// The modes of `tile` when all its blocks have `mode`, a copy of exact pixels.
pub(super) fn all_copied(map: &BlockMap, tile: TileIndex, mode: Mode) -> (TileModes, TileContent) {
    let blocks = TileBlocks::of(map, tile).count();
    let content = TileContent { blocks, moved: blocks, ..TileContent::default() };
    (TileModes([[mode; TILE_BLOCKS]; TILE_BLOCKS]), content)
}

/// Of some blocks of a tile, one in each row and column, how many show what a mode without pixels
/// would show, and how many of the others are photographs.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Sample {
    pub(super) blocks: u32,
    pub(super) known: u32,
    pub(super) photo: u32,
}

/// Looks at a sample of the blocks of `tile`, whose new pixels are in the line's current picture.
pub(super) fn sample(line: &Line, originals: &Originals, tile: TileIndex) -> Sample {
    kernels::vectorize(Sampling { line, originals, tile })
}

struct Sampling<'a> {
    line: &'a Line,
    originals: &'a Originals,
    tile: TileIndex,
}

impl Vectorized for Sampling<'_> {
    type Output = Sample;

    #[inline(always)]
    fn run(self) -> Sample {
        let Self { line, originals, tile } = self;
        let mut sample = Sample::default();
        for (column, row) in line.map.blocks(tile).filter(|(column, row)| column % 8 == row * 3 % 8)
        {
            let block = Block::new(line, column, row, [Mode::SKIP; 2]);
            sample.blocks += 1;
            let source = originals.picture(line);
            if block.equals(source, block.at) || block.find(source).is_some() {
                sample.known += 1;
            } else if block.is_photo(block.texture()) {
                sample.photo += 1;
            }
        }
        sample
    }
}

/// Makes a tile exact after all.
pub(super) fn make_exact(line: &mut Line, tile: TileIndex, content: &mut TileContent) {
    if content.is_exact() {
        return;
    }
    let photo = exact_photo(line);
    for ((column, row), bit) in line.map.blocks(tile).zip(0..) {
        if content.is_near(bit) || line.map.mode(column, row) == Mode::TRANSFORM {
            line.map.set_mode(column, row, photo);
        }
    }
    *content = content.as_exact();
}

/// How a photograph is coded without loss. Of 256 colours so many repeat that the models of drawn
/// content do better.
fn exact_photo(line: &Line) -> Mode {
    match line.colours.mode() {
        ColourMode::Standard | ColourMode::HighColour => Mode::PHOTO,
        ColourMode::Palette => Mode::GRAPHICS,
    }
}

/// The blocks of a tile by their numbers, in the order of the map.
#[derive(Clone, Copy)]
struct TileBlocks {
    first: (usize, usize),
    columns: usize,
    rows: usize,
}

impl TileBlocks {
    fn of(map: &BlockMap, tile: TileIndex) -> Self {
        let (first, (columns, rows)) = map.extent(tile);
        Self { first, columns, rows }
    }

    const fn count(self) -> u32 {
        (self.columns * self.rows) as u32
    }

    /// A bit for each.
    const fn all(self) -> u64 {
        match self.count() {
            64.. => u64::MAX,
            count => (1 << count) - 1,
        }
    }

    /// Column and row of a block, which is one of them.
    #[inline(always)]
    const fn place(self, bit: u32) -> (usize, usize) {
        let (column, row) = self.first;
        if self.columns == TILE_BLOCKS {
            return (column + bit as usize % TILE_BLOCKS, row + bit as usize / TILE_BLOCKS);
        }
        (column + bit as usize % self.columns, row + bit as usize / self.columns)
    }
}

/// Brings near what the blocks in `sought` are likely to be copied from: by the vector with most votes.
#[inline(always)]
fn fetch_sources(line: &Line, blocks: TileBlocks, sought: u64) {
    let Some(vector) = line.map.vectors().first().filter(|vector| vector.page.is_none()) else {
        return;
    };
    let picture = &line.previous;
    for bit in bits_of(sought) {
        let (column, row) = blocks.place(bit);
        if let Some(source) = vector.source(line.map.rect(column, row), picture.size()) {
            let at = picture.at(usize::from(source.x), usize::from(source.y));
            for row in 0..BLOCK {
                kernels::prefetch(picture.pixels(), at + row * picture.stride());
            }
        }
    }
}

/// The numbers of the ones in `bits`, from the lowest.
#[inline(always)]
fn bits_of(bits: u64) -> impl Iterator<Item = u32> {
    let rests = std::iter::successors(Some(bits), |rest| Some(rest & rest.wrapping_sub(1)));
    rests.take_while(|rest| *rest != 0).map(u64::trailing_zeros)
}

struct ModeSearch<'a> {
    line: &'a Line,
    originals: &'a Originals,
    text: Option<&'a TextSearch>,
    tile: TileIndex,
    /// The blocks that are as in the chain's picture, a bit each, where that is known.
    kept: Option<u64>,
}

impl Vectorized for ModeSearch<'_> {
    type Output = (TileModes, TileContent);

    #[inline(always)]
    fn run(self) -> (TileModes, TileContent) {
        let Self { line, originals, text, tile, kept } = self;
        let lossy = text.is_some();
        // Where the chain's picture only comes near its source, that has to be compared.
        let kept = kept.filter(|_| !originals.are_near());
        let mut modes = TileModes::SKIP;
        let mut content = TileContent::default();
        let blocks = TileBlocks::of(&line.map, tile);
        content.blocks = blocks.count();
        let sought = blocks.all() & !kept.unwrap_or(0);
        fetch_sources(line, blocks, sought);
        for bit in bits_of(sought) {
            let (column, row) = blocks.place(bit);
            let block = Block::new(line, column, row, modes.neighbours(column, row));
            // What may be approximate is as good where it shows the same pixels of the source.
            let source = if lossy { originals.picture(line) } else { &line.previous };
            let is_kept = kept.is_none() && block.equals(source, block.at);
            let mode = if is_kept { Some(Mode::SKIP) } else { block.find(source) };
            if lossy && let Some(shown) = mode {
                let is_near = block.is_near(originals, shown);
                content.near |= u64::from(is_near) << bit;
            }
            let mode = mode.unwrap_or_else(|| {
                let texture = block.texture();
                let mode = if block.is_photo(texture) {
                    content.photo += 1;
                    let is_lossy =
                        text.is_some_and(|text| !text.is_text(&line.current, column, row));
                    content.transform += u32::from(is_lossy);
                    if is_lossy { Mode::TRANSFORM } else { exact_photo(line) }
                } else {
                    content.graphics += 1;
                    Mode::GRAPHICS
                };
                if mode == Mode::GRAPHICS {
                    content.drawn_pixels[row % content.drawn_pixels.len()] +=
                        (block.pixels() - texture.repeated) as u16;
                }
                mode
            });
            content.moved += u32::from(mode != Mode::SKIP && !mode.has_pixels());
            modes.0[row % TILE_BLOCKS][column % TILE_BLOCKS] = mode;
        }
        (modes, content)
    }
}

/// A block under examination.
struct Block<'a> {
    line: &'a Line,
    rect: Rect,
    /// Its index in the pictures.
    at: usize,
    width: usize,
    height: usize,
    /// The modes to the left and above: the same again are the cheapest to code.
    neighbours: [Mode; 2],
}

impl<'a> Block<'a> {
    #[inline(always)]
    fn new(line: &'a Line, column: usize, row: usize, neighbours: [Mode; 2]) -> Self {
        let rect = line.map.rect(column, row);
        Self {
            line,
            rect,
            at: line.current.at(usize::from(rect.x), usize::from(rect.y)),
            width: usize::from(rect.width),
            height: usize::from(rect.height),
            neighbours,
        }
    }

    /// Whether the block equals what stands at index `at` of `picture`.
    #[inline(always)]
    fn equals(&self, picture: &Picture, at: usize) -> bool {
        blocks_equal((&self.line.current, self.at), (picture, at), self.width, self.height)
    }

    /// Where a copy by vector `vector` reads, and its index in the pictures.
    #[inline(always)]
    fn source(&self, vector: usize) -> Option<(Rect, usize)> {
        let line = self.line;
        let source = line.map.vectors().get(vector)?.source(self.rect, line.current.size())?;
        Some((source, line.current.at(usize::from(source.x), usize::from(source.y))))
    }

    /// The first mode without pixels that shows the block, which is not as before, where `source`
    /// stands for the chain's picture.
    #[inline(always)]
    fn find(&self, source: &Picture) -> Option<Mode> {
        let line = self.line;
        let is_past = |mode: &Mode| line.past(*mode).is_some_and(|past| self.equals(past, self.at));
        if let Some(mode) = self.neighbours.into_iter().find(is_past) {
            return Some(mode);
        }
        let vectors = line.map.vectors();
        let is_copy = |vector: &usize| match vectors.get(*vector).and_then(|vector| vector.page) {
            Some(page) => self.is_cached(*vector, page),
            None => self.source(*vector).is_some_and(|(_, at)| self.equals(source, at)),
        };
        let likely = self.neighbours.into_iter().filter_map(Mode::vector);
        let is_cached = |vector: &usize| vectors[*vector].page.is_some();
        let moved = (0..vectors.len()).filter(|vector| !is_cached(vector));
        if let Some(vector) = likely.chain(moved).find(is_copy) {
            return Some(Mode::copy(vector));
        }
        let past = [Mode::FORMER, Mode::STABLE].into_iter().find(is_past);
        past.or_else(|| {
            let returned = (0..vectors.len()).filter(is_cached).find(is_copy);
            returned.map(Mode::copy)
        })
    }

    /// Whether the block is what a copy by vector `vector` reads from `page` of the cache, which
    /// holds only exact pixels.
    #[inline(always)]
    fn is_cached(&self, vector: usize, page: u8) -> bool {
        let source = self.source(vector);
        let (cache, current) = (&self.line.cache, &self.line.current);
        source.is_some_and(|(source, _)| cache.equals(page, source, current, self.at))
    }

    /// Whether `mode`, by which the source's pixels are found again, shows them approximately.
    #[inline(always)]
    fn is_near(&self, originals: &Originals, mode: Mode) -> bool {
        let from = match mode.vector() {
            Some(vector) if self.line.map.vectors()[vector].page.is_none() => self.source(vector),
            None if mode == Mode::SKIP => Some((self.rect, self.at)),
            _ => None,
        };
        from.is_some_and(|(rect, at)| {
            originals.is_near(rect) && !self.equals(&self.line.previous, at)
        })
    }

    const fn pixels(&self) -> u32 {
        (self.width * self.height) as u32
    }

    /// What tells whether the block is a photograph.
    #[inline(always)]
    fn texture(&self) -> Texture {
        let line = self.line;
        let stride = line.current.stride();
        let [former, stable] = line.pasts();
        let mut sum = Texture::default();
        for row in 0..self.height {
            let at = self.at + row * stride;
            let rows = (
                line.current.pixels()[at..].first_chunk::<BLOCK>(),
                line.current.pixels()[at - 1..].first_chunk::<BLOCK>(),
                line.current.pixels()[at - stride..].first_chunk::<BLOCK>(),
                line.previous.pixels()[at..].first_chunk::<BLOCK>(),
                former.pixels()[at..].first_chunk::<BLOCK>(),
                stable.pixels()[at..].first_chunk::<BLOCK>(),
            );
            // The pictures' borders make a full row readable everywhere.
            if let (Some(block), Some(west), Some(north), Some(previous), Some(p), Some(q)) = rows {
                let texture = kernels::texture(block, west, north, [previous, p, q], self.width);
                sum.repeated += texture.repeated;
                sum.far += texture.far;
            }
        }
        sum
    }

    /// Whether the block is a photograph rather than drawn.
    const fn is_photo(&self, Texture { repeated, far }: Texture) -> bool {
        let pixels = self.pixels();
        if matches!(self.line.colours.mode(), ColourMode::Palette) {
            return repeated * 100 < pixels * MAX_REPEATED_PERCENT_PALETTE;
        }
        let close = pixels - repeated - far;
        let most = match self.line.is_first() {
            true => MAX_REPEATED_PERCENT_FIRST,
            false => MAX_REPEATED_PERCENT,
        };
        repeated * 100 < pixels * MIN_REPEATED_PERCENT
            || repeated * 100 < pixels * most && far * MIN_CLOSE_PER_FAR < close
    }
}
