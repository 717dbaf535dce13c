//! Results as a table for people and as lines of JSON for programs.

use std::time::Duration;

use crate::metrics::{Tally, milliseconds};
use crate::ours::{Measured, Setting};

/// Times of a frame above which two threads are compared with one.
const SLOW_FRAME: Duration = Duration::from_millis(5);

/// One codec's figures on one clip. What an `Option` leaves out is `null`.
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
    /// In the tiles that are not exact, RGB; none when every pixel is exact.
    pub(crate) psnr_db: Option<f64>,
    pub(crate) encode_ms: f64,
    pub(crate) encode_ms_2t: Option<f64>,
    pub(crate) decode_ms: f64,
    pub(crate) decode_ms_2t: Option<f64>,
    /// Encoded megapixels a second of the frames after the first, whole frames counted.
    pub(crate) encode_mp_s: f64,
    pub(crate) decode_mp_s: f64,
    pub(crate) key_encode_ms: f64,
    pub(crate) key_decode_ms: f64,
    /// The smallest share of exact pixels at any frame's end.
    pub(crate) exact_share_min: f64,
    /// Whole screen, RGB; none when every pixel is exact.
    pub(crate) psnr_screen_db: Option<f64>,
    /// Frames in which the source changed, their mean bytes, and their PSNR as `psnr_db`.
    pub(crate) moving_frames: usize,
    pub(crate) moving_bytes_per_frame: f64,
    pub(crate) moving_psnr_db: Option<f64>,
    /// The longest from a change that no other followed to an exact picture; none when the last
    /// picture did not become exact.
    pub(crate) exact_after_ms: Option<f64>,
    /// What only our codec has.
    #[serde(flatten)]
    pub(crate) ours: Option<OursOnly>,
}

/// Figures of our codec alone.
#[derive(Debug, serde::Serialize)]
pub(crate) struct OursOnly {
    /// Bytes after the clip's end, until its last picture was exact.
    pub(crate) rest_bytes: usize,
    /// Frames, the first among them, that take one thread more than 5 ms to encode or to decode: how
    /// many, their times together on one thread and on two, and the one divided by the other; none
    /// when there are no such frames.
    pub(crate) slow_encode_frames: usize,
    pub(crate) slow_encode_ms: f64,
    pub(crate) slow_encode_ms_2t: f64,
    pub(crate) encode_speed_up_2t: Option<f64>,
    pub(crate) slow_decode_frames: usize,
    pub(crate) slow_decode_ms: f64,
    pub(crate) slow_decode_ms_2t: f64,
    pub(crate) decode_speed_up_2t: Option<f64>,
    pub(crate) key_encode_ms_2t: f64,
    pub(crate) key_decode_ms_2t: f64,
    /// Encode time of an unchanged picture, all of it damaged or nothing.
    pub(crate) unchanged_swept_ms: f64,
    pub(crate) unchanged_ms: f64,
    /// With 256 colours the PSNR over the whole screen of each frame in a palette of its own by
    /// median cut, to compare with `psnr_screen_db`.
    pub(crate) median_cut_screen_db: Option<f64>,
    /// Of frames from the first coded as video on: its index, mean bytes of one, PSNR inside the
    /// rectangle, and pixels around it that were not exact; none without a video.
    pub(crate) video_first_frame: Option<usize>,
    pub(crate) video_bytes_per_frame: Option<f64>,
    pub(crate) video_psnr_db: Option<f64>,
    pub(crate) video_wrong_around: Option<u64>,
    /// Share of the tiles sent after the key frame by coding tool, 0 to 1.
    pub(crate) tools: std::collections::BTreeMap<&'static str, f64>,
}

impl Row {
    /// The figures of `tally`; what only our codec has is left empty.
    pub(crate) fn new(clip: &crate::clip::Clip, codec: &str, tally: &Tally) -> Self {
        let moving = tally.moving();
        let (encode_ms, decode_ms) = (tally.encode_ms(), tally.decode_ms());
        let mp_s = |ms: f64| if ms > 0.0 { clip.size.area() as f64 / ms / 1e3 } else { 0.0 };
        Self {
            clip: clip.name.clone(),
            codec: codec.to_owned(),
            frames: tally.frames(),
            key_bytes: tally.key().bytes,
            policy: None,
            ack_delay: None,
            bytes_per_frame: tally.bytes_per_frame(),
            exact_share: tally.exact_share(),
            psnr_db: tally.psnr_db(),
            encode_ms,
            encode_ms_2t: None,
            decode_ms,
            decode_ms_2t: None,
            encode_mp_s: mp_s(encode_ms),
            decode_mp_s: mp_s(decode_ms),
            key_encode_ms: milliseconds(tally.key().encode),
            key_decode_ms: milliseconds(tally.key().decode),
            exact_share_min: tally.least_exact_share(),
            psnr_screen_db: tally.screen_psnr_db(),
            moving_frames: moving.frames,
            moving_bytes_per_frame: moving.bytes_per_frame,
            moving_psnr_db: moving.psnr_db,
            exact_after_ms: tally.exact_after().map(|frames| frames as f64 * 1e3 / clip.fps),
            ours: None,
        }
    }

