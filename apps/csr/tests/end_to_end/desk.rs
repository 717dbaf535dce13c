//! An X display of the test's own with a client that is none of the programs.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use rand::rngs::StdRng;
use rand::{RngCore, SeedableRng};
use x11rb::connection::Connection;
use x11rb::protocol::xproto::{
    AtomEnum, ClientMessageEvent, ConnectionExt as _, CreateGCAux, CreateWindowAux, EventMask,
    Gcontext, ImageFormat, InputFocus, Window, WindowClass,
};
use x11rb::protocol::xtest::ConnectionExt as _;
use x11rb::rust_connection::RustConnection;
use x11rb::wrapper::ConnectionExt as _;

const WIDTH: u16 = 640;
const HEIGHT: u16 = 480;

/// Event codes of the X protocol for fake input.
const KEY_PRESS: u8 = 2;
const KEY_RELEASE: u8 = 3;
const BUTTON_PRESS: u8 = 4;
const BUTTON_RELEASE: u8 = 5;
const MOTION: u8 = 6;

pub(crate) struct Desk {
    server: Child,
    name: String,
    x: RustConnection,
    root: Window,
    canvas: Window,
    gc: Gcontext,
}

impl Desk {
    pub(crate) fn start() -> Self {
        Self::of_depth(24)
    }

    /// A display whose screen has this many bits a pixel in its pixel values.
    pub(crate) fn of_depth(depth: u8) -> Self {
        let screen = format!("{WIDTH}x{HEIGHT}x{depth}");
        let mut server = Command::new("Xvfb")
            .args(["-displayfd", "1", "-noreset", "-nolisten", "tcp", "-screen", "0", &screen])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("Xvfb is installed");
        let mut number = String::new();
        let stdout = server.stdout.take().expect("a pipe");
        BufReader::new(stdout).read_line(&mut number).expect("the display's number");
        let name = format!(":{}", number.trim());
        let (x, screen) = RustConnection::connect(Some(&name)).expect("the display");
        let root = x.setup().roots[screen].root;
        let (canvas, gc) = (x.generate_id().expect("an id"), x.generate_id().expect("an id"));
        let look = CreateWindowAux::new().override_redirect(1).background_pixel(0);
        let class = WindowClass::INPUT_OUTPUT;
        x.create_window(0, canvas, root, 0, 0, WIDTH, HEIGHT, 0, class, 0, &look).expect("sent");
        x.create_gc(gc, canvas, &CreateGCAux::new()).expect("sent");
        x.sync().expect("the server answers");
        Self { server, name, x, root, canvas, gc }
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Ends the server, as if the person had logged out.
    pub(crate) fn stop(&mut self) {
        self.server.kill().expect("a running server");
        self.server.wait().expect("its end");
    }

    /// Covers part of the display with noise.
    pub(crate) fn paint(&self, seed: u64) {
        println!("seed {seed:#x}");
        let mut pixels = vec![0; 4 * usize::from(WIDTH) * 100];
        StdRng::seed_from_u64(seed).fill_bytes(&mut pixels);
        self.x.map_window(self.canvas).expect("sent");
        let format = ImageFormat::Z_PIXMAP;
        let (canvas, gc) = (self.canvas, self.gc);
        self.x.put_image(format, canvas, gc, WIDTH, 100, 0, 150, 0, 24, &pixels).expect("sent");
        self.x.sync().expect("the server answers");
    }

    /// All pixels without their unused byte.
    pub(crate) fn grab(&self) -> Vec<u8> {
        let all = u32::MAX;
        let image = self.x.get_image(ImageFormat::Z_PIXMAP, self.root, 0, 0, WIDTH, HEIGHT, all);
        let mut data = image.expect("sent").reply().expect("an image").data;
        data.chunks_exact_mut(4).for_each(|pixel| pixel[3] = 0);
        data
    }

    pub(crate) fn has_window(&self, title: &str) -> bool {
        self.find(title).is_some()
    }

    fn find(&self, title: &str) -> Option<Window> {
        let tree = self.x.query_tree(self.root).ok()?.reply().ok()?;
        tree.children.into_iter().find(|&child| {
            let name = self.x.get_property(false, child, AtomEnum::WM_NAME, AtomEnum::ANY, 0, 64);
            let reply = name.ok().and_then(|name| name.reply().ok());
            reply.is_some_and(|name| name.value.starts_with(title.as_bytes()))
        })
    }

    /// Gives a window the keyboard, as a window manager would.
    pub(crate) fn focus(&self, title: &str) {
        let window = self.find(title).expect("the window");
        self.x.set_input_focus(InputFocus::PARENT, window, 0u32).expect("sent");
        self.x.sync().expect("the server answers");
    }

    pub(crate) fn click(&self, x: i16, y: i16) {
        self.fake(MOTION, 0, x, y);
        self.fake(BUTTON_PRESS, 1, 0, 0);
        self.fake(BUTTON_RELEASE, 1, 0, 0);
    }

    /// Draws a line with the left button down.
    pub(crate) fn drag(&self, from: (i16, i16), to: (i16, i16)) {
        const STEPS: i16 = 20;
        self.fake(MOTION, 0, from.0, from.1);
        self.fake(BUTTON_PRESS, 1, 0, 0);
        for step in 1..=STEPS {
            let along = |from: i16, to: i16| from + (to - from) * step / STEPS;
            self.fake(MOTION, 0, along(from.0, to.0), along(from.1, to.1));
        }
        self.fake(BUTTON_RELEASE, 1, 0, 0);
    }

    /// Presses a key and lets go of it.
    pub(crate) fn tap_key(&self, keycode: u8) {
        self.fake(KEY_PRESS, keycode, 0, 0);
        self.fake(KEY_RELEASE, keycode, 0, 0);
    }

    /// A pixel, red, green and blue.
    pub(crate) fn pixel(&self, x: u16, y: u16) -> [u8; 3] {
        let at = 4 * (usize::from(y) * usize::from(WIDTH) + usize::from(x));
        let pixels = self.grab();
        [pixels[at + 2], pixels[at + 1], pixels[at]]
    }

    pub(crate) fn press_key(&self, keycode: u8) {
        self.fake(KEY_PRESS, keycode, 0, 0);
    }

    /// Keys that are down.
    pub(crate) fn keys_down(&self) -> u32 {
        let keymap = self.x.query_keymap().expect("sent").reply().expect("a keymap");
        keymap.keys.iter().map(|byte| byte.count_ones()).sum()
    }

    /// Asks a window to close, as its frame's button would.
    pub(crate) fn close(&self, title: &str) {
        let window = self.find(title).expect("the window");
        let atom = |name: &[u8]| {
            self.x.intern_atom(false, name).expect("sent").reply().expect("an atom").atom
        };
        let data = [atom(b"WM_DELETE_WINDOW"), 0, 0, 0, 0];
        let message = ClientMessageEvent::new(32, window, atom(b"WM_PROTOCOLS"), data);
        self.x.send_event(false, window, EventMask::NO_EVENT, message).expect("sent");
        self.x.sync().expect("the server answers");
    }

    fn fake(&self, kind: u8, detail: u8, x: i16, y: i16) {
        self.x.xtest_fake_input(kind, detail, 0, self.root, x, y, 0).expect("sent");
        self.x.sync().expect("the server answers");
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}
