//! What arrives, and whose word counts for what.

use tessera_transport::Fingerprint;

use super::peer::{Link, Watched};
use super::{Notice, Participant};
use crate::session::messages::{Message, VERSION};
use crate::session::roster::Role;
use crate::session::share::EndReason;

/// Messages of one participant that wait for an entry of the roster. Entries follow within a round trip; a program
/// that says more meanwhile is not ours.
const MAX_HELD: usize = 64;

impl Participant {
    /// A message has arrived.
    pub fn handle_message(&mut self, from: Fingerprint, message: Message, now_us: u64) {
        let Some(peer) = self.peers.get(&from) else { return };
        if self.over || !peer.is_connected() {
            return;
        }
        match (peer.link, message.clean()) {
            (_, Message::NotUnderstood) => self.passing_misunderstood(from),
            (Link::Greeting, Message::Hello { version, .. }) if version != VERSION => {
                self.other_version(from, version, now_us);
            }
            (Link::Greeting, Message::Hello { name, head, .. }) => self.greeted(from, name, head),
            (_, Message::End) => self.ended(from, now_us),
            (_, Message::Leave) if self.roster.holder() != Some(from) => {
                self.said_goodbye(from, now_us);
            }
            (Link::Greeting, _) => self.send(from, Message::NotUnderstood),
            (_, Message::Roster(signed)) => self.listed(from, &signed, now_us),
            (_, Message::RosterSeen(head)) => self.roster_seen(from, head),
            (_, Message::TicketKept) if self.roster.is_holder() => {
                if let Some(peer) = self.peers.get_mut(&from) {
                    peer.tickets.confirm();
                }
            }
            (Link::Up, message) if self.is_behind(from) => self.hold(from, message),
            (Link::Up, message) => self.hear(from, message, now_us),
            (_, _) => self.send(from, Message::NotUnderstood),
        }
    }

    fn hear(&mut self, from: Fingerprint, message: Message, now_us: u64) {
        let Some(role) = self.roster.role_of(from) else {
            self.send(from, Message::NotUnderstood);
            return;
        };
        // Else it was said to somebody who held control before.
        if self.knows_holder(from) && !self.said(from, role, message, now_us) {
            self.send(from, Message::NotUnderstood);
        }
    }

    /// Whether a participant has taken entries of the roster that are still to come here: what they say then waits for
    /// those.
    fn is_behind(&self, from: Fingerprint) -> bool {
        let own = self.roster.head().map(|head| head.sequence);
        self.peers.get(&from).is_some_and(|peer| peer.seen > own)
    }

    fn hold(&mut self, from: Fingerprint, message: Message) {
        let Some(peer) = self.peers.get_mut(&from) else { return };
        if peer.held.len() < MAX_HELD {
            peer.held.push_back(message);
        } else {
            self.send(from, Message::NotUnderstood);
        }
    }

    /// Hears what waited for an entry of the roster that has come.
    pub(super) fn hear_held(&mut self, now_us: u64) {
        let peers: Vec<_> = self.peers.keys().copied().collect();
        for from in peers {
            while !self.over && !self.is_behind(from) {
                let held = self.peers.get_mut(&from).and_then(|peer| peer.held.pop_front());
                let Some(message) = held else { break };
                self.hear(from, message, now_us);
            }
        }
    }

    /// Whether a participant knew who holds control now when they sent what arrives now.
    fn knows_holder(&self, from: Fingerprint) -> bool {
        let seen = self.peers.get(&from).and_then(|peer| peer.seen);
        seen.is_some_and(|seen| seen >= self.roster.term())
    }

