//! Slices of H.264 back into pixels.
//!
//! The library gets one slice of the kind that is due, after parameter sets that were made here; so
//! the size of what it decodes is known before it sees a byte, and checked again afterwards.

use openh264::OpenH264API;
use openh264::decoder::{DecodedYUV, Decoder as Library, DecoderConfig};
use openh264::formats::YUVSource;

use super::planes::{PlanesView, RowScratch};
use super::{FrameKind, START_CODE, padded, parameter_sets};
use crate::bitstream::Rule;
use crate::geometry::Size;

/// Decodes one video stream.
pub(crate) struct Decoder {
    library: Library,
    size: Size,
    /// The library's input: a byte stream.
    units: Vec<u8>,
    scratch: RowScratch,
}

/// A frame that was decoded, in the library's memory.
pub(crate) struct DecodedFrame<'a> {
    /// Large enough for the size, both chroma planes alike.
    library: DecodedYUV<'a>,
    size: Size,
    scratch: &'a mut RowScratch,
}

impl DecodedFrame<'_> {
    /// The pixels of row `y`, which the frame has.
    pub(crate) fn row(&mut self, y: u16) -> &[u8] {
        let Self { library, size, scratch } = self;
        let (stride, chroma_stride, _) = library.strides();
        let chroma = [library.u(), library.v()];
        PlanesView { luma: library.y(), chroma, stride, chroma_stride }.row(*size, y, scratch)
    }
}

impl Decoder {
    /// A decoder of a stream of pictures of `size`, which [`super::allows`].
    ///
    /// # Errors
    /// When the library cannot make a context, for want of memory.
    pub(crate) fn new(size: Size) -> Result<Self, Rule> {
        let library = Library::with_api_config(OpenH264API::from_source(), DecoderConfig::new())
            .map_err(|_| Rule::VideoFrame)?;
        Ok(Self { library, size, units: Vec::new(), scratch: RowScratch::default() })
    }

    /// The size of the pictures.
    pub(crate) const fn size(&self) -> Size {
        self.size
    }

    /// Decodes the next frame, whose slice is `payload`. After an error the stream cannot go on.
    pub(crate) fn decode(
        &mut self,
        payload: &[u8],
        kind: FrameKind,
    ) -> Result<DecodedFrame<'_>, Rule> {
        if payload.first() != Some(&kind.nal_header()) {
            return Err(Rule::VideoUnit);
        }
        // Neither a start code nor the zeroes before one: there is one unit.
        if payload.windows(3).any(|three| three[..2] == [0, 0] && three[2] < 3) {
            return Err(Rule::VideoUnit);
        }
        let planes = padded(self.size);
        self.units.clear();
        if kind == FrameKind::Intra {
            parameter_sets::write(planes, &mut self.units);
        }
        self.units.extend_from_slice(&START_CODE);
        self.units.extend_from_slice(payload);
        let decoded = self.library.decode(&self.units).map_err(|_| Rule::VideoFrame)?;
        let decoded = decoded.ok_or(Rule::VideoFrame)?;
        let (width, height) = (usize::from(planes.width), usize::from(planes.height));
        let (stride, cb_stride, cr_stride) = decoded.strides();
        let has = |plane: &[u8], stride: usize, width: usize, height: usize| {
            stride >= width && plane.len() >= (height - 1) * stride + width
        };
        let is_whole = decoded.dimensions() == (width, height)
            && cb_stride == cr_stride
            && has(decoded.y(), stride, width, height)
            && has(decoded.u(), cb_stride, width / 2, height / 2)
            && has(decoded.v(), cr_stride, width / 2, height / 2);
        if !is_whole {
            return Err(Rule::VideoFrame);
        }
        Ok(DecodedFrame { library: decoded, size: self.size, scratch: &mut self.scratch })
    }
}
