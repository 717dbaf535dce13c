//! Which ends are bound where: the relay's one table, from which each event loop is told its part.
//!
//! Pure state behind [`super::shared`]'s lock, touched by binds and by housekeeping and never by a packet that is
//! forwarded. Whether a bind is genuine was decided before.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use tessera_transport::relay::{ChannelId, Refusal, SessionId, Side, Token};

use super::meter::Meter;

/// Bounds on what is kept.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// Channels with an end that is bound.
    pub(super) channels: usize,
    /// Those of one session.
    pub(super) per_session: usize,
    /// Sessions whose use is remembered.
    pub(super) sessions: usize,
    /// Seconds after which an end that nothing comes from is forgotten.
    pub(super) idle_s: u64,
}

/// A UDP address, and how it is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Address {
    /// Its address.
    pub(super) peer: SocketAddr,
    /// The address of this machine that its packets come to, and that it must be sent from: an address translator in
    /// between knows no other.
    pub(super) local_ip: Option<IpAddr>,
}

/// One tunnel, never named the same again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct TunnelId {
    /// Which event loop has it.
    pub(super) event_loop: usize,
    /// Which of its tunnels it is.
    pub(super) number: usize,
}

/// Where an end is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// At a UDP address.
    Udp(Address),
    /// Behind a tunnel.
    Tunnel {
        id: TunnelId,
        /// The other side's TCP address.
        peer: SocketAddr,
    },
}

impl Place {
    /// Where the other side is seen.
    pub(super) fn peer(&self) -> SocketAddr {
        match self {
            Self::Udp(address) => address.peer,
            Self::Tunnel { peer, .. } => *peer,
        }
    }

    /// What its packets are told by.
    pub(super) fn origin(&self) -> Origin {
        match self {
            Self::Udp(address) => Origin::Udp(address.peer),
            Self::Tunnel { id, .. } => Origin::Tunnel(*id),
        }
    }
}

/// Where a packet comes from, as far as it tells whose it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Origin {
    Udp(SocketAddr),
    Tunnel(TunnelId),
}

/// What an event loop does with the packets that come from a place.
#[derive(Clone, Debug)]
pub(super) struct Flow {
    /// Where they go; `None` while the other end is not bound.
    pub(super) to: Option<Place>,
    pub(super) meter: Arc<Meter>,
    pub(super) heard: Arc<Heard>,
}

/// When something last came from an end.
#[derive(Debug)]
pub(super) struct Heard(AtomicU64);

impl Heard {
    fn at(now_s: u64) -> Arc<Self> {
        Arc::new(Self(AtomicU64::new(now_s)))
    }

    /// Notes that something came at `now_s`. Relaxed: it is compared with a time far away only.
    pub(super) fn note(&self, now_s: u64) {
        // Read first: the line stays shared between the loops that way.
        if self.0.load(Relaxed) != now_s {
            self.0.store(now_s, Relaxed);
        }
    }

    fn is_before(&self, then_s: u64) -> bool {
        self.0.load(Relaxed) < then_s
    }
}

/// What the event loops are to know.
#[derive(Clone, Debug)]
pub(super) enum Change {
    /// What comes from there flows on like this from now on.
    Flows(Origin, Flow),
    /// What comes from there is nobody's any more.
    Ends(Origin),
}

/// A moment as two clocks show it, in seconds: one that never jumps, and the one that tokens go by.
#[derive(Clone, Copy, Debug)]
pub(super) struct Now {
    pub(super) since_start_s: u64,
    pub(super) unix_s: u64,
}

#[derive(Debug)]
struct End {
    place: Place,
    sequence: u64,
    expires_unix_s: u64,
    heard: Arc<Heard>,
}

#[derive(Debug)]
struct Channel {
    session: SessionId,
    meter: Arc<Meter>,
    ends: [Option<End>; 2],
}

impl Channel {
    fn end(&mut self, side: Side) -> &mut Option<End> {
        let [joiner, host] = &mut self.ends;
        match side {
            Side::Joiner => joiner,
            Side::Host => host,
        }
    }

    /// What its end of `side` does with its packets.
    fn flow(&mut self, side: Side) -> Option<Change> {
        let to = self.end(side.other()).as_ref().map(|end| end.place);
        let meter = self.meter.clone();
        let end = self.end(side).as_ref()?;
        Some(Change::Flows(end.place.origin(), Flow { to, meter, heard: end.heard.clone() }))
    }
}

#[derive(Debug)]
struct Session {
    meter: Arc<Meter>,
    channels: usize,
    /// Its use is remembered until no token of it is good any more.
    expires_unix_s: u64,
}

/// All channels of this relay.
#[derive(Debug)]
pub(super) struct Channels {
    limits: Limits,
    channels: HashMap<ChannelId, Channel>,
    sessions: HashMap<SessionId, Session>,
    by_origin: HashMap<Origin, (ChannelId, Side)>,
}

impl Channels {
    pub(super) fn new(limits: Limits) -> Self {
        Self {
            limits,
            channels: HashMap::new(),
            sessions: HashMap::new(),
            by_origin: HashMap::new(),
        }
    }

    /// Channels with an end that is bound.
    pub(super) fn len(&self) -> usize {
        self.channels.len()
    }

