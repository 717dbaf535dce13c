//! What must hold at every step, and that all participants see what the model says when nothing is under way.

use std::collections::BTreeSet;

use tessera::session::activity::{Right, Surface};
use tessera::session::messages::Call;
use tessera::session::roster::Role;
use tessera::session::share::Control;
use tessera::{Activity, DisplayMode, Fingerprint};

use crate::model::{self, Grants, Model, Part, Person, Share};
use crate::world::{World, key, person, role};

type Broken = Result<(), String>;

fn holds(is_true: bool, rule: &str, what: impl FnOnce() -> String) -> Broken {
    if is_true { Ok(()) } else { Err(format!("{rule}: {}", what())) }
}

/// The rules that hold whatever is under way. `allowed` are the customers who have said yes to anything.
pub(crate) fn every_step(world: &World, allowed: &BTreeSet<Person>) -> Broken {
    let holders: Vec<_> =
        world.present().filter(|person| world.machine(*person).roster().is_holder()).collect();
    holds(holders.len() <= 1, "RULE-04", || format!("{holders:?} hold control"))?;
    for (person, program) in &world.programs {
        let machine = &program.machine;
        let at = || format!("at {person}");
        let is_customer = machine.role() == Some(Role::Customer);
        let has_consent = !is_customer || allowed.contains(person);
        holds(!program.captures || has_consent, "RULE-01", at)?;
        holds(program.captures == program.shows_sign, "RULE-16", at)?;
        holds(program.captures == machine.share().is_some(), "SHARE", at)?;
        holds(!machine.is_over() || machine.consent().is_empty(), "RULE-02", at)?;
        let operator = machine.share().filter(|share| share.control == Control::Taken);
        let operator = operator.and_then(|share| share.controller);
        holds(program.input_from == operator, "RULE-13, RULE-14", at)?;
        if let Some(share) = machine.share() {
            let excluded = share.control != Control::Taken || share.annotators.is_empty();
            holds(excluded, "RULE-18", at)?;
        }
        let speakers = machine.call().map_or(0, |call| call.speakers.len());
        holds(speakers <= 2, "RULE-20", at)?;
        let cameras = machine.members().iter().filter(|it| machine.sends_video(it.key)).count();
        holds(cameras <= 2, "RULE-22", at)?;
        for offer in &program.offers {
            holds(offer.text.chars().count() <= 345, "RULE-08", at)?;
        }
        let files = machine.running().iter().any(|activity| activity.is_file_transfer());
        let operates_files = machine.running().contains(&Activity::FileOperation);
        holds(files || !operates_files, "RULE-11", at)?;
    }
    Ok(())
}

/// That every participant sees what the model says.
pub(crate) fn at_rest(world: &World, model: &Model) -> Broken {
    let present: BTreeSet<Person> = world.present().collect();
    if model.is_over {
        return holds(present.is_empty(), "SES-21", || format!("{present:?} are still in"));
    }
    let people: BTreeSet<Person> = model.people.iter().map(|(person, _)| *person).collect();
    holds(present == people, "who is in", || format!("{present:?} instead of {people:?}"))?;
    holds(world.is_whole(), "the mesh", || "not everybody is connected".to_owned())?;
    for at in people {
        sees(world, model, at).map_err(|what| format!("participant {at}: {what}"))?;
    }
    Ok(())
}

fn same<T: PartialEq + std::fmt::Debug>(what: &str, found: &T, expected: &T) -> Broken {
    holds(found == expected, what, || format!("{found:?} instead of {expected:?}"))
}

