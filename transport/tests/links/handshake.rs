//! Who gets a link, and what the others are told.

use crate::ends::{self, address, endpoint, run};
use tessera_transport::{CloseReason, Closed, ConnectError, Protocol, Trust};

#[test]
fn both_ends_know_each_other_and_share_an_exporter_with_nobody_else() {
    run(async {
        let (client, server, near, far) = crate::pair().await;
        assert_eq!(near.peer(), server.fingerprint());
        assert_eq!(far.peer(), client.fingerprint());
        let secret = |link: &tessera_transport::Link| link.exporter(b"test").expect("exported");
        assert_eq!(secret(&near), secret(&far));
        let (other, _other_far) = ends::link(&client, &server).await;
        assert_ne!(secret(&near), secret(&other), "every connection has its own");
    });
}

#[test]
fn a_server_with_another_key_is_refused_and_named() {
    run(async {
        let (client, server) = (endpoint(None), endpoint(Some(Protocol::SESSION)));
        let expected = endpoint(None).fingerprint();
        let accepting = async {
            server.accept().await.expect("open").accept(Trust::AnyKey).await.expect_err("refused")
        };
        let connecting = client.connect(address(&server), Protocol::SESSION, Trust::Only(expected));
        let (near, far) = tokio::join!(connecting, accepting);
        let near = near.expect_err("refused");
        assert_eq!(
            near,
            ConnectError::Fingerprint {
                address: address(&server),
                expected,
                found: server.fingerprint()
            }
        );
        assert_eq!(far, ConnectError::NotAccepted(address(&client)));
    });
}

#[test]
fn a_client_with_another_key_is_refused_and_named() {
    run(async {
        let (client, server) = (endpoint(None), endpoint(Some(Protocol::SESSION)));
        let expected = endpoint(None).fingerprint();
        let accepting = async {
            let incoming = server.accept().await.expect("open");
            incoming.accept(Trust::Only(expected)).await.expect_err("refused")
        };
        let connecting = async {
            let trust = Trust::Only(server.fingerprint());
            // The client's handshake may be complete before the server has looked at the certificate.
            match client.connect(address(&server), Protocol::SESSION, trust).await {
                Ok(link) => link.closed().await.to_string(),
                Err(error) => error.to_string(),
            }
        };
        let (near, far) = tokio::join!(connecting, accepting);
        assert!(
            matches!(far, ConnectError::Fingerprint { found, .. } if found == client.fingerprint()),
            "{far}"
        );
        assert!(near.contains("does not accept the key") || near.contains("certificate"), "{near}");
    });
}

#[test]
fn another_protocol_version_is_told_on_both_sides() {
    run(async {
        let (client, server) = (endpoint(None), endpoint(Some(Protocol::SESSION)));
        let newer = Protocol { version: Protocol::SESSION.version + 1, ..Protocol::SESSION };
        let accepting = async {
            server.accept().await.expect("open").accept(Trust::AnyKey).await.expect_err("refused")
        };
        let connecting = client.connect(address(&server), newer, Trust::AnyKey);
        let (near, far) = tokio::join!(connecting, accepting);
        assert_eq!(near.expect_err("refused"), ConnectError::VersionMismatch(address(&server)));
        assert_eq!(far, ConnectError::VersionMismatch(address(&client)));
    });
}

#[test]
fn nobody_at_the_address_is_unreachable_within_the_idle_timeout() {
    run(async {
        let silent = std::net::UdpSocket::bind(ends::loopback()).expect("a free port");
        let address = silent.local_addr().expect("bound");
        let client = endpoint(None);
        let result = client.connect(address, Protocol::SESSION, Trust::AnyKey).await;
        assert_eq!(result.expect_err("nobody"), ConnectError::Unreachable(address));
    });
}

#[test]
fn a_taken_port_is_said_with_its_address() {
    run(async {
        let server = endpoint(Some(Protocol::SESSION));
        let identity = tessera_transport::Identity::ephemeral().expect("an identity").into();
        let error = tessera_transport::Endpoint::bind(address(&server), identity, None)
            .expect_err("taken")
            .to_string();
        assert!(error.contains(&address(&server).to_string()), "{error}");
    });
}

#[test]
fn how_a_link_ended_is_known_on_the_other_side() {
    run(async {
        let (client, server) = (endpoint(None), endpoint(Some(Protocol::SESSION)));
        for reason in [
            CloseReason::Goodbye,
            CloseReason::Replaced,
            CloseReason::VersionMismatch,
            CloseReason::NotAdmitted("not today".to_owned()),
        ] {
            let (near, far) = ends::link(&client, &server).await;
            near.close(&reason);
            assert_eq!(far.closed().await, Closed::ByPeer(reason));
            assert_eq!(near.closed().await, Closed::Here);
        }
    });
}

#[test]
fn a_peer_that_vanishes_is_noticed_within_the_idle_timeout() {
    // The peer lives in a runtime of its own, which stops without a word as a killed process does.
    let (ready, address) = std::sync::mpsc::channel();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let peer = std::thread::spawn(move || {
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let link = runtime.block_on(async {
            let server = endpoint(Some(Protocol::SESSION));
            ready.send((ends::address(&server), server.fingerprint())).expect("the test waits");
            let incoming = server.accept().await.expect("open");
            let link = incoming.accept(Trust::AnyKey).await.expect("accepted");
            stopped.await.expect("the test says when");
            (link, server)
        });
        // Without its runtime nothing is sent any more, not even a goodbye.
        runtime.shutdown_background();
        link
    });
    run(async {
        let client = endpoint(None);
        let (address, fingerprint) = address.recv().expect("listening");
        let link =
            client.connect(address, Protocol::SESSION, Trust::Only(fingerprint)).await.expect("up");
        stop.send(()).expect("the peer waits");
        let started = std::time::Instant::now();
        assert_eq!(link.closed().await, Closed::TimedOut);
        let limit = tessera_transport::endpoint::IDLE_TIMEOUT + std::time::Duration::from_secs(2);
        assert!(started.elapsed() < limit, "{:?}", started.elapsed());
    });
    drop(peer.join());
}
