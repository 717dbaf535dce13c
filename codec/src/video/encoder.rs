//! Frames of a rectangle into slices of H.264.
#![allow(
    unsafe_code,
    reason = "entropy coder and quantizer are settings that the binding only exposes raw"
)]

use openh264::OpenH264API;
use openh264::encoder::{
    Encoder as Library, EncoderConfig, FrameRate, Level, RateControlMode, UsageType,
};
use openh264::formats::YUVSource;
use openh264_sys2::{
    ENCODER_OPTION, ENCODER_OPTION_SVC_ENCODE_PARAM_EXT, PRO_HIGH, RC_OFF_MODE, SEncParamExt,
};

use super::planes::Planes;
use super::{FrameKind, START_CODE, padded, parameter_sets};
use crate::frame::FrameView;
use crate::geometry::{Rect, Size};
use crate::tools::ToolFailed;

const OPTION: ENCODER_OPTION = ENCODER_OPTION_SVC_ENCODE_PARAM_EXT;

/// Codes pictures of one size.
pub(crate) struct Encoder {
    library: Library,
    size: Size,
    planes: Planes,
    parameter_sets: Vec<u8>,
    quantizer: u8,
}

impl YUVSource for Planes {
    fn dimensions(&self) -> (usize, usize) {
        (usize::from(self.size().width), usize::from(self.size().height))
    }

    fn strides(&self) -> (usize, usize, usize) {
        let width = usize::from(self.size().width);
        (width, width / 2, width / 2)
    }

    fn y(&self) -> &[u8] {
        &self.luma
    }

    fn u(&self) -> &[u8] {
        &self.chroma[0]
    }

    fn v(&self) -> &[u8] {
        &self.chroma[1]
    }
}

impl Encoder {
    /// A coder of pictures of `size`, which [`super::allows`].
    pub(crate) fn new(size: Size) -> Result<Self, ToolFailed> {
        // No frame is skipped, none becomes intra by itself, and all blocks of one are alike: what
        // the caller decides is not decided again below.
        let config = EncoderConfig::new()
            .usage_type(UsageType::CameraVideoRealTime)
            .rate_control_mode(RateControlMode::Off)
            .level(Level::Level_5_2)
            .max_frame_rate(FrameRate::from_hz(30.0))
            .skip_frames(false)
            .num_threads(1)
            .scene_change_detect(false)
            .adaptive_quantization(false)
            .background_detection(false);
        let library = Library::with_api_config(OpenH264API::from_source(), config)?;
        let mut planes = Planes::default();
        planes.reset(padded(size));
        let mut parameter_sets = Vec::new();
        parameter_sets::write(planes.size(), &mut parameter_sets);
        let mut encoder = Self { library, size, planes, parameter_sets, quantizer: 0 };
        // The binding begins with its first picture, before which there is nothing to set.
        encoder.library.encode(&encoder.planes)?;
        encoder.set(|settings| {
            settings.iRCMode = RC_OFF_MODE;
            settings.iEntropyCodingModeFlag = 1;
            settings.sSpatialLayers[0].uiProfileIdc = PRO_HIGH;
        })?;
        Ok(encoder)
    }

    /// The size of its pictures.
    pub(crate) const fn size(&self) -> Size {
        self.size
    }

    /// Appends the slice of the pixels of `rect`, which has the coder's size, to `out`. `quantizer`
    /// is H.264's, 0 to 51.
    pub(crate) fn encode(
        &mut self,
        frame: FrameView<'_>,
        rect: Rect,
        kind: FrameKind,
        quantizer: u8,
        out: &mut Vec<u8>,
    ) -> Result<(), ToolFailed> {
        if (rect.width, rect.height) != (self.size.width, self.size.height) {
            return Err(ToolFailed);
        }
        self.planes.take(frame, rect);
        if quantizer != self.quantizer {
            self.set(|settings| settings.sSpatialLayers[0].iDLayerQp = i32::from(quantizer))?;
            self.quantizer = quantizer;
        }
        if kind == FrameKind::Intra {
            self.library.force_intra_frame();
        }
        let coded = self.library.encode(&self.planes)?;
        let mut headers = match kind {
            FrameKind::Intra => self.parameter_sets.as_slice(),
            FrameKind::Inter => &[],
        };
        let mut slices = 0;
        for layer in (0..coded.num_layers()).filter_map(|at| coded.layer(at)) {
            for unit in (0..layer.nal_count()).filter_map(|at| layer.nal_unit(at)) {
                if let Some(rest) = headers.strip_prefix(unit) {
                    headers = rest;
                    continue;
                }
                let slice = unit.strip_prefix(&START_CODE).ok_or(ToolFailed)?;
                if slice.first() != Some(&kind.nal_header()) {
                    return Err(ToolFailed);
                }
                out.extend_from_slice(slice);
                slices += 1;
            }
        }
        if headers.is_empty() && slices == 1 { Ok(()) } else { Err(ToolFailed) }
    }

    /// Changes the library's settings, which begin with its first picture.
    fn set(&mut self, change: impl FnOnce(&mut SEncParamExt)) -> Result<(), ToolFailed> {
        let mut settings = SEncParamExt::default();
        // SAFETY: nothing that the binding relies on is touched through it: no size, no format, no
        // frame in progress, since this borrows the encoder alone.
        let library = unsafe { self.library.raw_api() };
        // SAFETY: the option's value is a `SEncParamExt`, which is written whole, and lives on.
        let read = unsafe { library.get_option(OPTION, (&raw mut settings).cast()) };
        if read != 0 {
            return Err(ToolFailed);
        }
        change(&mut settings);
        // SAFETY: the option's value is a `SEncParamExt`, which the library copies.
        let written = unsafe { library.set_option(OPTION, (&raw mut settings).cast()) };
        if written == 0 { Ok(()) } else { Err(ToolFailed) }
    }
}
