//! A system under test: one process on one core, and the processor time it takes.

use std::fs;
use std::io;
use std::process::{Child, Command, Stdio};

use crate::error::BenchError;

/// The core that it runs on; the sender and the receiver take the others.
const CORE: &str = "0";

/// A running process; killed when dropped.
pub(super) struct Server {
    pub(super) child: Child,
    /// Its folder, which goes with it.
    _folder: tempfile::TempDir,
}

impl Server {
    /// Starts `program` on one core, with its standard output in a pipe.
    pub(super) fn start(
        program: &str,
        arguments: &[&str],
        folder: tempfile::TempDir,
    ) -> Result<Self, BenchError> {
        let child = Command::new("taskset")
            .args(["-c", CORE, program])
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        Ok(Self { child, _folder: folder })
    }

    /// Nanoseconds of processor time that all its threads have had.
    pub(super) fn cpu_ns(&self) -> Result<u64, BenchError> {
        let mut sum = 0;
        for task in fs::read_dir(format!("/proc/{}/task", self.child.id()))? {
            // The first figure of docs.kernel.org/scheduler/sched-stats.html: time spent on the processor.
            let text = fs::read_to_string(task?.path().join("schedstat"))?;
            let ns = text.split_whitespace().next().and_then(|it| it.parse::<u64>().ok());
            sum += ns.ok_or(io::Error::from(io::ErrorKind::InvalidData))?;
        }
        Ok(sum)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
