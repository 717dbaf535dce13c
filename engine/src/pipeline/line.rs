//! One line: an encoder, the viewers that follow it, and what each of them is sent.
//!
//! All viewers of a line get the same buffers; nothing is coded for one of them alone but slices
//! for what it missed, and those are kept for the next one that missed the same. The line codes
//! when a viewer that follows has a send slot, waits a little for those that have none
//! (`patience`), and then leaves them out.

use std::sync::Arc;

use tessera_codec::{
    Audience, ColourMode, EncodeRequest, Encoder, FilmToCode, Pace, Pacing, Payloads, Position,
    Region, Room, Size, TileIndex, Track,
};
use tessera_transport::report::{Differs, Report};

use super::capture::Captured;
use super::flow::PictureRate;
use super::patience::Patience;
use super::pictures::Picture;
use super::seat::{Outgoing, Seat};
use crate::figures::CodingCounters;

/// Pause after a refinement that found nothing to do, in microseconds: its tiles have changed, and
/// their damage is about to arrive.
const REFINE_PAUSE_US: u64 = 10_000;

/// Most bytes of one turn that others wait for, be they viewers who follow or other lines: some ten
/// milliseconds of coding. A choice.
const SHARED_TURN_BYTES: usize = 32 << 10;

/// How long a viewer may be about to catch up with a line that others follow, in microseconds: then
/// the line is too fast for it. A choice.
const CATCHING_UP_US: u64 = 2_000_000;

/// How long film waits for a viewer that follows and has no room for it, while others have, in
/// microseconds: about a frame's time. A choice.
const FILM_WAIT_US: u64 = 30_000;

/// What tells the lines of a share apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Kind {
    pub(super) colours: ColourMode,
    pub(super) pace: Pace,
}

/// A viewer on a line.
pub(super) struct Member {
    pub(super) seat: Arc<Seat>,
    pacing: Pacing,
    patience: Patience,
    picture_rate: PictureRate,
    /// Whether it cannot use frames of a video before another begins.
    lacks_video: bool,
    /// Since when it has been sent slices without having caught up.
    behind_since_us: Option<u64>,
}

impl Member {
    pub(super) fn new(seat: Arc<Seat>, now_us: u64) -> Self {
        Self {
            seat,
            pacing: Pacing::default(),
            patience: Patience::of(Pace::Fast, now_us),
            picture_rate: PictureRate::default(),
            lacks_video: true,
            behind_since_us: None,
        }
    }

    /// The line on which it belongs.
    pub(super) fn kind(&self) -> Kind {
        Kind { colours: self.seat.colours(), pace: self.pacing.pace() }
    }

    /// Gives the viewer the same buffers as the others: the updates of a picture, or a frame of film.
    fn send(&mut self, payloads: &Payloads, epoch: u32, damage_us: u64) {
        // Counted before the connection can see them, so that bytes in flight never look negative.
        for payload in payloads {
            self.seat.encoded(payload.track, payload.bytes.len() as u64);
        }
        let mut left = payloads.iter().peekable();
        while let Some(payload) = left.next() {
            // Film has slots of its own.
            let ends_picture = left.peek().is_none() && payload.track != Track::Video;
            let payload = payload.clone();
            let is_queued = self.seat.push(Outgoing { payload, epoch, damage_us, ends_picture });
            debug_assert!(is_queued, "an open seat has room");
        }
        self.seat.wake_connection();
    }
}

/// What came of a line's turn.
pub(super) enum Turn {
    /// Something was done.
    Worked,
    /// There is nothing to do before this time, or before something changes.
    Waits(Option<u64>),
    /// There is something to do for a viewer without a send slot; or, from this time on, without it.
    Blocked(Option<u64>),
}

/// Whether a line's film may be coded.
pub(super) enum FilmTurn {
    /// Nothing is in its way; there may be none.
    None,
    /// Some is due for viewers that have no room; or, from this time on, for those that have.
    Blocked(Option<u64>),
}

/// What a turn needs to know.
pub(super) struct Now<'a> {
    pub(super) picture: Option<&'a Picture<Captured>>,
    pub(super) pointer: Option<(u16, u16)>,
    pub(super) us: u64,
    /// Whether other lines wait for the end of the turn.
    pub(super) is_shared: bool,
    pub(super) coding: &'a CodingCounters,
}

