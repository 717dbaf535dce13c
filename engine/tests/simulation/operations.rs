//! What people, networks and hostile programs do in a simulated session.

use tessera::session::Command;
use tessera::session::messages::{Message, Recording};
use tessera::session::rules::transfer::Destination;
use tessera::session::share::{Control, ShareTarget, SharedWindow};
use tessera::{Activity, ColourCount, DisplayMode};

use crate::model::{Abilities, Model, Part, Person};
use crate::random::Random;
use crate::world::{MAX_PEOPLE, World, key};

/// Something that happens.
#[derive(Clone, Debug)]
pub(crate) enum Operation {
    Join(Person, Part, Abilities),
    Does(Person, Wish),
    /// The connection of two breaks and comes back.
    Blip(Person, Person),
    /// A customer's program is killed and started anew.
    Restart(Person),
    /// A program is gone and does not come back in time.
    Vanish(Person),
    /// Somebody's program sends what they may not.
    Forge(Person, Person, Message),
}

/// What a person wants; the same for the machines and the model.
#[derive(Clone, Debug)]
pub(crate) enum Wish {
    Request(Activity),
    Answer(bool, bool),
    Pick,
    CancelPick,
    Stop(Person),
    Take(Person),
    Release(Person),
    OwnClick,
    WithdrawControl,
    WithdrawAll,
    EndActivity(Person, Activity),
    Mode(DisplayMode),
    Colours,
    Chat(Option<Person>, String),
    Annotate(Person, bool),
    Help(Person),
    Pass(Person),
    Transfer(Destination, String),
    Remove(Person),
    Record(Recording),
    StartVoice,
    EndVoice,
    JoinVoice(bool),
    Microphone(Person),
    Video(bool),
    Minimise,
    AskVideo,
    Print,
    SaveNotes,
    Leave,
    End,
    CloseDashboard,
}

fn target() -> ShareTarget {
    ShareTarget::Applications { windows: vec![SharedWindow { id: 1, name: "An editor".into() }] }
}

/// The question that a customer sees.
fn question(world: &World, person: Person) -> u32 {
    world.machine(person).question().map_or(0, |(id, _)| id)
}

impl Wish {
    pub(crate) fn command(&self, world: &World, by: Person) -> Command {
        match self.clone() {
            Self::Request(activity) => Command::Request(activity),
            Self::Answer(granted, all) => Command::Answer { id: question(world, by), granted, all },
            Self::Pick => Command::Pick(target()),
            Self::CancelPick => Command::CancelPick,
            Self::Stop(sharer) => Command::StopShare { sharer: key(sharer) },
            Self::Take(sharer) => Command::TakeControl { sharer: key(sharer) },
            Self::Release(sharer) => Command::ReleaseControl { sharer: key(sharer) },
            Self::OwnClick => Command::OwnClick,
            Self::WithdrawControl => Command::WithdrawControl,
            Self::WithdrawAll => Command::WithdrawAll,
            Self::EndActivity(customer, activity) => {
                Command::EndActivity { customer: key(customer), activity }
            }
            Self::Mode(mode) => Command::DisplayMode(mode),
            Self::Colours => Command::Colours(ColourCount::Colours256),
            Self::Chat(to, text) => Command::Chat { to: to.map(key), text },
            Self::Annotate(sharer, on) => Command::Annotate { sharer: key(sharer), on },
            Self::Help(customer) => Command::Help(key(customer)),
            Self::Pass(to) => Command::PassControl(key(to)),
            Self::Transfer(destination, text) => Command::TransferSession { destination, text },
            Self::Remove(person) => Command::Remove(key(person)),
            Self::Record(state) => Command::Record(state),
            Self::StartVoice => Command::StartVoice,
            Self::EndVoice => Command::EndVoice,
            Self::JoinVoice(join) => Command::JoinVoice(join),
            Self::Microphone(to) => Command::PassMicrophone(key(to)),
            Self::Video(on) => Command::Video(on),
            Self::Minimise => Command::MinimiseVideo,
            Self::AskVideo => Command::AskVideo,
            Self::Print => Command::Print,
            Self::SaveNotes => Command::SaveNotes,
            Self::Leave => Command::Leave,
            Self::End => Command::End,
            Self::CloseDashboard => Command::CloseDashboard,
        }
    }

