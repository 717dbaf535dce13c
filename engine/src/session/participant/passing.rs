//! Control of the session passes to an assistant, or the session is given away.

use tessera_transport::Fingerprint;

use super::{Action, Consent, Notice, Offer, Participant, Refusal};
use crate::session::log::What;
use crate::session::messages::Message;
use crate::session::roster::{Acceptance, Change};
use crate::session::rules::events::Event;
use crate::session::rules::transfer::Destination;
use crate::session::share::EndReason;

impl Participant {
    pub(super) fn pass_control(&mut self, to: Fingerprint) -> Result<(), Refusal> {
        if !self.may(self.rules.may_direct) {
            return Err(Refusal::NotInControl);
        }
        let role = self.roster.role_of(to).ok_or(Refusal::NotThere)?;
        if !(self.rules.may_receive_control)(role, self.is_connected(to)) {
            return Err(Refusal::NotAnAssistant);
        }
        let entry = self.roster.propose(to).ok_or(Refusal::NotAnAssistant)?;
        self.passing = Some((to, entry.clone()));
        self.send(to, Message::OfferControl { entry });
        Ok(())
    }

    /// Control is offered to this participant, who takes it at once (ASST-08).
    pub(super) fn control_offered(&mut self, from: Fingerprint, entry: &str) -> bool {
        if self.roster.holder() != Some(from) {
            return false;
        }
        let Some(acceptance) = self.roster.accept_control(entry) else { return false };
        self.send(from, Message::AcceptControl(acceptance));
        true
    }

    pub(super) fn control_accepted(
        &mut self,
        from: Fingerprint,
        acceptance: Acceptance,
        now_us: u64,
    ) -> bool {
        let Some((_, entry)) = self.passing.take_if(|(to, _)| *to == from) else { return false };
        let Some(change) = self.roster.pass(&entry, acceptance) else {
            self.tell(Notice::NotPassed);
            return false;
        };
        self.publish(None);
        self.listed_anew(&change, now_us);
        true
    }

    /// Somebody came or went, so that the entry that was offered is not the next one any more.
    pub(super) fn passing_fails(&mut self) {
        if self.passing.take().is_some() {
            self.tell(Notice::NotPassed);
        }
    }

    /// Somebody else holds control of the session now, or nobody.
    pub(super) fn control_passed(&mut self, change: &Change, now_us: u64) {
        let holder = self.roster.holder();
        let event = match holder {
            Some(_) => Event::ControlPassed,
            None => Event::SessionTransferred,
        };
        self.asking = None;
        self.passing = None;
        self.drop_question();
        self.ends(event, EndReason::ControlPassed);
        self.tell(Notice::ControlOfSession { holder });
        self.vacant_since_us = holder.is_none().then_some(now_us);
        if holder.is_none() {
            self.vacated(change, now_us);
        } else if holder == Some(self.own) {
            self.takes_over(now_us);
        } else if change.held_by == Some(self.own) {
            self.actions.push_back(Action::CloseDoor);
        } else if let Some(holder) = holder
            && !self.is_connected(holder)
        {
            // The time in which they have to come begins.
            self.seek(holder, now_us);
        } else if let Some(holder) = holder {
            self.tell_running(holder);
            self.tell_log(holder);
        }
    }

    /// This participant holds control now: what it alone decides goes on from what it knows.
    fn takes_over(&mut self, now_us: u64) {
        self.actions.push_back(Action::OpenDoor);
        let gone = self.peers.iter().filter_map(|(key, peer)| peer.has_left.then_some(*key));
        for gone in gone.collect::<Vec<_>>() {
            self.left(gone, now_us);
        }
        if self.call.is_some() && !(self.rules.voice_outlives_passing)(self.policy.has_voice) {
            self.call = None;
            self.tell(Notice::Voice(None));
        }
        let connected: Vec<_> = self.connected().collect();
        for to in connected {
            self.actions.push_back(Action::MakeTicket { to });
            self.send(to, Message::Helping { customer: self.helped });
            self.send(to, Message::Voice { call: self.call.clone() });
            self.send(to, Message::DisplayMode { mode: self.display.mode });
        }
    }

    /// Nobody holds control (ASST-18 to ASST-20): whatever was allowed, was allowed to somebody who has gone.
    fn vacated(&mut self, change: &Change, now_us: u64) {
        let started_by_sender =
            self.call.as_ref().is_some_and(|call| Some(call.starter) == change.held_by);
        if self.call.is_some() && !(self.rules.voice_outlives_transfer)(started_by_sender) {
            self.call = None;
            self.tell(Notice::Voice(None));
        } else if let (Some(call), Some(gone)) = (&mut self.call, change.held_by) {
            call.members.retain(|member| *member != gone);
            call.speakers.retain(|speaker| *speaker != gone);
        }
        self.helped = None;
        if !self.rules.grant_outlives_vacancy && !self.consent.is_empty() {
            self.consent = Consent::default();
            self.write_log(What::Lapsed, now_us);
            self.tell(Notice::GrantLapsed);
        }
    }

    pub(super) fn transfer_session(
        &mut self,
        destination: Destination,
        text: String,
        now_us: u64,
    ) -> Result<(), Refusal> {
        let is_agent = self.roster.member(self.own).is_some_and(|member| member.agent);
        let role = self.role().ok_or(Refusal::NotInControl)?;
        if !self.may(self.rules.may_direct) {
            return Err(Refusal::NotInControl);
        }
        if !(self.rules.may_transfer_session)(role, is_agent, self.policy.has_queue_module) {
            return Err(Refusal::NeedsQueue);
        }
        if !(self.rules.is_destination)(&destination) {
            return Err(Refusal::Destination);
        }
        if !(self.rules.transfer_message_fits)(&text) {
            return Err(Refusal::Text);
        }
        let before: Vec<_> = self.connected().collect();
        self.roster.vacate();
        let head = self.roster.head();
        if let Some(entry) = self.roster.newest().cloned() {
            for to in before {
                self.send(to, Message::Roster(entry.clone()));
            }
        }
        self.finish(EndReason::ControlPassed, now_us);
        self.actions.push_back(Action::CloseDoor);
        self.actions.push_back(Action::Offer(Offer { destination, text, head }));
        self.tell(Notice::ReviewNotes);
        self.tell(Notice::Transferred);
        self.part_from_all(true);
        Ok(())
    }
}