/// See the module documentation.
pub(super) struct Line {
    /// Names it among the lines of a share.
    pub(super) id: u64,
    pub(super) kind: Kind,
    encoder: Encoder,
    audience: Audience,
    pub(super) members: Vec<Member>,
    /// What has changed and has not been coded.
    damage: Region,
    payloads: Payloads,
    /// Viewers that follow and have a send slot in the turn at hand.
    open: Vec<u64>,
    next_to_heal: usize,
    refine_after_us: u64,
    /// Whether all that is damaged are pictures that find no room.
    is_held_back: bool,
    film: FilmAway,
}

/// What is known of the frame of film that is due or being coded.
#[derive(Default)]
struct FilmAway {
    /// Since when it is due and some viewer has room for it.
    due_us: Option<u64>,
    /// Viewers that will get it.
    open: Vec<u64>,
    /// When the damage in it was noticed.
    damage_us: u64,
}

impl Line {
    /// A line of `encoder` that has coded nothing of a picture of `size`.
    pub(super) fn new(id: u64, kind: Kind, encoder: Encoder, size: Size) -> Self {
        Self {
            id,
            kind,
            encoder,
            audience: Audience::new(),
            members: Vec::new(),
            damage: Region::full(size),
            payloads: Payloads::new(),
            open: Vec::new(),
            next_to_heal: 0,
            refine_after_us: 0,
            film: FilmAway::default(),
            is_held_back: false,
        }
    }

    pub(super) fn epoch(&self) -> u32 {
        self.encoder.position().epoch
    }

    pub(super) fn join(&mut self, mut member: Member, now_us: u64) {
        self.audience.join(member.seat.id);
        member.patience = Patience::of(self.kind.pace, now_us);
        (member.lacks_video, member.behind_since_us) = (true, None);
        self.members.push(member);
    }

    pub(super) fn leave(&mut self, at: usize) -> Member {
        let member = self.members.swap_remove(at);
        self.audience.leave(member.seat.id);
        member
    }

    /// Makes the line one of another kind, with the viewers that it has.
    pub(super) fn become_kind(&mut self, kind: Kind, now_us: u64) {
        self.kind = kind;
        self.encoder.set_colours(kind.colours);
        for member in &mut self.members {
            member.patience = Patience::of(kind.pace, now_us);
        }
    }

    /// Notes that the newest picture differs in `changed` from the one before.
    pub(super) fn damage(&mut self, changed: &Region) {
        self.is_held_back = false;
        if self.damage.grid() == changed.grid() {
            self.damage.merge(changed);
        } else {
            self.damage = Region::full(changed.grid().size());
        }
    }

    /// Heeds what viewers have said about what arrived.
    pub(super) fn heed_reports(&mut self) {
        let Self { members, encoder, audience, .. } = self;
        let epoch = encoder.position().epoch;
        for Member { seat, .. } in members {
            while let Some(lost) = seat.next_lost() {
                // Of another epoch it was sent again anyway.
                match lost.track {
                    Track::Video if lost.epoch == epoch => encoder.video_lost(lost.number),
                    Track::Leaf if lost.epoch == epoch => encoder.leaf_lost(lost.number),
                    _ => {}
                }
            }
            while let Some(report) = seat.next_report() {
                match report {
                    Report::Lost => audience.lost(seat.id),
                    Report::Differs(Differs { epoch, number, parts }) => {
                        let hashes = parts.into_iter().map(|(tile, hash)| (TileIndex(tile), hash));
                        let wrong = encoder.find_wrong(Position { epoch, number }, hashes);
                        audience.found_wrong(seat.id, &wrong);
                    }
                    Report::Acknowledged(_) => {}
                }
            }
        }
    }

    /// What a viewer lacks goes before newer pixels, those before leftovers, leftovers before
    /// refinement.
    pub(super) fn take_turn(&mut self, now: &Now<'_>) -> Turn {
        let healing = self.heal(now);
        match (healing, self.encode(now)) {
            (Turn::Worked, _) | (_, Turn::Worked) => Turn::Worked,
            (Turn::Blocked(_), Turn::Waits(at_us)) => Turn::Blocked(at_us),
            (_, turn) => turn,
        }
    }

