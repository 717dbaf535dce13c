//! Connections come, are greeted over, fall silent, are lost and come back.

use tessera_transport::Fingerprint;
use tessera_transport::pairing::{Ticket, TicketVerdict};

use super::peer::Link;
use super::{Action, Interrupted, Notice, Participant};
use crate::session::activity::{Activity, Right, Surface};
use crate::session::messages::{Message, VERSION};
use crate::session::roster::{Head, Member, Role};
use crate::session::rules::session::{RETRY_MAX_US, RETRY_MIN_US, VACANCY_US, within_grace};
use crate::session::share::{EndReason, ShareTarget};

impl Participant {
    /// Whether a stranger who proves the code may come in as this.
    #[must_use]
    pub fn admits_stranger(&self, role: Role) -> bool {
        let is = |member: &&Member| member.role == role;
        let members = self.roster.members();
        let has_room = match role {
            Role::Customer => members.iter().filter(is).count() < self.policy.max_customers,
            Role::Assisting => members.len() < crate::session::roster::MAX_MEMBERS,
            Role::Primary => false,
        };
        !self.over && self.roster.is_holder() && has_room
    }

    /// Whether a participant's key alone is enough to come back: after a loss, and also while the
    /// old connection is not yet known to be dead.
    #[must_use]
    pub fn admits_return(&self, key: Fingerprint) -> bool {
        !self.over && key != self.own && self.roster.role_of(key).is_some()
    }

    /// Whether somebody who proved to have a participant's key may come back with `ticket`, which is used up by it.
    pub fn redeem(&mut self, key: Fingerprint, ticket: &Ticket) -> bool {
        let Some(peer) = self.peers.get_mut(&key) else { return false };
        let verdict = peer.tickets.redeem(ticket);
        if verdict == TicketVerdict::Spent {
            self.tell(Notice::TicketCopied { peer: key });
        }
        verdict == TicketVerdict::Good && self.admits_return(key)
    }

    /// A ticket was made, for [`Action::MakeTicket`].
    pub fn give_ticket(&mut self, to: Fingerprint, ticket: Ticket) {
        if let Some(peer) = self.peers.get_mut(&to) {
            peer.tickets.give(&ticket);
            self.send(to, Message::Ticket { ticket });
        }
    }

    /// The ticket given last is kept, also for a program that is started anew.
    pub fn ticket_kept(&mut self) {
        if let Some(holder) = self.roster.holder().filter(|holder| self.is_connected(*holder)) {
            self.send(holder, Message::TicketKept);
        }
    }

    /// The driver has admitted a connection of `member`: a stranger's with a proved code, or a known participant's, which
    /// replaces a former one. Only for the holder of control.
    pub fn handle_admitted(&mut self, member: Member, now_us: u64) {
        if self.over || !self.roster.is_holder() {
            return;
        }
        if self.roster.member(member.key).is_none() {
            let change = self.roster.change_by(|roster| roster.admit(member));
            if let Some(change) = change {
                self.passing_fails();
                self.peers.entry(member.key).or_default();
                self.publish(Some(member.key));
                self.listed_anew(&change, now_us);
            }
        }
        self.handle_connected(member.key);
    }

    /// There is a connection to a participant, in place of a former one.
    pub fn handle_connected(&mut self, peer: Fingerprint) {
        if self.over || peer == self.own {
            return;
        }
        self.cut_off(peer);
        let known = self.peers.entry(peer).or_default();
        (known.link, known.has_left) = (Link::Greeting, false);
        let (name, head) = (self.name.clone(), self.roster.head());
        self.send(peer, Message::Hello { version: VERSION, name, head });
    }

    /// There is to be a connection to a participant.
    pub(super) fn seek(&mut self, peer: Fingerprint, now_us: u64) {
        self.peers.entry(peer).or_default().link = Link::Lost {
            lost_us: now_us,
            retry_us: now_us.saturating_add(RETRY_MIN_US),
            pause_us: RETRY_MIN_US,
        };
    }

