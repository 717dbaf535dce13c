//! What the line over the picture says: something that was said lately, else the figures if they are
//! wanted.

use std::time::{Duration, Instant};

use tessera::Figures;

use super::figures;
use super::overlay::Overlay;

/// Between two looks at the figures while they are shown: shorter ones cannot be read.
const FIGURES_INTERVAL: Duration = Duration::from_millis(500);

/// How long something that was said is shown.
const SAID_FOR: Duration = Duration::from_secs(4);

/// See the module text.
#[derive(Debug, Default)]
pub(crate) struct Line {
    /// The line about the figures, those of the last look and when it was.
    figures: Option<(String, Figures, Instant)>,
    /// What was said last, until then.
    said: Option<(String, Instant)>,
    drawn: Option<Overlay>,
}

impl Line {
    /// The line, if there is one.
    pub(crate) const fn drawn(&self) -> Option<&Overlay> {
        self.drawn.as_ref()
    }

    /// When [`Self::update`] is due.
    pub(crate) fn due(&self) -> Option<Instant> {
        let figures = self.figures.as_ref().map(|(_, _, since)| *since + FIGURES_INTERVAL);
        let said = self.said.as_ref().map(|(_, until)| *until);
        [figures, said].into_iter().flatten().min()
    }

    /// Says something for a while.
    pub(crate) fn say(&mut self, said: String, now: Instant) {
        self.said = Some((said, now + SAID_FOR));
    }

    /// Shows the figures from now on, or no longer.
    pub(crate) fn toggle_figures(&mut self, figures: Figures, now: Instant) {
        self.figures = match self.figures.take() {
            Some(_) => None,
            None => Some(("measuring".to_owned(), figures, now)),
        };
    }

    /// Brings the line up to date; `true` when it says something else than before.
    pub(crate) fn update(&mut self, figures: Figures, exact: bool, now: Instant) -> bool {
        self.said.take_if(|(_, until)| *until <= now);
        if let Some((line, before, since)) =
            self.figures.as_mut().filter(|(_, _, since)| *since + FIGURES_INTERVAL <= now)
        {
            *line = figures::line(before, &figures, now - *since, exact);
            (*before, *since) = (figures, now);
        }
        let said = self.said.as_ref().map(|(said, _)| said);
        let line = said.or(self.figures.as_ref().map(|(line, _, _)| line));
        let changed = line.map(String::as_str) != self.drawn.as_ref().map(Overlay::text);
        if changed {
            self.drawn = line.cloned().map(Overlay::new);
        }
        changed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_stands_for_a_while_before_the_figures() {
        let figures = tessera::view::feed(tessera::Size::new(1, 1)).1.figures();
        let start = Instant::now();
        let shown = |line: &Line| line.drawn().map(|overlay| overlay.text().to_owned());
        let mut line = Line::default();
        assert!(!line.update(figures, true, start) && line.due().is_none());
        line.toggle_figures(figures, start);
        line.say("saved".to_owned(), start);
        assert!(line.update(figures, true, start));
        assert_eq!(shown(&line).as_deref(), Some("saved"));
        assert_eq!(line.due(), Some(start + FIGURES_INTERVAL));
        let later = start + SAID_FOR;
        assert!(line.update(figures, true, later));
        assert!(shown(&line).expect("figures").contains("latency"));
        assert!(!line.update(figures, true, later), "nothing new");
        line.toggle_figures(figures, later);
        assert!(line.update(figures, true, later) && line.drawn().is_none());
        assert_eq!(line.due(), None);
    }
}
