//! The viewer of one connection: its decode thread and its end of the link.
//!
//! A [`Viewer`] lives as long as its connection and decodes whatever the sharer sends, since later
//! updates build on earlier ones; a window sees it from [`Viewer::show`] to [`Viewer::hide`].

use std::collections::VecDeque;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use crossbeam::queue::ArrayQueue;
use tessera_capture::{CursorShape, InputEvent};
use tessera_codec::{Decoder, DecoderConfig, Size, Track};
use tessera_transport::Link;
use tessera_transport::acknowledgement::{Acknowledged, Acknowledgement, Outcome};
use tessera_transport::chain::{ChainReceiver, Update};
use tessera_transport::datagram::{Datagram, NewestCursor};
use tessera_transport::inbound::InboundStream;
use tessera_transport::input::InputSender;
use tessera_transport::leaf::Leaf;
use tessera_transport::report::Report;
use tessera_transport::video::{VideoEvent, VideoReceiver};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::aside::Aside;
use super::decode::{Attachment, Decode, DecodeQueues, Received};
use super::{film, misbehaved, spawn, wait_for_change};
use crate::figures::ShareFigures;
use crate::view::{self, Presented, Shared};
use crate::{Error, Figures, clock, default_threads};

/// Updates received and not yet acknowledged as presented. A sharer that heeds acknowledgements
/// has far fewer on the way.
const MAX_UNPRESENTED: usize = 1024;

type CurrentView = Option<Arc<Shared>>;

/// Receives what one connection's sharer sends.
pub struct Viewer {
    queues: Arc<DecodeQueues>,
    current: watch::Sender<CurrentView>,
    figures: Arc<ShareFigures>,
    decode: Option<JoinHandle<()>>,
}

/// The viewer's end of a connection; see [`ViewerConnection::run`].
pub struct ViewerConnection {
    queues: Arc<DecodeQueues>,
    current: watch::Receiver<CurrentView>,
    figures: Arc<ShareFigures>,
    decoder: std::thread::Thread,
}

impl Viewer {
    /// A viewer with its decode thread, and its end of the connection.
    ///
    /// # Errors
    /// When the thread or the decoder's contexts cannot be made.
    pub fn new() -> Result<(Self, ViewerConnection), Error> {
        Self::with_figures(Arc::new(ShareFigures::default()))
    }

    pub(crate) fn with_figures(
        figures: Arc<ShareFigures>,
    ) -> Result<(Self, ViewerConnection), Error> {
        let config = DecoderConfig { threads: default_threads(), ..Default::default() };
        let decoder = Decoder::new(config).map_err(|error| Error::Thread(error.to_string()))?;
        let queues = Arc::new(DecodeQueues::new());
        let (current, receiver) = watch::channel(None);
        let film = Aside::start(film::DECODER, 1)?;
        let stage = Decode::new(decoder, Arc::clone(&queues), film);
        let decode = spawn("tessera-decode", move || stage.run())?;
        let connection = ViewerConnection {
            queues: Arc::clone(&queues),
            current: receiver,
            figures: Arc::clone(&figures),
            decoder: decode.thread().clone(),
        };
        Ok((Self { queues, current, figures, decode: Some(decode) }, connection))
    }

    /// Makes a view of what is received from the chain update `first_update` on; a former view gets
    /// no more pictures.
    pub fn show(&self, first_update: u64) -> view::Handle {
        let acknowledge = Arc::clone(&self.queues.acknowledge);
        let (feed, handle) =
            view::feed_with(Size::default(), Arc::clone(&self.figures), acknowledge);
        self.current.send_replace(Some(Arc::clone(&feed.shared)));
        self.attach(Attachment { feed: Some(feed), first_update });
        handle
    }

    /// Ends the present view.
    pub fn hide(&self) {
        self.current.send_replace(None);
        self.attach(Attachment { feed: None, first_update: 0 });
    }

    /// Changes the image of the remote cursor in the present view.
    pub fn set_cursor_shape(&self, shape: CursorShape) {
        if let Some(view) = &*self.current.borrow() {
            view.set_cursor_shape(Box::new(shape));
        }
    }

    /// Counters of all views of this connection.
    #[must_use]
    pub fn figures(&self) -> Figures {
        self.figures.snapshot()
    }

    fn attach(&self, attachment: Attachment) {
        drop(self.queues.attach.put(Box::new(attachment)));
        self.wake_decoder();
    }

    fn wake_decoder(&self) {
        if let Some(decode) = &self.decode {
            decode.thread().unpark();
        }
    }
}

