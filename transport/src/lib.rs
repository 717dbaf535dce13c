//! End-to-end encrypted connections between the participants of a Tessera session, and to the center.
//!
//! Bytes in, bytes out: this package knows certificates, streams, datagrams, priorities and rates. It knows nothing of
//! pixels, sessions or files; what travels inside an update, a leaf or an input event is opaque here.
//!
//! From the bottom up:
//! - [`identity`] and `tls`: who one is, and the proof of it. Both sides show an Ed25519 certificate; its
//!   [`Fingerprint`] is the participant.
//! - [`signature`]: what is signed with such a key outside of TLS.
//! - [`endpoint`]: one UDP socket, any number of [`Link`]s.
//! - [`link`]: a connection to one peer, with the [`control`] stream, [`chain`], [`leaf`] and [`acknowledgement`] streams and
//!   [`datagram`]s on it, in the order of [`priority`]. A link does not know the path that its packets take.
//! - [`vigil`]: whether the peer of a link is still there.
//! - [`report`]: what a viewer tells of updates that it could not use.
//! - [`input`]: the reliable, ordered delivery of input events over lossy datagrams, as a pure state machine.
//! - [`relay`]: how a participant gets a relay to forward its packets, and how the relay tells it from others.
//! - [`pairing`]: how a code that was read out on the telephone turns a stranger's key into an admitted participant.

pub mod acknowledgement;
pub mod center;
pub mod chain;
pub mod congestion;
pub mod control;
pub mod datagram;
pub mod endpoint;
pub mod error;
pub mod figures;
pub mod framing;
pub mod hex;
pub mod identity;
pub mod inbound;
pub mod input;
pub mod json;
pub mod leaf;
pub mod link;
#[doc(hidden)]
pub mod oracle;
pub mod pace;
pub mod pairing;
pub mod path;
mod pool;
pub mod priority;
pub mod relay;
pub mod report;
mod sanitize;
pub mod signature;
mod tls;
pub mod video;
pub mod vigil;
mod wire;

pub use endpoint::{Endpoint, Incoming, Protocol, Trust};
pub use error::{BindError, CloseReason, Closed, ConnectError, LinkError, Violation};
pub use figures::Figures;
pub use identity::{Fingerprint, Identity};
pub use link::Link;
