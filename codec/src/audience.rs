//! Who of a line's viewers gets which update.
//!
//! One encoder is one *line*: all viewers that follow it get the same updates, coded once. A viewer
//! without room for an update is left out, does not follow any more, and misses what the line writes
//! from then on. Slices give it what it misses, shared with others that miss the same; then the line
//! begins its models anew and the viewer follows again. A viewer that joins misses everything.
//!
//! A viewer that is left out again and again belongs on a slower line of the same mode; there are
//! two at most. [`Pacing`] decides that. Sending is not here.

use crate::encoder::{Encoder, Payloads, Position};
use crate::geometry::Size;
use crate::region::Region;

/// A viewer, by a number of the caller's choice.
#[derive(Debug)]
struct Member {
    id: u64,
    /// Position up to which it was sent everything but `missing`.
    sent: Position,
    /// Tiles of the line's picture that it lacks or shows wrongly.
    missing: Region,
    /// Whether it gets the line's updates.
    follows: bool,
    /// Whether it was left out of a check, so that it cannot tell whether its picture is right.
    lacks_check: bool,
    /// Whether its decoder needs slices and a reset, even if it lacks no tile.
    is_broken: bool,
}

/// The viewers of one line.
#[derive(Debug, Default)]
pub struct Audience {
    members: Vec<Member>,
    /// Position of the line after the latest updates.
    line: Position,
}

impl Audience {
    /// An audience without viewers.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A viewer comes, with a new decoder or from another line. Its `id` must not be there yet.
    pub fn join(&mut self, id: u64) {
        let missing = Region::empty(Size::default());
        self.members.push(Member {
            id,
            sent: Position::default(),
            missing,
            follows: false,
            lacks_check: false,
            is_broken: true,
        });
    }

    /// A viewer goes.
    pub fn leave(&mut self, id: u64) {
        self.members.retain(|member| member.id != id);
    }

    /// Whether the viewer gets the line's updates.
    #[must_use]
    pub fn follows(&self, id: u64) -> bool {
        self.members.iter().any(|member| member.id == id && member.follows)
    }

    /// Whether [`Self::heal`] has something to do for the viewer.
    #[must_use]
    pub fn needs_healing(&self, id: u64) -> bool {
        let needs =
            |member: &Member| !member.follows || member.lacks_check || !member.missing.is_empty();
        self.line.number > 0 && self.members.iter().any(|item| item.id == id && needs(item))
    }

    /// Gives out the updates of one call of the encoder, which took the line to `line`: `send` is
    /// called for each viewer that must get all of them. `has_room` tells whether a viewer's window
    /// takes them now.
    pub fn deliver(
        &mut self,
        line: Position,
        mut has_room: impl FnMut(u64) -> bool,
        mut send: impl FnMut(u64),
    ) {
        let starts = line.epoch != self.line.epoch && line.number > 0;
        let builds = line != self.line;
        for member in &mut self.members {
            // The first update of an epoch serves everybody.
            if (member.follows || starts) && has_room(member.id) {
                send(member.id);
                if starts {
                    member.missing.clear();
                    member.is_broken = false;
                }
                (member.sent, member.follows, member.lacks_check) = (line, true, false);
            } else if builds {
                member.follows = false;
            } else {
                // Leaves and checks alone can be left out: nothing builds on them.
                member.lacks_check = true;
            }
        }
        self.line = line;
    }

    /// The viewer's decoder cannot go on: it gets everything again.
    pub fn lost(&mut self, id: u64) {
        if let Some(member) = self.member(id) {
            (member.sent, member.follows, member.is_broken) = (Position::default(), false, true);
        }
    }

    /// The viewer shows `tiles` wrongly.
    pub fn found_wrong(&mut self, id: u64, tiles: &Region) {
        if let Some(member) = self.member(id) {
            if member.missing.grid() == tiles.grid() {
                member.missing.merge(tiles);
            } else {
                member.missing.clone_from(tiles);
            }
        }
    }

