//! A participant's view of a session as one pure state machine, for every role.
//!
//! A person's wishes go in as [`Command`]s, messages of other participants with the key that they came from, time as an argument;
//! [`Action`]s come out. Every mutation is followed by draining [`Participant::poll_action`], and the driver comes back at
//! [`Participant::poll_timeout_us`]. No clock, no randomness, no input or output.
//!
//! A participant believes nobody: each message is checked against what its sender is on the signed roster, and whatever the
//! sender said before it knew who holds control now is not heard. What is decided where:
//!
//! - who is in, who is helped, the call and the recording: by the holder of control;
//! - consent: by each customer, for their own computer;
//! - a share, who operates it and who draws on it: by the one who shares.
//!
//! The rules themselves stand in [`super::rules`]; here is only what follows from them.

mod annotating;
mod call;
mod command;
mod connections;
mod membership;
mod messages;
mod notice;
mod operating;
mod passing;
mod peer;
mod requests;
mod sharing;
mod talk;
mod tools;

pub use command::{Command, Refusal};
pub use notice::{Action, Notice, Offer};
pub use peer::Watched;
pub use sharing::OwnShare;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use tessera_transport::pairing::Number;
use tessera_transport::{Fingerprint, Identity};

use super::activity::{Activity, Right};
use super::display::Display;
use super::log;
use super::messages::{Call, Message, Recording};
use super::roster::{Member, Role, Roster};
use super::rules::Rulebook;
use super::rules::consent::Consent;
use super::share::ShareTarget;
use peer::Peer;
use requests::{Asked, Asking};

/// What this program can do, and what its site allows. It only narrows what the rules allow.
#[derive(Clone, Debug)]
pub struct Policy {
    /// Whether there is anything that input could be injected into.
    pub can_operate: bool,
    /// Whether there is what a voice call takes.
    pub has_voice: bool,
    /// Whether the site has queues.
    pub has_queue_module: bool,
    /// Whether sessions are recorded by themselves (REC-09).
    pub records_by_itself: bool,
    /// Customers that may be in the session at a time (SES-09).
    pub max_customers: usize,
    /// What the site has switched off (RULE-34).
    pub switched_off: Vec<Activity>,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            can_operate: true,
            has_voice: false,
            has_queue_module: false,
            records_by_itself: false,
            max_customers: 1,
            switched_off: Vec::new(),
        }
    }
}

/// Who a participant is.
#[derive(Clone, Debug)]
pub struct Setup {
    /// Name of the person.
    pub name: String,
    /// The session.
    pub session: Number,
    /// The program's key.
    pub identity: Arc<Identity>,
    /// What it can do.
    pub policy: Policy,
}

/// What goes on by itself when the holder of control is back.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Interrupted {
    target: ShareTarget,
    right: Right,
}

/// A choice of what to share that is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Picking {
    right: Right,
    controller: Fingerprint,
}

/// A participant's part in a session, from its beginning to its end.
#[derive(Debug)]
pub struct Participant {
    rules: Rulebook,
    name: String,
    policy: Policy,
    identity: Arc<Identity>,
    session: Number,
    own: Fingerprint,
    roster: Roster,
    /// An entry that was offered to an assistant, with whom.
    passing: Option<(Fingerprint, String)>,
    peers: BTreeMap<Fingerprint, Peer>,
    vacant_since_us: Option<u64>,
    consent: Consent,
    asked: Option<Asked>,
    asking: Option<Asking>,
    next_request: u32,
    /// Granted activities that go on at this computer.
    running: BTreeSet<Activity>,
    picking: Option<Picking>,
    share: Option<OwnShare>,
    interrupted: Option<Interrupted>,
    helped: Option<Fingerprint>,
    /// The session's mode, and the colours that this participant wants to see.
    display: Display,
    chat_goes_on: bool,
    recording: Recording,
    call: Option<Call>,
    sends_video: bool,
    log: log::Writer,
    over: bool,
    actions: VecDeque<Action>,
}

impl Participant {
    /// The representative who opens a session; `agent` if they are a queue agent.
    #[must_use]
    pub fn primary(setup: Setup, agent: bool) -> Self {
        let roster = Roster::found(setup.session, Arc::clone(&setup.identity), agent);
        Self::new(setup, roster, Consent::default())
    }

