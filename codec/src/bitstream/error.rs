//! What a decoder answers to an update that it must not apply.

use thiserror::Error;

/// An update was refused; the picture is as it was before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("update refused at byte {offset}: {rule}")]
pub struct DecodeError {
    /// Byte of the update where the broken rule was seen. For what lies inside a compressed
    /// payload this is the payload's first byte.
    pub offset: usize,
    /// The rule of the bitstream that the update breaks.
    pub rule: Rule,
}

/// The rules of `docs/bitstream.md` that an update can break, one variant each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Error)]
#[non_exhaustive]
pub enum Rule {
    /// Every field lies inside the update.
    #[error("the update ends inside a field")]
    Truncated,
    /// Nothing follows the last slice.
    #[error("bytes follow the last slice")]
    TrailingBytes,
    /// An update starts with the magic bytes.
    #[error("the update does not start with the magic bytes")]
    Magic,
    /// The version is one that this decoder knows.
    #[error("the bitstream version is not supported")]
    Version,
    /// Flag bits without a meaning are zero.
    #[error("a reserved flag is set")]
    ReservedFlag,
    /// The header's track is the one that the update came on.
    #[error("the update came on the other track")]
    TrackMismatch,
    /// Only chain updates start an epoch.
    #[error("a leaf update cannot start an epoch")]
    LeafStart,
    /// A variable-length number has at most five bytes and fits 32 bits.
    #[error("a number does not fit 32 bits")]
    NumberRange,
    /// A variable-length number uses as few bytes as it can.
    #[error("a number is written with more bytes than it needs")]
    NumberForm,
    /// A new epoch is higher than the present one.
    #[error("the epoch does not follow the present one")]
    Epoch,
    /// A chain update builds on the chain update applied last.
    #[error("a chain update is missing before this one")]
    ChainGap,
    /// Update numbers rise: each is above the number that the update builds on.
    #[error("the update number is not above the number it builds on")]
    NumberOrder,
    /// The canvas is within the decoder's limits.
    #[error("the canvas is larger than the limits allow")]
    CanvasLimit,
    /// The update is within the decoder's limits.
    #[error("the update is larger than the limits allow")]
    UpdateLimit,
    /// There are no more slices than tiles.
    #[error("there are more slices than the canvas has tiles")]
    SliceCount,
    /// The coding tool is one of the version's.
    #[error("the coding tool is unknown")]
    ToolUnknown,
    /// A slice holds 1 to 64 tiles.
    #[error("the number of tiles in the slice is out of range")]
    TileCount,
    /// A tile address lies on the canvas.
    #[error("a tile lies outside the canvas")]
    TileOutside,
    /// An update writes a tile at most once.
    #[error("a tile is written twice in one update")]
    TileRepeated,
    /// A payload is within the fixed limit.
    #[error("a slice's payload is larger than allowed")]
    PayloadLimit,
    /// A payload has exactly the length that its tool needs for its tiles.
    #[error("the payload's length does not fit its tiles")]
    PayloadLength,
    /// A compressed payload is a sequence of whole Zstandard frames.
    #[error("the payload is not valid Zstandard data")]
    Zstandard,
    /// A pixel's palette index is below the number of the palette's colours.
    #[error("a palette index has no colour")]
    PaletteIndex,
    /// The JPEG quality is 1 to 100.
    #[error("the JPEG quality is out of range")]
    JpegQuality,
    /// The chroma format is a known one.
    #[error("the chroma format is unknown")]
    JpegChroma,
    /// The entropy-coded segment holds no marker.
    #[error("a marker stands inside the entropy-coded segment")]
    JpegMarker,
    /// The entropy-coded segment is a baseline scan of the rectangle.
    #[error("the JPEG scan is damaged")]
    JpegScan,
    /// A copy's source lies on the canvas.
    #[error("the source of a copy lies outside the canvas")]
    CopyOutside,
    /// A copy reads only tiles that the epoch has written.
    #[error("the source of a copy was never written in this epoch")]
    CopyUnwritten,
}

impl Rule {
    /// The error of breaking this rule at byte `offset` of the update.
    #[must_use]
    pub const fn at(self, offset: usize) -> DecodeError {
        DecodeError { offset, rule: self }
    }
}
