//! Reading what a program of the display has copied: one content at a time, whole or in pieces (INCR).

use std::time::Instant;

use x11rb::protocol::xproto::{Atom, ConnectionExt as _, Timestamp};

use super::requests::{Value, take};
use super::{ClipboardEvent, ClipboardKind, PATIENCE, Watcher};
use crate::CaptureError;

/// Most bytes of a list of targets: more than any program offers.
const MAX_TARGETS_BYTES: usize = 4096;

/// How far the reading is.
#[derive(Debug, Default)]
pub(super) struct Reading {
    /// The targets that the owner offers.
    offered: Vec<Atom>,
    asked: Option<Asked>,
    /// To be read next.
    waiting: Vec<ClipboardKind>,
}

#[derive(Debug)]
struct Asked {
    what: What,
    target: Atom,
    /// What has come of a content in pieces; `None` before the first word of it.
    pieces: Option<Vec<u8>>,
    since: Instant,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum What {
    Targets,
    Content(ClipboardKind),
}

impl Reading {
    /// When the owner has been waited for long enough.
    pub(super) fn due(&self) -> Option<Instant> {
        self.asked.as_ref().map(|asked| asked.since + PATIENCE)
    }
}

impl Watcher {
    /// Asks the clipboard's new owner in which kinds its content can be had.
    pub(super) fn ask_targets(&mut self, since: Timestamp) -> Result<(), CaptureError> {
        // What was being read is another owner's.
        let former = self.reading.asked.take();
        self.reading.offered.clear();
        if let Some(Asked { what: What::Content(kind), .. }) = former {
            (self.on_event)(ClipboardEvent::Read(kind, None));
        }
        self.ask(What::Targets, self.atoms.targets, since)
    }

    fn ask(&mut self, what: What, target: Atom, time: Timestamp) -> Result<(), CaptureError> {
        let (conn, atoms) = (&self.display.conn, self.atoms);
        conn.delete_property(self.window, atoms.received).map_err(|e| self.display.lost(e))?;
        conn.convert_selection(self.window, atoms.clipboard, target, atoms.received, time)
            .map_err(|e| self.display.lost(e))?;
        self.reading.asked = Some(Asked { what, target, pieces: None, since: Instant::now() });
        Ok(())
    }

    pub(super) fn read(&mut self, kind: ClipboardKind) -> Result<(), CaptureError> {
        if self.reading.asked.is_some() {
            if !self.reading.waiting.contains(&kind) {
                self.reading.waiting.push(kind);
            }
            return Ok(());
        }
        let wanted = match kind {
            ClipboardKind::Text => [self.atoms.utf8, self.atoms.plain, self.atoms.string],
            ClipboardKind::Png => [self.atoms.png; 3],
        };
        match wanted.into_iter().find(|target| self.reading.offered.contains(target)) {
            Some(target) => self.ask(What::Content(kind), target, x11rb::CURRENT_TIME),
            None => {
                (self.on_event)(ClipboardEvent::Read(kind, None));
                Ok(())
            }
        }
    }

    /// The owner has answered.
    pub(super) fn converted(&mut self, target: Atom, property: Atom) -> Result<(), CaptureError> {
        let Some(asked) = self.reading.asked.as_ref().filter(|asked| asked.target == target) else {
            return Ok(());
        };
        let what = asked.what;
        if property == x11rb::NONE {
            return self.done(what, None);
        }
        let value = take(&self.display, self.window, self.atoms.received, limit(what))?;
        match value {
            // It comes in pieces, each as a new value of the property, an empty one being the last.
            Some(Value { kind, .. }) if kind == self.atoms.incr => {
                if let Some(asked) = &mut self.reading.asked {
                    asked.pieces = Some(Vec::new());
                    asked.since = Instant::now();
                }
                Ok(())
            }
            value => self.done(what, value.map(|value| value.bytes)),
        }
    }

    /// A piece has come.
    pub(super) fn arrived(&mut self) -> Result<(), CaptureError> {
        let Some(Asked { what, pieces: Some(pieces), .. }) = &self.reading.asked else {
            return Ok(());
        };
        let (what, room) = (*what, limit(*what) - pieces.len());
        let piece = take(&self.display, self.window, self.atoms.received, room)?;
        let Some(Value { bytes, .. }) = piece else { return self.done(what, None) };
        let Some(asked) = &mut self.reading.asked else { return Ok(()) };
        asked.since = Instant::now();
        let Some(pieces) = &mut asked.pieces else { return Ok(()) };
        if bytes.is_empty() {
            let whole = std::mem::take(pieces);
            return self.done(what, Some(whole));
        }
        pieces.extend(bytes);
        Ok(())
    }

    pub(super) fn reading_timed_out(&mut self, now: Instant) -> Result<(), CaptureError> {
        match &self.reading.asked {
            Some(asked) if asked.since + PATIENCE <= now => self.done(asked.what, None),
            _ => Ok(()),
        }
    }

    fn done(&mut self, what: What, bytes: Option<Vec<u8>>) -> Result<(), CaptureError> {
        let asked = self.reading.asked.take();
        match what {
            What::Targets => {
                let atoms = bytes.unwrap_or_default();
                let atoms = atoms
                    .chunks_exact(4)
                    .map(|it| u32::from_ne_bytes(it.try_into().unwrap_or_default()));
                self.reading.offered = atoms.collect();
                let offered = |kind: &ClipboardKind| {
                    let mut targets = self.reading.offered.iter();
                    targets.any(|target| self.atoms.kind(*target) == Some(*kind))
                };
                let kinds = ClipboardKind::ALL.into_iter().filter(offered).collect();
                (self.on_event)(ClipboardEvent::Copied(kinds));
            }
            What::Content(kind) => {
                let is_latin = asked.is_some_and(|asked| asked.target == self.atoms.string);
                let content = bytes.map(|bytes| match is_latin {
                    true => bytes.into_iter().map(char::from).collect::<String>().into_bytes(),
                    false => bytes,
                });
                let is_good = |content: &Vec<u8>| match kind {
                    ClipboardKind::Text => std::str::from_utf8(content).is_ok(),
                    ClipboardKind::Png => true,
                };
                let content = content.filter(|it| it.len() <= kind.limit_bytes() && is_good(it));
                (self.on_event)(ClipboardEvent::Read(kind, content));
            }
        }
        match self.reading.waiting.pop() {
            Some(kind) => self.read(kind),
            None => Ok(()),
        }
    }
}

const fn limit(what: What) -> usize {
    match what {
        What::Targets => MAX_TARGETS_BYTES,
        What::Content(kind) => kind.limit_bytes(),
    }
}
