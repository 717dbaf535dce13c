//! The session goes on whatever becomes of its paths.

use super::network::middlebox;
use super::session::{Conversation, Meeting, candidates, wait_for};
use crate::ends::run;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};
use tessera_transport::path::PathKind;
use tessera_transport::{Closed, Link};

#[test]
fn the_relay_carries_the_session_from_the_first_packet_and_a_direct_path_takes_over() {
    run(async {
        let meeting = Meeting::at(1).await;
        let (near, far) = meeting.connect().await;
        assert_eq!(near.path().map(|path| path.kind), Some(PathKind::Relay));
        let talk = Conversation::begin(&near, &far);
        talk.hear(50).await;
        let before = talk.longest_gap();
        meeting.tell(meeting.host.address(), meeting.joiner.address());
        wait_for(&meeting.joiner.ways, PathKind::Direct).await;
        wait_for(&meeting.host.ways, PathKind::Direct).await;
        let relayed = meeting.relays[0].forwarded.load(Ordering::Relaxed);
        talk.hear(100).await;
        let after = meeting.relays[0].forwarded.load(Ordering::Relaxed);
        assert!(after - relayed < 10, "{} packets in a second by the relay", after - relayed);
        let gap = talk.longest_gap();
        assert!(gap < before + Duration::from_millis(100), "a pause of {gap:?}");
        assert!(near.path().is_some_and(|path| path.switches == 1 && path.rtt_us.is_some()));
    });
}

#[test]
fn when_the_direct_path_dies_the_relay_carries_the_session_on() {
    run(async {
        let meeting = Meeting::at(1).await;
        let (near, far) = meeting.connect().await;
        let talk = Conversation::begin(&near, &far);
        let middlebox = middlebox(meeting.host.address()).await;
        meeting.joiner.ways.add_candidates(&candidates(middlebox.address));
        wait_for(&meeting.joiner.ways, PathKind::Direct).await;
        wait_for(&meeting.host.ways, PathKind::Direct).await;
        talk.hear(20).await;
        talk.longest_gap();
        let died = Instant::now();
        middlebox.switch.set(false);
        wait_for(&meeting.joiner.ways, PathKind::Relay).await;
        wait_for(&meeting.host.ways, PathKind::Relay).await;
        assert!(died.elapsed() < Duration::from_secs(2), "after {:?}", died.elapsed());
        talk.hear(50).await;
        assert!(talk.longest_gap() < Duration::from_secs(3));
        // And forth again.
        middlebox.switch.set(true);
        wait_for(&meeting.joiner.ways, PathKind::Direct).await;
        talk.hear(50).await;
        assert!(near.close_reason().is_none() && far.close_reason().is_none());
    });
}

#[test]
fn when_a_relay_dies_another_at_hand_carries_the_session_on() {
    run(async {
        let meeting = Meeting::at(2).await;
        let (near, far) = meeting.connect().await;
        let talk = Conversation::begin(&near, &far);
        talk.hear(150).await;
        let used = meeting.relays.iter().max_by_key(|it| it.forwarded.load(Ordering::Relaxed));
        let died = Instant::now();
        used.expect("a relay").switch.set(false);
        talk.longest_gap();
        talk.hear(100).await;
        let gap = talk.longest_gap();
        assert!(gap < Duration::from_secs(2), "a pause of {gap:?}");
        assert!(died.elapsed() < Duration::from_secs(4));
        assert!(near.path().is_some_and(|path| path.kind == PathKind::Relay && path.switches >= 1));
    });
}

#[test]
fn another_address_of_the_peer_is_found_by_its_probes() {
    run(async {
        let meeting = Meeting::at(1).await;
        let (near, far) = meeting.connect().await;
        let talk = Conversation::begin(&near, &far);
        let middlebox = middlebox(meeting.host.address()).await;
        meeting.joiner.ways.add_candidates(&candidates(middlebox.address));
        wait_for(&meeting.host.ways, PathKind::Direct).await;
        let before = far.remote_address();
        talk.hear(20).await;
        talk.longest_gap();
        middlebox.rebind();
        let mut looks = tokio::time::interval(Duration::from_millis(20));
        while far.remote_address() == before || !far.path().is_some_and(is_direct) {
            looks.tick().await;
        }
        talk.hear(100).await;
        let gap = talk.longest_gap();
        assert!(gap < Duration::from_secs(2), "a pause of {gap:?}");
        assert!(near.close_reason().is_none());
    });
}

fn is_direct(path: tessera_transport::path::PathFigures) -> bool {
    path.kind == PathKind::Direct
}

#[test]
fn after_a_long_outage_a_probe_returns_and_a_new_connection_is_made_by_the_same_ways() {
    run(async {
        let meeting = Meeting::at(1).await;
        let (near, far) = meeting.connect().await;
        let relay = &meeting.relays[0];
        relay.switch.set(false);
        let cut = Instant::now();
        assert_eq!(near.closed().await, Closed::TimedOut);
        assert_eq!(far.closed().await, Closed::TimedOut);
        assert!(cut.elapsed() < Duration::from_secs(5), "given up after {:?}", cut.elapsed());
        let mut returns = meeting.joiner.ways.returns();
        let waited = tokio::time::timeout(Duration::from_secs(2), returns.next()).await;
        assert!(waited.is_err(), "nothing can have returned");
        relay.switch.set(true);
        let back = Instant::now();
        returns.next().await;
        let (near, far) = meeting.connect().await;
        assert!(back.elapsed() < Duration::from_millis(2500), "back after {:?}", back.elapsed());
        Conversation::begin(&near, &far).hear(10).await;
    });
}

/// A connection that began straight is a connection like any other.
#[test]
fn a_direct_link_moves_to_the_relay_that_is_added_when_it_dies() {
    run(async {
        let meeting = Meeting::at(1).await;
        let Meeting { joiner, host, .. } = &meeting;
        let host_address = host.endpoint.local_address().expect("bound");
        let middlebox = middlebox(host_address).await;
        let direct = joiner.outlet.direct(middlebox.address);
        let (near, far): (Link, Link) = {
            let trust = tessera_transport::Trust::Only(host.endpoint.fingerprint());
            let protocol = tessera_transport::Protocol::SESSION;
            let connecting = joiner.endpoint.connect_by(&direct, protocol, trust);
            let accepting = async {
                let incoming = host.endpoint.accept().await.expect("an open endpoint");
                let link = incoming.accept_stranger().await.expect("a handshake");
                link.admit();
                link
            };
            let (near, far) = tokio::join!(connecting, accepting);
            (near.expect("connected"), far)
        };
        let talk = Conversation::begin(&near, &far);
        near.ways().expect("ways").absorb(&joiner.ways);
        far.ways().expect("ways").absorb(&host.ways);
        talk.hear(150).await;
        assert!(near.path().is_some_and(is_direct) && far.path().is_some_and(is_direct));
        middlebox.switch.set(false);
        wait_for(near.ways().expect("ways"), PathKind::Relay).await;
        wait_for(far.ways().expect("ways"), PathKind::Relay).await;
        talk.hear(50).await;
    });
}
