//! Finds by which vectors content moved, in any direction.
//!
//! *Anchors* are positions that their surroundings choose: where a hash of three spans of pixels has
//! a given form. They move with the content. The anchors of the frame before are looked up by hash, each
//! match votes for a vector, and the vectors with most votes are tried block by block. Where anchors repeat over and
//! over, as on a page of like lines, none votes at first; then each votes for all that it matches, and the vector by
//! which most of the picture moved gets most votes.

use std::convert::Infallible;

use super::directory::Directory;
use crate::chain::{BLOCK, Line, MAX_VECTORS, Picture, Place, Vector};
use crate::geometry::{Rect, TILE, TileGrid, TileIndex};
use crate::kernels::{self, Vectorized};
use crate::parallel::{Divide, Workers};
use crate::region::Region;

/// Logarithm of the places in the table of anchors: with one position in 32 an anchor, those of
/// 524,288 pixels without repetition, a quarter of a 1920x1080 screen.
const TABLE_BITS: u32 = 14;

/// Places for vectors to be voted for.
const BALLOTS: usize = 1024;

/// Votes that a vector needs at least: fewer happen by chance.
const MIN_VOTES: u32 = 3;

/// A position is an anchor when this many top bits of its hash are zero.
const ANCHOR_BITS: u32 = 5;

/// Rows below an anchor that its hash looks at: its own, the second and the last of them.
const ROWS_BELOW: usize = 5;

/// Pixels of a row that a hash looks at. Two or three letters of a terminal's type: fewer would be
/// the same in many places of a page in two colours, and no vector follows from those.
const SPAN: usize = 16;

const SIDE: usize = TILE as usize;

/// Repeated anchors vote when the best vector has fewer votes than this share of all anchors, as a divisor. Arbitrary:
/// content that is found at once gets more.
const FEW_VOTES: u32 = 8;

/// Of repeated anchors one in four votes; it is chosen by its hash, so that the same are looked up.
const REPEATED_SAMPLE: u32 = 4;

/// Logarithm of the number of lists of repeated anchors.
const LIST_BITS: u32 = 12;

/// Anchors looked at while repeated ones vote, after which no more do: some milliseconds at most. Those that vote are
/// spread over the picture in [`SPREAD`] rounds of every so many tiles. Choices, not measurements.
const MOST_LOOKS: u32 = 1 << 18;
const SPREAD: u32 = 16;

/// Rows of a tile that keep their anchors together where nothing changes.
const STRIP_ROWS: u16 = BLOCK as u16;

/// Tiles that one thread looks at at a time.
const ANCHOR_GRAIN: usize = 8;

/// A position and the hash of its surroundings.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Anchor {
    pub(super) x: u16,
    pub(super) y: u16,
    pub(super) hash: u32,
}

/// A place of the table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Entry {
    #[default]
    Empty,
    One {
        hash: u32,
        x: u16,
        y: u16,
    },
    /// Several anchors of one hash: no vector follows from it.
    Ambiguous {
        hash: u32,
    },
}

#[derive(Clone, Copy, Debug, Default)]
struct Ballot {
    vector: Vector,
    votes: u32,
}

/// Anchors of the picture before in lists, by hash.
#[derive(Debug)]
struct Likenesses {
    /// For each list its newest anchor, as one more than the index; 0 when there is none.
    newest: Vec<u32>,
    /// Each anchor with the next older one of its list.
    anchors: Vec<(Anchor, u32)>,
}

impl Likenesses {
    fn new() -> Self {
        Self { newest: vec![0; 1 << LIST_BITS], anchors: Vec::new() }
    }

    /// Makes room for the anchors of so many tiles; more are left out.
    fn reserve(&mut self, tiles: usize) {
        let most = tiles * MAX_ANCHORS / REPEATED_SAMPLE as usize;
        self.anchors.clear();
        self.anchors.reserve_exact(most);
    }

    fn clear(&mut self) {
        self.newest.fill(0);
        self.anchors.clear();
    }

    const fn list(hash: u32) -> usize {
        (hash >> (32 - LIST_BITS)) as usize
    }

    fn add(&mut self, anchor: Anchor) {
        if self.anchors.len() == self.anchors.capacity() {
            return;
        }
        let newest = &mut self.newest[Self::list(anchor.hash)];
        self.anchors.push((anchor, *newest));
        *newest = self.anchors.len() as u32;
    }

