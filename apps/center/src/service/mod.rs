//! The center protocol over QUIC: who may connect, and the housekeeping beside the connections.
//!
//! One connection's requests are read in [`connection`] and answered in [`requests`]; what may be connected at a time
//! is counted in [`registry`]. The rules themselves are pure and stand elsewhere: [`crate::sessions`],
//! [`crate::limiter`].

mod connection;
mod introducer;
mod registry;
mod requests;

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tessera_transport::pairing::Number;
use tessera_transport::{CloseReason, Endpoint, Fingerprint};
use tokio::time::{MissedTickBehavior, interval};
use tracing::{error, info};

use crate::error::Error;
use crate::limiter::{Limiter, Rate, Source};
use crate::metrics::{Metrics, Snapshot};
use crate::relay::Relay;
pub(crate) use crate::service::introducer::Introducer;
use crate::service::registry::Registry;
use crate::sessions::{Limits, SessionId, Sessions};
use crate::store::{CloseReason as SessionEnd, Store};

/// Sessions one CSR may hold at a time; a person helps a few customers at once.
const SESSIONS_PER_CSR: usize = 16;
/// Live sessions of a center: a guessed number hits one in 9,000 times at most.
const SESSIONS: usize = 100_000;

/// Connections at a time, of all and of one source (an office behind one address).
const CONNECTIONS: usize = 4096;
const CONNECTIONS_PER_SOURCE: usize = 256;

/// Joins: a person mistypes a few times; an office behind one address joins a few times a minute.
const JOINS_PER_SOURCE: Rate = Rate::per_minute(20, 30);
const JOINS: Rate = Rate::per_minute(500, 6_000);
/// Enrolments are rare, and each refused one may be a guess at a token.
const ENROLMENTS_PER_SOURCE: Rate = Rate::per_minute(5, 6);
const ENROLMENTS: Rate = Rate::per_minute(50, 60);
/// Introductions of one session: every one makes its CSR's program open a socket.
const INTRODUCTIONS_PER_SESSION: Rate = Rate::per_minute(16, 60);
/// Sources with a bucket that is not full; 64 bytes or so each.
const LIMITED_SOURCES: usize = 16_384;

/// How often ended grace periods and removed CSRs are looked for. Numbers end on time without it; it only tidies up.
const HOUSEKEEPING: Duration = Duration::from_secs(1);

/// What all connections share.
#[derive(Debug)]
pub(crate) struct Center {
    store: Store,
    metrics: Metrics,
    introducer: Introducer,
    relay: Relay,
    started: Instant,
    live: Mutex<Live>,
}

/// The state behind the lock, which is held for map operations only and never across an await.
#[derive(Debug)]
struct Live {
    sessions: Sessions,
    registry: Registry,
    joins: Limiter<Source>,
    enrolments: Limiter<Source>,
    introductions: Limiter<Number>,
}

impl Center {
    /// A center with no session; `grace` is how long a session waits for its CSR to reconnect.
    pub(crate) fn new(store: Store, grace: Duration, introducer: Introducer, relay: Relay) -> Self {
        let grace_us = u64::try_from(grace.as_micros()).unwrap_or(u64::MAX);
        let limits = Limits { per_csr: SESSIONS_PER_CSR, total: SESSIONS, grace_us };
        Self {
            store,
            metrics: Metrics::default(),
            introducer,
            relay,
            started: Instant::now(),
            live: Mutex::new(Live {
                sessions: Sessions::new(limits),
                registry: Registry::new(CONNECTIONS, CONNECTIONS_PER_SOURCE),
                joins: Limiter::new(JOINS_PER_SOURCE, JOINS, LIMITED_SOURCES),
                enrolments: Limiter::new(ENROLMENTS_PER_SOURCE, ENROLMENTS, LIMITED_SOURCES),
                introductions: Limiter::new(INTRODUCTIONS_PER_SESSION, JOINS, LIMITED_SOURCES),
            }),
        }
    }

    pub(crate) fn store(&self) -> &Store {
        &self.store
    }

    /// This moment in Prometheus' text format.
    pub(crate) fn snapshot(&self) -> String {
        let (sessions_live, connections_live) = {
            let live = self.live();
            (live.sessions.len(), live.registry.len())
        };
        let center = Snapshot { metrics: &self.metrics, sessions_live, connections_live };
        format!("{center}{}", self.relay)
    }

    fn live(&self) -> MutexGuard<'_, Live> {
        // A panic under the lock has left whole entries: every operation inserts or removes one at a time.
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Microseconds since the program started.
    fn now_us(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_micros()).unwrap_or(u64::MAX)
    }

    /// Writes how sessions ended; a database that fails costs their report a line, not the center its work.
    async fn record_ends(&self, ended: Vec<SessionId>, reason: SessionEnd) {
        for id in ended {
            if let Err(fault) = self.store.record_close(id, reason).await {
                error!(%fault, "the end of a session was not recorded");
            }
        }
    }

    async fn expire_sessions(&self) {
        let now_us = self.now_us();
        let ended = self.live().sessions.expire(now_us);
        if !ended.is_empty() {
            info!(sessions = ended.len(), "ended sessions whose CSR did not come back");
        }
        self.record_ends(ended, SessionEnd::Lost).await;
    }

    /// Ends what a CSR still holds here after another process has taken its enrolment away.
    async fn drop_removed_csrs(&self) -> Result<(), Error> {
        let present: HashSet<Fingerprint> = {
            let live = self.live();
            live.registry.csrs().chain(live.sessions.csrs()).collect()
        };
        if present.is_empty() {
            return Ok(());
        }
        let enrolled: HashSet<String> =
            self.store.csrs().await?.into_iter().map(|csr| csr.fingerprint).collect();
        for csr in present {
            if enrolled.contains(&csr.to_string()) {
                continue;
            }
            let (ended, links) = {
                let mut live = self.live();
                (live.sessions.remove_csr(csr), live.registry.links_of(csr))
            };
            info!(%csr, sessions = ended.len(), "the enrolment of a CSR was taken away");
            self.record_ends(ended, SessionEnd::Removed).await;
            for link in links {
                link.close(&CloseReason::NotAdmitted("its enrolment was taken away".to_owned()));
            }
        }
        Ok(())
    }
}

/// Accepts connections and keeps house; ends only when the endpoint is closed.
pub(crate) async fn run(center: &Arc<Center>, endpoint: &Endpoint) {
    let mut housekeeping = interval(HOUSEKEEPING);
    housekeeping.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            incoming = endpoint.accept() => match incoming {
                Some(incoming) => connection::admit(center, incoming),
                None => return,
            },
            _ = housekeeping.tick() => {
                center.expire_sessions().await;
                if let Err(fault) = center.drop_removed_csrs().await {
                    error!(%fault, "the list of enrolled CSRs was not read");
                }
            }
        }
    }
}
