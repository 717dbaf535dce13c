//! Annotations: what the participants draw over a shared picture.
//!
//! A [`Layer`] lies over the picture and is never part of it: the picture is coded as it is, and each
//! side draws the layer over what it shows. Marks stand in coordinates of the shared picture
//! ([`Point`]), so that they keep their place at every scale.
//!
//! Participants exchange [`Op`]s. A layer that has taken the same operations is the same, in whatever
//! order they arrived and however often: marks are named by author and number, parts of a mark only
//! add up, erasing leaves a tombstone, and clearing raises a floor below which nothing comes back. A
//! layer is bounded whatever arrives: marks of an author, points of a mark, characters of a text; the
//! [`Meter`] bounds how fast.
//!
//! - [`Hand`]: from pointer and keys to operations, drawn live while the pen moves.
//! - [`Painter`]: the layer over pixels at any scale.
//! - [`Board`]: a layer shared between the session's thread and a window.
//!
//! Who may annotate when is a rule of the session and not here.

mod board;
mod colour;
mod hand;
mod layer;
mod mark;
mod meter;
mod op;
pub mod oracle;
mod paint;
mod point;

pub use board::Board;
pub use colour::Colour;
pub use hand::{Hand, Implement};
pub use layer::{Layer, Refusal, Rights};
pub use meter::Meter;
pub use op::{Floor, Op, Tool};
pub use paint::{Canvas, Edges, Painter, Place};
pub use point::Point;

/// Who has drawn something: the holder of this key.
pub type Author = tessera_transport::Fingerprint;

/// Marks of one author that a layer keeps, erased ones included; the oldest make room.
pub const MAX_MARKS: usize = 256;

/// Points of a mark. A longer line goes on as another mark.
pub const MAX_POINTS: usize = 1024;

/// Points that one operation carries: at most 16 bytes each as JSON, so that an operation has no more
/// than [`MAX_OP_BYTES`].
pub const MAX_POINTS_AN_OP: usize = 192;

/// Longest operation as JSON: half of the longest message.
pub const MAX_OP_BYTES: usize = 4_096;

/// Longest text of a mark, in characters.
pub const MAX_TEXT_CHARS: usize = 200;

/// Authors of a layer, those included who are only named in an operation of somebody else.
pub const MAX_AUTHORS: usize = 32;

/// Numbers of marks are below this, so that JSON readers of every kind keep them exact.
pub const MAX_NUMBER: u64 = 1 << 53;

/// Pause between two operations of a hand that draws, in microseconds: faster ones cannot be told
/// apart by an eye, and a slower one would be seen to stutter.
pub const SEND_INTERVAL_US: u64 = 30_000;
