//! What an attacker may try at the relay, each from real sockets.

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use tessera_transport::relay::{
    Bind, Cookie, Event, MAX_MESSAGE_BYTES, Message, Refusal, Side, Token,
};
use tessera_transport::{Fingerprint, Identity};

use crate::harness::Center;
use crate::relayed::{Participant, pair, token, unix_s};

/// Longest wait for an answer.
const PATIENCE: Duration = Duration::from_secs(20);

struct Scene {
    _data: tempfile::TempDir,
    center: Identity,
    relay: Center,
    place: (SocketAddr, Fingerprint),
}

impl Scene {
    fn new() -> Self {
        let data = tempfile::tempdir().expect("a folder");
        let center = Identity::ephemeral().expect("a key");
        let relay = Center::start_relay(data.path(), center.fingerprint(), "127.0.0.1:0");
        let place = (relay.listens_on(), relay.fingerprint());
        Self { _data: data, center, relay, place }
    }

    fn participant(&self) -> Participant {
        Participant::new(self.place.0)
    }
}

/// Asks until the relay answers; the answer is never longer than the question.
fn ask(socket: &UdpSocket, relay: SocketAddr, question: &Message) -> Message {
    let question = question.to_bytes();
    let end = Instant::now() + PATIENCE;
    let mut buffer = [0; 2048];
    while Instant::now() < end {
        socket.send_to(&question, relay).expect("sent");
        if let Ok((length, _)) = socket.recv_from(&mut buffer) {
            assert!(length <= question.len(), "an answer longer than its question");
            return Message::parse(&buffer[..length]).expect("a message");
        }
    }
    panic!("no answer");
}

fn cookie(socket: &UdpSocket, relay: SocketAddr) -> Cookie {
    match ask(socket, relay, &Message::Knock { transaction: [1; 8] }) {
        Message::Cookie { cookie, is_bound: false, .. } => cookie,
        other => panic!("{other:?}"),
    }
}

#[test]
fn nobody_is_bound_without_a_token_of_the_center_for_a_key_of_his_own() {
    let scene = Scene::new();
    let mut attacker = scene.participant();
    let forger = Identity::ephemeral().expect("a key");
    let good = token(&attacker.identity, Side::Joiner, 1);
    let somebody = Identity::ephemeral().expect("a key");
    let tokens = [
        (good.sign(&forger), Refusal::Token),
        (
            Token { expires_unix_s: unix_s() - 1, ..good.clone() }.sign(&scene.center),
            Refusal::Expired,
        ),
        (token(&somebody, Side::Joiner, 1).sign(&scene.center), Refusal::Key),
    ];
    for (token, due) in tokens {
        assert_eq!(attacker.bind(scene.place.1, token), Event::Refused(due));
    }
    // A genuine token with another session, channel or holder in it.
    let genuine = good.sign(&scene.center);
    for index in [5, 20, 40] {
        let mut bytes = *genuine.as_bytes();
        bytes[index] ^= 1;
        let refused = attacker.bind(scene.place.1, bytes.into());
        assert_eq!(refused, Event::Refused(Refusal::Token), "byte {index}");
    }
    // Signed for another relay, as one would that sends binds on.
    let elsewhere = attacker.bind(somebody.fingerprint(), genuine);
    assert_eq!(elsewhere, Event::Refused(Refusal::Key));
    assert_eq!(scene.relay.metric("tessera_relay_channels "), 0);
    assert_eq!(scene.relay.metric("tessera_relay_binds_total "), 0);
}

#[test]
fn a_recorded_bind_neither_binds_its_thief_nor_moves_its_owner() {
    let scene = Scene::new();
    let owner = scene.participant();
    let transaction = [3; 8];
    let bind = |sequence| {
        let token = token(&owner.identity, Side::Joiner, 1).sign(&scene.center);
        let cookie = cookie(&owner.socket, scene.place.0);
        let bind = Bind::sign(&owner.identity, scene.place.1, token, cookie, sequence, transaction);
        Message::Bind(bind)
    };
    let (recorded, later) = (bind(1), bind(2));
    let bound = Message::Bound { transaction, observed: owner.address() };
    assert_eq!(ask(&owner.socket, scene.place.0, &recorded), bound);

    let thief = scene.participant();
    let answer = ask(&thief.socket, scene.place.0, &recorded);
    assert!(matches!(answer, Message::Cookie { is_bound: false, .. }), "{answer:?}");
    // With a cookie of the thief's own the proof no longer fits.
    let Message::Bind(copy) = &recorded else { unreachable!("made above") };
    let copy = Bind { cookie: cookie(&thief.socket, scene.place.0), ..copy.clone() };
    let refused = Message::Refused { transaction, reason: Refusal::Key };
    assert_eq!(ask(&thief.socket, scene.place.0, &Message::Bind(copy)), refused);

    // Replayed from the address that it was recorded at, after the owner has moved on.
    assert_eq!(ask(&owner.socket, scene.place.0, &later), bound);
    let refused = Message::Refused { transaction, reason: Refusal::Overtaken };
    assert_eq!(ask(&owner.socket, scene.place.0, &recorded), refused);
}

