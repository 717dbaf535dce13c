//! Brings the session, the person's terminal and the sign on the desktop together.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use tessera::csr::EndReason;
use tessera::customer::{Event, Handle, Session};
use tessera::{Network, Paths};
use tessera_capture::x11::applications::RunningApplication;
use tessera_terminal::{Key, LogTo, Screen};

use crate::applications::Applications;
use crate::cli::Options;
use crate::code::Way;
use crate::error::Error;
use crate::picker::Picker;
use crate::sign::Sign;
use crate::situation::{Action, Situation};
use crate::{code, marks, screen, source, wording};

/// How long the farewell may take before the program ends anyway.
const FAREWELL: Duration = Duration::from_secs(3);

/// Everything that can happen.
pub(crate) enum Input {
    Session(Event),
    /// The library has gone silent.
    SessionGone,
    Key(Key),
    Line(String),
    TerminalGone,
    /// A program that was started to be shared has a window, or has none after all.
    Started(Option<RunningApplication>),
    /// The sign on the shared desktop was clicked.
    SignClicked,
    Terminate,
}

/// Takes part in one session until it ends.
pub(crate) fn run(options: &Options) -> Result<(), Error> {
    let data_dir =
        options.data.clone().unwrap_or_else(|| tessera_terminal::data_dir("tessera-customer"));
    let full_screen = tessera_terminal::is_interactive();
    let log = if full_screen {
        LogTo::File(data_dir.join("tessera-customer.log"))
    } else {
        LogTo::Stderr
    };
    tessera_terminal::start_log(&log, options.log_json)?;
    let shared = source::screen(options)?;
    let sign = Sign::new(options);

    let (inbox, inputs) = channel();
    let entrance = match &options.code_file {
        Some(path) => {
            end_on_signals(&inbox)?;
            code::from_file(path, &inputs)?
        }
        // At the prompt a signal just ends the program: nothing has begun.
        None => {
            let entrance = code::from_person(&data_dir)?;
            end_on_signals(&inbox)?;
            Some(entrance)
        }
    };
    let Some(Way { entrance, center }) = entrance else { return Ok(()) };
    let session = tessera::customer::Options {
        center: center.unwrap_or_else(|| options.center.clone()),
        data_dir,
        entrance,
        name: options
            .name
            .clone()
            .or_else(tessera_terminal::user_name)
            .unwrap_or_else(|| "customer".to_owned()),
        screen: shared,
        standing_consent: options.consent.iter().map(|&consent| consent.into()).collect(),
        network: Network::new(
            if options.relay_only { Paths::Relayed } else { Paths::Any },
            options.proxy.clone().or_else(|| tessera_terminal::https_proxy()?.parse().ok()),
        ),
    };
    let situation = Situation::new(session.standing_consent.clone());
    let (handle, events) = Session::join(session)?;
    let apart = Arc::new(AtomicBool::new(false));
    if options.source.is_none() {
        marks::show(handle.board(), options.display.clone(), Arc::clone(&apart))
            .map_err(Error::System)?;
    }
    let from_session = inbox.clone();
    thread::Builder::new()
        .name("events".into())
        .spawn(move || {
            for event in events {
                if from_session.send(Input::Session(event)).is_err() {
                    return;
                }
            }
            // The program may have ended meanwhile.
            let _ = from_session.send(Input::SessionGone);
        })
        .map_err(Error::System)?;
    let applications = Applications::on(options.display.clone());
    Conductor::new(handle, situation, (sign, applications, apart), inbox, full_screen)?
        .conduct(&inputs)
}

fn end_on_signals(inbox: &Sender<Input>) -> Result<(), Error> {
    let inbox = inbox.clone();
    tessera_terminal::on_termination(move || {
        // The first signal asks for an orderly end; a second one does not wait for it.
        let _ = inbox.send(Input::Terminate);
        false
    })
    .map_err(Error::System)
}

/// The program while it is in the session.
struct Conductor {
    handle: Handle,
    situation: Situation,
    sign: Sign,
    applications: Applications,
    /// Whether something else than the desktop is shared.
    apart: Arc<AtomicBool>,
    inbox: Sender<Input>,
    /// The full-screen interface; without one, events are printed as lines.
    screen: Option<Screen>,
    started: Instant,
    /// Set when leaving: by then the program ends.
    deadline: Option<Instant>,
}

impl Conductor {
    fn new(
        handle: Handle,
        situation: Situation,
        (sign, applications, apart): (Sign, Applications, Arc<AtomicBool>),
        inbox: Sender<Input>,
        full_screen: bool,
    ) -> Result<Self, Error> {
        let to = inbox.clone();
        let screen = if full_screen {
            let screen = Screen::take().map_err(Error::Terminal)?;
            tessera_terminal::forward_keys(move |key| {
                to.send(key.map_or(Input::TerminalGone, Input::Key)).is_ok()
            })
            .map_err(Error::System)?;
            Some(screen)
        } else {
            tessera_terminal::forward_lines(move |line| to.send(Input::Line(line)).is_ok())
                .map_err(Error::System)?;
            None
        };
        let started = Instant::now();
        Ok(Self {
            handle,
            situation,
            sign,
            applications,
            apart,
            inbox,
            screen,
            started,
            deadline: None,
        })
    }

