//! Slices of H.264 back into pixels.
//!
//! The library gets one slice of the kind that is due, after parameter sets that were made here; so
//! the size of what it decodes is known before it sees a byte, and checked again afterwards.

use openh264::OpenH264API;
use openh264::decoder::{Decoder as Library, DecoderConfig};
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
    /// The frame decoded last, whole macroblocks. The library's own memory is lent for a moment only.
    luma: Vec<u8>,
    chroma: [Vec<u8>; 2],
    scratch: RowScratch,
}

impl Decoder {
    /// A decoder of a stream of pictures of `size`, which [`super::allows`].
    ///
    /// # Errors
    /// When the library cannot make a context, for want of memory.
    pub(crate) fn new(size: Size) -> Result<Self, Rule> {
        let library = Library::with_api_config(OpenH264API::from_source(), DecoderConfig::new())
            .map_err(|_| Rule::VideoFrame)?;
        let area = padded(size).area();
        Ok(Self {
            library,
            size,
            units: Vec::new(),
            luma: vec![0; area],
            chroma: [vec![0; area / 4], vec![0; area / 4]],
            scratch: RowScratch::default(),
        })
    }

    /// The size of the pictures.
    pub(crate) const fn size(&self) -> Size {
        self.size
    }

    /// Decodes the next frame, whose slice is `payload`. After an error the stream cannot go on.
    pub(crate) fn decode(&mut self, payload: &[u8], kind: FrameKind) -> Result<(), Rule> {
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
        let [cb, cr] = &mut self.chroma;
        let planes = [
            (decoded.y(), stride, &mut self.luma, width),
            (decoded.u(), cb_stride, cb, width / 2),
            (decoded.v(), cr_stride, cr, width / 2),
        ];
        for (plane, stride, to, width) in planes {
            for (to, row) in to.chunks_exact_mut(width).zip(plane.chunks(stride)) {
                to.copy_from_slice(&row[..width]);
            }
        }
        Ok(())
    }

    /// The pixels of row `y` of the frame decoded last, which it has.
    pub(crate) fn row(&mut self, y: u16) -> &[u8] {
        let Self { size, luma, chroma: [cb, cr], scratch, .. } = self;
        let stride = usize::from(padded(*size).width);
        PlanesView { luma, chroma: [cb, cr], stride, chroma_stride: stride / 2 }
            .row(*size, y, scratch)
    }
}