    /// Sends a viewer what it lacks of the line's picture, if one lacks anything and has a slot.
    fn heal(&mut self, now: &Now<'_>) -> Turn {
        let Self { encoder, audience, members, payloads, .. } = self;
        let position = encoder.position();
        if position.number == 0 {
            return Turn::Waits(None);
        }
        let needs = |member: &Member| audience.needs_healing(member.seat.id);
        let may = |member: &Member| needs(member) && member.seat.is_open();
        let count = members.len();
        let mut in_turn = (self.next_to_heal..count).chain(0..self.next_to_heal.min(count));
        let Some(at) = in_turn.find(|&at| members.get(at).is_some_and(may)) else {
            let is_blocked = members.iter().any(needs);
            return if is_blocked { Turn::Blocked(None) } else { Turn::Waits(None) };
        };
        self.next_to_heal = at + 1;
        let others_follow = members.iter().any(|member| audience.follows(member.seat.id));
        let Some(member) = members.get_mut(at) else { return Turn::Waits(None) };
        let id = member.seat.id;
        let mut budget_bytes = member.seat.flow().budget_bytes();
        if others_follow || now.is_shared {
            budget_bytes = budget_bytes.min(SHARED_TURN_BYTES);
        }
        audience.heal(id, encoder, budget_bytes, payloads);
        let bytes: usize = payloads.iter().map(|payload| payload.bytes.len()).sum();
        now.coding.on_healed(bytes as u64);
        member.send(payloads, position.epoch, 0);
        payloads.clear();
        if audience.follows(id) {
            member.behind_since_us = None;
        } else {
            let since_us = *member.behind_since_us.get_or_insert(now.us);
            if others_follow && now.us.saturating_sub(since_us) > CATCHING_UP_US {
                member.pacing.fall_behind(now.us);
            }
        }
        Turn::Worked
    }

    /// Codes what has changed, or refines, for the viewers that follow.
    fn encode(&mut self, now: &Now<'_>) -> Turn {
        let Some(picture) = now.picture else { return Turn::Waits(None) };
        let room = self.room();
        let due_us = self.encoder.next_refinement_us();
        let due_us = due_us.map(|due_us| due_us.max(self.refine_after_us));
        let is_due = due_us.is_some_and(|due_us| due_us <= now.us);
        let is_damaged = !self.damage.is_empty() && (room.pictures || !self.is_held_back);
        let has_work = is_damaged || is_due && room.refinement_bytes > 0;
        match self.receivers(has_work, now.us) {
            Receivers::None if has_work || is_due || self.is_held_back => {
                return Turn::Blocked(None);
            }
            Receivers::None => return Turn::Waits(due_us),
            Receivers::Wait { until_us } => return Turn::Blocked(Some(until_us)),
            Receivers::Ready => {}
        }
        let (mut budget_bytes, mut picture_rate) = (usize::MAX, u64::MAX);
        for member in self.members.iter_mut().filter(|it| self.open.contains(&it.seat.id)) {
            let flow = member.seat.flow();
            budget_bytes = budget_bytes.min(flow.budget_bytes());
            let rate = member.picture_rate.at(now.us, &flow);
            picture_rate = rate.unwrap_or(u64::MAX).min(picture_rate);
        }
        self.encoder.set_picture_rate(u32::try_from(picture_rate).ok());
        self.encoder.set_room(room);
        if now.is_shared && self.kind.pace == Pace::Slow {
            budget_bytes = budget_bytes.min(SHARED_TURN_BYTES);
        }
        let request = EncodeRequest { now_us: now.us, budget_bytes, pointer: now.pointer };
        let frame = picture.frame.view();
        let report = self.encoder.encode(frame, &mut self.damage, &request, &mut self.payloads);
        if self.payloads.is_empty() {
            self.is_held_back = !room.pictures && !self.damage.is_empty();
            if !is_damaged {
                self.refine_after_us = now.us + REFINE_PAUSE_US;
            }
            return Turn::Worked;
        }
        now.coding.on_coded(report.bytes as u64);
        self.deliver(now, if is_damaged { picture.meta.damage_us } else { 0 });
        Turn::Worked
    }

