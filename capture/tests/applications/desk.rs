//! A desktop with a window manager and applications on it, and a look at what is shared of it.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tessera_capture::x11::applications::{ApplicationSource, RunningApplication, running};
use tessera_capture::{CaptureError, ScreenSource, SourceEvent};
use tessera_codec::{Frame, Region, Size};
use x11rb::connection::Connection;
use x11rb::protocol::Event;
use x11rb::protocol::xproto::{
    AtomEnum, ChangeWindowAttributesAux, ClientMessageEvent, ConfigureWindowAux,
    ConnectionExt as _, CreateWindowAux, EventMask, PropMode, StackMode, Window, WindowClass,
};
use x11rb::protocol::xtest::ConnectionExt as _;
use x11rb::rust_connection::RustConnection;
use x11rb::wrapper::ConnectionExt as _;

use crate::xvfb::{PATIENCE, Xvfb};

pub(crate) const SCREEN: [&str; 3] = ["-screen", "0", "800x600x24"];

/// An X server with openbox and whatever was started on it; all end with it.
pub(crate) struct Desk {
    pub(crate) server: Xvfb,
    children: Vec<Child>,
}

impl Drop for Desk {
    fn drop(&mut self) {
        for child in &mut self.children {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

impl Desk {
    /// `None`, after saying so, where Xvfb or openbox is not installed.
    pub(crate) fn start(arguments: &[&str]) -> Option<Self> {
        let server = Xvfb::start(&[&SCREEN[..], arguments].concat())?;
        let mut desk = Self { server, children: Vec::new() };
        if !desk.try_run("openbox", &["--sm-disable"]) {
            println!("SKIPPED: openbox is not installed (`make test` installs it)");
            return None;
        }
        let (conn, screen) = RustConnection::connect(Some(desk.name())).expect("a display");
        let root = conn.setup().roots[screen].root;
        // Set last of all when it begins: what is opened before may never be taken care of.
        let atom = conn.intern_atom(false, b"_NET_CLIENT_LIST").expect("sent");
        let atom = atom.reply().expect("an atom").atom;
        wait_until("the window manager", || {
            let got = conn.get_property(false, root, atom, AtomEnum::ANY, 0, 1).expect("sent");
            got.reply().expect("a property").type_ != x11rb::NONE
        });
        Some(desk)
    }

    pub(crate) fn name(&self) -> &str {
        &self.server.name
    }

    pub(crate) fn run(&mut self, program: &str, arguments: &[&str]) {
        assert!(self.try_run(program, arguments), "{program} is installed");
    }

    pub(crate) fn try_run(&mut self, program: &str, arguments: &[&str]) -> bool {
        let child = Command::new(program)
            .args(arguments)
            .env("DISPLAY", self.name())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        child.map(|child| self.children.push(child)).is_ok()
    }

    /// Waits for the application that `is` picks.
    pub(crate) fn find(&self, is: impl Fn(&RunningApplication) -> bool) -> RunningApplication {
        let start = Instant::now();
        loop {
            let running = running(Some(self.name())).expect("a list");
            if let Some(found) = running.iter().find(|application| is(application)) {
                return found.clone();
            }
            assert!(start.elapsed() < PATIENCE, "waited in vain among {running:?}");
            std::thread::park_timeout(Duration::from_millis(10));
        }
    }

    pub(crate) fn titled(&self, title: &str) -> RunningApplication {
        self.find(|application| application.name == title)
    }

    pub(crate) fn share(&self, applications: &[&RunningApplication]) -> Look {
        let ids: Vec<_> = applications.iter().map(|application| application.id).collect();
        let source = ApplicationSource::open(Some(self.name()), &ids).expect("a source");
        Look::new(source)
    }
}

pub(crate) fn wait_until(what: &str, mut condition: impl FnMut() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < PATIENCE, "waited for {what} in vain");
        std::thread::park_timeout(Duration::from_millis(5));
    }
}

/// What a viewer has of a share: only tiles that were told to be damaged are read.
pub(crate) struct Look {
    pub(crate) source: ApplicationSource,
    damage: Region,
    pub(crate) events: Vec<SourceEvent>,
    pub(crate) frame: Frame,
}

impl Look {
    fn new(source: ApplicationSource) -> Self {
        let size = source.size();
        let damage = Region::empty(size);
        Self { source, damage, events: Vec::new(), frame: Frame::black(size) }
    }

