//! The stage: X servers, window managers and the applications on the customer's desktop.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use x11rb::protocol::xproto::Window;

use crate::display::{Area, Display};
use crate::error::Error;
use crate::pages::{self, Pages};
use crate::picture::photo;
use crate::process::{Process, is_installed, lines, wait_for_line};
use crate::stop::Stop;

/// How long an X server, a window manager or an application may take to start on a busy machine.
const START_LIMIT: Duration = Duration::from_secs(20);

/// The size of the virtual displays, in pixels.
const SIZE: (u16, u16) = (1920, 1080);

/// Smallest desktop on which the demo's windows have room, in pixels.
const SMALLEST: (u16, u16) = (1280, 720);

/// Browsers and editors that can show the demo's pages, the first one installed is taken; with the class of their
/// windows in lower case.
const VIEWERS: [(&str, &str); 3] =
    [("netsurf-gtk", "netsurf"), ("dillo", "dillo"), ("mousepad", "mousepad")];

/// Makes the wallpaper. Arbitrary.
const WALLPAPER_SEED: u64 = 0xdec0;

/// Steady carets, no animation, no scroll bars that fade.
const GTK_SETTINGS: &str = "[Settings]\ngtk-cursor-blink=0\ngtk-enable-animations=0\n";

/// Where everything that is started keeps its files.
#[derive(Debug)]
pub(crate) struct Folders {
    home: PathBuf,
    /// Pages and the files that the typed text makes.
    pub(crate) work: PathBuf,
    /// One log per process.
    pub(crate) logs: PathBuf,
}

impl Folders {
    /// Makes the folders: a private one below `private`, the logs below `out`.
    pub(crate) fn make(private: &Path, out: &Path) -> Result<Self, Error> {
        let folders =
            Self { home: private.join("home"), work: private.join("work"), logs: out.join("logs") };
        let gtk = folders.home.join(".config/gtk-3.0");
        for folder in [&gtk, &folders.work, &folders.logs] {
            fs::create_dir_all(folder)
                .map_err(Error::io(format!("make the folder {}", folder.display())))?;
        }
        let settings = gtk.join("settings.ini");
        fs::write(&settings, GTK_SETTINGS)
            .map_err(Error::io(format!("write {}", settings.display())))?;
        Ok(folders)
    }

    /// A command for `program` that shows on `display` and finds only the demo's own settings.
    fn command(&self, program: &str, display: &str) -> Command {
        let mut command = Command::new(program);
        command
            .env("DISPLAY", display)
            .env("HOME", &self.home)
            .env("XDG_CONFIG_HOME", self.home.join(".config"))
            .env("XDG_CACHE_HOME", self.home.join(".cache"))
            .env("XDG_DATA_HOME", self.home.join(".local/share"))
            .env("LANG", "C.UTF-8")
            .env("LC_ALL", "C.UTF-8")
            .env("GDK_BACKEND", "x11")
            // No bus and no accessibility service: both would outlive the demo.
            .env("DBUS_SESSION_BUS_ADDRESS", "disabled:")
            .env("NO_AT_BRIDGE", "1")
            .env("GSETTINGS_BACKEND", "memory")
            .env_remove("WAYLAND_DISPLAY");
        command
    }
}

/// A display with a window manager; what the demo started of it ends with this value.
#[derive(Debug)]
pub(crate) struct Station {
    name: String,
    // Dropped in this order: the manager before its server.
    manager: Option<Process>,
    server: Option<Process>,
}

impl Station {
    /// Starts a virtual display with a window manager on it. `role` names the logs.
    pub(crate) fn virtual_display(
        role: &str,
        size: Option<(u16, u16)>,
        folders: &Folders,
        stop: &Stop,
    ) -> Result<Self, Error> {
        let (width, height) = size.unwrap_or(SIZE);
        let mut command = folders.command("Xvfb", "");
        command.env_remove("DISPLAY").args(["-screen", "0"]);
        command.arg(format!("{width}x{height}x24"));
        // The server picks a free number and writes it to its standard output when it is ready.
        command.args(["-nolisten", "tcp", "-noreset", "-displayfd", "1"]);
        let (mut server, output) =
            Process::start_with_output(&mut command, &format!("{role}-xvfb"), &folders.logs)?;
        let number = wait_for_line(&lines(output), START_LIMIT, "Xvfb did not start", |line| {
            line.trim().parse::<u32>().ok()
        });
        let name = format!(":{}", number.map_err(|error| server.explain(error))?);

        let mut command = folders.command("openbox", &name);
        command.env_remove("XAUTHORITY").arg("--sm-disable");
        let mut manager = Process::start(&mut command, &format!("{role}-openbox"), &folders.logs)?;
        let display = Display::connect(&name)?;
        stop.until("the window manager did not take charge", START_LIMIT, || {
            manager.check()?;
            Ok(display.has_window_manager()?.then_some(()))
        })?;
        display.show_wallpaper(&photo(width, height, WALLPAPER_SEED))?;
        Ok(Self { name, manager: Some(manager), server: Some(server) })
    }

