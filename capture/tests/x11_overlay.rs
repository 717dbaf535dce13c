//! Marks over a display: everybody there sees them, its capture does not.

mod xvfb;

use std::time::{Duration, Instant};

use tessera_capture::ScreenSource;
use tessera_capture::x11::{Overlay, X11Source};
use tessera_codec::{Frame, Rect, Region, Size};
use x11rb::connection::Connection;
use x11rb::protocol::Event;
use x11rb::protocol::xproto::{
    ConnectionExt as _, CreateGCAux, CreateWindowAux, EventMask, Gcontext, ImageFormat, Rectangle,
    Window, WindowClass,
};
use x11rb::protocol::xtest::ConnectionExt as _;
use x11rb::rust_connection::RustConnection;
use x11rb::wrapper::ConnectionExt as _;
use xvfb::{PATIENCE, Xvfb};

const SIZE: Size = Size::new(320, 240);
const RED: u32 = 0xffd5_3200;

/// A client with windows on top of each other over a patterned background.
struct Desk {
    x: RustConnection,
    root: Window,
    windows: Vec<Window>,
    gc: Gcontext,
}

impl Desk {
    fn on(display: &str) -> Self {
        let (x, screen) = RustConnection::connect(Some(display)).expect("a display");
        let root = x.setup().roots[screen].root;
        let gc = x.generate_id().expect("an id");
        x.create_gc(gc, root, &CreateGCAux::new()).expect("sent");
        let mut desk = Self { x, root, windows: Vec::new(), gc };
        desk.set_background(0x0030_5080);
        for (at, border) in [((20, 20), 3), ((90, 60), 0), ((150, 10), 7)] {
            desk.open(at, border);
        }
        desk
    }

    /// Gives the root window a background of stripes.
    fn set_background(&self, colour: u32) {
        let tile = self.x.generate_id().expect("an id");
        self.x.create_pixmap(24, tile, self.root, 8, 8).expect("sent");
        for (y, shade) in [(0, colour), (4, !colour & 0x00ff_ffff)] {
            let aux = x11rb::protocol::xproto::ChangeGCAux::new().foreground(shade);
            self.x.change_gc(self.gc, &aux).expect("sent");
            let half = Rectangle { x: 0, y, width: 8, height: 4 };
            self.x.poly_fill_rectangle(tile, self.gc, &[half]).expect("sent");
        }
        let aux = x11rb::protocol::xproto::ChangeWindowAttributesAux::new().background_pixmap(tile);
        self.x.change_window_attributes(self.root, &aux).expect("sent");
        self.x.clear_area(false, self.root, 0, 0, 0, 0).expect("sent");
        self.x.sync().expect("the server answers");
    }

    fn open(&mut self, (x, y): (i16, i16), border: u16) {
        let window = self.x.generate_id().expect("an id");
        let look = CreateWindowAux::new()
            .override_redirect(1)
            .border_pixel(0x00ff_00ff)
            .background_pixel(0x0080_8080)
            .event_mask(EventMask::EXPOSURE | EventMask::BUTTON_PRESS);
        let class = WindowClass::INPUT_OUTPUT;
        self.x
            .create_window(0, window, self.root, x, y, 130, 100, border, class, 0, &look)
            .expect("sent");
        self.x.map_window(window).expect("sent");
        self.windows.push(window);
        self.paint(self.windows.len() - 1, 7);
    }

    /// Fills a window with a pattern of its own.
    fn paint(&self, which: usize, seed: u32) {
        let word = |at: u32| (at.wrapping_mul(2_654_435_761) ^ seed << which) & 0x00ff_ffff;
        let data: Vec<u8> = (0..130 * 100).flat_map(|at| word(at).to_le_bytes()).collect();
        let format = ImageFormat::Z_PIXMAP;
        let (window, gc) = (self.windows[which], self.gc);
        self.x.put_image(format, window, gc, 130, 100, 0, 0, 0, 24, &data).expect("sent");
        self.x.sync().expect("the server answers");
    }

    /// Waits until the display looks like this.
    fn wait_for(&self, expected: &[u8]) {
        let start = Instant::now();
        while self.grab() != expected {
            assert!(start.elapsed() < PATIENCE, "the display does not become what it should be");
        }
    }

    /// The display as it is seen there.
    fn grab(&self) -> Vec<u8> {
        let Size { width, height } = SIZE;
        let image = self.x.get_image(ImageFormat::Z_PIXMAP, self.root, 0, 0, width, height, !0);
        without_fourth(&image.expect("sent").reply().expect("an image").data)
    }
}

fn without_fourth(pixels: &[u8]) -> Vec<u8> {
    pixels.chunks_exact(4).flat_map(|pixel| [pixel[0], pixel[1], pixel[2], 0]).collect()
}

