//! How long a session waits for somebody (SES-25, RULE-26).

/// Seconds within which a lost participant may rejoin without a new code (SES-25). A choice: long enough for a
/// changed network or a restarted program, short enough that nobody waits for somebody who has gone.
pub const GRACE_S: u64 = 300;

/// The same in microseconds.
pub const GRACE_US: u64 = GRACE_S * 1_000_000;

/// The same while a customer's computer restarts on request (BOOT-05, RULE-26): as long as architecture
/// gives a rejoin token.
pub const REBOOT_GRACE_US: u64 = 30 * 60 * 1_000_000;

/// Time that customers wait for another representative after the session was transferred (ASST-20). A choice.
pub const VACANCY_US: u64 = 30 * 60 * 1_000_000;

/// Pause before the first attempt to rejoin, doubled up to [`RETRY_MAX_US`] after each that failed.
pub const RETRY_MIN_US: u64 = 250_000;

/// Longest pause between two attempts to rejoin: the session is back within this time of the
/// network's return.
pub const RETRY_MAX_US: u64 = 1_000_000;

/// How long a participant who was lost is waited for; RULE-26: a restart does not lose the session.
#[must_use]
pub const fn grace_us(is_rebooting: bool) -> u64 {
    if is_rebooting { REBOOT_GRACE_US } else { GRACE_US }
}

/// Whether a session can still be rejoined at `now_us` when the connection was lost at `lost_us`. A clock that
/// jumped back counts as no time at all.
#[must_use]
pub const fn within_grace(lost_us: u64, now_us: u64, grace_us: u64) -> bool {
    now_us.saturating_sub(lost_us) < grace_us
}
