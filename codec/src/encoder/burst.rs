//! Sets new photographs aside before a mode is sought for each of their blocks.
//!
//! Whatever that search would say of a screenful of them, they go as pictures on a leaf; and film that
//! is looked at again is nearly always still film. A sample of blocks tells both: photographs that
//! moved or came back are found by the vectors at hand, new ones are not.

use super::Encoder;
use super::blocks::{Sample, sample};
use super::choice::{BURST_BLOCKS, was_film};
use super::config::Policy;
use super::grain::looks_photographic;
use super::tile::{Held, Task};
use crate::frame::FrameView;

/// Blocks of a tile for each that is sampled.
const BLOCKS_PER_SAMPLE: u32 = 8;

impl Encoder {
    /// Sets aside the photographic tiles that show nothing known, where they are a burst or were film
    /// a moment ago. The vectors of the update must have been found.
    pub(super) fn set_new_photographs_apart(&mut self, frame: FrameView<'_>, now_us: u64) {
        self.is_burst = false;
        if self.config.policy != Policy::Live || self.chain == 0 {
            return;
        }
        let Self { candidates, tiles, line, originals, grid, video, .. } = self;
        let (mut fresh, mut known) = (0, 0);
        for item in candidates.iter_mut() {
            item.is_new_photo = item.task == Task::Change
                && item.returns_by.is_none()
                && !video.touches(grid.rect(item.tile))
                && tiles[item.tile.0 as usize].held != Held::Nothing
                && looks_photographic(frame, grid.rect(item.tile));
            if item.is_new_photo {
                let Sample { blocks, known: found, photo } = sample(line, originals, item.tile);
                item.is_new_photo = photo * 2 > blocks;
                fresh += photo * BLOCKS_PER_SAMPLE;
                known += found * BLOCKS_PER_SAMPLE;
            }
        }
        if fresh <= known {
            return;
        }
        self.is_burst = fresh > BURST_BLOCKS;
        let Self { candidates, tiles, line, film, grid, motion, .. } = self;
        for item in candidates.iter().filter(|item| item.is_new_photo) {
            let state = &mut tiles[item.tile.0 as usize];
            if self.is_burst || was_film(state, now_us) {
                state.see_film(now_us);
                film.insert(item.tile);
                line.leave(item.tile, grid.rect(item.tile));
                motion.forget(item.tile);
            }
        }
        candidates.retain(|item| !film.contains(item.tile));
    }
}