    /// The anchors in the list of `hash`, also those with other hashes.
    fn list_of(&self, hash: u32) -> impl Iterator<Item = Anchor> {
        let mut next = self.newest[Self::list(hash)];
        std::iter::from_fn(move || {
            let &(found, older) = self.anchors.get((next as usize).checked_sub(1)?)?;
            next = older;
            Some(found)
        })
    }
}

/// The search, and the anchors of the frame before.
#[derive(Debug)]
pub(super) struct Motion {
    table: Vec<Entry>,
    ballots: Vec<Ballot>,
    likenesses: Likenesses,
    kept: Vec<Kept>,
    /// Those of the picture before, where the update at hand replaces them.
    replaced: Vec<Kept>,
}

/// Votes of a whole tile that is in the cache.
const TILE_VOTES: u32 = 16;

/// Anchors of a tile that is worth to be found as a whole: plain ground has none, and is found
/// everywhere.
const MIN_ANCHORS: usize = 4;

/// Most anchors of a tile: half as many again as a tile without any repetition has on average.
/// With a fixed number nothing grows while frames pass.
const MAX_ANCHORS: usize = SIDE * SIDE / (1 << ANCHOR_BITS) * 3 / 2;

/// The anchors of a tile's pixels in the chain's picture, once they have been needed.
#[derive(Clone, Copy, Debug)]
struct Kept {
    is_known: bool,
    count: usize,
    anchors: [Anchor; MAX_ANCHORS],
}

impl Kept {
    const NEW: Self =
        Self { is_known: false, count: 0, anchors: [Anchor { x: 0, y: 0, hash: 0 }; MAX_ANCHORS] };

    fn anchors(&self) -> &[Anchor] {
        &self.anchors[..self.count]
    }

    /// The anchors that vote even when repeated.
    fn sampled(&self) -> impl Iterator<Item = Anchor> {
        // The lowest bits of every anchor's hash are the same.
        let is_sampled =
            |anchor: &Anchor| (anchor.hash >> ANCHOR_BITS).is_multiple_of(REPEATED_SAMPLE);
        self.anchors().iter().copied().filter(is_sampled)
    }

    /// The anchors in some rows.
    fn within(&self, rows: Rect) -> impl Iterator<Item = Anchor> {
        let range = rows.y..rows.y + rows.height;
        self.anchors().iter().copied().filter(move |anchor| range.contains(&anchor.y))
    }

    /// Appends an anchor; those that are too many are left out.
    #[inline(always)]
    fn push(&mut self, anchor: Anchor) {
        if let Some(place) = self.anchors.get_mut(self.count) {
            *place = anchor;
            self.count += 1;
        }
    }
}

impl Motion {
    pub(super) fn new() -> Self {
        Self {
            table: vec![Entry::Empty; 1 << TABLE_BITS],
            ballots: vec![Ballot::default(); BALLOTS],
            likenesses: Likenesses::new(),
            kept: Vec::new(),
            replaced: Vec::new(),
        }
    }

    /// Forgets all anchors, for a grid of so many tiles.
    pub(super) fn reset(&mut self, grid: TileGrid) {
        self.kept.resize(grid.tiles() as usize, Kept::NEW);
        self.replaced.resize(grid.tiles() as usize, Kept::NEW);
        self.likenesses.reserve(grid.tiles() as usize);
        self.kept.iter_mut().for_each(|kept| kept.is_known = false);
    }

    /// Forgets the anchors of a tile whose present pixels do not become the chain's.
    pub(super) fn forget(&mut self, tile: TileIndex) {
        if let Some(kept) = self.kept.get_mut(tile.0 as usize) {
            kept.is_known = false;
        }
    }

    /// Does without the anchors of a tile's new pixels until they are needed.
    pub(super) fn pass(&mut self, tile: TileIndex) {
        let at = tile.0 as usize;
        if let (Some(kept), Some(replaced)) = (self.kept.get_mut(at), self.replaced.get_mut(at)) {
            std::mem::swap(kept, replaced);
            kept.is_known = false;
        }
    }

    /// The anchors of the chain's picture before the update, in a tile that it changes. Those that
    /// [`Self::find_anchors`] was not asked for must have been found by [`Self::find_replaced`].
    pub(super) fn replaced(&self, tile: TileIndex) -> &[Anchor] {
        self.replaced.get(tile.0 as usize).map_or(&[], Kept::anchors)
    }

