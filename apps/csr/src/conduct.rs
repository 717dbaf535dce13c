//! Brings the session, the console and the share window together.
//!
//! The share window has the main thread, as its library wants it. A second thread waits for one
//! queue into which everything else speaks: the session, the keyboard, the window and signals.

use std::io::{self, Read};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use tessera::csr::{EndReason, Event, Handle, Session};
use tessera::notes::Notebook;
use tessera::{ColourCount, Display, DisplayMode, Network, Paths};
use tessera_terminal::{Key, LogTo, Screen};

use crate::cli::{ShownAs, Start};
use crate::console::{self, Action, Model, Panel};
use crate::error::Error;
use crate::window::{FromWindow, Proxy, ToWindow, WindowLoop};
use crate::{invitations, line_mode, secrets};

/// How long the farewell to the center and the customer may take before the program ends anyway.
const FAREWELL: Duration = Duration::from_secs(3);

/// Longest file of sentences in bytes.
const MAX_PHRASES_BYTES: u64 = 64 * 1024;

/// Everything that can happen.
enum Input {
    Session(Event),
    Key(Key),
    Line(String),
    TerminalGone,
    Window(FromWindow),
    Terminate,
}

/// Runs a session until it ends.
pub(crate) fn run(options: Start) -> Result<(), Error> {
    use_display(&options)?;
    let data_dir =
        options.data.clone().unwrap_or_else(|| tessera_terminal::data_dir("tessera-csr"));
    let full_screen = tessera_terminal::is_interactive() && !options.no_console;
    let log =
        if full_screen { LogTo::File(data_dir.join("tessera-csr.log")) } else { LogTo::Stderr };
    tessera_terminal::start_log(&log, options.log_json)?;
    let token = options.token_file.as_deref().map(secrets::read_token).transpose()?;

    let window = WindowLoop::new()?;
    let proxy = window.proxy();
    let (inbox, inputs) = channel();
    let signals = inbox.clone();
    tessera_terminal::on_termination(move || {
        // The first signal asks for an orderly end; a second one does not wait for it.
        let _ = signals.send(Input::Terminate);
        false
    })
    .map_err(Error::System)?;

    let phrases = phrases(&options, &data_dir)?;
    let fullscreen_window = options.fullscreen;
    let from_window = inbox.clone();
    let shots = options.shots.clone().unwrap_or_else(|| data_dir.join("pictures"));
    let session = tessera::csr::Options {
        center: options.center.clone(),
        data_dir,
        listen: options.listen,
        name: options
            .name
            .clone()
            .or_else(tessera_terminal::user_name)
            .unwrap_or_else(|| "support".to_owned()),
        enrolment_token: token,
        network: Network::new(
            if options.relay_only { Paths::Relayed } else { Paths::Any },
            options.proxy.clone().or_else(|| tessera_terminal::https_proxy()?.parse().ok()),
        ),
    };
    let display_gone = Arc::new(AtomicBool::new(false));
    let (is_gone, to_console) = (Arc::clone(&display_gone), inbox.clone());
    tessera_capture::x11::on_xlib_display_lost(move || {
        is_gone.store(true, Ordering::SeqCst);
        // The other end is gone only when the program ends.
        let _ = to_console.send(Input::Window(FromWindow::DisplayGone));
    });
    let beside = thread::Builder::new()
        .name("console".into())
        .spawn(move || {
            let window = QuitOnDrop(proxy);
            let result =
                converse(&options, session, phrases, &window.0, &inbox, &inputs, full_screen);
            if display_gone.load(Ordering::SeqCst) {
                // The main thread sleeps in Xlib for ever and cannot be returned to.
                Error::DisplayGone.report();
                std::process::exit(1);
            }
            result
        })
        .map_err(Error::System)?;
    let shown = window.run(fullscreen_window, shots, move |told| {
        // The other end is gone only when the program ends.
        let _ = from_window.send(Input::Window(told));
    });
    let conducted = beside.join().unwrap_or(Err(Error::Console));
    conducted.and(shown)
}

