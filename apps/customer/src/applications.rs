//! The applications of the shared display, for the picker.

use std::time::{Duration, Instant};

use tessera::plain_text;
use tessera_capture::x11::applications::{
    InstalledApplication, RunningApplication, installed, running,
};

/// How long a program may take to show its first window.
const START_PATIENCE: Duration = Duration::from_secs(20);

/// Between two looks whether it has. Arbitrary: nobody notices the delay.
const LOOK_INTERVAL: Duration = Duration::from_millis(100);

/// Longest name that is shown, in characters.
const MAX_NAME_CHARS: usize = 60;

/// What there is to choose from.
#[derive(Debug, Default)]
pub(crate) struct Applications {
    display: Option<String>,
    pub(crate) running: Vec<RunningApplication>,
    installed: Vec<InstalledApplication>,
}

impl Applications {
    pub(crate) fn on(display: Option<String>) -> Self {
        Self { display, ..Self::default() }
    }

    /// Looks anew; returns the names of what runs and of what could be started. On failure one
    /// sentence.
    pub(crate) fn look(&mut self) -> Result<(Vec<String>, Vec<String>), String> {
        self.running = running(self.display.as_deref()).map_err(|error| error.to_string())?;
        self.installed = installed();
        let shown = |name: &str| plain_text(name, MAX_NAME_CHARS);
        let running = self.running.iter().map(|it| match it.class.as_str() {
            "" => shown(&it.name),
            class => format!("{} ({})", shown(&it.name), shown(class)),
        });
        Ok((running.collect(), self.installed.iter().map(|it| shown(&it.name)).collect()))
    }

    /// Starts a program unless it runs, and hands over the application that it is then; `None` when no
    /// window of it came. `then` is called on a thread of its own, or at once. On failure one sentence.
    pub(crate) fn start(
        &self,
        place: usize,
        then: impl FnOnce(Option<RunningApplication>) + Send + 'static,
    ) -> Result<(), String> {
        let Some(program) = self.installed.get(place) else { return Ok(()) };
        if let Some(runs) = self.running.iter().find(|running| program.is(running)) {
            then(Some(runs.clone()));
            return Ok(());
        }
        let display = self.display.clone();
        let cannot = |error: std::io::Error| {
            format!("{} cannot be started: {error}", plain_text(&program.name, MAX_NAME_CHARS))
        };
        let launched = program.launch(display.as_deref()).map_err(cannot)?;
        let waiting = std::thread::Builder::new().name("start".into());
        let spawned = waiting.spawn(move || {
            let started = Instant::now();
            let mut found = None;
            while found.is_none() && started.elapsed() < START_PATIENCE {
                std::thread::sleep(LOOK_INTERVAL);
                let Ok(running) = running(display.as_deref()) else { break };
                found = launched.find(&running).cloned();
            }
            then(found);
        });
        spawned.map(drop).map_err(cannot)
    }
}
