//! Counts wrong guesses, slows them down, and voids a secret that was guessed at too often.
//!
//! A pure state machine: time and new secrets are arguments. A guess is only counted when a joiner's confirmation is
//! wrong: someone who leaves before confirming has learned nothing.

use crate::pairing::code::Secret;
use crate::pairing::message::Refusal;
use std::fmt;

/// Wrong guesses after which a secret is void. With 26.5 bits, the chance that one of 16 guesses hits is 1.6e-7.
pub const MAX_WRONG_GUESSES: u32 = 16;
/// Runs that may be under way at a time; each can turn into a wrong guess.
const MAX_PENDING: u32 = 4;
/// Wrong guesses that are not slowed down: people mistype.
const FREE_GUESSES: u32 = 3;
/// The first delay; it doubles with each further wrong guess.
const FIRST_DELAY_US: u64 = 500_000;
/// The longest delay, short enough that a customer can still join while somebody else guesses.
const LONGEST_DELAY_US: u64 = 10_000_000;
/// What a joiner waits while too many runs are under way.
const PENDING_DELAY_US: u64 = 500_000;

/// A run that was let through; to be given back to [`SecretKeeper::resolve`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attempt {
    generation: u64,
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Guess {
    /// The joiner knew the secret.
    Right,
    /// The joiner did not know it.
    Wrong,
    /// The joiner left, or did not answer in time.
    Abandoned,
}

/// What follows from a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The joiner is admitted.
    Admitted,
    /// The joiner is told this.
    Refused(Refusal),
    /// As `Refused`, and the secret is now void: [`SecretKeeper::renew`] is due at once.
    Voided(Refusal),
}

/// Keeps the secret of one session.
pub struct SecretKeeper {
    secret: Secret,
    generation: u64,
    /// Of this secret.
    wrong: u32,
    /// In a row, over all secrets: a renewal must not speed guessing up.
    wrong_in_a_row: u32,
    pending: u32,
    not_before_us: u64,
}

impl fmt::Debug for SecretKeeper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SecretKeeper")
            .field("generation", &self.generation)
            .field("wrong", &self.wrong)
            .field("pending", &self.pending)
            .finish_non_exhaustive()
    }
}

impl SecretKeeper {
    /// Keeps `secret`.
    pub fn new(secret: Secret) -> Self {
        Self { secret, generation: 0, wrong: 0, wrong_in_a_row: 0, pending: 0, not_before_us: 0 }
    }

    /// The secret to show.
    pub fn secret(&self) -> &Secret {
        &self.secret
    }

    /// How often the secret has been renewed.
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// Whether the secret admits nobody any more, until it is renewed.
    pub fn is_void(&self) -> bool {
        self.wrong >= MAX_WRONG_GUESSES
    }

    /// Lets a joiner try, or says what it is told instead.
    pub fn begin(&mut self, now_us: u64) -> Result<Attempt, Refusal> {
        if self.is_void() {
            return Err(Refusal::Renewed);
        }
        let too_fast = |wait_us: u64| {
            let wait_ms = u32::try_from(wait_us.div_ceil(1000)).unwrap_or(u32::MAX);
            Err(Refusal::TooFast { wait_ms })
        };
        if now_us < self.not_before_us {
            return too_fast(self.not_before_us - now_us);
        }
        if self.pending >= MAX_PENDING || self.wrong + self.pending >= MAX_WRONG_GUESSES {
            return too_fast(PENDING_DELAY_US);
        }
        self.pending += 1;
        Ok(Attempt { generation: self.generation })
    }

    /// Takes the end of a run.
    pub fn resolve(&mut self, attempt: Attempt, guess: Guess, now_us: u64) -> Verdict {
        if attempt.generation != self.generation {
            // The secret was renewed meanwhile; what was guessed at is worth nothing any more.
            return Verdict::Refused(Refusal::Renewed);
        }
        self.pending = self.pending.saturating_sub(1);
        let refusal = if self.generation > 0 { Refusal::Renewed } else { Refusal::WrongCode };
        match guess {
            Guess::Right => {
                self.wrong_in_a_row = 0;
                Verdict::Admitted
            }
            Guess::Abandoned => Verdict::Refused(refusal),
            Guess::Wrong => {
                self.wrong += 1;
                self.wrong_in_a_row = self.wrong_in_a_row.saturating_add(1);
                if let Some(doublings) = self.wrong_in_a_row.checked_sub(FREE_GUESSES + 1) {
                    let delay_us = (FIRST_DELAY_US << doublings.min(16)).min(LONGEST_DELAY_US);
                    self.not_before_us = now_us.saturating_add(delay_us);
                }
                if self.is_void() { Verdict::Voided(refusal) } else { Verdict::Refused(refusal) }
            }
        }
    }

