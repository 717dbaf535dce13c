//! Which windows belong to an application: its own connection's, and those that name its process.
//!
//! The rules are pure; the facts they judge are what windows say of themselves.

use std::collections::HashMap;

use x11rb::connection::Connection;
use x11rb::protocol::xproto::{Atom, AtomEnum, ConnectionExt as _, GetPropertyReply, Window};

use super::super::connection::Display;
use super::ApplicationId;
use crate::CaptureError;

/// What a window says of where it comes from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Facts {
    /// The X connection that made it, as the server numbers them.
    pub(super) client: u32,
    /// Its process, if that runs on this machine.
    pub(super) pid: Option<u32>,
    /// The connections of its group's leader and of the window it stands before.
    pub(super) kin: [Option<u32>; 2],
}

/// Whether a window is one of the application's. Kinship alone counts only where the window names no
/// process: a password dialog of another program that stands before a window is not a part of it.
pub(super) fn belongs(facts: &Facts, id: &ApplicationId) -> bool {
    facts.client == id.client
        || match (facts.pid, id.pid) {
            (Some(pid), own) => own == Some(pid),
            (None, _) => facts.kin.contains(&Some(id.client)),
        }
}

/// Names of the properties that windows and window managers set (ICCCM, EWMH 1.5).
#[derive(Clone, Copy, Debug)]
pub(super) struct Atoms {
    pub(super) client_list: Atom,
    pub(super) active_window: Atom,
    pid: Atom,
    leader: Atom,
    pub(super) net_name: Atom,
    pub(super) utf8: Atom,
}

impl Atoms {
    pub(super) fn new(display: &Display) -> Result<Self, CaptureError> {
        let names: [&[u8]; 6] = [
            b"_NET_CLIENT_LIST",
            b"_NET_ACTIVE_WINDOW",
            b"_NET_WM_PID",
            b"WM_CLIENT_LEADER",
            b"_NET_WM_NAME",
            b"UTF8_STRING",
        ];
        let mut atoms = [0; 6];
        for (atom, name) in atoms.iter_mut().zip(names) {
            *atom = display
                .conn
                .intern_atom(false, name)
                .map_err(|e| display.lost(e))?
                .reply()
                .map_err(display.no_reply("names of properties"))?
                .atom;
        }
        let [client_list, active_window, pid, leader, net_name, utf8] = atoms;
        Ok(Self { client_list, active_window, pid, leader, net_name, utf8 })
    }
}

/// The connection that made a window.
pub(super) fn client_of(display: &Display, window: Window) -> u32 {
    window & !display.conn.setup().resource_id_mask
}

/// Asks what `windows` say of themselves, all at once; a window that has gone says nothing.
pub(super) fn facts(
    display: &Display,
    atoms: &Atoms,
    windows: &[Window],
) -> Result<Vec<Facts>, CaptureError> {
    let conn = &display.conn;
    let ask = |window: Window, property: Atom, length: u32| {
        conn.get_property(false, window, property, AtomEnum::ANY, 0, length)
            .map_err(|e| display.lost(e))
    };
    let mut asked = Vec::with_capacity(windows.len());
    for &window in windows {
        let machine = ask(window, AtomEnum::WM_CLIENT_MACHINE.into(), 64)?;
        let pid = ask(window, atoms.pid, 1)?;
        let leader = ask(window, atoms.leader, 1)?;
        let before = ask(window, AtomEnum::WM_TRANSIENT_FOR.into(), 1)?;
        asked.push((window, machine, [pid, leader, before]));
    }
    let here = std::fs::read("/proc/sys/kernel/hostname").unwrap_or_default();
    let here = here.trim_ascii();
    let mut facts = Vec::with_capacity(asked.len());
    for (window, machine, others) in asked {
        // A property that cannot be had, because its window has gone, says nothing.
        let machine = machine.reply().ok().map(|reply| reply.value).filter(|it| !it.is_empty());
        let [pid, leader, before] = others.map(|cookie| number(cookie.reply().ok().as_ref()));
        let is_local = machine.is_none_or(|machine| machine == here);
        let of = |other: Option<Window>| {
            other
                .filter(|&it| it != x11rb::NONE && it != display.root)
                .map(|it| client_of(display, it))
        };
        facts.push(Facts {
            client: client_of(display, window),
            pid: pid.filter(|&pid| is_local && pid != 0),
            kin: [of(leader), of(before)],
        });
    }
    Ok(facts)
}

/// The first 32-bit value of a property.
fn number(reply: Option<&GetPropertyReply>) -> Option<u32> {
    reply?.value32()?.next()
}

/// What is known of windows, so that each is asked once.
#[derive(Debug, Default)]
pub(super) struct Known(HashMap<Window, Facts>);

impl Known {
    /// Forgets a window: it may say something else now.
    pub(super) fn forget(&mut self, window: Window) {
        self.0.remove(&window);
    }

    /// Asks those of `windows` that are not known yet, and forgets all others.
    pub(super) fn learn(
        &mut self,
        display: &Display,
        atoms: &Atoms,
        windows: &[Window],
    ) -> Result<(), CaptureError> {
        let new: Vec<Window> =
            windows.iter().copied().filter(|window| !self.0.contains_key(window)).collect();
        let told = facts(display, atoms, &new)?;
        self.0.extend(new.into_iter().zip(told));
        if self.0.len() > 2 * windows.len() {
            self.0.retain(|window, _| windows.contains(window));
        }
        Ok(())
    }

    pub(super) fn is_of(&self, window: Window, ids: &[ApplicationId]) -> bool {
        self.0.get(&window).is_some_and(|facts| ids.iter().any(|id| belongs(facts, id)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EDITOR: ApplicationId = ApplicationId { client: 0x20_0000, pid: Some(70) };

    fn facts(client: u32, pid: Option<u32>, kin: [Option<u32>; 2]) -> Facts {
        Facts { client, pid, kin }
    }

    #[test]
    fn windows_of_the_same_connection_or_process_belong_together() {
        assert!(belongs(&facts(0x20_0000, None, [None; 2]), &EDITOR));
        assert!(belongs(&facts(0x20_0000, Some(71), [None; 2]), &EDITOR));
        assert!(belongs(&facts(0x40_0000, Some(70), [None; 2]), &EDITOR));
        assert!(belongs(&facts(0x40_0000, None, [None, Some(0x20_0000)]), &EDITOR));
        assert!(belongs(&facts(0x40_0000, None, [Some(0x20_0000), None]), &EDITOR));
    }

    #[test]
    fn another_processs_dialog_before_a_window_is_not_a_part_of_it() {
        assert!(!belongs(&facts(0x40_0000, Some(99), [None, Some(0x20_0000)]), &EDITOR));
        assert!(!belongs(&facts(0x40_0000, None, [None; 2]), &EDITOR));
        let nameless = ApplicationId { client: 0x20_0000, pid: None };
        assert!(!belongs(&facts(0x40_0000, None, [None; 2]), &nameless));
    }
}
