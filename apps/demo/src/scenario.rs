//! The run from beginning to end.

use std::fs;
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use tempfile::TempDir;
use x11rb::protocol::xproto::Window;

use crate::applications::Applications;
use crate::cli::{Effort, Options};
use crate::motion::Motion;
use crate::report::{Followed, Idle, Latency, Report};
use tessera_witness::compare::{Comparison, compare};
use tessera_witness::display::{Area, Display, Grab};
use tessera_witness::error::Error;
use tessera_witness::full_screen::{number_areas, read_number};
use tessera_witness::measure::{processor_time, scheduled_time};
use tessera_witness::picture::write_png;
use tessera_witness::probe::{self, Probe};
use tessera_witness::programs::{Programs, Side, Waiting};
use tessera_witness::station::{Folders, Station};
use tessera_witness::stop::Stop;
use tessera_witness::typing::type_text;
use tessera_witness::watch::Watch;

/// How long the whole run may take; a step that would go on longer fails.
const RUN_LIMIT: Duration = Duration::from_secs(115);

/// How long one consequence may take to show before the step counts as failed.
const STEP_LIMIT: Duration = Duration::from_secs(15);

/// How long a click may take to give a window the keys before the click is repeated.
const CLICK_LIMIT: Duration = Duration::from_secs(2);

/// No change for so long means at rest. Longer than any pause inside one redraw of the applications.
const QUIET: Duration = Duration::from_millis(700);

/// Between two measured key presses, in milliseconds: more than a picture's time at 60 Hz, so that the presses fall
/// into every phase of any period on the way.
const BETWEEN_PRESSES_MS: std::ops::Range<u64> = 12..45;

/// Edge of the square inside the probe's window that has to have the new colour, in pixels.
const SQUARE: u16 = 32;

/// The most pixels of the customer's pointer, which the share window draws until control begins: X limits its pictures
/// to this size in practice.
const POINTER_PIXELS: u64 = 64 * 64;

/// Decides the pauses between presses; fixed so that runs are alike.
const SEED: u64 = 2;

/// Wheel clicks that scroll the browser.
const WHEEL_CLICKS: u32 = 6;

/// The wheel turned down, as X numbers buttons.
const WHEEL_DOWN: u8 = 5;

/// Carries out a run.
pub(crate) fn run(options: &Options, stop: &Stop) -> Result<Report, Error> {
    let mut run = Run::set_up(options, stop)?;
    let effort = options.effort();
    run.await_picture()?;
    run.take_control()?;
    run.type_into_terminal()?;
    run.scroll_viewer()?;
    let latency = run.time_presses(effort)?;
    let followed = run.follow_motion(effort)?;
    run.settle()?;
    let idle = run.watch_idle(effort)?;
    if options.plant_wrong_pixel {
        run.plant_wrong_pixel()?;
    }
    let (comparison, picture) = run.compare_displays()?;
    let report = run.finish(latency, followed, idle, comparison, picture)?;
    if let Some(path) = &options.json {
        fs::write(path, report.to_json())
            .map_err(Error::io(format!("write {}", path.display())))?;
    }
    Ok(report)
}

/// A run under way. The fields are dropped in this order: first what uses a display, last the displays.
struct Run<'a> {
    stop: &'a Stop,
    started: Instant,
    out: PathBuf,
    programs: Programs,
    probe: Probe,
    probe_window: Window,
    applications: Applications,
    /// The customer's display, watched.
    desktop: Watch,
    /// The representative's display, watched.
    csr: Watch,
    customer_station: Station,
    csr_station: Station,
    folders: Folders,
    _private: TempDir,
}

