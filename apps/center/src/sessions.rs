//! The live sessions: which numbers are out, who holds them and where to connect.
//!
//! Pure state. Time (microseconds from any fixed start) and fresh random numbers are arguments; rows for later
//! reports are written by [`service`](crate::service) from what these functions return. A session lives in
//! memory alone, because its number is worth something only while its CSR is connected.

use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;

use tessera_transport::Fingerprint;
use tessera_transport::pairing::Number;

/// Bounds on what is kept.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Sessions one CSR may hold at a time.
    pub(crate) per_csr: usize,
    /// Sessions of all CSRs; far below the 900,000,000 numbers there are, so that guessing finds nothing.
    pub(crate) total: usize,
    /// How long a session waits for its CSR to come back, in microseconds.
    pub(crate) grace_us: u64,
}

/// One connection to the center, never reused while the program runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ConnectionId(pub(crate) u64);

/// Key of a session's row in the database; unlike its number never drawn twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SessionId(pub(crate) u128);

/// What is known of a session that somebody wants to join.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) addresses: Vec<SocketAddr>,
    pub(crate) csr: Fingerprint,
    pub(crate) id: SessionId,
    /// Through which its CSR can be told; `None` during a grace period.
    pub(crate) connection: Option<ConnectionId>,
}

/// Why no session was opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OpenRefused {
    /// This CSR holds [`Limits::per_csr`] sessions.
    CsrLimit,
    /// The center holds [`Limits::total`] sessions, or every number offered is taken.
    CenterLimit,
}

#[derive(Debug)]
enum Holder {
    Connection(ConnectionId),
    Grace { until_us: u64 },
}

#[derive(Debug)]
struct Live {
    id: SessionId,
    csr: Fingerprint,
    addresses: Vec<SocketAddr>,
    holder: Holder,
}

impl Live {
    fn is_over(&self, now_us: u64) -> bool {
        matches!(self.holder, Holder::Grace { until_us } if until_us <= now_us)
    }
}

/// All live sessions of this center.
#[derive(Debug)]
pub(crate) struct Sessions {
    limits: Limits,
    by_number: HashMap<Number, Live>,
    by_csr: HashMap<Fingerprint, Vec<Number>>,
    /// In order of time, because the grace period is the same for all. An entry whose session has been taken
    /// up again no longer matches its holder and is passed over.
    graces: VecDeque<(u64, Number)>,
}

impl Sessions {
    pub(crate) fn new(limits: Limits) -> Self {
        Self { limits, by_number: HashMap::new(), by_csr: HashMap::new(), graces: VecDeque::new() }
    }

    /// Sessions whose number can be found or whose end has not been collected by [`expire`](Self::expire).
    pub(crate) fn len(&self) -> usize {
        self.by_number.len()
    }

    /// Opens a session held by `connection`, under the first of `numbers` that is free.
    pub(crate) fn open(
        &mut self,
        csr: Fingerprint,
        connection: ConnectionId,
        addresses: Vec<SocketAddr>,
        id: SessionId,
        numbers: &[Number],
    ) -> Result<Number, OpenRefused> {
        if self.by_csr.get(&csr).map_or(0, Vec::len) >= self.limits.per_csr {
            return Err(OpenRefused::CsrLimit);
        }
        if self.by_number.len() >= self.limits.total {
            return Err(OpenRefused::CenterLimit);
        }
        let is_free = |number: &&Number| !self.by_number.contains_key(number);
        let number = *numbers.iter().find(is_free).ok_or(OpenRefused::CenterLimit)?;
        let holder = Holder::Connection(connection);
        self.by_number.insert(number, Live { id, csr, addresses, holder });
        self.by_csr.entry(csr).or_default().push(number);
        Ok(number)
    }

    /// Takes up `csr`'s own session again on another connection; answers whether it was still live.
    pub(crate) fn resume(
        &mut self,
        number: Number,
        csr: Fingerprint,
        connection: ConnectionId,
        addresses: Vec<SocketAddr>,
        now_us: u64,
    ) -> bool {
        match self.by_number.get_mut(&number) {
            Some(live) if live.csr == csr && !live.is_over(now_us) => {
                live.holder = Holder::Connection(connection);
                live.addresses = addresses;
                true
            }
            _ => false,
        }
    }

    /// Where to join session `number`; `None` for one that never was and for one that is over alike.
    pub(crate) fn find(&self, number: Number, now_us: u64) -> Option<Found> {
        let live = self.by_number.get(&number).filter(|live| !live.is_over(now_us))?;
        let connection = match live.holder {
            Holder::Connection(connection) => Some(connection),
            Holder::Grace { .. } => None,
        };
        Some(Found { addresses: live.addresses.clone(), csr: live.csr, id: live.id, connection })
    }

