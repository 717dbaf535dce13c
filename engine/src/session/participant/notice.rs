//! What the machine asks of its driver, and what it tells the program.

use tessera_transport::Fingerprint;
use tessera_transport::pairing::Ticket;

use crate::annotate::{Op, Rights};
use crate::session::activity::{Activity, Right};
use crate::session::display::Display;
use crate::session::log::Line;
use crate::session::messages::{Call, Message, Recording};
use crate::session::roster::{Head, Role, RosterError};
use crate::session::rules::transfer::Destination;
use crate::session::share::{Control, EndReason, ShareTarget};

/// What the driver has to do, in this order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Send a message to a participant's program.
    Send {
        /// To whom.
        to: Fingerprint,
        /// What.
        message: Message,
    },
    /// Send pictures to a viewer from the next update on, and [`Message::ShareStarted`] with its number, of
    /// [`super::Participant::share_started`].
    ShowTo {
        /// To whom.
        viewer: Fingerprint,
    },
    /// Send this viewer no more pictures.
    HideFrom {
        /// Whom.
        viewer: Fingerprint,
    },
    /// Capture this from now on.
    StartSharing {
        /// What.
        target: ShareTarget,
    },
    /// Capture this instead.
    ChangeTarget {
        /// What.
        target: ShareTarget,
    },
    /// Stop capturing at once.
    StopSharing,
    /// Whose input is injected from now on; nobody's also releases every pressed key.
    AllowInput {
        /// Whose.
        from: Option<Fingerprint>,
    },
    /// What a viewer's pictures look like from the next update on.
    SetDisplay {
        /// Whose.
        viewer: Fingerprint,
        /// How.
        display: Display,
    },
    /// Hand a view to the program, of the pictures from this update on.
    StartViewing {
        /// Who shares.
        sharer: Fingerprint,
        /// Number of the update.
        first_update: u64,
    },
    /// Expect no more pictures.
    StopViewing {
        /// Of whom.
        sharer: Fingerprint,
    },
    /// Make a ticket and hand it in with [`super::Participant::give_ticket`].
    MakeTicket {
        /// For whom.
        to: Fingerprint,
    },
    /// Keep the ticket in place of the one before, and say so with [`super::Participant::ticket_kept`].
    KeepTicket(Ticket),
    /// Connect to a participant's program, again or for the first time.
    Connect {
        /// Whose.
        to: Fingerprint,
    },
    /// Close the connection.
    Disconnect {
        /// To whom.
        from: Fingerprint,
    },
    /// Close the connection when the peer has read what was sent.
    Part {
        /// From whom.
        from: Fingerprint,
    },
    /// Let strangers in by a code of this program's.
    OpenDoor,
    /// Let nobody in any more: the codes are another's now.
    CloseDoor,
    /// A customer has gone: from now on they come as a stranger.
    RenewCode,
    /// Close the session at the center.
    CloseSession,
    /// Offer the session at the center (ASST-14).
    Offer(Offer),
    /// Write this to the log of consent with a customer.
    Log {
        /// The customer, who may be this participant.
        customer: Fingerprint,
        /// What.
        line: Line,
    },
    /// Change what is drawn over a share.
    Annotate {
        /// Whose share.
        sharer: Fingerprint,
        /// Who draws.
        by: Fingerprint,
        /// What.
        mark: Op,
        /// What they may do beyond drawing and erasing their own.
        rights: Rights,
    },
    /// Tell a viewer, who has just come, all that is drawn over the own share, as [`Message::Marked`].
    TellLayer {
        /// Whom.
        to: Fingerprint,
    },
    /// Take everything off a layer, whose share has ended.
    ClearLayer {
        /// Whose share.
        sharer: Fingerprint,
    },
    /// Log the customer back on to their own account (LOGON-06).
    LogCustomerBackOn,
    /// Tell the program.
    Tell(Notice),
}

/// A session that is given away.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    /// Where to.
    pub destination: Destination,
    /// The private message.
    pub text: String,
    /// The entry of the roster in which nobody holds control.
    pub head: Option<Head>,
}

/// What the program is told.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(
    missing_docs,
    reason = "`peer`, `customer` and `sharer` are participants by their keys, `on` whether it is so now"
)]
pub enum Notice {
    /// Both sides have greeted each other.
    Joined { peer: Fingerprint, role: Role, name: String, again: bool },
    /// Nothing is heard from a program for now, or something is again.
    Silent { peer: Fingerprint, silent: bool },
    /// The connection was lost; the participant may come back.
    Lost { peer: Fingerprint },
    /// Somebody has left, or did not come back in time.
    Left { peer: Fingerprint, name: String },
    /// Another customer has joined (RULE-36).
    CustomerAdded { customer: Fingerprint },
    /// Somebody came back with a ticket that was used before, and was not let in.
    TicketCopied { peer: Fingerprint },
    /// A participant was shown another list of participants than this program; they are disconnected.
    RosterDiffers { peer: Fingerprint },
    /// The list of participants cannot be trusted, or this program is no longer on it.
    RosterRefused(RosterError),
    /// Who holds control of the session; nobody while it waits for the next representative.
    ControlOfSession { holder: Option<Fingerprint> },
    /// Control was not passed: the assistant's program did not accept it, or somebody came or went.
    NotPassed,
    /// Who is helped.
    Helping { customer: Option<Fingerprint> },
    /// The customer's program shows the request.
    RequestReceived { activity: Activity },
    /// The customer's answer.
    Answered { activity: Activity, granted: bool },
    /// A request to show.
    Asked { id: u32, activity: Activity, text: String },
    /// A request that is no longer of interest.
    Withdrawn { id: u32 },
    /// Everything that was allowed has lapsed.
    GrantLapsed,
    /// An activity that was granted is over.
    ActivityEnded { customer: Fingerprint, activity: Activity },
    /// Choose what to share.
    Pick { right: Right },
    /// Sharing has started (no reason) or ended here.
    Sharing { on: bool, reason: Option<EndReason> },
    /// Whether what this program shares is operated.
    Controlled { control: Control, by: Option<Fingerprint> },
    /// Somebody's share has begun to be seen, or is seen no more.
    Watching { sharer: Fingerprint, reason: Option<EndReason> },
    /// What somebody shares has changed.
    TargetChanged { sharer: Fingerprint, target: ShareTarget },
    /// Whether what somebody shares is operated, and whether it is for this participant to operate.
    ControlChanged { sharer: Fingerprint, control: Control, own: bool },
    /// Pictures look otherwise to this viewer from now on.
    DisplayChanged { viewer: Fingerprint, display: Display },
    /// Who draws on a share.
    Annotating { sharer: Fingerprint, annotators: Vec<Fingerprint> },
    /// Somebody said something.
    Chat { from: Fingerprint, to_all: bool, text: String },
    /// The chat so far is over.
    ChatEnded,
    /// Whether the session is recorded.
    Recording(Recording),
    /// The voice call as it is now.
    Voice(Option<Call>),
    /// Somebody's camera.
    Video { sender: Fingerprint, on: bool },
    /// The representative asks for this side's camera.
    VideoAsked,
    /// Read the notes once more before they are stored (NOTE-04).
    ReviewNotes,
    /// The session was given away, and this program has left it.
    Transferred,
    /// The session is over for this participant.
    Ended { by_holder: bool },
    /// The peer speaks another version.
    VersionMismatch { theirs: u32 },
    /// Nobody came back, or came, in time.
    GivenUp,
}
