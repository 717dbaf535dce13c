//! A connection to one peer.
//!
//! A link is what remains when the path is forgotten: it knows who the peer is, not how its packets travel. It owns
//! opening, accepting and closing; what is said on each stream stands in a module of its own.

use crate::acknowledgement::AcknowledgementSender;
use crate::chain::ChainSender;
use crate::congestion::{self, Handle};
use crate::control::{ControlReceiver, ControlSender};
use crate::datagram::Datagram;
use crate::endpoint::{LINK_WINDOW_BYTES, OPEN_STREAMS};
use crate::error::{CloseReason, Closed, ConnectError, LinkError, Violation};
use crate::figures::Figures;
use crate::identity::{Fingerprint, Identity};
use crate::inbound::Inbound;
use crate::leaf::{LeafClass, LeafHeader, LeafSender};
use crate::path::{self, PathEpoch, PathFigures, Sockets, Ways};
use crate::video::VideoSender;
use bytes::Bytes;
use quinn::{SendDatagramError, SendStream, VarInt};
use rustls::pki_types::CertificateDer;
use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};

/// The first byte of every unidirectional stream.
pub(crate) mod stream_kind {
    pub(crate) const CHAIN: u8 = 1;
    pub(crate) const LEAF: u8 = 2;
    pub(crate) const ACKNOWLEDGEMENTS: u8 = 3;
    pub(crate) const VIDEO: u8 = 4;
}

/// The first byte of the control stream, sent at once so that the peer learns of the stream.
const CONTROL_KIND: u8 = 0;

/// A mutually authenticated, encrypted connection to one peer. Cheap to clone; all clones are the same link.
#[derive(Debug, Clone)]
pub struct Link {
    connection: quinn::Connection,
    peer: Fingerprint,
    own: Fingerprint,
    congestion: Arc<Handle>,
    below: Option<Arc<Below>>,
}

/// What a link's packets travel by, where that is the endpoint's affair.
#[derive(Debug)]
struct Below {
    sockets: Arc<Sockets>,
    epoch: PathEpoch,
    ways: OnceLock<Option<Ways>>,
}

