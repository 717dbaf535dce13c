//! Chooses a mode for each block of a changed tile.

use crate::chain::{BLOCK, Line, Mode, Picture, blocks_equal, is_near};
use crate::geometry::{Rect, TileIndex};
use crate::kernels::{self, Vectorized};

/// A block is a photograph when less than this share of its pixels repeats something, in percent.
const MIN_REPEATED_PERCENT: u32 = 20;

/// Or when less than this share does, and nearly all others lie close to a neighbour.
const MAX_REPEATED_PERCENT: u32 = 70;
const MIN_CLOSE_PER_FAR: u32 = 6;

/// What a tile's blocks turned out to be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct TileContent {
    /// Blocks in all.
    pub(super) blocks: u32,
    /// Blocks by the models of drawn content.
    pub(super) graphics: u32,
    /// Blocks of new photographic content.
    pub(super) photo: u32,
    /// Blocks that moved here or came back.
    pub(super) moved: u32,
    /// One bit for each block, in the order of the map: what it stands for is only near.
    near: u64,
    /// Whether blocks of photographs are coarse.
    pub(super) coarse: bool,
}

impl TileContent {
    /// Whether the tile will be known bit by bit.
    pub(super) const fn is_exact(&self) -> bool {
        self.near == 0 && !(self.coarse && self.photo > 0)
    }

    /// Blocks that are lossy now and would be photographs if they had to be exact.
    pub(super) const fn lossy_blocks(&self) -> u32 {
        let coarse = if self.coarse { self.photo } else { 0 };
        self.near.count_ones() + coarse
    }

    /// The same without loss.
    pub(super) const fn as_exact(self) -> Self {
        Self { photo: self.photo + self.near.count_ones(), near: 0, coarse: false, ..self }
    }
}

/// Which blocks of the chain's picture are only near the source.
#[derive(Debug, Default)]
pub(super) struct NearBlocks {
    columns: usize,
    near: Vec<bool>,
}

impl NearBlocks {
    /// Begins with every block exact.
    pub(super) fn reset(&mut self, line: &Line) {
        let (columns, rows) = line.map.dimensions();
        self.columns = columns;
        self.near.clear();
        self.near.resize(columns * rows, false);
    }

    /// Notes what the update at hand makes of a tile.
    pub(super) fn note(&mut self, line: &Line, tile: TileIndex, content: &TileContent) {
        for ((column, row), bit) in line.map.blocks(tile).zip(0..64) {
            let is_near = content.near >> bit & 1 == 1;
            self.near[row * self.columns + column] =
                is_near || line.map.mode(column, row) == Mode::COARSE;
        }
    }

    /// Whether a pixel of `rect`, which is not empty and at most a block large, may be only near.
    #[inline(always)]
    fn under(&self, rect: Rect) -> bool {
        let block = BLOCK as u32;
        let columns = usize::from(rect.x) / BLOCK..=((rect.right() - 1) / block) as usize;
        let mut rows = usize::from(rect.y) / BLOCK..=((rect.bottom() - 1) / block) as usize;
        rows.any(|row| columns.clone().any(|column| self.near[row * self.columns + column]))
    }
}

/// Chooses the modes of `tile`, whose new pixels are in the line's current picture. With `lossy`
/// photographs may be approximate.
pub(super) fn choose_modes(
    line: &mut Line,
    near_blocks: &NearBlocks,
    tile: TileIndex,
    lossy: bool,
) -> TileContent {
    kernels::vectorize(ModeSearch { line, near_blocks, tile, lossy })
}

/// Makes a tile exact after all.
pub(super) fn make_exact(line: &mut Line, tile: TileIndex, content: &mut TileContent) {
    if content.is_exact() {
        return;
    }
    for ((column, row), bit) in line.map.blocks(tile).zip(0..) {
        if content.near >> bit & 1 == 1 || line.map.mode(column, row) == Mode::COARSE {
            line.map.set_mode(column, row, Mode::PHOTO);
        }
    }
    *content = content.as_exact();
}

struct ModeSearch<'a> {
    line: &'a mut Line,
    near_blocks: &'a NearBlocks,
    tile: TileIndex,
    lossy: bool,
}

