//! Pairing over a link: the joiner knocks with [`join`], the primary CSR's [`Door`] admits.
//!
//! This is the only place of pairing with a clock, randomness and a network; it drives the pure parts beside it.

use crate::control::{ControlReceiver, ControlSender};
use crate::endpoint::Protocol;
use crate::error::{CloseReason, LinkError, Violation};
use crate::link::Link;
use crate::pairing::code::{Code, NoRandomness, Number, Secret};
use crate::pairing::keeper::{Attempt, Guess, SecretKeeper, Verdict};
use crate::pairing::message::{MAX_PAIRING_BYTES, Message, Refusal};
use crate::pairing::pake::{Binding, Role, Run};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

/// Time for the peer's next message.
const STEP: Duration = Duration::from_secs(10);
/// How often a joiner tries again when it is told to wait.
const MAX_STARTS: u32 = 8;
/// The longest wait that a joiner accepts from its peer.
const LONGEST_WAIT: Duration = Duration::from_secs(15);
/// A refused joiner has this long to read why before the link is closed.
const REFUSAL_DELIVERY: Duration = Duration::from_secs(2);

/// A joiner was not admitted, or pairing broke off.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PairingError {
    /// The secret does not match.
    #[error(
        "this code is not right: compare it with the one that the support representative sees and type it again"
    )]
    WrongCode,
    /// The secret does not match; it was renewed since the session began.
    #[error("this code is no longer valid; ask for the new one")]
    Renewed,
    /// The session has another number.
    #[error("the session there has another number: ask for the code again")]
    OtherNumber,
    /// Too many wrong codes were tried lately.
    #[error("too many codes were tried: wait {} seconds, then try again", wait.as_secs().max(1))]
    TooFast {
        /// How long to wait.
        wait: Duration,
    },
    /// The other side does not know the secret: it is not whom the code was received from.
    #[error(
        "the other side does not know this code: somebody else may be in between; end the call and ask for a new code through another channel"
    )]
    NotGenuine,
    /// No answer in time.
    #[error("the other side did not answer while the code was checked: try again")]
    TimedOut,
    /// The connection ended or the peer broke a rule.
    #[error("the code could not be checked: {0}")]
    Link(#[from] LinkError),
}

impl From<Refusal> for PairingError {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::WrongCode => Self::WrongCode,
            Refusal::Renewed => Self::Renewed,
            Refusal::OtherNumber => Self::OtherNumber,
            Refusal::TooFast { wait_ms } => {
                Self::TooFast { wait: Duration::from_millis(wait_ms.into()).min(LONGEST_WAIT) }
            }
        }
    }
}

/// Proves to the primary CSR at the other end of `link`, and has it proved, that both know `code`. Must be the first
/// exchange on the control stream. When told to wait, waits and tries again.
pub async fn join(
    link: &Link,
    send: &mut ControlSender,
    receive: &mut ControlReceiver,
    code: &Code,
) -> Result<(), PairingError> {
    let binding = binding(link, code.number, Role::Joiner)?;
    let mut starts = 0;
    loop {
        starts += 1;
        match attempt(send, receive, code, binding.clone()).await {
            Err(PairingError::TooFast { wait }) if starts < MAX_STARTS => sleep(wait).await,
            result => return result,
        }
    }
}

async fn attempt(
    send: &mut ControlSender,
    receive: &mut ControlReceiver,
    code: &Code,
    binding: Binding,
) -> Result<(), PairingError> {
    let run = Run::start(Role::Joiner, &code.secret, binding);
    say(send, &Message::Start { number: code.number, share: run.share() }).await?;
    let confirmation = match hear(receive).await? {
        Message::Share(share) => run.finish(&share).map_err(|_| broken(receive))?,
        Message::Refused(refusal) => return Err(refusal.into()),
        _ => return Err(broken(receive).into()),
    };
    say(send, &Message::Confirmation(confirmation.own())).await?;
    match hear(receive).await? {
        Message::Admission(tag) if confirmation.is_confirmed_by(&tag) => Ok(()),
        Message::Admission(_) => Err(PairingError::NotGenuine),
        Message::Refused(refusal) => Err(refusal.into()),
        _ => Err(broken(receive).into()),
    }
}

/// The primary CSR's side: keeps the secret of one session and admits those who know it. Cheap to clone; all clones are
/// the same door.
#[derive(Debug, Clone)]
pub struct Door {
    number: Number,
    keeper: Arc<Mutex<SecretKeeper>>,
    generation: watch::Sender<u64>,
    opened: Instant,
}

impl Door {
    /// A door with a new secret for session `number`.
    pub fn new(number: Number) -> Result<Self, NoRandomness> {
        let keeper = Arc::new(Mutex::new(SecretKeeper::new(Secret::generate()?)));
        Ok(Self { number, keeper, generation: watch::Sender::new(0), opened: Instant::now() })
    }

    /// The code to read out.
    pub fn code(&self) -> Code {
        Code { number: self.number, secret: self.keeper().secret().clone() }
    }

    /// Makes the old code void and a new one.
    pub fn renew(&self) -> Result<(), NoRandomness> {
        let secret = Secret::generate()?;
        let mut keeper = self.keeper();
        keeper.renew(secret);
        self.generation.send_replace(keeper.generation());
        Ok(())
    }

