//! Which connections are open: bounds on their number, and the way from a CSR to its connections.

use std::collections::HashMap;

use tessera_transport::center::Reply;
use tessera_transport::{Fingerprint, Link};
use tokio::sync::mpsc::Sender;

use crate::limiter::Source;
use crate::sessions::ConnectionId;

/// A connected CSR.
#[derive(Debug)]
struct Csr {
    link: Link,
    introductions: Sender<Reply>,
}

/// Open connections, from the first packet of the handshake to the end.
#[derive(Debug)]
pub(crate) struct Registry {
    max_total: usize,
    max_per_source: usize,
    next_id: u64,
    total: usize,
    per_source: HashMap<Source, usize>,
    csrs: HashMap<u64, Csr>,
}

impl Registry {
    pub(crate) fn new(max_total: usize, max_per_source: usize) -> Self {
        Self {
            max_total,
            max_per_source,
            next_id: 0,
            total: 0,
            per_source: HashMap::new(),
            csrs: HashMap::new(),
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.total
    }

    /// Counts a connection from `source`, or refuses it at a limit.
    pub(crate) fn admit(&mut self, source: Source) -> Option<ConnectionId> {
        let from_source = self.per_source.get(&source).copied().unwrap_or(0);
        if self.total >= self.max_total || from_source >= self.max_per_source {
            return None;
        }
        self.per_source.insert(source, from_source + 1);
        self.total += 1;
        self.next_id += 1;
        Some(ConnectionId(self.next_id))
    }

    /// Notes that the peer of this connection is an enrolled CSR, which is sent what comes into `introductions`.
    pub(crate) fn note_csr(
        &mut self,
        connection: ConnectionId,
        link: &Link,
        introductions: &Sender<Reply>,
    ) {
        let csr = Csr { link: link.clone(), introductions: introductions.clone() };
        self.csrs.insert(connection.0, csr);
    }

    /// Tells the CSR of this connection of a joiner; `false` when it is gone, or takes nothing in.
    pub(crate) fn introduce(&self, connection: ConnectionId, introduction: Reply) -> bool {
        let csr = self.csrs.get(&connection.0);
        csr.is_some_and(|csr| csr.introductions.try_send(introduction).is_ok())
    }

    /// Whether [`note_csr`](Self::note_csr) was called for this connection.
    pub(crate) fn is_csr(&self, connection: ConnectionId) -> bool {
        self.csrs.contains_key(&connection.0)
    }

    /// Forgets a connection, once for each that was admitted; returns the link of a CSR.
    pub(crate) fn release(&mut self, source: Source, connection: ConnectionId) -> Option<Link> {
        self.total = self.total.saturating_sub(1);
        if let Some(count) = self.per_source.get_mut(&source) {
            *count -= 1;
            if *count == 0 {
                self.per_source.remove(&source);
            }
        }
        self.csrs.remove(&connection.0).map(|csr| csr.link)
    }

    /// The connected CSRs, one with several connections as often.
    pub(crate) fn csrs(&self) -> impl Iterator<Item = Fingerprint> {
        self.csrs.values().map(|csr| csr.link.peer())
    }

    /// The connections of one CSR.
    pub(crate) fn links_of(&self, csr: Fingerprint) -> Vec<Link> {
        self.csrs.values().map(|it| &it.link).filter(|link| link.peer() == csr).cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use super::*;

    fn source(last: u8) -> Source {
        Source::from(IpAddr::V4(Ipv4Addr::new(192, 0, 2, last)))
    }

    #[test]
    fn both_limits_hold_and_a_released_connection_makes_room() {
        let mut registry = Registry::new(3, 2);
        let first = registry.admit(source(1)).expect("room");
        let second = registry.admit(source(1)).expect("room");
        assert_ne!(first, second);
        assert_eq!(registry.admit(source(1)), None, "the limit of one source");
        registry.admit(source(2)).expect("room");
        assert_eq!(registry.admit(source(3)), None, "the limit of all");
        assert!(registry.release(source(1), first).is_none(), "not a CSR");
        registry.admit(source(3)).expect("room");
        assert_eq!(registry.len(), 3);
    }

    #[test]
    fn a_source_without_connections_is_forgotten() {
        let mut registry = Registry::new(3, 2);
        let connection = registry.admit(source(1)).expect("room");
        assert!(registry.release(source(1), connection).is_none(), "not a CSR");
        assert!(registry.per_source.is_empty());
        assert_eq!(registry.len(), 0);
    }
}
