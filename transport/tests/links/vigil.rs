//! How soon a peer that went without a word is missed, and that nobody else is.

use crate::ends::{address, endpoint, loopback, run};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;
use tessera_transport::endpoint::IDLE_TIMEOUT;
use tessera_transport::vigil::{Sign, Vigil};
use tessera_transport::{Closed, Endpoint, Link, Protocol, Trust};
use tokio::net::UdpSocket;

/// What carries packets between two ends, until it is cut.
struct Wire(Arc<AtomicBool>);

impl Wire {
    /// Lays a wire to `far`; where to connect to comes with it. A wire that `refuses_strangers` answers for all but
    /// the first who sends into it that nobody listens.
    async fn to(
        far: std::net::SocketAddr,
        refuses_strangers: bool,
    ) -> (Self, std::net::SocketAddr) {
        let entrance = UdpSocket::bind(loopback()).await.expect("bound");
        let exit = UdpSocket::bind(loopback()).await.expect("bound");
        let address = entrance.local_addr().expect("bound");
        let cut = Arc::new(AtomicBool::new(false));
        let is_cut = cut.clone();
        tokio::spawn(async move {
            let mut near = None;
            let (mut inward, mut outward) = ([0; 2048], [0; 2048]);
            loop {
                let (bytes, to) = tokio::select! {
                    Ok((bytes, from)) = entrance.recv_from(&mut inward) => {
                        if near.is_none() && refuses_strangers {
                            entrance.connect(from).await.expect("connected");
                        }
                        // A knock comes from elsewhere.
                        if *near.get_or_insert(from) != from {
                            continue;
                        }
                        (&inward[..bytes], far)
                    }
                    Ok((bytes, _)) = exit.recv_from(&mut outward) => match near {
                        Some(near) => (&outward[..bytes], near),
                        None => continue,
                    },
                };
                if is_cut.load(Ordering::SeqCst) {
                    continue;
                }
                let sent = match to == far {
                    true => exit.send_to(bytes, far).await,
                    false if refuses_strangers => entrance.send(bytes).await,
                    false => entrance.send_to(bytes, to).await,
                };
                sent.expect("sent");
            }
        });
        (Self(cut), address)
    }

    fn cut(&self, cut: bool) {
        self.0.store(cut, Ordering::SeqCst);
    }
}

/// A link to `server` that goes over `address`, both ends.
async fn link_over(
    address: std::net::SocketAddr,
    client: &Endpoint,
    server: &Endpoint,
) -> (Link, Link) {
    let connecting = client.connect(address, Protocol::SESSION, Trust::Only(server.fingerprint()));
    let accepting = async { server.accept().await.expect("open").accept(Trust::AnyKey).await };
    let (near, far) = tokio::join!(connecting, accepting);
    (near.expect("connected"), far.expect("accepted"))
}

#[test]
fn silence_is_told_before_the_link_is_lost_and_so_is_its_end() {
    run(async {
        let (client, server) = (endpoint(None), endpoint(Some(Protocol::SESSION)));
        let (wire, entrance) = Wire::to(address(&server), false).await;
        let (near, _far) = link_over(entrance, &client, &server).await;
        let mut vigil = Vigil::begin(near);
        let started = Instant::now();
        wire.cut(true);
        assert_eq!(vigil.next().await, Ok(Sign::Silent));
        assert!(started.elapsed() < IDLE_TIMEOUT, "{:?}", started.elapsed());
        wire.cut(false);
        assert_eq!(vigil.next().await, Ok(Sign::Heard));
        wire.cut(true);
        assert_eq!(vigil.next().await, Ok(Sign::Silent));
        assert_eq!(vigil.next().await, Err(Closed::TimedOut));
    });
}

#[test]
fn a_peer_whose_port_is_closed_has_gone() {
    let (ready, listening) = std::sync::mpsc::channel();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    // The peer's runtime stops without a goodbye, as when a process is killed; then the system closes its port.
    let peer = std::thread::spawn(move || {
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let held = runtime.block_on(async {
            let server = endpoint(Some(Protocol::SESSION));
            ready.send((address(&server), server.fingerprint())).expect("the test waits");
            let incoming = server.accept().await.expect("open");
            let link = incoming.accept(Trust::AnyKey).await.expect("accepted");
            stopped.await.expect("the test says when");
            (link, server)
        });
        runtime.shutdown_background();
        drop(held);
    });
    run(async {
        let client = endpoint(None);
        let (address, fingerprint) = listening.recv().expect("listening");
        let trust = Trust::Only(fingerprint);
        let link = client.connect(address, Protocol::SESSION, trust).await.expect("connected");
        let mut vigil = Vigil::begin(link);
        stop.send(()).expect("the peer waits");
        assert_eq!(vigil.next().await, Err(Closed::Gone));
    });
    peer.join().expect("it ends");
}

#[test]
fn a_refusal_means_nothing_where_strangers_are_refused_anyway() {
    run(async {
        let (client, server) = (endpoint(None), endpoint(Some(Protocol::SESSION)));
        let (wire, entrance) = Wire::to(address(&server), true).await;
        let (near, _far) = link_over(entrance, &client, &server).await;
        let mut vigil = Vigil::begin(near);
        wire.cut(true);
        assert_eq!(vigil.next().await, Ok(Sign::Silent), "and not gone");
        wire.cut(false);
        assert_eq!(vigil.next().await, Ok(Sign::Heard));
    });
}
