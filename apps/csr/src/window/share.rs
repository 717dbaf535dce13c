//! One open share: its window, its pictures and its input.

use std::rc::Rc;
use std::time::{Duration, Instant};

use softbuffer::SoftBufferError;
use tessera::annotate::{Board, Op};
use tessera::{Frame, InputEvent, PointerButton, Rect, Region, Size, view};
use winit::dpi::{PhysicalPosition, PhysicalSize};
use winit::event::{
    DeviceEvent, ElementState, KeyEvent, MouseButton, MouseScrollDelta, WindowEvent,
};
use winit::event_loop::ActiveEventLoop;
use winit::keyboard::{Key, ModifiersState, NamedKey};
use winit::platform::modifier_supplement::KeyEventExtModifierSupplement;
use winit::window::{Fullscreen, Window, WindowId};

use super::annotation::{Annotation, Wish};
use super::canvas::Look;
use super::chords::{self, Chord};
use super::cursor::LocalCursor;
use super::keys;
use super::line::Line;
use super::operator::Operator;
use super::panning::Panning;
use super::pointer::Pointer;
use super::present::Presenter;
use super::viewport::{Scale, Viewport};
use crate::error::Error;

/// Shortest time between two changes of the title: faster ones cannot be read.
const TITLE_INTERVAL: Duration = Duration::from_millis(250);

/// Part of the monitor, in percent, that a standard window takes at most, so that its frame and the
/// desktop's panels have room.
const STANDARD_PERCENT: u32 = 90;

/// Room for a window on a monitor of unknown size; nearly every monitor has that much.
const FALLBACK_ROOM: Size = Size::new(1280, 720);

/// What follows from something that happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// The share goes on.
    Go,
    /// The representative clicked to take control again.
    TakeControl,
    /// The representative wants the next of the colour modes.
    Colours,
    /// The representative wants a picture of the desktop in a file.
    TakeShot,
    /// Annotation mode is wanted, or no longer.
    Annotate(bool),
    /// The representative closed the window.
    Close,
}

pub(crate) type Outcome = Result<Next, SoftBufferError>;

/// See the module text.
pub(crate) struct Share {
    window: Rc<Window>,
    presenter: Presenter,
    view: view::Handle,
    customer: String,
    operator: Operator,
    modifiers: ModifiersState,
    local_cursor: LocalCursor,
    annotation: Annotation,
    /// Wheel events to come that are releases, see [`Share::on_device_event`].
    wheel_releases: u32,
    /// Whether nothing is heard from the customer's program for now.
    silent: bool,
    interrupted: bool,
    panning: Panning,
    line: Line,
    /// The title and since when it stands.
    title: Option<(Title, Instant)>,
    /// The change set of a picture in which nothing changed.
    unchanged: Region,
    /// Where in the window the mouse is.
    spot: (f64, f64),
    /// Input made by one event, kept to save an allocation.
    input: Vec<InputEvent>,
}

/// What the title tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Title {
    silent: bool,
    interrupted: bool,
    engaged: bool,
    allowed: bool,
    paused: bool,
    annotating: bool,
    exact: bool,
    scaled: bool,
}

impl Title {
    fn text(self, customer: &str) -> String {
        if self.interrupted {
            return format!("{customer}: connection lost, waiting for the customer - Tessera");
        }
        if self.silent {
            return format!("{customer}: nothing is heard, waiting - Tessera");
        }
        let doing = match (self.engaged, self.allowed) {
            _ if self.annotating => "annotating, Esc stops",
            (true, _) => "controlling",
            (false, true) if self.paused => "the customer took control, click to take it again",
            (false, true) => "viewing, click to control",
            (false, false) => "viewing",
        };
        let picture = match (self.scaled, self.exact) {
            (true, _) => " - scaled",
            (false, true) => " - exact",
            (false, false) => "",
        };
        format!("{customer}: {doing}{picture} - Tessera")
    }
}

