//! What can go wrong with an endpoint or a link, each as one sentence that says what happened and what to do.
//!
//! Errors that belong to one protocol stand with it, as in [`crate::json`] and [`crate::pairing`].

use crate::identity::Fingerprint;
use crate::sanitize::printable;
use quinn::{ConnectionError, TransportErrorCode, VarInt};
use std::net::SocketAddr;

/// Characters kept of a peer's closing text.
const REASON_CHARACTERS: usize = 200;

/// An endpoint could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// The socket could not be bound.
    #[error(
        "cannot listen on {address}/udp ({cause}): choose another address or port, or stop the program that uses it"
    )]
    Socket {
        /// The address asked for.
        address: SocketAddr,
        /// What the system said.
        cause: std::io::Error,
    },
    /// The identity could not be turned into a TLS configuration.
    #[error(
        "the key of this program cannot be used for TLS ({0}): remove identity.pem from the data directory to get a new one"
    )]
    Tls(#[from] rustls::Error),
}

/// A link could not be established.
#[derive(Debug, Clone, thiserror::Error, PartialEq, Eq)]
pub enum ConnectError {
    /// Nobody answered.
    #[error(
        "{0} does not answer: check the address, that the program there runs, and that UDP is not blocked"
    )]
    Unreachable(SocketAddr),
    /// The address cannot be connected to at all.
    #[error("{address} cannot be connected to ({cause}): check the address")]
    Address {
        /// The address asked for.
        address: SocketAddr,
        /// What quinn said.
        cause: String,
    },
    /// The peer's key is another one than expected.
    #[error(
        "the peer at {address} has the fingerprint {found}, but {expected} was expected: somebody may be in between; compare fingerprints with the other side before trying again"
    )]
    Fingerprint {
        /// The peer's address.
        address: SocketAddr,
        /// The fingerprint that was expected.
        expected: Fingerprint,
        /// The fingerprint that was found.
        found: Fingerprint,
    },
    /// The peer did not accept this program's key.
    #[error("{0} does not accept the key of this program: it expects another participant")]
    NotAccepted(SocketAddr),
    /// No common protocol version.
    #[error("{0} speaks another protocol version: install the same Tessera version on both sides")]
    VersionMismatch(SocketAddr),
    /// The endpoint was closed, or the peer closed the connection while it was set up.
    #[error("the connection to {address} was not established: {cause}")]
    Refused {
        /// The peer's address.
        address: SocketAddr,
        /// Why, from the peer or from QUIC.
        cause: String,
    },
}

impl ConnectError {
    pub(crate) fn from_quinn(address: SocketAddr, error: &ConnectionError) -> Self {
        match error {
            ConnectionError::TimedOut => Self::Unreachable(address),
            other if is_alert(other, ALERT_NO_APPLICATION_PROTOCOL) => {
                Self::VersionMismatch(address)
            }
            ConnectionError::VersionMismatch => Self::VersionMismatch(address),
            other if ALERTS_BAD_CERTIFICATE.iter().any(|alert| is_alert(other, *alert)) => {
                Self::NotAccepted(address)
            }
            other => {
                Self::Refused { address, cause: printable(&other.to_string(), REASON_CHARACTERS) }
            }
        }
    }
}

/// TLS alert `no_application_protocol` (RFC 7301, section 3.2).
const ALERT_NO_APPLICATION_PROTOCOL: u8 = 120;
/// TLS alerts about the certificate shown (RFC 8446, section 6.2): `bad_certificate` to `certificate_unknown`,
/// `unknown_ca`, `access_denied`.
const ALERTS_BAD_CERTIFICATE: [u8; 7] = [42, 43, 44, 45, 46, 48, 49];

/// Whether `error` is the TLS alert, raised on either side.
fn is_alert(error: &ConnectionError, alert: u8) -> bool {
    let code = TransportErrorCode::crypto(alert);
    match error {
        ConnectionError::TransportError(error) => error.code == code,
        ConnectionError::ConnectionClosed(close) => close.error_code == code,
        _ => false,
    }
}

/// Why a side ends a link on purpose.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CloseReason {
    /// The participant leaves; nothing is wrong.
    #[error("the other side said goodbye")]
    Goodbye,
    /// The peer broke a rule of the protocol; the text says which.
    #[error("a rule of the protocol was broken: {0}")]
    ProtocolViolation(String),
    /// The peers understand each other's packets, but not each other's messages.
    #[error(
        "the other side speaks another protocol version: install the same Tessera version on both sides"
    )]
    VersionMismatch,
    /// A newer link to the same participant has taken this one's place.
    #[error("a newer connection has taken the place of this one")]
    Replaced,
    /// The participant is not, or no longer, admitted; the text says why.
    #[error("not admitted: {0}")]
    NotAdmitted(String),
    /// A reason that this version does not know, by its number.
    #[error("the other side closed the connection for a reason unknown to this version ({0})")]
    Unknown(u64),
}

impl CloseReason {
    pub(crate) fn code(&self) -> VarInt {
        VarInt::from_u32(match self {
            Self::Goodbye => 0,
            Self::ProtocolViolation(_) => 1,
            Self::VersionMismatch => 2,
            Self::Replaced => 3,
            Self::NotAdmitted(_) => 4,
            Self::Unknown(code) => u32::try_from(*code).unwrap_or(u32::MAX),
        })
    }

