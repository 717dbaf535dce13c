//! Two participants of a session, played against each other without any network.

use std::collections::VecDeque;
use std::sync::{Arc, OnceLock};

use tessera::annotate::{Op, Point, Tool};
use tessera::csr::EndReason;
use tessera::session::messages::{Message, VERSION};
use tessera::session::roster::{Member, Role};
use tessera::session::rules::Consent;
use tessera::session::rules::session::GRACE_US;
use tessera::session::rules::sharing::RETAKE_REST_US;
use tessera::session::share::Control;
use tessera::session::{Action, Command, Notice, Participant, Policy, Setup};
use tessera::{Activity, ColourCount, ColourMode, Display, DisplayMode};
use tessera_transport::pairing::Number;
use tessera_transport::{Fingerprint, Identity};

fn identity(of: &'static OnceLock<Arc<Identity>>) -> Arc<Identity> {
    Arc::clone(of.get_or_init(|| Arc::new(Identity::ephemeral().expect("a key"))))
}

static CLEO: OnceLock<Arc<Identity>> = OnceLock::new();
static RAE: OnceLock<Arc<Identity>> = OnceLock::new();

/// Key of the customer.
fn cleo() -> Fingerprint {
    identity(&CLEO).fingerprint()
}

/// Key of the representative.
fn rae() -> Fingerprint {
    identity(&RAE).fingerprint()
}

fn setup(name: &str, identity: Arc<Identity>) -> Setup {
    let session = Number::from_index(1).expect("a number");
    Setup { name: name.to_owned(), session, identity, policy: Policy::default() }
}

/// Both participants of one session, not yet connected.
fn machines(consent: Consent) -> (Participant, Participant) {
    let customer = Participant::joining(setup("Cleo", identity(&CLEO)), rae(), consent);
    (customer, Participant::primary(setup("Rae", identity(&RAE)), false))
}

fn customer_member() -> Member {
    Member { key: cleo(), role: Role::Customer, agent: false }
}

/// Both participants, the messages between them, and everything they asked their drivers for.
struct Pair {
    customer: Participant,
    csr: Participant,
    to_customer: VecDeque<Message>,
    to_csr: VecDeque<Message>,
    connected: bool,
    customer_did: Vec<Action>,
    csr_did: Vec<Action>,
}

impl Pair {
    fn joined(consent: Consent) -> Self {
        let mut pair = Self::apart(consent);
        pair.connect();
        pair
    }

    fn connect(&mut self) {
        self.csr.handle_admitted(customer_member(), 0);
        self.customer.handle_connected(rae());
        self.settle();
    }

    fn apart(consent: Consent) -> Self {
        let (customer, csr) = machines(consent);
        Self {
            customer,
            csr,
            to_customer: VecDeque::new(),
            to_csr: VecDeque::new(),
            connected: true,
            customer_did: Vec::new(),
            csr_did: Vec::new(),
        }
    }

    /// Delivers messages until both sides are quiet.
    fn settle(&mut self) {
        loop {
            while let Some(action) = self.customer.poll_action() {
                match &action {
                    Action::Send { to, message } if *to == rae() => {
                        self.to_csr.push_back(message.clone());
                    }
                    Action::ShowTo { viewer } if *viewer == rae() => {
                        self.to_csr.push_back(self.customer.share_started(0).expect("a share"));
                    }
                    _ => {}
                }
                self.customer_did.push(action);
            }
            while let Some(action) = self.csr.poll_action() {
                if let Action::Send { to, message } = &action
                    && *to == cleo()
                {
                    self.to_customer.push_back(message.clone());
                }
                self.csr_did.push(action);
            }
            if !self.connected {
                self.to_csr.clear();
                self.to_customer.clear();
            }
            if let Some(message) = self.to_csr.pop_front() {
                self.csr.handle_message(cleo(), message, 0);
            } else if let Some(message) = self.to_customer.pop_front() {
                self.customer.handle_message(rae(), message, 0);
            } else {
                return;
            }
        }
    }

    /// The representative does something, if they may.
    fn csr_does(&mut self, command: Command) -> bool {
        self.csr.command(command, 0).is_ok()
    }

    /// The customer does something, if they may.
    fn customer_does(&mut self, command: Command) -> bool {
        self.customer.command(command, 0).is_ok()
    }

    fn request(&mut self, activity: Activity) {
        self.csr_does(Command::Request(activity));
        self.settle();
    }