    pub(super) fn greeted(&mut self, from: Fingerprint, name: String, head: Option<Head>) {
        if head.is_some_and(|head| self.roster.contradicts(head)) {
            self.differs(from);
            return;
        }
        let waits = !self.roster.is_holder()
            && (self.roster.holder() == Some(from) || self.roster.head().is_none());
        let Some(peer) = self.peers.get_mut(&from) else { return };
        peer.name = name;
        peer.seen = head.map(|head| head.sequence);
        peer.held.clear();
        if waits {
            peer.link = Link::Unlisted;
            return;
        }
        if self.roster.is_holder() {
            let entries: Vec<_> =
                self.roster.since(head.map(|head| head.sequence)).cloned().collect();
            for entry in entries {
                self.send(from, Message::Roster(entry));
            }
            self.actions.push_back(Action::MakeTicket { to: from });
        }
        self.joined(from);
    }

    /// A participant is here and knows who is in, or will with the next message.
    pub(super) fn joined(&mut self, from: Fingerprint) {
        let Some(peer) = self.peers.get_mut(&from) else { return };
        peer.link = Link::Up;
        let again = std::mem::replace(&mut peer.joined_before, true);
        let name = peer.name.clone();
        let Some(role) = self.roster.role_of(from) else { return };
        if self.roster.is_holder() {
            self.brief(from, role);
        } else if self.roster.holder() == Some(from) {
            self.tell_running(from);
            self.tell_log(from);
        }
        if self.sends_video {
            self.send(from, Message::Video { on: true });
        }
        self.tell(Notice::Joined { peer: from, role, name, again });
        if self.roster.holder() == Some(from)
            && let Some(Interrupted { target, right }) = self.interrupted.take()
        {
            self.begin_share(target, right, Some(from));
        } else {
            self.show_to(from);
        }
    }

    /// The connection has fallen silent, or was heard again. Nothing ends by it: it may be a matter of seconds.
    pub fn handle_silence(&mut self, peer: Fingerprint, silent: bool) {
        if self.is_connected(peer) && !self.over {
            self.tell(Notice::Silent { peer, silent });
        }
    }

    /// The connection is gone.
    pub fn handle_lost(&mut self, peer: Fingerprint, now_us: u64) {
        let Some(known) = self.peers.get(&peer).filter(|peer| peer.is_connected()) else { return };
        if self.over {
            return;
        }
        let was_up = known.is_up();
        self.cut_off(peer);
        self.seek(peer, now_us);
        if was_up {
            self.tell(Notice::Lost { peer });
        }
    }

    /// What ends with the connection to `peer`, whether it comes back or not.
    fn cut_off(&mut self, peer: Fingerprint) {
        if !self.peers.get(&peer).is_some_and(super::Peer::is_connected) {
            return;
        }
        if self.passing.as_ref().is_some_and(|(to, _)| *to == peer) {
            self.passing_fails();
        }
        if self.asking.as_ref().is_some_and(|asking| asking.to == peer) {
            self.asking = None;
        }
        if self.roster.holder() == Some(peer) {
            self.drop_question();
            self.picking = None;
            if let Some(share) = &self.share {
                let right = (self.rules.resumed)(share.right(), self.consent);
                self.interrupted = Some(Interrupted { target: share.target.clone(), right });
                self.end_own_share(EndReason::ConnectionLost);
            }
        }
        self.hide_from(peer);
        self.watched_ended(peer, EndReason::ConnectionLost);
        if self.peers.get_mut(&peer).is_some_and(|peer| std::mem::take(&mut peer.video)) {
            self.tell(Notice::Video { sender: peer, on: false });
        }
        self.leaves_call(peer);
    }

    /// The holder of control does not want this participant, or cannot be trusted to be the one.
    pub fn handle_refused(&mut self, now_us: u64) {
        if !self.over {
            self.finish(EndReason::SessionOver, now_us);
            self.part_from_all(false);
        }
    }

