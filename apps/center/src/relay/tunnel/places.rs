//! How many tunnels may be open, of all and of one source.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::limiter::Source;

/// Tunnels at a time: each has a file descriptor and buffers of up to a few dozen KiB.
const TUNNELS: usize = 4_096;
/// Of one source: an office whose firewall lets no UDP through.
const TUNNELS_PER_SOURCE: usize = 128;

/// The places that there are.
#[derive(Debug, Default)]
pub(in crate::relay) struct Places(Mutex<HashMap<Source, usize>>);

/// One place; free again when dropped.
#[derive(Debug)]
pub(in crate::relay) struct Taken {
    places: Arc<Places>,
    source: Source,
}

impl Places {
    /// Takes a place for a connection from `source`, if there is one.
    pub(super) fn take(self: &Arc<Self>, source: Source) -> Option<Taken> {
        let mut taken = self.taken();
        let of_source = taken.get(&source).copied().unwrap_or(0);
        if of_source >= TUNNELS_PER_SOURCE || taken.values().sum::<usize>() >= TUNNELS {
            return None;
        }
        taken.insert(source, of_source + 1);
        Some(Taken { places: self.clone(), source })
    }

    /// How many are taken.
    pub(in crate::relay) fn len(&self) -> usize {
        self.taken().values().sum()
    }

    fn taken(&self) -> MutexGuard<'_, HashMap<Source, usize>> {
        // One number is changed at a time.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        let mut taken = self.places.taken();
        if let Some(count) = taken.get_mut(&self.source) {
            *count -= 1;
            if *count == 0 {
                taken.remove(&self.source);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;

    #[test]
    fn both_limits_hold_and_a_closed_tunnel_makes_room() {
        let source = |index: usize| Source::from(IpAddr::from((index as u32).to_be_bytes()));
        let places = Arc::new(Places::default());
        let mut taken: Vec<Taken> =
            (0..TUNNELS_PER_SOURCE).map(|_| places.take(source(1)).expect("a place")).collect();
        assert!(places.take(source(1)).is_none(), "the limit of one source");
        taken.extend((2..).map_while(|index| places.take(source(index))));
        assert_eq!(places.len(), TUNNELS);
        taken.pop();
        assert!(places.take(source(1)).is_none());
        assert!(places.take(source(9_999)).is_some());
        drop(taken);
        assert_eq!(places.len(), 0);
        assert!(places.taken().is_empty());
    }
}
