//! Who is in: the roster followed or written, leaving, ending.

use tessera_transport::Fingerprint;

use super::peer::{Link, Peer};
use super::{Action, Command, Notice, Participant, Refusal};
use crate::session::activity::Activity;
use crate::session::display::Display;
use crate::session::log::What;
use crate::session::messages::{Message, Recording};
use crate::session::roster::{Change, Head, Role, RosterError, SignedEntry};
use crate::session::rules::events::{Area, Event};
use crate::session::share::EndReason;

impl Participant {
    /// An entry of the roster has come.
    pub(super) fn listed(&mut self, from: Fingerprint, signed: &SignedEntry, now_us: u64) {
        let comes_from_holder = self.roster.holder() == Some(from);
        match self.roster.accept(signed) {
            Ok(change) => {
                let head = self.roster.head();
                if let Some(peer) = self.peers.get_mut(&from) {
                    peer.seen = peer.seen.max(head.map(|head| head.sequence));
                }
                match change {
                    Some(change) => {
                        self.pass_on(signed, from, change.has_passed);
                        self.listed_anew(&change, now_us);
                    }
                    // It came again after a rejoin.
                    None if comes_from_holder => {
                        if let Some(head) = head {
                            self.send(from, Message::RosterSeen(head));
                        }
                    }
                    None => {}
                }
                if !self.over {
                    self.all_listed();
                    self.hear_held(now_us);
                }
            }
            Err(error) if comes_from_holder => self.refuse_roster(error, now_us),
            Err(_) if self.roster.knows(signed) => {}
            // Somebody who is ahead, or who has no right to sign any more: the row decides, not the sender.
            Err(_) => self.send(from, Message::NotUnderstood),
        }
    }

    /// Tells everybody that an entry was taken; one by which control passed is sent along, so that it reaches all however
    /// few connections are left.
    fn pass_on(&mut self, signed: &SignedEntry, from: Fingerprint, whole: bool) {
        let Some(head) = self.roster.head() else { return };
        let connected: Vec<_> = self
            .peers
            .iter()
            .filter_map(|(key, peer)| peer.is_connected().then_some(*key))
            .collect();
        for to in connected {
            if whole && to != from {
                self.send(to, Message::Roster(signed.clone()));
            }
            self.send(to, Message::RosterSeen(head));
        }
    }

    /// Sends the newest entry to everybody but `except`, who gets it otherwise.
    pub(super) fn publish(&mut self, except: Option<Fingerprint>) {
        let Some(entry) = self.roster.newest().cloned() else { return };
        let connected: Vec<_> = self
            .peers
            .iter()
            .filter_map(|(key, peer)| {
                (matches!(peer.link, Link::Unlisted | Link::Up) && Some(*key) != except)
                    .then_some(*key)
            })
            .collect();
        for to in connected {
            self.send(to, Message::Roster(entry.clone()));
        }
    }

    /// Somebody says where they have got to in the roster.
    pub(super) fn roster_seen(&mut self, from: Fingerprint, head: Head) {
        let is_ahead = self.roster.head().is_none_or(|own| head.sequence > own.sequence);
        let is_false = self.roster.contradicts(head)
            || (self.roster.is_holder() && !self.roster.contains(head))
            || (is_ahead && self.roster.is_holder());
        if is_false {
            self.differs(from);
        } else if let Some(peer) = self.peers.get_mut(&from) {
            peer.seen = peer.seen.max(Some(head.sequence));
        }
    }

    /// A participant was shown another row than this one: nothing is shown to them any more.
    pub(super) fn differs(&mut self, from: Fingerprint) {
        self.tell(Notice::RosterDiffers { peer: from });
        if self.roster.is_holder() {
            self.left(from, 0);
            return;
        }
        self.hide_from(from);
        self.watched_ended(from, EndReason::SessionOver);
        self.actions.push_back(Action::Disconnect { from });
        self.peers.entry(from).or_default().link = Link::Away;
    }

    fn refuse_roster(&mut self, error: RosterError, now_us: u64) {
        self.finish(EndReason::SessionOver, now_us);
        self.tell(Notice::RosterRefused(error));
        self.part_from_all(true);
    }

    /// Whoever waited for the list of participants has it now.
    fn all_listed(&mut self) {
        let waiting: Vec<_> = self
            .peers
            .iter()
            .filter_map(|(key, peer)| (peer.link == Link::Unlisted).then_some(*key))
            .collect();
        for peer in waiting {
            self.joined(peer);
        }
    }

