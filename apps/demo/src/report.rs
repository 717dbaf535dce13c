//! What a run found, for people and for scripts.

use std::fmt;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use tessera_witness::compare::Comparison;
use tessera_witness::display::Area;
use tessera_witness::fields::{number, quoted};
use tessera_witness::measure::Delays;
use tessera_witness::programs::Account;

/// Bars of the input-to-pixel latency on an idle machine, p50 and p95.
const LATENCY_BARS: [(usize, Duration); 2] =
    [(50, Duration::from_millis(9)), (95, Duration::from_millis(20))];

/// The most of a core that a program may use while nothing changes.
const IDLE_BAR: f64 = 0.005;

/// How much the delay of full-screen change may grow from the first to the last third: one picture's time, which is
/// what the phase between drawing and looking can account for.
const GROWTH_BAR: Duration = Duration::from_millis(33);

/// Delays from the XTEST request on the CSR's display to the changed pixels there, and where they were spent.
#[derive(Debug, Default)]
pub(crate) struct Latency {
    /// The whole way.
    pub(crate) whole: Delays,
    /// From the XTEST request to the key event in the customer's application.
    pub(crate) input: Delays,
    /// From there to the changed pixels in the share window.
    pub(crate) pixels: Delays,
}

/// How the share window followed full-screen change.
#[derive(Debug, Default)]
pub(crate) struct Followed {
    /// Pictures drawn on the desktop.
    pub(crate) drawn: usize,
    /// How long that took.
    pub(crate) span: Duration,
    /// From drawing to seeing, of each picture seen, in their order.
    pub(crate) delays: Delays,
}

impl Followed {
    fn growth(&self) -> (Duration, Duration) {
        let (first, last) = self.delays.outer_thirds();
        (first.percentile(50), last.percentile(50))
    }
}

/// A program's share of a core while nothing changed.
#[derive(Debug)]
pub(crate) struct Idle {
    /// The program.
    pub(crate) name: &'static str,
    /// 1.0 is one core.
    pub(crate) share: f64,
    /// How long it was watched.
    pub(crate) span: Duration,
}

/// Everything that a run found.
#[derive(Debug)]
pub(crate) struct Report {
    pub(crate) screen: Area,
    pub(crate) viewer: &'static str,
    pub(crate) latency: Latency,
    pub(crate) followed: Followed,
    pub(crate) idle: Vec<Idle>,
    pub(crate) comparison: Comparison,
    pub(crate) accounts: Vec<Account>,
    pub(crate) picture: PathBuf,
    pub(crate) took: Duration,
}

impl Report {
    /// Whether the settled share window equals the desktop.
    pub(crate) fn is_exact(&self) -> bool {
        self.comparison.is_exact()
    }

    /// A figure that the CSR's program logged.
    fn figure(&self, name: &str) -> Option<f64> {
        self.accounts
            .iter()
            .find(|account| account.name == "csr")
            .and_then(|account| number(&account.figures, name))
    }

