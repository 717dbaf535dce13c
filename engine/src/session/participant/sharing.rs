//! Shares: the own one and those of others, from their beginning to their end.

use tessera_transport::Fingerprint;

use super::peer::Watched;
use super::{Action, Notice, Participant, Picking, Refusal};
use crate::session::activity::{Right, ShareKind, Surface};
use crate::session::display::{ColourCount, Display, DisplayMode};
use crate::session::messages::Message;
use crate::session::roster::Role;
use crate::session::share::{Control, EndReason, ShareTarget};

/// What this participant shares.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnShare {
    /// What it shows.
    pub target: ShareTarget,
    /// Whether it is operated.
    pub control: Control,
    /// Who may operate it.
    pub controller: Option<Fingerprint>,
    /// How often control was taken back.
    pub turn: u32,
    /// Who draws on it.
    pub annotators: Vec<Fingerprint>,
    /// Until when nobody takes control after a click of the person here.
    pub(super) rests_until_us: u64,
    /// Whether the controller wants it as soon as that is over.
    pub(super) is_wanted: bool,
}

impl OwnShare {
    /// How much was allowed.
    #[must_use]
    pub const fn right(&self) -> Right {
        match self.control {
            Control::Off => Right::View,
            Control::Offered | Control::Taken => Right::Control,
        }
    }

    pub(super) fn rests_until_us(&self) -> Option<u64> {
        self.is_wanted.then_some(self.rests_until_us)
    }
}

impl Participant {
    /// Shares as it was agreed on, changing a share in progress rather than restarting it (RULE-15).
    pub(super) fn share_as(&mut self, kind: ShareKind, controller: Fingerprint) {
        let surface = self.share.as_ref().map(|share| share.target.surface());
        if let Some(surface) = surface {
            // Something else that has begun meanwhile goes on as it is.
            if (self.rules.goes_on_as)(surface, kind.surface) {
                self.give_control(kind.right, controller);
            }
        } else if crate::session::rules::sharing::needs_picking(kind.surface) {
            self.picking = Some(Picking { right: kind.right, controller });
            self.tell(Notice::Pick { right: kind.right });
        } else {
            self.begin_share(ShareTarget::DESKTOP, kind.right, Some(controller));
        }
    }

    pub(super) fn pick(&mut self, target: ShareTarget) -> Result<(), Refusal> {
        if target.surface() != Surface::Application || !target.is_valid() {
            return Err(Refusal::OtherShare);
        }
        let Picking { right, controller } = self.picking.take().ok_or(Refusal::NothingGoesOn)?;
        // Whoever it was for may have left meanwhile.
        let is_here = self.roster.member(controller).is_some();
        let right = if is_here { right } else { Right::View };
        self.begin_share(target.clean(), right, Some(controller));
        Ok(())
    }

    pub(super) fn cancel_pick(&mut self) -> Result<(), Refusal> {
        self.picking.take().map(drop).ok_or(Refusal::NothingGoesOn)
    }

    pub(super) fn change_target(&mut self, target: ShareTarget) -> Result<(), Refusal> {
        if !target.is_valid() {
            return Err(Refusal::NothingGoesOn);
        }
        let goes_on = self.rules.goes_on_as;
        let share = self.share.as_mut().ok_or(Refusal::NothingGoesOn)?;
        if !goes_on(share.target.surface(), target.surface()) {
            return Err(Refusal::OtherShare);
        }
        let target = target.clean();
        share.target = target.clone();
        self.actions.push_back(Action::ChangeTarget { target: target.clone() });
        self.send_all(&Message::TargetChanged { target });
        Ok(())
    }

    /// Begins a share, unless one goes on.
    pub(super) fn begin_share(
        &mut self,
        target: ShareTarget,
        right: Right,
        controller: Option<Fingerprint>,
    ) {
        if self.share.is_some() {
            return;
        }
        let control = (self.rules.granted)(right);
        self.share = Some(OwnShare {
            target: target.clone(),
            control,
            controller: controller.filter(|_| control != Control::Off),
            turn: 0,
            annotators: Vec::new(),
            rests_until_us: 0,
            is_wanted: false,
        });
        let viewers: Vec<_> = self.connected().collect();
        for viewer in viewers {
            self.show_to(viewer);
        }
        self.actions.push_back(Action::StartSharing { target });
        self.tell(Notice::Sharing { on: true, reason: None });
        if control != Control::Off {
            self.tell(Notice::Controlled { control, by: controller });
        }
    }

