//! An X server of the test's own, and a client that draws on it and listens.
#![allow(dead_code, reason = "each test program uses a part")]

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use x11rb::connection::Connection;
use x11rb::protocol::Event;
use x11rb::protocol::randr::{ConnectionExt as _, Rotation};
use x11rb::protocol::xproto::{
    AtomEnum, ChangeWindowAttributesAux, ConnectionExt as _, CreateGCAux, CreateWindowAux,
    EventMask, Gcontext, InputFocus, PropMode, Rectangle, Window, WindowClass,
};
use x11rb::rust_connection::RustConnection;
use x11rb::wrapper::ConnectionExt as _;

/// Bound on every wait of these tests: far above what a loaded machine needs.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// A running Xvfb; dropped, it is killed.
pub(crate) struct Xvfb {
    server: Child,
    pub(crate) name: String,
}

impl Xvfb {
    /// Starts a server on a free display. `None`, after saying so, where Xvfb is not installed.
    pub(crate) fn start(arguments: &[&str]) -> Option<Self> {
        let spawned = Command::new("Xvfb")
            .args(["-displayfd", "1", "-noreset", "-nolisten", "tcp"])
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn();
        let Ok(mut server) = spawned else {
            println!("SKIPPED: Xvfb is not installed (`make test` installs it)");
            return None;
        };
        let mut number = String::new();
        let output = server.stdout.take().expect("stdout is piped");
        BufReader::new(output).read_line(&mut number).expect("the display's number");
        Some(Self { server, name: format!(":{}", number.trim()) })
    }

    pub(crate) fn pid(&self) -> u32 {
        self.server.id()
    }

    pub(crate) fn kill(&mut self) {
        self.server.kill().expect("a running server");
        self.server.wait().expect("its end");
    }

    /// Runs a program on this display to its end.
    pub(crate) fn run(&self, program: &str, arguments: &[&str]) {
        let output = Command::new(program)
            .args(arguments)
            .env("DISPLAY", &self.name)
            .output()
            .unwrap_or_else(|error| panic!("{program}: {error}"));
        assert!(output.status.success(), "{program} {arguments:?}: {output:?}");
    }
}

impl Drop for Xvfb {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

/// A client with one window in the top left corner that has the focus.
pub(crate) struct Client {
    pub conn: RustConnection,
    pub window: Window,
    gc: Gcontext,
}

impl Client {
    pub(crate) fn connect(display: &str, width: u16, height: u16) -> Self {
        let (conn, screen) = RustConnection::connect(Some(display)).expect("display");
        let root = conn.setup().roots[screen].root;
        let window = conn.generate_id().expect("id");
        let aux = CreateWindowAux::new().background_pixel(0).override_redirect(1).event_mask(
            EventMask::KEY_PRESS
                | EventMask::KEY_RELEASE
                | EventMask::BUTTON_PRESS
                | EventMask::BUTTON_RELEASE
                | EventMask::POINTER_MOTION
                | EventMask::EXPOSURE,
        );
        conn.create_window(
            0,
            window,
            root,
            0,
            0,
            width,
            height,
            0,
            WindowClass::INPUT_OUTPUT,
            0,
            &aux,
        )
        .expect("window");
        conn.map_window(window).expect("map");
        let gc = conn.generate_id().expect("id");
        conn.create_gc(gc, window, &CreateGCAux::new()).expect("gc");
        let client = Self { conn, window, gc };
        client.wait_for(|event| matches!(event, Event::Expose(_)).then_some(()));
        client
            .conn
            .set_input_focus(InputFocus::POINTER_ROOT, window, x11rb::CURRENT_TIME)
            .expect("focus");
        client.conn.sync().expect("sync");
        client
    }

    /// Fills a rectangle of the window and waits until the server has drawn it.
    pub(crate) fn fill(&self, x: i16, y: i16, width: u16, height: u16, colour: u32) {
        self.send_fill(x, y, width, height, colour);
        self.conn.sync().expect("sync");
    }