impl<'a> Run<'a> {
    fn set_up(options: &Options, stop: &'a Stop) -> Result<Self, Error> {
        let started = Instant::now();
        let out = &options.out;
        fs::create_dir_all(out).map_err(Error::io(format!("make the folder {}", out.display())))?;
        let private =
            TempDir::with_prefix("tessera-demo-").map_err(Error::io("make a temporary folder"))?;
        let folders = Folders::make(private.path(), out)?;

        say("displays");
        let customer_station = match &options.display {
            Some(name) => Station::existing(name)?,
            None => Station::virtual_display("customer", None, &folders, stop)?,
        };
        let desktop = Watch::new(Display::connect(customer_station.name())?)?;
        let Area { width, height, .. } = desktop.display().area();
        // Of the same size, so that the full-screen share window shows every pixel one to one.
        let csr_station = Station::virtual_display("csr", Some((width, height)), &folders, stop)?;
        let csr = Watch::new(Display::connect(csr_station.name())?)?;

        say("applications");
        let applications =
            Applications::start(&customer_station, desktop.display(), &folders, stop)?;
        let probe = Probe::open(customer_station.name(), applications.probe)?;
        let probe_window = stop.until("the probe's window did not appear", STEP_LIMIT, || {
            Ok(desktop.display().windows_of_class(probe::CLASS)?.first().copied())
        })?;

        say("center, CSR, customer");
        let here = |program: &Path| Command::new(program);
        let csr_side = Side { display: csr_station.name(), command: &here };
        let host = IpAddr::from(Ipv4Addr::LOCALHOST);
        let waiting = Waiting::start(private.path(), &folders.logs, &csr_side, host, stop)?;
        let programs = waiting.join(&Side { display: customer_station.name(), command: &here })?;
        Ok(Self {
            stop,
            started,
            out: out.clone(),
            programs,
            probe,
            probe_window,
            applications,
            desktop,
            csr,
            customer_station,
            csr_station,
            folders,
            _private: private,
        })
    }

    /// Fails when something that has to live has ended or the run takes too long.
    fn check(&mut self) -> Result<(), Error> {
        self.programs.check()?;
        self.applications.check()?;
        self.customer_station.check()?;
        self.csr_station.check()?;
        if self.started.elapsed() > RUN_LIMIT {
            let what = "the run did not end".into();
            return Err(Error::Late { what, limit: RUN_LIMIT, hint: self.hint() });
        }
        self.stop.check()
    }

    fn hint(&self) -> String {
        format!("; the logs are in {}", self.folders.logs.display())
    }

    /// The error of a step that did not come to its end.
    fn late(&mut self, what: &str) -> Error {
        let hint = self.hint();
        // A dead program is the better explanation.
        self.check().err().unwrap_or(Error::Late { what: what.into(), limit: STEP_LIMIT, hint })
    }

    fn grabs(&self) -> Result<(Grab, Grab), Error> {
        let screen = self.desktop.display().area();
        Ok((self.desktop.display().grab(screen)?, self.csr.display().grab(screen)?))
    }

    /// Waits until the share window shows the whole desktop.
    fn await_picture(&mut self) -> Result<(), Error> {
        say("waiting for the share window");
        self.await_equal("the share window did not show the desktop", POINTER_PIXELS)
    }

    /// Fails when more than `differing` pixels stay different for too long.
    fn await_equal(&mut self, what: &str, differing: u64) -> Result<(), Error> {
        if self.become_equal(differing)? {
            return Ok(());
        }
        let (desktop, share_window) = self.grabs()?;
        self.keep_pictures(&desktop, &share_window)?;
        Err(self.late(what))
    }

    /// Tells whether the displays have become alike in time, but for at most `differing` pixels.
    fn become_equal(&mut self, differing: u64) -> Result<bool, Error> {
        let deadline = Instant::now() + STEP_LIMIT;
        loop {
            self.check()?;
            let (desktop, share_window) = self.grabs()?;
            if compare(&desktop, &share_window).differing <= differing {
                return Ok(true);
            }
            if Instant::now() >= deadline {
                return Ok(false);
            }
            self.csr.wait(Instant::now() + QUIET, self.stop)?;
        }
    }

    /// Clicks on a window through the share window until it gets the keys.
    fn click_on(&mut self, name: &str, area: Area, window: Window) -> Result<(), Error> {
        let (x, y) = area.middle();
        self.csr.display().move_pointer(x, y)?;
        let deadline = Instant::now() + STEP_LIMIT;
        while Instant::now() < deadline {
            self.check()?;
            self.csr.display().click(1)?;
            let desktop = self.desktop.display();
            let active = self.stop.within(CLICK_LIMIT, || {
                Ok((desktop.active_window()? == Some(window)).then_some(()))
            })?;
            if active.is_some() {
                return Ok(());
            }
        }
        Err(self.late(&format!("a click through the share window did not reach {name}")))
    }

    /// Begins to operate the desktop, with a click, and checks that the pointer follows.
    fn take_control(&mut self) -> Result<(), Error> {
        say("taking control");
        let area = self.desktop.display().area_of(self.probe_window)?;
        self.click_on("the probe's window", area, self.probe_window)?;
        let screen = self.desktop.display().area();
        for step in 1..=8 {
            let (x, y) = (screen.width / 10 * step, screen.height / 12 * step);
            self.csr.display().move_pointer(x, y)?;
        }
        let goal = (screen.width / 10 * 8, screen.height / 12 * 8);
        let desktop = self.desktop.display();
        let followed = self.stop.within(STEP_LIMIT, || {
            let (x, y) = desktop.pointer()?;
            Ok(((x.cast_unsigned(), y.cast_unsigned()) == goal).then_some(()))
        })?;
        followed.ok_or_else(|| self.late("the customer's pointer did not follow"))
    }

