//! What moves on the customer's desktop: a film, a window that is dragged, a clock. Each is drawn by a thread with a
//! connection of its own until it is dropped.

use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use tessera_witness::display::{Area, Display};
use tessera_witness::error::Error;
use tessera_witness::picture::{Picture, photo};
use tessera_witness::stop::Stop;
use x11rb::connection::Connection;
use x11rb::protocol::xproto::{
    ChangeGCAux, ConfigureWindowAux, ConnectionExt as _, CreateGCAux, CreateWindowAux, Gcontext,
    Pixmap, Rectangle, Window, WindowClass,
};

use super::stage::LOAD;

/// A thread that does something until it is dropped.
pub(super) struct Actor {
    stop: Stop,
    thread: Option<JoinHandle<Result<(), Error>>>,
}

impl Actor {
    /// Starts `act`, which has to end when its stop is interrupted.
    pub(super) fn start(act: impl FnOnce(&Stop) -> Result<(), Error> + Send + 'static) -> Self {
        let stop = Stop::default();
        let inner = stop.clone();
        Self { stop, thread: Some(thread::spawn(move || act(&inner))) }
    }

    /// Ends the acting and tells whether it went well until then.
    pub(super) fn finish(mut self) -> Result<(), Error> {
        self.stop.interrupt();
        match self.thread.take().map(JoinHandle::join) {
            None | Some(Ok(Ok(()) | Err(Error::Interrupted))) => Ok(()),
            Some(Ok(Err(error))) => Err(error),
            Some(Err(_)) => Err(Error::Unmet("what moves on the desktop failed".into())),
        }
    }
}

impl Drop for Actor {
    fn drop(&mut self) {
        self.stop.interrupt();
        if let Some(thread) = self.thread.take() {
            // Whoever wanted to know how it went has asked.
            let _ = thread.join();
        }
    }
}

/// Calls `step` with 0, 1, 2… so many times a second until `stop` is interrupted.
pub(super) fn regularly(
    rate: u32,
    stop: &Stop,
    mut step: impl FnMut(u32) -> Result<(), Error>,
) -> Result<(), Error> {
    let start = Instant::now();
    for number in 0.. {
        let due = start + Duration::from_secs(1) * number / rate;
        stop.pause(due.saturating_duration_since(Instant::now()))?;
        step(number)?;
    }
    Ok(())
}

/// A window without a frame, above all others, and what to draw with.
struct Surface {
    display: Display,
    window: Window,
    gc: Gcontext,
}

impl Surface {
    fn open(name: &str, area: Area) -> Result<Self, Error> {
        let display = Display::connect(name)?;
        let connection = display.connection();
        let (window, gc) = (connection.generate_id()?, connection.generate_id()?);
        let values = CreateWindowAux::new().override_redirect(1);
        connection.create_window(
            display.depth(),
            window,
            display.root(),
            area.x.cast_signed(),
            area.y.cast_signed(),
            area.width,
            area.height,
            0,
            WindowClass::INPUT_OUTPUT,
            x11rb::COPY_FROM_PARENT,
            &values,
        )?;
        connection.create_gc(gc, window, &CreateGCAux::new().graphics_exposures(0))?;
        Ok(Self { display, window, gc })
    }

    fn show(&self) -> Result<(), Error> {
        self.display.connection().map_window(self.window)?;
        self.display.sync()
    }
}

/// Frames of a film a second.
pub(super) const FILM_RATE: u32 = 30;

/// Frames that are there before they are shown, forwards and backwards in turn, so that there is no cut.
const FILM_FRAMES: usize = 40;

/// Pictures that the film is made of. Arbitrary.
const FILM_SEEDS: [u64; 2] = [11, 12];

/// How far the camera goes over them, in pixels.
const FILM_WAY: u16 = 160;

