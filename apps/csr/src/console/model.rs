//! What the console knows and how keys and session events change it.
//!
//! A state machine without a terminal: events in, [`Action`]s out. The drawing reads it.

use std::collections::VecDeque;

use tessera::csr::{EndReason, Event};
use tessera::invitation::Invitation;
use tessera::session::activity::Surface;
use tessera::{Activity, Code, ColourCount, Display, DisplayMode};
use tessera_terminal::Key;

use super::entries::{Area, Entry};
use super::panels::{Asked, Panel, Panels};
use super::wording;

/// Messages that are kept; the screen shows the latest few.
const KEPT_MESSAGES: usize = 50;

/// The customer's part in the session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Customer {
    /// Nobody has joined yet.
    Awaited,
    /// Somebody of this name is in the session.
    Present(String),
    /// The connection to somebody of this name is lost; they may come back.
    Lost(String),
}

/// A question or message that has the keyboard until it is answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Dialog {
    /// Whether to end the session.
    ConfirmEnd,
    /// Which display mode and how many colours.
    Options,
    /// Something to take note of.
    Message(String),
}

/// What the program has to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    /// Ask the customer.
    Request(Activity),
    /// Choose the session's display mode.
    DisplayMode(DisplayMode),
    /// Choose Screen sampling with so many colours.
    Colours(ColourCount),
    /// Enter annotation mode, or leave it.
    Annotate(bool),
    /// Say something to everybody.
    Say(String),
    /// Keep these notes.
    Keep(String),
    /// Add a line to the notes.
    Note(String),
    /// Write the invitation for this recipient into a file.
    Invite(String),
    /// The notes of a session that is over have been read: end the program.
    Reviewed,
    /// Stop viewing and controlling.
    StopShare,
    /// End the session.
    End,
}

/// See the module text.
#[derive(Debug)]
pub(crate) struct Model {
    code: Option<Code>,
    customer: Customer,
    /// Whether nothing is heard from the customer's program for now.
    silent: bool,
    sharing: bool,
    control: bool,
    display: Display,
    waiting: Option<Activity>,
    /// Whether what is shared is an application, by what was granted last.
    application: bool,
    tab: usize,
    /// Whether the customer information area has the selection, not the tab.
    aside: bool,
    selected: usize,
    dialog: Option<Dialog>,
    messages: VecDeque<String>,
    ending: bool,
    annotating: bool,
    center: String,
    csr_name: String,
    panels: Panels,
}

impl Model {
    /// A console whose session is about to be opened.
    pub(crate) fn new(center: &str, csr_name: &str) -> Self {
        Self {
            code: None,
            customer: Customer::Awaited,
            silent: false,
            sharing: false,
            control: false,
            display: Display::default(),
            waiting: None,
            application: false,
            // Desktop: what a representative needs first.
            tab: 1,
            aside: false,
            selected: 0,
            dialog: None,
            messages: VecDeque::new(),
            ending: false,
            annotating: false,
            center: center.to_owned(),
            csr_name: csr_name.to_owned(),
            panels: Panels::default(),
        }
    }

    pub(crate) const fn panels(&self) -> &Panels {
        &self.panels
    }

    pub(crate) const fn panels_mut(&mut self) -> &mut Panels {
        &mut self.panels
    }

    pub(crate) const fn is_annotating(&self) -> bool {
        self.annotating
    }

    /// The center's address, as it was given to this program.
    pub(crate) fn center(&self) -> &str {
        &self.center
    }

    /// What somebody is invited with; `None` before the session is open.
    pub(crate) fn invitation(&self) -> Option<Invitation> {
        let code = self.code.as_ref()?;
        Some(Invitation::new(&self.center, code, &self.csr_name))
    }

    pub(crate) fn code(&self) -> Option<&Code> {
        self.code.as_ref()
    }

    pub(crate) const fn customer(&self) -> &Customer {
        &self.customer
    }

    /// What to call the customer.
    pub(crate) fn customer_name(&self) -> &str {
        match &self.customer {
            Customer::Awaited => "customer",
            Customer::Present(name) | Customer::Lost(name) => name,
        }
    }

    pub(crate) const fn is_silent(&self) -> bool {
        self.silent
    }

    pub(crate) const fn is_sharing(&self) -> bool {
        self.sharing
    }

    pub(crate) const fn is_control_allowed(&self) -> bool {
        self.control
    }

