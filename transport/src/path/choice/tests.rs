//! The choice in a small world: paths of given delays that are open at given times.

use super::*;
use proptest::prelude::*;

const STEP_US: u64 = 5_000;
const S_US: u64 = 1_000_000;

/// A path as the network has it.
#[derive(Debug, Clone)]
struct Road {
    kind: PathKind,
    rtt_us: u64,
    /// Open outside of this time, in microseconds from the start.
    closed_us: std::ops::Range<u64>,
}

impl Road {
    fn open(kind: PathKind, rtt_us: u64) -> Self {
        Self { kind, rtt_us, closed_us: 0..0 }
    }

    fn closed(self, closed_us: std::ops::Range<u64>) -> Self {
        Self { closed_us, ..self }
    }
}

struct World {
    choice: Choice,
    roads: Vec<(PathId, Road)>,
    answers: Vec<(u64, PathId, u64)>,
    now_us: u64,
    number: u64,
    answered: Vec<u32>,
    probes: Vec<Vec<u64>>,
    uses: Vec<(u64, PathId)>,
    returned: Vec<u64>,
}

impl World {
    fn new(roads: &[Road]) -> Self {
        let (mut choice, first) = Choice::new(0, roads[0].kind);
        let mut placed = vec![(first, roads[0].clone())];
        for road in &roads[1..] {
            placed.push((choice.add(0, road.kind).expect("room"), road.clone()));
        }
        Self {
            choice,
            answers: Vec::new(),
            now_us: 0,
            number: 0,
            answered: vec![0; placed.len()],
            probes: vec![Vec::new(); placed.len()],
            roads: placed,
            uses: Vec::new(),
            returned: Vec::new(),
        }
    }

    fn run_until(&mut self, end_us: u64) -> &mut Self {
        while self.now_us < end_us {
            self.now_us += STEP_US;
            let now_us = self.now_us;
            for (_, id, number) in self.answers.extract_if(.., |it| it.0 <= now_us) {
                self.answered[id.index()] += 1;
                self.choice.answered(now_us, id, number);
            }
            let (current, road) = &self.roads[self.choice.current().index()];
            if !road.closed_us.contains(&now_us) {
                self.choice.traffic(now_us, *current);
            }
            while let Some(action) = self.choice.poll(now_us) {
                match action {
                    Action::Probe(id) => {
                        self.number += 1;
                        self.choice.probed(now_us, id, self.number);
                        self.probes[id.index()].push(now_us);
                        let road = &self.roads[id.index()].1;
                        if !road.closed_us.contains(&now_us) {
                            self.answers.push((now_us + road.rtt_us, id, self.number));
                        }
                    }
                    Action::Use(id) => self.uses.push((now_us, id)),
                    Action::Returned(_) => self.returned.push(now_us),
                }
            }
            if let Some(next_us) = self.choice.timeout_us(now_us) {
                assert!(next_us > now_us, "everything due was done");
            }
        }
        self
    }

    fn kind(&self) -> PathKind {
        self.choice.current_kind()
    }
}

#[test]
fn a_direct_path_takes_over_after_three_good_probes_and_a_lower_time() {
    let roads = [Road::open(PathKind::Relay, 60_000), Road::open(PathKind::Direct, 20_000)];
    let mut world = World::new(&roads);
    world.run_until(S_US);
    assert_eq!(world.uses, [(525_000, PathId(1))], "two pauses and one round trip");
    assert_eq!(world.kind(), PathKind::Direct);
}

#[test]
fn a_slower_direct_path_does_not() {
    let roads = [Road::open(PathKind::Relay, 20_000), Road::open(PathKind::Direct, 60_000)];
    let mut world = World::new(&roads);
    world.run_until(20 * S_US);
    assert!(world.uses.is_empty(), "{:?}", world.uses);
}

#[test]
fn when_the_direct_path_dies_the_relay_is_back_within_a_second_and_a_little() {
    let died_us = 10 * S_US;
    let roads = [
        Road::open(PathKind::Relay, 60_000),
        Road::open(PathKind::Direct, 20_000).closed(died_us..u64::MAX),
    ];
    let mut world = World::new(&roads);
    world.run_until(died_us);
    assert_eq!(world.kind(), PathKind::Direct);
    world.run_until(died_us + 1_100_000);
    assert_eq!(world.kind(), PathKind::Relay);
    world.run_until(60 * S_US);
    let late = world.probes[1].iter().filter(|it| **it > 20 * S_US).count();
    assert!(late <= 8, "a dead path is looked at rarely: {late} in 40 s");
}

#[test]
fn a_round_trip_longer_than_the_patience_is_no_silence() {
    let mut world = World::new(&[Road::open(PathKind::Relay, 1_500_000)]);
    world.run_until(4 * S_US);
    for _ in 0..100 {
        let now_us = world.now_us + 100_000;
        world.run_until(now_us);
        assert!(!world.choice.is_silent(world.now_us), "at {}", world.now_us);
    }
}

