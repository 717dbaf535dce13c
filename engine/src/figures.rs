//! Counters of a share and of its connection, written by the pipeline and read by anyone.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

use tessera_transport::path::{PathFigures, PathKind};

/// What a share did so far; programs print it when they exit.
///
/// Rates are left to the reader: two snapshots and the time between them give every rate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
#[non_exhaustive]
pub struct Figures {
    /// Updates sent (at the sharer) or presented (at the viewer).
    pub frames: u64,
    /// Coded bytes of those updates, without packet headers.
    pub bytes: u64,
    /// Of the presented pictures, those that were exact; see
    /// [`PictureInfo::exact`](crate::view::PictureInfo::exact). `None` before the first, and always
    /// at the sharer, which does not know.
    pub exact_frames: Option<u64>,
    /// Whether the latest picture presented is exact; `None` as above.
    pub exact_now: Option<bool>,
    /// Damage to presented, median of the latest updates, in microseconds; 0 before the first.
    ///
    /// At the sharer: from the damage event to the acknowledgement that the update was presented,
    /// less half a round trip for the way back. At the viewer: from the update's damage stamp where
    /// both programs run on one clock, else receipt to presented plus half a round trip.
    pub latency_p50_us: u64,
    /// The same, 95th percentile.
    pub latency_p95_us: u64,
    /// Round trip time of the connection, in microseconds.
    pub rtt_us: u64,
    /// Input events sent (at the viewer) or carried out (at the sharer).
    pub inputs: u64,
    /// Input events that were thrown away because control was not granted, or for lack of room.
    pub inputs_discarded: u64,
    /// The way that packets take; `None` before the first connection.
    pub path: Option<PathKind>,
    /// Round trip time of that way by its own probes, in microseconds; 0 before the first answer.
    pub path_rtt_us: u64,
    /// How often the way was changed without a new connection.
    pub path_switches: u64,
    /// How often the session was resumed with a new connection.
    pub resumes: u64,
    /// How long the last of them took, from the first sign that the network was back until both
    /// programs had greeted each other again, in microseconds; 0 before the first. Measured by the
    /// customer's program, which is the one that comes back.
    pub last_resume_us: u64,
}

impl Figures {
    /// Part of the presented pictures that were exact, from 0 to 1: pictures, not pixels, and each
    /// counts the same however long it was seen. `None` where [`Self::exact_frames`] is.
    #[must_use]
    pub fn exact_frame_share(&self) -> Option<f64> {
        self.exact_frames.map(|exact| exact as f64 / self.frames.max(1) as f64)
    }

    /// Writes them as one line of the log, which is how a program ends.
    pub fn log(&self) {
        tracing::info!(
            frames = self.frames,
            bytes = self.bytes,
            exact_frame_share = self.exact_frame_share(),
            exact_now = self.exact_now,
            latency_p50_us = self.latency_p50_us,
            latency_p95_us = self.latency_p95_us,
            rtt_us = self.rtt_us,
            inputs = self.inputs,
            inputs_discarded = self.inputs_discarded,
            path = self.path.map(PathKind::name),
            path_rtt_us = self.path_rtt_us,
            path_switches = self.path_switches,
            resumes = self.resumes,
            last_resume_us = self.last_resume_us,
            "figures"
        );
    }
}

/// Latency classes: eight a doubling, from 64 µs to about 4 s.
const CLASSES: usize = 128;

/// A histogram of latencies whose classes are at most 12.5 % wide; adding takes no lock and
/// allocates nothing.
struct Latencies {
    counts: [AtomicU64; CLASSES],
}

impl Default for Latencies {
    fn default() -> Self {
        Self { counts: [const { AtomicU64::new(0) }; CLASSES] }
    }
}

impl Latencies {
    /// Class of a latency: three bits below the leading one, counted from 64 µs.
    fn class(latency_us: u64) -> usize {
        let latency = latency_us.max(64);
        let doubling = latency.ilog2() as usize;
        let fraction = (latency >> (doubling - 3)) as usize & 7;
        ((doubling - 6) * 8 + fraction).min(CLASSES - 1)
    }

    /// Lower bound of a class in microseconds.
    const fn floor_us(class: usize) -> u64 {
        (8 + class as u64 % 8) << (class / 8 + 3)
    }

