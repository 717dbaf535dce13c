//! A person's click on the shared desktop, against a representative's program that keeps sending.
//!
//! The desktop is in Xephyr inside Xvfb: what is clicked on the outer display is a mouse of the inner
//! one, and so another device than the one that input is injected with.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tessera::customer::{Entrance, Event, Screen};
use tessera::{Activity, InputEvent, csr, customer, view};
use x11rb::connection::Connection;
use x11rb::protocol::Event as XEvent;
use x11rb::protocol::xproto::{
    ConnectionExt as _, CreateWindowAux, EventMask, InputFocus, Window, WindowClass,
};
use x11rb::protocol::xtest::ConnectionExt as _;
use x11rb::rust_connection::RustConnection;
use x11rb::wrapper::ConnectionExt as _;

use crate::data_dir;
use crate::network::Network;
use crate::people::{PATIENCE, Representative, take, wait_until};

const BUTTON_PRESS: u8 = 4;
const BUTTON_RELEASE: u8 = 5;
const MOTION: u8 = 6;

/// Between the click's time stamp and that of the last injected key. On a loaded machine of two
/// cores; how long it took is printed.
const TAKES_EFFECT_MS: u32 = 100;

/// An X server that is killed with the test.
pub(crate) struct Server {
    process: Child,
    pub(crate) name: String,
}

