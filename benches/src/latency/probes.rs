//! The measurements: how long a change on the customer's desktop takes to be seen at the viewer.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use tessera_witness::compare::compare;
use tessera_witness::display::Area;
use tessera_witness::error::Error;
use tessera_witness::full_screen::{Canvas, number_areas, read_number};
use tessera_witness::measure::Delays;
use tessera_witness::probe::{self, Probe};
use tessera_witness::stop::Stop;
use tessera_witness::windows;

use super::load::click;
use super::patch::{self, NUMBERS, Patch};
use super::scene::{Actor, regularly};
use super::stage::{PATCH, Stage, is_near};

/// How long one change may take before it counts as never seen.
const LIMIT: Duration = Duration::from_secs(15);

/// Between two changes, in milliseconds: more than a picture's time at 60 Hz, so that they fall into every phase of any
/// period on the way.
const PAUSE_MS: std::ops::Range<u64> = 25..70;

/// The same between full-screen changes, which also have to come to rest.
const LONG_PAUSE_MS: std::ops::Range<u64> = 250..400;

/// Decides the pauses; fixed so that runs are alike.
const SEED: u64 = 10;

/// Changes a second of the square under load.
pub(super) const RATE: u32 = 60;

/// No change for so long means at rest. Longer than any pause inside a refinement.
const QUIET: Duration = Duration::from_millis(700);

/// Edge of the area inside the keys' window that has to have the new colour, in pixels.
const SQUARE: u16 = 32;

/// How the square's changes were followed under a load.
#[derive(Debug, Default)]
pub(super) struct Followed {
    /// Changes drawn.
    pub(super) drawn: usize,
    /// How long that took.
    pub(super) span: Duration,
    /// From drawing to seeing, of each distinct value seen.
    pub(super) delays: Delays,
}

impl Followed {
    /// Distinct values seen a second.
    pub(super) fn seen_rate(&self) -> f64 {
        self.delays.count() as f64 / self.span.as_secs_f64().max(f64::EPSILON)
    }
}

fn never(what: &str) -> Error {
    Error::Late {
        what: format!("{what} was not seen at the viewer"),
        limit: LIMIT,
        hint: String::new(),
    }
}

/// Changes the square `count` times and times each change until it is seen.
pub(super) fn single_changes(stage: &mut Stage, count: u32, stop: &Stop) -> Result<Delays, Error> {
    let patch = Patch::show(stage.customer_station.name())?;
    let mut rng = StdRng::seed_from_u64(SEED);
    let mut delays = Delays::default();
    for number in 1..=count {
        stop.pause(Duration::from_millis(rng.random_range(PAUSE_MS)))?;
        let drawn = Instant::now();
        patch.draw(number)?;
        let seen = stage.seen.until(LIMIT, stop, |display| {
            let is_there = patch::read(&display.grab(PATCH)?) == Some(number % NUMBERS);
            Ok(is_there.then(Instant::now))
        })?;
        delays.push(seen.ok_or_else(|| never("a change"))? - drawn);
    }
    Ok(delays)
}

/// Presses a key at the viewer `count` times and times each until its echo is seen there.
pub(super) fn keys(stage: &mut Stage, count: u32, stop: &Stop) -> Result<Delays, Error> {
    let probe = Probe::open(stage.customer_station.name(), super::stage::KEYS)?;
    let window = stop.until("the keys' window did not appear", LIMIT, || {
        Ok(stage.desktop.windows_of_class(probe::CLASS)?.first().copied())
    })?;
    // The window manager may have put it where a load covers it.
    stage.desktop.place(window, super::stage::KEYS)?;
    let area = windows::settled_area(&stage.desktop, window, stop)?;
    click(stage, area, stop)?;
    // Away from the middle, where the pointer is: some viewers draw it into the picture.
    let square = Area { x: area.x + 8, y: area.y + 8, width: SQUARE, height: SQUARE };
    let (keycode, _) = stage.seen.display().keycode(u32::from('j'))?;
    let mut rng = StdRng::seed_from_u64(SEED);
    let mut delays = Delays::default();
    let before = probe.presses();
    for press in before + 1..=before + count {
        stop.pause(Duration::from_millis(rng.random_range(PAUSE_MS)))?;
        let colour = probe::colour(press).to_le_bytes();
        let pressed = Instant::now();
        stage.seen.display().key(keycode, true)?;
        let seen = stage.seen.until(LIMIT, stop, |display| {
            let is_there = display.grab(square)?.pixels().all(|pixel| is_near(&pixel, &colour));
            Ok(is_there.then(Instant::now))
        })?;
        stage.seen.display().key(keycode, false)?;
        delays.push(seen.ok_or_else(|| never("a key's echo"))? - pressed);
    }
    Ok(delays)
}

/// Changes the whole desktop from a photo to a page of text or back `count` times, and times each until it is seen from
/// corner to corner.
pub(super) fn full_screen(stage: &mut Stage, count: u16, stop: &Stop) -> Result<Delays, Error> {
    let canvas = Canvas::open(stage.customer_station.name())?;
    canvas.show()?;
    let areas = number_areas(stage.desktop.area());
    let mut rng = StdRng::seed_from_u64(SEED);
    let mut delays = Delays::default();
    for number in 0..=count {
        stop.pause(Duration::from_millis(rng.random_range(LONG_PAUSE_MS)))?;
        let drawn = Instant::now();
        canvas.draw(number)?;
        let seen = stage.seen.until(LIMIT, stop, |display| {
            for area in areas {
                if read_number(&display.grab(area)?) != Some(number) {
                    return Ok(None);
                }
            }
            Ok(Some(Instant::now()))
        })?;
        let delay = seen.ok_or_else(|| never("a full-screen change"))? - drawn;
        // The first one covers the desktop and is no change from one page to the other.
        if number > 0 {
            delays.push(delay);
        }
    }
    Ok(delays)
}

