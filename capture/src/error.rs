//! What can go wrong between Tessera and the platform.

use std::io;
use std::path::PathBuf;

/// Why a screen cannot be captured or operated. Each text says what happened and what to do.
#[derive(Debug, thiserror::Error)]
pub enum CaptureError {
    /// No X server answers under this name, or it refused the connection.
    #[error(
        "cannot open display {display} ({reason}); start an X server there, or name another display"
    )]
    NoDisplay {
        /// The display as the caller or the environment named it.
        display: String,
        /// What the connection attempt reported.
        reason: String,
    },
    /// The X server lacks an extension without which nothing can be shared.
    #[error("display {display} has no {extension} extension; enable it in the X server")]
    MissingExtension {
        /// The display.
        display: String,
        /// The extension's protocol name.
        extension: &'static str,
    },
    /// The screen's pixels or size are of a kind that Tessera does not read.
    #[error("display {display} has {found}; run it with {needed}")]
    Unsupported {
        /// The display.
        display: String,
        /// What the screen has.
        found: String,
        /// What it would have to have.
        needed: &'static str,
    },
    /// The connection to the X server ended.
    #[error("display {display} closed the connection ({reason}); share again once it runs")]
    Lost {
        /// The display.
        display: String,
        /// What the connection reported.
        reason: String,
    },
    /// The X server refused a request that it should have accepted.
    #[error("display {display} refused {request} ({reason}); check that it allows this client")]
    Refused {
        /// The display.
        display: String,
        /// The refused request.
        request: &'static str,
        /// The X error.
        reason: String,
    },
    /// The screen changed its size after the last [`wait`](crate::ScreenSource::wait): not fatal,
    /// the next `wait` tells the new size.
    #[error("the screen has another size now; wait for its next event and read again")]
    SizeChanged,
    /// No window of the shared applications is left.
    #[error("the shared application has closed its windows; share another one")]
    ApplicationGone,
    /// No key of the keyboard layout gives this keysym, and no free key is left to bind it to.
    #[error("no key gives keysym {keysym:#x}; switch to a keyboard layout that has it")]
    NoKey {
        /// The keysym.
        keysym: u32,
    },
    /// A recorded clip cannot be played.
    #[error("cannot play {path}: {reason}; record the clip again or name another", path = .path.display())]
    Clip {
        /// The file that is at fault.
        path: PathBuf,
        /// The broken rule.
        reason: String,
    },
    /// The operating system refused a primitive (event queue, memory).
    #[error("the system refused {what} ({source}); free resources and try again")]
    System {
        /// What was asked for.
        what: &'static str,
        /// The system's error.
        source: io::Error,
    },
}
