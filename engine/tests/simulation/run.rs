//! One simulated session, from its seed.

use std::collections::BTreeSet;

use tessera::Activity;
use tessera::session::Notice;
use tessera::session::log::verify;
use tessera::session::rules::Rulebook;
use tessera::session::rules::session::{GRACE_US, REBOOT_GRACE_US, VACANCY_US};

use crate::checks::{at_rest, every_step, observe};
use crate::model::{Model, Part, Person, Site};
use crate::operations::{Operation, Wish, abilities, next};
use crate::random::Random;
use crate::world::{World, key};

/// Operations of a session, unless it ends before.
const OPERATIONS: usize = 60;

/// Time that passes after each operation: longer than a click at the shared computer keeps others out, and longer than
/// the pause before a program tries to come back.
const PAUSE_US: u64 = 1_100_000;

/// A rule that was found broken, and how.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) seed: u64,
    /// Operations that were kept when the run was shortened.
    pub(crate) history: Vec<String>,
    pub(crate) what: String,
}

struct Run {
    world: World,
    model: Model,
    random: Random,
    allowed: BTreeSet<Person>,
    joined: Person,
    history: Vec<String>,
}

/// Plays the session of `seed`; `operations` bounds its length.
pub(crate) fn play(seed: u64, rules: Rulebook, operations: usize) -> Result<(), Box<Failure>> {
    let mut random = Random::new(seed);
    let site = Site { queues: random.once_in(2), records_by_itself: random.once_in(4) };
    let first = abilities(&mut random);
    let mut run = Run {
        world: World::new(site, rules, first),
        model: Model::new(site, 0, first),
        random,
        allowed: BTreeSet::new(),
        joined: 1,
        history: Vec::new(),
    };
    run.play(operations).map_err(|what| Box::new(Failure { seed, history: run.history, what }))
}

/// The first session that fails.
pub(crate) fn find(mut seeds: std::ops::Range<u64>, rules: Rulebook) -> Option<Box<Failure>> {
    seeds.find_map(|seed| play(seed, rules, OPERATIONS).err())
}

/// Plays whole sessions, and shortens the first that fails to as few operations as its seed needs.
pub(crate) fn search(seeds: std::ops::Range<u64>, rules: Rulebook) -> Option<Box<Failure>> {
    let failure = find(seeds, rules)?;
    let seed = failure.seed;
    let shorter = (1..OPERATIONS).find_map(|operations| play(seed, rules, operations).err());
    Some(shorter.unwrap_or(failure))
}

impl Run {
    fn play(&mut self, operations: usize) -> Result<(), String> {
        for _ in 0..operations {
            if self.model.is_over || self.model.holder().is_none() {
                break;
            }
            if self.model.people.len() > 2 && self.random.once_in(8) {
                self.race()?;
            } else {
                self.step()?;
            }
        }
        self.finish()
    }

    /// One operation, and everything that follows from it, beside the model.
    fn step(&mut self) -> Result<(), String> {
        let operation = next(&mut self.random, &self.model, self.joined);
        self.history.push(format!("{operation:?}"));
        match operation {
            Operation::Join(person, part, abilities) => self.join(person, part, abilities)?,
            Operation::Does(by, wish) => self.does(by, &wish)?,
            Operation::Blip(one, other) => {
                self.world.lose(one, other, false);
                self.model.blip(one, other);
            }
            Operation::Restart(person) => {
                let holder = self.model.holder().ok_or("nobody holds control")?;
                let abilities = self.model.abilities[&person];
                self.world.restart(holder, person, abilities);
                self.model.restart(person);
            }
            Operation::Vanish(person) => self.vanish(person)?,
            Operation::Forge(from, to, message) => self.world.forge(from, to, message),
        }
        self.settle()?;
        at_rest(&self.world, &self.model)
    }

    fn join(
        &mut self,
        person: Person,
        part: Part,
        abilities: crate::model::Abilities,
    ) -> Result<(), String> {
        let holder = self.model.holder().ok_or("nobody holds control")?;
        let first = self.model.primary_customer();
        let told_before: Vec<_> =
            self.world.present().map(|at| (at, self.told_of(at, person))).collect();
        self.world.join(holder, person, part, abilities);
        self.model.join(person, part, abilities);
        self.joined += 1;
        self.settle()?;
        for (at, before) in told_before {
            // RULE-36.
            let is_told = self.told_of(at, person) > before;
            let expected = part == Part::Customer && (at == holder || Some(at) == first);
            if is_told != expected {
                return Err(format!("RULE-36: {at} was told of {person}: {is_told}"));
            }
        }
        Ok(())
    }

    fn told_of(&self, at: Person, customer: Person) -> usize {
        let customer = key(customer);
        let told = self.world.programs[&at].told.iter();
        told.filter(|notice| **notice == Notice::CustomerAdded { customer }).count()
    }

