//! The share window on a real X server: what a second client sees and does there.
//!
//! The window library takes its display from the environment and allows one event loop in a
//! process, so the test runs itself anew as a child with the display of a server of its own.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{RngCore, SeedableRng};
use tessera::annotate::Board;
use tessera::view::{Feed, PictureInfo, feed};
use tessera::{CursorShape, Frame, InputEvent, PointerButton, Rect, Region, Size};
use x11rb::connection::Connection;
use x11rb::protocol::xproto::{
    AtomEnum, ClientMessageEvent, ConfigureWindowAux, ConnectionExt as _, EventMask, ImageFormat,
    InputFocus, Window,
};
use x11rb::protocol::xtest::ConnectionExt as _;
use x11rb::rust_connection::RustConnection;

use super::{FromWindow, Proxy, ToWindow, WindowLoop};

const SIZE: Size = Size::new(640, 480);

/// How long anything may take on a loaded machine.
const PATIENCE: Duration = Duration::from_secs(20);

const SEED: u64 = 0x7e55_e7a0;

/// Event codes of the X protocol for fake input.
const KEY_PRESS: u8 = 2;
const KEY_RELEASE: u8 = 3;
const BUTTON_PRESS: u8 = 4;
const BUTTON_RELEASE: u8 = 5;
const MOTION: u8 = 6;

/// Keycode of the letter A on the server's default keyboard.
const KEYCODE_A: u8 = 38;

/// Others of it.
const KEYCODE_CONTROL: u8 = 37;
const KEYCODE_ALT: u8 = 64;
const KEYCODE_Z: u8 = 52;
const KEYCODE_I: u8 = 31;
const KEYCODE_S: u8 = 39;
const KEYCODE_C: u8 = 54;
const KEYCODE_RIGHT: u8 = 114;
const KEYCODE_DOWN: u8 = 116;

/// The window's size while it shows a part of the picture.
const PART: Size = Size::new(320, 240);

struct Server {
    process: Child,
    display: String,
}