    /// The text that travels with the code: at most [`REASON_CHARACTERS`] characters.
    pub(crate) fn text(&self) -> String {
        match self {
            Self::ProtocolViolation(text) | Self::NotAdmitted(text) => {
                printable(text, REASON_CHARACTERS)
            }
            _ => String::new(),
        }
    }

    fn from_wire(code: VarInt, text: &[u8]) -> Self {
        let text = printable(&String::from_utf8_lossy(text), REASON_CHARACTERS);
        match code.into_inner() {
            0 => Self::Goodbye,
            1 => Self::ProtocolViolation(text),
            2 => Self::VersionMismatch,
            3 => Self::Replaced,
            4 => Self::NotAdmitted(text),
            code => Self::Unknown(code),
        }
    }
}

/// How a link ended.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Closed {
    /// The peer ended it.
    #[error("{0}")]
    ByPeer(CloseReason),
    /// This side ended it, through [`crate::Link::close`], by dropping everything, or since the peer broke a rule.
    #[error("this side has closed the connection")]
    Here,
    /// Nothing was heard from the peer for the idle timeout: it vanished, or the path is dead.
    #[error(
        "nothing was heard from the other side any more: its program, its machine or the network has gone away"
    )]
    TimedOut,
    /// The peer's system says that its program has gone; see [`crate::vigil`].
    #[error("the other side's program has gone: nothing listens at its address any more")]
    Gone,
    /// The peer's program was restarted and does not know the connection any more.
    #[error("the other side does not know this connection any more: its program was restarted")]
    Reset,
    /// The peer broke QUIC itself, or an error of the transport.
    #[error("the connection broke down: {0}")]
    Transport(String),
}

impl From<&ConnectionError> for Closed {
    fn from(error: &ConnectionError) -> Self {
        match error {
            ConnectionError::ApplicationClosed(close) => {
                Self::ByPeer(CloseReason::from_wire(close.error_code, &close.reason))
            }
            ConnectionError::LocallyClosed => Self::Here,
            ConnectionError::TimedOut => Self::TimedOut,
            ConnectionError::Reset => Self::Reset,
            other => Self::Transport(printable(&other.to_string(), REASON_CHARACTERS)),
        }
    }
}

impl From<ConnectionError> for Closed {
    fn from(error: ConnectionError) -> Self {
        Self::from(&error)
    }
}

/// A rule that a peer broke. Whoever reads it from a link finds the link closed with it as the reason.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Violation {
    /// A length field exceeds what the reader allows.
    #[error("{what} of {length_bytes} bytes exceeds the limit of {limit_bytes} bytes")]
    TooLong {
        /// What was announced.
        what: &'static str,
        /// Its announced length.
        length_bytes: u64,
        /// What is allowed.
        limit_bytes: usize,
    },
    /// A stream or message ended in the middle.
    #[error("{0} ended in the middle")]
    Truncated(&'static str),
    /// A field holds a value outside its range.
    #[error("{0} holds a value outside its range")]
    BadValue(&'static str),
    /// Bytes follow where a message must end.
    #[error("{0} is followed by surplus bytes")]
    Surplus(&'static str),
    /// The first byte of a stream or datagram names no kind.
    #[error("unknown kind {kind} of {what}")]
    UnknownKind {
        /// `stream` or `datagram`.
        what: &'static str,
        /// The byte found.
        kind: u8,
    },
    /// Sequence numbers do not follow each other.
    #[error("{what} number {found} came where {expected} was due")]
    OutOfSequence {
        /// What is numbered.
        what: &'static str,
        /// The number found.
        found: u64,
        /// The number due.
        expected: u64,
    },
    /// A stream that may not be reset was reset.
    #[error("{0} was reset, which it must never be")]
    Reset(&'static str),
    /// A second stream of a kind of which there is one.
    #[error("a second {0} was opened")]
    Duplicate(&'static str),
    /// A control message is not the JSON that is due.
    #[error("a control message cannot be understood: {0}")]
    Message(crate::json::JsonError),
}

/// A stream or datagram operation failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LinkError {
    /// The link has ended.
    #[error("{0}")]
    Closed(#[from] Closed),
    /// The peer broke a rule; the link has been closed for it.
    #[error("the other side was disconnected: {0}")]
    Violation(#[from] Violation),
    /// The peer does not want the stream any more.
    #[error("the other side does not read this stream any more")]
    Stopped,
    /// What was to be sent exceeds the limit; nothing was sent.
    #[error(
        "{what} of {length_bytes} bytes exceeds the limit of {limit_bytes} bytes and was not sent"
    )]
    TooLong {
        /// What was to be sent.
        what: &'static str,
        /// Its length.
        length_bytes: usize,
        /// What is allowed.
        limit_bytes: usize,
    },
}

impl From<quinn::WriteError> for LinkError {
    fn from(error: quinn::WriteError) -> Self {
        match error {
            quinn::WriteError::Stopped(_) => Self::Stopped,
            quinn::WriteError::ConnectionLost(error) => Self::Closed(error.into()),
            quinn::WriteError::ClosedStream | quinn::WriteError::ZeroRttRejected => {
                Self::Closed(Closed::Here)
            }
        }
    }
}

impl From<ConnectionError> for LinkError {
    fn from(error: ConnectionError) -> Self {
        Self::Closed(error.into())
    }
}