    /// Finds the anchors of `tiles`, in `previous`, which stands for the line's picture, and in the new
    /// one, but not of those that come from `origins` as a whole.
    pub(super) fn find_anchors<W: Send>(
        &mut self,
        previous: &Picture,
        line: &Line,
        tiles: &Region,
        origins: &[Option<Place>],
        workers: &Workers<W>,
    ) {
        let grid = tiles.grid();
        // What a frame keeps of the line's picture says nothing of another.
        let is_known = std::ptr::eq(previous, &line.previous);
        let Self { kept, replaced, .. } = self;
        let band = AnchorBand { first: 0, kept, replaced };
        let Ok(()) = workers.divide(band, ANCHOR_GRAIN, |band| {
            let pairs = band.kept.iter_mut().zip(band.replaced).zip(band.first..);
            for ((kept, replaced), tile) in pairs {
                let tile = TileIndex(tile);
                if origins.get(tile.0 as usize).is_some_and(Option::is_some) {
                    std::mem::swap(kept, replaced);
                    kept.is_known = false;
                } else if tiles.contains(tile) {
                    let rect = grid.rect(tile);
                    if !kept.is_known {
                        kept.count = 0;
                        find_anchors(previous, rect, kept);
                    }
                    kept.is_known = true;
                    std::mem::swap(kept, replaced);
                    kept.count = 0;
                    for (strip, is_still) in strips(line, tiles, rect) {
                        if is_known && is_still {
                            replaced.within(strip).for_each(|anchor| kept.push(anchor));
                        } else {
                            find_anchors(&line.current, strip, kept);
                        }
                    }
                    kept.is_known = true;
                }
            }
            Ok::<_, Infallible>(())
        });
    }

    /// Finds the anchors of the chain's picture in tiles that the update at hand puts into the cache,
    /// where nothing has asked for them yet.
    pub(super) fn find_replaced<W: Send>(&mut self, line: &Line, workers: &Workers<W>) {
        let (grid, directives) = (line.map.grid(), &line.map.directives);
        let band = ReplacedBand { first: 0, replaced: &mut self.replaced };
        let Ok(()) = workers.divide(band, ANCHOR_GRAIN, |band| {
            for (replaced, tile) in band.replaced.iter_mut().zip((band.first..).map(TileIndex)) {
                if directives.puts(tile) && !replaced.is_known {
                    replaced.count = 0;
                    find_anchors(&line.previous, grid.rect(tile), replaced);
                    replaced.is_known = true;
                }
            }
            Ok::<_, Infallible>(())
        });
    }

