//! Requests, answers and what was granted: asked by the holder of control, decided by the customer.

use tessera_transport::Fingerprint;

use super::{Action, Consent, Notice, Participant, Refusal};
use crate::session::activity::{Activity, Right, ShareKind, Surface, Whose};
use crate::session::log::What;
use crate::session::messages::{Message, Recording};
use crate::session::roster::Role;
use crate::session::rules::events::{Area, Event};
use crate::session::share::EndReason;

/// A question that a customer has to answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Asked {
    id: u32,
    from: Fingerprint,
    activity: Activity,
    text: String,
}

/// A request that waits for its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Asking {
    id: u32,
    pub(super) to: Fingerprint,
    activity: Activity,
}

impl Asked {
    pub(super) const fn subject(&self) -> (u32, Activity) {
        (self.id, self.activity)
    }
}

impl Participant {
    pub(super) fn request(&mut self, activity: Activity) -> Result<(), Refusal> {
        if !self.may(self.rules.may_direct) {
            return Err(Refusal::NotInControl);
        }
        let is_customer = |key: &Fingerprint| self.roster.role_of(*key) == Some(Role::Customer);
        let customers = self.connected().filter(is_customer).count();
        let helped = self.helped.filter(|helped| self.is_connected(*helped));
        let (true, Some(to)) = ((self.rules.has_somebody_to_help)(customers), helped) else {
            return Err(Refusal::NoCustomer);
        };
        self.is_offered(activity, to)?;
        if let Some(kind) = activity.share().filter(|kind| kind.whose == Whose::Representative)
            && let Some(share) = &self.share
        {
            if !(self.rules.goes_on_as)(share.target.surface(), kind.surface) {
                return Err(Refusal::OtherShare);
            }
            // The customer sees it already, and takes control with a click or not at all (SHARE-14, SHARE-25).
            self.give_control(kind.right, to);
            return Ok(());
        }
        let id = self.next_request;
        self.next_request = self.next_request.wrapping_add(1);
        self.asking = Some(Asking { id, to, activity });
        let text = format!("{} asks to {activity}.", self.name);
        self.send(to, Message::Request { id, activity, text });
        Ok(())
    }

    /// Whether a request makes sense at all: what the customer's program would refuse unasked.
    fn is_offered(&self, activity: Activity, to: Fingerprint) -> Result<(), Refusal> {
        if self.policy.switched_off.contains(&activity) {
            return Err(Refusal::SwitchedOff);
        }
        if (self.rules.needs_queue_module)(activity) && !self.policy.has_queue_module {
            return Err(Refusal::NeedsQueue);
        }
        if activity == Activity::Record
            && !self
                .role()
                .is_some_and(|role| (self.rules.may_record)(role, self.policy.records_by_itself))
        {
            return Err(Refusal::RecordedAlready);
        }
        let is_files = activity.is_file_transfer() || activity == Activity::FileOperation;
        let shows_application =
            self.watched(to).is_some_and(|share| share.target.surface() == Surface::Application);
        if is_files && !(self.rules.may_transfer_files)(shows_application) {
            return Err(Refusal::ApplicationShared);
        }
        Ok(())
    }

    /// The holder of control asks.
    pub(super) fn asked(
        &mut self,
        from: Fingerprint,
        role: Role,
        (id, activity, text): (u32, Activity, String),
        now_us: u64,
    ) -> bool {
        if !(self.rules.may_direct)(role) || self.role() != Some(Role::Customer) {
            return false;
        }
        self.refuse_question(now_us);
        let asked = Asked { id, from, activity, text };
        self.send(from, Message::RequestReceived { id });
        if self.is_impossible(activity) {
            self.decide(&asked, false, false, false, now_us);
        } else if self.needs_question(activity) {
            let (activity, text) = (activity, asked.text.clone());
            self.write_log(What::Asked { activity, text: text.clone() }, now_us);
            self.asked = Some(asked);
            self.tell(Notice::Asked { id, activity, text });
        } else {
            self.decide(&asked, true, false, false, now_us);
        }
        true
    }