    /// Types a command into the terminal and waits for what it does.
    fn type_into_terminal(&mut self) -> Result<(), Error> {
        say("typing");
        let (area, window) = (self.applications.terminal, self.applications.terminal_window);
        self.click_on("the terminal", area, window)?;
        let text = "Typed through the share window: (1+1)*21 = 42 & ~/Files [ok]?";
        type_text(self.csr.display(), &format!("echo \"{text}\" | tee Typed_1.txt; ls -l\n"))?;
        let path = self.folders.work.join("Typed_1.txt");
        let expected = format!("{text}\n");
        let arrived = self.stop.within(STEP_LIMIT, || {
            Ok(fs::read_to_string(&path).ok().filter(|content| *content == expected).map(drop))
        })?;
        arrived.ok_or_else(|| {
            let got = fs::read_to_string(&path).unwrap_or_default();
            self.late(&format!("the typed text did not arrive, but {got:?},"))
        })
    }

    /// Turns the wheel over the browser and waits until its content has moved, on both displays.
    fn scroll_viewer(&mut self) -> Result<(), Error> {
        say("scrolling");
        let area = self.applications.viewer;
        let (x, y) = area.middle();
        self.csr.display().move_pointer(x, y)?;
        self.desktop.until_still(QUIET, STEP_LIMIT, self.stop)?;
        let before = self.desktop.display().grab(area)?;
        for _ in 0..WHEEL_CLICKS {
            self.csr.display().click(WHEEL_DOWN)?;
        }
        let total = usize::from(area.width) * usize::from(area.height);
        let moved = self.desktop.until(STEP_LIMIT, self.stop, |display| {
            let after = display.grab(area)?;
            let changed = before.pixels().zip(after.pixels()).filter(|(a, b)| a != b).count();
            // A twentieth: text is mostly paper, which stays paper.
            Ok((changed > total / 20).then_some(()))
        })?;
        if moved.is_none() {
            return Err(self.late("the wheel did not scroll the browser"));
        }
        self.desktop.until_still(QUIET, STEP_LIMIT, self.stop)?;
        self.await_equal("the share window did not show the scrolled page", 0)
    }

    /// Measures the way from a key press on the CSR's display to its consequence there.
    fn time_presses(&mut self, effort: Effort) -> Result<Latency, Error> {
        say("timing key presses");
        let area = self.desktop.display().area_of(self.probe_window)?;
        self.click_on("the probe's window", area, self.probe_window)?;
        let (x, y) = area.middle();
        let square = Area { x: x - SQUARE / 2, y: y - SQUARE / 2, width: SQUARE, height: SQUARE };
        let (keycode, _) = self.csr.display().keycode(u32::from('j'))?;
        let mut rng = StdRng::seed_from_u64(SEED);
        let mut latency = Latency::default();
        let before = self.probe.presses();
        for press in before + 1..=before + effort.presses {
            self.check()?;
            self.stop.pause(Duration::from_millis(rng.random_range(BETWEEN_PRESSES_MS)))?;
            let [blue, green, red, _] = probe::colour(press).to_le_bytes();
            let pressed = Instant::now();
            self.csr.display().key(keycode, true)?;
            let seen = self.csr.until(STEP_LIMIT, self.stop, |display| {
                let grab = display.grab(square)?;
                let arrived = grab.pixels().all(|pixel| pixel == [blue, green, red]);
                Ok(arrived.then(Instant::now))
            })?;
            self.csr.display().key(keycode, false)?;
            let Some(seen) = seen else {
                return Err(self.late("the share window did not show a key press's consequence"));
            };
            latency.whole.push(seen - pressed);
            if let Some(arrival) = self.probe.arrival(press) {
                latency.input.push(arrival.saturating_duration_since(pressed));
                latency.pixels.push(seen.saturating_duration_since(arrival));
            }
        }
        Ok(latency)
    }

