//! A participant's side of the bind, as a state machine: time and messages in, messages and events out.
//!
//! After every call, [`Binder::poll_transmit`] until it has nothing and [`Binder::poll_event`] until it has nothing, and
//! come back at [`Binder::next_timeout_us`].

use crate::identity::{Fingerprint, Identity};
use crate::relay::message::{Bind, Cookie, Message, Refusal, Transaction};
use crate::relay::token::SignedToken;
use core::net::SocketAddr;
use sha2::{Digest, Sha256};
use std::collections::VecDeque;
use std::sync::Arc;

/// An answer that has not come after this time is asked for again, then at doubling intervals.
const FIRST_REPEAT_US: u64 = 200_000;
/// Longest interval between repetitions: a relay that comes back is found within a second.
const LONGEST_REPEAT_US: u64 = 1_000_000;
/// While it is bound, an end knocks this often: address translators may forget a UDP address after 30 s (RFC 4787,
/// section 4.3, asks for two minutes, and many keep less), and one knock may be lost.
const KEEP_BOUND_US: u64 = 12_000_000;
/// Questions in a row without an answer after which the relay counts as silent: a second and a half.
const SILENT_TRIES: u32 = 3;
/// Binds in a row that a relay may answer with another cookie; then it is asked as slowly as one that is silent.
const PROMPT_BINDS: u32 = 2;
/// A busy relay is asked again after this time, doubled up to [`LONGEST_BUSY_US`].
const FIRST_BUSY_US: u64 = 1_000_000;
/// See [`FIRST_BUSY_US`].
const LONGEST_BUSY_US: u64 = 8_000_000;

/// What a binder has to say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// The relay forwards from now on, or does so again, or sees the participant at another address than before.
    Bound {
        /// Where the relay sees the participant: the address that others may reach it at directly.
        observed: SocketAddr,
    },
    /// The relay does not answer; it is asked further on.
    Silent,
    /// The relay answered after it had been silent and this end is still bound.
    Heard,
    /// The relay refused. After [`Refusal::Busy`] it is asked again; every other reason is final.
    Refused(Refusal),
}

#[derive(Debug, Clone)]
struct Question {
    message: Message,
    transaction: Transaction,
    due_us: u64,
    repeat_us: u64,
    /// How often it was sent.
    tries: u32,
}

/// Binds one end of a channel at one relay, keeps it bound, and binds it anew when its address changes or the relay has
/// forgotten it.
#[derive(Debug)]
pub struct Binder {
    holder: Arc<Identity>,
    relay: Fingerprint,
    token: SignedToken,
    seed: [u8; 16],
    questions: u64,
    sequence: u64,
    observed: Option<SocketAddr>,
    is_silent: bool,
    /// Binds since the relay last accepted one.
    binds: u32,
    busy_us: u64,
    /// What awaits an answer; `None` while the end is bound and rests, and for good once it is refused.
    question: Option<Question>,
    next_knock_us: Option<u64>,
    events: VecDeque<Event>,
}

impl Binder {
    /// Begins to bind at `relay` with a token that the center signed for the key of `holder`.
    ///
    /// `seed` must be fresh from a cryptographic random source. `first_sequence` must be larger than that of every
    /// binder made for this token before: the wall clock in microseconds will do.
    pub fn new(
        holder: Arc<Identity>,
        relay: Fingerprint,
        token: SignedToken,
        seed: [u8; 16],
        first_sequence: u64,
        now_us: u64,
    ) -> Self {
        let mut binder = Self {
            holder,
            relay,
            token,
            seed,
            questions: 0,
            sequence: first_sequence,
            observed: None,
            is_silent: false,
            binds: 0,
            busy_us: FIRST_BUSY_US,
            question: None,
            next_knock_us: None,
            events: VecDeque::new(),
        };
        binder.knock(now_us);
        binder
    }

    /// Where the relay sees this end; `None` while it is not bound as far as is known.
    pub fn observed(&self) -> Option<SocketAddr> {
        self.observed
    }

    /// Asks the relay now whether this end is still bound: to be called when nothing is heard over it, or when the
    /// address of the machine has changed.
    pub fn check(&mut self, now_us: u64) {
        if self.question.is_none() && self.next_knock_us.is_some() {
            self.knock(now_us);
        }
    }

