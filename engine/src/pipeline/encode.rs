//! The encode thread: pictures in, updates out.
//!
//! It keeps the newest picture and codes what is damaged in it while a send slot is open; what the
//! budget leaves stays damage. What a viewer lacks goes before newer pixels, those before leftovers,
//! leftovers before refinement.

use std::sync::Arc;
use std::time::Duration;

use tessera_codec::{
    Audience, EncodeRequest, Encoder, Payloads, Position, Region, Size, TileIndex, Track,
};
use tessera_transport::report::{Differs, Report};

use super::capture::Captured;
use super::pictures::Reader;
use super::stage::{Outgoing, Stage};
use crate::clock;

/// Pause after a refinement that found nothing to do, in microseconds: its tiles have changed, and
/// their damage is about to arrive.
const REFINE_PAUSE_US: u64 = 10_000;

/// The one viewer of the line, in its audience.
const VIEWER: u64 = 0;

/// The thread's state.
pub(crate) struct Encode {
    encoder: Encoder,
    audience: Audience,
    stage: Arc<Stage>,
    pictures: Reader<Captured>,
    /// Damage left over from the former picture, kept to save an allocation.
    leftover: Region,
    payloads: Payloads,
    refine_after_us: u64,
}

enum Next {
    /// Look again at once.
    Again,
    /// Nothing to do before this time, or before somebody wakes the thread.
    Wait(Option<u64>),
}

impl Encode {
    pub(crate) fn new(encoder: Encoder, stage: Arc<Stage>, pictures: Reader<Captured>) -> Self {
        let mut audience = Audience::new();
        audience.join(VIEWER);
        Self {
            encoder,
            audience,
            stage,
            pictures,
            leftover: Region::empty(Size::default()),
            payloads: Payloads::new(),
            refine_after_us: 0,
        }
    }

    /// Runs until the stage is stopped and returns the encoder, which knows what the viewer holds.
    pub(crate) fn run(mut self) -> Encoder {
        self.stage.gate.register_encoder(std::thread::current());
        while !self.stage.gate.is_stopped() {
            match self.step() {
                Next::Again => {}
                Next::Wait(None) => std::thread::park(),
                Next::Wait(Some(until_us)) => {
                    let wait_us = until_us.saturating_sub(clock::now_us());
                    std::thread::park_timeout(Duration::from_micros(wait_us));
                }
            }
        }
        self.encoder
    }

    fn step(&mut self) -> Next {
        self.take_newest();
        while let Some((track, number)) = self.stage.next_lost() {
            // Of an epoch that has ended, it may name another update: then that is sent twice.
            match track {
                Track::Video => self.encoder.video_lost(number),
                Track::Leaf | Track::Chain => self.encoder.leaf_lost(number),
            }
        }
        self.encoder.set_colours(self.stage.colours());
        self.heed_reports();
        if let Some(next) = self.heal() {
            return next;
        }
        let Some(picture) = self.pictures.current_mut() else {
            return Next::Wait(None);
        };
        let now_us = clock::now_us();
        let refine_us =
            self.encoder.next_refinement_us().map(|due_us| due_us.max(self.refine_after_us));
        let damaged = !picture.changed.is_empty();
        if !damaged && refine_us.is_none_or(|due_us| due_us > now_us) {
            self.stage.gate.encoder_idle();
            return Next::Wait(refine_us);
        }
        let stage = &self.stage;
        if !stage.gate.may_encode_or_wake(|| stage.has_room()) {
            stage.gate.encoder_idle();
            return Next::Wait(None);
        }
        let request = EncodeRequest {
            now_us,
            budget_bytes: stage.gate.flow().budget_bytes(),
            pointer: stage.pointer(),
        };
        let report = self.encoder.encode(
            picture.frame.view(),
            &mut picture.changed,
            &request,
            &mut self.payloads,
        );
        if self.payloads.is_empty() && !damaged {
            self.refine_after_us = now_us + REFINE_PAUSE_US;
        }
        if !self.payloads.is_empty() {
            self.audience.deliver(self.encoder.position(), |_| true, |_| {});
        }
        let damage_us = if damaged { picture.meta.damage_us } else { 0 };
        self.send(report.bytes as u64, damage_us);
        if self.stage.gate.encoder_idle() { Next::Wait(None) } else { Next::Again }
    }

    fn heed_reports(&mut self) {
        while let Some(report) = self.stage.next_report() {
            match report {
                Report::Lost => self.audience.lost(VIEWER),
                Report::Differs(Differs { epoch, number, parts }) => {
                    let hashes = parts.into_iter().map(|(tile, hash)| (TileIndex(tile), hash));
                    let wrong = self.encoder.find_wrong(Position { epoch, number }, hashes);
                    self.audience.found_wrong(VIEWER, &wrong);
                }
                Report::Acknowledged(_) => {}
            }
        }
    }

    /// Sends the viewer what it lacks of the line's picture, if it lacks anything.
    fn heal(&mut self) -> Option<Next> {
        if !self.audience.needs_healing(VIEWER) || self.encoder.position().number == 0 {
            return None;
        }
        let stage = &self.stage;
        if !stage.gate.may_encode_or_wake(|| stage.has_room()) {
            stage.gate.encoder_idle();
            return Some(Next::Wait(None));
        }
        let budget_bytes = stage.gate.flow().budget_bytes();
        self.audience.heal(VIEWER, &mut self.encoder, budget_bytes, &mut self.payloads);
        let bytes: usize = self.payloads.iter().map(|payload| payload.bytes.len()).sum();
        self.send(bytes as u64, 0);
        Some(Next::Again)
    }

    /// Takes the newest picture and carries over what was left of the former one.
    fn take_newest(&mut self) {
        match self.pictures.current() {
            Some(former) => self.leftover.assign(&former.changed),
            None => self.leftover.clear(),
        }
        if !self.pictures.advance() {
            return;
        }
        if let Some(picture) = self.pictures.current_mut()
            && picture.changed.grid() == self.leftover.grid()
        {
            picture.changed.merge(&self.leftover);
        }
    }

    fn send(&mut self, bytes: u64, damage_us: u64) {
        if self.payloads.is_empty() {
            return;
        }
        // Counted before the transport can see them, so that bytes in flight never look negative.
        self.stage.gate.encoded(bytes);
        let last = self.payloads.len() - 1;
        for (at, payload) in self.payloads.drain().enumerate() {
            let outgoing = Outgoing { payload, damage_us, ends_picture: at == last };
            if !self.stage.push(outgoing) {
                // An update on the chain must not be left out: begin anew.
                self.encoder.restart();
                break;
            }
        }
        self.stage.wake_transport();
    }
}
