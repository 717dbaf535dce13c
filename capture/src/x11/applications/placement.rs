//! Where the windows of applications are, and in which order they lie.

use std::collections::HashMap;

use x11rb::protocol::xproto::{AtomEnum, ConnectionExt as _, MapState, Window, WindowClass};

use super::super::connection::Display;
use super::ApplicationId;
use super::canvas::Place;
use super::ownership::{Atoms, Known};
use crate::CaptureError;

/// Most windows that a window manager's list is read for; more than any desktop has.
const MAX_CLIENTS: u32 = 2048;

/// Most windows between a window and the root: a frame, and a frame's frame.
const MAX_DEPTH: usize = 8;

/// A window that is on the screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Placed {
    pub(super) window: Window,
    /// The child of the root window that it is or is in.
    pub(super) top: Window,
    /// Its content, without border.
    pub(super) place: Place,
    pub(super) border: u16,
    pub(super) depth: u8,
    /// Whether the window manager takes care of it, as opposed to menus and other pop-ups.
    pub(super) managed: bool,
}

/// The windows of some applications.
#[derive(Debug, Default)]
pub(super) struct Windows {
    /// Those on the screen, the lowest first.
    pub(super) placed: Vec<Placed>,
    /// Whether there are any, also minimised ones.
    pub(super) exist: bool,
}

/// Looks for windows.
#[derive(Debug)]
pub(super) struct Finder {
    pub(super) atoms: Atoms,
    pub(super) known: Known,
    tops: HashMap<Window, Window>,
}

impl Finder {
    pub(super) fn new(display: &Display) -> Result<Self, CaptureError> {
        let atoms = Atoms::new(display)?;
        Ok(Self { atoms, known: Known::default(), tops: HashMap::new() })
    }

    /// Windows were put into other windows.
    pub(super) fn reparented(&mut self) {
        self.tops.clear();
    }

    /// The windows that a window manager lists; on a display without one, none.
    pub(super) fn managed(&self, display: &Display) -> Result<Vec<Window>, CaptureError> {
        let list = self.atoms.client_list;
        let reply = display
            .conn
            .get_property(false, display.root, list, AtomEnum::WINDOW, 0, MAX_CLIENTS)
            .map_err(|e| display.lost(e))?
            .reply()
            .map_err(display.no_reply("the list of windows"))?;
        Ok(reply.value32().map_or_else(Vec::new, Iterator::collect))
    }

    /// The windows of the applications `ids`.
    pub(super) fn find(
        &mut self,
        display: &Display,
        ids: &[ApplicationId],
    ) -> Result<Windows, CaptureError> {
        let stack = children(display, display.root)?;
        let managed = self.managed(display)?;
        let all: Vec<Window> = stack.iter().chain(&managed).copied().collect();
        self.known.learn(display, &self.atoms, &all)?;
        let own = |window: &Window| self.known.is_of(*window, ids);
        let managed: Vec<Window> = managed.into_iter().filter(own).collect();
        let mut candidates: Vec<(Window, Window, bool)> = Vec::new();
        for &window in &managed {
            if let Some(top) = top_of(display, &mut self.tops, window)? {
                candidates.push((window, top, true));
            }
        }
        let others = stack.iter().filter(|window| self.known.is_of(**window, ids));
        for &window in others.filter(|window| !managed.contains(window)) {
            candidates.push((window, window, false));
        }
        let mut placed = place(display, &candidates)?;
        placed.sort_by_key(|it| stack.iter().position(|&window| window == it.top));
        Ok(Windows { exist: !managed.is_empty() || !placed.is_empty(), placed })
    }
}

/// The windows in `window`, the lowest first; none when it has gone.
pub(super) fn children(display: &Display, window: Window) -> Result<Vec<Window>, CaptureError> {
    let cookie = display.conn.query_tree(window).map_err(|e| display.lost(e))?;
    match cookie.reply() {
        Ok(tree) => Ok(tree.children),
        Err(x11rb::errors::ReplyError::X11Error(_)) => Ok(Vec::new()),
        Err(error) => Err(display.no_reply("the windows")(error)),
    }
}

/// The child of the root window that `window` is or is in; `None` when it has gone.
fn top_of(
    display: &Display,
    tops: &mut HashMap<Window, Window>,
    window: Window,
) -> Result<Option<Window>, CaptureError> {
    if let Some(&top) = tops.get(&window) {
        return Ok(Some(top));
    }
    let top = top(display, window)?;
    if let Some(top) = top {
        tops.insert(window, top);
    }
    Ok(top)
}

/// As [`top_of`], always asking.
pub(super) fn top(display: &Display, window: Window) -> Result<Option<Window>, CaptureError> {
    let mut at = window;
    for _ in 0..MAX_DEPTH {
        let cookie = display.conn.query_tree(at).map_err(|e| display.lost(e))?;
        match cookie.reply() {
            Ok(tree) if tree.parent == display.root => return Ok(Some(at)),
            Ok(tree) if tree.parent == x11rb::NONE => return Ok(None),
            Ok(tree) => at = tree.parent,
            Err(x11rb::errors::ReplyError::X11Error(_)) => return Ok(None),
            Err(error) => return Err(display.no_reply("the windows")(error)),
        }
    }
    Ok(None)
}

/// Those of `candidates` (window, its top, managed) that are on the screen.
fn place(
    display: &Display,
    candidates: &[(Window, Window, bool)],
) -> Result<Vec<Placed>, CaptureError> {
    let conn = &display.conn;
    let mut asked = Vec::with_capacity(candidates.len());
    for &(window, top, managed) in candidates {
        let attributes = conn.get_window_attributes(window).map_err(|e| display.lost(e))?;
        let geometry = conn.get_geometry(window).map_err(|e| display.lost(e))?;
        let corner =
            conn.translate_coordinates(window, display.root, 0, 0).map_err(|e| display.lost(e))?;
        asked.push((window, top, managed, attributes, geometry, corner));
    }
    let mut placed = Vec::with_capacity(asked.len());
    for (window, top, managed, attributes, geometry, corner) in asked {
        // A window that has gone meanwhile is nowhere.
        let (attributes, geometry, corner) = (attributes.reply(), geometry.reply(), corner.reply());
        let (Ok(attributes), Ok(geometry), Ok(corner)) = (attributes, geometry, corner) else {
            continue;
        };
        if attributes.map_state == MapState::VIEWABLE
            && attributes.class == WindowClass::INPUT_OUTPUT
        {
            placed.push(Placed {
                window,
                top,
                place: Place {
                    x: corner.dst_x.into(),
                    y: corner.dst_y.into(),
                    width: geometry.width,
                    height: geometry.height,
                },
                border: geometry.border_width,
                depth: geometry.depth,
                managed,
            });
        }
    }
    Ok(placed)
}

/// The rectangles, with borders, of what lies above `top` on the screen.
pub(super) fn above(display: &Display, top: Window) -> Result<Vec<Place>, CaptureError> {
    let stack = children(display, display.root)?;
    let higher: Vec<(Window, Window, bool)> = stack
        .iter()
        .rev()
        .take_while(|&&window| window != top)
        .map(|&window| (window, window, false))
        .collect();
    let placed = place(display, &higher)?;
    Ok(placed.into_iter().map(|it| outer(it.place, it.border)).collect())
}

fn outer(place: Place, border: u16) -> Place {
    Place {
        x: place.x - i32::from(border),
        y: place.y - i32::from(border),
        width: place.width.saturating_add(2 * border),
        height: place.height.saturating_add(2 * border),
    }
}
