//! What the participants' programs say to each other: one JSON object a message.
//!
//! A message is at most [`MAX_MESSAGE_BYTES`] long, unknown fields are ignored, and an unknown kind
//! becomes [`Message::Unknown`], which is answered with [`Message::NotUnderstood`]. Texts are
//! cleaned where they are received, by [`Message::clean`]: no rule and no program sees a peer's
//! text as it came. Pixels, input and file bytes never travel here.

use serde::{Deserialize, Serialize};
use tessera_transport::Fingerprint;
use tessera_transport::pairing::Ticket;

use super::display::{ColourCount, DisplayMode};
use super::roster::{Head, SignedEntry};
use super::text::plain_text;
use crate::annotate::Op;
use crate::chat;
use crate::csr::EndReason;

/// Version of this protocol. Peers of different versions part with a message that says so.
pub const VERSION: u32 = 2;

/// Longest message in bytes, as received.
pub const MAX_MESSAGE_BYTES: usize = 8 * 1024;

/// Longest name of a participant, in characters.
pub const MAX_NAME_CHARS: usize = 64;

/// Longest text of a request, in characters.
pub const MAX_TEXT_CHARS: usize = 512;

/// What a request asks the customer to allow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Activity {
    /// To see the customer's desktop.
    View,
    /// To see and operate the customer's desktop.
    Control,
}

impl std::fmt::Display for Activity {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(match self {
            Self::View => "view the desktop",
            Self::Control => "view and control the desktop",
        })
    }
}

/// A message between the customer's and the representative's program.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Message {
    /// First message of each side on a new connection.
    Hello {
        /// [`VERSION`] of the sender.
        version: u32,
        /// Name of the person.
        name: String,
    },
    /// Primary representative to everybody else, after the greeting and with every change: who is in.
    Roster(SignedEntry),
    /// Answer to [`Message::Roster`], so that both can tell that they have the same one.
    RosterSeen(Head),
    /// Primary representative to a participant, on each connection: with this you may come back.
    Ticket {
        /// Good once.
        ticket: Ticket,
    },
    /// Answer to [`Message::Ticket`]: it is kept, and the one before is worth nothing any more.
    TicketKept,
    /// Representative to customer: may I?
    Request {
        /// Chosen by the representative's program, increasing; names the request in the answer.
        id: u32,
        /// What is asked for.
        activity: Activity,
        /// The text that the customer is shown.
        text: String,
    },
    /// Customer to representative: the request is on the screen.
    RequestReceived {
        /// The request.
        id: u32,
    },
    /// Customer to representative.
    Answer {
        /// The request.
        id: u32,
        /// Whether the customer agreed.
        granted: bool,
    },
    /// Customer to representative: pictures follow, and whether input is carried out.
    ShareStarted {
        /// Whether input is carried out.
        control: bool,
        /// The first update of the connection that belongs to this share; what came before is of
        /// an earlier one.
        first_update: u64,
    },
    /// Customer to representative, during a share.
    ControlChanged {
        /// Whether input is carried out from now on.
        allowed: bool,
    },
    /// The one who shares to whoever controls: a person at the shared computer has taken control back by
    /// a click. No input is carried out until control is taken again.
    ControlPaused {
        /// Counts these; [`Message::TakeControl`] names the latest.
        turn: u32,
    },
    /// Whoever controls to the one who shares: the person has clicked in the share window.
    TakeControl {
        /// That of the latest [`Message::ControlPaused`]; anything else comes too late.
        turn: u32,
    },
    /// Answer to [`Message::TakeControl`]: input is carried out again.
    ControlResumed,
    /// Customer to representative: no pictures follow.
    ShareEnded {
        /// Why.
        reason: EndReason,
    },
    /// Primary representative to the one who shares: the session's display mode from now on.
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
    /// Representative to customer: I have seen enough.
    StopShare,
    /// Customer to representative: goodbye; the session goes on without me.
    Leave,
    /// Representative to customer: the session is over.
    End,
    /// Answer to a message that the receiver does not know or that makes no sense now.
    NotUnderstood,
    /// A kind that this version does not know.
    #[serde(other)]
    Unknown,
}

impl Message {
    /// Makes every text of the message safe to show.
    #[must_use]
    pub fn clean(self) -> Self {
        match self {
            Self::Hello { version, name } => {
                Self::Hello { version, name: plain_text(&name, MAX_NAME_CHARS) }
            }
            Self::Request { id, activity, text } => {
                Self::Request { id, activity, text: plain_text(&text, MAX_TEXT_CHARS) }
            }
            Self::Mark { mark } => Self::Mark { mark: mark.clean() },
            Self::Marked { by, mark } => Self::Marked { by, mark: mark.clean() },
            Self::Chat { to_all, text } => Self::Chat { to_all, text: chat::clean(&text) },
            other => other,
        }
    }
}
