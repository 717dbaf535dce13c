//! The encode thread: pictures in, updates out.
//!
//! One thread serves all lines in turn, each from the newest picture. So a share never takes more
//! cores than one encoder has threads, and the lines look at one picture without handing it around.
//! A line's turn is short where others wait for it (`line`). Lines exist only while they have
//! viewers.

use std::sync::Arc;
use std::time::Duration;

use tessera_codec::{Encoder, EncoderConfig, SetupError, Size};

use super::capture::Captured;
use super::line::{Kind, Line, Member, Now, Turn};
use super::pictures::Reader;
use super::stage::{Seating, Seatings, Stage};
use crate::clock;

/// Most lines at a time: a fast and a slow one for each colour mode.
const MAX_LINES: usize = 6;

/// The epochs that the next encoder at each place begins with. Encoders at different places never
/// use the same, since viewers change from one to another: each counts in steps of [`MAX_LINES`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct Epochs([u32; MAX_LINES]);

impl Epochs {
    /// Those of the first share.
    pub(crate) fn first() -> Self {
        Self(std::array::from_fn(|place| place as u32 + 1))
    }

    /// Those after a share of which it is not known how far it came.
    pub(crate) fn far_later(self) -> Self {
        Self(self.0.map(|epoch| epoch.saturating_add((MAX_LINES as u32) << 16)))
    }
}

/// The thread's state.
pub(crate) struct Encode {
    stage: Arc<Stage>,
    seatings: Arc<Seatings>,
    pictures: Reader<Captured>,
    /// The viewers by the latest word.
    seating: Seating,
    /// The lines, each at its place.
    lines: [Option<Line>; MAX_LINES],
    epochs: Epochs,
    /// The place whose turn is next.
    next: usize,
    threads: usize,
}

enum Next {
    /// Look again at once.
    Again,
    /// Nothing to do before this time, or before somebody wakes the thread.
    Wait(Option<u64>),
}

impl Encode {
    pub(crate) fn new(
        stage: Arc<Stage>,
        seatings: Arc<Seatings>,
        pictures: Reader<Captured>,
        epochs: Epochs,
        threads: usize,
    ) -> Self {
        Self {
            stage,
            seatings,
            pictures,
            seating: Seating::new(),
            lines: Default::default(),
            epochs,
            next: 0,
            threads,
        }
    }

    /// Runs until the stage is stopped, and returns the epochs of the next share.
    pub(crate) fn run(mut self) -> Epochs {
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
        for place in 0..MAX_LINES {
            self.end_line(place);
        }
        self.epochs
    }

    fn step(&mut self) -> Next {
        let now_us = clock::now_us();
        self.take_newest();
        self.seat_viewers(now_us);
        for line in self.lines.iter_mut().flatten() {
            line.heed_reports();
        }
        self.settle_lines(now_us);
        let mut turn = self.take_turns(now_us);
        if matches!(turn, Turn::Blocked(_)) {
            self.stage.gate.encoder_waits();
            turn = self.take_turns(now_us);
        }
        // Newer pixels go first.
        let is_open = self.seating.iter().any(|seat| seat.is_open());
        let capture_goes = self.stage.gate.encoder_idle(is_open);
        match turn {
            Turn::Worked if !capture_goes => Next::Again,
            Turn::Worked => Next::Wait(None),
            Turn::Waits(until_us) | Turn::Blocked(until_us) => Next::Wait(until_us),
        }
    }

    /// Takes the newest picture; what has changed in it is damage of each line.
    fn take_newest(&mut self) {
        if self.pictures.advance()
            && let Some(picture) = self.pictures.current()
        {
            for line in self.lines.iter_mut().flatten() {
                line.damage(&picture.changed);
            }
        }
    }

