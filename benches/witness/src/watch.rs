//! Waits for pixels of a display to change, through DAMAGE events instead of looking again and again.

use std::io;
use std::os::fd::AsRawFd;
use std::time::{Duration, Instant};

use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Token};
use x11rb::connection::Connection;
use x11rb::protocol::Event;
use x11rb::protocol::damage::{ConnectionExt as _, Damage, ReportLevel};

use crate::display::Display;
use crate::error::Error;
use crate::stop::Stop;

/// The longest blocking wait, so that an interruption is noticed. Arbitrary: short for a person.
const SLICE: Duration = Duration::from_millis(100);

/// A display whose changes are watched.
#[derive(Debug)]
pub struct Watch {
    display: Display,
    damage: Damage,
    poll: Poll,
    events: Events,
}

impl Watch {
    /// Watches all of `display`.
    pub fn new(display: Display) -> Result<Self, Error> {
        let connection = display.connection();
        connection.damage_query_version(1, 1)?.reply()?;
        let damage = connection.generate_id()?;
        connection.damage_create(damage, display.root(), ReportLevel::NON_EMPTY)?;
        display.sync()?;
        let poll = Poll::new().map_err(Error::io("wait for an X server"))?;
        let stream = connection.stream().as_raw_fd();
        poll.registry()
            .register(&mut SourceFd(&stream), Token(0), Interest::READABLE)
            .map_err(Error::io("wait for an X server"))?;
        Ok(Self { display, damage, poll, events: Events::with_capacity(4) })
    }

    /// The watched display.
    pub fn display(&self) -> &Display {
        &self.display
    }

    /// Waits until a pixel has changed since the last call, or until `deadline`; tells whether one has.
    pub fn wait(&mut self, deadline: Instant, stop: &Stop) -> Result<bool, Error> {
        loop {
            // The stream is edge-triggered: it has to be read dry before waiting on it.
            if self.take_damage()? {
                return Ok(true);
            }
            stop.check()?;
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(false);
            }
            match self.poll.poll(&mut self.events, Some(left.min(SLICE))) {
                Err(error) if error.kind() != io::ErrorKind::Interrupted => {
                    return Err(Error::Io { what: "wait for an X server".into(), source: error });
                }
                _ => {}
            }
        }
    }

    /// Waits until `condition`, looked at after every change, yields a value; `None` when `limit` passes first.
    pub fn until<T>(
        &mut self,
        limit: Duration,
        stop: &Stop,
        mut condition: impl FnMut(&Display) -> Result<Option<T>, Error>,
    ) -> Result<Option<T>, Error> {
        let deadline = Instant::now() + limit;
        loop {
            if let Some(value) = condition(&self.display)? {
                return Ok(Some(value));
            }
            if !self.wait(deadline, stop)? {
                return Ok(None);
            }
        }
    }

    /// Waits until nothing has changed for `quiet`; tells whether that came true before `limit`.
    pub fn until_still(
        &mut self,
        quiet: Duration,
        limit: Duration,
        stop: &Stop,
    ) -> Result<bool, Error> {
        let deadline = Instant::now() + limit;
        while Instant::now() < deadline {
            if !self.wait(Instant::now() + quiet, stop)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Takes everything reported so far; tells whether it was any damage.
    fn take_damage(&self) -> Result<bool, Error> {
        let connection = self.display.connection();
        let mut damaged = false;
        while let Some(event) = connection.poll_for_event()? {
            damaged |= matches!(event, Event::DamageNotify(_));
        }
        if damaged {
            // Subtracted before anyone looks at pixels, so that a change after the look is reported again.
            connection.damage_subtract(self.damage, x11rb::NONE, x11rb::NONE)?;
            connection.flush()?;
        }
        Ok(damaged)
    }
}
