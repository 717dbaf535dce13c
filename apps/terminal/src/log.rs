//! Where a program's log goes.
//!
//! A full-screen program logs to a file, because a line on the terminal would spoil its screen;
//! otherwise the log goes to the standard error.

use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;

use tracing_subscriber::EnvFilter;

/// Environment variable with the filter of the log, in the syntax of `tracing_subscriber`.
const FILTER_VARIABLE: &str = "TESSERA_LOG";

/// Filter without [`FILTER_VARIABLE`]: what an operator wants to know, nothing for each packet.
const DEFAULT_FILTER: &str =
    "info,quinn=warn,quinn_udp=error,rustls=warn,winit=error,softbuffer=warn";

/// Destination of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LogTo {
    /// The standard error.
    Stderr,
    /// A file that is created readable by its owner only, or appended to.
    File(PathBuf),
}

/// Why the log cannot be kept.
#[derive(Debug, thiserror::Error)]
#[error(
    "cannot write the log file {path} ({reason}); check that its directory is yours to write, or choose another with --data"
)]
pub struct LogError {
    path: PathBuf,
    reason: String,
}

/// Starts the log of this process: one JSON object a line with `json`, else readable text.
///
/// A second call changes nothing: the first log stays.
///
/// # Errors
/// When the log file or its directory cannot be created.
pub fn start_log(to: &LogTo, json: bool) -> Result<(), LogError> {
    let filter =
        EnvFilter::try_from_env(FILTER_VARIABLE).unwrap_or_else(|_| EnvFilter::new(DEFAULT_FILTER));
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_ansi(false);
    // An error means that a log is running already, which is what the caller wants.
    let _ = match to {
        LogTo::Stderr if json => log.json().with_writer(std::io::stderr).try_init(),
        LogTo::Stderr => log.with_target(false).with_writer(std::io::stderr).try_init(),
        LogTo::File(path) => {
            let fail =
                |error: std::io::Error| LogError { path: path.clone(), reason: error.to_string() };
            if let Some(directory) = path.parent() {
                std::fs::create_dir_all(directory).map_err(fail)?;
            }
            let file = OpenOptions::new()
                .create(true)
                .append(true)
                .mode(0o600)
                .open(path)
                .map_err(fail)?;
            if json {
                log.json().with_writer(file).try_init()
            } else {
                log.with_target(false).with_writer(file).try_init()
            }
        }
    };
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_file_that_cannot_be_made_is_named_with_what_to_do() {
        let text = match start_log(&LogTo::File("/proc/none/x.log".into()), false) {
            Err(error) => error.to_string(),
            Ok(()) => String::new(),
        };
        assert!(text.contains("/proc/none/x.log") && text.contains("--data"), "{text}");
    }
}
