//! The picture that a viewer sees, and what is known about each of its tiles.
//!
//! Mostly that is the chain's own picture. Only while some tiles show something else, by a leaf, a
//! video or an epoch before, is there one apart from it.

use std::convert::Infallible;
use std::ops::Range;

use crate::bitstream::{TileBlock, tile_rows};
use crate::chain::{BlockMap, Claim, Picture};
use crate::frame::{BYTES_PER_PIXEL, Frame, FrameRows, FrameView};
use crate::geometry::{Rect, Size, TILE, TileGrid, TileIndex};
use crate::parallel::{Divide, Workers};
use crate::region::Region;
use crate::video;

/// One epoch's picture.
pub(super) struct Canvas {
    /// The picture apart from the chain's, while there is one.
    frame: Frame,
    is_apart: bool,
    /// Tiles that do not show the chain's picture.
    own: Region,
    pub(super) grid: TileGrid,
    pub(super) epoch: u32,
    /// Number of the chain update applied last.
    pub(super) chain: u32,
    /// Number of the update that wrote each tile last; 0 when none of this epoch did.
    versions: Vec<u32>,
    /// Number of the update that wrote all of each tile last, or all of a video in it: what a frame
    /// that is shown there must be newer than.
    insides: Vec<u32>,
    /// Tiles that equal the source's pixels as of their version.
    pub(super) exact: Region,
    /// Tiles that a check has found right since they were written.
    pub(super) verified: Region,
    /// Tiles that the update at hand shows, and whether each shows the chain's picture before it.
    shown: Vec<(TileIndex, bool)>,
    /// Tiles that show a video frame, and its rectangle.
    video_tiles: Region,
    video_rect: Rect,
}

impl Canvas {
    /// A black picture before its first update.
    pub(super) fn new(size: Size, epoch: u32) -> Self {
        let grid = TileGrid::new(size);
        Self {
            frame: Frame::black(Size::default()),
            is_apart: false,
            own: Region::empty(size),
            grid,
            epoch,
            chain: 0,
            versions: vec![0; grid.tiles() as usize],
            insides: vec![0; grid.tiles() as usize],
            exact: Region::empty(size),
            verified: Region::empty(size),
            shown: Vec::with_capacity(grid.tiles() as usize),
            video_tiles: Region::empty(size),
            video_rect: Rect::default(),
        }
    }

    /// What a viewer sees, where `chain` is the chain's picture.
    pub(super) fn view<'a>(&'a self, chain: &'a Picture) -> Option<FrameView<'a>> {
        if self.is_apart { Some(self.frame.view()) } else { chain.view() }
    }

    /// Sets the picture apart from `chain`, which no longer shows what is seen.
    pub(super) fn set_apart(&mut self, chain: &Picture) {
        if self.is_apart {
            return;
        }
        let size = self.grid.size();
        if self.frame.size() != size {
            self.frame = Frame::black(size);
        }
        chain.give(size.rect(), &mut self.frame.rows());
        self.is_apart = true;
    }

    /// The same before the chain's picture begins anew: all tiles go on showing what they do.
    pub(super) fn keep(&mut self, chain: &Picture) {
        self.set_apart(chain);
        self.own.fill();
    }

    /// Shows the chain's picture itself again once every tile shows it.
    pub(super) fn rejoin(&mut self) {
        self.is_apart = self.is_apart && !self.own.is_empty();
    }

    /// Forgets what was written and keeps the pixels.
    pub(super) fn restart(&mut self, epoch: u32) {
        (self.epoch, self.chain) = (epoch, 0);
        self.versions.fill(0);
        self.insides.fill(0);
        self.exact.clear();
        self.verified.clear();
        self.video_tiles.clear();
    }

    /// Number of the update that wrote `tile` last.
    pub(super) fn version(&self, tile: TileIndex) -> u32 {
        self.versions.get(tile.0 as usize).copied().unwrap_or(0)
    }

    /// Whether update `number` is newer than what `tile` shows; if so its version becomes it.
    fn takes(&mut self, tile: TileIndex, number: u32) -> bool {
        let Some(version) = self.versions.get_mut(tile.0 as usize) else { return false };
        let is_newer = *version < number;
        *version = (*version).max(number);
        is_newer
    }

    /// Shows the tiles of the chain's picture that update `number` changed by `map`.
    pub(super) fn show<W: Send>(
        &mut self,
        map: &BlockMap,
        chain: &Picture,
        number: u32,
        workers: &Workers<W>,
        changed: &mut Region,
    ) {
        self.shown.clear();
        for (tile, claim) in map.changed() {
            if self.takes(tile, number) {
                // What is exact came from the chain, and nothing has been shown over it.
                let is_known = self.exact.contains(tile);
                self.note(tile, claim, number, changed);
                self.shown.push((tile, is_known));
            }
        }
        if !self.is_apart {
            return;
        }
        let Self { frame, grid, shown, video_tiles, video_rect, .. } = self;
        let columns = grid.columns();
        let band = ShowBand { rows: 0..grid.rows(), columns, tiles: shown, frame: frame.rows() };
        let shown = workers.divide(band, 1, |mut band| {
            for &(tile, is_known) in band.tiles {
                let is_video = video_tiles.contains(tile);
                if is_known && !is_video {
                    map.changed_parts(tile).for_each(|part| chain.give(part, &mut band.frame));
                    continue;
                }
                for part in around_video(grid.rect(tile), is_video, *video_rect) {
                    chain.give(part, &mut band.frame);
                }
            }
            Ok::<_, Infallible>(())
        });
        let Ok(()) = shown;
        self.rejoin();
    }

