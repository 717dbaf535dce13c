//! What was measured, as JSON and as a table.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use tessera_witness::measure::Delays;

use super::probes::Followed;

/// Delays as what they do not exceed, in milliseconds.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub(super) struct Percentiles {
    pub(super) measured: usize,
    pub(super) p50_ms: f64,
    pub(super) p95_ms: f64,
    pub(super) p99_ms: f64,
}

impl From<&Delays> for Percentiles {
    fn from(delays: &Delays) -> Self {
        let ms = |percent| milliseconds(delays.percentile(percent));
        Self { measured: delays.count(), p50_ms: ms(50), p95_ms: ms(95), p99_ms: ms(99) }
    }
}

/// Milliseconds, to the thousandth.
pub(super) fn milliseconds(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1e6).round() / 1e3
}

/// One measurement.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(tag = "measure", rename_all = "snake_case")]
pub(super) enum Measure {
    /// From the code's last key to a picture with every tile.
    Join {
        /// In milliseconds.
        join_ms: f64,
    },
    /// A 32x32 square changes.
    Change(Percentiles),
    /// A key's echo.
    Key(Percentiles),
    /// A key's echo while a load is at work.
    KeyUnderLoad {
        /// Its name.
        load: String,
        #[serde(flatten)]
        delays: Percentiles,
    },
    /// A photo becomes a page of text, or the other way.
    FullScreen(Percentiles),
    /// A load, at first by itself, then with a square that changes sixty times a second.
    Load(Box<LoadFigures>),
    /// What the programs need.
    Memory {
        /// The most that the sharing program had in memory, in MB of 1,000,000 bytes.
        sharer_mb: f64,
        /// The same of the showing program.
        viewer_mb: f64,
    },
    /// The network was gone for a while: from its return to the first change seen that was drawn after it.
    Resume {
        /// For so many seconds.
        outage_s: u64,
        #[serde(flatten)]
        delays: Percentiles,
    },
    /// A TCP connection under CUBIC on the same network, in 1,000 bytes a second.
    BesideCubic {
        /// What it has without the other.
        cubic_alone_kb_per_s: f64,
        /// What it has beside it.
        cubic_kb_per_s: f64,
        /// What the system has then.
        system_kb_per_s: f64,
    },
    /// Why something was not measured.
    Missing {
        /// A sentence.
        reason: String,
    },
}

/// What was measured under a load.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct LoadFigures {
    /// Its name.
    pub(super) load: String,
    /// What happens.
    pub(super) description: String,
    /// Sent by the customer's machine, by the load alone, in 1,000 bytes a second.
    pub(super) sent_kb_per_s: f64,
    /// Received by it.
    pub(super) received_kb_per_s: f64,
    /// Processor time of the sharing program, by the load alone, as a share of a core.
    pub(super) sharer_cpu: f64,
    /// The same of the showing program.
    pub(super) viewer_cpu: f64,
    /// Distinct values of the square seen a second, of those drawn.
    pub(super) seen_per_s: f64,
    pub(super) drawn_per_s: f64,
    /// Processor time of the sharing program while the square changes, for each million pixels of the screen delivered
    /// with a distinct value, in milliseconds.
    pub(super) sharer_ms_per_megapixel: f64,
    /// From drawing to seeing.
    #[serde(flatten)]
    pub(super) delays: Percentiles,
    /// Share of equal pixels when everything stands still, and how long all took to be equal, if they were in time.
    pub(super) settled_exact_share: f64,
    pub(super) exact_after_ms: Option<f64>,
    /// What the load alone made of the network, where that is emulated.
    #[serde(rename = "use")]
    pub(super) use_: Option<Use>,
}

/// How a network is used in the direction to the viewer.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub(super) struct Use {
    /// Share of its rate.
    pub(super) share: f64,
    /// Time that packets waited in its queue, in milliseconds.
    pub(super) queue_mean_ms: f64,
    pub(super) queue_longest_ms: f64,
}