    /// What a participant says; whether they may.
    fn said(&mut self, from: Fingerprint, role: Role, message: Message, now_us: u64) -> bool {
        let directs = (self.rules.may_direct)(role);
        match message {
            Message::OfferControl { entry } if directs => self.control_offered(from, &entry),
            Message::AcceptControl(acceptance) => self.control_accepted(from, acceptance, now_us),
            Message::Ticket { ticket } if directs => {
                self.actions.push_back(super::Action::KeepTicket(ticket));
                true
            }
            Message::Helping { customer } if directs => {
                self.turned_to(customer);
                true
            }
            Message::Request { id, activity, text } => {
                self.asked(from, role, (id, activity, text), now_us)
            }
            Message::RequestReceived { id } => self.received(from, id),
            Message::Answer { id, granted } => self.answered(from, id, granted),
            Message::Running { activities } => self.running_at(from, role, activities),
            Message::ActivityEnded { activity } => self.activity_ended(from, role, activity),
            Message::Log(record) => self.logged(from, role, &record),
            Message::LogSigned(signed) => self.log_signed(from, &signed),
            Message::ShareStarted {
                target,
                control,
                turn,
                controller,
                annotators,
                first_update,
            } => {
                let watched = Watched { target, control, turn, controller, annotators };
                self.share_begun(from, role, watched, first_update)
            }
            Message::TargetChanged { target } => self.target_changed(from, target),
            Message::ControlChanged { control, turn, controller } => {
                self.control_changed(from, control, turn, controller)
            }
            Message::ShareEnded { reason } => {
                self.watched_ended(from, reason);
                true
            }
            Message::TakeControl { turn } => self.control_wanted(from, turn, now_us),
            Message::ReleaseControl => self.control_released(from),
            Message::StopShare => self.asked_to_stop(role),
            Message::Colours { colours } => self.colours_wanted(from, colours),
            Message::Annotate { on } => self.annotates(from, role, on),
            Message::Mark { mark } => self.marked_here(from, role, &mark, now_us),
            Message::Marked { by, mark } => self.marked(from, by, mark),
            Message::Annotating { annotators } => self.annotators_are(from, annotators),
            Message::DisplayMode { mode } if (self.rules.may_choose_display_mode)(role) => {
                self.display_mode_is(mode);
                true
            }
            Message::Chat { to_all, text } => self.chatted(from, role, to_all, text),
            Message::Recording { state } if directs => {
                self.recorded(state);
                true
            }
            Message::Voice { call } if (self.rules.may_moderate_voice)(role) => {
                self.heard_of_call(call);
                true
            }
            Message::JoinVoice { join } => self.joins_voice(from, join),
            Message::Video { on } => self.video_seen(from, role, on),
            Message::AskVideo if directs => {
                self.tell(Notice::VideoAsked);
                true
            }
            _ => false,
        }
    }

    fn passing_misunderstood(&mut self, from: Fingerprint) {
        if self.passing.as_ref().is_some_and(|(to, _)| *to == from) {
            self.passing_fails();
        }
    }

    fn other_version(&mut self, from: Fingerprint, theirs: u32, now_us: u64) {
        if self.roster.is_holder() {
            self.left(from, now_us);
            return;
        }
        self.tell(Notice::VersionMismatch { theirs });
        self.finish(EndReason::SessionOver, now_us);
        self.part_from_all(true);
    }

    /// A customer's entry of the consent log, to sign.
    fn logged(
        &mut self,
        from: Fingerprint,
        role: Role,
        record: &crate::session::log::SignedRecord,
    ) -> bool {
        use crate::session::log::Line;
        if role != Role::Customer || !self.roster.is_holder() {
            return false;
        }
        let (session, identity) = (self.session, std::sync::Arc::clone(&self.identity));
        let Some(peer) = self.peers.get_mut(&from) else { return false };
        let Ok((signed, is_new)) = peer.log.take(record, from, session, &identity) else {
            return false;
        };
        if is_new {
            for line in [Line::Record(record.clone()), Line::Countersigned(signed.clone())] {
                self.actions.push_back(super::Action::Log { customer: from, line });
            }
        }
        self.send(from, Message::LogSigned(signed));
        true
    }

    fn log_signed(
        &mut self,
        from: Fingerprint,
        signed: &crate::session::log::Countersignature,
    ) -> bool {
        use crate::session::log::Line;
        let is_csr = self.roster.role_of(from).is_some_and(|role| role != Role::Customer);
        if !is_csr || !self.log.countersigned(from, signed) {
            return false;
        }
        let line = Line::Countersigned(signed.clone());
        self.actions.push_back(super::Action::Log { customer: self.own, line });
        true
    }
}
