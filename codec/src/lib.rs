//! The screen codec of Tessera: pixels in, bytes out, and back.
//!
//! Pure: no socket, clock, file, logger or global state. The wire syntax is defined once, in
//! `bitstream`, and described normatively in `docs/bitstream.md`.
//!
//! An [`Encoder`] takes frames and the set of tiles that may have changed, and makes updates; a
//! [`Decoder`] applies updates to its canvas. Updates on the chain track are applied in order and
//! none is left out; those on the leaf track may be lost or overtaken. When everything that was
//! sent has been applied and nothing has changed for a while, the canvas equals the frame bit by
//! bit.

mod audience;
mod bitstream;
mod chain;
mod colour;
mod decoder;
mod encoder;
mod frame;
mod geometry;
mod hash;
mod kernels;
#[doc(hidden)]
pub mod oracle;
mod parallel;
mod region;
mod tools;
mod video;

pub use audience::{Audience, Pace, Pacing};
pub use bitstream::{DecodeError, Limits, Rule, Track, VERSION};
pub use colour::{ColourMode, Palette};
pub use decoder::{Applied, Checked, Decoder, DecoderConfig, Film, FilmToDecode, Status};
pub use encoder::{
    EncodeRequest, Encoder, EncoderConfig, FilmToCode, Payload, Payloads, Policy, Position, Report,
    Room,
};
pub use frame::{BYTES_PER_PIXEL, Frame, FrameView};
pub use geometry::{MAX_DIMENSION, Rect, Size, TILE, TileGrid, TileIndex};
pub use hash::tile_hash;
pub use parallel::SetupError;
pub use region::Region;