    fn needs_question(&self, activity: Activity) -> bool {
        let shared = self.share.as_ref().map(|share| ShareKind {
            whose: Whose::Customer,
            surface: share.target.surface(),
            right: share.right(),
        });
        let is_own = activity.share().is_none_or(|kind| kind.whose == Whose::Customer);
        let desktop_in_use = shared.is_some_and(|kind| kind.surface == Surface::Desktop);
        (self.rules.needs_question)(
            activity,
            shared.filter(|_| is_own),
            self.consent,
            desktop_in_use,
        )
    }

    /// What is refused without a question: the person could only be misled by one.
    fn is_impossible(&self, activity: Activity) -> bool {
        let surface = self.share.as_ref().map(|share| share.target.surface());
        let is_other_share = |kind: ShareKind| {
            kind.whose == Whose::Customer
                && surface.is_some_and(|surface| !(self.rules.goes_on_as)(surface, kind.surface))
        };
        let operates_nothing = |kind: ShareKind| {
            kind.whose == Whose::Customer
                && kind.right == Right::Control
                && !self.policy.can_operate
        };
        let is_files = activity.is_file_transfer() || activity == Activity::FileOperation;
        let is_blocked =
            is_files && !(self.rules.may_transfer_files)(surface == Some(Surface::Application));
        let lacks_files = activity == Activity::FileOperation
            && !self.running.iter().any(|running| running.is_file_transfer());
        self.policy.switched_off.contains(&activity)
            || activity.share().is_some_and(|kind| is_other_share(kind) || operates_nothing(kind))
            || is_blocked
            || lacks_files
    }

    pub(super) fn answer(
        &mut self,
        id: u32,
        granted: bool,
        all: bool,
        now_us: u64,
    ) -> Result<(), Refusal> {
        if !self.may(self.rules.may_grant) {
            return Err(Refusal::NotTheCustomer);
        }
        let asked = self.asked.take_if(|asked| asked.id == id).ok_or(Refusal::NothingGoesOn)?;
        if granted && all {
            self.consent = Consent::ALL;
        }
        self.decide(&asked, granted, all && granted, true, now_us);
        Ok(())
    }

    fn decide(&mut self, asked: &Asked, granted: bool, all: bool, by_person: bool, now_us: u64) {
        let (activity, text) = (asked.activity, asked.text.clone());
        self.write_log(What::Answered { activity, text, granted, all, by_person }, now_us);
        self.send(asked.from, Message::Answer { id: asked.id, granted });
        if granted {
            self.allowed(activity, asked.from);
        }
    }

    /// An activity was allowed at this computer.
    fn allowed(&mut self, activity: Activity, by: Fingerprint) {
        match activity.share() {
            Some(kind) if kind.whose == Whose::Customer => self.share_as(kind, by),
            Some(_) => {}
            None if activity == Activity::FileOperation => {}
            None => {
                if activity.is_file_transfer() {
                    self.running.retain(|running| !running.is_file_transfer());
                }
                self.running.insert(activity);
                // The answer may be to a request that they have replaced meanwhile.
                self.tell_running(by);
                let event = match activity {
                    Activity::Reboot => Event::Rebooting,
                    Activity::LogOn => Event::LoggedOn,
                    _ => return,
                };
                self.computer_goes_away(event);
            }
        }
    }

    /// The own computer restarts, or another user logs on to it (34.1).
    fn computer_goes_away(&mut self, event: Event) {
        if !(self.rules.goes_on)(event, Area::Sharing) {
            self.picking = None;
            self.end_own_share(EndReason::ComputerAway);
        }
        if !(self.rules.goes_on)(event, Area::Files) {
            let over: Vec<_> =
                self.running.iter().copied().filter(|running| running.is_file_transfer()).collect();
            for activity in over {
                self.activity_over(activity);
            }
        }
        if !(self.rules.goes_on)(event, Area::Video) && self.sends_video {
            self.switch_video(false);
        }
    }

    /// An activity at this computer is over, which the holder of control is told.
    pub(super) fn activity_over(&mut self, activity: Activity) {
        if self.running.remove(&activity) {
            if activity == Activity::LogOn {
                self.actions.push_back(Action::LogCustomerBackOn);
            }
            if let Some(holder) = self.roster.holder().filter(|holder| self.is_connected(*holder)) {
                self.send(holder, Message::ActivityEnded { activity });
            }
            self.tell(Notice::ActivityEnded { customer: self.own, activity });
        }
    }

