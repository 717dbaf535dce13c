//! The support representative's side: opens a session, admits one customer by code, asks to view or
//! control, and hands over the pictures.
//!
//! [`Session::start`] returns at once; everything else arrives as an [`Event`]. The rules are those
//! of the crate's session state machine: this module only wires it to the network. How pictures reach the
//! screen is in [`crate::view`].

use std::net::SocketAddr;
use std::path::PathBuf;

use crossbeam::channel::Receiver;

use crate::annotate::{Board, Op};
use crate::figures::ShareFigures;
pub use crate::session::share::EndReason;
use crate::{Activity, Code, ColourCount, Display, DisplayMode, Error, Network, view};

/// What a representative's session needs to know.
#[derive(Clone, Debug)]
pub struct Options {
    /// The center: `HOST:PORT`, or `HOST:PORT#FINGERPRINT` to pin its certificate beforehand.
    pub center: String,
    /// Directory with this program's key and the pinned centers; created readable by its owner only.
    pub data_dir: PathBuf,
    /// Address to listen on for the customer; `None` takes a free port on every address of the
    /// computer and announces those.
    pub listen: Option<SocketAddr>,
    /// Name shown to the customer; cut to 64 characters, control characters removed.
    pub name: String,
    /// The enrolment token, needed once for each center.
    pub enrolment_token: Option<String>,
    /// What may be used of the network.
    pub network: Network,
}

/// What happens in a session, in order.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event {
    /// The session is open at the center; tell the customer the code.
    Opened {
        /// Number and secret; `reveal()` is what to read out.
        code: Code,
    },
    /// The former secret is void after too many wrong guesses; tell the customer the new code.
    CodeRenewed {
        /// The code that holds from now on.
        code: Code,
    },
    /// A customer proved the code, or came back within the grace period.
    CustomerJoined {
        /// The customer's name, made safe for a terminal.
        name: String,
        /// Whether this is the same customer returning after a lost connection.
        again: bool,
    },
    /// Nothing was heard from the customer's program for a second (`silent`), or it is heard again.
    /// The program, its computer or the network may be gone, in which case [`Event::CustomerLost`]
    /// follows within seconds.
    CustomerSilent {
        /// Whether it is silent.
        silent: bool,
    },
    /// The connection to the customer was lost; the session stays open for rejoining.
    CustomerLost {
        /// Seconds within which the customer may rejoin without a new code.
        grace_s: u64,
    },
    /// The customer left, or did not come back within the grace period; the session stays open and
    /// its code renewed.
    CustomerLeft,
    /// Somebody tried to come back with a ticket that had been used: there is a copy of the customer's data folder. They
    /// were not let in; if the one who is in is not the customer, end the session.
    TicketCopied,
    /// The customer's program named another list of participants than it was sent, so that somebody may be in
    /// between; it was disconnected, and [`Event::CustomerLeft`] follows.
    RosterDiffers,
    /// The customer's program has shown the request.
    RequestReceived {
        /// What was asked for.
        activity: Activity,
    },
    /// The customer answered a request.
    Answered {
        /// What was asked for.
        activity: Activity,
        /// Whether the customer agreed.
        granted: bool,
    },
    /// The customer's desktop is being shared; the handle gives its pictures.
    ShareStarted(view::Handle),
    /// Whether input sent now is carried out by the customer's computer has changed.
    ControlChanged {
        /// Whether it is.
        allowed: bool,
    },
    /// The customer took control back by a click on their desktop (`paused`), or lets input through
    /// again after [`Handle::take_control`].
    ControlPaused {
        /// Whether input is discarded for now.
        paused: bool,
    },
    /// Who annotates the share has changed. While anybody does, input is not carried out.
    Annotating {
        /// Whether this side does: what is drawn on [`Handle::board`] is then told with [`Handle::mark`].
        own: bool,
        /// Whether the customer does.
        customer: bool,
    },
    /// The customer has said something; made safe for a terminal.
    Chat {
        /// Whether to everybody in the session.
        to_all: bool,
        /// What was said.
        text: String,
    },
    /// What was said here with [`Handle::chat`].
    Said {
        /// What.
        text: String,
        /// Whether it was sent; else there is nobody to hear it.
        sent: bool,
    },
    /// The display mode or the number of colours was changed on this side; pictures follow it from
    /// the customer's next update on.
    DisplayChanged(Display),
    /// The share has ended; its handle gives no further pictures.
    ShareEnded {
        /// Why.
        reason: EndReason,
    },
    /// The session is over; no event follows.
    Ended,
    /// The session could not be started or cannot go on; no event follows.
    Failed(Error),
}