    /// Binds the end that a genuine `token` is for at `place`, and adds to `changes` what changes by it: nothing when it
    /// is there already, and perhaps something also when it is refused.
    pub(super) fn bind(
        &mut self,
        token: &Token,
        sequence: u64,
        place: Place,
        now: Now,
        changes: &mut Vec<Change>,
    ) -> Result<(), Refusal> {
        let Token { channel: id, side, .. } = *token;
        if let Some(end) = self.channels.get_mut(&id).and_then(|channel| channel.end(side).as_ref())
        {
            if end.sequence == sequence && end.place == place {
                return Ok(());
            }
            if end.sequence >= sequence {
                return Err(Refusal::Overtaken);
            }
        }
        // Whoever was at this address before is there no longer: it has just been shown who receives there.
        if let Some(&other) = self.by_origin.get(&place.origin())
            && other != (id, side)
        {
            self.unbind(other, changes);
        }
        let meter = self.meter(token)?;
        if !self.channels.contains_key(&id) {
            self.admit_channel(token)?;
        }
        let channel = self.channels.entry(id).or_insert_with(|| Channel {
            session: token.session,
            meter,
            ends: [None, None],
        });
        let heard = Heard::at(now.since_start_s);
        let end = End { place, sequence, expires_unix_s: token.expires_unix_s, heard };
        let earlier = channel.end(side).replace(end);
        changes.extend(channel.flow(side));
        changes.extend(channel.flow(side.other()));
        if let Some(earlier) = earlier.filter(|earlier| earlier.place.origin() != place.origin()) {
            self.by_origin.remove(&earlier.place.origin());
            changes.push(Change::Ends(earlier.place.origin()));
        }
        self.by_origin.insert(place.origin(), (id, side));
        Ok(())
    }

    /// Forgets the end that was there, if there was one, and says what changes by it.
    pub(super) fn leave(&mut self, origin: Origin) -> Vec<Change> {
        let mut changes = Vec::new();
        if let Some(&end) = self.by_origin.get(&origin) {
            self.unbind(end, &mut changes);
        }
        changes
    }

    /// Forgets the ends that are silent or whose token has expired, and says what changes by it.
    pub(super) fn expire(&mut self, now: Now) -> Vec<Change> {
        let heard_since_s = now.since_start_s.saturating_sub(self.limits.idle_s);
        let mut over = Vec::new();
        for (id, channel) in &self.channels {
            for (end, side) in channel.ends.iter().zip([Side::Joiner, Side::Host]) {
                let is_over = end.as_ref().is_some_and(|end| {
                    end.expires_unix_s <= now.unix_s || end.heard.is_before(heard_since_s)
                });
                if is_over {
                    over.push((*id, side));
                }
            }
        }
        let mut changes = Vec::new();
        for end in over {
            self.unbind(end, &mut changes);
        }
        self.sessions.retain(|_, it| it.channels > 0 || it.expires_unix_s > now.unix_s);
        changes
    }

    /// The meter of the token's session, which must not be exhausted.
    fn meter(&mut self, token: &Token) -> Result<Arc<Meter>, Refusal> {
        if self.sessions.len() >= self.limits.sessions
            && !self.sessions.contains_key(&token.session)
        {
            self.sessions.retain(|_, session| session.channels > 0);
            if self.sessions.len() >= self.limits.sessions {
                return Err(Refusal::Busy);
            }
        }
        let session = self.sessions.entry(token.session).or_insert_with(|| Session {
            meter: Arc::new(Meter::new(token.rate_kbit_s, token.allowance_mib)),
            channels: 0,
            expires_unix_s: 0,
        });
        session.expires_unix_s = session.expires_unix_s.max(token.expires_unix_s);
        if session.meter.is_exhausted() {
            Err(Refusal::Exhausted)
        } else {
            Ok(session.meter.clone())
        }
    }

    /// Counts a new channel, or refuses it at a limit.
    fn admit_channel(&mut self, token: &Token) -> Result<(), Refusal> {
        let has_room = self.channels.len() < self.limits.channels;
        let session = self.sessions.get_mut(&token.session).filter(|_| has_room);
        let session = session.filter(|session| session.channels < self.limits.per_session);
        session.map(|session| session.channels += 1).ok_or(Refusal::Busy)
    }

    fn unbind(&mut self, (id, side): (ChannelId, Side), changes: &mut Vec<Change>) {
        let Some(channel) = self.channels.get_mut(&id) else { return };
        if let Some(end) = channel.end(side).take() {
            self.by_origin.remove(&end.place.origin());
            changes.push(Change::Ends(end.place.origin()));
        }
        changes.extend(channel.flow(side.other()));
        if channel.ends.iter().all(Option::is_none) {
            let session = self.channels.remove(&id).map(|channel| channel.session);
            let session = session.and_then(|session| self.sessions.get_mut(&session));
            if let Some(session) = session {
                session.channels = session.channels.saturating_sub(1);
            }
        }
    }

    /// Whether the parts fit together; for tests.
    #[cfg(test)]
    fn is_consistent(&self) -> bool {
        let bound: std::collections::HashSet<Origin> = self
            .channels
            .values()
            .flat_map(|channel| channel.ends.iter().flatten())
            .map(|end| end.place.origin())
            .collect();
        let counted: usize = self.sessions.values().map(|session| session.channels).sum();
        bound == self.by_origin.keys().copied().collect() && counted == self.channels.len()
    }
}

#[cfg(test)]
mod tests;
