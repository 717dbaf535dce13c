//! The decode thread: received updates in, pictures for the window out.
//!
//! Frames of film are decoded on a thread beside this one, one after another, and shown when they are
//! decoded. Updates that come meanwhile do not wait for them.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use atomic_waker::AtomicWaker;
use bytes::Bytes;
use crossbeam::queue::ArrayQueue;
use tessera_codec::{
    Applied, Checked, DecodeError, Decoder, Film, Region, Rule, Size, Status, Track,
};
use tessera_transport::acknowledgement::Outcome;
use tessera_transport::report::{Differs, MAX_PARTS, Report};

use super::allowance::Allowance;
use super::aside::Aside;
use super::film::ToDecode;
use super::slot::Slot;
use crate::clock;
use crate::view::{Feed, PictureInfo};

/// Received updates that may wait for the decoder; the connection waits when it is full.
const INBOX: usize = 64;

/// Leaves that may wait for the chain update that they build on. A sender that waits for
/// acknowledgements has far fewer on the way.
const MAX_HELD: usize = 64;

/// Frames of film that may wait for those before them. A sender that waits for acknowledgements has far
/// fewer on the way.
const MAX_FILM: usize = 64;

/// Updates that one picture may gather while more are waiting, and how long after the picture before
/// it none gathers further pictures of the sharer, in microseconds: half of one at 60 a second. A choice; showing costs
/// a copy of what changed.
const MAX_GATHERED: u32 = 8;
const GATHER_US: u64 = 8_000;

/// How often the chain may break at once, and time after which it may once more, in microseconds:
/// each time the whole picture is sent again. A connection damages nothing, so that once is a fault
/// and often is the sharer.
const MAX_LOSSES: u64 = 3;
const LOSS_US: u64 = 10_000_000;

/// The same for checks that find the picture to differ, each of which costs the hashes of all tiles.
const MAX_DIFFERENCES: u64 = 16;
const DIFFERENCE_US: u64 = 500_000;

/// Reports that may wait for the connection.
const REPORTS: usize = 64;

/// A received update.
#[derive(Clone)]
pub(crate) struct Received {
    /// Counts all updates of a connection, chain and leaves, as they came in.
    pub(crate) sequence: u64,
    /// Its number on the connection's chain; of a leaf or video frame, that of the chain update that it
    /// builds on.
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
    /// What is wrong with the picture, for the sharer.
    pub(crate) reports: ArrayQueue<Report>,
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
            decoded: ArrayQueue::new(2 * INBOX + MAX_HELD + MAX_FILM),
            reports: ArrayQueue::new(REPORTS),
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
    /// Film: the frames that wait for the one being decoded.
    film: Aside<ToDecode>,
    waiting: VecDeque<Received>,
    is_decoding: bool,
    /// The latest update applied, for the picture's description.
    latest: PictureInfo,
    gathered: u32,
    /// The update after the latest one, if it has come.
    next: Option<Received>,
    /// When a picture was shown last.
    shown_us: u64,
    /// Whether the sharer was asked for everything again and has not sent it yet.
    waits: bool,
    losses: Allowance,
    differences: Allowance,
}

impl Decode {
    pub(crate) fn new(decoder: Decoder, queues: Arc<DecodeQueues>, film: Aside<ToDecode>) -> Self {
        Self {
            decoder,
            queues,
            feed: None,
            first_update: 0,
            chain: 0,
            changed: Region::empty(Size::default()),
            held: Vec::with_capacity(MAX_HELD),
            film,
            waiting: VecDeque::with_capacity(MAX_FILM),
            is_decoding: false,
            latest: PictureInfo::default(),
            gathered: 0,
            next: None,
            shown_us: 0,
            waits: false,
            losses: Allowance::new(MAX_LOSSES, LOSS_US),
            differences: Allowance::new(MAX_DIFFERENCES, DIFFERENCE_US),
        }
    }

    /// Runs until it is stopped or an update breaks a rule.
    pub(crate) fn run(mut self) {
        self.film.register_owner();
        while !self.queues.stopped.load(Ordering::SeqCst) {
            if let Some(attachment) = self.queues.attach.take() {
                self.feed = attachment.feed;
                self.first_update = attachment.first_update;
                self.show();
            }
            match self.step() {
                Ok(true) => {}
                Ok(false) => std::thread::park(),
                Err(rule) => {
                    let _ = self.queues.failure.set(rule);
                    self.queues.acknowledge.wake();
                    return;
                }
            }
        }
    }

