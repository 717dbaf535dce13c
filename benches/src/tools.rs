//! Which coding tool made how much of what was sent.

use tessera_codec::{Report, TILE};

/// Blocks of 8x8 pixels in a whole tile: what the shares of a tile are counted in.
const TILE_BLOCKS: u32 = (TILE as u32 / 8).pow(2);

/// Blocks of the tiles that were sent, by coding tool, over the frames after the first.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Tools {
    sent: u64,
    moved: u64,
    graphics: u64,
    photo: u64,
    film: u64,
    video: u64,
}

impl Tools {
    /// Adds what one call of the encoder did.
    pub(crate) fn add(&mut self, report: &Report) {
        let film = u64::from(report.jpeg_tiles * TILE_BLOCKS);
        let video = u64::from(report.video_tiles * TILE_BLOCKS);
        self.sent += u64::from(report.chain_blocks) + film + video;
        self.moved += u64::from(report.moved_blocks);
        self.graphics += u64::from(report.graphics_blocks);
        self.photo += u64::from(report.photo_blocks);
        self.film += film;
        self.video += video;
    }

    /// Name and share, 0 to 1, of each tool; empty when nothing was sent. `kept` is what did not
    /// change in a tile of which another part did.
    pub(crate) fn shares(&self) -> Vec<(&'static str, f64)> {
        if self.sent == 0 {
            return Vec::new();
        }
        let coded = self.moved + self.graphics + self.photo + self.film + self.video;
        let kept = self.sent.saturating_sub(coded);
        [
            ("kept", kept),
            ("moved", self.moved),
            ("graphics", self.graphics),
            ("photo", self.photo),
            ("film", self.film),
            ("video", self.video),
        ]
        .map(|(tool, blocks)| (tool, blocks as f64 / self.sent as f64))
        .to_vec()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_of_all_that_was_sent() {
        let mut tools = Tools::default();
        assert!(tools.shares().is_empty());
        let report = Report {
            chain_blocks: 192,
            moved_blocks: 64,
            graphics_blocks: 32,
            photo_blocks: 0,
            jpeg_tiles: 1,
            ..Report::default()
        };
        tools.add(&report);
        let share = |name| tools.shares().iter().find(|tool| tool.0 == name).map(|tool| tool.1);
        assert_eq!(share("kept"), Some(96.0 / 256.0));
        assert_eq!(share("moved"), Some(0.25));
        assert_eq!(share("graphics"), Some(0.125));
        assert_eq!(share("film"), Some(0.25));
    }
}
