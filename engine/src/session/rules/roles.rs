//! Who may do what: the permission matrix of the roles (ROLE-01 to ROLE-04, section 35).

use crate::session::roster::Role;

/// Whether the session is this one's to end (SES-20, SES-21, SES-23, RULE-03, RULE-05).
#[must_use]
pub const fn may_end(role: Role) -> bool {
    matches!(role, Role::Primary)
}

/// Whether one may go and leave the session as it is (SES-19, ASST-09, RULE-03). The primary goes by ending or transferring
/// it.
#[must_use]
pub const fn may_leave(role: Role) -> bool {
    matches!(role, Role::Customer | Role::Assisting)
}

/// Whether one may start support activities, invite, choose the customer and moderate (RULE-05, ASST-05).
#[must_use]
pub const fn may_direct(role: Role) -> bool {
    matches!(role, Role::Primary)
}

/// Whether control of the session can go to this one: a representative who is in as an assistant (ASST-07, RULE-06).
#[must_use]
pub const fn may_receive_control(role: Role, is_connected: bool) -> bool {
    matches!(role, Role::Assisting) && is_connected
}

/// Whether somebody may be asked and helped, and decides for their own computer.
#[must_use]
pub const fn is_helped(role: Role) -> bool {
    matches!(role, Role::Customer)
}

/// Whether functions that need a customer are available (CON-03, RULE-35).
#[must_use]
pub const fn has_somebody_to_help(customers: usize) -> bool {
    customers > 0
}

/// Whether one is told that a customer has joined (INV-03, RULE-36): the one who holds control, and the first customer.
#[must_use]
pub const fn is_told_of_customers(role: Role, is_first_customer: bool) -> bool {
    matches!(role, Role::Primary) || is_first_customer
}

/// Whether one may write the session's notes (NOTE-01).
#[must_use]
pub const fn may_write_notes(role: Role) -> bool {
    matches!(role, Role::Primary)
}

/// Whether leaving the page of the dashboard ends the session (SES-24, RULE-24).
#[must_use]
pub const fn dashboard_closing_ends(role: Role) -> bool {
    matches!(role, Role::Primary)
}