    /// What the customer's desktop looks like here.
    pub(crate) const fn display(&self) -> Display {
        self.display
    }

    /// Whether the customer's answer to a request is awaited.
    pub(crate) const fn is_waiting(&self) -> bool {
        self.waiting.is_some()
    }

    /// Whether `activity` goes on already.
    pub(crate) const fn has(&self, activity: Activity) -> bool {
        match activity {
            Activity::View => self.sharing && !self.application,
            Activity::Control => self.sharing && self.control && !self.application,
            Activity::ViewApplication => self.sharing && self.application,
            Activity::ControlApplication => self.sharing && self.control && self.application,
            _ => false,
        }
    }

    pub(crate) const fn tab(&self) -> usize {
        self.tab
    }

    /// The area that has the selection.
    pub(crate) fn area(&self) -> Area {
        if self.aside { Area::Customer } else { Area::TABS[self.tab] }
    }

    /// The tab in view.
    pub(crate) fn tab_area(&self) -> Area {
        Area::TABS[self.tab]
    }

    pub(crate) const fn selected(&self) -> usize {
        self.selected
    }

    pub(crate) const fn dialog(&self) -> Option<&Dialog> {
        self.dialog.as_ref()
    }

    /// The latest messages, oldest first.
    pub(crate) fn messages(&self) -> impl DoubleEndedIterator<Item = &str> {
        self.messages.iter().map(String::as_str)
    }

    /// Adds a message to those on the screen.
    pub(crate) fn note(&mut self, message: impl Into<String>) {
        if self.messages.len() == KEPT_MESSAGES {
            self.messages.pop_front();
        }
        self.messages.push_back(message.into());
    }

    /// Something happened in the session.
    pub(crate) fn on_event(&mut self, event: &Event) {
        match event {
            Event::Opened { code } | Event::CodeRenewed { code } => self.code = Some(code.clone()),
            Event::CustomerJoined { name, .. } => {
                self.silent = false;
                self.customer = Customer::Present(name.clone());
            }
            Event::CustomerSilent { silent } => self.silent = *silent,
            Event::CustomerLost { .. } => {
                if let Customer::Present(name) = &self.customer {
                    self.customer = Customer::Lost(name.clone());
                }
                self.waiting = None;
                self.control = false;
            }
            Event::CustomerLeft => {
                self.customer = Customer::Awaited;
                self.waiting = None;
                self.sharing = false;
                self.control = false;
            }
            Event::RequestReceived { .. } => {
                self.dialog = Some(Dialog::Message(wording::event(event)));
            }
            Event::Answered { activity, granted } => {
                if *granted && let Some(kind) = activity.share() {
                    self.application = kind.surface == Surface::Application;
                }
                self.waiting = None;
                // The answer makes the message that the request has arrived pointless.
                self.dialog = match self.dialog.take() {
                    Some(Dialog::ConfirmEnd) => Some(Dialog::ConfirmEnd),
                    _ if !granted => Some(Dialog::Message(wording::event(event))),
                    _ => None,
                };
            }
            Event::ShareStarted(_) => self.sharing = true,
            Event::ControlChanged { allowed } => self.control = *allowed,
            Event::DisplayChanged(display) => self.display = *display,
            Event::Annotating { own, .. } => self.annotating = *own,
            Event::Chat { to_all, text } => {
                let name = self.customer_name().to_owned();
                self.panels.heard(&name, *to_all, text);
            }
            Event::Said { text, sent } => {
                self.panels.said(text, *sent);
                if *sent {
                    return;
                }
            }

            Event::ShareEnded { reason } => {
                self.sharing = false;
                self.control = false;
                if *reason != EndReason::ConnectionLost {
                    self.waiting = None;
                }
            }
            _ => {}
        }
        self.note(wording::event(event));
    }

