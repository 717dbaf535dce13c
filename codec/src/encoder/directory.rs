//! Directs the cache: which tiles go into it when they leave the screen, where they are found
//! again, and which pages make room.
//!
//! A tile is worth keeping when content that cost bytes is overwritten and has moved nowhere. It
//! is found by the hash of its pixels where tiles return as they were, and by its anchors
//! (see `motion`) where content returns elsewhere.

use super::motion::Anchor;
use crate::chain::{BLOCK, Cache, Directives, Line, Mode, PAGES, Place, Vector};
use crate::geometry::{Rect, TileGrid, TileIndex};

/// Guesses at the bytes of a block that returns: drawn content is known to the models by then,
/// photographs are not.
const GRAPHICS_WORTH: u8 = 4;
const PHOTO_WORTH: u8 = 60;

/// A tile is kept when so many bytes of it would be lost.
const MIN_WORTH: u32 = 64;

/// Logarithms of the places for hashes of tiles, and for anchors: some for each of a full cache.
const KEY_BITS: u32 = 13;
const ANCHOR_BITS: u32 = 16;

/// Of a tile's anchors one in four is remembered; it is chosen by its hash, so that the same are
/// looked up.
const SAMPLE_BITS: u32 = 2;

/// What stands where nothing is known to be held: nothing is found there either.
const NOWHERE: Place = Place { page: 0, tile: TileIndex(0) };

/// Of what a cache may hold so many tiles are used, or two screens of them if that is more: beside the
/// three pictures that a line has in any case. Both ends' memory grows with it.
const MOST_HELD: usize = 1_024;
const SCREENS_HELD: usize = 2;

/// An anchor of a tile held.
#[derive(Clone, Copy, Debug, Default)]
struct CachedAnchor {
    hash: u32,
    page: u8,
    x: u16,
    y: u16,
}

/// What is known of a page.
#[derive(Clone, Copy, Debug, Default)]
struct Page {
    tiles: u32,
    /// Bytes that its tiles would cost, by the guess made when they were put.
    worth: u32,
    /// Rises with use and with worth; the lowest is dropped first, and of equals that which was
    /// not used for longest.
    priority: u64,
    used: u64,
    /// Whether the update at hand reads from it.
    in_use: bool,
}

/// What the encoder knows about the cache.
#[derive(Debug)]
pub(super) struct Directory {
    grid: TileGrid,
    columns: usize,
    /// For each block of the chain's picture the bytes that are lost when it is overwritten, and
    /// the same for the picture in the making.
    worth: Vec<u8>,
    next_worth: Vec<u8>,
    /// Blocks that the update at hand copies to other places.
    moved: Vec<bool>,
    /// For each tile the hash of the chain's pixels, when these are the source's.
    keys: Vec<Option<u128>>,
    by_key: Vec<Place>,
    /// For each slot of the cache the hash of its tile.
    slot_keys: Vec<u128>,
    anchors: Vec<CachedAnchor>,
    pages: [Page; PAGES],
    /// The priority of what was dropped last.
    floor: u64,
    /// Updates since the cache was empty.
    updates: u64,
    /// Tiles that the update at hand puts, and their page.
    putting: Vec<TileIndex>,
    page: u8,
}

impl Directory {
    pub(super) fn new() -> Self {
        Self {
            grid: TileGrid::new(crate::geometry::Size::default()),
            columns: 0,
            worth: Vec::new(),
            next_worth: Vec::new(),
            moved: Vec::new(),
            keys: Vec::new(),
            by_key: vec![NOWHERE; 1 << KEY_BITS],
            slot_keys: Vec::new(),
            anchors: vec![CachedAnchor::default(); 1 << ANCHOR_BITS],
            pages: [Page::default(); PAGES],
            floor: 0,
            updates: 0,
            putting: Vec::new(),
            page: 0,
        }
    }