    /// The representative clicks in the share window.
    fn take(&mut self) {
        self.csr_does(Command::TakeControl { sharer: cleo() });
        self.settle();
    }

    /// The representative asks for control, is allowed it without a question, and clicks in the share window.
    fn take_what_is_allowed(&mut self) {
        self.request(Activity::Control);
        assert!(!self.operates(), "nothing is operated before a click in the share window");
        self.take();
    }

    fn operates(&self) -> bool {
        self.customer.may_operate(rae())
    }

    fn asked(&self) -> Option<u32> {
        self.customer_did.iter().rev().find_map(|action| match action {
            Action::Tell(Notice::Asked { id, .. }) => Some(*id),
            _ => None,
        })
    }

    fn answer(&mut self, granted: bool, all: bool) {
        let id = self.asked().expect("a request is shown");
        self.customer_does(Command::Answer { id, granted, all });
        self.settle();
    }

    fn press(&mut self, now_us: u64) {
        let _ = self.customer.command(Command::OwnClick, now_us);
        self.settle();
    }

    fn lose(&mut self, now_us: u64) {
        self.connected = false;
        self.customer.handle_lost(rae(), now_us);
        self.csr.handle_lost(cleo(), now_us);
        self.settle();
    }

    fn rejoin(&mut self) {
        self.connected = true;
        self.connect();
    }

    fn captures(&self) -> bool {
        let last = self.customer_did.iter().rev().find_map(|action| match action {
            Action::StartSharing { .. } => Some(true),
            Action::StopSharing => Some(false),
            _ => None,
        });
        last.unwrap_or(false)
    }

    fn views(&self) -> bool {
        let last = self.csr_did.iter().rev().find_map(|action| match action {
            Action::StartViewing { .. } => Some(true),
            Action::StopViewing { .. } => Some(false),
            _ => None,
        });
        last.unwrap_or(false)
    }

    fn csr_was_told(&self, notice: &Notice) -> bool {
        self.csr_did.iter().any(|did| matches!(did, Action::Tell(told) if told == notice))
    }
}

/// What the representative is told when they operate what is shared.
fn taken() -> Notice {
    Notice::ControlChanged { sharer: cleo(), control: Control::Taken, own: true }
}

/// What they are told when they may begin with a click.
fn offered() -> Notice {
    Notice::ControlChanged { sharer: cleo(), control: Control::Offered, own: true }
}

#[test]
fn nothing_is_captured_before_the_customer_agrees() {
    let mut pair = Pair::joined(Consent::default());
    pair.request(Activity::View);
    assert!(pair.csr_was_told(&Notice::RequestReceived { activity: Activity::View }));
    assert!(!pair.captures());
    pair.answer(true, false);
    assert!(pair.captures() && pair.views());
    assert!(!pair.operates(), "seeing is not operating");
}

#[test]
fn the_request_that_is_shown_is_the_text_that_was_sent() {
    let mut pair = Pair::joined(Consent::default());
    pair.request(Activity::Control);
    let shown = pair.customer_did.iter().find_map(|action| match action {
        Action::Tell(Notice::Asked { text, .. }) => Some(text.as_str()),
        _ => None,
    });
    assert_eq!(shown, Some("Rae asks to view and control the desktop."));
}

#[test]
fn a_refusal_leaves_everything_as_it_was_and_is_told() {
    let mut pair = Pair::joined(Consent::default());
    pair.request(Activity::View);
    pair.answer(true, false);
    pair.request(Activity::Control);
    pair.answer(false, true);
    let refused = Notice::Answered { activity: Activity::Control, granted: false };
    assert!(pair.csr_was_told(&refused));
    assert!(pair.captures() && !pair.operates());
    pair.request(Activity::Control);
    assert!(!pair.operates(), "'all' with a refusal allows nothing");
}

#[test]
fn viewing_is_raised_to_control_without_a_new_share() {
    let mut pair = Pair::joined(Consent::default());
    pair.request(Activity::View);
    pair.answer(true, false);
    pair.request(Activity::Control);
    pair.answer(true, false);
    assert!(!pair.operates(), "not before a click in the share window");
    pair.take();
    assert!(pair.operates());
    assert!(pair.csr_was_told(&taken()));
    let starts = |did: &&Action| matches!(did, Action::StartSharing { .. });
    assert_eq!(pair.customer_did.iter().filter(starts).count(), 1);
}

