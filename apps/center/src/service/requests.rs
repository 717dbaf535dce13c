//! What each request of the center protocol does, and what it is answered with.

use std::net::SocketAddr;
use std::time::Duration;

use rand::TryRngCore;
use rand::rngs::OsRng;
use tessera_transport::center::{
    EnrolmentSecret, Introduction, MAX_ADDRESSES, Refusal, Reply, Request, is_joinable,
    is_plain_name,
};
use tessera_transport::pairing::{NoRandomness, Number};
use tessera_transport::{Fingerprint, Link};
use tokio::time::sleep;
use tracing::{error, info, warn};

use super::connection::Connection;
use crate::error::Error;
use crate::sessions::{ConnectionId, Found, OpenRefused, SessionId};
use crate::store::{CloseReason as SessionEnd, SecretHash};

/// Added to the answer about a number that leads nowhere, whether it never did or no longer does.
const NOT_FOUND_DELAY: Duration = Duration::from_millis(300);

/// Numbers drawn for one session. With at most 100,000 of 900,000,000 in use, all of them are taken once in 10^31
/// requests.
const DRAWS: usize = 8;

/// What a refused caller is told to wait: the slowest refill of a bucket.
const RETRY_AFTER_MS: u64 = 10_000;

impl Connection {
    /// Does what `request` asks for. A fault of the center itself is logged here and told without its details.
    pub(super) async fn answer(&self, link: &Link, request: Request) -> Reply {
        let answered = match request {
            Request::Enrol { secret, name } => self.enrol(link, &secret, &name).await,
            Request::OpenSession { addresses, resume: None } => self.open(link, addresses).await,
            Request::OpenSession { addresses, resume: Some(number) } => {
                self.resume(link, addresses, number).await
            }
            Request::CloseSession { number } => Ok(self.close(link, number).await),
            Request::Find { number } => self.find(link, number).await,
            Request::Unknown => Ok(refused(Refusal::UnknownRequest)),
        };
        answered.unwrap_or_else(|fault| {
            error!(peer = %link.peer(), %fault, "a request was not done");
            refused(Refusal::Internal)
        })
    }

    async fn enrol(
        &self,
        link: &Link,
        secret: &EnrolmentSecret,
        name: &str,
    ) -> Result<Reply, Error> {
        let (center, csr) = (&self.center, link.peer());
        let now_us = center.now_us();
        if !center.live().enrolments.allow(self.source, now_us) {
            center.metrics.enrolments_limited.increment();
            return Ok(busy());
        }
        if !is_plain_name(name) {
            return Ok(refused(Refusal::Name));
        }
        if !center.store.enrol(&SecretHash::of(secret.as_bytes()), csr, name).await? {
            center.metrics.enrolments_bad_token.increment();
            warn!(%csr, from = %self.source, "an enrolment token was refused");
            return Ok(refused(Refusal::Token));
        }
        center.metrics.enrolments.increment();
        self.note_csr(link);
        info!(%csr, "a CSR was enrolled");
        Ok(Reply::Enrolled)
    }

    /// Why the peer may not hold a session at these addresses, if it may not.
    async fn session_refusal(
        &self,
        link: &Link,
        addresses: &[SocketAddr],
    ) -> Result<Option<Refusal>, Error> {
        if !self.center.store.is_enrolled(link.peer()).await? {
            return Ok(Some(Refusal::NotEnrolled));
        }
        // It may have been enrolled through another connection since this one began.
        self.note_csr(link);
        let acceptable =
            (1..=MAX_ADDRESSES).contains(&addresses.len()) && addresses.iter().all(is_joinable);
        Ok((!acceptable).then_some(Refusal::Addresses))
    }

