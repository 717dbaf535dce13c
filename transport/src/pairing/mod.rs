//! How a code read out on the telephone turns a stranger's key into an admitted participant.
//!
//! A code is `number-secret`. The number finds the session at the center; the secret feeds a PAKE between the joiner and
//! the primary CSR, inside their own QUIC connection. Whoever sits in between, the center included, learns nothing about
//! the secret but whether one guess was right.
//!
//! - [`code`]: the code, its digits, its spelling.

pub mod code;

pub use code::{Code, CodeError, NoRandomness, Number, Secret};
