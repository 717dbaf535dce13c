//! Which path a connection's packets take, decided by probes alone.
//!
//! A pure state machine: time, probes and answers in; "probe this path", "send on that one" out. A path is what answers
//! probes, never what packets happen to come from. The connection begins on the path of its handshake; a direct path takes
//! over after three good probes and a lower round-trip time, a path that no longer answers gives way to the best that does.
//! docs/protocol.md has the rules that the peer can see, and docs/decisions/0021-paths-by-probes.md the reasons.

/// Pause between probes of a path that is new, silent or in doubt.
pub(crate) const PROBE_US: u64 = 250_000;
/// Time without a packet after which the path in use is probed: a little more than QUIC's keep-alives leave.
const QUIET_US: u64 = 300_000;
/// Pause between probes of the path in use while packets arrive on it.
const CALM_US: u64 = 1_000_000;
/// Pause between probes of a good path that is not in use, which keeps address translators' bindings too: they last 30 s
/// and more.
const WARM_US: u64 = 5_000_000;
/// A probe of the peer's is followed by one of ours after this time at the earliest, since what came in may now get out.
const IN_RETURN_US: u64 = 50_000;
/// Good probes in a row after which a path may take over from one that works.
const GOOD_PROBES: u8 = 3;
/// Probes in a row without an answer after which a path counts as silent, if the first of them is [`SILENCE_US`] old.
const MISSED_PROBES: u32 = 3;
/// See [`MISSED_PROBES`]; twice the round-trip time where that is longer.
const SILENCE_US: u64 = 700_000;
/// Missed probes of the path in use that put it in doubt.
const DOUBTED_PROBES: u32 = 2;
/// Probes to a path that has never answered. A list of candidates may name anybody: this is all that they get.
pub(crate) const UNPROVEN_PROBES: u32 = 10;
/// After this time without an answer a path is probed at [`WARM_US`] only, unless all others are silent as well.
const PATIENCE_US: u64 = 3_000_000;
/// Paths of a connection: the candidates of the peer, those that are learned of by its probes, the relay, the tunnel.
pub(crate) const MAX_PATHS: usize = 12;
/// What a direct path must be faster by than another direct one, besides a quarter.
const MARGIN_US: u64 = 1_000;
/// Probes of one path that may be answered at a time.
const OUTSTANDING: usize = 8;
/// Round-trip times of which the least counts: one that was held up says nothing about the path.
const RTTS: usize = 4;

/// How packets travel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PathKind {
    /// From address to address, by UDP.
    Direct,
    /// Through a relay, by UDP.
    Relay,
    /// Through a relay, by TLS over TCP.
    Tunnel,
}

impl PathKind {
    /// As it is written in logs and figures.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Direct => "direct",
            Self::Relay => "relay",
            Self::Tunnel => "tunnel",
        }
    }
}

/// A path of one connection, by its place. A place that became free is used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PathId(u8);

impl PathId {
    pub(crate) fn index(self) -> usize {
        usize::from(self.0)
    }
}

/// What is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    /// Send a probe, and tell its number by [`Choice::probed`].
    Probe(PathId),
    /// Send everything on this path from now on.
    Use(PathId),
    /// All paths had been silent, and this one has answered.
    Returned(PathId),
}

#[derive(Debug, Clone)]
struct Path {
    kind: PathKind,
    /// Numbers and times of probes that may still be answered, oldest first.
    outstanding: [Option<(u64, u64)>; OUTSTANDING],
    next_probe_us: u64,
    last_probe_us: Option<u64>,
    /// Answered probes in a row.
    good: u8,
    /// Probes since the last answer, and when the first of them was sent.
    missed: u32,
    missed_since_us: u64,
    answered_ever: bool,
    rtts_us: [Option<u64>; RTTS],
    /// When packets last arrived.
    traffic_us: Option<u64>,
}

impl Path {
    fn new(kind: PathKind, now_us: u64) -> Self {
        Self {
            kind,
            outstanding: [None; OUTSTANDING],
            next_probe_us: now_us,
            last_probe_us: None,
            good: 0,
            missed: 0,
            missed_since_us: now_us,
            answered_ever: false,
            rtts_us: [None; RTTS],
            traffic_us: None,
        }
    }

