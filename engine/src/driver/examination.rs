//! Whose turn it is among those who knock: few are examined at a time, so that strangers cost little, and nobody holds a
//! place that others want for long.

use std::net::IpAddr;

use tessera_transport::pairing::Door;
use tessera_transport::{Fingerprint, Incoming};
use tokio::task::{AbortHandle, JoinSet};

use super::admission::{Admitted, examine};

/// Joiners that are examined at a time.
const MAX_EXAMINED: usize = 16;

/// Joiners being examined from which on a further one first shows that it receives packets at its
/// address: nobody fills all places from addresses that are not theirs.
const MANY_EXAMINED: usize = MAX_EXAMINED / 2;

/// Places that one address may hold. Several people may share one.
const MAX_OF_SOURCE: usize = 2;

/// Time after which a joiner gives its place up when another wants it: a program with the right code has proved it by
/// then on any path, in five round trips and a few milliseconds of arithmetic.
const TURN_US: u64 = 2_000_000;

/// What becomes of somebody who knocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// There is room.
    Free,
    /// The one at this place has had its turn.
    InsteadOf(usize),
    /// Not now; who means it knocks again.
    None,
}

/// The place of one who knocks from `source` beside those `under_way`, each with its address and since when it has been
/// there, oldest first.
fn place(
    under_way: impl Iterator<Item = (IpAddr, u64)> + Clone,
    source: IpAddr,
    now_us: u64,
) -> Place {
    let of_source = under_way.clone().filter(|(ip, _)| *ip == source).count();
    let is_full = under_way.clone().count() >= MAX_EXAMINED;
    if of_source < MAX_OF_SOURCE && !is_full {
        return Place::Free;
    }
    let gives_way = |(ip, since_us): (IpAddr, u64)| {
        (of_source < MAX_OF_SOURCE || ip == source) && now_us.saturating_sub(since_us) >= TURN_US
    };
    under_way
        .enumerate()
        .find(|&(_, it)| gives_way(it))
        .map_or(Place::None, |(at, _)| Place::InsteadOf(at))
}

/// Joiners who are being examined.
#[derive(Default)]
pub(crate) struct Examination {
    tasks: JoinSet<Option<Admitted>>,
    /// Oldest first.
    under_way: Vec<(IpAddr, u64, AbortHandle)>,
}

impl Examination {
    /// Takes somebody who knocks in, or not. `known` may come back by key.
    pub(crate) fn take(
        &mut self,
        incoming: Incoming,
        door: &Door,
        known: Option<Fingerprint>,
        now_us: u64,
    ) {
        self.under_way.retain(|(_, _, task)| !task.is_finished());
        if self.under_way.len() >= MANY_EXAMINED && !incoming.is_address_validated() {
            return incoming.retry();
        }
        let source = incoming.remote_address().ip();
        let sources = self.under_way.iter().map(|(ip, since_us, _)| (*ip, *since_us));
        match place(sources, source, now_us) {
            Place::None => return incoming.ignore(),
            Place::InsteadOf(at) => self.under_way.remove(at).2.abort(),
            Place::Free => {}
        }
        let task = self.tasks.spawn(examine(incoming, door.clone(), known));
        self.under_way.push((source, now_us, task));
    }

    /// The next one who has proved something, or `None` for one who has not. Cancel-safe; waits for ever while nobody is
    /// examined.
    pub(crate) async fn next(&mut self) -> Option<Admitted> {
        match self.tasks.join_next().await {
            // One who had to give its place up has proved nothing.
            Some(examined) => examined.unwrap_or(None),
            None => std::future::pending().await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(number: u8) -> IpAddr {
        IpAddr::from([192, 0, 2, number])
    }

    /// As many as there may be, each from an address of its own, a millisecond apart.
    fn full() -> Vec<(IpAddr, u64)> {
        (0..MAX_EXAMINED as u8).map(|it| (source(it), 1_000 * u64::from(it))).collect()
    }

    #[test]
    fn who_has_had_a_turn_gives_way_and_nobody_before() {
        let full = full();
        let at = |now_us| place(full.iter().copied(), source(200), now_us);
        assert_eq!(at(TURN_US - 1), Place::None);
        assert_eq!(at(TURN_US), Place::InsteadOf(0));
        assert_eq!(place(full[1..].iter().copied(), source(200), 0), Place::Free);
    }

    #[test]
    fn one_address_takes_its_own_places_alone() {
        let mut under_way = vec![(source(1), 0)];
        under_way.extend([(source(2), 10); MAX_OF_SOURCE]);
        let at = |ip, now_us| place(under_way.iter().copied(), ip, now_us);
        assert_eq!(at(source(2), 10), Place::None);
        assert_eq!(at(source(2), 10 + TURN_US), Place::InsteadOf(1));
        assert_eq!(at(source(3), 10), Place::Free);
    }
}