    /// Shows what is shared, if it is for this viewer.
    pub(super) fn show_to(&mut self, viewer: Fingerprint) {
        let role = self.roster.role_of(viewer);
        if self.share.is_some() && role.is_some_and(self.rules.is_shown_to) {
            self.actions.push_back(Action::ShowTo { viewer });
            self.actions.push_back(Action::TellLayer { to: viewer });
        }
    }

    /// The message that tells a viewer of the share, with the number of the first update that it is sent.
    #[must_use]
    pub fn share_started(&self, first_update: u64) -> Option<Message> {
        let share = self.share.as_ref()?;
        Some(Message::ShareStarted {
            target: share.target.clone(),
            control: share.control,
            turn: share.turn,
            controller: share.controller,
            annotators: share.annotators.clone(),
            first_update,
        })
    }

    /// Whether pictures may be sent to the holder of `key` now.
    #[must_use]
    pub fn may_see(&self, key: Fingerprint) -> bool {
        self.share.is_some() && self.roster.role_of(key).is_some_and(self.rules.is_shown_to)
    }

    /// A viewer is gone: what was theirs in the own share ends.
    pub(super) fn hide_from(&mut self, viewer: Fingerprint) {
        let Some(share) = &mut self.share else { return };
        let drew = share.annotators.contains(&viewer);
        share.annotators.retain(|annotator| *annotator != viewer);
        let operated = share.controller == Some(viewer);
        self.actions.push_back(Action::HideFrom { viewer });
        if operated {
            self.give_up_control();
        }
        if drew {
            self.announce_annotators();
        }
    }

    /// Ends the own share, if there is one, and tells its viewers.
    pub(super) fn end_own_share(&mut self, reason: EndReason) {
        let Some(share) = self.share.take() else { return };
        if share.control == Control::Taken {
            self.actions.push_back(Action::AllowInput { from: None });
        }
        if share.control != Control::Off {
            self.tell(Notice::Controlled { control: Control::Off, by: None });
        }
        if !share.annotators.is_empty() {
            self.tell(Notice::Annotating { sharer: self.own, annotators: Vec::new() });
        }
        // What was drawn outlasts a lost connection, as the share does.
        if reason != EndReason::ConnectionLost {
            self.actions.push_back(Action::ClearLayer { sharer: self.own });
        }
        self.actions.push_back(Action::StopSharing);
        self.send_all(&Message::ShareEnded { reason });
        self.tell(Notice::Sharing { on: false, reason: Some(reason) });
    }

    pub(super) fn stop_share(&mut self, sharer: Fingerprint) -> Result<(), Refusal> {
        let role = self.role().unwrap_or(Role::Customer);
        if !(self.rules.may_stop_share)(role, sharer == self.own) {
            return Err(Refusal::NotInControl);
        }
        if sharer == self.own {
            self.interrupted = None;
            if self.share.is_none() {
                return Err(Refusal::NothingGoesOn);
            }
            self.end_own_share(stopped_by(role));
        } else {
            self.watched(sharer).ok_or(Refusal::NothingGoesOn)?;
            self.send(sharer, Message::StopShare);
            self.watched_ended(sharer, stopped_by(role));
        }
        Ok(())
    }

    /// Somebody wants the own share stopped.
    pub(super) fn asked_to_stop(&mut self, role: Role) -> bool {
        if !(self.rules.may_stop_share)(role, false) {
            return false;
        }
        self.end_own_share(stopped_by(role));
        true
    }

    /// Somebody shares from now on.
    pub(super) fn share_begun(
        &mut self,
        sharer: Fingerprint,
        role: Role,
        watched: Watched,
        first_update: u64,
    ) -> bool {
        if !(self.rules.may_share)(role) {
            return false;
        }
        let Some(peer) = self.peers.get_mut(&sharer) else { return false };
        let (control, controller) = (watched.control, watched.controller);
        let annotators = watched.annotators.clone();
        if peer.share.replace(watched).is_none() {
            self.actions.push_back(Action::StartViewing { sharer, first_update });
            self.tell(Notice::Watching { sharer, reason: None });
        }
        if self.display.mode == DisplayMode::Sampling {
            self.send_colours(sharer);
        }
        if control != Control::Off {
            let own = controller == Some(self.own);
            self.tell(Notice::ControlChanged { sharer, control, own });
        }
        if !annotators.is_empty() {
            self.tell(Notice::Annotating { sharer, annotators });
        }
        true
    }

