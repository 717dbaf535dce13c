//! A program's connection to its center.

use crate::center::approach::{self, Reached};
use crate::center::message::{MAX_MESSAGE_BYTES, Reply, Request};
use crate::center::{CenterAddress, CenterError, Channel, EnrolmentSecret};
use crate::control::{ControlReceiver, ControlSender};
use crate::endpoint::Endpoint;
use crate::error::{CloseReason, Closed};
use crate::identity::Fingerprint;
use crate::json;
use crate::link::Link;
use crate::pairing::Number;
use crate::path::{Proxy, Ways};
use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;
use tokio::time::timeout;

/// Longest wait for a reply; the center holds some back for a moment on purpose.
const REPLY_TIMEOUT: Duration = Duration::from_secs(10);

/// Introductions that are kept until [`Client::next_introduction`] is called; the oldest go first, whose joiners have
/// waited longest and ask again.
const MAX_WAITING: usize = 32;

/// Where a session is joined.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Where its CSR listens; to be tried all.
    pub addresses: Vec<SocketAddr>,
    /// Who must answer there.
    pub csr: Fingerprint,
    /// The way there through relays; none while the CSR's program is away.
    pub channel: Option<Channel>,
}

/// Somebody was told where one of this program's sessions is, and is about to bind the other end of a channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Introduced {
    /// Which session.
    pub number: Number,
    /// Who asked, as the center says: good for telling channels apart, never for trusting anyone.
    pub joiner: Fingerprint,
    /// The way there.
    pub channel: Channel,
}

/// A connection to the center, for one request at a time.
///
/// Sessions opened on it live until it ends, and for the center's grace period after it: when [`Client::closed`]
/// returns, connect again and [`Client::resume_session`].
#[derive(Debug)]
pub struct Client {
    link: Link,
    /// The address that it is reached at, by packets or by a tunnel.
    ip: IpAddr,
    /// The tunnel, if it is one; it goes with the connection.
    _ways: Option<Ways>,
    send: ControlSender,
    receive: ControlReceiver,
    waiting: VecDeque<Introduced>,
}

impl Client {
    /// Connects to the center at `address`: by UDP, and where that brings nothing for 300 ms, through a tunnel by TCP as
    /// well, with `proxy` on the way if there is one. The first that answers is used.
    ///
    /// The fingerprint in `address` must match, else `pinned` (what was found there on first use), else any key is
    /// accepted and to be pinned by the caller as [`Client::center`]. That holds for both ways.
    pub async fn connect(
        endpoint: &Endpoint,
        address: &CenterAddress,
        pinned: Option<Fingerprint>,
        proxy: Option<&Proxy>,
    ) -> Result<Self, CenterError> {
        let Reached { link, ip, ways } = approach::reach(endpoint, address, pinned, proxy).await?;
        let (send, receive) = link.control().await?;
        Ok(Self { link, ip, _ways: ways, send, receive, waiting: VecDeque::new() })
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
            Reply::Found { addresses, csr, introduction } => {
                let channel = introduction.map(|it| Channel::new(it, self.ip));
                Ok(Found { addresses, csr, channel })
            }
            _ => Err(CenterError::Mismatch),
        }
    }

    /// Waits for the next joiner of a session of this connection, or the end of the connection. Cancel-safe.
    pub async fn next_introduction(&mut self) -> Result<Introduced, Closed> {
        loop {
            if let Some(introduced) = self.waiting.pop_front() {
                return Ok(introduced);
            }
            match self.receive.next().await {
                // Anything else is the answer to a question that was given up.
                Ok(Some(message)) => drop(self.read(&message)),
                Ok(None) | Err(_) => return Err(self.link.closed().await),
            }
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
        timeout(REPLY_TIMEOUT, self.answer()).await.map_err(|_| CenterError::NoAnswer)?
    }

    async fn answer(&mut self) -> Result<Reply, CenterError> {
        loop {
            let message = self.receive.next().await?.ok_or(CenterError::NoAnswer)?;
            if let Some(reply) = self.read(&message) {
                return reply;
            }
        }
    }

    /// What the center answered; `None` for an introduction, which then waits.
    fn read(&mut self, message: &[u8]) -> Option<Result<Reply, CenterError>> {
        Some(match json::parse(&mut message.to_vec(), MAX_MESSAGE_BYTES) {
            Ok(Reply::Introduced { number, joiner, introduction }) => {
                if self.waiting.len() >= MAX_WAITING {
                    self.waiting.pop_front();
                }
                let channel = Channel::new(introduction, self.ip);
                self.waiting.push_back(Introduced { number, joiner, channel });
                return None;
            }
            Ok(Reply::Refused { reason, retry_after_ms }) => Err(CenterError::Refused {
                reason,
                retry_after: retry_after_ms.map(Duration::from_millis),
            }),
            Ok(reply) => Ok(reply),
            Err(_) => Err(CenterError::Mismatch),
        })
    }
}
