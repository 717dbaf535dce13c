//! The screen codec of Tessera: pixels in, bytes out, and back.
//!
//! Pure: no socket, clock, file, logger or global state. The wire syntax is defined once, in
//! `bitstream`, and described normatively in `docs/bitstream.md`.

mod frame;
mod geometry;
mod region;

pub use frame::{BYTES_PER_PIXEL, Frame, FrameView};
pub use geometry::{MAX_DIMENSION, Rect, Size, TILE, TileGrid, TileIndex};
pub use region::Region;
