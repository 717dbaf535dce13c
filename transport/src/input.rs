//! Input events over lossy datagrams: in order, exactly once, without waiting for a probe timeout.
//!
//! One lost packet on a sparse stream waits for QUIC's probe timeout. Here each datagram carries, besides the new events,
//! a few of the unacknowledged ones before them, and all unacknowledged ones are repeated after 20 ms without
//! news. Datagrams keep to the [pace](crate::pace); events that a newer one replaces are replaced while they wait. Both sides are pure state machines: events, datagrams and time go in, datagrams and events come out.

use crate::datagram::{Datagram, INPUT_HEADER_BYTES, MAX_DATAGRAM_BYTES, MAX_EVENT_BYTES};
use crate::error::Violation;
use crate::pace::{DatagramPace, Urgency};
use bytes::Bytes;
use std::collections::VecDeque;

/// Events that may be unacknowledged at a time. At 1,000 pointer motions a second this is half a second; a caller merges
/// motions when it is full.
pub const MAX_UNACKNOWLEDGED: usize = 512;

/// Unacknowledged events are repeated after this time without news.
pub const REPEAT_AFTER_US: u64 = 20_000;

/// Repetitions without news come at doubling intervals up to this, so that a dead path is not flooded and a long one not
/// loaded with copies.
const LONGEST_REPEAT_US: u64 = 160_000;

/// Bytes of unacknowledged events that go with new ones: those of eight motions, so that one lost datagram, or some in a
/// row, delay nothing.
const AGAIN_BYTES: usize = 48;

/// An input event was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InputRefused {
    /// Too many are unacknowledged: merge motions, or tell the user that the connection stalls.
    #[error("too many input events are on the way: the connection stalls")]
    Full,
    /// The event is longer than [`MAX_EVENT_BYTES`].
    #[error("an input event exceeds {MAX_EVENT_BYTES} bytes")]
    TooLong,
}

/// The side where events arise.
#[derive(Debug, Default)]
pub struct InputSender {
    /// Number of the first event in `unacknowledged`.
    first: u64,
    unacknowledged: VecDeque<Bytes>,
    /// How many of `unacknowledged` have been sent since they were last due.
    sent: usize,
    /// When to repeat; set whenever something is unacknowledged and sent.
    repeat_at_us: Option<u64>,
    repeats: u32,
    /// Whether a later event may take the place of the last one.
    is_last_replaceable: bool,
    /// Whether something waits that must arrive soon.
    is_urgent: bool,
    pace: DatagramPace,
}

impl InputSender {
    /// A sender whose first event has the number 0.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes an event and returns its number. To be followed by [`InputSender::poll_datagram`].
    pub fn push(&mut self, event: Bytes) -> Result<u64, InputRefused> {
        if event.len() > MAX_EVENT_BYTES {
            return Err(InputRefused::TooLong);
        }
        if self.unacknowledged.len() >= MAX_UNACKNOWLEDGED {
            return Err(InputRefused::Full);
        }
        self.unacknowledged.push_back(event);
        (self.is_last_replaceable, self.is_urgent) = (false, true);
        Ok(self.first + self.unacknowledged.len() as u64 - 1)
    }

    /// As [`InputSender::push`], for an event that says everything that those like it before it said, as a motion of the
    /// pointer does: it replaces the last one while that one waits.
    pub fn push_newest(&mut self, event: Bytes) -> Result<u64, InputRefused> {
        if self.is_last_replaceable {
            self.unacknowledged.pop_back();
        }
        let is_urgent = self.is_urgent;
        let pushed = self.push(event);
        (self.is_last_replaceable, self.is_urgent) = (pushed.is_ok(), is_urgent);
        pushed
    }

    /// Takes the peer's word that it has all events before `next`.
    pub fn handle_acknowledgement(&mut self, next: u64, now_us: u64) -> Result<(), Violation> {
        let Some(acknowledged) = next.checked_sub(self.first) else { return Ok(()) };
        let acknowledged = usize::try_from(acknowledged).unwrap_or(usize::MAX);
        if acknowledged > self.unacknowledged.len() {
            return Err(Violation::OutOfSequence {
                what: "input acknowledgement",
                found: next,
                expected: self.first + self.unacknowledged.len() as u64,
            });
        }
        if acknowledged > 0 {
            self.unacknowledged.drain(..acknowledged);
            self.is_last_replaceable &= !self.unacknowledged.is_empty();
            self.first = next;
            self.sent = self.sent.saturating_sub(acknowledged);
            self.repeats = 0;
            self.repeat_at_us =
                (!self.unacknowledged.is_empty()).then_some(now_us + REPEAT_AFTER_US);
        }
        Ok(())
    }

