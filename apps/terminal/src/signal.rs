//! Ending in an orderly way.

use std::io;
use std::thread;

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

/// Calls `notify` on a thread of its own when the process is asked to end: by SIGINT, SIGTERM, or
/// SIGHUP, which a closed terminal sends.
///
/// `notify` is called again for each further signal until it returns `false`; after that a signal
/// has its usual effect, so that a program stuck in its farewell can still be ended.
///
/// # Errors
/// When the handlers cannot be installed or the thread cannot be started.
pub fn on_termination(mut notify: impl FnMut() -> bool + Send + 'static) -> io::Result<()> {
    let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP])?;
    thread::Builder::new().name("signals".into()).spawn(move || {
        let mut farewell = true;
        for signal in signals.forever() {
            if farewell {
                farewell = notify();
            } else {
                // Nothing is left to report to if even this fails.
                let _ = signal_hook::low_level::emulate_default_handler(signal);
            }
        }
    })?;
    Ok(())
}