    /// The figures of our codec, on one thread and on two.
    pub(crate) fn ours(
        clip: &crate::clip::Clip,
        setting: Setting,
        one: &Measured,
        two: &Tally,
        median_cut_screen_db: Option<f64>,
    ) -> Self {
        let tally = &one.tally;
        let encode = tally.slow(two, SLOW_FRAME, |cost| cost.encode);
        let decode = tally.slow(two, SLOW_FRAME, |cost| cost.decode);
        Self {
            policy: Some(setting.policy.as_str()),
            ack_delay: Some(setting.ack_delay),
            encode_ms_2t: Some(two.encode_ms()),
            decode_ms_2t: Some(two.decode_ms()),
            ours: Some(OursOnly {
                rest_bytes: tally.rest_bytes(),
                slow_encode_frames: encode.frames,
                slow_encode_ms: milliseconds(encode.here),
                slow_encode_ms_2t: milliseconds(encode.other),
                encode_speed_up_2t: encode.speed_up(),
                slow_decode_frames: decode.frames,
                slow_decode_ms: milliseconds(decode.here),
                slow_decode_ms_2t: milliseconds(decode.other),
                decode_speed_up_2t: decode.speed_up(),
                key_encode_ms_2t: milliseconds(two.key().encode),
                key_decode_ms_2t: milliseconds(two.key().decode),
                unchanged_swept_ms: milliseconds(one.unchanged.swept),
                unchanged_ms: milliseconds(one.unchanged.undamaged),
                median_cut_screen_db,
                video_first_frame: one.film.map(|film| film.first_frame),
                video_bytes_per_frame: one.film.map(|film| film.bytes_per_frame()),
                video_psnr_db: one.film.and_then(|film| film.psnr_db()),
                video_wrong_around: one.film.map(|film| film.wrong_around()),
                tools: one.tools.shares().into_iter().collect(),
            }),
            ..Self::new(clip, "tessera", tally)
        }
    }

    /// The row as lines of a table under [`heading`].
    pub(crate) fn lines(&self) -> String {
        let name = match (self.policy, self.ack_delay) {
            (Some(policy), Some(delay)) => format!("{} {policy}, ack {delay}", self.codec),
            _ => self.codec.clone(),
        };
        let exact_after =
            self.exact_after_ms.map_or("never".to_owned(), |after_ms| format!("{after_ms:.0}"));
        let mut line = format!(
            "{name:<27}{:>9.1}{:>10.3}{:>8.4}{:>7}{:>10.2}{:>7}{:>7}{:>8.1}{:>8.2}{:>8}{:>8.1}{:>8.2}{:>8}{:>7.0}",
            self.key_bytes as f64 / 1e3,
            self.bytes_per_frame / 1e3,
            self.exact_share,
            optional(self.psnr_db),
            self.moving_bytes_per_frame / 1e3,
            optional(self.moving_psnr_db),
            exact_after,
            self.key_encode_ms,
            self.encode_ms,
            optional(self.encode_ms_2t),
            self.key_decode_ms,
            self.decode_ms,
            optional(self.decode_ms_2t),
            self.encode_mp_s,
        );
        if let Some(ours) = &self.ours {
            line += &ours.line();
        }
        line
    }
}

impl OursOnly {
    fn line(&self) -> String {
        use std::fmt::Write as _;
        let mut line = format!(
            "\n    unchanged {:.2} ms swept, {:.3} ms undamaged; rest {:.1} kB; two threads x{} encode, x{} decode",
            self.unchanged_swept_ms,
            self.unchanged_ms,
            self.rest_bytes as f64 / 1e3,
            optional(self.encode_speed_up_2t),
            optional(self.decode_speed_up_2t),
        );
        if let Some(median_cut_db) = self.median_cut_screen_db {
            // Writing to a string cannot fail.
            let _ = write!(line, "; median cut {median_cut_db:.2} dB of the screen");
        }
        if let (Some(first), Some(bytes), Some(wrong)) =
            (self.video_first_frame, self.video_bytes_per_frame, self.video_wrong_around)
        {
            let _ = write!(
                line,
                "; video from frame {first}: {:.2} kB/frame, {} dB inside, {wrong} pixels around not exact",
                bytes / 1e3,
                optional(self.video_psnr_db),
            );
        }
        if !self.tools.is_empty() {
            line += "; tiles";
            for (tool, share) in &self.tools {
                // Writing to a string cannot fail.
                let _ = write!(line, " {tool} {:.1}%", share * 100.0);
            }
        }
        line
    }
}

fn optional(value: Option<f64>) -> String {
    value.map_or("-".to_owned(), |value| format!("{value:.2}"))
}

/// What the columns mean, once above all tables.
pub(crate) const LEGEND: &str = "\
kB are 1000 bytes; frames after the first count, headers and addresses included. exact: share of
pixels equal to the source at each frame's end. dB: PSNR in RGB of the 64x64 tiles that are not
exact. moving: the frames in which the source changed. still ms: the longest from a last change to an
exact picture. Times: one thread in processor time, two threads (2t) in time that passed, each frame's
fastest of all passes.";

/// The heading of a clip's table.
pub(crate) fn heading(clip: &crate::clip::Clip) -> String {
    format!(
        "\n{} ({}x{}, {} frames a second)\n{:<27}{:>9}{:>10}{:>8}{:>7}{:>10}{:>7}{:>7}{:>8}{:>8}{:>8}{:>8}{:>8}{:>8}{:>7}",
        clip.name,
        clip.size.width,
        clip.size.height,
        clip.fps,
        "codec",
        "key kB",
        "kB/frame",
        "exact",
        "dB",
        "moving kB",
        "dB",
        "still",
        "key enc",
        "enc ms",
        "2t",
        "key dec",
        "dec ms",
        "2t",
        "MP/s",
    )
}