    /// What finds room besides exact damage at those who follow and have a slot: pictures if one of them
    /// has room, since who has none goes by itself; refinement if all have.
    fn room(&self) -> Room {
        let starts = self.encoder.position().number == 0;
        let members = self.members.iter().map(|member| &member.seat);
        let served =
            members.filter(|seat| (starts || self.audience.follows(seat.id)) && seat.is_open());
        let nothing = Room { pictures: false, refinement_bytes: usize::MAX };
        served.map(|seat| seat.flow()).fold(nothing, |room, flow| Room {
            pictures: room.pictures || flow.is_open_for_pictures(),
            refinement_bytes: room.refinement_bytes.min(flow.refinement_bytes()),
        })
    }

    /// Finds out who would get an update now, into `open`, and whether to wait for others.
    fn receivers(&mut self, has_work: bool, now_us: u64) -> Receivers {
        let starts = self.encoder.position().number == 0;
        self.open.clear();
        let (mut is_wanted, mut longest_us) = (false, u64::MAX);
        for member in &self.members {
            let id = member.seat.id;
            if (starts || self.audience.follows(id)) && member.seat.is_open() {
                self.open.push(id);
                is_wanted = true;
            }
        }
        is_wanted &= has_work;
        for member in &mut self.members {
            let id = member.seat.id;
            let is_late = (starts || self.audience.follows(id)) && !self.open.contains(&id);
            let left_us = member.patience.note(is_wanted && is_late, now_us);
            if is_late {
                longest_us = longest_us.min(left_us);
            }
        }
        match longest_us {
            _ if !is_wanted => Receivers::None,
            u64::MAX | 0 => Receivers::Ready,
            left_us => Receivers::Wait { until_us: now_us + left_us },
        }
    }

    /// Gives the updates at hand to all who follow and have a slot.
    fn deliver(&mut self, now: &Now<'_>, damage_us: u64) {
        let Self { encoder, audience, members, payloads, open, .. } = self;
        let position = encoder.position();
        for member in members.iter_mut() {
            let id = member.seat.id;
            let is_left_out = !open.contains(&id);
            if audience.follows(id) {
                member.pacing.note(is_left_out, now.us);
                if is_left_out {
                    now.coding.on_left_out();
                }
            }
        }
        let has_room = |id: u64| open.contains(&id);
        audience.deliver(position, has_room, |id| {
            if let Some(member) = members.iter_mut().find(|member| member.seat.id == id) {
                member.send(payloads, position.epoch, damage_us);
            }
        });
        payloads.clear();
    }

    /// Whether a frame of film may be taken now. Whoever has no room for it is waited for briefly.
    pub(super) fn film_turn(&mut self, now_us: u64) -> FilmTurn {
        let Self { encoder, audience, members, film, .. } = self;
        // While one is being coded, `open` says who gets it.
        if !encoder.is_film_due() {
            film.due_us = None;
            return FilmTurn::None;
        }
        film.open.clear();
        let mut following = 0;
        for Member { seat, .. } in members.iter().filter(|it| audience.follows(it.seat.id)) {
            following += 1;
            if seat.takes_film() {
                film.open.push(seat.id);
            }
        }
        if film.open.is_empty() {
            return FilmTurn::Blocked(None);
        }
        let until_us = *film.due_us.get_or_insert(now_us) + FILM_WAIT_US;
        if film.open.len() < following && now_us < until_us {
            return FilmTurn::Blocked(Some(until_us));
        }
        FilmTurn::None
    }

    /// Takes a frame of film out of `picture` for the viewers that have room, if one is due.
    pub(super) fn take_film(
        &mut self,
        picture: &Picture<Captured>,
        now_us: u64,
    ) -> Option<Box<FilmToCode>> {
        let Self { encoder, members, film, .. } = self;
        if !encoder.is_film_due() {
            return None;
        }
        film.due_us = None;
        film.damage_us = picture.meta.damage_us;
        // Frames are of no use to whoever lacks those before them.
        let lacks = |member: &Member| member.lacks_video && film.open.contains(&member.seat.id);
        if members.iter().any(lacks) {
            encoder.video_lost(u32::MAX);
        }
        encoder.take_film(picture.frame.view(), now_us)
    }