    /// Makes slices of about `budget_bytes` for the viewer, if it needs any, into `out`: they go to
    /// it alone. Returns whether there are any. Call it when the viewer has room, and never between
    /// a call of [`Encoder::encode`] and its [`Self::deliver`].
    pub fn heal(
        &mut self,
        id: u64,
        encoder: &mut Encoder,
        budget_bytes: usize,
        out: &mut Payloads,
    ) -> bool {
        out.clear();
        let line = encoder.position();
        let Some(member) = self.member(id) else { return false };
        if std::mem::take(&mut member.lacks_check) {
            encoder.request_check();
        }
        if line.number == 0 || (member.follows && member.missing.is_empty()) {
            return false;
        }
        let mut starts = false;
        if !member.follows {
            starts = member.sent.epoch != line.epoch;
            if starts {
                member.missing.clear();
            }
            let since = if starts { 0 } else { member.sent.number };
            encoder.written_since(since, &mut member.missing);
            if !member.is_broken && member.sent == line && member.missing.is_empty() {
                member.follows = true;
                return false;
            }
        }
        let is_complete = encoder.repair(&mut member.missing, starts, budget_bytes, out);
        if !member.follows {
            (member.sent, member.follows, member.is_broken) = (line, is_complete, !is_complete);
        }
        if is_complete {
            // What was shown wrongly may have been built on as well.
            encoder.reset_line();
        }
        true
    }

    fn member(&mut self, id: u64) -> Option<&mut Member> {
        self.members.iter_mut().find(|member| member.id == id)
    }
}

/// The two lines of a mode.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Pace {
    /// For viewers that keep up.
    #[default]
    Fast,
    /// For those that do not.
    Slow,
}

/// Updates left out within [`WINDOW_US`] that take a viewer to the slow line, and how long none must
/// have been for it to come back: twice as long each time, up to [`MAX_RECOVERY_US`]. Choices, not
/// measurements: each change costs a whole picture.
const MAX_LEFT_OUT: u32 = 3;
const WINDOW_US: u64 = 5_000_000;
const RECOVERY_US: u64 = 30_000_000;
const MAX_RECOVERY_US: u64 = 32 * RECOVERY_US;

/// Decides on which line a viewer belongs.
#[derive(Clone, Copy, Debug, Default)]
pub struct Pacing {
    pace: Pace,
    left_out: u32,
    /// Begin of the window, and the last time that an update was left out, in microseconds.
    since_us: u64,
    last_us: u64,
    /// How often it has come to the slow line.
    falls: u32,
}

impl Pacing {
    /// The viewer's line.
    #[must_use]
    pub const fn pace(&self) -> Pace {
        self.pace
    }

    /// Takes the viewer to the slow line at once: it cannot catch up with the fast one.
    pub fn fall_behind(&mut self, now_us: u64) {
        if self.pace == Pace::Fast {
            (self.pace, self.last_us) = (Pace::Slow, now_us);
            self.falls = self.falls.saturating_add(1);
        }
    }

    /// Notes whether the viewer was left out at `now_us`, and returns its line.
    pub fn note(&mut self, was_left_out: bool, now_us: u64) -> Pace {
        if was_left_out {
            if self.left_out == 0 || now_us.saturating_sub(self.since_us) > WINDOW_US {
                (self.left_out, self.since_us) = (0, now_us);
            }
            self.left_out += 1;
            self.last_us = now_us;
            if self.left_out >= MAX_LEFT_OUT {
                self.fall_behind(now_us);
            }
        } else if self.pace == Pace::Slow
            && now_us.saturating_sub(self.last_us) >= self.recovery_us()
        {
            (self.pace, self.left_out) = (Pace::Fast, 0);
        }
        self.pace
    }

    fn recovery_us(&self) -> u64 {
        let doublings = self.falls.saturating_sub(1).min(u64::BITS - 1);
        RECOVERY_US.saturating_mul(1 << doublings).min(MAX_RECOVERY_US)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_viewer_changes_its_line_only_after_several_updates_left_out() {
        let mut pacing = Pacing::default();
        assert_eq!(pacing.note(true, 0), Pace::Fast);
        assert_eq!(pacing.note(true, WINDOW_US + 1), Pace::Fast, "the first is forgotten");
        assert_eq!(pacing.note(true, WINDOW_US + 2), Pace::Fast);
        assert_eq!(pacing.note(true, WINDOW_US + 3), Pace::Slow);
        assert_eq!(pacing.note(false, WINDOW_US + 4), Pace::Slow);
        assert_eq!(pacing.note(false, WINDOW_US + 3 + RECOVERY_US), Pace::Fast);
        assert_eq!(pacing.note(true, WINDOW_US + 5 + RECOVERY_US), Pace::Fast, "counted anew");
    }

    #[test]
    fn whoever_falls_behind_again_comes_back_later() {
        let mut pacing = Pacing::default();
        let mut now_us = 0;
        for fall in 0..8 {
            pacing.fall_behind(now_us);
            assert_eq!(pacing.pace(), Pace::Slow);
            now_us += (RECOVERY_US << fall).min(MAX_RECOVERY_US);
            assert_eq!(pacing.note(false, now_us - 1), Pace::Slow, "fall {fall}");
            assert_eq!(pacing.note(false, now_us), Pace::Fast, "fall {fall}");
        }
    }
}
