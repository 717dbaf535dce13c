//! The way of a frame: the stages between a screen and a connection, and between a connection and a
//! window.
//!
//! ```text
//! screen ─► capture thread ─► latest picture ─► encode thread ─┬► outbox ─► connection of a viewer
//!                                                              ├► outbox ─► …
//!                                                                             │ QUIC
//! window ◄─ view::Handle ◄─ latest picture ◄─ decode thread ◄─ inbox ◄─ Viewer's connection
//! ```
//!
//! One capture serves all viewers of a [`Sharer`], and one coding all that see it alike and keep up
//! (`line`): they are sent the same buffers. Each has its own window, acknowledgements and pace.
//! Acknowledgements run the other way and open send slots (`flow`); every thread sleeps until there is
//! something to do. Frames of film are coded, and decoded, each on a thread beside (`aside`), so that
//! nothing else waits for them. From pixels to the `Bytes` given to the transport, and from its `Bytes` to the
//! picture of the window, nothing here takes a lock, and nothing allocates once sizes have settled;
//! `tests/hot_path.rs` counts both. Who may see or operate what is decided above, in
//! [`crate::session`].

mod allowance;
mod aside;
mod canvas;
mod capture;
mod decode;
mod encode;
mod film;
mod flow;
mod gate;
pub(crate) mod input;
mod line;
mod patience;
pub(crate) mod pictures;
mod seat;
mod sharer;
mod sharer_connection;
pub(crate) mod slot;
mod stage;
mod sweep;
mod viewer;

use std::thread::JoinHandle;

use tessera_transport::{CloseReason, Link};
use tokio::sync::watch;

pub use canvas::{Canvas, CanvasSource};
pub use sharer::{FILM_BYTES_PER_S_PER_MEGAPIXEL, MAX_VIEWERS, Sharer, ViewerId};
pub use sharer_connection::SharerConnection;
pub use stage::SourceNotice;
pub use viewer::{Viewer, ViewerConnection};

use crate::Error;

/// Disconnects a peer that did what it must not do, and says so in the log.
pub(crate) fn misbehaved(link: &Link, what: &str) -> Error {
    tracing::warn!(peer = %link.peer(), what, "peer disconnected");
    link.close(&CloseReason::ProtocolViolation(what.to_owned()));
    Error::Misbehaved(what.to_owned())
}

pub(crate) fn spawn<T: Send + 'static>(
    name: &str,
    run: impl FnOnce() -> T + Send + 'static,
) -> Result<JoinHandle<T>, Error> {
    std::thread::Builder::new()
        .name(name.to_owned())
        .spawn(run)
        .map_err(|error| Error::Thread(error.to_string()))
}

/// Waits for another value; for ever once there can be none, since the connection may go on.
async fn wait_for_change<T>(current: &mut watch::Receiver<T>) {
    if current.changed().await.is_err() {
        std::future::pending::<()>().await;
    }
}