    /// Begins with a black picture and an empty cache.
    pub(super) fn reset(&mut self, line: &Line, grid: TileGrid) {
        let (columns, rows) = line.map.dimensions();
        (self.grid, self.columns) = (grid, columns);
        self.worth.resize(columns * rows, 0);
        self.next_worth.resize(columns * rows, 0);
        self.moved.resize(columns * rows, false);
        self.keys.clear();
        self.keys.resize(grid.tiles() as usize, None);
        self.slot_keys.resize(line.cache.capacity(), 0);
        self.putting.reserve(line.cache.capacity());
        self.renew();
        self.worth.fill(0);
    }

    /// Begins with an empty cache, whatever the picture shows.
    pub(super) fn renew(&mut self) {
        // What had been in the cache is not any more; how much it cost is forgotten.
        self.worth.fill(GRAPHICS_WORTH);
        self.slot_keys.fill(0);
        self.by_key.fill(NOWHERE);
        self.anchors.fill(CachedAnchor::default());
        self.pages = [Page::default(); PAGES];
        (self.floor, self.updates) = (0, 0);
        self.putting.clear();
    }

    /// Where the cache holds the tile whose pixels have the hash `key`.
    pub(super) fn find(&self, cache: &Cache, key: u128) -> Option<Place> {
        let place = self.by_key[key as usize % (1 << KEY_BITS)];
        let slot = cache.slot(place.page, place.tile)?;
        (self.slot_keys.get(slot) == Some(&key)).then_some(place)
    }

    /// The vector by which `tile`, whose pixels have the hash `key`, returns as a whole.
    pub(super) fn vector_of_tile(
        &self,
        cache: &Cache,
        tile: TileIndex,
        key: u128,
    ) -> Option<Vector> {
        self.find(cache, key).map(|place| self.vector_from(place, tile))
    }

    /// The vector by which `tile` returns from `place`.
    pub(super) fn vector_from(&self, place: Place, tile: TileIndex) -> Vector {
        let (from, to) = (self.grid.rect(place.tile), self.grid.rect(tile));
        Vector {
            page: Some(place.page),
            dx: from.x.wrapping_sub(to.x) as i16,
            dy: from.y.wrapping_sub(to.y) as i16,
        }
    }

    /// The vector by which the surroundings of `anchor` return.
    #[inline]
    pub(super) fn vector_of_anchor(&self, cache: &Cache, anchor: Anchor) -> Option<Vector> {
        let known = self.anchors.get(anchor_place(anchor.hash)?)?;
        if known.hash != anchor.hash {
            return None;
        }
        let side = crate::geometry::TILE;
        let tile = self.grid.index(u32::from(known.x / side), u32::from(known.y / side));
        cache.slot(known.page, tile)?;
        Some(Vector {
            page: Some(known.page),
            dx: known.x.wrapping_sub(anchor.x) as i16,
            dy: known.y.wrapping_sub(anchor.y) as i16,
        })
    }

    /// Decides what the update at hand, which changes `tiles`, does to the cache, and writes it
    /// into its map.
    pub(super) fn direct(
        &mut self,
        line: &mut Line,
        tiles: impl Iterator<Item = TileIndex> + Clone,
    ) {
        self.updates += 1;
        self.note_sources(line, tiles.clone());
        self.putting.clear();
        let mut siblings = [0_u32; PAGES];
        let mut worth = 0;
        for tile in tiles {
            let Some(key) = self.keys[tile.0 as usize] else { continue };
            if let Some(place) = self.find(&line.cache, key) {
                siblings[usize::from(place.page)] += u32::from(place.tile == tile);
                // It would have been put now.
                self.pages[usize::from(place.page)].in_use = true;
                self.forget_worth(line, tile);
                continue;
            }
            let lost = self.lost(line, tile);
            if lost >= MIN_WORTH && self.putting.len() < most_held(&line.cache, self.grid) {
                worth += lost;
                self.putting.push(tile);
                self.forget_worth(line, tile);
            }
        }
        self.raise();
        if self.putting.is_empty() {
            return;
        }
        let page = self.page_for(&siblings, &mut line.map.directives);
        self.page = page;
        self.make_room(line, page);
        line.map.directives.set_page(page);
        for &tile in &self.putting {
            line.map.directives.put(tile);
        }
        let state = &mut self.pages[usize::from(page)];
        state.worth += worth;
        state.priority = self.floor + u64::from(state.worth / state.tiles.max(1));
        state.used = self.updates;
    }