#[test]
fn control_is_withdrawn_at_once_whether_or_not_the_csr_hears_of_it() {
    let mut pair = Pair::joined(Consent::of(&[Activity::Control]));
    pair.take_what_is_allowed();
    assert!(pair.operates());
    pair.connected = false;
    pair.customer_does(Command::WithdrawControl);
    assert!(!pair.operates());
    pair.settle();
    let released = Action::AllowInput { from: None };
    assert!(pair.customer_did.contains(&released));
    pair.connected = true;
    pair.request(Activity::Control);
    assert!(!pair.operates(), "standing consent to control is gone as well");
}

#[test]
fn a_grant_for_the_session_asks_no_more_until_it_is_withdrawn() {
    let mut pair = Pair::joined(Consent::default());
    pair.request(Activity::View);
    pair.answer(true, true);
    let shown = pair.asked();
    pair.take_what_is_allowed();
    assert!(pair.operates());
    assert_eq!(pair.asked(), shown, "no second question");
    pair.customer_does(Command::WithdrawAll);
    pair.settle();
    assert!(!pair.captures() && !pair.views());
    pair.request(Activity::View);
    assert_ne!(pair.asked(), shown);
    assert!(!pair.captures());
}

#[test]
fn a_newer_request_replaces_an_unanswered_one() {
    let mut pair = Pair::joined(Consent::default());
    pair.request(Activity::Control);
    let first = pair.asked().expect("asked");
    pair.request(Activity::View);
    pair.customer_does(Command::Answer { id: first, granted: true, all: false });
    pair.settle();
    assert!(!pair.captures(), "the answer to the replaced request does nothing");
    pair.answer(true, false);
    assert!(pair.captures() && !pair.operates());
}

#[test]
fn a_lost_customer_is_reported_and_viewing_resumes_but_control_does_not() {
    let mut pair = Pair::joined(Consent::default());
    pair.request(Activity::Control);
    pair.answer(true, false);
    pair.lose(1_000_000);
    assert!(pair.csr_was_told(&Notice::Lost { peer: cleo() }));
    assert!(!pair.captures() && !pair.views() && !pair.operates());
    assert!(pair.csr.admits_return(cleo()) && !pair.csr.admits_stranger(Role::Customer));
    pair.rejoin();
    let back =
        Notice::Joined { peer: cleo(), role: Role::Customer, name: "Cleo".into(), again: true };
    assert!(pair.csr_was_told(&back));
    assert!(pair.captures() && pair.views());
    assert!(!pair.operates(), "control needs a new OK");
}

#[test]
fn what_was_allowed_for_the_session_outlives_a_lost_connection() {
    let mut pair = Pair::joined(Consent::ALL);
    pair.take_what_is_allowed();
    pair.lose(0);
    pair.rejoin();
    assert!(!pair.operates(), "not before a click in the new share window");
    pair.take();
    assert!(pair.operates());
}

#[test]
fn both_sides_give_up_after_the_grace_period() {
    let mut pair = Pair::joined(Consent::ALL);
    pair.lose(5);
    assert_eq!(pair.csr.poll_timeout_us(), Some(5 + GRACE_US));
    pair.csr.handle_timeout(4 + GRACE_US);
    assert!(pair.csr.admits_return(cleo()));
    pair.csr.handle_timeout(5 + GRACE_US);
    pair.customer.handle_timeout(5 + GRACE_US);
    pair.settle();
    assert!(pair.csr_was_told(&Notice::Left { peer: cleo(), name: "Cleo".into() }));
    assert!(pair.csr_did.contains(&Action::RenewCode));
    assert!(pair.csr.admits_stranger(Role::Customer) && !pair.csr.is_over());
    assert!(pair.customer.is_over());
    let gave_up = Action::Tell(Notice::GivenUp);
    assert!(pair.customer_did.contains(&gave_up));
}

#[test]
fn attempts_to_rejoin_are_paced() {
    let mut pair = Pair::joined(Consent::default());
    pair.lose(0);
    let mut at_us = Vec::new();
    for _ in 0..5 {
        let due_us = pair.customer.poll_timeout_us().expect("an attempt is due");
        pair.customer.handle_timeout(due_us - 1);
        assert!(pair.customer.poll_action().is_none(), "not before its time");
        pair.customer.handle_timeout(due_us);
        assert_eq!(pair.customer.poll_action(), Some(Action::Connect { to: rae() }));
        at_us.push(due_us);
    }
    assert_eq!(at_us, [250_000, 750_000, 1_750_000, 2_750_000, 3_750_000]);
}