    /// Sends a frame of film that was coded to the viewers that had room for it.
    pub(super) fn send_film(
        &mut self,
        film: Box<FilmToCode>,
        now_us: u64,
        coding: &CodingCounters,
    ) {
        let Self { encoder, audience, members, payloads, film: away, .. } = self;
        payloads.clear();
        let report = encoder.put_film(film, payloads);
        let Some(payload) = payloads.iter().next() else { return };
        let (epoch, begins) = (encoder.position().epoch, payload.begins_video);
        coding.on_coded(report.bytes as u64);
        for member in members.iter_mut() {
            let id = member.seat.id;
            let gets_it = away.open.contains(&id) && audience.follows(id) && member.seat.has_room();
            member.lacks_video = !gets_it || member.lacks_video && !begins;
            if audience.follows(id) {
                member.pacing.note(!gets_it, now_us);
            }
            if !member.lacks_video {
                member.send(payloads, epoch, away.damage_us);
            }
        }
        payloads.clear();
    }
}

/// Who would get an update now.
enum Receivers {
    /// Nobody, or there is none.
    None,
    /// Some, but others that follow may have a slot soon.
    Wait { until_us: u64 },
    /// Those in [`Line::open`].
    Ready,
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::sync::atomic::AtomicBool;
    use std::task::{Context, Poll, Waker};

    use bytes::Bytes;
    use crossbeam::atomic::AtomicCell;
    use tessera_capture::SourceWaker;
    use tessera_codec::{EncoderConfig, Frame, Rect, TileGrid, TileIndex};

    use super::super::pictures::{Reader, Writer, pictures};
    use super::super::seat::Wishes;
    use super::super::stage::Stage;
    use super::*;

    const SIZE: Size = Size::new(256, 128);

    struct Rig {
        stage: Arc<Stage>,
        line: Line,
        pictures: (Writer<Captured>, Reader<Captured>),
        screen: Frame,
        now_us: u64,
    }

    impl Rig {
        /// A line with a viewer of each of `ids`.
        fn new(ids: std::ops::Range<u64>) -> Self {
            let poll = mio::Poll::new().expect("an event queue");
            let waker = SourceWaker::new(poll.registry(), mio::Token(0)).expect("a waker");
            let kind = Kind { colours: ColourMode::Standard, pace: Pace::Fast };
            let config = EncoderConfig { film_apart: true, ..EncoderConfig::default() };
            let encoder = Encoder::new(SIZE, config).expect("an encoder");
            let mut rig = Self {
                stage: Arc::new(Stage::new(waker, Arc::default())),
                line: Line::new(0, kind, encoder, SIZE),
                pictures: pictures(SIZE),
                screen: Frame::black(SIZE),
                now_us: 1_000_000,
            };
            ids.for_each(|id| rig.join(id));
            rig
        }

        fn join(&mut self, id: u64) {
            let wishes = Wishes {
                colours: AtomicCell::new(ColourMode::Standard),
                has_left: AtomicBool::new(false),
            };
            let seat = Seat::new(id, Arc::clone(&self.stage), Arc::new(wishes));
            self.line.join(Member::new(Arc::new(seat), self.now_us), self.now_us);
        }

        /// Draws something in a tile and gives the line a turn.
        fn draw(&mut self, tile: u32, shade: u8) -> Turn {
            let rect = TileGrid::new(SIZE).rect(TileIndex(tile));
            self.paint(rect, |_, _| [shade; 3]);
            self.turn()
        }

        /// Draws a rectangle pixel by pixel, and tells the line.
        fn paint(&mut self, rect: Rect, mut pixel: impl FnMut(u16, u16) -> [u8; 3]) {
            let mut drawn = Region::empty(SIZE);
            drawn.add(rect);
            for y in rect.y..rect.y + rect.height {
                let row = self.screen.span_mut(rect.x, y, rect.width);
                for (to, x) in row.chunks_exact_mut(4).zip(rect.x..) {
                    to[..3].copy_from_slice(&pixel(x, y));
                }
            }
            let paint = |_: &Region, frame: &mut Frame| {
                frame.data_mut().copy_from_slice(self.screen.data());
                Ok::<_, std::convert::Infallible>(())
            };
            let Ok(is_written) = self.pictures.0.write(&drawn, paint, |_| {});
            assert!(is_written);
            assert!(self.pictures.1.advance());
            if let Some(picture) = self.pictures.1.current() {
                self.line.damage(&picture.changed);
            }
        }