/// Opens the session and takes part in it until it ends.
fn converse(
    options: &Start,
    session: tessera::csr::Options,
    phrases: Vec<String>,
    window: &Proxy,
    inbox: &Sender<Input>,
    inputs: &Receiver<Input>,
    full_screen: bool,
) -> Result<(), Error> {
    let place = Place { data_dir: session.data_dir.clone(), center: session.center.clone() };
    let mut model = Model::new(&place.center, &session.name);
    model.panels_mut().set_phrases(phrases);
    let (handle, opened) = open(session, inbox, inputs, full_screen)?;
    let Some(opened) = opened else { return Ok(()) };
    Conductor::new(options, handle, model, place, window, inbox, full_screen)?
        .conduct(opened, inputs)
}

/// The sentences that the chat offers; a file that was named has to be there.
fn phrases(options: &Start, data_dir: &Path) -> Result<Vec<String>, Error> {
    let path = options.phrases.clone().unwrap_or_else(|| data_dir.join("phrases.txt"));
    let mut text = String::new();
    let read = std::fs::File::open(&path)
        .and_then(|file| file.take(MAX_PHRASES_BYTES).read_to_string(&mut text));
    match read {
        Ok(_) => Ok(tessera::chat::phrases(&text)),
        Err(error) if options.phrases.is_none() && error.kind() == io::ErrorKind::NotFound => {
            Ok(Vec::new())
        }
        Err(reason) => Err(Error::Phrases { path, reason }),
    }
}

/// The colour mode after `display`, when a person goes through them.
const fn next_colours(display: Display) -> Action {
    match (display.mode, display.colours) {
        (DisplayMode::Standard, _) => Action::Colours(ColourCount::HighColour),
        (DisplayMode::Sampling, ColourCount::HighColour) => {
            Action::Colours(ColourCount::Colours256)
        }
        (DisplayMode::Sampling, ColourCount::Colours256) => {
            Action::DisplayMode(DisplayMode::Standard)
        }
    }
}

/// The window library takes the display from the environment, so the program starts itself anew
/// where another one is asked for.
fn use_display(options: &Start) -> Result<(), Error> {
    let Some(display) = &options.display else { return Ok(()) };
    if std::env::var_os("DISPLAY").is_some_and(|current| current == display.as_str()) {
        return Ok(());
    }
    let program = std::env::current_exe().map_err(Error::System)?;
    let arguments = std::env::args_os().skip(1);
    Err(Error::System(Command::new(program).args(arguments).env("DISPLAY", display).exec()))
}

/// Ends the window's loop however the console's thread ends.
struct QuitOnDrop(Proxy);

impl Drop for QuitOnDrop {
    fn drop(&mut self) {
        // A loop that has ended already needs no message.
        let _ = self.0.send_event(ToWindow::Quit);
    }
}

/// Opens the session, asking for the enrolment token where the center wants one. The event is
/// [`Event::Opened`]; it is `None` when the program was told to end meanwhile.
fn open(
    mut options: tessera::csr::Options,
    inbox: &Sender<Input>,
    inputs: &Receiver<Input>,
    may_ask: bool,
) -> Result<(Handle, Option<Event>), Error> {
    loop {
        let handle = start(options.clone(), inbox)?;
        match inputs.recv() {
            Ok(Input::Session(Event::Failed(tessera::Error::NotEnrolled)))
                if may_ask && options.enrolment_token.is_none() =>
            {
                let question = "Enrolment token (printed by 'tessera-center serve'):";
                options.enrolment_token = Some(tessera_terminal::ask_hidden(question)?);
            }
            Ok(Input::Session(Event::Failed(error))) => return Err(error.into()),
            Ok(Input::Session(opened)) => return Ok((handle, Some(opened))),
            _ => {
                handle.end();
                return Ok((handle, None));
            }
        }
    }
}

fn start(options: tessera::csr::Options, inbox: &Sender<Input>) -> Result<Handle, Error> {
    let (handle, events) = Session::start(options)?;
    let inbox = inbox.clone();
    thread::Builder::new()
        .name("events".into())
        .spawn(move || events.into_iter().try_for_each(|event| inbox.send(Input::Session(event))))
        .map_err(Error::System)?;
    Ok(handle)
}

/// What a session is kept and found by.
struct Place {
    data_dir: PathBuf,
    center: String,
}