    /// Somebody who has been let in by the holder of the key `primary`. What `consent` holds is allowed without being
    /// asked, as far as the participant is a customer.
    #[must_use]
    pub fn joining(setup: Setup, primary: Fingerprint, consent: Consent) -> Self {
        let roster = Roster::follow(setup.session, Arc::clone(&setup.identity), primary);
        Self::new(setup, roster, consent)
    }

    fn new(setup: Setup, roster: Roster, consent: Consent) -> Self {
        let Setup { name, session, identity, policy } = setup;
        Self {
            rules: Rulebook::STANDARD,
            own: identity.fingerprint(),
            log: log::Writer::new(session, Arc::clone(&identity)),
            name,
            policy,
            identity,
            session,
            roster,
            passing: None,
            peers: BTreeMap::new(),
            vacant_since_us: None,
            consent,
            asked: None,
            asking: None,
            next_request: 1,
            running: BTreeSet::new(),
            picking: None,
            share: None,
            interrupted: None,
            helped: None,
            display: Display::default(),
            chat_goes_on: false,
            recording: Recording::Off,
            call: None,
            sends_video: false,
            over: false,
            actions: VecDeque::new(),
        }
    }

    /// The same by other rules: for tests that break one and see that the break is found.
    #[doc(hidden)]
    #[must_use]
    pub fn with_rules(mut self, rules: Rulebook) -> Self {
        self.rules = rules;
        self
    }

    /// Goes on with the consent log of a program that was started anew within the session.
    #[must_use]
    pub fn with_log(mut self, log: &log::Report) -> Self {
        self.log = self.log.resume(log);
        self
    }