        fn turn(&mut self) -> Turn {
            let now = Now {
                picture: self.pictures.1.current(),
                pointer: None,
                us: self.now_us,
                is_shared: false,
                coding: &self.stage.coding,
            };
            self.line.take_turn(&now)
        }

        /// What the connection of viewer `id` takes out of its outbox.
        fn sent_to(&self, id: u64) -> Vec<Bytes> {
            self.outgoing_to(id).into_iter().map(|outgoing| outgoing.payload.bytes).collect()
        }

        /// The viewer receives it and presents it at once.
        fn outgoing_to(&self, id: u64) -> Vec<Outgoing> {
            let seat = &self.line.members.iter().find(|member| member.seat.id == id);
            let seat = &seat.expect("it is there").seat;
            let mut context = Context::from_waker(Waker::noop());
            let mut sent = Vec::new();
            while let Poll::Ready(outgoing) =
                std::pin::pin!(seat.next_outgoing()).as_mut().poll(&mut context)
            {
                let outgoing = outgoing.expect("it can be served");
                let bytes = outgoing.payload.bytes.len() as u64;
                seat.handed_over(outgoing.payload.track, bytes);
                if outgoing.payload.track == Track::Video {
                    seat.film_received(bytes);
                    seat.film_done();
                } else {
                    seat.received(bytes, outgoing.ends_picture);
                    (0..u64::from(outgoing.ends_picture)).for_each(|_| seat.presented());
                }
                sent.push(outgoing);
            }
            sent
        }

        /// On which tracks that is.
        fn tracks_to(&self, id: u64) -> Vec<Track> {
            self.outgoing_to(id).iter().map(|outgoing| outgoing.payload.track).collect()
        }

        /// Draws frames of a film in the six tiles on the left until one is taken.
        fn play_until_taken(&mut self) -> Box<FilmToCode> {
            let film = Rect::new(0, 0, 192, 128);
            for number in 0..20 {
                self.now_us += 33_333;
                let mut state = number | 1;
                self.paint(film, |x, y| {
                    state = u32::wrapping_mul(state, 1_664_525).wrapping_add(1_013_904_223);
                    let fold = |at: u32| (at % 256).min(255 - at % 256) as u8;
                    let (x, y, grain) = (u32::from(x), u32::from(y), (state >> 29) as u8);
                    [fold(x * 2 + y + number * 143), fold(y + number * 319), fold(x)]
                        .map(|shade| shade + grain)
                });
                assert!(matches!(self.turn(), Turn::Worked));
                for id in 0..self.line.members.len() {
                    self.outgoing_to(id as u64);
                }
                // What led to the film has left when it is taken.
                let ids: Vec<u64> = self.line.members.iter().map(|it| it.seat.id).collect();
                ids.into_iter().for_each(|id| drop(self.outgoing_to(id)));
                if let Some(film) = self.take_film() {
                    return film;
                }
            }
            panic!("no film was found");
        }

        fn take_film(&mut self) -> Option<Box<FilmToCode>> {
            match self.line.film_turn(self.now_us) {
                FilmTurn::None => {}
                FilmTurn::Blocked(_) => return None,
            }
            let picture = self.pictures.1.current().expect("something was drawn");
            self.line.take_film(picture, self.now_us)
        }

        fn send_film(&mut self, mut film: Box<FilmToCode>) {
            film.code();
            self.line.send_film(film, self.now_us, &self.stage.coding);
        }

        /// Viewer `id` presents nothing of what it has received.
        fn stall(&self, id: u64) {
            for member in self.line.members.iter().filter(|member| member.seat.id == id) {
                (0..8).for_each(|_| member.seat.received(0, true));
            }
        }
    }

    fn places(sent: &[Bytes]) -> Vec<(*const u8, usize)> {
        sent.iter().map(|bytes| (bytes.as_ptr(), bytes.len())).collect()
    }

