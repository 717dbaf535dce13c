//! Waking a source that blocks in `wait` from another thread.

use std::sync::Arc;

use mio::{Registry, Token, Waker};

use crate::CaptureError;

/// Ends a blocked [`wait`](crate::ScreenSource::wait) from any thread.
///
/// A wake is remembered until the next `wait`; several before it count as one.
#[derive(Clone, Debug)]
pub struct SourceWaker(Arc<Waker>);

impl SourceWaker {
    /// A waker for a source of one's own that blocks in a poll of `registry`.
    ///
    /// # Errors
    /// When the system refuses an event counter.
    pub fn new(registry: &Registry, token: Token) -> Result<Self, CaptureError> {
        Waker::new(registry, token)
            .map(|waker| Self(Arc::new(waker)))
            .map_err(|source| CaptureError::System { what: "an event counter", source })
    }

    /// Wakes the source.
    pub fn wake(&self) {
        // An eventfd write fails only when its counter is full, which mio resets and retries.
        let _ = self.0.wake();
    }
}