    /// A key was pressed.
    pub(crate) fn on_key(&mut self, key: Key) -> Option<Action> {
        if self.dialog == Some(Dialog::Options) {
            return self.on_key_in_options(key);
        }
        if let Some(dialog) = &self.dialog {
            let confirms = matches!(key, Key::Enter | Key::Char('y' | 'Y' | 'o' | 'O'));
            let cancels = matches!(key, Key::Escape | Key::Char('n' | 'N'));
            let ends = *dialog == Dialog::ConfirmEnd && confirms;
            if confirms || cancels {
                self.dialog = None;
            }
            return if ends { self.end() } else { None };
        }
        if let Some(panel) = self.panels.open() {
            return self.on_key_in_panel(panel, key);
        }
        match key {
            Key::Right | Key::Tab => self.select_tab((self.tab + 1) % Area::TABS.len()),
            Key::Left | Key::BackTab => {
                self.select_tab((self.tab + Area::TABS.len() - 1) % Area::TABS.len());
            }
            Key::Char(digit @ '1'..='4') => self.select_tab(digit as usize - '1' as usize),
            Key::Char('c' | 'C') => {
                self.aside = !self.aside;
                self.selected = 0;
            }
            Key::Down => {
                self.selected = (self.selected + 1).min(self.area().entries().len() - 1);
            }
            Key::Up => self.selected = self.selected.saturating_sub(1),
            Key::Enter => return self.choose(),
            Key::Char('s' | 'S') if self.sharing => return Some(Action::StopShare),
            Key::Char('d' | 'D') => self.dialog = Some(Dialog::Options),
            Key::Char('t' | 'T') => return self.choose_entry(Entry::Chat),
            Key::Char('n' | 'N') => return self.choose_entry(Entry::Notes),
            Key::Char('a' | 'A') => return self.choose_entry(Entry::Annotation),
            Key::Char('q' | 'Q') | Key::Interrupt => self.dialog = Some(Dialog::ConfirmEnd),
            _ => {}
        }
        None
    }

    fn on_key_in_panel(&mut self, panel: Panel, key: Key) -> Option<Action> {
        match self.panels.on_key(key) {
            Asked::Nothing => None,
            Asked::Close => {
                self.panels.close();
                (panel == Panel::Notes { review: true }).then_some(Action::Reviewed)
            }
            Asked::Say(text) => Some(Action::Say(text)),
            Asked::Keep(text) => Some(Action::Keep(text)),
            Asked::Invite(to) => Some(Action::Invite(to)),
        }
    }

    fn on_key_in_options(&mut self, key: Key) -> Option<Action> {
        let action = match key {
            Key::Char('1') => Some(Action::DisplayMode(DisplayMode::Standard)),
            Key::Char('2') => Some(Action::Colours(ColourCount::HighColour)),
            Key::Char('3') => Some(Action::Colours(ColourCount::Colours256)),
            Key::Enter | Key::Escape | Key::Interrupt => None,
            _ => return None,
        };
        self.dialog = None;
        action
    }

    fn select_tab(&mut self, tab: usize) {
        self.tab = tab;
        self.aside = false;
        self.selected = 0;
    }

    fn choose(&mut self) -> Option<Action> {
        let entry = *self.area().entries().get(self.selected)?;
        self.choose_entry(entry)
    }

    fn choose_entry(&mut self, entry: Entry) -> Option<Action> {
        if let Some(reason) = entry.unavailable(self) {
            self.note(format!("{}: unavailable, {reason}", entry.title()));
            return None;
        }
        match entry {
            Entry::Invite => {
                self.panels.show(Panel::Invitation);
                None
            }
            Entry::Chat => {
                self.panels.show(Panel::Chat);
                None
            }
            Entry::Notes => {
                self.panels.show(Panel::Notes { review: false });
                None
            }
            Entry::Annotation => Some(Action::Annotate(!self.annotating)),
            Entry::Request(activity) => Some(self.request(activity)),
            Entry::Options => {
                self.dialog = Some(Dialog::Options);
                None
            }
            Entry::End => {
                self.dialog = Some(Dialog::ConfirmEnd);
                None
            }
            Entry::Later(_) => None,
        }
    }

    /// The customer is being asked for `activity`.
    pub(crate) fn request(&mut self, activity: Activity) -> Action {
        self.waiting = Some(activity);
        Action::Request(activity)
    }

    fn end(&mut self) -> Option<Action> {
        if self.ending {
            return None;
        }
        self.ending = true;
        self.note("Ending the session");
        Some(Action::End)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn joined() -> Model {
        let mut model = Model::new("127.0.0.1:7443", "Lee");
        model.on_event(&Event::CustomerJoined { name: "Kim".into(), again: false });
        model
    }

    fn unavailable(model: &Model, entry: Entry) -> Option<&'static str> {
        entry.unavailable(model)
    }

