//! Routers with NAT and without UDP, as their neighbours see them.

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::process::Command;
use std::time::Duration;

use tessera_netlab::{Lab, Link, Mapping, Namespace, NetlabError, Shape};

const LIMIT: Duration = Duration::from_secs(10);

/// How long to wait for what must not come. A packet in these networks takes well under a millisecond.
const SILENCE: Duration = Duration::from_millis(200);

fn socket(namespace: &Namespace, address: Ipv4Addr) -> Result<UdpSocket, NetlabError> {
    let socket = namespace.enter(|| UdpSocket::bind((address, 0)))?.expect("a socket");
    socket.set_read_timeout(Some(LIMIT)).expect("a timeout");
    Ok(socket)
}

fn address(socket: &UdpSocket) -> SocketAddr {
    socket.local_addr().expect("an address")
}

/// A host behind a router, and two hosts on the other side that know nothing of what is behind it.
struct Home {
    inside: UdpSocket,
    outside: [UdpSocket; 2],
    stranger: UdpSocket,
    router: Namespace,
    _host: Namespace,
    _peers: [Namespace; 2],
    link: Link,
}

fn home(test: &str, mapping: Mapping) -> Result<Option<Home>, NetlabError> {
    let Some(lab) = Lab::or_skip(test) else { return Ok(None) };
    if Command::new("nft").arg("--version").output().is_err() {
        eprintln!("{test} skipped: nft is not installed");
        return Ok(None);
    }
    let [host, router] = [lab.namespace("host")?, lab.namespace("router")?];
    let peers = [lab.namespace("hub")?, lab.namespace("peer")?];
    let [host_end, _] = lab.cable(&host, &router)?;
    host.route_through(&host_end)?;
    let link = lab.link(&router, &peers[0], Shape::CLEAR, 0)?;
    let [wan, hub_end] = link.ends().clone();
    router.route_through(&wan)?;
    router.translate(&wan, mapping)?;
    // The second peer is reached through the first.
    let [hub_side, peer_end] = lab.cable(&peers[0], &peers[1])?;
    peers[0].forward()?;
    peers[1].route_through(&peer_end)?;
    assert_eq!(hub_side.peer, peer_end.address);
    Ok(Some(Home {
        inside: socket(&host, host_end.address)?,
        outside: [socket(&peers[0], hub_end.address)?, socket(&peers[1], peer_end.address)?],
        stranger: socket(&peers[1], peer_end.address)?,
        router,
        _host: host,
        _peers: peers,
        link,
    }))
}

impl Home {
    /// The address that each of the two peers sees.
    fn seen(&self) -> [SocketAddr; 2] {
        self.outside.each_ref().map(|peer| {
            self.inside.send_to(&[1], address(peer)).expect("sent");
            peer.recv_from(&mut [0; 1]).expect("a packet").1
        })
    }
}

#[test]
fn a_preserving_router_shows_every_peer_one_address() -> Result<(), NetlabError> {
    let test = "a_preserving_router_shows_every_peer_one_address";
    let Some(home) = home(test, Mapping::Preserving)? else { return Ok(()) };
    let [first, second] = home.seen();
    assert_eq!(first, second);
    assert_ne!(first.ip(), address(&home.inside).ip());
    home.outside[1].send_to(&[2], second).expect("sent");
    home.inside.recv(&mut [0; 1]).expect("an answer");
    Ok(())
}

#[test]
fn a_router_lets_nothing_in_that_was_not_asked_for() -> Result<(), NetlabError> {
    let test = "a_router_lets_nothing_in_that_was_not_asked_for";
    let Some(home) = home(test, Mapping::Preserving)? else { return Ok(()) };
    let [seen, _] = home.seen();
    home.stranger.send_to(&[9], seen).expect("sent");
    home.inside.set_read_timeout(Some(SILENCE)).expect("a timeout");
    assert!(home.inside.recv(&mut [0; 1]).is_err(), "a stranger's packet came in");
    // Once the inside has sent there, the same address is good for the stranger: a punched hole.
    home.inside.set_read_timeout(Some(LIMIT)).expect("a timeout");
    home.inside.send_to(&[1], address(&home.stranger)).expect("sent");
    let (_, seen_now) = home.stranger.recv_from(&mut [0; 1]).expect("a packet");
    assert_eq!(seen_now, seen);
    home.stranger.send_to(&[9], seen).expect("sent");
    let (_, from) = home.inside.recv_from(&mut [0; 1]).expect("an answer");
    assert_eq!(from, address(&home.stranger));
    Ok(())
}

#[test]
fn a_router_with_a_port_per_peer_shows_each_another_one() -> Result<(), NetlabError> {
    let test = "a_router_with_a_port_per_peer_shows_each_another_one";
    let Some(home) = home(test, Mapping::PerPeer)? else { return Ok(()) };
    let [first, second] = home.seen();
    assert_eq!(first.ip(), second.ip());
    assert_ne!(first.port(), second.port());
    Ok(())
}

#[test]
fn a_router_without_udp_carries_none_until_it_is_allowed() -> Result<(), NetlabError> {
    let test = "a_router_without_udp_carries_none_until_it_is_allowed";
    let Some(home) = home(test, Mapping::Preserving)? else { return Ok(()) };
    home.router.block_udp()?;
    home.inside.send_to(&[1], address(&home.outside[0])).expect("sent");
    home.outside[0].set_read_timeout(Some(SILENCE)).expect("a timeout");
    assert!(home.outside[0].recv(&mut [0; 1]).is_err(), "UDP came through");
    home.router.unblock_udp()?;
    home.outside[0].set_read_timeout(Some(LIMIT)).expect("a timeout");
    home.seen();
    Ok(())
}

#[test]
fn a_router_that_forgot_is_reached_through_again_from_inside() -> Result<(), NetlabError> {
    let test = "a_router_that_forgot_is_reached_through_again_from_inside";
    let Some(home) = home(test, Mapping::PerPeer)? else { return Ok(()) };
    let [before, _] = home.seen();
    home.router.forget_translations(&home.link.ends()[0], Mapping::PerPeer)?;
    home.outside[0].send_to(&[2], before).expect("sent");
    home.inside.set_read_timeout(Some(SILENCE)).expect("a timeout");
    assert!(home.inside.recv(&mut [0; 1]).is_err(), "a forgotten translation still works");
    let [after, _] = home.seen();
    assert_ne!(after.port(), before.port());
    Ok(())
}

#[test]
fn nothing_stays_behind() -> Result<(), NetlabError> {
    let Some(lab) = Lab::or_skip("nothing_stays_behind") else { return Ok(()) };
    let namespaces = [lab.namespace("a")?, lab.namespace("b")?];
    let names = namespaces.each_ref().map(|it| it.name().to_owned());
    let listed = || std::fs::read_dir("/run/netns").expect("a folder").flatten();
    let is_there = |name: &String| listed().any(|entry| entry.file_name() == name.as_str());
    assert!(names.iter().all(is_there));
    drop(namespaces);
    assert!(!names.iter().any(is_there));
    Ok(())
}
