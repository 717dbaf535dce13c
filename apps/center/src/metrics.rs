//! Counters of the center, and the Prometheus text form of all counters.
//!
//! Format: <https://prometheus.io/docs/instrumenting/exposition_formats/>. Labels are fixed words, never
//! text from a peer.

use std::fmt::{self, Display, Formatter};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// A number that only grows. Relaxed: each counter is read alone, for people.
#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    pub(crate) fn increment(&self) {
        self.add(1);
    }

    pub(crate) fn add(&self, events: u64) {
        self.0.fetch_add(events, Relaxed);
    }

    pub(crate) fn value(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

/// What has happened since the start of the program.
#[derive(Debug, Default)]
pub(crate) struct Metrics {
    pub(crate) sessions_opened: Counter,
    pub(crate) joins: Counter,
    pub(crate) introductions: Counter,
    pub(crate) joins_not_found: Counter,
    pub(crate) joins_limited: Counter,
    pub(crate) enrolments: Counter,
    pub(crate) enrolments_bad_token: Counter,
    pub(crate) enrolments_limited: Counter,
    pub(crate) connections_accepted: Counter,
    pub(crate) connections_refused: Counter,
    pub(crate) protocol_errors: Counter,
}

/// One moment of the center: the counters and the sizes of its live state.
#[derive(Debug)]
pub(crate) struct Snapshot<'a> {
    pub(crate) metrics: &'a Metrics,
    pub(crate) sessions_live: usize,
    pub(crate) connections_live: usize,
}

impl Display for Snapshot<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self { metrics, sessions_live, connections_live } = self;
        family(
            f,
            "sessions_live",
            "gauge",
            "Sessions whose number can be joined.",
            &[("", *sessions_live as u64)],
        )?;
        family(
            f,
            "connections_live",
            "gauge",
            "Open connections of CSRs and customers.",
            &[("", *connections_live as u64)],
        )?;
        let one = |counter: &Counter| [("", counter.value())];
        family(
            f,
            "sessions_opened_total",
            "counter",
            "Sessions opened.",
            &one(&metrics.sessions_opened),
        )?;
        family(
            f,
            "joins_total",
            "counter",
            "Joiners told where their session is.",
            &one(&metrics.joins),
        )?;
        family(
            f,
            "introductions_total",
            "counter",
            "Joiners introduced to a CSR at a relay.",
            &one(&metrics.introductions),
        )?;
        family(
            f,
            "joins_refused_total",
            "counter",
            "Joiners turned away, by reason.",
            &[
                ("{reason=\"not_found\"}", metrics.joins_not_found.value()),
                ("{reason=\"rate_limited\"}", metrics.joins_limited.value()),
            ],
        )?;
        family(f, "enrolments_total", "counter", "CSRs enrolled.", &one(&metrics.enrolments))?;
        family(
            f,
            "enrolments_refused_total",
            "counter",
            "Enrolments turned away, by reason.",
            &[
                ("{reason=\"token\"}", metrics.enrolments_bad_token.value()),
                ("{reason=\"rate_limited\"}", metrics.enrolments_limited.value()),
            ],
        )?;
        family(
            f,
            "connections_accepted_total",
            "counter",
            "Connections accepted.",
            &one(&metrics.connections_accepted),
        )?;
        family(
            f,
            "connections_refused_total",
            "counter",
            "Connections turned away because of a limit.",
            &one(&metrics.connections_refused),
        )?;
        family(
            f,
            "protocol_errors_total",
            "counter",
            "Connections closed because their peer broke the protocol.",
            &one(&metrics.protocol_errors),
        )
    }
}

/// A metric's name and description.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Family<'a> {
    pub(crate) name: &'a str,
    /// `counter` or `gauge`.
    pub(crate) kind: &'a str,
    pub(crate) help: &'a str,
}

impl Family<'_> {
    /// Writes the description and each sample, its labels before its value.
    pub(crate) fn write(self, f: &mut Formatter<'_>, samples: &[(&str, u64)]) -> fmt::Result {
        let Self { name, kind, help } = self;
        writeln!(f, "# HELP {name} {help}")?;
        writeln!(f, "# TYPE {name} {kind}")?;
        for (labels, value) in samples {
            writeln!(f, "{name}{labels} {value}")?;
        }
        Ok(())
    }
}

fn family(
    f: &mut Formatter<'_>,
    name: &str,
    kind: &str,
    help: &str,
    samples: &[(&str, u64)],
) -> fmt::Result {
    Family { name: &format!("tessera_center_{name}"), kind, help }.write(f, samples)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_sample_follows_its_help_and_type_lines() {
        let metrics = Metrics::default();
        metrics.joins.increment();
        metrics.joins_limited.increment();
        metrics.joins_limited.increment();
        let text =
            Snapshot { metrics: &metrics, sessions_live: 3, connections_live: 4 }.to_string();
        assert!(text.contains(
            "# HELP tessera_center_joins_total Joiners told where their session is.\n\
             # TYPE tessera_center_joins_total counter\n\
             tessera_center_joins_total 1\n"
        ));
        assert!(text.contains("tessera_center_joins_refused_total{reason=\"rate_limited\"} 2\n"));
        assert!(text.contains("tessera_center_sessions_live 3\n"));
        assert!(text.ends_with('\n'));
    }
}
