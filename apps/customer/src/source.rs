//! What is shared: a display, or pictures that need none.

use std::time::Duration;

use tessera::customer::Screen;
use tessera::{ScreenSource, Size};
use tessera_capture::clip::{AtEnd, ClipSource};
use tessera_capture::pattern::PatternSource;
use tessera_capture::x11::X11Source;
use tessera_capture::{CaptureError, Pace};

use crate::cli::{Options, Source};
use crate::error::Error;

/// Size of the test pattern.
const PATTERN_SIZE: Size = Size::new(1280, 720);

/// Time between two changes of the test pattern: 30 a second.
const PATTERN_INTERVAL: Duration = Duration::from_micros(33_333);

/// The screen that the options name.
pub(crate) fn screen(options: &Options) -> Result<Screen, Error> {
    // Opened once beforehand, so that an unusable one is reported before the session begins.
    let Some(source) = options.source.clone() else {
        let display = options.display.clone();
        drop(X11Source::open(display.as_deref()).map_err(tessera::Error::from)?);
        return Ok(Screen::Display(display));
    };
    drop(open(&source).map_err(tessera::Error::from)?);
    Ok(Screen::Own { open: Box::new(move || open(&source)), sink: None })
}

fn open(source: &Source) -> Result<Box<dyn ScreenSource>, CaptureError> {
    Ok(match source {
        Source::Pattern => {
            let pace = Pace::Every(PATTERN_INTERVAL);
            Box::new(PatternSource::new(PATTERN_SIZE, 0, pace)?)
        }
        Source::Clip(path) => Box::new(ClipSource::open(path, None, AtEnd::Repeat)?),
    })
}
