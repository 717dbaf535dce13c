//! Which of a display's monitors is shown, for the source that shows it and the input into it.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tessera_codec::Rect;

use crate::SourceWaker;

/// All monitors; others are counted from 1.
const ALL: u32 = 0;

/// Chooses a monitor, or all of them, from any thread. One is for one share at a time.
#[derive(Clone, Debug, Default)]
pub struct MonitorChoice(Arc<Choice>);

#[derive(Debug, Default)]
struct Choice {
    shown: AtomicU32,
    /// What the source shows: x, y, width and height, 16 bits each; 0 before there is one.
    area: AtomicU64,
    waker: Mutex<Option<SourceWaker>>,
}

impl MonitorChoice {
    /// Shows the monitor with this place in [`ScreenSource::monitors`](crate::ScreenSource::monitors)
    /// and nothing else; `None`, and a place that there is not, is all of them.
    pub fn show(&self, monitor: Option<u32>) {
        let shown = monitor.and_then(|place| place.checked_add(1)).unwrap_or(ALL);
        self.0.shown.store(shown, Ordering::SeqCst);
        if let Some(waker) = &*self.0.waker.lock().unwrap_or_else(PoisonError::into_inner) {
            waker.wake();
        }
    }

    /// What was chosen last.
    #[must_use]
    pub fn shown(&self) -> Option<u32> {
        self.0.shown.load(Ordering::SeqCst).checked_sub(1)
    }

    /// A source shows what is chosen from now on.
    pub(super) fn follow(&self, waker: SourceWaker) {
        *self.0.waker.lock().unwrap_or_else(PoisonError::into_inner) = Some(waker);
    }

    /// The source shows this part of the root window.
    pub(super) fn set_area(&self, Rect { x, y, width, height }: Rect) {
        let packed = [x, y, width, height].iter().fold(0, |all, &it| all << 16 | u64::from(it));
        self.0.area.store(packed, Ordering::SeqCst);
    }

    /// The place on the root window of a pixel of what is shown; the nearest one of its edge where it
    /// lies outside.
    pub(super) fn to_root(&self, x: u16, y: u16) -> (u16, u16) {
        let packed = self.0.area.load(Ordering::SeqCst);
        let [left, top, width, height] =
            [48, 32, 16, 0].map(|bits| (packed >> bits & 0xffff) as u16);
        if packed == 0 {
            return (x, y);
        }
        let within =
            |at: u16, from: u16, length: u16| from.saturating_add(at.min(length.saturating_sub(1)));
        (within(x, left, width), within(y, top, height))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_stay_on_the_monitor_that_is_shown() {
        let choice = MonitorChoice::default();
        assert_eq!((choice.shown(), choice.to_root(9000, 5)), (None, (9000, 5)));
        choice.set_area(Rect::new(1920, 40, 1280, 1024));
        assert_eq!(choice.to_root(10, 20), (1930, 60));
        assert_eq!(choice.to_root(5000, 5000), (3199, 1063));
        choice.show(Some(1));
        assert_eq!(choice.clone().shown(), Some(1));
        choice.show(Some(u32::MAX));
        assert_eq!(choice.shown(), None);
    }
}
