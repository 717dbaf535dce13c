//! The sharer of one connection: its threads, and their end of the link.
//!
//! A [`Sharer`] lives as long as its connection and may share many times, one share at a time. The
//! encoder is kept between shares, since it numbers what the viewer has; everything else of a share
//! ends with it, so that nothing is captured while nothing is shared.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;

use crossbeam::queue::ArrayQueue;
use tessera_capture::{InputEvent, ScreenSource};
use tessera_codec::{ColourMode, Encoder, EncoderConfig, Track};
use tessera_transport::Link;
use tessera_transport::acknowledgement::{
    Acknowledged, Acknowledgement, AcknowledgementReceiver, Outcome,
};
use tessera_transport::chain::ChainSender;
use tessera_transport::datagram::{CursorPosition, Datagram};
use tessera_transport::inbound::InboundStream;
use tessera_transport::input::InputReceiver;
use tessera_transport::leaf::{LeafClass, LeafHeader};
use tessera_transport::report::Report;
use tessera_transport::video::VideoSender;
use tokio::sync::watch;

use super::allowance::Allowance;
use super::capture::{Capture, Captured};
use super::encode::Encode;
use super::pictures::pictures;
use super::stage::{OnNotice, Outgoing, SourceNotice, Stage};
use super::{misbehaved, spawn, wait_for_change};
use crate::figures::ShareFigures;
use crate::{Error, Figures, clock, default_threads};

/// Updates that may be sent and not yet acknowledged as presented; flow control allows far fewer.
pub(super) const MAX_UNACKNOWLEDGED: usize = 4096;

/// Reports of a picture that needs help which a viewer may send at once, and time after which it may
/// send one more, in microseconds. A viewer limits itself to less; each may cost a whole picture.
const MAX_COMPLAINTS: u64 = 64;
const COMPLAINT_US: u64 = 250_000;

type CurrentStage = Option<Arc<Stage>>;

/// Starts and stops shares of one connection.
pub struct Sharer {
    current: watch::Sender<CurrentStage>,
    threads: Option<Threads>,
    encoder: Option<Encoder>,
    colours: ColourMode,
    figures: Arc<ShareFigures>,
    next_update: Arc<AtomicU64>,
}

struct Threads {
    stage: Arc<Stage>,
    capture: JoinHandle<()>,
    encode: JoinHandle<Encoder>,
}

/// The sharer's end of a connection; see [`SharerConnection::run`].
pub struct SharerConnection {
    current: watch::Receiver<CurrentStage>,
    figures: Arc<ShareFigures>,
    next_update: Arc<AtomicU64>,
}

impl Sharer {
    /// A sharer that shares nothing yet, and its end of the connection.
    #[must_use]
    pub fn new() -> (Self, SharerConnection) {
        Self::with_figures(Arc::new(ShareFigures::default()))
    }

    pub(crate) fn with_figures(figures: Arc<ShareFigures>) -> (Self, SharerConnection) {
        let (current, receiver) = watch::channel(None);
        let next_update = Arc::new(AtomicU64::new(0));
        let connection = SharerConnection {
            current: receiver,
            figures: Arc::clone(&figures),
            next_update: Arc::clone(&next_update),
        };
        let colours = ColourMode::Standard;
        (Self { current, threads: None, encoder: None, colours, figures, next_update }, connection)
    }