#[test]
fn a_customer_leaves_and_the_session_stays_open_for_the_next() {
    let mut pair = Pair::joined(Consent::ALL);
    pair.take_what_is_allowed();
    pair.customer_does(Command::Leave);
    assert!(!pair.operates());
    pair.settle();
    assert!(pair.customer.is_over() && !pair.captures());
    assert!(pair.csr_was_told(&Notice::Left { peer: cleo(), name: "Cleo".into() }));
    assert!(pair.csr.admits_stranger(Role::Customer) && !pair.csr.is_over());
}

#[test]
fn the_csr_ends_the_session_for_both() {
    let mut pair = Pair::joined(Consent::ALL);
    pair.request(Activity::View);
    pair.csr_does(Command::End);
    pair.settle();
    assert!(pair.csr.is_over() && pair.customer.is_over() && !pair.captures());
    let ended = Action::Tell(Notice::Ended { by_holder: true });
    assert!(pair.customer_did.contains(&ended));
    assert!(!pair.csr.admits_stranger(Role::Customer) && !pair.csr.admits_return(cleo()));
}

#[test]
fn either_side_stops_the_share_and_the_session_goes_on() {
    for by_csr in [true, false] {
        let mut pair = Pair::joined(Consent::ALL);
        pair.request(Activity::Control);
        if by_csr {
            pair.csr_does(Command::StopShare { sharer: cleo() });
        } else {
            pair.customer_does(Command::StopShare { sharer: cleo() });
        }
        pair.settle();
        assert!(!pair.captures() && !pair.views() && !pair.operates());
        let reason = if by_csr { EndReason::StoppedByCsr } else { EndReason::StoppedByCustomer };
        assert!(pair.csr_was_told(&Notice::Watching { sharer: cleo(), reason: Some(reason) }));
        assert!(!pair.customer.is_over() && !pair.csr.is_over());
    }
}

#[test]
fn messages_out_of_place_are_answered_and_change_nothing() {
    let mut pair = Pair::joined(Consent::default());
    let odd = [Message::Answer { id: 9, granted: true }, Message::Unknown, Message::Leave];
    for message in odd {
        pair.customer.handle_message(rae(), message, 0);
        assert_eq!(
            pair.customer.poll_action(),
            Some(Action::Send { to: rae(), message: Message::NotUnderstood })
        );
    }
    pair.csr.handle_message(
        cleo(),
        Message::Request { id: 1, activity: Activity::Control, text: String::new() },
        0,
    );
    assert_eq!(
        pair.csr.poll_action(),
        Some(Action::Send { to: cleo(), message: Message::NotUnderstood })
    );
    pair.csr.handle_message(
        cleo(),
        Message::ControlChanged { control: Control::Taken, turn: 0, controller: Some(rae()) },
        0,
    );
    assert_eq!(pair.csr.poll_action(), None, "there is no control without a share");
}

#[test]
fn another_version_is_told_and_ends_the_attempt() {
    let hello = Message::Hello { version: VERSION + 1, name: "x".into(), head: None };
    let (mut customer, mut csr) = machines(Consent::ALL);
    customer.handle_connected(rae());
    customer.handle_message(rae(), hello.clone(), 0);
    assert!(customer.is_over());
    let told: Vec<_> = std::iter::from_fn(|| customer.poll_action()).collect();
    let mismatch = Notice::VersionMismatch { theirs: VERSION + 1 };
    assert!(told.contains(&Action::Tell(mismatch)));
    csr.handle_admitted(customer_member(), 0);
    csr.handle_message(cleo(), hello, 0);
    assert!(csr.admits_stranger(Role::Customer));
}

#[test]
fn names_and_texts_reach_nobody_before_they_are_safe() {
    let (_, mut csr) = machines(Consent::ALL);
    csr.handle_admitted(customer_member(), 0);
    csr.handle_message(
        cleo(),
        Message::Hello { version: VERSION, name: "\u{1b}[2JCl\u{202e}eo".into(), head: None },
        0,
    );
    let told: Vec<_> = std::iter::from_fn(|| csr.poll_action()).collect();
    let joined =
        Notice::Joined { peer: cleo(), role: Role::Customer, name: "[2JCleo".into(), again: false };
    assert!(told.contains(&Action::Tell(joined)));
}

