//! A viewer's seat at a share: what the threads that make pictures and the viewer's connection hold
//! in common.
//!
//! Each viewer has its own: what slows one down closes its own send slot and nobody else's.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::Poll;

use atomic_waker::AtomicWaker;
use crossbeam::atomic::AtomicCell;
use crossbeam::queue::ArrayQueue;
use tessera_codec::{ColourMode, Payload, SetupError, Track};
use tessera_transport::congestion::Handle;
use tessera_transport::report::Report;

use super::flow;
use super::sharer_connection::MAX_UNACKNOWLEDGED;
use super::stage::Stage;
use crate::Error;

/// Payloads that may wait for the transport. Flow control keeps it nearly empty: it fills only when
/// many tiny updates meet a connection that takes none.
const OUTBOX: usize = 64;

/// More payloads than one call of the encoder makes.
const OUTBOX_RESERVE: usize = 16;

/// Reports of a viewer that may wait for the encoder, which looks for them each time it is woken.
const REPORTS: usize = 64;

/// An encoded update on its way to the transport.
pub(crate) struct Outgoing {
    pub(crate) payload: Payload,
    /// The epoch in which `payload` has its number.
    pub(crate) epoch: u32,
    /// When the damage in it was noticed.
    pub(crate) damage_us: u64,
    /// Whether it is the last update of its picture.
    pub(crate) ends_picture: bool,
}

/// An update that the viewer has not applied, none of the chain.
#[derive(Clone, Copy)]
pub(crate) struct Lost {
    pub(crate) track: Track,
    pub(crate) epoch: u32,
    pub(crate) number: u32,
}

/// What is asked for a viewer from one share to the next.
pub(crate) struct Wishes {
    /// How many colours pictures have from the next update on.
    pub(crate) colours: AtomicCell<ColourMode>,
    /// Whether the viewer has gone.
    pub(crate) has_left: AtomicBool,
}

/// One viewer at one share.
pub(crate) struct Seat {
    /// Names the viewer among those of its sharer.
    pub(crate) id: u64,
    pub(crate) stage: Arc<Stage>,
    wishes: Arc<Wishes>,
    /// Why the viewer cannot be served.
    failure: OnceLock<String>,
    outbox: ArrayQueue<Outgoing>,
    outbox_ready: AtomicWaker,
    /// Never full: it holds as many as may be on the way, and while the encoder does not look nothing
    /// new is sent.
    lost: ArrayQueue<Lost>,
    /// What the viewer says is wrong with its picture.
    reports: ArrayQueue<Report>,
    pub(crate) pointer_moved: AtomicWaker,
    received: AtomicU64,
    presented: AtomicU64,
    film_received: AtomicU64,
    film_done: AtomicU64,
    encoded_bytes: AtomicU64,
    received_bytes: AtomicU64,
    /// Bytes in the outbox: exact damage, and pictures.
    queued_bytes: [AtomicU64; 2],
    /// What is known of the connection's path, once there is a connection.
    path: OnceLock<Arc<Handle>>,
}

impl Seat {
    pub(crate) fn new(id: u64, stage: Arc<Stage>, wishes: Arc<Wishes>) -> Self {
        Self {
            id,
            stage,
            wishes,
            failure: OnceLock::new(),
            outbox: ArrayQueue::new(OUTBOX),
            outbox_ready: AtomicWaker::new(),
            lost: ArrayQueue::new(MAX_UNACKNOWLEDGED),
            reports: ArrayQueue::new(REPORTS),
            pointer_moved: AtomicWaker::new(),
            received: AtomicU64::new(0),
            presented: AtomicU64::new(0),
            film_received: AtomicU64::new(0),
            film_done: AtomicU64::new(0),
            encoded_bytes: AtomicU64::new(0),
            received_bytes: AtomicU64::new(0),
            queued_bytes: Default::default(),
            path: OnceLock::new(),
        }
    }

