//! A program's connection to its center.

use crate::center::message::{MAX_MESSAGE_BYTES, Reply, Request};
use crate::center::{CenterAddress, CenterError, EnrolmentSecret};
use crate::control::{ControlReceiver, ControlSender};
use crate::endpoint::{Endpoint, Protocol, Trust};
use crate::error::{CloseReason, Closed, ConnectError};
use crate::identity::Fingerprint;
use crate::json;
use crate::link::Link;
use crate::pairing::Number;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::time::timeout;

/// Longest wait for a reply; the center holds some back for a moment on purpose.
const REPLY_TIMEOUT: Duration = Duration::from_secs(10);

/// Where a session is joined.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Where its CSR listens; to be tried all.
    pub addresses: Vec<SocketAddr>,
    /// Who must answer there.
    pub csr: Fingerprint,
}

/// A connection to the center, for one request at a time.
///
/// Sessions opened on it live until it ends, and for the center's grace period after it: when [`Client::closed`]
/// returns, connect again and [`Client::resume_session`].
#[derive(Debug)]
pub struct Client {
    link: Link,
    send: ControlSender,
    receive: ControlReceiver,
}

impl Client {
    /// Connects to the center at `address`, trying each address of its host in turn.
    ///
    /// The fingerprint in `address` must match, else `pinned` (what was found there on first use), else any key is
    /// accepted and to be pinned by the caller as [`Client::center`].
    pub async fn connect(
        endpoint: &Endpoint,
        address: &CenterAddress,
        pinned: Option<Fingerprint>,
    ) -> Result<Self, CenterError> {
        let lookup = |cause| CenterError::Lookup { center: address.to_string(), cause };
        let trust = address.fingerprint.or(pinned).map_or(Trust::AnyKey, Trust::Only);
        let mut failure = lookup(std::io::ErrorKind::NotFound.into());
        for candidate in address.resolve().await.map_err(lookup)? {
            match endpoint.connect(candidate, Protocol::CENTER, trust).await {
                Ok(link) => {
                    let (send, receive) = link.control().await?;
                    return Ok(Self { link, send, receive });
                }
                // A wrong key at one address is not passed over for a right one at the next.
                Err(ConnectError::Fingerprint { expected, found, .. }) => {
                    let center = address.to_string();
                    return Err(CenterError::OtherKey { center, expected, found });
                }
                Err(error) => failure = error.into(),
            }
        }
        Err(failure)
    }

    /// The center's key.
    pub fn center(&self) -> Fingerprint {
        self.link.peer()
    }

    /// Enrols this program's key as a CSR called `name`.
    pub async fn enrol(
        &mut self,
        secret: EnrolmentSecret,
        name: String,
    ) -> Result<(), CenterError> {
        match self.ask(&Request::Enrol { secret, name }).await? {
            Reply::Enrolled => Ok(()),
            _ => Err(CenterError::Mismatch),
        }
    }

    /// Opens a session that is joined at `addresses` and returns its number.
    pub async fn open_session(
        &mut self,
        addresses: Vec<SocketAddr>,
    ) -> Result<Number, CenterError> {
        self.open(addresses, None).await
    }

    /// Takes up a session again after a lost connection, now joined at `addresses`. Refused with
    /// [`Refusal::NotFound`](crate::center::Refusal::NotFound) when its grace period is over.
    pub async fn resume_session(
        &mut self,
        number: Number,
        addresses: Vec<SocketAddr>,
    ) -> Result<(), CenterError> {
        self.open(addresses, Some(number)).await.map(drop)
    }

    async fn open(
        &mut self,
        addresses: Vec<SocketAddr>,
        resume: Option<Number>,
    ) -> Result<Number, CenterError> {
        match self.ask(&Request::OpenSession { addresses, resume }).await? {
            Reply::Opened { number } => Ok(number),
            _ => Err(CenterError::Mismatch),
        }
    }

    /// Ends a session at once.
    pub async fn close_session(&mut self, number: Number) -> Result<(), CenterError> {
        match self.ask(&Request::CloseSession { number }).await? {
            Reply::Closed => Ok(()),
            _ => Err(CenterError::Mismatch),
        }
    }

    /// Asks where the session with this number is joined.
    pub async fn find(&mut self, number: Number) -> Result<Found, CenterError> {
        match self.ask(&Request::Find { number }).await? {
            Reply::Found { addresses, csr } => Ok(Found { addresses, csr }),
            _ => Err(CenterError::Mismatch),
        }
    }

    /// Waits for the end of the connection. Cancel-safe.
    pub async fn closed(&self) -> Closed {
        self.link.closed().await
    }

    /// Says goodbye. The sessions of this connection wait for the grace period unless they were closed before.
    pub fn disconnect(self) {
        self.link.close(&CloseReason::Goodbye);
    }

    async fn ask(&mut self, request: &Request) -> Result<Reply, CenterError> {
        self.send.send_message(request).await?;
        let message = timeout(REPLY_TIMEOUT, self.receive.next())
            .await
            .map_err(|_| CenterError::NoAnswer)??
            .ok_or(CenterError::NoAnswer)?;
        match json::parse(&mut message.to_vec(), MAX_MESSAGE_BYTES) {
            Ok(Reply::Refused { reason, retry_after_ms }) => Err(CenterError::Refused {
                reason,
                retry_after: retry_after_ms.map(Duration::from_millis),
            }),
            Ok(reply) => Ok(reply),
            Err(_) => Err(CenterError::Mismatch),
        }
    }
}
