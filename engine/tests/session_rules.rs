//! The two state machines of a session, played against each other without any network.

use std::collections::VecDeque;
use std::sync::Arc;

use tessera::annotate::{Op, Point, Tool};
use tessera::csr::EndReason;
use tessera::session::csr::{self, Csr};
use tessera::session::customer::{self, Customer};
use tessera::session::messages::{Message, VERSION};
use tessera::session::roster::{Follower, Issuer, Member, Role};
use tessera::session::rules::{Consent, GRACE_US, RETAKE_REST_US};
use tessera::{Activity, ColourCount, ColourMode, Display, DisplayMode};
use tessera_transport::pairing::Number;
use tessera_transport::{Fingerprint, Identity};

/// Key of the customer in these tests: customers sign nothing.
fn cleo() -> Fingerprint {
    [7; 32].into()
}

/// Both machines of one session, not yet connected.
fn machines(consent: Consent) -> (Customer, Csr) {
    let session = Number::from_index(1).expect("a number");
    let identity = Arc::new(Identity::ephemeral().expect("a key"));
    let own = Member { key: cleo(), role: Role::Customer };
    let follower = Follower::new(session, own, identity.fingerprint());
    let customer = Customer::new("Cleo".into(), consent, true, follower);
    (customer, Csr::new("Rae".into(), Issuer::new(session, identity)))
}

/// Both machines, the messages between them, and everything they asked their drivers for.
struct Pair {
    customer: Customer,
    csr: Csr,
    to_customer: VecDeque<Message>,
    to_csr: VecDeque<Message>,
    connected: bool,
    customer_did: Vec<customer::Action>,
    csr_did: Vec<csr::Action>,
}

impl Pair {
    fn joined(consent: Consent) -> Self {
        let mut pair = Self::apart(consent);
        pair.connect();
        pair
    }

    fn connect(&mut self) {
        self.csr.handle_connected(cleo());
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
                    customer::Action::Send(message) => self.to_csr.push_back(message.clone()),
                    customer::Action::StartSharing { control } => self
                        .to_csr
                        .push_back(Message::ShareStarted { control: *control, first_update: 0 }),
                    _ => {}
                }
                self.customer_did.push(action);
            }
            while let Some(action) = self.csr.poll_action() {
                if let csr::Action::Send(message) = &action {
                    self.to_customer.push_back(message.clone());
                }
                self.csr_did.push(action);
            }
            if !self.connected {
                self.to_csr.clear();
                self.to_customer.clear();
            }
            if let Some(message) = self.to_csr.pop_front() {
                self.csr.handle_message(message);
            } else if let Some(message) = self.to_customer.pop_front() {
                self.customer.handle_message(message);
            } else {
                return;
            }
        }
    }

    fn request(&mut self, activity: Activity) {
        self.csr.request(activity);
        self.settle();
    }

    fn asked(&self) -> Option<u32> {
        self.customer_did.iter().rev().find_map(|action| match action {
            customer::Action::Tell(customer::Notice::Asked { id, .. }) => Some(*id),
            _ => None,
        })
    }

    fn answer(&mut self, granted: bool, all: bool) {
        let id = self.asked().expect("a request is shown");
        self.customer.answer(id, granted, all);
        self.settle();
    }

    fn press(&mut self, now_us: u64) {
        self.customer.handle_local_press(now_us);
        self.settle();
    }

    fn lose(&mut self, now_us: u64) {
        self.connected = false;
        self.customer.handle_lost(now_us);
        self.csr.handle_lost(now_us);
        self.settle();
    }

    fn rejoin(&mut self) {
        self.connected = true;
        self.csr.handle_connected(cleo());
        self.customer.handle_reconnected();
        self.settle();
    }

    fn captures(&self) -> bool {
        let last = self.customer_did.iter().rev().find_map(|action| match action {
            customer::Action::StartSharing { .. } => Some(true),
            customer::Action::StopSharing => Some(false),
            _ => None,
        });
        last.unwrap_or(false)
    }

    fn views(&self) -> bool {
        let last = self.csr_did.iter().rev().find_map(|action| match action {
            csr::Action::StartViewing { .. } => Some(true),
            csr::Action::StopViewing => Some(false),
            _ => None,
        });
        last.unwrap_or(false)
    }

    fn csr_was_told(&self, notice: &csr::Notice) -> bool {
        self.csr_did.iter().any(|did| matches!(did, csr::Action::Tell(told) if told == notice))
    }
}

