//! The real relay forwards between the ends of a channel, whoever and wherever they are.

use std::net::Ipv4Addr;

use tessera_transport::Identity;
use tessera_transport::relay::{Event, Refusal, Side};

use crate::harness::{Center, Program, addresses};
use crate::relayed::{Participant, pair, token};

/// A relay alone, and the center whose tokens it takes.
fn start() -> (tempfile::TempDir, Identity, Center) {
    let data = tempfile::tempdir().expect("a folder");
    let center = Identity::ephemeral().expect("a key");
    let relay = Center::start_relay(data.path(), center.fingerprint(), "127.0.0.1:0");
    (data, center, relay)
}

#[test]
fn both_directions_are_forwarded_as_they_are() {
    let (_data, center, relay) = start();
    let (joiner, host) = pair((relay.listens_on(), relay.fingerprint()), &center, 1);
    joiner.send_until_received(&host, b"\x40 from the joiner");
    host.send_until_received(&joiner, b"\x40 from the host");
    host.send_until_received(&joiner, &[0x20]);
    host.send_until_received(&joiner, &[0; 1]);
    host.send_until_received(&joiner, &[0xff; 1452]);
    assert_eq!(relay.metric("tessera_relay_channels "), 1);
    assert!(relay.metric("tessera_relay_packets_forwarded_total ") >= 5);
}

#[test]
fn an_end_that_moves_is_found_at_its_new_address_and_not_at_the_old_one() {
    let (_data, center, relay) = start();
    let (mut joiner, host) = pair((relay.listens_on(), relay.fingerprint()), &center, 1);
    let old = joiner.socket.try_clone().expect("cloned");
    joiner.move_to_another_port();
    joiner.check();
    assert_eq!(joiner.next_event(), Event::Bound { observed: joiner.address() });
    host.send_until_received(&joiner, b"\x40 there you are");
    joiner.send_until_received(&host, b"\x40 here I am");
    let mut buffer = [0; 64];
    assert!(old.recv_from(&mut buffer).is_err(), "the old address is still sent to");
    assert_eq!(relay.metric("tessera_relay_channels "), 1);
}

#[test]
fn a_relay_that_restarts_is_bound_anew_with_the_same_token() {
    let data = tempfile::tempdir().expect("a folder");
    let center = Identity::ephemeral().expect("a key");
    let relay = Center::start_relay(data.path(), center.fingerprint(), "127.0.0.1:0");
    let place = (relay.listens_on(), relay.fingerprint());
    let (mut joiner, mut host) = pair(place, &center, 1);
    drop(relay);
    let listen = place.0.to_string();
    let relay = Center::start_relay(data.path(), center.fingerprint(), &listen);
    assert_eq!(relay.fingerprint(), place.1);
    for end in [&mut joiner, &mut host] {
        end.check();
        while !matches!(end.next_event(), Event::Bound { .. }) {}
    }
    joiner.send_until_received(&host, b"\x40 again");
}

#[test]
fn the_relay_inside_a_center_takes_its_tokens_and_no_others() {
    let data = tempfile::tempdir().expect("a folder");
    let center = Center::start(data.path(), &[]);
    // The center's key, as only the center has it.
    let identity = Identity::load_or_create(data.path()).expect("the center's key");
    let relay = center.announced("relay ").expect("announced").trim_end_matches("/udp");
    let relay = relay.parse().expect("an address");
    let (joiner, host) = pair((relay, center.fingerprint()), &identity, 1);
    joiner.send_until_received(&host, b"\x40 hello");
    assert_eq!(center.metric("tessera_relay_channels "), 1);

    let mut stranger = Participant::new(relay);
    let foreign = token(&stranger.identity, Side::Joiner, 2).sign(&stranger.identity);
    let refused = stranger.bind(center.fingerprint(), foreign);
    assert_eq!(refused, Event::Refused(Refusal::Token));
}

