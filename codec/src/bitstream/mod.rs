//! The wire syntax of an update, version 1, in one place.
//!
//! `docs/bitstream.md` is the normative description; the constants and the order of fields there
//! and here are the same. This module reads and writes headers and addresses. What a slice's
//! payload holds belongs to its coding tool and stands in `tools`, encoder and decoder side by
//! side.

mod error;
mod limits;
mod reader;
mod update;
mod writer;

pub use error::{DecodeError, Rule};
pub use limits::Limits;
pub(crate) use limits::MAX_SLICE_TILES;
pub(crate) use reader::Reader;
pub(crate) use update::{
    FieldOffsets, MAX_HEADER_BYTES, MAX_SLICE_HEADER_BYTES, SliceHeader, TileList, Tool,
    UpdateHeader,
};
pub use update::{Track, VERSION};
pub(crate) use writer::Writer;
