//! The sign on the shared desktop: who sees or controls it, for everybody who looks at it.
//!
//! Clicking it stops everything. Pictures that do not come from a display have no desktop to show a
//! sign on; the terminal shows it then.

use tessera_capture::x11::Notice;

use crate::cli::Options;

/// See the module text.
pub(crate) struct Sign {
    place: Place,
    notice: Option<Notice>,
}

enum Place {
    Display(Option<String>),
    Nowhere,
}

impl Sign {
    /// A sign, not shown yet, on the display that `options` share.
    pub(crate) fn new(options: &Options) -> Self {
        let place = match options.source {
            None => Place::Display(options.display.clone()),
            Some(_) => Place::Nowhere,
        };
        Self { place, notice: None }
    }

    /// Shows `text`, or takes the sign away for `None`. On failure returns one sentence; the terminal
    /// still says what is shared.
    pub(crate) fn show(
        &mut self,
        text: Option<&str>,
        clicked: impl Fn() + Send + 'static,
    ) -> Result<(), String> {
        let (Some(text), Place::Display(display)) = (text, &self.place) else {
            self.notice = None;
            return Ok(());
        };
        let shown = match &self.notice {
            Some(notice) => notice.set_text(text),
            None => Notice::open(display.as_deref(), text, clicked)
                .map(|notice| self.notice = Some(notice)),
        };
        shown.map_err(|error| format!("The desktop cannot show that it is shared: {error}"))
    }
}