#[test]
fn silence_is_told_to_both_people_and_ends_nothing() {
    let mut pair = Pair::joined(Consent::default());
    pair.request(Activity::View);
    pair.answer(true, false);
    for silent in [true, false] {
        pair.csr.handle_silence(cleo(), silent);
        pair.customer.handle_silence(rae(), silent);
        pair.settle();
        assert!(pair.csr_was_told(&Notice::Silent { peer: cleo(), silent }));
        let told = Action::Tell(Notice::Silent { peer: rae(), silent });
        assert!(pair.customer_did.contains(&told));
        assert!(pair.captures() && pair.views());
    }
    pair.lose(1);
    let told = pair.csr_did.len();
    pair.csr.handle_silence(cleo(), true);
    pair.settle();
    assert_eq!(pair.csr_did.len(), told, "nobody is there to be silent");
}

#[test]
fn what_goes_on_already_or_less_is_not_asked_for_again() {
    let mut pair = Pair::joined(Consent::default());
    pair.request(Activity::Control);
    pair.answer(true, false);
    pair.lose(1);
    pair.rejoin();
    assert!(pair.captures() && !pair.operates(), "viewing resumes by itself");
    let asked = pair.asked();
    pair.request(Activity::View);
    assert_eq!(pair.asked(), asked, "it goes on already");
    assert!(pair.csr_was_told(&Notice::Answered { activity: Activity::View, granted: true }));
    pair.request(Activity::Control);
    assert_ne!(pair.asked(), asked, "operating needs a new OK");
    pair.answer(true, false);
    let asked = pair.asked();
    pair.request(Activity::View);
    assert_eq!(pair.asked(), asked, "it is less than what goes on");
    assert!(pair.captures() && !pair.operates());
}

/// What the customer's driver was told last of how pictures look.
fn display_of(pair: &Pair) -> Option<Display> {
    pair.customer_did.iter().rev().find_map(|action| match action {
        Action::SetDisplay { display, .. } => Some(*display),
        _ => None,
    })
}

#[test]
fn the_representative_chooses_the_display_mode_and_in_sampling_the_colours() {
    let mut pair = Pair::joined(Consent::ALL);
    pair.csr_does(Command::Colours(ColourCount::Colours256));
    pair.settle();
    assert_eq!(display_of(&pair), None, "there are no fewer colours in Standard");
    pair.csr_does(Command::DisplayMode(DisplayMode::Sampling));
    pair.settle();
    let shown = display_of(&pair).expect("a choice");
    assert_eq!(shown.colour_mode(), ColourMode::HighColour);
    pair.csr_does(Command::Colours(ColourCount::Colours256));
    pair.settle();
    let shown = display_of(&pair).expect("a choice");
    assert_eq!(shown.colour_mode(), ColourMode::Palette);
    let told = Notice::DisplayChanged { viewer: rae(), display: shown };
    assert!(pair.customer_did.contains(&Action::Tell(told)), "the customer sees it");
    pair.csr_does(Command::DisplayMode(DisplayMode::Standard));
    pair.settle();
    assert_eq!(display_of(&pair).map(Display::colour_mode), Some(ColourMode::Standard));
}

#[test]
fn a_choice_made_before_anybody_joined_holds_for_whoever_does() {
    let mut pair = Pair::apart(Consent::ALL);
    pair.csr_does(Command::DisplayMode(DisplayMode::Sampling));
    pair.csr_does(Command::Colours(ColourCount::Colours256));
    pair.connect();
    assert_eq!(display_of(&pair).map(Display::colour_mode), Some(ColourMode::Palette));
}

#[test]
fn colours_without_screen_sampling_are_not_understood() {
    let mut pair = Pair::joined(Consent::ALL);
    pair.customer.handle_message(rae(), Message::Colours { colours: ColourCount::Colours256 }, 0);
    pair.settle();
    assert!(
        pair.customer_did.contains(&Action::Send { to: rae(), message: Message::NotUnderstood })
    );
    assert_eq!(display_of(&pair), None);
}

/// The latest word on whether input is carried out.
fn input_allowed(pair: &Pair) -> Option<bool> {
    pair.customer_did.iter().rev().find_map(|action| match action {
        Action::AllowInput { from } => Some(*from == Some(rae())),
        _ => None,
    })
}