    /// The next datagram to send now, until `None`.
    pub fn poll_datagram(&mut self, now_us: u64) -> Option<Datagram> {
        if self.repeat_at_us.is_some_and(|due_us| due_us <= now_us) {
            self.sent = 0;
            self.repeats = self.repeats.saturating_add(1);
            self.repeat_at_us = None;
        }
        if self.sent == self.unacknowledged.len() || self.pace.due_us(self.urgency()) > now_us {
            return None;
        }
        let mut room = MAX_DATAGRAM_BYTES - INPUT_HEADER_BYTES;
        let fits = |event: &Bytes, room: &mut usize| {
            let taken = 1 + event.len();
            let fits = taken <= *room;
            *room = room.saturating_sub(taken);
            fits
        };
        let unsent = self.unacknowledged.range(self.sent..);
        let end = self.sent + unsent.take_while(|event| fits(event, &mut room)).count();
        let mut room = room.min(AGAIN_BYTES);
        let sent = self.unacknowledged.range(..self.sent).rev();
        let start = self.sent - sent.take_while(|event| fits(event, &mut room)).count();
        self.sent = end;
        if end == self.unacknowledged.len() {
            (self.is_last_replaceable, self.is_urgent) = (false, false);
        }
        let events = self.unacknowledged.range(start..end);
        let events_bytes: usize = events.map(|event| 1 + event.len()).sum();
        self.pace.spend(INPUT_HEADER_BYTES + events_bytes, now_us);
        if self.repeat_at_us.is_none() {
            let wait_us = (REPEAT_AFTER_US << self.repeats.min(8)).min(LONGEST_REPEAT_US);
            self.repeat_at_us = Some(now_us + wait_us);
        }
        Some(Datagram::Input {
            first: self.first + start as u64,
            events: self.unacknowledged.range(start..end).cloned().collect(),
        })
    }

    fn urgency(&self) -> Urgency {
        // What is repeated is late already.
        if self.is_urgent || self.sent == 0 && self.repeats > 0 {
            Urgency::Each
        } else {
            Urgency::Newest
        }
    }

    /// When [`InputSender::poll_datagram`] has something to send or to repeat, if nothing happens before.
    pub fn poll_timeout(&self) -> Option<u64> {
        let waits = self.sent < self.unacknowledged.len();
        let due_us = waits.then(|| self.pace.due_us(self.urgency()));
        due_us.into_iter().chain(self.repeat_at_us).min()
    }

    /// How many events the peer is not known to have.
    pub fn unacknowledged(&self) -> usize {
        self.unacknowledged.len()
    }
}

/// The side where events are injected.
#[derive(Debug, Default)]
pub struct InputReceiver {
    /// Number of the next event to deliver, which is that of the first place in `window`.
    next: u64,
    /// Events received, by number; gaps are those still missing.
    window: VecDeque<Option<Bytes>>,
    acknowledgement_due: bool,
}

impl InputReceiver {
    /// A receiver that expects event 0 first.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the events of a [`Datagram::Input`]. To be followed by [`InputReceiver::poll_event`] until `None` and then
    /// by [`InputReceiver::poll_acknowledgement`].
    pub fn handle_events(&mut self, first: u64, events: Vec<Bytes>) -> Result<(), Violation> {
        // Even an old datagram is answered: the acknowledgement before may have been lost.
        self.acknowledgement_due = true;
        for (number, event) in (first..).zip(events) {
            let Some(place) = number.checked_sub(self.next) else { continue };
            if place >= MAX_UNACKNOWLEDGED as u64 {
                return Err(Violation::OutOfSequence {
                    what: "input event",
                    found: number,
                    expected: self.next,
                });
            }
            let place = place as usize;
            if self.window.len() <= place {
                self.window.resize(place + 1, None);
            }
            if let Some(slot) = self.window.get_mut(place) {
                slot.get_or_insert(event);
            }
        }
        Ok(())
    }

    /// The next event in order, exactly once.
    pub fn poll_event(&mut self) -> Option<Bytes> {
        let event = self.window.front_mut()?.take()?;
        self.window.pop_front();
        self.next += 1;
        Some(event)
    }

    /// The acknowledgement to send, once after each received datagram.
    pub fn poll_acknowledgement(&mut self) -> Option<Datagram> {
        std::mem::take(&mut self.acknowledgement_due)
            .then_some(Datagram::InputAcknowledgement { next: self.next })
    }
}
