//! What the customer sees and may do at any moment.
//!
//! A state machine without terminal or clock: session events and keys in, [`Action`]s out.

use std::time::Duration;

use tessera::Activity;
use tessera::customer::Event;
use tessera_terminal::Key;

use crate::picker::{Choice, Picker};
use crate::talk::Talk;
use crate::wording;

/// A request is not answered by keys pressed this soon after it appeared: they were meant for what
/// stood there before. Arbitrary: longer than between two keys of a typist.
const TOO_SOON: Duration = Duration::from_millis(500);

/// How far the session has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// The representative's program has not been reached yet.
    Joining,
    /// In the session.
    Joined,
    /// In the session, but nothing is heard from the representative's program for now.
    Silent,
    /// The connection is lost; the program tries to come back.
    Lost,
}

/// A request that waits for the person's answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Request {
    pub(crate) id: u32,
    pub(crate) activity: Activity,
    pub(crate) text: String,
    shown_at: Duration,
}

/// What the program has to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    /// Answer a request.
    Answer { id: u32, granted: bool, all: bool },
    /// Share the application at this place of the list.
    Pick(usize),
    /// Start the program at this place of its list, and share it.
    Start(usize),
    /// Share no application.
    CancelPick,
    /// Look what else could be shared.
    PickMore,
    /// Take control back; the representative goes on viewing.
    TakeBack,
    /// Say something to everybody.
    Say(String),
    /// Stop sharing and withdraw everything that was allowed.
    StopEverything,
    /// Leave the session.
    Leave,
}

/// See the module text.
#[derive(Debug)]
pub(crate) struct Situation {
    phase: Phase,
    csr_name: String,
    sharing: bool,
    controlled: bool,
    request: Option<Request>,
    /// While the person chooses what to share.
    picker: Option<Picker>,
    /// The applications that are shared, and nothing else; none while it is the desktop.
    applications: Vec<String>,
    /// Activities allowed on the command line, until the person withdraws them.
    standing: Vec<Activity>,
    /// Whether the person allowed everything for the session.
    all: bool,
    leaving: bool,
    talk: Talk,
    /// The latest thing worth telling.
    notice: String,
}

impl Situation {
    /// The situation before joining, with what was allowed beforehand.
    pub(crate) fn new(standing: Vec<Activity>) -> Self {
        Self {
            phase: Phase::Joining,
            csr_name: String::new(),
            sharing: false,
            controlled: false,
            request: None,
            picker: None,
            applications: Vec::new(),
            standing,
            all: false,
            leaving: false,
            talk: Talk::default(),
            notice: String::new(),
        }
    }

    pub(crate) const fn phase(&self) -> Phase {
        self.phase
    }

    /// Who helps; empty before joining.
    pub(crate) fn csr_name(&self) -> &str {
        &self.csr_name
    }

    pub(crate) const fn is_sharing(&self) -> bool {
        self.sharing
    }

    pub(crate) const fn is_controlled(&self) -> bool {
        self.controlled
    }

    pub(crate) const fn request(&self) -> Option<&Request> {
        self.request.as_ref()
    }

    pub(crate) const fn picker(&self) -> Option<&Picker> {
        self.picker.as_ref()
    }

    /// The applications that are shared; none while it is the desktop, or nothing.
    pub(crate) fn applications(&self) -> &[String] {
        &self.applications
    }

    /// The person is to choose what to share.
    pub(crate) fn pick(&mut self, picker: Picker) {
        self.picker = Some(picker);
    }

    /// Whether the person is being asked if they want to leave.
    pub(crate) const fn is_leaving(&self) -> bool {
        self.leaving
    }

    pub(crate) const fn talk(&self) -> &Talk {
        &self.talk
    }

    pub(crate) fn notice(&self) -> &str {
        &self.notice
    }

