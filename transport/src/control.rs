//! The control stream: messages in order, both ways, each framed by its length.
//!
//! What the messages say is the business of those who use it; they are JSON ([`crate::json`]), except for pairing, which
//! comes first on the stream.

use crate::error::{LinkError, Violation};
use crate::framing::{Deframer, MessageHeader};
use crate::json;
use crate::link::Link;
use crate::priority::Priority;
use bytes::Bytes;
use quinn::{RecvStream, SendStream};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Longest control message that is sent or accepted: an image of 256x256 pixels and its description.
pub const MAX_MESSAGE_BYTES: usize = (256 << 10) + 256;

/// Longest chunk taken from quinn at a time.
pub(crate) const CHUNK_BYTES: usize = 64 << 10;

/// The sending half.
#[derive(Debug)]
pub struct ControlSender {
    send: SendStream,
}

impl ControlSender {
    pub(crate) fn new(send: SendStream) -> Self {
        // Fails only on a closed stream, where priority does not matter any more.
        let _ = send.set_priority(Priority::Control.for_stream(0));
        Self { send }
    }

    /// Sends one message. Not cancel-safe: a message half-sent ends the stream's use.
    pub async fn send(&mut self, message: Bytes) -> Result<(), LinkError> {
        let length_bytes = message.len();
        let too_long = LinkError::TooLong {
            what: "a control message",
            length_bytes,
            limit_bytes: MAX_MESSAGE_BYTES,
        };
        if length_bytes > MAX_MESSAGE_BYTES {
            return Err(too_long);
        }
        let length = u32::try_from(length_bytes).map_err(|_| too_long)?;
        let header = Bytes::copy_from_slice(&length.to_le_bytes());
        Ok(self.send.write_all_chunks(&mut [header, message]).await?)
    }

    /// Sends one message as JSON. Not cancel-safe.
    pub async fn send_message<T: Serialize>(&mut self, message: &T) -> Result<(), LinkError> {
        self.send(json::to_bytes(message)).await
    }
}

/// The receiving half.
#[derive(Debug)]
pub struct ControlReceiver {
    receive: RecvStream,
    link: Link,
    deframer: Deframer<MessageHeader>,
}

impl ControlReceiver {
    pub(crate) fn new(receive: RecvStream, link: Link) -> Self {
        Self { receive, link, deframer: Deframer::new(MAX_MESSAGE_BYTES) }
    }

    /// The next message; `None` when the peer has ended the stream. Cancel-safe.
    pub async fn next(&mut self) -> Result<Option<Bytes>, LinkError> {
        self.next_within(MAX_MESSAGE_BYTES).await
    }

    /// As [`ControlReceiver::next`], for a message of at most `limit_bytes`.
    pub async fn next_within(&mut self, limit_bytes: usize) -> Result<Option<Bytes>, LinkError> {
        self.deframer.set_limit(limit_bytes);
        read_frame(&mut self.receive, &mut self.deframer, &self.link, "the control stream")
            .await
            .map(|frame| frame.map(|(_, message)| message))
    }

    /// Disconnects the peer for a rule that a protocol above finds broken.
    pub(crate) fn violated(&self, violation: Violation) -> LinkError {
        self.link.violated(violation)
    }

    /// The next message as JSON; one that is not what `T` expects disconnects the peer. `T` decides itself, by a variant
    /// with `#[serde(other)]`, what a kind unknown to this version is answered with. Cancel-safe.
    pub async fn next_message<T: DeserializeOwned>(&mut self) -> Result<Option<T>, LinkError> {
        let Some(message) = self.next().await? else { return Ok(None) };
        match json::parse(&mut message.to_vec(), MAX_MESSAGE_BYTES) {
            Ok(message) => Ok(Some(message)),
            Err(error) => Err(self.link.violated(Violation::Message(error))),
        }
    }
}

/// Reads the next frame of a stream that may end between frames and may not be reset. Cancel-safe, as all state is in
/// `deframer`.
pub(crate) async fn read_frame<H: crate::framing::FrameHeader>(
    receive: &mut RecvStream,
    deframer: &mut Deframer<H>,
    link: &Link,
    what: &'static str,
) -> Result<Option<(H, Bytes)>, LinkError> {
    loop {
        match deframer.poll_frame() {
            Ok(Some(frame)) => return Ok(Some(frame)),
            Ok(None) => {}
            Err(violation) => return Err(link.violated(violation)),
        }
        match receive.read_chunk(CHUNK_BYTES, true).await {
            Ok(Some(chunk)) => deframer.push(chunk.bytes),
            Ok(None) if deframer.is_between_frames() => return Ok(None),
            Ok(None) => return Err(link.violated(Violation::Truncated(what))),
            Err(error) => return Err(link.stream_failed(error, what)),
        }
    }
}
