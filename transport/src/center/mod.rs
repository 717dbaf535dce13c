//! The protocol of the center, its client, and what its server needs.
//!
//! The center enrols the programs of representatives (CSRs), hands out session numbers and tells joiners which
//! addresses and which key stand behind a number, and introduces both sides to each other at a relay. It never sees a
//! session's secret. One connection carries requests and their replies in turn on the control stream, each one JSON
//! message, and between them introductions that were not asked for; docs/protocol.md is the normative
//! description. The protocol's version is agreed on by TLS ([`Protocol::CENTER`](crate::Protocol::CENTER)), so that
//! there is no greeting to go wrong.

mod address;
mod approach;
mod client;
mod error;
mod introduction;
mod message;
mod token;

pub use address::{AddressError, CenterAddress, DEFAULT_PORT, DEFAULT_TUNNEL_PORT};
pub use client::{Client, Found, Introduced};
pub use error::CenterError;
pub use introduction::{Channel, Introduction, MAX_RELAYS, Relay, RelayPlace, RelayPlaceError};
pub use message::{
    MAX_ADDRESSES, MAX_MESSAGE_BYTES, MAX_NAME_CHARS, Refusal, Reply, Request, is_joinable,
    is_plain_name,
};
pub use token::{EnrolmentSecret, EnrolmentToken, TokenError};