    fn add(&self, latency_us: u64) {
        self.counts[Self::class(latency_us)].fetch_add(1, Ordering::Relaxed);
    }

    /// The latency that `share_percent` of all do not exceed, as the middle of its class.
    fn percentile_us(&self, share_percent: u64) -> u64 {
        let counts: [u64; CLASSES] =
            std::array::from_fn(|class| self.counts[class].load(Ordering::Relaxed));
        let total: u64 = counts.iter().sum();
        let mut below = 0;
        for (class, count) in counts.iter().enumerate() {
            below += count;
            if total > 0 && below * 100 >= total * share_percent {
                return Self::floor_us(class).midpoint(Self::floor_us(class + 1));
            }
        }
        0
    }
}

/// The live counters behind [`Figures`]; written by the pipeline with relaxed atomics, since no
/// counter orders anything else.
#[derive(Default)]
pub(crate) struct ShareFigures {
    frames: AtomicU64,
    bytes: AtomicU64,
    /// Whether a picture has been presented here.
    presents: AtomicBool,
    exact_frames: AtomicU64,
    exact_now: AtomicBool,
    latencies: Latencies,
    rtt_us: AtomicU64,
    /// Whether the peer's time stamps are of this computer's clock.
    same_clock: AtomicBool,
    inputs: AtomicU64,
    inputs_discarded: AtomicU64,
    /// 0 before the first connection, else 1 and the place in [`PATH_KINDS`].
    path: AtomicUsize,
    path_rtt_us: AtomicU64,
    path_switches: AtomicU64,
    resumes: AtomicU64,
    last_resume_us: AtomicU64,
}

const PATH_KINDS: [PathKind; 3] = [PathKind::Direct, PathKind::Relay, PathKind::Tunnel];

impl ShareFigures {
    /// The way that packets take at present.
    pub(crate) fn set_path(&self, path: PathFigures) {
        let place = PATH_KINDS.iter().position(|kind| *kind == path.kind).map_or(0, |it| it + 1);
        self.path.store(place, Ordering::Relaxed);
        self.path_rtt_us.store(path.rtt_us.unwrap_or(0), Ordering::Relaxed);
        self.path_switches.store(path.switches, Ordering::Relaxed);
    }

    /// The session goes on after a loss.
    pub(crate) fn on_resumed(&self, took_us: u64) {
        self.resumes.fetch_add(1, Ordering::Relaxed);
        self.last_resume_us.store(took_us, Ordering::Relaxed);
    }

    pub(crate) fn on_presented(&self, info: &crate::view::PictureInfo, presented_us: u64) {
        self.frames.fetch_add(1, Ordering::Relaxed);
        self.exact_frames.fetch_add(u64::from(info.exact), Ordering::Relaxed);
        self.exact_now.store(info.exact, Ordering::Relaxed);
        self.presents.store(true, Ordering::Relaxed);
        let latency_us = if self.same_clock.load(Ordering::Relaxed) && info.damage_us != 0 {
            presented_us.saturating_sub(info.damage_us)
        } else {
            presented_us.saturating_sub(info.received_us) + self.rtt_us.load(Ordering::Relaxed) / 2
        };
        self.latencies.add(latency_us);
    }