    /// What the requirements say: whether it may be done, and what it does.
    pub(crate) fn happens(&self, model: &mut Model, by: Person) -> bool {
        match self {
            Self::Request(activity) => model.request(by, *activity),
            Self::Answer(granted, all) => model.answer(by, *granted, *all),
            Self::Pick => model.pick(by),
            Self::CancelPick => model.cancel_pick(by),
            Self::Stop(sharer) => model.stop(by, *sharer),
            Self::Take(sharer) => model.take(by, *sharer),
            Self::Release(sharer) => model.release(by, *sharer),
            Self::OwnClick => model.own_click(by),
            Self::WithdrawControl => model.withdraw_control(by),
            Self::WithdrawAll => model.withdraw_all(by),
            Self::EndActivity(customer, activity) => model.end_activity(by, *customer, *activity),
            Self::Mode(mode) => model.display_mode(by, *mode == DisplayMode::Sampling),
            Self::Colours => model.colours(),
            Self::Chat(to, text) => {
                let is_text = !text.trim().is_empty() && text.chars().count() <= 1_000;
                model.chat(by, *to, is_text)
            }
            Self::Annotate(sharer, on) => model.annotate(by, *sharer, *on),
            Self::Help(customer) => model.help(by, *customer),
            Self::Pass(to) => model.pass(by, *to),
            Self::Transfer(destination, text) => {
                let is_destination = match destination {
                    Destination::Queue(queue) => !queue.is_empty(),
                    Destination::Agents(agents) => !agents.is_empty(),
                };
                model.transfer(by, is_destination, text.chars().count())
            }
            Self::Remove(person) => model.remove(by, *person),
            Self::Record(state) => model.record(by, *state),
            Self::StartVoice => model.start_voice(by),
            Self::EndVoice => model.end_voice(by),
            Self::JoinVoice(join) => model.join_voice(by, *join),
            Self::Microphone(to) => model.pass_microphone(by, *to),
            Self::Video(on) => model.video(by, *on),
            Self::Minimise => true,
            Self::AskVideo => model.ask_video(by),
            Self::Print => model.print(by),
            Self::SaveNotes => model.save_notes(by),
            Self::Leave => model.leave(by),
            Self::End => model.end(by),
            Self::CloseDashboard => model.close_dashboard(by),
        }
    }
}

pub(crate) fn abilities(random: &mut Random) -> Abilities {
    Abilities { agent: random.once_in(2), voice: !random.once_in(4) }
}

/// What happens next. Most is done by those who may, so that sessions get somewhere.
pub(crate) fn next(random: &mut Random, model: &Model, joined: Person) -> Operation {
    let people: Vec<Person> = model.people.iter().map(|(person, _)| *person).collect();
    let room = people.len() < 8 && joined < MAX_PEOPLE && model.holder().is_some();
    if room && (people.len() < 2 || random.once_in(12)) {
        let part =
            if people.len() > 1 && random.once_in(2) { Part::Assistant } else { Part::Customer };
        return Operation::Join(joined, part, abilities(random));
    }
    let anybody = *random.pick(&people);
    let other = *random.pick(&people);
    match random.below(100) {
        0..=3 if anybody != other => return Operation::Blip(anybody, other),
        4 if model.part(anybody) == Some(Part::Customer) && model.holder().is_some() => {
            return Operation::Restart(anybody);
        }
        5 if random.once_in(4) => return Operation::Vanish(anybody),
        6..=16 if anybody != other => {
            if let Some(message) = forged(random, model, anybody, other) {
                return Operation::Forge(anybody, other, message);
            }
        }
        _ => {}
    }
    let holder = model.holder().unwrap_or(anybody);
    let (by, wish) = wish(random, model, holder, anybody, other);
    // Now and then by somebody else, who may not.
    let by = if random.once_in(5) { *random.pick(&people) } else { by };
    Operation::Does(by, wish)
}

