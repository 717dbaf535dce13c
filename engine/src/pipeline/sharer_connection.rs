//! A sharer's end of the connection to one viewer.
//!
//! It sends what the encode thread has put into the viewer's outbox, in order, and tells the threads
//! what the viewer acknowledges: both through the viewer's seat, so that no connection waits for
//! another.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crossbeam::atomic::AtomicCell;
use crossbeam::queue::ArrayQueue;
use tessera_capture::InputEvent;
use tessera_codec::Track;
use tessera_transport::Link;
use tessera_transport::acknowledgement::{
    Acknowledged, Acknowledgement, AcknowledgementReceiver, Outcome,
};
use tessera_transport::chain::ChainSender;
use tessera_transport::datagram::{CursorPosition, Datagram};
use tessera_transport::inbound::InboundStream;
use tessera_transport::input::InputReceiver;
use tessera_transport::leaf::{LeafClass, LeafHeader};
use tessera_transport::pace::{DatagramPace, Urgency};
use tessera_transport::report::Report;
use tessera_transport::video::VideoSender;
use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};

use super::allowance::Allowance;
use super::seat::{Lost, Outgoing, Seat, Wishes};
use super::{misbehaved, wait_for_change};
use crate::figures::ShareFigures;
use crate::{Error, clock};

/// Updates that may be sent and not yet acknowledged as presented; flow control allows far fewer.
pub(super) const MAX_UNACKNOWLEDGED: usize = 4096;

/// Reports of a picture that needs help which a viewer may send at once, and time after which it may
/// send one more, in microseconds. A viewer limits itself to less; each may cost a whole picture.
const MAX_COMPLAINTS: u64 = 64;
const COMPLAINT_US: u64 = 250_000;

/// How long the word that input was received waits for an update to go with. Well below the 20 ms after
/// which input is repeated, and above what an application takes to echo a key.
const RECEIPT_PAUSE: Duration = Duration::from_millis(5);

/// The viewer's seat at the present share, if something is shared.
pub(super) type CurrentSeat = Option<Arc<Seat>>;

/// What a connection and its sharer have in common for as long as the viewer is there.
pub(super) struct Shared {
    pub(super) wishes: Arc<Wishes>,
    /// Number that the next update on the connection will have.
    pub(super) next_update: AtomicU64,
    /// Counters of this viewer, and of all viewers together.
    pub(super) figures: ShareFigures,
    pub(super) total: Arc<ShareFigures>,
}

/// The sharer's end of a connection; see [`SharerConnection::run`]. Once it is dropped, running or
/// not, its viewer has left.
pub struct SharerConnection {
    pub(super) current: watch::Receiver<CurrentSeat>,
    pub(super) shared: Arc<Shared>,
}

impl Drop for SharerConnection {
    fn drop(&mut self) {
        self.shared.wishes.has_left.store(true, Ordering::SeqCst);
        if let Some(seat) = &*self.current.borrow() {
            seat.stage.gate.wake_encoder();
        }
    }
}

/// An update on its way.
struct InFlight {
    of: Acknowledged,
    /// The encoder's number of the update, and the epoch in which it has it.
    number: u32,
    epoch: u32,
    bytes: u64,
    damage_us: u64,
    ends_picture: bool,
    received: bool,
    seat: Arc<Seat>,
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
        let receipt = Receipt::default();
        let ended = tokio::try_join!(
            send_updates(self.current.clone(), link, &in_flight, &self.shared, &receipt),
            send_pointer(self.current.clone(), link, &receipt.pace),
            receive_acknowledgements(&self.current, link, &in_flight, &self.shared),
            receive_input(link, on_input, &receipt),
            reopen_slots(&self.current, link),
        );
        ended.map(|(never, ..)| never)
    }
}

type Never = Result<std::convert::Infallible, Error>;

/// Has the viewer's slot looked at again whenever something has been sent, acknowledged or lost.
async fn reopen_slots(current: &watch::Receiver<CurrentSeat>, link: &Link) -> Never {
    let mut seen = 0;
    loop {
        std::future::poll_fn(|context| link.congestion().poll_changed(&mut seen, context)).await;
        if let Some(seat) = &*current.borrow() {
            seat.reopen();
        }
    }
}

