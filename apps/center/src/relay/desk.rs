//! Answers the two questions that a relay is asked, for one event loop: knocks and binds.

use std::net::IpAddr;
use std::sync::Arc;

use tessera_transport::relay::{Bind, Message, Refusal};
use tracing::debug;

use super::channels::Place;
use super::shared::Shared;
use crate::limiter::{Limiter, Rate, Source};

/// Binds whose signatures are checked, of one source: an office whose connection to the internet comes back.
const BINDS_PER_SOURCE: Rate = Rate::per_minute(64, 600);
/// The same of all sources at one loop: two signatures take about 0.1 ms, so that a tenth of a core is the most that
/// binds can take from forwarding.
const BINDS: Rate = Rate::per_minute(1_000, 60_000);
/// Sources whose binds are counted at a time.
const LIMITED_SOURCES: usize = 16_384;

/// One loop's desk.
#[derive(Debug)]
pub(super) struct Desk {
    shared: Arc<Shared>,
    binds: Limiter<Source>,
}

impl Desk {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self { shared, binds: Limiter::new(BINDS_PER_SOURCE, BINDS, LIMITED_SOURCES) }
    }

    /// What to answer to a packet that begins like a message and came from `place`, which `is_bound` or not.
    /// Never longer than the packet.
    pub(super) fn answer(
        &mut self,
        packet: &[u8],
        place: Place,
        is_bound: bool,
    ) -> Option<Vec<u8>> {
        let counters = &self.shared.counters;
        let answer = match Message::parse(packet) {
            Ok(Message::Knock { transaction }) => {
                let cookie =
                    self.shared.cookies.make(place.peer(), self.shared.now().since_start_s);
                counters.cookies_sent.increment();
                Message::Cookie { transaction, cookie, is_bound }
            }
            Ok(Message::Bind(bind)) => self.handle_bind(&bind, place, is_bound),
            _ => {
                counters.messages_malformed.increment();
                return None;
            }
        };
        Some(answer.to_bytes())
    }

    fn handle_bind(&mut self, bind: &Bind, place: Place, is_bound: bool) -> Message {
        let transaction = bind.transaction;
        let now = self.shared.now();
        let Shared { cookies, counters, .. } = &*self.shared;
        if !cookies.is_good(&bind.cookie, place.peer(), now.since_start_s) {
            let cookie = cookies.make(place.peer(), now.since_start_s);
            counters.cookies_sent.increment();
            return Message::Cookie { transaction, cookie, is_bound };
        }
        let source: IpAddr = place.peer().ip();
        if !self.binds.allow(source.into(), self.shared.now_ns() / 1000) {
            counters.binds_limited.increment();
            return Message::Refused { transaction, reason: Refusal::Busy };
        }
        match self.bind(bind, place) {
            Ok(()) => {
                counters.binds_accepted.increment();
                Message::Bound { transaction, observed: place.peer() }
            }
            Err(reason) => {
                counters.binds_refused.increment();
                debug!(from = %place.peer(), %reason, "a bind was refused");
                Message::Refused { transaction, reason }
            }
        }
    }

    fn bind(&self, bind: &Bind, place: Place) -> Result<(), Refusal> {
        let now = self.shared.now();
        let token = bind.verify(self.shared.relay, self.shared.center, now.unix_s)?;
        let mut changes = Vec::new();
        let mut channels = self.shared.channels();
        let bound = channels.bind(&token, bind.sequence, place, now, &mut changes);
        // Under the lock, so that every loop hears of changes in one order.
        self.shared.publish(&changes);
        drop(channels);
        bound
    }
}
