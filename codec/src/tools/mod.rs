//! Coding tools for what travels on leaves: one file each, encoder and decoder side by side.
//!
//! A tool knows pixels and its payload; which tiles it gets is the encoder's decision, and addresses
//! belong to the bitstream.

pub(crate) mod jpeg;
mod jpeg_header;

/// A tool could not code its tiles, for want of memory inside a library.
#[derive(Debug)]
pub(crate) struct ToolFailed;

impl From<openh264::Error> for ToolFailed {
    fn from(_: openh264::Error) -> Self {
        Self
    }
}

impl From<turbojpeg::Error> for ToolFailed {
    fn from(_: turbojpeg::Error) -> Self {
        Self
    }
}