    fn rtt_us(&self) -> Option<u64> {
        self.rtts_us.iter().flatten().min().copied()
    }

    fn silence_us(&self) -> u64 {
        SILENCE_US.max(self.rtt_us().unwrap_or(0).saturating_mul(2))
    }

    /// When the path counts as silent unless an answer comes.
    fn silent_from_us(&self) -> Option<u64> {
        (self.missed >= MISSED_PROBES).then(|| self.missed_since_us + self.silence_us())
    }

    fn is_silent(&self, now_us: u64) -> bool {
        self.silent_from_us().is_some_and(|from_us| now_us >= from_us)
    }

    /// Whether it answers at present.
    fn is_alive(&self, now_us: u64) -> bool {
        self.good > 0 && !self.is_silent(now_us)
    }
}

/// The paths of one connection and the choice among them.
#[derive(Debug)]
pub(crate) struct Choice {
    paths: [Option<Path>; MAX_PATHS],
    current: PathId,
    told_silent: bool,
    returned: Option<PathId>,
    switch: Option<PathId>,
}

impl Choice {
    /// A connection that begins on a path of `kind`.
    pub(crate) fn new(now_us: u64, kind: PathKind) -> (Self, PathId) {
        let mut paths = [const { None }; MAX_PATHS];
        paths[0] = Some(Path::new(kind, now_us));
        let first = PathId(0);
        (Self { paths, current: first, told_silent: false, returned: None, switch: None }, first)
    }

    /// The path in use.
    pub(crate) fn current(&self) -> PathId {
        self.current
    }

    /// Its kind.
    pub(crate) fn current_kind(&self) -> PathKind {
        self.path(self.current).map_or(PathKind::Direct, |path| path.kind)
    }

    /// The least of the latest round-trip times of a path; `None` before the first answer.
    pub(crate) fn rtt_us(&self, id: PathId) -> Option<u64> {
        self.path(id)?.rtt_us()
    }

    /// Whether a path has left several probes in a row without an answer.
    pub(crate) fn is_doubted(&self, id: PathId) -> bool {
        self.path(id).is_some_and(|path| path.missed >= DOUBTED_PROBES)
    }

    /// Whether no path answers.
    pub(crate) fn is_silent(&self, now_us: u64) -> bool {
        self.paths.iter().flatten().all(|path| path.is_silent(now_us))
    }

    /// Adds a path, to be probed at once. Where there are too many, it takes the place of a direct one that does not answer;
    /// `None` where there is none.
    pub(crate) fn add(&mut self, now_us: u64, kind: PathKind) -> Option<PathId> {
        let free = self.paths.iter().position(Option::is_none);
        let place = free.or_else(|| self.expendable(now_us))?;
        *self.paths.get_mut(place)? = Some(Path::new(kind, now_us));
        Self::id(place)
    }

    /// The place of the direct path that has not answered for the longest time and got all its probes.
    fn expendable(&self, now_us: u64) -> Option<usize> {
        let paths = self.paths.iter().enumerate();
        let silent = paths.filter_map(|(place, path)| Some((place, path.as_ref()?)));
        silent
            .filter(|(place, _)| *place != self.current.index())
            .filter(|(_, path)| path.kind == PathKind::Direct && path.is_silent(now_us))
            .filter(|(_, path)| path.answered_ever || path.missed >= UNPROVEN_PROBES)
            .min_by_key(|(_, path)| path.missed_since_us)
            .map(|(place, _)| place)
    }

    /// The path at a place.
    pub(crate) fn id(place: usize) -> Option<PathId> {
        u8::try_from(place).ok().filter(|place| usize::from(*place) < MAX_PATHS).map(PathId)
    }

    /// Sends on this path from now on without a probe: before there are keys for one, the handshake shows whether it works.
    pub(crate) fn begin_on(&mut self, id: PathId) {
        self.current = id;
    }

