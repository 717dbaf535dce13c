//! Both sides draw over a share, and have the same layer after a broken connection too.

use tessera::annotate::{Board, Hand, Implement, Point, Rights, Tool};
use tessera::{Activity, csr, customer};

use crate::data_dir;
use crate::network::Network;
use crate::people::{Customer, Representative, next, take, wait_until};

const ALL: Rights = Rights { erase_any: true };

/// Draws a mark on a board and tells it.
fn draw(board: &Board, tool: Tool, x: u16, mut tell: impl FnMut(tessera::annotate::Op)) {
    let mut hand = Hand::new(board.own().expect("in a session"), ALL);
    let mut told = Vec::new();
    board.with(|layer| {
        hand.hold(Implement::Draw(tool), layer, &mut told);
        hand.press(Point::of_pixel(x, 10), layer, &mut told);
        for step in 1..50 {
            let at = Point::of_pixel(x + step, 10 + step);
            hand.drag(at, u64::from(step) * 10_000, layer, &mut told);
        }
    });
    hand.release(&mut told);
    told.into_iter().for_each(&mut tell);
}

fn marks(board: &Board) -> usize {
    board.with(|layer| layer.marks().count())
}

fn same(one: &Board, other: &Board) -> bool {
    let seen = |board: &Board| {
        board.with(|layer| {
            layer.marks().map(|(mark, colour)| (mark.clone(), colour)).collect::<Vec<_>>()
        })
    };
    seen(one) == seen(other)
}

#[test]
fn both_draw_and_a_broken_connection_loses_nothing() {
    let (network, data) = (Network::start(), data_dir());
    let csr = Representative::open(&network, data.path());
    let customer = Customer::joined(&network, data.path(), &csr);
    let (_canvas, _view) = customer.shares(&csr);
    csr.handle.annotate(true);
    take!(csr.events, csr::Event::Annotating { own: true, customer: false });
    take!(customer.events, customer::Event::Annotating { csr: true, own: false });
    customer.handle.annotate(true);
    take!(csr.events, csr::Event::Annotating { own: true, customer: true });
    take!(customer.events, customer::Event::Annotating { csr: true, own: true });
    let (here, there) = (csr.handle.board(), customer.handle.board());
    for (at, tool) in (0..).zip([Tool::Pen, Tool::Highlighter, Tool::Arrow, Tool::Rectangle]) {
        draw(&here, tool, 50 * at, |op| csr.handle.mark(op));
        draw(&there, tool, 50 * at + 20, |op| customer.handle.mark(op));
    }
    wait_until("both layers to hold all marks", || marks(&here) == 8 && marks(&there) == 8);
    wait_until("both layers to be the same", || same(&here, &there));
    let erase = here.with(|layer| {
        let author = here.own().expect("in a session");
        let op = layer.eraser_at(Point::of_pixel(20, 10), author, ALL).expect("a mark");
        layer.apply(author, &op, ALL).expect("the primary may");
        op
    });
    csr.handle.mark(erase);
    wait_until("the mark of the customer to go", || marks(&here) == 7 && same(&here, &there));

    network.cut(true);
    while !matches!(next(&customer.events), customer::Event::CsrLost { .. }) {}
    network.cut(false);
    while !matches!(next(&csr.events), csr::Event::ShareStarted(_)) {}
    wait_until("the layer to be told again", || marks(&here) == 7 && same(&here, &there));

    csr.handle.stop_share();
    wait_until("the layers to be gone", || marks(&there) == 0);
    while !matches!(next(&csr.events), csr::Event::ShareEnded { .. }) {}
    customer.answers_after(&csr, Activity::View);
    assert_eq!(marks(&here), 0, "the next share begins with nothing");
    csr.handle.chat("Done.".to_owned());
    while !matches!(next(&customer.events), customer::Event::Chat { text, .. } if text == "Done.") {
    }
    csr.handle.end();
}
