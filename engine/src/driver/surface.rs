//! What a share shows and where its input goes: the desktop or one monitor of it, or applications.

use std::sync::Arc;

use crossbeam::queue::ArrayQueue;
use tessera_capture::x11::applications::{
    ApplicationId, ApplicationInput, ApplicationSource, RunningApplication, Selection,
};
use tessera_capture::x11::{MonitorChoice, X11Input, X11Source};
use tessera_capture::{CaptureError, InputEvent, InputSink, ScreenSource};

use crate::Error;
use crate::customer::{OpenSource, Screen};
use crate::session::share::{MAX_WINDOWS, ShareTarget, SharedWindow};

/// See the module text.
pub(crate) struct Surface {
    screen: Kind,
    /// The newest route, until the sink has taken it.
    route: Arc<ArrayQueue<Route>>,
    /// What was picked in this session; a window's number in messages is its place here.
    picked: Vec<ApplicationId>,
    /// The applications that are shown now.
    shown: Vec<SharedWindow>,
}

enum Kind {
    Display { name: Option<String>, choice: MonitorChoice, selection: Option<Selection> },
    Own(OpenSource),
}

/// Where input goes.
#[derive(Debug, Default)]
enum Route {
    /// To all of the desktop that is shown.
    #[default]
    Desktop,
    /// To shared applications, and nowhere else.
    Applications(Option<Box<ApplicationInput>>),
}

impl Surface {
    /// The surface of `screen`, and what operates it.
    pub(crate) fn new(screen: Screen) -> Result<(Self, Option<Box<dyn InputSink>>), Error> {
        let route = Arc::new(ArrayQueue::new(1));
        let (screen, sink) = match screen {
            Screen::Own { open, sink } => (Kind::Own(open), sink),
            Screen::Display(name) => {
                let choice = MonitorChoice::default();
                let desktop = X11Input::open(name.as_deref())?.on_monitor(choice.clone());
                let sink: Box<dyn InputSink> =
                    Box::new(Routed { desktop, route: Route::Desktop, next: Arc::clone(&route) });
                (Kind::Display { name, choice, selection: None }, Some(sink))
            }
        };
        Ok((Self { screen, route, picked: Vec::new(), shown: Vec::new() }, sink))
    }

    /// Whether there are applications to share.
    pub(crate) const fn has_applications(&self) -> bool {
        matches!(self.screen, Kind::Display { .. })
    }

    /// Whether applications are shown, and not the desktop.
    pub(crate) const fn shows_applications(&self) -> bool {
        !self.shown.is_empty()
    }

    /// The target that shows `applications`, besides those that are shown now if `also`.
    pub(crate) fn target(
        &mut self,
        applications: &[RunningApplication],
        also: bool,
    ) -> ShareTarget {
        let mut windows = if also { self.shown.clone() } else { Vec::new() };
        for RunningApplication { id, name, .. } in applications {
            let at = self.picked.iter().position(|picked| picked == id);
            let at = at.unwrap_or_else(|| {
                self.picked.push(*id);
                self.picked.len() - 1
            });
            let number = u32::try_from(at).unwrap_or(u32::MAX);
            if windows.iter().all(|window| window.id != number) && windows.len() < MAX_WINDOWS {
                windows.push(SharedWindow { id: number, name: name.clone() });
            }
        }
        ShareTarget::Applications { windows }
    }

    /// Opens what `target` names, and lets input go there alone.
    pub(crate) fn open(&mut self, target: &ShareTarget) -> Result<Box<dyn ScreenSource>, Error> {
        let ids = self.ids(target);
        match (&mut self.screen, target) {
            (Kind::Own(open), ShareTarget::Desktop { .. }) => Ok(open()?),
            (Kind::Display { name, choice, .. }, ShareTarget::Desktop { monitor }) => {
                choice.show(*monitor);
                let source = X11Source::open_monitor(name.as_deref(), choice.clone())?;
                self.set_route(Route::Desktop);
                Ok(Box::new(source))
            }
            (Kind::Display { name, selection, .. }, ShareTarget::Applications { windows })
                if !ids.is_empty() =>
            {
                let source = ApplicationSource::open(name.as_deref(), &ids)?;
                *selection = Some(source.selection());
                self.shown.clone_from(windows);
                let input = source.input().inspect_err(|error| {
                    tracing::warn!(%error, "the application is shown and cannot be operated");
                });
                self.set_route(Route::Applications(input.ok().map(Box::new)));
                Ok(Box::new(source))
            }
            _ => Err(CaptureError::ApplicationGone.into()),
        }
    }

    /// Shows something else of the same kind.
    pub(crate) fn change(&mut self, target: &ShareTarget) {
        let ids = self.ids(target);
        match (&self.screen, target) {
            (Kind::Display { choice, .. }, ShareTarget::Desktop { monitor }) => {
                choice.show(*monitor);
            }
            (
                Kind::Display { selection: Some(selection), .. },
                ShareTarget::Applications { windows },
            ) => {
                selection.share(ids);
                self.shown.clone_from(windows);
            }
            _ => {}
        }
    }

    /// Nothing is shared any more.
    pub(crate) fn close(&mut self) {
        if self.shows_applications() {
            self.shown.clear();
            // Not to the desktop: whatever is still under way was meant for the applications.
            self.set_route(Route::Applications(None));
        }
    }

    fn ids(&self, target: &ShareTarget) -> Vec<ApplicationId> {
        let ShareTarget::Applications { windows } = target else { return Vec::new() };
        let place = |window: &SharedWindow| usize::try_from(window.id).ok();
        let known = windows.iter().filter_map(|window| self.picked.get(place(window)?));
        known.copied().collect()
    }

    fn set_route(&self, route: Route) {
        // One that was not taken has led nowhere.
        drop(self.route.force_push(route));
    }
}

/// Input on its way to what is shared. A route is set before input is granted for it, and taken
/// before each event, so that no event goes the way of another share.
struct Routed {
    desktop: X11Input,
    route: Route,
    next: Arc<ArrayQueue<Route>>,
}

impl InputSink for Routed {
    fn inject(&mut self, event: &InputEvent) -> Result<(), CaptureError> {
        if let Some(route) = self.next.pop() {
            // What the former one held down is let go of with it.
            self.desktop.release_all();
            self.route = route;
        }
        match &mut self.route {
            Route::Desktop => self.desktop.inject(event),
            Route::Applications(Some(input)) => input.inject(event),
            Route::Applications(None) => Ok(()),
        }
    }

    fn release_all(&mut self) {
        self.desktop.release_all();
        if let Route::Applications(Some(input)) = &mut self.route {
            input.release_all();
        }
    }
}