impl Drop for Viewer {
    fn drop(&mut self) {
        self.queues.stop();
        self.wake_decoder();
        if let Some(decode) = self.decode.take() {
            // A thread that panicked has nothing left to end.
            let _ = decode.join();
        }
    }
}

/// An update that is not fully acknowledged.
struct Pending {
    sequence: u64,
    of: Acknowledged,
    sent_us: u64,
    received_us: u64,
    decoded_us: Option<u64>,
    outcome: Outcome,
}

impl Pending {
    fn acknowledgement(&self, presented_us: Option<u64>) -> Acknowledgement {
        Acknowledgement {
            of: self.of,
            outcome: self.outcome,
            sent_us: self.sent_us,
            received_us: self.received_us,
            decoded_us: self.decoded_us,
            presented_us,
        }
    }
}

impl ViewerConnection {
    /// Receives pictures over `link`, acknowledges them and sends input, until the link or the
    /// peer's behaviour ends it. Takes the link's inbound streams and datagrams.
    ///
    /// # Errors
    /// Always: tells how the link ended.
    pub async fn run(self, link: &Link) -> Result<std::convert::Infallible, Error> {
        let arrived = ArrayQueue::new(MAX_UNPRESENTED);
        self.figures.set_same_clock(link.remote_address().ip().to_canonical().is_loopback());
        let ended = tokio::try_join!(
            self.receive_updates(link, &arrived),
            self.acknowledge(link, &arrived),
            self.exchange_datagrams(link),
        );
        ended.map(|(never, ..)| never)
    }

    async fn receive_updates(&self, link: &Link, arrived: &ArrayQueue<Pending>) -> Never {
        let mut inbound = link.inbound();
        let mut chain: Option<ChainReceiver> = None;
        let mut leaves = JoinSet::new();
        let mut video: Option<VideoReceiver> = None;
        let mut next_frame = 0;
        let mut sequence = 0;
        loop {
            let (of, chain_number, sent_us, track, bytes) = tokio::select! {
                opened = inbound.next() => match opened? {
                    InboundStream::Chain(opened) => {
                        chain = Some(opened);
                        continue;
                    }
                    InboundStream::Leaf(leaf) => {
                        leaves.spawn(leaf.read());
                        continue;
                    }
                    InboundStream::LeafReset { number } => {
                        self.leaf_was_reset(link, arrived, &mut sequence, number)?;
                        continue;
                    }
                    InboundStream::Video(opened) => {
                        // Streams may come out of order; of an older one nothing is needed.
                        if video.as_ref().is_none_or(|video| opened.is_newer_than(video)) {
                            video = Some(opened);
                        }
                        continue;
                    }
                    InboundStream::VideoReset { last } => {
                        let missing = next_frame..last.saturating_add(1);
                        next_frame = next_frame.max(missing.end);
                        self.frames_were_reset(link, arrived, &mut sequence, missing)?;
                        continue;
                    }
                    InboundStream::Acknowledgements(_) => {
                        return Err(misbehaved(link, "acknowledgements, although it only shares"));
                    }
                },
                update = next_update(&mut chain) => {
                    let Update { number, sent_us, bytes } =
                        update?.ok_or_else(|| misbehaved(link, "the end of its chain"))?;
                    (Acknowledged::Update(number), number, sent_us, Track::Chain, bytes)
                }
                event = next_frame_of(&mut video) => match event? {
                    VideoEvent::Frame { header, bytes } => {
                        let number = header.number;
                        if number < next_frame {
                            // Of an older stream: it was reported as lost when a newer one came.
                            continue;
                        }
                        self.frames_were_reset(link, arrived, &mut sequence, next_frame..number)?;
                        next_frame = number + 1;
                        let of = Acknowledged::Video(number);
                        (of, header.builds_on, header.sent_us, Track::Video, bytes)
                    }
                    VideoEvent::Reset { last } => {
                        video = None;
                        let missing = next_frame..last.saturating_add(1);
                        next_frame = next_frame.max(missing.end);
                        self.frames_were_reset(link, arrived, &mut sequence, missing)?;
                        continue;
                    }
                    VideoEvent::Ended => {
                        video = None;
                        continue;
                    }
                },
                Some(leaf) = leaves.join_next() => match leaf {
                    Ok(Ok(Leaf::Whole { header, bytes })) => {
                        let of = Acknowledged::Leaf(header.number);
                        (of, header.builds_on, header.sent_us, Track::Leaf, bytes)
                    }
                    Ok(Ok(Leaf::Reset { number })) => {
                        self.leaf_was_reset(link, arrived, &mut sequence, number)?;
                        continue;
                    }
                    Ok(Err(error)) => return Err(error.into()),
                    // Reading neither panics nor is it cancelled while the set lives.
                    Err(_) => continue,
                },
            };
            let received_us = clock::now_us();
            self.figures.on_received(bytes.len() as u64, link.figures().rtt_us);
            let received = Received {
                sequence,
                chain: chain_number,
                track,
                bytes,
                received_us,
                damage_us: sent_us,
            };
            let pending = Pending {
                sequence,
                of,
                sent_us,
                received_us,
                decoded_us: None,
                outcome: Outcome::Received,
            };
            if arrived.push(pending).is_err() {
                return Err(misbehaved(link, "more updates than were acknowledged"));
            }
            sequence += 1;
            self.queues.acknowledge.wake();
            self.queues.deliver(received, &self.decoder).await;
        }
    }