#[test]
fn nothing_is_ever_answered_with_more_than_was_sent_and_garbage_with_nothing() {
    let scene = Scene::new();
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a socket");
    socket.set_read_timeout(Some(Duration::from_millis(1))).expect("set");
    let seed = 0x7e55_e7a0;
    println!("seed {seed}");
    let mut random = StdRng::seed_from_u64(seed);
    let (mut sent, mut answered, mut buffer) = (0, 0, [0; 65_536]);
    for round in 0..2_000 {
        let length = match round % 4 {
            0 => random.random_range(0..64),
            1 => MAX_MESSAGE_BYTES,
            2 => random.random_range(0..1_500),
            _ => [32, 26, 27, 10, 60_000][round / 4 % 5],
        };
        let mut packet = vec![0; length];
        random.fill(&mut packet[..]);
        if let Some(first) = packet.first_mut().filter(|_| round % 3 > 0) {
            *first = 0x10 + (round % 6) as u8;
        }
        if round % 5 == 0 {
            packet.iter_mut().skip(9).for_each(|byte| *byte = 0);
        }
        sent += packet.len();
        socket.send_to(&packet, scene.place.0).expect("sent");
        while let Ok((length, _)) = socket.recv_from(&mut buffer) {
            answered += length;
        }
        assert!(answered <= sent, "{answered} bytes for {sent}");
    }
    let is_question = |message: &Message| matches!(message, Message::Cookie { .. });
    let answer = ask(&socket, scene.place.0, &Message::Knock { transaction: [7; 8] });
    assert!(is_question(&answer), "it still answers: {answer:?}");
    assert!(scene.relay.metric("tessera_relay_packets_dropped_total{reason=\"malformed\"}") > 100);
    assert_eq!(scene.relay.metric("tessera_relay_channels "), 0);
}

#[test]
fn a_flood_of_binds_from_many_addresses_keeps_nobody_from_his_channel() {
    let scene = Scene::new();
    let (joiner, host) = pair(scene.place, &scene.center, 1);
    let forger = Identity::ephemeral().expect("a key");
    let token = token(&forger, Side::Joiner, 2).sign(&forger);
    let resident_before = resident_kib(&scene.relay);
    for index in 0..1_500_u32 {
        let [_, _, high, low] = index.to_be_bytes();
        let address = Ipv4Addr::new(127, 1 + high, low, 1);
        let socket = UdpSocket::bind((address, 0)).expect("a socket");
        socket.set_read_timeout(Some(Duration::from_millis(200))).expect("set");
        let cookie = cookie(&socket, scene.place.0);
        let bind = Bind::sign(&forger, scene.place.1, token.clone(), cookie, 1, [1; 8]);
        for _ in 0..3 {
            socket.send_to(&Message::Bind(bind.clone()).to_bytes(), scene.place.0).expect("sent");
        }
    }
    joiner.send_until_received(&host, b"\x40 still there");
    let mut late = scene.participant();
    let late_token = crate::relayed::token(&late.identity, Side::Joiner, 3).sign(&scene.center);
    let mut event = late.bind(scene.place.1, late_token);
    while event == Event::Refused(Refusal::Busy) {
        event = late.next_event();
    }
    assert!(matches!(event, Event::Bound { .. }), "{event:?}");
    assert_eq!(scene.relay.metric("tessera_relay_channels "), 2);
    let grown = resident_kib(&scene.relay).saturating_sub(resident_before);
    assert!(grown < 16 << 10, "the flood has left {grown} KiB behind");
}

fn resident_kib(relay: &Center) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", relay.id())).expect("running");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("a figure");
    line.trim().trim_end_matches(" kB").trim().parse().expect("a number")
}

