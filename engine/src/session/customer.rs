//! The customer's view of a session as a pure state machine.
//!
//! Every `handle_*` takes the time and queues actions; the driver drains [`Customer::poll_action`]
//! and comes back at [`Customer::poll_timeout_us`]. No clock, no randomness, no input or output.

use std::collections::VecDeque;

use tessera_transport::Fingerprint;
use tessera_transport::pairing::Ticket;

use super::display::Display;
use super::messages::{Activity, Message, VERSION};
use super::roster::{Follower, RosterError, SignedEntry};
use super::rules::{self, Consent, Watcher};
use crate::annotate::{Op, Rights};
use crate::chat;
use crate::csr::EndReason;

/// What the driver has to do, in this order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Send a message to the representative's program.
    Send(Message),
    /// Start capturing and sending pictures, and tell the representative's program so.
    StartSharing {
        /// Whether input is carried out.
        control: bool,
    },
    /// Stop capturing at once.
    StopSharing,
    /// Whether arriving input is injected from now on; `false` also releases every pressed key.
    AllowInput(bool),
    /// Take an operation onto the layer over the share.
    Draw {
        /// Whose.
        by: Fingerprint,
        /// The operation.
        mark: Op,
        /// What they may do.
        rights: Rights,
    },
    /// Take everything off the layer.
    ClearBoard,
    /// Tell the representative's program the whole layer.
    TellLayer,
    /// What pictures look like from the next update on.
    SetDisplay(Display),
    /// Keep the ticket in place of the one before, and say so with [`Customer::ticket_kept`].
    KeepTicket(Ticket),
    /// Connect to the representative's program again, with the ticket kept last.
    Rejoin,
    /// Close the connection.
    Disconnect,
    /// Close the connection when the peer has read what was sent.
    Part,
    /// Tell the program.
    Tell(Notice),
}

/// What the program is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// Both sides have greeted each other.
    Joined {
        /// The representative's name.
        csr_name: String,
        /// Whether this is a return.
        again: bool,
    },
    /// A request to show.
    Asked {
        /// The request.
        id: u32,
        /// What is asked for.
        activity: Activity,
        /// What to show.
        text: String,
    },
    /// A request that is no longer of interest.
    Withdrawn {
        /// The request.
        id: u32,
    },
    /// Sharing has started (no reason) or ended.
    Sharing {
        /// Whether it is on.
        on: bool,
        /// Why it ended.
        reason: Option<EndReason>,
    },
    /// Whether input is carried out has changed.
    Controlled {
        /// Whether it is.
        on: bool,
    },
    /// The person took control back by a click; the representative can take it again by one.
    TakenBack,
    /// Nothing is heard from the representative's program for now, or something is again.
    CsrSilent {
        /// Whether it is silent.
        silent: bool,
    },
    /// Who annotates has changed.
    Annotating {
        /// Whether the representative does.
        csr: bool,
        /// Whether the person here does.
        own: bool,
    },
    /// The representative has said something.
    Chat {
        /// Whether to everybody.
        to_all: bool,
        /// What.
        text: String,
    },
    /// What the person said was sent, or could not be.
    Said {
        /// What.
        text: String,
        /// Whether it was sent.
        sent: bool,
    },
    /// Pictures look otherwise from now on.
    DisplayChanged(Display),
    /// The list of participants cannot be trusted, or this program is no longer on it.
    RosterRefused(RosterError),
    /// The connection was lost.
    CsrLost,
    /// The session is over for the customer.
    Ended {
        /// Whether the representative ended it.
        by_csr: bool,
    },
    /// The peer speaks another version.
    VersionMismatch {
        /// Version of the peer.
        theirs: u32,
    },
    /// The connection did not come back within the grace period.
    GivenUp,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Link {
    /// Connected, and the peer's greeting is still to come.
    Greeting,
    /// Greeted, and who is in the session is still to come.
    Unlisted,
    Up,
    Down {
        lost_us: u64,
        retry_us: u64,
        pause_us: u64,
    },
    Over,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Pending {
    id: u32,
    activity: Activity,
}

/// Control is granted, but a click took it back for the moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct TakenBack {
    /// Before that it cannot be taken again; `None` once the time has passed.
    rests_until_us: Option<u64>,
    /// Whether the representative has clicked meanwhile.
    wanted: bool,
}

