//! The ways of a connection's packets: through a relay from the first packet, straight to the peer as soon as that is
//! found to work, and by a tunnel where nothing else gets through.
//!
//! QUIC above sees one constant address for each peer and never migrates. Below it, probes sealed with a key of the session
//! say which paths there are, and nothing is ever concluded from where packets happen to come from.

mod candidates;
mod epoch;

pub use candidates::{Candidates, Channel, FIRST_BYTE, MAX_CANDIDATES};
pub use epoch::PathEpoch;
