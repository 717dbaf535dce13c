//! Tiles that left the screen, kept by both sides of the chain for their return.
//!
//! The cache is a set of *pages*, each an older picture of the canvas of which only some tiles are
//! held. The encoder says which tiles of the chain's picture go into which page and which pages
//! are dropped; a copy reads from a page by a vector, across the borders of tiles, so that content
//! need not come back to where it stood.

use super::block_map::BLOCK;
use super::coder::Coder;
use super::model::Bit;
use super::picture::{Picture, Rows};
use crate::bitstream::Rule;
use crate::geometry::{Rect, Size, TILE, TileGrid, TileIndex};

/// Pages that can be named.
pub(crate) const PAGES: usize = 256;

/// Bits of a page's name.
pub(super) const PAGE_BITS: u32 = 8;

/// Tiles held at most, for each tile of the canvas and in all: 64 MiB of pixels.
const TILES_PER_TILE: u32 = 4;
const MAX_TILES: u32 = 4_096;

const SIDE: usize = TILE as usize;
const SLOT_PIXELS: usize = SIDE * SIDE;

/// A tile of a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) page: u8,
    pub(crate) tile: TileIndex,
}

/// The tiles held.
#[derive(Debug)]
pub(crate) struct Cache {
    grid: TileGrid,
    capacity: usize,
    /// For each page and tile the number of its slot, plus one; 0 where none is held. Taken, like
    /// the pixels, with the first tile put.
    slots: Vec<u16>,
    pixels: Vec<u32>,
    free: Vec<u16>,
}

impl Cache {
    pub(super) const fn new() -> Self {
        Self {
            grid: TileGrid::new(Size::new(0, 0)),
            capacity: 0,
            slots: Vec::new(),
            pixels: Vec::new(),
            free: Vec::new(),
        }
    }

    /// Holds nothing, for a canvas of `size`.
    pub(super) fn reset(&mut self, size: Size) {
        let grid = TileGrid::new(size);
        if self.grid != grid {
            self.grid = grid;
            self.capacity = (grid.tiles() * TILES_PER_TILE).min(MAX_TILES) as usize;
            self.slots = Vec::new();
            self.pixels = Vec::new();
        }
        self.slots.fill(0);
        self.free.clear();
        self.free.extend((0..self.capacity as u16).rev());
    }

    /// Tiles that can be held.
    pub(crate) const fn capacity(&self) -> usize {
        self.capacity
    }

    fn at(&self, page: u8, tile: TileIndex) -> usize {
        usize::from(page) * self.grid.tiles() as usize + tile.0 as usize
    }

    /// The slot in which `page` holds `tile`.
    #[inline(always)]
    pub(crate) fn slot(&self, page: u8, tile: TileIndex) -> Option<usize> {
        self.slots.get(self.at(page, tile)).and_then(|&slot| usize::from(slot).checked_sub(1))
    }

    /// The rows of a tile, each as long as a full tile's, if the page holds it.
    pub(super) fn tile(&self, place: Place) -> Option<&[[u32; SIDE]]> {
        let start = self.slot(place.page, place.tile)? * SLOT_PIXELS;
        Some(self.pixels.get(start..start + SLOT_PIXELS)?.as_chunks().0)
    }

    /// Drops all tiles of `page`.
    pub(super) fn drop_page(&mut self, page: u8) {
        let start = self.at(page, TileIndex(0));
        let end = start + self.grid.tiles() as usize;
        for slot in self.slots.get_mut(start..end).unwrap_or_default() {
            self.free.extend(slot.checked_sub(1));
            *slot = 0;
        }
    }