impl Server {
    fn start() -> Self {
        let mut process = Command::new("Xvfb")
            .args(["-displayfd", "1", "-screen", "0", "1024x768x24", "-nolisten", "tcp"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("Xvfb is installed");
        let mut number = String::new();
        let stdout = process.stdout.take().expect("piped");
        BufReader::new(stdout).read_line(&mut number).expect("the number of the display");
        Self { process, display: format!(":{}", number.trim()) }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
fn the_window_shows_what_is_fed_and_sends_what_is_done() {
    let server = Server::start();
    let this = std::env::current_exe().expect("this test's program");
    let child = Command::new(this)
        .args(["--exact", "window::tests::on_the_display_of_the_environment", "--ignored"])
        .env("DISPLAY", &server.display)
        .output()
        .expect("started");
    let output = String::from_utf8_lossy(&child.stdout);
    assert!(child.status.success() && output.contains("1 passed"), "{output}");
}

#[test]
#[ignore = "run by the test above, which gives it a display"]
fn on_the_display_of_the_environment() {
    let window = WindowLoop::new().expect("a display");
    let proxy = window.proxy();
    let (tell, told) = channel();
    let driver = thread::spawn(move || {
        // The loop has to end even when a check below fails.
        let result = std::panic::catch_unwind(|| Desk::new(&proxy).work(&told));
        let _ = proxy.send_event(ToWindow::Quit);
        result
    });
    let folder = tempfile::tempdir().expect("a folder");
    let shots = folder.path().to_owned();
    window.run(false, shots, move |message| drop(tell.send(message))).expect("the loop runs");
    if let Err(failure) = driver.join().expect("caught") {
        std::panic::resume_unwind(failure);
    }
}

/// The feeding end of the window and a client that looks at it.
struct Desk<'a> {
    proxy: &'a Proxy,
    feed: Feed,
    frame: Frame,
    random: StdRng,
    x: RustConnection,
    root: Window,
}

impl<'a> Desk<'a> {
    fn new(proxy: &'a Proxy) -> Self {
        println!("seed {SEED:#x}");
        let (x, screen) = RustConnection::connect(None).expect("a second client");
        let root = x.setup().roots[screen].root;
        let (feed, view) = feed(SIZE);
        let message = ToWindow::Open {
            view: Box::new(view),
            customer: "Kim".into(),
            board: Board::default(),
        };
        proxy.send_event(message).expect("the loop runs");
        let random = StdRng::seed_from_u64(SEED);
        Self { proxy, feed, frame: Frame::black(SIZE), random, x, root }
    }

    fn work(mut self, told: &Receiver<FromWindow>) {
        self.show(SIZE.rect());
        let window = self.wait_for_window();
        self.wait_for("the whole picture", |desk| desk.shows_frame(window));

        self.show(Rect::new(70, 130, 300, 50));
        self.show(Rect::new(639, 479, 1, 1));
        self.wait_for("partial updates", |desk| desk.shows_frame(window));

        self.check_pointer(window);
        self.check_input(window);
        self.check_sizes(window);
        self.check_keys(window, told);

        self.ask_to_close(window);
        assert_eq!(told.recv_timeout(PATIENCE), Ok(FromWindow::Closed));
        self.wait_for("the window to go", |desk| desk.find_window().is_none());
    }

    /// Fills a part of the picture with noise and shows it.
    fn show(&mut self, rect: Rect) {
        for y in rect.y..rect.y + rect.height {
            self.random.fill_bytes(self.frame.span_mut(rect.x, y, rect.width));
        }
        let mut changed = Region::empty(SIZE);
        changed.add(rect);
        self.feed.show(self.frame.view(), &changed, PictureInfo::default());
    }

    fn check_pointer(&self, window: Window) {
        let pixels = [0, 0, 255, 255].repeat(64);
        let (size, hotspot) = (Size::new(8, 8), (2, 3));
        self.feed.set_cursor_shape(CursorShape { serial: 1, size, hotspot, pixels: pixels.into() });
        for (x, y) in [(100, 100), (105, 103), (638, 478)] {
            self.feed.set_cursor_position(x, y);
            let shape = Rect::new(x - 2, y - 3, 8, 8);
            self.wait_for("the remote pointer", |desk| {
                let expected = |x, y, pixel| {
                    if shape.intersect(Rect::new(x, y, 1, 1)).is_empty() {
                        pixel
                    } else {
                        [0, 0, 255]
                    }
                };
                desk.shows(window, expected)
            });
        }
    }

    fn check_input(&mut self, window: Window) {
        self.proxy.send_event(ToWindow::ControlAllowed(true)).expect("the loop runs");
        self.x.set_input_focus(InputFocus::PARENT, window, 0u32).expect("sent");
        self.wait_for("the title to invite a click", |desk| {
            desk.title(window).is_some_and(|title| title.contains("click to control"))
        });
        let (x, y) = self.position(window);
        self.fake(MOTION, 0, x + 50, y + 60);
        self.fake(BUTTON_PRESS, 1, 0, 0);
        self.fake(BUTTON_RELEASE, 1, 0, 0);
        self.expect_input(InputEvent::Pointer { x: 50, y: 60 });
        let button = |pressed| InputEvent::Button { button: PointerButton::Left, pressed };
        self.expect_input(button(true));
        self.expect_input(button(false));
        self.wait_for("the drawn pointer to go", |desk| desk.shows_frame(window));

        self.fake(MOTION, 0, x + 639, y + 479);
        self.expect_input(InputEvent::Pointer { x: 639, y: 479 });
        for (turn, down) in [(4, -1), (5, 1)] {
            self.fake(BUTTON_PRESS, turn, 0, 0);
            self.fake(BUTTON_RELEASE, turn, 0, 0);
            self.expect_input(InputEvent::Wheel { right: 0, down });
        }
        self.fake(KEY_PRESS, KEYCODE_A, 0, 0);
        self.expect_input(InputEvent::Key { keysym: 0x61, pressed: true });
        self.x.set_input_focus(InputFocus::NONE, x11rb::NONE, 0u32).expect("sent");
        self.expect_input(InputEvent::Key { keysym: 0x61, pressed: false });
        self.proxy.send_event(ToWindow::ControlAllowed(false)).expect("the loop runs");
        // A pointer far away, so that what follows sees only the picture.
        let nothing = CursorShape {
            serial: 2,
            size: Size::default(),
            hotspot: (0, 0),
            pixels: Vec::new().into(),
        };
        self.feed.set_cursor_shape(nothing);
    }

    fn check_sizes(&mut self, window: Window) {
        self.resize(window, 900, 700);
        let edge = [0x20; 3];
        let frame = self.frame.clone();
        self.wait_for("the picture in the middle of a larger window", |desk| {
            desk.grab(window, Size::new(900, 700)).is_some_and(|pixels| {
                pixels.chunks_exact(4).enumerate().all(|(at, pixel)| {
                    let (x, y) = (at % 900, at / 900);
                    let inside = (130..770).contains(&x) && (110..590).contains(&y);
                    let expected = if inside {
                        &frame.view().span((x - 130) as u16, (y - 110) as u16, 1)[..3]
                    } else {
                        &edge
                    };
                    pixel[..3] == *expected
                })
            })
        });
        self.resize(window, 320, 240);
        self.wait_for("every window pixel to be the mean of four", |desk| {
            desk.grab(window, Size::new(320, 240)).is_some_and(|pixels| {
                pixels.chunks_exact(4).enumerate().all(|(at, pixel)| {
                    let (x, y) = ((at % 320 * 2) as u16, (at / 320 * 2) as u16);
                    let rows = [frame.view().span(x, y, 2), frame.view().span(x, y + 1, 2)];
                    (0..3).all(|channel| {
                        let of = |row: &[u8]| u32::from(row[channel]) + u32::from(row[channel + 4]);
                        u32::from(pixel[channel]) == (of(rows[0]) + of(rows[1]) + 2) / 4
                    })
                })
            })
        });
    }

    /// Keys of the window itself, from a window of 320x240 on.
    fn check_keys(&mut self, window: Window, told: &Receiver<FromWindow>) {
        self.x.set_input_focus(InputFocus::PARENT, window, 0u32).expect("sent");
        self.chord(KEYCODE_Z);
        self.chord(KEYCODE_Z);
        self.wait_for("the picture's own size", |desk| desk.shows_part(window, (0, 0)));
        self.chord(KEYCODE_RIGHT);
        self.chord(KEYCODE_DOWN);
        self.wait_for("another part of it", |desk| desk.shows_part(window, (64, 64)));
        // A change beside the seen part, then one in it.
        self.show(Rect::new(0, 0, 60, 60));
        self.show(Rect::new(100, 100, 50, 50));
        self.wait_for("what changes there", |desk| desk.shows_part(window, (64, 64)));

        self.chord(KEYCODE_S);
        let Ok(FromWindow::Said(said)) = told.recv_timeout(PATIENCE) else {
            panic!("nothing is said of the picture");
        };
        let path = said.strip_prefix("Picture saved: ").expect("a file");
        let file = std::io::Cursor::new(std::fs::read(path).expect("there"));
        let mut reader = png::Decoder::new(file).read_info().expect("a PNG");
        let mut rgb = vec![0; reader.output_buffer_size().expect("small")];
        reader.next_frame(&mut rgb).expect("its pixels");
        let fed = self.frame.data().chunks_exact(4).flat_map(|it| [it[2], it[1], it[0]]);
        assert!(rgb.into_iter().eq(fed), "the whole picture, whatever part is seen");

        self.chord(KEYCODE_C);
        assert_eq!(told.recv_timeout(PATIENCE), Ok(FromWindow::NextColours));
        // Before the click that begins control nothing of this is passed on.
        assert_eq!(self.feed.next_input(), None);
        self.chord(KEYCODE_I);
        self.wait_for("the line of figures", |desk| {
            // Its plate, wider than what was said, in the lower left corner.
            let plate = [0x18; 3];
            desk.grab(window, PART).is_some_and(|pixels| {
                let at = (usize::from(PART.height) - 10) * usize::from(PART.width) + 300;
                pixels[at * 4..at * 4 + 3] == plate
            })
        });
        self.chord(KEYCODE_I);
        self.wait_for("the line to go", |desk| desk.shows_rows(window, (64, 64), PART.height));
    }

    fn shows_part(&self, window: Window, corner: (u16, u16)) -> bool {
        // Without the rows that the line covers.
        self.shows_rows(window, corner, PART.height - 40)
    }

    /// Whether the upper `rows` of a window of size [`PART`] show the picture from `corner` on.
    fn shows_rows(&self, window: Window, corner: (u16, u16), rows: u16) -> bool {
        self.grab(window, PART).is_some_and(|pixels| {
            let lines = pixels.chunks_exact(usize::from(PART.width) * 4);
            lines.take(rows.into()).zip(corner.1..).all(|(line, y)| {
                let fed = self.frame.view().span(corner.0, y, PART.width);
                line.chunks_exact(4).zip(fed.chunks_exact(4)).all(|(a, b)| a[..3] == b[..3])
            })
        })
    }

    /// Presses a key together with Ctrl and Alt.
    fn chord(&self, keycode: u8) {
        let keys = [KEYCODE_CONTROL, KEYCODE_ALT, keycode];
        keys.iter().for_each(|&key| self.fake(KEY_PRESS, key, 0, 0));
        keys.iter().rev().for_each(|&key| self.fake(KEY_RELEASE, key, 0, 0));
    }

    fn expect_input(&self, expected: InputEvent) {
        let mut got = None;
        self.wait_for("input", |desk| {
            got = desk.feed.next_input();
            got.is_some()
        });
        assert_eq!(got, Some(expected));
    }

    fn wait_for(&self, what: &str, mut done: impl FnMut(&Self) -> bool) {
        let start = Instant::now();
        while !done(self) {
            assert!(start.elapsed() < PATIENCE, "waited in vain for {what}");
            // A round trip gives the server and the window their turn.
            self.x.get_input_focus().expect("sent").reply().expect("the server answers");
        }
    }

    fn wait_for_window(&self) -> Window {
        let mut found = None;
        self.wait_for("the window", |desk| {
            found = desk.find_window();
            found.is_some()
        });
        found.expect("found above")
    }

    fn find_window(&self) -> Option<Window> {
        let tree = self.x.query_tree(self.root).ok()?.reply().ok()?;
        let ours = |child: Window| self.title(child).is_some_and(|t| t.starts_with("Kim: viewing"));
        tree.children.into_iter().find(|&child| ours(child))
    }

    fn title(&self, window: Window) -> Option<String> {
        let title = self.x.get_property(false, window, AtomEnum::WM_NAME, AtomEnum::ANY, 0, 64);
        String::from_utf8(title.ok()?.reply().ok()?.value).ok()
    }

    fn shows_frame(&self, window: Window) -> bool {
        self.shows(window, |_, _, pixel| pixel)
    }

    /// Whether the window shows, at every pixel, what `expected` makes of the picture's pixel.
    fn shows(&self, window: Window, expected: impl Fn(u16, u16, [u8; 3]) -> [u8; 3]) -> bool {
        self.grab(window, SIZE).is_some_and(|pixels| {
            let pairs = pixels.chunks_exact(4).zip(self.frame.data().chunks_exact(4));
            pairs.enumerate().all(|(at, (shown, fed))| {
                let (x, y) = (at % usize::from(SIZE.width), at / usize::from(SIZE.width));
                shown[..3] == expected(x as u16, y as u16, [fed[0], fed[1], fed[2]])
            })
        })
    }

    fn grab(&self, window: Window, size: Size) -> Option<Vec<u8>> {
        let (width, height) = (size.width, size.height);
        let image = self.x.get_image(ImageFormat::Z_PIXMAP, window, 0, 0, width, height, u32::MAX);
        Some(image.ok()?.reply().ok()?.data)
    }

    fn position(&self, window: Window) -> (i16, i16) {
        let place = self.x.translate_coordinates(window, self.root, 0, 0).expect("sent");
        let place = place.reply().expect("the window is there");
        (place.dst_x, place.dst_y)
    }

    fn fake(&self, kind: u8, detail: u8, x: i16, y: i16) {
        self.x.xtest_fake_input(kind, detail, 0, self.root, x, y, 0).expect("sent");
        self.x.flush().expect("the server is there");
    }

    fn resize(&self, window: Window, width: u32, height: u32) {
        let size = ConfigureWindowAux::new().x(0).y(0).width(width).height(height);
        self.x.configure_window(window, &size).expect("sent");
        self.x.flush().expect("the server is there");
    }

    fn ask_to_close(&self, window: Window) {
        let atom = |name: &[u8]| {
            self.x.intern_atom(false, name).expect("sent").reply().expect("an atom").atom
        };
        let data = [atom(b"WM_DELETE_WINDOW"), 0, 0, 0, 0];
        let message = ClientMessageEvent::new(32, window, atom(b"WM_PROTOCOLS"), data);
        self.x.send_event(false, window, EventMask::NO_EVENT, message).expect("sent");
        self.x.flush().expect("the server is there");
    }
}
