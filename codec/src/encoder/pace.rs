//! Lowers the quality of pictures in motion to what a path carries.
//!
//! Pictures lose quality before frames are left out: so it is judged by what the last ones took and by
//! the time until the next. Down at once, up again slowly. The video of a region has quantizers of
//! its own (`video::rate`), led by the same rate.

/// The least quality: shapes can be told, and a picture takes an eighth of the best one's bytes.
const LEAST_QUALITY: u8 = 15;

/// Steps of quality down, for up to twice the bytes that are due and for more, and up. Twenty about
/// halve the bytes of either tool.
const STEP_DOWN: u8 = 8;
const LARGE_STEP_DOWN: u8 = 20;
const STEP_UP: u8 = 2;

/// Longest time between pictures that counts: after a pause much may be sent, but not for long.
const MAX_PAUSE_US: u64 = 100_000;
const MIN_PAUSE_US: u64 = 10_000;

/// The quality of which it is remembered what a tile takes, and how many steps halve that.
const KNOWN_QUALITY: f64 = 80.0;
const HALVING_STEPS: f64 = 20.0;

/// First guess at it, in bytes: photographs in quarter chroma.
const TILE_BYTES: f64 = 400.0;

/// How far quality is lowered.
#[derive(Debug)]
pub(super) struct Pace {
    pub(super) bytes_per_s: Option<u32>,
    lower: u8,
    last_us: u64,
    /// What a tile of a picture takes at the quality that is known.
    tile_bytes: f64,
}

impl Default for Pace {
    fn default() -> Self {
        Self { bytes_per_s: None, lower: 0, last_us: 0, tile_bytes: TILE_BYTES }
    }
}

/// By what the bytes of a picture in `quality` are multiplied beside those in the quality known.
fn scale(quality: u8) -> f64 {
    ((f64::from(quality) - KNOWN_QUALITY) / HALVING_STEPS).exp2()
}

impl Pace {
    /// The quality of pictures whose best is `best`.
    pub(super) fn quality(&self, best: u8) -> u8 {
        best.saturating_sub(self.lower).max(LEAST_QUALITY.min(best))
    }

    /// Lowers the quality, from `best`, to what lets a picture of `tiles` come through until the next:
    /// the first of a film must not hold up those by which the film is known.
    pub(super) fn begin(&mut self, best: u8, tiles: u32, now_us: u64) {
        let Some(bytes_per_s) = self.bytes_per_s else { return };
        let due = f64::from(bytes_per_s) * self.pause_us(now_us) as f64 / 1e6;
        let expected = f64::from(tiles) * self.tile_bytes * scale(self.quality(best));
        if expected > due {
            let steps = (HALVING_STEPS * (expected / due.max(1.0)).log2()).ceil();
            self.lower = self.lower.saturating_add(steps as u8).min(100 - LEAST_QUALITY);
        }
    }

    /// Learns that a picture of `tiles` in `quality` took `bytes`.
    pub(super) fn learn_tiles(&mut self, quality: u8, tiles: u32, bytes: usize) {
        if tiles > 0 {
            let latest = bytes as f64 / f64::from(tiles) / scale(quality);
            self.tile_bytes += (latest - self.tile_bytes) / 4.0;
        }
    }

    /// How much time a picture at `now_us` has.
    fn pause_us(&self, now_us: u64) -> u64 {
        now_us.saturating_sub(self.last_us).clamp(MIN_PAUSE_US, MAX_PAUSE_US)
    }

    /// Learns that an update with pictures in motion took `bytes`.
    pub(super) fn learn(&mut self, bytes: usize, now_us: u64) {
        let Some(bytes_per_s) = self.bytes_per_s else {
            self.lower = 0;
            return;
        };
        let pause_us = self.pause_us(now_us);
        self.last_us = now_us;
        let (bytes, due) = (bytes as u64, u64::from(bytes_per_s) * pause_us / 1_000_000);
        self.lower = if bytes > 2 * due {
            self.lower.saturating_add(LARGE_STEP_DOWN)
        } else if bytes > due {
            self.lower.saturating_add(STEP_DOWN)
        } else if bytes * 4 < due * 3 {
            self.lower.saturating_sub(STEP_UP)
        } else {
            self.lower
        }
        .min(100 - LEAST_QUALITY);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bytes of a picture that takes 100,000 at quality 80 and half for every 20 less.
    fn bytes(quality: u8) -> usize {
        (100_000.0 * 0.5_f64.powf((80.0 - f64::from(quality)) / 20.0)) as usize
    }

    #[test]
    fn quality_falls_to_the_rate_within_a_few_pictures_and_comes_back() {
        let mut pace = Pace { bytes_per_s: Some(900_000), ..Pace::default() };
        let mut now_us = 0;
        let mut play = |pace: &mut Pace, pictures: usize| {
            for _ in 0..pictures {
                now_us += 33_333;
                pace.learn(bytes(pace.quality(80)), now_us);
            }
            bytes(pace.quality(80))
        };
        let limited = play(&mut pace, 5);
        assert!(limited <= 30_000, "{limited} bytes");
        let steady = play(&mut pace, 60);
        assert!((18_000..=33_000).contains(&steady), "{steady} bytes");
        pace.bytes_per_s = Some(6_000_000);
        assert_eq!(play(&mut pace, 40), 100_000);
    }

    #[test]
    fn the_first_picture_has_a_size_that_the_path_carries_at_once() {
        let mut pace = Pace { bytes_per_s: Some(450_000), ..Pace::default() };
        // By the guess it would have 100 kB; in a tenth of a second there are 45.
        pace.begin(80, 250, 1_000_000);
        assert!(bytes(pace.quality(80)) <= 45_000);
        assert!(bytes(pace.quality(80)) >= 35_000);
        let mut known = Pace { bytes_per_s: Some(450_000), ..Pace::default() };
        for _ in 0..20 {
            known.learn_tiles(60, 250, 12_500);
        }
        known.begin(80, 250, 1_000_000);
        assert_eq!(known.quality(80), 80, "these take a quarter of the guess");
    }

    #[test]
    fn without_a_rate_quality_is_the_best_at_once() {
        let mut pace = Pace { bytes_per_s: Some(1), ..Pace::default() };
        pace.learn(100_000, 33_333);
        assert!(pace.quality(80) < 80);
        pace.bytes_per_s = None;
        pace.learn(100_000, 66_666);
        assert_eq!(pace.quality(80), 80);
    }
}
