//! What the participants of a session say to each other and the rules between them.
//!
//! [`messages`] is the protocol, [`rules`] the rules by name, [`Participant`] the state machine that keeps them for
//! every role, [`roster`] who is in, [`log`] what a customer agreed to, [`display`] how pictures look, [`text`] makes a
//! peer's words safe to show. No clock, no randomness and no
//! input or output anywhere in here; the driver brings those.

pub mod activity;
pub mod display;
pub mod log;
pub mod messages;
mod participant;
pub mod roster;
pub mod rules;
pub mod share;
pub mod text;

pub use participant::{
    Action, Command, Notice, Offer, OwnShare, Participant, Policy, Refusal, Setup, Watched,
};