impl LoadFigures {
    /// Fills in what the square tells.
    pub(super) fn followed(
        mut self,
        followed: &Followed,
        sharer: Duration,
        screen: (u16, u16),
    ) -> Self {
        self.seen_per_s = followed.seen_rate();
        self.drawn_per_s = followed.drawn as f64 / followed.span.as_secs_f64().max(f64::EPSILON);
        let megapixels = f64::from(screen.0) * f64::from(screen.1) / 1e6;
        let delivered = followed.delays.count() as f64 * megapixels;
        self.sharer_ms_per_megapixel = milliseconds(sharer) / delivered.max(f64::EPSILON);
        self.delays = Percentiles::from(&followed.delays);
        self
    }
}

/// One measurement of one system on one network.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct Line {
    pub(super) system: String,
    pub(super) profile: String,
    #[serde(flatten)]
    pub(super) measure: Measure,
}

impl Line {
    /// The head of the table, in Markdown. Times are in ms; `sharer` and `viewer` are processor time as a share of a
    /// core, `exact` is the share of equal pixels at rest.
    pub(super) const HEAD: &str = "\
| network | system | measure | p50 | p95 | p99 | seen/s | sent kB/s | sharer | viewer | sharer ms/Mpx | exact | after ms | used | queue ms |
|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|";

    /// A row of the table.
    pub(super) fn row(&self) -> String {
        let row = |name: &str, cells: &str| {
            format!("| {} | {} | {name} | {cells} |", self.profile, self.system)
        };
        let times =
            |it: &Percentiles| format!("{:.1} | {:.1} | {:.1}", it.p50_ms, it.p95_ms, it.p99_ms);
        let alone = |it: &Percentiles| format!("{} | | | | | | | | |", times(it));
        match &self.measure {
            Measure::Join { join_ms } => {
                row("join", &format!("{join_ms:.0} | | | | | | | | | | |"))
            }
            Measure::Change(delays) => row("32x32 change", &alone(delays)),
            Measure::Key(delays) => row("key", &alone(delays)),
            Measure::FullScreen(delays) => row("full screen", &alone(delays)),
            Measure::Load(figures) => row(
                &figures.load,
                &format!(
                    "{} | {:.1} | {:.2} | {:.1} % | {:.1} % | {:.2} | {:.2} % | {} | {}",
                    times(&figures.delays),
                    figures.seen_per_s,
                    figures.sent_kb_per_s,
                    figures.sharer_cpu * 100.0,
                    figures.viewer_cpu * 100.0,
                    figures.sharer_ms_per_megapixel,
                    figures.settled_exact_share * 100.0,
                    figures.exact_after_ms.map_or_else(|| "never".into(), |it| format!("{it:.0}")),
                    figures.use_.map_or_else(
                        || " | ".into(),
                        |it| {
                            let Use { share, queue_mean_ms, queue_longest_ms } = it;
                            let percent = share * 100.0;
                            format!("{percent:.0} % | {queue_mean_ms:.0} to {queue_longest_ms:.0}")
                        }
                    ),
                ),
            ),
            Measure::KeyUnderLoad { load, delays } => row(&format!("key, {load}"), &alone(delays)),
            Measure::Memory { sharer_mb, viewer_mb } => {
                row("memory, MB", &format!("| | | | | {sharer_mb:.0} | {viewer_mb:.0} | | | | |"))
            }
            Measure::Resume { outage_s, delays } => {
                row(&format!("resume after {outage_s} s"), &alone(delays))
            }
            Measure::BesideCubic { cubic_alone_kb_per_s, cubic_kb_per_s, system_kb_per_s } => {
                let share = system_kb_per_s / (system_kb_per_s + cubic_kb_per_s) * 100.0;
                let kept = cubic_kb_per_s / cubic_alone_kb_per_s * 100.0;
                let name =
                    format!("beside CUBIC: {share:.0} % of the two; CUBIC keeps {kept:.0} %");
                row(&name, &format!("| | | | {system_kb_per_s:.0} | | | | | | |"))
            }
            Measure::Missing { reason } => row(reason, "| | | | | | | | | | |"),
        }
    }
}
