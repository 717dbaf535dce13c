//! Applies slices: tiles of the line's picture that build on nothing.

use super::{Decoder, FirstStream, LineState, begin};
use crate::bitstream::{DecodeError, PictureHeader, Reader, Rule, UpdateHeader};
use crate::geometry::{Rect, Size, TILE, TileGrid};

impl Decoder {
    /// Decodes the slices into the line's picture, and shows their tiles.
    pub(super) fn apply_slices(
        &mut self,
        update: &[u8],
        reader: &mut Reader<'_>,
        header: &UpdateHeader,
        grid: TileGrid,
    ) -> Result<(), DecodeError> {
        self.take_colours(reader, header)?;
        let offset = reader.offset();
        let is_complete = match reader.u8()? {
            0 => false,
            1 => true,
            _ => return Err(Rule::SliceComplete.at(offset)),
        };
        self.read_pictures(reader, grid)?;
        let stays_whole = self.line_state == LineState::Whole
            && header.start.is_none()
            && header.number == self.position().number;
        // Until all have been decoded, the line is of no use for another update.
        self.line_state = LineState::Broken;
        if header.start.is_some() || self.line.previous.size() != grid.size() {
            // A start that was refused may have left a line of another size.
            self.begin_line(grid);
        } else if !stays_whole {
            // A refused update may have left anything in the new picture.
            self.line.revert(grid.size().rect());
        }
        let Self { pictures, line, slice_line, workers, healed, .. } = self;
        healed.clear();
        for picture in pictures.iter() {
            let PictureHeader { block, payload } = &picture.header;
            let mut reader = Reader::within(update, payload.clone());
            let rect = block.rect(grid);
            let within = TileGrid::new(Size::new(rect.width, rect.height));
            slice_line.reset(within.size());
            let first = FirstStream::decode(slice_line, update, &mut reader)?;
            first.decode_lanes(slice_line, workers, update, &mut reader)?;
            for (tile, claim) in slice_line.map.changed() {
                let offset = reader.offset();
                let version = reader.number()?;
                if version == 0 || version > header.number {
                    return Err(Rule::SliceVersion.at(offset));
                }
                let from = within.rect(tile);
                let to = Rect { x: rect.x + from.x, y: rect.y + from.y, ..from };
                let column = u32::from(to.x / TILE);
                let row = u32::from(to.y / TILE);
                line.current.copy_from(to, &slice_line.current, from);
                healed.push((grid.index(column, row), version, claim));
            }
            reader.finish()?;
        }
        // Nothing can fail from here on.
        let canvas = begin(&mut self.canvas, &mut self.changed, header, grid);
        if self.are_colours_new {
            canvas.exact.clear();
        }
        canvas.set_apart(&line.previous);
        for &(tile, version, claim) in healed.iter() {
            line.accept(grid.rect(tile));
            canvas.heal(tile, &line.previous, version, claim, &mut self.changed);
        }
        canvas.rejoin();
        if is_complete {
            canvas.chain = header.number;
        }
        self.line_state = match (stays_whole, is_complete) {
            (true, _) => LineState::Whole,
            (false, true) => LineState::Picture,
            (false, false) => LineState::Broken,
        };
        Ok(())
    }
}
