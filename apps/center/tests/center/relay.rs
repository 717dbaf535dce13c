//! The real relay forwards between the ends of a channel, whoever and wherever they are.

use tessera_transport::Identity;
use tessera_transport::relay::{Event, Side};

use crate::harness::Center;
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
fn the_relay_inside_a_center_takes_its_tokens() {
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
    assert!(matches!(refused, Event::Refused(_)), "{refused:?}");
}
