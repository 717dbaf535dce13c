//! The decode thread: received updates in, pictures for the window out.

use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use atomic_waker::AtomicWaker;
use bytes::Bytes;
use crossbeam::queue::ArrayQueue;
use tessera_codec::{Decoder, Region, Size, Status, Track};
use tessera_transport::acknowledgement::Outcome;

use super::slot::Slot;
use crate::clock;
use crate::view::{Feed, PictureInfo};

/// Received updates that may wait for the decoder; the connection waits when it is full.
const INBOX: usize = 64;

/// Leaves that may wait for the chain update that they build on. A sender that waits for
/// acknowledgements has far fewer on the way.
const MAX_HELD: usize = 64;

/// Updates that one picture may gather while more are waiting.
const MAX_GATHERED: u32 = 8;

/// A received update.
#[derive(Clone)]
pub(crate) struct Received {
    /// Counts all updates of a connection, chain and leaves, as they came in.
    pub(crate) sequence: u64,
    /// Position of the chain when it came: its own number, or for a leaf that of the chain.
    pub(crate) chain: u64,
    pub(crate) track: Track,
    pub(crate) bytes: Bytes,
    pub(crate) received_us: u64,
    /// The sharer's damage stamp; 0 when it has none.
    pub(crate) damage_us: u64,
}

/// What the decode thread reports of an update.
#[derive(Clone, Copy)]
pub(crate) struct Decoded {
    pub(crate) sequence: u64,
    pub(crate) decoded_us: u64,
    pub(crate) outcome: Outcome,
    /// Whether a picture with it goes to a window, which will say when it is presented.
    pub(crate) shown: bool,
}

/// A window's feed, and the chain update from which on it is shown.
pub(crate) struct Attachment {
    /// `None` detaches the present one.
    pub(crate) feed: Option<Feed>,
    pub(crate) first_update: u64,
}

/// Shared by the decode thread and its end of the connection.
pub(crate) struct DecodeQueues {
    inbox: ArrayQueue<Received>,
    inbox_space: AtomicWaker,
    pub(crate) decoded: ArrayQueue<Decoded>,
    /// Wakes the acknowledging end.
    pub(crate) acknowledge: Arc<AtomicWaker>,
    pub(crate) attach: Slot<Attachment>,
    failure: OnceLock<String>,
    stopped: AtomicBool,
}

impl DecodeQueues {
    pub(crate) fn new() -> Self {
        Self {
            inbox: ArrayQueue::new(INBOX),
            inbox_space: AtomicWaker::new(),
            // One report for each update that is in the inbox, held or gathered.
            decoded: ArrayQueue::new(2 * INBOX + MAX_HELD),
            acknowledge: Arc::new(AtomicWaker::new()),
            attach: Slot::new(),
            failure: OnceLock::new(),
            stopped: AtomicBool::new(false),
        }
    }

    /// Queues an update for the decode thread, waiting while there is no room.
    pub(crate) async fn deliver(&self, received: Received, decoder: &std::thread::Thread) {
        let mut received = Some(received);
        std::future::poll_fn(|context| {
            self.inbox_space.register(context.waker());
            if let Some(update) = received.take()
                && let Err(update) = self.inbox.push(update)
            {
                received = Some(update);
                return std::task::Poll::Pending;
            }
            std::task::Poll::Ready(())
        })
        .await;
        decoder.unpark();
    }

    /// Why decoding ended, if the peer's updates were to blame.
    pub(crate) fn failure(&self) -> Option<&str> {
        self.failure.get().map(String::as_str)
    }

    pub(crate) fn stop(&self) {
        self.stopped.store(true, Ordering::SeqCst);
    }
}

/// The thread's state.
pub(crate) struct Decode {
    decoder: Decoder,
    queues: Arc<DecodeQueues>,
    feed: Option<Feed>,
    first_update: u64,
    /// Number of the latest chain update applied, plus one.
    chain: u64,
    /// Tiles that changed since the last picture shown.
    changed: Region,
    held: Vec<Received>,
    /// The latest update applied, for the picture's description.
    latest: PictureInfo,
    gathered: u32,
}

