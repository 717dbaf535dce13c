//! A place for one value between two threads, where a newer value replaces an older one.
//!
//! The picture stages hand over through it: a stage that is late finds the newest picture and never
//! a queue of old ones. Both sides may take the value, so the writer can take an unread picture back
//! and bring it up to date instead of starting another. Nothing here waits and nothing allocates:
//! values travel as boxes that the stages keep and reuse. Waking the other side is not done here.
//!
//! Every operation is one atomic exchange or load, hence wait-free. The only unsafe code of this package
//! stands in this file; `make loom` checks all interleavings of it.
#![allow(unsafe_code, reason = "ownership of a box passes through an atomic pointer")]

use std::marker::PhantomData;

#[cfg(loom)]
use loom::sync::atomic::{AtomicPtr, Ordering};
#[cfg(not(loom))]
use std::sync::atomic::{AtomicPtr, Ordering};

/// A latest-wins place for one boxed value.
///
/// Invariant: the pointer is null or came from `Box::into_raw` and is owned by the slot alone.
pub(crate) struct Slot<T> {
    pointer: AtomicPtr<T>,
    owns: PhantomData<Box<T>>,
}

// SAFETY: a slot owns at most one `Box<T>` and only moves it in and out by value; no reference to a
// `T` is ever handed out, so sharing the slot needs no more than sending the value: `T: Send`.
unsafe impl<T: Send> Sync for Slot<T> {}
// SAFETY: sending the slot sends the box that it owns.
unsafe impl<T: Send> Send for Slot<T> {}

impl<T> Slot<T> {
    /// An empty slot.
    pub(crate) fn new() -> Self {
        Self { pointer: AtomicPtr::new(std::ptr::null_mut()), owns: PhantomData }
    }

    /// Puts `value` in and returns the value that nobody had taken.
    pub(crate) fn put(&self, value: Box<T>) -> Option<Box<T>> {
        self.exchange(Box::into_raw(value))
    }

    /// Takes the value out, if there is one.
    pub(crate) fn take(&self) -> Option<Box<T>> {
        self.exchange(std::ptr::null_mut())
    }

    /// Whether there is none, which may have changed by the time this is known.
    pub(crate) fn is_empty(&self) -> bool {
        self.pointer.load(Ordering::Acquire).is_null()
    }

    fn exchange(&self, new: *mut T) -> Option<Box<T>> {
        // AcqRel: the release half makes what this thread wrote into the value visible to whoever
        // takes it; the acquire half makes what the former owner wrote visible here. Exchanges of
        // one location are totally ordered, so each pointer is returned to exactly one caller.
        let old = self.pointer.swap(new, Ordering::AcqRel);
        if old.is_null() {
            return None;
        }
        // SAFETY: not null, hence from `Box::into_raw` in `put`; the exchange removed it from the
        // slot, so this caller is its only owner.
        Some(unsafe { Box::from_raw(old) })
    }
}

impl<T> Drop for Slot<T> {
    fn drop(&mut self) {
        drop(self.take());
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn a_newer_value_replaces_the_older_one_and_returns_it() {
        let slot = Slot::new();
        assert!(slot.put(Box::new(1)).is_none());
        assert_eq!(slot.put(Box::new(2)).as_deref(), Some(&1));
        assert_eq!(slot.take().as_deref(), Some(&2));
        assert!(slot.take().is_none());
    }

    #[test]
    fn an_untaken_value_is_dropped_with_the_slot() {
        let witness = std::sync::Arc::new(());
        let slot = Slot::new();
        slot.put(Box::new(std::sync::Arc::clone(&witness)));
        drop(slot);
        assert_eq!(std::sync::Arc::strong_count(&witness), 1);
    }
}

#[cfg(all(test, loom))]
mod model {
    use super::*;
    use loom::cell::UnsafeCell;
    use loom::sync::Arc;
    use loom::thread;

    /// A value whose content loom watches: an access that is not ordered fails the model.
    struct Watched(UnsafeCell<u32>);

    // SAFETY: the cell is reached only through the box that owns it.
    unsafe impl Send for Watched {}

    impl Watched {
        fn boxed(value: u32) -> Box<Self> {
            Box::new(Self(UnsafeCell::new(value)))
        }

        fn write(&mut self, value: u32) {
            // SAFETY: `&mut self` excludes every other access.
            self.0.with_mut(|cell| unsafe { *cell = value });
        }

        fn read(&self) -> u32 {
            // SAFETY: nothing writes while `&self` is borrowed.
            self.0.with(|cell| unsafe { *cell })
        }
    }

    #[test]
    fn content_is_ordered_and_every_value_has_one_owner() {
        loom::model(|| {
            let slot = Arc::new(Slot::new());
            let writer = {
                let slot = Arc::clone(&slot);
                thread::spawn(move || {
                    let mut returned = 0;
                    for value in 1..=2 {
                        // The writer takes an unread value back and rewrites it, as the stages do.
                        let mut boxed = match slot.take() {
                            Some(boxed) => {
                                returned += 1;
                                boxed
                            }
                            None => Watched::boxed(0),
                        };
                        boxed.write(value);
                        assert!(slot.put(boxed).is_none(), "only the writer puts");
                    }
                    returned
                })
            };
            let mut newest = 0;
            let mut taken = 0;
            for _ in 0..2 {
                if let Some(boxed) = slot.take() {
                    taken += 1;
                    assert!(boxed.read() > newest, "an older value after a newer one");
                    newest = boxed.read();
                }
            }
            let returned = writer.join().expect("the writer does not panic");
            let left = slot.take().map_or(0, |boxed| {
                assert_eq!(boxed.read(), 2, "the last value stays");
                1
            });
            assert_eq!(taken + returned + left, 2, "a value was lost or duplicated");
        });
    }
}
