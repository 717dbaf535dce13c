//! Frames of a rectangle into slices of H.264.
#![allow(
    unsafe_code,
    reason = "entropy coder, quantizer and error of a picture are only exposed raw by the binding"
)]

use std::marker::PhantomData;

use openh264::OpenH264API;
use openh264::encoder::{
    Encoder as Library, EncoderConfig, FrameRate, Level, RateControlMode, UsageType,
};
use openh264::formats::YUVSource;
use openh264_sys2::{
    ENCODER_OPTION, ENCODER_OPTION_SVC_ENCODE_PARAM_EXT, PRO_HIGH, RC_OFF_MODE, SEncParamExt,
    SFrameBSInfo, SLayerBSInfo, SSourcePicture, videoFormatI420,
};

use super::detail::Detail;
use super::planes::{PlaneErrors, Planes};
use super::{FrameKind, START_CODE, padded, parameter_sets};
use crate::frame::FrameView;
use crate::geometry::{Rect, Size};
use crate::tools::ToolFailed;

const OPTION: ENCODER_OPTION = ENCODER_OPTION_SVC_ENCODE_PARAM_EXT;

/// Codes pictures of one size.
pub(crate) struct Encoder {
    /// Opened with the first picture that is coded.
    library: Option<Library>,
    size: Size,
    planes: Planes,
    parameter_sets: Vec<u8>,
    quantizer: u8,
}

/// What the library says of the picture that it has just coded.
struct Coded<'a> {
    /// Points into the library's memory, which it changes with its next picture.
    info: SFrameBSInfo,
    library: PhantomData<&'a mut Library>,
}

/// An error of which the library cannot tell the logarithm: there is none.
const NO_ERROR_DB: f32 = 99.0;

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
    pub(crate) fn new(size: Size) -> Self {
        let mut planes = Planes::default();
        planes.reset(padded(size));
        let mut parameter_sets = Vec::new();
        parameter_sets::write(planes.size(), &mut parameter_sets);
        Self { library: None, size, planes, parameter_sets, quantizer: 0 }
    }

    /// Opens the library for pictures like `planes`.
    fn open(planes: &Planes) -> Result<Library, ToolFailed> {
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
        let mut library = Library::with_api_config(OpenH264API::from_source(), config)?;
        // The binding begins with its first picture, before which there is nothing to set.
        library.encode(planes)?;
        set(&mut library, |settings| {
            settings.iRCMode = RC_OFF_MODE;
            settings.iEntropyCodingModeFlag = 1;
            settings.sSpatialLayers[0].uiProfileIdc = PRO_HIGH;
        })?;
        Ok(library)
    }

    /// The size of its pictures.
    pub(crate) const fn size(&self) -> Size {
        self.size
    }

    /// Takes the pixels of `rect`, which has the coder's size, as the next picture.
    pub(crate) fn take(&mut self, frame: FrameView<'_>, rect: Rect) -> Result<(), ToolFailed> {
        if (rect.width, rect.height) != (self.size.width, self.size.height) {
            return Err(ToolFailed);
        }
        self.planes.take(frame, rect);
        Ok(())
    }

    /// The mean squared error in RGB between the picture and the pixels of `rect`, which it was taken
    /// from.
    pub(crate) fn loss(&mut self, frame: FrameView<'_>, rect: Rect) -> f32 {
        self.planes.loss(frame, rect)
    }

    /// What that picture has to lose.
    pub(crate) fn detail(&self) -> Detail {
        Detail::of(&self.planes)
    }

    /// Appends the slice of the picture that was taken to `out`, and returns the mean squared error
    /// in RGB between it and what is shown. `quantizer` is H.264's, 0 to 51.
    pub(crate) fn encode(
        &mut self,
        kind: FrameKind,
        quantizer: u8,
        out: &mut Vec<u8>,
    ) -> Result<f32, ToolFailed> {
        let Self { library, planes, parameter_sets, quantizer: present, .. } = self;
        let library = match library {
            Some(library) => library,
            None => library.insert(Self::open(planes)?),
        };
        if quantizer != *present {
            set(library, |settings| settings.sSpatialLayers[0].iDLayerQp = i32::from(quantizer))?;
            *present = quantizer;
        }
        if kind == FrameKind::Intra {
            library.force_intra_frame();
        }
        let coded = Coded::of(planes, library)?;
        let mut headers = match kind {
            FrameKind::Intra => parameter_sets.as_slice(),
            FrameKind::Inter => &[],
        };
        let mut error = None;
        for layer in coded.layers() {
            for unit in layer.units()? {
                if let Some(rest) = headers.strip_prefix(unit) {
                    headers = rest;
                    continue;
                }
                let slice = unit.strip_prefix(&START_CODE).ok_or(ToolFailed)?;
                if slice.first() != Some(&kind.nal_header()) || error.is_some() {
                    return Err(ToolFailed);
                }
                out.extend_from_slice(slice);
                let [luma, cb, cr] = layer.0.rPsnr.map(squared_error);
                error = Some(PlaneErrors { luma, chroma: [cb, cr] }.in_rgb());
            }
        }
        error.filter(|_| headers.is_empty()).ok_or(ToolFailed)
    }
}