    /// Notes which blocks of the chain's picture the update moves, and which pages it reads.
    fn note_sources(&mut self, line: &Line, tiles: impl Iterator<Item = TileIndex>) {
        self.moved.fill(false);
        for page in &mut self.pages {
            page.in_use = false;
        }
        let vectors = line.map.vectors();
        for tile in tiles {
            for (column, row) in line.map.blocks(tile) {
                let vector = line.map.mode(column, row).vector().and_then(|at| vectors.get(at));
                let Some(vector) = vector else { continue };
                if let Some(page) = vector.page {
                    self.pages[usize::from(page)].in_use = true;
                    continue;
                }
                let source = self.middle_of(line.map.rect(column, row), *vector);
                if let Some(moved) = self.moved.get_mut(source) {
                    *moved = true;
                }
            }
        }
    }

    /// The bytes that are lost when `tile` is overwritten.
    fn lost(&self, line: &Line, tile: TileIndex) -> u32 {
        let blocks = line.map.blocks(tile);
        let lost = blocks.filter(|&(column, row)| line.map.mode(column, row) != Mode::SKIP);
        lost.map(|(column, row)| row * self.columns + column)
            .filter(|&at| !self.moved[at])
            .map(|at| u32::from(self.worth[at]))
            .sum()
    }

    /// Notes that what `tile` shows is in the cache.
    fn forget_worth(&mut self, line: &Line, tile: TileIndex) {
        for (column, row) in line.map.blocks(tile) {
            self.worth[row * self.columns + column] = 0;
        }
    }

    /// Raises the priority of the pages in use.
    fn raise(&mut self) {
        for page in self.pages.iter_mut().filter(|page| page.in_use) {
            page.priority = self.floor + u64::from(page.worth / page.tiles.max(1));
            page.used = self.updates;
        }
    }

    /// The page for the tiles to put: the one that holds most of what surrounded them, else an
    /// empty one.
    fn page_for(&mut self, siblings: &[u32; PAGES], directives: &mut Directives) -> u8 {
        let (page, most) =
            (0..=u8::MAX).zip(siblings).max_by_key(|(_, count)| **count).unwrap_or((0, &0));
        if *most as usize >= self.putting.len() {
            return page;
        }
        if let Some(page) = (0_u8..=u8::MAX).find(|&page| self.pages[usize::from(page)].tiles == 0)
        {
            return page;
        }
        let page = self.least(None);
        self.drop_page(page, directives);
        page
    }

    /// The page of the lowest priority but `kept` and, if possible, those in use.
    fn least(&self, kept: Option<u8>) -> u8 {
        let pages = (0..=u8::MAX).zip(&self.pages);
        let others = pages.filter(|(page, state)| Some(*page) != kept && state.tiles > 0);
        others
            .min_by_key(|(_, state)| (state.in_use, state.priority, state.used))
            .map_or(0, |(page, _)| page)
    }

    fn drop_page(&mut self, page: u8, directives: &mut Directives) {
        let state = &mut self.pages[usize::from(page)];
        self.floor = self.floor.max(state.priority);
        *state = Page::default();
        directives.drop_page(page);
    }

