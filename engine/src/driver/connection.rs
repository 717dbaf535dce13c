//! A link with the tasks that serve it: messages in, messages out, pictures.
//!
//! The control stream carries JSON messages and, told apart by their first byte, the images of the
//! cursor and the addresses at which the other program may be reached directly.

use std::sync::Arc;

use bytes::Bytes;
use tessera_capture::CursorShape;
use tessera_transport::control::{ControlReceiver, ControlSender};
use tessera_transport::path::{self, Candidates, Channel};
use tessera_transport::vigil::{Sign, Vigil};
use tessera_transport::{CloseReason, Closed, Link, LinkError, json};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::{cursor, reach};
use crate::figures::ShareFigures;
use crate::pipeline::misbehaved;
use crate::session::messages::{MAX_MESSAGE_BYTES, Message};
use crate::{Error, Paths};

/// Messages that may wait for a slow peer. A session exchanges a few in a minute, cursor images
/// included; a peer that lets this many wait does not read.
const OUTBOX: usize = 256;

/// How long a peer that was told goodbye may take to close its end.
const FAREWELL: std::time::Duration = std::time::Duration::from_secs(1);

/// What comes from a connection.
pub(crate) enum Arrival {
    Message(Message),
    Cursor(CursorShape),
    /// Where the peer may be reached.
    Candidates(Candidates),
    /// The peer has fallen silent, or is heard again.
    Silence(bool),
    Ended(Error),
}

/// An arrival, and which of the session's connections it is of.
pub(crate) type Arrivals = mpsc::Sender<(u64, Arrival)>;

/// The connection that a session has at present.
pub(crate) struct Connection {
    pub(crate) link: Link,
    /// Counts the session's connections, so that what a former one still says is recognised.
    pub(crate) generation: u64,
    outbox: mpsc::Sender<Bytes>,
    tasks: JoinSet<()>,
}

impl Connection {
    /// Serves `link` with tasks of the current runtime; `pictures` is the pipeline's end of it.
    pub(crate) fn start<P>(
        link: Link,
        generation: u64,
        (sender, receiver): (ControlSender, ControlReceiver),
        arrivals: &Arrivals,
        pictures: P,
    ) -> Self
    where
        P: Future<Output = Result<std::convert::Infallible, Error>> + Send + 'static,
    {
        let (outbox, messages) = mpsc::channel(OUTBOX);
        let mut tasks = JoinSet::new();
        let ended = arrivals.clone();
        tasks.spawn(async move {
            let Err(error) = pictures.await;
            let _ = ended.send((generation, Arrival::Ended(error))).await;
        });
        let (signs, watched) = (arrivals.clone(), link.clone());
        tasks.spawn(async move {
            let error = watch(watched, generation, &signs).await;
            let _ = signs.send((generation, Arrival::Ended(error))).await;
        });
        let (incoming, read_link) = (arrivals.clone(), link.clone());
        tasks.spawn(async move {
            let error = read(&read_link, receiver, generation, &incoming).await;
            let _ = incoming.send((generation, Arrival::Ended(error))).await;
        });
        // A failed write shows in the reading tasks as well.
        tasks.spawn(async move { drop(write(sender, messages).await) });
        Self { link, generation, outbox, tasks }
    }

    /// Tells the peer where this program may be reached, now and whenever that changes, and notes
    /// which way the packets take.
    pub(crate) fn tell_ways(
        &mut self,
        paths: Paths,
        channel: Option<Channel>,
        figures: Arc<ShareFigures>,
    ) {
        let (link, outbox) = (self.link.clone(), self.outbox.downgrade());
        self.tasks.spawn(async move {
            reach::tell(&link, paths, channel, &figures, |message| {
                // A full queue is told of by whoever sends a message of the session.
                outbox.upgrade().is_some_and(|outbox| outbox.try_send(message).is_ok())
            })
            .await;
        });
    }

