//! The ways of a connection's packets: through a relay from the first packet, straight to the peer as soon as that is
//! found to work, and by a tunnel where nothing else gets through.
//!
//! QUIC above sees one constant address for each peer and never migrates. Below it, from the wire up:
//! - `seal`: probes, sealed with keys that only the two ends of a connection have.
//! - `choice`: which path is used, decided by probes alone, never by where packets happen to come from; pure.
//! - `route`: the ways to one peer; `table`: all peers of an endpoint and whose packet is whose; both without a socket.
//! - `socket`: the endpoint's sockets as the one that QUIC sees; `tunnel`: TLS over TCP as one of the ways.
//! - [`Ways`]: what those above hold of it.
//!
//! docs/protocol.md (section 10) is normative for what the peer sees.

mod candidates;
mod choice;
mod epoch;
mod route;
mod seal;
mod socket;
mod status;
mod table;
mod tunnel;
mod ways;

pub use candidates::{Candidates, Channel, FIRST_BYTE, MAX_CANDIDATES};
pub use choice::PathKind;
pub use epoch::PathEpoch;
pub(crate) use seal::{Seal, Secrets};
pub(crate) use socket::Sockets;
pub use status::PathFigures;
pub(crate) use table::plain_form;
pub(crate) use tunnel::TunnelTo;
pub use tunnel::{Proxy, ProxyError, TunnelError};
pub(crate) use ways::tunnel_to_center;
pub use ways::{Outlet, Relay, Returns, Ways, WeakWays, channel_of};
