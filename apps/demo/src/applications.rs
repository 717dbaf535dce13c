//! The applications on the customer's desktop.

use tessera_witness::display::{Area, Display};
use tessera_witness::error::Error;
use tessera_witness::pages;
use tessera_witness::process::Process;
use tessera_witness::station::{Folders, Station};
use tessera_witness::stop::Stop;
use tessera_witness::windows::{self, Viewer};
use x11rb::protocol::xproto::Window;

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

        let shell = ["sh"];
        let mut terminal = windows::start_terminal(station, folders, &shell)?;
        let terminal_window = windows::appeared("xterm", display, stop, &mut terminal)?;
        display.place(terminal_window, places.terminal)?;

        let Viewer { program: viewer_name, class } = windows::viewer()?;
        let mut viewer = windows::start_viewer(viewer_name, &pages, station, folders)?;
        let viewer_window = windows::appeared(class, display, stop, &mut viewer)?;
        display.place(viewer_window, places.viewer)?;

        // The window manager answers by moving the windows; where they end up is read, not assumed.
        let terminal_area = windows::settled_area(display, terminal_window, stop)?;
        let viewer_area = windows::settled_area(display, viewer_window, stop)?;
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
