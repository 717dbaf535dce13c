//! The three programs under test: started as a person would start them, watched, and ended.

use std::fs;
use std::io::Write as _;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::process::{ChildStdin, Command};
use std::time::{Duration, Instant};

use crate::error::Error;
use crate::fields;
use crate::measure::processor_time;
use crate::process::{Process, lines, wait_for_line};
use crate::stop::Stop;

/// How long a program may take to be ready on a busy machine.
const READY_LIMIT: Duration = Duration::from_secs(20);

/// Where one of the two people is.
pub struct Side<'a> {
    /// The X display that is shared or that the share window opens on.
    pub display: &'a str,
    /// Makes a command that runs a program at this place in the network.
    pub command: &'a dyn Fn(&Path) -> Command,
}

/// A CSR's program that waits for its customer, and its center.
#[derive(Debug)]
pub struct Waiting {
    csr: Process,
    center: Process,
    center_address: String,
    code_file: PathBuf,
    private: PathBuf,
    logs: PathBuf,
}

/// The running programs. Dropping ends the customer's program first and the center last.
#[derive(Debug)]
pub struct Programs {
    customer: Process,
    csr: Process,
    center: Process,
    _keyboard: Option<ChildStdin>,
}

/// What one program used and said.
#[derive(Debug, Clone)]
pub struct Account {
    /// The program.
    pub name: &'static str,
    /// Processor time from its start to its end.
    pub processor: Duration,
    /// The line of figures it logged when it ended; empty when it has none.
    pub figures: String,
}

impl Waiting {
    /// Starts the center and the CSR's program, found beside the program that calls, both at `host`: the CSR's share
    /// window opens on its display. Returns when there is a code.
    ///
    /// # Errors
    ///
    /// When a program is missing, ends, or does not become ready.
    pub fn start(
        private: &Path,
        logs: &Path,
        csr_side: &Side<'_>,
        host: IpAddr,
        stop: &Stop,
    ) -> Result<Self, Error> {
        let token_file = private.join("token");
        let code_file = private.join("code");
        let any_port = format!("{host}:0");

        let mut command = (csr_side.command)(&program("tessera-center")?);
        command.arg("--data").arg(private.join("center"));
        command.args(["serve", "--log-json", "--listen", &any_port, "--http", "127.0.0.1:0"]);
        let (mut center, output) = Process::start_with_output(&mut command, "center", logs)?;
        let said = lines(output);
        let mut announced = |name: &str| {
            let what = format!("the center did not announce its {name}");
            wait_for_line(&said, READY_LIMIT, &what, |line| {
                line.strip_prefix(name).map(|value| value.trim().to_owned())
            })
            .map_err(|error| center.explain(error))
        };
        let center_address = announced("center ")?;
        let token = announced("enrolment token ")?;
        fs::write(&token_file, token).map_err(Error::io("write the enrolment token"))?;

        let mut command = (csr_side.command)(&program("tessera-csr")?);
        command
            .args(["start", "--log-json", "--name", "Demo CSR", "--center", &center_address])
            .args(["--listen", &any_port, "--request", "control", "--fullscreen"])
            .arg("--data")
            .arg(private.join("csr"))
            .arg("--token-file")
            .arg(&token_file)
            .arg("--code-file")
            .arg(&code_file)
            .env("DISPLAY", csr_side.display)
            .env_remove("WAYLAND_DISPLAY");
        let mut csr = Process::start(&mut command, "csr", logs)?;
        stop.until("the CSR's program did not write the code", READY_LIMIT, || {
            csr.check()?;
            let code = fs::read_to_string(&code_file).unwrap_or_default();
            Ok((!code.trim().is_empty()).then_some(()))
        })?;
        Ok(Self {
            csr,
            center,
            center_address,
            code_file,
            private: private.to_owned(),
            logs: logs.to_owned(),
        })
    }

