//! Single applications of an X11 display: which run, which could be started, and sharing their windows
//! alone.
//!
//! An application is what made windows over one connection to the display, or names the same process
//! with them: main windows, dialogs, menus and other pop-ups. Two terminals that are two processes are
//! two applications, so that nobody shares more than they chose.
//!
//! [`ApplicationSource`] shows the windows of some applications at their places to each other, and
//! nothing of any other window; [`ApplicationInput`] operates those windows and no other.

mod canvas;
mod desktop_entry;
mod input;
mod installed;
mod mask;
mod ownership;
mod placement;
mod source;
mod tracked;

use std::collections::BTreeMap;

use x11rb::protocol::xproto::{AtomEnum, ConnectionExt as _, Window};

use super::connection::Display;
use crate::CaptureError;
pub use input::ApplicationInput;
pub use installed::{InstalledApplication, Launched, installed};
use ownership::{Facts, belongs};
use placement::{Finder, children};
pub use source::{ApplicationSource, Selection};

/// Names an application that runs on a display, for as long as it does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ApplicationId {
    /// The number of its connection to the display.
    client: u32,
    /// Its process, where its windows name one of this machine.
    pid: Option<u32>,
}

/// An application that has windows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunningApplication {
    /// What to share it by.
    pub id: ApplicationId,
    /// The title of its first window, else its class. The application's own text, at most 1024 bytes:
    /// clean it before a terminal shows it.
    pub name: String,
    /// The kind of program as its window says (`WM_CLASS`), such as `XTerm`.
    pub class: String,
    /// The program's name as its window says, such as `xterm`.
    pub instance: String,
    /// The process, where its windows name one of this machine.
    pub pid: Option<u32>,
    /// Windows that the window manager takes care of, minimised ones included.
    pub windows: usize,
}

/// Longest name that is read, in units of four bytes.
const MAX_NAME: u32 = 256;

/// The applications with windows on `display` (`None`: the display of the environment), in the order
/// of their first windows. Without a window manager, windows that have a title count.
///
/// # Errors
/// When the display cannot be opened or asked.
pub fn running(display: Option<&str>) -> Result<Vec<RunningApplication>, CaptureError> {
    let display = Display::open(display)?;
    let finder = Finder::new(&display)?;
    let mut windows = finder.managed(&display)?;
    if windows.is_empty() {
        windows = children(&display, display.root)?;
    }
    let facts = ownership::facts(&display, &finder.atoms, &windows)?;
    let mut found: Vec<(ApplicationId, Vec<Window>)> = Vec::new();
    for (window, facts) in windows.into_iter().zip(facts) {
        match found.iter_mut().find(|(id, _)| belongs(&facts, id)) {
            Some((_, windows)) => windows.push(window),
            None => {
                let Facts { client, pid, .. } = facts;
                found.push((ApplicationId { client, pid }, vec![window]));
            }
        }
    }
    let mut running = BTreeMap::new();
    for (order, (id, windows)) in found.into_iter().enumerate() {
        if let Some(described) = describe(&display, &finder, id, &windows)? {
            running.insert(order, described);
        }
    }
    Ok(running.into_values().collect())
}

/// What the first of an application's windows that says anything says.
fn describe(
    display: &Display,
    finder: &Finder,
    id: ApplicationId,
    windows: &[Window],
) -> Result<Option<RunningApplication>, CaptureError> {
    let text = |window, property: u32, kind: u32| {
        let cookie = display
            .conn
            .get_property(false, window, property, kind, 0, MAX_NAME)
            .map_err(|e| display.lost(e))?;
        // A window that has gone says nothing.
        let value = cookie.reply().map(|reply| reply.value).unwrap_or_default();
        Ok::<_, CaptureError>(String::from_utf8_lossy(&value).into_owned())
    };
    for &window in windows {
        let class = text(window, AtomEnum::WM_CLASS.into(), AtomEnum::STRING.into())?;
        let mut parts = class.split('\0');
        let (instance, class) =
            (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        let mut name = text(window, finder.atoms.net_name, finder.atoms.utf8)?;
        if name.is_empty() {
            name = text(window, AtomEnum::WM_NAME.into(), AtomEnum::ANY.into())?;
        }
        if name.is_empty() {
            class.clone_into(&mut name);
        }
        if !name.is_empty() {
            return Ok(Some(RunningApplication {
                id,
                name,
                class: class.to_owned(),
                instance: instance.to_owned(),
                pid: id.pid,
                windows: windows.len(),
            }));
        }
    }
    Ok(None)
}