    /// The list of participants has changed.
    pub(super) fn listed_anew(&mut self, change: &Change, now_us: u64) {
        let members = self.roster.members().to_vec();
        for gone in &change.before {
            if self.roster.member(gone.key).is_none() {
                self.forget(gone.key);
            }
        }
        for member in &members {
            let is_new = !change.before.iter().any(|before| before.key == member.key);
            if !is_new || member.key == self.own {
                continue;
            }
            let peer = self.peers.entry(member.key).or_default();
            let (is_up, is_away) = (peer.is_up(), peer.link == Link::Away);
            if is_up && !peer.joined_before {
                self.joined(member.key);
            }
            if is_away && self.connects_to(member.key) {
                self.seek(member.key, now_us);
                self.actions.push_back(Action::Connect { to: member.key });
            }
            let is_first = self.primary_customer() == Some(self.own);
            if member.role == Role::Customer
                && !change.before.is_empty()
                && self.role().is_some_and(|role| (self.rules.is_told_of_customers)(role, is_first))
            {
                self.tell(Notice::CustomerAdded { customer: member.key });
            }
        }
        if change.has_passed {
            self.control_passed(change, now_us);
        }
        if self.roster.is_holder() {
            self.choose_helped();
        }
    }

    /// Somebody is no longer in.
    fn forget(&mut self, gone: Fingerprint) {
        self.cut_off_for_good(gone);
        let name = self.peers.remove(&gone).map(|peer| peer.name).unwrap_or_default();
        if self.helped == Some(gone) {
            self.helped = None;
            if self.roster.is_holder() {
                self.tell(Notice::Helping { customer: None });
            }
        }
        self.tell(Notice::Left { peer: gone, name });
    }

    fn cut_off_for_good(&mut self, gone: Fingerprint) {
        let was_connected = self.peers.get(&gone).is_some_and(Peer::is_connected);
        self.hide_from(gone);
        self.watched_ended(gone, EndReason::SessionOver);
        if self.peers.get(&gone).is_some_and(|peer| peer.video) {
            self.tell(Notice::Video { sender: gone, on: false });
        }
        if self.asking.as_ref().is_some_and(|asking| asking.to == gone) {
            self.asking = None;
        }
        self.leaves_call(gone);
        if was_connected {
            self.actions.push_back(Action::Disconnect { from: gone });
        }
    }

    /// The holder takes somebody off the list who has left, was given up, or is not wanted.
    pub(super) fn left(&mut self, gone: Fingerprint, now_us: u64) {
        let was_customer = self.roster.role_of(gone) == Some(Role::Customer);
        let Some(change) = self.roster.change_by(|roster| roster.remove(gone)) else {
            return;
        };
        self.passing_fails();
        self.publish(Some(gone));
        self.listed_anew(&change, now_us);
        if was_customer {
            self.actions.push_back(Action::RenewCode);
        }
    }

    /// Says goodbye for somebody who has said it.
    pub(super) fn said_goodbye(&mut self, from: Fingerprint, now_us: u64) {
        if self.roster.is_holder() {
            self.left(from, now_us);
        } else {
            // The holder hears it as well, and takes them off the list, or whoever takes over does.
            self.handle_lost(from, now_us);
            if let Some(peer) = self.peers.get_mut(&from) {
                peer.has_left = true;
            }
        }
    }

    pub(super) fn remove(&mut self, peer: Fingerprint, now_us: u64) -> Result<(), Refusal> {
        if !self.may(self.rules.may_direct) {
            return Err(Refusal::NotInControl);
        }
        if peer == self.own || self.roster.member(peer).is_none() {
            return Err(Refusal::NotThere);
        }
        let was_connected = self.peers.get(&peer).is_some_and(Peer::is_connected);
        self.left(peer, now_us);
        if was_connected {
            // The list without them is the last that they read.
            let gone = Action::Disconnect { from: peer };
            self.actions.retain(|action| *action != gone);
            if let Some(entry) = self.roster.newest().cloned() {
                self.send(peer, Message::Roster(entry));
            }
            self.actions.push_back(Action::Part { from: peer });
        }
        Ok(())
    }

    pub(super) fn leave(&mut self, now_us: u64) -> Result<(), Refusal> {
        // Whoever is not listed yet has nothing to hand over.
        if !self.role().is_none_or(self.rules.may_leave) {
            return Err(Refusal::InControl);
        }
        self.finish(EndReason::SessionOver, now_us);
        let connected: Vec<_> = self.connected_at_all();
        for to in connected {
            self.send(to, Message::Leave);
        }
        self.tell(Notice::Ended { by_holder: false });
        self.part_from_all(true);
        Ok(())
    }

    pub(super) fn end(&mut self, now_us: u64) -> Result<(), Refusal> {
        if !self.may(self.rules.may_end) {
            return Err(Refusal::NotInControl);
        }
        self.finish(EndReason::SessionOver, now_us);
        let connected: Vec<_> = self.connected_at_all();
        for to in connected {
            self.send(to, Message::End);
        }
        self.tell(Notice::ReviewNotes);
        self.part_from_all(true);
        self.actions.push_back(Action::CloseSession);
        self.tell(Notice::Ended { by_holder: true });
        Ok(())
    }

    pub(super) fn close_dashboard(&mut self, now_us: u64) -> Result<(), Refusal> {
        if self.may(self.rules.dashboard_closing_ends) {
            self.command(Command::End, now_us)
        } else {
            self.command(Command::Leave, now_us)
        }
    }

