//! The customer's side: joins by code, decides about every request, shares the screen.
//!
//! Consent is decided and kept here, never at the center or the representative's program: what this
//! side did not allow is not captured, and input that it did not allow is not injected.

use std::path::PathBuf;

use crossbeam::channel::Receiver;
use tessera_capture::x11::applications::RunningApplication;

use crate::annotate::{Board, Op};
use crate::csr::EndReason;
use crate::figures::ShareFigures;
use crate::{Activity, Code, Display, Error, Kept, Network};

/// Opens a source of pictures.
pub type OpenSource = Box<
    dyn FnMut() -> Result<Box<dyn tessera_capture::ScreenSource>, tessera_capture::CaptureError>
        + Send,
>;

/// Where the shared pictures come from and where granted input goes.
#[non_exhaustive]
pub enum Screen {
    /// An X display such as `:0`; `None` takes the one of the environment.
    Display(Option<String>),
    /// Pictures from anywhere else and, if input shall have an effect, where it goes.
    Own {
        /// Opens the source of pictures, once for each share.
        open: OpenSource,
        /// The receiver of input; without one, control is refused.
        sink: Option<Box<dyn tessera_capture::InputSink>>,
    },
}

impl std::fmt::Debug for Screen {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Display(display) => out.debug_tuple("Display").field(display).finish(),
            Self::Own { sink, .. } => {
                out.debug_struct("Own").field("sink", &sink.is_some()).finish_non_exhaustive()
            }
        }
    }
}

/// How a session is entered.
#[derive(Clone, Debug)]
pub enum Entrance {
    /// For the first time, with the code that the representative gave.
    Code(Code),
    /// Again, at the same center, after the program had ended without leaving. The desktop is shown again if it was; to operate it takes a
    /// new OK.
    Return(Kept),
}

/// What a customer's part in a session needs to know.
#[derive(Debug)]
pub struct Options {
    /// The center: `HOST:PORT`, or `HOST:PORT#FINGERPRINT` to pin its certificate beforehand.
    pub center: String,
    /// Directory with this program's key and the pinned centers; created readable by its owner only.
    pub data_dir: PathBuf,
    /// How the session is entered.
    pub entrance: Entrance,
    /// Name shown to the representative; cut to 64 characters, control characters removed.
    pub name: String,
    /// What is shared.
    pub screen: Screen,
    /// Activities allowed beforehand, without being asked, for the whole session. The program that
    /// sets this shows it on the customer's screen for as long as it holds.
    pub standing_consent: Vec<Activity>,
    /// What may be used of the network.
    pub network: Network,
}

/// What happens in a session, in order.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event {
    /// The code was right and both programs have proved it to each other.
    Joined {
        /// The representative's name, made safe for a terminal.
        csr_name: String,
        /// Whether this is a return after a lost connection.
        again: bool,
    },
    /// The representative asks; answer with [`Handle::answer`]. A newer request replaces an
    /// unanswered one, which then counts as refused.
    Asked {
        /// Names the request in the answer.
        id: u32,
        /// What is asked for.
        activity: Activity,
        /// What to show: exactly the text that the representative's program sent, made safe for a
        /// terminal.
        text: String,
    },
    /// The unanswered request is no longer of interest.
    Withdrawn {
        /// The request.
        id: u32,
    },
    /// The representative may see (or, with `control`, operate) an application: show what there is and
    /// answer with [`Handle::pick`] or [`Handle::cancel_pick`].
    Pick {
        /// Whether it may be operated.
        control: bool,
    },
    /// The applications of these names are shared from now on, and nothing else. Comes before
    /// [`Event::Sharing`], and again when one is added; where it does not, the desktop is shared.
    SharedApplications(Vec<String>),
    /// The desktop or applications are being shared, or no longer.
    Sharing {
        /// Whether it is.
        on: bool,
        /// Why it ended.
        reason: Option<EndReason>,
    },
    /// Whether the representative's input is carried out has changed.
    Controlled {
        /// Whether it is.
        on: bool,
    },
    /// Control was taken back by a click on the shared desktop; the representative can take it again by
    /// a click in their window. To forbid that, use [`Handle::withdraw_control`].
    TakenBack,
    /// Nothing was heard from the representative's program for a second (`silent`), or it is heard
    /// again. When it stays silent, [`Event::CsrLost`] follows within seconds.
    CsrSilent {
        /// Whether it is silent.
        silent: bool,
    },
    /// Who annotates the share has changed. While anybody does, the representative's input is not
    /// carried out.
    Annotating {
        /// Whether the representative does.
        csr: bool,
        /// Whether this side does: what is drawn on [`Handle::board`] is then told with
        /// [`Handle::mark`].
        own: bool,
    },
    /// The representative has said something; made safe for a terminal.
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
    /// The representative has changed how the shared pictures look to them.
    DisplayChanged(Display),
    /// The connection was lost; the program tries to rejoin by itself.
    CsrLost {
        /// Seconds after which it gives up.
        grace_s: u64,
    },
    /// Something the customer should know, as one sentence; the session goes on.
    Notice(String),
    /// The session is over; no event follows.
    Ended {
        /// Whether the representative ended it, as opposed to this side leaving.
        by_csr: bool,
    },
    /// The session could not be joined or cannot go on; no event follows.
    Failed(Error),
}

