//! Several people draw, erase and clear at once; everybody hears everybody else in another order.

use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};
use tessera::annotate::{
    Author, Floor, Hand, Implement, Layer, MAX_AUTHORS, MAX_MARKS, MAX_NUMBER, MAX_POINTS, Op,
    Point, Refusal, Rights, Tool,
};

const ALL: Rights = Rights { erase_any: true };
const OWN: Rights = Rights { erase_any: false };
const TOOLS: [Tool; 6] =
    [Tool::Highlighter, Tool::Pen, Tool::Line, Tool::Arrow, Tool::Rectangle, Tool::Text];

fn author(number: u8) -> Author {
    Author::from([number; 32])
}

fn anywhere(random: &mut StdRng) -> Point {
    Point { x: random.random_range(0..30_000), y: random.random_range(0..20_000) }
}

/// A person with a layer and a hand of their own.
struct Person {
    author: Author,
    layer: Layer,
    hand: Hand,
    said: Vec<Op>,
}

impl Person {
    fn new(number: u8) -> Self {
        let author = author(number);
        let mut layer = Layer::default();
        (0..4).for_each(|seat| layer.seat(self::author(seat), seat));
        Self { author, layer, hand: Hand::new(author, ALL), said: Vec::new() }
    }

    /// Does something; what it says is added to `said`.
    fn act(&mut self, random: &mut StdRng, now_us: &mut u64) {
        let (layer, out) = (&mut self.layer, &mut self.said);
        *now_us += random.random_range(0..40_000);
        match random.random_range(0..20) {
            0 => out.push(layer.clear(self.author, ALL)),
            1 => self.hand.hold(Implement::Eraser, layer, out),
            2 => self.hand.hold(Implement::Pointer, layer, out),
            _ => {
                let tool = TOOLS[random.random_range(0..TOOLS.len())];
                self.hand.hold(Implement::Draw(tool), layer, out);
            }
        }
        if let Some(op @ Op::Clear { .. }) = out.last().cloned() {
            layer.apply(self.author, &op, ALL).expect("our own");
        }
        self.hand.press(anywhere(random), layer, out);
        for _ in 0..random.random_range(0..30) {
            *now_us += random.random_range(0..20_000);
            self.hand.drag(anywhere(random), *now_us, layer, out);
            if self.hand.is_typing() {
                self.hand.type_char(random.random_range('a'..='z'), layer);
            }
        }
        self.hand.release(out);
        self.hand.finish(out);
    }
}

#[test]
fn whatever_the_order_all_have_the_same_layer() {
    for seed in 0..40u64 {
        println!("seed {seed}");
        let mut random = StdRng::seed_from_u64(seed);
        let mut people: Vec<Person> = (0..4).map(Person::new).collect();
        let mut said: Vec<(Author, Op)> = Vec::new();
        let mut now_us = 0;
        for _ in 0..60 {
            let who = random.random_range(0..people.len());
            people[who].act(&mut random, &mut now_us);
            let person = &mut people[who];
            said.extend(person.said.drain(..).map(|op| (person.author, op)));
            // Some of what was said is heard at once, in any order and more than once.
            let hears = random.random_range(0..people.len());
            for _ in 0..random.random_range(0..10) {
                if let Some((from, op)) = said.get(random.random_range(0..said.len().max(1))) {
                    people[hears].layer.apply(*from, op, ALL).expect("good");
                }
            }
        }
        let first = people[0].layer.marks().count();
        for person in &mut people {
            said.shuffle(&mut random);
            for (from, op) in &said {
                person.layer.apply(*from, op, ALL).expect("good");
            }
        }
        let [a, rest @ ..] = people.as_slice() else { unreachable!() };
        for other in rest {
            assert!(a.layer == other.layer, "seed {seed}: {first} marks at first");
        }
        // Somebody who joins late hears what each has to say, in any order.
        let mut late = Person::new(3);
        let mut told: Vec<(Author, Op)> = Vec::new();
        for person in &people {
            let rights = if person.author == author(0) { ALL } else { OWN };
            let ops = person.layer.snapshot(person.author, rights);
            told.extend(ops.into_iter().map(|op| (person.author, op)));
        }
        told.shuffle(&mut random);
        for (from, op) in &told {
            let rights = if *from == author(0) { ALL } else { OWN };
            late.layer.apply(*from, op, rights).expect("what is told may be said");
        }
        // Or what the one who shares tells of all.
        let mut viewer = Person::new(3);
        for (by, op) in a.layer.whole() {
            viewer.layer.apply(by, &op, OWN).expect("everybody erases their own");
        }
        let shown = |layer: &Layer| {
            let marks = layer.marks().map(|(mark, colour)| (mark.clone(), colour));
            (marks.collect::<Vec<_>>(), layer.pointers().collect::<Vec<_>>())
        };
        assert!(shown(&late.layer) == shown(&a.layer), "seed {seed}: joined late");
        assert!(viewer.layer == a.layer, "seed {seed}: told by the sharer");
    }
}

