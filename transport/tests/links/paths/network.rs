//! What stands between the ends: a small relay and a middlebox, both of which can be put out of order.

use crate::ends::loopback;
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tessera_transport::Identity;
use tessera_transport::relay::{
    ChannelId, Cookies, Message, SessionId, Side, SignedToken, Token, is_relay_message,
};
use tokio::net::UdpSocket;
use tokio::time::{Instant, sleep_until};

/// What the relay adds to every packet's way, so that straight is faster.
const DETOUR: Duration = Duration::from_millis(5);

/// Something that forwards, and can be told not to.
#[derive(Clone)]
pub(crate) struct Switch(Arc<AtomicBool>);

impl Switch {
    fn new() -> Self {
        Self(Arc::new(AtomicBool::new(true)))
    }

    pub(crate) fn set(&self, is_on: bool) {
        self.0.store(is_on, Ordering::Relaxed);
    }

    fn is_on(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// A relay that forwards between the two ends of a channel, without any limit.
pub(crate) struct TestRelay {
    pub(crate) address: SocketAddr,
    pub(crate) fingerprint: tessera_transport::Fingerprint,
    pub(crate) switch: Switch,
    /// Whether it mistreats what it forwards: see [`mistreat`].
    pub(crate) mistreats: Switch,
    /// Packets forwarded.
    pub(crate) forwarded: Arc<AtomicU64>,
}

pub(crate) async fn relay(center: &Identity) -> TestRelay {
    let socket = Arc::new(UdpSocket::bind(loopback()).await.expect("a free port"));
    let address = socket.local_addr().expect("bound");
    let identity = Identity::ephemeral().expect("a key");
    let (fingerprint, center) = (identity.fingerprint(), center.fingerprint());
    let (switch, forwarded) = (Switch::new(), Arc::new(AtomicU64::new(0)));
    let (is_on, count) = (switch.clone(), Arc::clone(&forwarded));
    let mistreats = Switch::new();
    mistreats.set(false);
    let is_bad = mistreats.clone();
    tokio::spawn(async move {
        let cookies = Cookies::new(&[7; 32]);
        let mut ends: HashMap<(ChannelId, Side), SocketAddr> = HashMap::new();
        let mut buffer = [0; 2048];
        loop {
            let Ok((length, from)) = socket.recv_from(&mut buffer).await else { return };
            let packet = buffer[..length].to_vec();
            if !is_on.is_on() {
                ends.clear();
                continue;
            }
            if is_relay_message(&packet) {
                let answer = match Message::parse(&packet).expect("a message") {
                    Message::Knock { transaction } => {
                        let is_bound = ends.values().any(|end| *end == from);
                        Message::Cookie { transaction, cookie: cookies.make(from, 0), is_bound }
                    }
                    Message::Bind(bind) => {
                        assert!(cookies.is_good(&bind.cookie, from, 0));
                        let token = bind.verify(fingerprint, center, 0).expect("a good bind");
                        ends.insert((token.channel, token.side), from);
                        Message::Bound { transaction: bind.transaction, observed: from }
                    }
                    other => panic!("a participant sent {other:?}"),
                };
                socket.send_to(&answer.to_bytes(), from).await.expect("sent");
                continue;
            }
            let end = ends.iter().find(|(_, end)| **end == from).map(|(key, _)| *key);
            let to = end.and_then(|(channel, side)| ends.get(&(channel, side.other())).copied());
            if let Some(to) = to {
                let number = count.fetch_add(1, Ordering::Relaxed);
                let copies =
                    if is_bad.is_on() { mistreat(number, packet) } else { vec![(DETOUR, packet)] };
                for (after, packet) in copies {
                    let (socket, arrival) = (Arc::clone(&socket), Instant::now() + after);
                    tokio::spawn(async move {
                        sleep_until(arrival).await;
                        let _ = socket.send_to(&packet, to).await;
                    });
                }
            }
        }
    });
    TestRelay { address, fingerprint, switch, mistreats, forwarded }
}

/// What becomes of a packet, by its number: some are dropped, some altered, some overtaken by those behind them, some sent
/// again at once and later. Each copy has its time.
fn mistreat(number: u64, mut packet: Vec<u8>) -> Vec<(Duration, Vec<u8>)> {
    match number % 8 {
        0 => Vec::new(),
        2 => {
            let place = number as usize % packet.len();
            packet[place] ^= 1 << (number / 8 % 8);
            vec![(DETOUR, packet)]
        }
        4 => vec![(4 * DETOUR, packet)],
        6 => vec![(DETOUR, packet.clone()), (DETOUR, packet.clone()), (50 * DETOUR, packet)],
        _ => vec![(DETOUR, packet)],
    }
}

/// A token for one end of the only channel there is.
pub(crate) fn token(center: &Identity, holder: &Identity, side: Side) -> SignedToken {
    Token {
        side,
        channel: ChannelId([1; 16]),
        session: SessionId([2; 16]),
        holder: holder.fingerprint(),
        expires_unix_s: u64::MAX,
        rate_kbit_s: 1,
        allowance_mib: 1,
    }
    .sign(center)
}

/// An address that stands for another one, as a port forwarding does: who sends to it is forwarded, from a port of its
/// own, to `behind`.
pub(crate) struct Middlebox {
    pub(crate) address: SocketAddr,
    pub(crate) switch: Switch,
    /// Packets in the direction of `behind`.
    pub(crate) recorded: Arc<Mutex<Vec<Vec<u8>>>>,
    rebind: Arc<AtomicBool>,
}

impl Middlebox {
    /// Forwards from another port from now on, as an address translator does that has forgotten a binding.
    pub(crate) fn rebind(&self) {
        self.rebind.store(true, Ordering::Relaxed);
    }
}

pub(crate) async fn middlebox(behind: SocketAddr) -> Middlebox {
    let front = UdpSocket::bind(loopback()).await.expect("a free port");
    let mut back = UdpSocket::bind(loopback()).await.expect("a free port");
    let address = front.local_addr().expect("bound");
    let switch = Switch::new();
    let recorded: Arc<Mutex<Vec<Vec<u8>>>> = Arc::default();
    let rebind = Arc::new(AtomicBool::new(false));
    let (is_on, record, again) = (switch.clone(), Arc::clone(&recorded), Arc::clone(&rebind));
    tokio::spawn(async move {
        let (mut there, mut here) = ([0; 2048], [0; 2048]);
        let mut user = None;
        loop {
            tokio::select! {
                Ok((length, from)) = front.recv_from(&mut there) => {
                    user = Some(from);
                    if again.swap(false, Ordering::Relaxed) {
                        back = UdpSocket::bind(loopback()).await.expect("a free port");
                    }
                    record.lock().expect("no panic").push(there[..length].to_vec());
                    if is_on.is_on() {
                        let _ = back.send_to(&there[..length], behind).await;
                    }
                }
                Ok((length, _)) = back.recv_from(&mut here) => {
                    if let Some(user) = user.filter(|_| is_on.is_on()) {
                        let _ = front.send_to(&here[..length], user).await;
                    }
                }
            }
        }
    });
    Middlebox { address, switch, recorded, rebind }
}