    /// Ends `csr`'s own session at once; `None` when there is none of that number.
    pub(crate) fn close(&mut self, number: Number, csr: Fingerprint) -> Option<SessionId> {
        (self.by_number.get(&number)?.csr == csr).then(|| self.remove(number))?
    }

    /// Starts the grace period of every session that `connection` of `csr` held.
    pub(crate) fn handle_disconnect(
        &mut self,
        csr: Fingerprint,
        connection: ConnectionId,
        now_us: u64,
    ) {
        let until_us = now_us.saturating_add(self.limits.grace_us);
        for number in self.by_csr.get(&csr).into_iter().flatten() {
            let Some(live) = self.by_number.get_mut(number) else { continue };
            if matches!(live.holder, Holder::Connection(holder) if holder == connection) {
                live.holder = Holder::Grace { until_us };
                self.graces.push_back((until_us, *number));
            }
        }
    }

    /// Removes and returns the sessions whose grace period has passed.
    pub(crate) fn expire(&mut self, now_us: u64) -> Vec<SessionId> {
        let mut ended = Vec::new();
        while let Some(&(until_us, number)) = self.graces.front()
            && until_us <= now_us
        {
            self.graces.pop_front();
            if self.by_number.get(&number).is_some_and(|live| live.is_over(now_us)) {
                ended.extend(self.remove(number));
            }
        }
        ended
    }

    /// The CSRs that hold a session.
    pub(crate) fn csrs(&self) -> impl Iterator<Item = Fingerprint> {
        self.by_csr.keys().copied()
    }

    /// Removes and returns every session of a CSR whose enrolment was taken away.
    pub(crate) fn remove_csr(&mut self, csr: Fingerprint) -> Vec<SessionId> {
        let numbers = self.by_csr.get(&csr).cloned().unwrap_or_default();
        numbers.into_iter().filter_map(|number| self.remove(number)).collect()
    }