    /// The vectors by which content moved or returned to `tiles`, each with the hash of its
    /// pixels, from the picture before or the cache, after those of `known`. Their anchors have been
    /// found.
    pub(super) fn find<'a>(
        &mut self,
        line: &Line,
        directory: &Directory,
        tiles: impl Iterator<Item = (TileIndex, u128)> + Clone,
        known: &[Vector],
        into: &'a mut [Vector; MAX_VECTORS],
    ) -> &'a [Vector] {
        let Line { cache, .. } = line;
        into[..known.len()].copy_from_slice(known);
        if tiles.clone().next().is_none() {
            return &into[..known.len()];
        }
        self.table.fill(Entry::Empty);
        for (tile, _) in tiles.clone() {
            let Some(replaced) = self.replaced.get(tile.0 as usize) else { continue };
            for &Anchor { x, y, hash } in replaced.anchors() {
                let entry = &mut self.table[(hash >> (32 - TABLE_BITS)) as usize];
                *entry = match *entry {
                    Entry::Empty => Entry::One { hash, x, y },
                    Entry::One { hash: other, .. } if other == hash => Entry::Ambiguous { hash },
                    taken => taken,
                };
            }
        }
        self.ballots.fill(Ballot::default());
        let mut anchors = 0;
        for (tile, hash) in tiles.clone() {
            let Some(kept) = self.kept.get(tile.0 as usize) else { continue };
            anchors += kept.count as u32;
            if kept.count >= MIN_ANCHORS
                && let Some(vector) = directory.vector_of_tile(cache, tile, hash)
            {
                vote(&mut self.ballots, vector, TILE_VOTES);
            }
            for &anchor in kept.anchors() {
                match self.table[(anchor.hash >> (32 - TABLE_BITS)) as usize] {
                    Entry::One { hash, x, y } if hash == anchor.hash => {
                        let vector = Vector {
                            page: None,
                            dx: x.wrapping_sub(anchor.x) as i16,
                            dy: y.wrapping_sub(anchor.y) as i16,
                        };
                        vote(&mut self.ballots, vector, 1);
                    }
                    _ => {
                        if let Some(vector) = directory.vector_of_anchor(cache, anchor) {
                            vote(&mut self.ballots, vector, 1);
                        }
                    }
                }
            }
        }
        let most = self.ballots.iter().map(|ballot| ballot.votes).max().unwrap_or(0);
        if most < anchors / FEW_VOTES {
            self.vote_for_likenesses(&tiles.map(|(tile, _)| tile));
        }
        self.elect(known, into)
    }

    /// Lets repeated anchors of `tiles` vote for all vectors by which each may have moved.
    fn vote_for_likenesses(&mut self, tiles: &(impl Iterator<Item = TileIndex> + Clone)) {
        let Self { ballots, likenesses, kept, replaced, .. } = self;
        likenesses.clear();
        for tile in tiles.clone() {
            let anchors = replaced.get(tile.0 as usize).into_iter().flat_map(Kept::sampled);
            anchors.for_each(|anchor| likenesses.add(anchor));
        }
        let mut looks = 0;
        for round in 0..SPREAD {
            for tile in tiles.clone().filter(|tile| tile.0 % SPREAD == round) {
                for anchor in kept.get(tile.0 as usize).into_iter().flat_map(Kept::sampled) {
                    for Anchor { hash, x, y } in likenesses.list_of(anchor.hash) {
                        looks += 1;
                        if hash == anchor.hash {
                            let (dx, dy) = (x.wrapping_sub(anchor.x), y.wrapping_sub(anchor.y));
                            let vector = Vector { page: None, dx: dx as i16, dy: dy as i16 };
                            vote(ballots, vector, 1);
                        }
                    }
                    if looks > MOST_LOOKS {
                        return;
                    }
                }
            }
        }
    }

    /// Those with most votes beside `known`, which stand first in `into`.
    fn elect<'a>(&self, known: &[Vector], into: &'a mut [Vector; MAX_VECTORS]) -> &'a [Vector] {
        let mut best = [Ballot::default(); MAX_VECTORS];
        let mut count = 0;
        let is_new =
            |ballot: &&Ballot| ballot.votes >= MIN_VOTES && !known.contains(&ballot.vector);
        for &ballot in self.ballots.iter().filter(is_new) {
            let at = best[..count].partition_point(|other| other.votes >= ballot.votes);
            if at < MAX_VECTORS {
                count = (count + 1).min(MAX_VECTORS);
                best[at..count].rotate_right(1);
                best[at] = ballot;
            }
        }
        for (into, ballot) in into[known.len()..].iter_mut().zip(&best[..count]) {
            *into = ballot.vector;
        }
        &into[..(known.len() + count).min(MAX_VECTORS)]
    }
}

fn vote(ballots: &mut [Ballot], vector: Vector, votes: u32) {
    if vector == Vector::default() {
        return;
    }
    let mixed =
        (vector.dx as u32).wrapping_mul(0x9e37_79b1) ^ (vector.dy as u32).wrapping_mul(0x85eb_ca77);
    let mixed = mixed ^ vector.page.map_or(0, |page| u32::from(page) + 1).wrapping_mul(0xc2b2_ae3d);
    let place = (mixed ^ mixed >> 13).wrapping_mul(0x2c1b_3c6d) >> 22;
    let ballot = &mut ballots[place as usize % BALLOTS];
    if ballot.votes == 0 {
        ballot.vector = vector;
    }
    if ballot.vector == vector {
        ballot.votes += votes;
    }
}

/// Tiles whose anchors one thread finds.
struct AnchorBand<'a> {
    first: u32,
    kept: &'a mut [Kept],
    replaced: &'a mut [Kept],
}

impl Divide for AnchorBand<'_> {
    fn len(&self) -> usize {
        self.kept.len()
    }

    fn divide(self, middle: usize) -> (Self, Self) {
        let (kept, kept_after) = self.kept.split_at_mut(middle);
        let (replaced, replaced_after) = self.replaced.split_at_mut(middle);
        let first = self.first + middle as u32;
        (
            Self { first: self.first, kept, replaced },
            Self { first, kept: kept_after, replaced: replaced_after },
        )
    }
}

/// Tiles of which one thread finds the anchors of the chain's picture.
struct ReplacedBand<'a> {
    first: u32,
    replaced: &'a mut [Kept],
}

impl Divide for ReplacedBand<'_> {
    fn len(&self) -> usize {
        self.replaced.len()
    }

    fn divide(self, middle: usize) -> (Self, Self) {
        let (replaced, replaced_after) = self.replaced.split_at_mut(middle);
        let first = self.first + middle as u32;
        (Self { first: self.first, replaced }, Self { first, replaced: replaced_after })
    }
}

