//! Slices: tiles of the line's picture that build on nothing, for decoders that hold less of it than
//! the others.
//!
//! The canvas is divided into *cells* of 4 by 4 tiles. A slice holds the tiles of a cell that are
//! asked for. It is kept while none of them changes, so that several decoders cost one coding.

use bytes::BufMut;

use super::Encoder;
use super::blocks::choose_modes;
use super::emit::code_body;
use super::payload::{Payload, Payloads};
use crate::bitstream::{
    Kind, MAX_HEADER_BYTES, MAX_PICTURE_HEADER_BYTES, PictureHeader, StreamRanges, TileBlock,
    Track, UpdateHeader, Writer,
    palette::{self, MAX_PALETTE_BYTES},
};
use crate::chain::{Claim, Line};
use crate::colour::Colours;
use crate::geometry::{Size, TileGrid, TileIndex};
use crate::region::Region;

/// Tiles along a side of a cell. A choice: models are new in each, and a whole cell of text is a few
/// kilobytes.
const CELL_TILES: u32 = 4;

/// How far a line has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Position {
    /// The epoch; 0 before the first.
    pub epoch: u32,
    /// Number of the last chain update in it; 0 before the first.
    pub number: u32,
}

/// The slice of a cell that was made last.
#[derive(Debug, Default)]
struct Cell {
    /// One bit for each tile that it holds.
    tiles: u32,
    /// Number of the chain update after which it was made.
    made_at: u32,
    /// The picture's header and its payload.
    bytes: Vec<u8>,
}

/// The slices made last, and the line that they are coded with.
#[derive(Debug)]
pub(super) struct Slices {
    line: Line,
    columns: u32,
    cells: Vec<Cell>,
    /// Cells of the update at hand.
    chosen: Vec<usize>,
    /// Where the next update begins: where the budget ended the one before, so that cells which change
    /// all the time do not keep others away.
    first: usize,
    payload: Vec<u8>,
}

impl Slices {
    pub(super) fn new() -> Self {
        Self {
            line: Line::new(Size::default()),
            columns: 0,
            cells: Vec::new(),
            chosen: Vec::new(),
            first: 0,
            payload: Vec::new(),
        }
    }

    /// Forgets all slices.
    pub(super) fn reset(&mut self, grid: TileGrid) {
        self.columns = grid.columns().div_ceil(CELL_TILES);
        let cells = self.columns * grid.rows().div_ceil(CELL_TILES);
        self.cells.clear();
        self.cells.resize_with(cells as usize, Cell::default);
        self.first = 0;
    }

    /// The tiles of a cell.
    fn block(&self, cell: usize, grid: TileGrid) -> TileBlock {
        let (column, row) = (cell as u32 % self.columns, cell as u32 / self.columns);
        let (column, row) = (column * CELL_TILES, row * CELL_TILES);
        let columns = (grid.columns() - column).min(CELL_TILES);
        let rows = (grid.rows() - row).min(CELL_TILES);
        TileBlock::new(grid.index(column, row), columns as u8, rows as u8)
    }
}

impl Encoder {
    /// How far the line has come.
    #[must_use]
    pub const fn position(&self) -> Position {
        Position { epoch: self.epoch, number: self.chain }
    }

    /// The tiles of the frames that are coded.
    #[must_use]
    pub const fn grid(&self) -> TileGrid {
        self.grid
    }

    /// Adds to `tiles` those that the chain has written since update `number` of this epoch; all
    /// that it has written, for 0. A set over another grid is emptied first.
    pub fn written_since(&self, number: u32, tiles: &mut Region) {
        if tiles.grid() != self.grid {
            *tiles = Region::empty(self.grid.size());
        }
        for (state, at) in self.tiles.iter().zip(0..) {
            if state.written > number {
                tiles.insert(TileIndex(at));
            }
        }
    }