impl Server {
    pub(crate) fn start(program: &str, display: Option<&str>) -> Self {
        let mut command = Command::new(program);
        command.args(["-displayfd", "1", "-screen"]);
        match display {
            Some(display) => command.arg("500x400").env("DISPLAY", display),
            None => command.args(["0", "500x400x24"]),
        };
        let spawned = command
            .args(["-noreset", "-nolisten", "tcp"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn();
        let mut process = spawned.unwrap_or_else(|error| panic!("{program}: {error}"));
        let mut number = String::new();
        let output = process.stdout.take().expect("piped");
        BufReader::new(output).read_line(&mut number).expect("the display's number");
        Self { process, name: format!(":{}", number.trim()) }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A client whose window covers the desktop and has the keyboard.
struct Witness {
    x: RustConnection,
    _window: Window,
}

impl Witness {
    fn over(display: &str) -> Self {
        let (x, screen) = RustConnection::connect(Some(display)).expect("a display");
        let root = x.setup().roots[screen].root;
        let window = x.generate_id().expect("an id");
        let events = EventMask::KEY_PRESS | EventMask::BUTTON_PRESS | EventMask::EXPOSURE;
        let aux =
            CreateWindowAux::new().override_redirect(1).background_pixel(0).event_mask(events);
        let class = WindowClass::INPUT_OUTPUT;
        x.create_window(0, window, root, 0, 0, 500, 400, 0, class, 0, &aux).expect("sent");
        x.map_window(window).expect("sent");
        let witness = Self { x, _window: window };
        witness.wait_for("the window", |event| matches!(event, XEvent::Expose(_)).then_some(()));
        let conn = &witness.x;
        conn.set_input_focus(InputFocus::POINTER_ROOT, window, x11rb::CURRENT_TIME).expect("sent");
        conn.sync().expect("focused");
        witness
    }

    fn next(&self) -> Option<XEvent> {
        self.x.sync().expect("the server answers");
        self.x.poll_for_event().expect("the server is there")
    }

    fn wait_for<T>(&self, what: &str, pick: impl Fn(&XEvent) -> Option<T>) -> T {
        let start = Instant::now();
        loop {
            if let Some(found) = self.next().as_ref().and_then(&pick) {
                return found;
            }
            assert!(start.elapsed() < PATIENCE, "waited for {what} in vain");
        }
    }

    fn wait_for_key(&self) -> u32 {
        self.wait_for("an injected key", |event| match event {
            XEvent::KeyPress(press) => Some(press.time),
            _ => None,
        })
    }

    fn holds_no_key(&self) -> bool {
        let keys = self.x.query_keymap().expect("sent").reply().expect("the keys");
        keys.keys.iter().all(|&eight| eight == 0)
    }
}

/// Clicks where the inner display is shown.
fn click_on(outer: &RustConnection) {
    let root = outer.setup().roots[0].root;
    for (kind, detail) in [(MOTION, 0), (BUTTON_PRESS, 1), (BUTTON_RELEASE, 1)] {
        outer.xtest_fake_input(kind, detail, 0, root, 250, 200, 0).expect("sent");
    }
    outer.sync().expect("clicked");
}

/// Sends keys and motions without end, whatever it is told.
fn send_without_end(input: view::InputSender) -> Arc<AtomicBool> {
    let over = Arc::new(AtomicBool::new(false));
    let is_over = Arc::clone(&over);
    std::thread::spawn(move || {
        for turn in 0_u16.. {
            if is_over.load(Ordering::SeqCst) {
                return;
            }
            let (x, y) = (turn % 300, turn % 200);
            input.send(InputEvent::Pointer { x, y });
            input.send(InputEvent::Key { keysym: 0xffe1, pressed: turn % 64 < 60 });
            input.send(InputEvent::Key { keysym: 0x61, pressed: turn % 2 == 0 });
            std::thread::park_timeout(Duration::from_millis(1));
        }
    });
    over
}

#[test]
fn a_click_on_the_shared_desktop_takes_control_back_from_a_program_that_keeps_sending() {
    let outer = Server::start("Xvfb", None);
    let inner = Server::start("Xephyr", Some(&outer.name));
    let (hand, _) = RustConnection::connect(Some(&outer.name)).expect("the outer display");
    let witness = Witness::over(&inner.name);

    let (network, data) = (Network::start(), data_dir());
    let csr = Representative::open(&network, data.path());
    let (handle, events) = customer::Session::join(customer::Options {
        center: network.center.clone(),
        data_dir: data.path().join("customer"),
        entrance: Entrance::Code(csr.code.clone()),
        name: "Bob".to_owned(),
        screen: Screen::Display(Some(inner.name.clone())),
        standing_consent: vec![Activity::Control],
        network: tessera::Network::new(tessera::Paths::Introduced, None),
    })
    .expect("a thread");
    take!(csr.events, csr::Event::CustomerJoined { .. });
    csr.handle.request(Activity::Control);
    take!(csr.events, csr::Event::RequestReceived { .. });
    take!(csr.events, csr::Event::Answered { granted: true, .. });
    let view = take!(csr.events, csr::Event::ShareStarted(view) => view);
    take!(csr.events, csr::Event::ControlChanged { allowed: true });
    take!(events, Event::Joined { .. });
    take!(events, Event::Sharing { on: true, .. });
    take!(events, Event::Controlled { on: true });

    let over = send_without_end(view.input());
    witness.wait_for_key();
    click_on(&hand);
    let clicked_ms = witness.wait_for("the click", |event| match event {
        XEvent::ButtonPress(press) => Some(press.time),
        _ => None,
    });
    take!(events, Event::TakenBack);
    take!(events, Event::Controlled { on: false });
    take!(csr.events, csr::Event::ControlPaused { paused: true });
    let discarded = handle.figures().inputs_discarded;
    wait_until("input to be discarded", || handle.figures().inputs_discarded > discarded + 300);
    let mut last_ms = clicked_ms;
    while let Some(event) = witness.next() {
        if let XEvent::KeyPress(press) = event {
            last_ms = last_ms.max(press.time);
        }
    }
    println!("the last key came {} ms after the click", last_ms - clicked_ms);
    assert!(last_ms - clicked_ms <= TAKES_EFFECT_MS, "{} ms", last_ms - clicked_ms);
    assert!(witness.holds_no_key());
    assert!(csr.events.is_empty() && events.is_empty(), "nothing has given control back");

    // The viewer's click.
    csr.handle.take_control();
    take!(events, Event::Controlled { on: true });
    take!(csr.events, csr::Event::ControlPaused { paused: false });
    witness.wait_for_key();
    over.store(true, Ordering::SeqCst);
    csr.handle.end();
}
