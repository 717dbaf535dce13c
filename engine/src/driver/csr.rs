//! The representative's session on its thread.

use std::path::PathBuf;
use std::sync::Arc;

use crossbeam::channel::Receiver;
use tessera_transport::center::{CenterError, Client, EnrolmentToken, Introduced, Refusal};
use tessera_transport::pairing::{Door, Number, Ticket};
use tessera_transport::path::Ways;
use tessera_transport::{CloseReason, Endpoint, Fingerprint, Incoming, Protocol};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use super::admission::Admitted;
use super::channel::Channels;
use super::connection::{Arrival, Arrivals, Connection};
use super::examination::Examination;
use super::layer::SharedLayer;
use super::log_file::LogFile;
use super::unfinished;
use super::{Events, directory, next_command, until};
use crate::annotate::{Board, Op, Rights};
use crate::csr::{Command, Event, Handle, Options};
use crate::figures::ShareFigures;
use crate::pipeline::Viewer;
use crate::session::messages::{MAX_NAME_CHARS, Message};
use crate::session::roster::{Member, Role};
use crate::session::rules::session::{GRACE_S, RETRY_MAX_US, RETRY_MIN_US};
use crate::session::share::Control;
use crate::session::{self, Action, Notice, Participant, Policy, Setup};
use crate::{Error, Network, Paths, chat, clock, plain_text};

/// Arrivals that may wait for the session's thread.
const ARRIVALS: usize = 64;

pub(crate) fn start(options: Options) -> Result<(Handle, Receiver<Event>), Error> {
    let (events, receiver) = crossbeam::channel::bounded(super::EVENT_QUEUE);
    let (commands, queue) = super::commands();
    let figures = Arc::new(ShareFigures::default());
    let board = Board::default();
    let handle = Handle { commands, figures: Arc::clone(&figures), board: board.clone() };
    super::run(move || async move {
        let mut events = Events::new(events);
        match Session::open(options, queue, &mut events, figures, board).await {
            Ok(session) => session.run(&mut events).await,
            Err(error) => events.send(Event::Failed(error)),
        }
    })?;
    Ok((handle, receiver))
}

/// What a joiner is told who proved the code too late, and who came back in vain.
const FULL: &str = "the session has a customer already";
const TICKET_REFUSED: &str = "this way back into the session was used before: join with a code";

/// The session at the center.
struct Listing {
    client: Option<Client>,
    number: Number,
    center: String,
    data_dir: PathBuf,
    retry_us: Option<u64>,
    pause_us: u64,
    resuming: JoinSet<Result<Client, Error>>,
}

struct Session {
    endpoint: Endpoint,
    listing: Listing,
    door: Door,
    renewals: watch::Receiver<u64>,
    machine: Participant,
    /// Whether input is carried out by the customer's computer, or was and will be again.
    control: Control,
    log: Option<LogFile>,
    network: Network,
    channels: Channels,
    customer: Option<Fingerprint>,
    /// The ways to the customer, kept while they may come back.
    ways: Option<Ways>,
    connection: Option<(Connection, Viewer)>,
    generation: u64,
    examined: Examination,
    arrivals: (Arrivals, mpsc::Receiver<(u64, Arrival)>),
    commands: mpsc::Receiver<Command>,
    figures: Arc<ShareFigures>,
    layer: SharedLayer,
}

/// What the session's thread woke up for.
enum Wake {
    Command(Command),
    Knock(Incoming),
    Examined(Option<Admitted>),
    Arrival(u64, Arrival),
    Renewed,
    Introduced(Introduced),
    CenterLost,
    CenterBack(Result<Client, Error>),
    Due,
}

