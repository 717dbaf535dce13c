//! Work on several cores: a pool of threads and one worker's state for each.
//!
//! A worker holds what is costly to make (compression contexts, scratch buffers). It is taken from
//! a lock-free queue for one job and put back, so that any thread may run any job. Work that needs
//! none is divided in halves, and shared as far as threads are idle.

use std::convert::Infallible;
use std::sync::Arc;

use crossbeam::queue::ArrayQueue;
use rayon::iter::{IndexedParallelIterator, ParallelIterator};
use rayon::slice::ParallelSliceMut;
use rayon::{ThreadPool, ThreadPoolBuilder};
use thiserror::Error;

/// Tiles of an update from which on it is worth to wake other threads: with fewer it takes a fraction
/// of a millisecond.
pub(crate) const LARGE_TILES: usize = 24;

/// An encoder or decoder could not be made.
#[derive(Debug, Error)]
pub enum SetupError {
    /// The operating system refused the threads.
    #[error("cannot start {threads} codec threads ({reason}); lower the number of threads")]
    Threads {
        /// How many were asked for.
        threads: usize,
        /// What the thread pool said.
        reason: String,
    },
    /// A compression context could not be made, for want of memory.
    #[error("cannot make a {library} context ({reason}); free some memory and start again")]
    Context {
        /// The library that refused.
        library: &'static str,
        /// What it said.
        reason: String,
    },
}

/// Threads and the state of as many workers.
pub(crate) struct Workers<W> {
    pool: Option<Arc<ThreadPool>>,
    idle: ArrayQueue<Box<W>>,
}

impl<W: Send> Workers<W> {
    /// `threads` workers, each made by `make`. One (or none) works on the caller's thread.
    pub(crate) fn new(
        threads: usize,
        make: impl Fn() -> Result<W, SetupError>,
    ) -> Result<Self, SetupError> {
        let threads = threads.max(1);
        let idle = ArrayQueue::new(threads);
        for _ in 0..threads {
            // The queue has room for exactly this many.
            let _ = idle.push(Box::new(make()?));
        }
        let pool = if threads == 1 {
            None
        } else {
            let build = ThreadPoolBuilder::new()
                .num_threads(threads)
                .thread_name(|at| format!("codec-{at}"))
                .build();
            let pool = build
                .map_err(|error| SetupError::Threads { threads, reason: error.to_string() })?;
            Some(Arc::new(pool))
        };
        Ok(Self { pool, idle })
    }

    /// A handle on the threads, to enter them with what owns these workers.
    pub(crate) fn threads(&self) -> Threads {
        Threads(self.pool.clone())
    }

    /// Does both, on a thread of the pool at the same time if another is idle.
    pub(crate) fn join<A: Send, B: Send>(
        &self,
        first: impl FnOnce() -> A + Send,
        second: impl FnOnce() -> B + Send,
    ) -> (A, B) {
        match &self.pool {
            Some(pool) if pool.current_thread_index().is_some() => rayon::join(first, second),
            _ => (first(), second()),
        }
    }

    /// Runs `work` on parts of `whole`, which are as small as `grain` or smaller. On a thread of the
    /// pool idle threads help; elsewhere the caller works alone, since waking them costs more than
    /// a little work does.
    ///
    /// # Errors
    /// The error of the first part that has one.
    pub(crate) fn divide<D: Divide, E: Send>(
        &self,
        whole: D,
        grain: usize,
        work: impl Fn(D) -> Result<(), E> + Sync,
    ) -> Result<(), E> {
        match &self.pool {
            Some(pool) if pool.current_thread_index().is_some() => share(whole, grain, &work),
            _ => work(whole),
        }
    }

    /// Runs `work` once on each item, as [`Self::divide`] does, `grain` items at a time.
    pub(crate) fn divide_slice<T: Send>(
        &self,
        items: &mut [T],
        grain: usize,
        work: impl Fn(&mut T) + Sync,
    ) {
        let Ok(()) = self.divide(items, grain, |items| {
            items.iter_mut().for_each(&work);
            Ok::<_, Infallible>(())
        });
    }