    fn leaf_was_reset(
        &self,
        link: &Link,
        arrived: &ArrayQueue<Pending>,
        sequence: &mut u64,
        number: u64,
    ) -> Result<(), Error> {
        self.was_reset(link, arrived, sequence, Acknowledged::Leaf(number))
    }

    /// Reports video frames that will not arrive, since their stream was reset or replaced.
    fn frames_were_reset(
        &self,
        link: &Link,
        arrived: &ArrayQueue<Pending>,
        sequence: &mut u64,
        numbers: std::ops::Range<u64>,
    ) -> Result<(), Error> {
        if numbers.end.saturating_sub(numbers.start) > MAX_UNPRESENTED as u64 {
            return Err(misbehaved(link, "a gap in its video that it cannot have"));
        }
        for number in numbers {
            self.was_reset(link, arrived, sequence, Acknowledged::Video(number))?;
        }
        Ok(())
    }

    fn was_reset(
        &self,
        link: &Link,
        arrived: &ArrayQueue<Pending>,
        sequence: &mut u64,
        of: Acknowledged,
    ) -> Result<(), Error> {
        let reset = Pending {
            sequence: *sequence,
            of,
            sent_us: 0,
            received_us: clock::now_us(),
            decoded_us: None,
            outcome: Outcome::Reset,
        };
        *sequence += 1;
        arrived.push(reset).map_err(|_| misbehaved(link, "more updates than were acknowledged"))?;
        self.queues.acknowledge.wake();
        Ok(())
    }

    async fn acknowledge(&self, link: &Link, arrived: &ArrayQueue<Pending>) -> Never {
        let mut sender = link.open_acknowledgements().await?;
        let mut pending: VecDeque<Pending> = VecDeque::with_capacity(64);
        let mut presented = None;
        loop {
            let event = std::future::poll_fn(|context| {
                self.queues.acknowledge.register(context.waker());
                match self.next_event(arrived, &mut presented) {
                    Some(event) => std::task::Poll::Ready(event),
                    None => std::task::Poll::Pending,
                }
            })
            .await;
            match event {
                Event::Failed => {
                    let rule = self.queues.failure().unwrap_or_default();
                    return Err(misbehaved(link, rule));
                }
                Event::Reported(report) => sender.report(&report).await?,
                Event::Arrived(update) => {
                    sender.send(&update.acknowledgement(None)).await?;
                    if update.outcome == Outcome::Received {
                        if pending.len() == MAX_UNPRESENTED {
                            return Err(misbehaved(link, "more updates than were acknowledged"));
                        }
                        pending.push_back(update);
                    }
                }
                Event::Decoded(decoded) => {
                    let at = pending.iter().position(|known| known.sequence == decoded.sequence);
                    let Some(update) = at.and_then(|at| pending.get_mut(at)) else {
                        continue;
                    };
                    update.decoded_us = Some(decoded.decoded_us);
                    update.outcome = decoded.outcome;
                    // What no window shows is done with; the sharer must not wait for it.
                    if let Some(at) = at.filter(|_| !decoded.shown)
                        && let Some(update) = pending.remove(at)
                    {
                        sender.send(&update.acknowledgement(None)).await?;
                    }
                }
                Event::Presented(presented) => {
                    while let Some(at) = pending.iter().position(|known| {
                        known.sequence <= presented.update && known.decoded_us.is_some()
                    }) {
                        let Some(update) = pending.remove(at) else { break };
                        let acknowledgement = update.acknowledgement(Some(presented.presented_us));
                        sender.send(&acknowledgement).await?;
                    }
                }
            }
        }
    }

