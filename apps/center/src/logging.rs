//! Log lines to standard error, as text or as one JSON object a line.
//!
//! Never logged: enrolment tokens, keys, and names or other text as a peer sent it.

use std::io;

use tracing_subscriber::EnvFilter;

/// Environment variable with another filter, in the syntax of `tracing_subscriber`; the same in all programs.
const FILTER_VARIABLE: &str = "TESSERA_LOG";

/// What is logged unless [`FILTER_VARIABLE`] says otherwise: this program's own events and its libraries' warnings.
const DEFAULT_FILTER: &str = "warn,tessera_center=info";

/// Starts logging; for once at the start of `serve`.
pub(crate) fn start(json: bool) {
    let filter =
        EnvFilter::try_from_env(FILTER_VARIABLE).unwrap_or_else(|_| EnvFilter::new(DEFAULT_FILTER));
    let builder =
        tracing_subscriber::fmt().with_env_filter(filter).with_ansi(false).with_writer(io::stderr);
    if json {
        builder.json().flatten_event(true).init();
    } else {
        builder.with_target(false).init();
    }
}