    /// Captures `source` from now on and sends it, on two threads of its own; a former share ends.
    /// `on_notice` is called on the capture thread and must return at once.
    ///
    /// # Errors
    /// When threads or the encoder's contexts cannot be made.
    pub fn start(
        &mut self,
        source: Box<dyn ScreenSource>,
        on_notice: impl Fn(SourceNotice) + Send + 'static,
    ) -> Result<(), Error> {
        self.stop();
        let size = source.size();
        let encoder = match self.encoder.take() {
            Some(mut encoder) => {
                encoder.restart();
                encoder
            }
            None => {
                let config = EncoderConfig { threads: default_threads(), ..Default::default() };
                Encoder::new(size, config).map_err(|error| Error::Thread(error.to_string()))?
            }
        };
        let stage = Arc::new(Stage::new(source.waker(), self.colours, Arc::clone(&self.figures)));
        let (writer, reader) = pictures::<Captured>(size);
        let on_notice: OnNotice = Box::new(on_notice);
        let encode = Encode::new(encoder, Arc::clone(&stage), reader);
        let encode = spawn("tessera-encode", move || encode.run())?;
        stage.gate.register_encoder(encode.thread().clone());
        let capture = Capture::new(source, Arc::clone(&stage), writer, on_notice);
        let capture = match spawn("tessera-capture", move || capture.run()) {
            Ok(capture) => capture,
            Err(error) => {
                stage.gate.stop();
                self.encoder = encode.join().ok();
                return Err(error);
            }
        };
        self.current.send_replace(Some(Arc::clone(&stage)));
        self.threads = Some(Threads { stage, capture, encode });
        Ok(())
    }

    /// Chooses how many colours pictures have, from the next update of the present share on and in
    /// every later one. What is shown stays until it is overwritten.
    pub fn set_colours(&mut self, colours: ColourMode) {
        self.colours = colours;
        if let Some(Threads { stage, .. }) = &self.threads {
            stage.set_colours(colours);
        }
    }

    /// Ends the share, if there is one: when this returns, nothing is captured any more.
    pub fn stop(&mut self) {
        self.current.send_replace(None);
        if let Some(Threads { stage, capture, encode }) = self.threads.take() {
            stage.gate.stop();
            // A thread that panicked has nothing to give back; the next share starts afresh.
            let _ = capture.join();
            self.encoder = encode.join().ok();
        }
    }

    /// Number that the next update on the connection will have.
    #[must_use]
    pub fn next_update(&self) -> u64 {
        self.next_update.load(Ordering::SeqCst)
    }

    /// Counters of all shares of this connection.
    #[must_use]
    pub fn figures(&self) -> Figures {
        self.figures.snapshot()
    }
}

impl Drop for Sharer {
    fn drop(&mut self) {
        self.stop();
    }
}

/// An update on its way.
struct InFlight {
    of: Acknowledged,
    /// The encoder's number of the update.
    number: u32,
    bytes: u64,
    damage_us: u64,
    ends_picture: bool,
    received: bool,
    stage: Arc<Stage>,
}

impl SharerConnection {
    /// Sends what the sharer makes over `link` and receives acknowledgements and input, until the
    /// link or the peer's behaviour ends it. Takes the link's inbound streams and datagrams.
    ///
    /// Every input event goes to `on_input`, which decides whether it has an effect.
    ///
    /// # Errors
    /// Always: tells how the link ended.
    pub async fn run(
        self,
        link: &Link,
        on_input: impl FnMut(InputEvent),
    ) -> Result<std::convert::Infallible, Error> {
        let in_flight = ArrayQueue::new(MAX_UNACKNOWLEDGED);
        let ended = tokio::try_join!(
            send_updates(self.current.clone(), link, &in_flight, &self.next_update),
            send_pointer(self.current.clone(), link),
            receive_acknowledgements(&self.current, link, &in_flight, &self.figures),
            receive_input(link, on_input),
        );
        ended.map(|(never, ..)| never)
    }
}

type Never = Result<std::convert::Infallible, Error>;

async fn send_updates(
    mut current: watch::Receiver<CurrentStage>,
    link: &Link,
    in_flight: &ArrayQueue<InFlight>,
    next_update: &AtomicU64,
) -> Never {
    let mut chain = link.open_chain().await?;
    let mut leaves = 0;
    let mut video = Video::default();
    loop {
        let stage = current.borrow_and_update().clone();
        let Some(stage) = stage else {
            wait_for_change(&mut current).await;
            continue;
        };
        tokio::select! {
            biased;
            () = wait_for_change(&mut current) => {}
            outgoing = stage.next_outgoing() => {
                let tracks = Tracks { chain: &mut chain, leaves: &mut leaves, video: &mut video };
                send_update(link, tracks, in_flight, &stage, outgoing).await?;
                next_update.store(chain.next_number(), Ordering::SeqCst);
            }
        }
    }
}