    async fn open(&self, link: &Link, addresses: Vec<SocketAddr>) -> Result<Reply, Error> {
        if let Some(refusal) = self.session_refusal(link, &addresses).await? {
            return Ok(refused(refusal));
        }
        let (center, csr) = (&self.center, link.peer());
        let id = SessionId(random::<16>().map(u128::from_le_bytes)?);
        let numbers = draw_numbers()?;
        let opened = center.live().sessions.open(csr, self.id, addresses, id, &numbers);
        let number = match opened {
            Ok(number) => number,
            Err(OpenRefused::CsrLimit) => return Ok(refused(Refusal::TooManySessions)),
            Err(OpenRefused::CenterLimit) => return Ok(busy()),
        };
        if let Err(fault) = center.store.record_open(id, number, csr).await {
            center.live().sessions.close(number, csr);
            return Err(fault);
        }
        center.metrics.sessions_opened.increment();
        info!(%csr, "a session was opened");
        Ok(Reply::Opened { number })
    }

    async fn resume(
        &self,
        link: &Link,
        addresses: Vec<SocketAddr>,
        number: Number,
    ) -> Result<Reply, Error> {
        if let Some(refusal) = self.session_refusal(link, &addresses).await? {
            return Ok(refused(refusal));
        }
        let (center, csr) = (&self.center, link.peer());
        let now_us = center.now_us();
        if !center.live().sessions.resume(number, csr, self.id, addresses, now_us) {
            return Ok(refused(Refusal::NotFound));
        }
        info!(%csr, "a session was resumed");
        Ok(Reply::Opened { number })
    }

    async fn close(&self, link: &Link, number: Number) -> Reply {
        let csr = link.peer();
        let closed = self.center.live().sessions.close(number, csr);
        let Some(id) = closed else { return refused(Refusal::NotFound) };
        self.center.record_ends(vec![id], SessionEnd::Closed).await;
        info!(%csr, "a session was closed");
        Reply::Closed
    }

    async fn find(&self, link: &Link, number: Number) -> Result<Reply, Error> {
        let (center, now_us) = (&self.center, self.center.now_us());
        let found = {
            let mut live = center.live();
            if !live.joins.allow(self.source, now_us) {
                center.metrics.joins_limited.increment();
                return Ok(busy());
            }
            live.sessions.find(number, now_us)
        };
        let Some(Found { addresses, csr, id, connection }) = found else {
            center.metrics.joins_not_found.increment();
            sleep(NOT_FOUND_DELAY).await;
            return Ok(refused(Refusal::NotFound));
        };
        let introduction = match connection {
            Some(connection) => {
                if !center.live().introductions.allow(number, now_us) {
                    center.metrics.joins_limited.increment();
                    return Ok(busy());
                }
                self.introduce(link, number, id, csr, connection)?
            }
            None => None,
        };
        center.metrics.joins.increment();
        Ok(Reply::Found { addresses, csr, introduction })
    }

    /// Introduces the joiner at the other end of `link` and the CSR to each other; `None` when the CSR is away.
    fn introduce(
        &self,
        link: &Link,
        number: Number,
        session: SessionId,
        csr: Fingerprint,
        connection: ConnectionId,
    ) -> Result<Option<Introduction>, Error> {
        let (center, joiner) = (&self.center, link.peer());
        let (to_joiner, to_host) = center.introducer.introduce(session, joiner, csr)?;
        let introduced = Reply::Introduced { number, joiner, introduction: to_host };
        if !center.live().registry.introduce(connection, introduced) {
            return Ok(None);
        }
        center.metrics.introductions.increment();
        Ok(Some(to_joiner))
    }
}

fn refused(reason: Refusal) -> Reply {
    Reply::Refused { reason, retry_after_ms: None }
}

fn busy() -> Reply {
    Reply::Refused { reason: Refusal::Busy, retry_after_ms: Some(RETRY_AFTER_MS) }
}

/// Fresh numbers, each equally likely; drawn ahead, so that a failing random source leaves nothing half-open.
fn draw_numbers() -> Result<Vec<Number>, Error> {
    let mut numbers = Vec::with_capacity(DRAWS);
    while numbers.len() < DRAWS {
        // 30 bits are the fewest that hold every index; what lies beyond the last number is drawn again.
        let index = u32::from_le_bytes(random()?) >> 2;
        numbers.extend(Number::from_index(index));
    }
    Ok(numbers)
}

pub(super) fn random<const N: usize>() -> Result<[u8; N], Error> {
    let mut bytes = [0; N];
    OsRng.try_fill_bytes(&mut bytes).map_err(|_| NoRandomness)?;
    Ok(bytes)
}
