//! The encode thread: pictures in, updates out.
//!
//! One thread serves all lines in turn, each from the newest picture. So a share never takes more
//! cores than one encoder has threads, and the lines look at one picture without handing it around.
//! A line's turn is short where others wait for it (`line`). Lines exist only while they have
//! viewers. Frames of film are coded on a thread beside this one, since the rest of a picture must not
//! wait for them: it is coded and sent first, and the film when it is coded.

use std::sync::Arc;
use std::time::Duration;

use tessera_codec::{Encoder, EncoderConfig, SetupError, Size};

use super::aside::Aside;
use super::capture::Captured;
use super::film::ToCode;
use super::line::{FilmTurn, Kind, Line, Member, Now, Turn};
use super::pictures::Reader;
use super::stage::{Seating, Seatings, Stage};
use crate::clock;

/// Most lines at a time: a fast and a slow one for each colour mode.
pub(super) const MAX_LINES: usize = 6;

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
    /// Name of the next line.
    next_line: u64,
    settings: Settings,
    film: Aside<ToCode>,
}

/// What does not change during a share.
#[derive(Clone, Copy, Debug)]
pub(super) struct Settings {
    /// Threads that code.
    pub(super) threads: usize,
    /// See [`super::Sharer::limit_film`].
    pub(super) film_bytes_per_s_per_megapixel: Option<u32>,
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
        settings: Settings,
        film: Aside<ToCode>,
    ) -> Self {
        Self {
            stage,
            seatings,
            pictures,
            seating: Seating::new(),
            lines: Default::default(),
            epochs,
            next: 0,
            next_line: 0,
            settings,
            film,
        }
    }

    /// Runs until the stage is stopped, and returns the epochs of the next share.
    pub(crate) fn run(mut self) -> Epochs {
        self.stage.gate.register_encoder(std::thread::current());
        self.film.register_owner();
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
        self.send_film(now_us);
        let mut turn = self.take_turns(now_us);
        if matches!(turn, Turn::Blocked(_)) {
            self.stage.gate.encoder_waits();
            turn = self.take_turns(now_us);
        }
        let mut film = self.take_film(now_us);
        if matches!(film, FilmTurn::Blocked(_)) {
            self.stage.gate.encoder_waits();
            film = self.take_film(now_us);
        }
        // Newer pixels go first.
        self.pictures.lay_down();
        let is_open = self.seating.iter().any(|seat| seat.is_open());
        let capture_goes = self.stage.gate.encoder_idle(is_open);
        let film_us = match film {
            FilmTurn::None => None,
            FilmTurn::Blocked(until_us) => until_us,
        };
        match turn {
            Turn::Worked if !capture_goes => Next::Again,
            Turn::Worked => Next::Wait(film_us),
            Turn::Waits(until_us) | Turn::Blocked(until_us) => {
                Next::Wait(until_us.into_iter().chain(film_us).min())
            }
        }
    }

    /// Sends the frames of film that have been coded.
    fn send_film(&mut self, now_us: u64) {
        while let Some(ToCode { line, film }) = self.film.take() {
            if let Some(line) = self.lines.iter_mut().flatten().find(|other| other.id == line) {
                line.send_film(film, now_us, &self.stage.coding);
            }
        }
    }

    /// Has the lines' film coded, as far as it is due and somebody has room for it.
    fn take_film(&mut self, now_us: u64) -> FilmTurn {
        let Some(picture) = self.pictures.current() else { return FilmTurn::None };
        let mut blocked = FilmTurn::None;
        for line in self.lines.iter_mut().flatten() {
            let due_us = match line.film_turn(now_us) {
                FilmTurn::None => match line.take_film(picture, now_us) {
                    None => continue,
                    Some(film) => {
                        if let Err(job) = self.film.give(ToCode { line: line.id, film }) {
                            // There is room for one of each line; what was not coded goes otherwise.
                            line.send_film(job.film, now_us, &self.stage.coding);
                        }
                        continue;
                    }
                },
                FilmTurn::Blocked(due_us) => due_us,
            };
            blocked = match blocked {
                FilmTurn::None => FilmTurn::Blocked(due_us),
                FilmTurn::Blocked(other) => {
                    FilmTurn::Blocked(other.into_iter().chain(due_us).min())
                }
            };
        }
        blocked
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
        let Settings { threads, film_bytes_per_s_per_megapixel } = self.settings;
        let config = EncoderConfig {
            threads,
            first_epoch: self.epochs.0[place],
            epoch_step: MAX_LINES as u32,
            colours: kind.colours,
            film_apart: true,
            film_bytes_per_s_per_megapixel,
            ..EncoderConfig::default()
        };
        let size = self.pictures.current().map_or_else(Size::default, |now| now.frame.size());
        let encoder = Encoder::new(size, config)?;
        self.lines[place] = Some(Line::new(self.next_line, kind, encoder, size));
        self.next_line += 1;
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
