//! The programs as processes: started, listened to, written to and ended.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Once;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::desk::Desk;

/// Bound on every wait: far above what a loaded machine needs.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// Waits until `done`; each call of it has to talk to another process, which paces the loop.
pub(crate) fn wait_until(what: &str, mut done: impl FnMut() -> bool) {
    let start = Instant::now();
    while !done() {
        assert!(start.elapsed() < PATIENCE, "waited in vain for {what}");
    }
}

/// A center with an enrolment token, and a directory for everybody's data.
pub(crate) struct Setting {
    directory: TempDir,
    address: String,
    /// Network namespaces: of the center and the representative, and of the customer.
    near: Option<String>,
    far: Option<String>,
    _center: Program,
}

impl Setting {
    pub(crate) fn new() -> Self {
        Self::between(None, None, "127.0.0.1")
    }

    /// Center and representative in the network namespace `near`, reached at `ip` by the customer in `far`.
    pub(crate) fn between(near: Option<&str>, far: Option<&str>, ip: &str) -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let data = directory.path().join("center").display().to_string();
        let listen = format!("{ip}:0");
        let arguments = ["--data", &data, "serve", "--listen", &listen, "--http", "127.0.0.1:0"];
        let mut center = Program::start(near, &path_of("tessera-center"), &arguments);
        let address =
            center.expect("center ").split_whitespace().nth(1).expect("an address").to_owned();
        let token = center.expect("enrolment token ");
        let token = token.split_whitespace().nth(2).expect("a token");
        std::fs::write(directory.path().join("token"), token).expect("written");
        let (near, far) = (near.map(str::to_owned), far.map(str::to_owned));
        Self { directory, address, near, far, _center: center }
    }

    pub(crate) fn code_file(&self) -> PathBuf {
        self.directory.path().join("code")
    }

    /// A representative called Lee whose share window is on `desk`.
    pub(crate) fn csr(&self, desk: &Desk, arguments: &[&str]) -> Program {
        let token = self.directory.path().join("token").display().to_string();
        let mut all = vec!["start", "--name", "Lee", "--token-file", &token, "--no-console"];
        all.extend(arguments);
        let program = Path::new(env!("CARGO_BIN_EXE_tessera-csr"));
        self.participant(self.near.as_deref(), program, desk, &all, "csr")
    }

    /// A customer called Kim who shares `desk`.
    pub(crate) fn customer(&self, desk: &Desk, arguments: &[&str]) -> Program {
        let mut all = vec!["--name", "Kim"];
        all.extend(arguments);
        let program = path_of("tessera-customer");
        self.participant(self.far.as_deref(), &program, desk, &all, "customer")
    }

    fn participant(
        &self,
        namespace: Option<&str>,
        program: &Path,
        desk: &Desk,
        arguments: &[&str],
        data: &str,
    ) -> Program {
        let code = self.code_file().display().to_string();
        let data = self.directory.path().join(data).display().to_string();
        let mut all = arguments.to_vec();
        all.extend(["--center", &self.address, "--display", desk.name(), "--log-json"]);
        all.extend(["--code-file", &code, "--data", &data]);
        Program::start(namespace, program, &all)
    }
}

/// A program of another package of the workspace, built when it is not up to date.
fn path_of(program: &str) -> PathBuf {
    static BUILT: Once = Once::new();
    BUILT.call_once(|| {
        // As `make test` does: anything less would want its dependencies built with other features.
        let arguments = ["test", "--locked", "--offline", "-q", "--workspace", "--no-run"];
        let mut cargo = Command::new(env!("CARGO"));
        cargo.args(arguments);
        // Build scripts that look at what cargo tells this test would run again, and all that depends on them be built anew.
        for (name, _) in std::env::vars_os() {
            let text = name.to_string_lossy();
            if ["CARGO_PKG_", "CARGO_MANIFEST_"].iter().any(|told| text.starts_with(told)) {
                cargo.env_remove(&name);
            }
        }
        assert!(cargo.status().expect("cargo runs").success());
    });
    Path::new(env!("CARGO_BIN_EXE_tessera-csr")).with_file_name(program)
}

