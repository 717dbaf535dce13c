//! Drawing on what is shared (ANN, RULE-18, RULE-37).

use crate::session::roster::Role;
use crate::session::share::Control;

/// Whether one may begin to draw on a share (ANN-01, ANN-03, ANN-09, RULE-18): not the assistants, who only see it, and not
/// while somebody else operates what is shared. Whoever operates it, and the one who shares it, give or take control back
/// by beginning.
#[must_use]
pub const fn may_begin(role: Role, control: Control, ends_control: bool) -> bool {
    matches!(role, Role::Primary | Role::Customer)
        && (ends_control || !matches!(control, Control::Taken))
}

/// Whether one may erase what others have drawn, and clear all (ANN-07): the holder of control, and whose screen it is.
#[must_use]
pub const fn may_erase_any(role: Role, is_sharer: bool) -> bool {
    is_sharer || matches!(role, Role::Primary)
}

/// Whether a stroke counts: whoever draws has annotation mode on (ANN-04).
#[must_use]
pub const fn may_draw(has_mode: bool) -> bool {
    has_mode
}
