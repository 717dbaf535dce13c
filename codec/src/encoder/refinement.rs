//! How many tiles of refinement take how many bytes.
//!
//! What is refined is coded exactly and goes on the chain, where damage that comes meanwhile waits for
//! it: so no more may be in one update than the path carries in a moment.

/// First guess at the bytes of a tile: photographs without loss take about half of their pixels' bytes.
const TILE_BYTES: usize = 6_000;

/// How much the latest update counts beside those before, one in so many.
const MEMORY: usize = 4;

/// Learns what tiles take that are refined.
#[derive(Debug)]
pub(super) struct Refinement {
    tile_bytes: usize,
}

impl Default for Refinement {
    fn default() -> Self {
        Self { tile_bytes: TILE_BYTES }
    }
}

impl Refinement {
    /// How many tiles fit `bytes`; one at least, unless there is no room at all.
    pub(super) fn tiles_in(&self, bytes: usize) -> usize {
        (bytes / self.tile_bytes).max(bytes.min(1))
    }

    /// Learns that an update that refines `tiles`, and does nothing else, has `bytes`.
    pub(super) fn learn(&mut self, tiles: usize, bytes: usize) {
        if let Some(latest) = bytes.checked_div(tiles) {
            self.tile_bytes = ((self.tile_bytes * (MEMORY - 1) + latest) / MEMORY).max(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_tiles_as_fit_by_what_the_last_ones_took() {
        let mut refinement = Refinement::default();
        assert_eq!(refinement.tiles_in(0), 0);
        assert_eq!(refinement.tiles_in(1), 1);
        assert_eq!(refinement.tiles_in(13_000), 2);
        for _ in 0..20 {
            refinement.learn(4, 4_000);
        }
        assert!((12..=13).contains(&refinement.tiles_in(13_000)));
        refinement.learn(0, 10);
        refinement.learn(100, 0);
        assert!(refinement.tiles_in(usize::MAX) > 0);
    }
}