#[tokio::test]
async fn whoever_finds_a_session_is_introduced_to_its_csr_at_every_relay() {
    let data = tempfile::tempdir().expect("a folder");
    let other_data = tempfile::tempdir().expect("a folder");
    // The center's key is made before it starts, for the relay that has to know it.
    let key = Identity::load_or_create(data.path()).expect("a key").fingerprint();
    let other = Center::start_relay(other_data.path(), key, "127.0.0.1:0");
    let other_place = format!("{}#{}", other.listens_on(), other.fingerprint());
    let center = Center::start(data.path(), &["--other-relay", &other_place]);

    let (csr, mut client) = Program::enrolled(&center, &center.token(), "Ann").await;
    let number = client.open_session(addresses(4000)).await.expect("opened");
    let joiner = Program::new();
    let mut joining = joiner.connect(&center).await;
    let found = joining.find(number).await.expect("found").channel.expect("introduced");
    let introduced = client.next_introduction().await.expect("introduced");
    assert_eq!(introduced.number, number);
    assert_eq!(introduced.joiner, joiner.endpoint.fingerprint());
    assert_eq!(introduced.channel.relays, found.relays);
    assert_eq!(found.relays[1].udp, other.listens_on());
    assert_eq!(found.relays[1].fingerprint, other.fingerprint());

    let [to_joiner, to_host] = [&found, &introduced.channel].map(|it| it.token.verify(key));
    let (to_joiner, to_host) = (to_joiner.expect("signed"), to_host.expect("signed"));
    assert_eq!(to_joiner.channel, to_host.channel);
    assert_eq!((to_joiner.side, to_host.side), (Side::Joiner, Side::Host));
    assert_eq!(to_joiner.holder, joiner.endpoint.fingerprint());
    assert_eq!(to_host.holder, csr.endpoint.fingerprint());

    for relay in &found.relays {
        let mut ends = [Participant::new(relay.udp), Participant::new(relay.udp)];
        for (end, (program, channel)) in
            ends.iter_mut().zip([(&joiner, &found), (&csr, &introduced.channel)])
        {
            end.identity = program.identity.clone();
            let bound = end.bind(relay.fingerprint, channel.token.clone());
            assert_eq!(bound, Event::Bound { observed: end.address() });
        }
        ends[0].send_until_received(&ends[1], b"\x40 hello");
    }
    assert_eq!(center.metric("tessera_center_introductions_total "), 1);
}

#[tokio::test]
async fn a_csr_that_is_away_is_not_introduced_and_one_that_asks_meanwhile_loses_nothing() {
    let data = tempfile::tempdir().expect("a folder");
    let center = Center::start(data.path(), &[]);
    let (csr, mut client) = Program::enrolled(&center, &center.token(), "Ann").await;
    let number = client.open_session(addresses(4000)).await.expect("opened");
    let joiner = Program::new();
    let mut joining = joiner.connect(&center).await;
    for _ in 0..3 {
        let found = joining.find(number).await.expect("found");
        assert!(found.channel.is_some());
    }
    // Introductions and answers to its own questions arrive on one stream.
    let another = client.open_session(addresses(4001)).await.expect("opened");
    assert_ne!(another, number);
    for _ in 0..3 {
        assert_eq!(client.next_introduction().await.expect("introduced").number, number);
    }
    client.disconnect();
    while joining.find(number).await.expect("in its grace period").channel.is_some() {}
    let mut again = csr.connect(&center).await;
    again.resume_session(number, addresses(4000)).await.expect("resumed");
    assert!(joining.find(number).await.expect("found").channel.is_some());
    again.next_introduction().await.expect("introduced");
}

#[tokio::test]
async fn introductions_to_one_session_are_limited_wherever_they_come_from() {
    let data = tempfile::tempdir().expect("a folder");
    let center = Center::start(data.path(), &[]);
    let (_csr, mut client) = Program::enrolled(&center, &center.token(), "Ann").await;
    let number = client.open_session(addresses(4000)).await.expect("opened");
    let mut introduced = 0;
    for source in 1..=4 {
        // Each loopback address is a source of its own.
        let program = Program::at(Ipv4Addr::new(127, 0, 0, source));
        let mut joining = program.connect(&center).await;
        for _ in 0..12 {
            introduced += usize::from(joining.find(number).await.is_ok());
        }
    }
    assert!((16..=20).contains(&introduced), "{introduced} of 48 were introduced");
}