/// A running program; killed when dropped.
pub(crate) struct Program {
    child: Child,
    name: String,
    lines: Receiver<String>,
    log: Option<JoinHandle<String>>,
    logged: String,
}

impl Program {
    fn start(namespace: Option<&str>, program: &Path, arguments: &[&str]) -> Self {
        let mut command = match namespace {
            None => Command::new(program),
            Some(namespace) => {
                let mut command = Command::new("ip");
                command.args(["netns", "exec", namespace]).arg(program);
                command
            }
        };
        let mut child = command
            .args(arguments)
            .env_remove("TESSERA_LOG")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{}: {error}", program.display()));
        let (to_test, lines) = channel();
        let out = BufReader::new(child.stdout.take().expect("a pipe"));
        thread::spawn(move || {
            out.lines().map_while(Result::ok).try_for_each(|line| to_test.send(line))
        });
        let mut errors = child.stderr.take().expect("a pipe");
        let log = thread::spawn(move || {
            let mut text = String::new();
            errors.read_to_string(&mut text).expect("the log is text");
            text
        });
        let name = program.file_name().expect("a name").to_string_lossy().into_owned();
        Self { child, name, lines, log: Some(log), logged: String::new() }
    }

    /// Waits for a line that contains `text`.
    pub(crate) fn expect(&mut self, text: &str) -> String {
        let deadline = Instant::now() + PATIENCE;
        let mut before = Vec::new();
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.lines.recv_timeout(left) {
                Ok(line) if line.contains(text) => return line,
                Ok(line) => before.push(line),
                Err(_) => {
                    self.kill();
                    let (name, log) = (&self.name, self.log());
                    panic!("{name} did not print '{text}' but {before:#?}, and logged {log}");
                }
            }
        }
    }

    /// As [`Self::expect`], for a line that has to come before any with `unwanted`.
    pub(crate) fn expect_before(&mut self, text: &str, unwanted: &str) -> String {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let line = self.lines.recv_timeout(left);
            let line = line.unwrap_or_else(|_| panic!("{} did not print '{text}'", self.name));
            assert!(!line.contains(unwanted), "{}: {line}", self.name);
            if line.contains(text) {
                return line;
            }
        }
    }

    pub(crate) fn type_line(&mut self, line: &str) {
        writeln!(self.child.stdin.as_mut().expect("a pipe"), "{line}").expect("it reads");
    }

    pub(crate) fn terminate(&self) {
        let ended = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status();
        assert!(ended.expect("kill runs").success());
    }

    pub(crate) fn kill(&mut self) {
        let _ = self.child.kill();
        self.wait();
    }

    /// Waits for the end; the exit code, if it was no signal's doing.
    pub(crate) fn wait(&mut self) -> Option<i32> {
        // The end closes the pipe that the lines come through.
        let deadline = Instant::now() + PATIENCE;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.lines.recv_timeout(left) {
                Ok(_) => {}
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => {
                    let _ = self.child.kill();
                    panic!("{} does not end", self.name);
                }
            }
        }
        let status = self.child.wait().expect("its end");
        if let Some(log) = self.log.take() {
            self.logged = log.join().expect("the log is read");
        }
        status.code()
    }

    /// What it wrote to the standard error, after its end.
    pub(crate) fn log(&self) -> &str {
        &self.logged
    }

    /// System V shared memory segments that this process made.
    pub(crate) fn shared_memory(&self) -> usize {
        let segments = std::fs::read_to_string("/proc/sysvipc/shm").unwrap_or_default();
        let creator = self.child.id().to_string();
        segments.lines().filter(|line| line.split_whitespace().nth(4) == Some(&creator)).count()
    }

    /// Ends a session from the representative's side.
    pub(crate) fn end_both(csr: &mut Self, customer: &mut Self) {
        csr.terminate();
        customer.expect("has ended the session");
        assert_eq!((csr.wait(), customer.wait()), (Some(0), Some(0)));
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