    /// Starts the customer's program with the code in a file.
    ///
    /// # Errors
    ///
    /// When it is missing.
    pub fn join(self, customer_side: &Side<'_>) -> Result<Programs, Error> {
        let mut command = self.customer(customer_side)?;
        command.arg("--code-file").arg(&self.code_file);
        let customer = Process::start(&mut command, "customer", &self.logs)?;
        Ok(self.joined(customer, None))
    }

    /// Starts the customer's program, waits until it asks for the code, and types it. Returns when the last key was
    /// typed, too.
    ///
    /// # Errors
    ///
    /// When the program is missing, ends, or does not ask.
    pub fn join_by_typing(
        self,
        customer_side: &Side<'_>,
        stop: &Stop,
    ) -> Result<(Programs, Instant), Error> {
        let code = fs::read_to_string(&self.code_file).map_err(Error::io("read the code"))?;
        let mut command = self.customer(customer_side)?;
        let (mut customer, mut keyboard) =
            Process::start_with_input(&mut command, "customer", &self.logs)?;
        stop.until("the customer's program did not ask for the code", READY_LIMIT, || {
            customer.check()?;
            let said = fs::read_to_string(customer.log()).unwrap_or_default();
            Ok(said.contains("Code").then_some(()))
        })?;
        let typed = writeln!(keyboard, "{}", code.trim());
        let last_key = Instant::now();
        typed.map_err(Error::io("type the code"))?;
        Ok((self.joined(customer, Some(keyboard)), last_key))
    }

    fn customer(&self, side: &Side<'_>) -> Result<Command, Error> {
        let mut command = (side.command)(&program("tessera-customer")?);
        command
            .args(["--log-json", "--name", "Demo customer", "--center", &self.center_address])
            .args(["--display", side.display, "--consent", "view,control"])
            .arg("--data")
            .arg(self.private.join("customer"))
            .env("DISPLAY", side.display)
            .env_remove("WAYLAND_DISPLAY");
        Ok(command)
    }

    fn joined(self, customer: Process, keyboard: Option<ChildStdin>) -> Programs {
        Programs { customer, csr: self.csr, center: self.center, _keyboard: keyboard }
    }
}

impl Programs {
    /// Fails when a program has ended.
    pub fn check(&mut self) -> Result<(), Error> {
        self.center.check()?;
        self.csr.check()?;
        self.customer.check()
    }

    /// Process numbers of the customer's and the CSR's program.
    pub fn ends(&self) -> [(&'static str, u32); 2] {
        [("customer", self.customer.id()), ("csr", self.csr.id())]
    }

    /// Ends the programs with SIGTERM as a service manager would, and tells what each used and said.
    pub fn finish(self) -> Result<Vec<Account>, Error> {
        let mut accounts = Vec::new();
        for (name, process) in
            [("customer", self.customer), ("csr", self.csr), ("center", self.center)]
        {
            let processor = processor_time(process.id())?;
            let log = process.log().to_owned();
            let status = process.end()?;
            if !status.success() {
                return Err(Error::Ended {
                    name: name.into(),
                    status: status.to_string(),
                    log: log.display().to_string(),
                });
            }
            accounts.push(Account { name, processor, figures: figures_line(&log) });
        }
        Ok(accounts)
    }
}

/// The last line of a log that holds figures.
fn figures_line(log: &Path) -> String {
    let words = fs::read_to_string(log).unwrap_or_default();
    let line = words.lines().rfind(|line| {
        fields::number(line, "frames").is_some() && fields::number(line, "bytes").is_some()
    });
    line.unwrap_or_default().to_owned()
}

/// The program of this name beside the one that runs.
fn program(name: &str) -> Result<PathBuf, Error> {
    let own = std::env::current_exe().map_err(Error::io("find the own folder"))?;
    let path = own.with_file_name(name);
    if path.is_file() {
        Ok(path)
    } else {
        Err(Error::Unmet(format!("{} is missing; build it with `make build`", path.display())))
    }
}
