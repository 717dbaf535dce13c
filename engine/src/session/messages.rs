//! What the participants' programs say to each other: one JSON object a message.
//!
//! A message is at most [`MAX_MESSAGE_BYTES`] long, unknown fields are ignored, and an unknown kind
//! becomes [`Message::Unknown`], which is answered with [`Message::NotUnderstood`]. Texts are
//! cleaned where they are received, by [`Message::clean`]: no rule and no program sees a peer's
//! text as it came. Pixels, input and file bytes never travel here.

use serde::{Deserialize, Serialize};
use tessera_transport::Fingerprint;
use tessera_transport::pairing::Ticket;

use super::activity::Activity;
use super::display::{ColourCount, DisplayMode};
use super::log::{Countersignature, SignedRecord};
use super::roster::{Acceptance, Head, SignedEntry};
use super::rules::voice;
use super::share::{Control, EndReason, ShareTarget};
use super::text::plain_text;
use crate::annotate::Op;
use crate::chat;

/// Version of this protocol. Peers of different versions part with a message that says so.
pub const VERSION: u32 = 3;

/// Longest message in bytes, as received.
pub const MAX_MESSAGE_BYTES: usize = 16 * 1024;

/// Longest name of a participant, in characters.
pub const MAX_NAME_CHARS: usize = 64;

/// Longest text of a request, in characters.
pub const MAX_TEXT_CHARS: usize = 512;

/// Participants that may draw on one share at a time: all that a session may have.
pub const MAX_ANNOTATORS: usize = super::roster::MAX_MEMBERS;

/// Whether a session is recorded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Recording {
    /// It is not.
    #[default]
    Off,
    /// It is.
    On,
    /// It was, and will be again.
    Paused,
}

/// A voice call that goes on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Call {
    /// Who started it.
    pub starter: Fingerprint,
    /// Who takes part.
    pub members: Vec<Fingerprint>,
    /// Who of them may speak.
    pub speakers: Vec<Fingerprint>,
}

impl Call {
    /// Whether it keeps the limits: two speakers (RULE-20), both of them in it, nobody more than a session has.
    #[must_use]
    pub fn is_valid(&self) -> bool {
        self.speakers.len() <= voice::MAX_SPEAKERS
            && self.members.len() <= super::roster::MAX_MEMBERS
            && self.speakers.iter().all(|speaker| self.members.contains(speaker))
    }
}