    /// Tells of each renewal, also of those that follow from too many wrong guesses: then [`Door::code`] is new.
    pub fn renewals(&self) -> watch::Receiver<u64> {
        self.generation.subscribe()
    }

    /// Has the peer of `link` prove that it knows the code. Must be the first exchange on the control stream; nothing
    /// but pairing is parsed meanwhile. A peer that is not admitted is told why and disconnected.
    pub async fn admit(
        &self,
        link: &Link,
        send: &mut ControlSender,
        receive: &mut ControlReceiver,
    ) -> Result<(), PairingError> {
        let result = self.examine(link, send, receive).await;
        if let Err(error) = &result {
            tracing::info!(peer = %link.peer(), address = %link.remote_address(), reason = ?error, "joiner not admitted");
            // The joiner closes when it has read why; one that does not is closed.
            let _ = timeout(REFUSAL_DELIVERY, link.closed()).await;
            link.close(&CloseReason::NotAdmitted(error.to_string()));
        }
        result
    }

    async fn examine(
        &self,
        link: &Link,
        send: &mut ControlSender,
        receive: &mut ControlReceiver,
    ) -> Result<(), PairingError> {
        let binding = binding(link, self.number, Role::Primary)?;
        for _ in 0..MAX_STARTS {
            // A joiner that was told to wait comes back after that time.
            let start = timeout(LONGEST_WAIT, hear(receive)).await;
            let Message::Start { number, share } = start.map_err(|_| PairingError::TimedOut)??
            else {
                return Err(broken(receive).into());
            };
            if number != self.number {
                return refuse(send, Refusal::OtherNumber).await;
            }
            let begun = self.keeper().begin(self.now_us());
            let pending = match begun {
                Ok(attempt) => Pending { door: self, attempt: Some(attempt) },
                Err(refusal @ Refusal::TooFast { .. }) => {
                    say(send, &Message::Refused(refusal)).await?;
                    continue;
                }
                Err(refusal) => return refuse(send, refusal).await,
            };
            let secret = self.keeper().secret().clone();
            let run = Run::start(Role::Primary, &secret, binding.clone());
            let own_share = run.share();
            let confirmation = run.finish(&share).map_err(|_| broken(receive))?;
            say(send, &Message::Share(own_share)).await?;
            let Message::Confirmation(tag) = hear(receive).await? else {
                return Err(broken(receive).into());
            };
            let guess =
                if confirmation.is_confirmed_by(&tag) { Guess::Right } else { Guess::Wrong };
            return match pending.resolve(guess) {
                Verdict::Admitted => {
                    say(send, &Message::Admission(confirmation.own())).await?;
                    Ok(())
                }
                Verdict::Refused(refusal) | Verdict::Voided(refusal) => refuse(send, refusal).await,
            };
        }
        Err(PairingError::TooFast { wait: LONGEST_WAIT })
    }

    fn resolve(&self, attempt: Attempt, guess: Guess) -> Verdict {
        let verdict = self.keeper().resolve(attempt, guess, self.now_us());
        if matches!(verdict, Verdict::Voided(_)) {
            match self.renew() {
                Ok(()) => tracing::warn!("too many wrong codes: the secret was renewed"),
                Err(error) => tracing::error!(%error, "the code is void and could not be renewed"),
            }
        }
        verdict
    }

    fn keeper(&self) -> MutexGuard<'_, SecretKeeper> {
        self.keeper.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now_us(&self) -> u64 {
        u64::try_from(self.opened.elapsed().as_micros()).unwrap_or(u64::MAX)
    }
}

/// A run under way; one that is dropped was abandoned.
struct Pending<'a> {
    door: &'a Door,
    attempt: Option<Attempt>,
}

impl Pending<'_> {
    fn resolve(mut self, guess: Guess) -> Verdict {
        match self.attempt.take() {
            Some(attempt) => self.door.resolve(attempt, guess),
            None => Verdict::Refused(Refusal::WrongCode),
        }
    }
}

impl Drop for Pending<'_> {
    fn drop(&mut self) {
        if let Some(attempt) = self.attempt.take() {
            self.door.resolve(attempt, Guess::Abandoned);
        }
    }
}

fn binding(link: &Link, number: Number, role: Role) -> Result<Binding, LinkError> {
    let (joiner, primary) = match role {
        Role::Joiner => (link.own(), link.peer()),
        Role::Primary => (link.peer(), link.own()),
    };
    let exporter = link.exporter(b"tessera pairing")?;
    Ok(Binding { number, joiner, primary, protocol: Protocol::SESSION, exporter })
}

async fn say(send: &mut ControlSender, message: &Message) -> Result<(), LinkError> {
    send.send(message.to_bytes()).await
}

async fn hear(receive: &mut ControlReceiver) -> Result<Message, PairingError> {
    let bytes = timeout(STEP, receive.next_within(MAX_PAIRING_BYTES))
        .await
        .map_err(|_| PairingError::TimedOut)??;
    let bytes = bytes.ok_or_else(|| receive.violated(Violation::Truncated("pairing")))?;
    Ok(Message::parse(bytes).map_err(|violation| receive.violated(violation))?)
}

fn broken(receive: &ControlReceiver) -> LinkError {
    receive.violated(Violation::BadValue("pairing"))
}

async fn refuse(send: &mut ControlSender, refusal: Refusal) -> Result<(), PairingError> {
    say(send, &Message::Refused(refusal)).await?;
    Err(refusal.into())
}