#[test]
fn a_third_address_reaches_neither_end_and_takes_neither_place() {
    let scene = Scene::new();
    let (joiner, host) = pair(scene.place, &scene.center, 1);
    let stranger = scene.participant();
    let (bound_elsewhere, _other) = pair(scene.place, &scene.center, 2);
    for third in [&stranger, &bound_elsewhere] {
        third.send(b"\x40 from a third");
        third.send(b"\x20 from a third");
    }
    joiner.send_until_received(&host, b"\x40 from the joiner");
    host.send_until_received(&joiner, b"\x40 from the host");
    let dropped = scene.relay.metric("tessera_relay_packets_dropped_total{reason=\"unknown\"}");
    assert_eq!(dropped, 2, "the stranger's");
    for end in [&joiner, &host] {
        while let Some(packet) = end.receive() {
            assert!(!packet.ends_with(b"third"), "a third address was forwarded");
        }
    }
    // Whoever has the joiner's token, but not its key.
    let mut thief = scene.participant();
    let stolen = token(&joiner.identity, Side::Joiner, 1).sign(&scene.center);
    assert_eq!(thief.bind(scene.place.1, stolen), Event::Refused(Refusal::Key));
    host.send_until_received(&joiner, b"\x40 still to the joiner");
}

/// Two ends of a session that may pass `rate_kbit_s` and `allowance_mib`.
fn limited_pair(
    scene: &Scene,
    number: u8,
    rate_kbit_s: u32,
    allowance_mib: u32,
) -> (Participant, Participant) {
    let [joiner, host] = [Side::Joiner, Side::Host].map(|side| {
        let mut end = scene.participant();
        let token = token(&end.identity, side, number);
        let token = Token { rate_kbit_s, allowance_mib, ..token }.sign(&scene.center);
        assert!(matches!(end.bind(scene.place.1, token), Event::Bound { .. }));
        end
    });
    (joiner, host)
}

/// Bytes that are received of what is sent by another thread for `time`, as fast as it can.
fn flood(from: &Participant, to: &Participant, time: Duration) -> usize {
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            let end = Instant::now() + time;
            while Instant::now() < end {
                from.send(&[0x40; 1200]);
            }
            is_over.store(true, Relaxed);
        });
        let mut received = 0;
        loop {
            match to.receive() {
                Some(packet) => received += packet.len(),
                None if is_over.load(Relaxed) => return received,
                None => {}
            }
        }
    })
}

#[test]
fn a_session_passes_at_its_rate_however_fast_it_sends() {
    let scene = Scene::new();
    let (joiner, host) = limited_pair(&scene, 1, 8_000, 1 << 10);
    let started = Instant::now();
    let received = flood(&joiner, &host, Duration::from_secs(2));
    let allowed = started.elapsed().as_secs_f64() * 1e6 + f64::from(128 << 10);
    assert!(received as f64 <= allowed + 1200.0, "{received} bytes, {allowed} allowed");
    assert!(received > 1_000_000, "{received} bytes: it hardly passes at all");
    assert!(scene.relay.metric("tessera_relay_packets_dropped_total{reason=\"rate\"}") > 0);
}

#[test]
fn an_allowance_that_is_used_up_ends_the_forwarding() {
    let scene = Scene::new();
    let (mut joiner, host) = limited_pair(&scene, 1, 16_000, 1);
    let received = flood(&joiner, &host, Duration::from_secs(2));
    assert!(received <= 1 << 20, "{received} bytes of an allowance of 1 MiB");
    assert!(received > 1 << 18, "{received} bytes");
    let token = token(&joiner.identity, Side::Joiner, 1).sign(&scene.center);
    while flood(&joiner, &host, Duration::from_millis(50)) > 0 {}
    assert_eq!(joiner.bind(scene.place.1, token), Event::Refused(Refusal::Exhausted));
}

#[test]
fn a_session_that_floods_does_not_starve_another() {
    let scene = Scene::new();
    let (flooder, sink) = limited_pair(&scene, 1, 4_000, 1 << 10);
    let (quiet, listener) = limited_pair(&scene, 2, 4_000, 1 << 10);
    let is_over = AtomicBool::new(false);
    let passed = thread::scope(|scope| {
        scope.spawn(|| {
            while !is_over.load(Relaxed) {
                flooder.send(&[0x40; 1200]);
            }
        });
        let passed = (0..200_u32)
            .filter(|index| {
                // One packet at a time, each given until the next.
                let packet = [&[0x40][..], &index.to_be_bytes()].concat();
                quiet.send(&packet);
                let end = Instant::now() + Duration::from_millis(250);
                while Instant::now() < end {
                    if listener.receive().is_some_and(|received| received == packet) {
                        return true;
                    }
                }
                false
            })
            .count();
        is_over.store(true, Relaxed);
        passed
    });
    while sink.receive().is_some() {}
    assert!(passed >= 190, "{passed} of 200 packets passed beside the flood");
}