/// The video stream at present, and the number of the next frame.
#[derive(Default)]
struct Video {
    stream: Option<VideoSender>,
    next_number: u64,
}

/// Where the payloads of each track go.
struct Tracks<'a> {
    chain: &'a mut ChainSender,
    /// Number of the next leaf.
    leaves: &'a mut u64,
    video: &'a mut Video,
}

async fn send_update(
    link: &Link,
    Tracks { chain, leaves, video }: Tracks<'_>,
    in_flight: &ArrayQueue<InFlight>,
    stage: &Arc<Stage>,
    Outgoing { payload, damage_us, ends_picture }: Outgoing,
) -> Result<(), Error> {
    let of = match payload.track {
        Track::Chain => Acknowledged::Update(chain.next_number()),
        Track::Leaf => Acknowledged::Leaf(*leaves),
        Track::Video => Acknowledged::Video(video.next_number),
    };
    let bytes = payload.bytes.len() as u64;
    let entry = InFlight {
        of,
        number: payload.number,
        bytes,
        damage_us,
        ends_picture,
        received: false,
        stage: Arc::clone(stage),
    };
    if in_flight.push(entry).is_err() {
        return Err(misbehaved(link, "it acknowledges nothing"));
    }
    stage.figures.on_sent(bytes);
    match payload.track {
        Track::Chain => {
            chain.send(payload.bytes, damage_us).await?;
        }
        Track::Leaf => {
            let header = LeafHeader {
                number: *leaves,
                builds_on: chain.next_number().saturating_sub(1),
                sent_us: damage_us,
            };
            // A refinement is urgent to nobody, a picture in motion is; both are small beside the
            // budget, and damage that comes meanwhile goes ahead on the chain.
            let leaf = link.open_leaf(LeafClass::Picture, header).await?;
            leaf.send(payload.bytes).await?;
            *leaves += 1;
        }
        Track::Video => {
            if payload.begins_video
                && let Some(former) = video.stream.take()
            {
                former.reset();
            }
            let stream = match &mut video.stream {
                Some(stream) => stream,
                none => none.insert(link.open_video(video.next_number).await?),
            };
            let header = LeafHeader {
                number: video.next_number,
                builds_on: chain.next_number().saturating_sub(1),
                sent_us: damage_us,
            };
            stream.send(header, payload.bytes).await?;
            video.next_number += 1;
        }
    }
    stage.gate.reopen();
    Ok(())
}

async fn send_pointer(mut current: watch::Receiver<CurrentStage>, link: &Link) -> Never {
    let mut number = 0;
    let mut known = None;
    loop {
        let stage = current.borrow_and_update().clone();
        let Some(stage) = stage else {
            wait_for_change(&mut current).await;
            known = None;
            continue;
        };
        tokio::select! {
            biased;
            () = wait_for_change(&mut current) => {}
            (x, y) = stage.pointer_other_than(known) => {
                known = Some((x, y));
                number += 1;
                let position = CursorPosition { number, x: i32::from(x), y: i32::from(y) };
                link.send_datagram(&Datagram::Cursor(position))?;
            }
        }
    }
}

