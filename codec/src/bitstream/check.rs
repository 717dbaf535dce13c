//! The body of a check: which tiles are exact, as runs, and one hash of all of them.

use bytes::BufMut;

use super::error::{DecodeError, Rule};
use super::reader::Reader;
use super::writer::Writer;
use crate::geometry::{TileGrid, TileIndex};
use crate::region::Region;

/// Upper bound of the bytes of a run.
pub(crate) const MAX_CHECK_RUNS_BYTES: usize = 5;

/// What a check says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CheckBody {
    /// XXH3 with 64 bits over the tiles' hashes.
    pub(crate) hash: u64,
}

impl CheckBody {
    /// Writes the hash, then runs of tiles in turn not exact and exact.
    pub(crate) fn write(hash: u64, exact: &Region, out: &mut impl BufMut) {
        let mut writer = Writer::new(out);
        writer.bytes(&hash.to_le_bytes());
        let (mut run, mut of_exact) = (0, false);
        for tile in 0..exact.grid().tiles() {
            if exact.contains(TileIndex(tile)) != of_exact {
                writer.number(run);
                (run, of_exact) = (0, !of_exact);
            }
            run += 1;
        }
        writer.number(run);
    }

    /// Reads a check over `grid`; the exact tiles become `exact`.
    pub(crate) fn read(
        reader: &mut Reader<'_>,
        grid: TileGrid,
        exact: &mut Region,
    ) -> Result<Self, DecodeError> {
        let hash = reader.u64()?;
        let (mut at, mut of_exact, mut is_first) = (0, false, true);
        loop {
            let offset = reader.offset();
            let run = reader.number()?;
            // Only the first run may be empty, so that the tiles bound the work.
            if run > grid.tiles() - at || (run == 0 && !is_first) {
                return Err(Rule::CheckRuns.at(offset));
            }
            if of_exact {
                (at..at + run).for_each(|tile| exact.insert(TileIndex(tile)));
            }
            (at, of_exact, is_first) = (at + run, !of_exact, false);
            if at == grid.tiles() {
                reader.finish()?;
                return Ok(Self { hash });
            }
        }
    }
}
