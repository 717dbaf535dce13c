//! Checks: hashes of the source by which a decoder finds out whether what it shows is right.

use super::Encoder;
use super::config::Report;
use super::payload::{Payload, Payloads};
use super::slices::Position;
use super::tile::Held;
use crate::bitstream::{
    CheckBody, Kind, MAX_CHECK_RUNS_BYTES, MAX_HEADER_BYTES, Track, UpdateHeader,
};
use crate::geometry::TileIndex;
use crate::hash::{hash_of_hashes, short_hash};
use crate::region::Region;

/// Pause after the last update before a check, in microseconds, longest time without one while
/// updates go on, and shortest time between two. A check is some 25 bytes, but on its way has the
/// headers of a packet and another that acknowledges it: after each key that somebody types it would
/// be a third of what is sent. All three are choices, not measurements.
const CHECK_REST_US: u64 = 50_000;
const CHECK_PERIOD_US: u64 = 500_000;
const CHECK_GAP_US: u64 = 1_000_000;

/// When updates were made that no check covers.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct CheckTimes {
    /// The first of them and the last, in microseconds.
    unchecked_us: Option<(u64, u64)>,
    /// No check is due before this time, in microseconds.
    not_before_us: u64,
}

impl CheckTimes {
    fn note_update(&mut self, now_us: u64) {
        let (first_us, _) = self.unchecked_us.unwrap_or((now_us, now_us));
        self.unchecked_us = Some((first_us, now_us));
    }

    /// Makes a check due at once.
    pub(super) fn ask(&mut self) {
        *self = Self { unchecked_us: Some((0, 0)), not_before_us: 0 };
    }

    /// When the next check is due.
    pub(super) fn due_us(self) -> Option<u64> {
        let (first_us, last_us) = self.unchecked_us?;
        let rested_us = last_us.saturating_add(CHECK_REST_US);
        let due_us = rested_us.min(first_us.saturating_add(CHECK_PERIOD_US));
        Some(due_us.max(self.not_before_us))
    }

    /// A check was made.
    fn note_check(&mut self, now_us: u64) {
        *self = Self { unchecked_us: None, not_before_us: now_us.saturating_add(CHECK_GAP_US) };
    }
}

impl Encoder {
    /// Makes a check when one is due. `out` holds the updates of the call at hand.
    pub(super) fn emit_check(&mut self, now_us: u64, report: &mut Report, out: &mut Payloads) {
        if !out.is_empty() {
            self.check.note_update(now_us);
        }
        if self.chain == 0 || self.check.due_us().is_none_or(|due_us| due_us > now_us) {
            return;
        }
        self.check.note_check(now_us);
        let Self { tiles, hashes, exact, .. } = self;
        exact.clear();
        for (at, tile) in tiles.iter().enumerate() {
            if tile.held == Held::Exact {
                exact.insert(TileIndex(at as u32));
            }
        }
        let shorts = exact.iter().map(|tile| short_hash(tiles[tile.0 as usize].hash));
        let hash = hash_of_hashes(shorts, hashes);
        let number = self.chain;
        let header = UpdateHeader::new(Kind::Check, self.epoch, number, 0);
        let runs_bytes = (self.tiles.len() + 1) * MAX_CHECK_RUNS_BYTES;
        let bytes = self.buffers.cut(MAX_HEADER_BYTES + 8 + runs_bytes, |buffer| {
            header.write(buffer);
            CheckBody::write(hash, exact, buffer);
        });
        report.bytes += bytes.len();
        out.push(Payload { track: Track::Chain, number, begins_video: false, bytes });
    }

    /// Makes the next call of [`Self::encode`] make a check.
    pub fn request_check(&mut self) {
        self.check.ask();
    }

    /// The tiles that a decoder shows wrongly, of those whose hashes it sent after it had found a
    /// check at chain update `at` to differ; see [`Decoder::hashes`](crate::Decoder::hashes). What
    /// has been written since is left out. The next call of [`Self::encode`] makes another check.
    pub fn find_wrong(
        &mut self,
        at: Position,
        hashes: impl Iterator<Item = (TileIndex, u64)>,
    ) -> Region {
        self.check.ask();
        let mut wrong = Region::empty(self.grid.size());
        if at.epoch != self.epoch {
            return wrong;
        }
        for (tile, hash) in hashes {
            let state = self.tiles.get(tile.0 as usize);
            let is_wrong = state.is_some_and(|state| {
                state.held == Held::Exact
                    && state.written <= at.number
                    && short_hash(state.hash) != hash
            });
            if is_wrong {
                wrong.insert(tile);
            }
        }
        wrong
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_check_follows_a_single_change_soon_and_many_changes_seldom() {
        let mut times = CheckTimes::default();
        assert_eq!(times.due_us(), None);
        times.note_update(1_000);
        assert_eq!(times.due_us(), Some(1_000 + CHECK_REST_US));
        times.note_check(51_000);
        times.note_update(125_000);
        assert_eq!(times.due_us(), Some(51_000 + CHECK_GAP_US), "one was made just now");
        times.ask();
        assert_eq!(times.due_us(), Some(CHECK_REST_US), "wanted at once, long ago by any clock");
    }
}
