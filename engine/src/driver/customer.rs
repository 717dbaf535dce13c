//! The customer's part in a session on its thread.

use std::sync::Arc;

use crossbeam::channel::{Receiver, Sender};
use tessera_capture::CaptureError;
use tessera_capture::x11::applications::RunningApplication;
use tessera_transport::pairing::{Number, Ticket};
use tessera_transport::path;
use tessera_transport::{CloseReason, Closed, Endpoint, Fingerprint, LinkError};
use tokio::sync::{Notify, mpsc};
use tokio::task::JoinSet;

use super::connection::{Arrival, Arrivals, Connection};
use super::input::{Control, Injector};
use super::joining::{self, Joined, Pass, Rejoined, WayBack};
use super::keeper::Keeper;
use super::layer::SharedLayer;
use super::log_file::LogFile;
use super::surface::Surface;
use super::unfinished;
use super::{Events, directory, next_command, until};
use crate::annotate::{Board, Op, Rights};
use crate::customer::{Command, Entrance, Event, Handle, Options};
use crate::figures::ShareFigures;
use crate::pipeline::{Sharer, SourceNotice, ViewerId};
use crate::session::activity::{Right, Surface as Shared};
use crate::session::messages::{MAX_NAME_CHARS, Message, VERSION};
use crate::session::roster::RosterError;
use crate::session::rules::Consent;
use crate::session::rules::session::GRACE_S;
use crate::session::share::{Control as Operated, ShareTarget};
use crate::session::{self, Action, Notice, Participant, Policy, Setup};
use crate::{Activity, Display, Error, Kept, Paths, chat, clock, plain_text};

/// Arrivals and notices that may wait for the session's thread.
const ARRIVALS: usize = 64;

pub(crate) fn join(options: Options) -> Result<(Handle, Receiver<Event>), Error> {
    let (events, receiver) = crossbeam::channel::bounded(super::EVENT_QUEUE);
    let (commands, queue) = super::commands();
    let figures = Arc::new(ShareFigures::default());
    let board = Board::default();
    let handle = Handle { commands, figures: Arc::clone(&figures), board: board.clone() };
    super::run(move || async move {
        // The receiver is told of the end when the last key has been let go as well.
        let alive = events.clone();
        let mut events = Events::new(events);
        match Session::join(options, queue, figures, board, alive).await {
            Ok(session) => session.run(&mut events).await,
            Err(error) => events.send(Event::Failed(error)),
        }
    })?;
    Ok((handle, receiver))
}

struct Session {
    endpoint: Endpoint,
    back: WayBack,
    surface: Surface,
    control: Option<Control>,
    /// How the session was entered: the code, until there is a ticket.
    entrance: Entrance,
    center: String,
    number: Number,
    keeper: Keeper,
    machine: Participant,
    log: LogFile,
    /// Whether the representative operates what is shared.
    operated: Operated,
    sharer: Sharer,
    /// The connection to the representative, who is a viewer of the sharer.
    connection: Option<(Connection, ViewerId)>,
    /// What every connection's pictures look like.
    display: Display,
    generation: u64,
    rejoining: JoinSet<Result<Rejoined, Error>>,
    /// Since when there is a way back that is being taken.
    returning_since_us: Option<u64>,
    arrivals: (Arrivals, mpsc::Receiver<(u64, Arrival)>),
    notices: (mpsc::Sender<SourceNotice>, mpsc::Receiver<SourceNotice>),
    /// A person has clicked on what is shared.
    pressed: Arc<Notify>,
    commands: mpsc::Receiver<Command>,
    figures: Arc<ShareFigures>,
    layer: SharedLayer,
    /// What ended the session, when it was no one's wish.
    failure: Option<Error>,
}

enum Wake {
    Command(Command),
    Arrival(u64, Arrival),
    Notice(SourceNotice),
    LocalPress,
    Rejoined(Box<Result<Rejoined, Error>>),
    Kept(Result<(), Error>),
    Due,
}

