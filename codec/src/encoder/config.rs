//! What the caller decides: settings, the request of one call, and the report about it.

/// How an encoder treats pictures.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Policy {
    /// Pictures are lossy while they move and become exact after rest.
    #[default]
    Live,
    /// Every tile is exact when it is sent.
    Exact,
}

/// Settings of an encoder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EncoderConfig {
    /// Threads that code slices; one (or none) works on the caller's thread.
    pub threads: usize,
    /// How pictures are treated.
    pub policy: Policy,
    /// How long a tile must not have changed before it is refined, in microseconds.
    pub rest_us: u64,
    /// JPEG quality of pictures in motion, 1 to 100.
    pub motion_quality: u8,
}

impl Default for EncoderConfig {
    /// One thread, lossy motion at quality 80, refinement after 200 ms: between the 150 ms below
    /// which pauses of a scroll would be refined and the 250 ms at which blur is noticed.
    fn default() -> Self {
        Self { threads: 1, policy: Policy::Live, rest_us: 200_000, motion_quality: 80 }
    }
}

/// What one call of the encoder may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EncodeRequest {
    /// The time of the frame on the caller's monotonic clock, in microseconds.
    pub now_us: u64,
    /// Bytes that may be sent now. Tiles that do not fit stay damage; at least one slice of
    /// waiting damage is coded whatever the budget, and the last one may exceed it.
    pub budget_bytes: usize,
    /// Where the pointer is: what is near it goes first.
    pub pointer: Option<(u16, u16)>,
}

/// What one call of the encoder did. Tiles are counted once for each update that holds them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Tiles of the damage that had not changed.
    pub unchanged_tiles: u32,
    /// Tiles of one colour.
    pub solid_tiles: u32,
    /// Tiles coded with a palette.
    pub palette_tiles: u32,
    /// Tiles coded without loss and without a palette.
    pub lossless_tiles: u32,
    /// Tiles coded with loss.
    pub jpeg_tiles: u32,
    /// Tiles copied from elsewhere on the canvas.
    pub copied_tiles: u32,
    /// Tiles among all these that had been lossy and became exact without having changed.
    pub refined_tiles: u32,
    /// Tiles left in the damage, for want of budget or of memory.
    pub waiting_tiles: u32,
    /// Bytes of all updates, headers included.
    pub bytes: usize,
}
