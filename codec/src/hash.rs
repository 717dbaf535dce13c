//! The hash of a tile: XXH3 with 128 bits over its rows from top to bottom, without gaps, the
//! fourth byte of each pixel taken as zero.
//!
//! 128 bits, because a collision would leave a stale tile on the viewer's screen for ever.
//! Definition of XXH3: <https://github.com/Cyan4973/xxHash/blob/dev/doc/xxhash_spec.md>.

use crate::frame::{BYTES_PER_PIXEL, FrameView};
use crate::geometry::{Rect, TILE};
use crate::kernels;

/// Bytes of a full tile.
pub(crate) const TILE_BYTES: usize = TILE as usize * TILE as usize * BYTES_PER_PIXEL;

/// Copies the pixels of `rect` out of `frame`, rows without gaps, fourth bytes zero, and returns
/// the bytes written. `rect` lies in the frame and is at most a tile.
pub(crate) fn gather<'a>(frame: FrameView<'_>, rect: Rect, into: &'a mut [u8]) -> &'a [u8] {
    let row_bytes = usize::from(rect.width) * BYTES_PER_PIXEL;
    let taken = &mut into[..row_bytes * usize::from(rect.height)];
    if row_bytes > 0 {
        for (y, row) in (rect.y..).zip(taken.chunks_exact_mut(row_bytes)) {
            kernels::mask_copy(frame.span(rect.x, y, rect.width), row);
        }
    }
    taken
}

/// The hash of the pixels of `tile` in `frame`: what the encoder compares to find changes.
///
/// # Panics
/// When `tile` leaves the frame or is larger than a tile.
#[must_use]
pub fn tile_hash(frame: FrameView<'_>, tile: Rect) -> u128 {
    kernels::hash_tile(frame, tile, &mut [0; TILE_BYTES])
}

/// The lower half of a tile's hash, which checks and reports carry.
pub(crate) const fn short_hash(hash: u128) -> u64 {
    hash as u64
}

/// The hash of a check: XXH3 with 64 bits over the short hashes of tiles, each with its lowest byte
/// first.
pub(crate) fn hash_of_hashes(hashes: impl Iterator<Item = u64>, scratch: &mut Vec<u8>) -> u64 {
    scratch.clear();
    for hash in hashes {
        scratch.extend_from_slice(&hash.to_le_bytes());
    }
    xxhash_rust::xxh3::xxh3_64(scratch)
}
