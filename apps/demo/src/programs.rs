//! The three programs under test: started as a person would start them, watched, and ended.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::error::Error;
use crate::fields;
use crate::measure::processor_time;
use crate::process::{Process, lines, wait_for_line};
use crate::stop::Stop;

/// How long a program may take to be ready on a busy machine.
const READY_LIMIT: Duration = Duration::from_secs(20);

/// The running programs. Dropping ends the customer's program first and the center last.
#[derive(Debug)]
pub(crate) struct Programs {
    customer: Process,
    csr: Process,
    center: Process,
}

/// What one program used and said.
#[derive(Debug, Clone)]
pub(crate) struct Account {
    /// The program.
    pub(crate) name: &'static str,
    /// Processor time from its start to its end.
    pub(crate) processor: Duration,
    /// The line of figures it logged when it ended; empty when it has none.
    pub(crate) figures: String,
}

impl Programs {
    /// Starts the programs, found beside the demo's own: the customer shares `customer_display` and the share
    /// window opens on `csr_display`.
    pub(crate) fn start(
        private: &Path,
        logs: &Path,
        customer_display: &str,
        csr_display: &str,
        stop: &Stop,
    ) -> Result<Self, Error> {
        let token_file = private.join("token");
        let code_file = private.join("code");

        let mut command = Command::new(program("tessera-center")?);
        command.arg("--data").arg(private.join("center"));
        command.args(["serve", "--log-json", "--listen", "127.0.0.1:0", "--http", "127.0.0.1:0"]);
        let (mut center, output) = Process::start_with_output(&mut command, "center", logs)?;
        let said = lines(output);
        let mut announced = |name: &str| {
            let what = format!("the center did not announce its {name}");
            wait_for_line(&said, READY_LIMIT, &what, |line| {
                line.strip_prefix(name).map(|value| value.trim().to_owned())
            })
            .map_err(|error| center.explain(error))
        };
        let address = announced("center ")?;
        let token = announced("enrolment token ")?;
        fs::write(&token_file, token).map_err(Error::io("write the enrolment token"))?;

        let mut command = Command::new(program("tessera-csr")?);
        command
            .args(["start", "--log-json", "--name", "Demo CSR", "--center", &address])
            .args(["--listen", "127.0.0.1:0", "--request", "control", "--fullscreen"])
            .arg("--data")
            .arg(private.join("csr"))
            .arg("--token-file")
            .arg(&token_file)
            .arg("--code-file")
            .arg(&code_file)
            .env("DISPLAY", csr_display)
            .env_remove("WAYLAND_DISPLAY");
        let mut csr = Process::start(&mut command, "csr", logs)?;
        stop.until("the CSR's program did not write the code", READY_LIMIT, || {
            csr.check()?;
            let code = fs::read_to_string(&code_file).unwrap_or_default();
            Ok((!code.trim().is_empty()).then_some(()))
        })?;

        let mut command = Command::new(program("tessera-customer")?);
        command
            .args(["--log-json", "--name", "Demo customer", "--center", &address])
            .args(["--display", customer_display, "--consent", "view,control"])
            .arg("--data")
            .arg(private.join("customer"))
            .arg("--code-file")
            .arg(&code_file)
            .env("DISPLAY", customer_display)
            .env_remove("WAYLAND_DISPLAY");
        let customer = Process::start(&mut command, "customer", logs)?;
        Ok(Self { customer, csr, center })
    }

    /// Fails when a program has ended.
    pub(crate) fn check(&mut self) -> Result<(), Error> {
        self.center.check()?;
        self.csr.check()?;
        self.customer.check()
    }

    /// Process numbers of the customer's and the CSR's program.
    pub(crate) fn ends(&self) -> [(&'static str, u32); 2] {
        [("customer", self.customer.id()), ("csr", self.csr.id())]
    }

    /// Ends the programs with SIGTERM as a service manager would, and tells what each used and said.
    pub(crate) fn finish(self) -> Result<Vec<Account>, Error> {
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

/// The program of this name beside the demo's own.
fn program(name: &str) -> Result<PathBuf, Error> {
    let own = std::env::current_exe().map_err(Error::io("find the demo's own folder"))?;
    let path = own.with_file_name(name);
    if path.is_file() {
        Ok(path)
    } else {
        Err(Error::Unmet(format!("{} is missing; build it with `make build`", path.display())))
    }
}
