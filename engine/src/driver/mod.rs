//! Wires the session's state machines to the center, to links and to the pipeline: one thread with
//! a runtime for each session. No rule stands here.

mod admission;
mod channel;
pub(crate) mod connection;
pub(crate) mod csr;
pub(crate) mod cursor;
pub(crate) mod customer;
mod directory;
mod examination;
mod input;
mod joining;
mod keeper;
mod layer;
mod log_file;
mod reach;
mod surface;

use std::time::Duration;

use crossbeam::channel::TrySendError;
use tokio::sync::mpsc;

use crate::{Activity, Error, clock};

/// Events that may wait for the program.
pub(crate) const EVENT_QUEUE: usize = 256;

/// Commands that may wait for the driver: as many as the operations of a burst of annotations may be.
const COMMAND_QUEUE: usize = 2_048;

/// What the session's rules know and the programs cannot do yet: it is refused without a question.
fn unfinished() -> Vec<Activity> {
    let finished = [
        Activity::View,
        Activity::Control,
        Activity::ViewApplication,
        Activity::ControlApplication,
    ];
    Activity::ALL.into_iter().filter(|activity| !finished.contains(activity)).collect()
}

/// The way of commands from a handle to the driver's thread.
#[derive(Debug)]
pub(crate) struct Commands<T> {
    queue: mpsc::Sender<T>,
}

impl<T> Clone for Commands<T> {
    fn clone(&self) -> Self {
        Self { queue: self.queue.clone() }
    }
}

impl<T> Commands<T> {
    pub(crate) fn send(&self, command: T) {
        if self.queue.try_send(command).is_err() {
            tracing::debug!("a command came after the end of the session");
        }
    }
}

pub(crate) fn commands<T>() -> (Commands<T>, mpsc::Receiver<T>) {
    let (queue, receiver) = mpsc::channel(COMMAND_QUEUE);
    (Commands { queue }, receiver)
}

/// The next command; never once every handle is gone, since the session goes on without.
pub(crate) async fn next_command<T>(commands: &mut mpsc::Receiver<T>) -> T {
    match commands.recv().await {
        Some(command) => command,
        None => std::future::pending().await,
    }
}

/// The way of events to the program.
pub(crate) struct Events<T> {
    queue: crossbeam::channel::Sender<T>,
    abandoned: bool,
}

impl<T> Events<T> {
    pub(crate) const fn new(queue: crossbeam::channel::Sender<T>) -> Self {
        Self { queue, abandoned: false }
    }

    pub(crate) fn send(&mut self, event: T) {
        match self.queue.try_send(event) {
            Ok(()) => {}
            Err(TrySendError::Full(_)) => {
                tracing::warn!("the program does not take its events; one is lost");
            }
            Err(TrySendError::Disconnected(_)) => self.abandoned = true,
        }
    }

    /// Whether nobody receives events any more.
    pub(crate) const fn is_abandoned(&self) -> bool {
        self.abandoned
    }
}

/// Runs `session` on a thread and a runtime of its own.
pub(crate) fn run<F>(session: impl FnOnce() -> F + Send + 'static) -> Result<(), Error>
where
    F: Future<Output = ()>,
{
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Error::Thread(error.to_string()))?;
    crate::pipeline::spawn("tessera-session", move || runtime.block_on(session())).map(drop)
}

/// Waits until `due_us` on the clock of time stamps; for ever without one.
pub(crate) async fn until(due_us: Option<u64>) {
    match due_us {
        Some(due_us) => {
            let wait_us = due_us.saturating_sub(clock::now_us());
            tokio::time::sleep(Duration::from_micros(wait_us)).await;
        }
        None => std::future::pending().await,
    }
}
