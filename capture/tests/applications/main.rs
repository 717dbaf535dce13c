//! Windows of single applications on real X servers with a window manager.

mod desk;
mod operating;
#[path = "../xvfb/mod.rs"]
mod xvfb;

use std::io::Write;
use std::time::{Duration, Instant};

use desk::{Desk, Program, wait_until};
use tessera_capture::x11::applications::{installed, running};
use tessera_capture::{CaptureError, ScreenSource, SourceEvent};
use tessera_codec::{Region, Size};
use x11rb::connection::Connection;
use x11rb::protocol::xproto::{
    ConfigureWindowAux, ConnectionExt as _, CreateGCAux, CreateWindowAux, Rectangle,
};
use x11rb::wrapper::ConnectionExt as _;
use xvfb::PATIENCE;

pub(crate) const RED: u32 = 0x00dd_0000;
pub(crate) const BLUE: u32 = 0x0000_00dd;
/// Of what must never be seen.
pub(crate) const GREEN: u32 = 0x0000_cc00;
const GROUND: u32 = 0x0030_3030;
const HATCH: [u32; 2] = [0x0090_9090, 0x00d0_d0d0];

#[test]
fn a_covered_terminal_shows_its_own_pixels_and_goes_on_drawing() {
    let Some(mut desk) = Desk::start(&[]) else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let pipe = folder.path().join("pipe");
    desk.server.run("mkfifo", &[pipe.to_str().expect("text")]);
    let script = format!("exec cat {}", pipe.display());
    let colours = ["-bg", "#dd0000", "-fg", "#dddddd", "-geometry", "40x12+60+60", "-b", "0"];
    desk.run("xterm", &[&colours[..], &["-T", "shared", "-e", "sh", "-c", &script]].concat());
    let mut pipe = std::fs::OpenOptions::new().write(true).open(&pipe).expect("xterm reads it");
    let terminal = desk.titled("shared");
    assert_eq!((terminal.class.as_str(), terminal.instance.as_str()), ("XTerm", "xterm"));

    // No cursor, which looks otherwise without the focus.
    pipe.write_all(b"\x1b[?25l").expect("xterm reads it");
    let mut look = desk.share(&[&terminal]);
    assert!(look.source.sees_covered_parts());
    look.until("the terminal", |look| look.count(RED) > look.size().area() / 2);
    look.settle();
    let before = look.frame.clone();

    let other = Program::open(&desk, "other", GREEN, (0, 0, 790, 590));
    other.raise(other.window);
    look.settle();
    assert_eq!(look.count(GREEN), 0);
    assert!(look.frame == before, "covering changes nothing");

    // The whole terminal in another colour, while nothing of it is to be seen on the screen.
    pipe.write_all(b"\x1b[48;2;0;0;221m\x1b[2J\x1b[H").expect("xterm reads it");
    look.until("the terminal to draw", |look| look.count(BLUE) > look.size().area() * 8 / 10);
    look.settle();
    assert_eq!(look.count(GREEN), 0);
}

#[test]
fn a_terminal_that_was_covered_before_it_was_shared_is_hatched_until_it_draws() {
    let Some(desk) = Desk::start(&[]) else { return };
    let shared = Program::open(&desk, "shared", RED, (100, 100, 300, 200));
    let other = Program::open(&desk, "other", GREEN, (200, 150, 400, 300));
    other.raise(other.window);
    let mut look = desk.share(&[&desk.titled("shared")]);
    // Its background is drawn by the server as soon as it is kept apart from the screen.
    look.until("all of the window", |look| look.count(RED) == 300 * 200);
    assert_eq!(look.size(), Size::new(300, 200));
    drop(shared);
}