/// Who is in annotation mode.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Annotators {
    csr: bool,
    own: bool,
}

impl Annotators {
    const fn any(self) -> bool {
        self.csr || self.own
    }
}

/// The customer's part in a session, from the first connection to its end.
#[derive(Debug)]
pub struct Customer {
    name: String,
    can_operate: bool,
    consent: Consent,
    roster: Follower,
    csr_name: String,
    link: Link,
    joined_before: bool,
    pending: Option<Pending>,
    sharing: Option<Activity>,
    taken_back: Option<TakenBack>,
    /// How often control was taken back by a click.
    turn: u32,
    /// Whether the representative is in annotation mode, and whether the person here is.
    annotators: Annotators,
    /// What goes on by itself after a rejoin.
    interrupted: Option<Activity>,
    display: Display,
    actions: VecDeque<Action>,
}

impl Customer {
    /// A customer is joined to the primary representative, and to nobody else.
    const PEER: Watcher = Watcher::Primary;

    /// A customer called `name` who has just been connected and follows `roster`. `consent` holds
    /// without being asked; `can_operate` tells whether there is anything that input could be
    /// injected into.
    #[must_use]
    pub fn new(name: String, consent: Consent, can_operate: bool, roster: Follower) -> Self {
        let mut customer = Self {
            name,
            can_operate,
            consent,
            roster,
            csr_name: String::new(),
            link: Link::Greeting,
            joined_before: false,
            pending: None,
            sharing: None,
            taken_back: None,
            annotators: Annotators::default(),
            turn: 0,
            interrupted: None,
            display: Display::default(),
            actions: VecDeque::new(),
        };
        customer.greet();
        customer
    }

    /// The next thing to do.
    pub fn poll_action(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    /// When [`Self::handle_timeout`] is due; `None` while nothing waits for time to pass.
    #[must_use]
    pub fn poll_timeout_us(&self) -> Option<u64> {
        match self.link {
            Link::Down { lost_us, retry_us, .. } => Some(retry_us.min(lost_us + rules::GRACE_US)),
            Link::Greeting | Link::Unlisted | Link::Up => {
                self.taken_back.and_then(|taken_back| taken_back.rests_until_us)
            }
            Link::Over => None,
        }
    }

    /// Whether input that arrives now may be injected.
    #[must_use]
    pub fn may_operate(&self) -> bool {
        rules::may_operate(
            self.link == Link::Up,
            self.sharing,
            self.taken_back.is_some(),
            self.annotators.any(),
        )
    }

    /// Whether pictures may be sent to the holder of `key` at all.
    #[must_use]
    pub fn may_see(&self, key: Fingerprint) -> bool {
        self.roster.may_see(key)
    }

    /// Whether the session is over for the customer; nothing follows but queued actions.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.link == Link::Over
    }

    /// A message has arrived.
    pub fn handle_message(&mut self, message: Message) {
        match (self.link, message.clean()) {
            (Link::Greeting, Message::Hello { version, .. }) if version != VERSION => {
                self.tell(Notice::VersionMismatch { theirs: version });
                self.over(Action::Part);
            }
            (Link::Greeting, Message::Hello { name, .. }) => {
                (self.link, self.csr_name) = (Link::Unlisted, name);
            }
            (Link::Unlisted | Link::Up, Message::Roster(signed)) => self.listed(&signed),
            (Link::Up, Message::Ticket { ticket }) => {
                self.actions.push_back(Action::KeepTicket(ticket));
            }
            (Link::Up, Message::Request { id, activity, text }) => self.asked(id, activity, text),
            (Link::Up, Message::DisplayMode { mode })
                if rules::may_choose_display_mode(Self::PEER) =>
            {
                self.set_display(Display { mode, ..self.display });
            }
            (Link::Up, Message::Colours { colours })
                if rules::may_choose_colours(self.display.mode) =>
            {
                self.set_display(Display { colours, ..self.display });
            }
            (Link::Up, Message::TakeControl { turn }) => self.take_control(turn),
            (Link::Up, Message::Annotate { on }) if !on || rules::may_annotate(self.sharing) => {
                self.set_annotators(Annotators { csr: on, ..self.annotators });
            }
            (Link::Up, Message::Mark { mark }) if self.annotators.csr => {
                let by = self.roster.primary_key();
                let rights = rules::annotation_rights(Self::PEER, false);
                self.actions.push_back(Action::Draw { by, mark, rights });
            }
            // Of a mode that was left meanwhile.
            (Link::Up, Message::Mark { .. }) => {}
            (Link::Up, Message::Chat { to_all, text }) => self.tell(Notice::Chat { to_all, text }),
            (Link::Up, Message::StopShare) => self.stop(EndReason::StoppedByCsr),
            (Link::Greeting | Link::Unlisted | Link::Up, Message::End) => {
                self.stop(EndReason::SessionOver);
                self.tell(Notice::Ended { by_csr: true });
                self.over(Action::Disconnect);
            }
            (Link::Greeting | Link::Unlisted | Link::Up, Message::NotUnderstood)
            | (Link::Down { .. } | Link::Over, _) => {}
            (Link::Greeting | Link::Unlisted | Link::Up, _) => self.send(Message::NotUnderstood),
        }
    }

