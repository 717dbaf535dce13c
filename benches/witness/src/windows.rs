//! Windows of real applications: a terminal, and a browser or editor that shows the pages.

use x11rb::protocol::xproto::Window;

use crate::display::{Area, Display};
use crate::error::Error;
use crate::pages::Pages;
use crate::process::{Process, is_installed};
use crate::station::{Folders, START_LIMIT, Station};
use crate::stop::Stop;

/// A browser or editor that can show the pages.
#[derive(Debug, Clone, Copy)]
pub struct Viewer {
    /// The program's name.
    pub program: &'static str,
    /// Part of its windows' class, in lower case.
    pub class: &'static str,
}

/// In the order of preference.
const VIEWERS: [Viewer; 3] = [
    Viewer { program: "netsurf-gtk", class: "netsurf" },
    Viewer { program: "dillo", class: "dillo" },
    Viewer { program: "mousepad", class: "mousepad" },
];

/// The first of the browsers and editors that is installed.
///
/// # Errors
///
/// When none is.
pub fn viewer() -> Result<Viewer, Error> {
    VIEWERS.into_iter().find(|it| is_installed(it.program)).ok_or_else(|| {
        let names = VIEWERS.map(|it| it.program).join(", ");
        Error::Unmet(format!("no browser or editor is installed; install one of: {names}"))
    })
}

/// A terminal that runs `words`. Its log is named after its window.
///
/// # Errors
///
/// When it does not start.
pub fn start_terminal(
    station: &Station,
    folders: &Folders,
    words: &[&str],
) -> Result<Process, Error> {
    let mut command = folders.command("xterm", station.name());
    command
        .args(["+bc", "-fa", "DejaVu Sans Mono", "-fs", "10", "-T", "Terminal"])
        .arg("-e")
        .args(words)
        .env("PS1", "customer$ ")
        .env_remove("ENV")
        .current_dir(&folders.work);
    Process::start(&mut command, "terminal", &folders.logs)
}

/// Starts a browser or editor on one of the pages.
///
/// # Errors
///
/// When it does not start.
pub fn start_viewer(
    program: &str,
    pages: &Pages,
    station: &Station,
    folders: &Folders,
) -> Result<Process, Error> {
    let mut command = folders.command(program, station.name());
    if program == "mousepad" {
        command.arg("--disable-server").arg(&pages.text);
    } else {
        command.arg(format!("file://{}", pages.html.display()));
    }
    command.current_dir(&folders.work);
    Process::start(&mut command, "viewer", &folders.logs)
}

/// Waits for the window of a program that was just started; `class` is part of its class in lower case.
///
/// # Errors
///
/// When it does not appear, or the program ends.
pub fn appeared(
    class: &str,
    display: &Display,
    stop: &Stop,
    process: &mut Process,
) -> Result<Window, Error> {
    stop.until(&format!("the window of {class} did not appear"), START_LIMIT, || {
        process.check()?;
        Ok(display.windows_of_class(class)?.first().copied())
    })
}

/// The area of a window once three looks in a row agree.
///
/// # Errors
///
/// When it does not come to rest.
pub fn settled_area(display: &Display, window: Window, stop: &Stop) -> Result<Area, Error> {
    let mut seen = Vec::new();
    stop.until("a window did not come to rest", START_LIMIT, || {
        seen.push(display.area_of(window)?);
        Ok(match seen.as_slice() {
            [.., a, b, c] if a == b && b == c => Some(*c),
            _ => None,
        })
    })
}