#[test]
fn a_window_that_never_draws_shows_nothing_of_what_was_there_before() {
    let Some(desk) = Desk::start(&[]) else { return };
    let shared = Program::open(&desk, "shared", RED, (50, 50, 200, 150));
    let _other = Program::open(&desk, "other", GREEN, (300, 50, 400, 400));
    let mut look = desk.share(&[&desk.titled("shared")]);
    look.settle();
    // No background: the server leaves in it what was on the screen.
    let transparent = CreateWindowAux::new();
    let pop_up = shared.pop_up(transparent, (350, 100, 120, 90));
    look.until("the pop-up", |look| {
        HATCH.iter().map(|&colour| look.count(colour)).sum::<usize>() == 120 * 90
    });
    look.settle();
    assert_eq!(look.count(GREEN), 0);
    let gc = shared.conn.generate_id().expect("an id");
    let aux = CreateGCAux::new().foreground(BLUE);
    shared.conn.create_gc(gc, pop_up, &aux).expect("sent");
    let drawn = Rectangle { x: 10, y: 10, width: 50, height: 40 };
    shared.conn.poly_fill_rectangle(pop_up, gc, &[drawn]).expect("sent");
    shared.conn.sync().expect("drawn");
    look.until("what it draws", |look| look.count(BLUE) == 50 * 40);
    assert_eq!(look.count(GREEN), 0);

    // Larger, the server copies what is on the screen into it once more.
    shared.configure(pop_up, &ConfigureWindowAux::new().width(200).height(200));
    look.settle();
    assert_eq!(look.count(GREEN), 0);
    shared.unmap(pop_up);
    look.settle();
    assert_eq!((look.count(GREEN), look.count(BLUE)), (0, 0));
}

#[test]
fn pop_ups_dialogs_moves_and_closing_are_followed() {
    let Some(desk) = Desk::start(&[]) else { return };
    let shared = Program::open(&desk, "shared", RED, (100, 100, 200, 150));
    let other = Program::open(&desk, "other", GREEN, (400, 300, 200, 150));
    let mut look = desk.share(&[&desk.titled("shared")]);
    look.until("the window alone", |look| look.size() == Size::new(200, 150));
    look.settle();
    assert_eq!(look.count(RED), 200 * 150);

    let (x, y) = shared.corner();
    let menu = CreateWindowAux::new().background_pixel(BLUE);
    let pop_up = shared.pop_up(menu, (x + 150, y + 100, 100, 120));
    look.until("a pop-up beyond the window", |look| look.count(BLUE) == 100 * 120);
    look.settle();
    assert_eq!(look.size(), Size::new(250, 220));
    assert_eq!(look.pixel(0, 219), GROUND);
    assert_eq!(look.pixel(150, 100), BLUE);
    shared.unmap(pop_up);
    look.until("the pop-up to go", |look| look.count(BLUE) == 0);
    assert_eq!(look.size(), Size::new(250, 220), "until a main window changes");

    let place = ConfigureWindowAux::new().x(300).y(200).width(220).height(160);
    shared.configure(shared.window, &place);
    look.until("another size", |look| look.size() == Size::new(220, 160));
    look.until("its pixels", |look| look.count(RED) == 220 * 160);
    assert_eq!(look.count(GREEN), 0, "it lies over the other one now");

    // Minimised: a clear sign instead of an old picture.
    shared.minimise();
    look.until("a minimised window", |look| {
        HATCH.iter().map(|&colour| look.count(colour)).sum::<usize>() == look.size().area()
    });
    shared.map(shared.window);
    look.until("the window again", |look| look.count(RED) == 220 * 160);

    drop(shared);
    let start = Instant::now();
    let (mut damage, mut events) = (Region::empty(look.size()), Vec::new());
    let gone = loop {
        let wait = Some(Duration::from_millis(100));
        match look.source.wait(wait, &mut damage, &mut events) {
            Ok(_) => assert!(start.elapsed() < PATIENCE, "the application's end is not told"),
            Err(error) => break error,
        }
    };
    assert!(matches!(gone, CaptureError::ApplicationGone), "{gone}");
    drop(other);
}

#[test]
fn applications_are_added_and_taken_away_while_they_are_shared() {
    let Some(desk) = Desk::start(&[]) else { return };
    let _first = Program::open(&desk, "first", RED, (50, 50, 200, 100));
    let _second = Program::open(&desk, "second", BLUE, (100, 250, 200, 100));
    let _third = Program::open(&desk, "third", GREEN, (80, 120, 200, 200));
    let [first, second] = ["first", "second"].map(|title| desk.titled(title));
    let mut look = desk.share(&[&first]);
    look.until("the first", |look| look.count(RED) == 200 * 100);
    let selection = look.source.selection();
    selection.share(vec![first.id, second.id]);
    look.until("both", |look| look.count(BLUE) == 200 * 100 && look.count(RED) == 200 * 100);
    assert!(look.events.iter().any(|event| matches!(event, SourceEvent::Resized(_))));
    assert!(look.count(GROUND) > 0);
    assert_eq!(look.count(GREEN), 0, "it covers both, and is not shared");
    selection.share(vec![second.id]);
    look.until("the second alone", |look| look.size() == Size::new(200, 100));
    look.until("its pixels", |look| look.count(BLUE) == 200 * 100);
}