    /// What holds without further questions, as a warning; `None` when everything is asked for.
    pub(crate) fn warning(&self) -> Option<&'static str> {
        if self.all {
            Some("You allowed everything for this session: nothing is asked any more")
        } else if self.standing.contains(&Activity::Control) {
            Some("Started with consent: your desktop can be seen AND CONTROLLED without asking")
        } else if self.standing.contains(&Activity::View) {
            Some("Started with consent: your desktop can be seen without asking")
        } else {
            None
        }
    }

    /// Something happened in the session, at `now` since some fixed moment.
    pub(crate) fn on_event(&mut self, event: &Event, now: Duration) {
        match event {
            Event::Joined { csr_name, .. } => {
                self.phase = Phase::Joined;
                self.csr_name.clone_from(csr_name);
            }
            Event::Asked { id, activity, text } => {
                let text = text.clone();
                self.request = Some(Request { id: *id, activity: *activity, text, shown_at: now });
            }
            Event::Withdrawn { id }
                if self.request.as_ref().is_some_and(|request| request.id == *id) =>
            {
                self.request = None;
            }
            Event::Sharing { on, .. } => {
                self.sharing = *on;
                self.controlled &= *on;
                if !*on {
                    self.applications.clear();
                    self.picker = None;
                }
            }
            Event::Controlled { on } => self.controlled = *on,
            Event::SharedApplications(names) => {
                self.applications.clone_from(names);
                self.picker = None;
            }
            Event::Chat { to_all, text } => self.talk.heard(&self.csr_name, *to_all, text),
            Event::Said { text, sent } => self.talk.said(text, *sent),
            Event::CsrSilent { silent: true } => self.phase = Phase::Silent,
            Event::CsrSilent { silent: false } => self.phase = Phase::Joined,
            Event::CsrLost { .. } => {
                self.phase = Phase::Lost;
                self.request = None;
                self.picker = None;
            }
            _ => {}
        }
        if !matches!(event, Event::SharedApplications(_)) {
            self.notice = wording::event(event, &self.csr_name);
        }
    }

    /// A key was pressed at `now`.
    pub(crate) fn on_key(&mut self, key: Key, now: Duration) -> Option<Action> {
        if self.leaving {
            return self.on_key_when_leaving(key);
        }
        // What is typed is meant for the chat, and answers nothing.
        if self.talk.is_typing() {
            return self.talk.on_key(key).map(Action::Say);
        }
        match key {
            Key::Char('s' | 'S') | Key::Escape => Some(self.stop_everything()),
            Key::Char('q' | 'Q') | Key::Interrupt => {
                self.leaving = true;
                None
            }
            Key::Char(answer @ ('y' | 'Y' | 'n' | 'N' | 'a' | 'A')) if self.picker.is_none() => {
                let too_soon = |request: &Request| now.saturating_sub(request.shown_at) < TOO_SOON;
                if self.request.as_ref().is_none_or(too_soon) {
                    return None;
                }
                self.answer(!matches!(answer, 'n' | 'N'), matches!(answer, 'a' | 'A'))
            }
            Key::Char('t' | 'T') => {
                self.talk.begin();
                None
            }
            Key::Char('c' | 'C') if self.controlled => Some(Action::TakeBack),
            Key::Char('m' | 'M') if !self.applications.is_empty() => Some(Action::PickMore),
            key => {
                let choice = self.picker.as_mut()?.on_key(key)?;
                Some(self.picked(choice))
            }
        }
    }

    fn on_key_when_leaving(&mut self, key: Key) -> Option<Action> {
        match key {
            Key::Enter | Key::Char('y' | 'Y') | Key::Interrupt => Some(Action::Leave),
            Key::Escape | Key::Char('n' | 'N') => {
                self.leaving = false;
                None
            }
            _ => None,
        }
    }

    /// A line was typed where the program has no screen: the same letters as the keys, at once.
    pub(crate) fn on_line(&mut self, line: &str) -> Option<Action> {
        if let Some(words) = line.trim().strip_prefix("t ") {
            return Some(Action::Say(words.to_owned()));
        }
        let choice = self.picker.as_ref().and_then(|picker| picker.on_line(line));
        if let Some(choice) = choice {
            return Some(self.picked(choice));
        }
        match line.trim().to_ascii_lowercase().as_str() {
            "m" => (!self.applications.is_empty()).then_some(Action::PickMore),
            "y" => self.answer(true, false),
            "n" => self.answer(false, false),
            "a" => self.answer(true, true),
            "c" => self.controlled.then_some(Action::TakeBack),
            "s" => Some(self.stop_everything()),
            "q" => Some(Action::Leave),
            _ => None,
        }
    }

    fn picked(&mut self, choice: Choice) -> Action {
        self.picker = None;
        match choice {
            Choice::Running(place) => Action::Pick(place),
            Choice::Installed(place) => Action::Start(place),
            Choice::Nothing => Action::CancelPick,
        }
    }

    /// Says something that is no event of the session.
    pub(crate) fn note(&mut self, notice: String) {
        self.notice = notice;
    }

    fn answer(&mut self, granted: bool, all: bool) -> Option<Action> {
        let request = self.request.take()?;
        self.all |= granted && all;
        Some(Action::Answer { id: request.id, granted, all: granted && all })
    }

    /// Whatever was allowed is allowed no longer.
    pub(crate) fn stop_everything(&mut self) -> Action {
        self.all = false;
        self.picker = None;
        self.standing.clear();
        self.request = None;
        Action::StopEverything
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LATER: Duration = Duration::from_secs(10);

    fn asked(activity: Activity) -> Situation {
        let mut situation = Situation::new(Vec::new());
        let joined = Event::Joined { csr_name: "Lee".into(), again: false };
        situation.on_event(&joined, Duration::ZERO);
        let request = Event::Asked { id: 7, activity, text: "Lee asks".into() };
        situation.on_event(&request, Duration::ZERO);
        situation
    }

    #[test]
    fn each_answer_has_one_key() {
        for (key, granted, all) in [('y', true, false), ('n', false, false), ('a', true, true)] {
            let mut situation = asked(Activity::View);
            let action = situation.on_key(Key::Char(key), LATER);
            assert_eq!(action, Some(Action::Answer { id: 7, granted, all }));
            assert_eq!(situation.warning().is_some(), all);
            assert_eq!(situation.on_key(Key::Char(key), LATER), None, "answered once");
        }
    }

    #[test]
    fn keys_pressed_before_the_request_could_be_read_do_not_answer_it() {
        let mut situation = asked(Activity::Control);
        assert_eq!(situation.on_key(Key::Char('a'), Duration::from_millis(499)), None);
        assert!(situation.request().is_some());
        assert!(situation.on_key(Key::Char('n'), Duration::from_millis(500)).is_some());
    }

    #[test]
    fn one_key_stops_and_withdraws_everything_at_any_time() {
        for key in [Key::Char('s'), Key::Escape] {
            let mut situation = Situation::new(vec![Activity::View, Activity::Control]);
            assert!(situation.warning().is_some_and(|warning| warning.contains("CONTROLLED")));
            assert_eq!(situation.on_key(key, Duration::ZERO), Some(Action::StopEverything));
            assert_eq!(situation.warning(), None);
        }
        let mut situation = asked(Activity::View);
        situation.on_key(Key::Char('a'), LATER);
        situation.on_key(Key::Char('s'), LATER);
        assert_eq!(situation.warning(), None);
    }

    #[test]
    fn what_is_typed_into_the_chat_answers_no_request() {
        let mut situation = asked(Activity::Control);
        situation.on_key(Key::Char('t'), LATER);
        for key in ['y', 'a', 's', 'q'] {
            assert_eq!(situation.on_key(Key::Char(key), LATER), None);
        }
        assert!(situation.request().is_some() && !situation.is_leaving());
        assert_eq!(situation.on_key(Key::Enter, LATER), Some(Action::Say("yasq".to_owned())));
        situation.on_key(Key::Escape, LATER);
        assert_eq!(situation.on_key(Key::Escape, LATER), Some(Action::StopEverything));
        assert_eq!(situation.on_line("t yes, a"), Some(Action::Say("yes, a".to_owned())));
        let heard = Event::Chat { to_all: true, text: "Hello".into() };
        situation.on_event(&heard, LATER);
        assert_eq!(situation.notice(), "Lee says: Hello");
    }

    #[test]
    fn leaving_asks_first() {
        let mut situation = asked(Activity::View);
        assert_eq!(situation.on_key(Key::Char('q'), LATER), None);
        assert_eq!(situation.on_key(Key::Escape, LATER), None);
        assert!(!situation.is_leaving() && situation.request().is_some());
        situation.on_key(Key::Interrupt, LATER);
        assert_eq!(situation.on_key(Key::Enter, LATER), Some(Action::Leave));
    }

    #[test]
    fn sharing_that_ends_ends_control() {
        let mut situation = asked(Activity::Control);
        situation.on_event(&Event::Sharing { on: true, reason: None }, LATER);
        situation.on_event(&Event::Controlled { on: true }, LATER);
        assert_eq!(situation.on_key(Key::Char('c'), LATER), Some(Action::TakeBack));
        situation.on_event(&Event::Sharing { on: false, reason: None }, LATER);
        assert!(!situation.is_controlled() && !situation.is_sharing());
        assert_eq!(situation.on_key(Key::Char('c'), LATER), None);
    }

    #[test]
    fn a_withdrawn_request_cannot_be_answered() {
        let mut situation = asked(Activity::View);
        situation.on_event(&Event::Withdrawn { id: 6 }, LATER);
        assert!(situation.request().is_some());
        situation.on_event(&Event::Withdrawn { id: 7 }, LATER);
        assert_eq!(situation.on_key(Key::Char('y'), LATER), None);
        assert_eq!(situation.on_line("y"), None);
    }

    #[test]
    fn an_application_is_picked_shared_and_added_to() {
        let mut situation = Situation::new(Vec::new());
        situation.pick(Picker::new(vec!["Letter".into()], vec!["Browser".into()]));
        assert_eq!(situation.on_key(Key::Char('n'), Duration::ZERO), None);
        assert_eq!(situation.on_key(Key::Enter, Duration::ZERO), Some(Action::Start(0)));
        assert!(situation.picker().is_none());
        assert_eq!(situation.on_key(Key::Char('m'), Duration::ZERO), None, "nothing is shared");
        situation.on_event(&Event::SharedApplications(vec!["Browser".into()]), Duration::ZERO);
        situation.on_event(&Event::Sharing { on: true, reason: None }, Duration::ZERO);
        assert_eq!(situation.applications(), ["Browser"]);
        assert_eq!(situation.on_line("m"), Some(Action::PickMore));
        situation.pick(Picker::new(vec!["Letter".into()], Vec::new()));
        assert_eq!(situation.on_line("1"), Some(Action::Pick(0)));
        situation.pick(Picker::default());
        situation.on_key(Key::Char('s'), Duration::ZERO);
        assert!(situation.picker().is_none(), "stopping everything also stops choosing");
        situation.on_event(&Event::Sharing { on: false, reason: None }, Duration::ZERO);
        assert!(situation.applications().is_empty());
    }
}
