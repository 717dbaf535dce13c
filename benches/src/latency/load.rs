//! What happens on the customer's desktop while its way to the viewer is measured.

use std::fs::File;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use tessera_witness::display::{Area, Display};
use tessera_witness::error::Error;
use tessera_witness::pages;
use tessera_witness::process::Process;
use tessera_witness::stop::Stop;
use tessera_witness::windows;

use super::scene::{self, Actor, regularly};
use super::stage::{LOAD, Stage};
use crate::cli::LoadName;

/// Steps a second in which lines of the terminal come, and how many in each: 600 lines a second.
const TERMINAL_RATE: u32 = 60;
const LINES_A_STEP: u32 = 10;

/// Keys typed a second.
const TYPING_RATE: u32 = 8;

/// Wheel notches after which scrolling turns back. Less than the page is long.
const NOTCHES_A_WAY: u32 = 60;

/// The wheel turned up and down, as X numbers buttons.
const WHEEL: [u8; 2] = [4, 5];

/// Shows what comes through a pipe and stays when it ends.
const SHOW_PIPE: &str = "cat \"$0\"; exec sleep 3600";

/// How long a click may take to reach the desktop.
const CLICK_LIMIT: Duration = Duration::from_secs(10);

/// A load at work.
pub(super) struct Load {
    actor: Option<Actor>,
    processes: Vec<Process>,
    /// What it is, for reports.
    pub(super) description: String,
}

impl Load {
    /// Starts a load and waits until its windows stand. `notches` is how often a second the wheel turns.
    pub(super) fn start(
        name: LoadName,
        stage: &mut Stage,
        notches: u32,
        stop: &Stop,
    ) -> Result<Self, Error> {
        let display = stage.customer_station.name().to_owned();
        let moving = |actor: Actor, description: &str| Self {
            actor: Some(actor),
            processes: Vec::new(),
            description: description.into(),
        };
        match name {
            LoadName::Idle => Ok(moving(scene::clock(&display)?, "a clock counts seconds")),
            LoadName::Film => {
                let Area { width, height, .. } = LOAD;
                let what =
                    format!("a film, {width}x{height}, {} frames a second", scene::FILM_RATE);
                Ok(moving(scene::film(&display)?, &what))
            }
            LoadName::Noise => Ok(moving(
                scene::noise(&display)?,
                "noise in four colours, 640x480, 60 times a second",
            )),
            LoadName::Drag => Ok(moving(scene::drag(&display)?, "a window is dragged in circles")),
            LoadName::Type => Self::typing(stage, stop),
            LoadName::Terminal => Self::scrolling_terminal(stage, stop),
            LoadName::Browser => Self::scrolling_browser(stage, notches, stop),
        }
    }

    /// Fails when something of the load has ended.
    pub(super) fn check(&mut self) -> Result<(), Error> {
        self.processes.iter_mut().try_for_each(Process::check)
    }

    /// Ends what moves; windows stay as they are.
    pub(super) fn stand_still(&mut self) -> Result<(), Error> {
        self.actor.take().map_or(Ok(()), Actor::finish)
    }

    fn typing(stage: &mut Stage, stop: &Stop) -> Result<Self, Error> {
        let (terminal, area) = terminal(stage, &["cat"], stop)?;
        click(stage, area, stop)?;
        let name = stage.viewer_station.name().to_owned();
        let actor = Actor::start(move |stop| {
            let display = Display::connect(&name)?;
            let keys: Vec<u8> = "thequickbrownfoxjumpsoverthelazydog"
                .chars()
                .map(|letter| display.keycode(u32::from(letter)).map(|(keycode, _)| keycode))
                .collect::<Result<_, _>>()?;
            regularly(TYPING_RATE, stop, |number| {
                let key = keys[number as usize % keys.len()];
                display.key(key, true)?;
                display.key(key, false)
            })
        });
        let description = format!("{TYPING_RATE} keys a second are typed through the viewer");
        Ok(Self { actor: Some(actor), processes: vec![terminal], description })
    }