    /// The person has answered a request; an answer to anything but the open request is ignored.
    pub fn answer(&mut self, id: u32, granted: bool, all: bool) {
        if let Some(pending) = self.pending.filter(|pending| pending.id == id) {
            self.pending = None;
            if granted && all {
                self.consent = Consent::ALL;
            }
            self.decide(pending, granted);
        }
    }

    /// The person enters annotation mode, or leaves it.
    pub fn annotate(&mut self, on: bool) {
        if !on || rules::may_annotate(self.sharing) {
            self.set_annotators(Annotators { own: on, ..self.annotators });
        }
    }

    /// The person has drawn something.
    pub fn mark(&mut self, mark: Op) {
        if self.annotators.own {
            let by = self.roster.own_key();
            let rights = rules::annotation_rights(Watcher::Other, true);
            self.send(Message::Marked { by, mark: mark.clone() });
            self.actions.push_back(Action::Draw { by, mark, rights });
        }
    }

    /// The person says something.
    pub fn chat(&mut self, text: &str) {
        let text = chat::clean(text);
        let sent = self.link == Link::Up && !text.is_empty();
        if sent {
            self.send(Message::Chat { to_all: true, text: text.clone() });
        }
        self.tell(Notice::Said { text, sent });
    }

    /// The person takes control back; sharing goes on.
    pub fn withdraw_control(&mut self) {
        self.consent.control = false;
        self.interrupted = self.interrupted.map(|_| Activity::View);
        if self.sharing == Some(Activity::Control) {
            self.share(Activity::View);
        }
    }

    /// The person has clicked on the shared computer: control is theirs at once, until the representative
    /// clicks in the share window again.
    pub fn handle_local_press(&mut self, now_us: u64) {
        if self.sharing != Some(Activity::Control) {
            return;
        }
        let rests_until_us = Some(now_us + rules::RETAKE_REST_US);
        let resting = TakenBack { rests_until_us, wanted: false };
        let first = self.taken_back.replace(resting).is_none();
        self.turn = self.turn.wrapping_add(1);
        if first {
            self.actions.push_back(Action::AllowInput(false));
            self.tell(Notice::TakenBack);
            self.tell(Notice::Controlled { on: false });
        }
        self.send(Message::ControlPaused { turn: self.turn });
    }

    /// The representative has clicked in the share window. Where control was not taken back, or has been once more since, that
    /// click came too late to mean anything.
    fn take_control(&mut self, turn: u32) {
        let Some(taken_back) = self.taken_back.as_mut().filter(|_| turn == self.turn) else {
            return;
        };
        taken_back.wanted = true;
        if taken_back.rests_until_us.is_none() {
            self.resume_control();
        }
    }

    fn resume_control(&mut self) {
        self.taken_back = None;
        self.allow_input(true);
        self.send(Message::ControlResumed);
    }

    /// The person withdraws everything.
    pub fn withdraw_all(&mut self) {
        self.consent = Consent::default();
        self.interrupted = None;
        self.refuse_pending();
        self.stop(EndReason::StoppedByCustomer);
    }

    /// The person stops sharing. What was allowed for the session stays allowed.
    pub fn stop_sharing(&mut self) {
        self.interrupted = None;
        self.stop(EndReason::StoppedByCustomer);
    }

