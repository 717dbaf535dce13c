//! Video (VID, RULE-22, RULE-23).

use crate::session::roster::Role;

/// Participants who can send at the same time (VID-13, RULE-22).
pub const MAX_SENDERS: usize = 2;

/// Largest picture in pixels (VID-06).
pub const MAX_SIZE: (u32, u32) = (640, 360);

/// Whether one may send at all (VID-13, RULE-22): the holder of control and the primary customer.
#[must_use]
pub const fn may_send(role: Role, is_primary_customer: bool) -> bool {
    matches!(role, Role::Primary) || is_primary_customer
}

/// Whether one may begin now (VID-11, RULE-22): the customer after the representative has.
#[must_use]
pub const fn may_start(role: Role, is_primary_customer: bool, csr_sends: bool) -> bool {
    may_send(role, is_primary_customer) && (matches!(role, Role::Primary) || csr_sends)
}

/// Whether minimising the panel stops sending (VID-15, RULE-23).
pub const MINIMISING_STOPS: bool = false;