    /// Queues a message for the peer.
    pub(crate) fn send(&self, message: &Message) {
        self.queue(json::to_bytes(message));
    }

    /// Sends many messages one after another as the peer reads, beside what is queued meanwhile.
    pub(crate) fn send_gradually(&mut self, messages: Vec<Message>) {
        let outbox = self.outbox.clone();
        self.tasks.spawn(async move {
            for message in messages {
                if outbox.send(json::to_bytes(&message)).await.is_err() {
                    return;
                }
            }
        });
    }

    /// Queues an image of the cursor for the peer.
    pub(crate) fn send_cursor(&self, shape: &CursorShape) {
        match cursor::to_bytes(shape) {
            Some(image) => self.queue(image),
            None => tracing::warn!(size = ?shape.size, "an image of the cursor was not sent"),
        }
    }

    fn queue(&self, message: Bytes) {
        if let Err(mpsc::error::TrySendError::Full(_)) = self.outbox.try_send(message) {
            let _ = misbehaved(&self.link, "it does not read its messages");
        }
    }

    /// Closes the link now.
    pub(crate) fn close(self, reason: &CloseReason) {
        self.link.close(reason);
    }

    /// Lets the peer read what was sent, and closes the link when it has closed its end or has
    /// taken too long. Nothing that it still says is heard.
    pub(crate) async fn part(mut self) {
        // The writer ends when it has sent what is queued; the others would only listen.
        drop(self.outbox);
        let peer_closes = async {
            while self.tasks.join_next().await.is_some() {
                if self.link.close_reason().is_some() {
                    break;
                }
            }
        };
        let _ = tokio::time::timeout(FAREWELL, peer_closes).await;
        self.link.close(&CloseReason::Goodbye);
    }
}

/// Tells of the peer's silence; ends when the peer has gone without a word.
async fn watch(link: Link, generation: u64, arrivals: &Arrivals) -> Error {
    let mut vigil = Vigil::begin(link);
    loop {
        match vigil.next().await {
            Ok(sign) => {
                let silence = Arrival::Silence(sign == Sign::Silent);
                if arrivals.send((generation, silence)).await.is_err() {
                    return std::future::pending().await;
                }
            }
            Err(gone @ Closed::Gone) => return LinkError::Closed(gone).into(),
            // Whoever reads tells of every other end, after the peer's last word.
            Err(_) => return std::future::pending().await,
        }
    }
}

async fn read(
    link: &Link,
    mut receiver: ControlReceiver,
    generation: u64,
    arrivals: &Arrivals,
) -> Error {
    loop {
        let bytes = match receiver.next().await {
            Ok(Some(bytes)) => bytes,
            // The peer's last word; the link's own end follows.
            Ok(None) => return std::future::pending().await,
            Err(error) => return error.into(),
        };
        let arrival = match bytes.first() {
            Some(&cursor::FIRST_BYTE) => cursor::parse(&bytes)
                .map(Arrival::Cursor)
                .ok_or_else(|| "a broken cursor image".to_owned()),
            Some(&path::FIRST_BYTE) => Candidates::parse(&bytes)
                .map(Arrival::Candidates)
                .map_err(|violation| violation.to_string()),
            _ => json::parse(&mut bytes.to_vec(), MAX_MESSAGE_BYTES)
                .map(Arrival::Message)
                .map_err(|error| error.to_string()),
        };
        match arrival {
            Ok(arrival) => {
                if arrivals.send((generation, arrival)).await.is_err() {
                    return std::future::pending().await;
                }
            }
            Err(broken) => return misbehaved(link, &broken),
        }
    }
}

async fn write(
    mut sender: ControlSender,
    mut messages: mpsc::Receiver<Bytes>,
) -> Result<(), Error> {
    while let Some(message) = messages.recv().await {
        sender.send(message).await?;
    }
    // Dropping the stream would reset it before everything has arrived.
    std::future::pending::<()>().await;
    Ok(())
}
