//! What a person, or the driver for one, asks of the machine, and why it may be refused.

use tessera_transport::Fingerprint;

use crate::annotate::Op;
use crate::session::activity::Activity;
use crate::session::display::{ColourCount, DisplayMode};
use crate::session::messages::Recording;
use crate::session::rules::transfer::Destination;
use crate::session::share::ShareTarget;

/// Something that a person wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Ask the customer who is helped.
    Request(Activity),
    /// Answer a question.
    Answer {
        /// Which.
        id: u32,
        /// Whether it is allowed.
        granted: bool,
        /// Whether everything is, for the rest of the session; counts only together with `granted`.
        all: bool,
    },
    /// Share this, after [`super::Notice::Pick`].
    Pick(ShareTarget),
    /// Share nothing after all.
    CancelPick,
    /// Share this instead of, or besides, what is shared.
    ChangeTarget(ShareTarget),
    /// End a share: the own one, or as the holder of control anybody's.
    StopShare {
        /// Whose.
        sharer: Fingerprint,
    },
    /// A click in the share window.
    TakeControl {
        /// Whose share.
        sharer: Fingerprint,
    },
    /// Do not operate it any more for now.
    ReleaseControl {
        /// Whose share.
        sharer: Fingerprint,
    },
    /// A click at this computer while it is shared.
    OwnClick,
    /// Take control back; the share goes on.
    WithdrawControl,
    /// Withdraw everything that was allowed.
    WithdrawAll,
    /// End an activity that was granted.
    EndActivity {
        /// At whose computer.
        customer: Fingerprint,
        /// Which.
        activity: Activity,
    },
    /// Choose the session's display mode.
    DisplayMode(DisplayMode),
    /// Choose how many colours one sees.
    Colours(ColourCount),
    /// Say something to one, or to all.
    Chat {
        /// To whom; to all if to nobody in particular.
        to: Option<Fingerprint>,
        /// What.
        text: String,
    },
    /// Begin or stop drawing on a share.
    Annotate {
        /// Whose share.
        sharer: Fingerprint,
        /// Which of the two.
        on: bool,
    },
    /// Draw on a share, or erase.
    Mark {
        /// Whose share.
        sharer: Fingerprint,
        /// What is drawn.
        mark: Op,
    },
    /// Turn to a customer.
    Help(Fingerprint),
    /// Pass control of the session to an assistant.
    PassControl(Fingerprint),
    /// Give the session away.
    TransferSession {
        /// Where to.
        destination: Destination,
        /// A private message to the agents there.
        text: String,
    },
    /// Remove somebody from the session.
    Remove(Fingerprint),
    /// Pause, continue or end the recording.
    Record(Recording),
    /// Start a voice call.
    StartVoice,
    /// End it for all.
    EndVoice,
    /// Go into the call or out of it.
    JoinVoice(bool),
    /// Let a participant speak.
    PassMicrophone(Fingerprint),
    /// Send the camera's pictures, or no longer.
    Video(bool),
    /// Minimise the panel with them.
    MinimiseVideo,
    /// Ask the primary customer to send theirs.
    AskVideo,
    /// Print what is on the customer's computer.
    Print,
    /// Save the session's notes.
    SaveNotes,
    /// Leave; the session goes on.
    Leave,
    /// End the session for all.
    End,
    /// The dashboard's page is closed or left.
    CloseDashboard,
}

/// Why nothing has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The session is over.
    #[error("the session is over")]
    Over,
    /// It is for the one who holds control.
    #[error("only the representative who holds control of the session can do this")]
    NotInControl,
    /// It is for customers.
    #[error("only the customer can do this")]
    NotTheCustomer,
    /// There is nobody to help yet.
    #[error("no customer is in the session: wait until one has joined")]
    NoCustomer,
    /// The participant is not there.
    #[error("this participant is not connected at present")]
    NotThere,
    /// Control goes to assistants alone.
    #[error("control can be passed only to a representative who has joined as an assistant")]
    NotAnAssistant,
    /// It takes a queue.
    #[error("this needs the queue module, and a queue agent for transfers")]
    NeedsQueue,
    /// The site does not offer it.
    #[error("this is switched off here")]
    SwitchedOff,
    /// There is no such share, question, call or transfer.
    #[error("there is nothing going on that this is about")]
    NothingGoesOn,
    /// Something else is shared.
    #[error("something else is being shared: stop that first")]
    OtherShare,
    /// The computer has nothing to operate it with.
    #[error("this computer cannot be operated from elsewhere")]
    CannotOperate,
    /// Control is not offered to this participant.
    #[error("control is not offered to you at present")]
    NotOffered,
    /// Drawing and operating exclude each other.
    #[error("somebody operates or draws on what is shared: that has to stop first")]
    Interlocked,
    /// RULE-10.
    #[error(
        "files cannot be transferred while an application of the customer is shared: stop that first"
    )]
    ApplicationShared,
    /// RULE-12.
    #[error("this transfer was allowed without being shown, and cannot be stopped but by leaving")]
    Unshared,
    /// Colours in the Standard mode.
    #[error("the number of colours can be chosen in the Screen sampling display mode only")]
    NotSampling,
    /// A text that is empty or too long.
    #[error("the text is empty or too long")]
    Text,
    /// Transfer without a queue or with several, or without an agent.
    #[error("choose one queue, or one or more agents")]
    Destination,
    /// No headset, or not in the call.
    #[error("this participant cannot take part in the voice call")]
    NoVoice,
    /// RULE-22.
    #[error("only the representative and, after them, the primary customer can send video")]
    NoVideo,
    /// REC-09.
    #[error("this session is recorded by itself: it cannot be recorded by hand")]
    RecordedAlready,
    /// The holder of control goes by ending or transferring.
    #[error("you hold control of the session: end, transfer or pass it first")]
    InControl,
}