    fn conduct(mut self, inputs: &Receiver<Input>) -> Result<(), Error> {
        if self.screen.is_none()
            && let Some(warning) = self.situation.warning()
        {
            println!("Warning: {warning}");
        }
        let result = loop {
            self.draw()?;
            let input = tessera_terminal::next_input(inputs, self.deadline);
            match input.map(|input| self.on_input(input)) {
                Some(Ok(true)) => {}
                Some(Ok(false)) | None => break Ok(()),
                Some(Err(error)) => break Err(error),
            }
        };
        // Give the terminal back before anything is written to it.
        let was_full_screen = self.screen.take().is_some();
        if was_full_screen && result.is_ok() {
            // What the screen said last has gone with it.
            println!("{}", self.situation.notice());
        }
        let figures = self.handle.figures();
        if figures.frames > 0 {
            figures.log();
        }
        result
    }

    fn draw(&mut self) -> Result<(), Error> {
        let situation = &self.situation;
        self.screen.as_mut().map_or(Ok(()), |terminal| {
            terminal.draw(|frame| screen::draw(situation, frame)).map_err(Error::Terminal)
        })
    }

    /// Acts on what happened; `false` when the session is over.
    fn on_input(&mut self, input: Input) -> Result<bool, Error> {
        let now = self.started.elapsed();
        let action = match input {
            Input::Session(event) => return self.on_event(event, now),
            Input::SessionGone if self.deadline.is_none() => return Err(Error::Silent),
            Input::SessionGone => return Ok(false),
            Input::Key(key) => self.situation.on_key(key, now),
            Input::Line(line) => self.situation.on_line(&line),
            Input::Started(Some(application)) => {
                self.handle.pick(vec![application]);
                None
            }
            Input::Started(None) => {
                self.not_started("No window of it has come, so nothing is shared".to_owned());
                None
            }
            Input::SignClicked => Some(self.situation.stop_everything()),
            Input::Terminate | Input::TerminalGone => Some(Action::Leave),
        };
        if let Some(action) = action {
            self.act(action);
        }
        Ok(true)
    }

    fn on_event(&mut self, event: Event, now: Duration) -> Result<bool, Error> {
        self.situation.on_event(&event, now);
        self.apart.store(!self.situation.applications().is_empty(), Ordering::Relaxed);
        // A failure ends the program, which then says why.
        if self.screen.is_none()
            && !matches!(event, Event::Failed(_) | Event::SharedApplications(_))
        {
            println!("{}", self.situation.notice());
            if let Some(request) = self.situation.request()
                && matches!(event, Event::Asked { .. })
            {
                println!("{}", wording::consequence(request.activity));
                println!("Answer y (yes), n (no) or a (allow everything in this session).");
            }
        }
        match event {
            Event::Sharing { reason: Some(EndReason::ScreenGone), .. } => {
                self.handle.leave();
                return Err(Error::ScreenGone);
            }
            Event::Pick { .. } => self.pick(),
            Event::Sharing { .. } | Event::Controlled { .. } | Event::SharedApplications(_) => {
                self.show_sign();
            }
            // The library still says goodbye and lets go of pressed keys; then it falls silent.
            Event::Ended { .. } => {
                self.deadline.get_or_insert_with(|| Instant::now() + FAREWELL);
            }
            Event::Failed(error) => return Err(error.into()),
            _ => {}
        }
        Ok(true)
    }

    /// Shows what there is to be shared.
    fn pick(&mut self) {
        match self.applications.look() {
            Ok((running, installed)) => {
                let picker = Picker::new(running, installed);
                if self.screen.is_none() {
                    picker.lines().iter().for_each(|line| println!("{line}"));
                }
                self.situation.pick(picker);
            }
            Err(reason) => self.not_started(reason),
        }
    }

    fn not_started(&mut self, reason: String) {
        if self.screen.is_none() {
            println!("{reason}");
        }
        self.handle.cancel_pick();
        self.situation.note(reason);
    }

    fn show_sign(&mut self) {
        let inbox = self.inbox.clone();
        let clicked = move || drop(inbox.send(Input::SignClicked));
        if let Err(reason) = self.sign.show(wording::sign(&self.situation).as_deref(), clicked) {
            tracing::warn!("{reason}");
            self.situation.note(reason);
        }
    }

    fn act(&mut self, action: Action) {
        match action {
            Action::Answer { id, granted, all } => self.handle.answer(id, granted, all),
            Action::Pick(place) => {
                let picked = self.applications.running.get(place).cloned();
                self.handle.pick(picked.into_iter().collect());
            }
            Action::Start(place) => {
                let inbox = self.inbox.clone();
                let then = move |application| drop(inbox.send(Input::Started(application)));
                if let Err(reason) = self.applications.start(place, then) {
                    self.not_started(reason);
                }
            }
            Action::CancelPick => self.handle.cancel_pick(),
            Action::PickMore => self.pick(),
            Action::TakeBack => self.handle.withdraw_control(),
            Action::Say(text) => self.handle.chat(text),
            Action::StopEverything => self.handle.withdraw_all(),
            Action::Leave => {
                self.handle.leave();
                self.deadline.get_or_insert_with(|| Instant::now() + FAREWELL);
            }
        }
    }
}