/// Joins sessions.
#[derive(Debug)]
pub struct Session;

impl Session {
    /// Finds the session at the center, connects to the representative and proves the code, on a
    /// thread of its own.
    ///
    /// Events arrive on the receiver; up to 256 of them wait there.
    ///
    /// # Errors
    /// When no thread can be started. Everything else is reported as [`Event::Failed`].
    pub fn join(options: Options) -> Result<(Handle, Receiver<Event>), Error> {
        crate::driver::customer::join(options)
    }
}

/// Operates the customer's part from any thread; cheap to clone. The session goes on when handles
/// are dropped, until [`Handle::leave`]; when the receiver of events is dropped, it ends at its next
/// event.
#[derive(Clone, Debug)]
pub struct Handle {
    pub(crate) commands: crate::driver::Commands<Command>,
    pub(crate) figures: std::sync::Arc<ShareFigures>,
    pub(crate) board: Board,
}

/// What a handle can ask of the driver.
#[derive(Clone, Debug)]
pub(crate) enum Command {
    Answer { id: u32, granted: bool, all: bool },
    Pick(Vec<RunningApplication>),
    CancelPick,
    WithdrawControl,
    Annotate(bool),
    Mark(Op),
    Chat(String),
    WithdrawAll,
    Stop,
    Leave,
}

impl Handle {
    /// Answers a request. `all` allows everything for the rest of the session without being asked
    /// again; it counts only together with `granted`.
    pub fn answer(&self, id: u32, granted: bool, all: bool) {
        self.commands.send(Command::Answer { id, granted, all });
    }

    /// Shares these applications after [`Event::Pick`]; while applications are shared, shares them as
    /// well.
    pub fn pick(&self, applications: Vec<RunningApplication>) {
        self.commands.send(Command::Pick(applications));
    }

    /// Shares nothing, after [`Event::Pick`].
    pub fn cancel_pick(&self) {
        self.commands.send(Command::CancelPick);
    }

    /// Takes control back at once and releases every pressed key; viewing goes on.
    pub fn withdraw_control(&self) {
        self.commands.send(Command::WithdrawControl);
    }

    /// Withdraws everything that was allowed, standing consent included, and stops sharing.
    pub fn withdraw_all(&self) {
        self.commands.send(Command::WithdrawAll);
    }

    /// Enters annotation mode over the shared desktop, or leaves it; [`Event::Annotating`] follows.
    /// While nothing is shared nothing happens.
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

    /// Stops sharing at once; the session goes on.
    pub fn stop(&self) {
        self.commands.send(Command::Stop);
    }

    /// Leaves the session; [`Event::Ended`] follows.
    pub fn leave(&self) {
        self.commands.send(Command::Leave);
    }

    /// Counters of the connection and of all shares of the session so far.
    #[must_use]
    pub fn figures(&self) -> crate::Figures {
        self.figures.snapshot()
    }
}