    /// Puts `tile` of `picture` into `page`, in place of the one that it holds there.
    ///
    /// # Errors
    /// When there is no room.
    pub(super) fn put(&mut self, page: u8, tile: TileIndex, picture: &Picture) -> Result<(), Rule> {
        if self.slots.is_empty() {
            // Zeroed memory of the system's, of which only what is used is ever touched.
            self.slots = vec![0; PAGES * self.grid.tiles() as usize];
            self.pixels = vec![0; self.capacity * SLOT_PIXELS];
        }
        let at = self.at(page, tile);
        if self.slots[at] == 0 {
            self.slots[at] = self.free.pop().ok_or(Rule::CacheFull)? + 1;
        }
        let rect = self.grid.rect(tile);
        let start = (usize::from(self.slots[at]) - 1) * SLOT_PIXELS;
        let width = usize::from(rect.width);
        for (y, row) in (usize::from(rect.y)..usize::from(rect.y) + usize::from(rect.height))
            .zip(self.pixels[start..start + SLOT_PIXELS].chunks_exact_mut(SIDE))
        {
            let from = picture.at(usize::from(rect.x), y);
            row[..width].copy_from_slice(&picture.pixels()[from..from + width]);
        }
        Ok(())
    }

    /// The rows of `part`, which lies in one tile of `page`, unless that is not held.
    #[inline(always)]
    fn rows(&self, page: u8, part: Rect) -> Option<impl Iterator<Item = &[u32]>> {
        let (x, y) = (usize::from(part.x), usize::from(part.y));
        let tile = self.grid.index((x / SIDE) as u32, (y / SIDE) as u32);
        let start = self.slot(page, tile)? * SLOT_PIXELS + y % SIDE * SIDE + x % SIDE;
        let width = usize::from(part.width);
        let rows = (0..usize::from(part.height)).map(move |row| start + row * SIDE);
        Some(rows.map(move |start| &self.pixels[start..start + width]))
    }

    /// Whether the block `source` of `page` is held and equals the pixels of `picture` at index
    /// `at`. It lies on the canvas.
    #[inline(always)]
    pub(crate) fn equals(&self, page: u8, source: Rect, picture: &Picture, at: usize) -> bool {
        parts(source).all(|(part, x, y)| {
            let at = at + y * picture.stride() + x;
            self.rows(page, part).is_some_and(|mut rows| {
                let mut starts = (at..).step_by(picture.stride());
                if part.width as usize == BLOCK {
                    return rows.all(|row| {
                        let here = starts.next().and_then(|at| picture.pixels().get(at..));
                        let pair = here
                            .and_then(<[u32]>::first_chunk::<BLOCK>)
                            .zip(row.first_chunk::<BLOCK>());
                        pair.is_some_and(|(p, q)| {
                            p.iter().zip(q).fold(0, |sum, (p, q)| sum | (p ^ q)) == 0
                        })
                    });
                }
                rows.all(|row| {
                    starts.next().is_some_and(|at| picture.pixels()[at..at + row.len()] == *row)
                })
            })
        })
    }

    /// Copies `source` of `page`, which lies on the canvas and is at most a block high, to index `at`
    /// of `picture`.
    ///
    /// # Errors
    /// When not all of it is held.
    pub(super) fn copy(
        &self,
        page: u8,
        source: Rect,
        picture: &mut Rows<'_>,
        at: usize,
    ) -> Result<(), Rule> {
        let stride = picture.stride();
        for (part, x, y) in parts(source) {
            let rows = self.rows(page, part).ok_or(Rule::CacheMissing)?;
            for (row, at) in rows.zip((at + y * stride + x..).step_by(stride)) {
                let to = picture.span(at, row.len());
                match (to.first_chunk_mut::<SIDE>(), row.first_chunk::<SIDE>()) {
                    // A fixed length needs no call.
                    (Some(to), Some(row)) => *to = *row,
                    _ => to.copy_from_slice(row),
                }
            }
        }
        Ok(())
    }
}

/// Cuts neighbouring blocks of a row at the borders of tiles; each part comes with its place in them.
#[inline(always)]
fn parts(blocks: Rect) -> impl Iterator<Item = (Rect, usize, usize)> {
    let left = blocks.width.min(TILE - blocks.x % TILE);
    let top = blocks.height.min(TILE - blocks.y % TILE);
    let rows = [(0, top), (top, blocks.height - top)];
    let columns = move || {
        let rest = (left..blocks.width).step_by(SIDE);
        std::iter::once((0, left)).chain(rest.map(move |x| (x, (blocks.width - x).min(TILE))))
    };
    let all = rows.into_iter().flat_map(move |row| columns().map(move |column| (column, row)));
    all.filter(|((_, width), (_, height))| *width > 0 && *height > 0).map(
        move |((x, width), (y, height))| {
            let part = Rect::new(blocks.x + x, blocks.y + y, width, height);
            (part, usize::from(x), usize::from(y))
        },
    )
}

