//! Waiting for the X server and for other threads at once.

use std::os::fd::AsRawFd;
use std::time::{Duration, Instant};

use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Token};
use x11rb::connection::Connection;

use super::connection::Display;
use crate::pacing::event_queue;
use crate::{CaptureError, SourceWaker};

const SERVER: Token = Token(0);
const WAKER: Token = Token(1);

/// Blocks in the operating system while nothing happens.
#[derive(Debug)]
pub(super) struct Sleeper {
    poll: Poll,
    ready: Events,
    waker: SourceWaker,
}

impl Sleeper {
    /// Waits for the connection of `display`.
    pub(super) fn new(display: &Display) -> Result<Self, CaptureError> {
        let poll = Poll::new().map_err(event_queue)?;
        let waker = SourceWaker::new(poll.registry(), WAKER)?;
        let socket = display.conn.stream().as_raw_fd();
        poll.registry()
            .register(&mut SourceFd(&socket), SERVER, Interest::READABLE)
            .map_err(event_queue)?;
        Ok(Self { poll, ready: Events::with_capacity(4), waker })
    }

    pub(super) fn waker(&self) -> SourceWaker {
        self.waker.clone()
    }

    /// Sleeps until the server sends, the waker is used or the deadline passes; returns whether it
    /// was the waker. The socket has to have been read until it was empty.
    pub(super) fn sleep(
        &mut self,
        display: &Display,
        deadline: Option<Instant>,
    ) -> Result<bool, CaptureError> {
        display.conn.flush().map_err(|e| display.lost(e))?;
        let rest: Option<Duration> =
            deadline.map(|at| at.saturating_duration_since(Instant::now()));
        match self.poll.poll(&mut self.ready, rest) {
            Ok(()) => Ok(self.ready.iter().any(|event| event.token() == WAKER)),
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => Ok(false),
            Err(error) => Err(event_queue(error)),
        }
    }
}
