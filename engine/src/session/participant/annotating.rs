//! Drawing on what is shared: the sharer decides who does and passes everything on, so that all see the same.

use tessera_transport::Fingerprint;

use super::{Action, Notice, Participant, Refusal};
use crate::annotate::{Op, Rights};
use crate::session::messages::Message;
use crate::session::roster::Role;
use crate::session::share::Control;

impl Participant {
    pub(super) fn annotate(&mut self, sharer: Fingerprint, on: bool) -> Result<(), Refusal> {
        let role = self.role().ok_or(Refusal::NothingGoesOn)?;
        if sharer == self.own {
            let control = self.share.as_ref().map(|share| share.control);
            let control = control.ok_or(Refusal::NothingGoesOn)?;
            if on && !(self.rules.may_begin_annotation)(role, control, true) {
                return Err(Refusal::Interlocked);
            }
            self.annotates(self.own, role, on);
            return Ok(());
        }
        let share = self.watched(sharer).ok_or(Refusal::NothingGoesOn)?;
        let is_controller = share.controller == Some(self.own);
        if on && !(self.rules.may_begin_annotation)(role, share.control, is_controller) {
            return Err(Refusal::Interlocked);
        }
        self.send(sharer, Message::Annotate { on });
        Ok(())
    }

    /// Somebody begins or stops drawing on the own share (RULE-18).
    pub(super) fn annotates(&mut self, annotator: Fingerprint, role: Role, on: bool) -> bool {
        let may_begin = self.rules.may_begin_annotation;
        let Some(share) = &mut self.share else { return true };
        let has_mode = share.annotators.contains(&annotator);
        if on == has_mode {
            return true;
        }
        if !on {
            share.annotators.retain(|other| *other != annotator);
        } else {
            let ends_control = annotator == self.own || share.controller == Some(annotator);
            if !may_begin(role, share.control, ends_control) {
                // Only who may not at all has broken a rule; the others were too late.
                return may_begin(role, Control::Off, false);
            }
            share.annotators.push(annotator);
            if share.control == Control::Taken {
                let controller = share.controller;
                self.set_control(Control::Offered, controller);
            }
        }
        self.announce_annotators();
        true
    }

    pub(super) fn announce_annotators(&mut self) {
        let Some(share) = &self.share else { return };
        let annotators = share.annotators.clone();
        self.send_all(&Message::Annotating { annotators: annotators.clone() });
        self.tell(Notice::Annotating { sharer: self.own, annotators });
    }

    pub(super) fn annotators_are(
        &mut self,
        sharer: Fingerprint,
        annotators: Vec<Fingerprint>,
    ) -> bool {
        let Some(share) = self.peers.get_mut(&sharer).and_then(|peer| peer.share.as_mut()) else {
            return true;
        };
        share.annotators.clone_from(&annotators);
        self.tell(Notice::Annotating { sharer, annotators });
        true
    }

    /// Whether strokes of `annotator` on a share of `sharer` count.
    #[must_use]
    pub fn may_draw(&self, sharer: Fingerprint, annotator: Fingerprint) -> bool {
        let annotators = if sharer == self.own {
            self.share.as_ref().map(|share| &share.annotators)
        } else {
            self.watched(sharer).map(|share| &share.annotators)
        };
        annotators.is_some_and(|annotators| (self.rules.may_draw)(annotators.contains(&annotator)))
    }

    pub(super) fn mark(&mut self, sharer: Fingerprint, mark: Op) -> Result<(), Refusal> {
        if !self.may_draw(sharer, self.own) {
            return Err(Refusal::Interlocked);
        }
        let mark = mark.clean();
        self.draw(sharer, self.own, mark.clone());
        if sharer == self.own {
            self.pass_on_mark(self.own, &mark);
        } else {
            self.send(sharer, Message::Mark { mark });
        }
        Ok(())
    }

    /// Somebody draws on the own share. What comes too fast is left out.
    pub(super) fn marked_here(
        &mut self,
        by: Fingerprint,
        role: Role,
        mark: &Op,
        now_us: u64,
    ) -> bool {
        if !self.may_draw(self.own, by) {
            // The share, or their annotation mode, has ended meanwhile; assistants never draw.
            return (self.rules.may_begin_annotation)(role, Control::Off, false);
        }
        if self.peers.get_mut(&by).is_some_and(|peer| peer.meter.admit(now_us)) {
            self.draw(self.own, by, mark.clone());
            self.pass_on_mark(by, mark);
        }
        true
    }

    /// The sharer passes on what somebody has drawn.
    pub(super) fn marked(&mut self, sharer: Fingerprint, by: Fingerprint, mark: Op) -> bool {
        if self.watched(sharer).is_some() {
            self.draw(sharer, by, mark);
        }
        true
    }

    fn draw(&mut self, sharer: Fingerprint, by: Fingerprint, mark: Op) {
        let role = self.roster.role_of(by).unwrap_or(Role::Customer);
        let rights = Rights { erase_any: (self.rules.may_erase_any)(role, by == sharer) };
        self.actions.push_back(Action::Annotate { sharer, by, mark, rights });
    }

    fn pass_on_mark(&mut self, by: Fingerprint, mark: &Op) {
        let viewers: Vec<_> = self.connected().filter(|viewer| *viewer != by).collect();
        for viewer in viewers {
            self.send(viewer, Message::Marked { by, mark: mark.clone() });
        }
    }
}
