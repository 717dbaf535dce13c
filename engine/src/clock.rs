//! Time stamps of the pipeline, in microseconds.
//!
//! Stamps of one process never run backwards. Stamps of two processes on one computer can be
//! compared, since each starts from the computer's calendar clock; those of two computers cannot.

use std::sync::OnceLock;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

static START: OnceLock<(Instant, Duration)> = OnceLock::new();

/// Microseconds since 1970 by the computer's clock as of the first call, advanced monotonically.
pub(crate) fn now_us() -> u64 {
    let (instant, calendar) = START.get_or_init(|| {
        (Instant::now(), SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default())
    });
    u64::try_from((*calendar + instant.elapsed()).as_micros()).unwrap_or(u64::MAX)
}