    /// What the flow control decides on. The counters are read one by one: each only grows or is a
    /// gauge, so a mixed reading is at worst a slot opened or closed one wake early.
    pub(crate) fn flow(&self) -> flow::State {
        let [exact, pictures] = &self.queued_bytes;
        let mut state = flow::State {
            received: self.received.load(Ordering::SeqCst),
            presented: self.presented.load(Ordering::SeqCst),
            unreported_bytes: self
                .encoded_bytes
                .load(Ordering::SeqCst)
                .saturating_sub(self.received_bytes.load(Ordering::SeqCst)),
            unsent_exact_bytes: exact.load(Ordering::SeqCst),
            unsent_pictures_bytes: pictures.load(Ordering::SeqCst),
            ..flow::State::default()
        };
        if let Some(path) = self.path.get() {
            state.unsent_exact_bytes += path.unsent_exact_bytes();
            state.unsent_pictures_bytes += path.unsent_pictures_bytes();
            state.in_flight_bytes = path.in_flight_bytes();
            state.congestion_window_bytes = path.window_bytes();
            state.delivery_rate_bytes_per_s = path.delivery_rate_bytes_per_s();
            state.min_rtt_us = path.min_rtt_us();
        }
        state
    }

    /// The connection's path is this one.
    pub(crate) fn connect(&self, path: &Arc<Handle>) {
        let _ = self.path.set(Arc::clone(path));
    }

    /// Whether the viewer has a send slot, and its outbox takes all updates of one more call of the
    /// encoder.
    pub(crate) fn is_open(&self) -> bool {
        self.flow().is_open() && self.has_room()
    }

    /// Whether its outbox takes all updates of one more call of the encoder.
    pub(crate) fn has_room(&self) -> bool {
        self.outbox.len() + OUTBOX_RESERVE <= OUTBOX
    }

    /// Whether the path has room for pictures and the viewer has decoded the frames of film that it has
    /// received, but for those that its decoder works on.
    pub(crate) fn takes_film(&self) -> bool {
        let received = self.film_received.load(Ordering::SeqCst);
        let done = self.film_done.load(Ordering::SeqCst);
        received.saturating_sub(done) <= flow::MAX_UNDECODED_FILM
            && self.flow().is_open_for_pictures()
            && self.has_room()
    }

    pub(crate) fn has_left(&self) -> bool {
        self.wishes.has_left.load(Ordering::SeqCst)
    }

    pub(crate) fn colours(&self) -> ColourMode {
        self.wishes.colours.load()
    }

    /// Queues an update; `false` when there is no room, which [`Self::is_open`] rules out.
    pub(crate) fn push(&self, outgoing: Outgoing) -> bool {
        self.outbox.push(outgoing).is_ok()
    }

    pub(crate) fn wake_connection(&self) {
        self.outbox_ready.wake();
    }

    /// Tells the connection that the viewer cannot be served.
    pub(crate) fn fail(&self, error: &SetupError) {
        let _ = self.failure.set(error.to_string());
        self.wake_connection();
    }

    pub(crate) fn has_failed(&self) -> bool {
        self.failure.get().is_some()
    }

    /// The next update to send. Cancel-safe.
    pub(crate) async fn next_outgoing(&self) -> Result<Outgoing, Error> {
        std::future::poll_fn(|context| {
            self.outbox_ready.register(context.waker());
            match (self.outbox.pop(), self.failure.get()) {
                (Some(outgoing), _) => Poll::Ready(Ok(outgoing)),
                (None, Some(failure)) => Poll::Ready(Err(Error::Thread(failure.clone()))),
                (None, None) => Poll::Pending,
            }
        })
        .await
    }

    /// What was in `lost` must be sent again.
    pub(crate) fn lost(&self, lost: Lost) {
        self.lost.force_push(lost);
        self.stage.gate.wake_encoder();
    }

    /// The next update that was lost.
    pub(crate) fn next_lost(&self) -> Option<Lost> {
        self.lost.pop()
    }

    /// Passes on what the viewer says is wrong with its picture; `false` when too much waits.
    pub(crate) fn report(&self, report: Report) -> bool {
        let is_taken = self.reports.push(report).is_ok();
        self.stage.gate.wake_encoder();
        is_taken
    }