    /// The holder of control has ended the session.
    pub(super) fn ended(&mut self, from: Fingerprint, now_us: u64) {
        let is_holder = self.roster.holder() == Some(from);
        let role = if is_holder { Some(Role::Primary) } else { self.roster.role_of(from) };
        if !role.is_some_and(self.rules.may_end) {
            self.send(from, Message::NotUnderstood);
            return;
        }
        self.finish(EndReason::SessionOver, now_us);
        self.tell(Notice::Ended { by_holder: true });
        self.part_from_all(false);
    }

    /// Everything ends here.
    pub(super) fn finish(&mut self, reason: EndReason, now_us: u64) {
        self.interrupted = None;
        self.picking = None;
        if !(self.rules.goes_on)(Event::SessionEnded, Area::Sharing) {
            self.end_own_share(reason);
        }
        let watched: Vec<_> = self.peers.keys().copied().collect();
        for sharer in watched {
            self.watched_ended(sharer, reason);
        }
        self.drop_question();
        if self.running.remove(&Activity::LogOn) {
            self.actions.push_back(Action::LogCustomerBackOn);
        }
        self.write_log(What::Over, now_us);
        self.running.clear();
        self.consent = super::Consent::default();
        self.sends_video = false;
        self.call = None;
        self.recording = Recording::Off;
        self.over = true;
    }

    /// Everybody with whom there is a connection, listed or not.
    fn connected_at_all(&self) -> Vec<Fingerprint> {
        self.peers.iter().filter_map(|(key, peer)| peer.is_connected().then_some(*key)).collect()
    }

    /// Closes all connections, at once or when what was sent has been read.
    pub(super) fn part_from_all(&mut self, when_read: bool) {
        for from in self.connected_at_all() {
            self.actions.push_back(if when_read {
                Action::Part { from }
            } else {
                Action::Disconnect { from }
            });
        }
    }

    /// Tells somebody who has come what goes on, and turns to a first customer.
    pub(super) fn brief(&mut self, to: Fingerprint, role: Role) {
        if self.display != Display::default() {
            self.send(to, Message::DisplayMode { mode: self.display.mode });
            self.send_colours(to);
        }
        if self.recording != Recording::Off {
            self.send(to, Message::Recording { state: self.recording });
        }
        if self.call.is_some() {
            self.send(to, Message::Voice { call: self.call.clone() });
        }
        if role == Role::Customer && self.helped.is_none() {
            self.choose_helped();
        } else {
            self.send(to, Message::Helping { customer: self.helped });
        }
    }

    /// Turns to the customer who has been in longest, if nobody is helped.
    pub(super) fn choose_helped(&mut self) {
        if self.helped.is_some() {
            return;
        }
        let Some(customer) = self.primary_customer() else { return };
        self.helped = Some(customer);
        self.send_all(&Message::Helping { customer: Some(customer) });
        self.tell(Notice::Helping { customer: Some(customer) });
    }

    pub(super) fn help(&mut self, customer: Fingerprint) -> Result<(), Refusal> {
        if !self.may(self.rules.may_direct) {
            return Err(Refusal::NotInControl);
        }
        if self.roster.role_of(customer) != Some(Role::Customer) {
            return Err(Refusal::NotThere);
        }
        if self.helped != Some(customer) {
            self.send_all(&Message::Helping { customer: Some(customer) });
            self.turned_to(Some(customer));
        }
        Ok(())
    }

    /// The holder of control turns to a customer (RULE-09).
    pub(super) fn turned_to(&mut self, customer: Option<Fingerprint>) {
        let former = std::mem::replace(&mut self.helped, customer);
        if former == customer {
            return;
        }
        self.tell(Notice::Helping { customer });
        if former.is_some() && customer.is_some() {
            self.ends(Event::CustomerSwitched, EndReason::CustomerSwitched);
            self.asking = None;
            self.drop_question();
        }
    }

    /// Ends here what does not go on when `event` happens to the session (34.1).
    pub(super) fn ends(&mut self, event: Event, reason: EndReason) {
        let ends = |area| !(self.rules.goes_on)(event, area);
        let [sharing, files, chat, video, recording] =
            [Area::Sharing, Area::Files, Area::Chat, Area::Video, Area::Recording].map(ends);
        if sharing {
            self.interrupted = None;
            self.picking = None;
            self.end_own_share(reason);
            if event != Event::CustomerSwitched {
                // What their sharers said of it under the former holder may be on its way, and will not be heard.
                let sharers: Vec<_> = self.peers.keys().copied().collect();
                for sharer in sharers {
                    self.watched_ended(sharer, reason);
                }
            }
        }
        if files {
            self.end_everywhere(Activity::is_file_transfer);
        }
        if chat {
            self.end_chat();
        }
        if video {
            self.end_all_video();
        }
        if recording {
            self.end_everywhere(|activity| activity == Activity::Record);
            self.recorded(Recording::Off);
        }
    }
}