#[test]
fn without_composite_covered_parts_are_hatched() {
    let Some(desk) = Desk::start(&["-extension", "Composite"]) else { return };
    let shared = Program::open(&desk, "shared", RED, (100, 100, 300, 200));
    let other = Program::open(&desk, "other", GREEN, (450, 350, 300, 200));
    let mut look = desk.share(&[&desk.titled("shared")]);
    assert!(!look.source.sees_covered_parts());
    look.until("the window", |look| look.count(RED) == 300 * 200);

    let (x, y) = shared.corner();
    let pop_up = CreateWindowAux::new().background_pixel(GREEN);
    let cover = other.pop_up(pop_up, (x + 100, y + 50, 80, 60));
    let hatched = |look: &desk::Look| HATCH.iter().map(|&it| look.count(it)).sum::<usize>();
    look.until("the hatched part", |look| hatched(look) == 80 * 60);
    assert_eq!((look.count(GREEN), look.count(RED)), (0, 300 * 200 - 80 * 60));

    // Moved without a stop, nothing of it is seen at any moment.
    for step in 0..40 {
        let place = ConfigureWindowAux::new().x(i32::from(x) + step * 5).y(i32::from(y) + step * 3);
        other.configure(cover, &place);
        look.until("a picture", |look| hatched(look) > 0);
        assert_eq!(look.count(GREEN), 0, "step {step}");
    }
    other.unmap(cover);
    look.until("everything again", |look| look.count(RED) == 300 * 200);
}

#[test]
fn a_menu_of_a_real_toolkit_belongs_to_its_application() {
    let Some(mut desk) = Desk::start(&[]) else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let script = folder.path().join("menu.tcl");
    let text = "wm title . shared\nwm geometry . 200x100+100+100\n. configure -background #dd0000\n\
                menu .m -tearoff 0 -background #0000dd -foreground #0000dd -borderwidth 0\n\
                foreach name {one two three four five six} { .m add command -label $name }\n\
                bind . <Button-1> { tk_popup .m %X %Y }\n";
    std::fs::write(&script, text).expect("written");
    if !desk.try_run("wish", &[script.to_str().expect("text")]) {
        println!("SKIPPED: tk is not installed (`make test` installs it)");
        return;
    }
    let application = desk.titled("shared");
    let mut look = desk.share(&[&application]);
    look.until("the window", |look| look.count(RED) == 200 * 100);
    let other = Program::open(&desk, "other", GREEN, (350, 350, 200, 200));
    other.click(200, 180);
    look.until("the menu", |look| look.count(BLUE) > 2000);
    look.settle();
    assert!(look.size().height > 150, "it reaches beyond the window: {:?}", look.size());
    assert_eq!(look.count(GREEN), 0);
}

#[test]
fn an_application_that_does_not_run_is_started_and_found() {
    let Some(desk) = Desk::start(&[]) else { return };
    let programs = installed();
    let terminal = programs.iter().find(|program| program.id == "debian-xterm.desktop");
    let Some(terminal) = terminal else {
        println!("SKIPPED: xterm's desktop entry is not installed");
        return;
    };
    assert!(!running(Some(desk.name())).expect("a list").iter().any(|it| terminal.is(it)));
    let launched = terminal.launch(Some(desk.name())).expect("started");
    let mut found = None;
    wait_until("its window", || {
        found = launched.find(&running(Some(desk.name())).expect("a list")).cloned();
        found.is_some()
    });
    let found = found.expect("found above");
    assert!(terminal.is(&found), "{found:?}");
    let mut look = desk.share(&[&found]);
    look.settle();
    assert!(look.size().area() > 10_000);
    drop(look);
    // Ends with the display.
}