/// RULE-13 and RULE-14: the person's click wins, and control begins again with the controller's.
#[test]
fn a_click_takes_control_back_until_the_viewer_clicks_again() {
    let mut pair = Pair::joined(Consent::ALL);
    pair.take_what_is_allowed();
    assert!(pair.operates());
    pair.press(1_000);
    assert!(!pair.operates() && input_allowed(&pair) == Some(false));
    assert!(pair.csr_was_told(&offered()));

    pair.csr_does(Command::TakeControl { sharer: cleo() });
    pair.settle();
    assert!(!pair.operates(), "not while the person is at it");
    assert_eq!(pair.customer.poll_timeout_us(), Some(1_000 + RETAKE_REST_US));
    pair.customer.handle_timeout(999 + RETAKE_REST_US);
    assert!(!pair.operates());
    pair.customer.handle_timeout(1_000 + RETAKE_REST_US);
    pair.settle();
    assert!(pair.operates() && input_allowed(&pair) == Some(true));
    assert!(pair.csr_was_told(&taken()));
    assert_eq!(pair.customer.poll_timeout_us(), None);
}

#[test]
fn a_program_that_takes_control_without_end_never_has_it_while_the_person_clicks() {
    let mut pair = Pair::joined(Consent::ALL);
    pair.request(Activity::Control);
    for click in 1..=50_u64 {
        pair.press(click * RETAKE_REST_US / 2);
        for turn in 0..=u32::try_from(click).expect("few") + 1 {
            pair.customer.handle_message(
                rae(),
                Message::TakeControl { turn },
                click * RETAKE_REST_US / 2,
            );
            pair.settle();
        }
        pair.customer.handle_timeout(click * RETAKE_REST_US / 2 + 1);
        assert!(!pair.operates(), "click {click}");
    }
    // A click that answers an older turn is none.
    pair.customer.handle_timeout(100 * RETAKE_REST_US);
    pair.settle();
    assert!(pair.operates());
    pair.press(200 * RETAKE_REST_US);
    pair.customer.handle_message(rae(), Message::TakeControl { turn: 50 }, 200 * RETAKE_REST_US);
    pair.customer.handle_timeout(300 * RETAKE_REST_US);
    assert!(!pair.operates());
}

#[test]
fn what_was_taken_back_by_a_click_ends_with_the_grant() {
    let mut pair = Pair::joined(Consent::ALL);
    pair.press(0);
    assert!(!pair.csr_was_told(&offered()), "nobody controls");
    pair.request(Activity::Control);
    pair.press(1);
    pair.customer_does(Command::WithdrawControl);
    pair.settle();
    pair.customer.handle_message(rae(), Message::TakeControl { turn: 1 }, 1);
    pair.customer.handle_timeout(10 * RETAKE_REST_US);
    pair.csr_does(Command::TakeControl { sharer: cleo() });
    pair.settle();
    assert!(!pair.operates());
    assert_eq!(pair.customer.poll_timeout_us(), None);
}

fn dot(mark: u64) -> Op {
    Op::draw(mark, Tool::Pen, 0, &[Point::of_pixel(5, 5)], "")
}

/// Marks that each driver was asked to take, by author.
fn drawn(pair: &Pair) -> (Vec<Fingerprint>, Vec<Fingerprint>) {
    let by = |did: &[Action]| {
        let drawn = did.iter().filter_map(|action| match action {
            Action::Annotate { by, .. } => Some(*by),
            _ => None,
        });
        drawn.collect()
    };
    (by(&pair.customer_did), by(&pair.csr_did))
}

fn annotating(annotators: &[Fingerprint]) -> Notice {
    Notice::Annotating { sharer: cleo(), annotators: annotators.to_vec() }
}

fn annotate(on: bool) -> Command {
    Command::Annotate { sharer: cleo(), on }
}

fn mark(number: u64) -> Command {
    Command::Mark { sharer: cleo(), mark: dot(number) }
}

fn say(text: &str) -> Command {
    Command::Chat { to: None, text: text.to_owned() }
}

