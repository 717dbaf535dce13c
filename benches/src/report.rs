//! Results as a table for people and as lines of JSON for programs.

use crate::metrics::Tally;

/// One codec's figures on one clip.
#[derive(Debug, serde::Serialize)]
pub(crate) struct Row {
    pub(crate) clip: String,
    pub(crate) codec: String,
    pub(crate) frames: usize,
    pub(crate) key_bytes: usize,
    /// `exact` or `live`; none for other codecs.
    pub(crate) policy: Option<&'static str>,
    /// Frames between sending an update and its acknowledgement; none for other codecs.
    pub(crate) ack_delay: Option<usize>,
    pub(crate) bytes_per_frame: f64,
    pub(crate) exact_share: f64,
    /// Whole screen, RGB; none when every pixel is exact.
    pub(crate) psnr_db: Option<f64>,
    /// Pixels that are not exact, RGB; none when every pixel is exact.
    pub(crate) psnr_inexact_db: Option<f64>,
    pub(crate) key_encode_ms: f64,
    pub(crate) encode_ms: f64,
    pub(crate) encode_ms_2t: Option<f64>,
    pub(crate) decode_ms: f64,
    pub(crate) decode_ms_2t: Option<f64>,
    /// Encoded megapixels a second of the frames after the first, whole frames counted.
    pub(crate) encode_mp_s: f64,
    /// Share of coded tiles by coding tool, in percent.
    pub(crate) tools: Vec<(&'static str, f64)>,
}

impl Row {
    /// The figures of `tally`; what only our codec has is left empty.
    pub(crate) fn new(clip: &str, codec: &str, pixels: usize, tally: &Tally) -> Self {
        let encode_ms = tally.encode_ms();
        Self {
            clip: clip.to_owned(),
            codec: codec.to_owned(),
            frames: tally.frames(),
            key_bytes: tally.key_bytes(),
            policy: None,
            ack_delay: None,
            bytes_per_frame: tally.bytes_per_frame(),
            exact_share: tally.exact_share(),
            psnr_db: tally.psnr_db(),
            psnr_inexact_db: tally.inexact_psnr_db(),
            key_encode_ms: tally.key_encode_ms(),
            encode_ms,
            encode_ms_2t: None,
            decode_ms: tally.decode_ms(),
            decode_ms_2t: None,
            encode_mp_s: if encode_ms > 0.0 { pixels as f64 / encode_ms / 1e3 } else { 0.0 },
            tools: Vec::new(),
        }
    }

    /// The row as a line of a table under [`heading`].
    pub(crate) fn line(&self) -> String {
        let optional = |value: Option<f64>| value.map_or("-".to_owned(), |v| format!("{v:.2}"));
        let name = match (self.policy, self.ack_delay) {
            (Some(policy), Some(delay)) => format!("{} {policy} ack {delay}", self.codec),
            _ => self.codec.clone(),
        };
        let tools: Vec<String> =
            self.tools.iter().map(|(tool, share)| format!("{tool} {share:.0}%")).collect();
        format!(
            "{name:<28}{:>9.1}{:>10.2}{:>9.4}{:>8}{:>8.1}{:>8.2}{:>8}{:>8.2}{:>8}{:>8.0}  {}",
            self.key_bytes as f64 / 1e3,
            self.bytes_per_frame / 1e3,
            self.exact_share,
            optional(self.psnr_db),
            self.key_encode_ms,
            self.encode_ms,
            optional(self.encode_ms_2t),
            self.decode_ms,
            optional(self.decode_ms_2t),
            self.encode_mp_s,
            tools.join(" "),
        )
    }
}

/// The heading of a clip's table.
pub(crate) fn heading(clip: &str, width: u16, height: u16) -> String {
    format!(
        "\n{clip} ({width}x{height})\n{:<28}{:>9}{:>10}{:>9}{:>8}{:>8}{:>8}{:>8}{:>8}{:>8}{:>8}  {}",
        "codec",
        "key kB",
        "kB/frame",
        "exact",
        "dB",
        "key ms",
        "enc ms",
        "2 thr",
        "dec ms",
        "2 thr",
        "MP/s",
        "tiles by tool"
    )
}
