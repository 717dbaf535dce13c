//! Two endpoints on loopback, and what the tests of links need of them.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use tessera_transport::pairing::{Code, Door, Number, PairingError, join};
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

pub(crate) fn number() -> Number {
    Number::from_index(42).expect("in range")
}

/// Has the holder of `code` knock at `door`: what the joiner is told, and what the door.
pub(crate) async fn try_code(
    client: &Endpoint,
    server: &Endpoint,
    door: &Door,
    code: &Code,
) -> (Result<(), PairingError>, Result<(), PairingError>) {
    let (near, far) = link(client, server).await;
    let joining = async {
        let (mut send, mut receive) = near.control().await.expect("open");
        let result = join(&near, &mut send, &mut receive, code).await;
        if result.is_err() {
            near.close(&tessera_transport::CloseReason::Goodbye);
        }
        result
    };
    let admitting = async {
        let (mut send, mut receive) = far.control().await.expect("open");
        door.admit(&far, &mut send, &mut receive).await
    };
    tokio::join!(joining, admitting)
}

/// A code that differs from `code` in its last digit.
pub(crate) fn wrong(code: &Code) -> Code {
    let mut digits = code.reveal().to_string();
    let last = digits.pop().and_then(|digit| digit.to_digit(10)).expect("a digit");
    digits.push(char::from_digit((last + 1) % 10, 10).expect("a digit"));
    digits.parse().expect("a code")
}
