//! What the customer is asked (PERM, RULE-01, RULE-02, section 34.2).

use super::sharing;
use crate::session::activity::{Activity, Right, ShareKind};
use crate::session::roster::Role;

/// What the customer has allowed. It lives in the customer's program and ends with the session.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Consent {
    /// The desktop may be seen without asking again.
    pub view: bool,
    /// The desktop may be operated without asking again.
    pub control: bool,
    /// The grant for the session: whatever [`grant_covers`] may start without asking again.
    pub session: bool,
}

impl Consent {
    /// Everything, for the rest of the session.
    pub const ALL: Self = Self { view: true, control: true, session: true };

    /// The consent that a list of activities amounts to.
    #[must_use]
    pub fn of(activities: &[Activity]) -> Self {
        let control = activities.contains(&Activity::Control);
        let view = control || activities.contains(&Activity::View);
        Self { view, control, session: false }
    }

    /// Whether nothing is allowed.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        !self.view && !self.control && !self.session
    }
}

/// Whether the grant for the session spares the question (PERM-06). Its label says all actions; those after which the
/// customer may not get the computer back as it was keep asking, as AMB-10 recommends.
#[must_use]
pub const fn grant_covers(activity: Activity) -> bool {
    !matches!(activity, Activity::Scripts | Activity::LogOn | Activity::Reboot)
}

/// Whether the customer has to be asked before `activity` (RULE-01). What goes on already (`shared`), or less than that, was
/// agreed to: after a rejoin the representative's program may ask again for what the customer's has resumed.
#[must_use]
pub const fn needs_question(
    activity: Activity,
    shared: Option<ShareKind>,
    consent: Consent,
    desktop_in_use: bool,
) -> bool {
    let goes_on = match (activity.share(), shared) {
        (Some(asked), Some(shared)) => sharing::is_covered(shared, asked),
        _ => false,
    };
    let standing = match activity {
        Activity::View => consent.view,
        Activity::Control => consent.control,
        _ => false,
    };
    let spared =
        matches!(activity, Activity::FileOperation) && !super::files::asks_for_each(desktop_in_use);
    !(goes_on || standing || spared || (consent.session && grant_covers(activity)))
}

/// Whether one may give the grant for the session (PERM-08): nobody but the customer, for their own computer.
#[must_use]
pub const fn may_grant(role: Role) -> bool {
    matches!(role, Role::Customer)
}

/// Whether what was allowed for the session still holds when nobody holds control any more: the next representative is
/// a stranger to the customer (RULE-02; PERM-07 in the sense of a new session).
pub const GRANT_OUTLIVES_VACANCY: bool = false;

/// What of a share goes on by itself when a lost customer is back: seeing does, operating needs a
/// new OK unless it was allowed for the whole session.
#[must_use]
pub const fn resumed(shared: Right, consent: Consent) -> Right {
    match shared {
        Right::Control if consent.control || consent.session => Right::Control,
        _ => Right::View,
    }
}
