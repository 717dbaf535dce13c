//! The thread that injects granted input.
//!
//! Injecting may wait for the display, so it does not happen on the transport's thread. Each grant
//! of control has a number, and each event carries the number under which it arrived: what was not
//! injected when control was withdrawn never is.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crossbeam::channel::{Receiver, Sender, TrySendError, bounded};
use tessera_capture::{CaptureError, InputEvent, InputSink};

use crate::Error;
use crate::figures::ShareFigures;
use crate::pipeline::spawn;

/// Events that may wait for the display.
const QUEUE: usize = 1024;

/// The number that means that control is not granted.
const WITHDRAWN: u64 = 0;

struct Granted {
    grant: u64,
    event: InputEvent,
}

/// Passes events on or discards them; cheap to clone.
#[derive(Clone)]
pub(crate) struct Injector {
    queue: Sender<Granted>,
    grant: Arc<AtomicU64>,
    figures: Arc<ShareFigures>,
}

/// Grants and withdraws control.
pub(crate) struct Control {
    injector: Injector,
    next_grant: u64,
}

impl Control {
    /// Starts the thread that operates `sink`, with control not granted. `alive` is dropped when
    /// the sink has let go of everything and the thread ends.
    pub(crate) fn new(
        sink: Box<dyn InputSink>,
        figures: Arc<ShareFigures>,
        alive: impl Send + 'static,
    ) -> Result<Self, Error> {
        let (queue, events) = bounded(QUEUE);
        let grant = Arc::new(AtomicU64::new(WITHDRAWN));
        let current = Arc::clone(&grant);
        // Not joined: it ends with the last sender, and the sink lets go of all keys when dropped.
        spawn("tessera-input", move || {
            inject(sink, &events, &current);
            drop(alive);
        })?;
        Ok(Self { injector: Injector { queue, grant, figures }, next_grant: 1 })
    }

    pub(crate) fn injector(&self) -> Injector {
        self.injector.clone()
    }

    /// Grants control, or withdraws it and lets go of all keys and buttons.
    pub(crate) fn allow(&mut self, allowed: bool) {
        let grant = if allowed { self.next_grant } else { WITHDRAWN };
        self.next_grant += u64::from(allowed);
        self.injector.grant.store(grant, Ordering::SeqCst);
        if !allowed {
            self.injector.look_again();
        }
    }
}

impl Drop for Control {
    fn drop(&mut self) {
        self.allow(false);
    }
}

impl Injector {
    /// Withdraws control at once and lets go of all keys and buttons, from any thread, before the
    /// session knows of it; the session grants anew or not.
    pub(crate) fn cut(&self) {
        self.grant.store(WITHDRAWN, Ordering::SeqCst);
        self.look_again();
    }

    /// Makes the thread look at the grant. A full queue does as well as any event.
    fn look_again(&self) {
        let event = InputEvent::Wheel { right: 0, down: 0 };
        let _ = self.queue.try_send(Granted { grant: WITHDRAWN, event });
    }

    /// Has `event` injected if control is granted, else discards it.
    pub(crate) fn handle(&self, event: InputEvent) {
        let grant = self.grant.load(Ordering::SeqCst);
        let taken = grant != WITHDRAWN
            && !matches!(self.queue.try_send(Granted { grant, event }), Err(TrySendError::Full(_)));
        self.figures.on_input(taken);
    }
}

fn inject(mut sink: Box<dyn InputSink>, events: &Receiver<Granted>, current: &AtomicU64) {
    let mut held_under = WITHDRAWN;
    for Granted { grant, event } in events {
        let now = current.load(Ordering::SeqCst);
        if held_under != WITHDRAWN && held_under != now {
            sink.release_all();
            held_under = WITHDRAWN;
        }
        if grant == WITHDRAWN || grant != now {
            continue;
        }
        held_under = grant;
        match sink.inject(&event) {
            Ok(()) => {}
            Err(error @ CaptureError::NoKey { .. }) => tracing::info!(%error, "key not typed"),
            Err(error) => {
                tracing::warn!(%error, "input can no longer be injected");
                return;
            }
        }
    }
}