    /// The person leaves.
    pub fn leave(&mut self) {
        if self.link == Link::Over {
            return;
        }
        self.stop(EndReason::SessionOver);
        if self.is_connected() {
            self.send(Message::Leave);
        }
        self.tell(Notice::Ended { by_csr: false });
        self.over(Action::Part);
    }

    /// The screen can no longer be captured.
    pub fn handle_screen_gone(&mut self) {
        self.interrupted = None;
        self.stop(EndReason::ScreenGone);
    }

    /// The representative's name, made safe for a terminal; empty before the first greeting.
    #[must_use]
    pub fn csr_name(&self) -> &str {
        &self.csr_name
    }

    /// The ticket given last is kept, also for a program that is started anew.
    pub fn ticket_kept(&mut self) {
        if self.link == Link::Up {
            self.send(Message::TicketKept);
        }
    }

    /// Whether the desktop is shown, or will be again by itself after a rejoin.
    #[must_use]
    pub const fn shows(&self) -> bool {
        self.sharing.is_some() || self.interrupted.is_some()
    }

    /// This program was started anew within a session in which the desktop was shown: it will be
    /// again. Operating it takes a new OK.
    pub fn resume_showing(&mut self) {
        self.interrupted = Some(Activity::View);
    }

    /// The connection has fallen silent, or was heard again. Nothing ends by it: it may be a matter of seconds.
    pub fn handle_silence(&mut self, silent: bool) {
        if self.link == Link::Up {
            self.tell(Notice::CsrSilent { silent });
        }
    }

    /// The connection is gone.
    pub fn handle_lost(&mut self, now_us: u64) {
        if !self.is_connected() {
            return;
        }
        let first = self.link == Link::Up;
        if let Some(pending) = self.pending.take() {
            self.tell(Notice::Withdrawn { id: pending.id });
        }
        if let Some(shared) = self.sharing {
            self.interrupted = Some(rules::resumed(shared, self.consent));
            self.end_share(EndReason::ConnectionLost);
        }
        self.link = Link::Down {
            lost_us: now_us,
            retry_us: now_us + rules::RETRY_MIN_US,
            pause_us: rules::RETRY_MIN_US,
        };
        if first {
            self.tell(Notice::CsrLost);
        }
    }

    /// The representative's program does not want this customer, or cannot be trusted to be one.
    pub fn handle_refused(&mut self) {
        if self.link != Link::Over {
            self.pending = None;
            self.end_share_if_any(EndReason::SessionOver);
            self.over(Action::Disconnect);
        }
    }

    /// The connection is back.
    pub fn handle_reconnected(&mut self) {
        if matches!(self.link, Link::Down { .. }) {
            self.link = Link::Greeting;
            self.greet();
        }
    }

    /// Time has passed; see [`Self::poll_timeout_us`].
    pub fn handle_timeout(&mut self, now_us: u64) {
        let Link::Down { lost_us, retry_us, pause_us } = self.link else {
            self.rest_over(now_us);
            return;
        };
        if !rules::within_grace(lost_us, now_us) {
            self.tell(Notice::GivenUp);
            self.over(Action::Disconnect);
        } else if now_us >= retry_us {
            let pause_us = (pause_us * 2).min(rules::RETRY_MAX_US);
            self.link = Link::Down { lost_us, retry_us: now_us + pause_us, pause_us };
            self.actions.push_back(Action::Rejoin);
        }
    }

    fn rest_over(&mut self, now_us: u64) {
        let Some(taken_back) = &mut self.taken_back else { return };
        if taken_back.rests_until_us.is_some_and(|until_us| until_us <= now_us) {
            taken_back.rests_until_us = None;
            if taken_back.wanted {
                self.resume_control();
            }
        }
    }

    fn set_display(&mut self, display: Display) {
        if std::mem::replace(&mut self.display, display) != display {
            self.actions.push_back(Action::SetDisplay(display));
            self.tell(Notice::DisplayChanged(display));
        }
    }

    fn greet(&mut self) {
        let name = self.name.clone();
        self.send(Message::Hello { version: VERSION, name });
    }

    fn is_connected(&self) -> bool {
        matches!(self.link, Link::Greeting | Link::Unlisted | Link::Up)
    }

