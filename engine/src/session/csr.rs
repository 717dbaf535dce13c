//! The representative's view of a session as a pure state machine.
//!
//! It follows what the customer's program says and never assumes a right that it was not told of.
//! Used like [`super::customer::Customer`]; no clock, no randomness, no input or output.

use std::collections::VecDeque;

use tessera_transport::Fingerprint;
use tessera_transport::pairing::{Ticket, TicketDesk, TicketVerdict};

use super::display::{ColourCount, Display, DisplayMode};
use super::messages::{Activity, Message, VERSION};
use super::roster::{Head, Issuer, Role};
use super::rules::{self, Watcher};
use crate::annotate::{Op, Rights};
use crate::chat;
use crate::csr::EndReason;

/// What the driver has to do, in this order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Send a message to the customer's program.
    Send(Message),
    /// Hand a view to the program, of the pictures from this update on.
    StartViewing {
        /// Number of the update.
        first_update: u64,
    },
    /// Expect no more pictures.
    StopViewing,
    /// Take an operation onto the layer over the share.
    Draw {
        /// Whose.
        by: Fingerprint,
        /// The operation.
        mark: Op,
        /// What they may do.
        rights: Rights,
    },
    /// Take everything off the layer.
    ClearBoard,
    /// Make a ticket and hand it in with [`Csr::give_ticket`].
    MakeTicket,
    /// Close the connection.
    Disconnect,
    /// Close the connection when the peer has read what was sent.
    Part,
    /// Forget the customer's key and make a new code: from now on anyone joins as a stranger.
    RenewCode,
    /// Close the session at the center.
    CloseSession,
    /// Tell the program.
    Tell(Notice),
}

/// What the program is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// Both sides have greeted each other.
    CustomerJoined {
        /// The customer's name.
        name: String,
        /// Whether this is a return.
        again: bool,
    },
    /// Nothing is heard from the customer's program for now, or something is again.
    CustomerSilent {
        /// Whether it is silent.
        silent: bool,
    },
    /// The connection was lost; the customer may rejoin.
    CustomerLost,
    /// The customer left or did not come back in time.
    CustomerLeft,
    /// Somebody came back with a ticket that was used before: there is a copy of the customer's data folder. They were
    /// not let in.
    TicketCopied,
    /// The customer's program names another list of participants than this one sent; it is
    /// disconnected.
    RosterDiffers,
    /// The customer's program shows the request.
    RequestReceived {
        /// What was asked for.
        activity: Activity,
    },
    /// The customer's answer.
    Answered {
        /// What was asked for.
        activity: Activity,
        /// Whether it is allowed.
        granted: bool,
    },
    /// Whether input is carried out has changed.
    ControlChanged {
        /// Whether it is.
        allowed: bool,
    },
    /// The customer took control back by a click, or has let it be taken again.
    ControlPaused {
        /// Whether input is discarded until the person takes control again.
        paused: bool,
    },
    /// Who annotates has changed.
    Annotating {
        /// Whether the person here does.
        own: bool,
        /// Whether the customer does.
        customer: bool,
    },
    /// The customer has said something.
    Chat {
        /// Whether to everybody.
        to_all: bool,
        /// What.
        text: String,
    },
    /// What the person said was sent, or could not be.
    Said {
        /// What.
        text: String,
        /// Whether it was sent.
        sent: bool,
    },
    /// Pictures look otherwise from the customer's next update on.
    DisplayChanged(Display),
    /// The share has ended.
    ShareEnded {
        /// Why.
        reason: EndReason,
    },
    /// The session is over.
    Ended,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Customer {
    Absent,
    /// Connected, and the greeting is still to come.
    Greeting,
    Present,
    Lost {
        lost_us: u64,
    },
}