impl Share {
    /// Opens the window for a view from which the first picture has been taken.
    pub(crate) fn open(
        event_loop: &ActiveEventLoop,
        view: view::Handle,
        customer: String,
        board: Board,
        fullscreen: bool,
    ) -> Result<Self, Error> {
        let picture = view.picture().map(|picture| picture.frame.size()).unwrap_or_default();
        let window = event_loop
            .create_window(attributes(event_loop, picture, fullscreen))
            .map_err(|error| Error::Window(error.to_string()))?;
        let window = Rc::new(window);
        let mut presenter = Presenter::new(event_loop, Rc::clone(&window))?;
        presenter.resize(size_of(window.inner_size()))?;
        Ok(Self {
            window,
            presenter,
            view,
            customer,
            operator: Operator::default(),
            modifiers: ModifiersState::default(),
            local_cursor: LocalCursor::default(),
            annotation: Annotation::new(board),
            wheel_releases: 0,
            silent: false,
            interrupted: false,
            panning: Panning::default(),
            line: Line::default(),
            title: None,
            unchanged: Region::empty(Size::default()),
            spot: (0.0, 0.0),
            input: Vec::new(),
        })
    }

    pub(crate) fn id(&self) -> WindowId {
        self.window.id()
    }

    /// Goes on with another view after an interruption.
    pub(crate) fn resume(&mut self, view: view::Handle) {
        self.view = view;
        self.interrupted = false;
        self.silent = false;
        self.local_cursor = LocalCursor::default();
    }

    /// The connection is lost; what is shown is no longer the present.
    pub(crate) fn interrupt(&mut self) -> Outcome {
        self.interrupted = true;
        self.set_control(false)
    }

    /// Nothing is heard from the customer's program for now, or something is again.
    pub(crate) fn set_silent(&mut self, silent: bool) -> Outcome {
        self.silent = silent;
        Ok(Next::Go)
    }

    /// Shows the picture that the window was opened for.
    pub(crate) fn show_first(&mut self, control_allowed: bool) -> Outcome {
        self.operator.set_allowed(control_allowed);
        self.draw(true)
    }

    /// The customer allowed control, or took it back.
    pub(crate) fn set_control(&mut self, allowed: bool) -> Outcome {
        self.operator.set_allowed(allowed);
        self.refresh()
    }

    /// The customer took control back by a click, or let it be taken again.
    pub(crate) fn set_paused(&mut self, paused: bool) -> Outcome {
        self.operator.set_paused(paused, &mut self.input);
        self.send();
        self.refresh()
    }

    /// Annotation mode begins or ends. Nothing is passed on meanwhile, and not before the next click.
    pub(crate) fn set_annotating(&mut self, on: bool) -> Outcome {
        if on {
            self.operator.disengage(&mut self.input);
            self.send();
        }
        self.annotation.set_on(on);
        self.draw(false)
    }

