//! What is shared: a display, or pictures that need none.

use std::time::Duration;

use tessera::customer::Screen;
use tessera::{ScreenSource, Size};
use tessera_capture::Pace;
use tessera_capture::clip::{AtEnd, ClipSource};
use tessera_capture::pattern::PatternSource;

use crate::cli::{Options, Source};
use crate::error::Error;

/// Size of the test pattern.
const PATTERN_SIZE: Size = Size::new(1280, 720);

/// Time between two changes of the test pattern: 30 a second.
const PATTERN_INTERVAL: Duration = Duration::from_micros(33_333);

/// The screen that the options name.
pub(crate) fn screen(options: &Options) -> Result<Screen, Error> {
    let unusable = |error: tessera_capture::CaptureError| Error::Screen(error.to_string());
    let source: Box<dyn ScreenSource> = match &options.source {
        None => return Ok(Screen::Display(options.display.clone())),
        Some(Source::Pattern) => {
            let pace = Pace::Every(PATTERN_INTERVAL);
            Box::new(PatternSource::new(PATTERN_SIZE, 0, pace).map_err(unusable)?)
        }
        Some(Source::Clip(path)) => {
            Box::new(ClipSource::open(path, None, AtEnd::Repeat).map_err(unusable)?)
        }
    };
    Ok(Screen::Own { source, sink: None })
}
