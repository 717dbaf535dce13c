//! The systems that are compared, started as their manuals say for a local network.

use std::path::Path;
use std::time::{Duration, Instant};

use tessera_witness::error::Error;
use tessera_witness::process::Process;
use tessera_witness::programs::{Programs, Side, Waiting};
use tessera_witness::stop::Stop;

use super::stage::{Stage, installed};
use crate::cli::Rival;
use crate::error::BenchError;

/// How long a system may take to show the desktop on a busy machine and a bad network.
const START_LIMIT: Duration = Duration::from_secs(90);

/// What can be started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum System {
    Ours,
    Rival(Rival),
}

/// A system that shows the customer's desktop at the viewer's display.
pub(super) struct Running {
    parts: Parts,
    /// From the last key of the code to a picture with every tile, for ours.
    pub(super) joined: Option<Duration>,
}

enum Parts {
    Ours(Programs),
    Vnc { server: Process, viewer: Process },
}

impl System {
    /// As it stands in reports.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Ours => "tessera",
            Self::Rival(Rival::TigerVnc) => "tigervnc",
            Self::Rival(Rival::X11Vnc) => "x11vnc",
        }
    }

    /// The programs of this system that are missing here.
    pub(super) fn missing(self) -> Vec<&'static str> {
        let programs: &[&'static str] = match self {
            Self::Ours => &[],
            Self::Rival(Rival::TigerVnc) => &[tigervnc_server(), "xtigervncviewer"],
            Self::Rival(Rival::X11Vnc) => &["x11vnc", "xtigervncviewer"],
        };
        programs.iter().copied().filter(|it| installed(it).is_none()).collect()
    }

    /// Starts the system on a stage and waits until the whole desktop is to be seen.
    pub(super) fn start(self, stage: &mut Stage, stop: &Stop) -> Result<Running, BenchError> {
        let (parts, since) = match self {
            Self::Ours => start_ours(stage, stop)?,
            Self::Rival(rival) => (start_vnc(rival, stage, stop)?, Instant::now()),
        };
        let mut running = Running { parts, joined: None };
        let deadline = since + START_LIMIT;
        while !stage.is_present()? {
            running.check()?;
            if !stage.seen.wait(deadline, stop)? {
                let what = format!("{} did not show the whole desktop", self.name());
                let hint = format!("; the logs are in {}", stage.folders.logs.display());
                return Err(Error::Late { what, limit: START_LIMIT, hint }.into());
            }
        }
        running.joined = (self == Self::Ours).then(|| since.elapsed());
        Ok(running)
    }
}

impl Running {
    /// Fails when one of the programs has ended.
    pub(super) fn check(&mut self) -> Result<(), BenchError> {
        match &mut self.parts {
            Parts::Ours(programs) => programs.check()?,
            Parts::Vnc { server, viewer } => {
                server.check()?;
                viewer.check()?;
            }
        }
        Ok(())
    }

    /// Process numbers of the program that shares and of the one that shows.
    pub(super) fn ends(&self) -> [u32; 2] {
        match &self.parts {
            Parts::Ours(programs) => programs.ends().map(|(_, pid)| pid),
            Parts::Vnc { server, viewer } => [server.id(), viewer.id()],
        }
    }
}

fn start_ours(stage: &Stage, stop: &Stop) -> Result<(Parts, Instant), BenchError> {
    let customer = |program: &Path| stage.network.at_customer(program);
    let csr = |program: &Path| stage.network.at_viewer(program);
    let csr_side = Side { display: stage.viewer_station.name(), command: &csr };
    let customer_side = Side { display: stage.customer_station.name(), command: &customer };
    let [_, host] = stage.network.addresses();
    let logs = &stage.folders.logs;
    let waiting = Waiting::start(stage.private(), logs, &csr_side, host, stop)?;
    let (programs, last_key) = waiting.join_by_typing(&customer_side, stop)?;
    Ok((Parts::Ours(programs), last_key))
}

/// The server itself: Debian's `x0vncserver` is a script that starts it and ends.
fn tigervnc_server() -> &'static str {
    const ITSELF: &str = "X0tigervnc";
    if installed(ITSELF).is_some() { ITSELF } else { "x0vncserver" }
}

/// The port of RFB's first display.
const RFB_PORT: u16 = 5900;

fn start_vnc(rival: Rival, stage: &Stage, stop: &Stop) -> Result<Parts, BenchError> {
    let display = stage.customer_station.name();
    let (program, log) = match rival {
        Rival::TigerVnc => (tigervnc_server(), "x0vncserver"),
        Rival::X11Vnc => ("x11vnc", "x11vnc"),
    };
    let mut command = stage.network.at_customer(Path::new(program));
    command
        .args(["-display", display, "-rfbport", &RFB_PORT.to_string()])
        .env_remove("WAYLAND_DISPLAY");
    match rival {
        // As often as the display changes here, and no limit on its processor time.
        Rival::TigerVnc => command.args([
            "-SecurityTypes=None",
            "-FrameRate=60",
            "-MaxProcessorUsage=100",
            "-PollingCycle=10",
            "-AlwaysShared",
        ]),
        // Looking and sending as often as it can, by events where the display has them.
        Rival::X11Vnc => command.args([
            "-nopw",
            "-forever",
            "-shared",
            "-noipv6",
            "-xdamage",
            "-wait",
            "5",
            "-defer",
            "5",
            "-noxrecord",
            "-norc",
        ]),
    };
    let mut server = Process::start(&mut command, log, &stage.folders.logs)?;
    let [address, _] = stage.network.addresses();
    stop.until("the VNC server did not listen", START_LIMIT, || {
        server.check()?;
        let listens = stage.network.listens((address, RFB_PORT).into());
        listens.map(|it| it.then_some(())).map_err(|error| Error::Unmet(error.to_string()))
    })?;
    let mut command = stage.network.at_viewer(Path::new("xtigervncviewer"));
    command
        .arg(format!("{address}::{RFB_PORT}"))
        .args(["-FullScreen=1", "-RemoteResize=0", "-MenuKey=", "-AlertOnFatalError=0"])
        .args(["-SecurityTypes=None", "-AcceptClipboard=0", "-SendClipboard=0"])
        .env("DISPLAY", stage.viewer_station.name())
        .env("HOME", stage.private());
    let viewer = Process::start(&mut command, "xtigervncviewer", &stage.folders.logs)?;
    Ok(Parts::Vnc { server, viewer })
}
