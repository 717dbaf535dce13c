//! A hand draws.

use tessera::annotate::{
    Author, Hand, Implement, Layer, MAX_POINTS, Op, Point, Rights, SEND_INTERVAL_US, Tool,
};

fn hand(implement: Implement) -> (Hand, Layer, Author) {
    let author = Author::from([1; 32]);
    let (mut hand, mut layer) = (Hand::new(author, Rights::default()), Layer::default());
    hand.hold(implement, &mut layer, &mut Vec::new());
    (hand, layer, author)
}

#[test]
fn a_stroke_is_told_live_and_whole() {
    let (mut hand, mut layer, author) = hand(Implement::Draw(Tool::Pen));
    let mut out = Vec::new();
    hand.press(Point::of_pixel(0, 0), &mut layer, &mut out);
    for x in 1..=100 {
        hand.drag(Point::of_pixel(x * 3, 5), u64::from(x) * 10_000, &mut layer, &mut out);
    }
    // A second of drawing at 100 points a second.
    assert!((30..=36).contains(&out.len()), "{} operations", out.len());
    assert_eq!(layer.marks().map(|(mark, _)| mark.points().count()).sum::<usize>(), 101);
    hand.release(&mut out);
    assert_eq!(hand.due_us(), None);
    let mut other = Layer::default();
    for op in &out {
        other.apply(author, op, Rights::default()).expect("good");
    }
    assert!(other == layer);
}

#[test]
fn what_rests_untold_is_told_when_due() {
    let (mut hand, mut layer, _) = hand(Implement::Pointer);
    let mut out = Vec::new();
    hand.drag(Point::of_pixel(1, 1), 1_000_000, &mut layer, &mut out);
    assert_eq!(out.len(), 1);
    hand.drag(Point::of_pixel(2, 2), 1_000_001, &mut layer, &mut out);
    assert_eq!((out.len(), hand.due_us()), (1, Some(1_000_000 + SEND_INTERVAL_US)));
    hand.tell_if_due(1_000_000 + SEND_INTERVAL_US, &mut out);
    assert_eq!(out.last(), Some(&Op::Point { step: 2, at: Some([40, 40]) }));
    hand.rest(&mut layer, &mut out);
    assert_eq!(out.last(), Some(&Op::Point { step: 3, at: None }));
    assert!(layer.is_empty());
}

#[test]
fn a_stroke_that_is_too_long_goes_on_as_another() {
    let (mut hand, mut layer, _) = hand(Implement::Draw(Tool::Highlighter));
    let mut out = Vec::new();
    hand.press(Point::of_pixel(0, 0), &mut layer, &mut out);
    for at in 1..=MAX_POINTS as u16 + 500 {
        hand.drag(Point::of_pixel(at, at % 7), u64::from(at) * 2_000, &mut layer, &mut out);
    }
    hand.release(&mut out);
    let counts: Vec<usize> = layer.marks().map(|(mark, _)| mark.points().count()).collect();
    assert_eq!(counts, [MAX_POINTS, 502]);
}

#[test]
fn words_are_typed_and_the_eraser_takes_the_mark_that_is_clicked() {
    let (mut hand, mut layer, _) = hand(Implement::Draw(Tool::Text));
    let mut out = Vec::new();
    hand.press(Point::of_pixel(50, 50), &mut layer, &mut out);
    for typed in "Hi!x\u{1b}".chars() {
        hand.type_char(typed, &mut layer);
    }
    hand.backspace(&mut layer);
    hand.release(&mut out);
    assert!(hand.is_typing() && out.is_empty(), "the button's release does not end the typing");
    hand.finish(&mut out);
    assert!(matches!(&out[..], [Op::Draw { text, .. }] if text == "Hi!"), "{out:?}");
    hand.hold(Implement::Eraser, &mut layer, &mut out);
    hand.press(Point::of_pixel(300, 300), &mut layer, &mut out);
    assert_eq!(layer.marks().count(), 1, "nothing is there");
    hand.press(Point::of_pixel(60, 60), &mut layer, &mut out);
    assert!(layer.is_empty() && matches!(out.last(), Some(Op::Erase { .. })));
}
