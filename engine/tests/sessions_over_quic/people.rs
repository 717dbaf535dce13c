//! The two people of a session and what they look at.

use std::path::Path;
use std::time::{Duration, Instant};

use crossbeam::channel::{Receiver, Sender, unbounded};
use tessera::customer::Screen;
use tessera::pipeline::Canvas;
use tessera::{Activity, Code, InputEvent, InputSink, Kept, Rect, Size, csr, customer, view};
use tessera_capture::CaptureError;

use crate::network::Network;

/// Longest time that anything is waited for.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// The size of every canvas shared here.
pub(crate) const SIZE: Size = Size::new(320, 200);

/// The next event of either side.
pub(crate) fn next<T>(events: &Receiver<T>) -> T {
    events.recv_timeout(PATIENCE).expect("an event")
}

/// Takes the next event, which has to be of this form, and what the form binds.
macro_rules! take {
    ($events:expr, $form:pat $(=> $bound:expr)?) => {
        match crate::people::next(&$events) {
            $form => ($($bound)?),
            other => panic!("not {}: {other:?}", stringify!($form)),
        }
    };
}
pub(crate) use take;

/// Waits until `condition` holds, looking every few milliseconds.
pub(crate) fn wait_until(what: &str, condition: impl Fn() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < PATIENCE, "waited for {what} in vain");
        std::thread::park_timeout(Duration::from_millis(5));
    }
}

/// What reached the customer's desktop.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Injected {
    Event(InputEvent),
    AllReleased,
}

struct Recorder(Sender<Injected>);

impl InputSink for Recorder {
    fn inject(&mut self, event: &InputEvent) -> Result<(), CaptureError> {
        let _ = self.0.send(Injected::Event(*event));
        Ok(())
    }

    fn release_all(&mut self) {
        let _ = self.0.send(Injected::AllReleased);
    }
}

pub(crate) struct Representative {
    pub(crate) handle: csr::Handle,
    pub(crate) events: Receiver<csr::Event>,
    pub(crate) code: Code,
}

impl Representative {
    pub(crate) fn open(network: &Network, data_dir: &Path) -> Self {
        let (handle, events) = csr::Session::start(csr::Options {
            center: network.center.clone(),
            data_dir: data_dir.join("csr"),
            listen: Some("127.0.0.1:0".parse().expect("an address")),
            name: "Ann".to_owned(),
            enrolment_token: None,
            network: tessera::Network::new(tessera::Paths::Introduced, None),
        })
        .expect("a session");
        let code = take!(events, csr::Event::Opened { code } => code);
        Self { handle, events, code }
    }
}

pub(crate) struct Customer {
    pub(crate) handle: customer::Handle,
    pub(crate) events: Receiver<customer::Event>,
    /// The drawing end of each canvas that was opened for a share.
    pub(crate) opened: Receiver<Canvas>,
    pub(crate) injected: Receiver<Injected>,
}

impl Customer {
    pub(crate) fn join(
        center: &str,
        data_dir: &Path,
        code: Code,
        standing_consent: Vec<Activity>,
    ) -> Self {
        Self::enter(center, data_dir, customer::Entrance::Code(code), standing_consent)
    }

    /// The session that the program of this folder was in when it was killed.
    pub(crate) fn kept(data_dir: &Path) -> Option<Kept> {
        Kept::read(&data_dir.join("customer")).expect("readable, if there")
    }

    pub(crate) fn enter(
        center: &str,
        data_dir: &Path,
        entrance: customer::Entrance,
        standing_consent: Vec<Activity>,
    ) -> Self {
        let (tell, opened) = unbounded();
        let (record, injected) = unbounded();
        let open = Box::new(move || {
            let (canvas, source) = Canvas::new(SIZE)?;
            let _ = tell.send(canvas);
            Ok(Box::new(source) as Box<dyn tessera::ScreenSource>)
        });
        let (handle, events) = customer::Session::join(customer::Options {
            center: center.to_owned(),
            data_dir: data_dir.join("customer"),
            entrance,
            name: "Bob".to_owned(),
            screen: Screen::Own { open, sink: Some(Box::new(Recorder(record))) },
            standing_consent,
            network: tessera::Network::new(tessera::Paths::Introduced, None),
        })
        .expect("a thread");
        Self { handle, events, opened, injected }
    }

    /// Joins and waits until both sides have told their people.
    pub(crate) fn joined(network: &Network, data_dir: &Path, csr: &Representative) -> Self {
        let customer = Self::join(&network.center, data_dir, csr.code.clone(), Vec::new());
        take!(customer.events, customer::Event::Joined { again: false, .. });
        take!(csr.events, csr::Event::CustomerJoined { again: false, .. });
        customer
    }

    /// Answers the request that the representative makes for `activity`.
    pub(crate) fn answers(&self, csr: &Representative, activity: Activity, granted: bool) {
        csr.handle.request(activity);
        let id = take!(self.events, customer::Event::Asked { id, .. } => id);
        take!(csr.events, csr::Event::RequestReceived { .. });
        self.handle.answer(id, granted, false);
        let answer = take!(csr.events, csr::Event::Answered { granted, .. } => granted);
        assert_eq!(answer, granted);
    }

    /// Allows the next request, whatever is told before it.
    pub(crate) fn answers_after(&self, csr: &Representative, activity: Activity) {
        csr.handle.request(activity);
        let id = loop {
            if let customer::Event::Asked { id, .. } = next(&self.events) {
                break id;
            }
        };
        self.handle.answer(id, true, false);
        while !matches!(next(&csr.events), csr::Event::ShareStarted(_)) {}
    }

    /// Has the representative view the desktop, and shows that pictures flow.
    pub(crate) fn shares(&self, csr: &Representative) -> (Canvas, view::Handle) {
        self.answers(csr, Activity::View, true);
        take!(self.events, customer::Event::Sharing { on: true, .. });
        let mut view = take!(csr.events, csr::Event::ShareStarted(view) => view);
        let mut canvas = next(&self.opened);
        paint(&mut canvas, 50);
        look_until(&mut view, 50);
        (canvas, view)
    }
}

/// Fills the whole canvas with one shade.
pub(crate) fn paint(canvas: &mut Canvas, shade: u8) {
    canvas.frame_mut().data_mut().fill(shade);
    canvas.share(Rect::new(0, 0, SIZE.width, SIZE.height));
}

/// Presents pictures until one is exact and of this shade alone.
pub(crate) fn look_until(view: &mut view::Handle, shade: u8) {
    let looking = std::thread::current();
    view.on_wake(move || looking.unpark());
    let start = Instant::now();
    let shows = |picture: view::Picture<'_>| {
        let rows = (0..SIZE.height).map(|y| picture.frame.span(0, y, SIZE.width));
        let mut pixels = rows.flat_map(|row| row.chunks_exact(4));
        picture.info.exact && pixels.all(|pixel| pixel[..3] == [shade; 3])
    };
    while !view.picture().is_some_and(shows) {
        assert!(start.elapsed() < PATIENCE, "no picture of shade {shade}");
        if view.advance() {
            view.presented();
        } else {
            std::thread::park_timeout(Duration::from_millis(50));
        }
    }
}
