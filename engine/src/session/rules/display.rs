//! How pictures look (COLOR, RULE-19).

use crate::session::display::DisplayMode;
use crate::session::roster::Role;

/// Whether the session's display mode is for this one to choose (CON-14).
#[must_use]
pub const fn may_choose_display_mode(role: Role) -> bool {
    matches!(role, Role::Primary)
}

/// Whether a number of colours can be chosen in `mode` (COLOR-04, RULE-19); whoever watches may then, for themselves
/// (COLOR-07).
#[must_use]
pub const fn may_choose_colours(mode: DisplayMode) -> bool {
    matches!(mode, DisplayMode::Sampling)
}
