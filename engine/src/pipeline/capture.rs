//! The capture thread: damage in, pictures out, as soon as the encoder and any viewer's path take
//! one.
//!
//! The thread sleeps in the source's `wait`. Damage that cannot be used at once stays in one set
//! and merges; pixels are read only when they will be encoded now.

use std::sync::Arc;
use std::time::Duration;

use tessera_capture::{CaptureError, ScreenSource, SourceEvent, Wake};
use tessera_codec::Region;

use super::pictures::Writer;
use super::stage::{OnNotice, Seating, Seatings, SourceNotice, Stage};
use super::sweep::Sweep;
use crate::clock;

/// What the encoder has to know of a picture besides its pixels.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Captured {
    /// When the oldest damage in it was noticed.
    pub(crate) damage_us: u64,
}

/// The thread's state.
pub(crate) struct Capture {
    source: Box<dyn ScreenSource>,
    stage: Arc<Stage>,
    seatings: Arc<Seatings>,
    /// The viewers by the latest word.
    seating: Seating,
    pictures: Writer<Captured>,
    on_notice: OnNotice,
    damage: Region,
    /// When the damage that waits was noticed first.
    damage_us: Option<u64>,
    sweep: Sweep,
    events: Vec<SourceEvent>,
}

impl Capture {
    pub(crate) fn new(
        source: Box<dyn ScreenSource>,
        stage: Arc<Stage>,
        seatings: Arc<Seatings>,
        pictures: Writer<Captured>,
        on_notice: OnNotice,
    ) -> Self {
        let damage = Region::empty(source.size());
        let sweep = Sweep::new(clock::now_us());
        let events = Vec::with_capacity(16);
        Self {
            source,
            stage,
            seatings,
            seating: Seating::new(),
            pictures,
            on_notice,
            damage,
            damage_us: None,
            sweep,
            events,
        }
    }

    /// Runs until the stage is stopped or the source fails.
    pub(crate) fn run(mut self) {
        while !self.stage.gate.is_stopped() {
            if let Err(error) = self.step() {
                (self.on_notice)(SourceNotice::Gone(error));
                return;
            }
        }
    }

    fn step(&mut self) -> Result<(), CaptureError> {
        // Damage that waits for a slot is woken by the gate; only an idle screen is swept.
        let timeout = self
            .damage
            .is_empty()
            .then(|| Duration::from_micros(self.sweep.wait_us(clock::now_us())));
        let wake = self.source.wait(timeout, &mut self.damage, &mut self.events)?;
        if let Some(seating) = self.seatings.for_capture.take() {
            self.seating = *seating;
        }
        self.tell_events();
        let now_us = clock::now_us();
        if self.damage.is_empty() {
            if !self.sweep.take_due(now_us) {
                return Ok(());
            }
            self.damage.fill();
        } else if wake == Wake::Activity {
            self.sweep.on_damage(now_us);
        }
        let damage_us = *self.damage_us.get_or_insert(now_us);
        let is_open = || self.seating.iter().any(|seat| !seat.has_left() && seat.is_open());
        if self.stage.gate.may_capture_or_wake(is_open) {
            self.capture(damage_us)?;
        }
        Ok(())
    }

    fn capture(&mut self, damage_us: u64) -> Result<(), CaptureError> {
        loop {
            let Self { source, pictures, damage, .. } = self;
            pictures.resize(source.size());
            self.stage.gate.capturing();
            let written = pictures.write(
                damage,
                |tiles, frame| source.read(tiles, frame),
                |captured| {
                    if captured.damage_us == 0 {
                        captured.damage_us = damage_us;
                    }
                },
            );
            match written {
                Ok(true) => {
                    self.damage.clear();
                    self.damage_us = None;
                    self.stage.gate.captured();
                    return Ok(());
                }
                Ok(false) => {
                    self.stage.gate.capture_waits_for_picture();
                    if !self.pictures.is_at_hand() {
                        return Ok(());
                    }
                }
                // The next wait tells the new size and replaces the damage.
                Err(CaptureError::SizeChanged) => {
                    self.stage.gate.not_captured();
                    return Ok(());
                }
                Err(error) => return Err(error),
            }
        }
    }

    fn tell_events(&mut self) {
        for event in self.events.drain(..) {
            match event {
                SourceEvent::Pointer { x, y } => {
                    self.stage.set_pointer(x, y);
                    for seat in &self.seating {
                        seat.pointer_moved.wake();
                    }
                }
                SourceEvent::Cursor(shape) => (self.on_notice)(SourceNotice::Cursor(shape)),
                SourceEvent::LocalPress => (self.on_notice)(SourceNotice::LocalPress),
                SourceEvent::SharedMemoryAbsent(absent) => {
                    (self.on_notice)(SourceNotice::Remark(absent.to_string()));
                }
                // The size is read before each picture; single monitors are not shared yet.
                SourceEvent::Resized(_) | SourceEvent::Monitors => {}
            }
        }
    }
}
