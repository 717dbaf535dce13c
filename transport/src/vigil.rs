//! Whether the peer is still there, known sooner than QUIC's idle timeout tells.
//!
//! A link that lives is never silent for long: keep-alives see to that. A [`Vigil`] looks a few times a second whether
//! anything was heard. After `KNOCK_LOOKS` looks without a word it knocks at the peer's port from a socket of its own,
//! which a system whose program has gone refuses at once; after `SILENT_LOOKS` it says that the peer is silent. When
//! neither helps, the idle timeout ends the link.
//!
//! Looks are counted rather than time measured: a process that was stopped for a while has not listened, which is no
//! silence of the peer.

use crate::endpoint::KEEP_ALIVE;
use crate::error::Closed;
use crate::link::Link;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use tokio::io::Interest;
use tokio::net::UdpSocket;
use tokio::time::{Interval, MissedTickBehavior, interval};

/// Looks without a word after which the peer is knocked at: one keep-alive and its repetition may be late.
const KNOCK_LOOKS: u32 = 2;

/// Looks without a word after which the peer counts as silent: one second. On a path of 100 ms with another 200 ms
/// queued, the keep-alives of both sides and their repetitions would all have to be lost.
const SILENT_LOOKS: u32 = 4;

/// Shorter than any packet of QUIC, so that a peer that lives drops it unread.
const KNOCK: [u8; 1] = [0];

/// What a vigil has to say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sign {
    /// Nothing was heard for a second: the peer or the network may be gone, or come back.
    Silent,
    /// The peer is heard again.
    Heard,
}

/// Watches one link; made when the link is.
#[derive(Debug)]
pub struct Vigil {
    link: Link,
    looks: Interval,
    heard: u64,
    silent_looks: u32,
    /// The peer's own address; `None` while its packets come through others, who would answer for themselves.
    asked: Option<SocketAddr>,
    /// Where the peer's system can be asked; `None` where its answer means nothing.
    knocker: Option<UdpSocket>,
}

impl Vigil {
    /// Begins to watch `link`. Must be called within a tokio runtime.
    #[must_use]
    pub fn begin(link: Link) -> Self {
        let mut looks = interval(KEEP_ALIVE);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        // A knock at the living peer shows what a refusal is worth: where one comes, a firewall or an address
        // translator refuses strangers for it.
        let asked = link.direct_address();
        let knocker = asked.and_then(|peer| knocker(peer).ok());
        Self { heard: link.heard_frames(), link, looks, silent_looks: 0, asked, knocker }
    }

    /// Waits for the next sign, or the end of the link. A peer whose system says that its program has gone ends it with
    /// [`Closed::Gone`]. Cancel-safe.
    pub async fn next(&mut self) -> Result<Sign, Closed> {
        loop {
            tokio::select! {
                closed = self.link.closed() => return Err(closed),
                () = refused(self.knocker.as_ref()) => {
                    if self.silent_looks >= KNOCK_LOOKS {
                        return Err(Closed::Gone);
                    }
                    self.knocker = None;
                }
                _ = self.looks.tick() => {
                    if let Some(sign) = self.look() {
                        return Ok(sign);
                    }
                }
            }
        }
    }

    fn look(&mut self) -> Option<Sign> {
        let asked = self.link.direct_address();
        if asked != self.asked {
            self.asked = asked;
            self.knocker = asked.and_then(|peer| knocker(peer).ok());
        }
        let heard = self.link.heard_frames();
        if heard != self.heard {
            self.heard = heard;
            let silent_looks = std::mem::take(&mut self.silent_looks);
            return (silent_looks >= SILENT_LOOKS).then_some(Sign::Heard);
        }
        self.silent_looks = self.silent_looks.saturating_add(1);
        if let Some(knocker) = self.knocker.as_ref().filter(|_| self.silent_looks >= KNOCK_LOOKS) {
            knock(knocker);
        }
        (self.silent_looks == SILENT_LOOKS).then_some(Sign::Silent)
    }
}

/// A socket from which the peer has been knocked at once.
fn knocker(peer: SocketAddr) -> io::Result<UdpSocket> {
    let any: IpAddr = match peer {
        SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    let socket = std::net::UdpSocket::bind((any, 0))?;
    // Only a connected socket is told of refusals.
    socket.connect(peer)?;
    socket.send(&KNOCK)?;
    socket.set_nonblocking(true)?;
    UdpSocket::from_std(socket)
}

fn knock(knocker: &UdpSocket) {
    // What keeps a knock from leaving says nothing about the peer.
    let _ = knocker.try_send(&KNOCK);
}

/// Waits until the peer's system refuses a knock; for ever without a `knocker`.
async fn refused(knocker: Option<&UdpSocket>) {
    let Some(knocker) = knocker else { return std::future::pending().await };
    loop {
        let error = knocker.async_io(Interest::ERROR, || {
            knocker.take_error()?.ok_or_else(|| io::ErrorKind::WouldBlock.into())
        });
        match error.await {
            Ok(error) if error.kind() == io::ErrorKind::ConnectionRefused => return,
            Ok(_) => {}
            // The socket itself fails: nothing will be learned from it.
            Err(_) => std::future::pending().await,
        }
    }
}