    /// The next thing to do.
    pub fn poll_action(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    /// Whether the session is over for this participant; nothing follows but queued actions.
    #[must_use]
    pub const fn is_over(&self) -> bool {
        self.over
    }

    /// This participant's key.
    #[must_use]
    pub const fn own(&self) -> Fingerprint {
        self.own
    }

    /// What this participant is; nothing before they are on the roster.
    #[must_use]
    pub fn role(&self) -> Option<Role> {
        self.roster.role_of(self.own)
    }

    /// Everybody who is in.
    #[must_use]
    pub fn members(&self) -> &[Member] {
        self.roster.members()
    }

    /// Who is in, as it was signed.
    #[must_use]
    pub const fn roster(&self) -> &Roster {
        &self.roster
    }

    /// Who holds control of the session.
    #[must_use]
    pub fn holder(&self) -> Option<Fingerprint> {
        self.roster.holder()
    }

    /// Somebody's name, made safe for a terminal; empty before their greeting.
    #[must_use]
    pub fn name_of(&self, peer: Fingerprint) -> &str {
        self.peers.get(&peer).map_or("", |peer| &peer.name)
    }

    /// Whether messages go to this participant now.
    #[must_use]
    pub fn is_connected(&self, peer: Fingerprint) -> bool {
        self.peers.get(&peer).is_some_and(Peer::is_up)
    }

    /// What was allowed here for the session.
    #[must_use]
    pub const fn consent(&self) -> Consent {
        self.consent
    }

    /// Granted activities that go on at this computer.
    #[must_use]
    pub const fn running(&self) -> &BTreeSet<Activity> {
        &self.running
    }

    /// The question that waits for an answer here: its number and what is asked for.
    #[must_use]
    pub fn question(&self) -> Option<(u32, Activity)> {
        self.asked.as_ref().map(Asked::subject)
    }

    /// Whether this participant has to choose what to share: how much of it, and with whom.
    #[must_use]
    pub fn picking(&self) -> Option<(Right, Fingerprint)> {
        self.picking.map(|Picking { right, controller }| (right, controller))
    }

    /// What this participant shares.
    #[must_use]
    pub const fn share(&self) -> Option<&OwnShare> {
        self.share.as_ref()
    }

    /// What somebody else shares with this participant.
    #[must_use]
    pub fn watched(&self, sharer: Fingerprint) -> Option<&Watched> {
        self.peers.get(&sharer)?.share.as_ref()
    }

    /// Who is helped.
    #[must_use]
    pub const fn helped(&self) -> Option<Fingerprint> {
        self.helped
    }

    /// How pictures look, and the colours that this participant wants to see.
    #[must_use]
    pub const fn display(&self) -> Display {
        self.display
    }

    /// Whether a chat goes on.
    #[must_use]
    pub const fn chat_goes_on(&self) -> bool {
        self.chat_goes_on
    }

    /// Whether the session is recorded.
    #[must_use]
    pub const fn recording(&self) -> Recording {
        self.recording
    }

    /// The voice call.
    #[must_use]
    pub const fn call(&self) -> Option<&Call> {
        self.call.as_ref()
    }

    /// Whether somebody's camera is seen.
    #[must_use]
    pub fn sends_video(&self, sender: Fingerprint) -> bool {
        if sender == self.own {
            self.sends_video
        } else {
            self.peers.get(&sender).is_some_and(|peer| peer.video)
        }
    }

    /// The customer who may send video along with the representative: the one who has been in longest.
    #[must_use]
    pub fn primary_customer(&self) -> Option<Fingerprint> {
        let mut members = self.roster.members().iter();
        members.find(|member| member.role == Role::Customer).map(|member| member.key)
    }

    /// Does what a person wants.
    ///
    /// # Errors
    /// Nothing has changed then.
    pub fn command(&mut self, command: Command, now_us: u64) -> Result<(), Refusal> {
        if self.over {
            return Err(Refusal::Over);
        }
        match command {
            Command::Request(activity) => self.request(activity),
            Command::Answer { id, granted, all } => self.answer(id, granted, all, now_us),
            Command::Pick(target) => self.pick(target),
            Command::CancelPick => self.cancel_pick(),
            Command::ChangeTarget(target) => self.change_target(target),
            Command::StopShare { sharer } => self.stop_share(sharer),
            Command::TakeControl { sharer } => self.take_control(sharer),
            Command::ReleaseControl { sharer } => self.release_control(sharer),
            Command::OwnClick => self.own_click(now_us),
            Command::WithdrawControl => self.withdraw_control(now_us),
            Command::WithdrawAll => self.withdraw_all(now_us),
            Command::EndActivity { customer, activity } => self.end_activity(customer, activity),
            Command::DisplayMode(mode) => self.choose_display_mode(mode),
            Command::Colours(colours) => self.choose_colours(colours),
            Command::Chat { to, text } => self.chat(to, &text),
            Command::Annotate { sharer, on } => self.annotate(sharer, on),
            Command::Mark { sharer, mark } => self.mark(sharer, mark),
            Command::Help(customer) => self.help(customer),
            Command::PassControl(to) => self.pass_control(to),
            Command::TransferSession { destination, text } => {
                self.transfer_session(destination, text, now_us)
            }
            Command::Remove(peer) => self.remove(peer, now_us),
            Command::Record(state) => self.record(state),
            Command::StartVoice => self.start_voice(),
            Command::EndVoice => self.end_voice(),
            Command::JoinVoice(join) => self.join_voice(join),
            Command::PassMicrophone(to) => self.pass_microphone(to),
            Command::Video(on) => self.video(on),
            Command::MinimiseVideo => self.minimise_video(),
            Command::AskVideo => self.ask_video(),
            Command::Print => self.print(),
            Command::SaveNotes => self.save_notes(),
            Command::Leave => self.leave(now_us),
            Command::End => self.end(now_us),
            Command::CloseDashboard => self.close_dashboard(now_us),
        }
    }

    /// Whether a rule allows it for this participant's role.
    fn may(&self, rule: fn(Role) -> bool) -> bool {
        self.role().is_some_and(rule)
    }

    fn send(&mut self, to: Fingerprint, message: Message) {
        self.actions.push_back(Action::Send { to, message });
    }

    /// Sends to everybody who is connected.
    fn send_all(&mut self, message: &Message) {
        let connected: Vec<_> = self.connected().collect();
        for to in connected {
            self.send(to, message.clone());
        }
    }

    /// Everybody who is on the roster and connected.
    fn connected(&self) -> impl Iterator<Item = Fingerprint> + '_ {
        let others = self.roster.members().iter().map(|member| member.key);
        others.filter(|key| self.is_connected(*key))
    }

    fn tell(&mut self, notice: Notice) {
        self.actions.push_back(Action::Tell(notice));
    }

    /// Writes an entry of this customer's log, for both sides.
    fn write_log(&mut self, what: log::What, now_us: u64) {
        if self.role().is_none_or(|role| role != Role::Customer) {
            return;
        }
        let (holder, head) = (self.roster.holder(), self.roster.head());
        let record = self.log.append(what, now_us, holder, head);
        let line = log::Line::Record(record.clone());
        self.actions.push_back(Action::Log { customer: self.own, line });
        if let Some(holder) = holder.filter(|holder| self.is_connected(*holder)) {
            self.send(holder, Message::Log(record));
        }
    }
}