    /// Tells the holder of control what goes on at this customer's computer: they may have come later, or know of what
    /// a program that was started anew does not.
    pub(super) fn tell_running(&mut self, holder: Fingerprint) {
        if self.role() == Some(Role::Customer) {
            let activities = self.running.iter().copied().collect();
            self.send(holder, Message::Running { activities });
        }
    }

    /// Sends the holder of control what they have not signed of this customer's log.
    pub(super) fn tell_log(&mut self, holder: Fingerprint) {
        let unsigned: Vec<_> = self.log.unsigned_by(holder).cloned().collect();
        for record in unsigned {
            self.send(holder, Message::Log(record));
        }
    }

    pub(super) fn running_at(
        &mut self,
        from: Fingerprint,
        role: Role,
        activities: Vec<Activity>,
    ) -> bool {
        if role != Role::Customer || !self.roster.is_holder() {
            return false;
        }
        if let Some(peer) = self.peers.get_mut(&from) {
            peer.running = activities.into_iter().collect();
            // Allowed after the request was replaced: nobody records.
            if self.recording == Recording::Off && peer.running.remove(&Activity::Record) {
                self.send(from, Message::ActivityEnded { activity: Activity::Record });
            }
        }
        true
    }

    /// The customer has answered.
    pub(super) fn answered(&mut self, from: Fingerprint, id: u32, granted: bool) -> bool {
        if self.roster.role_of(from) != Some(Role::Customer) {
            return false;
        }
        let Some(asking) = self.asking.take_if(|asking| asking.id == id && asking.to == from)
        else {
            // Of a request that is no longer open, as after a newer one.
            return self.roster.is_holder();
        };
        let activity = asking.activity;
        self.tell(Notice::Answered { activity, granted });
        if !granted {
            return true;
        }
        match activity.share() {
            Some(kind) if kind.whose == Whose::Representative => self.share_as(kind, from),
            Some(_) => {}
            None if activity == Activity::FileOperation => {}
            None => {
                if let Some(peer) = self.peers.get_mut(&from) {
                    if activity.is_file_transfer() {
                        peer.running.retain(|running| !running.is_file_transfer());
                    }
                    peer.running.insert(activity);
                }
                if activity == Activity::Record {
                    self.recorded(Recording::On);
                    self.send_all(&Message::Recording { state: Recording::On });
                }
            }
        }
        true
    }

    /// The customer's program shows the request.
    pub(super) fn received(&mut self, from: Fingerprint, id: u32) -> bool {
        if let Some(asking) = self.asking.filter(|asking| asking.id == id && asking.to == from) {
            self.tell(Notice::RequestReceived { activity: asking.activity });
        }
        self.roster.is_holder()
    }

    /// The open question is answered with no, since a newer one or a withdrawal takes its place.
    pub(super) fn refuse_question(&mut self, now_us: u64) {
        if let Some(asked) = self.asked.take() {
            self.tell(Notice::Withdrawn { id: asked.id });
            self.decide(&asked, false, false, false, now_us);
        }
    }

    /// The open question is no longer of interest to anybody.
    pub(super) fn drop_question(&mut self) {
        if let Some(asked) = self.asked.take() {
            self.tell(Notice::Withdrawn { id: asked.id });
        }
    }

    pub(super) fn withdraw_control(&mut self, now_us: u64) -> Result<(), Refusal> {
        if !self.role().is_none_or(self.rules.may_share) {
            return Err(Refusal::NotTheCustomer);
        }
        let Consent { view, session, .. } = self.consent;
        self.consent = Consent { view: view || session, control: false, session: false };
        if let Some(interrupted) = &mut self.interrupted {
            interrupted.right = Right::View;
        }
        self.write_log(What::ControlWithdrawn, now_us);
        self.give_up_control();
        Ok(())
    }

    pub(super) fn withdraw_all(&mut self, now_us: u64) -> Result<(), Refusal> {
        if !self.role().is_none_or(self.rules.may_grant) {
            return Err(Refusal::NotTheCustomer);
        }
        self.consent = Consent::default();
        self.interrupted = None;
        self.picking = None;
        self.refuse_question(now_us);
        self.write_log(What::AllWithdrawn, now_us);
        self.end_own_share(EndReason::StoppedByCustomer);
        let running: Vec<_> = self.running.iter().copied().collect();
        for activity in running {
            self.activity_over(activity);
        }
        Ok(())
    }
}