impl Session {
    async fn open(
        options: Options,
        commands: mpsc::Receiver<Command>,
        events: &mut Events<Event>,
        figures: Arc<ShareFigures>,
        board: Board,
    ) -> Result<Self, Error> {
        let Options { center, data_dir, listen, name, enrolment_token, network } = options;
        let name = plain_text(&name, MAX_NAME_CHARS);
        let endpoint = directory::bind(listen, &data_dir, Some(Protocol::SESSION))?;
        if network.paths == Paths::Relayed {
            endpoint.forbid_direct();
        }
        let token = enrolment_token.as_deref().map(str::parse::<EnrolmentToken>).transpose()?;
        let expected = token.as_ref().map(|token| token.center);
        let mut client =
            directory::connect(&endpoint, &center, &data_dir, expected, &network).await?;
        let addresses = directory::addresses(&endpoint, &center).await;
        let mut opened = client.open_session(addresses.clone()).await;
        // A token works once: whoever is enrolled has no use for it, and may give it all the same.
        if let (Some(token), true) = (token, is_not_enrolled(&opened)) {
            client.enrol(token.secret, name.clone()).await?;
            opened = client.open_session(addresses).await;
        }
        let number = opened.map_err(|error| match error {
            CenterError::Refused { reason: Refusal::NotEnrolled, .. } => Error::NotEnrolled,
            other => other.into(),
        })?;
        board.set_own(endpoint.fingerprint());
        let door = Door::new(number)?;
        events.send(Event::Opened { code: door.code() });
        let policy = Policy { switched_off: unfinished(), ..Policy::default() };
        let setup = Setup { name, session: number, identity: endpoint.identity(), policy };
        Ok(Self {
            endpoint,
            listing: Listing {
                client: Some(client),
                number,
                center,
                data_dir,
                retry_us: None,
                pause_us: RETRY_MIN_US,
                resuming: JoinSet::new(),
            },
            renewals: door.renewals(),
            door,
            machine: Participant::primary(setup, false),
            control: Control::Off,
            log: None,
            network,
            channels: Channels::default(),
            customer: None,
            ways: None,
            connection: None,
            generation: 0,
            examined: Examination::default(),
            arrivals: mpsc::channel(ARRIVALS),
            commands,
            figures,
            layer: SharedLayer::new(board),
        })
    }

    async fn run(mut self, events: &mut Events<Event>) {
        while !self.machine.is_over() {
            match self.wait().await {
                Wake::Command(Command::Chat(text)) => self.chat(&text, events),
                Wake::Command(command) => self.command(command),
                Wake::Knock(incoming) => {
                    let known = self.customer.filter(|known| self.machine.admits_return(*known));
                    self.examined.take(incoming, &self.door, known, clock::now_us());
                }
                Wake::Examined(admitted) => {
                    if let Some(admitted) = admitted {
                        self.admit(admitted);
                    }
                }
                Wake::Arrival(generation, arrival) => self.arrived(generation, arrival),
                Wake::Renewed => events.send(Event::CodeRenewed { code: self.door.code() }),
                Wake::Introduced(Introduced { channel, .. }) => {
                    let now_us = clock::now_us();
                    let opened = self.channels.add(&self.endpoint, &channel, &self.network, now_us);
                    if let Err(error) = opened {
                        tracing::warn!(%error, "a joiner cannot be met at a relay");
                    }
                }
                Wake::CenterLost => self.listing.lost(),
                Wake::CenterBack(result) => self.listing.resumed(result),
                Wake::Due => {
                    let now_us = clock::now_us();
                    self.machine.handle_timeout(now_us);
                    self.channels.close_old(now_us);
                    self.listing.resume_if_due(&self.endpoint, &self.network, now_us);
                }
            }
            self.act(events).await;
            if events.is_abandoned() {
                self.command(Command::End);
                self.act(events).await;
            }
        }
        if let Some(log) = self.log.take() {
            log.finish().await;
        }
        self.endpoint.close(&CloseReason::Goodbye);
        self.endpoint.wait_idle().await;
    }

