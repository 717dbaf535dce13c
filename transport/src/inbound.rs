//! The streams that a peer opens, sorted by kind as each announces itself.
//!
//! Packets are lost and reordered: a stream whose first bytes are late must not keep those behind it waiting. Each
//! stream's kind is therefore awaited on its own; how many there can be is bounded by QUIC's limit on open streams.

use crate::acknowledgement::AcknowledgementReceiver;
use crate::chain::ChainReceiver;
use crate::error::{LinkError, Violation};
use crate::leaf::LeafReceiver;
use crate::link::{Link, stream_kind};
use crate::video::{VideoReceiver, reset_video};
use quinn::{ReadError, ReadExactError, RecvStream};
use tokio::task::JoinSet;

/// A stream that the peer has opened.
#[derive(Debug)]
pub enum InboundStream {
    /// The chain; at most one comes.
    Chain(ChainReceiver),
    /// A leaf that begins to arrive.
    Leaf(LeafReceiver),
    /// A leaf that was reset before anything of it arrived.
    LeafReset {
        /// Its number.
        number: u64,
    },
    /// A video that begins to arrive.
    Video(VideoReceiver),
    /// A video that was reset before anything of it arrived.
    VideoReset {
        /// Number of the last frame that its sender had sent.
        last: u64,
    },
    /// The acknowledgements; at most one such stream comes.
    Acknowledgements(AcknowledgementReceiver),
}

/// What a link's peer opens, in the order in which it becomes known.
#[derive(Debug)]
pub struct Inbound {
    link: Link,
    unannounced: JoinSet<(RecvStream, Result<u8, ReadExactError>)>,
    has_chain: bool,
    has_acknowledgements: bool,
}

impl Inbound {
    pub(crate) fn new(link: Link) -> Self {
        Self { link, unannounced: JoinSet::new(), has_chain: false, has_acknowledgements: false }
    }

    /// The next stream. Cancel-safe.
    pub async fn next(&mut self) -> Result<InboundStream, LinkError> {
        loop {
            tokio::select! {
                biased;
                Some(announced) = self.unannounced.join_next() => match announced {
                    Ok((receive, kind)) => return self.announced(receive, kind),
                    // A task that only reads one byte neither panics nor is cancelled while `self` lives.
                    Err(_) => continue,
                },
                accepted = self.link.connection().accept_uni() => {
                    let mut receive = accepted?;
                    self.unannounced.spawn(async move {
                        let mut kind = [0];
                        let read = receive.read_exact(&mut kind).await;
                        (receive, read.map(|()| { let [kind] = kind; kind }))
                    });
                }
            }
        }
    }

    fn announced(
        &mut self,
        receive: RecvStream,
        kind: Result<u8, ReadExactError>,
    ) -> Result<InboundStream, LinkError> {
        let link = self.link.clone();
        match kind {
            Ok(stream_kind::CHAIN) if std::mem::replace(&mut self.has_chain, true) => {
                Err(link.violated(Violation::Duplicate("chain")))
            }
            Ok(stream_kind::CHAIN) => Ok(InboundStream::Chain(ChainReceiver::new(receive, link))),
            Ok(stream_kind::VIDEO) => Ok(InboundStream::Video(VideoReceiver::new(receive, link))),
            Ok(stream_kind::LEAF) => Ok(InboundStream::Leaf(LeafReceiver::new(receive, link))),
            Ok(stream_kind::ACKNOWLEDGEMENTS)
                if std::mem::replace(&mut self.has_acknowledgements, true) =>
            {
                Err(link.violated(Violation::Duplicate("stream of acknowledgements")))
            }
            Ok(stream_kind::ACKNOWLEDGEMENTS) => {
                Ok(InboundStream::Acknowledgements(AcknowledgementReceiver::new(receive, link)))
            }
            Ok(kind) => Err(link.violated(Violation::UnknownKind { what: "stream", kind })),
            // Only leaves and videos may be reset; their reset code tells which and how far.
            Err(ReadExactError::ReadError(ReadError::Reset(code))) => {
                let code = code.into_inner();
                Ok(match reset_video(code) {
                    Some(last) => InboundStream::VideoReset { last },
                    None => InboundStream::LeafReset { number: code },
                })
            }
            Err(error) => Err(link.read_failed(error, "a stream")),
        }
    }
}