/// The program while its session is open.
struct Conductor<'a> {
    options: &'a Start,
    handle: Handle,
    window: &'a Proxy,
    model: Model,
    place: Place,
    notes: Option<Notebook>,
    /// The console; without one, events are printed as lines.
    screen: Option<Screen>,
    /// Set when the session is being ended: by then the program ends.
    deadline: Option<Instant>,
    /// Whether the program was told to end, so that nothing is asked any more.
    terminated: bool,
    /// Whether the notes have been read once more after the session's end.
    reviewed: bool,
}

impl<'a> Conductor<'a> {
    fn new(
        options: &'a Start,
        handle: Handle,
        model: Model,
        place: Place,
        window: &'a Proxy,
        inbox: &Sender<Input>,
        full_screen: bool,
    ) -> Result<Self, Error> {
        let inbox = inbox.clone();
        let screen = if full_screen {
            let screen = Screen::take().map_err(Error::Terminal)?;
            tessera_terminal::forward_keys(move |key| {
                inbox.send(key.map_or(Input::TerminalGone, Input::Key)).is_ok()
            })
            .map_err(Error::System)?;
            Some(screen)
        } else {
            tessera_terminal::forward_lines(move |line| inbox.send(Input::Line(line)).is_ok())
                .map_err(Error::System)?;
            None
        };
        Ok(Self {
            options,
            handle,
            window,
            model,
            place,
            notes: None,
            screen,
            deadline: None,
            terminated: false,
            reviewed: false,
        })
    }

    fn conduct(mut self, opened: Event, inputs: &Receiver<Input>) -> Result<(), Error> {
        if self.options.display_mode == ShownAs::Sampling {
            self.act(Action::Colours(self.options.colours.into()));
        }
        let mut next = Input::Session(opened);
        let result = loop {
            match self.on_input(next) {
                Ok(true) => {}
                Ok(false) => break Ok(()),
                Err(error) => break Err(error),
            }
            self.draw()?;
            match tessera_terminal::next_input(inputs, self.deadline) {
                Some(input) => next = input,
                None => break Ok(()),
            }
        };
        // Give the terminal back before anything is written to it.
        self.screen = None;
        if let Some(error) = self.notes.as_ref().and_then(|notes| notes.keep().err()) {
            Error::from(error).report();
        }
        self.handle.figures().log();
        result
    }

    fn draw(&mut self) -> Result<(), Error> {
        let model = &self.model;
        self.screen.as_mut().map_or(Ok(()), |screen| {
            screen.draw(|frame| console::draw(model, frame)).map_err(Error::Terminal)
        })
    }

    /// Acts on what happened; `false` when the session is over.
    fn on_input(&mut self, input: Input) -> Result<bool, Error> {
        match input {
            Input::Session(event) => return self.on_event(event),
            Input::Key(key) => {
                if let Some(action) = self.model.on_key(key) {
                    self.act(action);
                }
                return Ok(!self.reviewed);
            }
            Input::Line(line) => match line_mode::command(&line) {
                Some(action) => self.act(action),
                None => self.say(line_mode::COMMANDS),
            },
            Input::Window(FromWindow::Closed) => {
                self.say("You closed the share window");
                self.act(Action::StopShare);
            }
            Input::Window(FromWindow::TakesControl) => self.handle.take_control(),
            Input::Window(FromWindow::NextColours) => {
                let action = next_colours(self.model.display());
                self.act(action);
            }
            Input::Window(FromWindow::Said(sentence)) => self.say(&sentence),
            Input::Window(FromWindow::Annotate(on)) => self.act(Action::Annotate(on)),
            Input::Window(FromWindow::Drawn(mark)) => self.handle.mark(mark),
            Input::Window(FromWindow::Failed(reason)) => {
                tracing::warn!("{reason}");
                self.say(&reason);
                self.act(Action::StopShare);
            }
            Input::Terminate | Input::TerminalGone | Input::Window(FromWindow::DisplayGone) => {
                self.terminated = true;
                self.act(Action::End);
            }
        }
        Ok(true)
    }