    /// Changes the whole desktop many times a second and watches how the share window follows.
    fn follow_motion(&mut self, effort: Effort) -> Result<Followed, Error> {
        say("full-screen change");
        let areas = number_areas(self.desktop.display().area());
        let motion = Motion::start(self.customer_station.name())?;
        let started = Instant::now();
        let mut seen: Vec<(u16, Instant)> = Vec::new();
        // On a machine too busy to show one picture in that time, the first is waited for.
        let limit = |seen: &[_]| if seen.is_empty() { STEP_LIMIT } else { effort.motion };
        while started.elapsed() < limit(&seen) {
            self.csr.wait(started + limit(&seen), self.stop)?;
            let numbers = [
                read_number(&self.csr.display().grab(areas[0])?),
                read_number(&self.csr.display().grab(areas[1])?),
            ];
            let [Some(first), Some(last)] = numbers else { continue };
            // A picture is there when its last row is.
            let number = first.min(last);
            if seen.last().is_none_or(|(newest, _)| number > *newest) {
                seen.push((number, Instant::now()));
            }
        }
        self.check()?;
        let span = started.elapsed();
        let drawn = motion.finish()?;
        let mut followed = Followed { drawn: drawn.len(), span, ..Followed::default() };
        for (number, moment) in seen {
            if let Some(drawn) = drawn.get(usize::from(number)) {
                followed.delays.push(moment.saturating_duration_since(*drawn));
            }
        }
        if followed.delays.count() == 0 {
            return Err(self.late("the share window did not show any of the changing pictures"));
        }
        Ok(followed)
    }

    /// Parks the pointer and waits until both displays are at rest and alike.
    fn settle(&mut self) -> Result<(), Error> {
        say("settling");
        let screen = self.desktop.display().area();
        self.csr.display().move_pointer(screen.width - 1, screen.height - 1)?;
        if !self.desktop.until_still(QUIET, STEP_LIMIT, self.stop)? {
            return Err(self.late("the customer's applications did not stand still"));
        }
        // No error if they never become alike: the comparison at the end decides, and shows where.
        self.become_equal(0).map(drop)
    }

    /// Measures what the programs cost while nothing changes.
    fn watch_idle(&mut self, effort: Effort) -> Result<Vec<Idle>, Error> {
        say("idling");
        self.csr.until_still(QUIET, STEP_LIMIT, self.stop)?;
        let ends = self.programs.ends();
        let used = |pid| scheduled_time(pid).map_or_else(|| processor_time(pid), Ok);
        let started = Instant::now();
        let mut before = Vec::new();
        for (_, pid) in ends {
            before.push(used(pid)?);
        }
        self.stop.pause(effort.idle)?;
        let span = started.elapsed();
        let mut idle = Vec::new();
        for ((name, pid), before) in ends.into_iter().zip(before) {
            let share = used(pid)?.saturating_sub(before).as_secs_f64() / span.as_secs_f64();
            idle.push(Idle { name, share, span });
        }
        self.check()?;
        Ok(idle)
    }

    fn plant_wrong_pixel(&mut self) -> Result<(), Error> {
        say("planting one wrong pixel");
        let (x, y) = self.desktop.display().area().middle();
        self.csr.display().spoil_pixel(x, y)
    }

    /// Compares the displays. The desktop is grabbed before and after the share window: only when both are equal did
    /// it stand still, and only then does the comparison mean anything.
    fn compare_displays(&mut self) -> Result<(Comparison, PathBuf), Error> {
        say("comparing every pixel");
        let (desktop, share_window) = self.grabs()?;
        let screen = self.desktop.display().area();
        if self.desktop.display().grab(screen)? != desktop {
            return Err(Error::Unmet(
                "the desktop changed while it was compared; close what moves by itself".into(),
            ));
        }
        let picture = self.keep_pictures(&desktop, &share_window)?;
        Ok((compare(&desktop, &share_window), picture))
    }

    fn keep_pictures(&self, desktop: &Grab, share_window: &Grab) -> Result<PathBuf, Error> {
        let write = |name: &str, grab: &Grab| {
            let path: &Path = &self.out.join(name);
            write_png(path, grab.width, grab.height, &grab.bgrx).map(|()| path.to_owned())
        };
        write("desktop.png", desktop)?;
        write("share-window.png", share_window)
    }

    fn finish(
        mut self,
        latency: Latency,
        followed: Followed,
        idle: Vec<Idle>,
        comparison: Comparison,
        picture: PathBuf,
    ) -> Result<Report, Error> {
        say("ending");
        self.check()?;
        let accounts = self.programs.finish()?;
        Ok(Report {
            screen: self.desktop.display().area(),
            viewer: self.applications.viewer_name,
            latency,
            followed,
            idle,
            comparison,
            accounts,
            picture,
            took: self.started.elapsed(),
        })
    }
}

/// Tells the person at the terminal which step begins.
fn say(step: &str) {
    println!("demo: {step}");
}
