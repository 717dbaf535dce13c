//! Delays as percentiles, and the processor time of processes.

use std::fs;
use std::time::Duration;

use crate::error::Error;

/// Clock ticks a second in `/proc/PID/stat`: fixed at 100 in Linux's interface to programs (`USER_HZ`).
const TICKS_PER_SECOND: u32 = 100;

/// Delays of one kind.
#[derive(Debug, Clone, Default)]
pub struct Delays(Vec<Duration>);

impl Delays {
    /// Adds a measured delay.
    pub fn push(&mut self, delay: Duration) {
        self.0.push(delay);
    }

    /// How many were measured.
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// The smallest measured delay that at least `percent` of all do not exceed; zero when none was measured.
    pub fn percentile(&self, percent: usize) -> Duration {
        let mut sorted = self.0.clone();
        sorted.sort_unstable();
        let rank = (sorted.len() * percent).div_ceil(100);
        sorted.get(rank.saturating_sub(1)).copied().unwrap_or_default()
    }

    /// The first and the last third, in the order of measuring.
    pub fn outer_thirds(&self) -> (Self, Self) {
        let third = self.0.len() / 3;
        (Self(self.0[..third].to_vec()), Self(self.0[self.0.len() - third..].to_vec()))
    }
}

/// Processor time that a process, all its threads, those that ended too, has used since it started.
/// Whole hundredths of a second.
pub fn processor_time(pid: u32) -> Result<Duration, Error> {
    let path = format!("/proc/{pid}/stat");
    let stat = fs::read_to_string(&path).map_err(Error::io(format!("read {path}")))?;
    ticks(&stat)
        .map(|ticks| Duration::from_secs(1) * ticks / TICKS_PER_SECOND)
        .ok_or_else(|| Error::Unmet(format!("{path} does not look as proc(5) says")))
}

/// User and system ticks, the 14th and 15th field; the second one, the name, may hold spaces and brackets.
fn ticks(stat: &str) -> Option<u32> {
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_ascii_whitespace().skip(11);
    let user: u32 = fields.next()?.parse().ok()?;
    let system: u32 = fields.next()?.parse().ok()?;
    user.checked_add(system)
}

/// Processor time that the process's present threads have used, in the scheduler's nanoseconds.
///
/// Finer than [`processor_time`], for short spans in which no thread ends. `None` where the kernel does not tell.
pub fn scheduled_time(pid: u32) -> Option<Duration> {
    let mut total = Duration::ZERO;
    for task in fs::read_dir(format!("/proc/{pid}/task")).ok()? {
        let schedstat = fs::read_to_string(task.ok()?.path().join("schedstat")).ok()?;
        let nanoseconds = schedstat.split_ascii_whitespace().next()?.parse().ok()?;
        total += Duration::from_nanos(nanoseconds);
    }
    Some(total)
}

/// The most memory that a process has had at a time, in bytes: resident, what it shares with others included.
///
/// # Errors
///
/// When the process is gone.
pub fn peak_memory_bytes(pid: u32) -> Result<u64, Error> {
    let path = format!("/proc/{pid}/status");
    let status = fs::read_to_string(&path).map_err(Error::io(format!("read {path}")))?;
    peak_kib(&status)
        .map(|kib| kib * 1024)
        .ok_or_else(|| Error::Unmet(format!("{path} does not look as proc(5) says")))
}

fn peak_kib(status: &str) -> Option<u64> {
    let value = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    value.trim().strip_suffix(" kB")?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn delays(milliseconds: impl IntoIterator<Item = u64>) -> Delays {
        Delays(milliseconds.into_iter().map(Duration::from_millis).collect())
    }

    #[test]
    fn percentiles_are_measured_values() {
        let hundred = delays((1..=100).rev());
        assert_eq!(hundred.percentile(50), Duration::from_millis(50));
        assert_eq!(hundred.percentile(95), Duration::from_millis(95));
        assert_eq!(hundred.percentile(99), Duration::from_millis(99));
        assert_eq!(delays([4]).percentile(50), Duration::from_millis(4));
        assert_eq!(Delays::default().percentile(99), Duration::ZERO);
    }

    #[test]
    fn thirds_keep_the_order_of_measuring() {
        let (first, last) = delays([9, 8, 1, 1, 1, 5, 6]).outer_thirds();
        assert_eq!(first.percentile(100), Duration::from_millis(9));
        assert_eq!(last.percentile(100), Duration::from_millis(6));
    }

    #[test]
    fn a_name_with_spaces_and_brackets_does_not_shift_the_fields() {
        let stat = "42 (a) b c) S 1 42 42 0 -1 4194304 1 0 0 0 250 50 0 0 20 0 3 0 1 2 3";
        assert_eq!(ticks(stat), Some(300));
    }

    #[test]
    fn the_peak_of_memory_is_found_among_the_other_lines() {
        assert_eq!(peak_kib("VmPeak:\t  99 kB\nVmHWM:\t    1234 kB\nVmRSS:\t 5 kB\n"), Some(1234));
    }

    #[test]
    fn the_processor_time_of_this_process_grows() -> Result<(), Error> {
        let pid = std::process::id();
        let before = processor_time(pid)?;
        let mut sum = 0_u64;
        while processor_time(pid)? == before {
            sum = std::hint::black_box(sum.wrapping_mul(31) + 1);
        }
        Ok(())
    }
}
