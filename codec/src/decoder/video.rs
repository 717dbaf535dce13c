//! Video updates: frames of a stream, each of which needs the one before.

use std::cmp::Ordering;

use super::{Decoder, begin};
use crate::bitstream::{DecodeError, Reader, Rule, UpdateHeader, VideoHeader};
use crate::colour::ColourMode;
use crate::geometry::{Rect, Size, TileGrid};
use crate::video::{self, FrameKind};

/// The stream whose frames are being decoded, or were last.
pub(super) struct Stream {
    epoch: u32,
    number: u32,
    rect: Rect,
    /// Number of the frame that is due; `None` when one was left out or damaged, so that no other can
    /// follow.
    due: Option<u32>,
    /// None after an error: what the library holds then is of no use.
    decoder: Option<video::Decoder>,
}

impl Decoder {
    /// Decodes a frame and shows it; `false` when its stream does not await it.
    pub(super) fn apply_video(
        &mut self,
        update: &[u8],
        reader: &mut Reader<'_>,
        header: &UpdateHeader,
        grid: TileGrid,
    ) -> Result<bool, DecodeError> {
        self.prepare_written(grid);
        let offset = reader.offset();
        let (frame, payload) = VideoHeader::read(reader, grid, &mut self.written)?;
        let Some(kind) = self.expected_kind(header.epoch, &frame) else { return Ok(false) };
        if kind == FrameKind::Intra {
            let decoder = self.stream.take().and_then(|stream| stream.decoder);
            self.stream = Some(Stream {
                epoch: header.epoch,
                number: frame.stream,
                rect: frame.rect,
                due: None,
                decoder,
            });
        }
        let Some(stream) = &mut self.stream else { return Ok(false) };
        // Until the frame has been decoded, none can follow.
        stream.due = None;
        if frame.rect != stream.rect {
            return Err(Rule::VideoMoved.at(offset));
        }
        let size = Size::new(frame.rect.width, frame.rect.height);
        let mut decoder = match stream.decoder.take().filter(|decoder| decoder.size() == size) {
            Some(decoder) => decoder,
            None => video::Decoder::new(size).map_err(|rule| rule.at(payload.start))?,
        };
        let picture = decoder
            .decode(&update[payload.clone()], kind)
            .map_err(|rule| rule.at(payload.start))?;
        // Nothing can fail from here on.
        let canvas = begin(&mut self.canvas, &mut self.changed, header, grid);
        canvas.set_apart(&self.line.previous);
        let changed = &mut self.changed;
        canvas.show_video(frame.rect, &self.written, picture, header.number, changed);
        stream.due = frame.frame.checked_add(1);
        stream.decoder = Some(decoder);
        Ok(true)
    }

    /// Of which kind `frame` is if its turn has come. When frames before it are missing, its stream
    /// is over.
    fn expected_kind(&mut self, epoch: u32, frame: &VideoHeader) -> Option<FrameKind> {
        let present = self.stream.as_mut().filter(|stream| stream.epoch == epoch);
        if self.line.colours.mode() != ColourMode::Standard {
            if let Some(stream) = present {
                stream.due = None;
            }
            return None;
        }
        let Some(stream) = present else { return (frame.frame == 0).then_some(FrameKind::Intra) };
        match frame.stream.cmp(&stream.number) {
            Ordering::Less => None,
            Ordering::Equal if stream.due == Some(frame.frame) => Some(FrameKind::Inter),
            Ordering::Equal => {
                // A frame that was there already comes twice.
                stream.due = stream.due.filter(|due| frame.frame < *due);
                None
            }
            Ordering::Greater if frame.frame == 0 => Some(FrameKind::Intra),
            Ordering::Greater => {
                stream.due = None;
                None
            }
        }
    }
}