async fn receive_acknowledgements(
    current: &watch::Receiver<CurrentStage>,
    link: &Link,
    in_flight: &ArrayQueue<InFlight>,
    figures: &ShareFigures,
) -> Never {
    let mut inbound = link.inbound();
    let mut stream: Option<AcknowledgementReceiver> = None;
    let mut unacknowledged = VecDeque::with_capacity(64);
    let mut complaints = Allowance::new(MAX_COMPLAINTS, COMPLAINT_US);
    loop {
        tokio::select! {
            opened = inbound.next() => match opened? {
                InboundStream::Acknowledgements(opened) => stream = Some(opened),
                _ => return Err(misbehaved(link, "pictures, although it only watches")),
            },
            next = next_acknowledgement(&mut stream) => {
                let report = next?
                    .ok_or_else(|| misbehaved(link, "the end of its acknowledgements"))?;
                let Report::Acknowledged(acknowledgement) = report else {
                    // When nothing is shared any more, the next share will start anew.
                    let stage = current.borrow().clone();
                    let is_heeded = complaints.take(clock::now_us())
                        && stage.is_none_or(|stage| stage.report(report));
                    if !is_heeded {
                        return Err(misbehaved(link, "it complains too often"));
                    }
                    continue;
                };
                while let Some(sent) = in_flight.pop() {
                    unacknowledged.push_back(sent);
                }
                acknowledge(link, figures, &mut unacknowledged, &acknowledgement)?;
            }
        }
    }
}

async fn next_acknowledgement(
    stream: &mut Option<AcknowledgementReceiver>,
) -> Result<Option<Report>, Error> {
    match stream {
        Some(stream) => Ok(stream.next().await?),
        None => std::future::pending().await,
    }
}

fn acknowledge(
    link: &Link,
    figures: &ShareFigures,
    unacknowledged: &mut VecDeque<InFlight>,
    acknowledgement: &Acknowledgement,
) -> Result<(), Error> {
    let at = unacknowledged.iter().position(|sent| sent.of == acknowledgement.of);
    let Some(at) = at else {
        return Err(misbehaved(link, "an acknowledgement of something never sent"));
    };
    let Some(sent) = unacknowledged.get_mut(at) else {
        return Ok(());
    };
    let path = link.figures();
    let stage = Arc::clone(&sent.stage);
    stage.gate.path(&path);
    if !std::mem::replace(&mut sent.received, true) {
        stage.gate.received(sent.bytes, sent.ends_picture);
    }
    let track = match sent.of {
        Acknowledged::Update(_) => Track::Chain,
        Acknowledged::Leaf(_) => Track::Leaf,
        Acknowledged::Video(_) => Track::Video,
    };
    let is_lost = matches!(acknowledgement.outcome, Outcome::Reset | Outcome::Overtaken);
    if is_lost && track != Track::Chain {
        stage.lost(track, sent.number);
    }
    if acknowledgement.outcome != Outcome::Received {
        if sent.ends_picture {
            stage.gate.presented();
        }
        if acknowledgement.presented_us.is_some() && sent.damage_us != 0 {
            let way_back_us = path.rtt_us / 2;
            let latency_us = clock::now_us().saturating_sub(sent.damage_us);
            figures.on_acknowledged(latency_us.saturating_sub(way_back_us), path.rtt_us);
        }
        unacknowledged.remove(at);
    }
    stage.gate.reopen();
    Ok(())
}

async fn receive_input(link: &Link, mut on_input: impl FnMut(InputEvent)) -> Never {
    let mut receiver = InputReceiver::new();
    loop {
        match link.read_datagram().await? {
            Datagram::Input { first, events } => {
                receiver
                    .handle_events(first, events)
                    .map_err(|violation| misbehaved(link, &violation.to_string()))?;
                while let Some(bytes) = receiver.poll_event() {
                    let event = super::input::parse(&bytes)
                        .ok_or_else(|| misbehaved(link, "an input event of no known kind"))?;
                    on_input(event);
                }
                if let Some(acknowledgement) = receiver.poll_acknowledgement() {
                    link.send_datagram(&acknowledgement)?;
                }
            }
            Datagram::InputAcknowledgement { .. } | Datagram::Cursor(_) => {
                return Err(misbehaved(link, "a datagram of the wrong direction"));
            }
        }
    }
}

impl std::fmt::Debug for Sharer {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let sharing = self.threads.is_some();
        out.debug_struct("Sharer").field("sharing", &sharing).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for SharerConnection {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("SharerConnection").finish_non_exhaustive()
    }
}