/// The rows of a tile in strips, each with whether all that its anchors look at is as before.
fn strips(line: &Line, tiles: &Region, tile: Rect) -> impl Iterator<Item = (Rect, bool)> {
    let end = tile.y + tile.height;
    let strip = move |y: u16| {
        let rows = Rect { y, height: STRIP_ROWS.min(end - y), ..tile };
        (rows, is_still(line, tiles, rows))
    };
    let mut next = Some(strip(tile.y));
    std::iter::from_fn(move || {
        let (mut rows, is_still) = next.take()?;
        // Strips that are alike are one.
        while rows.y + rows.height < end {
            let (more, is_too) = strip(rows.y + rows.height);
            if is_too != is_still {
                next = Some((more, is_too));
                break;
            }
            rows.height += more.height;
        }
        Some((rows, is_still))
    })
}

/// Whether all that the anchors of `strip` look at is as before.
fn is_still(line: &Line, tiles: &Region, strip: Rect) -> bool {
    let block = BLOCK as u16;
    let columns = strip.x / block..(strip.x + strip.width + SPAN as u16).div_ceil(block);
    let rows = strip.y / block..(strip.y + strip.height + ROWS_BELOW as u16).div_ceil(block);
    rows.into_iter().all(|row| line.keeps(tiles, columns.clone(), row))
}

/// Appends the anchors of some rows of a tile.
fn find_anchors(picture: &Picture, rect: Rect, into: &mut Kept) {
    kernels::vectorize(AnchorWalk { picture, rect, into });
}

struct AnchorWalk<'a> {
    picture: &'a Picture,
    rect: Rect,
    into: &'a mut Kept,
}

impl Vectorized for AnchorWalk<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { picture, rect, into } = self;
        let last_row = u32::from(picture.size().height).saturating_sub(ROWS_BELOW as u32);
        let bottom = rect.bottom().min(last_row) as u16;
        let mut hashes = [0_u32; SIDE];
        let mut spans = [[0_u32; SIDE]; ROWS_BELOW + 1];
        // Of each of these rows whether its pixels are all equal: then no anchor is in it.
        let mut plain = [false; ROWS_BELOW + 1];
        for y in usize::from(rect.y)..usize::from(rect.y) + ROWS_BELOW {
            let Some(row) = row_of(picture, rect.x, y) else { return };
            plain[y % (ROWS_BELOW + 1)] = hash_spans(row, &mut spans[y % (ROWS_BELOW + 1)]);
        }
        for y in rect.y..bottom {
            let first = usize::from(y);
            let Some(row) = row_of(picture, rect.x, first) else { return };
            let Some(last) = row_of(picture, rect.x, first + ROWS_BELOW) else { return };
            let below = (first + ROWS_BELOW) % (ROWS_BELOW + 1);
            plain[below] = hash_spans(last, &mut spans[below]);
            if plain[first % (ROWS_BELOW + 1)] {
                continue;
            }
            let [top, middle, below] =
                [0, 2, ROWS_BELOW].map(|down| &spans[(first + down) % (ROWS_BELOW + 1)]);
            let mut any = 0;
            for x in 0..SIDE {
                let sum = top[x]
                    .wrapping_add(middle[x].wrapping_mul(0x27d4_eb2f))
                    .wrapping_add(below[x].wrapping_mul(0x2c1b_3c6d));
                let hash = (sum ^ sum >> 15).wrapping_mul(0x297a_2d39);
                let is_plain = (row[x] == row[x + 4]) & (row[x] == row[x + 1]);
                let is_anchor = (hash >> (32 - ANCHOR_BITS) == 0) & !is_plain;
                // Never 0 for an anchor.
                hashes[x] = if is_anchor { hash << ANCHOR_BITS | 1 } else { 0 };
                any |= hashes[x];
            }
            if any == 0 {
                continue;
            }
            for (x, &hash) in (rect.x..).zip(&hashes[..usize::from(rect.width)]) {
                if hash != 0 {
                    into.push(Anchor { x, y, hash });
                }
            }
        }
    }
}

/// The pixels of a tile's row and those that the last spans reach beyond it.
#[inline(always)]
fn row_of(picture: &Picture, x: u16, y: usize) -> Option<&[u32; SIDE + SPAN]> {
    picture.pixels().get(picture.at(usize::from(x), y)..)?.first_chunk()
}

