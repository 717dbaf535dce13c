//! What the caller decides: settings, the request of one call, and the report about it.

use crate::chain::Quantizer;
use crate::colour::ColourMode;

/// Quantizer that a quality of 0 would have: at the default quality photographs of the measured
/// pages are at 40 dB while they scroll.
const QUANTIZER_AT_0: u8 = 108;

/// The coarsest quantizer, from quality 45 down.
const MAX_QUANTIZER: u32 = 63;

/// By how much the quantizer is larger in the reduced modes, whose pictures at rest are 41 dB and
/// some 36 dB from the source: what moves need not be nearer.
const COARSER_IN_HIGH_COLOUR: u32 = 6;
const COARSER_IN_256_COLOURS: u32 = 10;

/// How an encoder treats pictures.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Policy {
    /// Photographs are approximate while they move and become exact after rest.
    #[default]
    Live,
    /// Every tile is exact when it is sent.
    Exact,
}

/// Settings of an encoder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EncoderConfig {
    /// Threads that hash and code; one (or none) works on the caller's thread.
    pub threads: usize,
    /// How pictures are treated.
    pub policy: Policy,
    /// How long a tile must not have changed before it is refined, in microseconds.
    pub rest_us: u64,
    /// Quality of photographs in motion, 1 to 100: that of JPEG for film.
    pub motion_quality: u8,
    /// Epoch of the first update, at least 1. Encoders between which a decoder goes back and forth
    /// must never use the same.
    pub first_epoch: u32,
    /// By how much each epoch's number is above the one before, at least 1: so that encoders which
    /// begin with different ones keep apart.
    pub epoch_step: u32,
    /// How many colours pictures have; see [`Encoder::set_colours`](crate::Encoder::set_colours).
    pub colours: ColourMode,
    /// Whether the caller takes frames of film and has them coded, by
    /// [`Encoder::take_film`](crate::Encoder::take_film), so that nothing else waits for them.
    /// Otherwise [`Encoder::encode`](crate::Encoder::encode) codes them.
    pub film_apart: bool,
    /// Bytes a second that film in a video region may take for each million pixels of it, however much
    /// the path carries; `None` leaves it the quality that it should have.
    pub film_bytes_per_s_per_megapixel: Option<u32>,
}

impl Default for EncoderConfig {
    /// One thread, film at quality 80, refinement after 180 ms. Both figures are choices, not
    /// measurements: 180 ms is longer than the pauses between the steps of a mouse wheel that turns,
    /// and a quality of 80 leaves no block edges that catch the eye.
    fn default() -> Self {
        Self {
            threads: 1,
            policy: Policy::Live,
            rest_us: 180_000,
            motion_quality: 80,
            first_epoch: 1,
            epoch_step: 1,
            colours: ColourMode::Standard,
            film_apart: false,
            film_bytes_per_s_per_megapixel: None,
        }
    }
}

impl EncoderConfig {
    /// The quantizer of photographs that move in `quality`, whose steps double every eight below.
    pub(super) fn quantizer(quality: u8, colours: ColourMode) -> Quantizer {
        let coarser = match colours {
            ColourMode::Standard => 0,
            ColourMode::HighColour => COARSER_IN_HIGH_COLOUR,
            ColourMode::Palette => COARSER_IN_256_COLOURS,
        };
        let number = u32::from(QUANTIZER_AT_0.saturating_sub(quality)) + coarser;
        Quantizer::of(number.min(MAX_QUANTIZER))
    }
}

/// What one call of the encoder may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EncodeRequest {
    /// The time of the frame on the caller's monotonic clock, in microseconds.
    pub now_us: u64,
    /// Bytes that may be sent now. Tiles that do not fit, by an estimate made before coding, stay
    /// damage; at least one tile is coded whatever the budget.
    pub budget_bytes: usize,
    /// Where the pointer is: what is near it goes first.
    pub pointer: Option<(u16, u16)>,
}

/// What finds room besides exact damage: see [`Encoder::set_room`](crate::Encoder::set_room).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Room {
    /// Whether pictures may be sent on leaves. While they may not, what would go there stays damage.
    pub pictures: bool,
    /// Bytes of refinement that may be sent in one call, by what it took before; 0 for none.
    pub refinement_bytes: usize,
}

impl Default for Room {
    /// Everything.
    fn default() -> Self {
        Self { pictures: true, refinement_bytes: usize::MAX }
    }
}

/// What one call of the encoder did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Tiles of the damage that had not changed.
    pub unchanged_tiles: u32,
    /// Tiles sent on the chain, exactly.
    pub exact_tiles: u32,
    /// Tiles sent on the chain that are approximate in places.
    pub coarse_tiles: u32,
    /// Tiles sent as JPEG leaves.
    pub jpeg_tiles: u32,
    /// Tiles that show the frame of a video.
    pub video_tiles: u32,
    /// Tiles among the exact ones that had been approximate and have not changed since.
    pub refined_tiles: u32,
    /// Tiles left in the damage, for want of budget or of memory.
    pub waiting_tiles: u32,
    /// Blocks of 8x8 pixels in the tiles sent on the chain, those that did not change included.
    pub chain_blocks: u32,
    /// Blocks of 8x8 pixels that moved or came back, in tiles sent on the chain.
    pub moved_blocks: u32,
    /// Blocks coded by the models of drawn content.
    pub graphics_blocks: u32,
    /// Blocks coded by the models of photographs, exactly or not.
    pub photo_blocks: u32,
    /// Bytes of all updates, headers included.
    pub bytes: usize,
}