fn sees(world: &World, model: &Model, at: Person) -> Broken {
    let machine = world.machine(at);
    let members: Vec<_> =
        machine.members().iter().map(|member| (person(member.key), member.role)).collect();
    let expected: Vec<_> =
        model.people.iter().map(|(person, part)| (Some(*person), role(*part))).collect();
    same("the roster", &members, &expected)?;
    same("the holder", &machine.holder(), &model.holder().map(key))?;
    same("who is helped", &machine.helped(), &model.helped.map(key))?;
    same("the recording", &machine.recording(), &model.recording)?;
    same("the call", &machine.call().map(call), &model.call)?;
    same("the chat", &machine.chat_goes_on(), &model.in_chat.contains(&at))?;
    let samples = machine.display().mode == DisplayMode::Sampling;
    same("the display mode", &samples, &model.samples)?;
    for (other, _) in &model.people {
        let camera = machine.sends_video(key(*other));
        same("a camera", &(*other, camera), &(*other, model.cameras.contains(other)))?;
        let seen = if *other == at {
            machine
                .share()
                .map(|it| share(it.target.surface(), it.control, it.controller, &it.annotators))
        } else {
            let seen = machine.watched(key(*other));
            seen.map(|it| share(it.target.surface(), it.control, it.controller, &it.annotators))
        };
        same("a share", &(*other, seen), &(*other, model.shares.get(other).cloned()))?;
        let own = model.shares.get(&at);
        let operates = own.is_some_and(|share| {
            share.control == Control::Taken && share.controller == Some(*other)
        });
        same("who may operate", &(other, machine.may_operate(key(*other))), &(other, operates))?;
        let draws = own.is_some_and(|share| share.annotators.contains(other));
        let may_draw = machine.may_draw(key(at), key(*other));
        same("who may draw", &(other, may_draw), &(other, draws))?;
    }
    let grants = machine.consent();
    let grants = Grants { view: grants.view, control: grants.control, session: grants.session };
    same("the grants", &grants, &model.grants.get(&at).copied().unwrap_or_default())?;
    let running = model.running.get(&at).cloned().unwrap_or_default();
    same("what goes on", machine.running(), &running)?;
    let question = model.question.filter(|(customer, _)| *customer == at).map(|(_, it)| it);
    same("the question", &machine.question().map(|(_, activity)| activity), &question)?;
    let picking = machine.picking().map(|(right, by)| (right == Right::Control, person(by)));
    let expected = model.picking.get(&at).map(|(operate, by)| (*operate, Some(*by)));
    same("the choice of a share", &picking, &expected)
}

fn call(call: &Call) -> model::Call {
    let people = |keys: &[Fingerprint]| keys.iter().filter_map(|key| person(*key)).collect();
    model::Call {
        starter: person(call.starter).unwrap_or(usize::MAX),
        members: people(&call.members),
        speakers: people(&call.speakers),
    }
}

fn share(
    surface: Surface,
    control: Control,
    controller: Option<Fingerprint>,
    annotators: &[Fingerprint],
) -> Share {
    Share {
        is_application: surface == Surface::Application,
        control,
        controller: controller.and_then(person),
        annotators: annotators.iter().filter_map(|key| person(*key)).collect(),
    }
}

/// After several things have happened at once, takes what became of them from those who decide each: the model cannot know
/// who was first. That all others see the same is still checked.
pub(crate) fn observe(world: &World, model: &mut Model) {
    let present: Vec<Person> = world.present().collect();
    let holder = present.iter().find(|person| world.machine(**person).roster().is_holder());
    let Some(holder) = holder.copied() else {
        model.is_over = true;
        return;
    };
    let machine = world.machine(holder);
    let part = |role| match role {
        Role::Primary => Part::Primary,
        Role::Assisting => Part::Assistant,
        Role::Customer => Part::Customer,
    };
    let members = machine.members().iter();
    model.people =
        members.filter_map(|it| person(it.key).map(|person| (person, part(it.role)))).collect();
    model.helped = machine.helped().and_then(person);
    model.recording = machine.recording();
    model.call = machine.call().map(call);
    model.samples = machine.display().mode == DisplayMode::Sampling;
    model.question = None;
    model.shares.clear();
    model.picking.clear();
    model.running.clear();
    model.in_chat.clear();
    model.cameras.clear();
    model.grants.clear();
    for at in present {
        let machine = world.machine(at);
        if let Some(it) = machine.share() {
            let seen = share(it.target.surface(), it.control, it.controller, &it.annotators);
            model.shares.insert(at, seen);
        }
        if let Some((right, by)) = machine.picking() {
            model.picking.insert(at, (right == Right::Control, person(by).unwrap_or(at)));
        }
        if let Some((_, activity)) = machine.question() {
            model.question = Some((at, activity));
        }
        if machine.chat_goes_on() {
            model.in_chat.insert(at);
        }
        if machine.sends_video(key(at)) {
            model.cameras.insert(at);
        }
        if machine.role() == Some(Role::Customer) {
            let grants = machine.consent();
            let grants =
                Grants { view: grants.view, control: grants.control, session: grants.session };
            model.grants.insert(at, grants);
            model.running.insert(at, machine.running().clone());
        }
    }
}
