//! The clocks that times are taken with.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// What a measurement counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Clock {
    /// Processor time of the calling thread: what other programs do at the same time matters
    /// little. For work that stays on this thread.
    Processor,
    /// Time that passes. For work on several threads.
    Elapsed,
}

impl Clock {
    /// The clock for work on `threads` threads.
    pub(crate) const fn for_threads(threads: usize) -> Self {
        if threads > 1 { Self::Elapsed } else { Self::Processor }
    }

    /// Runs `work` and returns its result and how long it took.
    pub(crate) fn time<T>(self, work: impl FnOnce() -> T) -> (T, Duration) {
        let start = self.now();
        let result = work();
        (result, self.now().saturating_sub(start))
    }

    fn now(self) -> Duration {
        let id = match self {
            Self::Processor => ClockId::ThreadCPUTime,
            Self::Elapsed => ClockId::Monotonic,
        };
        let time = clock_gettime(id);
        Duration::new(time.tv_sec.max(0) as u64, time.tv_nsec as u32)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waiting_takes_time_but_no_processor() {
        let (reader, mut writer) = std::io::pipe().expect("a pipe");
        let wait = move || {
            let writing = std::thread::spawn(move || {
                let busy = (0..20_000_000_u64).fold(1, |sum: u64, n| std::hint::black_box(sum ^ n));
                std::io::Write::write_all(&mut writer, &[busy as u8])
            });
            let mut byte = [0];
            std::io::Read::read_exact(&mut &reader, &mut byte).expect("a byte");
            writing.join().expect("the writer").expect("written");
        };
        let ((_, processor), elapsed) = Clock::Elapsed.time(|| Clock::Processor.time(wait));
        assert!(processor < elapsed / 2, "{processor:?} of {elapsed:?}");
    }
}
