//! What can go wrong, each as one sentence that says what happened and what to do.

use tessera_capture::CaptureError;
use tessera_transport::identity::IdentityError;
use tessera_transport::{BindError, ConnectError, LinkError};

/// A failure that ends a session or keeps it from starting.
///
/// The text is complete: a program prints it and exits with a code other than zero.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The text typed as a code has not the form of one.
    #[error(
        "this is not a session code; type it as the representative reads it out, for example 123 456 789-1234 5678"
    )]
    CodeMalformed,
    /// The center has no open session of this number.
    #[error(
        "the center knows no open session with this number; ask the representative for the current code"
    )]
    CodeUnknown,
    /// The secret half of the code was wrong, or the code has expired.
    #[error(
        "the code is wrong or has expired; ask the representative for the current code and type it again"
    )]
    CodeWrong,
    /// The session has a customer already.
    #[error(
        "the session has a customer already; ask the representative to open another session for you"
    )]
    SessionTaken,
    /// The center's address cannot be understood.
    #[error("'{0}' is not a center's address; write HOST:PORT or HOST:PORT#FINGERPRINT")]
    CenterAddress(String),
    /// No connection to the center.
    #[error(
        "the center at {center} cannot be reached ({reason}); check the address and that the center is running"
    )]
    CenterUnreachable {
        /// Address as it was given.
        center: String,
        /// What the network said.
        reason: String,
    },
    /// The center refused a request.
    #[error("the center refused: {0}")]
    CenterRefused(String),
    /// The certificate of the center or of the peer is not the one that was pinned or announced.
    #[error(
        "the certificate of {peer} is not the expected one ({detail}); somebody may be intercepting the connection, so do not go on before its operator has confirmed the new fingerprint"
    )]
    CertificateMismatch {
        /// Whose certificate.
        peer: String,
        /// Both fingerprints, where they are known.
        detail: String,
    },
    /// This program has no account at the center yet.
    #[error(
        "this computer is not enrolled at the center; give the enrolment token that 'tessera-center serve' printed"
    )]
    NotEnrolled,
    /// The enrolment token was not accepted.
    #[error("the center did not accept the enrolment token ({0}); have the center print a new one")]
    TokenRefused(String),
    /// The representative's program cannot be reached.
    #[error(
        "the representative's program cannot be reached at any of its addresses ({0}); check that no firewall blocks UDP between the two computers"
    )]
    PeerUnreachable(String),
    /// The two programs speak different versions of the protocol.
    #[error(
        "the other program speaks protocol version {theirs} and this one {ours}; install the same release on both sides"
    )]
    VersionMismatch {
        /// Version of this program.
        ours: u32,
        /// Version of the peer.
        theirs: u32,
    },
    /// The listening address cannot be used.
    #[error(transparent)]
    Listen(#[from] BindError),
    /// The key of this program cannot be had.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// The peer cannot be connected to.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// The connection ended or failed.
    #[error(transparent)]
    Link(#[from] LinkError),
    /// The screen cannot be captured or operated.
    #[error(transparent)]
    Screen(#[from] CaptureError),
    /// The peer broke the protocol and was disconnected.
    #[error(
        "the other program sent something it must not send ({0}) and was disconnected; install the same release on both sides"
    )]
    Misbehaved(String),
    /// The connection was lost and did not come back within the grace period.
    #[error(
        "the connection was lost and did not come back within {grace_s} seconds; start again with a new code"
    )]
    Lost {
        /// The grace period in seconds.
        grace_s: u64,
    },
    /// A thread of the library could not be started.
    #[error("the system refuses another thread ({0}); close some programs and try again")]
    Thread(String),
}
