//! Screens, cursors and input devices: the only package of Tessera that talks to the platform.
//!
//! One small trait per device kind ([`ScreenSource`], [`InputSink`]) and backends behind it:
//!
//! - [`x11`] — a live X11 display: pixels through MIT-SHM, changes through DAMAGE, input through XTEST, single
//!   applications through Composite, and its clipboard;
//! - [`clip`] — a recorded desktop, played back;
//! - [`pattern`] — a drawn test picture, the same for the same seed.
//!
//! The last two need no display. Nothing here knows about sessions, consent or the network; the
//! sizes, regions and frames are those of `tessera-codec`.

pub mod clip;
mod error;
mod input;
mod pacing;
pub mod pattern;
mod source;
mod waker;
pub mod x11;

pub use error::CaptureError;
pub use input::{InputEvent, InputSink, PointerButton};
pub use pacing::Pace;
pub use source::{
    CursorShape, MAX_CURSOR_DIMENSION, Monitor, ScreenSource, SharedMemoryAbsent, SourceEvent, Wake,
};
pub use waker::SourceWaker;