    /// Replaces the secret; runs under way are void with the old one.
    pub fn renew(&mut self, secret: Secret) {
        self.secret = secret;
        self.generation += 1;
        self.wrong = 0;
        self.pending = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret() -> Secret {
        Secret::generate().expect("random")
    }

    #[test]
    fn sixteen_wrong_guesses_void_the_secret_and_the_next_one_serves_at_once() {
        let mut keeper = SecretKeeper::new(secret());
        let (mut now_us, mut delays_us) = (0, Vec::new());
        for guess in 1..=MAX_WRONG_GUESSES {
            if let Err(Refusal::TooFast { wait_ms }) = keeper.begin(now_us) {
                delays_us.push(u64::from(wait_ms) * 1000);
                now_us += u64::from(wait_ms) * 1000;
            } else {
                // `begin` was a probe of the delay; give its attempt back.
                keeper.resolve(Attempt { generation: 0 }, Guess::Abandoned, now_us);
            }
            let attempt = keeper.begin(now_us).expect("due");
            let verdict = keeper.resolve(attempt, Guess::Wrong, now_us);
            let expected = if guess < MAX_WRONG_GUESSES {
                Verdict::Refused(Refusal::WrongCode)
            } else {
                Verdict::Voided(Refusal::WrongCode)
            };
            assert_eq!(verdict, expected, "guess {guess}");
        }
        assert_eq!(delays_us.len(), (MAX_WRONG_GUESSES - FREE_GUESSES - 1) as usize);
        assert!(delays_us.is_sorted() && delays_us[0] == FIRST_DELAY_US);
        assert_eq!(keeper.begin(now_us + LONGEST_DELAY_US), Err(Refusal::Renewed));
        keeper.renew(secret());
        assert!(!keeper.is_void());
        let attempt = keeper.begin(now_us + LONGEST_DELAY_US).expect("serves");
        assert_eq!(keeper.resolve(attempt, Guess::Right, now_us), Verdict::Admitted);
    }

    #[test]
    fn ten_thousand_wrong_guesses_never_meet_a_secret_twice_and_are_slow() {
        let mut keeper = SecretKeeper::new(secret());
        let (mut now_us, mut against_this_one, mut renewals) = (0, 0, 0_u64);
        for _ in 0..10_000 {
            let attempt = match keeper.begin(now_us) {
                Ok(attempt) => attempt,
                Err(Refusal::TooFast { wait_ms }) => {
                    now_us += u64::from(wait_ms) * 1000;
                    keeper.begin(now_us).expect("the wait is over")
                }
                Err(other) => panic!("{other:?}"),
            };
            against_this_one += 1;
            if let Verdict::Voided(_) = keeper.resolve(attempt, Guess::Wrong, now_us) {
                assert_eq!(against_this_one, MAX_WRONG_GUESSES);
                keeper.renew(secret());
                (against_this_one, renewals) = (0, renewals + 1);
            }
        }
        assert_eq!(renewals, 10_000 / u64::from(MAX_WRONG_GUESSES));
        assert!(now_us > 9_900 * LONGEST_DELAY_US, "a renewal does not speed guessing up");
        // Whoever is told the newest code still gets in after one wait.
        let attempt = keeper.begin(now_us + LONGEST_DELAY_US).expect("due");
        assert_eq!(keeper.resolve(attempt, Guess::Right, now_us), Verdict::Admitted);
    }

    #[test]
    fn guesses_made_side_by_side_are_bounded_too() {
        let mut keeper = SecretKeeper::new(secret());
        let attempts: Vec<Attempt> = (0..100).filter_map(|_| keeper.begin(0).ok()).collect();
        assert_eq!(attempts.len(), MAX_PENDING as usize);
        for attempt in attempts {
            keeper.resolve(attempt, Guess::Abandoned, 0);
        }
        assert!(keeper.begin(0).is_ok(), "leaving is no guess");
    }

    #[test]
    fn a_run_with_the_old_secret_is_told_so_even_when_right() {
        let mut keeper = SecretKeeper::new(secret());
        let old = keeper.begin(0).expect("free");
        keeper.renew(secret());
        assert_eq!(keeper.resolve(old, Guess::Right, 0), Verdict::Refused(Refusal::Renewed));
        let wrong = keeper.begin(0).expect("free");
        assert_eq!(keeper.resolve(wrong, Guess::Wrong, 0), Verdict::Refused(Refusal::Renewed));
    }
}