    /// What was drawn here and is to be told.
    pub(crate) fn drawn(&mut self) -> impl Iterator<Item = Op> + '_ {
        self.annotation.drawn()
    }

    /// Shows what is new, if anything is.
    pub(crate) fn refresh(&mut self) -> Outcome {
        let new = self.view.advance();
        self.draw(new)
    }

    /// Draws the newest picture; without a `new` one only the pointer can have changed.
    fn draw(&mut self, new: bool) -> Outcome {
        let cursor = self.view.cursor();
        let (x, y) = (cursor.x, cursor.y);
        // While operating, the local pointer has the remote shape. A copy shares the pixels.
        let shape = cursor.shape.filter(|_| !self.operator.is_engaged()).cloned();
        let pointer = shape.as_ref().and_then(|shape| Pointer::new(shape, x, y));
        let Some(mut picture) = self.view.picture() else {
            return Ok(Next::Go);
        };
        if !new {
            if self.unchanged.grid().size() != picture.frame.size() {
                self.unchanged = Region::empty(picture.frame.size());
            }
            picture.changed = &self.unchanged;
        }
        let look = Look {
            scale: self.panning.scale,
            corner: self.panning.corner,
            overlay: self.line.drawn(),
            pointer: pointer.as_ref(),
        };
        let presenter = &mut self.presenter;
        self.annotation.over(|over| presenter.show(picture, over, look))?;
        if new {
            self.view.presented();
        }
        Ok(Next::Go)
    }

    /// Brings the title and the local pointer up to date; returns when to do so again.
    pub(crate) fn settle(&mut self, event_loop: &ActiveEventLoop) -> Option<Instant> {
        let engaged = self.operator.is_engaged();
        let shape = self.view.cursor().shape.filter(|_| engaged);
        self.local_cursor.show(event_loop, &self.window, shape);
        let wanted = Title {
            silent: self.silent,
            interrupted: self.interrupted,
            engaged,
            allowed: self.operator.is_allowed(),
            paused: self.operator.is_paused(),
            annotating: self.annotation.is_on(),
            exact: self.view.picture().is_some_and(|picture| picture.info.verified),
            scaled: self.presenter.viewport().is_some_and(|viewport| !viewport.is_one_to_one()),
        };
        self.annotation.settle();
        let due = [self.settle_title(wanted), self.annotation.due()];
        due.into_iter().flatten().min()
    }

    fn settle_title(&mut self, wanted: Title) -> Option<Instant> {
        let now = Instant::now();
        if let Some((shown, since)) = self.title {
            let due = since + TITLE_INTERVAL;
            if shown == wanted {
                return self.line.due();
            } else if due > now {
                return Some(self.line.due().map_or(due, |overlay| overlay.min(due)));
            }
        }
        self.window.set_title(&wanted.text(&self.customer));
        self.title = Some((wanted, now));
        self.line.due()
    }

    /// Time has passed.
    pub(crate) fn tick(&mut self) -> Outcome {
        let now = Instant::now();
        match self.line.due() {
            Some(due) if due <= now => self.update_line(now),
            _ => Ok(Next::Go),
        }
    }

    /// Shows a sentence over the picture for a while.
    pub(crate) fn say(&mut self, said: String) -> Outcome {
        let now = Instant::now();
        self.line.say(said, now);
        self.update_line(now)
    }

    fn update_line(&mut self, now: Instant) -> Outcome {
        let exact = self.view.picture().is_some_and(|picture| picture.info.verified);
        if self.line.update(self.view.figures(), exact, now) {
            return self.draw(false);
        }
        Ok(Next::Go)
    }

    /// A copy of the picture, with what is drawn over it.
    pub(crate) fn frame(&mut self) -> Option<Frame> {
        let mut frame = self.view.picture()?.frame.to_frame();
        self.annotation.draw_on(&mut frame);
        Some(frame)
    }

    /// Sees another part of a picture that is larger than the window, by steps.
    fn pan(&mut self, right: f64, down: f64) -> Outcome {
        if let Some(viewport) = self.presenter.viewport() {
            self.panning.by_steps(viewport, right, down);
        }
        self.draw(false)
    }

    /// Something happened to the window.
    pub(crate) fn on_event(&mut self, event: WindowEvent) -> Outcome {
        match event {
            WindowEvent::CloseRequested => return Ok(Next::Close),
            WindowEvent::Resized(size) => {
                self.presenter.resize(size_of(size))?;
                return self.draw(false);
            }
            WindowEvent::RedrawRequested => self.presenter.repeat()?,
            WindowEvent::ModifiersChanged(modifiers) => self.modifiers = modifiers.state(),
            WindowEvent::Focused(false) => {
                self.wheel_releases = 0;
                self.operator.release_all(&mut self.input);
                self.send();
            }
            WindowEvent::CursorMoved { position, .. } => {
                let window = size_of(self.window.inner_size());
                if let Some((right, down)) = self.panning.pull(position.x, position.y, window) {
                    self.pan(right, down)?;
                }
                if let Some(viewport) = self.presenter.viewport() {
                    let (x, y) = viewport.to_picture(position.x, position.y);
                    self.operator.on_pointer(x, y, &mut self.input);
                    self.send();
                    self.spot = (position.x, position.y);
                    if self.annotation.is_on() {
                        self.annotation.on_pointer(viewport.to_point(position.x, position.y));
                        return self.draw(false);
                    }
                }
            }
            WindowEvent::MouseInput { state, button, .. } if self.annotation.is_on() => {
                if let (MouseButton::Left, Some(viewport)) = (button, self.presenter.viewport()) {
                    let at = viewport.to_point(self.spot.0, self.spot.1);
                    let wish = self.annotation.on_button(state.is_pressed(), at, self.spot);
                    return self.grant(wish);
                }
            }
            WindowEvent::MouseInput { state, button, .. } => {
                if state.is_pressed() && self.operator.is_paused() {
                    return Ok(Next::TakeControl);
                }
                let engaged = self.operator.is_engaged();
                if let Some(button) = button_of(button) {
                    self.operator.on_button(button, state.is_pressed(), &mut self.input);
                    self.send();
                }
                if engaged != self.operator.is_engaged() {
                    return self.draw(false);
                }
            }
            WindowEvent::MouseWheel { delta, .. } => {
                let outcome = self.on_wheel(delta);
                self.send();
                return outcome;
            }
            WindowEvent::KeyboardInput { event, is_synthetic, .. }
                if self.annotation.is_on()
                    && !(self.modifiers.control_key() && self.modifiers.alt_key())
                    && event.state.is_pressed()
                    && !is_synthetic =>
            {
                let wish = self.annotation.on_key(&event.logical_key, event.text.as_deref());
                return self.grant(wish);
            }
            WindowEvent::KeyboardInput { event, is_synthetic, .. } => {
                let outcome = self.on_key(&event, is_synthetic);
                self.send();
                return outcome;
            }
            _ => {}
        }
        Ok(Next::Go)
    }

    /// Acts on what was done in annotation mode, and shows it.
    fn grant(&mut self, wish: Wish) -> Outcome {
        self.draw(false)?;
        Ok(match wish {
            Wish::None => Next::Go,
            Wish::Leave => Next::Annotate(false),
            Wish::Capture => Next::TakeShot,
        })
    }

    /// Something happened on a device.
    ///
    /// A wheel without smooth scrolling is buttons 4 to 7 in X11. For their release winit 0.30
    /// reports a second turn of the wheel, which only this event, coming before it, tells apart.
    pub(crate) fn on_device_event(&mut self, event: &DeviceEvent) {
        if let DeviceEvent::Button { button: 4..=7, state: ElementState::Released } = event {
            self.wheel_releases += 1;
        }
    }

    /// The window library counts upwards and leftwards positive.
    fn on_wheel(&mut self, delta: MouseScrollDelta) -> Outcome {
        match delta {
            MouseScrollDelta::LineDelta(..) if self.wheel_releases > 0 => self.wheel_releases -= 1,
            MouseScrollDelta::LineDelta(left, up) if !self.operator.is_engaged() => {
                return self.pan(-f64::from(left), -f64::from(up));
            }
            MouseScrollDelta::PixelDelta(PhysicalPosition { x, y })
                if !self.operator.is_engaged() =>
            {
                if let Some(viewport) = self.presenter.viewport() {
                    self.panning.by_pixels(viewport, -x, -y);
                }
                return self.draw(false);
            }
            MouseScrollDelta::LineDelta(left, up) => {
                self.operator.on_notches(-f64::from(left), -f64::from(up), &mut self.input);
            }
            MouseScrollDelta::PixelDelta(PhysicalPosition { x, y }) => {
                self.operator.on_scroll(-x, -y, &mut self.input);
            }
        }
        Ok(Next::Go)
    }

    fn on_key(&mut self, event: &KeyEvent, is_synthetic: bool) -> Outcome {
        match event.state {
            ElementState::Released => {
                self.operator.on_key_up(event.physical_key, &mut self.input);
            }
            // Keys that were down when the window got the keyboard were not pressed for it.
            ElementState::Pressed if is_synthetic => {}
            ElementState::Pressed if self.modifiers.control_key() && self.modifiers.alt_key() => {
                match chords::of(&event.key_without_modifiers()) {
                    // Only this is worth repeating.
                    Some(Chord::Pan(right, down)) => return self.pan(right.into(), down.into()),
                    Some(_) if event.repeat => {}
                    Some(Chord::FullScreen) => self.toggle_fullscreen(),
                    Some(Chord::Scale) => return self.next_scale(),
                    Some(Chord::Figures) => {
                        let now = Instant::now();
                        self.line.toggle_figures(self.view.figures(), now);
                        return self.update_line(now);
                    }
                    Some(Chord::Annotate) => {
                        return Ok(Next::Annotate(!self.annotation.is_on()));
                    }
                    Some(Chord::Shot) => return Ok(Next::TakeShot),
                    Some(Chord::Colours) => return Ok(Next::Colours),
                    None => self.pass_on(event),
                }
            }
            ElementState::Pressed if event.repeat => {}
            ElementState::Pressed if self.toggles_fullscreen(event) => self.toggle_fullscreen(),
            ElementState::Pressed => self.pass_on(event),
        }
        Ok(Next::Go)
    }

    fn pass_on(&mut self, event: &KeyEvent) {
        if !event.repeat {
            let keysyms = keys::keysyms(event);
            self.operator.on_key_down(event.physical_key, keysyms, &mut self.input);
        }
    }

    /// F11 while it is not passed on to the customer.
    fn toggles_fullscreen(&self, event: &KeyEvent) -> bool {
        event.logical_key == Key::Named(NamedKey::F11) && !self.operator.is_engaged()
    }

    fn next_scale(&mut self) -> Outcome {
        self.panning.scale = self.panning.scale.next();
        let said = match self.panning.scale {
            Scale::Shrink => "Own size, smaller where it does not fit",
            Scale::Fit => "Scaled to fit the window",
            Scale::Actual => "Own size; Ctrl+Alt+arrows or the window's edges show other parts",
        };
        self.say(said.to_owned())?;
        self.draw(false)
    }

    fn toggle_fullscreen(&self) {
        let fullscreen = match self.window.fullscreen() {
            Some(_) => None,
            None => Some(Fullscreen::Borderless(None)),
        };
        self.window.set_fullscreen(fullscreen);
    }

    fn send(&mut self) {
        for event in self.input.drain(..) {
            self.view.send_input(event);
        }
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.operator.release_all(&mut self.input);
        self.send();
    }
}