/// The display as it is captured, after what was announced.
fn captured(source: &mut X11Source) -> Vec<u8> {
    let (mut damage, mut events) = (Region::empty(SIZE), Vec::new());
    source.wait(Some(Duration::ZERO), &mut damage, &mut events).expect("it goes on");
    let mut frame = Frame::black(SIZE);
    source.read(&Region::full(SIZE), &mut frame).expect("read");
    without_fourth(frame.data())
}

/// Marks across all windows and the background: lines, and every third row of a block.
fn marks() -> Vec<u32> {
    let mut pixels = vec![0; SIZE.area()];
    let width = usize::from(SIZE.width);
    for step in 0..220 {
        for thick in 0..4 {
            pixels[(10 + step) * width + step + thick + 5] = RED;
            pixels[(200 - step / 2) * width + step + 80 + thick] = RED;
        }
    }
    for y in (70..90).step_by(3) {
        pixels[y * width..][..320].fill(0xff00_72dc);
    }
    pixels
}

#[test]
fn the_marks_are_seen_at_the_display_and_not_in_its_capture() {
    let Some(server) = Xvfb::start(&["-screen", "0", "320x240x24"]) else { return };
    let desk = Desk::on(&server.name);
    let mut source = X11Source::open(Some(&server.name)).expect("a source");
    let before = desk.grab();
    assert!(captured(&mut source) == before);

    let mut overlay = Overlay::open(Some(&server.name)).expect("an overlay");
    overlay.show(&marks(), SIZE.rect()).expect("shown");
    assert!(overlay.fits().expect("the server answers"));
    let marked = desk.grab();
    let covered = marks().iter().filter(|pixel| **pixel != 0).count();
    let changed = marked.chunks(4).zip(before.chunks(4)).filter(|(a, b)| a != b).count();
    assert!(changed > covered * 9 / 10, "{changed} of {covered} pixels are marks");
    let without = captured(&mut source);
    let apart = without.chunks(4).zip(before.chunks(4)).filter(|(a, b)| a != b).count();
    assert_eq!(apart, 0, "pixels that are not as if there were no marks");

    // What is drawn under the marks is captured, the background too.
    for which in 0..3 {
        desk.paint(which, 0x00ab_cdef);
    }
    desk.set_background(0x0011_2200);
    let under = captured(&mut source);
    assert!(under != before);
    drop(overlay);
    desk.wait_for(&under);
    assert!(captured(&mut source) == under);
}

#[test]
fn marks_that_shrink_or_go_leave_nothing_behind() {
    let Some(server) = Xvfb::start(&["-screen", "0", "320x240x24"]) else { return };
    let desk = Desk::on(&server.name);
    let before = desk.grab();
    let mut overlay = Overlay::open(Some(&server.name)).expect("an overlay");
    let mut pixels = marks();
    overlay.show(&pixels, SIZE.rect()).expect("shown");
    let part = Rect::new(0, 60, 320, 60);
    for y in 60..120 {
        pixels[y * 320..][..320].fill(0);
    }
    overlay.show(&pixels, part).expect("shown");
    let rows = |pixels: &[u8]| pixels[60 * 320 * 4..120 * 320 * 4].to_vec();
    let start = Instant::now();
    while rows(&desk.grab()) != rows(&before) {
        assert!(start.elapsed() < PATIENCE, "a part without marks is not as before");
    }
    assert!(desk.grab() != before, "the rest is still marked");
    overlay.show(&vec![0; SIZE.area()], SIZE.rect()).expect("shown");
    desk.wait_for(&before);
    assert!(overlay.show(&pixels[1..], part).is_err(), "not the whole display");
}

#[test]
fn clicks_go_through_the_marks() {
    const MOTION: u8 = 6;
    const BUTTON_PRESS: u8 = 4;
    let Some(server) = Xvfb::start(&["-screen", "0", "320x240x24"]) else { return };
    let desk = Desk::on(&server.name);
    let mut overlay = Overlay::open(Some(&server.name)).expect("an overlay");
    overlay.show(&vec![RED; SIZE.area()], SIZE.rect()).expect("shown");
    for (kind, detail) in [(MOTION, 0), (BUTTON_PRESS, 1)] {
        desk.x.xtest_fake_input(kind, detail, 0, desk.root, 60, 60, 0).expect("sent");
    }
    let start = Instant::now();
    loop {
        desk.x.sync().expect("the server answers");
        match desk.x.poll_for_event().expect("the server is there") {
            Some(Event::ButtonPress(press)) => {
                assert_eq!(press.event, desk.windows[0]);
                break;
            }
            _ => assert!(start.elapsed() < PATIENCE, "no click came through"),
        }
    }
}