    fn remove(&mut self, number: Number) -> Option<SessionId> {
        let live = self.by_number.remove(&number)?;
        if let Some(numbers) = self.by_csr.get_mut(&live.csr) {
            numbers.retain(|other| *other != number);
            if numbers.is_empty() {
                self.by_csr.remove(&live.csr);
            }
        }
        Some(live.id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GRACE_US: u64 = 30_000_000;
    const LIMITS: Limits = Limits { per_csr: 2, total: 3, grace_us: GRACE_US };
    const FIRST: ConnectionId = ConnectionId(1);
    const SECOND: ConnectionId = ConnectionId(2);

    fn csr(byte: u8) -> Fingerprint {
        Fingerprint::from([byte; 32])
    }

    fn number(index: u32) -> Number {
        Number::from_index(index).expect("in range")
    }

    fn addresses(port: u16) -> Vec<SocketAddr> {
        vec![SocketAddr::from(([192, 0, 2, 1], port))]
    }

    /// Opens a session whose number and id are both `index`.
    fn open(
        sessions: &mut Sessions,
        owner: u8,
        connection: ConnectionId,
        index: u32,
    ) -> Result<Number, OpenRefused> {
        let id = SessionId(index.into());
        sessions.open(csr(owner), connection, addresses(1), id, &[number(index)])
    }

    #[test]
    fn a_session_is_found_with_its_addresses_and_key_until_it_is_closed() {
        let mut sessions = Sessions::new(LIMITS);
        assert_eq!(open(&mut sessions, 7, FIRST, 5), Ok(number(5)));
        let found = sessions.find(number(5), 0).expect("live");
        assert_eq!((found.addresses, found.csr), (addresses(1), csr(7)));
        assert_eq!((found.id, found.connection), (SessionId(5), Some(FIRST)));
        assert_eq!(sessions.find(number(6), 0), None);
        assert_eq!(sessions.close(number(5), csr(7)), Some(SessionId(5)));
        assert_eq!(sessions.find(number(5), 0), None);
        assert_eq!(sessions.close(number(5), csr(7)), None);
    }

    #[test]
    fn a_number_in_use_is_passed_over() {
        let mut sessions = Sessions::new(LIMITS);
        open(&mut sessions, 1, FIRST, 5).expect("opened");
        let numbers = [5, 5, 9].map(number);
        let opened = sessions.open(csr(2), SECOND, addresses(2), SessionId(9), &numbers);
        assert_eq!(opened, Ok(number(9)));
        assert_eq!(sessions.find(number(5), 0).map(|found| found.csr), Some(csr(1)));
    }

    #[test]
    fn without_a_free_number_nothing_is_opened() {
        let mut sessions = Sessions::new(LIMITS);
        open(&mut sessions, 1, FIRST, 5).expect("opened");
        assert_eq!(open(&mut sessions, 2, FIRST, 5), Err(OpenRefused::CenterLimit));
    }

    #[test]
    fn both_limits_hold_and_a_closed_session_makes_room() {
        let mut sessions = Sessions::new(LIMITS);
        open(&mut sessions, 1, FIRST, 1).expect("opened");
        open(&mut sessions, 1, FIRST, 2).expect("opened");
        assert_eq!(open(&mut sessions, 1, FIRST, 3), Err(OpenRefused::CsrLimit));
        open(&mut sessions, 2, SECOND, 4).expect("opened");
        assert_eq!(open(&mut sessions, 3, SECOND, 5), Err(OpenRefused::CenterLimit));
        sessions.close(number(1), csr(1));
        open(&mut sessions, 3, SECOND, 5).expect("opened");
    }

    #[test]
    fn only_its_own_csr_closes_or_resumes_a_session() {
        let mut sessions = Sessions::new(LIMITS);
        open(&mut sessions, 1, FIRST, 5).expect("opened");
        assert_eq!(sessions.close(number(5), csr(2)), None);
        assert!(!sessions.resume(number(5), csr(2), SECOND, addresses(2), 0));
        let found = sessions.find(number(5), 0).expect("live");
        assert_eq!((found.addresses, found.csr), (addresses(1), csr(1)));
        assert_eq!((found.id, found.connection), (SessionId(5), Some(FIRST)));
    }

    #[test]
    fn a_lost_connection_leaves_the_grace_period_and_not_a_microsecond_more() {
        let mut sessions = Sessions::new(LIMITS);
        open(&mut sessions, 1, FIRST, 5).expect("opened");
        sessions.handle_disconnect(csr(1), FIRST, 1_000);
        let found = sessions.find(number(5), 1_000 + GRACE_US - 1);
        assert_eq!(found.map(|found| found.connection), Some(None), "live, and its CSR is away");
        assert!(sessions.expire(1_000 + GRACE_US - 1).is_empty());
        assert_eq!(sessions.find(number(5), 1_000 + GRACE_US), None, "even before it is collected");
        assert!(!sessions.resume(number(5), csr(1), SECOND, addresses(2), 1_000 + GRACE_US));
        assert_eq!(sessions.expire(1_000 + GRACE_US), [SessionId(5)]);
        assert_eq!(sessions.len(), 0);
    }

    #[test]
    fn a_session_resumed_in_time_lives_on_at_its_new_addresses() {
        let mut sessions = Sessions::new(LIMITS);
        open(&mut sessions, 1, FIRST, 5).expect("opened");
        sessions.handle_disconnect(csr(1), FIRST, 0);
        assert!(sessions.resume(number(5), csr(1), SECOND, addresses(2), 10));
        assert!(sessions.expire(10 * GRACE_US).is_empty());
        let found = sessions.find(number(5), 10 * GRACE_US).expect("live");
        assert_eq!(found.addresses, addresses(2));
    }

    #[test]
    fn the_late_end_of_an_old_connection_does_not_touch_a_resumed_session() {
        let mut sessions = Sessions::new(LIMITS);
        open(&mut sessions, 1, FIRST, 5).expect("opened");
        assert!(sessions.resume(number(5), csr(1), SECOND, addresses(2), 0));
        sessions.handle_disconnect(csr(1), FIRST, 0);
        assert!(sessions.expire(10 * GRACE_US).is_empty());
        assert!(sessions.find(number(5), 10 * GRACE_US).is_some());
    }

    #[test]
    fn a_number_reused_during_an_old_grace_period_is_not_expired_by_it() {
        let mut sessions = Sessions::new(LIMITS);
        open(&mut sessions, 1, FIRST, 5).expect("opened");
        sessions.handle_disconnect(csr(1), FIRST, 0);
        sessions.close(number(5), csr(1));
        open(&mut sessions, 2, SECOND, 5).expect("opened");
        assert!(sessions.expire(GRACE_US).is_empty());
        sessions.handle_disconnect(csr(2), SECOND, GRACE_US);
        assert_eq!(sessions.expire(2 * GRACE_US), [SessionId(5)]);
    }

    #[test]
    fn a_removed_csr_loses_its_sessions_and_no_others() {
        let mut sessions = Sessions::new(LIMITS);
        open(&mut sessions, 1, FIRST, 1).expect("opened");
        open(&mut sessions, 1, FIRST, 2).expect("opened");
        open(&mut sessions, 2, SECOND, 3).expect("opened");
        assert_eq!(sessions.remove_csr(csr(1)), [SessionId(1), SessionId(2)]);
        assert_eq!(sessions.find(number(1), 0), None);
        assert!(sessions.find(number(3), 0).is_some());
    }
}
