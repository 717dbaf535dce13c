//! File transfer (FILE, RULE-10 to RULE-12).

use crate::session::activity::Activity;
use crate::session::roster::Role;

/// Most bytes of one transfer: a selection or a folder (FILE-14, AMB-14, RULE-38).
pub const MAX_TRANSFER_BYTES: u64 = 150 << 20;

/// Whether files can be transferred (FILE-28, FILE-29, RULE-10): not while an application of the customer is viewed or
/// controlled. Their desktop does not matter.
#[must_use]
pub const fn may_transfer(application_is_shared: bool) -> bool {
    !application_is_shared
}

/// Whether each transfer, deletion and renaming asks the customer (FILE-26, FILE-27, RULE-11): unless their desktop is
/// in use.
#[must_use]
pub const fn asks_for_each(desktop_in_use: bool) -> bool {
    !desktop_in_use
}

/// Whether the customer sees what is done (FILE-10, FILE-11, RULE-12).
#[must_use]
pub const fn customer_sees(mode: Activity) -> bool {
    !matches!(mode, Activity::UnsharedFiles)
}

/// Whether one may stop the transfer (FILE-10, FILE-11, RULE-12).
#[must_use]
pub const fn may_stop(role: Role, mode: Activity) -> bool {
    match role {
        Role::Primary => true,
        Role::Customer => customer_sees(mode),
        Role::Assisting => false,
    }
}
