//! Displays to work on: X servers with window managers, and where everything keeps its files.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::display::Display;
use crate::error::Error;
use crate::picture::photo;
use crate::process::{Process, lines, wait_for_line};
use crate::stop::Stop;

/// How long an X server, a window manager or an application may take to start on a busy machine.
pub(crate) const START_LIMIT: Duration = Duration::from_secs(20);

/// The size of the virtual displays, in pixels.
const SIZE: (u16, u16) = (1920, 1080);

/// Smallest desktop on which the applications' windows have room, in pixels.
const SMALLEST: (u16, u16) = (1280, 720);

/// Makes the wallpaper. Arbitrary.
const WALLPAPER_SEED: u64 = 0xdec0;

/// Steady carets, no animation, no scroll bars that fade.
const GTK_SETTINGS: &str = "[Settings]\ngtk-cursor-blink=0\ngtk-enable-animations=0\n";

/// Where everything that is started keeps its files.
#[derive(Debug)]
pub struct Folders {
    home: PathBuf,
    /// Pages and the files that the typed text makes.
    pub work: PathBuf,
    /// One log per process.
    pub logs: PathBuf,
}

impl Folders {
    /// Makes the folders: a private one below `private`, the logs below `out`.
    pub fn make(private: &Path, out: &Path) -> Result<Self, Error> {
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

    /// A command for `program` that shows on `display` and finds only settings of its own.
    pub fn command(&self, program: &str, display: &str) -> Command {
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
            // No bus and no accessibility service: both would outlive the run.
            .env("DBUS_SESSION_BUS_ADDRESS", "disabled:")
            .env("NO_AT_BRIDGE", "1")
            .env("GSETTINGS_BACKEND", "memory")
            .env_remove("WAYLAND_DISPLAY");
        command
    }
}

/// A display with a window manager; what was started for it ends with this value.
#[derive(Debug)]
pub struct Station {
    name: String,
    // Dropped in this order: the manager before its server.
    manager: Option<Process>,
    server: Option<Process>,
}

impl Station {
    /// Starts a virtual display with a window manager on it. `role` names the logs.
    pub fn virtual_display(
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
    pub fn existing(name: &str) -> Result<Self, Error> {
        let display = Display::connect(name)?;
        let area = display.area();
        if area.width < SMALLEST.0 || area.height < SMALLEST.1 {
            return Err(Error::Unmet(format!(
                "display {name} is {}x{}; the windows need {}x{}",
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
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Fails when the server or the window manager has ended.
    pub fn check(&mut self) -> Result<(), Error> {
        self.server.iter_mut().chain(self.manager.iter_mut()).try_for_each(Process::check)
    }
}