    fn on_event(&mut self, event: Event) -> Result<bool, Error> {
        // First, so that whoever reads the line finds the file.
        if let (Event::Opened { code } | Event::CodeRenewed { code }, Some(path)) =
            (&event, &self.options.code_file)
        {
            secrets::write_code(path, code)?;
        }
        if self.screen.is_none() {
            println!("{}", console::describe(&event));
        }
        self.model.on_event(&event);
        match event {
            Event::CustomerJoined { .. } => self.request_on_joining(),
            Event::ShareStarted(view) => {
                let customer = self.model.customer_name().to_owned();
                let board = self.handle.board();
                self.tell_window(ToWindow::Open { view: Box::new(view), customer, board });
            }
            Event::ControlChanged { allowed } => {
                self.tell_window(ToWindow::ControlAllowed(allowed));
            }
            Event::ControlPaused { paused } => self.tell_window(ToWindow::ControlPaused(paused)),
            Event::CustomerSilent { silent } => self.tell_window(ToWindow::Silent(silent)),
            Event::CustomerLost { .. }
            | Event::ShareEnded { reason: EndReason::ConnectionLost } => {
                self.tell_window(ToWindow::Interrupted);
            }
            Event::ShareEnded { .. } | Event::CustomerLeft => self.tell_window(ToWindow::Close),
            Event::Annotating { own, .. } => self.tell_window(ToWindow::Annotating(own)),
            Event::Opened { code } => self.begin_notes(&code),
            // What is kept is checked once more (NOTE-04).
            Event::Ended if self.screen.is_some() && !self.terminated => {
                self.deadline = None;
                self.tell_window(ToWindow::Close);
                self.model.panels_mut().show(Panel::Notes { review: true });
            }
            Event::Ended => return Ok(false),
            Event::Failed(error) => return Err(error.into()),
            _ => {}
        }
        Ok(true)
    }

    /// Also on a return: a customer's program that was started anew knows nothing of the share that
    /// went on before.
    fn request_on_joining(&mut self) {
        if let Some(wanted) = self.options.request {
            let action = self.model.request(wanted.into());
            self.act(action);
        }
    }

    fn act(&mut self, action: Action) {
        match action {
            Action::Request(activity) => self.handle.request(activity),
            Action::DisplayMode(mode) => self.handle.set_display_mode(mode),
            Action::Colours(colours) => {
                self.handle.set_display_mode(DisplayMode::Sampling);
                self.handle.set_colours(colours);
            }
            Action::Annotate(on) => self.handle.annotate(on),
            Action::Say(text) => self.handle.chat(text),
            Action::Keep(text) => self.keep(&text),
            Action::Note(line) => {
                let before = self.notes.as_ref().map_or("", Notebook::text);
                let text = format!("{before}{line}\n");
                self.keep(&text);
                if let Some(path) = self.notes.as_ref().map(|notes| notes.path().display()) {
                    let said = format!("Your notes are in {path}");
                    self.say(&said);
                }
            }
            Action::Invite(to) => {
                if let Some(invitation) = self.model.invitation() {
                    let written = invitations::write(&self.place.data_dir, &invitation, &to);
                    self.say_written("The invitation for your mail program is in", written);
                }
            }
            Action::Reviewed => self.reviewed = true,
            Action::StopShare => self.handle.stop_share(),
            Action::End => {
                self.handle.end();
                self.deadline.get_or_insert_with(|| Instant::now() + FAREWELL);
            }
        }
    }

    /// Begins the notes of the session of `code`. Without a place for them the session goes on.
    fn begin_notes(&mut self, code: &tessera::Code) {
        if self.options.invite {
            self.model.panels_mut().show(Panel::Invitation);
        }
        match Notebook::begin(&self.place.data_dir, &code.number.to_string()) {
            Ok(notes) => self.notes = Some(notes),
            Err(error) => self.say(&error.to_string()),
        }
    }

    fn keep(&mut self, text: &str) {
        let kept = self.notes.as_mut().map_or(Ok(()), |notes| notes.write(text));
        if let Err(error) = kept {
            self.say(&error.to_string());
        }
    }

    fn say_written(&mut self, what: &str, written: Result<PathBuf, Error>) {
        let said = match written {
            Ok(path) => format!("{what} {}", path.display()),
            Err(error) => error.to_string(),
        };
        self.say(&said);
    }

    fn say(&mut self, message: &str) {
        if self.screen.is_none() {
            println!("{message}");
        }
        self.model.note(message);
    }

    fn tell_window(&self, message: ToWindow) {
        // A loop that has ended has reported why.
        let _ = self.window.send_event(message);
    }
}