    fn command(&mut self, command: Command) {
        let customer = self.customer.unwrap_or_else(|| self.endpoint.fingerprint());
        let command = match command {
            Command::Request(activity) => session::Command::Request(activity),
            Command::DisplayMode(mode) => session::Command::DisplayMode(mode),
            Command::Colours(colours) => session::Command::Colours(colours),
            Command::TakeControl => session::Command::TakeControl { sharer: customer },
            Command::Annotate(on) => session::Command::Annotate { sharer: customer, on },
            Command::Mark(mark) => session::Command::Mark { sharer: customer, mark },
            Command::Chat(text) => session::Command::Chat { to: None, text },
            Command::StopShare => session::Command::StopShare { sharer: customer },
            Command::End => session::Command::End,
        };
        if let Err(refusal) = self.machine.command(command, clock::now_us()) {
            tracing::info!(%refusal, "refused");
        }
    }

    fn chat(&mut self, text: &str, events: &mut Events<Event>) {
        let text = chat::clean(text);
        let said = session::Command::Chat { to: None, text: text.clone() };
        let sent = self.machine.command(said, clock::now_us()).is_ok();
        events.send(Event::Said { text, sent });
    }

    async fn wait(&mut self) -> Wake {
        let due_us =
            [self.machine.poll_timeout_us(), self.listing.retry_us, self.channels.due_us()];
        let due_us = due_us.into_iter().flatten().min();
        tokio::select! {
            command = next_command(&mut self.commands) => Wake::Command(command),
            Some((generation, arrival)) = self.arrivals.1.recv() => {
                Wake::Arrival(generation, arrival)
            }
            examined = self.examined.next() => Wake::Examined(examined),
            Some(incoming) = self.endpoint.accept() => Wake::Knock(incoming),
            Ok(()) = self.renewals.changed() => Wake::Renewed,
            introduced = introduction(self.listing.client.as_mut()) => match introduced {
                Some(introduced) => Wake::Introduced(introduced),
                None => Wake::CenterLost,
            },
            Some(Ok(result)) = self.listing.resuming.join_next() => Wake::CenterBack(result),
            () = until(due_us) => Wake::Due,
        }
    }

    fn admit(&mut self, Admitted { link, control, ticket }: Admitted) {
        let known = self.customer == Some(link.peer());
        let (welcome, reason) = match ticket {
            Some(ticket) => (known && self.machine.redeem(link.peer(), &ticket), TICKET_REFUSED),
            None if known => (self.machine.admits_return(link.peer()), FULL),
            None => (self.machine.admits_stranger(Role::Customer), FULL),
        };
        if !welcome {
            link.close(&CloseReason::NotAdmitted(reason.to_owned()));
            return;
        }
        if let Some((former, _)) = self.connection.take() {
            former.close(&CloseReason::Replaced);
        }
        let (viewer, end) = match Viewer::with_figures(Arc::clone(&self.figures)) {
            Ok(viewer) => viewer,
            Err(error) => {
                tracing::error!(%error, "a customer cannot be served");
                link.close(&CloseReason::NotAdmitted(error.to_string()));
                return;
            }
        };
        self.generation += 1;
        let key = link.peer();
        self.customer = Some(key);
        self.layer.seat(self.endpoint.fingerprint(), key);
        let pictures_link = link.clone();
        let pictures = async move { end.run(&pictures_link).await };
        self.ways = link.ways().cloned();
        let mut connection =
            Connection::start(link, self.generation, control, &self.arrivals.0, pictures);
        connection.tell_ways(self.network.paths, None, Arc::clone(&self.figures));
        self.connection = Some((connection, viewer));
        let member = Member { key, role: Role::Customer, agent: false };
        self.machine.handle_admitted(member, clock::now_us());
    }