/// A message between two participants' programs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Message {
    /// First message of each side on a new connection.
    Hello {
        /// [`VERSION`] of the sender.
        version: u32,
        /// Name of the person.
        name: String,
        /// Where the sender has got to in the roster.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        head: Option<Head>,
    },
    /// Who is in. From the primary to everybody else, after the greeting and with every change; who holds control anew is
    /// passed on by everybody.
    Roster(SignedEntry),
    /// Where the sender has got to in the roster, so that all can tell that they have the same one. To everybody, with
    /// every change.
    RosterSeen(Head),
    /// Primary to an assistant: control of the session would pass by this entry.
    OfferControl {
        /// Text of the entry, as it would be signed.
        entry: String,
    },
    /// Answer to [`Message::OfferControl`].
    AcceptControl(Acceptance),
    /// Primary to a participant, on each connection: with this you may come back.
    Ticket {
        /// Good once.
        ticket: Ticket,
    },
    /// Answer to [`Message::Ticket`]: it is kept, and the one before is worth nothing any more.
    TicketKept,
    /// Primary to everybody: this customer is helped now.
    Helping {
        /// Whom; nobody while no customer is in.
        customer: Option<Fingerprint>,
    },
    /// Primary to a customer: may I?
    Request {
        /// Chosen by the primary's program, increasing; names the request in the answer.
        id: u32,
        /// What is asked for.
        activity: Activity,
        /// The text that the customer is shown.
        text: String,
    },
    /// Customer to primary: the request is on the screen.
    RequestReceived {
        /// The request.
        id: u32,
    },
    /// Customer to primary.
    Answer {
        /// The request.
        id: u32,
        /// Whether the customer agreed.
        granted: bool,
    },
    /// Customer to a primary who has come, come back, or taken over: what was granted and goes on.
    Running {
        /// All of it.
        activities: Vec<Activity>,
    },
    /// An activity that was granted is over: by the customer, or by the primary who had asked for it.
    ActivityEnded {
        /// Which.
        activity: Activity,
    },
    /// Customer to primary: what happened, for the log of both.
    Log(SignedRecord),
    /// Answer to [`Message::Log`].
    LogSigned(Countersignature),
    /// Sharer to each viewer: pictures follow.
    ShareStarted {
        /// What is shown.
        target: ShareTarget,
        /// Whether it is operated.
        control: Control,
        /// How often control was taken back.
        turn: u32,
        /// Who may operate it.
        controller: Option<Fingerprint>,
        /// Who draws on it.
        annotators: Vec<Fingerprint>,
        /// The first update of the connection that belongs to this share; what came before is of
        /// an earlier one.
        first_update: u64,
    },
    /// Sharer to each viewer: the pictures show something else from now on.
    TargetChanged {
        /// What.
        target: ShareTarget,
    },
    /// Sharer to each viewer.
    ControlChanged {
        /// Whether it is operated from now on.
        control: Control,
        /// How often control was taken back.
        turn: u32,
        /// Who may operate it.
        controller: Option<Fingerprint>,
    },
    /// Controller to sharer: a click in the share window.
    TakeControl {
        /// The turn that the sharer told last.
        turn: u32,
    },
    /// Controller to sharer: I do not operate it any more for now.
    ReleaseControl,
    /// Sharer to each viewer: no pictures follow.
    ShareEnded {
        /// Why.
        reason: EndReason,
    },
    /// Primary to the one who shares: enough.
    StopShare,
    /// Primary to everybody: the session's display mode from now on.
    DisplayMode {
        /// The mode.
        mode: DisplayMode,
    },
    /// Viewer to the one who shares, in Screen sampling: the colours of this viewer's pictures.
    Colours {
        /// How many.
        colours: ColourCount,
    },
    /// Annotator to the one who shares: a change of what is drawn over the share, by the sender.
    Mark {
        /// The change.
        mark: Op,
    },
    /// The one who shares to everybody who sees it: such a change.
    Marked {
        /// Who made it.
        by: Fingerprint,
        /// The change.
        mark: Op,
    },
    /// Annotator to the one who shares: annotation mode is wanted, or left.
    Annotate {
        /// Whether it is wanted.
        on: bool,
    },
    /// The one who shares to everybody who sees it: who is in annotation mode.
    Annotating {
        /// Their keys.
        annotators: Vec<Fingerprint>,
    },
    /// To each recipient: words.
    Chat {
        /// Whether everybody in the session has them, or the receiver alone.
        to_all: bool,
        /// The words; at most [`crate::chat::MAX_CHARS`] characters are kept.
        text: String,
    },
    /// Primary to everybody: whether the session is recorded.
    Recording {
        /// Whether it is.
        state: Recording,
    },
    /// Primary to everybody: the voice call as it is now.
    Voice {
        /// Nothing when there is none.
        call: Option<Call>,
    },
    /// To the primary: into the call or out of it.
    JoinVoice {
        /// Into it.
        join: bool,
    },
    /// Sender to everybody: my camera's pictures follow, or do not.
    Video {
        /// Whether they do.
        on: bool,
    },
    /// Primary to the primary customer: please show yourself.
    AskVideo,
    /// Goodbye; the session goes on without me.
    Leave,
    /// Primary to everybody: the session is over.
    End,
    /// Answer to a message that the receiver does not know or that makes no sense now.
    NotUnderstood,
    /// A kind that this version does not know.
    #[serde(other)]
    Unknown,
}

impl Message {
    /// Makes every text of the message safe to show. Lists above their limits make it unknown.
    #[must_use]
    pub fn clean(self) -> Self {
        match self {
            Self::Hello { version, name, head } => {
                Self::Hello { version, name: plain_text(&name, MAX_NAME_CHARS), head }
            }
            Self::Running { ref activities } if activities.len() > Activity::ALL.len() => {
                Self::Unknown
            }
            Self::Request { id, activity, text } => {
                Self::Request { id, activity, text: plain_text(&text, MAX_TEXT_CHARS) }
            }
            Self::Mark { mark } => Self::Mark { mark: mark.clean() },
            Self::Marked { by, mark } => Self::Marked { by, mark: mark.clean() },
            Self::Chat { to_all, text } => Self::Chat { to_all, text: chat::clean(&text) },
            Self::ShareStarted { ref target, ref annotators, .. }
                if !target.is_valid() || annotators.len() > MAX_ANNOTATORS =>
            {
                Self::Unknown
            }
            Self::ShareStarted { target, control, turn, controller, annotators, first_update } => {
                let target = target.clean();
                Self::ShareStarted { target, control, turn, controller, annotators, first_update }
            }
            Self::TargetChanged { target } if target.is_valid() => {
                Self::TargetChanged { target: target.clean() }
            }
            Self::TargetChanged { .. } => Self::Unknown,
            Self::Annotating { ref annotators } if annotators.len() > MAX_ANNOTATORS => {
                Self::Unknown
            }
            Self::Voice { call: Some(call) } if !call.is_valid() => Self::Unknown,
            other => other,
        }
    }
}
