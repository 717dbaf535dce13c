//! Where a program keeps its data.

use std::env;
use std::path::PathBuf;

/// The directory of `program` when none is given: below `XDG_DATA_HOME`, else below
/// `~/.local/share` (XDG Base Directory Specification 0.8), else below the working directory.
#[must_use]
pub fn data_dir(program: &str) -> PathBuf {
    let set = |name| env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    set("XDG_DATA_HOME")
        .or_else(|| set("HOME").map(|home| home.join(".local/share")))
        .unwrap_or_default()
        .join(program)
}

/// The name of the person at this computer, as the system knows it.
#[must_use]
pub fn user_name() -> Option<String> {
    ["USER", "LOGNAME"].iter().find_map(|name| env::var(name).ok()).filter(|name| !name.is_empty())
}

/// The proxy that the environment names for TCP connections (`HTTPS_PROXY`, or in lower case).
#[must_use]
pub fn https_proxy() -> Option<String> {
    let named = |name| env::var(name).ok().filter(|proxy| !proxy.is_empty());
    named("HTTPS_PROXY").or_else(|| named("https_proxy"))
}
