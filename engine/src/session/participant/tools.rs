//! Recording, printing, notes, and activities that are ended.

use tessera_transport::Fingerprint;

use super::{Notice, Participant, Refusal};
use crate::session::activity::Activity;
use crate::session::messages::{Message, Recording};
use crate::session::roster::Role;
use crate::session::share::Control;

impl Participant {
    pub(super) fn record(&mut self, state: Recording) -> Result<(), Refusal> {
        let role = self.role().ok_or(Refusal::NotInControl)?;
        if !self.may(self.rules.may_direct) {
            return Err(Refusal::NotInControl);
        }
        if !(self.rules.may_record)(role, self.policy.records_by_itself) {
            return Err(Refusal::RecordedAlready);
        }
        if self.recording == Recording::Off {
            // It begins with the customer's OK (REC-10).
            return Err(Refusal::NothingGoesOn);
        }
        if self.recording != state {
            self.send_all(&Message::Recording { state });
            self.recorded(state);
        }
        Ok(())
    }

    /// Whether the session is recorded has changed; all are told (REC-11).
    pub(super) fn recorded(&mut self, state: Recording) {
        if self.recording != state {
            self.recording = state;
            self.tell(Notice::Recording(state));
        }
        if state == Recording::Off {
            self.running.remove(&Activity::Record);
            for peer in self.peers.values_mut() {
                peer.running.remove(&Activity::Record);
            }
        }
    }

    pub(super) fn print(&mut self) -> Result<(), Refusal> {
        let role = self.role().ok_or(Refusal::NotInControl)?;
        let control = self
            .helped
            .and_then(|helped| self.watched(helped))
            .filter(|share| share.controller == Some(self.own))
            .map_or(Control::Off, |share| share.control);
        if (self.rules.may_print)(role, control) { Ok(()) } else { Err(Refusal::NotOffered) }
    }

    pub(super) fn save_notes(&self) -> Result<(), Refusal> {
        if self.may(self.rules.may_write_notes) { Ok(()) } else { Err(Refusal::NotInControl) }
    }

    pub(super) fn end_activity(
        &mut self,
        customer: Fingerprint,
        activity: Activity,
    ) -> Result<(), Refusal> {
        let role = self.role().ok_or(Refusal::NothingGoesOn)?;
        let is_own = customer == self.own;
        if !is_own && !self.may(self.rules.may_direct) {
            return Err(Refusal::NotInControl);
        }
        let goes_on = if is_own {
            self.running.contains(&activity)
        } else {
            self.peers.get(&customer).is_some_and(|peer| peer.running.contains(&activity))
        };
        if !goes_on {
            return Err(Refusal::NothingGoesOn);
        }
        if activity.is_file_transfer() && !(self.rules.may_stop_files)(role, activity) {
            return Err(Refusal::Unshared);
        }
        if is_own {
            self.activity_over(activity);
        } else {
            self.send(customer, Message::ActivityEnded { activity });
            self.activity_ended_at(customer, activity);
        }
        Ok(())
    }

    /// The other side has ended an activity that was granted.
    pub(super) fn activity_ended(
        &mut self,
        from: Fingerprint,
        role: Role,
        activity: Activity,
    ) -> bool {
        match role {
            Role::Primary => {
                if self.running.remove(&activity) {
                    if activity == Activity::LogOn {
                        self.actions.push_back(super::Action::LogCustomerBackOn);
                    }
                    self.tell(Notice::ActivityEnded { customer: self.own, activity });
                }
                true
            }
            Role::Customer if self.roster.is_holder() => {
                self.activity_ended_at(from, activity);
                true
            }
            _ => false,
        }
    }

    fn activity_ended_at(&mut self, customer: Fingerprint, activity: Activity) {
        let removed =
            self.peers.get_mut(&customer).is_some_and(|peer| peer.running.remove(&activity));
        if removed {
            self.tell(Notice::ActivityEnded { customer, activity });
            if activity == Activity::Record {
                self.send_all(&Message::Recording { state: Recording::Off });
                self.recorded(Recording::Off);
            }
        }
    }

    /// Ends granted activities everywhere, as an event does that everybody sees.
    pub(super) fn end_everywhere(&mut self, is_over: impl Fn(Activity) -> bool) {
        let over: Vec<_> = self.running.iter().copied().filter(|it| is_over(*it)).collect();
        for activity in over {
            self.running.remove(&activity);
            self.tell(Notice::ActivityEnded { customer: self.own, activity });
        }
        for peer in self.peers.values_mut() {
            peer.running.retain(|activity| !is_over(*activity));
        }
    }
}