    /// Gives newcomers a line and lets go of those who have left.
    fn seat_viewers(&mut self, now_us: u64) {
        let newest = self.seatings.for_encode.take();
        if let Some(seating) = &newest {
            self.seating.clone_from(seating);
        }
        let has_left = |member: &Member, seating: &Seating| {
            member.seat.has_left() || !seating.iter().any(|seat| Arc::ptr_eq(seat, &member.seat))
        };
        for line in self.lines.iter_mut().flatten() {
            while let Some(at) =
                line.members.iter().position(|member| has_left(member, &self.seating))
            {
                line.leave(at);
            }
        }
        self.seating.retain(|seat| !seat.has_left());
        if newest.is_none() {
            return;
        }
        for at in 0..self.seating.len() {
            let Some(seat) = self.seating.get(at) else { return };
            let mut members = self.lines.iter().flatten().flat_map(|line| &line.members);
            if !seat.has_failed() && !members.any(|member| Arc::ptr_eq(&member.seat, seat)) {
                self.place(Member::new(Arc::clone(seat), now_us), now_us);
            }
        }
    }

    /// Moves viewers to the lines where they belong, and ends lines without any.
    fn settle_lines(&mut self, now_us: u64) {
        for place in 0..MAX_LINES {
            while let Some(line) = &mut self.lines[place] {
                let astray = |member: &Member| member.kind() != line.kind;
                let Some(at) = line.members.iter().position(astray) else { break };
                let wanted = line.members.get(at).map(Member::kind);
                let is_alone = line.members.len() == 1;
                match wanted {
                    // The line goes with its only viewer, who then need not be sent everything.
                    Some(kind) if is_alone && self.place_of(kind).is_none() => {
                        if let Some(line) = &mut self.lines[place] {
                            line.become_kind(kind, now_us);
                        }
                    }
                    _ => {
                        let Some(line) = &mut self.lines[place] else { break };
                        let member = line.leave(at);
                        self.place(member, now_us);
                    }
                }
            }
            if self.lines[place].as_ref().is_some_and(|line| line.members.is_empty()) {
                self.end_line(place);
            }
        }
        let lines = self.lines.iter().flatten().count();
        self.stage.coding.set_lines(lines as u64);
    }

    fn place_of(&self, kind: Kind) -> Option<usize> {
        self.lines.iter().position(|line| line.as_ref().is_some_and(|line| line.kind == kind))
    }

    /// Puts a viewer on the line where it belongs, which begins if need be.
    fn place(&mut self, member: Member, now_us: u64) {
        let kind = member.kind();
        let place = match self.place_of(kind) {
            Some(place) => place,
            None => match self.begin_line(kind) {
                Ok(place) => place,
                Err(error) => {
                    member.seat.fail(&error);
                    return;
                }
            },
        };
        if let Some(line) = self.lines.get_mut(place).and_then(Option::as_mut) {
            line.join(member, now_us);
        }
    }

    /// Begins a line at a free place; there is one, since there are as many as kinds.
    fn begin_line(&mut self, kind: Kind) -> Result<usize, SetupError> {
        let place = self.lines.iter().position(Option::is_none).unwrap_or_default();
        let config = EncoderConfig {
            threads: self.threads,
            first_epoch: self.epochs.0[place],
            epoch_step: MAX_LINES as u32,
            colours: kind.colours,
            ..EncoderConfig::default()
        };
        let size = self.pictures.current().map_or_else(Size::default, |now| now.frame.size());
        self.lines[place] = Some(Line::new(kind, Encoder::new(size, config)?, size));
        Ok(place)
    }

    fn end_line(&mut self, place: usize) {
        if let Some(line) = self.lines[place].take() {
            self.epochs.0[place] = line.epoch().saturating_add(MAX_LINES as u32);
        }
    }

    /// Gives the lines their turn until one has had something to do.
    fn take_turns(&mut self, now_us: u64) -> Turn {
        let now = Now {
            picture: self.pictures.current(),
            pointer: self.stage.pointer(),
            us: now_us,
            is_shared: self.lines.iter().flatten().count() > 1,
            coding: &self.stage.coding,
        };
        let (mut due_us, mut is_blocked) = (None, false);
        for _ in 0..MAX_LINES {
            let place = self.next;
            self.next = (place + 1) % MAX_LINES;
            let Some(line) = &mut self.lines[place] else { continue };
            let at_us: Option<u64> = match line.take_turn(&now) {
                Turn::Worked => return Turn::Worked,
                Turn::Waits(at_us) => at_us,
                Turn::Blocked(at_us) => {
                    is_blocked = true;
                    at_us
                }
            };
            due_us = due_us.into_iter().chain(at_us).min();
        }
        if is_blocked { Turn::Blocked(due_us) } else { Turn::Waits(due_us) }
    }
}
