//! One connection: from the first packet of its handshake to its end, with the bounds on how fast it may ask.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tessera_transport::center::{MAX_MESSAGE_BYTES, Reply, Request};
use tessera_transport::{CloseReason, Incoming, Link, LinkError, Trust, json};
use tokio::sync::mpsc;
use tokio::time::timeout;
use tracing::{debug, warn};

use super::Center;
use crate::error::Error;
use crate::limiter::{Bucket, Rate, Source};
use crate::sessions::ConnectionId;

/// Longest handshake; three lost packets at a round trip of one second.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a peer that is no enrolled CSR may be silent: joiners ask at once and leave.
const STRANGER_TIMEOUT: Duration = Duration::from_secs(60);
/// Requests of one connection; a program asks for a few things and then waits for people.
const REQUESTS: Rate = Rate::per_minute(64, 120);

/// Introductions that wait for a CSR's connection; it takes them as fast as it reads.
const INTRODUCTIONS: usize = 16;

const TOO_MANY: &str = "more requests came than one connection may make";

/// A peer that is connected or about to be. Dropping it frees its place and starts the grace period of what it held.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) center: Arc<Center>,
    pub(super) source: Source,
    pub(super) id: ConnectionId,
    /// Where joiners are told to this peer, if it is a CSR.
    pub(super) introductions: mpsc::Sender<Reply>,
}

/// Why a connection is over.
#[derive(Debug, thiserror::Error)]
enum End {
    #[error("{0}")]
    Link(#[from] LinkError),
    #[error("it said nothing for {} s", STRANGER_TIMEOUT.as_secs())]
    Silent,
    #[error("{0}")]
    Violation(String),
    #[error("{0}")]
    Fault(#[from] Error),
}

/// Starts a task for a peer that knocks, or turns it away at a limit.
pub(super) fn admit(center: &Arc<Center>, incoming: Incoming) {
    let source = Source::from(incoming.remote_address().ip());
    let Some(id) = center.live().registry.admit(source) else {
        center.metrics.connections_refused.increment();
        warn!(from = %source, "a connection was refused: too many are open");
        return incoming.refuse();
    };
    let (introductions, introduced) = mpsc::channel(INTRODUCTIONS);
    let connection = Connection { center: center.clone(), source, id, introductions };
    tokio::spawn(connection.run(incoming, introduced));
}

impl Drop for Connection {
    fn drop(&mut self) {
        let now_us = self.center.now_us();
        let mut live = self.center.live();
        if let Some(link) = live.registry.release(self.source, self.id) {
            live.sessions.handle_disconnect(link.peer(), self.id, now_us);
        }
    }
}

impl Connection {
    async fn run(self, incoming: Incoming, mut introduced: mpsc::Receiver<Reply>) {
        let link = match timeout(HANDSHAKE_TIMEOUT, incoming.accept(Trust::AnyKey)).await {
            Ok(Ok(link)) => link,
            Ok(Err(fault)) => return debug!(from = %self.source, %fault, "no handshake"),
            Err(_) => return debug!(from = %self.source, "no handshake in time"),
        };
        self.center.metrics.connections_accepted.increment();
        let reason = match self.converse(&link, &mut introduced).await {
            Ok(()) | Err(End::Link(LinkError::Closed(_))) => CloseReason::Goodbye,
            Err(end) => {
                warn!(peer = %link.peer(), from = %self.source, reason = %end, "a peer was disconnected");
                match end {
                    End::Link(_) | End::Violation(_) => {
                        self.center.metrics.protocol_errors.increment();
                        CloseReason::ProtocolViolation(end.to_string())
                    }
                    End::Silent => CloseReason::Goodbye,
                    End::Fault(_) => CloseReason::NotAdmitted("the center has a fault".to_owned()),
                }
            }
        };
        link.close(&reason);
    }

    /// Notes that the peer is an enrolled CSR.
    pub(super) fn note_csr(&self, link: &Link) {
        self.center.live().registry.note_csr(self.id, link, &self.introductions);
    }

    /// Answers requests and passes introductions on until the peer ends the stream.
    async fn converse(
        &self,
        link: &Link,
        introduced: &mut mpsc::Receiver<Reply>,
    ) -> Result<(), End> {
        if self.center.store.is_enrolled(link.peer()).await? {
            self.note_csr(link);
        }
        let silent = |_| End::Silent;
        let (mut send, mut receive) =
            timeout(STRANGER_TIMEOUT, link.control()).await.map_err(silent)??;
        let mut requests = Bucket::default();
        loop {
            let is_csr = self.center.live().registry.is_csr(self.id);
            let patience = if is_csr { Duration::MAX } else { STRANGER_TIMEOUT };
            let next = tokio::select! {
                next = timeout(patience, receive.next()) => next.map_err(silent)?,
                Some(introduction) = introduced.recv() => {
                    let sent = send.send_message(&introduction);
                    timeout(STRANGER_TIMEOUT, sent).await.map_err(silent)??;
                    continue;
                }
            };
            let Some(message) = next? else { return Ok(()) };
            if !requests.allow(REQUESTS, self.center.now_us()) {
                return Err(End::Violation(TOO_MANY.to_owned()));
            }
            let reply = self.answer(link, parse(&message)?).await;
            timeout(STRANGER_TIMEOUT, send.send_message(&reply)).await.map_err(silent)??;
        }
    }
}

fn parse(message: &Bytes) -> Result<Request, End> {
    json::parse(&mut message.to_vec(), MAX_MESSAGE_BYTES)
        .map_err(|fault| End::Violation(fault.to_string()))
}