    /// Applies an update and shows film that is decoded; whether there was any of it.
    fn step(&mut self) -> Result<bool, String> {
        let received = self.take_next()?;
        let is_any = received.is_some();
        if let Some(received) = received {
            let damage_us = received.damage_us;
            self.apply(received)?;
            self.next = self.take_next()?;
            if self.is_to_be_shown(damage_us) {
                self.show();
            }
        }
        let is_film = self.show_film()?;
        self.begin_film()?;
        Ok(is_any || is_film)
    }

    /// The next update that is no film; film that came before it waits for its turn.
    fn take_next(&mut self) -> Result<Option<Received>, String> {
        if self.next.is_some() {
            return Ok(self.next.take());
        }
        loop {
            let received = self.queues.inbox.pop();
            self.queues.inbox_space.wake();
            match received {
                Some(frame) if frame.track == Track::Video => {
                    if self.waiting.len() == MAX_FILM {
                        return Err("too many frames of film at a time".into());
                    }
                    self.waiting.push_back(frame);
                }
                other => return Ok(other),
            }
        }
    }

    /// Has the next frame of film decoded, if it has come, its turn has, and none is being decoded.
    fn begin_film(&mut self) -> Result<(), String> {
        while let Some(received) = self.waiting.pop_front_if(|_| !self.is_decoding) {
            let outcome = match self.decoder.take_film(&received.bytes) {
                Ok(Film::Due(film)) => {
                    self.is_decoding = true;
                    let job = ToDecode { received, film };
                    return self.film.give(job).map_err(|_| "too much film at a time".into());
                }
                Ok(Film::Not(Status::AheadOfChain { .. })) if !self.is_overtaken(&received) => {
                    self.waiting.push_front(received);
                    return Ok(());
                }
                Ok(Film::Not(_)) => Ok(()),
                Err(error) => Err(error),
            };
            match outcome {
                Ok(()) => self.left_out(&received)?,
                Err(error) => self.refuse(&received, error)?,
            }
        }
        Ok(())
    }

    /// Shows the frame of film that has been decoded, if there is one.
    fn show_film(&mut self) -> Result<bool, String> {
        let Some(ToDecode { received, film }) = self.film.take() else { return Ok(false) };
        self.is_decoding = false;
        match self.decoder.put_film(film) {
            Ok(Applied { status: Status::Applied, changed, .. }) => {
                merge(&mut self.changed, changed);
                self.applied(&received, Outcome::Applied)?;
                self.show();
            }
            Ok(_) => self.left_out(&received)?,
            Err(error) => self.refuse(&received, error)?,
        }
        Ok(true)
    }

    /// Whether what an update that is ahead of the chain builds on comes in another way now, or came
    /// from a line that was left since.
    const fn is_overtaken(&self, received: &Received) -> bool {
        self.waits || received.chain < self.chain
    }

    /// Whether the picture as of the latest update, of damage noticed at `damage_us`, goes to the
    /// window although a further update may have come. Updates of the same damage are one picture.
    fn is_to_be_shown(&self, damage_us: u64) -> bool {
        let Some(next) = &self.next else { return true };
        let is_late = || clock::now_us().saturating_sub(self.shown_us) >= GATHER_US;
        self.gathered >= MAX_GATHERED || next.damage_us != damage_us && is_late()
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
        let is_overtaken = self.is_overtaken(&received);
        let applied = match self.decoder.apply(received.track, &received.bytes) {
            Ok(applied) => applied,
            Err(error) => return self.refuse(&received, error),
        };
        let differs = applied.checked == Some(Checked::Differs);
        let outcome = match applied.status {
            Status::Applied => {
                merge(&mut self.changed, applied.changed);
                Outcome::Applied
            }
            Status::AheadOfChain { .. } if is_overtaken => Outcome::Overtaken,
            Status::AheadOfChain { .. } if self.held.len() < MAX_HELD => {
                self.held.push(received);
                return Ok(());
            }
            Status::AheadOfChain { .. } => return Err("too many leaves ahead of the chain".into()),
            Status::Obsolete => Outcome::Overtaken,
        };
        if received.track == Track::Chain {
            self.chain = received.chain + 1;
            self.waits &= self.decoder.is_broken();
        }
        self.applied(&received, outcome)?;
        if differs { self.tell_hashes(clock::now_us()) } else { Ok(()) }
    }