    /// Adds a path that a probe of the peer has come by. It gets as many probes as come from there, so that nobody is sent
    /// more than the peer sends in their name.
    pub(crate) fn add_heard(&mut self, now_us: u64, kind: PathKind) -> Option<PathId> {
        let id = self.add(now_us, kind)?;
        if let Some(path) = self.path_mut(id) {
            path.missed = UNPROVEN_PROBES - 1;
        }
        Some(id)
    }

    /// Forgets a path that cannot be sent on any more. The path in use stays, silent, until another answers.
    pub(crate) fn remove(&mut self, now_us: u64, id: PathId) {
        if id != self.current
            && let Some(place) = self.paths.get_mut(id.index())
        {
            *place = None;
        } else if let Some(path) = self.path_mut(id) {
            path.good = 0;
            path.missed = path.missed.max(MISSED_PROBES);
            path.missed_since_us = now_us.saturating_sub(path.silence_us());
        }
        self.choose(now_us);
    }

    /// The network has changed: every path is probed anew, also those that had been given up.
    pub(crate) fn refresh(&mut self, now_us: u64) {
        for path in self.paths.iter_mut().flatten() {
            if !path.answered_ever {
                path.missed = 0;
            }
            path.next_probe_us = now_us;
        }
    }

    /// A probe with this number was sent on a path.
    pub(crate) fn probed(&mut self, now_us: u64, id: PathId, number: u64) {
        let others_silent = self.are_others_silent(now_us, id);
        let is_current = id == self.current;
        let Some(path) = self.path_mut(id) else { return };
        path.outstanding.rotate_left(1);
        path.outstanding[OUTSTANDING - 1] = Some((number, now_us));
        path.last_probe_us = Some(now_us);
        if path.missed == 0 {
            path.missed_since_us = now_us;
        }
        path.missed = path.missed.saturating_add(1);
        let weary = now_us.saturating_sub(path.missed_since_us) > PATIENCE_US;
        // Where an answer is due soon the pause is that of a path in doubt; the answer makes it longer.
        let pause_us = if weary && !others_silent && !is_current { WARM_US } else { PROBE_US };
        path.next_probe_us = now_us + pause_us;
        self.choose(now_us);
    }

    /// The peer has answered probe `number` on the path that it was sent on.
    pub(crate) fn answered(&mut self, now_us: u64, id: PathId, number: u64) {
        let is_current = id == self.current;
        let all_silent = self.is_silent(now_us);
        let Some(path) = self.path_mut(id) else { return };
        let Some(place) =
            path.outstanding.iter_mut().find(|it| it.is_some_and(|it| it.0 == number))
        else {
            return;
        };
        let Some((_, sent_us)) = place.take() else { return };
        path.rtts_us.rotate_left(1);
        path.rtts_us[RTTS - 1] = Some(now_us.saturating_sub(sent_us));
        path.good = if path.is_silent(now_us) { 1 } else { path.good.saturating_add(1) };
        path.missed = 0;
        path.answered_ever = true;
        let pause_us = match (is_current, path.good < GOOD_PROBES) {
            (_, true) => PROBE_US,
            (true, false) => CALM_US,
            (false, false) => WARM_US,
        };
        path.next_probe_us = path.last_probe_us.unwrap_or(now_us) + pause_us;
        if all_silent && self.told_silent {
            self.returned = Some(id);
        }
        self.told_silent = false;
        self.choose(now_us);
    }

    /// A probe of the peer has come by a path: it may be open now, also for what it did not let through before.
    pub(crate) fn heard(&mut self, now_us: u64, id: PathId) {
        let Some(path) = self.path_mut(id) else { return };
        if path.good < GOOD_PROBES || path.missed > 0 {
            if path.missed >= UNPROVEN_PROBES && !path.answered_ever {
                path.missed = UNPROVEN_PROBES - 1;
            }
            let earliest_us = path.last_probe_us.map_or(now_us, |last_us| last_us + IN_RETURN_US);
            path.next_probe_us = path.next_probe_us.min(earliest_us.max(now_us));
        }
    }

    /// Packets have come by a path. Anybody can write its address on them: they make probes rarer, and nothing else.
    pub(crate) fn traffic(&mut self, now_us: u64, id: PathId) {
        if let Some(path) = self.path_mut(id) {
            path.traffic_us = Some(now_us);
        }
    }