    /// Drops pages until what is put into `page` has room, and leaves out what has none even so.
    fn make_room(&mut self, line: &mut Line, page: u8) {
        let Line { map, cache, .. } = line;
        // A page that this update drops still has its tiles in the cache.
        let is_empty = self.pages[usize::from(page)].tiles == 0;
        let is_new = |tile: TileIndex| is_empty || cache.slot(page, tile).is_none();
        let new = self.putting.iter().filter(|&&tile| is_new(tile)).count();
        let held: usize = self.pages.iter().map(|page| page.tiles as usize).sum();
        let mut room = most_held(cache, self.grid).saturating_sub(held);
        while room < new {
            let least = self.least(Some(page));
            let tiles = self.pages[usize::from(least)].tiles as usize;
            if least == page || tiles == 0 {
                break;
            }
            room += tiles;
            self.drop_page(least, &mut map.directives);
        }
        let tiles = &mut self.pages[usize::from(page)].tiles;
        self.putting.retain(|&tile| {
            let takes_room = is_new(tile);
            let fits = !takes_room || room > 0;
            room -= usize::from(takes_room && fits);
            *tiles += u32::from(takes_room && fits);
            fits
        });
    }

    /// Notes what the update at hand has made of the chain's picture and of the cache. `anchors`
    /// gives the anchors of a tile that was put.
    pub(super) fn commit<'a>(&mut self, line: &Line, anchors: impl Fn(TileIndex) -> &'a [Anchor]) {
        let page = self.page;
        for &tile in &self.putting {
            let place = Place { page, tile };
            let key = self.keys[tile.0 as usize];
            let (Some(key), Some(slot)) = (key, line.cache.slot(page, tile)) else { continue };
            self.slot_keys[slot] = key;
            self.by_key[key as usize % (1 << KEY_BITS)] = place;
            for &Anchor { hash, x, y } in anchors(tile) {
                if let Some(at) = anchor_place(hash) {
                    self.anchors[at] = CachedAnchor { hash, page, x, y };
                }
            }
        }
    }

    /// Notes the worth of what the update shows in `tile`, and the hash of its pixels when these
    /// are the source's. To be called for all tiles that change, before [`Self::settle`].
    pub(super) fn note(&mut self, line: &Line, tile: TileIndex, key: Option<u128>) {
        self.keys[tile.0 as usize] = key;
        let vectors = line.map.vectors();
        for (column, row) in line.map.blocks(tile) {
            let at = row * self.columns + column;
            let mode = line.map.mode(column, row);
            let rect = line.map.rect(column, row);
            self.next_worth[at] = match (mode, mode.vector().and_then(|at| vectors.get(at))) {
                (Mode::SKIP, _) => self.worth[at],
                (Mode::GRAPHICS, _) if !line.previous.is_plain(rect) => GRAPHICS_WORTH,
                (Mode::PHOTO, _) => PHOTO_WORTH,
                (_, Some(vector)) if vector.page.is_none() => {
                    self.worth.get(self.middle_of(rect, *vector)).copied().unwrap_or(0)
                }
                _ => 0,
            };
        }
    }

    /// The block in which the middle of what `vector` moves to `rect` lies. Each vector takes the
    /// middles of different blocks from different blocks.
    const fn middle_of(&self, rect: Rect, vector: Vector) -> usize {
        let x = (rect.x as i32 + vector.dx as i32 + rect.width as i32 / 2) as usize / BLOCK;
        let y = (rect.y as i32 + vector.dy as i32 + rect.height as i32 / 2) as usize / BLOCK;
        y * self.columns + x
    }

    /// Ends the update.
    pub(super) fn settle(&mut self, line: &Line, tiles: impl Iterator<Item = TileIndex>) {
        for tile in tiles {
            for (column, row) in line.map.blocks(tile) {
                let at = row * self.columns + column;
                self.worth[at] = self.next_worth[at];
            }
        }
    }
}

/// How many tiles are held at most, of a canvas of `grid`.
fn most_held(cache: &Cache, grid: TileGrid) -> usize {
    cache.capacity().min(MOST_HELD.max(grid.tiles() as usize * SCREENS_HELD))
}

/// The place of an anchor, if it is one of those remembered.
#[inline(always)]
const fn anchor_place(hash: u32) -> Option<usize> {
    let mixed = hash.wrapping_mul(0x9e37_79b1);
    if mixed >> (32 - SAMPLE_BITS) == 0 {
        Some((mixed >> (32 - SAMPLE_BITS - ANCHOR_BITS)) as usize)
    } else {
        None
    }
}
