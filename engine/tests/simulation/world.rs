//! Participants, the connections between them, and messages on the way: everything that a driver would do, in an order that a
//! seed chooses.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, OnceLock};

use tessera::Fingerprint;
use tessera::session::log::{Line, verify};
use tessera::session::messages::Message;
use tessera::session::roster::{Member, Role};
use tessera::session::rules::{Consent, Rulebook};
use tessera::session::{Action, Command, Notice, Offer, Participant, Policy, Setup};
use tessera_transport::Identity;
use tessera_transport::pairing::{Number, Ticket};

use crate::model::{Abilities, Part, Person, Site};
use crate::random::Random;

/// People that a session has in its life.
pub(crate) const MAX_PEOPLE: usize = 12;

/// Messages after which a session that does not come to rest is taken for one that never will.
const MAX_DELIVERIES: usize = 20_000;

fn identities() -> &'static [Arc<Identity>] {
    static KEYS: OnceLock<Vec<Arc<Identity>>> = OnceLock::new();
    KEYS.get_or_init(|| {
        let make = |_| Arc::new(Identity::ephemeral().expect("a key"));
        let mut keys: Vec<_> = (0..MAX_PEOPLE).map(make).collect();
        // The machine walks keys in their order: the same for every run of a seed.
        keys.sort_by_key(|identity| identity.fingerprint());
        keys
    })
}

pub(crate) fn key(person: Person) -> Fingerprint {
    identities()[person].fingerprint()
}

pub(crate) fn person(key: Fingerprint) -> Option<Person> {
    identities().iter().position(|identity| identity.fingerprint() == key)
}

pub(crate) fn session() -> Number {
    Number::from_index(7).expect("a number")
}

/// Somebody's program, and what its driver has done for it.
pub(crate) struct Program {
    pub(crate) machine: Participant,
    pub(crate) captures: bool,
    /// Whether the person sees that something is shared (RULE-16).
    pub(crate) shows_sign: bool,
    pub(crate) input_from: Option<Fingerprint>,
    pub(crate) told: Vec<Notice>,
    pub(crate) logged_back_on: usize,
    pub(crate) offers: Vec<Offer>,
    pub(crate) log: BTreeMap<Fingerprint, Vec<u8>>,
}

/// One direction of a connection.
#[derive(Default)]
struct Way {
    messages: VecDeque<Message>,
}

pub(crate) struct World {
    pub(crate) site: Site,
    pub(crate) programs: BTreeMap<Person, Program>,
    pub(crate) rules: Rulebook,
    /// Connections, by the lower person and the higher one.
    links: BTreeSet<(Person, Person)>,
    /// Connections that end when what is under way has been read.
    parting: BTreeSet<(Person, Person)>,
    /// Pairs that cannot connect for now.
    pub(crate) cut: BTreeSet<(Person, Person)>,
    ways: BTreeMap<(Person, Person), Way>,
    pub(crate) now_us: u64,
    tickets: u8,
    deliveries: usize,
}

const fn pair(one: Person, other: Person) -> (Person, Person) {
    if one < other { (one, other) } else { (other, one) }
}

pub(crate) const fn role(part: Part) -> Role {
    match part {
        Part::Primary => Role::Primary,
        Part::Assistant => Role::Assisting,
        Part::Customer => Role::Customer,
    }
}

impl World {
    pub(crate) fn new(site: Site, rules: Rulebook, abilities: Abilities) -> Self {
        let mut world = Self {
            site,
            programs: BTreeMap::new(),
            rules,
            links: BTreeSet::new(),
            parting: BTreeSet::new(),
            cut: BTreeSet::new(),
            ways: BTreeMap::new(),
            now_us: 1_000_000_000,
            tickets: 0,
            deliveries: 0,
        };
        let machine = Participant::primary(world.setup(0, abilities), abilities.agent);
        world.start(0, machine);
        world
    }

    fn setup(&self, person: Person, abilities: Abilities) -> Setup {
        let policy = Policy {
            can_operate: true,
            has_voice: abilities.voice,
            has_queue_module: self.site.queues,
            records_by_itself: self.site.records_by_itself,
            max_customers: MAX_PEOPLE,
            switched_off: Vec::new(),
        };
        let identity = Arc::clone(&identities()[person]);
        Setup { name: format!("P{person}"), session: session(), identity, policy }
    }

    fn start(&mut self, person: Person, machine: Participant) {
        let log = self.programs.remove(&person).map(|program| program.log).unwrap_or_default();
        let program = Program {
            machine: machine.with_rules(self.rules),
            captures: false,
            shows_sign: false,
            input_from: None,
            told: Vec::new(),
            logged_back_on: 0,
            offers: Vec::new(),
            log,
        };
        self.programs.insert(person, program);
    }