    /// Who is in has been told. Nothing may go on with a list that is not what it has to be.
    fn listed(&mut self, signed: &SignedEntry) {
        match self.roster.accept(signed) {
            Ok(head) => {
                self.send(Message::RosterSeen(head));
                if self.link == Link::Unlisted {
                    self.joined();
                }
            }
            Err(error) => {
                self.stop(EndReason::SessionOver);
                self.tell(Notice::RosterRefused(error));
                self.over(Action::Part);
            }
        }
    }

    fn joined(&mut self) {
        self.link = Link::Up;
        let csr_name = self.csr_name.clone();
        let again = std::mem::replace(&mut self.joined_before, true);
        self.tell(Notice::Joined { csr_name, again });
        if let Some(activity) = self.interrupted.take() {
            self.share(activity);
        }
    }

    fn asked(&mut self, id: u32, activity: Activity, text: String) {
        self.refuse_pending();
        let pending = Pending { id, activity };
        self.send(Message::RequestReceived { id });
        if activity == Activity::Control && !self.can_operate {
            self.decide(pending, false);
        } else if !rules::needs_question(activity, self.sharing, self.consent) {
            self.decide(pending, true);
        } else {
            self.pending = Some(pending);
            self.tell(Notice::Asked { id, activity, text });
        }
    }

    fn refuse_pending(&mut self) {
        if let Some(pending) = self.pending.take() {
            self.tell(Notice::Withdrawn { id: pending.id });
            self.decide(pending, false);
        }
    }

    fn decide(&mut self, pending: Pending, granted: bool) {
        self.send(Message::Answer { id: pending.id, granted });
        if granted {
            self.share(pending.activity);
        }
    }

    /// Shares for `activity`, changing a share in progress rather than restarting it. A granted
    /// request to view ends control: the representative asked for less.
    fn share(&mut self, activity: Activity) {
        let control = activity == Activity::Control;
        match self.sharing.replace(activity) {
            None => {
                self.actions.push_back(Action::StartSharing { control });
                self.actions.push_back(Action::TellLayer);
                self.tell(Notice::Sharing { on: true, reason: None });
                if control {
                    self.allow_input(true);
                }
            }
            Some(former) if former != activity => {
                self.taken_back = None;
                self.allow_input(control);
                self.send(Message::ControlChanged { allowed: control });
            }
            Some(_) => {}
        }
    }

    fn set_annotators(&mut self, annotators: Annotators) {
        let before = std::mem::replace(&mut self.annotators, annotators);
        if before == annotators {
            return;
        }
        let operates = self.sharing == Some(Activity::Control) && self.taken_back.is_none();
        if operates && before.any() != annotators.any() {
            self.allow_input(true);
        }
        let keys =
            [(annotators.csr, self.roster.primary_key()), (annotators.own, self.roster.own_key())];
        let annotators_of = keys.iter().filter(|(on, _)| *on).map(|(_, key)| *key).collect();
        if self.link == Link::Up {
            self.send(Message::Annotating { annotators: annotators_of });
        }
        self.tell(Notice::Annotating { csr: annotators.csr, own: annotators.own });
    }

    fn allow_input(&mut self, allowed: bool) {
        let allowed = allowed && !self.annotators.any();
        self.actions.push_back(Action::AllowInput(allowed));
        self.tell(Notice::Controlled { on: allowed });
    }

    fn stop(&mut self, reason: EndReason) {
        if self.sharing.is_some() {
            self.end_share(reason);
            self.send(Message::ShareEnded { reason });
        }
    }

    fn end_share_if_any(&mut self, reason: EndReason) {
        if self.sharing.is_some() {
            self.end_share(reason);
        }
    }

    fn end_share(&mut self, reason: EndReason) {
        if std::mem::take(&mut self.annotators).any() {
            self.tell(Notice::Annotating { csr: false, own: false });
        }
        if reason != EndReason::ConnectionLost {
            self.actions.push_back(Action::ClearBoard);
        }
        if self.sharing.take() == Some(Activity::Control) {
            self.taken_back = None;
            self.allow_input(false);
        }
        self.actions.push_back(Action::StopSharing);
        self.tell(Notice::Sharing { on: false, reason: Some(reason) });
    }

    fn over(&mut self, last: Action) {
        self.link = Link::Over;
        self.actions.push_back(last);
    }

    fn send(&mut self, message: Message) {
        self.actions.push_back(Action::Send(message));
    }

    fn tell(&mut self, notice: Notice) {
        self.actions.push_back(Action::Tell(notice));
    }
}