impl Session {
    async fn join(
        options: Options,
        commands: mpsc::Receiver<Command>,
        figures: Arc<ShareFigures>,
        board: Board,
        alive: Sender<Event>,
    ) -> Result<Self, Error> {
        let Options { center, data_dir, entrance, name, screen, standing_consent, network } =
            options;
        let name = plain_text(&name, MAX_NAME_CHARS);
        // Opened first: a missing display is reported before anybody is bothered.
        let (surface, sink) = Surface::new(screen)?;
        let endpoint = directory::bind(None, &data_dir, None)?;
        if network.paths == Paths::Relayed {
            endpoint.forbid_direct();
        }
        let (number, center) = match &entrance {
            Entrance::Code(code) => (code.number, center),
            Entrance::Return(kept) => (kept.number, kept.center.clone()),
        };
        let found = joining::find(&endpoint, &center, &data_dir, number, &network).await;
        let found = found.inspect_err(|error| {
            if matches!((error, &entrance), (Error::CodeUnknown, Entrance::Return(_))) {
                // Nobody will ever get back into it.
                let _ = Kept::forget(&data_dir);
            }
        })?;
        let (joined, shows) = match &entrance {
            Entrance::Code(code) => {
                (joining::join(&endpoint, &found, &network, code).await?, false)
            }
            Entrance::Return(kept) if kept.csr != found.csr => {
                return Err(Error::OtherRepresentative);
            }
            Entrance::Return(kept) => {
                let joined = joining::come_back(&endpoint, &found, &network, &kept.ticket).await?;
                (joined, kept.shows)
            }
        };
        let control =
            sink.map(|sink| Control::new(sink, Arc::clone(&figures), alive)).transpose()?;
        let consent = Consent::of(&standing_consent);
        let policy = Policy {
            can_operate: control.is_some(),
            switched_off: switched_off(&surface),
            ..Policy::default()
        };
        let (identity, csr) = (endpoint.identity(), found.csr);
        let own = identity.fingerprint();
        let setup = Setup { name, session: number, identity, policy };
        let machine = Participant::joining(setup, csr, consent);
        let (machine, log) = match entrance {
            Entrance::Code(_) => (machine, LogFile::create(&data_dir, number, own)),
            Entrance::Return(_) => {
                let (log, report) = LogFile::reopen(&data_dir, number, own);
                (machine.with_log(&report), log)
            }
        };
        board.set_own(own);
        let mut layer = SharedLayer::new(board);
        layer.seat(csr, own);
        let back = WayBack {
            center: center.clone(),
            data_dir: data_dir.clone(),
            number,
            found,
            network,
            ways: None,
        };
        let mut session = Self {
            endpoint,
            back,
            surface,
            machine,
            log,
            operated: Operated::Off,
            control,
            sharer: Sharer::with_figures(Arc::clone(&figures)),
            entrance,
            center,
            number,
            keeper: Keeper::new(data_dir),
            connection: None,
            display: Display::default(),
            generation: 0,
            rejoining: JoinSet::new(),
            returning_since_us: None,
            arrivals: mpsc::channel(ARRIVALS),
            notices: mpsc::channel(ARRIVALS),
            pressed: Arc::default(),
            commands,
            figures,
            layer,
            failure: None,
        };
        if shows {
            session.machine.resume_showing();
        }
        session.connected(joined)?;
        session.machine.handle_connected(csr);
        Ok(session)
    }

    async fn run(mut self, events: &mut Events<Event>) {
        loop {
            self.act(events).await;
            if self.machine.is_over() {
                break;
            }
            if events.is_abandoned() {
                self.order(session::Command::Leave);
                continue;
            }
            match self.wait().await {
                Wake::Command(command) => self.command(command, events),
                Wake::Arrival(generation, arrival) => self.arrived(generation, arrival),
                Wake::Notice(notice) => self.noticed(notice, events),
                Wake::LocalPress => self.pressed_here(),
                Wake::Rejoined(result) => self.rejoined(*result),
                Wake::Kept(Ok(())) => self.machine.ticket_kept(),
                Wake::Kept(Err(error)) => {
                    tracing::warn!(%error, "a restarted program will not find the session");
                    events.send(Event::Notice(error.to_string()));
                }
                Wake::Due => self.machine.handle_timeout(clock::now_us()),
            }
        }
        if let Some(error) = self.failure.take() {
            events.send(Event::Failed(error));
        }
        // Ends capture and lets go of all keys before the program is told that it may exit.
        self.disconnect();
        self.control = None;
        self.keeper.forget().await;
        self.log.finish().await;
        self.endpoint.close(&CloseReason::Goodbye);
        self.endpoint.wait_idle().await;
    }