    fn scrolling_terminal(stage: &mut Stage, stop: &Stop) -> Result<Self, Error> {
        let pipe = stage.folders.work.join("lines");
        // A name may be used again: the terminal before this one has ended.
        let _ = std::fs::remove_file(&pipe);
        let made = Command::new("mkfifo").arg(&pipe).status();
        if !made.is_ok_and(|status| status.success()) {
            return Err(Error::Unmet("mkfifo failed; is coreutils installed?".into()));
        }
        let (terminal, _) =
            terminal(stage, &["sh", "-c", SHOW_PIPE, &pipe.to_string_lossy()], stop)?;
        let actor = Actor::start(move |stop| print_lines(pipe, stop));
        let description =
            format!("a terminal prints {} lines a second", TERMINAL_RATE * LINES_A_STEP);
        Ok(Self { actor: Some(actor), processes: vec![terminal], description })
    }

    fn scrolling_browser(stage: &mut Stage, notches: u32, stop: &Stop) -> Result<Self, Error> {
        let pages = pages::write(&stage.folders.work)?;
        let viewer = windows::viewer()?;
        let station = &stage.customer_station;
        let mut process = windows::start_viewer(viewer.program, &pages, station, &stage.folders)?;
        let window = windows::appeared(viewer.class, &stage.desktop, stop, &mut process)?;
        stage.desktop.place(window, LOAD)?;
        let (x, y) = windows::settled_area(&stage.desktop, window, stop)?.middle();
        stage.desktop.move_pointer(x, y)?;
        let name = station.name().to_owned();
        let actor = Actor::start(move |stop| {
            let display = Display::connect(&name)?;
            regularly(notches, stop, |number| {
                let back = number / NOTCHES_A_WAY % 2 == 1;
                display.click(WHEEL[usize::from(!back)])
            })
        });
        let description = format!("{} scrolls by {notches} wheel notches a second", viewer.program);
        Ok(Self { actor: Some(actor), processes: vec![process], description })
    }
}

/// A terminal at the place of the load, and where its text is.
fn terminal(stage: &Stage, words: &[&str], stop: &Stop) -> Result<(Process, Area), Error> {
    let mut process = windows::start_terminal(&stage.customer_station, &stage.folders, words)?;
    let window = windows::appeared("xterm", &stage.desktop, stop, &mut process)?;
    stage.desktop.place(window, LOAD)?;
    let area = windows::settled_area(&stage.desktop, window, stop)?;
    Ok((process, area))
}

/// Clicks through the viewer until the customer's pointer is in `area`, which then has the keys.
pub(super) fn click(stage: &mut Stage, area: Area, stop: &Stop) -> Result<(), Error> {
    let (x, y) = area.middle();
    let goal = (x.cast_signed(), y.cast_signed());
    let Stage { seen, desktop, .. } = stage;
    let mut clicks = 0;
    stop.until("a click through the viewer did not reach the desktop", CLICK_LIMIT, || {
        seen.display().move_pointer(x, y)?;
        // The first click begins to operate the desktop; what comes after it is carried out there.
        if clicks % 10 == 0 {
            seen.display().click(1)?;
        }
        clicks += 1;
        let active = desktop.active_window()?.map(|window| desktop.area_of(window)).transpose()?;
        let has_keys = active.is_some_and(|it| it.middle() == area.middle());
        Ok((has_keys && desktop.pointer()? == goal).then_some(()))
    })
}

fn print_lines(pipe: PathBuf, stop: &Stop) -> Result<(), Error> {
    // Waits until the terminal reads.
    let mut lines = File::options().write(true).open(pipe).map_err(Error::io("open a pipe"))?;
    regularly(TERMINAL_RATE, stop, |step| {
        let first = step * LINES_A_STEP;
        let text: String = (first..first + LINES_A_STEP)
            .map(|number| scene::line_of_text(number) + "\n")
            .collect();
        lines.write_all(text.as_bytes()).map_err(Error::io("write to a pipe"))
    })
}
