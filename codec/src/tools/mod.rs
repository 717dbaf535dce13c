//! The coding tools: one file each, encoder and decoder of its payload side by side.
//!
//! A tool codes the tiles of one slice. It knows pixels and its payload; which tiles it gets is
//! the encoder's decision, and addresses belong to the bitstream.

pub(crate) mod copy;
pub(crate) mod jpeg;
mod jpeg_header;
pub(crate) mod lossless;
pub(crate) mod palette;
pub(crate) mod solid;

use std::io;

use zstd::bulk::{Compressor, Decompressor};

use crate::bitstream::Rule;
use crate::hash::TILE_BYTES;
use crate::parallel::SetupError;

/// Zstandard level of every payload: higher levels cost more milliseconds than the bytes they
/// save on the slices of a frame.
const ZSTD_LEVEL: i32 = 1;

/// A tool could not code its tiles, for want of memory inside a library.
#[derive(Debug)]
pub(crate) struct ToolFailed;

impl From<io::Error> for ToolFailed {
    fn from(_: io::Error) -> Self {
        Self
    }
}

impl From<turbojpeg::Error> for ToolFailed {
    fn from(_: turbojpeg::Error) -> Self {
        Self
    }
}

/// One encoding worker's contexts and scratch memory.
pub(crate) struct EncodeScratch {
    zstd: Compressor<'static>,
    compressed: Vec<u8>,
    /// A payload before compression.
    plain: Vec<u8>,
    /// The pixels of one tile.
    pub(crate) tile: Vec<u8>,
    pub(crate) colours: palette::ColourTable,
    palette: palette::PaletteScratch,
    lossless: lossless::LosslessScratch,
    pub(crate) jpeg: jpeg::Encoder,
}

impl EncodeScratch {
    pub(crate) fn new() -> Result<Self, SetupError> {
        let zstd = Compressor::new(ZSTD_LEVEL)
            .map_err(|error| SetupError::Context { library: "zstd", reason: error.to_string() })?;
        Ok(Self {
            zstd,
            compressed: Vec::new(),
            plain: Vec::new(),
            tile: vec![0; TILE_BYTES],
            colours: palette::ColourTable::new(),
            palette: palette::PaletteScratch::default(),
            lossless: lossless::LosslessScratch::default(),
            jpeg: jpeg::Encoder::new()?,
        })
    }
}

/// Appends `plain` as one Zstandard frame to `out`.
fn compress(
    zstd: &mut Compressor<'static>,
    compressed: &mut Vec<u8>,
    plain: &[u8],
    out: &mut Vec<u8>,
) -> Result<(), ToolFailed> {
    compressed.clear();
    compressed.reserve(zstd::zstd_safe::compress_bound(plain.len()));
    zstd.compress_to_buffer(plain, compressed)?;
    out.extend_from_slice(compressed);
    Ok(())
}

/// One decoding worker's contexts and scratch memory.
pub(crate) struct DecodeScratch {
    zstd: Decompressor<'static>,
    /// A payload after decompression.
    plain: Vec<u8>,
    pub(crate) jpeg: jpeg::Decoder,
}

impl DecodeScratch {
    pub(crate) fn new() -> Result<Self, SetupError> {
        let zstd = Decompressor::new()
            .map_err(|error| SetupError::Context { library: "zstd", reason: error.to_string() })?;
        Ok(Self { zstd, plain: Vec::new(), jpeg: jpeg::Decoder::new()? })
    }
}

/// Decompresses the Zstandard frames of `payload` into `plain`, at most `limit` bytes.
fn decompress(
    zstd: &mut Decompressor<'static>,
    payload: &[u8],
    limit: usize,
    plain: &mut Vec<u8>,
) -> Result<(), Rule> {
    plain.clear();
    plain.reserve(limit);
    // The library writes up to the vector's capacity, which may be above the limit from earlier
    // use: the caller compares the length with what its tiles need.
    zstd.decompress_to_buffer(payload, plain).map_err(|_| Rule::Zstandard)?;
    if plain.len() > limit { Err(Rule::PayloadLength) } else { Ok(()) }
}
