//! An application of a real display in a session: what is seen of it, and what input reaches.

use std::time::{Duration, Instant};

use tessera::customer::{Entrance, Event, Screen};
use tessera::{Activity, InputEvent, PointerButton, Size, csr, customer, view};
use tessera_capture::x11::applications::running;
use x11rb::connection::Connection;
use x11rb::protocol::Event as XEvent;
use x11rb::protocol::xproto::{
    AtomEnum, ConnectionExt as _, CreateWindowAux, EventMask, PropMode, Window, WindowClass,
};
use x11rb::rust_connection::RustConnection;
use x11rb::wrapper::ConnectionExt as _;

use crate::data_dir;
use crate::local_click::Server;
use crate::network::Network;
use crate::people::{PATIENCE, Representative, take, wait_until};

const RED: [u8; 3] = [0, 0, 0xdd];
const GREEN: [u8; 3] = [0, 0xcc, 0];

/// A program of one window, of one colour.
struct Program {
    x: RustConnection,
    window: Window,
}

impl Program {
    fn open(display: &str, title: &str, colour: [u8; 3], place: (i16, i16, u16, u16)) -> Self {
        let (x, screen) = RustConnection::connect(Some(display)).expect("a display");
        let root = x.setup().roots[screen].root;
        let window = x.generate_id().expect("an id");
        let [blue, green, red] = colour;
        let aux = CreateWindowAux::new()
            .background_pixel(u32::from_le_bytes([blue, green, red, 0]))
            .event_mask(EventMask::BUTTON_PRESS | EventMask::EXPOSURE);
        let class = WindowClass::INPUT_OUTPUT;
        let (left, top, width, height) = place;
        x.create_window(0, window, root, left, top, width, height, 0, class, 0, &aux)
            .expect("sent");
        let (name, kind) = (AtomEnum::WM_NAME, AtomEnum::STRING);
        x.change_property8(PropMode::REPLACE, window, name, kind, title.as_bytes()).expect("sent");
        x.map_window(window).expect("sent");
        let program = Self { x, window };
        program.wait_for("its window", |event| matches!(event, XEvent::Expose(_)));
        program
    }

    fn wait_for(&self, what: &str, is: impl Fn(&XEvent) -> bool) {
        let start = Instant::now();
        while !self.saw(&is) {
            assert!(start.elapsed() < PATIENCE, "waited for {what} in vain");
            std::thread::park_timeout(Duration::from_millis(2));
        }
    }

    fn saw(&self, is: impl Fn(&XEvent) -> bool) -> bool {
        self.x.sync().expect("the server answers");
        while let Some(event) = self.x.poll_for_event().expect("the server is there") {
            if is(&event) {
                return true;
            }
        }
        false
    }

    fn was_clicked(&self) -> bool {
        self.saw(|event| matches!(event, XEvent::ButtonPress(_)))
    }
}

/// Presents pictures until one of this size shows this colour alone.
fn look_until(view: &mut view::Handle, size: Size, colour: [u8; 3]) {
    let start = Instant::now();
    let shows = |picture: view::Picture<'_>| {
        picture.frame.size() == size
            && (0..size.height).all(|y| {
                let row = picture.frame.span(0, y, size.width);
                row.chunks_exact(4).all(|pixel| pixel[..3] == colour)
            })
    };
    while !view.picture().is_some_and(shows) {
        assert!(start.elapsed() < PATIENCE, "no such picture");
        if view.advance() {
            view.presented();
            let picture = view.picture().expect("taken");
            for y in 0..picture.frame.size().height {
                let row = picture.frame.span(0, y, picture.frame.size().width);
                let leaks = row.chunks_exact(4).any(|pixel| pixel[..3] == GREEN);
                assert!(!leaks, "something else is seen");
            }
        } else {
            std::thread::park_timeout(Duration::from_millis(10));
        }
    }
}

#[test]
fn an_application_that_the_customer_picks_is_seen_and_operated_and_nothing_else() {
    let server = Server::start("Xvfb", None);
    let shared = Program::open(&server.name, "shared", RED, (40, 30, 200, 120));
    let other = Program::open(&server.name, "other", GREEN, (0, 0, 500, 400));
    let (network, data) = (Network::start(), data_dir());
    let csr = Representative::open(&network, data.path());
    let (handle, events) = customer::Session::join(customer::Options {
        center: network.center.clone(),
        data_dir: data.path().join("customer"),
        entrance: Entrance::Code(csr.code.clone()),
        name: "Bob".to_owned(),
        screen: Screen::Display(Some(server.name.clone())),
        standing_consent: Vec::new(),
        network: tessera::Network::new(tessera::Paths::Introduced, None),
    })
    .expect("a thread");
    take!(csr.events, csr::Event::CustomerJoined { .. });
    take!(events, Event::Joined { .. });
    csr.handle.request(Activity::ControlApplication);
    take!(csr.events, csr::Event::RequestReceived { .. });
    let id = take!(events, Event::Asked { id, .. } => id);
    handle.answer(id, true, false);
    take!(csr.events, csr::Event::Answered { granted: true, .. });
    take!(events, Event::Pick { control: true });
    assert!(csr.events.is_empty(), "nothing is shared before the customer has picked");

    let applications = running(Some(&server.name)).expect("a list");
    let titled = |title: &str| {
        let found = applications.iter().find(|application| application.name == title);
        found.cloned().expect("it runs")
    };
    handle.pick(vec![titled("shared")]);
    let mut view = take!(csr.events, csr::Event::ShareStarted(view) => view);
    let told = take!(events, Event::SharedApplications(names) => names);
    assert_eq!(told, ["shared"]);
    take!(events, Event::Sharing { on: true, .. });
    // Covered by the other one as it is.
    look_until(&mut view, Size::new(200, 120), RED);

    take!(csr.events, csr::Event::ControlChanged { allowed: true });
    csr.handle.take_control();
    take!(events, Event::Controlled { on: true });
    view.send_input(InputEvent::Pointer { x: 150, y: 100 });
    for pressed in [true, false] {
        view.send_input(InputEvent::Button { button: PointerButton::Left, pressed });
    }
    shared.wait_for(
        "the click",
        |event| matches!(event, XEvent::ButtonPress(it) if (it.event_x, it.event_y) == (150, 100)),
    );
    assert!(!other.was_clicked());

    // Its end is the share's, and not the session's.
    shared.x.destroy_window(shared.window).expect("sent");
    shared.x.sync().expect("gone");
    take!(events, Event::Notice(_));
    wait_until("the share's end", || {
        csr.events.try_iter().any(|event| matches!(event, csr::Event::ShareEnded { .. }))
    });
    csr.handle.request(Activity::View);
    wait_until("the next request", || {
        events.try_iter().any(|event| matches!(event, Event::Asked { .. }))
    });
    csr.handle.end();
}
