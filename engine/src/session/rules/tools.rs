//! Recording, scripts, printing, and what a site switches off (REC, SCR, PRINT, RULE-27 to RULE-34).

use crate::session::activity::Activity;
use crate::session::roster::Role;
use crate::session::share::Control;

/// Largest script in bytes (SCR-13, RULE-27).
pub const MAX_SCRIPT_BYTES: u64 = 1 << 20;

/// Whether one may record by hand (REC-09, CON-16, RULE-30).
#[must_use]
pub const fn may_record(role: Role, records_by_itself: bool) -> bool {
    matches!(role, Role::Primary) && !records_by_itself
}

/// Whether one may print what the customer's computer has (PRINT-01, RULE-31): watching is not enough.
#[must_use]
pub const fn may_print(role: Role, control: Control) -> bool {
    matches!(role, Role::Primary) && !matches!(control, Control::Off)
}

/// Whether an activity needs the queue module (COB-06, RULE-33).
#[must_use]
pub const fn needs_queue_module(activity: Activity) -> bool {
    matches!(activity, Activity::CobrowseView | Activity::CobrowseControl)
}