    async fn wait(&mut self) -> Wake {
        let due_us = self.machine.poll_timeout_us();
        tokio::select! {
            command = next_command(&mut self.commands) => Wake::Command(command),
            Some((generation, arrival)) = self.arrivals.1.recv() => {
                Wake::Arrival(generation, arrival)
            }
            () = self.pressed.notified() => Wake::LocalPress,
            Some(notice) = self.notices.1.recv() => Wake::Notice(notice),
            Some(Ok(result)) = self.rejoining.join_next() => Wake::Rejoined(Box::new(result)),
            kept = self.keeper.written() => Wake::Kept(kept),
            () = until(due_us) => Wake::Due,
        }
    }

    fn command(&mut self, command: Command, events: &mut Events<Event>) {
        let command = match command {
            Command::Answer { id, granted, all } => session::Command::Answer { id, granted, all },
            Command::Annotate(on) => session::Command::Annotate { sharer: self.machine.own(), on },
            Command::Mark(mark) => session::Command::Mark { sharer: self.machine.own(), mark },
            Command::Chat(text) => return self.chat(&text, events),
            Command::Pick(picked) => return self.pick(&picked, events),
            Command::CancelPick => session::Command::CancelPick,
            Command::WithdrawControl => session::Command::WithdrawControl,
            Command::WithdrawAll => session::Command::WithdrawAll,
            Command::Stop => session::Command::StopShare { sharer: self.machine.own() },
            Command::Leave => session::Command::Leave,
        };
        self.order(command);
    }

    fn order(&mut self, command: session::Command) {
        if let Err(refusal) = self.machine.command(command, clock::now_us()) {
            tracing::debug!(%refusal, "refused");
        }
    }

    /// Shares what was picked, or shares it as well.
    fn pick(&mut self, picked: &[RunningApplication], events: &mut Events<Event>) {
        let also = self.surface.shows_applications();
        let target = self.surface.target(picked, also);
        let command = match also {
            true => session::Command::ChangeTarget(target),
            false => session::Command::Pick(target),
        };
        if let Err(refusal) = self.machine.command(command, clock::now_us()) {
            events.send(Event::Notice(refusal.to_string()));
        }
    }

    fn chat(&mut self, text: &str, events: &mut Events<Event>) {
        let text = chat::clean(text);
        let said = session::Command::Chat { to: None, text: text.clone() };
        let sent = self.machine.command(said, clock::now_us()).is_ok();
        events.send(Event::Said { text, sent });
    }

    fn pressed_here(&mut self) {
        self.order(session::Command::OwnClick);
    }

    fn connected(&mut self, Joined { link, control }: Joined) -> Result<(), Error> {
        self.disconnect();
        self.generation += 1;
        let (viewer, end) = self.sharer.add_viewer(self.display.colour_mode())?;
        let injector: Option<Injector> = self.control.as_ref().map(Control::injector);
        let figures = Arc::clone(&self.figures);
        let pictures_link = link.clone();
        let pictures = async move {
            let on_input = |event| match &injector {
                Some(injector) => injector.handle(event),
                None => figures.on_input(false),
            };
            end.run(&pictures_link, on_input).await
        };
        self.back.ways = link.ways().cloned();
        let mut connection =
            Connection::start(link, self.generation, control, &self.arrivals.0, pictures);
        let channel = self.back.found.channel.as_ref();
        let channel = channel.and_then(|channel| path::channel_of(&channel.token));
        connection.tell_ways(self.back.network.paths, channel, Arc::clone(&self.figures));
        self.connection = Some((connection, viewer));
        Ok(())
    }

