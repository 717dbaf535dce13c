//! A layer that the session's thread and a window share.
#![allow(
    clippy::disallowed_types,
    reason = "no stage of the pipeline comes here: a window and the session's thread, some 30 times a second"
)]

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use super::{Author, Layer, Op, Refusal, Rights};

type Wake = Box<dyn Fn() + Send + Sync>;

/// A handle to the layer of a session's share; cheap to clone.
#[derive(Clone, Default)]
pub struct Board {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    own: OnceLock<Author>,
    layer: Mutex<Layer>,
    wake: OnceLock<Wake>,
}

impl Board {
    /// Says who draws here; only the first call counts.
    pub fn set_own(&self, own: Author) {
        let _ = self.shared.own.set(own);
    }

    /// Who draws here; `None` before the session has been opened or joined.
    #[must_use]
    pub fn own(&self) -> Option<Author> {
        self.shared.own.get().copied()
    }

    /// Sets the function that is called after each change that came from somewhere else. It runs on
    /// the library's threads and must return at once; only the first one set counts.
    pub fn on_change(&self, wake: impl Fn() + Send + Sync + 'static) {
        let _ = self.shared.wake.set(Box::new(wake));
    }

    /// Looks at the layer, or draws on it.
    pub fn with<T>(&self, act: impl FnOnce(&mut Layer) -> T) -> T {
        act(&mut self.shared.layer.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Takes an operation as [`Layer::apply`] does.
    ///
    /// # Errors
    /// As there.
    pub fn apply(&self, author: Author, op: &Op, rights: Rights) -> Result<(), Refusal> {
        let taken = self.with(|layer| layer.apply(author, op, rights));
        self.wake();
        taken
    }

    /// Takes everything off.
    pub fn reset(&self) {
        self.with(Layer::reset);
        self.wake();
    }

    fn wake(&self) {
        if let Some(wake) = self.shared.wake.get() {
            wake();
        }
    }
}

impl std::fmt::Debug for Board {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Board").field("own", &self.shared.own).finish_non_exhaustive()
    }
}