    fn arrived(&mut self, generation: u64, arrival: Arrival) {
        let Some((connection, viewer)) = &self.connection else { return };
        if connection.generation != generation {
            return;
        }
        let peer = connection.link.peer();
        match arrival {
            Arrival::Message(message) => {
                self.machine.handle_message(peer, message, clock::now_us());
            }
            Arrival::Silence(silent) => self.machine.handle_silence(peer, silent),
            Arrival::Cursor(shape) => viewer.set_cursor_shape(shape),
            Arrival::Candidates(candidates) => {
                let Some(ways) = &self.ways else { return };
                let channel = candidates.channel.and_then(|id| self.channels.take(&id));
                if let Some(channel) = channel {
                    ways.absorb(&channel);
                }
                if self.network.paths == Paths::Any {
                    ways.add_candidates(&candidates);
                }
            }
            Arrival::Ended(error) => {
                tracing::info!(%error, "the connection to the customer has ended");
                self.connection = None;
                self.machine.handle_lost(peer, clock::now_us());
            }
        }
    }

    fn draw(&mut self, by: Fingerprint, mark: &Op, rights: Rights) {
        let own = by == self.endpoint.fingerprint();
        if !self.layer.draw(by, own, mark, rights)
            && let Some((connection, _)) = &self.connection
        {
            connection.send(&Message::NotUnderstood);
        }
    }

    async fn act(&mut self, events: &mut Events<Event>) {
        while let Some(action) = self.machine.poll_action() {
            match action {
                Action::Send { message, .. } => {
                    if let Some((connection, _)) = &self.connection {
                        connection.send(&message);
                    }
                }
                Action::StartViewing { first_update, .. } => {
                    if let Some((_, viewer)) = &self.connection {
                        events.send(Event::ShareStarted(viewer.show(first_update)));
                    }
                }
                Action::StopViewing { .. } => {
                    if let Some((_, viewer)) = &self.connection {
                        viewer.hide();
                    }
                }
                Action::MakeTicket { to } => match Ticket::generate() {
                    Ok(ticket) => self.machine.give_ticket(to, ticket),
                    Err(error) => tracing::error!(%error, "the customer cannot come back"),
                },
                Action::Disconnect { .. } => {
                    if let Some((connection, _)) = self.connection.take() {
                        connection.close(&CloseReason::Goodbye);
                    }
                }
                Action::Part { .. } => {
                    if let Some((connection, _)) = self.connection.take() {
                        connection.part().await;
                    }
                }
                Action::RenewCode => {
                    self.layer.forget(self.customer.take());
                    self.ways = None;
                    if let Err(error) = self.door.renew() {
                        events.send(Event::Failed(error.into()));
                        self.command(Command::End);
                    }
                }
                Action::CloseSession => self.listing.close().await,
                Action::Log { customer, line } => {
                    let log = self.log.get_or_insert_with(|| {
                        LogFile::create(&self.listing.data_dir, self.listing.number, customer)
                    });
                    log.append(&line);
                }
                Action::Tell(notice) => self.tell(notice, events),
                Action::Annotate { by, mark, rights, .. } => self.draw(by, &mark, rights),
                Action::ClearLayer { .. } => self.layer.clear(),
                // This program shares nothing, holds control from beginning to end, and waits for the others to connect.
                Action::ShowTo { .. }
                | Action::HideFrom { .. }
                | Action::StartSharing { .. }
                | Action::ChangeTarget { .. }
                | Action::StopSharing
                | Action::AllowInput { .. }
                | Action::SetDisplay { .. }
                | Action::KeepTicket(_)
                | Action::Connect { .. }
                | Action::OpenDoor
                | Action::CloseDoor
                | Action::Offer(_)
                | Action::TellLayer { .. }
                | Action::LogCustomerBackOn => {}
            }
        }
    }