    /// Takes what changes until nothing does for `still`.
    pub(crate) fn settle(&mut self) {
        let still = Some(Duration::from_millis(150));
        let start = Instant::now();
        loop {
            let waited = self.source.wait(still, &mut self.damage, &mut self.events);
            let wake = waited.expect("the source lives");
            if self.damage.is_empty() && wake == tessera_capture::Wake::TimedOut {
                return;
            }
            self.read();
            assert!(start.elapsed() < PATIENCE, "the windows do not come to rest");
        }
    }

    fn read(&mut self) {
        if self.frame.size() != self.source.size() {
            self.frame = Frame::black(self.source.size());
        }
        match self.source.read(&self.damage, &mut self.frame) {
            Ok(()) => self.damage.clear(),
            Err(CaptureError::SizeChanged) => {}
            Err(error) => panic!("{error}"),
        }
    }

    /// Takes what changes until `condition` holds.
    pub(crate) fn until(&mut self, what: &str, condition: impl Fn(&Self) -> bool) {
        let start = Instant::now();
        while !condition(self) {
            if start.elapsed() > PATIENCE {
                self.save("target/applications-failed.ppm");
                panic!("waited for {what} in vain");
            }
            let wait = Some(Duration::from_millis(20));
            self.source.wait(wait, &mut self.damage, &mut self.events).expect("the source lives");
            self.read();
        }
    }

    pub(crate) fn size(&self) -> Size {
        self.frame.size()
    }

    /// Red, green and blue of a pixel as one number.
    pub(crate) fn pixel(&self, x: u16, y: u16) -> u32 {
        let bytes = self.frame.view().span(x, y, 1);
        u32::from_le_bytes([bytes[0], bytes[1], bytes[2], 0])
    }

    pub(crate) fn count(&self, colour: u32) -> usize {
        let size = self.size();
        let rows = (0..size.height).flat_map(|y| (0..size.width).map(move |x| (x, y)));
        rows.filter(|&(x, y)| self.pixel(x, y) == colour).count()
    }

    /// A picture for people to look at when a test fails.
    pub(crate) fn save(&self, path: &str) {
        let size = self.size();
        let mut out = format!("P6 {} {} 255\n", size.width, size.height).into_bytes();
        for pixel in self.frame.data().chunks_exact(4) {
            out.extend([pixel[2], pixel[1], pixel[0]]);
        }
        let _ = std::fs::create_dir_all("target").and_then(|()| std::fs::write(path, out));
    }
}

/// A program of one window that tells what was done to it.
pub(crate) struct Program {
    pub(crate) conn: RustConnection,
    pub(crate) root: Window,
    pub(crate) window: Window,
}

impl Program {
    /// A window of one colour that the window manager takes care of.
    pub(crate) fn open(desk: &Desk, title: &str, colour: u32, place: (i16, i16, u16, u16)) -> Self {
        let (conn, screen) = RustConnection::connect(Some(desk.name())).expect("a display");
        let root = conn.setup().roots[screen].root;
        let window = conn.generate_id().expect("an id");
        let program = Self { conn, root, window };
        program.create(window, place, &CreateWindowAux::new().background_pixel(colour));
        program.title(window, title);
        // Where it asks to be, as a person's own choice (ICCCM 4.1.2.3: USPosition).
        let mut hints = [0_u32; 18];
        hints[0] = 1;
        let (kind, hint) = (AtomEnum::WM_SIZE_HINTS, AtomEnum::WM_NORMAL_HINTS);
        program
            .conn
            .change_property32(PropMode::REPLACE, window, hint, kind, &hints)
            .expect("sent");
        program.map(window);
        program
    }

