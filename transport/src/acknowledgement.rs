//! Acknowledgements: what became of each update and leaf at the viewer, and when.
//!
//! QUIC acknowledges packets; only these tell decoding and presenting apart from the network, which is what flow control
//! needs to know.

use crate::control::read_frame;
use crate::error::{LinkError, Violation};
use crate::framing::{Deframer, MessageHeader};
use crate::link::Link;
use crate::priority::Priority;
use crate::report::{MAX_REPORT_BYTES, Report};
use crate::wire::{Reader, Truncated};
use bytes::{BufMut, Bytes, BytesMut};
use quinn::{RecvStream, SendStream};

/// What is acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Acknowledged {
    /// The chain update of this number.
    Update(u64),
    /// The leaf of this number.
    Leaf(u64),
    /// The video frame of this number.
    Video(u64),
}

/// What became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It arrived; decoding is to follow, and another acknowledgement with it.
    Received,
    /// All of it is in the viewer's picture.
    Applied,
    /// A leaf of which the chain had overtaken at least a part, which was dropped; or a video frame that came without the
    /// one before.
    Overtaken,
    /// A leaf or video frame that was reset before it arrived whole; nothing of it was applied.
    Reset,
}

/// One report of a viewer. All times are microseconds of the viewer's own monotonic clock: only their differences mean
/// something to the sender.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Acknowledgement {
    /// What is acknowledged.
    pub of: Acknowledged,
    /// What became of it.
    pub outcome: Outcome,
    /// The sending time that came with it, by the sharer's clock, echoed; 0 when it never arrived.
    pub sent_us: u64,
    /// When its last byte was received.
    pub received_us: u64,
    /// When it was decoded.
    pub decoded_us: Option<u64>,
    /// When a picture containing it was handed to the window system.
    pub presented_us: Option<u64>,
}

/// Kind, outcome, and five fields of 64 bits.
#[cfg(test)]
const ACKNOWLEDGEMENT_BYTES: usize = 2 + 5 * 8;
const WHAT: &str = "an acknowledgement";
/// How a time that has not come is written.
const NOT_YET: u64 = u64::MAX;

impl Acknowledgement {
    pub(crate) fn write(&self, out: &mut BytesMut) {
        let (kind, number) = match self.of {
            Acknowledged::Update(number) => (0, number),
            Acknowledged::Leaf(number) => (1, number),
            Acknowledged::Video(number) => (4, number),
        };
        out.put_u8(kind);
        out.put_u8(match self.outcome {
            Outcome::Received => 0,
            Outcome::Applied => 1,
            Outcome::Overtaken => 2,
            Outcome::Reset => 3,
        });
        out.put_u64_le(number);
        out.put_u64_le(self.sent_us);
        out.put_u64_le(self.received_us);
        out.put_u64_le(self.decoded_us.unwrap_or(NOT_YET));
        out.put_u64_le(self.presented_us.unwrap_or(NOT_YET));
    }

    /// Reads one acknowledgement.
    pub(crate) fn parse(message: Bytes) -> Result<Self, Violation> {
        let mut reader = Reader(message);
        let truncated = |_: Truncated| Violation::Truncated(WHAT);
        let kind = reader.u8().map_err(truncated)?;
        let outcome = match reader.u8().map_err(truncated)? {
            0 => Outcome::Received,
            1 => Outcome::Applied,
            2 => Outcome::Overtaken,
            3 => Outcome::Reset,
            _ => return Err(Violation::BadValue(WHAT)),
        };
        let number = reader.u64().map_err(truncated)?;
        let of = match kind {
            0 => Acknowledged::Update(number),
            1 => Acknowledged::Leaf(number),
            4 => Acknowledged::Video(number),
            _ => return Err(Violation::BadValue(WHAT)),
        };
        let time = |us: u64| (us != NOT_YET).then_some(us);
        let acknowledgement = Self {
            of,
            outcome,
            sent_us: reader.u64().map_err(truncated)?,
            received_us: reader.u64().map_err(truncated)?,
            decoded_us: time(reader.u64().map_err(truncated)?),
            presented_us: time(reader.u64().map_err(truncated)?),
        };
        if !reader.is_empty() {
            return Err(Violation::Surplus(WHAT));
        }
        Ok(acknowledgement)
    }
}

