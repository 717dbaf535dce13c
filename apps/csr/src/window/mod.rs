//! The share window: shows the customer's desktop and takes the representative's input.
//!
//! The window library wants the main thread; everything else of the program runs beside it and
//! talks to the window with [`ToWindow`] and [`FromWindow`]. Pictures do not pass through messages:
//! a new one only wakes the window, which then takes the newest from its view. Nothing is drawn
//! while nothing changes.

mod annotation;
mod canvas;
mod chords;
mod cursor;
mod figures;
mod keys;
mod line;
mod operator;
mod overlay;
mod panning;
mod pointer;
mod present;
mod share;
mod shot;
mod viewport;

#[cfg(test)]
mod tests;

use std::path::PathBuf;

use tessera::annotate::{Board, Op};
use tessera::{Frame, view};
use winit::application::ApplicationHandler;
use winit::error::EventLoopError;
use winit::event::{DeviceEvent, DeviceId, StartCause, WindowEvent};
use winit::event_loop::{ActiveEventLoop, ControlFlow, EventLoop, EventLoopProxy};
use winit::window::WindowId;

use self::share::{Outcome, Share};
use crate::error::Error;

/// What the rest of the program tells the window.
#[derive(Debug)]
pub(crate) enum ToWindow {
    /// Show this view; a window that is open already goes on with it.
    Open {
        /// The pictures.
        view: Box<view::Handle>,
        /// Whose desktop it is.
        customer: String,
        /// What is drawn over it.
        board: Board,
    },
    /// The view has something new.
    Wake,
    /// Whether the customer's computer carries input out.
    ControlAllowed(bool),
    /// Whether the customer has taken control back by a click, for now.
    ControlPaused(bool),
    /// A picture of the desktop was written to a file, or why not.
    ShotTaken(Result<PathBuf, String>),
    /// Whether annotation mode is on.
    Annotating(bool),
    /// Whether nothing is heard from the customer's program for now.
    Silent(bool),
    /// The share is interrupted: keep the window, its pictures stand still.
    Interrupted,
    /// The share is over: close the window.
    Close,
    /// The program ends.
    Quit,
}

/// What the window tells the rest of the program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum FromWindow {
    /// The representative closed it, which stops viewing.
    Closed,
    /// The representative clicked in it to take control again.
    TakesControl,
    /// The representative wants the next of the colour modes.
    NextColours,
    /// A picture of the desktop was written to a file, or why not; one sentence.
    Said(String),
    /// Annotation mode is wanted, or no longer.
    Annotate(bool),
    /// Something was drawn.
    Drawn(Op),
    /// It cannot be shown; one sentence.
    Failed(String),
    /// The display has gone, and with it the main thread: the window's loop does not end any more.
    DisplayGone,
}

/// Sends messages to the window from any thread.
pub(crate) type Proxy = EventLoopProxy<ToWindow>;

/// The window library's event loop, before it runs.
pub(crate) struct WindowLoop {
    event_loop: EventLoop<ToWindow>,
}

impl WindowLoop {
    /// Connects to the display of the environment. Once in a process.
    pub(crate) fn new() -> Result<Self, Error> {
        let mut builder = EventLoop::with_user_event();
        #[cfg(test)]
        {
            use winit::platform::x11::EventLoopBuilderExtX11;
            builder.with_any_thread(true);
        }
        let event_loop = builder.build().map_err(|error| Error::NoDisplay(reason(&error)))?;
        event_loop.set_control_flow(ControlFlow::Wait);
        Ok(Self { event_loop })
    }

    /// A sender of messages to the window.
    pub(crate) fn proxy(&self) -> Proxy {
        self.event_loop.create_proxy()
    }

    /// Runs until [`ToWindow::Quit`]. `tell` gets what the window has to say.
    pub(crate) fn run(
        self,
        fullscreen: bool,
        shots: PathBuf,
        tell: impl FnMut(FromWindow) + 'static,
    ) -> Result<(), Error> {
        let proxy = self.proxy();
        let tell = Box::new(tell);
        let mut app =
            App { share: None, awaited: None, proxy, fullscreen, shots, control: false, tell };
        self.event_loop.run_app(&mut app).map_err(|error| Error::Window(error.to_string()))
    }
}

/// Why there is no event loop, in words for a person: the library's own text for an unreachable
/// display names its source file.
fn reason(error: &EventLoopError) -> String {
    match (error, std::env::var("DISPLAY")) {
        (EventLoopError::Os(_), Ok(display)) => format!("display {display} does not answer"),
        (EventLoopError::Os(_), Err(_)) => "DISPLAY is not set".to_owned(),
        (error, _) => error.to_string(),
    }
}

struct App {
    share: Option<Share>,
    /// A view whose first picture has not come; its size is the window's.
    awaited: Option<(view::Handle, String, Board)>,
    proxy: Proxy,
    fullscreen: bool,
    /// Where pictures of the desktop go.
    shots: PathBuf,
    control: bool,
    tell: Box<dyn FnMut(FromWindow)>,
}

impl App {
    fn open(
        &mut self,
        event_loop: &ActiveEventLoop,
        view: view::Handle,
        customer: String,
        board: Board,
    ) {
        let proxy = self.proxy.clone();
        board.on_change(move || drop(proxy.send_event(ToWindow::Wake)));
        let proxy = self.proxy.clone();
        // A loop that has ended has no window to wake.
        view.on_wake(move || drop(proxy.send_event(ToWindow::Wake)));
        if let Some(share) = &mut self.share {
            share.resume(view);
            self.refresh(event_loop);
        } else {
            self.awaited = Some((view, customer, board));
        }
    }