/// The representative's part in a session, from its opening to its end.
#[derive(Debug)]
pub struct Csr {
    name: String,
    roster: Issuer,
    customer: Customer,
    /// The customer's key, from the first connection until they have left.
    key: Option<Fingerprint>,
    /// Entry of the roster that the customer has confirmed.
    confirmed: Option<u64>,
    tickets: TicketDesk,
    joined_before: bool,
    next_request: u32,
    pending: Option<(u32, Activity)>,
    sharing: bool,
    control: bool,
    /// The customer's latest taking back of control, while it lasts.
    paused: Option<u32>,
    /// Whether annotation mode is on here, as the customer's program says, and there.
    annotating: (bool, bool),
    display: Display,
    over: bool,
    actions: VecDeque<Action>,
}

impl Csr {
    /// A session of the representative called `name` and signing `roster`, still without a customer.
    #[must_use]
    pub fn new(name: String, roster: Issuer) -> Self {
        Self {
            name,
            roster,
            customer: Customer::Absent,
            key: None,
            confirmed: None,
            tickets: TicketDesk::default(),
            joined_before: false,
            next_request: 1,
            pending: None,
            sharing: false,
            control: false,
            paused: None,
            annotating: (false, false),
            display: Display::default(),
            over: false,
            actions: VecDeque::new(),
        }
    }

    /// The next thing to do.
    pub fn poll_action(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    /// When [`Self::handle_timeout`] is due; `None` while nothing waits for time to pass.
    #[must_use]
    pub fn poll_timeout_us(&self) -> Option<u64> {
        match self.customer {
            Customer::Lost { lost_us } if !self.over => Some(lost_us + rules::GRACE_US),
            _ => None,
        }
    }

    /// Whether a stranger who proves the code may become the customer of this session.
    #[must_use]
    pub fn admits_stranger(&self) -> bool {
        !self.over && self.customer == Customer::Absent
    }

    /// Whether the customer's key alone is enough to come back: after a loss, and also while the
    /// old connection is not yet known to be dead.
    #[must_use]
    pub fn admits_return(&self) -> bool {
        !self.over && self.customer != Customer::Absent
    }

    /// Whether somebody who proved to have the customer's key may come back with `ticket`, which is used up by it.
    pub fn redeem(&mut self, ticket: &Ticket) -> bool {
        let verdict = self.tickets.redeem(ticket);
        if verdict == TicketVerdict::Spent {
            self.tell(Notice::TicketCopied);
        }
        verdict == TicketVerdict::Good && self.admits_return()
    }

    /// A ticket was made, for [`Action::MakeTicket`].
    pub fn give_ticket(&mut self, ticket: Ticket) {
        self.tickets.give(&ticket);
        self.send(Message::Ticket { ticket });
    }

    /// Whether the session is over; nothing follows but queued actions.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.over
    }

    /// The driver has admitted a connection of the holder of `key`: a stranger's with a proved code,
    /// or one of the known customer, which replaces a former one.
    pub fn handle_connected(&mut self, key: Fingerprint) {
        if self.over {
            return;
        }
        self.end_share(EndReason::ConnectionLost);
        self.pending = None;
        self.customer = Customer::Greeting;
        self.key = Some(key);
        self.roster.admit(key, Role::Customer);
        let name = self.name.clone();
        self.send(Message::Hello { version: VERSION, name });
        let entries = self.roster.since(self.confirmed).cloned().map(Message::Roster);
        self.actions.extend(entries.map(Action::Send));
        self.actions.push_back(Action::MakeTicket);
    }

