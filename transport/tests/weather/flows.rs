//! Two ends of a link over a simulated network, and what fills it.

use bytes::Bytes;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tessera_netsim::{Network, Side, Socket};
use tessera_transport::inbound::InboundStream;
use tessera_transport::{Endpoint, Identity, Link, Protocol, Trust};

/// A link from the left side to the right, both ends; the endpoints must be kept alive.
pub(crate) struct Pair {
    pub(crate) near: Link,
    pub(crate) far: Link,
    pub(crate) near_socket: Arc<Socket>,
    _endpoints: [Endpoint; 2],
}

pub(crate) async fn pair(network: &Network) -> Pair {
    let endpoint = |socket: &Arc<Socket>| {
        let identity = Arc::new(Identity::ephemeral().expect("an identity"));
        Endpoint::with_socket(socket.clone(), identity, Some(Protocol::SESSION), crate::chance())
            .expect("an endpoint")
    };
    let (near_socket, far_socket) = (network.socket(Side::Left), network.socket(Side::Right));
    let (client, server) = (endpoint(&near_socket), endpoint(&far_socket));
    let (near, far) = tokio::join!(
        client.connect(far_socket.address(), Protocol::SESSION, Trust::AnyKey),
        async { server.accept().await.expect("open").accept(Trust::AnyKey).await },
    );
    let (near, far) = (near.expect("connected"), far.expect("accepted"));
    Pair { near, far, near_socket, _endpoints: [client, server] }
}

/// Sends without end, and reads it; counts what has arrived.
pub(crate) fn saturate(pair: &Pair) -> Arc<AtomicU64> {
    let near = pair.near.clone();
    tokio::spawn(async move {
        let mut chain = near.open_chain().await.expect("open");
        while chain.send(Bytes::from(vec![7; 6_000]), 0).await.is_ok() {}
    });
    count_arrivals(pair)
}

/// Reads the chain and counts its bytes.
pub(crate) fn count_arrivals(pair: &Pair) -> Arc<AtomicU64> {
    let arrived = Arc::new(AtomicU64::new(0));
    let (far, count) = (pair.far.clone(), arrived.clone());
    tokio::spawn(async move {
        let mut inbound = far.inbound();
        let Ok(InboundStream::Chain(mut chain)) = inbound.next().await else { return };
        while let Ok(Some(update)) = chain.next().await {
            count.fetch_add(update.bytes.len() as u64, Ordering::Relaxed);
        }
    });
    arrived
}

pub(crate) async fn seconds(count: f64) {
    tessera_netsim::pass(Duration::from_secs_f64(count)).await;
}

/// Bits a second that `count` grows by during `time_s`.
pub(crate) async fn rate_over(count: &AtomicU64, time_s: f64) -> f64 {
    let before = count.load(Ordering::Relaxed);
    seconds(time_s).await;
    (count.load(Ordering::Relaxed) - before) as f64 * 8.0 / time_s
}
