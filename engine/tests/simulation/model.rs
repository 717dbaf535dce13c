//! The reference: what a session is after each event, as the requirements say it, for all participants at once.
//!
//! It knows no messages, no delays and no roster, and none of the product's rules: it is written from the rows of
//! the requirements alone. People are numbers.

use std::collections::{BTreeMap, BTreeSet};

use tessera::Activity;
use tessera::session::messages::Recording;
use tessera::session::share::Control;

pub(crate) type Person = usize;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    Primary,
    Assistant,
    Customer,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Abilities {
    pub(crate) agent: bool,
    pub(crate) voice: bool,
}

/// What a site has.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Site {
    pub(crate) queues: bool,
    pub(crate) records_by_itself: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Share {
    pub(crate) is_application: bool,
    pub(crate) control: Control,
    pub(crate) controller: Option<Person>,
    pub(crate) annotators: BTreeSet<Person>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Grants {
    pub(crate) view: bool,
    pub(crate) control: bool,
    pub(crate) session: bool,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Call {
    pub(crate) starter: Person,
    pub(crate) members: BTreeSet<Person>,
    pub(crate) speakers: BTreeSet<Person>,
}

#[derive(Clone, Debug)]
pub(crate) struct Model {
    pub(crate) site: Site,
    pub(crate) abilities: BTreeMap<Person, Abilities>,
    /// In the order in which they came.
    pub(crate) people: Vec<(Person, Part)>,
    pub(crate) helped: Option<Person>,
    pub(crate) question: Option<(Person, Activity)>,
    pub(crate) grants: BTreeMap<Person, Grants>,
    pub(crate) shares: BTreeMap<Person, Share>,
    /// Who has to choose what to share: whether it may be operated, and by whom.
    pub(crate) picking: BTreeMap<Person, (bool, Person)>,
    pub(crate) running: BTreeMap<Person, BTreeSet<Activity>>,
    pub(crate) in_chat: BTreeSet<Person>,
    pub(crate) recording: Recording,
    pub(crate) call: Option<Call>,
    pub(crate) cameras: BTreeSet<Person>,
    pub(crate) samples: bool,
    pub(crate) is_over: bool,
}

const fn whose(activity: Activity) -> Option<(bool, bool, bool)> {
    // Whether the customer shares, an application, and for operating.
    Some(match activity {
        Activity::View => (true, false, false),
        Activity::Control => (true, false, true),
        Activity::ViewApplication | Activity::CobrowseView => (true, true, false),
        Activity::ControlApplication | Activity::CobrowseControl => (true, true, true),
        Activity::ShowDesktop => (false, false, false),
        Activity::GiveDesktop => (false, false, true),
        Activity::ShowApplication => (false, true, false),
        Activity::GiveApplication => (false, true, true),
        _ => return None,
    })
}

const FILES: [Activity; 3] = [Activity::BasicFiles, Activity::SharedFiles, Activity::UnsharedFiles];

impl Model {
    pub(crate) fn new(site: Site, primary: Person, abilities: Abilities) -> Self {
        Self {
            site,
            abilities: BTreeMap::from([(primary, abilities)]),
            people: vec![(primary, Part::Primary)],
            helped: None,
            question: None,
            grants: BTreeMap::new(),
            shares: BTreeMap::new(),
            picking: BTreeMap::new(),
            running: BTreeMap::new(),
            in_chat: BTreeSet::new(),
            recording: Recording::Off,
            call: None,
            cameras: BTreeSet::new(),
            samples: false,
            is_over: false,
        }
    }

    pub(crate) fn part(&self, person: Person) -> Option<Part> {
        self.people.iter().find(|(other, _)| *other == person).map(|(_, part)| *part)
    }

    pub(crate) fn holder(&self) -> Option<Person> {
        self.people.iter().find(|(_, part)| *part == Part::Primary).map(|(person, _)| *person)
    }

    pub(crate) fn primary_customer(&self) -> Option<Person> {
        self.people.iter().find(|(_, part)| *part == Part::Customer).map(|(person, _)| *person)
    }

    fn is_holder(&self, person: Person) -> bool {
        self.part(person) == Some(Part::Primary)
    }

    fn application_of(&self, person: Person) -> bool {
        self.shares.get(&person).is_some_and(|share| share.is_application)
    }

    pub(crate) fn join(&mut self, person: Person, part: Part, abilities: Abilities) {
        self.abilities.insert(person, abilities);
        self.people.push((person, part));
        if part == Part::Customer {
            self.grants.insert(person, Grants::default());
            self.helped = self.helped.or(Some(person));
        }
    }

    /// RULE-01, RULE-10, RULE-11, RULE-14, RULE-15, RULE-30, RULE-33, RULE-35 and section 34.2.
    pub(crate) fn request(&mut self, by: Person, activity: Activity) -> bool {
        let Some(customer) = self.helped.filter(|_| self.is_holder(by)) else { return false };
        let needs_queue = matches!(activity, Activity::CobrowseView | Activity::CobrowseControl);
        let is_files = FILES.contains(&activity) || activity == Activity::FileOperation;
        if (needs_queue && !self.site.queues)
            || (activity == Activity::Record && self.site.records_by_itself)
            || (is_files && self.application_of(customer))
        {
            return false;
        }
        let kind = whose(activity);
        if let Some((false, is_application, operate)) = kind
            && let Some(share) = self.shares.get_mut(&by)
        {
            if share.is_application != is_application {
                return false;
            }
            raise(share, operate, customer);
            return true;
        }
        self.question = None;
        let share = self.shares.get(&customer);
        let shared = share.map(|share| (share.is_application, share.control != Control::Off));
        let goes_on = match (kind, shared) {
            (Some((true, is_application, _)), Some((other, _))) if is_application != other => {
                return true;
            }
            (Some((true, _, operate)), Some((_, operates))) => operates || !operate,
            _ => false,
        };
        let has_files = self
            .running
            .get(&customer)
            .is_some_and(|it| FILES.iter().any(|file| it.contains(file)));
        if activity == Activity::FileOperation && !has_files {
            return true;
        }
        let grants = self.grants[&customer];
        let covered = match activity {
            Activity::View if grants.view => true,
            Activity::Control if grants.control => true,
            Activity::FileOperation if shared.is_some_and(|(application, _)| !application) => true,
            Activity::Scripts | Activity::LogOn | Activity::Reboot => false,
            _ => grants.session,
        };
        if goes_on || covered {
            self.allow(customer, activity);
        } else {
            self.question = Some((customer, activity));
        }
        true
    }

    pub(crate) fn answer(&mut self, by: Person, granted: bool, all: bool) -> bool {
        let Some((customer, activity)) = self.question.take_if(|(customer, _)| *customer == by)
        else {
            return false;
        };
        if granted && all {
            self.grants.insert(customer, Grants { view: true, control: true, session: true });
        }
        if granted {
            self.allow(customer, activity);
        }
        true
    }

    fn allow(&mut self, customer: Person, activity: Activity) {
        let Some(holder) = self.holder() else { return };
        if let Some((is_customers, is_application, operate)) = whose(activity) {
            let (sharer, controller) =
                if is_customers { (customer, holder) } else { (holder, customer) };
            if let Some(share) = self.shares.get_mut(&sharer) {
                if share.is_application == is_application {
                    raise(share, operate, controller);
                }
            } else if is_application {
                self.picking.insert(sharer, (operate, controller));
            } else {
                self.begin(sharer, false, operate, controller);
            }
            return;
        }
        if activity == Activity::FileOperation {
            return;
        }
        let running = self.running.entry(customer).or_default();
        if FILES.contains(&activity) {
            running.retain(|other| !FILES.contains(other));
        }
        running.insert(activity);
        match activity {
            Activity::Record => self.recording = Recording::On,
            // Section 34.1.
            Activity::Reboot | Activity::LogOn => {
                running.retain(|other| !FILES.contains(other));
                self.shares.remove(&customer);
                self.picking.remove(&customer);
                self.cameras.remove(&customer);
            }
            _ => {}
        }
    }

    fn begin(&mut self, sharer: Person, is_application: bool, operate: bool, by: Person) {
        // RULE-14: it is offered, and begins with a click.
        let control = if operate { Control::Offered } else { Control::Off };
        let controller = operate.then_some(by);
        let share = Share { is_application, control, controller, annotators: BTreeSet::new() };
        self.shares.entry(sharer).or_insert(share);
    }

    pub(crate) fn pick(&mut self, by: Person) -> bool {
        let Some((operate, controller)) = self.picking.remove(&by) else { return false };
        self.begin(by, true, operate && self.part(controller).is_some(), controller);
        true
    }

    pub(crate) fn cancel_pick(&mut self, by: Person) -> bool {
        self.picking.remove(&by).is_some()
    }

    pub(crate) fn stop(&mut self, by: Person, sharer: Person) -> bool {
        (by == sharer || self.is_holder(by)) && self.shares.remove(&sharer).is_some()
    }

    /// RULE-14, RULE-18.
    pub(crate) fn take(&mut self, by: Person, sharer: Person) -> bool {
        let Some(share) = self.shares.get_mut(&sharer) else { return false };
        let may = share.control == Control::Offered
            && share.controller == Some(by)
            && share.annotators.is_empty();
        if may {
            share.control = Control::Taken;
        }
        may
    }

    pub(crate) fn release(&mut self, by: Person, sharer: Person) -> bool {
        let Some(share) = self.shares.get_mut(&sharer) else { return false };
        if share.controller != Some(by) || by == sharer {
            return false;
        }
        if share.control == Control::Taken {
            share.control = Control::Offered;
        }
        true
    }

    /// RULE-13.
    pub(crate) fn own_click(&mut self, by: Person) -> bool {
        let Some(share) = self.shares.get_mut(&by) else { return false };
        if share.control == Control::Taken {
            share.control = Control::Offered;
        }
        true
    }

    pub(crate) fn withdraw_control(&mut self, by: Person) -> bool {
        if self.part(by) == Some(Part::Assistant) {
            return false;
        }
        if let Some(grants) = self.grants.get_mut(&by) {
            *grants =
                Grants { view: grants.view || grants.session, control: false, session: false };
        }
        if let Some(share) = self.shares.get_mut(&by) {
            (share.control, share.controller) = (Control::Off, None);
        }
        true
    }

    pub(crate) fn withdraw_all(&mut self, by: Person) -> bool {
        if self.part(by) != Some(Part::Customer) {
            return false;
        }
        self.grants.insert(by, Grants::default());
        self.question.take_if(|(customer, _)| *customer == by);
        self.picking.remove(&by);
        self.shares.remove(&by);
        if self.running.remove(&by).is_some_and(|running| running.contains(&Activity::Record)) {
            self.stop_recording();
        }
        true
    }

    /// RULE-12.
    pub(crate) fn end_activity(
        &mut self,
        by: Person,
        customer: Person,
        activity: Activity,
    ) -> bool {
        let goes_on = self.running.get(&customer).is_some_and(|it| it.contains(&activity));
        let may =
            if by == customer { activity != Activity::UnsharedFiles } else { self.is_holder(by) };
        if !goes_on || !may {
            return false;
        }
        if let Some(running) = self.running.get_mut(&customer) {
            running.remove(&activity);
        }
        if activity == Activity::Record {
            self.stop_recording();
        }
        true
    }

    fn stop_recording(&mut self) {
        self.recording = Recording::Off;
        for running in self.running.values_mut() {
            running.remove(&Activity::Record);
        }
    }

    pub(crate) fn chat(&mut self, by: Person, to: Option<Person>, is_text: bool) -> bool {
        let others: Vec<_> =
            self.people.iter().map(|(person, _)| *person).filter(|other| *other != by).collect();
        let recipients: Vec<_> =
            others.into_iter().filter(|other| to.is_none_or(|to| to == *other)).collect();
        if !is_text || recipients.is_empty() {
            return false;
        }
        self.in_chat.insert(by);
        self.in_chat.extend(recipients);
        true
    }

    /// RULE-18, and the matrix: assistants only see.
    pub(crate) fn annotate(&mut self, by: Person, sharer: Person, on: bool) -> bool {
        let part = self.part(by);
        let Some(share) = self.shares.get_mut(&sharer) else { return false };
        let is_free =
            share.control != Control::Taken || by == sharer || share.controller == Some(by);
        if on && (part == Some(Part::Assistant) || !is_free) {
            return false;
        }
        if !on {
            share.annotators.remove(&by);
        } else if share.annotators.insert(by) && share.control == Control::Taken {
            share.control = Control::Offered;
        }
        true
    }

    /// RULE-09.
    pub(crate) fn help(&mut self, by: Person, customer: Person) -> bool {
        if !self.is_holder(by) || self.part(customer) != Some(Part::Customer) {
            return false;
        }
        if self.helped != Some(customer) {
            self.helped = Some(customer);
            self.question = None;
            self.end_sharing_and_files();
        }
        true
    }

    fn end_sharing_and_files(&mut self) {
        self.shares.clear();
        self.picking.clear();
        for running in self.running.values_mut() {
            running.retain(|activity| !FILES.contains(activity));
        }
    }

    /// RULE-06, RULE-07.
    pub(crate) fn pass(&mut self, by: Person, to: Person) -> bool {
        if !self.is_holder(by) || self.part(to) != Some(Part::Assistant) {
            return false;
        }
        for (person, part) in &mut self.people {
            if *person == by {
                *part = Part::Assistant;
            } else if *person == to {
                *part = Part::Primary;
            }
        }
        self.end_all_but_voice();
        if !self.abilities[&to].voice {
            self.call = None;
        }
        true
    }

    fn end_all_but_voice(&mut self) {
        self.question = None;
        self.end_sharing_and_files();
        self.in_chat.clear();
        self.cameras.clear();
        self.stop_recording();
    }

    /// RULE-08.
    pub(crate) fn transfer(
        &mut self,
        by: Person,
        is_destination: bool,
        message_chars: usize,
    ) -> bool {
        let may = self.is_holder(by) && self.abilities[&by].agent && self.site.queues;
        if !may || !is_destination || message_chars > 345 {
            return false;
        }
        self.people.retain(|(person, _)| *person != by);
        self.end_all_but_voice();
        self.helped = None;
        if self.call.as_ref().is_some_and(|call| call.starter == by) {
            self.call = None;
        }
        self.leaves_call(by);
        // RULE-02 in spirit: whoever comes next was allowed nothing.
        self.grants.values_mut().for_each(|grants| *grants = Grants::default());
        true
    }

    fn leaves_call(&mut self, person: Person) {
        if let Some(call) = &mut self.call {
            call.members.remove(&person);
            call.speakers.remove(&person);
        }
    }

    pub(crate) fn remove(&mut self, by: Person, person: Person) -> bool {
        let may = self.is_holder(by) && by != person && self.part(person).is_some();
        if may {
            self.gone(person);
        }
        may
    }

    /// Section 34.1, "a customer leaves" and "an assistant leaves".
    pub(crate) fn gone(&mut self, person: Person) {
        self.people.retain(|(other, _)| *other != person);
        self.question.take_if(|(customer, _)| *customer == person);
        self.shares.remove(&person);
        self.picking.remove(&person);
        self.forget_in_shares(person);
        self.leaves_call(person);
        self.cameras.remove(&person);
        self.in_chat.remove(&person);
        self.running.remove(&person);
        self.grants.remove(&person);
        if self.helped == Some(person) {
            self.helped = self.primary_customer();
        }
    }

    fn forget_in_shares(&mut self, person: Person) {
        for share in self.shares.values_mut() {
            share.annotators.remove(&person);
            if share.controller == Some(person) {
                (share.control, share.controller) = (Control::Off, None);
            }
        }
    }

    /// RULE-03.
    pub(crate) fn leave(&mut self, by: Person) -> bool {
        let may = !self.is_holder(by);
        if may {
            self.gone(by);
        }
        may
    }

    /// RULE-05.
    pub(crate) fn end(&mut self, by: Person) -> bool {
        self.is_over |= self.is_holder(by);
        self.is_holder(by)
    }

    /// RULE-24.
    pub(crate) fn close_dashboard(&mut self, by: Person) -> bool {
        if self.is_holder(by) { self.end(by) } else { self.leave(by) }
    }

    pub(crate) fn record(&mut self, by: Person, state: Recording) -> bool {
        let may =
            self.is_holder(by) && !self.site.records_by_itself && self.recording != Recording::Off;
        if may {
            self.recording = state;
            if state == Recording::Off {
                self.stop_recording();
            }
        }
        may
    }

    pub(crate) fn start_voice(&mut self, by: Person) -> bool {
        let may = self.is_holder(by) && self.abilities[&by].voice;
        if may && self.call.is_none() {
            let alone = BTreeSet::from([by]);
            self.call = Some(Call { starter: by, members: alone.clone(), speakers: alone });
        }
        may
    }

    pub(crate) fn end_voice(&mut self, by: Person) -> bool {
        self.is_holder(by) && self.call.take().is_some()
    }

    pub(crate) fn join_voice(&mut self, by: Person, join: bool) -> bool {
        let can = self.holder().is_some() && (!join || self.abilities[&by].voice);
        let Some(call) = self.call.as_mut().filter(|_| can) else { return false };
        if join {
            call.members.insert(by);
        } else {
            call.members.remove(&by);
            call.speakers.remove(&by);
        }
        true
    }

    /// RULE-20.
    pub(crate) fn pass_microphone(&mut self, by: Person, to: Person) -> bool {
        let is_holder = self.is_holder(by);
        let Some(call) = self.call.as_mut().filter(|call| is_holder && call.members.contains(&to))
        else {
            return false;
        };
        if !call.speakers.contains(&to) {
            call.speakers.retain(|speaker| *speaker == by);
            call.speakers.insert(to);
        }
        true
    }

    /// RULE-22.
    pub(crate) fn video(&mut self, by: Person, on: bool) -> bool {
        if !on {
            self.cameras.remove(&by);
            return true;
        }
        let holder_sends = self.holder().is_some_and(|holder| self.cameras.contains(&holder));
        let may = self.is_holder(by) || (self.primary_customer() == Some(by) && holder_sends);
        if may {
            self.cameras.insert(by);
        }
        may
    }

    pub(crate) fn ask_video(&self, by: Person) -> bool {
        self.is_holder(by) && self.primary_customer().is_some()
    }

    /// RULE-31.
    pub(crate) fn print(&self, by: Person) -> bool {
        let share = self.helped.and_then(|helped| self.shares.get(&helped));
        self.is_holder(by) && share.is_some_and(|share| share.control != Control::Off)
    }

    pub(crate) fn save_notes(&self, by: Person) -> bool {
        self.is_holder(by)
    }

    pub(crate) fn display_mode(&mut self, by: Person, samples: bool) -> bool {
        let may = self.is_holder(by);
        if may {
            self.samples = samples;
        }
        may
    }

    /// RULE-19.
    pub(crate) const fn colours(&self) -> bool {
        self.samples
    }

    /// SES-25: the connection of two was lost, and came back in time.
    pub(crate) fn blip(&mut self, one: Person, other: Person) {
        for (here, there) in [(one, other), (other, one)] {
            if let Some(share) = self.shares.get_mut(&here) {
                share.annotators.remove(&there);
                if share.controller == Some(there) && !self.people.contains(&(there, Part::Primary))
                {
                    (share.control, share.controller) = (Control::Off, None);
                }
            }
        }
        let Some(holder) = self.holder().filter(|holder| [one, other].contains(holder)) else {
            return;
        };
        let person = if holder == one { other } else { one };
        self.question.take_if(|(customer, _)| *customer == person);
        self.picking.remove(&person);
        self.leaves_call(person);
        let grants = self.grants.get(&person).copied().unwrap_or_default();
        if let Some(share) = self.shares.get_mut(&person) {
            share.annotators.clear();
            let operates = share.control != Control::Off && (grants.control || grants.session);
            (share.control, share.controller) =
                if operates { (Control::Offered, Some(holder)) } else { (Control::Off, None) };
        }
    }

    /// A customer's program was killed and started anew: what it was allowed has to be allowed again, and what
    /// it showed of the desktop is shown again.
    pub(crate) fn restart(&mut self, person: Person) {
        let others: Vec<_> =
            self.people.iter().map(|(other, _)| *other).filter(|other| *other != person).collect();
        self.grants.insert(person, Grants::default());
        for other in others {
            self.blip(person, other);
        }
        if self.application_of(person) {
            self.shares.remove(&person);
        }
        if let Some(share) = self.shares.get_mut(&person) {
            share.annotators.clear();
        }
        self.running.remove(&person);
        self.in_chat.remove(&person);
        self.cameras.remove(&person);
    }
}

/// RULE-15: as it is shown already, and offered, or no more than shown.
fn raise(share: &mut Share, operate: bool, controller: Person) {
    if !operate {
        (share.control, share.controller) = (Control::Off, None);
    } else if share.control == Control::Off || share.controller != Some(controller) {
        (share.control, share.controller) = (Control::Offered, Some(controller));
    }
}
