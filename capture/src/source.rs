//! Seeing a screen: what changed, its pixels, its cursor and its monitors.

use std::sync::Arc;
use std::time::Duration;

use tessera_codec::{Frame, Rect, Region, Size};

use crate::{CaptureError, SourceWaker};

/// Bound on a cursor's width and height, in pixels; a larger one is cut at the right and bottom.
/// Common themes end at 96, accessibility themes at 256.
pub const MAX_CURSOR_DIMENSION: u16 = 256;

/// A monitor: a named rectangle of the canvas.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Monitor {
    /// The platform's name, such as `HDMI-1`.
    pub name: String,
    /// Its place on the display, whichever part of that the canvas is.
    pub rect: Rect,
    /// Whether the user's desktop calls it the primary one.
    pub primary: bool,
}

/// The picture of the pointer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CursorShape {
    /// Names the shape while this source lives; an equal serial means equal pixels.
    pub serial: u32,
    /// At most [`MAX_CURSOR_DIMENSION`] in both directions; empty when the pointer has no picture.
    pub size: Size,
    /// The pixel of the shape that points, from its top left corner.
    pub hotspot: (u16, u16),
    /// Rows without gaps, each pixel the bytes blue, green, red, alpha; colours are premultiplied
    /// by alpha.
    pub pixels: Arc<[u8]>,
}

/// Why pixels come through the connection (slow, copied twice) instead of shared memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SharedMemoryAbsent {
    /// The platform's answer.
    pub reason: String,
}

impl std::fmt::Display for SharedMemoryAbsent {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            out,
            "the display shares no memory with this program ({}), so pixels are copied through its \
             connection, which is slower; run both on one machine with MIT-SHM enabled",
            self.reason
        )
    }
}

/// Something other than pixels that happened on the screen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SourceEvent {
    /// The canvas has a new size; the damage set was replaced by a full one of that size.
    Resized(Size),
    /// [`ScreenSource::monitors`] has a new answer, or another of them is shown. Also told on the first
    /// wait of a source that has any.
    Monitors,
    /// The pointer has a new picture.
    Cursor(CursorShape),
    /// The pointer's hotspot is at this pixel; at most one such event a wait, the latest.
    Pointer {
        /// Pixels from the left edge of the canvas.
        x: u16,
        /// Pixels from the top edge of the canvas.
        y: u16,
    },
    /// Somebody at the screen pressed a button of a pointing device or touched it. What an
    /// [`InputSink`](crate::InputSink) injects is never told here; at most one such event a wait.
    LocalPress,
    /// Told once, on the first wait: the slow path for pixels is in use.
    SharedMemoryAbsent(SharedMemoryAbsent),
}

/// Why [`ScreenSource::wait`] returned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wake {
    /// There is damage, an event, or both.
    Activity,
    /// [`SourceWaker::wake`] was called; damage and events may have come as well.
    Woken,
    /// Nothing happened until the timeout.
    TimedOut,
}

/// A screen that can be watched and read.
///
/// One thread owns it and alternates [`wait`](Self::wait) and [`read`](Self::read). Nothing is
/// polled: while the screen stands still, `wait` sleeps in the operating system.
pub trait ScreenSource: Send {
    /// Width and height of the canvas, as of the last `wait`.
    fn size(&self) -> Size;

    /// The monitors of the display, as of the last `wait`; at least one.
    fn monitors(&self) -> &[Monitor];

    /// A handle that ends a blocked `wait` from another thread.
    fn waker(&self) -> SourceWaker;

    /// Blocks until pixels changed, something else happened, the waker was used, or `timeout`
    /// passed (`None`: no limit). Adds what changed to `damage` and appends to `events`; neither is
    /// cleared. The first call returns at once with the whole canvas as damage, and with the cursor
    /// where the source has one.
    ///
    /// When `damage` is over a canvas of another size than the source's, it is replaced by the full
    /// region of that size.
    ///
    /// Changes that come after `wait` returned are told by the next one, so pixels read in between
    /// are never older than the damage told.
    ///
    /// # Errors
    /// Final: the source is of no more use.
    fn wait(
        &mut self,
        timeout: Option<Duration>,
        damage: &mut Region,
        events: &mut Vec<SourceEvent>,
    ) -> Result<Wake, CaptureError>;

    /// Brings the tiles of `region` in `into` up to date with the screen and leaves all other
    /// pixels of `into` alone. The fourth byte of a pixel is arbitrary.
    ///
    /// # Errors
    /// [`CaptureError::SizeChanged`] when `region` or `into` is not of the screen's size, or the
    /// screen is changing it right now: call `wait`. `into` may then hold some new tiles. Any other
    /// error is final.
    fn read(&mut self, region: &Region, into: &mut Frame) -> Result<(), CaptureError>;
}
