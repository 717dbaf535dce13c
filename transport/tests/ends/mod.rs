//! Two endpoints on loopback, and what the tests of links need of them.
#![allow(dead_code, reason = "each test file uses its part")]

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use tessera_transport::{Endpoint, Identity, Link, Protocol, Trust};

/// Runs `test` on a runtime like the transport thread's.
pub(crate) fn run<T>(test: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime")
        .block_on(async { tokio::time::timeout(std::time::Duration::from_secs(60), test).await })
        .expect("the test ends within a minute")
}

pub(crate) fn loopback() -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, 0))
}

pub(crate) fn endpoint(accepts: Option<Protocol>) -> Endpoint {
    let identity = Arc::new(Identity::ephemeral().expect("an identity"));
    Endpoint::bind(loopback(), identity, accepts).expect("a free port")
}

pub(crate) fn address(endpoint: &Endpoint) -> SocketAddr {
    endpoint.local_address().expect("bound")
}

/// A listening endpoint and a link from `client` to it, both ends.
pub(crate) async fn link(client: &Endpoint, server: &Endpoint) -> (Link, Link) {
    let connecting =
        client.connect(address(server), Protocol::SESSION, Trust::Only(server.fingerprint()));
    let accepting = async {
        let incoming = server.accept().await.expect("an open endpoint");
        incoming.accept(Trust::Only(client.fingerprint())).await
    };
    let (near, far) = tokio::join!(connecting, accepting);
    (near.expect("connected"), far.expect("accepted"))
}

/// Two endpoints and a link between them. The endpoints must be kept alive.
pub(crate) async fn pair() -> (Endpoint, Endpoint, Link, Link) {
    let client = endpoint(None);
    let server = endpoint(Some(Protocol::SESSION));
    let (near, far) = link(&client, &server).await;
    (client, server, near, far)
}