    pub(super) fn target_changed(&mut self, sharer: Fingerprint, target: ShareTarget) -> bool {
        let Some(share) = self.peers.get_mut(&sharer).and_then(|peer| peer.share.as_mut()) else {
            return true;
        };
        share.target = target.clone();
        self.tell(Notice::TargetChanged { sharer, target });
        true
    }

    /// What somebody shares is seen no more.
    pub(super) fn watched_ended(&mut self, sharer: Fingerprint, reason: EndReason) {
        let share = self.peers.get_mut(&sharer).and_then(|peer| peer.share.take());
        let Some(share) = share else { return };
        if share.control != Control::Off {
            let control = Control::Off;
            self.tell(Notice::ControlChanged { sharer, control, own: false });
        }
        if !share.annotators.is_empty() {
            self.tell(Notice::Annotating { sharer, annotators: Vec::new() });
        }
        if reason != EndReason::ConnectionLost {
            self.actions.push_back(Action::ClearLayer { sharer });
        }
        self.actions.push_back(Action::StopViewing { sharer });
        self.tell(Notice::Watching { sharer, reason: Some(reason) });
    }

    pub(super) fn choose_display_mode(&mut self, mode: DisplayMode) -> Result<(), Refusal> {
        if !self.may(self.rules.may_choose_display_mode) {
            return Err(Refusal::NotInControl);
        }
        if self.display.mode != mode {
            self.send_all(&Message::DisplayMode { mode });
            self.display_mode_is(mode);
        }
        Ok(())
    }

    /// The session's display mode is another.
    pub(super) fn display_mode_is(&mut self, mode: DisplayMode) {
        if self.display.mode == mode {
            return;
        }
        self.display.mode = mode;
        let holder = self.roster.holder();
        let peers: Vec<_> = self.peers.iter().map(|(key, peer)| (*key, peer.colours)).collect();
        for (viewer, colours) in peers {
            let display = Display { mode, colours };
            self.actions.push_back(Action::SetDisplay { viewer, display });
            if holder == Some(viewer) {
                self.tell(Notice::DisplayChanged { viewer, display });
            }
        }
        if holder == Some(self.own) {
            self.tell(Notice::DisplayChanged { viewer: self.own, display: self.display });
        }
        let sharers: Vec<_> = self.connected().filter(|key| self.watched(*key).is_some()).collect();
        for sharer in sharers {
            self.send_colours(sharer);
        }
    }

    pub(super) fn choose_colours(&mut self, colours: ColourCount) -> Result<(), Refusal> {
        if !(self.rules.may_choose_colours)(self.display.mode) {
            return Err(Refusal::NotSampling);
        }
        if std::mem::replace(&mut self.display.colours, colours) != colours {
            self.send_all(&Message::Colours { colours });
            self.tell(Notice::DisplayChanged { viewer: self.own, display: self.display });
        }
        Ok(())
    }

    /// Tells somebody which colours this side wants to see, in Screen sampling.
    pub(super) fn send_colours(&mut self, to: Fingerprint) {
        if (self.rules.may_choose_colours)(self.display.mode) {
            self.send(to, Message::Colours { colours: self.display.colours });
        }
    }

    /// A viewer wants to see so many colours.
    pub(super) fn colours_wanted(&mut self, viewer: Fingerprint, colours: ColourCount) -> bool {
        let mode = self.display.mode;
        if !(self.rules.may_choose_colours)(mode) {
            return false;
        }
        if let Some(peer) = self.peers.get_mut(&viewer) {
            peer.colours = colours;
            let display = Display { mode, colours };
            self.actions.push_back(Action::SetDisplay { viewer, display });
            self.tell(Notice::DisplayChanged { viewer, display });
        }
        true
    }
}

const fn stopped_by(role: Role) -> EndReason {
    match role {
        Role::Customer => EndReason::StoppedByCustomer,
        Role::Primary | Role::Assisting => EndReason::StoppedByCsr,
    }
}