    /// Makes an update of slices for a decoder to which `tiles` of the line's picture are missing,
    /// into `out`, and takes those that it holds out of `tiles`. With `starts` the decoder is of
    /// another epoch than this line, or of none.
    ///
    /// The update goes to that decoder alone, in the order of its chain. About `budget_bytes` are
    /// made, and one slice at least. Returns whether nothing is missing any more: then, after
    /// [`Self::reset_line`], the decoder can follow the line's next update. Until then it follows
    /// none, unless it held a whole line at this position before. The next call of
    /// [`Self::encode`] makes a check. A line without a first update has no slices: its first
    /// update serves everybody.
    pub fn repair(
        &mut self,
        tiles: &mut Region,
        starts: bool,
        budget_bytes: usize,
        out: &mut Payloads,
    ) -> bool {
        out.clear();
        if self.chain == 0 {
            return false;
        }
        if tiles.grid() != self.grid {
            tiles.clone_from(&Region::empty(self.grid.size()));
        }
        self.slices.chosen.clear();
        let first = std::mem::take(&mut self.slices.first);
        let mut bytes = 0;
        for cell in (first..self.slices.cells.len()).chain(0..first) {
            let block = self.slices.block(cell, self.grid);
            let mut wanted = 0;
            for (tile, bit) in block.tiles(self.grid).zip(0..) {
                // What the chain never wrote is black everywhere.
                let is_written = self.tiles[tile.0 as usize].written > 0;
                wanted |= u32::from(tiles.contains(tile) && is_written) << bit;
            }
            if wanted != 0 {
                if bytes >= budget_bytes {
                    self.slices.first = cell;
                    break;
                }
                self.make_slice(cell, block, wanted);
                bytes += self.slices.cells[cell].bytes.len();
                self.slices.chosen.push(cell);
            }
            block.tiles(self.grid).for_each(|tile| tiles.remove(tile));
        }
        let is_complete = tiles.is_empty();
        if is_complete {
            self.check.ask();
        }
        // What is exact is so in the line's colours, which the decoder may not know.
        let palette = match &self.line.colours {
            Colours::Palette(palette) => Some(palette),
            Colours::Standard | Colours::HighColour => None,
        };
        let header = UpdateHeader {
            start: starts.then(|| self.grid.size()),
            colours: self.line.colours.mode(),
            has_palette: palette.is_some(),
            ..UpdateHeader::new(Kind::Slices, self.epoch, self.chain, 0)
        };
        let Slices { cells, chosen, .. } = &self.slices;
        // The mark of a complete set, and the number of slices in at most five bytes.
        let most = MAX_HEADER_BYTES + MAX_PALETTE_BYTES + 1 + 5 + bytes;
        let bytes = self.buffers.cut(most, |buffer| {
            header.write(buffer);
            if let Some(palette) = palette {
                palette::write(palette, buffer);
            }
            let mut writer = Writer::new(buffer);
            writer.u8(u8::from(is_complete));
            writer.number(chosen.len() as u32);
            for &cell in chosen {
                buffer.put_slice(&cells[cell].bytes);
            }
        });
        out.push(Payload { track: Track::Chain, number: self.chain, begins_video: false, bytes });
        is_complete
    }

    /// Makes the slice of a cell with the tiles of `wanted`, unless there is one already.
    fn make_slice(&mut self, cell: usize, block: TileBlock, wanted: u32) {
        let Self {
            slices,
            line: source,
            originals,
            tiles,
            grid,
            load,
            streams,
            workers,
            chain,
            ..
        } = self;
        let Slices { line, cells, payload, .. } = slices;
        let Some(cell) = cells.get_mut(cell) else { return };
        let state = |tile: TileIndex| &tiles[tile.0 as usize];
        let held = |bit: u32| cell.tiles >> bit & 1 == 1;
        let is_current = block
            .tiles(*grid)
            .zip(0..)
            .all(|(tile, bit)| !held(bit) || state(tile).written <= cell.made_at);
        if wanted & !cell.tiles == 0 && is_current {
            return;
        }
        let rect = block.rect(*grid);
        let within = TileGrid::new(Size::new(rect.width, rect.height));
        let chosen = || block.tiles(*grid).zip(0..).filter(|(_, bit)| wanted >> bit & 1 == 1);
        line.reset(within.size());
        load.begin(&line.map);
        for (tile, bit) in chosen() {
            line.current.copy_from(within.rect(TileIndex(bit)), &source.previous, grid.rect(tile));
            let (modes, content) = choose_modes(line, originals, None, TileIndex(bit), None);
            modes.write(&mut line.map, TileIndex(bit));
            load.add(&line.map, TileIndex(bit), &content);
            let is_exact = state(tile).written_exactly;
            let claim = if is_exact { Claim::Exact } else { Claim::Lossy };
            line.map.set_changed(TileIndex(bit), claim);
        }
        load.part(&mut line.map);
        let lanes = code_body(line, streams, workers, false);
        payload.clear();
        for stream in &streams[..lanes] {
            StreamRanges::write(stream.segments(), stream.plain(), payload);
        }
        for (tile, _) in chosen() {
            Writer::new(payload).number(state(tile).written);
        }
        (cell.tiles, cell.made_at) = (wanted, *chain);
        cell.bytes.clear();
        cell.bytes.reserve(MAX_PICTURE_HEADER_BYTES + payload.len());
        PictureHeader::write(block, payload.len(), &mut cell.bytes);
        cell.bytes.extend_from_slice(payload);
    }
}