    /// Ends the connection and what is shared over it.
    fn disconnect(&mut self) -> Option<Connection> {
        let (connection, viewer) = self.connection.take()?;
        self.stop_sharing();
        self.sharer.remove_viewer(viewer);
        Some(connection)
    }

    fn rejoined(&mut self, result: Result<Rejoined, Error>) {
        let connected = result.and_then(|Rejoined { joined, found, since_us }| {
            // Of what the center told for this connection.
            self.back.found = found.unwrap_or_else(|| self.back.found.clone());
            self.connected(joined)?;
            self.returning_since_us = Some(since_us);
            Ok(())
        });
        match connected {
            Ok(()) => self.machine.handle_connected(self.back.found.csr),
            Err(error) if is_final(&error) => {
                self.failure = Some(error);
                self.machine.handle_refused(clock::now_us());
            }
            Err(error) => tracing::info!(%error, "not yet back in the session"),
        }
    }

    fn arrived(&mut self, generation: u64, arrival: Arrival) {
        let Some((connection, _)) = &self.connection else { return };
        if connection.generation != generation {
            return;
        }
        let peer = connection.link.peer();
        match arrival {
            Arrival::Message(message) => {
                self.machine.handle_message(peer, message, clock::now_us());
            }
            Arrival::Silence(silent) => self.machine.handle_silence(peer, silent),
            Arrival::Cursor(_) => tracing::debug!("a cursor image came the wrong way"),
            Arrival::Candidates(candidates) => {
                if let Some(ways) =
                    self.back.ways.as_ref().filter(|_| self.back.network.paths == Paths::Any)
                {
                    ways.add_candidates(&candidates);
                }
            }
            Arrival::Ended(error) => {
                tracing::info!(%error, "the connection to the representative has ended");
                self.disconnect();
                if is_final(&error) {
                    self.failure = Some(error);
                    self.machine.handle_refused(clock::now_us());
                } else {
                    self.machine.handle_lost(peer, clock::now_us());
                }
            }
        }
    }

    fn noticed(&mut self, notice: SourceNotice, events: &mut Events<Event>) {
        match notice {
            SourceNotice::Cursor(shape) => {
                if let Some((connection, _)) = &self.connection {
                    connection.send_cursor(&shape);
                }
            }
            SourceNotice::LocalPress => self.pressed_here(),
            SourceNotice::Remark(sentence) => events.send(Event::Notice(sentence)),
            SourceNotice::Gone(CaptureError::ApplicationGone) => {
                events.send(Event::Notice(CaptureError::ApplicationGone.to_string()));
                self.order(session::Command::StopShare { sharer: self.machine.own() });
            }
            SourceNotice::Gone(error) => self.screen_gone(&error.into(), events),
        }
    }

    fn screen_gone(&mut self, error: &Error, events: &mut Events<Event>) {
        tracing::warn!(%error, "the share has ended");
        events.send(Event::Notice(error.to_string()));
        self.machine.handle_screen_gone();
    }

