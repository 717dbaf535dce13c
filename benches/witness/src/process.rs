//! Processes that never outlive the one that started them.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};

use crate::error::Error;

/// How long a process may take to end after SIGTERM before it is killed.
const GRACE: Duration = Duration::from_secs(3);

/// How often an ending process is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// A started program with a process group of its own; dropping it ends the whole group.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    log: PathBuf,
    ended: bool,
}

impl Process {
    /// Starts `command`, writing what it says to `NAME.log` in `log_dir`. Its standard input is empty.
    pub fn start(command: &mut Command, name: &str, log_dir: &Path) -> Result<Self, Error> {
        let log = log_dir.join(format!("{name}.log"));
        let file = File::create(&log).map_err(Error::io(format!("write {}", log.display())))?;
        let errors = file.try_clone().map_err(Error::io(format!("write {}", log.display())))?;
        command.stdin(Stdio::null()).stdout(file).stderr(errors);
        Self::spawn(command, name, log)
    }

    /// Starts `command` and hands over its standard output; only its errors go to the log.
    pub fn start_with_output(
        command: &mut Command,
        name: &str,
        log_dir: &Path,
    ) -> Result<(Self, ChildStdout), Error> {
        let log = log_dir.join(format!("{name}.log"));
        let file = File::create(&log).map_err(Error::io(format!("write {}", log.display())))?;
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(file);
        let mut process = Self::spawn(command, name, log)?;
        let output = process.child.stdout.take();
        output
            .map(|output| (process, output))
            .ok_or_else(|| Error::Unmet(format!("{name} has no standard output")))
    }

    /// Starts `command` like [`Process::start`], with a standard input to write to.
    ///
    /// # Errors
    ///
    /// When it does not start.
    pub fn start_with_input(
        command: &mut Command,
        name: &str,
        log_dir: &Path,
    ) -> Result<(Self, ChildStdin), Error> {
        let log = log_dir.join(format!("{name}.log"));
        let file = File::create(&log).map_err(Error::io(format!("write {}", log.display())))?;
        let errors = file.try_clone().map_err(Error::io(format!("write {}", log.display())))?;
        command.stdin(Stdio::piped()).stdout(file).stderr(errors);
        let mut process = Self::spawn(command, name, log)?;
        let input = process.child.stdin.take();
        input
            .map(|input| (process, input))
            .ok_or_else(|| Error::Unmet(format!("{name} has no standard input")))
    }

    fn spawn(command: &mut Command, name: &str, log: PathBuf) -> Result<Self, Error> {
        // A group of its own: the terminal's interrupt reaches this program alone, which then ends everything in
        // order, and a shell inside a terminal emulator is ended together with it.
        let program = command.get_program().to_string_lossy().into_owned();
        let child =
            command.process_group(0).spawn().map_err(Error::io(format!("start {program}")))?;
        Ok(Self { name: name.into(), child, log, ended: false })
    }

    /// The process's number.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Where the process's words go.
    pub fn log(&self) -> &Path {
        &self.log
    }

    /// Fails when the process has ended.
    pub fn check(&mut self) -> Result<(), Error> {
        let status = self.child.try_wait().map_err(Error::io(format!("watch {}", self.name)))?;
        match status {
            None => Ok(()),
            Some(status) => Err(Error::Ended {
                name: self.name.clone(),
                status: status.to_string(),
                log: self.log.display().to_string(),
            }),
        }
    }

    /// `error`, or what became of the process when it has ended, which explains more.
    pub fn explain(&mut self, error: Error) -> Error {
        self.check().err().unwrap_or(error)
    }

    /// Asks the process to end, kills it when it does not, and tells how it ended.
    pub fn end(mut self) -> Result<ExitStatus, Error> {
        self.end_group().map_err(Error::io(format!("end {}", self.name)))
    }

    fn end_group(&mut self) -> std::io::Result<ExitStatus> {
        self.signal(Signal::TERM);
        let deadline = Instant::now() + GRACE;
        let status = loop {
            if let Some(status) = self.child.try_wait()? {
                break status;
            }
            if Instant::now() >= deadline {
                self.signal(Signal::KILL);
                break self.child.wait()?;
            }
            thread::sleep(LOOK_EVERY);
        };
        // Whoever is left in the group, such as a browser's child.
        self.signal(Signal::KILL);
        self.ended = true;
        Ok(status)
    }

    fn signal(&self, signal: Signal) {
        let group = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        if let Some(group) = group {
            // The group is gone already: nothing to signal.
            let _ = kill_process_group(group, signal);
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if !self.ended {
            // Nobody is left to tell; the kill has been sent either way.
            let _ = self.end_group();
        }
    }
}

/// Whether `program` is an executable file in one of the folders of PATH.
pub fn is_installed(program: &str) -> bool {
    let paths = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&paths).any(|folder| folder.join(OsStr::new(program)).is_file())
}

/// The lines of `output` as they come; read to the end by a thread of its own, so that nobody writes into a full pipe.
pub fn lines(output: impl Read + Send + 'static) -> Receiver<String> {
    let (sender, receiver) = channel();
    thread::spawn(move || {
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            // Whoever asked may have heard enough.
            let _ = sender.send(line);
        }
    });
    receiver
}

/// The first of `lines` for which `pick` yields a value; `what` says what is missing when `limit` passes first.
pub fn wait_for_line<T>(
    lines: &Receiver<String>,
    limit: Duration,
    what: &str,
    mut pick: impl FnMut(&str) -> Option<T>,
) -> Result<T, Error> {
    let deadline = Instant::now() + limit;
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        match lines.recv_timeout(left) {
            Ok(line) => {
                if let Some(value) = pick(&line) {
                    return Ok(value);
                }
            }
            Err(RecvTimeoutError::Disconnected) => {
                return Err(Error::Unmet(format!("{what}: the program ended")));
            }
            Err(RecvTimeoutError::Timeout) => {
                return Err(Error::Late { what: what.into(), limit, hint: String::new() });
            }
        }
    }
}
