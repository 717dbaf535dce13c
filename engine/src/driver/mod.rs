//! Wires the session's state machines to capture, transport and the pipeline, on one thread.

pub(crate) mod csr;
pub(crate) mod customer;

use crossbeam::channel::Sender;

/// Commands that may wait for the driver; a person gives few.
const COMMAND_QUEUE: usize = 64;

/// The way of commands from a handle to the driver's thread.
#[derive(Debug)]
pub(crate) struct Commands<T> {
    queue: Sender<T>,
}

impl<T> Clone for Commands<T> {
    fn clone(&self) -> Self {
        Self { queue: self.queue.clone() }
    }
}

impl<T> Commands<T> {
    pub(crate) fn send(&self, command: T) {
        let _ = self.queue.try_send(command);
    }
}

pub(crate) fn commands<T>() -> (Commands<T>, crossbeam::channel::Receiver<T>) {
    let (queue, receiver) = crossbeam::channel::bounded(COMMAND_QUEUE);
    (Commands { queue }, receiver)
}