    /// The next report to heed.
    pub(crate) fn next_report(&self) -> Option<Report> {
        self.reports.pop()
    }

    /// Waits until the pointer is elsewhere than at `known`. Cancel-safe.
    pub(crate) async fn pointer_other_than(&self, known: Option<(u16, u16)>) -> (u16, u16) {
        std::future::poll_fn(|context| {
            self.pointer_moved.register(context.waker());
            match self.stage.pointer() {
                Some(pointer) if Some(pointer) != known => Poll::Ready(pointer),
                _ => Poll::Pending,
            }
        })
        .await
    }

    /// An update was encoded for the viewer and will be queued for its connection.
    pub(crate) fn encoded(&self, track: Track, bytes: u64) {
        self.encoded_bytes.fetch_add(bytes, Ordering::SeqCst);
        self.queued(track).fetch_add(bytes, Ordering::SeqCst);
    }

    /// The connection has handed the update to the transport.
    pub(crate) fn handed_over(&self, track: Track, bytes: u64) {
        self.queued(track).fetch_sub(bytes, Ordering::SeqCst);
    }

    fn queued(&self, track: Track) -> &AtomicU64 {
        let [exact, pictures] = &self.queued_bytes;
        match track {
            Track::Chain => exact,
            Track::Leaf | Track::Video => pictures,
        }
    }

    /// The viewer has received an update of so many bytes, perhaps the last one of its picture.
    pub(crate) fn received(&self, bytes: u64, ends_picture: bool) {
        self.received.fetch_add(u64::from(ends_picture), Ordering::SeqCst);
        self.received_bytes.fetch_add(bytes, Ordering::SeqCst);
    }

    /// The viewer has presented the last update of a picture, or will never.
    pub(crate) fn presented(&self) {
        self.presented.fetch_add(1, Ordering::SeqCst);
    }

    /// The viewer has received a frame of film of so many bytes, or will never.
    pub(crate) fn film_received(&self, bytes: u64) {
        self.film_received.fetch_add(1, Ordering::SeqCst);
        self.received_bytes.fetch_add(bytes, Ordering::SeqCst);
    }

    /// The viewer is done with a frame of film: the next may go.
    pub(crate) fn film_done(&self) {
        self.film_done.fetch_add(1, Ordering::SeqCst);
        self.stage.gate.wake_encoder();
    }

    /// Something has changed that may have opened the viewer's slot.
    pub(crate) fn reopen(&self) {
        if self.flow().is_open() {
            self.stage.gate.reopen();
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use tessera_capture::SourceWaker;

    use super::*;

    #[test]
    fn film_that_is_not_decoded_closes_no_slot_but_its_own() {
        let seat = seat();
        for _ in 0..=flow::MAX_UNDECODED_FILM {
            assert!(seat.takes_film());
            seat.film_received(0);
        }
        assert!(!seat.takes_film());
        assert!(seat.is_open());
        seat.film_done();
        assert!(seat.takes_film());
    }

    fn seat() -> Seat {
        let poll = mio::Poll::new().expect("an event queue");
        let waker = SourceWaker::new(poll.registry(), mio::Token(0)).expect("a waker");
        let wishes = Wishes {
            colours: AtomicCell::new(ColourMode::Standard),
            has_left: AtomicBool::new(false),
        };
        Seat::new(0, Arc::new(Stage::new(waker, Arc::default())), Arc::new(wishes))
    }

    #[test]
    fn the_updates_of_a_picture_take_one_slot() {
        let seat = seat();
        for _ in 0..flow::MAX_UNPRESENTED {
            seat.received(0, false);
            seat.received(0, true);
        }
        assert!(seat.is_open());
        seat.received(0, false);
        assert!(seat.is_open(), "the rest of the picture is on its way");
        seat.received(0, true);
        assert!(!seat.is_open());
        seat.presented();
        assert!(seat.is_open());
    }
}