/// The models of directives.
#[derive(Clone, Debug)]
struct DirectiveModels {
    any: Bit,
    dropped: Bit,
    put: [Bit; 4],
}

impl DirectiveModels {
    const NEW: Self = Self { any: Bit::NEW, dropped: Bit::NEW, put: [Bit::NEW; 4] };
}

/// What an update does to the cache once its copies have been made.
#[derive(Clone, Debug)]
pub(crate) struct Directives {
    /// Pages to drop, first of all.
    dropped: Vec<u8>,
    /// The page that takes tiles, and for each tile whether it goes there.
    page: u8,
    put: Vec<bool>,
    models: DirectiveModels,
}

impl Directives {
    pub(super) fn new() -> Self {
        Self {
            dropped: Vec::with_capacity(PAGES),
            page: 0,
            put: Vec::new(),
            models: DirectiveModels::NEW,
        }
    }

    /// Forgets everything, for a canvas of so many tiles.
    pub(super) fn reset(&mut self, tiles: usize) {
        self.put.resize(tiles, false);
        self.models = DirectiveModels::NEW;
        self.clear();
    }

    /// Directs nothing.
    pub(super) fn clear(&mut self) {
        self.dropped.clear();
        self.put.fill(false);
    }

    /// Adds a page to drop. There are at most [`PAGES`].
    pub(crate) fn drop_page(&mut self, page: u8) {
        self.dropped.push(page);
    }

    /// Names the page that takes tiles.
    pub(crate) const fn set_page(&mut self, page: u8) {
        self.page = page;
    }

    /// Adds a tile, which the update changes.
    pub(crate) fn put(&mut self, tile: TileIndex) {
        self.put[tile.0 as usize] = true;
    }

    /// Whether `tile` goes into the page named.
    pub(crate) fn puts(&self, tile: TileIndex) -> bool {
        self.put.get(tile.0 as usize) == Some(&true)
    }

    /// Codes the directives; `changed` says which tiles the update changes.
    pub(super) fn code<C: Coder>(&mut self, coder: &mut C, changed: &[bool], columns: usize) {
        let Self { dropped, page, put, models } = self;
        let any = !dropped.is_empty() || put.contains(&true);
        if !coder.bit(&mut models.any, any) {
            return;
        }
        for at in 0..PAGES {
            if !coder.bit(&mut models.dropped, at < dropped.len()) {
                break;
            }
            let name = dropped.get(at).map_or(0, |&page| u32::from(page));
            let name = coder.raw(PAGE_BITS, name) as u8;
            if !C::ENCODES {
                dropped.push(name);
            }
        }
        *page = coder.raw(PAGE_BITS, u32::from(*page)) as u8;
        for tile in (0..put.len()).filter(|&tile| changed[tile]) {
            let west = tile % columns.max(1) > 0 && put[tile - 1];
            let north = tile.checked_sub(columns).is_some_and(|above| put[above]);
            let context = usize::from(west) + 2 * usize::from(north);
            put[tile] = coder.bit(&mut models.put[context], put[tile]);
        }
    }

    /// Does to `cache` what is directed; `picture` is the chain's before the update.
    ///
    /// # Errors
    /// When there is no room for a tile.
    pub(super) fn follow(&self, cache: &mut Cache, picture: &Picture) -> Result<(), Rule> {
        for &page in &self.dropped {
            cache.drop_page(page);
        }
        for tile in (0..).map(TileIndex).zip(&self.put).filter(|(_, put)| **put) {
            cache.put(self.page, tile.0, picture)?;
        }
        Ok(())
    }
}