#[test]
fn a_layer_is_bounded_whatever_comes() {
    let mut layer = Layer::default();
    let dot = |mark| Op::draw(mark, Tool::Pen, 0, &[Point::of_pixel(5, 5)], "");
    for mark in 0..3 * MAX_MARKS as u64 {
        layer.apply(author(1), &dot(mark), OWN).expect("within limits");
    }
    assert_eq!(layer.marks().count(), MAX_MARKS);
    for mark in 0..10_000 {
        layer.apply(author(1), &Op::Erase { author: author(1), mark }, OWN).expect("own");
    }
    assert_eq!(layer.marks().count(), 0);
    let long = vec![Point::of_pixel(1, 1); 128];
    for step in (0..).step_by(128).take(MAX_POINTS / 128) {
        let op = Op::draw(20_000, Tool::Pen, step, &long, "");
        layer.apply(author(1), &op, OWN).expect("within limits");
    }
    let beyond = Op::draw(20_000, Tool::Pen, MAX_POINTS as u16, &long, "");
    assert_eq!(layer.apply(author(1), &beyond, OWN), Err(Refusal::Limit));
    let number = Op::Erase { author: author(1), mark: MAX_NUMBER };
    assert_eq!(layer.apply(author(1), &number, OWN), Err(Refusal::Limit));
    for stranger in 2..=MAX_AUTHORS as u8 {
        layer.apply(author(stranger), &dot(1), OWN).expect("room");
    }
    assert_eq!(layer.apply(author(200), &dot(1), OWN), Err(Refusal::Crowded));
    layer.forget(author(2));
    layer.apply(author(200), &dot(1), OWN).expect("room again");
}

#[test]
fn only_who_may_erases_what_others_drew() {
    let mut layer = Layer::default();
    let dot = Op::draw(7, Tool::Pen, 0, &[Point::of_pixel(5, 5)], "");
    layer.apply(author(1), &dot, OWN).expect("good");
    assert_eq!(layer.eraser_at(Point::of_pixel(5, 6), author(2), OWN), None);
    let erase = layer.eraser_at(Point::of_pixel(5, 6), author(2), ALL).expect("a mark is there");
    assert_eq!(layer.apply(author(2), &erase, OWN), Err(Refusal::NotYours));
    let clear = Op::Clear { below: vec![Floor { author: author(1), mark: 8 }] };
    assert_eq!(layer.apply(author(2), &clear, OWN), Err(Refusal::NotYours));
    assert_eq!(layer.marks().count(), 1);
    layer.apply(author(2), &erase, ALL).expect("may");
    assert!(layer.is_empty());
    layer.apply(author(1), &dot, OWN).expect("heard again");
    assert!(layer.is_empty(), "what is erased stays so");
}

#[test]
fn nobody_can_keep_others_from_drawing_by_a_huge_number() {
    let mut layer = Layer::default();
    let dot = Op::draw(MAX_NUMBER - 1, Tool::Pen, 0, &[Point::of_pixel(5, 5)], "");
    layer.apply(author(1), &dot, OWN).expect("good");
    let next = layer.next_number(author(2));
    assert!(next < MAX_NUMBER / 1000, "{next}");
    let floor = Op::Clear { below: vec![Floor { author: author(2), mark: next + 10 }] };
    layer.apply(author(1), &floor, ALL).expect("may");
    assert_eq!(layer.next_number(author(2)), next + 10, "above what was cleared");
}
