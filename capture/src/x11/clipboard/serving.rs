//! Being what programs of the display paste from, whole or in pieces (INCR).

use std::time::Instant;

use x11rb::protocol::xproto::{
    Atom, AtomEnum, ChangeWindowAttributesAux, ConnectionExt as _, EventMask, PropMode,
    SELECTION_NOTIFY_EVENT, SelectionNotifyEvent, SelectionRequestEvent, Window,
};
use x11rb::wrapper::ConnectionExt as _;

use super::{ClipboardEvent, ClipboardKind, PATIENCE, Watcher};
use crate::CaptureError;

/// Longest content that goes in one piece, and the length of pieces, in bytes: every server takes
/// requests of that length.
const PIECE_BYTES: usize = 128 << 10;

/// Programs that may paste at a time; one more is refused.
const MAX_PASTES: usize = 8;

/// What is offered and to whom it is being given.
#[derive(Debug, Default)]
pub(super) struct Serving {
    kinds: Vec<ClipboardKind>,
    next_request: u32,
    pastes: Vec<Paste>,
}

/// A program that pastes.
#[derive(Debug)]
struct Paste {
    request: u32,
    asked: SelectionRequestEvent,
    kind: ClipboardKind,
    /// What is still to be given, in pieces; `None` before it is there.
    rest: Option<Vec<u8>>,
    given: usize,
    since: Instant,
}

impl Serving {
    /// When the next of them has been waited for long enough.
    pub(super) fn due(&self) -> Option<Instant> {
        self.pastes.iter().map(|paste| paste.since + PATIENCE).min()
    }

    /// Forgets those that have done nothing for too long.
    pub(super) fn give_up(&mut self, now: Instant) {
        self.pastes.retain(|paste| paste.since + PATIENCE > now);
    }

    /// The clipboard is another program's.
    pub(super) fn disown(&mut self) {
        self.kinds.clear();
    }
}

impl Watcher {
    pub(super) fn offer(&mut self, kinds: Vec<ClipboardKind>) -> Result<(), CaptureError> {
        let owner = if kinds.is_empty() { x11rb::NONE } else { self.window };
        let was_owned = !self.serving.kinds.is_empty();
        self.serving.kinds = kinds;
        if owner != x11rb::NONE || was_owned {
            let (conn, atoms) = (&self.display.conn, self.atoms);
            conn.set_selection_owner(owner, atoms.clipboard, x11rb::CURRENT_TIME)
                .map_err(|e| self.display.lost(e))?;
        }
        Ok(())
    }

    /// A program pastes, or asks what it could.
    pub(super) fn requested(&mut self, asked: &SelectionRequestEvent) -> Result<(), CaptureError> {
        let atoms = self.atoms;
        if asked.selection != atoms.clipboard || asked.property == x11rb::NONE {
            return self.answer(asked, false);
        }
        if asked.target == atoms.targets {
            let mut targets = vec![atoms.targets];
            for kind in &self.serving.kinds {
                match kind {
                    ClipboardKind::Text => targets.extend([atoms.utf8, atoms.plain, atoms.string]),
                    ClipboardKind::Png => targets.push(atoms.png),
                }
            }
            self.display
                .conn
                .change_property32(
                    PropMode::REPLACE,
                    asked.requestor,
                    asked.property,
                    AtomEnum::ATOM,
                    &targets,
                )
                .map_err(|e| self.display.lost(e))?;
            return self.answer(asked, true);
        }
        let kind = atoms.kind(asked.target).filter(|kind| self.serving.kinds.contains(kind));
        let Some(kind) = kind.filter(|_| self.serving.pastes.len() < MAX_PASTES) else {
            return self.answer(asked, false);
        };
        let request = self.serving.next_request;
        self.serving.next_request = request.wrapping_add(1);
        self.serving.pastes.push(Paste {
            request,
            asked: *asked,
            kind,
            rest: None,
            given: 0,
            since: Instant::now(),
        });
        (self.on_event)(ClipboardEvent::Wanted { request, kind });
        Ok(())
    }

    pub(super) fn give(
        &mut self,
        request: u32,
        content: Option<Vec<u8>>,
    ) -> Result<(), CaptureError> {
        let pastes = &mut self.serving.pastes;
        let at = pastes.iter().position(|paste| paste.request == request && paste.rest.is_none());
        let Some(at) = at else { return Ok(()) };
        let (asked, kind) = (pastes[at].asked, pastes[at].kind);
        let content = content.filter(|content| content.len() <= kind.limit_bytes());
        let content = content.map(|content| match asked.target == self.atoms.string {
            true => latin_1(&content),
            false => content,
        });
        let Some(content) = content else {
            pastes.remove(at);
            return self.answer(&asked, false);
        };
        let conn = &self.display.conn;
        let lost = |error| self.display.lost(error);
        if content.len() <= PIECE_BYTES {
            pastes.remove(at);
            conn.change_property8(
                PropMode::REPLACE,
                asked.requestor,
                asked.property,
                asked.target,
                &content,
            )
            .map_err(lost)?;
        } else {
            let watch = ChangeWindowAttributesAux::new().event_mask(EventMask::PROPERTY_CHANGE);
            conn.change_window_attributes(asked.requestor, &watch).map_err(lost)?;
            // At most 16 MiB.
            let length = [content.len() as u32];
            let mode = PropMode::REPLACE;
            conn.change_property32(mode, asked.requestor, asked.property, self.atoms.incr, &length)
                .map_err(lost)?;
            pastes[at].rest = Some(content);
            pastes[at].since = Instant::now();
        }
        self.answer(&asked, true)
    }

    /// A program has taken a piece and waits for the next one.
    pub(super) fn taken(&mut self, window: Window, property: Atom) -> Result<(), CaptureError> {
        let is_it = |paste: &Paste| {
            (paste.asked.requestor, paste.asked.property) == (window, property)
                && paste.rest.is_some()
        };
        let Some(at) = self.serving.pastes.iter().position(is_it) else { return Ok(()) };
        let paste = &mut self.serving.pastes[at];
        let Some(rest) = &paste.rest else { return Ok(()) };
        let end = (paste.given + PIECE_BYTES).min(rest.len());
        let piece = &rest[paste.given..end];
        let is_last = piece.is_empty();
        self.display
            .conn
            .change_property8(PropMode::REPLACE, window, property, paste.asked.target, piece)
            .map_err(|e| self.display.lost(e))?;
        (paste.given, paste.since) = (end, Instant::now());
        if is_last {
            self.serving.pastes.remove(at);
        }
        Ok(())
    }

    fn answer(&self, asked: &SelectionRequestEvent, given: bool) -> Result<(), CaptureError> {
        let answer = SelectionNotifyEvent {
            response_type: SELECTION_NOTIFY_EVENT,
            sequence: 0,
            time: asked.time,
            requestor: asked.requestor,
            selection: asked.selection,
            target: asked.target,
            property: if given { asked.property } else { x11rb::NONE },
        };
        self.display
            .conn
            .send_event(false, asked.requestor, EventMask::NO_EVENT, answer)
            .map_err(|e| self.display.lost(e))?;
        Ok(())
    }
}

/// Text for programs that know Latin-1 alone; other characters become question marks.
fn latin_1(text: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(text);
    text.chars().map(|it| u8::try_from(u32::from(it)).unwrap_or(b'?')).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_programs_get_what_they_can_read() {
        assert_eq!(latin_1("aé€".as_bytes()), [b'a', 0xe9, b'?']);
    }
}
