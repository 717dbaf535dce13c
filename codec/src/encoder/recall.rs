//! Finds tiles that return from the cache as a whole, before anything is sought for their blocks.
//!
//! When a page, a slide or a window comes back, the hashes of its tiles say so at once. Such tiles are
//! compared with the cache while they are taken from the frame, and need neither anchors nor a search
//! for modes. Few tiles with the same vector are left to the search, which knows what stands around
//! them.

use super::Encoder;
use super::directory::Directory;
use super::tile::Candidate;
use crate::chain::{Cache, MAX_VECTORS, Place, Vector};

/// Vectors at most; the others are left for content that moved.
const MOST_VECTORS: usize = MAX_VECTORS / 2;

/// Vectors looked at. A choice: content that returns to more places at once is seldom.
const MOST_LOOKED_AT: usize = 32;

/// Tiles that a vector needs at least. A choice: with fewer the search takes little time.
const MIN_TILES: u32 = 32;

/// The vectors by which tiles return as a whole, those of most tiles first.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Returns {
    vectors: [Vector; MOST_VECTORS],
    count: usize,
}

impl Returns {
    /// The vectors by which enough of `candidates` return.
    fn find(directory: &Directory, cache: &Cache, candidates: &[Candidate]) -> Self {
        let mut looked_at = [(0_u32, Vector::default()); MOST_LOOKED_AT];
        let mut known = 0;
        for candidate in candidates.iter().filter(|candidate| candidate.is_whole()) {
            let hash = candidate.look.hash;
            let Some(vector) = directory.vector_of_tile(cache, candidate.tile, hash) else {
                continue;
            };
            match looked_at[..known].iter_mut().find(|(_, other)| *other == vector) {
                Some((tiles, _)) => *tiles += 1,
                None if known < MOST_LOOKED_AT => {
                    looked_at[known] = (1, vector);
                    known += 1;
                }
                None => {}
            }
        }
        let mut returns = Self::default();
        for place in &mut returns.vectors {
            let most = looked_at[..known].iter_mut().max_by_key(|(tiles, _)| *tiles);
            let Some((tiles, vector)) = most.filter(|(tiles, _)| *tiles >= MIN_TILES) else {
                break;
            };
            (*place, *tiles) = (*vector, 0);
            returns.count += 1;
        }
        returns
    }

    /// The vectors.
    pub(super) fn vectors(&self) -> &[Vector] {
        &self.vectors[..self.count]
    }

    /// The number of `vector`, if it is one of them.
    fn number(&self, vector: Vector) -> Option<u8> {
        self.vectors().iter().position(|other| *other == vector).map(|at| at as u8)
    }
}

impl Encoder {
    /// Says for each tile where in the cache it is expected to be found as a whole.
    pub(super) fn expect_returns(&mut self) -> Returns {
        let Self { line, directory, candidates, origins, .. } = self;
        origins.fill(None);
        let returns = Returns::find(directory, &line.cache, candidates);
        if returns.count > 0 {
            for candidate in candidates.iter().filter(|candidate| candidate.is_whole()) {
                let place = directory.find(&line.cache, candidate.look.hash);
                let is_return = |place: &Place| {
                    returns.number(directory.vector_from(*place, candidate.tile)).is_some()
                };
                origins[candidate.tile.0 as usize] = place.filter(is_return);
            }
        }
        returns
    }

    /// Notes which candidates have been found where they were expected.
    pub(super) fn note_returns(&mut self, returns: &Returns) {
        let Self { directory, candidates, origins, .. } = self;
        for candidate in candidates.iter_mut() {
            candidate.returns_by = origins[candidate.tile.0 as usize]
                .and_then(|place| returns.number(directory.vector_from(place, candidate.tile)));
        }
    }
}