fn wish(
    random: &mut Random,
    model: &Model,
    holder: Person,
    anybody: Person,
    other: Person,
) -> (Person, Wish) {
    let sharers: Vec<Person> = model.shares.keys().copied().collect();
    let sharer = if sharers.is_empty() { other } else { *random.pick(&sharers) };
    let controller = model.shares.get(&sharer).and_then(|share| share.controller);
    let asked = model.question.map_or(anybody, |(customer, _)| customer);
    let picker = model.picking.keys().next().copied().unwrap_or(anybody);
    let customers: Vec<Person> = people_of(model, Part::Customer);
    let customer = if customers.is_empty() { other } else { *random.pick(&customers) };
    let assistants = people_of(model, Part::Assistant);
    let assistant = if assistants.is_empty() { other } else { *random.pick(&assistants) };
    if model.question.is_some() && random.once_in(2) {
        return (asked, Wish::Answer(!random.once_in(4), random.once_in(5)));
    }
    if !model.picking.is_empty() && random.once_in(2) {
        return (picker, if random.once_in(5) { Wish::CancelPick } else { Wish::Pick });
    }
    match random.below(44) {
        0..=7 => (holder, Wish::Request(*random.pick(&Activity::ALL))),
        8..=10 => (controller.unwrap_or(anybody), Wish::Take(sharer)),
        11 => (sharer, Wish::Stop(sharer)),
        12 => (holder, Wish::Stop(sharer)),
        13 => (controller.unwrap_or(anybody), Wish::Release(sharer)),
        14 | 15 => (sharer, Wish::OwnClick),
        16 => (sharer, Wish::WithdrawControl),
        17 => (customer, Wish::WithdrawAll),
        18 | 19 => {
            let running = model.running.get(&customer).into_iter().flatten().copied();
            let running: Vec<_> = running.collect();
            let activity =
                if running.is_empty() { Activity::SharedFiles } else { *random.pick(&running) };
            (
                if random.once_in(2) { customer } else { holder },
                Wish::EndActivity(customer, activity),
            )
        }
        20 => (holder, Wish::Mode(*random.pick(&[DisplayMode::Standard, DisplayMode::Sampling]))),
        21 => (anybody, Wish::Colours),
        22 | 23 => (anybody, chat(random, other)),
        24..=26 => (anybody, Wish::Annotate(sharer, !random.once_in(3))),
        27 => (holder, Wish::Help(customer)),
        28 | 29 => (holder, Wish::Pass(assistant)),
        30 if random.once_in(3) => (holder, transfer(random)),
        31 if random.once_in(3) => (holder, Wish::Remove(other)),
        32 => {
            let states = [Recording::Off, Recording::On, Recording::Paused];
            (holder, Wish::Record(*random.pick(&states)))
        }
        33 => (holder, Wish::StartVoice),
        34 if random.once_in(2) => (holder, Wish::EndVoice),
        35 | 36 => (anybody, Wish::JoinVoice(!random.once_in(4))),
        37 | 38 => (holder, Wish::Microphone(other)),
        39 => (holder, Wish::Video(!random.once_in(4))),
        40 => (anybody, Wish::Video(!random.once_in(4))),
        41 => match random.below(4) {
            0 => (anybody, Wish::Minimise),
            1 => (holder, Wish::AskVideo),
            2 => (holder, Wish::Print),
            _ => (holder, Wish::SaveNotes),
        },
        42 if random.once_in(4) => (anybody, Wish::Leave),
        43 if random.once_in(6) => {
            (anybody, if random.once_in(2) { Wish::End } else { Wish::CloseDashboard })
        }
        _ => (holder, Wish::Request(*random.pick(&Activity::ALL[..8]))),
    }
}

fn people_of(model: &Model, part: Part) -> Vec<Person> {
    let of = model.people.iter().filter(|(_, other)| *other == part);
    of.map(|(person, _)| *person).collect()
}

fn chat(random: &mut Random, other: Person) -> Wish {
    let text = match random.below(6) {
        0 => String::new(),
        1 => "가".repeat(1_001),
        2 => "가".repeat(1_000),
        _ => "Hello".to_owned(),
    };
    Wish::Chat(random.once_in(2).then_some(other), text)
}

fn transfer(random: &mut Random) -> Wish {
    let destination = match random.below(4) {
        0 => Destination::Agents(Vec::new()),
        1 => Destination::Queue(String::new()),
        2 => Destination::Agents(vec!["Ann".into(), "Bob".into()]),
        _ => Destination::Queue("Printers".into()),
    };
    Wish::Transfer(destination, "가".repeat(*random.pick(&[0, 344, 345, 346])))
}

/// A message of `from` to `to` that changes nothing by the requirements, whoever they are.
fn forged(random: &mut Random, model: &Model, from: Person, to: Person) -> Option<Message> {
    let (part, is_holder) = (model.part(from)?, model.holder() == Some(from));
    let share = model.shares.get(&to);
    let controls = share.is_some_and(|share| share.controller == Some(from));
    let shares = model.shares.contains_key(&from);
    let own = Some(key(from));
    Some(match random.below(16) {
        0 if !is_holder => {
            Message::Request { id: 1, activity: Activity::Control, text: "Please.".into() }
        }
        1 if !is_holder => Message::End,
        2 if !is_holder => Message::Helping { customer: own },
        3 if !is_holder => Message::Recording { state: Recording::On },
        4 if !is_holder => {
            let members = vec![key(from)];
            let call = tessera::session::messages::Call {
                starter: key(from),
                members: members.clone(),
                speakers: members,
            };
            Message::Voice { call: Some(call) }
        }
        5 if !is_holder => Message::DisplayMode { mode: DisplayMode::Sampling },
        6 if !is_holder => Message::StopShare,
        7 if part == Part::Assistant => Message::ShareStarted {
            target: ShareTarget::DESKTOP,
            control: Control::Off,
            turn: 0,
            controller: None,
            annotators: Vec::new(),
            first_update: 0,
        },
        8 if !controls => Message::TakeControl { turn: random.below(4) as u32 },
        9 if part == Part::Assistant => Message::Annotate { on: true },
        10 if !is_holder && model.primary_customer() != Some(from) => Message::Video { on: true },
        11 if part == Part::Assistant => Message::Answer { id: 1, granted: true },
        12 if !is_holder => Message::OfferControl { entry: "{}".into() },
        13 if !shares => {
            Message::ControlChanged { control: Control::Taken, turn: 9, controller: own }
        }
        14 => Message::Unknown,
        15 if !is_holder => Message::AskVideo,
        _ => return None,
    })
}
