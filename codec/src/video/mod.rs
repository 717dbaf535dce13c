//! A real video coder for a rectangle that plays film: H.264 by `OpenH264`, in planes of our own
//! making.
//!
//! A video stream is a run of frames of one rectangle, the first of which stands alone. A frame is
//! one slice of H.264 (ITU-T H.264, profile High without its 8x8 transform: what `OpenH264` codes with
//! CABAC). The parameter sets are never sent: the decoder makes them from the size of the rectangle,
//! so that the library sees no header that a peer wrote. `docs/bitstream.md`, section 16, is the
//! normative description; `docs/decisions/0014-video-regions.md` says why this coder.
//!
//! Which rectangle is film is decided by the encoder of the package, not here.

mod decoder;
mod detail;
mod encoder;
mod parameter_sets;
mod planes;

pub(crate) use self::decoder::Decoder;
pub(crate) use self::detail::Detail;
pub(crate) use self::encoder::Encoder;
use crate::geometry::Size;

/// Pixels of a macroblock's side; planes are padded to whole macroblocks.
const MACROBLOCK: u16 = 16;

/// Longer and shorter side of the largest picture that `OpenH264` codes, in pixels.
const MAX_SIDES: (u16, u16) = (3840, 2160);

/// Whether the coder takes pictures of `size`.
pub(crate) const fn allows(size: Size) -> bool {
    let (longer, shorter) = if size.width > size.height {
        (size.width, size.height)
    } else {
        (size.height, size.width)
    };
    shorter > 0 && longer <= MAX_SIDES.0 && shorter <= MAX_SIDES.1
}

/// The size of the planes of a picture of `size`.
const fn padded(size: Size) -> Size {
    Size::new(size.width.next_multiple_of(MACROBLOCK), size.height.next_multiple_of(MACROBLOCK))
}

/// The kind of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FrameKind {
    /// Stands alone: the first of a stream.
    Intra,
    /// Builds on the frame before.
    Inter,
}

impl FrameKind {
    /// The first byte of its slice: the header of a NAL unit (H.264, section 7.3.1).
    const fn nal_header(self) -> u8 {
        match self {
            Self::Intra => 0x65,
            Self::Inter => 0x61,
        }
    }
}

/// What stands before each NAL unit in a byte stream (H.264, Annex B).
const START_CODE: [u8; 4] = [0, 0, 0, 1];
