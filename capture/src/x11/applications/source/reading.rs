//! Reading the windows' pixels onto the canvas.

use tessera_codec::{Frame, Rect, Region, Size};

use super::super::super::image::{HALF_BYTES, Requested, bytes};
use super::super::super::screen::parts;
use super::super::canvas::{paint_ground, paint_hatch};
use super::super::tracked::{Origin, size_of};
use super::ApplicationSource;
use crate::CaptureError;

/// A part of a window to be read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Job {
    window: usize,
    /// Where it goes on the canvas.
    part: Rect,
}

impl ApplicationSource {
    pub(super) fn read_windows(
        &mut self,
        region: &Region,
        into: &mut Frame,
    ) -> Result<(), CaptureError> {
        let mut jobs = std::mem::take(&mut self.jobs);
        jobs.clear();
        for rect in region.rects() {
            match self.tracked.is_empty() {
                true => paint_hatch(into, rect, |_, _| true),
                false => paint_ground(into, rect),
            }
        }
        for (window, tracked) in self.tracked.iter().enumerate() {
            let place = tracked.placed.place.seen_from(self.canvas);
            let touched = region.rects().map(|rect| rect.intersect(place));
            let touched = touched.filter(|part| !part.is_empty()).flat_map(parts);
            jobs.extend(touched.map(|part| Job { window, part }));
        }
        let mut rest = &jobs[..];
        while !rest.is_empty() {
            let mut requested: Vec<(Job, Requested<'_>)> = Vec::new();
            let mut offset = 0;
            while let Some((&job, behind)) = rest.split_first() {
                let size = size_of(job.part);
                if offset + bytes(size) > 2 * HALF_BYTES {
                    break;
                }
                let at = self.place_in_origin(job);
                let drawable = self.origin(job).drawable;
                requested
                    .push((job, self.images.request(&self.display, drawable, at, size, offset)?));
                offset += bytes(size);
                rest = behind;
            }
            for (job, requested) in requested {
                self.receive(job, requested, into)?;
            }
        }
        self.jobs = jobs;
        Ok(())
    }

    fn origin(&self, job: Job) -> Origin {
        self.tracked[job.window].origin(&self.display)
    }

    /// Where a part of the canvas is in the window that it comes from.
    fn in_window(&self, job: Job) -> (i32, i32) {
        let place = self.tracked[job.window].placed.place;
        let x = i32::from(job.part.x) + self.canvas.x - place.x;
        let y = i32::from(job.part.y) + self.canvas.y - place.y;
        (x, y)
    }

    fn place_in_origin(&self, job: Job) -> (i16, i16) {
        let origin = self.origin(job);
        let (x, y) = self.in_window(job);
        // Windows and screens have at most 32767 pixels in each direction.
        ((x + origin.x) as i16, (y + origin.y) as i16)
    }

    fn receive(
        &self,
        job: Job,
        requested: Requested<'_>,
        into: &mut Frame,
    ) -> Result<(), CaptureError> {
        let pixels = self.images.receive(&self.display, requested)?;
        let Job { window, part } = job;
        let row_bytes = bytes(Size::new(part.width, 1));
        for row in 0..part.height {
            let target = into.span_mut(part.x, part.y + row, part.width);
            pixels.copy_to(usize::from(row) * row_bytes, target);
        }
        let hidden = &self.tracked[window].hidden;
        if !hidden.is_empty() {
            let (left, top) = self.in_window(job);
            paint_hatch(into, part, |x, y| {
                let x = left + i32::from(x - part.x);
                let y = top + i32::from(y - part.y);
                u16::try_from(x)
                    .is_ok_and(|x| u16::try_from(y).is_ok_and(|y| hidden.contains(x, y)))
            });
        }
        Ok(())
    }
}