    /// What is captured can no longer be.
    pub fn handle_screen_gone(&mut self) {
        self.interrupted = None;
        self.end_own_share(EndReason::ScreenGone);
    }

    /// This program was started anew within a session in which the desktop was shown: it will be
    /// again. Operating it takes a new OK.
    pub fn resume_showing(&mut self) {
        self.interrupted = Some(Interrupted { target: ShareTarget::DESKTOP, right: Right::View });
    }

    /// Whether the desktop is shown, or will be again by itself after a rejoin.
    #[must_use]
    pub fn shows(&self) -> bool {
        let shown = self.share.as_ref().map(|share| &share.target);
        let shown = shown.or(self.interrupted.as_ref().map(|interrupted| &interrupted.target));
        shown.is_some_and(|target| target.surface() == Surface::Desktop)
    }

    /// When [`Self::handle_timeout`] is due; `None` while nothing waits for time to pass.
    #[must_use]
    pub fn poll_timeout_us(&self) -> Option<u64> {
        if self.over {
            return None;
        }
        let links = self.peers.iter().filter_map(|(key, peer)| match peer.link {
            Link::Lost { lost_us, retry_us, .. } => {
                let retry = self.connects_to(*key).then_some(retry_us);
                let given_up =
                    self.gives_up(*key).then(|| lost_us.saturating_add(self.grace_us(*key)));
                [retry, given_up].into_iter().flatten().min()
            }
            _ => None,
        });
        let vacancy = self.vacant_since_us.map(|since_us| since_us.saturating_add(VACANCY_US));
        links
            .chain(vacancy)
            .chain(self.share.as_ref().and_then(super::OwnShare::rests_until_us))
            .min()
    }

    /// Time has passed; see [`Self::poll_timeout_us`].
    pub fn handle_timeout(&mut self, now_us: u64) {
        if self.over {
            return;
        }
        self.rested(now_us);
        if self.vacant_since_us.is_some_and(|since_us| !within_grace(since_us, now_us, VACANCY_US))
        {
            self.give_up(now_us);
            return;
        }
        let lost: Vec<_> = self.peers.iter().map(|(key, peer)| (*key, peer.link)).collect();
        for (key, link) in lost {
            let Link::Lost { lost_us, retry_us, pause_us } = link else { continue };
            if self.gives_up(key) && !within_grace(lost_us, now_us, self.grace_us(key)) {
                if self.roster.is_holder() {
                    self.left(key, now_us);
                } else {
                    self.give_up(now_us);
                    return;
                }
            } else if self.connects_to(key) && now_us >= retry_us {
                let pause_us = pause_us.saturating_mul(2).min(RETRY_MAX_US);
                let retry_us = now_us.saturating_add(pause_us);
                if let Some(peer) = self.peers.get_mut(&key) {
                    peer.link = Link::Lost { lost_us, retry_us, pause_us };
                }
                self.actions.push_back(Action::Connect { to: key });
            }
        }
    }

    /// Whether this side connects to that one, as opposed to waiting for it: whoever came later does.
    pub(super) fn connects_to(&self, peer: Fingerprint) -> bool {
        let place = |key| self.roster.members().iter().position(|member| member.key == key);
        match (place(self.own), place(peer)) {
            (Some(own), Some(other)) => own > other,
            // Not listed yet: whoever joins connects.
            (None, _) => !self.roster.is_holder(),
            (Some(_), None) => false,
        }
    }

    /// Whether the loss of `peer` has an end after which the session goes on without them, or is over.
    fn gives_up(&self, peer: Fingerprint) -> bool {
        self.roster.is_holder() || self.roster.holder() == Some(peer)
    }

    fn grace_us(&self, peer: Fingerprint) -> u64 {
        let reboots =
            self.peers.get(&peer).is_some_and(|peer| peer.running.contains(&Activity::Reboot));
        (self.rules.grace_us)(reboots)
    }

    fn give_up(&mut self, now_us: u64) {
        self.tell(Notice::GivenUp);
        self.finish(EndReason::SessionOver, now_us);
        self.part_from_all(false);
    }
}
