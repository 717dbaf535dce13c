//! How a participant gets a relay to forward its packets, and how the relay tells participants from strangers.
//!
//! A relay joins two UDP addresses, the two ends of a *channel*, and forwards what comes from one to the other as it
//! is. Before that each end **binds**: it shows a [`Token`] that the center signed for its key, proves that it has the
//! key, and echoes a [`Cookie`] that only reached it at its address. All messages are told from forwarded packets by their
//! first byte and from each other by their length, and no answer is longer than its question. docs/protocol.md
//! (section 9) is the normative description.
//!
//! Where packets do not get through, the same messages and packets travel in a [`tunnel`].
//!
//! Everything here is pure. [`Binder`] is the participant's side; [`Cookies`] and [`Bind::verify`] are what a relay
//! decides by. Sockets, tables and limits of the relay stand in the center's program, and which path carries a
//! session's packets is not decided here.

mod binder;
mod cookie;
mod message;
mod token;
pub mod tunnel;

pub use binder::{Binder, Event};
pub use cookie::{Cookies, WINDOW_S};
pub use message::{
    Bind, Cookie, MAX_MESSAGE_BYTES, Malformed, Message, Refusal, Transaction, is_relay_message,
};
pub use token::{ChannelId, SessionId, Side, SignedToken, TOKEN_BYTES, Token, TokenTextError};
