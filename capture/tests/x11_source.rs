//! Watching and reading a real X server.

use std::time::{Duration, Instant};

use tessera_capture::x11::{MonitorChoice, X11Input, X11Source};
use tessera_capture::{CaptureError, InputEvent, InputSink, ScreenSource, SourceEvent, Wake};
use tessera_codec::{Frame, Rect, Region, Size};
use xvfb::{Client, PATIENCE, Xvfb};

use x11rb::connection::Connection;

mod xvfb;

const SIZE: Size = Size::new(640, 480);
/// `XC_crosshair` of the cursor font.
const CROSSHAIR: u16 = 34;
const ARGUMENTS: [&str; 3] = ["-screen", "0", "640x480x24"];

/// A source with what it has told so far.
struct Watcher {
    source: X11Source,
    damage: Region,
    events: Vec<SourceEvent>,
    frame: Frame,
}

impl Watcher {
    fn open(display: &str) -> Self {
        Self::over(X11Source::open(Some(display)).expect("source"))
    }

    fn over(source: X11Source) -> Self {
        let size = source.size();
        let mut watcher = Self {
            source,
            damage: Region::empty(size),
            events: Vec::new(),
            frame: Frame::black(size),
        };
        assert_eq!(watcher.wait(), Wake::Activity);
        assert_eq!(watcher.damage, Region::full(size));
        watcher.read();
        watcher.settle();
        watcher
    }

    fn wait(&mut self) -> Wake {
        self.source.wait(Some(PATIENCE), &mut self.damage, &mut self.events).expect("wait")
    }

    /// Takes everything that happened before now.
    fn settle(&mut self) {
        let none = Some(Duration::ZERO);
        while self.source.wait(none, &mut self.damage, &mut self.events).expect("wait")
            != Wake::TimedOut
        {}
    }

    fn read(&mut self) {
        self.source.read(&self.damage, &mut self.frame).expect("read");
        self.damage.clear();
    }

    fn pixel(&self, x: u16, y: u16) -> [u8; 3] {
        let bytes = self.frame.view().span(x, y, 1);
        [bytes[0], bytes[1], bytes[2]]
    }

    fn find<T>(&mut self, pick: impl Fn(&SourceEvent) -> Option<T>) -> T {
        let end = Instant::now() + PATIENCE;
        loop {
            if let Some(found) = self.events.iter().rev().find_map(&pick) {
                return found;
            }
            assert!(Instant::now() < end, "the expected event did not come");
            self.wait();
        }
    }
}

#[test]
fn a_drawn_rectangle_is_told_as_damage_and_read() {
    let Some(server) = Xvfb::start(&ARGUMENTS) else { return };
    let client = Client::connect(&server.name, SIZE.width, SIZE.height);
    let mut watcher = Watcher::open(&server.name);
    watcher.damage.clear();

    client.fill(70, 130, 20, 10, 0x0011_2233);
    assert_eq!(watcher.wait(), Wake::Activity);
    let mut expected = Region::empty(SIZE);
    expected.add(Rect::new(70, 130, 20, 10));
    assert_eq!(watcher.damage, expected);
    watcher.read();
    assert_eq!(watcher.pixel(70, 130), [0x33, 0x22, 0x11]);
    assert_eq!(watcher.pixel(89, 139), [0x33, 0x22, 0x11]);
    assert_eq!(watcher.pixel(90, 139), [0, 0, 0]);
}

#[test]
fn read_brings_exactly_the_regions_tiles_whatever_their_shape() {
    let Some(server) = Xvfb::start(&["-screen", "0", "1601x1203x24"]) else { return };
    let client = Client::connect(&server.name, 1601, 1203);
    let mut watcher = Watcher::open(&server.name);
    client.fill(0, 0, 1601, 1203, 0x00ff_ffff);
    let size = watcher.source.size();
    let grid = Region::empty(size).grid();
    // One tile, a diagonal, a chess board (more rectangles than a batch) and everything.
    let shapes: [fn(u32, u32) -> bool; 4] = [
        |column, row| (column, row) == (3, 5),
        |column, row| column == row,
        |column, row| (column + row) % 2 == 0,
        |_, _| true,
    ];
    for (at, holds) in shapes.into_iter().enumerate() {
        let mut region = Region::empty(size);
        for row in 0..grid.rows() {
            for column in (0..grid.columns()).filter(|&column| holds(column, row)) {
                region.insert(grid.index(column, row));
            }
        }
        let mut read = Frame::black(size);
        watcher.source.read(&region, &mut read).expect("read");
        for y in 0..size.height {
            for x in 0..size.width {
                let inside = region.contains(grid.index(u32::from(x / 64), u32::from(y / 64)));
                let lit = read.view().span(x, y, 1)[..3] == [255; 3];
                assert_eq!(lit, inside, "shape {at} at {x}, {y}");
            }
        }
    }
}