    /// A message has arrived.
    pub fn handle_message(&mut self, message: Message) {
        if !matches!(self.customer, Customer::Greeting | Customer::Present) || self.over {
            return;
        }
        match (self.customer, message.clean()) {
            (Customer::Greeting, Message::Hello { version, .. }) if version != VERSION => {
                self.left(Action::Part);
            }
            (Customer::Greeting, Message::Hello { name, .. }) => {
                self.customer = Customer::Present;
                let again = std::mem::replace(&mut self.joined_before, true);
                if self.display != Display::default() {
                    self.send_display();
                }
                self.tell(Notice::CustomerJoined { name, again });
            }
            (_, Message::RosterSeen(head)) => self.roster_seen(head),
            (_, Message::TicketKept) => self.tickets.confirm(),
            (_, Message::Leave) => self.left(Action::Disconnect),
            (Customer::Present, Message::RequestReceived { id }) => {
                if let Some((_, activity)) = self.pending.filter(|pending| pending.0 == id) {
                    self.tell(Notice::RequestReceived { activity });
                }
            }
            (Customer::Present, Message::Answer { id, granted }) => {
                if let Some((_, activity)) = self.pending.filter(|pending| pending.0 == id) {
                    self.pending = None;
                    self.tell(Notice::Answered { activity, granted });
                }
            }
            (Customer::Present, Message::ShareStarted { control, first_update }) => {
                if !std::mem::replace(&mut self.sharing, true) {
                    // The layer of a share that goes on is told anew.
                    self.actions.push_back(Action::ClearBoard);
                    self.actions.push_back(Action::StartViewing { first_update });
                }
                self.set_control(control);
            }
            (Customer::Present, Message::ControlChanged { allowed }) => {
                self.set_control(self.sharing && allowed);
            }
            (Customer::Present, Message::ControlPaused { turn }) if self.control => {
                if self.paused.replace(turn).is_none() {
                    self.tell(Notice::ControlPaused { paused: true });
                }
            }
            (Customer::Present, Message::ControlResumed) if self.paused.is_some() => {
                self.paused = None;
                self.tell(Notice::ControlPaused { paused: false });
            }
            (Customer::Present, Message::Annotating { annotators }) if self.sharing => {
                let own = annotators.contains(&self.roster.own_key());
                let customer = self.key.is_some_and(|key| annotators.contains(&key));
                self.set_annotating(own, customer);
            }
            (Customer::Present, Message::Marked { by, mark }) if self.sharing => {
                // Whoever shares has seen to it that they may.
                let rights = Rights { erase_any: true };
                self.actions.push_back(Action::Draw { by, mark, rights });
            }
            (Customer::Present, Message::Chat { to_all, text }) => {
                self.tell(Notice::Chat { to_all, text });
            }
            (Customer::Present, Message::ShareEnded { reason }) => self.end_share(reason),
            (_, Message::NotUnderstood) => {}
            _ => self.send(Message::NotUnderstood),
        }
    }

    /// The person asks for something; without a customer nothing happens.
    pub fn request(&mut self, activity: Activity) {
        if self.customer != Customer::Present || self.over {
            return;
        }
        let id = self.next_request;
        self.next_request = self.next_request.wrapping_add(1);
        self.pending = Some((id, activity));
        let text = format!("{} asks to {activity}.", self.name);
        self.send(Message::Request { id, activity, text });
    }

    /// The person chooses the session's display mode; it holds for whoever joins later too.
    pub fn set_display_mode(&mut self, mode: DisplayMode) {
        self.set_display(Display { mode, ..self.display });
    }

    /// The person chooses how many colours they see; in the Standard mode nothing happens.
    pub fn set_colours(&mut self, colours: ColourCount) {
        if rules::may_choose_colours(self.display.mode) {
            self.set_display(Display { colours, ..self.display });
        }
    }

    /// The person has clicked in the share window. Nothing happens unless the customer has taken control
    /// back by a click.
    pub fn take_control(&mut self) {
        if let Some(turn) = self.paused {
            self.send(Message::TakeControl { turn });
        }
    }

    /// The person wants to enter annotation mode, or leaves it.
    pub fn annotate(&mut self, on: bool) {
        if self.sharing {
            self.send(Message::Annotate { on });
            if !on {
                self.set_annotating(false, self.annotating.1);
            }
        }
    }

    /// The person has drawn something.
    pub fn mark(&mut self, mark: Op) {
        if self.annotating.0 {
            let by = self.roster.own_key();
            let rights = rules::annotation_rights(Watcher::Primary, false);
            self.send(Message::Mark { mark: mark.clone() });
            self.actions.push_back(Action::Draw { by, mark, rights });
        }
    }

