//! Sharing and operating (SHARE, RULE-13 to RULE-16, RULE-37).

use crate::session::activity::{Right, ShareKind, Surface};
use crate::session::roster::Role;
use crate::session::share::Control;

/// How long nobody takes control after a click of the person at the shared computer: whoever operated it stays out while
/// the person works. A choice.
pub const RETAKE_REST_US: u64 = 1_000_000;

/// Whether what is `shared` includes what is `asked`: the same screen and surface, for as much or more.
#[must_use]
pub const fn is_covered(shared: ShareKind, asked: ShareKind) -> bool {
    let operates = matches!(shared.right, Right::Control) || matches!(asked.right, Right::View);
    is_same_surface(shared.surface, asked.surface) && operates
}

/// Whether a share becomes what is asked for without being stopped and without a new choice of what is shown
/// (SHARE-14, SHARE-22, SHARE-25, RULE-15): the same surface goes on, so a request to control while an application is viewed
/// covers that application alone.
#[must_use]
pub const fn goes_on_as(shared: Surface, asked: Surface) -> bool {
    is_same_surface(shared, asked)
}

const fn is_same_surface(one: Surface, other: Surface) -> bool {
    matches!(
        (one, other),
        (Surface::Desktop, Surface::Desktop) | (Surface::Application, Surface::Application)
    )
}

/// Whether the sharer has to choose what is shown before a share begins (SHARE-17, SHARE-18, SHARE-23, SHARE-24).
#[must_use]
pub const fn needs_picking(surface: Surface) -> bool {
    matches!(surface, Surface::Application)
}

/// What control a share begins with, and has after it was raised or lowered (SHARE-04, RULE-14): never more than an offer.
#[must_use]
pub const fn granted(right: Right) -> Control {
    match right {
        Right::View => Control::Off,
        Right::Control => Control::Offered,
    }
}

/// Whether a click in the share window takes control (RULE-14, RULE-18): only the controller's, only what is offered, only
/// by one who knew of the last time that it was taken back, and not while somebody draws.
#[must_use]
pub const fn may_take(
    control: Control,
    is_controller: bool,
    knows_turn: bool,
    is_annotated: bool,
) -> bool {
    matches!(control, Control::Offered) && is_controller && knows_turn && !is_annotated
}

/// What becomes of control when the person at the shared computer clicks (SHARE-06, SHARE-15, SHARE-26, RULE-13).
#[must_use]
pub const fn after_own_click(control: Control) -> Control {
    match control {
        Control::Taken => Control::Offered,
        other => other,
    }
}

/// Whether input from a participant may reach the shared computer (SHARE-04). Everything else is discarded
/// there, whatever the other program believes.
#[must_use]
pub const fn may_operate(is_connected: bool, control: Control, is_controller: bool) -> bool {
    is_connected && is_controller && matches!(control, Control::Taken)
}

/// Whether a share is shown to a participant (SES-11, SHARE-08, RULE-37): to everybody who is in.
#[must_use]
pub const fn is_shown_to(role: Role) -> bool {
    matches!(role, Role::Primary | Role::Assisting | Role::Customer)
}

/// Whether one may have pictures of their screen shown (ASST-05): the helped and the holder of control.
#[must_use]
pub const fn may_share(role: Role) -> bool {
    matches!(role, Role::Primary | Role::Customer)
}

/// Whether one may stop a share (SHARE-30): the sharer, and the holder of control.
#[must_use]
pub const fn may_stop(role: Role, is_own: bool) -> bool {
    is_own || matches!(role, Role::Primary)
}
