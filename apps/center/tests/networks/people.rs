//! A representative and a customer in namespaces, as their programs run them but for displays.

use std::path::Path;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::{Duration, Instant};

use crossbeam::channel::{Receiver, unbounded};
use tessera::customer::Screen;
use tessera::pipeline::Canvas;
use tessera::{
    Activity, Figures, Network, PathKind, Paths, Proxy, Rect, ScreenSource, Size, csr, customer,
    view,
};
use tessera_netlab::Namespace;

use crate::world::World;

/// Longest time that anything is waited for; far above what it takes on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// The size of the canvas that is shared.
const SIZE: Size = Size::new(320, 200);

/// Waits until `condition` holds, looking every few milliseconds.
pub(crate) fn wait_until(what: &str, mut condition: impl FnMut() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < PATIENCE, "waited for {what} in vain");
        std::thread::park_timeout(Duration::from_millis(5));
    }
}

/// Both sides of a session in which the customer's canvas is seen.
pub(crate) struct Meeting {
    pub(crate) csr: csr::Handle,
    csr_events: Receiver<csr::Event>,
    pub(crate) customer: customer::Handle,
    customer_events: Receiver<customer::Event>,
    opened: Receiver<Canvas>,
    canvas: Canvas,
    view: view::Handle,
    shade: AtomicU8,
}

/// Where a side is, and what it may use of the network.
pub(crate) struct Side<'a> {
    pub(crate) place: &'a Namespace,
    pub(crate) paths: Paths,
    pub(crate) proxy: Option<Proxy>,
}

impl<'a> Side<'a> {
    /// A side that uses every way.
    pub(crate) const fn at(place: &'a Namespace) -> Self {
        Self { place, paths: Paths::Any, proxy: None }
    }

    fn network(&self) -> Network {
        Network::new(self.paths, self.proxy.clone())
    }
}

impl Meeting {
    /// Opens a session at the world's center, joins it, and shares the customer's canvas.
    pub(crate) fn of(world: &World, csr: &Side<'_>, customer: &Side<'_>) -> Self {
        let data = world.data.path();
        let (csr_handle, csr_events) = start(world, csr, data);
        let code = match next(&csr_events) {
            csr::Event::Opened { code } => code,
            other => panic!("not opened: {other:?}"),
        };
        let (tell, opened) = unbounded();
        let open = Box::new(move || {
            let (canvas, source) = Canvas::new(SIZE)?;
            let _ = tell.send(canvas);
            Ok(Box::new(source) as Box<dyn ScreenSource>)
        });
        let options = customer::Options {
            center: world.center.clone(),
            data_dir: data.join("customer"),
            entrance: customer::Entrance::Code(code),
            name: "Bob".to_owned(),
            screen: Screen::Own { open, sink: None },
            standing_consent: vec![Activity::View],
            network: customer.network(),
        };
        let joined = customer.place.enter(|| customer::Session::join(options));
        let (customer, customer_events) = joined.expect("entered").expect("a thread");
        loop {
            match next(&csr_events) {
                csr::Event::CustomerJoined { .. } => break,
                csr::Event::CodeRenewed { .. } => {}
                other => panic!("not joined: {other:?}, {:?}", customer_events.try_recv()),
            }
        }
        csr_handle.request(Activity::View);
        let view = loop {
            if let csr::Event::ShareStarted(view) = next(&csr_events) {
                break view;
            }
        };
        let canvas = next(&opened);
        let mut meeting = Self {
            csr: csr_handle,
            csr_events,
            customer,
            customer_events,
            opened,
            canvas,
            view,
            shade: AtomicU8::new(0),
        };
        meeting.is_seen();
        meeting
    }

    /// Draws the canvas anew and waits until exactly that is seen; tells how long it took.
    pub(crate) fn is_seen(&mut self) -> Duration {
        let shade = self.shade.fetch_add(1, Ordering::Relaxed).wrapping_add(1);
        self.canvas.frame_mut().data_mut().fill(shade);
        let start = Instant::now();
        self.canvas.share(Rect::new(0, 0, SIZE.width, SIZE.height));
        let looking = std::thread::current();
        self.view.on_wake(move || looking.unpark());
        let shows = |picture: view::Picture<'_>| {
            let rows = (0..SIZE.height).map(|y| picture.frame.span(0, y, SIZE.width));
            let mut pixels = rows.flat_map(|row| row.chunks_exact(4));
            pixels.all(|pixel| pixel[..3] == [shade; 3])
        };
        while !self.view.picture().is_some_and(shows) {
            let figures = self.figures();
            assert!(start.elapsed() < PATIENCE, "no picture of shade {shade}: {figures:?}");
            if self.view.advance() {
                self.view.presented();
            } else {
                std::thread::park_timeout(Duration::from_millis(5));
            }
            self.follow();
        }
        start.elapsed()
    }

    /// Takes up a share that goes on over a new connection.
    fn follow(&mut self) {
        while let Ok(event) = self.csr_events.try_recv() {
            match event {
                csr::Event::ShareStarted(view) => {
                    self.view = view;
                    let looking = std::thread::current();
                    self.view.on_wake(move || looking.unpark());
                }
                csr::Event::Failed(error) => panic!("the representative's side failed: {error}"),
                _ => {}
            }
        }
        while let Ok(mut canvas) = self.opened.try_recv() {
            let shade = self.shade.load(Ordering::Relaxed);
            canvas.frame_mut().data_mut().fill(shade);
            canvas.share(Rect::new(0, 0, SIZE.width, SIZE.height));
            self.canvas = canvas;
        }
        while let Ok(event) = self.customer_events.try_recv() {
            if let customer::Event::Failed(error) = event {
                panic!("the customer's side failed: {error}");
            }
        }
    }

    /// What both sides count, the representative's first.
    pub(crate) fn figures(&self) -> [Figures; 2] {
        [self.csr.figures(), self.customer.figures()]
    }

    /// Looks on until both sides send by this kind of path.
    pub(crate) fn goes_by(&mut self, kind: PathKind) {
        let start = Instant::now();
        while self.figures().iter().any(|side| side.path != Some(kind)) {
            let paths = self.figures().map(|side| side.path);
            assert!(start.elapsed() < PATIENCE, "packets go by {paths:?}, not by {kind:?}");
            self.is_seen();
        }
    }

    /// Whether the session has had one connection only.
    pub(crate) fn is_uninterrupted(&mut self) -> bool {
        self.follow();
        self.figures().iter().all(|side| side.resumes == 0)
    }
}

impl Drop for Meeting {
    fn drop(&mut self) {
        self.customer.leave();
        self.csr.end();
    }
}

fn start(world: &World, side: &Side<'_>, data: &Path) -> (csr::Handle, Receiver<csr::Event>) {
    let options = csr::Options {
        center: world.center.clone(),
        data_dir: data.join("csr"),
        listen: None,
        name: "Ann".to_owned(),
        enrolment_token: Some(world.token.clone()),
        network: side.network(),
    };
    let started = side.place.enter(|| csr::Session::start(options));
    started.expect("entered").expect("a thread")
}

fn next<T>(events: &Receiver<T>) -> T {
    events.recv_timeout(PATIENCE).expect("an event")
}
