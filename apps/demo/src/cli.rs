//! The demo's arguments and what they stand for.

use std::path::PathBuf;
use std::time::Duration;

use clap::Parser;

/// Shares a real desktop, works on it through the share window, measures, and compares every pixel.
///
/// Exits with an error when a step fails or a pixel of the settled share window differs from the desktop.
#[derive(Debug, Parser)]
#[command(name = "tessera-demo", version)]
pub(crate) struct Options {
    /// Share this display instead of a virtual one made for the demo. Nothing on it may move by itself: close
    /// clocks and blinking cursors.
    #[arg(long, value_name = "DISPLAY")]
    pub(crate) display: Option<String>,

    /// Fewer key presses and shorter phases: the same checks, coarser figures.
    #[arg(long)]
    pub(crate) quick: bool,

    /// Draw one wrong pixel over the settled share window; the comparison then has to fail.
    #[arg(long)]
    pub(crate) plant_wrong_pixel: bool,

    /// Also write the report to this file as one JSON object.
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,

    /// Folder for the pictures and the logs of everything that was started.
    #[arg(long, value_name = "DIR", default_value = "target/demo")]
    pub(crate) out: PathBuf,
}

/// How much of each phase a run does.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Effort {
    /// Key presses whose way to the pixel is timed.
    pub(crate) presses: u32,
    /// How long the full-screen change lasts.
    pub(crate) motion: Duration,
    /// How long the programs' processor time is watched while nothing changes.
    pub(crate) idle: Duration,
}

impl Options {
    /// What a run with these options does in each phase.
    pub(crate) fn effort(&self) -> Effort {
        if self.quick {
            Effort { presses: 40, motion: Duration::from_secs(2), idle: Duration::from_secs(2) }
        } else {
            Effort { presses: 240, motion: Duration::from_secs(6), idle: Duration::from_secs(10) }
        }
    }
}