    /// Takes a packet that came from the relay and [is a message](super::is_relay_message). What does not answer the
    /// last question is ignored.
    pub fn handle_packet(&mut self, packet: &[u8], now_us: u64) {
        let (Ok(message), Some(question)) = (Message::parse(packet), &self.question) else {
            return;
        };
        let asked = question.transaction;
        match message {
            Message::Cookie { transaction, cookie, is_bound } if transaction == asked => {
                self.handle_cookie(cookie, is_bound, now_us);
            }
            Message::Bound { transaction, observed } if transaction == asked => {
                self.rest(now_us);
                self.is_silent = false;
                self.binds = 0;
                self.busy_us = FIRST_BUSY_US;
                self.observed = Some(observed);
                self.events.push_back(Event::Bound { observed });
            }
            Message::Refused { transaction, reason } if transaction == asked => {
                self.handle_refusal(reason, now_us);
            }
            _ => {}
        }
    }

    /// The next packet to send to the relay.
    pub fn poll_transmit(&mut self, now_us: u64) -> Option<Vec<u8>> {
        if self.next_knock_us.is_some_and(|at_us| at_us <= now_us) {
            self.knock(now_us);
        }
        let question = self.question.as_mut().filter(|question| question.due_us <= now_us)?;
        question.tries = question.tries.saturating_add(1);
        question.due_us = now_us.saturating_add(question.repeat_us);
        question.repeat_us = (2 * question.repeat_us).min(LONGEST_REPEAT_US);
        if question.tries > SILENT_TRIES {
            if !self.is_silent {
                self.is_silent = true;
                self.events.push_back(Event::Silent);
            }
            if matches!(question.message, Message::Bind(_)) {
                // Its cookie may have become old meanwhile.
                let (tries, repeat_us) = (question.tries, question.repeat_us);
                self.knock(now_us);
                if let Some(question) = &mut self.question {
                    (question.tries, question.repeat_us) = (tries, repeat_us);
                    question.due_us = now_us.saturating_add(repeat_us);
                }
            }
        }
        self.question.as_ref().map(|question| question.message.to_bytes())
    }

    /// When [`Binder::poll_transmit`] will have something; `None` once the relay has refused for good.
    pub fn next_timeout_us(&self) -> Option<u64> {
        self.question.as_ref().map(|question| question.due_us).or(self.next_knock_us)
    }

    /// The next thing that happened.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    fn handle_cookie(&mut self, cookie: Cookie, is_bound: bool, now_us: u64) {
        if is_bound && self.observed.is_some() {
            self.rest(now_us);
            if std::mem::take(&mut self.is_silent) {
                self.events.push_back(Event::Heard);
            }
            return;
        }
        self.observed = None;
        self.sequence = self.sequence.saturating_add(1);
        let transaction = self.next_transaction();
        let (holder, token) = (&self.holder, self.token.clone());
        let bind = Bind::sign(holder, self.relay, token, cookie, self.sequence, transaction);
        self.binds = self.binds.saturating_add(1);
        self.ask(Message::Bind(bind), transaction, now_us);
        if let Some(question) = self.question.as_mut().filter(|_| self.binds > PROMPT_BINDS) {
            question.due_us = now_us.saturating_add(LONGEST_REPEAT_US);
        }
    }

    fn handle_refusal(&mut self, reason: Refusal, now_us: u64) {
        self.observed = None;
        self.question = None;
        self.next_knock_us = None;
        if reason == Refusal::Busy {
            self.next_knock_us = Some(now_us.saturating_add(self.busy_us));
            self.busy_us = (2 * self.busy_us).min(LONGEST_BUSY_US);
        }
        self.events.push_back(Event::Refused(reason));
    }

    fn rest(&mut self, now_us: u64) {
        self.question = None;
        self.next_knock_us = Some(now_us.saturating_add(KEEP_BOUND_US));
    }

    fn knock(&mut self, now_us: u64) {
        let transaction = self.next_transaction();
        self.ask(Message::Knock { transaction }, transaction, now_us);
    }

    fn ask(&mut self, message: Message, transaction: Transaction, now_us: u64) {
        self.next_knock_us = None;
        let repeat_us = FIRST_REPEAT_US;
        self.question =
            Some(Question { message, transaction, due_us: now_us, repeat_us, tries: 0 });
    }

    fn next_transaction(&mut self) -> Transaction {
        self.questions = self.questions.wrapping_add(1);
        let drawn =
            Sha256::new().chain_update(self.seed).chain_update(self.questions.to_le_bytes());
        let mut transaction = Transaction::default();
        for (byte, source) in transaction.iter_mut().zip(drawn.finalize()) {
            *byte = source;
        }
        transaction
    }
}

#[cfg(test)]
mod tests;
