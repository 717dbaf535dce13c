//! An emulated link does what its shape says, seen by plain sockets at both ends.

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use tessera_netlab::{Lab, Link, Namespace, NetlabError, Shape};

/// How long anything may take to arrive on a busy machine.
const LIMIT: Duration = Duration::from_secs(10);

/// Bytes of IPv4 and UDP headers.
const HEADERS: usize = 28;

struct Pair {
    link: Link,
    sockets: [UdpSocket; 2],
    namespaces: [Namespace; 2],
    lab: Lab,
}

fn socket(namespace: &Namespace, address: Ipv4Addr) -> Result<UdpSocket, NetlabError> {
    let socket = namespace.enter(|| UdpSocket::bind((address, 0)))?.expect("a socket");
    socket.set_read_timeout(Some(LIMIT)).expect("a timeout");
    Ok(socket)
}

/// Two sockets, connected to each other, across a link of this shape.
fn pair(test: &str, shape: Shape) -> Result<Option<Pair>, NetlabError> {
    let Some(lab) = Lab::or_skip(test) else { return Ok(None) };
    let namespaces = [lab.namespace("a")?, lab.namespace("b")?];
    let link = lab.link(&namespaces[0], &namespaces[1], shape, 7)?;
    let ends = link.ends();
    let sockets =
        [socket(&namespaces[0], ends[0].address)?, socket(&namespaces[1], ends[1].address)?];
    sockets[0].connect(sockets[1].local_addr().expect("an address")).expect("connected");
    sockets[1].connect(sockets[0].local_addr().expect("an address")).expect("connected");
    Ok(Some(Pair { link, sockets, namespaces, lab }))
}

/// Looks until there is a value.
fn until<T>(mut condition: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(value) = condition() {
            return value;
        }
        assert!(start.elapsed() < LIMIT, "what was waited for did not happen");
        std::thread::yield_now();
    }
}

fn round_trip([a, b]: &[UdpSocket; 2]) -> std::io::Result<Duration> {
    let mut byte = [0; 1];
    let start = Instant::now();
    a.send(&[1])?;
    b.recv(&mut byte)?;
    b.send(&[2])?;
    a.recv(&mut byte)?;
    Ok(start.elapsed())
}

#[test]
fn a_round_trip_takes_twice_the_delay() -> Result<(), NetlabError> {
    let shape = Shape { delay: Duration::from_millis(20), ..Shape::CLEAR };
    let Some(pair) = pair("a_round_trip_takes_twice_the_delay", shape)? else { return Ok(()) };
    let mut times: Vec<Duration> =
        (0..40).map(|_| round_trip(&pair.sockets).expect("an answer")).collect();
    times.sort();
    eprintln!("round trips: {:?} to {:?}, median {:?}", times[0], times[39], times[20]);
    let exact = shape.delay * 2;
    assert!(times[0] >= exact, "{:?} is too early", times[0]);
    // The best of many shows the emulator; the others show what else the machine does.
    assert!(times[0] < exact + Duration::from_millis(1), "{:?} is too late", times[0]);
    Ok(())
}

#[test]
fn packets_come_at_the_rate_of_the_link_and_the_queue_drops_its_tail() -> Result<(), NetlabError> {
    let test = "packets_come_at_the_rate_of_the_link_and_the_queue_drops_its_tail";
    let queue = Duration::from_millis(300);
    let shape = Shape { rate_bits: Some(8_000_000), queue, ..Shape::CLEAR };
    let Some(pair) = pair(test, shape)? else { return Ok(()) };
    let [sender, receiver] = &pair.sockets;
    // A packet keeps the link busy for a millisecond, so that 300 fit into the queue and one is under way.
    let payload = [0; 1000 - HEADERS];
    for _ in 0..400 {
        sender.send(&payload).expect("sent");
    }
    let mut buffer = [0; 2000];
    let mut times = Vec::new();
    while times.len() < 301 {
        receiver.recv(&mut buffer).expect("a packet");
        times.push(Instant::now());
    }
    let there = until(|| {
        let [there, _] = pair.link.figures();
        (there.packets + there.dropped == 400).then_some(there)
    });
    eprintln!("{there:?}");
    // While the burst was sent, some of it left the queue.
    assert!((301..380).contains(&there.packets), "{there:?}");
    assert!(there.queued_longest <= queue, "{there:?}");
    assert_eq!(there.bytes, there.packets * 1000);
    let span = times[300] - times[0];
    let exact = Duration::from_millis(300);
    // A first packet that was noticed late makes the span shorter, a last one longer.
    let error = Duration::from_millis(15);
    assert!(span > exact - error && span < exact + error, "{span:?} for 300 packets");
    Ok(())
}