/// Changes the library's settings, which begin with its first picture.
fn set(library: &mut Library, change: impl FnOnce(&mut SEncParamExt)) -> Result<(), ToolFailed> {
    let mut settings = SEncParamExt::default();
    // SAFETY: nothing that the binding relies on is touched through it: no size, no format, no
    // frame in progress, since this borrows the encoder alone.
    let library = unsafe { library.raw_api() };
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

impl<'a> Coded<'a> {
    /// Has the library, which has begun with a picture of this size, code `planes`.
    fn of(planes: &Planes, library: &'a mut Library) -> Result<Self, ToolFailed> {
        let Size { width, height } = planes.size();
        let (width, height) = (i32::from(width), i32::from(height));
        // The library reads through pointers that are not declared as to constants.
        let [luma, cb, cr] =
            [planes.y(), planes.u(), planes.v()].map(|plane| plane.as_ptr().cast_mut());
        let picture = SSourcePicture {
            iColorFormat: videoFormatI420,
            iStride: [width, width / 2, width / 2, 0],
            pData: [luma, cb, cr, std::ptr::null_mut()],
            iPicWidth: width,
            iPicHeight: height,
            bPsnrY: true,
            bPsnrU: true,
            bPsnrV: true,
            ..SSourcePicture::default()
        };
        let mut info = SFrameBSInfo::default();
        // SAFETY: no setting is touched through it.
        let raw = unsafe { library.raw_api() };
        // SAFETY: the planes have the size and the strides that `picture` tells and outlive the
        // call, which only reads them; what is written to is a whole `SFrameBSInfo`.
        let result = unsafe { raw.encode_frame(&raw const picture, &raw mut info) };
        if result == 0 { Ok(Self { info, library: PhantomData }) } else { Err(ToolFailed) }
    }

    fn layers(&self) -> impl Iterator<Item = Layer<'_>> {
        let count = usize::try_from(self.info.iLayerNum).unwrap_or(0);
        self.info.sLayerInfo.iter().take(count).map(Layer)
    }
}

/// A layer of what the library has just coded, and writes only itself.
struct Layer<'a>(&'a SLayerBSInfo);

impl<'a> Layer<'a> {
    /// Its units, each after a start code.
    fn units(&self) -> Result<impl Iterator<Item = &'a [u8]>, ToolFailed> {
        let Self(layer) = self;
        let count = usize::try_from(layer.iNalCount).map_err(|_| ToolFailed)?;
        if layer.pNalLengthInByte.is_null() || layer.pBsBuf.is_null() {
            return Err(ToolFailed);
        }
        // SAFETY: the library has an array of so many lengths there for as long as it is borrowed.
        let lengths = unsafe { std::slice::from_raw_parts(layer.pNalLengthInByte, count) };
        if lengths.iter().any(|&length| length < 0) {
            return Err(ToolFailed);
        }
        let bytes = lengths.iter().map(|&length| length as usize).sum();
        // SAFETY: there the units stand one after another, as long as the lengths say.
        let mut rest = unsafe { std::slice::from_raw_parts(layer.pBsBuf.cast_const(), bytes) };
        Ok(lengths.iter().map(move |&length| {
            let (unit, after) = rest.split_at(length as usize);
            rest = after;
            unit
        }))
    }
}

/// The mean squared error of samples of 8 bits that a ratio in decibels stands for.
fn squared_error(psnr_db: f32) -> f32 {
    if psnr_db < NO_ERROR_DB { 65_025.0 * 10_f32.powf(psnr_db / -10.0) } else { 0.0 }
}