#[test]
fn no_damage_is_lost_between_taking_it_and_reading() {
    let Some(server) = Xvfb::start(&ARGUMENTS) else { return };
    let client = Client::connect(&server.name, SIZE.width, SIZE.height);
    let mut watcher = Watcher::open(&server.name);
    let drawing = std::thread::spawn(move || {
        for step in 0..3000_u32 {
            let x = (step * 37 % 600) as i16;
            client.send_fill(x, (step * 53 % 440) as i16, 40, 40, (step * 7919) & 0xff_ffff);
        }
        client.fill(600, 440, 40, 40, 0x0000_ff00);
        client
    });
    while watcher.pixel(639, 479) != [0, 255, 0] {
        assert_eq!(watcher.wait(), Wake::Activity);
        watcher.read();
    }
    // The window stands until everything is compared.
    let _client = drawing.join().expect("drawing thread");
    watcher.settle();
    watcher.read();
    let mut whole = Frame::black(SIZE);
    watcher.source.read(&Region::full(SIZE), &mut whole).expect("read");
    for y in 0..SIZE.height {
        for x in 0..SIZE.width {
            let now = &whole.view().span(x, y, 1)[..3];
            assert_eq!(watcher.pixel(x, y), now, "stale pixel at {x}, {y}");
        }
    }
}

#[test]
fn waiting_for_a_still_screen_uses_no_processor_time() {
    let Some(server) = Xvfb::start(&ARGUMENTS) else { return };
    let client = Client::connect(&server.name, SIZE.width, SIZE.height);
    let mut watcher = Watcher::open(&server.name);
    client.touch_property();
    let before = thread_cpu_us();
    let still = Some(Duration::from_millis(1500));
    let wake = watcher.source.wait(still, &mut watcher.damage, &mut watcher.events);
    let used_us = thread_cpu_us() - before;
    assert_eq!(wake.expect("wait"), Wake::TimedOut);
    assert!(used_us < 3000, "{used_us} us of processor time in 1.5 s of stillness");
}

/// Processor time of this thread: the first field of Linux's schedstat, in nanoseconds.
fn thread_cpu_us() -> u64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").expect("schedstat");
    let ns: u64 = text.split(' ').next().and_then(|ns| ns.parse().ok()).expect("a number");
    ns / 1000
}

#[test]
fn another_thread_wakes_the_source() {
    let Some(server) = Xvfb::start(&ARGUMENTS) else { return };
    let mut watcher = Watcher::open(&server.name);
    let waker = watcher.source.waker();
    let thread = std::thread::spawn(move || waker.wake());
    assert_eq!(watcher.wait(), Wake::Woken);
    thread.join().expect("waking thread");
}

#[test]
fn a_resized_screen_is_told_and_read_at_its_new_size() {
    let Some(server) = Xvfb::start(&["-screen", "0", "1024x768x24", "+extension", "RANDR"]) else {
        return;
    };
    let mut watcher = Watcher::open(&server.name);
    assert_eq!(watcher.source.monitors()[0].rect, Rect::new(0, 0, 1024, 768));
    let client = Client::connect(&server.name, 800, 600);
    client.resize_screen(800, 600);
    let small = Size::new(800, 600);
    let told = watcher.find(|event| match event {
        SourceEvent::Resized(size) => Some(*size),
        _ => None,
    });
    assert_eq!(told, small);
    assert_eq!(watcher.damage, Region::full(small));
    watcher.find(|event| matches!(event, SourceEvent::Monitors).then_some(()));
    assert_eq!(watcher.source.monitors()[0].rect, small.rect());
    assert!(matches!(
        watcher.source.read(&watcher.damage, &mut watcher.frame),
        Err(CaptureError::SizeChanged)
    ));
    watcher.frame = Frame::black(small);
    client.fill(0, 0, 800, 600, 0x00ab_cdef);
    watcher.read();
    assert_eq!(watcher.pixel(799, 599), [0xef, 0xcd, 0xab]);
}

