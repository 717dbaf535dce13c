//! The sharer: one capture of a screen for any number of viewers.
//!
//! A [`Sharer`] may share many times, one share at a time; viewers come and go before, during and
//! between shares, each over a connection of its own. Between shares it keeps only who the viewers
//! are and which epochs their decoders have seen; everything else of a share ends with it, so that
//! nothing is captured while nothing is shared.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;

use crossbeam::atomic::AtomicCell;
use tessera_capture::ScreenSource;
use tessera_codec::ColourMode;
use tokio::sync::watch;

use super::aside::Aside;
use super::capture::{Capture, Captured};
use super::encode::{Encode, Epochs, MAX_LINES, Settings};
use super::film;
use super::pictures::single_picture;
use super::seat::{Seat, Wishes};
use super::sharer_connection::{CurrentSeat, Shared, SharerConnection};
use super::spawn;
use super::stage::{OnNotice, Seating, Seatings, SourceNotice, Stage};
use crate::figures::{CodingCounters, ShareFigures};
use crate::{CodingFigures, Error, Figures, default_threads};

/// Most viewers of a sharer at a time.
pub const MAX_VIEWERS: usize = 16;

/// What film may take unless [`Sharer::limit_film`] says otherwise, in bytes a second for each million
/// pixels: 450 kB/s of a film of 1280x720, all headers included.
pub const FILM_BYTES_PER_S_PER_MEGAPIXEL: u32 = 445_000;

/// Names a viewer among those of its [`Sharer`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ViewerId(u64);

/// Starts and stops shares, and says who sees them.
pub struct Sharer {
    viewers: Vec<Viewer>,
    next_id: u64,
    share: Option<Share>,
    epochs: Epochs,
    film_bytes_per_s_per_megapixel: Option<u32>,
    figures: Arc<ShareFigures>,
    coding: Arc<CodingCounters>,
}

/// A viewer from when it is added until it leaves or is removed.
struct Viewer {
    id: u64,
    current: watch::Sender<CurrentSeat>,
    shared: Arc<Shared>,
}

/// The threads of the present share.
struct Share {
    stage: Arc<Stage>,
    seatings: Arc<Seatings>,
    capture: JoinHandle<()>,
    encode: JoinHandle<Epochs>,
}

impl Sharer {
    /// A sharer that shares nothing yet, with nobody.
    #[must_use]
    pub fn new() -> Self {
        Self::with_figures(Arc::new(ShareFigures::default()))
    }

    pub(crate) fn with_figures(figures: Arc<ShareFigures>) -> Self {
        Self {
            viewers: Vec::new(),
            next_id: 0,
            share: None,
            epochs: Epochs::first(),
            film_bytes_per_s_per_megapixel: Some(FILM_BYTES_PER_S_PER_MEGAPIXEL),
            figures,
            coding: Arc::default(),
        }
    }

    /// Adds a viewer with pictures in `colours`; what is shared, now or later, goes to it over the
    /// connection that [`SharerConnection::run`] is given. A viewer that comes during a share gets a
    /// complete picture at once. It leaves when its connection ends or is dropped.
    ///
    /// # Errors
    /// When there are [`MAX_VIEWERS`] already.
    pub fn add_viewer(
        &mut self,
        colours: ColourMode,
    ) -> Result<(ViewerId, SharerConnection), Error> {
        self.viewers.retain(|viewer| !viewer.has_left());
        if self.viewers.len() >= MAX_VIEWERS {
            return Err(Error::TooManyViewers { most: MAX_VIEWERS });
        }
        let id = self.next_id;
        self.next_id += 1;
        let (current, receiver) = watch::channel(None);
        let shared = Arc::new(Shared {
            wishes: Arc::new(Wishes {
                colours: AtomicCell::new(colours),
                has_left: AtomicBool::new(false),
            }),
            next_update: AtomicU64::new(0),
            figures: ShareFigures::default(),
            total: Arc::clone(&self.figures),
        });
        let connection = SharerConnection { current: receiver, shared: Arc::clone(&shared) };
        let viewer = Viewer { id, current, shared };
        if let Some(share) = &self.share {
            viewer.sit_down(&share.stage);
        }
        self.viewers.push(viewer);
        self.announce();
        Ok((ViewerId(id), connection))
    }

    /// Sends nothing more to a viewer; its connection goes on without pictures. Nothing happens when
    /// it has left already.
    pub fn remove_viewer(&mut self, viewer: ViewerId) {
        self.viewers.retain(|other| {
            let stays = other.id != viewer.0;
            if !stays {
                other.current.send_replace(None);
            }
            stays && !other.has_left()
        });
        self.announce();
    }