    /// Uses a display that is there already.
    pub(crate) fn existing(name: &str) -> Result<Self, Error> {
        let display = Display::connect(name)?;
        let area = display.area();
        if area.width < SMALLEST.0 || area.height < SMALLEST.1 {
            return Err(Error::Unmet(format!(
                "display {name} is {}x{}; the demo's windows need {}x{}",
                area.width, area.height, SMALLEST.0, SMALLEST.1
            )));
        }
        if !display.has_window_manager()? {
            return Err(Error::Unmet(format!(
                "no window manager runs on display {name}, so windows cannot be placed; start one there"
            )));
        }
        Ok(Self { name: name.into(), manager: None, server: None })
    }

    /// The display's name, as in `:7`.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Fails when the server or the window manager has ended.
    pub(crate) fn check(&mut self) -> Result<(), Error> {
        self.server.iter_mut().chain(self.manager.iter_mut()).try_for_each(Process::check)
    }
}

/// The customer's applications.
#[derive(Debug)]
pub(crate) struct Applications {
    /// The terminal's text, without its frame.
    pub(crate) terminal: Area,
    /// The terminal's window.
    pub(crate) terminal_window: Window,
    /// The content of the browser's or editor's window.
    pub(crate) viewer: Area,
    /// Which browser or editor it is.
    pub(crate) viewer_name: &'static str,
    /// Where the probe's window should go.
    pub(crate) probe: Area,
    processes: Vec<Process>,
}

impl Applications {
    /// Starts a terminal and a browser or editor on `station`'s display and waits until they have drawn.
    pub(crate) fn start(
        station: &Station,
        display: &Display,
        folders: &Folders,
        stop: &Stop,
    ) -> Result<Self, Error> {
        let screen = display.area();
        let places = Places::on(screen);
        let pages = pages::write(&folders.work)?;

        let mut terminal = start_terminal(station, folders)?;
        let terminal_window = appeared("xterm", display, stop, &mut terminal)?;
        display.place(terminal_window, places.terminal)?;

        let (viewer_name, class) =
            VIEWERS.into_iter().find(|(program, _)| is_installed(program)).ok_or_else(|| {
                let names = VIEWERS.map(|(program, _)| program).join(", ");
                Error::Unmet(format!("no browser or editor is installed; install one of: {names}"))
            })?;
        let mut viewer = start_viewer(viewer_name, &pages, station, folders)?;
        let viewer_window = appeared(class, display, stop, &mut viewer)?;
        display.place(viewer_window, places.viewer)?;

        // The window manager answers by moving the windows; where they end up is read, not assumed.
        let terminal_area = settled_area(display, terminal_window, stop)?;
        let viewer_area = settled_area(display, viewer_window, stop)?;
        Ok(Self {
            terminal: terminal_area,
            terminal_window,
            viewer: viewer_area,
            viewer_name,
            probe: places.probe,
            processes: vec![terminal, viewer],
        })
    }

    /// Fails when an application has ended.
    pub(crate) fn check(&mut self) -> Result<(), Error> {
        self.processes.iter_mut().try_for_each(Process::check)
    }
}

/// Where the windows go: terminal and probe on the left, the browser on the right.
struct Places {
    terminal: Area,
    viewer: Area,
    probe: Area,
}

impl Places {
    fn on(screen: Area) -> Self {
        let column = screen.width * 2 / 5;
        Self {
            terminal: Area { x: 24, y: 40, width: column - 60, height: screen.height / 2 },
            viewer: Area {
                x: column,
                y: 40,
                width: screen.width - column - 32,
                height: screen.height - 110,
            },
            probe: Area { x: 64, y: screen.height / 2 + 110, width: 160, height: 128 },
        }
    }
}

fn start_terminal(station: &Station, folders: &Folders) -> Result<Process, Error> {
    let mut command = folders.command("xterm", station.name());
    command
        .args(["+bc", "-fa", "DejaVu Sans Mono", "-fs", "10", "-T", "Terminal"])
        .args(["-e", "sh"])
        .env("PS1", "customer$ ")
        .env_remove("ENV")
        .current_dir(&folders.work);
    Process::start(&mut command, "terminal", &folders.logs)
}

fn start_viewer(
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

fn appeared(
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
fn settled_area(display: &Display, window: Window, stop: &Stop) -> Result<Area, Error> {
    let mut seen = Vec::new();
    stop.until("a window did not come to rest", START_LIMIT, || {
        seen.push(display.area_of(window)?);
        Ok(match seen.as_slice() {
            [.., a, b, c] if a == b && b == c => Some(*c),
            _ => None,
        })
    })
}
