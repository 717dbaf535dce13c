//! The wire syntax of an update, version 4, in one place.
//!
//! `docs/bitstream.md` is the normative description; the constants and the order of fields there
//! and here are the same. This module reads and writes headers and lengths. What the streams of a
//! chain update hold stands in `chain`, what a picture's payload holds in `tools`: encoder and
//! decoder side by side.

mod check;
mod error;
mod leaf;
mod limits;
pub(crate) mod palette;
mod reader;
mod streams;
mod update;
mod video;
mod writer;

pub(crate) use check::{CheckBody, MAX_CHECK_RUNS_BYTES};
pub use error::{DecodeError, Rule};
pub(crate) use leaf::{MAX_PICTURE_HEADER_BYTES, PictureHeader, TileBlock};
pub use limits::Limits;
pub(crate) use limits::MAX_PICTURE_BYTES;
pub(crate) use reader::Reader;
pub(crate) use streams::{MAX_STREAM_HEADER_BYTES, StreamRanges};
pub(crate) use update::{FieldOffsets, Kind, MAX_HEADER_BYTES, UpdateHeader};
pub use update::{Track, VERSION};
pub(crate) use video::{MAX_VIDEO_HEADER_BYTES, VideoHeader, tile_rows, tiles_under};
pub(crate) use writer::Writer;
