//! Compares what is shown with the source's hashes.

use super::{Checked, Decoder};
use crate::bitstream::{CheckBody, DecodeError, Reader};
use crate::geometry::{TileGrid, TileIndex};
use crate::hash::{hash_of_hashes, short_hash};
use crate::kernels;
use crate::region::Region;

impl Decoder {
    /// The tiles that were found equal to the source, by a check of their hashes, and have not been
    /// written since.
    #[must_use]
    pub fn verified(&self) -> Option<&Region> {
        self.canvas.as_ref().map(|canvas| &canvas.verified)
    }

    /// Whether every tile was found equal to the source by the latest check and none has been
    /// written since.
    #[must_use]
    pub fn is_verified(&self) -> bool {
        let canvas = self.canvas.as_ref();
        canvas.is_some_and(|canvas| canvas.verified.len() == canvas.grid.tiles() as usize)
    }

    /// The tiles of the check applied last, with the hashes of what was shown there: the lower
    /// halves of [`tile_hash`](crate::tile_hash). What
    /// [`Encoder::find_wrong`](crate::Encoder::find_wrong) needs after [`Checked::Differs`].
    #[must_use]
    pub fn hashes(&self) -> &[(TileIndex, u64)] {
        &self.hashes
    }

    /// Hashes what is shown of the tiles that the check names.
    pub(super) fn apply_check(
        &mut self,
        reader: &mut Reader<'_>,
        grid: TileGrid,
    ) -> Result<Checked, DecodeError> {
        self.prepare_written(grid);
        let body = CheckBody::read(reader, grid, &mut self.written)?;
        let Self { canvas, line, hashes, tile_bytes, hash_bytes, written, changed, .. } = self;
        changed.clear();
        hashes.clear();
        let Some(canvas) = canvas else { return Ok(Checked::Equal) };
        let Some(view) = canvas.view(&line.previous) else { return Ok(Checked::Equal) };
        for tile in written.iter() {
            let hash = kernels::hash_tile(view, grid.rect(tile), tile_bytes);
            hashes.push((tile, short_hash(hash)));
        }
        canvas.verified.clear();
        if hash_of_hashes(hashes.iter().map(|&(_, hash)| hash), hash_bytes) == body.hash {
            canvas.verified.merge(written);
            Ok(Checked::Equal)
        } else {
            Ok(Checked::Differs)
        }
    }
}