impl Link {
    pub(crate) fn new(
        connection: quinn::Connection,
        identity: &Identity,
        below: Option<(Arc<Sockets>, PathEpoch)>,
    ) -> Result<Self, ConnectError> {
        let peer = connection
            .peer_identity()
            .and_then(|chain| chain.downcast::<Vec<CertificateDer<'static>>>().ok())
            .and_then(|chain| Fingerprint::of_certificate(chain.first()?).ok())
            .ok_or_else(|| ConnectError::Refused {
                address: path::plain_form(connection.remote_address()),
                cause: "it showed no certificate".to_owned(),
            })?;
        let congestion = congestion::handle_of(&connection);
        let below =
            below.map(|(sockets, epoch)| Arc::new(Below { sockets, epoch, ways: OnceLock::new() }));
        Ok(Self { connection, peer, own: identity.fingerprint(), congestion, below })
    }

    /// Who is on the other side.
    pub fn peer(&self) -> Fingerprint {
        self.peer
    }

    /// Who this side is.
    pub fn own(&self) -> Fingerprint {
        self.own
    }

    /// Gives a peer of [`crate::Incoming::accept_stranger`] the streams and the room of a participant.
    pub fn admit(&self) {
        self.connection.set_receive_window(VarInt::from_u32(LINK_WINDOW_BYTES));
        self.connection.set_max_concurrent_uni_streams(VarInt::from_u32(OPEN_STREAMS));
        self.begin_paths();
    }

    /// Begins to probe the ways to the peer with keys of this connection.
    pub(crate) fn begin_paths(&self) {
        if let Some(below) = &self.below {
            below.ways.get_or_init(|| {
                Ways::of_connection(&below.sockets, &self.connection, below.epoch.clone())
            });
        }
    }

    /// The ways to the peer, which may be kept beyond the link; `None` before a stranger is admitted, for a center, and
    /// on a socket of the caller's making.
    pub fn ways(&self) -> Option<&Ways> {
        self.below.as_ref()?.ways.get()?.as_ref()
    }

    /// The way that packets take at present, where [`Link::ways`] are known.
    pub fn path(&self) -> Option<PathFigures> {
        self.ways().map(Ways::figures)
    }

    /// Where packets go at present. For display and for rate limits, never for trust.
    pub fn remote_address(&self) -> SocketAddr {
        match self.ways() {
            Some(ways) => ways.remote_address(),
            None => path::plain_form(self.connection.remote_address()),
        }
    }

    /// The peer's own address, if packets go straight to it.
    pub(crate) fn direct_address(&self) -> Option<SocketAddr> {
        match self.ways() {
            Some(ways) => ways.direct_address(),
            None => Some(path::plain_form(self.connection.remote_address())),
        }
    }

    /// The control stream, called by each side once. The side that connected opens it; the other waits for it.
    pub async fn control(&self) -> Result<(ControlSender, ControlReceiver), LinkError> {
        let (send, receive) = match self.connection.side() {
            quinn_proto::Side::Client => {
                let (mut send, receive) = self.connection.open_bi().await?;
                write_kind(&mut send, CONTROL_KIND).await?;
                (send, receive)
            }
            quinn_proto::Side::Server => {
                let (send, mut receive) = self.connection.accept_bi().await?;
                let mut kind = [0];
                match receive.read_exact(&mut kind).await {
                    Ok(()) if kind == [CONTROL_KIND] => (send, receive),
                    Ok(()) => {
                        let [kind] = kind;
                        return Err(self.violated(Violation::UnknownKind { what: "stream", kind }));
                    }
                    Err(error) => return Err(self.read_failed(error, "the control stream")),
                }
            }
        };
        Ok((ControlSender::new(send), ControlReceiver::new(receive, self.clone())))
    }

    /// Opens the chain towards the peer: one for each direction and link.
    pub async fn open_chain(&self) -> Result<ChainSender, LinkError> {
        let send = self.open_uni(stream_kind::CHAIN).await?;
        Ok(ChainSender::new(send, Arc::clone(&self.congestion)))
    }

    /// Opens a stream for one leaf. `class` decides what it waits for.
    pub async fn open_leaf(
        &self,
        class: LeafClass,
        header: LeafHeader,
    ) -> Result<LeafSender, LinkError> {
        let send = self.connection.open_uni().await?;
        LeafSender::open(send, class, header, Arc::clone(&self.congestion)).await
    }

    /// Opens a stream for a video that begins with the frame `first_number`.
    pub async fn open_video(&self, first_number: u64) -> Result<VideoSender, LinkError> {
        let send = self.connection.open_uni().await?;
        VideoSender::open(send, first_number, Arc::clone(&self.congestion)).await
    }

    /// Opens the stream of acknowledgements towards the peer: one for each direction and link.
    pub async fn open_acknowledgements(&self) -> Result<AcknowledgementSender, LinkError> {
        let send = self.open_uni(stream_kind::ACKNOWLEDGEMENTS).await?;
        Ok(AcknowledgementSender::new(send))
    }

    async fn open_uni(&self, kind: u8) -> Result<SendStream, LinkError> {
        let mut send = self.connection.open_uni().await?;
        write_kind(&mut send, kind).await?;
        Ok(send)
    }

    /// What the peer opens: its chain, leaves and acknowledgements. To be taken once for each link.
    pub fn inbound(&self) -> Inbound {
        Inbound::new(self.clone())
    }

    /// Sends a datagram if it can be sent soon; the oldest unsent ones give way when there are too many. Nothing is
    /// repeated: see [`crate::input`] for what must arrive.
    pub fn send_datagram(&self, datagram: &Datagram) -> Result<(), LinkError> {
        self.send_datagram_bytes(datagram.to_bytes())
    }

    /// As [`Link::send_datagram`], for a datagram already written.
    pub fn send_datagram_bytes(&self, datagram: Bytes) -> Result<(), LinkError> {
        let length_bytes = datagram.len();
        self.connection.send_datagram(datagram).map_err(|error| match error {
            SendDatagramError::ConnectionLost(error) => error.into(),
            SendDatagramError::TooLarge
            | SendDatagramError::UnsupportedByPeer
            | SendDatagramError::Disabled => LinkError::TooLong {
                what: "a datagram",
                length_bytes,
                limit_bytes: self.connection.max_datagram_size().unwrap_or(0),
            },
        })
    }

    /// The next datagram from the peer.
    pub async fn read_datagram(&self) -> Result<Datagram, LinkError> {
        let bytes = self.connection.read_datagram().await?;
        Datagram::parse(bytes).map_err(|violation| self.violated(violation))
    }

    /// The figures of the path at this moment.
    pub fn figures(&self) -> Figures {
        Figures::of(&self.connection, &self.congestion)
    }

    /// What congestion control knows of the path: a few loads, where [`Link::figures`] asks the connection.
    pub fn congestion(&self) -> &Arc<Handle> {
        &self.congestion
    }

    /// Counts frames that a living peer sends, so that any difference means that it was heard.
    pub(crate) fn heard_frames(&self) -> u64 {
        let frames = self.connection.stats().frame_rx;
        frames.ping + frames.acks + frames.stream + frames.datagram
    }

    /// A secret that both ends of this very connection share and nobody else has (RFC 8446, section 7.5). Whoever sits
    /// in between has two connections with two different ones.
    pub fn exporter(&self, label: &[u8]) -> Result<[u8; 32], LinkError> {
        let mut secret = [0; 32];
        // Fails only for outputs far longer than this (RFC 5869: 255 hashes).
        self.connection
            .export_keying_material(&mut secret, label, &[])
            .map_err(|_| LinkError::Closed(Closed::Here))?;
        Ok(secret)
    }

    /// Ends the link. What was sent before may not arrive: wait for the peer's answer first where it matters.
    pub fn close(&self, reason: &CloseReason) {
        self.connection.close(reason.code(), reason.text().as_bytes());
    }

    /// Waits for the end of the link and tells how it came.
    pub async fn closed(&self) -> Closed {
        self.connection.closed().await.into()
    }

    /// How the link ended, if it has.
    pub fn close_reason(&self) -> Option<Closed> {
        self.connection.close_reason().map(Closed::from)
    }

    /// Disconnects a peer that broke a rule and logs which.
    pub(crate) fn violated(&self, violation: Violation) -> LinkError {
        tracing::warn!(peer = %self.peer, %violation, "peer disconnected");
        self.close(&CloseReason::ProtocolViolation(violation.to_string()));
        LinkError::Violation(violation)
    }

    /// Turns a failed read of a stream that may not end or be reset into its error.
    pub(crate) fn read_failed(
        &self,
        error: quinn::ReadExactError,
        what: &'static str,
    ) -> LinkError {
        match error {
            quinn::ReadExactError::FinishedEarly(_) => self.violated(Violation::Truncated(what)),
            quinn::ReadExactError::ReadError(error) => self.stream_failed(error, what),
        }
    }

    /// As [`Link::read_failed`], for reads that may find the stream's end.
    pub(crate) fn stream_failed(&self, error: quinn::ReadError, what: &'static str) -> LinkError {
        match error {
            quinn::ReadError::ConnectionLost(error) => error.into(),
            quinn::ReadError::Reset(_) => self.violated(Violation::Reset(what)),
            quinn::ReadError::ClosedStream
            | quinn::ReadError::IllegalOrderedRead
            | quinn::ReadError::ZeroRttRejected => LinkError::Closed(Closed::Here),
        }
    }

    pub(crate) fn connection(&self) -> &quinn::Connection {
        &self.connection
    }
}

pub(crate) async fn write_kind(send: &mut SendStream, kind: u8) -> Result<(), LinkError> {
    Ok(send.write_all(&[kind]).await?)
}