#[test]
fn a_read_that_meets_a_shrunk_screen_says_so_and_recovers() {
    let Some(server) = Xvfb::start(&["-screen", "0", "1024x768x24", "+extension", "RANDR"]) else {
        return;
    };
    let mut watcher = Watcher::open(&server.name);
    watcher.damage.fill();
    Client::connect(&server.name, 1, 1).resize_screen(640, 480);
    let read = watcher.source.read(&watcher.damage, &mut watcher.frame);
    assert!(matches!(read, Err(CaptureError::SizeChanged)), "{read:?}");
    watcher.wait();
    assert_eq!(watcher.source.size(), Size::new(640, 480));
    watcher.frame = Frame::black(watcher.source.size());
    watcher.read();
}

#[test]
fn the_cursors_shape_and_place_are_told_and_never_drawn() {
    let Some(server) = Xvfb::start(&ARGUMENTS) else { return };
    let client = Client::connect(&server.name, SIZE.width, SIZE.height);
    let mut watcher = Watcher::open(&server.name);
    let shape = |event: &SourceEvent| match event {
        SourceEvent::Cursor(shape) => Some(shape.clone()),
        _ => None,
    };
    let first = watcher.find(shape);
    assert!(!first.size.is_empty());
    assert_eq!(first.pixels.len(), first.size.area() * 4);
    assert!(first.hotspot.0 < first.size.width && first.hotspot.1 < first.size.height);

    watcher.events.clear();
    client.set_cursor(CROSSHAIR);
    let second = watcher.find(shape);
    assert_ne!(first.serial, second.serial);
    assert_ne!(first.pixels, second.pixels);

    let place = |event: &SourceEvent| match event {
        SourceEvent::Pointer { x, y } => Some((*x, *y)),
        _ => None,
    };
    let mut hand = X11Input::open(Some(&server.name)).expect("input");
    watcher.events.clear();
    hand.inject(&InputEvent::Pointer { x: 123, y: 45 }).expect("inject");
    assert_eq!(watcher.find(place), (123, 45));
    // A program that moves the pointer raises no motion event; the next damage tells it.
    watcher.events.clear();
    client.warp_pointer(9, 400);
    client.fill(300, 300, 1, 1, 0);
    assert_eq!(watcher.find(place), (9, 400));
    watcher.settle();
    watcher.damage.fill();
    watcher.read();
    assert_eq!(watcher.pixel(9, 400), [0, 0, 0]);
}

#[test]
fn without_shared_memory_pixels_still_come_and_the_user_is_told_once() {
    let arguments = [&ARGUMENTS[..], &["-extension", "MIT-SHM"]].concat();
    let Some(server) = Xvfb::start(&arguments) else { return };
    let client = Client::connect(&server.name, SIZE.width, SIZE.height);
    let mut watcher = Watcher::open(&server.name);
    client.fill(300, 200, 9, 9, 0x0001_0203);
    watcher.wait();
    watcher.read();
    assert_eq!(watcher.pixel(308, 208), [3, 2, 1]);
    let told: Vec<String> = watcher
        .events
        .iter()
        .filter_map(|event| match event {
            SourceEvent::SharedMemoryAbsent(absent) => Some(absent.to_string()),
            _ => None,
        })
        .collect();
    assert_eq!(told.len(), 1);
    assert!(told[0].contains("no MIT-SHM extension"), "{}", told[0]);
}

#[test]
fn shared_memory_is_gone_after_the_source() {
    let Some(server) = Xvfb::start(&ARGUMENTS) else { return };
    let mapped = |pid: u32| {
        let maps = std::fs::read_to_string(format!("/proc/{pid}/maps")).expect("maps");
        maps.contains("memfd:tessera-capture")
    };
    let watcher = Watcher::open(&server.name);
    assert!(mapped(server.pid()));
    drop(watcher);
    // The server unmaps when it notices the closed connection, between answers to other clients.
    let end = Instant::now() + PATIENCE;
    while mapped(server.pid()) {
        assert!(Instant::now() < end, "the server still maps the memory");
        Client::connect(&server.name, 1, 1);
    }
}

#[test]
fn a_killed_server_is_an_error_that_names_the_display() {
    let Some(mut server) = Xvfb::start(&ARGUMENTS) else { return };
    let mut watcher = Watcher::open(&server.name);
    server.kill();
    let lost = watcher.source.wait(Some(PATIENCE), &mut watcher.damage, &mut watcher.events);
    let error = lost.expect_err("a lost display");
    assert!(matches!(error, CaptureError::Lost { .. }), "{error:?}");
    assert!(error.to_string().contains(&server.name), "{error}");
    let again = watcher.source.read(&Region::full(SIZE), &mut watcher.frame);
    assert!(matches!(again, Err(CaptureError::Lost { .. })), "{again:?}");
}