    #[test]
    fn every_viewer_is_sent_the_same_buffers() {
        let mut rig = Rig::new(0..3);
        for shade in 1..20 {
            rig.now_us += 20_000;
            assert!(matches!(rig.draw(u32::from(shade) % 8, shade), Turn::Worked));
            let sent = [0, 1, 2].map(|id| rig.sent_to(id));
            assert!(!sent[0].is_empty());
            assert_eq!(places(&sent[0]), places(&sent[1]));
            assert_eq!(places(&sent[0]), places(&sent[2]));
        }
        assert_eq!(rig.stage.coding.snapshot().codings, 19, "and each was coded once");
    }

    #[test]
    fn a_viewer_without_a_slot_is_waited_for_briefly_and_then_left_out() {
        let mut rig = Rig::new(0..2);
        rig.draw(0, 1);
        assert_eq!(places(&rig.sent_to(0)), places(&rig.sent_to(1)));
        rig.stall(1);
        let Turn::Blocked(Some(until_us)) = rig.draw(1, 2) else {
            panic!("it waits for the other")
        };
        assert!(until_us > rig.now_us && until_us <= rig.now_us + 40_000);
        rig.now_us = until_us;
        assert!(matches!(rig.turn(), Turn::Worked));
        assert_eq!((rig.sent_to(0).len(), rig.sent_to(1).len()), (1, 0));
        // It does not follow any more, and nobody waits for it.
        assert!(matches!(rig.draw(2, 3), Turn::Worked));
        assert_eq!((rig.sent_to(0).len(), rig.sent_to(1).len()), (1, 0));
    }

    #[test]
    fn whoever_joins_is_healed_before_the_next_update_and_costs_the_others_none() {
        let mut rig = Rig::new(0..1);
        rig.draw(0, 1);
        rig.sent_to(0);
        rig.join(7);
        assert!(matches!(rig.draw(1, 2), Turn::Worked));
        let (first, joined) = (rig.sent_to(0), rig.sent_to(7));
        assert_eq!(joined.len(), 1 + first.len(), "slices, and what the other one gets");
        assert_eq!(places(&first), places(&joined[1..]));
    }

    #[test]
    fn a_change_beside_film_goes_before_the_frame_that_is_being_coded() {
        let mut rig = Rig::new(0..1);
        rig.draw(3, 1);
        let film = rig.play_until_taken();
        rig.sent_to(0);
        for shade in 2..5 {
            assert!(matches!(rig.draw(3, shade), Turn::Worked));
            assert_eq!(rig.tracks_to(0), [Track::Chain]);
            assert!(rig.take_film().is_none(), "one frame is being coded");
        }
        rig.send_film(film);
        let sent = rig.outgoing_to(0);
        assert!(sent.iter().all(|outgoing| outgoing.payload.track == Track::Video));
        assert!(sent.iter().all(|outgoing| !outgoing.ends_picture), "it takes no picture's slot");
        assert_eq!(sent.len(), 1);
    }

    #[test]
    fn film_waits_for_a_viewer_briefly_and_begins_anew_for_one_that_lacked_it() {
        let mut rig = Rig::new(0..2);
        rig.draw(3, 1);
        let first = rig.play_until_taken();
        (0..2).for_each(|id| drop(rig.sent_to(id)));
        rig.send_film(first);
        assert_eq!([0, 1].map(|id| rig.tracks_to(id)), [[Track::Video], [Track::Video]]);
        for member in rig.line.members.iter().filter(|member| member.seat.id == 1) {
            // It receives film and does not decode it.
            (0..4).for_each(|_| member.seat.film_received(0));
        }
        // Whether the last frame of film that viewer `id` was sent begins a stream.
        let begins = |rig: &Rig, id| {
            let sent = rig.outgoing_to(id).into_iter().map(|outgoing| outgoing.payload);
            let film = sent.filter(|payload| payload.track == Track::Video);
            film.last().map(|payload| payload.begins_video)
        };
        let play = |rig: &mut Rig| {
            let film = rig.play_until_taken();
            rig.send_film(film);
            [0, 1].map(|id| begins(rig, id))
        };
        assert_eq!(play(&mut rig), [Some(false), None]);
        for member in rig.line.members.iter().filter(|member| member.seat.id == 1) {
            (0..4).for_each(|_| member.seat.film_done());
        }
        assert_eq!(play(&mut rig), [Some(true), Some(true)]);
        assert_eq!(play(&mut rig), [Some(false), Some(false)]);
    }
}