    /// Notes and reports that an update has been applied, or is of no use.
    fn applied(&mut self, received: &Received, outcome: Outcome) -> Result<(), String> {
        let decoded_us = clock::now_us();
        let oldest_us = match (self.latest.damage_us, received.damage_us) {
            (0, damage_us) | (damage_us, 0) => damage_us,
            (gathered_us, damage_us) => gathered_us.min(damage_us),
        };
        self.latest = PictureInfo {
            update: self.latest.update.max(received.sequence),
            exact: self.decoder.is_exact(),
            verified: self.decoder.is_verified(),
            received_us: received.received_us,
            decoded_us,
            damage_us: oldest_us,
        };
        self.gathered += 1;
        let shown = self.feed.is_some() && self.chain > self.first_update;
        self.decoded(Decoded { sequence: received.sequence, decoded_us, outcome, shown })
    }

    /// Reports that an update is of no use.
    fn left_out(&self, received: &Received) -> Result<(), String> {
        let (sequence, decoded_us) = (received.sequence, clock::now_us());
        self.decoded(Decoded { sequence, decoded_us, outcome: Outcome::Overtaken, shown: false })
    }

    /// An update was refused. Of the chain the sharer is asked for everything again, unless its
    /// header tells that it speaks another language, or it happens too often; of a video it begins
    /// anew.
    fn refuse(&mut self, received: &Received, error: DecodeError) -> Result<(), String> {
        let cannot = || format!("an update that cannot be decoded: {error}");
        let now_us = clock::now_us();
        // What the H.264 decoder does not take counts as lost: the sharer begins another stream.
        if error.rule == Rule::VideoFrame && self.losses.take(now_us) {
            return self.left_out(received);
        }
        if received.track != Track::Chain || !self.decoder.is_broken() {
            return Err(cannot());
        }
        // Updates that were on their way when it broke are of no use, and no news.
        if !self.waits || error.rule != Rule::ChainBroken {
            if !self.losses.take(now_us) {
                return Err(cannot());
            }
            self.waits = true;
            self.tell(Report::Lost)?;
        }
        self.left_out(received)
    }

    /// Tells the sharer what is shown, after a check has found that it differs.
    fn tell_hashes(&mut self, now_us: u64) -> Result<(), String> {
        if !self.differences.take(now_us) {
            return Ok(());
        }
        let position = self.decoder.position();
        for hashes in self.decoder.hashes().chunks(MAX_PARTS) {
            self.tell(Report::Differs(Differs {
                epoch: position.epoch,
                number: position.number,
                parts: hashes.iter().map(|&(tile, hash)| (tile.0, hash)).collect(),
            }))?;
        }
        Ok(())
    }

    fn tell(&self, report: Report) -> Result<(), String> {
        self.queues.reports.push(report).map_err(|_| "too much to complain about".to_owned())?;
        self.queues.acknowledge.wake();
        Ok(())
    }

    fn decoded(&self, report: Decoded) -> Result<(), String> {
        if self.queues.decoded.push(report).is_err() {
            return Err("more updates than were acknowledged".into());
        }
        self.queues.acknowledge.wake();
        Ok(())
    }

    /// Hands the picture to the window, if there is one and the picture is of its share.
    fn show(&mut self) {
        self.gathered = 0;
        self.shown_us = clock::now_us();
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

/// Adds `changed`, of which an update tells, to the set of what has changed.
fn merge(all: &mut Region, changed: &Region) {
    if all.grid() == changed.grid() {
        all.merge(changed);
    } else {
        all.clone_from(changed);
        all.fill();
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use tessera_codec::DecoderConfig;

    use super::*;

    fn received(damage_us: u64) -> Received {
        Received {
            sequence: 0,
            chain: 0,
            track: Track::Chain,
            bytes: Bytes::new(),
            received_us: 0,
            damage_us,
        }
    }

    #[test]
    fn a_picture_waits_for_its_own_updates_and_briefly_for_those_of_others() {
        let decoder = Decoder::new(DecoderConfig::default()).expect("decoder");
        let film = Aside::start("tessera-test", 1).expect("a thread");
        let mut decode = Decode::new(decoder, Arc::new(DecodeQueues::new()), film);
        assert!(decode.is_to_be_shown(5), "nothing else has come");
        decode.next = Some(received(5));
        assert!(!decode.is_to_be_shown(5), "its leaf has come");
        decode.next = Some(received(6));
        assert!(decode.is_to_be_shown(5), "none was shown for long");
        decode.shown_us = clock::now_us() + GATHER_US;
        assert!(!decode.is_to_be_shown(5), "one was shown just now");
        decode.gathered = MAX_GATHERED;
        assert!(decode.is_to_be_shown(5), "it has gathered enough");
    }
}
