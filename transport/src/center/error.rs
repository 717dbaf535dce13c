//! What can go wrong between a program and its center.

use crate::center::Refusal;
use crate::error::{ConnectError, LinkError};
use crate::identity::Fingerprint;
use crate::path::TunnelError;

/// A request to the center was not done.
#[derive(Debug, thiserror::Error)]
pub enum CenterError {
    /// The host's name leads nowhere.
    #[error(
        "the address of the center {center} cannot be found ({cause}): check --center and the network"
    )]
    Lookup {
        /// Host and port.
        center: String,
        /// What the system said.
        cause: std::io::Error,
    },
    /// Another key answers than the one pinned, or given with the address.
    #[error(
        "the center {center} has the fingerprint {found}, but {expected} was expected: somebody may be in between; ask its operator for the fingerprint, and if it really is another one now, give it once as --center {center}#FINGERPRINT"
    )]
    OtherKey {
        /// Host and port.
        center: String,
        /// The fingerprint that was expected.
        expected: Fingerprint,
        /// The fingerprint that was found.
        found: Fingerprint,
    },
    /// Neither way leads there.
    #[error(
        "the center {center} is reached neither by UDP ({udp}) nor through a tunnel by TCP ({tunnel})"
    )]
    Unreachable {
        /// Host and port.
        center: String,
        /// Why not by UDP.
        udp: Box<ConnectError>,
        /// Why not by TCP.
        tunnel: Box<CenterError>,
    },
    /// No connection came about.
    #[error("{0}")]
    Connect(#[from] ConnectError),
    /// No tunnel came about.
    #[error("{0}")]
    Tunnel(#[from] TunnelError),
    /// The connection ended.
    #[error("the connection to the center was lost: {0}")]
    Lost(#[from] LinkError),
    /// The center does not answer in time, or ends the stream.
    #[error("the center does not answer: try again, and ask its operator if it stays so")]
    NoAnswer,
    /// The center answers what it was not asked.
    #[error(
        "the center's answer does not fit the question: install the same Tessera version on both sides"
    )]
    Mismatch,
    /// The center refused.
    #[error("{reason}")]
    Refused {
        /// Why.
        reason: Refusal,
        /// When it may succeed, if the center said so.
        retry_after: Option<std::time::Duration>,
    },
}
