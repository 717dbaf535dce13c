//! What the encoder knows about each tile: the pixels that were sent and how.

use crate::geometry::TileIndex;

/// How well the decoder knows a tile once everything that was sent has arrived.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Held {
    /// Not in this epoch, or only by a leaf that was lost.
    #[default]
    Nothing,
    /// As a lossy picture of the hashed pixels.
    Lossy,
    /// Bit by bit.
    Exact,
}

/// One tile.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct TileState {
    /// Hash of the pixels sent last; says nothing while `held` is `Nothing`.
    pub(super) hash: u128,
    pub(super) held: Held,
    /// Number of the leaf update that wrote the tile last; 0 when a chain update did.
    pub(super) leaf: u32,
    /// Hash of the pixels examined last, whether or not they could be sent.
    pub(super) seen: u128,
    /// When the pixels changed last, in microseconds.
    pub(super) changed_us: u64,
}

/// A tile of the damage under examination.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scan {
    pub(super) tile: TileIndex,
    pub(super) hash: u128,
    /// Whether the pixels are others than those sent last.
    pub(super) changed: bool,
    /// What the tile is, when it is to be coded.
    pub(super) class: Option<super::classify::Class>,
}

impl Scan {
    /// `tile`, not yet looked at.
    pub(super) const fn of(tile: TileIndex) -> Self {
        Self { tile, hash: 0, changed: false, class: None }
    }
}

/// Which of the examined tiles are to be coded, and how.
#[derive(Clone, Copy, Debug)]
pub(super) enum ScanMode {
    /// Those that changed; with `lossy`, pictures are told apart.
    Changed {
        /// Whether pictures may be coded with loss.
        lossy: bool,
    },
    /// Those that did not change, exactly.
    Refine,
}
