//! What is known of another participant.

use std::collections::{BTreeSet, VecDeque};

use tessera_transport::Fingerprint;
use tessera_transport::pairing::TicketDesk;

use crate::annotate::Meter;
use crate::session::activity::Activity;
use crate::session::display::ColourCount;
use crate::session::log;
use crate::session::messages::Message;
use crate::session::share::{Control, ShareTarget};

/// The connection to another participant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Link {
    /// There has been none yet.
    #[default]
    Away,
    /// Connected, and the peer's greeting is still to come.
    Greeting,
    /// Greeted by the holder of control, and who is in the session is still to come.
    Unlisted,
    Up,
    Lost {
        lost_us: u64,
        retry_us: u64,
        pause_us: u64,
    },
}

/// What somebody shares with this participant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Watched {
    /// What it shows.
    pub target: ShareTarget,
    /// Whether it is operated.
    pub control: Control,
    /// How often control was taken back.
    pub turn: u32,
    /// Who may operate it.
    pub controller: Option<Fingerprint>,
    /// Who draws on it.
    pub annotators: Vec<Fingerprint>,
}

#[derive(Debug, Default)]
pub(super) struct Peer {
    pub(super) link: Link,
    pub(super) name: String,
    /// Entry of the roster that they have taken, as far as they have said.
    pub(super) seen: Option<u64>,
    /// What they said about entries that this program has not taken yet.
    pub(super) held: VecDeque<Message>,
    /// Whether they have said goodbye to somebody who could not take them off the list.
    pub(super) has_left: bool,
    pub(super) joined_before: bool,
    /// What they can come back with, where this program lets them in.
    pub(super) tickets: TicketDesk,
    pub(super) share: Option<Watched>,
    /// The colours that they want to see.
    pub(super) colours: ColourCount,
    pub(super) video: bool,
    /// Granted activities that go on at their computer.
    pub(super) running: BTreeSet<Activity>,
    pub(super) log: log::Reader,
    /// How fast they draw.
    pub(super) meter: Meter,
}

impl Peer {
    pub(super) const fn is_up(&self) -> bool {
        matches!(self.link, Link::Up)
    }

    pub(super) const fn is_connected(&self) -> bool {
        matches!(self.link, Link::Greeting | Link::Unlisted | Link::Up)
    }
}
