//! A frame of film between the picture that it was taken from and the update that carries it.
//!
//! Coding one takes many times what a small change takes. So it stands apart: the encoder takes the
//! frame's pixels, whoever called it has it coded, here or on another thread, and the encoder makes an
//! update of what came of it. There is one at a time; while it is away film only gets newer.

use super::rate::{CodedFrame, Rate};
use crate::bitstream::MAX_PICTURE_BYTES;
use crate::frame::FrameView;
use crate::geometry::{Rect, Size};
use crate::tools::ToolFailed;
use crate::video::{self, FrameKind};

/// Frames of which one is compared with its pixels. What is lost before the coder changes slowly.
const LOSS_FRAMES: u32 = 8;

/// A frame of film that is to be coded: between [`Encoder::take_film`](crate::Encoder::take_film) and
/// [`Encoder::put_film`](crate::Encoder::put_film).
pub struct FilmToCode {
    coder: Option<video::Encoder>,
    rate: Rate,
    pub(super) place: Place,
    kind: FrameKind,
    /// Whether it is the first of its film.
    is_new: bool,
    taken_us: u64,
    /// The frame, coded, and whether it is.
    pub(super) slice: Vec<u8>,
    is_coded: bool,
    /// Mean squared errors in RGB: what is lost before the coder, and by it.
    lost: f32,
    error: f32,
    quantizer: u8,
}

/// Which frame it is, and where it is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) epoch: u32,
    pub(super) rect: Rect,
    /// Number of the stream, and of the frame in it.
    pub(super) stream: u32,
    pub(super) frame: u32,
}

impl Default for FilmToCode {
    fn default() -> Self {
        Self {
            coder: None,
            rate: Rate::default(),
            place: Place::default(),
            kind: FrameKind::Intra,
            is_new: true,
            taken_us: 0,
            slice: Vec::new(),
            is_coded: false,
            lost: 0.0,
            error: 0.0,
            quantizer: 0,
        }
    }
}

impl FilmToCode {
    /// Codes the frame. What came of it is seen when it is put back.
    pub fn code(&mut self) {
        self.is_coded = self.try_code().is_ok();
    }

    fn try_code(&mut self) -> Result<(), ToolFailed> {
        self.slice.clear();
        // A coder that fails is not put back.
        let mut coder = self.coder.take().ok_or(ToolFailed)?;
        if std::mem::take(&mut self.is_new) {
            self.rate.begin(&coder.detail(), self.lost);
        }
        self.quantizer = self.rate.quantizer(self.kind == FrameKind::Intra, self.taken_us);
        self.error = coder.encode(self.kind, self.quantizer, &mut self.slice)?;
        if self.slice.len() > MAX_PICTURE_BYTES {
            return Err(ToolFailed);
        }
        self.coder = Some(coder);
        Ok(())
    }

    /// Whether the coder can go on with a picture of `size`: it codes such, and has not failed.
    pub(super) fn goes_on_with(&self, size: Size) -> bool {
        self.coder.as_ref().is_some_and(|coder| coder.size() == size)
    }

    /// Takes the pixels of the frame that `place` tells, which is the first of a film if `is_new`.
    pub(super) fn take(
        &mut self,
        frame: FrameView<'_>,
        place: Place,
        is_new: bool,
        now_us: u64,
    ) -> Result<(), ToolFailed> {
        let size = Size::new(place.rect.width, place.rect.height);
        let coder = self.coder.take().filter(|coder| coder.size() == size);
        let coder = self.coder.insert(coder.unwrap_or_else(|| video::Encoder::new(size)));
        coder.take(frame, place.rect)?;
        if place.frame.is_multiple_of(LOSS_FRAMES) {
            self.lost = coder.loss(frame, place.rect);
        }
        self.kind = if place.frame == 0 { FrameKind::Intra } else { FrameKind::Inter };
        self.is_new |= is_new;
        (self.place, self.taken_us, self.is_coded) = (place, now_us, false);
        Ok(())
    }

    pub(super) const fn set_rate(&mut self, bytes_per_s: Option<u32>) {
        self.rate.set_rate(bytes_per_s);
    }

    pub(super) const fn is_coded(&self) -> bool {
        self.is_coded
    }

    /// Notes that the frame went in an update of `bytes`.
    pub(super) fn sent(&mut self, bytes: usize) {
        self.rate.learn(&CodedFrame {
            is_first: self.kind == FrameKind::Intra,
            lost: self.lost,
            quantizing: self.error,
            quantizer: self.quantizer,
            bytes,
        });
    }
}

impl std::fmt::Debug for FilmToCode {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("FilmToCode")
            .field("place", &self.place)
            .field("quantizer", &self.quantizer)
            .finish_non_exhaustive()
    }
}
