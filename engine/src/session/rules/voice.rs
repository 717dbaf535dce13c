//! The voice call (VOIP, RULE-20, RULE-21).

use crate::session::roster::Role;

/// Participants who can speak at the same time (VOIP-02, RULE-20).
pub const MAX_SPEAKERS: usize = 2;

/// Whether one starts, ends and moderates the call (VOIP-03, VOIP-04).
#[must_use]
pub const fn may_moderate(role: Role) -> bool {
    matches!(role, Role::Primary)
}

/// Whether one may join the call that is going on (VOIP-09).
#[must_use]
pub const fn may_join(has_voice: bool) -> bool {
    has_voice
}

/// Who speaks after the microphone was passed to `to` (VOIP-10, VOIP-17, RULE-20): the one who passes it keeps one, and
/// whoever had the other gives it up.
#[must_use]
pub fn pass_microphone<K: Copy + PartialEq>(speakers: &[K], passes: K, to: K) -> Vec<K> {
    if speakers.contains(&to) {
        return speakers.to_vec();
    }
    let mut after: Vec<K> = speakers.iter().copied().filter(|speaker| *speaker == passes).collect();
    after.push(to);
    after.truncate(MAX_SPEAKERS);
    after
}

/// Whether the call outlives that control passes (ASST-12, VOIP-15): if the new holder can take part.
#[must_use]
pub const fn outlives_passing(recipient_has_voice: bool) -> bool {
    recipient_has_voice
}

/// Whether the call outlives that the session is transferred (ASST-19, VOIP-16).
#[must_use]
pub const fn outlives_transfer(was_started_by_sender: bool) -> bool {
    !was_started_by_sender
}