/// The window for a picture of this size: the picture's own size, or what the monitor has room for.
///
/// A full-screen window is also given the monitor's place and size, for displays without a window
/// manager to do so.
fn attributes(
    event_loop: &ActiveEventLoop,
    picture: Size,
    fullscreen: bool,
) -> winit::window::WindowAttributes {
    let attributes = Window::default_attributes().with_title("Tessera");
    let monitor = event_loop.primary_monitor().or_else(|| event_loop.available_monitors().next());
    if fullscreen {
        let attributes = match &monitor {
            Some(monitor) => {
                attributes.with_inner_size(monitor.size()).with_position(monitor.position())
            }
            None => attributes,
        };
        return attributes.with_fullscreen(Some(Fullscreen::Borderless(monitor)));
    }
    let room = monitor.map(|monitor| size_of(monitor.size())).map_or(FALLBACK_ROOM, |size| {
        let part = |pixels: u16| (u32::from(pixels) * STANDARD_PERCENT / 100) as u16;
        Size::new(part(size.width), part(size.height))
    });
    let size =
        Viewport::new(picture, room, Scale::Shrink, (0, 0)).map_or(room.rect(), Viewport::area);
    let Rect { width, height, .. } = size;
    attributes.with_inner_size(PhysicalSize::new(width, height))
}

/// A window's size; larger than a canvas can be, it is cut.
fn size_of(size: PhysicalSize<u32>) -> Size {
    let cut = |pixels: u32| u16::try_from(pixels).unwrap_or(u16::MAX);
    Size::new(cut(size.width), cut(size.height))
}

const fn button_of(button: MouseButton) -> Option<PointerButton> {
    match button {
        MouseButton::Left => Some(PointerButton::Left),
        MouseButton::Middle => Some(PointerButton::Middle),
        MouseButton::Right => Some(PointerButton::Right),
        MouseButton::Back => Some(PointerButton::Back),
        MouseButton::Forward => Some(PointerButton::Forward),
        MouseButton::Other(_) => None,
    }
}