/// Starts sessions.
#[derive(Debug)]
pub struct Session;

impl Session {
    /// Opens a session at the center and waits for a customer, on a thread of its own.
    ///
    /// Events arrive on the receiver; up to 256 of them wait there.
    ///
    /// # Errors
    /// When no thread can be started. Everything else is reported as [`Event::Failed`].
    pub fn start(options: Options) -> Result<(Handle, Receiver<Event>), Error> {
        crate::driver::csr::start(options)
    }
}

/// Operates a session from any thread; cheap to clone. The session goes on when handles are
/// dropped, until [`Handle::end`]; when the receiver of events is dropped, it ends at its next event.
#[derive(Clone, Debug)]
pub struct Handle {
    pub(crate) commands: crate::driver::Commands<Command>,
    pub(crate) figures: std::sync::Arc<ShareFigures>,
    pub(crate) board: Board,
}

/// What a handle can ask of the driver.
#[derive(Debug)]
pub(crate) enum Command {
    Request(Activity),
    DisplayMode(DisplayMode),
    Colours(ColourCount),
    TakeControl,
    Annotate(bool),
    Mark(Op),
    Chat(String),
    StopShare,
    End,
}

impl Handle {
    /// Asks the customer to allow `activity`; [`Event::RequestReceived`] and [`Event::Answered`]
    /// follow. Without a customer nothing happens.
    pub fn request(&self, activity: Activity) {
        self.commands.send(Command::Request(activity));
    }

    /// Chooses the session's display mode, also for whoever joins later.
    pub fn set_display_mode(&self, mode: DisplayMode) {
        self.commands.send(Command::DisplayMode(mode));
    }

    /// Chooses how many colours pictures have in Screen sampling; in the Standard mode nothing
    /// happens.
    pub fn set_colours(&self, colours: ColourCount) {
        self.commands.send(Command::Colours(colours));
    }

    /// Takes control again within what the customer allowed, after they took it back by a click on
    /// their desktop: to be called when the person clicks in the share window, and only then.
    pub fn take_control(&self) {
        self.commands.send(Command::TakeControl);
    }

    /// Stops viewing and controlling; the customer stays in the session.
    pub fn stop_share(&self) {
        self.commands.send(Command::StopShare);
    }

    /// Enters annotation mode, or leaves it; [`Event::Annotating`] says when it is on. Without a share
    /// nothing happens.
    pub fn annotate(&self, on: bool) {
        self.commands.send(Command::Annotate(on));
    }

    /// Tells everybody who sees the share what was drawn here; only in annotation mode.
    pub fn mark(&self, mark: Op) {
        self.commands.send(Command::Mark(mark));
    }

    /// The layer over the share, empty while there is none.
    #[must_use]
    pub fn board(&self) -> Board {
        self.board.clone()
    }

    /// Says something to everybody in the session; [`Event::Said`] follows.
    pub fn chat(&self, text: String) {
        self.commands.send(Command::Chat(text));
    }

    /// Ends the session for everyone; [`Event::Ended`] follows.
    pub fn end(&self) {
        self.commands.send(Command::End);
    }

    /// Counters of the connection and of all shares of the session so far.
    #[must_use]
    pub fn figures(&self) -> crate::Figures {
        self.figures.snapshot()
    }
}
