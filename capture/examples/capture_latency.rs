//! How long a change on an X11 display takes to reach a frame.
//!
//! `cargo run --release -p tessera-capture --example capture_latency -- :71` fills a rectangle of a
//! window over and over and prints, for each size of it, the time from before the drawing request
//! until the damage was told and until its pixels were read.

use std::time::{Duration, Instant};

use tessera_capture::ScreenSource;
use tessera_capture::x11::X11Source;
use tessera_codec::{Frame, Region};
use x11rb::connection::Connection;
use x11rb::protocol::xproto::{
    ChangeGCAux, ConnectionExt as _, CreateGCAux, CreateWindowAux, Rectangle, WindowClass,
};
use x11rb::wrapper::ConnectionExt as _;

const ROUNDS: usize = 1000;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let display = std::env::args().nth(1);
    let mut source = X11Source::open(display.as_deref())?;
    let size = source.size();
    let (conn, screen) = x11rb::connect(display.as_deref())?;
    let (window, gc) = (conn.generate_id()?, conn.generate_id()?);
    let root = conn.setup().roots[screen].root;
    let aux = CreateWindowAux::new().override_redirect(1);
    let kind = WindowClass::INPUT_OUTPUT;
    conn.create_window(0, window, root, 0, 0, size.width, size.height, 0, kind, 0, &aux)?;
    conn.map_window(window)?;
    conn.create_gc(gc, window, &CreateGCAux::new())?;
    conn.sync()?;

    let mut damage = Region::empty(size);
    let mut events = Vec::new();
    let mut frame = Frame::black(size);
    let settle = Some(Duration::from_millis(50));
    while source.wait(settle, &mut damage, &mut events)? != tessera_capture::Wake::TimedOut {}

    for (width, height) in [(32, 32), (size.width, 64), (size.width, size.height)] {
        let mut told = Vec::with_capacity(ROUNDS);
        let mut read = Vec::with_capacity(ROUNDS);
        for round in 0..ROUNDS as u32 {
            let colour = round.wrapping_mul(7919) & 0xff_ffff;
            damage.clear();
            let begin = Instant::now();
            conn.change_gc(gc, &ChangeGCAux::new().foreground(colour))?;
            conn.poly_fill_rectangle(window, gc, &[Rectangle { x: 0, y: 0, width, height }])?;
            conn.flush()?;
            source.wait(None, &mut damage, &mut events)?;
            told.push(begin.elapsed());
            source.read(&damage, &mut frame)?;
            read.push(begin.elapsed());
            assert_eq!(frame.view().span(0, 0, 1)[..3], colour.to_le_bytes()[..3], "stale pixels");
        }
        println!("{width}x{height}: told {}, read {}", percentiles(told), percentiles(read));
    }
    Ok(())
}

fn percentiles(mut times: Vec<Duration>) -> String {
    times.sort_unstable();
    let at = |percent: usize| times[times.len() * percent / 100].as_micros();
    format!("p50 {} p95 {} p99 {} us", at(50), at(95), at(99))
}
