//! What is known about the ways to a peer, for people and programs.

use super::choice::PathKind;
use serde::Serialize;
use std::net::SocketAddr;

/// The way that a link's packets take at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct PathFigures {
    /// How they travel.
    pub kind: PathKind,
    /// Least of the latest round-trip times of this path's probes, in microseconds; `None` before the first answer.
    pub rtt_us: Option<u64>,
    /// How often the path was switched.
    pub switches: u64,
}

/// See [`PathFigures`]; what this package itself waits for besides.
#[derive(Debug, Clone, Copy)]
pub(super) struct Status {
    pub(super) kind: PathKind,
    pub(super) rtt_us: Option<u64>,
    pub(super) switches: u64,
    /// Whether no path answers.
    pub(super) is_silent: bool,
    /// How often a path has answered after all had been silent.
    pub(super) returns: u64,
    /// Whether a relay forwards for this end.
    pub(super) is_bound: bool,
    /// Where a relay sees this end.
    pub(super) observed: Option<SocketAddr>,
}

impl Status {
    pub(super) fn new(kind: PathKind) -> Self {
        Self {
            kind,
            rtt_us: None,
            switches: 0,
            is_silent: false,
            returns: 0,
            is_bound: false,
            observed: None,
        }
    }

    pub(super) fn figures(&self) -> PathFigures {
        PathFigures { kind: self.kind, rtt_us: self.rtt_us, switches: self.switches }
    }
}
