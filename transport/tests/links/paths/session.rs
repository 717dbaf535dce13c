//! Two participants who meet through a relay, and a conversation that shows whether it is interrupted.

use super::network::{TestRelay, relay, token};
use crate::ends::{endpoint, loopback};
use bytes::Bytes;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tessera_transport::path::{Candidates, Outlet, PathKind, Relay, Ways};
use tessera_transport::relay::Side;
use tessera_transport::{Endpoint, Identity, Link, Protocol, Trust};

/// One of the two.
pub(crate) struct End {
    pub(crate) endpoint: Endpoint,
    pub(crate) outlet: Outlet,
    pub(crate) ways: Ways,
}

impl End {
    /// Where it can be probed.
    pub(crate) fn address(&self) -> SocketAddr {
        self.outlet.local_address().expect("bound")
    }
}

/// A joiner, a host, and the relays between them.
pub(crate) struct Meeting {
    pub(crate) joiner: End,
    pub(crate) host: End,
    pub(crate) relays: Vec<TestRelay>,
}

impl Meeting {
    /// Both ends bound at `relays` relays.
    pub(crate) async fn at(relays: usize) -> Self {
        let center = Identity::ephemeral().expect("a key");
        let mut running = Vec::new();
        for _ in 0..relays {
            running.push(relay(&center).await);
        }
        let end = |side, accepts| {
            let endpoint = endpoint(accepts);
            let outlet = endpoint.outlet().expect("a free port");
            let holder = endpoint.identity();
            let token = token(&center, &holder, side);
            let mut places = running
                .iter()
                .map(|relay| Relay { address: relay.address, fingerprint: relay.fingerprint });
            let first = places.next().expect("a relay");
            let ways = outlet.relayed(&holder, &token, first).expect("randomness");
            for place in places {
                ways.add_relay(&outlet, &holder, &token, place).expect("randomness");
            }
            End { endpoint, outlet, ways }
        };
        let joiner = end(Side::Joiner, None);
        let host = end(Side::Host, Some(Protocol::SESSION));
        joiner.ways.bound().await;
        host.ways.bound().await;
        Self { joiner, host, relays: running }
    }

    /// A connection by the ways there are.
    pub(crate) async fn connect(&self) -> (Link, Link) {
        let Self { joiner, host, .. } = self;
        let trust = Trust::Only(host.endpoint.fingerprint());
        let connecting = joiner.endpoint.connect_by(&joiner.ways, Protocol::SESSION, trust);
        let accepting = async {
            let incoming = host.endpoint.accept().await.expect("an open endpoint");
            incoming.accept(Trust::Only(joiner.endpoint.fingerprint())).await
        };
        let (near, far) = tokio::join!(connecting, accepting);
        (near.expect("connected"), far.expect("accepted"))
    }

    /// Tells each end an address of the other.
    pub(crate) fn tell(&self, of_host: SocketAddr, of_joiner: SocketAddr) {
        self.joiner.ways.add_candidates(&candidates(of_host));
        self.host.ways.add_candidates(&candidates(of_joiner));
    }
}

pub(crate) fn candidates(address: SocketAddr) -> Candidates {
    Candidates { channel: None, addresses: vec![address] }
}

pub(crate) async fn wait_for(ways: &Ways, kind: PathKind) {
    let waiting = tokio::time::timeout(Duration::from_secs(10), ways.wait_for_kind(kind));
    waiting.await.unwrap_or_else(|_| panic!("never {kind:?}: {:?}", ways.figures()));
}

/// Messages in both directions, a hundred a second each; every one has to arrive.
pub(crate) struct Conversation {
    /// Longest time without a message, in microseconds.
    longest_gap_us: Arc<AtomicU64>,
    received: Arc<AtomicU64>,
}

impl Conversation {
    pub(crate) fn begin(near: &Link, far: &Link) -> Self {
        let it = Self { longest_gap_us: Arc::default(), received: Arc::default() };
        let (gap, received) = (Arc::clone(&it.longest_gap_us), Arc::clone(&it.received));
        let (near, far) = (near.clone(), far.clone());
        tokio::spawn(async move {
            let (mut send, _receive) = near.control().await.expect("open");
            let mut tick = tokio::time::interval(Duration::from_millis(10));
            for number in 0_u64.. {
                tick.tick().await;
                if send.send(Bytes::copy_from_slice(&number.to_le_bytes())).await.is_err() {
                    return;
                }
            }
        });
        tokio::spawn(async move {
            let (_send, mut receive) = far.control().await.expect("open");
            let mut last = Instant::now();
            for number in 0_u64.. {
                let Ok(Some(message)) = receive.next().await else { return };
                assert_eq!(message[..], number.to_le_bytes(), "in order and all");
                gap.fetch_max(last.elapsed().as_micros() as u64, Ordering::Relaxed);
                received.fetch_add(1, Ordering::Relaxed);
                last = Instant::now();
            }
        });
        it
    }

    /// Waits until `count` further messages have come.
    pub(crate) async fn hear(&self, count: u64) {
        let until = self.received.load(Ordering::Relaxed) + count;
        let mut looks = tokio::time::interval(Duration::from_millis(5));
        while self.received.load(Ordering::Relaxed) < until {
            looks.tick().await;
        }
    }

    /// The longest pause since the last time that this was asked.
    pub(crate) fn longest_gap(&self) -> Duration {
        Duration::from_micros(self.longest_gap_us.swap(0, Ordering::Relaxed))
    }
}

/// A socket that counts what comes.
pub(crate) async fn bystander() -> tokio::net::UdpSocket {
    tokio::net::UdpSocket::bind(loopback()).await.expect("a free port")
}