/// Plays a film: two layers of photographs that move in different directions, with grain.
pub(super) fn film(name: &str) -> Result<Actor, Error> {
    let surface = Surface::open(name, LOAD)?;
    let frames: Vec<Pixmap> = film_frames()
        .iter()
        .map(|frame| surface.display.upload(frame))
        .collect::<Result<_, _>>()?;
    surface.show()?;
    Ok(Actor::start(move |stop| {
        regularly(FILM_RATE, stop, |number| {
            let turn = number as usize % (2 * FILM_FRAMES - 2);
            let frame = frames[turn.min(2 * FILM_FRAMES - 2 - turn)];
            let Area { width, height, .. } = LOAD;
            let Surface { display, window, gc } = &surface;
            let connection = display.connection();
            connection.copy_area(frame, *window, *gc, 0, 0, 0, 0, width, height)?;
            Ok(connection.flush()?)
        })
    }))
}

fn film_frames() -> Vec<Picture> {
    let Area { width, height, .. } = LOAD;
    let layers = FILM_SEEDS.map(|seed| photo(width + FILM_WAY, height + FILM_WAY, seed));
    let row_bytes = usize::from(width + FILM_WAY) * 4;
    let part = |layer: &Picture, x: usize, y: usize| -> Vec<u8> {
        let rows = layer.bgrx.chunks_exact(row_bytes).skip(y).take(usize::from(height));
        rows.flat_map(|row| &row[x * 4..][..usize::from(width) * 4]).copied().collect()
    };
    let way = usize::from(FILM_WAY);
    let frame = |number: usize| {
        let near = part(&layers[0], number * 3, number);
        let far = part(&layers[1], way - number * 2, way - number * 3);
        let mix = |(near, far): (&u8, &u8)| ((u16::from(*near) * 2 + u16::from(*far)) / 3) as u8;
        Picture { width, height, bgrx: near.iter().zip(&far).map(mix).collect() }
    };
    (0..FILM_FRAMES).map(frame).collect()
}

/// Size of the noise, and how many pictures of it take turns, so that none is still remembered when it comes again.
const NOISE: (u16, u16) = (640, 480);
const NOISES: u64 = 8;

/// Shows noise in four colours: exact, and two bits for each pixel in any coding.
pub(super) fn noise(name: &str) -> Result<Actor, Error> {
    const COLOURS: [u32; 4] = [0x0020_2428, 0x00fd_fdf8, 0x001d_4f7c, 0x0080_3020];
    let (width, height) = NOISE;
    // Larger than what is shown, so that no two times the same is.
    let (margin_x, margin_y) = (256, 256);
    let surface = Surface::open(name, Area { x: LOAD.x, y: LOAD.y, width, height })?;
    let picture = |seed: u64| {
        let mut rng = StdRng::seed_from_u64(seed);
        let (width, height) = (width + margin_x, height + margin_y);
        let pixels = usize::from(width) * usize::from(height);
        let pixel = |_| COLOURS[rng.random_range(0..COLOURS.len())].to_le_bytes();
        Picture { width, height, bgrx: (0..pixels).flat_map(pixel).collect() }
    };
    let pictures: Vec<Pixmap> =
        (0..NOISES).map(|seed| surface.display.upload(&picture(seed))).collect::<Result<_, _>>()?;
    surface.show()?;
    Ok(Actor::start(move |stop| {
        let mut rng = StdRng::seed_from_u64(NOISES);
        regularly(DRAG_RATE, stop, |number| {
            let picture = pictures[number as usize % pictures.len()];
            let (x, y) = (rng.random_range(0..margin_x), rng.random_range(0..margin_y));
            let Surface { display, window, gc } = &surface;
            let connection = display.connection();
            let (x, y) = (x.cast_signed(), y.cast_signed());
            connection.copy_area(picture, *window, *gc, x, y, 0, 0, width, height)?;
            Ok(connection.flush()?)
        })
    }))
}

/// Steps of a dragged window a second.
const DRAG_RATE: u32 = 60;

/// Size of the dragged window, in pixels.
const DRAGGED: (u16, u16) = (720, 480);