async fn send_updates(
    mut current: watch::Receiver<CurrentSeat>,
    link: &Link,
    in_flight: &ArrayQueue<InFlight>,
    shared: &Shared,
    receipt: &Receipt,
) -> Never {
    let mut chain = link.open_chain().await?;
    let mut leaves = 0;
    let mut video = Video::default();
    loop {
        let seat = current.borrow_and_update().clone();
        let Some(seat) = seat else {
            wait_for_change(&mut current).await;
            continue;
        };
        seat.connect(link.congestion());
        tokio::select! {
            biased;
            () = wait_for_change(&mut current) => {}
            outgoing = seat.next_outgoing() => {
                let outgoing = outgoing?;
                shared.figures.on_sent(outgoing.payload.bytes.len() as u64);
                shared.total.on_sent(outgoing.payload.bytes.len() as u64);
                receipt.send(link)?;
                let tracks = Tracks { chain: &mut chain, leaves: &mut leaves, video: &mut video };
                send_update(link, tracks, in_flight, &seat, outgoing).await?;
                shared.next_update.store(chain.next_number(), Ordering::SeqCst);
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
    seat: &Arc<Seat>,
    Outgoing { payload, epoch, damage_us, ends_picture }: Outgoing,
) -> Result<(), Error> {
    let track = payload.track;
    let of = match track {
        Track::Chain => Acknowledged::Update(chain.next_number()),
        Track::Leaf => Acknowledged::Leaf(*leaves),
        Track::Video => Acknowledged::Video(video.next_number),
    };
    let bytes = payload.bytes.len() as u64;
    let entry = InFlight {
        of,
        number: payload.number,
        epoch,
        bytes,
        damage_us,
        ends_picture,
        received: false,
        seat: Arc::clone(seat),
    };
    if in_flight.push(entry).is_err() {
        return Err(misbehaved(link, "it acknowledges nothing"));
    }
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
    seat.handed_over(track, bytes);
    seat.reopen();
    Ok(())
}

async fn send_pointer(
    mut current: watch::Receiver<CurrentSeat>,
    link: &Link,
    pace: &AtomicCell<DatagramPace>,
) -> Never {
    let mut number = 0;
    let mut known = None;
    loop {
        let seat = current.borrow_and_update().clone();
        let Some(seat) = seat else {
            wait_for_change(&mut current).await;
            known = None;
            continue;
        };
        tokio::select! {
            biased;
            () = wait_for_change(&mut current) => {}
            () = moved_in_time(&seat, known, pace) => {
                // Where it is by now.
                let Some((x, y)) = seat.stage.pointer() else { continue };
                known = Some((x, y));
                number += 1;
                let position = CursorPosition { number, x: i32::from(x), y: i32::from(y) };
                send_datagram(link, &Datagram::Cursor(position), pace)?;
            }
        }
    }
}

/// Waits until the pointer is elsewhere than at `known` and its position may be sent.
async fn moved_in_time(seat: &Seat, known: Option<(u16, u16)>, pace: &AtomicCell<DatagramPace>) {
    seat.pointer_other_than(known).await;
    // Others may go first meanwhile.
    while let Some(wait) = wait_for(pace.load().due_us(Urgency::Newest)) {
        tokio::time::sleep(wait).await;
    }
}

/// The time from now to `due_us`, if that is still to come.
fn wait_for(due_us: u64) -> Option<Duration> {
    let wait_us = due_us.saturating_sub(clock::now_us());
    (wait_us > 0).then_some(Duration::from_micros(wait_us))
}

fn send_datagram(
    link: &Link,
    datagram: &Datagram,
    pace: &AtomicCell<DatagramPace>,
) -> Result<(), Error> {
    let bytes = datagram.to_bytes();
    // The futures that use it run in turn on one thread.
    let mut spent = pace.load();
    spent.spend(bytes.len(), clock::now_us());
    pace.store(spent);
    Ok(link.send_datagram_bytes(bytes)?)
}

async fn receive_acknowledgements(
    current: &watch::Receiver<CurrentSeat>,
    link: &Link,
    in_flight: &ArrayQueue<InFlight>,
    shared: &Shared,
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
                    let seat = current.borrow().clone();
                    let is_heeded = complaints.take(clock::now_us())
                        && seat.is_none_or(|seat| seat.report(report));
                    if !is_heeded {
                        return Err(misbehaved(link, "it complains too often"));
                    }
                    continue;
                };
                while let Some(sent) = in_flight.pop() {
                    unacknowledged.push_back(sent);
                }
                acknowledge(link, shared, &mut unacknowledged, &acknowledgement)?;
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
    shared: &Shared,
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
    let seat = Arc::clone(&sent.seat);
    let track = match sent.of {
        Acknowledged::Update(_) => Track::Chain,
        Acknowledged::Leaf(_) => Track::Leaf,
        Acknowledged::Video(_) => Track::Video,
    };
    if !std::mem::replace(&mut sent.received, true) {
        match track {
            Track::Video => seat.film_received(sent.bytes),
            Track::Chain | Track::Leaf => seat.received(sent.bytes, sent.ends_picture),
        }
    }
    let is_lost = matches!(acknowledgement.outcome, Outcome::Reset | Outcome::Overtaken);
    if is_lost && track != Track::Chain {
        seat.lost(Lost { track, epoch: sent.epoch, number: sent.number });
    }
    if acknowledgement.outcome != Outcome::Received {
        match track {
            Track::Video => seat.film_done(),
            Track::Chain | Track::Leaf if sent.ends_picture => seat.presented(),
            Track::Chain | Track::Leaf => {}
        }
        if acknowledgement.presented_us.is_some() && sent.damage_us != 0 {
            let path = link.figures();
            let way_back_us = path.rtt_us / 2;
            let latency_us = clock::now_us().saturating_sub(sent.damage_us);
            let latency_us = latency_us.saturating_sub(way_back_us);
            shared.figures.on_acknowledged(latency_us, path.rtt_us);
            shared.total.on_acknowledged(latency_us, path.rtt_us);
        }
        unacknowledged.remove(at);
    }
    seat.reopen();
    Ok(())
}

/// The word that input was received, which the viewer is owed. It waits a little for the update that
/// the input may lead to, because a packet of its own would be larger than itself.
#[derive(Default)]
struct Receipt {
    /// One more than the number of the first event not received; 0 while nothing is owed.
    owed: AtomicU64,
    /// Of all datagrams of this side.
    pace: AtomicCell<DatagramPace>,
}

impl Receipt {
    /// All events before `next` have been received. Replaces what was owed before.
    fn owe(&self, next: u64) {
        self.owed.store(next.saturating_add(1), Ordering::SeqCst);
    }

    /// What is owed, once.
    fn take(&self) -> Option<Datagram> {
        let next = self.owed.swap(0, Ordering::SeqCst).checked_sub(1)?;
        Some(Datagram::InputAcknowledgement { next })
    }

    fn send(&self, link: &Link) -> Result<(), Error> {
        match self.take() {
            Some(acknowledgement) => send_datagram(link, &acknowledgement, &self.pace),
            None => Ok(()),
        }
    }

    /// How long what is owed may wait, and must.
    fn pause(&self) -> Duration {
        RECEIPT_PAUSE.max(wait_for(self.pace.load().due_us(Urgency::Each)).unwrap_or_default())
    }
}

async fn receive_input(
    link: &Link,
    mut on_input: impl FnMut(InputEvent),
    receipt: &Receipt,
) -> Never {
    let mut receiver = InputReceiver::new();
    let mut receipt_due: Option<Instant> = None;
    loop {
        let datagram = match receipt_due {
            None => link.read_datagram().await?,
            Some(due) => match timeout_at(due, link.read_datagram()).await {
                Ok(datagram) => datagram?,
                Err(_) => {
                    receipt.send(link)?;
                    receipt_due = None;
                    continue;
                }
            },
        };
        match datagram {
            Datagram::Input { first, events } => {
                receiver
                    .handle_events(first, events)
                    .map_err(|violation| misbehaved(link, &violation.to_string()))?;
                while let Some(bytes) = receiver.poll_event() {
                    let event = super::input::parse(&bytes)
                        .ok_or_else(|| misbehaved(link, "an input event of no known kind"))?;
                    on_input(event);
                }
                if let Some(Datagram::InputAcknowledgement { next }) =
                    receiver.poll_acknowledgement()
                {
                    receipt.owe(next);
                    receipt_due.get_or_insert_with(|| Instant::now() + receipt.pause());
                }
            }
            Datagram::InputAcknowledgement { .. } | Datagram::Cursor(_) => {
                return Err(misbehaved(link, "a datagram of the wrong direction"));
            }
        }
    }
}

impl std::fmt::Debug for SharerConnection {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("SharerConnection").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_receipt_is_given_once_and_the_newest_counts() {
        let receipt = Receipt::default();
        assert_eq!(receipt.take(), None);
        receipt.owe(0);
        receipt.owe(3);
        assert_eq!(receipt.take(), Some(Datagram::InputAcknowledgement { next: 3 }));
        assert_eq!(receipt.take(), None);
    }
}