    /// The report as one JSON object; durations in milliseconds.
    pub(crate) fn to_json(&self) -> String {
        let mut json = String::from("{");
        let mut put = |name: &str, value: String| {
            let separator = if json.len() > 1 { "," } else { "" };
            // Writing to a string cannot fail.
            let _ = write!(json, "{separator}{}:{value}", quoted(name));
        };
        put("width", self.screen.width.to_string());
        put("height", self.screen.height.to_string());
        put("viewer", quoted(self.viewer));
        for name in ["frames", "bytes"] {
            put(name, self.figure(name).map_or_else(|| "null".into(), |it| it.to_string()));
        }
        for (name, delays) in [
            ("latency", &self.latency.whole),
            ("latency_input", &self.latency.input),
            ("latency_pixels", &self.latency.pixels),
            ("motion", &self.followed.delays),
        ] {
            put(&format!("{name}_count"), delays.count().to_string());
            for percent in [50, 95, 99] {
                let value = format!("{:.3}", ms(delays.percentile(percent)));
                put(&format!("{name}_p{percent}_ms"), value);
            }
        }
        let (first, last) = self.followed.growth();
        put("motion_drawn", self.followed.drawn.to_string());
        put("motion_first_third_p50_ms", format!("{:.3}", ms(first)));
        put("motion_last_third_p50_ms", format!("{:.3}", ms(last)));
        for idle in &self.idle {
            put(&format!("idle_share_{}", idle.name), format!("{:.5}", idle.share));
        }
        for account in &self.accounts {
            let seconds = format!("{:.2}", account.processor.as_secs_f64());
            put(&format!("processor_s_{}", account.name), seconds);
        }
        put("pixels", self.comparison.pixels.to_string());
        put("pixels_differing", self.comparison.differing.to_string());
        put("exact_share", self.comparison.exact_share().to_string());
        put("picture", quoted(&self.picture.to_string_lossy()));
        put("took_s", format!("{:.1}", self.took.as_secs_f64()));
        json.push_str("}\n");
        json
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Area { width, height, .. } = self.screen;
        writeln!(f, "\nTessera demo: {width}x{height}, xterm and {}", self.viewer)?;
        let count = |name| self.figure(name).map_or_else(|| "unknown".into(), |it| it.to_string());
        writeln!(f, "  frames             {}", count("frames"))?;
        writeln!(f, "  bytes              {}", count("bytes"))?;
        for (name, delays) in [
            ("input to pixel", &self.latency.whole),
            ("  input's way", &self.latency.input),
            ("  pixels' way", &self.latency.pixels),
        ] {
            writeln!(f, "  {name:18} {}", percentiles(delays))?;
        }
        for (percent, bar) in LATENCY_BARS {
            let met = self.latency.whole.percentile(percent) <= bar;
            writeln!(f, "    bar p{percent} {} ms: {}", bar.as_millis(), verdict(met))?;
        }
        self.fmt_motion(f)?;
        for Idle { name, share, span } in &self.idle {
            writeln!(
                f,
                "  idle {name:13} {:.2} % of a core over {:.0} s (bar {} %: {})",
                share * 100.0,
                span.as_secs_f64(),
                IDLE_BAR * 100.0,
                verdict(*share < IDLE_BAR)
            )?;
        }
        for account in &self.accounts {
            let seconds = account.processor.as_secs_f64();
            writeln!(f, "  processor {:8} {seconds:.2} s", account.name)?;
        }
        let Comparison { pixels, differing, first } = self.comparison;
        let percent = self.comparison.exact_share() * 100.0;
        writeln!(f, "  exact pixels       {percent} % ({differing} of {pixels} differ)")?;
        if let Some(first) = first {
            writeln!(
                f,
                "    first difference at {},{}: desktop {:02x?}, share window {:02x?} (blue, green, red)",
                first.x, first.y, first.desktop, first.share_window
            )?;
        }
        writeln!(f, "  picture            {}", self.picture.display())?;
        writeln!(f, "  took               {:.1} s", self.took.as_secs_f64())?;
        let outcome = if self.is_exact() {
            "PASSED: the settled share window equals the desktop in every pixel"
        } else {
            "FAILED: the settled share window differs from the desktop"
        };
        writeln!(f, "{outcome}")
    }
}

impl Report {
    fn fmt_motion(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Followed { drawn, span, delays } = &self.followed;
        let rate = |count: usize| count as f64 / span.as_secs_f64().max(f64::EPSILON);
        writeln!(
            f,
            "  full-screen change {drawn} pictures drawn at {:.1}/s, {} distinct seen at {:.1}/s",
            rate(*drawn),
            delays.count(),
            rate(delays.count())
        )?;
        writeln!(f, "    drawn to seen    {}", percentiles(delays))?;
        let (first, last) = self.followed.growth();
        writeln!(
            f,
            "    median of the first third {:.1} ms, of the last third {:.1} ms (no growing delay: {})",
            ms(first),
            ms(last),
            verdict(last <= first + GROWTH_BAR)
        )
    }
}

fn percentiles(delays: &Delays) -> String {
    let [p50, p95, p99] = [50, 95, 99].map(|percent| ms(delays.percentile(percent)));
    format!("p50 {p50:.1} ms, p95 {p95:.1} ms, p99 {p99:.1} ms ({} measured)", delays.count())
}

fn ms(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}

fn verdict(met: bool) -> &'static str {
    if met { "met" } else { "MISSED" }
}
