//! Results as JSON, one value on a line.

use serde::Serialize;

/// `value` without line breaks.
pub(crate) fn line(value: &impl Serialize) -> String {
    // Figures and names are always fit for JSON; should that change, the line says so itself.
    simd_json::to_string(value).unwrap_or_else(|error| format!("{{\"error\":\"{error}\"}}"))
}