    /// The person says something.
    pub fn chat(&mut self, text: &str) {
        let text = chat::clean(text);
        let sent = self.customer == Customer::Present && !self.over && !text.is_empty();
        if sent {
            self.send(Message::Chat { to_all: true, text: text.clone() });
        }
        self.tell(Notice::Said { text, sent });
    }

    /// The person stops viewing.
    pub fn stop_share(&mut self) {
        if self.sharing {
            self.send(Message::StopShare);
            self.end_share(EndReason::StoppedByCsr);
        }
    }

    /// The person ends the session.
    pub fn end(&mut self) {
        if std::mem::replace(&mut self.over, true) {
            return;
        }
        if matches!(self.customer, Customer::Greeting | Customer::Present) {
            self.send(Message::End);
        }
        self.end_share(EndReason::SessionOver);
        self.actions.push_back(Action::Part);
        self.actions.push_back(Action::CloseSession);
        self.tell(Notice::Ended);
    }

    /// The connection has fallen silent, or was heard again. Nothing ends by it: it may be a matter of seconds.
    pub fn handle_silence(&mut self, silent: bool) {
        if self.customer == Customer::Present && !self.over {
            self.tell(Notice::CustomerSilent { silent });
        }
    }

    /// The connection is gone.
    pub fn handle_lost(&mut self, now_us: u64) {
        if !matches!(self.customer, Customer::Greeting | Customer::Present) || self.over {
            return;
        }
        self.pending = None;
        self.end_share(EndReason::ConnectionLost);
        self.customer = Customer::Lost { lost_us: now_us };
        self.tell(Notice::CustomerLost);
    }

    /// Time has passed; see [`Self::poll_timeout_us`].
    pub fn handle_timeout(&mut self, now_us: u64) {
        if let Customer::Lost { lost_us } = self.customer
            && !rules::within_grace(lost_us, now_us)
        {
            self.left(Action::Disconnect);
        }
    }

    fn set_display(&mut self, display: Display) {
        if self.over || std::mem::replace(&mut self.display, display) == display {
            return;
        }
        if self.customer == Customer::Present {
            self.send_display();
        }
        self.tell(Notice::DisplayChanged(display));
    }

    fn send_display(&mut self) {
        let Display { mode, colours } = self.display;
        self.send(Message::DisplayMode { mode });
        if rules::may_choose_colours(mode) {
            self.send(Message::Colours { colours });
        }
    }

    fn roster_seen(&mut self, head: Head) {
        if self.roster.contains(head) {
            self.confirmed = Some(head.sequence);
        } else {
            self.tell(Notice::RosterDiffers);
            self.left(Action::Disconnect);
        }
    }

    fn left(&mut self, last: Action) {
        self.pending = None;
        self.end_share(EndReason::SessionOver);
        self.customer = Customer::Absent;
        self.confirmed = None;
        self.tickets = TicketDesk::default();
        if let Some(key) = self.key.take() {
            self.roster.remove(key);
        }
        self.joined_before = false;
        self.actions.push_back(last);
        self.tell(Notice::CustomerLeft);
        self.actions.push_back(Action::RenewCode);
    }

    fn end_share(&mut self, reason: EndReason) {
        if std::mem::replace(&mut self.sharing, false) {
            self.set_control(false);
            self.set_annotating(false, false);
            self.actions.push_back(Action::StopViewing);
            self.tell(Notice::ShareEnded { reason });
        }
    }

    fn set_annotating(&mut self, own: bool, customer: bool) {
        if std::mem::replace(&mut self.annotating, (own, customer)) != (own, customer) {
            self.tell(Notice::Annotating { own, customer });
        }
    }

    fn set_control(&mut self, allowed: bool) {
        self.paused = self.paused.filter(|_| allowed && self.control);
        if std::mem::replace(&mut self.control, allowed) != allowed {
            self.tell(Notice::ControlChanged { allowed });
        }
    }

    fn send(&mut self, message: Message) {
        self.actions.push_back(Action::Send(message));
    }

    fn tell(&mut self, notice: Notice) {
        self.actions.push_back(Action::Tell(notice));
    }
}