    /// Runs `work` once on each job, a thread taking `grain` jobs at a time. With one thread, or
    /// when one takes all jobs, the pool is not woken: the caller's thread works.
    pub(crate) fn run<J: Send>(
        &self,
        jobs: &mut [J],
        grain: usize,
        work: impl Fn(&mut J, &mut W) + Sync,
    ) {
        let some = |jobs: &mut [J]| {
            // A job never waits for another, so no more chunks are under way than there are
            // threads, and there is a worker for each.
            if let Some(mut worker) = self.idle.pop() {
                jobs.iter_mut().for_each(|job| work(job, &mut worker));
                let _ = self.idle.push(worker);
            } else {
                debug_assert!(false, "more jobs under way than workers");
            }
        };
        match &self.pool {
            Some(pool) if jobs.len() > grain => {
                pool.install(|| jobs.par_chunks_mut(grain).with_max_len(1).for_each(some));
            }
            _ => some(jobs),
        }
    }

    /// Runs `work` once on each job with the job's own part of `buffer`, whose length `part_bytes`
    /// tells; the parts lie one after another. Parallel like [`Self::run`].
    pub(crate) fn run_on_parts<J: Send>(
        &self,
        jobs: &mut [J],
        buffer: &mut [u8],
        part_bytes: impl Fn(&J) -> usize + Sync,
        work: impl Fn(&mut J, &mut [u8], &mut W) + Sync,
    ) {
        let one = |job: &mut J, part: &mut [u8]| {
            if let Some(mut worker) = self.idle.pop() {
                work(job, part, &mut worker);
                let _ = self.idle.push(worker);
            } else {
                debug_assert!(false, "more jobs under way than workers");
            }
        };
        match &self.pool {
            Some(pool) if jobs.len() > 1 => {
                pool.install(|| halve(jobs, buffer, &part_bytes, &one));
            }
            _ => {
                let mut rest = buffer;
                for job in jobs {
                    let (part, after) = rest.split_at_mut(part_bytes(job));
                    one(job, part);
                    rest = after;
                }
            }
        }
    }
}

/// A pool's threads.
pub(crate) struct Threads(Option<Arc<ThreadPool>>);

impl Threads {
    /// Runs `work` on one of the threads if it `is_large`, else on the caller's. There the others
    /// help with what it divides.
    pub(crate) fn enter<R: Send>(&self, is_large: bool, work: impl FnOnce() -> R + Send) -> R {
        match &self.0 {
            Some(pool) if is_large => pool.install(work),
            _ => work(),
        }
    }
}

/// Work that can be divided in two.
pub(crate) trait Divide: Send + Sized {
    /// How large it is.
    fn len(&self) -> usize;

    /// The first `middle` of it and the rest. There is at least one of each.
    fn divide(self, middle: usize) -> (Self, Self);
}

impl<T: Send> Divide for &mut [T] {
    fn len(&self) -> usize {
        <[T]>::len(self)
    }

    fn divide(self, middle: usize) -> (Self, Self) {
        self.split_at_mut(middle)
    }
}

fn share<D: Divide, E: Send>(
    whole: D,
    grain: usize,
    work: &(impl Fn(D) -> Result<(), E> + Sync),
) -> Result<(), E> {
    if whole.len() <= grain.max(1) {
        return work(whole);
    }
    let middle = whole.len() / 2;
    let (first, second) = whole.divide(middle);
    let (first, second) = rayon::join(|| share(first, grain, work), || share(second, grain, work));
    first.and(second)
}

/// Splits jobs and buffer in halves down to one job, so that each half may run on another thread
/// without a list of borrowed parts.
fn halve<J: Send>(
    jobs: &mut [J],
    buffer: &mut [u8],
    part_bytes: &(impl Fn(&J) -> usize + Sync),
    work: &(impl Fn(&mut J, &mut [u8]) + Sync),
) {
    if let [job] = jobs {
        work(job, buffer);
        return;
    }
    let (left, right) = jobs.split_at_mut(jobs.len() / 2);
    let left_bytes = left.iter().map(part_bytes).sum();
    let (left_part, right_part) = buffer.split_at_mut(left_bytes);
    rayon::join(
        || halve(left, left_part, part_bytes, work),
        || halve(right, right_part, part_bytes, work),
    );
}