/// Drags a window with a page of text in a circle, a round in two seconds.
pub(super) fn drag(name: &str) -> Result<Actor, Error> {
    let (width, height) = DRAGGED;
    let surface = Surface::open(name, Area { x: LOAD.x, y: LOAD.y, width, height })?;
    let page = page(&surface, width, height)?;
    surface.display.connection().change_window_attributes(
        surface.window,
        &x11rb::protocol::xproto::ChangeWindowAttributesAux::new().background_pixmap(page),
    )?;
    surface.show()?;
    Ok(Actor::start(move |stop| {
        regularly(DRAG_RATE, stop, |number| {
            let angle =
                f64::from(number % (2 * DRAG_RATE)) / f64::from(DRAG_RATE) * std::f64::consts::PI;
            let reach = (LOAD.width - width, LOAD.height - height);
            let place = |start: u16, reach: u16, part: f64| {
                i32::from(start) + (f64::from(reach) * (1.0 + part) / 2.0) as i32
            };
            let values = ConfigureWindowAux::new().x(place(LOAD.x, reach.0, angle.cos())).y(place(
                LOAD.y,
                reach.1,
                angle.sin(),
            ));
            let connection = surface.display.connection();
            connection.configure_window(surface.window, &values)?;
            Ok(connection.flush()?)
        })
    }))
}

/// The height of a line of text in the server's own font, in pixels.
const LINE: u16 = 16;

/// A page of text, kept by the server.
fn page(surface: &Surface, width: u16, height: u16) -> Result<Pixmap, Error> {
    let Surface { display, window, gc } = surface;
    let connection = display.connection();
    let (pixmap, font) = (connection.generate_id()?, connection.generate_id()?);
    connection.create_pixmap(display.depth(), pixmap, *window, width, height)?;
    connection.open_font(font, b"fixed")?;
    let paper = ChangeGCAux::new().foreground(0x00ff_ffff).background(0x00ff_ffff).font(font);
    connection.change_gc(*gc, &paper)?;
    connection.poly_fill_rectangle(pixmap, *gc, &[Rectangle { x: 0, y: 0, width, height }])?;
    connection.change_gc(*gc, &ChangeGCAux::new().foreground(0x0020_2428))?;
    for (number, y) in (LINE..height).step_by(usize::from(LINE)).enumerate() {
        let line = line_of_text(number as u32);
        let words = &line.as_bytes()[..line.len().min(110)];
        connection.image_text8(pixmap, *gc, 12, y.cast_signed(), words)?;
    }
    connection.close_font(font)?;
    Ok(pixmap)
}

/// A line as a compiler or a log might print it; each number gives another one.
pub(super) fn line_of_text(number: u32) -> String {
    const WORDS: [&str; 12] = [
        "Compiling",
        "transport",
        "warning:",
        "unused",
        "frame",
        "0x7fe3",
        "linked",
        "session",
        "checked",
        "in",
        "target",
        "codec",
    ];
    let mut state = number.wrapping_mul(0x9e37_79b1) | 1;
    let mut line = format!("{number:>7} ");
    while line.len() < 72 + (state % 24) as usize {
        state = state.wrapping_mul(0x0019_660d).wrapping_add(0x3c6e_f35f);
        line.push_str(WORDS[state as usize / 65_536 % WORDS.len()]);
        line.push(' ');
    }
    line
}

/// Shows a clock that counts seconds.
pub(super) fn clock(name: &str) -> Result<Actor, Error> {
    let area = Area { x: 1780, y: 20, width: 100, height: 28 };
    let surface = Surface::open(name, area)?;
    let connection = surface.display.connection();
    let font = connection.generate_id()?;
    connection.open_font(font, b"fixed")?;
    let ink = ChangeGCAux::new().foreground(0x00ff_ffff).background(0).font(font);
    connection.change_gc(surface.gc, &ink)?;
    surface.show()?;
    Ok(Actor::start(move |stop| {
        regularly(1, stop, |second| {
            let time =
                format!("{:02}:{:02}:{:02}", 9 + second / 3600, second / 60 % 60, second % 60);
            let connection = surface.display.connection();
            connection.image_text8(surface.window, surface.gc, 24, 18, time.as_bytes())?;
            Ok(connection.flush()?)
        })
    }))
}
