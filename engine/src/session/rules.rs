//! The rules of a session, each a named constant or function of what both sides know.

use super::display::DisplayMode;
use super::messages::Activity;
use crate::annotate::Rights;

/// Seconds within which a lost customer may rejoin without a new code. A choice: long enough for a
/// changed network or a restarted program, short enough that nobody waits for somebody who has gone.
pub const GRACE_S: u64 = 300;

/// The same in microseconds.
pub const GRACE_US: u64 = GRACE_S * 1_000_000;

/// Pause before the first attempt to rejoin, doubled up to [`RETRY_MAX_US`] after each that failed.
pub const RETRY_MIN_US: u64 = 250_000;

/// Longest pause between two attempts to rejoin: the session is back within this time of the
/// network's return.
pub const RETRY_MAX_US: u64 = 1_000_000;

/// After a click with which a person took control back, control cannot be taken again for so long: whoever is at the shared
/// computer gets to do what they clicked for, whatever the other side's program sends. A choice: about a double click and
/// a look at what it did.
pub const RETAKE_REST_US: u64 = 1_000_000;

/// What the customer has allowed. It lives in the customer's program and ends with the session.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Consent {
    /// The desktop may be seen without asking again.
    pub view: bool,
    /// The desktop may be operated without asking again.
    pub control: bool,
}

impl Consent {
    /// Everything, for the rest of the session.
    pub const ALL: Self = Self { view: true, control: true };

    /// The consent that a list of activities amounts to.
    #[must_use]
    pub fn of(activities: &[Activity]) -> Self {
        let control = activities.contains(&Activity::Control);
        Self { view: control || activities.contains(&Activity::View), control }
    }

    /// Whether `activity` may start without a question.
    #[must_use]
    pub const fn covers(self, activity: Activity) -> bool {
        match activity {
            Activity::View => self.view,
            Activity::Control => self.control,
        }
    }
}

/// Whether the customer has to be asked before `activity`. What goes on already, or less than that, was agreed to:
/// after a rejoin the representative's program may ask again for what the customer's has resumed.
#[must_use]
pub const fn needs_question(
    activity: Activity,
    sharing: Option<Activity>,
    consent: Consent,
) -> bool {
    let goes_on = matches!(
        (activity, sharing),
        (Activity::View, Some(_)) | (Activity::Control, Some(Activity::Control))
    );
    !goes_on && !consent.covers(activity)
}

/// What of a share goes on by itself when a lost customer is back: seeing does, operating needs a
/// new OK unless it was allowed for the whole session.
#[must_use]
pub const fn resumed(shared: Activity, consent: Consent) -> Activity {
    match shared {
        Activity::Control if consent.control => Activity::Control,
        _ => Activity::View,
    }
}

/// Who looks at a share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Watcher {
    /// The representative whose session it is.
    Primary,
    /// Anybody else who was let in.
    Other,
}

/// Whether the session's display mode is for `watcher` to choose.
#[must_use]
pub const fn may_choose_display_mode(watcher: Watcher) -> bool {
    matches!(watcher, Watcher::Primary)
}

/// Whether a number of colours can be chosen in `mode`; whoever watches may then, for themselves.
#[must_use]
pub const fn may_choose_colours(mode: DisplayMode) -> bool {
    matches!(mode, DisplayMode::Sampling)
}

/// Whether input that arrives now may reach the customer's computer. Everything else is discarded
/// at the customer's side, whatever the representative's program believes. Control that a person at the shared computer has
/// `taken_back` by a click is nobody's until the controller has clicked in the share window again.
/// While anybody annotates nobody operates (RULE-18, ANN-10).
#[must_use]
pub const fn may_operate(
    connected: bool,
    sharing: Option<Activity>,
    taken_back: bool,
    annotated: bool,
) -> bool {
    connected && matches!(sharing, Some(Activity::Control)) && !taken_back && !annotated
}

/// Whether annotation mode can be entered: over what is being shared (ANN-01, ANN-03).
#[must_use]
pub const fn may_annotate(sharing: Option<Activity>) -> bool {
    sharing.is_some()
}

/// What somebody may do on the layer over a share: whoever shares and the primary representative erase
/// everything, everybody else their own.
#[must_use]
pub const fn annotation_rights(watcher: Watcher, shares: bool) -> Rights {
    Rights { erase_any: shares || matches!(watcher, Watcher::Primary) }
}

/// Whether a session can still be rejoined at `now_us` when the connection was lost at `lost_us`.
#[must_use]
pub const fn within_grace(lost_us: u64, now_us: u64) -> bool {
    now_us.saturating_sub(lost_us) < GRACE_US
}