    /// Shows `tile` of the chain's picture, which update `version` wrote last, also when it shows
    /// that version already; not when it shows a newer one. The picture has been set apart.
    pub(super) fn heal(
        &mut self,
        tile: TileIndex,
        chain: &Picture,
        version: u32,
        claim: Claim,
        changed: &mut Region,
    ) {
        if self.takes(tile, version) || self.version(tile) == version {
            self.note(tile, claim, version, changed);
            let is_video = self.video_tiles.contains(tile);
            for part in around_video(self.grid.rect(tile), is_video, self.video_rect) {
                chain.give(part, &mut self.frame.rows());
            }
        } else {
            self.own.insert(tile);
        }
    }

    fn note(&mut self, tile: TileIndex, claim: Claim, number: u32, changed: &mut Region) {
        if claim != Claim::AroundVideo {
            self.write_inside(tile, number);
            self.video_tiles.remove(tile);
            self.own.remove(tile);
        }
        if claim == Claim::Exact {
            self.exact.insert(tile);
        } else {
            self.exact.remove(tile);
        }
        self.verified.remove(tile);
        changed.insert(tile);
    }

    fn write_inside(&mut self, tile: TileIndex, number: u32) {
        if let Some(inside) = self.insides.get_mut(tile.0 as usize) {
            *inside = number;
        }
    }

    /// Shows a lossy picture of a block of tiles, `pixels` row by row without gaps, as update
    /// `number`, except where a newer update has written.
    pub(super) fn show_picture(
        &mut self,
        block: TileBlock,
        pixels: &[u8],
        number: u32,
        changed: &mut Region,
    ) {
        let whole = block.rect(self.grid);
        let stride_bytes = usize::from(whole.width) * BYTES_PER_PIXEL;
        for tile in block.tiles(self.grid) {
            if !self.takes(tile, number) {
                continue;
            }
            let rect = self.grid.rect(tile);
            let row_bytes = usize::from(rect.width) * BYTES_PER_PIXEL;
            for y in rect.y..rect.y + rect.height {
                let from = usize::from(y - whole.y) * stride_bytes
                    + usize::from(rect.x - whole.x) * BYTES_PER_PIXEL;
                let row = &pixels[from..from + row_bytes];
                self.frame.span_mut(rect.x, y, rect.width).copy_from_slice(row);
            }
            self.exact.remove(tile);
            self.verified.remove(tile);
            self.video_tiles.remove(tile);
            self.own.insert(tile);
            self.write_inside(tile, number);
            changed.insert(tile);
        }
    }

    /// Shows the video frame of `rect` that `decoder` has decoded last, in the tiles `shown` as update
    /// `number`, except where a newer update has written more than what stands around the video.
    pub(super) fn show_video(
        &mut self,
        rect: Rect,
        shown: &Region,
        decoder: &mut video::Decoder,
        number: u32,
        changed: &mut Region,
    ) {
        self.video_tiles.clear();
        self.video_rect = rect;
        for tile in shown.iter() {
            if self.insides.get(tile.0 as usize).is_some_and(|inside| *inside < number) {
                self.takes(tile, number);
                self.write_inside(tile, number);
                self.exact.remove(tile);
                self.verified.remove(tile);
                self.video_tiles.insert(tile);
                self.own.insert(tile);
                changed.insert(tile);
            }
        }
        // Row by row, so that each is made once however many tiles show it.
        let Self { frame: shown, grid, video_tiles, .. } = self;
        for tiles in tile_rows(rect, *grid) {
            let playing = || tiles.clone().filter(|tile| video_tiles.contains(*tile));
            let Some(first) = playing().next() else { continue };
            let rows = grid.rect(first).intersect(rect);
            for y in rows.y..rows.y + rows.height {
                let row = decoder.row(y - rect.y);
                for tile in playing() {
                    let part = grid.rect(tile).intersect(rect);
                    let from = usize::from(part.x - rect.x) * BYTES_PER_PIXEL;
                    let to = shown.span_mut(part.x, y, part.width);
                    to.copy_from_slice(&row[from..from + to.len()]);
                }
            }
        }
    }
}

/// The parts of a tile that an update of the chain writes: all of it, or what stands around `video` in
/// a tile that shows one.
fn around_video(tile: Rect, is_video: bool, video: Rect) -> impl Iterator<Item = Rect> {
    let kept = if is_video { video } else { Rect::default() };
    tile.outside(kept).into_iter().filter(|part| !part.is_empty())
}

/// Rows of tiles that one thread shows.
struct ShowBand<'a> {
    rows: Range<u32>,
    columns: u32,
    tiles: &'a [(TileIndex, bool)],
    frame: FrameRows<'a>,
}

impl Divide for ShowBand<'_> {
    fn len(&self) -> usize {
        self.rows.len()
    }

    fn divide(self, middle: usize) -> (Self, Self) {
        let Self { rows, columns, tiles, frame } = self;
        let row = rows.start + middle as u32;
        let (above, below) =
            tiles.split_at(tiles.partition_point(|(tile, _)| tile.0 < row * columns));
        let (upper, lower) = frame.split_at(row as u16 * TILE);
        (
            Self { rows: rows.start..row, columns, tiles: above, frame: upper },
            Self { rows: row..rows.end, columns, tiles: below, frame: lower },
        )
    }
}
