//! Waiting that ends at once when the user interrupts the run.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::error::Error;

/// How often a condition without an event of its own is looked at. Arbitrary: short beside the seconds that
/// starting takes, long enough to cost nothing.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Knows whether the run has been interrupted.
#[derive(Debug, Clone, Default)]
pub struct Stop(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    interrupted: Mutex<bool>,
    changed: Condvar,
}

impl Stop {
    /// A stop that SIGINT, SIGTERM and SIGHUP set.
    pub fn on_signals() -> Result<Self, Error> {
        let stop = Self::default();
        let mut signals =
            Signals::new([SIGINT, SIGTERM, SIGHUP]).map_err(Error::io("listen for signals"))?;
        let setter = stop.clone();
        thread::spawn(move || {
            for _ in signals.forever() {
                setter.interrupt();
            }
        });
        Ok(stop)
    }

    /// Ends every wait on this stop.
    pub fn interrupt(&self) {
        *self.0.interrupted.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.0.changed.notify_all();
    }

    /// Fails when the run has been interrupted.
    pub fn check(&self) -> Result<(), Error> {
        self.pause(Duration::ZERO)
    }

    /// Lets `duration` pass, or fails at once on an interruption.
    pub fn pause(&self, duration: Duration) -> Result<(), Error> {
        let until = Instant::now() + duration;
        let mut interrupted = self.0.interrupted.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if *interrupted {
                return Err(Error::Interrupted);
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(());
            }
            interrupted = match self.0.changed.wait_timeout(interrupted, left) {
                Ok((guard, _)) => guard,
                Err(poisoned) => poisoned.into_inner().0,
            };
        }
    }

    /// Looks at `condition` until it yields a value; `None` when `limit` has passed first.
    pub fn within<T>(
        &self,
        limit: Duration,
        mut condition: impl FnMut() -> Result<Option<T>, Error>,
    ) -> Result<Option<T>, Error> {
        let deadline = Instant::now() + limit;
        loop {
            let value = condition()?;
            if value.is_some() || Instant::now() >= deadline {
                return Ok(value);
            }
            self.pause(LOOK_EVERY)?;
        }
    }

    /// Like [`Stop::within`], but fails when `limit` has passed; `what` says what has not happened then, as in "the
    /// window did not appear".
    pub fn until<T>(
        &self,
        what: &str,
        limit: Duration,
        condition: impl FnMut() -> Result<Option<T>, Error>,
    ) -> Result<T, Error> {
        self.within(limit, condition)?.ok_or_else(|| Error::Late {
            what: what.into(),
            limit,
            hint: String::new(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interruption_ends_a_long_wait() {
        let stop = Stop::default();
        let waiting = stop.clone();
        let waiter = thread::spawn(move || waiting.pause(Duration::from_secs(3600)));
        stop.interrupt();
        assert!(matches!(waiter.join(), Ok(Err(Error::Interrupted))));
    }

    #[test]
    fn a_condition_that_never_holds_is_reported_by_name() {
        let outcome: Result<(), Error> =
            Stop::default().until("the moon did not fall", Duration::ZERO, || Ok(None));
        let message = outcome.err().map(|error| error.to_string());
        assert_eq!(message.as_deref(), Some("the moon did not fall within 0 s"));
    }
}
