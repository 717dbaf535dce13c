//! What a viewer reports to the sharer: acknowledgements, and that its picture needs help.

use crate::acknowledgement::Acknowledgement;
use crate::error::Violation;
use crate::wire::{Reader, Truncated};
use bytes::{BufMut, Bytes, BytesMut};

/// Most parts of one [`Differs`]; of more, several are sent.
pub const MAX_PARTS: usize = 4096;

/// Kind, epoch and number, and the parts.
pub(crate) const MAX_REPORT_BYTES: usize = 1 + 4 + 4 + MAX_PARTS * PART_BYTES;

const PART_BYTES: usize = 4 + 8;
const KIND_DIFFERS: u8 = 2;
const KIND_LOST: u8 = 3;
const WHAT: &str = "a report";

/// One message on the stream of acknowledgements.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Report {
    /// What became of an update or a leaf.
    Acknowledged(Acknowledgement),
    /// A check of the picture found it other than the sharer's.
    Differs(Differs),
    /// The chain cannot be decoded any more: everything is needed again.
    Lost,
}

/// What a viewer shows after a check that found it to differ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Differs {
    /// Position of the picture's chain: the epoch and the number in it.
    pub epoch: u32,
    /// See `epoch`.
    pub number: u32,
    /// Parts of the picture that the check covered, each with the hash of what is shown there; at most [`MAX_PARTS`].
    pub parts: Vec<(u32, u64)>,
}

impl Report {
    pub(crate) fn write(&self, out: &mut BytesMut) {
        match self {
            Self::Acknowledged(acknowledgement) => acknowledgement.write(out),
            Self::Differs(Differs { epoch, number, parts }) => {
                out.put_u8(KIND_DIFFERS);
                out.put_u32_le(*epoch);
                out.put_u32_le(*number);
                for &(part, hash) in parts {
                    out.put_u32_le(part);
                    out.put_u64_le(hash);
                }
            }
            Self::Lost => out.put_u8(KIND_LOST),
        }
    }

    /// Reads one report.
    pub(crate) fn parse(message: Bytes) -> Result<Self, Violation> {
        match message.first() {
            Some(&KIND_DIFFERS) => {
                let mut reader = Reader(message.slice(1..));
                let truncated = |_: Truncated| Violation::Truncated(WHAT);
                let (epoch, number) =
                    (reader.u32().map_err(truncated)?, reader.u32().map_err(truncated)?);
                let mut parts = Vec::with_capacity(message.len() / PART_BYTES);
                while !reader.is_empty() {
                    parts
                        .push((reader.u32().map_err(truncated)?, reader.u64().map_err(truncated)?));
                }
                Ok(Self::Differs(Differs { epoch, number, parts }))
            }
            Some(&KIND_LOST) if message.len() > 1 => Err(Violation::Surplus(WHAT)),
            Some(&KIND_LOST) => Ok(Self::Lost),
            _ => Acknowledgement::parse(message).map(Self::Acknowledged),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::acknowledgement::{Acknowledged, Outcome};

    #[test]
    fn what_is_written_is_read() {
        for parts in [vec![], vec![(0, u64::MAX), (u32::MAX, 1)], vec![(7, 7); MAX_PARTS]] {
            let report = Report::Differs(Differs { epoch: 3, number: u32::MAX, parts });
            let mut bytes = BytesMut::new();
            report.write(&mut bytes);
            assert!(bytes.len() <= MAX_REPORT_BYTES);
            assert_eq!(Report::parse(bytes.freeze()), Ok(report));
        }
        assert_eq!(Report::parse(Bytes::from_static(&[KIND_LOST])), Ok(Report::Lost));
        for of in [Acknowledged::Update(3), Acknowledged::Leaf(4), Acknowledged::Video(5)] {
            let report = Report::Acknowledged(Acknowledgement {
                of,
                outcome: Outcome::Applied,
                sent_us: 6,
                received_us: 7,
                decoded_us: Some(8),
                presented_us: None,
            });
            let mut bytes = BytesMut::new();
            report.write(&mut bytes);
            assert_eq!(Report::parse(bytes.freeze()), Ok(report));
        }
    }

    #[test]
    fn truncated_and_surplus_are_told_apart() {
        let error =
            |bytes: &[u8]| Report::parse(Bytes::copy_from_slice(bytes)).expect_err("refused");
        assert_eq!(error(&[KIND_DIFFERS, 1, 0, 0, 0, 1, 0, 0]), Violation::Truncated(WHAT));
        assert_eq!(error(&[&[KIND_DIFFERS; 9][..], &[1; 11]].concat()), Violation::Truncated(WHAT));
        assert_eq!(error(&[KIND_LOST, 0]), Violation::Surplus(WHAT));
    }
}
