//! A thread that does for another one what nothing else should wait for: film is coded and decoded
//! so.
//!
//! What is to be done goes there and comes back in a job, which its owner keeps and uses again. The
//! queues hold as many jobs as there are, so that nothing waits for room. The thread sleeps while there
//! is nothing to do, and wakes its owner when something is done.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread::{JoinHandle, Thread};

use crossbeam::queue::ArrayQueue;

use super::spawn;
use crate::Error;

/// What is done aside.
pub(super) trait Job: Send + 'static {
    fn run(&mut self);
}

struct Shared<J> {
    to_do: ArrayQueue<J>,
    done: ArrayQueue<J>,
    owner: OnceLock<Thread>,
    is_stopped: AtomicBool,
}

/// The owner's end. When it is dropped, the thread ends with the job at hand.
pub(super) struct Aside<J> {
    shared: Arc<Shared<J>>,
    thread: Option<JoinHandle<()>>,
}

impl<J: Job> Aside<J> {
    /// Starts the thread, for at most `most` jobs at a time.
    pub(super) fn start(name: &str, most: usize) -> Result<Self, Error> {
        let shared = Arc::new(Shared {
            to_do: ArrayQueue::new(most),
            done: ArrayQueue::new(most),
            owner: OnceLock::new(),
            is_stopped: AtomicBool::new(false),
        });
        let thread = {
            let shared = Arc::clone(&shared);
            spawn(name, move || shared.run())?
        };
        Ok(Self { shared, thread: Some(thread) })
    }

    /// Has the thread that calls this woken when something is done.
    pub(super) fn register_owner(&self) {
        let _ = self.shared.owner.set(std::thread::current());
    }

    /// Gives a job to the thread; it comes back when there is no room for it.
    pub(super) fn give(&self, job: J) -> Result<(), J> {
        self.shared.to_do.push(job)?;
        if let Some(thread) = &self.thread {
            thread.thread().unpark();
        }
        Ok(())
    }

    /// A job that is done.
    pub(super) fn take(&self) -> Option<J> {
        self.shared.done.pop()
    }
}

impl<J: Job> Shared<J> {
    fn run(&self) {
        while !self.is_stopped.load(Ordering::SeqCst) {
            let Some(mut job) = self.to_do.pop() else {
                std::thread::park();
                continue;
            };
            job.run();
            // There is room for as many as were given.
            let _ = self.done.push(job);
            if let Some(owner) = self.owner.get() {
                owner.unpark();
            }
        }
    }
}

impl<J> Drop for Aside<J> {
    fn drop(&mut self) {
        self.shared.is_stopped.store(true, Ordering::SeqCst);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            // A thread that panicked has nothing more to do.
            let _ = thread.join();
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    /// Doubles a number.
    struct Double(u32);

    impl Job for Double {
        fn run(&mut self) {
            self.0 *= 2;
        }
    }

    fn wait(aside: &Aside<Double>) -> u32 {
        loop {
            match aside.take() {
                Some(Double(number)) => return number,
                None => std::thread::park(),
            }
        }
    }

    #[test]
    fn jobs_come_back_done_and_in_order() {
        let aside = Aside::start("tessera-test", 2).expect("a thread");
        aside.register_owner();
        for number in 0..100 {
            assert!(aside.give(Double(number)).is_ok());
            assert!(aside.give(Double(number + 1)).is_ok());
            assert_eq!([wait(&aside), wait(&aside)], [number * 2, number * 2 + 2]);
        }
    }

    #[test]
    fn it_ends_with_its_owner() {
        let aside = Aside::start("tessera-test", 1).expect("a thread");
        assert!(aside.give(Double(1)).is_ok());
        let shared = Arc::clone(&aside.shared);
        drop(aside);
        assert_eq!(Arc::strong_count(&shared), 1, "the thread is gone");
    }
}
