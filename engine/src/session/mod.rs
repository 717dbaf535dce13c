//! What two participants say to each other and the rules between them.
//!
//! [`messages`] is the protocol, [`rules`] the rules by name, [`customer`] and [`csr`] the two
//! state machines, [`display`] how pictures look, [`text`] makes a peer's words safe to show. No clock, no randomness and no
//! input or output anywhere in here; the driver brings those.

pub mod csr;
pub mod customer;
pub mod display;
pub mod messages;
pub mod roster;
pub mod rules;
pub mod text;