    async fn act(&mut self, events: &mut Events<Event>) {
        while let Some(action) = self.machine.poll_action() {
            match action {
                Action::Send { message, .. } => self.send(&message),
                Action::ShowTo { .. } => self.show(),
                Action::StartSharing { target } => {
                    tell_names(&target, events);
                    if let Err(error) = self.start_sharing(&target) {
                        self.screen_gone(&error, events);
                    }
                }
                Action::StopSharing => self.stop_sharing(),
                Action::ChangeTarget { target } => {
                    self.surface.change(&target);
                    tell_names(&target, events);
                }
                Action::AllowInput { from } => {
                    let peer =
                        self.connection.as_ref().map(|(connection, _)| connection.link.peer());
                    if let Some(control) = &mut self.control {
                        control.allow(from.is_some() && from == peer);
                    }
                }
                Action::SetDisplay { display, .. } => {
                    self.display = display;
                    if let Some((_, viewer)) = self.connection {
                        self.sharer.set_colours(viewer, display.colour_mode());
                    }
                }
                Action::KeepTicket(ticket) => self.keep(ticket),
                Action::Connect { .. } => {
                    if self.rejoining.is_empty() {
                        self.rejoin();
                    }
                }
                Action::Disconnect { .. } => {
                    if let Some(connection) = self.disconnect() {
                        connection.close(&CloseReason::Goodbye);
                    }
                }
                Action::Part { .. } => {
                    if let Some(connection) = self.disconnect() {
                        connection.part().await;
                    }
                }
                Action::Log { line, .. } => self.log.append(&line),
                Action::Tell(notice) => self.tell(notice, events),
                Action::Annotate { by, mark, rights, .. } => self.draw(by, &mark, rights),
                Action::ClearLayer { .. } => self.layer.clear(),
                Action::TellLayer { .. } => {
                    // In any order with what is drawn meanwhile: a layer does not mind.
                    let whole = self.layer.whole().into_iter();
                    let told = whole.map(|(by, mark)| Message::Marked { by, mark }).collect();
                    if let Some((connection, _)) = &mut self.connection {
                        connection.send_gradually(told);
                    }
                }
                // This program is connected to the holder of control alone, sees nobody's pictures, and lets nobody in.
                Action::HideFrom { .. }
                | Action::StartViewing { .. }
                | Action::StopViewing { .. }
                | Action::MakeTicket { .. }
                | Action::OpenDoor
                | Action::CloseDoor
                | Action::RenewCode
                | Action::CloseSession
                | Action::Offer(_)
                | Action::LogCustomerBackOn => {}
            }
        }
        let kept = self.keeper.newest().filter(|kept| kept.shows != self.shows_desktop());
        if let Some(ticket) = kept.map(|kept| kept.ticket.clone()) {
            self.keep(ticket);
        }
    }

    /// Replaces what a restarted program would come back with.
    fn keep(&mut self, ticket: Ticket) {
        self.keeper.keep(Kept {
            center: self.center.clone(),
            number: self.number,
            csr: self.back.found.csr,
            csr_name: self.machine.name_of(self.back.found.csr).to_owned(),
            ticket,
            shows: self.shows_desktop(),
        });
    }

    /// Whether a restarted program shows the desktop again. It would not know which applications or
    /// which monitor alone were shown, and must not show more.
    fn shows_desktop(&self) -> bool {
        let target = self.machine.share().map(|share| &share.target);
        self.machine.shows()
            && !self.surface.shows_applications()
            && target.is_none_or(|target| *target == ShareTarget::DESKTOP)
    }

    fn stop_sharing(&mut self) {
        self.sharer.stop();
        self.surface.close();
    }

    fn rejoin(&mut self) {
        let pass = match (self.keeper.newest(), &self.entrance) {
            (Some(Kept { ticket, .. }), _) | (None, Entrance::Return(Kept { ticket, .. })) => {
                Pass::Ticket(ticket.clone())
            }
            (None, Entrance::Code(code)) => Pass::Code(code.clone()),
        };
        self.rejoining.spawn(joining::rejoin(self.endpoint.clone(), self.back.clone(), pass));
    }

    fn draw(&mut self, by: Fingerprint, mark: &Op, rights: Rights) {
        let own = by == self.endpoint.fingerprint();
        if !self.layer.draw(by, own, mark, rights) {
            self.send(&Message::NotUnderstood);
        }
    }

    fn send(&self, message: &Message) {
        if let Some((connection, _)) = &self.connection {
            connection.send(message);
        }
    }

    /// Tells the viewer of the share, before its pictures.
    fn show(&self) {
        let Some((connection, viewer)) = &self.connection else { return };
        let first_update = self.sharer.next_update(*viewer);
        if let Some(started) = self.machine.share_started(first_update) {
            connection.send(&started);
        }
    }

