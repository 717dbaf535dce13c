//! Who operates what is shared: offered by the sharer, taken with a click, taken back with a click.

use tessera_transport::Fingerprint;

use super::{Action, Notice, Participant, Refusal};
use crate::session::activity::Right;
use crate::session::messages::Message;
use crate::session::rules::sharing::RETAKE_REST_US;
use crate::session::share::Control;

impl Participant {
    /// Whether input of the holder of `key` that arrives now may be injected.
    #[must_use]
    pub fn may_operate(&self, key: Fingerprint) -> bool {
        self.share.as_ref().is_some_and(|share| {
            let is_controller = share.controller == Some(key);
            (self.rules.may_operate)(self.is_connected(key), share.control, is_controller)
        })
    }

    /// Raises or lowers the own share, as it was agreed on: an offer, or nothing. Who asked for less operates no more.
    pub(super) fn give_control(&mut self, right: Right, to: Fingerprint) {
        let granted = (self.rules.granted)(right);
        let Some(share) = &mut self.share else { return };
        let goes_on = share.controller == Some(to) && share.right() == right;
        if goes_on {
            return;
        }
        let controller = (right == Right::Control).then_some(to);
        self.set_control(granted, controller);
    }

    /// Nobody operates the own share any more.
    pub(super) fn give_up_control(&mut self) {
        self.set_control(Control::Off, None);
    }

    pub(super) fn set_control(&mut self, control: Control, controller: Option<Fingerprint>) {
        let Some(share) = &mut self.share else { return };
        let was_taken = share.control == Control::Taken;
        if share.control == control && share.controller == controller {
            return;
        }
        (share.control, share.controller, share.is_wanted) = (control, controller, false);
        if control == Control::Off {
            share.turn = share.turn.wrapping_add(1);
        }
        let turn = share.turn;
        if control == Control::Taken {
            self.actions.push_back(Action::AllowInput { from: controller });
        } else if was_taken {
            self.actions.push_back(Action::AllowInput { from: None });
        }
        self.send_all(&Message::ControlChanged { control, turn, controller });
        self.tell(Notice::Controlled { control, by: controller });
    }

    /// The person at this computer clicks while somebody else operates it, or may (RULE-13). Whoever clicked in the share
    /// window before they knew of it has to do so again.
    pub(super) fn own_click(&mut self, now_us: u64) -> Result<(), Refusal> {
        let after = self.rules.after_own_click;
        let share = self.share.as_mut().ok_or(Refusal::NothingGoesOn)?;
        if share.control == Control::Off {
            return Ok(());
        }
        share.rests_until_us = now_us.saturating_add(RETAKE_REST_US);
        share.is_wanted = false;
        share.turn = share.turn.wrapping_add(1);
        let (control, controller, turn) = (after(share.control), share.controller, share.turn);
        if share.control == control {
            self.send_all(&Message::ControlChanged { control, turn, controller });
        } else {
            self.set_control(control, controller);
        }
        Ok(())
    }

    pub(super) fn take_control(&mut self, sharer: Fingerprint) -> Result<(), Refusal> {
        let own = self.own;
        let share = self.watched(sharer).ok_or(Refusal::NothingGoesOn)?;
        let turn = share.turn;
        let is_annotated = !share.annotators.is_empty();
        let is_offered = share.control == Control::Offered && share.controller == Some(own);
        if !is_offered {
            return Err(Refusal::NotOffered);
        }
        if !(self.rules.may_take)(share.control, true, true, is_annotated) {
            return Err(Refusal::Interlocked);
        }
        self.send(sharer, Message::TakeControl { turn });
        Ok(())
    }

    /// A click in somebody's share window (RULE-14).
    pub(super) fn control_wanted(&mut self, from: Fingerprint, turn: u32, now_us: u64) -> bool {
        let Some(share) = &mut self.share else { return true };
        let is_controller = share.controller == Some(from);
        let knows_turn = share.turn == turn;
        let is_annotated = !share.annotators.is_empty();
        if !(self.rules.may_take)(share.control, is_controller, knows_turn, is_annotated) {
            // Who clicked before they knew has done nothing wrong.
            return is_controller || share.controller.is_none();
        }
        if now_us < share.rests_until_us {
            share.is_wanted = true;
        } else {
            self.set_control(Control::Taken, Some(from));
        }
        true
    }

    /// The person here has left the mouse alone for long enough.
    pub(super) fn rested(&mut self, now_us: u64) {
        let Some(share) = &mut self.share else { return };
        if share.is_wanted && now_us >= share.rests_until_us {
            share.is_wanted = false;
            let (controller, is_annotated) = (share.controller, !share.annotators.is_empty());
            if (self.rules.may_take)(share.control, true, true, is_annotated) {
                self.set_control(Control::Taken, controller);
            }
        }
    }

    pub(super) fn release_control(&mut self, sharer: Fingerprint) -> Result<(), Refusal> {
        let share = self.watched(sharer).ok_or(Refusal::NothingGoesOn)?;
        if share.controller != Some(self.own) {
            return Err(Refusal::NotOffered);
        }
        self.send(sharer, Message::ReleaseControl);
        Ok(())
    }

    /// The controller does not operate the own share any more for now.
    pub(super) fn control_released(&mut self, from: Fingerprint) -> bool {
        let Some(share) = &self.share else { return true };
        if share.controller != Some(from) {
            return false;
        }
        if share.control == Control::Taken {
            self.set_control(Control::Offered, Some(from));
        }
        true
    }

    /// Somebody's share is operated otherwise from now on.
    pub(super) fn control_changed(
        &mut self,
        sharer: Fingerprint,
        control: Control,
        turn: u32,
        controller: Option<Fingerprint>,
    ) -> bool {
        let own = controller == Some(self.own);
        let Some(share) = self.peers.get_mut(&sharer).and_then(|peer| peer.share.as_mut()) else {
            return true;
        };
        (share.control, share.turn, share.controller) = (control, turn, controller);
        self.tell(Notice::ControlChanged { sharer, control, own });
        true
    }
}
