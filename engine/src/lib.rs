//! Tessera, live remote support as a library: a customer shares a desktop, a support representative
//! sees and operates it, and the customer decides.
//!
//! - [`csr`] and [`customer`]: a whole session for each side: center, code, consent, pictures and
//!   input, on threads of their own. The programs are thin skins over these two.
//! - [`view`]: the newest picture for a window, and input from it.
//! - [`annotate`]: what is drawn over a shared picture.
//! - [`chat`], [`notes`], [`invitation`]: words of the participants.
//! - [`session`]: what the participants say to each other and the rules between them, as pure state
//!   machines.
//! - [`pipeline`]: the stages between a screen and a connection. An embedder who has connections and
//!   rules of its own uses these directly.
//!
//! Nothing here prints, reads arguments or decides for a person.

pub mod annotate;
pub mod chat;
mod clock;
pub mod csr;
pub mod customer;
mod driver;
mod error;
mod figures;
pub mod invitation;
mod kept;
mod network;
pub mod notes;
pub mod oracle;
pub mod pipeline;
pub mod session;
pub mod view;

/// Threads that code or decode slices: half the cores, never all, since the desktop that is being
/// supported needs the others.
pub(crate) fn default_threads() -> usize {
    std::thread::available_parallelism().map_or(1, |cores| (cores.get() / 2).max(1))
}

pub use error::Error;
pub use figures::{CodingFigures, Figures};
pub use kept::Kept;
pub use network::{Network, Paths};
pub use session::activity::Activity;
pub use session::display::{ColourCount, Display, DisplayMode};
pub use session::text::plain_text;
// The vocabulary of pictures and input that the items above are spoken in.
pub use tessera_capture::{CursorShape, InputEvent, InputSink, PointerButton, ScreenSource};
pub use tessera_codec::{BYTES_PER_PIXEL, ColourMode, Frame, FrameView, Rect, Region, Size};
pub use tessera_transport::Fingerprint;
pub use tessera_transport::pairing::Code;
pub use tessera_transport::path::{PathKind, Proxy};