    fn start_sharing(&mut self, target: &ShareTarget) -> Result<(), Error> {
        let Some((connection, _)) = &self.connection else {
            return Ok(());
        };
        if !self.machine.may_see(connection.link.peer()) {
            return Err(RosterError::Members.into());
        }
        let source = self.surface.open(target)?;
        let notices = self.notices.0.clone();
        let pressed = Arc::clone(&self.pressed);
        let injector = self.control.as_ref().map(Control::injector);
        self.sharer.start(source, move |notice| {
            if let SourceNotice::LocalPress = notice {
                // On this thread, so that no input comes between the click and its effect.
                if let Some(injector) = &injector {
                    injector.cut();
                }
                pressed.notify_one();
                return;
            }
            if notices.try_send(notice).is_err() {
                tracing::debug!("a notice of the screen was lost");
            }
        })
    }

    fn tell(&mut self, notice: Notice, events: &mut Events<Event>) {
        let event = match notice {
            Notice::Joined { name, again, .. } => {
                if let Some(since_us) = self.returning_since_us.take() {
                    self.figures.on_resumed(clock::now_us().saturating_sub(since_us));
                }
                Event::Joined { csr_name: name, again }
            }
            Notice::Asked { id, activity, text } => Event::Asked { id, activity, text },
            Notice::Withdrawn { id } => Event::Withdrawn { id },
            Notice::Pick { right } => Event::Pick { control: right == Right::Control },
            Notice::Sharing { on, reason } => Event::Sharing { on, reason },
            Notice::Controlled { control, .. } => {
                match (std::mem::replace(&mut self.operated, control), control) {
                    (Operated::Taken, Operated::Offered) => {
                        events.send(Event::TakenBack);
                        Event::Controlled { on: false }
                    }
                    (_, Operated::Taken) => Event::Controlled { on: true },
                    (_, Operated::Off) => Event::Controlled { on: false },
                    (_, Operated::Offered) => return,
                }
            }
            Notice::Silent { silent, .. } => Event::CsrSilent { silent },
            Notice::Annotating { annotators, .. } => {
                let [csr, own] =
                    [self.back.found.csr, self.machine.own()].map(|key| annotators.contains(&key));
                Event::Annotating { csr, own }
            }
            Notice::Chat { to_all, text, .. } => Event::Chat { to_all, text },
            Notice::DisplayChanged { display, .. } => Event::DisplayChanged(display),
            Notice::Lost { .. } => Event::CsrLost { grace_s: GRACE_S },
            Notice::Ended { by_holder } => Event::Ended { by_csr: by_holder },
            Notice::VersionMismatch { theirs } => {
                self.failure = Some(Error::VersionMismatch { ours: VERSION, theirs });
                return;
            }
            Notice::RosterRefused(error) => {
                self.failure = Some(error.into());
                return;
            }
            Notice::GivenUp => {
                self.failure = Some(Error::Lost { grace_s: GRACE_S });
                return;
            }
            _ => return,
        };
        events.send(event);
    }
}

/// Whether coming back would be in vain: the representative's program does not want this customer,
/// or broke the protocol.
fn is_final(error: &Error) -> bool {
    match error {
        Error::Misbehaved(_) => true,
        Error::Link(LinkError::Closed(Closed::ByPeer(reason))) => {
            !matches!(reason, CloseReason::Goodbye | CloseReason::Unknown(_))
        }
        Error::Link(LinkError::Violation(_)) => true,
        _ => false,
    }
}

/// What this program cannot do: what none can yet, and applications where there is no display.
fn switched_off(surface: &Surface) -> Vec<Activity> {
    let mut off = unfinished();
    if !surface.has_applications() {
        let is_application = |activity: &Activity| {
            activity.share().is_some_and(|kind| kind.surface == Shared::Application)
        };
        off.extend(Activity::ALL.into_iter().filter(is_application));
    }
    off
}

/// Says which applications are shared, if it is applications.
fn tell_names(target: &ShareTarget, events: &mut Events<Event>) {
    if let ShareTarget::Applications { windows } = target {
        let names = windows.iter().map(|window| window.name.clone()).collect();
        events.send(Event::SharedApplications(names));
    }
}