    /// Fills a rectangle of the window without waiting.
    pub(crate) fn send_fill(&self, x: i16, y: i16, width: u16, height: u16, colour: u32) {
        let aux = x11rb::protocol::xproto::ChangeGCAux::new().foreground(colour);
        self.conn.change_gc(self.gc, &aux).expect("colour");
        let rectangle = Rectangle { x, y, width, height };
        self.conn.poly_fill_rectangle(self.window, self.gc, &[rectangle]).expect("fill");
        self.conn.flush().expect("flush");
    }

    /// The first answer that `pick` gives to an event, waiting for events.
    pub(crate) fn wait_for<T>(&self, mut pick: impl FnMut(&Event) -> Option<T>) -> T {
        let end = Instant::now() + PATIENCE;
        // A round trip to the server is what passes the time here; it also flushes.
        while Instant::now() < end {
            self.conn.sync().expect("sync");
            while let Some(event) = self.conn.poll_for_event().expect("connection") {
                if let Some(answer) = pick(&event) {
                    return answer;
                }
            }
        }
        panic!("the expected event did not come");
    }

    /// Sets a property of the window, which draws nothing.
    pub(crate) fn touch_property(&self) {
        self.conn
            .change_property8(
                PropMode::REPLACE,
                self.window,
                AtomEnum::WM_NAME,
                AtomEnum::STRING,
                b"x",
            )
            .expect("property");
        self.conn.sync().expect("sync");
    }

    /// Gives the window the picture at `glyph` of the X cursor font.
    pub(crate) fn set_cursor(&self, glyph: u16) {
        let font = self.conn.generate_id().expect("id");
        let cursor = self.conn.generate_id().expect("id");
        self.conn.open_font(font, b"cursor").expect("font");
        self.conn
            .create_glyph_cursor(cursor, font, font, glyph, glyph + 1, 0, 0, 0, 65535, 0, 0)
            .expect("cursor");
        let aux = ChangeWindowAttributesAux::new().cursor(cursor);
        self.conn.change_window_attributes(self.window, &aux).expect("attribute");
        self.conn.sync().expect("sync");
    }

    /// Moves the pointer to a pixel of the window, as a program does.
    pub(crate) fn warp_pointer(&self, x: i16, y: i16) {
        self.conn.warp_pointer(x11rb::NONE, self.window, 0, 0, 0, 0, x, y).expect("warp");
        self.conn.sync().expect("sync");
    }

    /// Gives the screen another size, at most the one that the server started with: its only output
    /// is switched off, since its one mode would not fit.
    pub(crate) fn resize_screen(&self, width: u16, height: u16) {
        let root = self.conn.setup().roots[0].root;
        let resources = self.conn.randr_get_screen_resources(root).expect("request");
        let resources = resources.reply().expect("resources");
        for &crtc in &resources.crtcs {
            self.conn
                .randr_set_crtc_config(
                    crtc,
                    x11rb::CURRENT_TIME,
                    resources.config_timestamp,
                    0,
                    0,
                    x11rb::NONE,
                    Rotation::ROTATE0,
                    &[],
                )
                .expect("request")
                .reply()
                .expect("an output that is off");
        }
        self.conn
            .randr_set_screen_size(root, width, height, u32::from(width), u32::from(height))
            .expect("request")
            .check()
            .expect("a new size");
    }

    /// Lets whatever is under the pointer have the focus.
    pub(crate) fn focus_follows_pointer(&self) {
        self.conn
            .set_input_focus(InputFocus::NONE, InputFocus::POINTER_ROOT, x11rb::CURRENT_TIME)
            .expect("focus");
        self.conn.sync().expect("sync");
    }

    /// Waits until the pointer is over a window.
    pub(crate) fn wait_for_window_under_pointer(&self) {
        let root = self.conn.setup().roots[0].root;
        let end = Instant::now() + PATIENCE;
        let over_window = || {
            let pointer = self.conn.query_pointer(root).expect("request").reply();
            pointer.expect("pointer").child != x11rb::NONE
        };
        while !over_window() {
            assert!(Instant::now() < end, "no window came under the pointer");
        }
    }
}