#[test]
fn silent_paths_are_probed_every_250_ms_and_the_first_answer_is_told() {
    let outage_us = 10 * S_US..70 * S_US;
    let roads = [
        Road::open(PathKind::Relay, 60_000).closed(outage_us.clone()),
        Road::open(PathKind::Direct, 20_000).closed(outage_us),
    ];
    let mut world = World::new(&roads);
    world.run_until(60 * S_US);
    assert!(world.choice.is_silent(world.now_us));
    for probes in &world.probes {
        let probes = probes.iter().filter(|it| (50 * S_US..60 * S_US).contains(*it)).count();
        assert_eq!(probes, 40);
    }
    assert!(world.returned.is_empty());
    world.run_until(80 * S_US);
    assert_eq!(world.returned.len(), 1, "told once: {:?}", world.returned);
    assert!(world.returned[0] <= 70 * S_US + 300_000, "{:?}", world.returned);
}

#[test]
fn a_quiet_good_link_is_probed_once_a_second() {
    let roads = [Road::open(PathKind::Relay, 60_000), Road::open(PathKind::Direct, 20_000)];
    let mut world = World::new(&roads);
    world.run_until(20 * S_US);
    let late = |probes: &[u64]| probes.iter().filter(|it| **it > 10 * S_US).count();
    assert_eq!(late(&world.probes[1]), 10, "the path in use");
    assert_eq!(late(&world.probes[0]), 2, "the relay stays warm");
}

#[test]
fn who_never_answers_gets_a_few_probes_and_no_more() {
    let silent = Road::open(PathKind::Direct, 0).closed(0..u64::MAX);
    let mut roads = vec![Road::open(PathKind::Relay, 20_000)];
    roads.extend(std::iter::repeat_n(silent, 8));
    let mut world = World::new(&roads);
    world.run_until(600 * S_US);
    for probes in &world.probes[1..] {
        assert_eq!(probes.len(), UNPROVEN_PROBES as usize);
    }
    assert!(world.uses.is_empty());
}

#[test]
fn who_is_named_by_a_probe_of_the_peer_gets_one_for_each() {
    let (mut choice, _) = Choice::new(0, PathKind::Relay);
    let id = choice.add_heard(0, PathKind::Direct).expect("room");
    let mut probes = 0;
    for now_us in (0..60 * S_US).step_by(10_000) {
        while let Some(action) = choice.poll(now_us) {
            let Action::Probe(probed) = action else { continue };
            choice.probed(now_us, probed, now_us);
            probes += u32::from(probed == id);
        }
        if now_us == 30 * S_US || now_us == 40 * S_US {
            choice.heard(now_us, id);
        }
    }
    assert_eq!(probes, 3);
}

#[test]
fn the_udp_relay_takes_over_from_the_tunnel() {
    let roads = [Road::open(PathKind::Tunnel, 20_000), Road::open(PathKind::Relay, 30_000)];
    let mut world = World::new(&roads);
    world.run_until(2 * S_US);
    assert_eq!(world.kind(), PathKind::Relay);
}

#[test]
fn a_path_that_is_taken_away_gives_way_at_once() {
    let roads = [Road::open(PathKind::Direct, 20_000), Road::open(PathKind::Relay, 30_000)];
    let mut world = World::new(&roads);
    world.run_until(2 * S_US);
    let (now_us, current) = (world.now_us, world.choice.current());
    world.choice.remove(now_us, current);
    assert_eq!(world.kind(), PathKind::Relay);
}

#[test]
fn an_answer_to_what_was_not_asked_counts_for_nothing() {
    let (mut choice, first) = Choice::new(0, PathKind::Relay);
    choice.probed(0, first, 7);
    for number in [0, 6, 8] {
        choice.answered(1, first, number);
        assert_eq!(choice.rtt_us(first), None);
    }
    choice.answered(1_000, first, 7);
    assert_eq!(choice.rtt_us(first), Some(1_000));
    choice.answered(900_000, first, 7);
    assert_eq!(choice.rtt_us(first), Some(1_000), "twice answered is answered once");
}

fn roads() -> impl Strategy<Value = Vec<Road>> {
    let kind = prop_oneof![Just(PathKind::Direct), Just(PathKind::Relay), Just(PathKind::Tunnel)];
    let closed = prop_oneof![
        Just(0..0),
        Just(0..u64::MAX),
        (0..20 * S_US, 0..20 * S_US).prop_map(|(from, length)| from..from + length),
    ];
    let road = (kind, 1_000..300_000_u64, closed).prop_map(|(kind, rtt_us, closed_us)| Road {
        kind,
        rtt_us,
        closed_us,
    });
    prop::collection::vec(road, 1..6)
}

proptest! {
    #[test]
    fn only_paths_that_answer_are_used_and_they_are_found_again(roads in roads()) {
        let mut world = World::new(&roads);
        let mut uses = 0;
        for now_us in (0..40 * S_US).step_by(STEP_US as usize) {
            world.run_until(now_us);
            for (_, id) in &world.uses[uses..] {
                prop_assert!(world.answered[id.index()] > 0, "{id:?} was never proven");
            }
            uses = world.uses.len();
        }
        // All that will open has been open for long. A path that was closed at the beginning may have had its probes.
        world.run_until(60 * S_US);
        let answers = |id: PathId| world.answered[id.index()] > 0;
        let open = world.roads.iter().any(|(id, road)| answers(*id) && road.closed_us.end < u64::MAX);
        let (current, road) = &world.roads[world.choice.current().index()];
        prop_assert!(!open || (answers(*current) && road.closed_us.end < u64::MAX), "{world:?}", world = world.uses);
        // At most four probes a second of a path, and one between in return.
        for probes in &world.probes {
            for window in probes.windows(5) {
                prop_assert!(window[4] - window[0] >= 950_000, "{window:?}");
            }
        }
    }
}