#[test]
fn nothing_is_captured_before_the_customer_agrees() {
    let mut pair = Pair::joined(Consent::default());
    pair.request(Activity::View);
    assert!(pair.csr_was_told(&csr::Notice::RequestReceived { activity: Activity::View }));
    assert!(!pair.captures());
    pair.answer(true, false);
    assert!(pair.captures() && pair.views());
    assert!(!pair.customer.may_operate(), "seeing is not operating");
}

#[test]
fn the_request_that_is_shown_is_the_text_that_was_sent() {
    let mut pair = Pair::joined(Consent::default());
    pair.request(Activity::Control);
    let shown = pair.customer_did.iter().find_map(|action| match action {
        customer::Action::Tell(customer::Notice::Asked { text, .. }) => Some(text.as_str()),
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
    let refused = csr::Notice::Answered { activity: Activity::Control, granted: false };
    assert!(pair.csr_was_told(&refused));
    assert!(pair.captures() && !pair.customer.may_operate());
    pair.request(Activity::Control);
    assert!(!pair.customer.may_operate(), "'all' with a refusal allows nothing");
}

#[test]
fn viewing_is_raised_to_control_without_a_new_share() {
    let mut pair = Pair::joined(Consent::default());
    pair.request(Activity::View);
    pair.answer(true, false);
    pair.request(Activity::Control);
    pair.answer(true, false);
    assert!(pair.customer.may_operate());
    assert!(pair.csr_was_told(&csr::Notice::ControlChanged { allowed: true }));
    let starts = |did: &&customer::Action| matches!(did, customer::Action::StartSharing { .. });
    assert_eq!(pair.customer_did.iter().filter(starts).count(), 1);
}

#[test]
fn control_is_withdrawn_at_once_whether_or_not_the_csr_hears_of_it() {
    let mut pair = Pair::joined(Consent::of(&[Activity::Control]));
    pair.request(Activity::Control);
    assert!(pair.customer.may_operate());
    pair.connected = false;
    pair.customer.withdraw_control();
    assert!(!pair.customer.may_operate());
    pair.settle();
    let released = customer::Action::AllowInput(false);
    assert!(pair.customer_did.contains(&released));
    pair.connected = true;
    pair.request(Activity::Control);
    assert!(!pair.customer.may_operate(), "standing consent to control is gone as well");
}

#[test]
fn a_grant_for_the_session_asks_no_more_until_it_is_withdrawn() {
    let mut pair = Pair::joined(Consent::default());
    pair.request(Activity::View);
    pair.answer(true, true);
    let shown = pair.asked();
    pair.request(Activity::Control);
    assert!(pair.customer.may_operate());
    assert_eq!(pair.asked(), shown, "no second question");
    pair.customer.withdraw_all();
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
    pair.customer.answer(first, true, false);
    pair.settle();
    assert!(!pair.captures(), "the answer to the replaced request does nothing");
    pair.answer(true, false);
    assert!(pair.captures() && !pair.customer.may_operate());
}

#[test]
fn a_lost_customer_is_reported_and_viewing_resumes_but_control_does_not() {
    let mut pair = Pair::joined(Consent::default());
    pair.request(Activity::Control);
    pair.answer(true, false);
    pair.lose(1_000_000);
    assert!(pair.csr_was_told(&csr::Notice::CustomerLost));
    assert!(!pair.captures() && !pair.views() && !pair.customer.may_operate());
    assert!(pair.csr.admits_return() && !pair.csr.admits_stranger());
    pair.rejoin();
    let back = csr::Notice::CustomerJoined { name: "Cleo".into(), again: true };
    assert!(pair.csr_was_told(&back));
    assert!(pair.captures() && pair.views());
    assert!(!pair.customer.may_operate(), "control needs a new OK");
}

#[test]
fn what_was_allowed_for_the_session_outlives_a_lost_connection() {
    let mut pair = Pair::joined(Consent::ALL);
    pair.request(Activity::Control);
    pair.lose(0);
    pair.rejoin();
    assert!(pair.customer.may_operate());
}

#[test]
fn both_sides_give_up_after_the_grace_period() {
    let mut pair = Pair::joined(Consent::ALL);
    pair.lose(5);
    assert_eq!(pair.csr.poll_timeout_us(), Some(5 + GRACE_US));
    pair.csr.handle_timeout(4 + GRACE_US);
    assert!(pair.csr.admits_return());
    pair.csr.handle_timeout(5 + GRACE_US);
    pair.customer.handle_timeout(5 + GRACE_US);
    pair.settle();
    assert!(pair.csr_was_told(&csr::Notice::CustomerLeft));
    assert!(pair.csr_did.contains(&csr::Action::RenewCode));
    assert!(pair.csr.admits_stranger() && !pair.csr.is_over());
    assert!(pair.customer.is_over());
    let gave_up = customer::Action::Tell(customer::Notice::GivenUp);
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
        assert_eq!(pair.customer.poll_action(), Some(customer::Action::Rejoin));
        at_us.push(due_us);
    }
    assert_eq!(at_us, [250_000, 750_000, 1_750_000, 2_750_000, 3_750_000]);
}

#[test]
fn a_customer_leaves_and_the_session_stays_open_for_the_next() {
    let mut pair = Pair::joined(Consent::ALL);
    pair.request(Activity::Control);
    pair.customer.leave();
    assert!(!pair.customer.may_operate());
    pair.settle();
    assert!(pair.customer.is_over() && !pair.captures());
    assert!(pair.csr_was_told(&csr::Notice::CustomerLeft));
    assert!(pair.csr.admits_stranger() && !pair.csr.is_over());
}

#[test]
fn the_csr_ends_the_session_for_both() {
    let mut pair = Pair::joined(Consent::ALL);
    pair.request(Activity::View);
    pair.csr.end();
    pair.settle();
    assert!(pair.csr.is_over() && pair.customer.is_over() && !pair.captures());
    let ended = customer::Action::Tell(customer::Notice::Ended { by_csr: true });
    assert!(pair.customer_did.contains(&ended));
    assert!(!pair.csr.admits_stranger() && !pair.csr.admits_return());
}

#[test]
fn either_side_stops_the_share_and_the_session_goes_on() {
    for by_csr in [true, false] {
        let mut pair = Pair::joined(Consent::ALL);
        pair.request(Activity::Control);
        if by_csr {
            pair.csr.stop_share();
        } else {
            pair.customer.stop_sharing();
        }
        pair.settle();
        assert!(!pair.captures() && !pair.views() && !pair.customer.may_operate());
        let reason = if by_csr { EndReason::StoppedByCsr } else { EndReason::StoppedByCustomer };
        assert!(pair.csr_was_told(&csr::Notice::ShareEnded { reason }));
        assert!(!pair.customer.is_over() && !pair.csr.is_over());
    }
}

#[test]
fn messages_out_of_place_are_answered_and_change_nothing() {
    let mut pair = Pair::joined(Consent::default());
    let odd = [Message::Answer { id: 9, granted: true }, Message::Unknown, Message::Leave];
    for message in odd {
        pair.customer.handle_message(message);
        assert_eq!(
            pair.customer.poll_action(),
            Some(customer::Action::Send(Message::NotUnderstood))
        );
    }
    pair.csr.handle_message(Message::Request {
        id: 1,
        activity: Activity::Control,
        text: String::new(),
    });
    assert_eq!(pair.csr.poll_action(), Some(csr::Action::Send(Message::NotUnderstood)));
    pair.csr.handle_message(Message::ControlChanged { allowed: true });
    assert_eq!(pair.csr.poll_action(), None, "there is no control without a share");
}

#[test]
fn another_version_is_told_and_ends_the_attempt() {
    let hello = Message::Hello { version: VERSION + 1, name: "x".into() };
    let (mut customer, mut csr) = machines(Consent::ALL);
    customer.handle_message(hello.clone());
    assert!(customer.is_over());
    let told: Vec<_> = std::iter::from_fn(|| customer.poll_action()).collect();
    let mismatch = customer::Notice::VersionMismatch { theirs: VERSION + 1 };
    assert!(told.contains(&customer::Action::Tell(mismatch)));
    csr.handle_connected(cleo());
    csr.handle_message(hello);
    assert!(csr.admits_stranger());
}

#[test]
fn names_and_texts_reach_nobody_before_they_are_safe() {
    let (_, mut csr) = machines(Consent::ALL);
    csr.handle_connected(cleo());
    csr.handle_message(Message::Hello { version: VERSION, name: "\u{1b}[2JCl\u{202e}eo".into() });
    let told: Vec<_> = std::iter::from_fn(|| csr.poll_action()).collect();
    let joined = csr::Notice::CustomerJoined { name: "[2JCleo".into(), again: false };
    assert!(told.contains(&csr::Action::Tell(joined)));
}

#[test]
fn silence_is_told_to_both_people_and_ends_nothing() {
    let mut pair = Pair::joined(Consent::default());
    pair.request(Activity::View);
    pair.answer(true, false);
    for silent in [true, false] {
        pair.csr.handle_silence(silent);
        pair.customer.handle_silence(silent);
        pair.settle();
        assert!(pair.csr_was_told(&csr::Notice::CustomerSilent { silent }));
        let told = customer::Action::Tell(customer::Notice::CsrSilent { silent });
        assert!(pair.customer_did.contains(&told));
        assert!(pair.captures() && pair.views());
    }
    pair.lose(1);
    let told = pair.csr_did.len();
    pair.csr.handle_silence(true);
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
    assert!(pair.captures() && !pair.customer.may_operate(), "viewing resumes by itself");
    let asked = pair.asked();
    pair.request(Activity::View);
    assert_eq!(pair.asked(), asked, "it goes on already");
    assert!(pair.csr_was_told(&csr::Notice::Answered { activity: Activity::View, granted: true }));
    pair.request(Activity::Control);
    assert_ne!(pair.asked(), asked, "operating needs a new OK");
    pair.answer(true, false);
    let asked = pair.asked();
    pair.request(Activity::View);
    assert_eq!(pair.asked(), asked, "it is less than what goes on");
    assert!(pair.captures() && !pair.customer.may_operate());
}

/// What the customer's driver was told last of how pictures look.
fn display_of(pair: &Pair) -> Option<Display> {
    pair.customer_did.iter().rev().find_map(|action| match action {
        customer::Action::SetDisplay(display) => Some(*display),
        _ => None,
    })
}

#[test]
fn the_representative_chooses_the_display_mode_and_in_sampling_the_colours() {
    let mut pair = Pair::joined(Consent::ALL);
    pair.csr.set_colours(ColourCount::Colours256);
    pair.settle();
    assert_eq!(display_of(&pair), None, "there are no fewer colours in Standard");
    pair.csr.set_display_mode(DisplayMode::Sampling);
    pair.settle();
    let shown = display_of(&pair).expect("a choice");
    assert_eq!(shown.colour_mode(), ColourMode::HighColour);
    pair.csr.set_colours(ColourCount::Colours256);
    pair.settle();
    let shown = display_of(&pair).expect("a choice");
    assert_eq!(shown.colour_mode(), ColourMode::Palette);
    let told = customer::Notice::DisplayChanged(shown);
    assert!(pair.customer_did.contains(&customer::Action::Tell(told)), "the customer sees it");
    pair.csr.set_display_mode(DisplayMode::Standard);
    pair.settle();
    assert_eq!(display_of(&pair).map(Display::colour_mode), Some(ColourMode::Standard));
}

#[test]
fn a_choice_made_before_anybody_joined_holds_for_whoever_does() {
    let mut pair = Pair::apart(Consent::ALL);
    pair.csr.set_display_mode(DisplayMode::Sampling);
    pair.csr.set_colours(ColourCount::Colours256);
    pair.connect();
    assert_eq!(display_of(&pair).map(Display::colour_mode), Some(ColourMode::Palette));
}

#[test]
fn colours_without_screen_sampling_are_not_understood() {
    let mut pair = Pair::joined(Consent::ALL);
    pair.customer.handle_message(Message::Colours { colours: ColourCount::Colours256 });
    pair.settle();
    assert!(pair.customer_did.contains(&customer::Action::Send(Message::NotUnderstood)));
    assert_eq!(display_of(&pair), None);
}

/// The latest word on whether input is carried out.
fn input_allowed(pair: &Pair) -> Option<bool> {
    pair.customer_did.iter().rev().find_map(|action| match action {
        customer::Action::AllowInput(allowed) => Some(*allowed),
        _ => None,
    })
}

/// RULE-13 and RULE-14: the person's click wins, and control begins again with the controller's.
#[test]
fn a_click_takes_control_back_until_the_viewer_clicks_again() {
    let mut pair = Pair::joined(Consent::ALL);
    pair.request(Activity::Control);
    assert!(pair.customer.may_operate());
    pair.press(1_000);
    assert!(!pair.customer.may_operate() && input_allowed(&pair) == Some(false));
    assert!(pair.csr_was_told(&csr::Notice::ControlPaused { paused: true }));

    pair.csr.take_control();
    pair.settle();
    assert!(!pair.customer.may_operate(), "not while the person is at it");
    assert_eq!(pair.customer.poll_timeout_us(), Some(1_000 + RETAKE_REST_US));
    pair.customer.handle_timeout(999 + RETAKE_REST_US);
    assert!(!pair.customer.may_operate());
    pair.customer.handle_timeout(1_000 + RETAKE_REST_US);
    pair.settle();
    assert!(pair.customer.may_operate() && input_allowed(&pair) == Some(true));
    assert!(pair.csr_was_told(&csr::Notice::ControlPaused { paused: false }));
    assert_eq!(pair.customer.poll_timeout_us(), None);
}

#[test]
fn a_program_that_takes_control_without_end_never_has_it_while_the_person_clicks() {
    let mut pair = Pair::joined(Consent::ALL);
    pair.request(Activity::Control);
    for click in 1..=50_u64 {
        pair.press(click * RETAKE_REST_US / 2);
        for turn in 0..=u32::try_from(click).expect("few") + 1 {
            pair.customer.handle_message(Message::TakeControl { turn });
            pair.settle();
        }
        pair.customer.handle_timeout(click * RETAKE_REST_US / 2 + 1);
        assert!(!pair.customer.may_operate(), "click {click}");
    }
    // A click that answers an older turn is none.
    pair.customer.handle_timeout(100 * RETAKE_REST_US);
    pair.settle();
    assert!(pair.customer.may_operate());
    pair.press(200 * RETAKE_REST_US);
    pair.customer.handle_message(Message::TakeControl { turn: 50 });
    pair.customer.handle_timeout(300 * RETAKE_REST_US);
    assert!(!pair.customer.may_operate());
}

#[test]
fn what_was_taken_back_by_a_click_ends_with_the_grant() {
    let mut pair = Pair::joined(Consent::ALL);
    pair.press(0);
    assert!(!pair.csr_was_told(&csr::Notice::ControlPaused { paused: true }), "nobody controls");
    pair.request(Activity::Control);
    pair.press(1);
    pair.customer.withdraw_control();
    pair.settle();
    pair.customer.handle_message(Message::TakeControl { turn: 1 });
    pair.customer.handle_timeout(10 * RETAKE_REST_US);
    pair.csr.take_control();
    pair.settle();
    assert!(!pair.customer.may_operate());
    assert_eq!(pair.customer.poll_timeout_us(), None);
}

fn dot(mark: u64) -> Op {
    Op::draw(mark, Tool::Pen, 0, &[Point::of_pixel(5, 5)], "")
}

/// Marks that a driver was asked to take, by author.
fn drawn(pair: &Pair) -> (Vec<Fingerprint>, Vec<Fingerprint>) {
    let customer = pair.customer_did.iter().filter_map(|action| match action {
        customer::Action::Draw { by, .. } => Some(*by),
        _ => None,
    });
    let csr = pair.csr_did.iter().filter_map(|action| match action {
        csr::Action::Draw { by, .. } => Some(*by),
        _ => None,
    });
    (customer.collect(), csr.collect())
}

/// RULE-18, ANN-10: whoever annotates does not operate, and annotating needs a share.
#[test]
fn annotating_and_operating_exclude_each_other() {
    let mut pair = Pair::joined(Consent::ALL);
    pair.csr.annotate(true);
    pair.csr.mark(dot(1));
    pair.customer.annotate(true);
    pair.settle();
    assert_eq!(drawn(&pair), (vec![], vec![]), "nothing is shared");

    pair.request(Activity::Control);
    assert!(pair.customer.may_operate());
    pair.csr.mark(dot(1));
    pair.settle();
    assert_eq!(drawn(&pair).0, [], "annotation mode is off");
    pair.csr.annotate(true);
    pair.settle();
    assert!(!pair.customer.may_operate() && input_allowed(&pair) == Some(false));
    assert!(pair.csr_was_told(&csr::Notice::Annotating { own: true, customer: false }));
    pair.csr.take_control();
    pair.request(Activity::Control);
    assert!(!pair.customer.may_operate(), "a grant does not end it");
    pair.customer.annotate(true);
    pair.csr.annotate(false);
    pair.settle();
    assert!(!pair.customer.may_operate(), "the customer still annotates");
    pair.customer.annotate(false);
    pair.settle();
    assert!(pair.customer.may_operate() && input_allowed(&pair) == Some(true));
}

/// ANN-02, ANN-03: both draw, and both sides take what either drew.
#[test]
fn what_either_draws_reaches_both_layers() {
    let mut pair = Pair::joined(Consent::ALL);
    pair.request(Activity::View);
    pair.csr.annotate(true);
    pair.customer.annotate(true);
    pair.settle();
    pair.csr.mark(dot(1));
    pair.customer.mark(dot(2));
    pair.settle();
    let (at_customer, at_csr) = drawn(&pair);
    assert_eq!(at_customer.len(), 2);
    assert_eq!(at_csr.iter().filter(|by| **by == cleo()).count(), 1);
    assert_eq!(at_csr.len(), 2);
    pair.csr.stop_share();
    pair.settle();
    assert!(pair.customer_did.contains(&customer::Action::ClearBoard));
    pair.to_customer.push_back(Message::Mark { mark: dot(3) });
    pair.settle();
    assert_eq!(drawn(&pair).0.len(), 2, "a mark that comes late is of a layer that is gone");
}

#[test]
fn the_layer_outlives_a_lost_connection_and_is_told_again() {
    let mut pair = Pair::joined(Consent::ALL);
    pair.request(Activity::View);
    pair.csr.annotate(true);
    pair.settle();
    pair.customer_did.clear();
    pair.lose(0);
    assert!(!pair.customer_did.contains(&customer::Action::ClearBoard));
    assert!(pair.csr_was_told(&csr::Notice::Annotating { own: false, customer: false }));
    pair.rejoin();
    assert!(pair.customer_did.contains(&customer::Action::TellLayer));
}

#[test]
fn words_reach_the_other_person_clean_or_are_said_not_to() {
    let mut pair = Pair::joined(Consent::default());
    pair.csr.chat(" Hello,\n\u{1b}[2Jcan you \u{202e}see it? ");
    pair.customer.chat("yes");
    pair.settle();
    let text = "Hello,\n[2Jcan you see it?".to_owned();
    let heard = customer::Notice::Chat { to_all: true, text: text.clone() };
    assert!(pair.customer_did.contains(&customer::Action::Tell(heard)));
    assert!(pair.csr_was_told(&csr::Notice::Said { text, sent: true }));
    assert!(pair.csr_was_told(&csr::Notice::Chat { to_all: true, text: "yes".to_owned() }));
    let hostile = "x\u{9b}31m".repeat(2_000);
    pair.to_csr.push_back(Message::Chat { to_all: true, text: hostile });
    pair.settle();
    let cut = pair.csr_did.iter().rev().find_map(|action| match action {
        csr::Action::Tell(csr::Notice::Chat { text, .. }) => Some(text.clone()),
        _ => None,
    });
    let cut = cut.expect("heard");
    assert!(cut.chars().count() <= tessera::chat::MAX_CHARS && !cut.contains('\u{9b}'));
    pair.lose(0);
    pair.csr.chat("are you there?");
    pair.settle();
    let unsent = csr::Notice::Said { text: "are you there?".to_owned(), sent: false };
    assert!(pair.csr_was_told(&unsent));
}