    /// The next thing to acknowledge.
    ///
    /// An update's arrival is queued before its decoding begins, and its decoding is reported before
    /// a picture with it is shown. A presentation is therefore taken first and told last: by then,
    /// everything that came before it has been told.
    fn next_event(
        &self,
        arrived: &ArrayQueue<Pending>,
        presented: &mut Option<Presented>,
    ) -> Option<Event> {
        if self.queues.failure().is_some() {
            return Some(Event::Failed);
        }
        if presented.is_none() {
            let view = self.current.borrow();
            *presented = view.as_ref().and_then(|view| view.presented.pop());
        }
        if let Some(report) = self.queues.reports.pop() {
            return Some(Event::Reported(report));
        }
        if let Some(update) = arrived.pop() {
            return Some(Event::Arrived(update));
        }
        if let Some(decoded) = self.queues.decoded.pop() {
            return Some(Event::Decoded(decoded));
        }
        presented.take().map(Event::Presented)
    }

    async fn exchange_datagrams(&self, link: &Link) -> Never {
        let mut current = self.current.clone();
        let mut input = InputSender::new();
        let mut newest = NewestCursor::default();
        let mut peeked = None;
        loop {
            let view = current.borrow_and_update().clone();
            while let Some(datagram) = input.poll_datagram(clock::now_us()) {
                link.send_datagram(&datagram)?;
            }
            let repeat_us = input.poll_timeout();
            tokio::select! {
                datagram = link.read_datagram() => match datagram? {
                    Datagram::Cursor(position) => {
                        if newest.is_newer(&position) && let Some(view) = &view {
                            let clamp = |at: i32| at.clamp(0, i32::from(u16::MAX)) as u16;
                            view.set_cursor_position(clamp(position.x), clamp(position.y));
                        }
                    }
                    Datagram::InputAcknowledgement { next } => input
                        .handle_acknowledgement(next, clock::now_us())
                        .map_err(|violation| misbehaved(link, &violation.to_string()))?,
                    Datagram::Input { .. } => {
                        return Err(misbehaved(link, "a datagram of the wrong direction"));
                    }
                },
                event = next_input(view.as_deref(), &mut peeked, input.unacknowledged()) => {
                    let bytes = super::input::to_bytes(&event);
                    // Room was checked; the event stays within its length by construction.
                    let _ = match event {
                        InputEvent::Pointer { .. } => input.push_newest(bytes),
                        _ => input.push(bytes),
                    };
                }
                () = wait_for_change(&mut current) => {}
                () = until(repeat_us) => {}
            }
        }
    }
}

type Never = Result<std::convert::Infallible, Error>;

enum Event {
    Failed,
    Reported(Report),
    Arrived(Pending),
    Decoded(super::decode::Decoded),
    Presented(Presented),
}

async fn next_update(chain: &mut Option<ChainReceiver>) -> Result<Option<Update>, Error> {
    match chain {
        Some(chain) => Ok(chain.next().await?),
        None => std::future::pending().await,
    }
}

/// What comes next of the video; waits when there is none.
async fn next_frame_of(video: &mut Option<VideoReceiver>) -> Result<VideoEvent, Error> {
    match video {
        Some(video) => Ok(video.next().await?),
        None => std::future::pending().await,
    }
}

/// The next input event of `view`, of a run of pointer motions the last. Waits while the peer has
/// not acknowledged what was sent.
async fn next_input(
    view: Option<&Shared>,
    peeked: &mut Option<InputEvent>,
    unacknowledged: usize,
) -> InputEvent {
    let Some(view) = view.filter(|_| unacknowledged < tessera_transport::input::MAX_UNACKNOWLEDGED)
    else {
        return std::future::pending().await;
    };
    std::future::poll_fn(|context| {
        view.input_ready.register(context.waker());
        match view.next_input(peeked) {
            Some(event) => std::task::Poll::Ready(event),
            None => std::task::Poll::Pending,
        }
    })
    .await
}

async fn until(due_us: Option<u64>) {
    match due_us {
        Some(due_us) => {
            let wait_us = due_us.saturating_sub(clock::now_us());
            tokio::time::sleep(Duration::from_micros(wait_us)).await;
        }
        None => std::future::pending().await,
    }
}

impl std::fmt::Debug for Viewer {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Viewer").finish_non_exhaustive()
    }
}

impl std::fmt::Debug for ViewerConnection {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("ViewerConnection").finish_non_exhaustive()
    }
}