impl Vectorized for ModeSearch<'_> {
    type Output = TileContent;

    #[inline(always)]
    fn run(self) -> TileContent {
        let Self { line, near_blocks, tile, lossy } = self;
        let mut content = TileContent { coarse: lossy, ..TileContent::default() };
        for ((column, row), bit) in line.map.blocks(tile).zip(0..64) {
            let block = Block::new(line, column, row);
            let (width, height) = (block.width, block.height);
            content.blocks += 1;
            let mut mode = block.find(|_, p, q| blocks_equal(p, q, width, height));
            if mode.is_none() {
                let is_photo = block.is_photo();
                if lossy {
                    // What is near already needs no new pixels, whatever it shows; what is exact
                    // stands for photographs only.
                    mode = block.find(|source, p, q| {
                        (is_photo || source.is_some_and(|source| near_blocks.under(source)))
                            && blocks_near(p, q, width, height)
                    });
                    content.near |= u64::from(mode.is_some()) << bit;
                }
                if mode.is_none() && is_photo {
                    content.photo += 1;
                    mode = Some(if lossy { Mode::COARSE } else { Mode::PHOTO });
                }
            }
            let mode = mode.unwrap_or(Mode::GRAPHICS);
            content.graphics += u32::from(mode == Mode::GRAPHICS);
            content.moved += u32::from(mode != Mode::SKIP && !mode.has_pixels());
            line.map.set_mode(column, row, mode);
        }
        content
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
    fn new(line: &'a Line, column: usize, row: usize) -> Self {
        let rect = line.map.rect(column, row);
        Self {
            line,
            rect,
            at: line.current.at(usize::from(rect.x), usize::from(rect.y)),
            width: usize::from(rect.width),
            height: usize::from(rect.height),
            neighbours: line.map.neighbours(column, row),
        }
    }

    /// The first mode without pixels whose source `matches` the block. It is given the source's
    /// place in the chain's picture, where it has one.
    #[inline(always)]
    fn find(
        &self,
        matches: impl Fn(Option<Rect>, (&Picture, usize), (&Picture, usize)) -> bool,
    ) -> Option<Mode> {
        let line = self.line;
        let here = (&line.current, self.at);
        if matches(Some(self.rect), here, (&line.previous, self.at)) {
            return Some(Mode::SKIP);
        }
        let is_past =
            |mode: &Mode| line.past(*mode).is_some_and(|past| matches(None, here, (past, self.at)));
        if let Some(mode) = self.neighbours.into_iter().find(is_past) {
            return Some(mode);
        }
        let is_copy = |vector: &usize| {
            let source = line.map.vectors()[*vector].source(self.rect, line.current.size());
            source.is_some_and(|source| {
                let at = line.previous.at(usize::from(source.x), usize::from(source.y));
                matches(Some(source), here, (&line.previous, at))
            })
        };
        let likely = self.neighbours.into_iter().filter_map(Mode::vector);
        if let Some(vector) = likely.chain(0..line.map.vectors().len()).find(is_copy) {
            return Some(Mode::copy(vector));
        }
        [Mode::FORMER, Mode::STABLE].into_iter().find(is_past)
    }

    /// Whether the block is a photograph rather than drawn.
    #[inline(always)]
    fn is_photo(&self) -> bool {
        let line = self.line;
        let stride = line.current.stride();
        let [former, stable] = line.pasts();
        let (mut repeated, mut far) = (0, 0);
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
                repeated += texture.repeated;
                far += texture.far;
            }
        }
        let pixels = (self.width * self.height) as u32;
        let close = pixels - repeated - far;
        repeated * 100 < pixels * MIN_REPEATED_PERCENT
            || repeated * 100 < pixels * MAX_REPEATED_PERCENT && far * MIN_CLOSE_PER_FAR < close
    }
}

/// Whether each pixel of a block is near the one of another; see [`is_near`].
#[inline(always)]
fn blocks_near(
    (a, a_at): (&Picture, usize),
    (b, b_at): (&Picture, usize),
    width: usize,
    height: usize,
) -> bool {
    (0..height).all(|row| {
        let (i, j) = (a_at + row * a.stride(), b_at + row * b.stride());
        let pairs = a.pixels()[i..i + width].iter().zip(&b.pixels()[j..j + width]);
        pairs.fold(true, |near, (&a, &b)| near & is_near(a, b))
    })
}
