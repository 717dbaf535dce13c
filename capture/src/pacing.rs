//! When the next frame of a source without a display is due.

use std::time::{Duration, Instant};

use mio::{Events, Poll, Token};

use crate::{CaptureError, SourceWaker};

/// How fast a clip or pattern runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// One frame each interval of real time.
    Every(Duration),
    /// One frame each wait, without waiting: for tests and benches.
    Unpaced,
}

/// A source that fell behind by more than this plays on from now instead of racing to catch up.
const MAX_LAG: Duration = Duration::from_secs(1);

/// What ended a wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tick {
    /// A frame is due.
    Due,
    /// The waker was used.
    Woken,
    /// The caller's timeout passed.
    TimedOut,
}

/// Sleeps between frames; the waker ends the sleep.
#[derive(Debug)]
pub(crate) struct Pacer {
    poll: Poll,
    events: Events,
    waker: SourceWaker,
    pace: Pace,
    due: Instant,
}

impl Pacer {
    pub(crate) fn new(pace: Pace) -> Result<Self, CaptureError> {
        let poll = Poll::new().map_err(event_queue)?;
        let waker = SourceWaker::new(poll.registry(), Token(0))?;
        Ok(Self { poll, events: Events::with_capacity(1), waker, pace, due: Instant::now() })
    }

    pub(crate) fn waker(&self) -> SourceWaker {
        self.waker.clone()
    }

    /// Waits for the next frame's time; `ended` says that no frame will follow.
    pub(crate) fn wait(
        &mut self,
        timeout: Option<Duration>,
        ended: bool,
    ) -> Result<Tick, CaptureError> {
        let now = Instant::now();
        let until_due = match self.pace {
            _ if ended => None,
            Pace::Unpaced => Some(Duration::ZERO),
            Pace::Every(_) => Some(self.due.saturating_duration_since(now)),
        };
        let frame_first = until_due.is_some_and(|wait| timeout.is_none_or(|limit| wait <= limit));
        let sleep = if frame_first { until_due } else { timeout };
        let deadline = sleep.and_then(|sleep| now.checked_add(sleep));
        loop {
            let rest = deadline.map(|at| at.saturating_duration_since(Instant::now()));
            match self.poll.poll(&mut self.events, rest) {
                Ok(()) => {}
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(event_queue(error)),
            }
            if !self.events.is_empty() {
                return Ok(Tick::Woken);
            }
            if deadline.is_none_or(|at| Instant::now() < at) {
                continue;
            }
            if frame_first {
                self.schedule();
                return Ok(Tick::Due);
            }
            return Ok(Tick::TimedOut);
        }
    }

    fn schedule(&mut self) {
        let Pace::Every(interval) = self.pace else { return };
        let now = Instant::now();
        if now.saturating_duration_since(self.due) > MAX_LAG {
            self.due = now;
        }
        self.due += interval;
    }
}

pub(crate) fn event_queue(source: std::io::Error) -> CaptureError {
    CaptureError::System { what: "an event queue", source }
}
