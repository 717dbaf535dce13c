//! The way of a frame: the stages between a screen and a connection, and between a connection and a
//! window.

pub(crate) mod pictures;
pub(crate) mod slot;