    fn does(&mut self, by: Person, wish: &Wish) -> Result<(), String> {
        let logged_on = self.logged_on();
        let back_on: Vec<_> =
            logged_on.iter().map(|at| self.world.programs[at].logged_back_on).collect();
        let command = wish.command(&self.world, by);
        let done = self.world.command(by, command);
        let may = wish.happens(&mut self.model, by);
        if done != may {
            return Err(format!("participant {by} could do it: {done}; may do it: {may}"));
        }
        if let Wish::Answer(true, _) = wish {
            self.allowed.insert(by);
        }
        self.settle()?;
        // RULE-25.
        for (at, before) in logged_on.into_iter().zip(back_on) {
            let program = &self.world.programs[&at];
            let goes_on =
                !program.machine.is_over() && program.machine.running().contains(&Activity::LogOn);
            if !goes_on && program.logged_back_on == before {
                return Err(format!("RULE-25: {at} was not logged back on"));
            }
        }
        Ok(())
    }

    fn logged_on(&self) -> Vec<Person> {
        let is_logged_on =
            |at: &Person| self.world.machine(*at).running().contains(&Activity::LogOn);
        self.world.present().filter(is_logged_on).collect()
    }

    fn vanish(&mut self, person: Person) -> Result<(), String> {
        let is_holder = self.model.holder() == Some(person);
        self.world.kill(person);
        self.settle()?;
        let reboots =
            self.model.running.get(&person).is_some_and(|it| it.contains(&Activity::Reboot));
        // RULE-26: until then the session has room for them.
        self.world.pass_time(GRACE_US - 10 * PAUSE_US);
        self.settle()?;
        if let Some(holder) = self.model.holder().filter(|_| !is_holder)
            && !self.world.machine(holder).members().iter().any(|it| it.key == key(person))
        {
            return Err(format!("SES-25: {person} was not waited for"));
        }
        if reboots {
            self.world.pass_time(REBOOT_GRACE_US - GRACE_US - PAUSE_US);
            self.settle()?;
            if let Some(holder) = self.model.holder().filter(|_| !is_holder)
                && !self.world.machine(holder).members().iter().any(|it| it.key == key(person))
            {
                return Err(format!("RULE-26: {person} was not waited for"));
            }
        }
        self.world.pass_time(10 * PAUSE_US + 1);
        if is_holder {
            self.model.is_over = true;
        } else {
            self.model.gone(person);
        }
        Ok(())
    }

    /// Several people do something before anybody has heard of it.
    fn race(&mut self) -> Result<(), String> {
        let mut wishes = Vec::new();
        for _ in 0..2 + self.random.below(3) {
            let operation = next(&mut self.random, &self.model, crate::world::MAX_PEOPLE);
            if let Operation::Does(by, wish) = operation
                && !matches!(
                    wish,
                    Wish::Transfer(..) | Wish::Leave | Wish::CloseDashboard | Wish::End
                ) | self.random.once_in(4)
            {
                wishes.push((by, wish));
            }
        }
        self.history.push(format!("at once: {wishes:?}"));
        for (by, wish) in wishes {
            if !self.world.machine(by).is_over() {
                let command = wish.command(&self.world, by);
                if self.world.command(by, command) && matches!(wish, Wish::Answer(true, _)) {
                    self.allowed.insert(by);
                }
            }
            for _ in 0..self.random.below(6) {
                self.world.deliver(&mut self.random);
                every_step(&self.world, &self.allowed)?;
            }
        }
        self.settle()?;
        observe(&self.world, &mut self.model);
        if self.model.is_over {
            return Ok(());
        }
        at_rest(&self.world, &self.model)
    }

    /// Delivers what is under way and lets a moment pass, until nothing happens any more.
    fn settle(&mut self) -> Result<(), String> {
        for _ in 0..3 {
            while self.world.deliver(&mut self.random) {
                every_step(&self.world, &self.allowed)?;
            }
            every_step(&self.world, &self.allowed)?;
            self.world.pass_time(PAUSE_US);
        }
        Ok(())
    }

    /// The session is over, or will be: nobody stays in it for ever, and every log of consent holds.
    fn finish(&mut self) -> Result<(), String> {
        if self.model.holder().is_none() && !self.model.is_over {
            self.world.pass_time(VACANCY_US);
            self.settle()?;
            let present: Vec<_> = self.world.present().collect();
            if !present.is_empty() {
                return Err(format!("ASST-20: {present:?} wait for ever"));
            }
        }
        for (person, program) in &self.world.programs {
            for (customer, log) in &program.log {
                let report = verify(log, Some(*customer));
                if let Some(finding) = report.findings().first() {
                    return Err(format!("the log of {customer} at {person}: {finding}"));
                }
            }
        }
        Ok(())
    }
}