    /// Captures `source` from now on and sends it to all viewers, on three threads of its own; a former
    /// share ends. `on_notice` is called on the capture thread and must return at once.
    ///
    /// # Errors
    /// When threads cannot be made.
    pub fn start(
        &mut self,
        source: Box<dyn ScreenSource>,
        on_notice: impl Fn(SourceNotice) + Send + 'static,
    ) -> Result<(), Error> {
        self.stop();
        let stage = Arc::new(Stage::new(source.waker(), Arc::clone(&self.coding)));
        let seatings = Arc::new(Seatings::new());
        let (writer, reader) = single_picture::<Captured>(source.size());
        let on_notice: OnNotice = Box::new(on_notice);
        let settings = Settings {
            threads: default_threads(),
            film_bytes_per_s_per_megapixel: self.film_bytes_per_s_per_megapixel,
        };
        let encode = Encode::new(
            Arc::clone(&stage),
            Arc::clone(&seatings),
            reader,
            self.epochs,
            settings,
            Aside::start(film::CODER, MAX_LINES)?,
        );
        let encode = spawn("tessera-encode", move || encode.run())?;
        stage.gate.register_encoder(encode.thread().clone());
        let capture =
            Capture::new(source, Arc::clone(&stage), Arc::clone(&seatings), writer, on_notice);
        let capture = match spawn("tessera-capture", move || capture.run()) {
            Ok(capture) => capture,
            Err(error) => {
                stage.gate.stop();
                let _ = encode.join();
                return Err(error);
            }
        };
        self.viewers.retain(|viewer| !viewer.has_left());
        for viewer in &self.viewers {
            viewer.sit_down(&stage);
        }
        self.share = Some(Share { stage, seatings, capture, encode });
        self.announce();
        Ok(())
    }

    /// Sets how many bytes a second film may take, from the next share on, for each million pixels of the
    /// rectangle in which it plays, however much a path carries; `None` leaves it the quality that it
    /// should have. At first it is [`FILM_BYTES_PER_S_PER_MEGAPIXEL`].
    pub const fn limit_film(&mut self, bytes_per_s_per_megapixel: Option<u32>) {
        self.film_bytes_per_s_per_megapixel = bytes_per_s_per_megapixel;
    }

    /// Chooses how many colours a viewer's pictures have, from the next update of the present share on
    /// and in every later one. What is shown stays until it is overwritten.
    pub fn set_colours(&mut self, viewer: ViewerId, colours: ColourMode) {
        if let Some(viewer) = self.viewers.iter().find(|other| other.id == viewer.0) {
            viewer.shared.wishes.colours.store(colours);
        }
        if let Some(Share { stage, .. }) = &self.share {
            stage.gate.wake_encoder();
        }
    }

    /// Ends the share, if there is one: when this returns, nothing is captured any more.
    pub fn stop(&mut self) {
        for viewer in &self.viewers {
            viewer.current.send_replace(None);
        }
        if let Some(Share { stage, capture, encode, .. }) = self.share.take() {
            stage.gate.stop();
            // A thread that panicked has nothing more to do.
            let _ = capture.join();
            self.epochs = encode.join().unwrap_or_else(|_| self.epochs.far_later());
        }
    }

    /// Number that the next update to a viewer will have; 0 for one that has left.
    #[must_use]
    pub fn next_update(&self, viewer: ViewerId) -> u64 {
        let viewer = self.viewers.iter().find(|other| other.id == viewer.0);
        viewer.map_or(0, |viewer| viewer.shared.next_update.load(Ordering::SeqCst))
    }

    /// Counters of all shares and all viewers together.
    #[must_use]
    pub fn figures(&self) -> Figures {
        self.figures.snapshot()
    }

    /// Counters of all shares of one viewer; `None` for one that has left.
    #[must_use]
    pub fn viewer_figures(&self, viewer: ViewerId) -> Option<Figures> {
        let viewer = self.viewers.iter().find(|other| other.id == viewer.0)?;
        Some(viewer.shared.figures.snapshot())
    }

    /// What was coded so far, for all viewers together.
    #[must_use]
    pub fn coding(&self) -> CodingFigures {
        self.coding.snapshot()
    }

    /// Tells the threads of the present share who the viewers are.
    fn announce(&self) {
        if let Some(share) = &self.share {
            let seats = self.viewers.iter().filter_map(|viewer| viewer.current.borrow().clone());
            share.seatings.announce(&seats.collect::<Seating>(), &share.stage.gate);
        }
    }
}

impl Viewer {
    fn has_left(&self) -> bool {
        self.shared.wishes.has_left.load(Ordering::SeqCst)
    }

    /// Gives the viewer a seat at the share.
    fn sit_down(&self, stage: &Arc<Stage>) {
        let seat = Seat::new(self.id, Arc::clone(stage), Arc::clone(&self.shared.wishes));
        self.current.send_replace(Some(Arc::new(seat)));
    }
}

impl Default for Sharer {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Sharer {
    fn drop(&mut self) {
        self.stop();
    }
}

impl std::fmt::Debug for Sharer {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Sharer")
            .field("sharing", &self.share.is_some())
            .field("viewers", &self.viewers.len())
            .finish_non_exhaustive()
    }
}