    /// An update was handed to the transport.
    pub(crate) fn on_sent(&self, bytes: u64) {
        self.frames.fetch_add(1, Ordering::Relaxed);
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    /// The viewer has presented an update.
    pub(crate) fn on_acknowledged(&self, latency_us: u64, rtt_us: u64) {
        self.latencies.add(latency_us);
        self.rtt_us.store(rtt_us, Ordering::Relaxed);
    }

    /// An update has arrived.
    pub(crate) fn on_received(&self, bytes: u64, rtt_us: u64) {
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
        self.rtt_us.store(rtt_us, Ordering::Relaxed);
    }

    /// Whether the peer runs on this computer.
    pub(crate) fn set_same_clock(&self, same: bool) {
        self.same_clock.store(same, Ordering::Relaxed);
    }

    pub(crate) fn on_input(&self, taken: bool) {
        let counter = if taken { &self.inputs } else { &self.inputs_discarded };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn snapshot(&self) -> Figures {
        let presents = self.presents.load(Ordering::Relaxed);
        let path = self.path.load(Ordering::Relaxed).checked_sub(1);
        let path = path.and_then(|place| PATH_KINDS.get(place));
        Figures {
            frames: self.frames.load(Ordering::Relaxed),
            bytes: self.bytes.load(Ordering::Relaxed),
            exact_frames: presents.then(|| self.exact_frames.load(Ordering::Relaxed)),
            exact_now: presents.then(|| self.exact_now.load(Ordering::Relaxed)),
            latency_p50_us: self.latencies.percentile_us(50),
            latency_p95_us: self.latencies.percentile_us(95),
            rtt_us: self.rtt_us.load(Ordering::Relaxed),
            inputs: self.inputs.load(Ordering::Relaxed),
            inputs_discarded: self.inputs_discarded.load(Ordering::Relaxed),
            path: path.copied(),
            path_rtt_us: self.path_rtt_us.load(Ordering::Relaxed),
            path_switches: self.path_switches.load(Ordering::Relaxed),
            resumes: self.resumes.load(Ordering::Relaxed),
            last_resume_us: self.last_resume_us.load(Ordering::Relaxed),
        }
    }
}

impl std::fmt::Debug for ShareFigures {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.snapshot().fmt(out)
    }
}

/// What a sharer has coded so far, for all its viewers together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
#[non_exhaustive]
pub struct CodingFigures {
    /// Calls of an encoder that made updates, however many viewers got them.
    pub codings: u64,
    /// Bytes of those updates, each counted once.
    pub coded_bytes: u64,
    /// Bytes of slices that were sent to viewers that lacked something.
    pub healing_bytes: u64,
    /// How often a viewer that kept up until then was left out of an update for want of room.
    pub left_out: u64,
    /// Lines at present: encoders, each with the viewers that see the same.
    pub lines: u64,
}

/// The live counters behind [`CodingFigures`], as those of [`ShareFigures`].
#[derive(Debug, Default)]
pub(crate) struct CodingCounters {
    codings: AtomicU64,
    coded_bytes: AtomicU64,
    healing_bytes: AtomicU64,
    left_out: AtomicU64,
    lines: AtomicU64,
}

impl CodingCounters {
    pub(crate) fn on_coded(&self, bytes: u64) {
        self.codings.fetch_add(1, Ordering::Relaxed);
        self.coded_bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(crate) fn on_healed(&self, bytes: u64) {
        self.healing_bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(crate) fn on_left_out(&self) {
        self.left_out.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn set_lines(&self, lines: u64) {
        self.lines.store(lines, Ordering::Relaxed);
    }

    pub(crate) fn snapshot(&self) -> CodingFigures {
        CodingFigures {
            codings: self.codings.load(Ordering::Relaxed),
            coded_bytes: self.coded_bytes.load(Ordering::Relaxed),
            healing_bytes: self.healing_bytes.load(Ordering::Relaxed),
            left_out: self.left_out.load(Ordering::Relaxed),
            lines: self.lines.load(Ordering::Relaxed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_within_their_class() {
        let latencies = Latencies::default();
        for latency_us in 1..=10_000 {
            latencies.add(latency_us);
        }
        let p50 = latencies.percentile_us(50);
        assert!((4_400..=5_600).contains(&p50), "{p50}");
        let p95 = latencies.percentile_us(95);
        assert!((8_500..=10_500).contains(&p95), "{p95}");
        assert_eq!(Latencies::default().percentile_us(50), 0);
    }

    #[test]
    fn exactness_is_unknown_where_nothing_is_presented() {
        let figures = ShareFigures::default();
        figures.on_sent(100);
        let sharer = figures.snapshot();
        assert_eq!((sharer.frames, sharer.exact_frames, sharer.exact_now), (1, None, None));
        assert_eq!(sharer.exact_frame_share(), None);
        let figures = ShareFigures::default();
        for exact in [false, false, true, false] {
            figures.on_presented(&crate::view::PictureInfo { exact, ..Default::default() }, 1);
        }
        let viewer = figures.snapshot();
        assert_eq!((viewer.exact_frames, viewer.exact_now), (Some(1), Some(false)));
        assert_eq!(viewer.exact_frame_share(), Some(0.25));
    }

    #[test]
    fn classes_and_their_bounds_agree() {
        for class in 0..CLASSES {
            assert_eq!(Latencies::class(Latencies::floor_us(class)), class);
        }
    }
}