#[test]
fn as_many_packets_are_lost_as_the_shape_says() -> Result<(), NetlabError> {
    let shape = Shape { loss: 0.1, ..Shape::CLEAR };
    let Some(pair) = pair("as_many_packets_are_lost_as_the_shape_says", shape)? else {
        return Ok(());
    };
    let [sender, receiver] = &pair.sockets;
    let mut buffer = [0; 8];
    let mut received = 0;
    receiver.set_nonblocking(true).expect("not blocking");
    for number in 1..=2000_u64 {
        let before = pair.link.figures()[0].lost;
        sender.send(&number.to_ne_bytes()).expect("sent");
        // In step, so that no queue of the kernel drops anything: either it arrives or it is counted as lost.
        received += until(|| {
            let is_here = receiver.recv(&mut buffer).is_ok();
            (is_here || pair.link.figures()[0].lost > before).then_some(u64::from(is_here))
        });
    }
    let lost = pair.link.figures()[0].lost;
    assert_eq!(received + lost, 2000);
    // Five standard deviations of 2,000 throws at 0.1 are 67.
    assert!((133..267).contains(&lost), "{lost} of 2000 lost");
    Ok(())
}

#[test]
fn a_cut_link_carries_nothing_until_it_is_mended() -> Result<(), NetlabError> {
    let Some(pair) = pair("a_cut_link_carries_nothing_until_it_is_mended", Shape::CLEAR)? else {
        return Ok(());
    };
    round_trip(&pair.sockets).expect("an answer");
    pair.link.cut(Duration::from_secs(3600));
    let before = pair.link.figures()[0];
    pair.sockets[0].send(&[9]).expect("sent");
    until(|| (pair.link.figures()[0].dropped > before.dropped).then_some(()));
    assert_eq!(pair.link.figures()[0].packets, before.packets);
    pair.link.mend();
    round_trip(&pair.sockets).expect("an answer after the cut");
    Ok(())
}

#[test]
fn an_end_that_was_renumbered_is_reached_at_its_new_address_only() -> Result<(), NetlabError> {
    let test = "an_end_that_was_renumbered_is_reached_at_its_new_address_only";
    let Some(pair) = pair(test, Shape::CLEAR)? else { return Ok(()) };
    let [_, b] = pair.link.ends().clone();
    pair.namespaces[0].route_through(&pair.link.ends()[0])?;
    let moved = pair.lab.renumber(&pair.namespaces[0], &pair.link.ends()[0])?;
    assert_ne!(moved.address, pair.link.ends()[0].address);
    let sender = socket(&pair.namespaces[0], moved.address)?;
    let receiver = socket(&pair.namespaces[1], b.address)?;
    let goal = receiver.local_addr().expect("an address");
    sender.send_to(&[1], goal).expect("sent");
    let (_, from) = receiver.recv_from(&mut [0; 1]).expect("a packet");
    assert_eq!(from, sender.local_addr().expect("an address"));
    assert!(socket_at(&pair.namespaces[0], pair.link.ends()[0].address).is_err());
    // Routes are kept: what has no route of its own still leaves through the device.
    let far = SocketAddr::from(([198, 51, 100, 1], 9));
    sender.send_to(&[1], far).expect("a default route");
    Ok(())
}

fn socket_at(namespace: &Namespace, address: Ipv4Addr) -> std::io::Result<UdpSocket> {
    namespace.enter(|| UdpSocket::bind((address, 0))).map_err(std::io::Error::other)?
}
