//! The source's pixels, where the chain's picture only approximates them.
//!
//! Moved content is found by comparing source with source, so that an approximate photograph that
//! scrolls is copied as it is shown, with the error that it has.

use super::tile::Candidate;
use crate::chain::{BLOCK, Line, Mode, Picture};
use crate::frame::FrameView;
use crate::geometry::{Rect, Size, TILE, TileGrid};

/// What the chain's picture stands for.
#[derive(Debug)]
pub(super) struct Originals {
    columns: usize,
    /// For each block whether a pixel of it may be approximate, and how many such blocks there are.
    near: Vec<bool>,
    near_blocks: usize,
    /// The source's pixels; only kept while there are such blocks.
    picture: Picture,
    /// Of each tile of the update at hand the blocks whose source has changed.
    changed: Vec<u64>,
}

/// Blocks of a tile's side.
const TILE_BLOCKS: usize = TILE as usize / BLOCK;

impl Originals {
    pub(super) fn new() -> Self {
        let picture = Picture::black(Size::default());
        Self { columns: 0, near: Vec::new(), near_blocks: 0, picture, changed: Vec::new() }
    }

    /// Begins with every block exact.
    pub(super) fn reset(&mut self, line: &Line) {
        let (columns, rows) = line.map.dimensions();
        self.columns = columns;
        self.near.clear();
        self.near.resize(columns * rows, false);
        self.near_blocks = 0;
    }

    /// The source's pixels for every pixel of the chain's picture.
    pub(super) const fn picture<'a>(&'a self, line: &'a Line) -> &'a Picture {
        if self.near_blocks == 0 { &line.previous } else { &self.picture }
    }

    /// Whether any pixel of the chain's picture may be approximate.
    pub(super) const fn are_near(&self) -> bool {
        self.near_blocks > 0
    }

    /// Whether a pixel of `rect`, which is not empty and at most a block large, may be approximate.
    #[inline(always)]
    pub(super) fn is_near(&self, rect: Rect) -> bool {
        let block = BLOCK as u32;
        let columns = usize::from(rect.x) / BLOCK..=((rect.right() - 1) / block) as usize;
        let mut rows = usize::from(rect.y) / BLOCK..=((rect.bottom() - 1) / block) as usize;
        self.near_blocks > 0
            && rows.any(|row| columns.clone().any(|column| self.near[row * self.columns + column]))
    }

    /// Notes an update of `candidates` after the line has taken it. Of those around the video, which
    /// plays in `video`, the pixels in it stand for what they did before.
    pub(super) fn note(
        &mut self,
        line: &Line,
        frame: FrameView<'_>,
        grid: TileGrid,
        candidates: &[Candidate],
        video: Rect,
    ) {
        let were_exact = self.near_blocks == 0;
        for (candidate, taken) in candidates.iter().zip(0..) {
            self.note_tile(line, candidate, taken);
        }
        if self.near_blocks == 0 {
            return;
        }
        if were_exact {
            self.picture.become_like(&line.previous);
        }
        for (candidate, taken) in candidates.iter().zip(&self.changed) {
            let tile = grid.rect(candidate.tile);
            if candidate.around_video.is_some() {
                let parts = tile.outside(video);
                for part in parts.into_iter().filter(|part| !part.is_empty()) {
                    self.picture.take(frame, part, &line.colours);
                }
                continue;
            }
            for part in parts(*taken, tile) {
                self.picture.take(frame, part, &line.colours);
            }
        }
    }

    /// Notes which blocks of a tile are approximate now, and which differ from what was kept of them.
    fn note_tile(&mut self, line: &Line, candidate: &Candidate, at: usize) {
        let mut changed = 0;
        let (_, (columns, _)) = line.map.extent(candidate.tile);
        for ((column, row), bit) in line.map.blocks(candidate.tile).zip(0..64) {
            let mode = line.map.mode(column, row);
            let near = &mut self.near[row * self.columns + column];
            let is_near = candidate.content.is_near(bit)
                || mode == Mode::TRANSFORM
                || candidate.around_video.is_some() && *near;
            // What stays stays, but for a source that has become what was shown in its place.
            if mode != Mode::SKIP || *near && !is_near {
                changed |= 1 << (bit as usize / columns * TILE_BLOCKS + bit as usize % columns);
            }
            self.near_blocks = self.near_blocks + usize::from(is_near) - usize::from(*near);
            *near = is_near;
        }
        if self.changed.len() <= at {
            self.changed.resize(at + 1, 0);
        }
        self.changed[at] = changed;
    }
}

/// The parts of `tile` in which blocks have changed, eight bits for each row of blocks: in each row from
/// the first to the last.
fn parts(changed: u64, tile: Rect) -> impl Iterator<Item = Rect> {
    let block = BLOCK as u16;
    let rows = changed.to_le_bytes().into_iter().zip(0..);
    rows.filter(|(row, _)| *row != 0).map(move |(row, at)| {
        let (first, end) = (row.trailing_zeros() as u16, 8 - row.leading_zeros() as u16);
        let (x, y) = (first * block, at * block);
        let right = (end * block).min(tile.width);
        Rect::new(tile.x + x, tile.y + y, right - x, block.min(tile.height - y))
    })
}