    pub(crate) fn machine(&self, person: Person) -> &Participant {
        &self.programs[&person].machine
    }

    /// Those whose part in the session is not over.
    pub(crate) fn present(&self) -> impl Iterator<Item = Person> + '_ {
        let present = self.programs.iter().filter(|(_, program)| !program.machine.is_over());
        present.map(|(person, _)| *person)
    }

    /// A stranger proves the code to the holder of control.
    pub(crate) fn join(
        &mut self,
        holder: Person,
        person: Person,
        part: Part,
        abilities: Abilities,
    ) {
        let machine =
            Participant::joining(self.setup(person, abilities), key(holder), Consent::default());
        self.start(person, machine);
        let agent = abilities.agent && part != Part::Customer;
        let member = Member { key: key(person), role: role(part), agent };
        self.open(holder, person);
        let now_us = self.now_us;
        let holder_program = self.programs.get_mut(&holder).expect("the holder");
        assert!(holder_program.machine.admits_stranger(role(part)));
        holder_program.machine.handle_admitted(member, now_us);
        let program = self.programs.get_mut(&person).expect("started");
        program.machine.handle_connected(key(holder));
        self.act_all();
    }

    /// Somebody's program is killed and started anew within the session.
    pub(crate) fn restart(&mut self, holder: Person, person: Person, abilities: Abilities) {
        let showed = self.machine(person).shows();
        for other in self.programs.keys().copied().collect::<Vec<_>>() {
            self.lose(person, other, true);
        }
        let log = self.programs[&person].log.get(&key(person)).cloned().unwrap_or_default();
        let report = verify(&log, Some(key(person)));
        let setup = self.setup(person, abilities);
        let mut machine =
            Participant::joining(setup, key(holder), Consent::default()).with_log(&report);
        if showed {
            machine.resume_showing();
        }
        self.start(person, machine);
        self.connect(person, holder);
        self.act_all();
    }

    fn open(&mut self, one: Person, other: Person) {
        self.links.insert(pair(one, other));
        self.parting.remove(&pair(one, other));
        self.ways.insert((one, other), Way::default());
        self.ways.insert((other, one), Way::default());
    }

    /// A program connects to another, which takes whoever is on its list.
    fn connect(&mut self, from: Person, to: Person) {
        let can = !self.cut.contains(&pair(from, to)) && !self.links.contains(&pair(from, to));
        let admits =
            self.programs.get(&to).is_some_and(|program| program.machine.admits_return(key(from)));
        if !can || !admits || self.machine(from).is_over() {
            return;
        }
        self.open(from, to);
        for (here, there) in [(to, from), (from, to)] {
            let program = self.programs.get_mut(&here).expect("a program");
            program.machine.handle_connected(key(there));
        }
    }

    /// A connection breaks; what was under way is lost. The dead notice nothing.
    pub(crate) fn lose(&mut self, one: Person, other: Person, first_is_dead: bool) {
        if !self.links.remove(&pair(one, other)) {
            return;
        }
        self.parting.remove(&pair(one, other));
        self.ways.remove(&(one, other));
        self.ways.remove(&(other, one));
        let now_us = self.now_us;
        for (here, there) in [(one, other), (other, one)] {
            if !(first_is_dead && here == one) {
                let program = self.programs.get_mut(&here).expect("a program");
                program.machine.handle_lost(key(there), now_us);
            }
        }
        self.act_all();
    }

    /// Somebody's program is gone for good.
    pub(crate) fn kill(&mut self, person: Person) {
        for other in self.programs.keys().copied().collect::<Vec<_>>() {
            self.lose(person, other, true);
        }
        self.programs.remove(&person);
    }

    pub(crate) fn command(&mut self, by: Person, command: Command) -> bool {
        let now_us = self.now_us;
        let program = self.programs.get_mut(&by).expect("a program");
        let done = program.machine.command(command, now_us).is_ok();
        self.act_all();
        done
    }

    /// A program that is not ours sends whatever it likes in somebody's name.
    pub(crate) fn forge(&mut self, from: Person, to: Person, message: Message) {
        let now_us = self.now_us;
        if let Some(program) = self.programs.get_mut(&to) {
            program.machine.handle_message(key(from), message, now_us);
        }
        self.act_all();
    }

    /// Delivers the next message of a way that the seed chooses; `false` when none is under way.
    pub(crate) fn deliver(&mut self, random: &mut Random) -> bool {
        let waiting: Vec<_> = self
            .ways
            .iter()
            .filter(|(_, way)| !way.messages.is_empty())
            .map(|(direction, _)| *direction)
            .collect();
        if waiting.is_empty() {
            return self.close_parted();
        }
        let (from, to) = *random.pick(&waiting);
        let message = self.ways.get_mut(&(from, to)).and_then(|way| way.messages.pop_front());
        self.deliveries += 1;
        assert!(self.deliveries < MAX_DELIVERIES, "the session does not come to rest");
        let now_us = self.now_us;
        if let (Some(message), Some(program)) = (message, self.programs.get_mut(&to)) {
            program.machine.handle_message(key(from), message, now_us);
        }
        self.act_all();
        true
    }

    fn close_parted(&mut self) -> bool {
        let Some((one, other)) = self.parting.pop_first() else { return false };
        self.lose(one, other, false);
        true
    }

    /// Lets time pass: whatever is due happens.
    pub(crate) fn pass_time(&mut self, us: u64) {
        self.now_us += us;
        let now_us = self.now_us;
        for program in self.programs.values_mut() {
            if program.machine.poll_timeout_us().is_some_and(|due_us| due_us <= now_us) {
                program.machine.handle_timeout(now_us);
            }
        }
        self.act_all();
    }

    /// Does what all machines have asked for.
    fn act_all(&mut self) {
        let people: Vec<_> = self.programs.keys().copied().collect();
        let mut is_quiet = false;
        while !is_quiet {
            is_quiet = true;
            for person in &people {
                loop {
                    let program = self.programs.get_mut(person).expect("a program");
                    let Some(action) = program.machine.poll_action() else { break };
                    is_quiet = false;
                    self.act(*person, action);
                }
            }
        }
    }

    fn send(&mut self, from: Person, to: Fingerprint, message: Message) {
        let Some(to) = person(to) else { return };
        if self.links.contains(&pair(from, to))
            && let Some(way) = self.ways.get_mut(&(from, to))
        {
            way.messages.push_back(message);
        }
    }

    fn act(&mut self, by: Person, action: Action) {
        let program = self.programs.get_mut(&by).expect("a program");
        match action {
            Action::Send { to, message } => self.send(by, to, message),
            Action::ShowTo { viewer } => {
                let started = program.machine.share_started(0);
                self.send(by, viewer, started.expect("something is shared"));
            }
            Action::StartSharing { .. } => program.captures = true,
            Action::StopSharing => program.captures = false,
            Action::AllowInput { from } => program.input_from = from,
            Action::MakeTicket { to } => {
                self.tickets = self.tickets.wrapping_add(1);
                program.machine.give_ticket(to, Ticket::from([self.tickets; 32]));
            }
            Action::KeepTicket(_) => program.machine.ticket_kept(),
            Action::Connect { to } => {
                if let Some(to) = person(to) {
                    self.connect(by, to);
                }
            }
            Action::Disconnect { from } => {
                if let Some(from) = person(from) {
                    self.lose(by, from, false);
                }
            }
            Action::Part { from } => {
                if let Some(from) = person(from)
                    && self.links.contains(&pair(by, from))
                {
                    self.parting.insert(pair(by, from));
                }
            }
            Action::Offer(offer) => program.offers.push(offer),
            Action::Log { customer, line } => log_line(&mut program.log, customer, &line),
            Action::LogCustomerBackOn => program.logged_back_on += 1,
            Action::Tell(notice) => {
                if let Notice::Sharing { on, .. } = notice {
                    program.shows_sign = on;
                }
                program.told.push(notice);
            }
            Action::HideFrom { .. }
            | Action::ChangeTarget { .. }
            | Action::SetDisplay { .. }
            | Action::StartViewing { .. }
            | Action::StopViewing { .. }
            | Action::OpenDoor
            | Action::CloseDoor
            | Action::RenewCode
            | Action::CloseSession
            | Action::Annotate { .. }
            | Action::TellLayer { .. }
            | Action::ClearLayer { .. } => {}
        }
    }

    /// Whether every pair of those who are in has a connection.
    pub(crate) fn is_whole(&self) -> bool {
        let present: Vec<_> = self.present().collect();
        present.iter().all(|one| {
            present.iter().all(|other| one == other || self.machine(*one).is_connected(key(*other)))
        })
    }
}

fn log_line(log: &mut BTreeMap<Fingerprint, Vec<u8>>, customer: Fingerprint, line: &Line) {
    log.entry(customer).or_default().extend(line.to_bytes());
}
