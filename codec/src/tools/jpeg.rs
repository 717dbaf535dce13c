//! JPEG: a block of picture tiles, lossy, for what moves.
//!
//! Payload: quality (1 to 100), chroma format (0: 4:4:4, 1: 4:2:0), and the entropy-coded segment
//! of a baseline JPEG of the block's pixels, without the end marker. The header comes from
//! [`super::jpeg_header`]. libjpeg-turbo decodes; it sees only sizes and tables that
//! the decoder made and a segment without any marker.

use turbojpeg::{Compressor, Decompressor, Image, OutputBuf, PixelFormat, Subsamp};

use super::ToolFailed;
pub(crate) use super::jpeg_header::Chroma;
use super::jpeg_header::{self, HEADER_BYTES};
use crate::bitstream::Rule;
use crate::frame::{BYTES_PER_PIXEL, FrameView};
use crate::geometry::Rect;
use crate::kernels;
use crate::parallel::SetupError;

const END_OF_IMAGE: [u8; 2] = [0xff, 0xd9];

fn setup(error: &turbojpeg::Error) -> SetupError {
    SetupError::Context { library: "libjpeg-turbo", reason: error.to_string() }
}

const fn subsampling(chroma: Chroma) -> Subsamp {
    match chroma {
        Chroma::Full => Subsamp::None,
        Chroma::Quarter => Subsamp::Sub2x2,
    }
}

/// A compression context with its output buffer.
pub(crate) struct Encoder {
    compressor: Compressor,
    /// The library's output: a whole JPEG file.
    file: Vec<u8>,
    header: Vec<u8>,
}

impl Encoder {
    pub(crate) fn new() -> Result<Self, SetupError> {
        let compressor = Compressor::new().map_err(|error| setup(&error))?;
        Ok(Self { compressor, file: Vec::new(), header: Vec::with_capacity(HEADER_BYTES) })
    }

    /// Appends the payload of the pixels of `block`, which is not empty.
    pub(crate) fn encode(
        &mut self,
        frame: FrameView<'_>,
        block: Rect,
        quality: u8,
        chroma: Chroma,
        out: &mut Vec<u8>,
    ) -> Result<(), ToolFailed> {
        let (width, height) = (usize::from(block.width), usize::from(block.height));
        let start =
            usize::from(block.y) * frame.stride_bytes() + usize::from(block.x) * BYTES_PER_PIXEL;
        let image = Image {
            pixels: &frame.data()[start..],
            width,
            pitch: frame.stride_bytes(),
            height,
            format: PixelFormat::BGRX,
        };
        self.compressor.set_quality(i32::from(quality))?;
        self.compressor.set_subsamp(subsampling(chroma))?;
        let bound = self.compressor.buf_len(width, height)?;
        if self.file.len() < bound {
            self.file.resize(bound, 0);
        }
        let mut buffer = OutputBuf::borrowed(&mut self.file);
        self.compressor.compress(image, &mut buffer)?;
        self.header.clear();
        jpeg_header::write(quality, chroma, block.width, block.height, &mut self.header);
        let segment = buffer
            .strip_prefix(self.header.as_slice())
            .and_then(|rest| rest.strip_suffix(&END_OF_IMAGE))
            .ok_or(ToolFailed)?;
        out.extend_from_slice(&[quality, chroma as u8]);
        out.extend_from_slice(segment);
        Ok(())
    }
}

/// A decompression context with its input buffer.
pub(crate) struct Decoder {
    decompressor: Decompressor,
    /// The library's input: header, segment and end marker.
    file: Vec<u8>,
}

impl Decoder {
    pub(crate) fn new() -> Result<Self, SetupError> {
        Ok(Self {
            decompressor: Decompressor::new().map_err(|error| setup(&error))?,
            file: Vec::new(),
        })
    }

    /// Decodes the pixels of `block`, row by row without gaps, into `pixels`.
    pub(crate) fn decode(
        &mut self,
        payload: &[u8],
        block: Rect,
        pixels: &mut [u8],
    ) -> Result<(), Rule> {
        let ([quality, chroma], segment) =
            payload.split_first_chunk().ok_or(Rule::PayloadLength)?;
        if !(1..=100).contains(quality) {
            return Err(Rule::JpegQuality);
        }
        let chroma = Chroma::from_wire(*chroma).ok_or(Rule::JpegChroma)?;
        let mut rest = segment;
        while let Some(at) = rest.iter().position(|&byte| byte == 0xff) {
            if rest.get(at + 1) != Some(&0) {
                return Err(Rule::JpegMarker);
            }
            rest = &rest[at + 2..];
        }
        self.file.clear();
        jpeg_header::write(*quality, chroma, block.width, block.height, &mut self.file);
        self.file.extend_from_slice(segment);
        self.file.extend_from_slice(&END_OF_IMAGE);
        let image = Image {
            pixels: &mut *pixels,
            width: usize::from(block.width),
            pitch: usize::from(block.width) * BYTES_PER_PIXEL,
            height: usize::from(block.height),
            format: PixelFormat::BGRX,
        };
        self.decompressor.decompress(&self.file, image).map_err(|_| Rule::JpegScan)?;
        // The library fills fourth bytes with 255.
        kernels::mask(pixels);
        Ok(())
    }
}
