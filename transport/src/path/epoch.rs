//! The count of path switches, which the congestion controller of the same connection sees.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// How often the path that this side sends on has been switched. Cheap to clone; all clones are the same count.
///
/// What was learned about one path says nothing about the next: a controller that finds the count risen forgets its
/// model, and ignores what was sent before.
#[derive(Debug, Clone, Default)]
pub struct PathEpoch(Arc<AtomicU64>);

impl PathEpoch {
    /// The count at this moment.
    #[must_use]
    pub fn current(&self) -> u64 {
        // A gauge on its own: nothing else is published with it.
        self.0.load(Ordering::Relaxed)
    }

    /// Counts a switch.
    pub fn raise(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}