    #[test]
    fn functions_that_need_a_customer_wait_for_one() {
        let mut model = Model::new("127.0.0.1:7443", "Lee");
        for activity in [Activity::View, Activity::Control] {
            let entry = Entry::Request(activity);
            assert_eq!(unavailable(&model, entry), Some("until a customer joins"));
        }
        assert_eq!(model.on_key(Key::Enter), None);
        assert!(model.messages().any(|message| message.contains("until a customer joins")));

        let mut model = joined();
        assert_eq!(model.on_key(Key::Enter), Some(Action::Request(Activity::View)));
        model.on_event(&Event::CustomerLeft);
        assert_eq!(
            unavailable(&model, Entry::Request(Activity::View)),
            Some("until a customer joins")
        );
    }

    #[test]
    fn every_tab_holds_exactly_its_entries() {
        let titles = |area: Area| {
            area.entries().iter().map(|entry| entry.title()).collect::<Vec<_>>().join(", ")
        };
        assert_eq!(
            titles(Area::Tools),
            "Invite, Chat, Video, File transfer, Audio (voice call), Notes"
        );
        assert_eq!(
            titles(Area::Desktop),
            "Request view, Request control, Share view, Share control"
        );
        assert_eq!(
            titles(Area::Application),
            "Request view, Request control, Share view, Share control, Co-browse view, Co-browse control"
        );
        assert_eq!(
            titles(Area::Session),
            "Session options, Annotation, Record, Transfer control, Transfer session, End session"
        );
        assert_eq!(
            titles(Area::Customer),
            "System information, Log on as a different user, Reboot computer"
        );
    }

    #[test]
    fn a_request_is_not_repeated_while_the_answer_is_awaited() {
        let mut model = joined();
        assert!(model.on_key(Key::Enter).is_some());
        assert_eq!(model.on_key(Key::Enter), None);
        model.on_event(&Event::Answered { activity: Activity::View, granted: false });
        assert_eq!(model.on_key(Key::Enter), None, "the first key dismisses the refusal");
        assert!(model.on_key(Key::Enter).is_some());
    }

    #[test]
    fn ending_asks_first_and_happens_once() {
        let mut model = joined();
        assert_eq!(model.on_key(Key::Char('q')), None);
        assert_eq!(model.on_key(Key::Escape), None);
        assert_eq!(model.on_key(Key::Interrupt), None);
        assert_eq!(model.dialog(), Some(&Dialog::ConfirmEnd));
        assert_eq!(model.on_key(Key::Enter), Some(Action::End));
        assert_eq!(model.on_key(Key::Char('q')), None);
        assert_eq!(model.on_key(Key::Enter), None);
    }

    #[test]
    fn sharing_can_be_stopped_only_while_it_goes_on() {
        let mut model = joined();
        assert_eq!(model.on_key(Key::Char('s')), None);
        let (_feed, view) = tessera::view::feed(tessera::Size::new(64, 64));
        model.on_event(&Event::ShareStarted(view));
        assert_eq!(model.on_key(Key::Char('s')), Some(Action::StopShare));
        model.on_event(&Event::ShareEnded { reason: EndReason::StoppedByCustomer });
        assert_eq!(model.on_key(Key::Char('s')), None);
    }

    #[test]
    fn a_display_mode_is_chosen_in_the_session_options() {
        let mut model = Model::new("127.0.0.1:7443", "Lee");
        assert_eq!(model.on_key(Key::Char('3')), None, "a tab");
        model.on_key(Key::Char('4'));
        assert_eq!(model.on_key(Key::Enter), None);
        assert_eq!(model.dialog(), Some(&Dialog::Options));
        assert_eq!(model.on_key(Key::Char('x')), None);
        let action = model.on_key(Key::Char('3'));
        assert_eq!(action, Some(Action::Colours(ColourCount::Colours256)));
        assert_eq!(model.dialog(), None);
        model.on_key(Key::Char('d'));
        let action = model.on_key(Key::Char('1'));
        assert_eq!(action, Some(Action::DisplayMode(DisplayMode::Standard)));
        model.on_key(Key::Char('d'));
        assert_eq!((model.on_key(Key::Escape), model.dialog()), (None, None));
    }

    #[test]
    fn messages_are_bounded() {
        let mut model = Model::new("127.0.0.1:7443", "Lee");
        for number in 0..1000 {
            model.note(number.to_string());
        }
        assert_eq!(model.messages().count(), KEPT_MESSAGES);
        assert_eq!(model.messages().next_back(), Some("999"));
    }
}