/// The sending end, at the viewer.
#[derive(Debug)]
pub struct AcknowledgementSender {
    send: SendStream,
    buffer: BytesMut,
}

impl AcknowledgementSender {
    pub(crate) fn new(send: SendStream) -> Self {
        // Fails only on a closed stream, where priority does not matter any more.
        let _ = send.set_priority(Priority::Control.for_stream(0));
        Self { send, buffer: BytesMut::new() }
    }

    /// Sends one acknowledgement. Not cancel-safe.
    pub async fn send(&mut self, acknowledgement: &Acknowledgement) -> Result<(), LinkError> {
        self.report(&Report::Acknowledged(*acknowledgement)).await
    }

    /// Sends one report of any kind. Not cancel-safe.
    pub async fn report(&mut self, report: &Report) -> Result<(), LinkError> {
        self.buffer.clear();
        self.buffer.put_u32_le(0);
        report.write(&mut self.buffer);
        let message_bytes = (self.buffer.len() - 4) as u32;
        self.buffer[..4].copy_from_slice(&message_bytes.to_le_bytes());
        Ok(self.send.write_all(&self.buffer).await?)
    }
}

/// The receiving end, at the sharer.
#[derive(Debug)]
pub struct AcknowledgementReceiver {
    receive: RecvStream,
    link: Link,
    deframer: Deframer<MessageHeader>,
}

impl AcknowledgementReceiver {
    pub(crate) fn new(receive: RecvStream, link: Link) -> Self {
        Self { receive, link, deframer: Deframer::new(MAX_REPORT_BYTES) }
    }

    /// The next report; `None` when the peer has ended the stream. Whether it names something that was ever
    /// sent is for the caller to check. Cancel-safe.
    pub async fn next(&mut self) -> Result<Option<Report>, LinkError> {
        const STREAM: &str = "the stream of acknowledgements";
        let frame = read_frame(&mut self.receive, &mut self.deframer, &self.link, STREAM).await?;
        let Some((_, message)) = frame else { return Ok(None) };
        Report::parse(message).map(Some).map_err(|error| self.link.violated(error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example() -> Acknowledgement {
        Acknowledgement {
            of: Acknowledged::Leaf(7),
            outcome: Outcome::Overtaken,
            sent_us: 1,
            received_us: 2,
            decoded_us: Some(3),
            presented_us: None,
        }
    }

    #[test]
    fn what_is_written_is_read() {
        for of in [Acknowledged::Update(0), Acknowledged::Leaf(u64::MAX), Acknowledged::Video(7)] {
            for outcome in [Outcome::Received, Outcome::Applied, Outcome::Overtaken, Outcome::Reset]
            {
                let written = Acknowledgement { of, outcome, ..example() };
                let mut bytes = BytesMut::new();
                written.write(&mut bytes);
                assert_eq!(bytes.len(), ACKNOWLEDGEMENT_BYTES);
                assert_eq!(Acknowledgement::parse(bytes.freeze()), Ok(written));
            }
        }
    }

    #[test]
    fn truncated_surplus_and_unknown_are_told_apart() {
        let mut bytes = BytesMut::new();
        example().write(&mut bytes);
        let good = bytes.freeze();
        let error = |bytes: Vec<u8>| Acknowledgement::parse(bytes.into()).expect_err("refused");
        for length in 0..good.len() {
            assert_eq!(error(good[..length].to_vec()), Violation::Truncated(WHAT));
        }
        assert_eq!(error([&good[..], &[0]].concat()), Violation::Surplus(WHAT));
        for position in [0, 1] {
            let mut bad = good.to_vec();
            bad[position] = 9;
            assert_eq!(error(bad), Violation::BadValue(WHAT));
        }
    }
}
