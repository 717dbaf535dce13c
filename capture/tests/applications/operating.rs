//! Input into shared windows, and into no others.

use tessera_capture::x11::applications::ApplicationInput;
use tessera_capture::{InputEvent, InputSink, PointerButton};
use x11rb::protocol::Event;
use x11rb::protocol::xproto::{CreateWindowAux, InputFocus};

use crate::desk::{Desk, Program, wait_until};
use crate::{BLUE, GREEN, RED};

fn click(input: &mut ApplicationInput, x: u16, y: u16) {
    input.inject(&InputEvent::Pointer { x, y }).expect("injected");
    for pressed in [true, false] {
        let button = PointerButton::Left;
        input.inject(&InputEvent::Button { button, pressed }).expect("injected");
    }
}

fn press(input: &mut ApplicationInput, keysym: u32) {
    for pressed in [true, false] {
        input.inject(&InputEvent::Key { keysym, pressed }).expect("injected");
    }
}

fn was_touched(program: &Program) -> bool {
    program.events().iter().any(|event| {
        matches!(event, Event::ButtonPress(_) | Event::ButtonRelease(_) | Event::KeyPress(_))
    })
}

#[test]
fn clicks_reach_the_shared_window_raised_and_never_another_one() {
    let Some(desk) = Desk::start(&[]) else { return };
    let shared = Program::open(&desk, "shared", RED, (100, 100, 300, 200));
    let mut look = desk.share(&[&desk.titled("shared")]);
    look.settle();
    let mut input = look.source.input().expect("input");
    click(&mut input, 20, 30);
    let place = shared.wait_for("the click", |event| match event {
        Event::ButtonPress(press) => Some((press.event_x, press.event_y)),
        _ => None,
    });
    assert_eq!(place, (20, 30));

    // Covered: the window comes to the top first, and the click goes to it.
    let other = Program::open(&desk, "other", GREEN, (90, 90, 500, 400));
    other.raise(other.window);
    look.settle();
    drop(other.events());
    click(&mut input, 25, 35);
    let place = shared.wait_for("the click", |event| match event {
        Event::ButtonPress(press) => Some((press.event_x, press.event_y)),
        _ => None,
    });
    assert_eq!(place, (25, 35));
    assert!(!was_touched(&other));

    // Something that no window manager lowers lies over it: nothing is clicked at all.
    let (x, y) = shared.corner();
    let above = other.pop_up(CreateWindowAux::new().background_pixel(GREEN), (x, y, 300, 200));
    other.raise(above);
    look.settle();
    drop((shared.events(), other.events()));
    click(&mut input, 40, 40);
    assert!(!was_touched(&other) && !was_touched(&shared));
    other.unmap(above);

    // Between the windows of an application there is somebody else's.
    let pop_up = CreateWindowAux::new().background_pixel(BLUE);
    let menu = shared.pop_up(pop_up, (x + 400, y, 100, 100));
    look.until("the pop-up", |look| look.count(BLUE) == 100 * 100);
    drop((shared.events(), other.events()));
    click(&mut input, 350, 50);
    assert!(!was_touched(&other) && !was_touched(&shared), "no shared window is there");
    click(&mut input, 410, 50);
    let window = shared.wait_for("the click", |event| match event {
        Event::ButtonPress(press) => Some(press.event),
        _ => None,
    });
    assert_eq!(window, menu);
}

#[test]
fn keys_reach_the_shared_window_only_while_it_has_the_focus() {
    use x11rb::protocol::xproto::ConnectionExt as _;
    let Some(desk) = Desk::start(&[]) else { return };
    let shared = Program::open(&desk, "shared", RED, (100, 100, 300, 200));
    let other = Program::open(&desk, "other", GREEN, (450, 350, 200, 200));
    let look = desk.share(&[&desk.titled("shared")]);
    let mut input = look.source.input().expect("input");
    let focus = |program: &Program| {
        let conn = &program.conn;
        conn.set_input_focus(InputFocus::PARENT, program.window, 0u32).expect("sent");
        wait_until("the focus", || {
            conn.get_input_focus().expect("sent").reply().expect("focus").focus == program.window
        });
    };
    let keys = |program: &Program| {
        let events = program.events();
        let mut kinds = events.iter().filter_map(|event| match event {
            Event::KeyPress(press) => Some((press.detail, true)),
            Event::KeyRelease(release) => Some((release.detail, false)),
            _ => None,
        });
        (kinds.next(), kinds.next(), kinds.count())
    };
    focus(&other);
    press(&mut input, 0x61);
    assert_eq!((keys(&shared), keys(&other)), ((None, None, 0), (None, None, 0)));
    focus(&shared);
    // Let go of at once, so that the server does not repeat it into whatever gets the focus next.
    input.inject(&InputEvent::Key { keysym: 0x61, pressed: true }).expect("injected");
    let typed = keys(&shared);
    assert!(matches!(typed, (Some((a, true)), Some((b, false)), 0) if a == b), "{typed:?}");
    input.inject(&InputEvent::Key { keysym: 0xffe1, pressed: true }).expect("injected");
    focus(&other);
    input.release_all();
    press(&mut input, 0x62);
    let kept = keys(&other);
    assert!(!matches!(kept.0, Some((_, true))), "{kept:?}");
}
