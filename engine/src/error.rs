//! What can go wrong, each as one sentence that says what happened and what to do.

use std::path::PathBuf;

use tessera_capture::CaptureError;
use tessera_transport::center::{CenterError, TokenError};
use tessera_transport::identity::IdentityError;
use tessera_transport::pairing::{CodeError, NoRandomness, PairingError};

use crate::session::roster::RosterError;
use tessera_transport::{BindError, ConnectError, LinkError};

/// A failure that ends a session or keeps it from starting.
///
/// The text is complete: a program prints it and exits with a code other than zero.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The center has no open session of this number.
    #[error(
        "the center knows no open session with this number; ask the representative for the current code"
    )]
    CodeUnknown,
    /// The text given as a code is none.
    #[error(transparent)]
    CodeText(#[from] CodeError),
    /// The code was not proved, or the peer did not prove it.
    #[error(transparent)]
    Code(#[from] PairingError),
    /// A code cannot be made.
    #[error(transparent)]
    Randomness(#[from] NoRandomness),
    /// The text given as an enrolment token is none.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// The center's address cannot be understood.
    #[error(
        "'{0}' is not a center's address; write HOST:PORT, HOST:PORT#FINGERPRINT or HOST:PORT/TUNNEL_PORT#FINGERPRINT"
    )]
    CenterAddress(String),
    /// The center cannot be reached or refused.
    #[error(transparent)]
    Center(#[from] CenterError),
    /// The center's address and the enrolment token name different keys.
    #[error(
        "the enrolment token was made by another center than the one whose fingerprint was given: check both with the center's operator"
    )]
    TokenOfAnotherCenter,
    /// The fingerprint of a center that was used before cannot be read or kept.
    #[error(
        "cannot use the pinned fingerprint {path} ({cause}); check the data directory, and remove the file only if the center really has a new key"
    )]
    Pin {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        cause: String,
    },
    /// The file that a session is kept in cannot be used.
    #[error(
        "cannot use {path} ({cause}), which keeps the session for a return: check the data folder, or remove the file and join with a code"
    )]
    Kept {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        cause: String,
    },
    /// The notes of a session cannot be written.
    #[error(
        "cannot write the notes {path} ({cause}); they stay on the screen: check that the data folder is yours to write and has room"
    )]
    Notes {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        cause: String,
    },
    /// The session that was kept is joined elsewhere than before.
    #[error(
        "the session's number now leads to another representative's program; ask for a new code"
    )]
    OtherRepresentative,
    /// This program has no account at the center yet.
    #[error(
        "this computer is not enrolled at the center; give the enrolment token that 'tessera-center serve' printed"
    )]
    NotEnrolled,
    /// The representative's program cannot be reached.
    #[error(
        "the representative's program cannot be reached at any of its addresses ({0}); check that no firewall blocks UDP between the two computers"
    )]
    PeerUnreachable(String),
    /// Only relays may be used, and there is none.
    #[error(
        "the center offers no relay to the representative's program at present, and this program may use nothing else; try again, or start it without --relay-only"
    )]
    NoRelay,
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
    /// The list of participants is not what it has to be.
    #[error(transparent)]
    Roster(#[from] RosterError),
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
    /// A sharer has as many viewers as it can have.
    #[error("{most} participants see this screen already; one of them has to leave first")]
    TooManyViewers {
        /// How many it can have.
        most: usize,
    },
    /// A thread of the library could not be started.
    #[error("the system refuses another thread ({0}); close some programs and try again")]
    Thread(String),
}