/// RULE-18, ANN-10: whoever annotates does not operate, and annotating needs a share.
#[test]
fn annotating_and_operating_exclude_each_other() {
    let mut pair = Pair::joined(Consent::ALL);
    assert!(!pair.csr_does(annotate(true)) && !pair.csr_does(mark(1)));
    assert!(!pair.customer_does(annotate(true)));
    pair.settle();
    assert_eq!(drawn(&pair), (vec![], vec![]), "nothing is shared");

    pair.take_what_is_allowed();
    assert!(pair.operates());
    assert!(!pair.csr_does(mark(1)));
    pair.settle();
    assert_eq!(drawn(&pair).0, [], "annotation mode is off");
    pair.csr_does(annotate(true));
    pair.settle();
    assert!(!pair.operates() && input_allowed(&pair) == Some(false));
    assert!(pair.csr_was_told(&annotating(&[rae()])));
    pair.take();
    assert!(!pair.operates(), "nor with a click in the share window");
    pair.request(Activity::Control);
    pair.take();
    assert!(!pair.operates(), "a grant does not end it");
    pair.customer_does(annotate(true));
    pair.csr_does(annotate(false));
    pair.settle();
    pair.take();
    assert!(!pair.operates(), "the customer still annotates");
    pair.customer_does(annotate(false));
    pair.settle();
    assert!(!pair.operates(), "control begins with a click");
    pair.take();
    assert!(pair.operates() && input_allowed(&pair) == Some(true));
    // A program that asks for it by itself while somebody annotates does not get it either.
    pair.customer_does(annotate(true));
    pair.settle();
    for turn in 0..10 {
        pair.customer.handle_message(rae(), Message::TakeControl { turn }, 0);
        pair.settle();
        assert!(!pair.operates(), "turn {turn}");
    }
}

/// ANN-02, ANN-03: both draw, and both sides take what either drew.
#[test]
fn what_either_draws_reaches_both_layers() {
    let mut pair = Pair::joined(Consent::ALL);
    pair.request(Activity::View);
    pair.csr_does(annotate(true));
    pair.customer_does(annotate(true));
    pair.settle();
    pair.csr_does(mark(1));
    pair.customer_does(mark(2));
    pair.settle();
    let (at_customer, at_csr) = drawn(&pair);
    assert_eq!(at_customer.len(), 2);
    assert_eq!(at_csr.iter().filter(|by| **by == cleo()).count(), 1);
    assert_eq!(at_csr.len(), 2);
    pair.csr_does(Command::StopShare { sharer: cleo() });
    pair.settle();
    assert!(pair.customer_did.contains(&Action::ClearLayer { sharer: cleo() }));
    pair.to_customer.push_back(Message::Mark { mark: dot(3) });
    pair.settle();
    assert_eq!(drawn(&pair).0.len(), 2, "a mark that comes late is of a layer that is gone");
}

#[test]
fn the_layer_outlives_a_lost_connection_and_is_told_again() {
    let mut pair = Pair::joined(Consent::ALL);
    pair.request(Activity::View);
    pair.csr_does(annotate(true));
    pair.settle();
    pair.customer_did.clear();
    pair.lose(0);
    assert!(!pair.customer_did.contains(&Action::ClearLayer { sharer: cleo() }));
    assert!(pair.csr_was_told(&annotating(&[])));
    pair.rejoin();
    assert!(pair.customer_did.contains(&Action::TellLayer { to: rae() }));
}

#[test]
fn words_reach_the_other_person_clean_or_are_said_not_to() {
    let mut pair = Pair::joined(Consent::default());
    assert!(pair.csr_does(say(" Hello,\n\u{1b}[2Jcan you \u{202e}see it? ")));
    assert!(pair.customer_does(say("yes")));
    pair.settle();
    let text = "Hello,\n[2Jcan you see it?".to_owned();
    let heard = Notice::Chat { from: rae(), to_all: true, text };
    assert!(pair.customer_did.contains(&Action::Tell(heard)));
    let heard = Notice::Chat { from: cleo(), to_all: true, text: "yes".to_owned() };
    assert!(pair.csr_was_told(&heard));
    let hostile = "x\u{9b}31m".repeat(2_000);
    pair.to_csr.push_back(Message::Chat { to_all: true, text: hostile });
    pair.settle();
    let cut = pair.csr_did.iter().rev().find_map(|action| match action {
        Action::Tell(Notice::Chat { text, .. }) => Some(text.clone()),
        _ => None,
    });
    let cut = cut.expect("heard");
    assert!(cut.chars().count() <= tessera::chat::MAX_CHARS && !cut.contains('\u{9b}'));
    pair.lose(0);
    assert!(!pair.csr_does(say("are you there?")), "there is nobody to hear it");
    pair.settle();
}