impl Decode {
    pub(crate) fn new(decoder: Decoder, queues: Arc<DecodeQueues>) -> Self {
        Self {
            decoder,
            queues,
            feed: None,
            first_update: 0,
            chain: 0,
            changed: Region::empty(Size::default()),
            held: Vec::with_capacity(MAX_HELD),
            latest: PictureInfo::default(),
            gathered: 0,
        }
    }

    /// Runs until it is stopped or an update breaks a rule.
    pub(crate) fn run(mut self) {
        while !self.queues.stopped.load(Ordering::SeqCst) {
            if let Some(attachment) = self.queues.attach.take() {
                self.feed = attachment.feed;
                self.first_update = attachment.first_update;
                self.show();
            }
            let Some(received) = self.queues.inbox.pop() else {
                std::thread::park();
                continue;
            };
            self.queues.inbox_space.wake();
            if let Err(rule) = self.apply(received) {
                let _ = self.queues.failure.set(rule);
                self.queues.acknowledge.wake();
                return;
            }
            if self.gathered >= MAX_GATHERED || self.queues.inbox.is_empty() {
                self.show();
            }
        }
    }

    fn apply(&mut self, received: Received) -> Result<(), String> {
        let is_chain = received.track == Track::Chain;
        self.apply_one(received)?;
        // Leaves held back are few and seldom; each chain update may be the one they wait for.
        let waiting = if is_chain { self.held.len() } else { 0 };
        for _ in 0..waiting {
            let leaf = self.held.remove(0);
            self.apply_one(leaf)?;
        }
        Ok(())
    }

    fn apply_one(&mut self, received: Received) -> Result<(), String> {
        let applied = self
            .decoder
            .apply(received.track, &received.bytes)
            .map_err(|error| format!("an update that cannot be decoded: {error}"))?;
        let outcome = match applied.status {
            Status::Applied => {
                if self.changed.grid() == applied.changed.grid() {
                    self.changed.merge(applied.changed);
                } else {
                    self.changed.clone_from(applied.changed);
                    self.changed.fill();
                }
                Outcome::Applied
            }
            Status::AheadOfChain { .. } if self.held.len() < MAX_HELD => {
                self.held.push(received);
                return Ok(());
            }
            Status::AheadOfChain { .. } => return Err("too many leaves ahead of the chain".into()),
            Status::Obsolete => Outcome::Overtaken,
        };
        if received.track == Track::Chain {
            self.chain = received.chain + 1;
        }
        let decoded_us = clock::now_us();
        let oldest_us = match (self.latest.damage_us, received.damage_us) {
            (0, damage_us) | (damage_us, 0) => damage_us,
            (gathered_us, damage_us) => gathered_us.min(damage_us),
        };
        self.latest = PictureInfo {
            update: received.sequence,
            exact: self.decoder.is_exact(),
            received_us: received.received_us,
            decoded_us,
            damage_us: oldest_us,
        };
        self.gathered += 1;
        let shown = self.feed.is_some() && self.chain > self.first_update;
        let report = Decoded { sequence: received.sequence, decoded_us, outcome, shown };
        if self.queues.decoded.push(report).is_err() {
            return Err("more updates than were acknowledged".into());
        }
        self.queues.acknowledge.wake();
        Ok(())
    }

    /// Hands the picture to the window, if there is one and the picture is of its share.
    fn show(&mut self) {
        self.gathered = 0;
        if let Some(feed) = &mut self.feed
            && self.chain > self.first_update
            && let Some(picture) = self.decoder.view()
        {
            feed.show(picture, &self.changed, self.latest);
        }
        self.changed.clear();
        self.latest.damage_us = 0;
    }
}
