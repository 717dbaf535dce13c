//! Whole sessions across networks of namespaces: the real center, and both sides as their programs run them, behind
//! address translators, where UDP is blocked, and while ways die.

mod people;
mod proxy;
mod world;

use std::time::{Duration, Instant};

use people::{Meeting, Side, wait_until};
use proxy::ConnectProxy;
use tessera::{PathKind, Paths};
use tessera_netlab::{Mapping, NetlabError};
use world::World;

type Outcome = Result<(), NetlabError>;

/// Time in which a direct path would have been found: ten probes of a candidate at intervals of 250 ms, and as much again.
const PROBING: Duration = Duration::from_secs(5);

#[test]
fn two_translators_are_passed_by_punching_holes_without_an_interruption() -> Outcome {
    let test = "two_translators_are_passed_by_punching_holes_without_an_interruption";
    let Some(world) = World::or_skip(test) else { return Ok(()) };
    let csr = world.home("csr", Mapping::Preserving)?;
    let customer = world.home("customer", Mapping::Preserving)?;
    let mut meeting = Meeting::of(&world, &Side::at(&csr.host), &Side::at(&customer.host));
    meeting.goes_by(PathKind::Direct);
    assert!(meeting.is_uninterrupted());
    // The first packets went through the relay: the path was changed, and the connection was not.
    assert!(meeting.figures().iter().any(|side| side.path_switches > 0));
    meeting.is_seen();
    Ok(())
}

#[test]
fn translators_with_a_port_for_each_peer_leave_the_session_at_the_relay() -> Outcome {
    let test = "translators_with_a_port_for_each_peer_leave_the_session_at_the_relay";
    let Some(world) = World::or_skip(test) else { return Ok(()) };
    let csr = world.home("csr", Mapping::PerPeer)?;
    let customer = world.home("customer", Mapping::PerPeer)?;
    let mut meeting = Meeting::of(&world, &Side::at(&csr.host), &Side::at(&customer.host));
    let start = Instant::now();
    while start.elapsed() < PROBING {
        meeting.is_seen();
    }
    assert_eq!(meeting.figures().map(|side| side.path), [Some(PathKind::Relay); 2]);
    assert!(meeting.is_uninterrupted());
    Ok(())
}

#[test]
fn a_direct_path_that_dies_gives_way_to_the_relay() -> Outcome {
    let test = "a_direct_path_that_dies_gives_way_to_the_relay";
    let Some(world) = World::or_skip(test) else { return Ok(()) };
    let csr = world.home("csr", Mapping::Preserving)?;
    let customer = world.home("customer", Mapping::Preserving)?;
    let mut meeting = Meeting::of(&world, &Side::at(&csr.host), &Side::at(&customer.host));
    meeting.goes_by(PathKind::Direct);
    // What the hub forwards goes from home to home; the relay's packets end and begin on it.
    world.hub.nft(
        "table inet cut {\nchain forward { type filter hook forward priority 0; meta l4proto udp drop; }\n}\n",
    )?;
    let seen_after = meeting.is_seen();
    println!("seen again after {} ms", seen_after.as_millis());
    meeting.goes_by(PathKind::Relay);
    assert!(meeting.is_uninterrupted());
    world.hub.nft("delete table inet cut\n")?;
    meeting.goes_by(PathKind::Direct);
    Ok(())
}

#[test]
fn where_udp_is_blocked_everything_goes_through_tunnels() -> Outcome {
    let test = "where_udp_is_blocked_everything_goes_through_tunnels";
    let Some(world) = World::or_skip(test) else { return Ok(()) };
    let csr = world.home("csr", Mapping::Preserving)?;
    let customer = world.home("customer", Mapping::Preserving)?;
    csr.router.block_udp()?;
    customer.router.block_udp()?;
    // Enrolling, opening, joining and the pictures.
    let mut meeting = Meeting::of(&world, &Side::at(&csr.host), &Side::at(&customer.host));
    meeting.goes_by(PathKind::Tunnel);
    assert!(meeting.is_uninterrupted());
    Ok(())
}

#[test]
fn a_proxy_that_connects_is_enough() -> Outcome {
    let test = "a_proxy_that_connects_is_enough";
    let Some(world) = World::or_skip(test) else { return Ok(()) };
    let csr = world.office("csr")?;
    // The customer's network has one cable, to a computer that forwards nothing.
    let [customer, between] = [world.lab.namespace("customer")?, world.lab.namespace("proxy")?];
    let [end, _] = world.lab.cable(&customer, &between)?;
    customer.route_through(&end)?;
    let [outside, _] = world.lab.cable(&between, &world.hub)?;
    between.route_through(&outside)?;
    let proxy = ConnectProxy::start(&between, 3128);
    let place = format!("{}:3128", end.peer).parse().expect("a proxy");
    let side = Side { proxy: Some(place), ..Side::at(&customer) };
    let mut meeting = Meeting::of(&world, &Side::at(&csr.host), &side);
    let start = Instant::now();
    wait_until("the customer's path", || meeting.customer.figures().path == Some(PathKind::Tunnel));
    meeting.is_seen();
    // One for the center, one for the relay.
    assert!(proxy.connected() >= 2, "after {:?}", start.elapsed());
    assert!(meeting.is_uninterrupted());
    Ok(())
}

#[test]
fn a_changed_address_is_survived() -> Outcome {
    let test = "a_changed_address_is_survived";
    let Some(world) = World::or_skip(test) else { return Ok(()) };
    let [csr, customer] = [world.office("csr")?, world.office("customer")?];
    let mut meeting = Meeting::of(&world, &Side::at(&csr.host), &Side::at(&customer.host));
    meeting.goes_by(PathKind::Direct);
    world.lab.renumber(&customer.host, &customer.end)?;
    println!("customer: seen again after {} ms", meeting.is_seen().as_millis());
    meeting.goes_by(PathKind::Direct);
    world.lab.renumber(&csr.host, &csr.end)?;
    println!("representative: seen again after {} ms", meeting.is_seen().as_millis());
    meeting.goes_by(PathKind::Direct);
    Ok(())
}

#[test]
fn a_killed_relay_costs_less_than_two_seconds_with_another_at_hand() -> Outcome {
    let test = "a_killed_relay_costs_less_than_two_seconds_with_another_at_hand";
    let Some(mut world) = World::with_another_relay_or_skip(test) else { return Ok(()) };
    let [csr, customer] = [world.office("csr")?, world.office("customer")?];
    let relayed = |place| Side { paths: Paths::Relayed, ..Side::at(place) };
    let mut meeting = Meeting::of(&world, &relayed(&csr.host), &relayed(&customer.host));
    meeting.goes_by(PathKind::Relay);
    world.kill_the_busier_relay(|| {
        for _ in 0..20 {
            meeting.is_seen();
        }
    });
    let seen_after = meeting.is_seen();
    println!("seen again after {} ms", seen_after.as_millis());
    assert!(seen_after <= Duration::from_secs(2), "{seen_after:?}");
    assert!(meeting.is_uninterrupted());
    Ok(())
}