    fn tell(&mut self, notice: Notice, events: &mut Events<Event>) {
        let event = match notice {
            Notice::Joined { name, again, .. } => Event::CustomerJoined { name, again },
            Notice::Silent { silent, .. } => Event::CustomerSilent { silent },
            Notice::Lost { .. } => Event::CustomerLost { grace_s: GRACE_S },
            Notice::Left { .. } => {
                self.log = None;
                Event::CustomerLeft
            }
            Notice::TicketCopied { .. } => Event::TicketCopied,
            Notice::RosterDiffers { .. } => Event::RosterDiffers,
            Notice::RequestReceived { activity } => Event::RequestReceived { activity },
            Notice::Answered { activity, granted } => Event::Answered { activity, granted },
            Notice::ControlChanged { sharer, control, .. } => {
                self.control_changed(sharer, control, events);
                return;
            }
            Notice::Annotating { sharer, annotators } => {
                let [own, customer] =
                    [self.machine.own(), sharer].map(|key| annotators.contains(&key));
                Event::Annotating { own, customer }
            }
            Notice::Chat { to_all, text, .. } => Event::Chat { to_all, text },
            Notice::DisplayChanged { display, .. } => Event::DisplayChanged(display),
            Notice::Watching { reason: Some(reason), .. } => Event::ShareEnded { reason },
            Notice::Ended { .. } => Event::Ended,
            _ => return,
        };
        events.send(event);
    }

    /// Control that was allowed is taken at once: the share window sends nothing before a click in it (RULE-14). What
    /// the customer took back by a click of theirs is taken again by [`Command::TakeControl`] alone.
    fn control_changed(
        &mut self,
        sharer: Fingerprint,
        control: Control,
        events: &mut Events<Event>,
    ) {
        match (self.control, control) {
            (Control::Off, Control::Offered) => {
                let take = session::Command::TakeControl { sharer };
                if let Err(refusal) = self.machine.command(take, clock::now_us()) {
                    tracing::info!(%refusal, "control is not taken");
                }
                return;
            }
            (Control::Off, Control::Taken) => events.send(Event::ControlChanged { allowed: true }),
            (Control::Taken, Control::Offered) => {
                events.send(Event::ControlPaused { paused: true });
            }
            (Control::Offered, Control::Taken) => {
                events.send(Event::ControlPaused { paused: false });
            }
            (Control::Taken | Control::Offered, Control::Off) => {
                events.send(Event::ControlChanged { allowed: false });
            }
            _ => {}
        }
        self.control = control;
    }
}

impl Listing {
    fn lost(&mut self) {
        tracing::warn!("the connection to the center was lost; trying again");
        self.client = None;
        self.pause_us = RETRY_MIN_US;
        self.retry_us = Some(clock::now_us() + self.pause_us);
    }

    /// Begins to take the session up again at the center, if that is due. Whoever has joined stays
    /// joined meanwhile.
    fn resume_if_due(&mut self, endpoint: &Endpoint, network: &Network, now_us: u64) {
        if self.retry_us.is_none_or(|due_us| due_us > now_us) {
            return;
        }
        self.retry_us = None;
        let (endpoint, center) = (endpoint.clone(), self.center.clone());
        let (data_dir, number) = (self.data_dir.clone(), self.number);
        let network = network.clone();
        self.resuming.spawn(async move {
            let mut client =
                directory::connect(&endpoint, &center, &data_dir, None, &network).await?;
            let addresses = directory::addresses(&endpoint, &center).await;
            client.resume_session(number, addresses).await?;
            Ok(client)
        });
    }

    fn resumed(&mut self, result: Result<Client, Error>) {
        match result {
            Ok(client) => self.client = Some(client),
            Err(error) => {
                tracing::debug!(%error, "the center is still away");
                self.pause_us = (self.pause_us * 2).min(RETRY_MAX_US);
                self.retry_us = Some(clock::now_us() + self.pause_us);
            }
        }
    }

    async fn close(&mut self) {
        if let Some(mut client) = self.client.take() {
            if let Err(error) = client.close_session(self.number).await {
                tracing::debug!(%error, "the session could not be closed at the center");
            }
            client.disconnect();
        }
    }
}

fn is_not_enrolled<T>(opened: &Result<T, CenterError>) -> bool {
    matches!(opened, Err(CenterError::Refused { reason: Refusal::NotEnrolled, .. }))
}

/// Waits for the next joiner; `None` when the connection to the center is lost. For ever while there
/// is none.
async fn introduction(client: Option<&mut Client>) -> Option<Introduced> {
    match client {
        Some(client) => client.next_introduction().await.ok(),
        None => std::future::pending().await,
    }
}