    /// The next thing to do at this time.
    pub(crate) fn poll(&mut self, now_us: u64) -> Option<Action> {
        self.choose(now_us);
        self.told_silent |= self.is_silent(now_us);
        if let Some(id) = self.switch.take() {
            return Some(Action::Use(id));
        }
        if let Some(id) = self.returned.take() {
            return Some(Action::Returned(id));
        }
        let due = self.ids().find(|id| self.due_us(*id).is_some_and(|due_us| due_us <= now_us))?;
        Some(Action::Probe(due))
    }

    /// When a path is to be probed; `None`: not again.
    fn due_us(&self, id: PathId) -> Option<u64> {
        let path = self.path(id)?;
        let again_us = path.last_probe_us.map_or(path.next_probe_us, |last_us| last_us + PROBE_US);
        let sooner_us = if id == self.current {
            // Silence is looked into at once, whatever the pause was.
            path.traffic_us.map(|traffic_us| again_us.max(traffic_us + QUIET_US))
        } else if !path.answered_ever && path.missed >= UNPROVEN_PROBES {
            return None;
        } else {
            // While the path in use is in doubt, the others show whether they can take over.
            let in_doubt = self.path(self.current).is_some_and(|it| it.missed >= DOUBTED_PROBES);
            in_doubt.then_some(again_us)
        };
        Some(sooner_us.map_or(path.next_probe_us, |us| us.min(path.next_probe_us)))
    }

    /// When [`Self::poll`] has something to do at the latest.
    pub(crate) fn timeout_us(&self, now_us: u64) -> Option<u64> {
        let probes = self.ids().filter_map(|id| self.due_us(id));
        let silences = self.paths.iter().flatten().filter_map(Path::silent_from_us);
        probes.chain(silences.filter(|us| *us > now_us)).min()
    }

    fn choose(&mut self, now_us: u64) {
        let best = self.ids().filter(|id| *id != self.current).filter(|id| self.beats(now_us, *id));
        let rank =
            |id: &PathId| self.path(*id).map(|path| (path.kind, path.rtt_us().unwrap_or(u64::MAX)));
        if let Some(best) = best.min_by_key(rank) {
            self.current = best;
            self.switch = Some(best);
            if let Some(path) = self.path_mut(best) {
                path.next_probe_us = path.next_probe_us.min(now_us + PROBE_US);
            }
        }
    }

    /// Whether a path takes over from the one in use.
    fn beats(&self, now_us: u64, id: PathId) -> bool {
        let (Some(path), Some(current)) = (self.path(id), self.path(self.current)) else {
            return false;
        };
        if !path.is_alive(now_us) || path.missed >= MISSED_PROBES {
            return false;
        }
        if current.is_silent(now_us) {
            return true;
        }
        let (Some(rtt_us), true) = (path.rtt_us(), path.good >= GOOD_PROBES) else { return false };
        // Before the path in use has answered there is nothing to compare with.
        let Some(current_us) = current.rtt_us() else { return false };
        match (path.kind, current.kind) {
            (PathKind::Direct, PathKind::Direct) => {
                // A little better is not worth a new start of congestion control.
                rtt_us + MARGIN_US < current_us && rtt_us.saturating_mul(4) < current_us * 3
            }
            (PathKind::Direct, _) => rtt_us < current_us,
            (PathKind::Relay, PathKind::Tunnel) => true,
            _ => false,
        }
    }

    fn are_others_silent(&self, now_us: u64, id: PathId) -> bool {
        self.ids()
            .filter(|other| *other != id)
            .filter_map(|other| self.path(other))
            .all(|path| !path.is_alive(now_us))
    }

    fn ids(&self) -> impl Iterator<Item = PathId> + '_ {
        (0..MAX_PATHS as u8).map(PathId).filter(|id| self.path(*id).is_some())
    }

    fn path(&self, id: PathId) -> Option<&Path> {
        self.paths.get(id.index())?.as_ref()
    }

    fn path_mut(&mut self, id: PathId) -> Option<&mut Path> {
        self.paths.get_mut(id.index())?.as_mut()
    }
}

#[cfg(test)]
mod tests;