    /// Opens the window of a view whose first picture has come.
    fn open_awaited(&mut self, event_loop: &ActiveEventLoop) {
        let Some((mut view, customer, board)) = self.awaited.take() else { return };
        if !view.advance() {
            self.awaited = Some((view, customer, board));
            return;
        }
        match Share::open(event_loop, view, customer, board, self.fullscreen) {
            Ok(share) => {
                self.share = Some(share);
                let control = self.control;
                self.with_share(event_loop, |share, _| share.show_first(control));
            }
            Err(error) => (self.tell)(FromWindow::Failed(error.to_string())),
        }
    }

    fn refresh(&mut self, event_loop: &ActiveEventLoop) {
        self.open_awaited(event_loop);
        self.with_share(event_loop, |share, _| share.refresh());
    }

    /// Lets the open share do something and acts on what comes of it.
    fn with_share(
        &mut self,
        event_loop: &ActiveEventLoop,
        act: impl FnOnce(&mut Share, &ActiveEventLoop) -> Outcome,
    ) {
        let Some(share) = &mut self.share else { return };
        let told = match act(share, event_loop) {
            Ok(next) if next != share::Next::Close => {
                match next {
                    share::Next::TakeControl => (self.tell)(FromWindow::TakesControl),
                    share::Next::Colours => (self.tell)(FromWindow::NextColours),
                    share::Next::Annotate(on) => (self.tell)(FromWindow::Annotate(on)),
                    share::Next::TakeShot => {
                        if let Some(frame) = share.frame() {
                            take_shot(frame, self.shots.clone(), &self.proxy);
                        }
                    }
                    share::Next::Go | share::Next::Close => {}
                }
                event_loop.set_control_flow(match share.settle(event_loop) {
                    Some(due) => ControlFlow::WaitUntil(due),
                    None => ControlFlow::Wait,
                });
                share.drawn().for_each(|op| (self.tell)(FromWindow::Drawn(op)));
                return;
            }
            Ok(_) => FromWindow::Closed,
            Err(error) => FromWindow::Failed(Error::from(error).to_string()),
        };
        self.close(event_loop);
        (self.tell)(told);
    }

    fn close(&mut self, event_loop: &ActiveEventLoop) {
        self.share = None;
        self.awaited = None;
        event_loop.set_control_flow(ControlFlow::Wait);
    }
}

/// Writes a picture on a thread of its own: a large one takes a while.
fn take_shot(frame: Frame, shots: PathBuf, proxy: &Proxy) {
    let writing = std::thread::Builder::new().name("shot".into());
    let sender = proxy.clone();
    let started = writing.spawn(move || {
        let result = shot::write(&frame, &shots).map_err(|error| error.to_string());
        // A loop that has ended has nobody to tell.
        let _ = sender.send_event(ToWindow::ShotTaken(result));
    });
    if let Err(error) = started {
        let _ = proxy.send_event(ToWindow::ShotTaken(Err(error.to_string())));
    }
}

impl ApplicationHandler<ToWindow> for App {
    fn resumed(&mut self, _: &ActiveEventLoop) {}

    fn new_events(&mut self, event_loop: &ActiveEventLoop, cause: StartCause) {
        if matches!(cause, StartCause::ResumeTimeReached { .. }) {
            self.with_share(event_loop, |share, _| share.tick());
        }
    }

    fn user_event(&mut self, event_loop: &ActiveEventLoop, message: ToWindow) {
        match message {
            ToWindow::Open { view, customer, board } => {
                self.open(event_loop, *view, customer, board);
            }
            ToWindow::Annotating(on) => {
                self.with_share(event_loop, |share, _| share.set_annotating(on));
            }
            ToWindow::Wake => self.refresh(event_loop),
            ToWindow::ControlAllowed(allowed) => {
                self.control = allowed;
                self.with_share(event_loop, |share, _| share.set_control(allowed));
            }
            ToWindow::ControlPaused(paused) => {
                self.with_share(event_loop, |share, _| share.set_paused(paused));
            }
            ToWindow::ShotTaken(result) => {
                let said = match result {
                    Ok(path) => format!("Picture saved: {}", path.display()),
                    Err(reason) => format!("The picture cannot be saved: {reason}"),
                };
                (self.tell)(FromWindow::Said(said.clone()));
                self.with_share(event_loop, |share, _| share.say(said));
            }
            ToWindow::Silent(silent) => {
                self.with_share(event_loop, |share, _| share.set_silent(silent));
            }
            ToWindow::Interrupted => {
                self.with_share(event_loop, |share, _| share.interrupt());
            }
            ToWindow::Close => self.close(event_loop),
            ToWindow::Quit => {
                self.close(event_loop);
                event_loop.exit();
            }
        }
    }

    fn device_event(&mut self, _: &ActiveEventLoop, _: DeviceId, event: DeviceEvent) {
        if let Some(share) = &mut self.share {
            share.on_device_event(&event);
        }
    }

    fn window_event(&mut self, event_loop: &ActiveEventLoop, id: WindowId, event: WindowEvent) {
        self.with_share(event_loop, |share, _| {
            if share.id() == id { share.on_event(event) } else { Ok(share::Next::Go) }
        });
    }
}
