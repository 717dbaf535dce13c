//! What a decoder answers to an update that it must not apply.

use thiserror::Error;

/// An update was refused; the picture is as it was before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("update refused at byte {offset}: {rule}")]
pub struct DecodeError {
    /// Byte of the update where the broken rule was seen. For what lies inside a stream or a
    /// payload this is its first byte.
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
    /// Nothing follows the last field.
    #[error("bytes follow the last field")]
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
    /// The flags name a kind of update.
    #[error("the flags name no kind of update")]
    Kind,
    /// Only chain updates and slices start an epoch.
    #[error("a leaf or a check cannot start an epoch")]
    LeafStart,
    /// Only a chain update that builds on another one makes models begin anew.
    #[error("only a chain update that builds on another can reset the models")]
    ResetFlag,
    /// A variable-length number has at most five bytes and fits 32 bits.
    #[error("a number does not fit 32 bits")]
    NumberRange,
    /// A variable-length number uses as few bytes as it can.
    #[error("a number is written with more bytes than it needs")]
    NumberForm,
    /// Only chain updates have a colour mode, and only those of 256 colours a palette.
    #[error("the colour mode or a palette does not fit the update")]
    ColourMode,
    /// A palette has 1 to 256 colours.
    #[error("the number of colours of the palette is out of range")]
    PaletteCount,
    /// The colours of a palette stand in the order of their cells, no two in one.
    #[error("the colours of the palette do not stand in order")]
    PaletteOrder,
    /// The first update of 256 colours brings the palette.
    #[error("no palette has been sent")]
    PaletteMissing,
    /// A new epoch is another than the present one; what does not start one is of the present one.
    #[error("the epoch is not the one that it must be")]
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
    /// Without a whole line only what builds on none is applied.
    #[error("the line is not whole since an earlier update was refused or slices are missing")]
    ChainBroken,
    /// Slices say whether their set is complete by 0 or 1.
    #[error("the mark of a complete set of slices is neither 0 nor 1")]
    SliceComplete,
    /// The version of a slice's tile is at least 1 and at most the update's number.
    #[error("a slice's tile has a version that the update cannot know")]
    SliceVersion,
    /// The runs of a check fill the canvas.
    #[error("the runs of a check do not fill the canvas")]
    CheckRuns,
    /// A stream of a chain update holds exactly the bytes that its symbols need.
    #[error("a stream's length does not fit its symbols")]
    StreamLength,
    /// At the end of a segment the states of the entropy coder are at their lowest value.
    #[error("a segment of a stream is damaged")]
    StreamState,
    /// The plain bits are exactly those that the symbols need, followed by zeroes to a full byte.
    #[error("the plain bits of a stream do not fit its symbols")]
    PlainBits,
    /// A lane begins on the canvas, below the one before.
    #[error("a lane does not begin below the one before and on the canvas")]
    LaneRow,
    /// A copy names a vector of the update.
    #[error("a copy names a vector that the update does not have")]
    VectorUnknown,
    /// A copy's source lies on the canvas.
    #[error("the source of a copy lies outside the canvas")]
    CopyOutside,
    /// A copy's source is in the cache, when its vector names a page of it.
    #[error("the source of a copy is not in the cache")]
    CacheMissing,
    /// The cache has room for the tiles that are put into it.
    #[error("more tiles are put into the cache than it has room for")]
    CacheFull,
    /// A leaf holds no more pictures than the canvas has tiles.
    #[error("there are more pictures than the canvas has tiles")]
    PictureCount,
    /// A picture holds 1 to 64 tiles.
    #[error("the number of tiles in the picture is out of range")]
    TileCount,
    /// A picture's tiles lie on the canvas.
    #[error("a tile lies outside the canvas")]
    TileOutside,
    /// An update writes a tile at most once.
    #[error("a tile is written twice in one update")]
    TileRepeated,
    /// A payload is within the fixed limit.
    #[error("a picture's payload is larger than allowed")]
    PayloadLimit,
    /// A payload is long enough for its fixed fields.
    #[error("the payload is too short")]
    PayloadLength,
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
    /// A video's region holds pixels, lies on the canvas, and is at most as large as the coder takes.
    #[error("the video's region is empty, leaves the canvas, or is too large")]
    VideoRegion,
    /// The bits behind a video's last tile are zero.
    #[error("bits follow the video's last tile")]
    VideoTiles,
    /// All frames of a video stream have the region of its first.
    #[error("the region changes within a video stream")]
    VideoMoved,
    /// A video's payload is one slice, of the kind that its place in the stream asks for.
    #[error("the payload is not one slice of the frame's kind")]
    VideoUnit,
    /// A video's slice is a whole frame of its region.
    #[error("the video frame is damaged")]
    VideoFrame,
}

impl Rule {
    /// The error of breaking this rule at byte `offset` of the update.
    #[must_use]
    pub const fn at(self, offset: usize) -> DecodeError {
        DecodeError { offset, rule: self }
    }
}