/// Factors of the steps of a span's hash.
const STEPS: [(usize, u32); 4] =
    [(1, 0x9e37_79b1), (2, 0x85eb_ca77), (4, 0xc2b2_ae3d), (8, 0x1656_67b1)];

/// Hashes the [`SPAN`] pixels from each position on: hashes of two neighbouring spans make that of
/// one twice as long. Returns whether all pixels are equal.
#[inline(always)]
fn hash_spans(row: &[u32; SIDE + SPAN], into: &mut [u32; SIDE]) -> bool {
    let [pixel, ..] = *row;
    let is_plain = row.iter().fold(0, |sum, other| sum | (other ^ pixel)) == 0;
    if is_plain {
        let twice = |hash: u32, (_, factor): (_, u32)| hash.wrapping_mul(factor).wrapping_add(hash);
        *into = [STEPS.into_iter().fold(pixel, twice); SIDE];
        return true;
    }
    let mut hashes = *row;
    for (reach, factor) in STEPS {
        for x in 0..SIDE + SPAN - 2 * reach {
            hashes[x] = hashes[x].wrapping_mul(factor).wrapping_add(hashes[x + reach]);
        }
    }
    into.copy_from_slice(&hashes[..SIDE]);
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::Size;

    /// The vectors found when all tiles of `line` change.
    fn vectors(line: &Line, size: Size) -> Vec<Vector> {
        let grid = TileGrid::new(size);
        let tiles = (0..grid.tiles()).map(|tile| (TileIndex(tile), 0));
        let mut directory = Directory::new();
        directory.reset(line, grid);
        let mut motion = Motion::new();
        motion.reset(grid);
        let mut vectors = [Vector::default(); MAX_VECTORS];
        let workers = Workers::new(1, || Ok(())).expect("a worker");
        motion.find_anchors(&line.previous, line, &Region::full(size), &[], &workers);
        let found = motion.find(line, &directory, tiles, &[], &mut vectors);
        found.to_vec()
    }

    #[test]
    fn spans_of_equal_pixels_hash_like_others() {
        for pixel in [0, 1, 0x00ff_ffff] {
            let mut plain = [0; SIDE];
            assert!(hash_spans(&[pixel; SIDE + SPAN], &mut plain));
            let mut other = [pixel; SIDE + SPAN];
            other[SIDE + SPAN - 1] ^= 1;
            let mut hashes = [0; SIDE];
            assert!(!hash_spans(&other, &mut hashes));
            // The last pixel is in no span but those beyond the tile.
            assert_eq!(plain, hashes);
        }
    }

    #[test]
    fn a_moved_rectangle_elects_its_vector() {
        let size = Size::new(300, 200);
        let mut line = Line::new(size);
        let before = &mut line.previous;
        let mut state = 7_u32;
        for y in 20..120 {
            for x in 30..150 {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                let at = before.at(x, y);
                before.pixels_mut()[at] = state >> 8;
            }
        }
        let (before, after) = (&line.previous, &mut line.current);
        for y in 20..120 {
            for x in 30..150 {
                let (from, to) = (before.at(x, y), after.at(x + 101, y + 37));
                after.pixels_mut()[to] = before.pixels()[from];
            }
        }
        let found = vectors(&line, size);
        assert_eq!(found.first(), Some(&Vector { page: None, dx: -101, dy: -37 }));
        let block = Rect::new(140, 64, 8, 8);
        assert_eq!(found[0].source(block, size), Some(Rect::new(39, 27, 8, 8)));
    }

    #[test]
    fn a_page_of_like_lines_elects_the_vector_that_moves_most_of_it() {
        let size = Size::new(512, 512);
        let mut line = Line::new(size);
        // Every 40 pixels to the right and every 30 down the page repeats itself.
        let pixel = |x: usize, y: usize| {
            let place = (x % 40 + 40 * (y % 30)) as u32;
            (place.wrapping_mul(0x9e37_79b1) ^ place << 7).wrapping_mul(0x85eb_ca77) >> 8
        };
        for y in 0..512 {
            for x in 0..512 {
                let at = line.previous.at(x, y);
                line.previous.pixels_mut()[at] = pixel(x, y);
                line.current.pixels_mut()[at] = pixel(x + 7, y + 5);
            }
        }
        let found = vectors(&line, size);
        let is_right = |vector: &Vector| (vector.dx - 7) % 40 == 0 && (vector.dy - 5) % 30 == 0;
        assert!(!found.is_empty() && found.iter().all(is_right), "{found:?}");
        assert_eq!(found[0], Vector { page: None, dx: 7, dy: 5 });
    }
}