#[test]
fn screens_that_cannot_be_shared_are_refused_with_the_reason() {
    let missing = X11Source::open(Some(":9999")).expect_err("no such display").to_string();
    assert!(missing.contains(":9999") && missing.contains("start an X server"), "{missing}");

    let Some(server) = Xvfb::start(&["-screen", "0", "320x200x16"]) else { return };
    let shallow = X11Source::open(Some(&server.name)).expect_err("16 bits").to_string();
    assert!(shallow.contains("depth 16") && shallow.contains("depth 24"), "{shallow}");

    let arguments = [&ARGUMENTS[..], &["-extension", "DAMAGE"]].concat();
    let Some(server) = Xvfb::start(&arguments) else { return };
    let bare = X11Source::open(Some(&server.name)).expect_err("no DAMAGE").to_string();
    assert!(bare.contains("no DAMAGE extension"), "{bare}");
}

#[test]
fn a_monitor_alone_is_shown_and_operated_and_another_one_instead() {
    use x11rb::protocol::randr::{ConnectionExt as _, MonitorInfo};
    use x11rb::protocol::xproto::ConnectionExt as _;
    let Some(server) = Xvfb::start(&ARGUMENTS) else { return };
    let client = Client::connect(&server.name, SIZE.width, SIZE.height);
    let root = client.conn.setup().roots[0].root;
    let outputs = client.conn.randr_get_screen_resources(root).expect("sent").reply();
    let output = outputs.expect("resources").outputs[0];
    for (name, x, outputs) in [("left", 0, vec![output]), ("right", 400, Vec::new())] {
        let name = client.conn.intern_atom(false, name.as_bytes()).expect("sent");
        let info = MonitorInfo {
            name: name.reply().expect("an atom").atom,
            primary: x == 0,
            automatic: false,
            x,
            y: 0,
            width: if x == 0 { 400 } else { 240 },
            height: 480,
            width_in_millimeters: 100,
            height_in_millimeters: 100,
            outputs,
        };
        client.conn.randr_set_monitor(root, info).expect("sent").check().expect("a monitor");
    }
    client.fill(0, 0, 400, 480, 0x00aa_0000);
    client.fill(400, 0, 240, 480, 0x0000_00aa);

    let choice = MonitorChoice::default();
    choice.show(Some(1));
    let source = X11Source::open_monitor(Some(&server.name), choice.clone()).expect("source");
    let mut watcher = Watcher::over(source);
    assert_eq!(watcher.source.size(), Size::new(240, 480));
    let names: Vec<_> = watcher.source.monitors().iter().map(|it| it.name.clone()).collect();
    assert_eq!(names, ["left", "right"]);
    assert_eq!((watcher.pixel(0, 0), watcher.pixel(239, 479)), ([0xaa, 0, 0], [0xaa, 0, 0]));
    watcher.damage.clear();
    // What changes on the other one is no damage here.
    client.fill(10, 10, 380, 100, 0x0000_ff00);
    client.fill(405, 300, 10, 10, 0x00ff_ffff);
    watcher.wait();
    watcher.settle();
    let mut expected = Region::empty(Size::new(240, 480));
    expected.add(Rect::new(5, 300, 10, 10));
    assert_eq!(watcher.damage, expected);

    let mut hand = X11Input::open(Some(&server.name)).expect("input").on_monitor(choice.clone());
    watcher.events.clear();
    hand.inject(&InputEvent::Pointer { x: 30, y: 40 }).expect("injected");
    let place = |event: &SourceEvent| match event {
        SourceEvent::Pointer { x, y } => Some((*x, *y)),
        _ => None,
    };
    assert_eq!(watcher.find(place), (30, 40));
    let pointer = client.conn.query_pointer(root).expect("sent").reply().expect("a pointer");
    assert_eq!((pointer.root_x, pointer.root_y), (430, 40));

    watcher.events.clear();
    choice.show(Some(0));
    let resized = watcher.find(|event| match event {
        SourceEvent::Resized(size) => Some(*size),
        _ => None,
    });
    assert_eq!(resized, Size::new(400, 480));
    watcher.frame = Frame::black(resized);
    watcher.read();
    assert_eq!((watcher.pixel(0, 0), watcher.pixel(20, 20)), ([0, 0, 0xaa], [0, 0xff, 0]));
    choice.show(None);
    watcher.events.clear();
    watcher.find(|event| matches!(event, SourceEvent::Monitors).then_some(()));
    assert_eq!(watcher.source.size(), SIZE);
}
