//! The voice call, which the holder of control keeps, and cameras.

use tessera_transport::Fingerprint;

use super::{Notice, Participant, Refusal};
use crate::session::messages::{Call, Message};
use crate::session::roster::Role;

impl Participant {
    pub(super) fn start_voice(&mut self) -> Result<(), Refusal> {
        self.may_moderate()?;
        if !(self.rules.may_join_voice)(self.policy.has_voice) {
            return Err(Refusal::NoVoice);
        }
        if self.call.is_none() {
            let own = self.own;
            self.call_is(Some(Call { starter: own, members: vec![own], speakers: vec![own] }));
        }
        Ok(())
    }

    pub(super) fn end_voice(&mut self) -> Result<(), Refusal> {
        self.may_moderate()?;
        if self.call.is_none() {
            return Err(Refusal::NothingGoesOn);
        }
        self.call_is(None);
        Ok(())
    }

    pub(super) fn join_voice(&mut self, join: bool) -> Result<(), Refusal> {
        let holder = self.roster.holder().ok_or(Refusal::NothingGoesOn)?;
        if self.call.is_none() {
            return Err(Refusal::NothingGoesOn);
        }
        if join && !(self.rules.may_join_voice)(self.policy.has_voice) {
            return Err(Refusal::NoVoice);
        }
        if holder == self.own {
            self.joins_voice(self.own, join);
        } else {
            self.send(holder, Message::JoinVoice { join });
        }
        Ok(())
    }

    /// A participant goes into the call or out of it; only for the holder.
    pub(super) fn joins_voice(&mut self, member: Fingerprint, join: bool) -> bool {
        if !self.roster.is_holder() {
            return false;
        }
        let Some(mut call) = self.call.clone() else { return true };
        if join && !call.members.contains(&member) {
            call.members.push(member);
        } else if !join {
            call.members.retain(|other| *other != member);
            call.speakers.retain(|other| *other != member);
        }
        self.call_is(Some(call));
        true
    }

    /// Whoever is gone is out of the call.
    pub(super) fn leaves_call(&mut self, gone: Fingerprint) {
        if self.roster.is_holder()
            && self.call.as_ref().is_some_and(|call| call.members.contains(&gone))
        {
            self.joins_voice(gone, false);
        }
    }

    pub(super) fn pass_microphone(&mut self, to: Fingerprint) -> Result<(), Refusal> {
        self.may_moderate()?;
        let mut call = self.call.clone().ok_or(Refusal::NothingGoesOn)?;
        if !call.members.contains(&to) {
            return Err(Refusal::NoVoice);
        }
        call.speakers = (self.rules.pass_microphone)(&call.speakers, self.own, to);
        self.call_is(Some(call));
        Ok(())
    }

    fn may_moderate(&self) -> Result<(), Refusal> {
        if self.may(self.rules.may_moderate_voice) { Ok(()) } else { Err(Refusal::NotInControl) }
    }

    /// The holder tells how the call is now.
    fn call_is(&mut self, call: Option<Call>) {
        if self.call != call {
            self.send_all(&Message::Voice { call: call.clone() });
            self.heard_of_call(call);
        }
    }

    pub(super) fn heard_of_call(&mut self, call: Option<Call>) {
        if self.call != call {
            self.call.clone_from(&call);
            self.tell(Notice::Voice(call));
        }
    }

    pub(super) fn video(&mut self, on: bool) -> Result<(), Refusal> {
        let role = self.role().ok_or(Refusal::NoVideo)?;
        let is_primary_customer = self.primary_customer() == Some(self.own);
        let csr_sends = self.roster.holder().is_some_and(|holder| self.sends_video(holder));
        if on && !(self.rules.may_start_video)(role, is_primary_customer, csr_sends) {
            return Err(Refusal::NoVideo);
        }
        self.switch_video(on);
        Ok(())
    }

    pub(super) fn switch_video(&mut self, on: bool) {
        if std::mem::replace(&mut self.sends_video, on) != on {
            self.send_all(&Message::Video { on });
            self.tell(Notice::Video { sender: self.own, on });
        }
    }

    /// Minimising the panel; the camera goes on (RULE-23).
    pub(super) fn minimise_video(&mut self) -> Result<(), Refusal> {
        if self.rules.minimising_stops_video {
            self.switch_video(false);
        }
        Ok(())
    }

    pub(super) fn ask_video(&mut self) -> Result<(), Refusal> {
        if !self.may(self.rules.may_direct) {
            return Err(Refusal::NotInControl);
        }
        let customer = self.primary_customer().filter(|customer| self.is_connected(*customer));
        self.send(customer.ok_or(Refusal::NoCustomer)?, Message::AskVideo);
        Ok(())
    }

    /// Somebody's camera is on or off.
    pub(super) fn video_seen(&mut self, sender: Fingerprint, role: Role, on: bool) -> bool {
        let is_primary_customer = self.primary_customer() == Some(sender);
        if on && !(self.rules.may_send_video)(role, is_primary_customer) {
            return false;
        }
        if let Some(peer) = self.peers.get_mut(&sender)
            && std::mem::replace(&mut peer.video, on) != on
        {
            self.tell(Notice::Video { sender, on });
        }
        true
    }

    pub(super) fn end_all_video(&mut self) {
        if std::mem::take(&mut self.sends_video) {
            self.tell(Notice::Video { sender: self.own, on: false });
        }
        let senders: Vec<_> = self
            .peers
            .iter_mut()
            .filter_map(|(key, peer)| std::mem::take(&mut peer.video).then_some(*key))
            .collect();
        for sender in senders {
            self.tell(Notice::Video { sender, on: false });
        }
    }
}
