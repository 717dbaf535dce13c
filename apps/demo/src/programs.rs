//! The three programs under test: started as a person would start them, watched, and ended.

use std::fs;
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::error::Error;
use crate::fields;
use crate::measure::processor_time;
use crate::process::Process;
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
        let center_data = private.join("center");
        let address = format!("127.0.0.1:{}", free_udp_port()?);
        let http = format!("127.0.0.1:{}", free_tcp_port()?);
        let token_file = private.join("token");
        let code_file = private.join("code");

        let mut command = Command::new(program("tessera-center")?);
        command.arg("--data").arg(&center_data).arg("token");
        let token = command.output().map_err(Error::io("run tessera-center token"))?;
        if !token.status.success() {
            let reason = String::from_utf8_lossy(&token.stderr).trim().to_owned();
            return Err(Error::Unmet(format!("tessera-center token failed: {reason}")));
        }
        fs::write(&token_file, &token.stdout).map_err(Error::io("write the enrolment token"))?;

        let mut command = Command::new(program("tessera-center")?);
        command.arg("--data").arg(&center_data);
        command.args(["serve", "--log-json", "--listen", &address, "--http", &http]);
        let mut center = Process::start(&mut command, "center", logs)?;
        stop.until("the center did not begin to serve", READY_LIMIT, || {
            center.check()?;
            Ok(TcpStream::connect(&http).ok())
        })?;

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

fn free_udp_port() -> Result<u16, Error> {
    UdpSocket::bind("127.0.0.1:0")
        .and_then(|socket| socket.local_addr())
        .map(|address| address.port())
        .map_err(Error::io("find a free port"))
}

fn free_tcp_port() -> Result<u16, Error> {
    TcpListener::bind("127.0.0.1:0")
        .and_then(|listener| listener.local_addr())
        .map(|address| address.port())
        .map_err(Error::io("find a free port"))
}
