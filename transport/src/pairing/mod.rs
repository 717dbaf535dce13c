//! How a code read out on the telephone turns a stranger's key into an admitted participant.
//!
//! A code is `number-secret`. The number finds the session at the center; the secret feeds a PAKE between the joiner and
//! the primary CSR, inside their own QUIC connection. Whoever sits in between, the center included, learns nothing about
//! the secret but whether one guess was right.
//!
//! - [`code`]: the code, its digits, its spelling.
//! - `pake`: the proof, bound to everything an intermediary could change.
//! - [`keeper`]: wrong guesses counted, delayed, and the secret voided after 16.
//! - `message`: what travels.
//! - [`ticket`]: how somebody who was admitted comes back without the code.
//! - [`door`]: the exchange over a link.

pub mod code;
pub mod door;
pub mod keeper;
pub(crate) mod message;
pub(crate) mod pake;
pub mod ticket;

pub use code::{Code, CodeError, NoRandomness, Number, Secret};
pub use door::{Door, PairingError, join};
pub use message::Refusal;
pub use ticket::{Ticket, TicketDesk, TicketVerdict};