    pub(crate) fn create(&self, window: Window, at: (i16, i16, u16, u16), aux: &CreateWindowAux) {
        let (x, y, width, height) = at;
        let class = WindowClass::INPUT_OUTPUT;
        self.conn
            .create_window(0, window, self.root, x, y, width, height, 0, class, 0, aux)
            .expect("sent")
            .check()
            .expect("a window");
        let events = EventMask::EXPOSURE
            | EventMask::BUTTON_PRESS
            | EventMask::BUTTON_RELEASE
            | EventMask::KEY_PRESS
            | EventMask::KEY_RELEASE
            | EventMask::STRUCTURE_NOTIFY;
        let aux = ChangeWindowAttributesAux::new().event_mask(events);
        self.conn.change_window_attributes(window, &aux).expect("sent");
    }

    pub(crate) fn title(&self, window: Window, title: &str) {
        let (name, kind) = (AtomEnum::WM_NAME, AtomEnum::STRING);
        self.conn
            .change_property8(PropMode::REPLACE, window, name, kind, title.as_bytes())
            .expect("sent");
    }

    pub(crate) fn map(&self, window: Window) {
        let is_mapped =
            |event: &Event| matches!(event, Event::MapNotify(it) if it.window == window);
        // A window manager that has just begun misses requests.
        wait_until("a mapped window", || {
            self.conn.map_window(window).expect("sent");
            self.events().iter().any(is_mapped)
        });
    }

    /// A pop-up that the window manager does not take care of.
    pub(crate) fn pop_up(&self, aux: CreateWindowAux, place: (i16, i16, u16, u16)) -> Window {
        let window = self.conn.generate_id().expect("an id");
        self.create(window, place, &aux.override_redirect(1));
        self.map(window);
        window
    }

    pub(crate) fn minimise(&self) {
        let atom = self.conn.intern_atom(false, b"WM_CHANGE_STATE").expect("sent");
        // `IconicState` of ICCCM 4.1.4.
        let data = [3, 0, 0, 0, 0];
        let atom = atom.reply().expect("an atom").atom;
        let message = ClientMessageEvent::new(32, self.window, atom, data);
        let mask = EventMask::SUBSTRUCTURE_REDIRECT | EventMask::SUBSTRUCTURE_NOTIFY;
        self.conn.send_event(false, self.root, mask, message).expect("sent");
        self.conn.sync().expect("minimised");
    }

    /// Clicks anywhere on the screen.
    pub(crate) fn click(&self, x: i16, y: i16) {
        for (kind, detail) in [(6, 0), (4, 1), (5, 1)] {
            self.conn.xtest_fake_input(kind, detail, 0, self.root, x, y, 0).expect("sent");
        }
        self.conn.sync().expect("clicked");
    }

    pub(crate) fn unmap(&self, window: Window) {
        self.conn.unmap_window(window).expect("sent");
        self.conn.sync().expect("unmapped");
    }

    pub(crate) fn configure(&self, window: Window, change: &ConfigureWindowAux) {
        self.conn.configure_window(window, change).expect("sent");
        self.conn.sync().expect("configured");
    }

    pub(crate) fn raise(&self, window: Window) {
        self.configure(window, &ConfigureWindowAux::new().stack_mode(StackMode::ABOVE));
    }

    /// Where the window's content is on the screen.
    pub(crate) fn corner(&self) -> (i16, i16) {
        let place = self.conn.translate_coordinates(self.window, self.root, 0, 0).expect("sent");
        let place = place.reply().expect("a window");
        (place.dst_x, place.dst_y)
    }

    pub(crate) fn next(&self) -> Option<Event> {
        self.conn.sync().expect("the server answers");
        self.conn.poll_for_event().expect("the server is there")
    }

    /// Everything that has happened so far.
    pub(crate) fn events(&self) -> Vec<Event> {
        std::iter::from_fn(|| self.next()).collect()
    }

    pub(crate) fn wait_for<T>(&self, what: &str, pick: impl Fn(&Event) -> Option<T>) -> T {
        let start = Instant::now();
        loop {
            if let Some(found) = self.next().as_ref().and_then(&pick) {
                return found;
            }
            assert!(start.elapsed() < PATIENCE, "waited for {what} in vain");
            std::thread::park_timeout(Duration::from_millis(2));
        }
    }
}