/// The square while it changes sixty times a second.
pub(super) struct Painted {
    drawn: Arc<Mutex<Vec<Instant>>>,
    painter: Actor,
}

impl Painted {
    pub(super) fn start(stage: &Stage) -> Result<Self, Error> {
        let drawn = Arc::new(Mutex::new(Vec::<Instant>::new()));
        let patch = Patch::show(stage.customer_station.name())?;
        let painter = {
            let drawn = Arc::clone(&drawn);
            Actor::start(move |stop| {
                regularly(RATE, stop, |number| {
                    drawn.lock().unwrap_or_else(PoisonError::into_inner).push(Instant::now());
                    patch.draw(number)
                })
            })
        };
        Ok(Self { drawn, painter })
    }

    /// Ends the changing.
    pub(super) fn finish(self) -> Result<(), Error> {
        self.painter.finish()
    }

    /// When something is seen that was drawn after `moment`; at most `limit` after now.
    pub(super) fn seen_after(
        &self,
        moment: Instant,
        limit: Duration,
        stage: &mut Stage,
        stop: &Stop,
    ) -> Result<Instant, Error> {
        let seen = stage.seen.until(limit, stop, |display| {
            let Some(value) = patch::read(&display.grab(PATCH)?) else { return Ok(None) };
            let now = Instant::now();
            let drawn = self.drawn.lock().unwrap_or_else(PoisonError::into_inner);
            let number = newest(value, drawn.len() as u32);
            let drawn = number.and_then(|number| drawn.get(number as usize));
            Ok(drawn.is_some_and(|drawn| *drawn > moment).then_some(now))
        })?;
        seen.ok_or_else(|| never("the square after an outage"))
    }
}

/// Changes the square sixty times a second and watches which changes are seen, and when.
pub(super) fn follow(stage: &mut Stage, span: Duration, stop: &Stop) -> Result<Followed, Error> {
    let Painted { drawn, painter } = Painted::start(stage)?;
    let started = Instant::now();
    let mut seen: Vec<(u32, Instant)> = Vec::new();
    while started.elapsed() < span {
        stage.seen.wait(started + span, stop)?;
        let Some(value) = patch::read(&stage.seen.display().grab(PATCH)?) else { continue };
        let now = Instant::now();
        let count = drawn.lock().unwrap_or_else(PoisonError::into_inner).len();
        let Some(number) = newest(value, count as u32) else { continue };
        if seen.last().is_none_or(|(last, _)| number > *last) {
            seen.push((number, now));
        }
    }
    let span = started.elapsed();
    painter.finish()?;
    let drawn = drawn.lock().unwrap_or_else(PoisonError::into_inner);
    let mut followed = Followed { drawn: drawn.len(), span, delays: Delays::default() };
    for (number, moment) in seen {
        if let Some(drawn) = drawn.get(number as usize) {
            followed.delays.push(moment.saturating_duration_since(*drawn));
        }
    }
    Ok(followed)
}

/// The newest of the first `drawn` numbers that has the colour of `value`.
fn newest(value: u32, drawn: u32) -> Option<u32> {
    let last = drawn.checked_sub(1)?;
    let age = (last % NUMBERS + NUMBERS - value % NUMBERS) % NUMBERS;
    last.checked_sub(age)
}

/// How long the viewer's display takes from now until it equals the desktop, which is at rest; `None` when it takes more
/// than [`LIMIT`].
pub(super) fn until_exact(stage: &mut Stage, stop: &Stop) -> Result<Option<Duration>, Error> {
    let started = Instant::now();
    let area = stage.desktop.area();
    let desktop = stage.desktop.grab(area)?;
    stage.seen.until(LIMIT, stop, |display| {
        let moment = started.elapsed();
        Ok(compare(&desktop, &display.grab(area)?).is_exact().then_some(moment))
    })
}

/// Waits until the viewer's display is at rest, and tells the share of its pixels that equal the desktop's.
pub(super) fn settled_share(stage: &mut Stage, stop: &Stop) -> Result<f64, Error> {
    let deadline = Instant::now() + LIMIT;
    loop {
        stage.seen.until_still(QUIET, LIMIT, stop)?;
        let area = stage.desktop.area();
        let comparison = compare(&stage.desktop.grab(area)?, &stage.seen.display().grab(area)?);
        // What refines in steps may pause longer than what counts as rest here.
        if comparison.is_exact() || Instant::now() >= deadline {
            return Ok(comparison.exact_share());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_colour_means_the_newest_number_that_had_it() {
        assert_eq!(newest(0, 1), Some(0));
        assert_eq!(newest(3, 10), Some(3));
        assert_eq!(newest(3, NUMBERS + 4), Some(NUMBERS + 3));
        assert_eq!(newest(3, NUMBERS + 3), Some(3));
        assert_eq!(newest(5, 5), None);
        assert_eq!(newest(0, 0), None);
    }
}
