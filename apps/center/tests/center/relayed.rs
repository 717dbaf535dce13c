//! A participant of a relay, as small as a test needs it: a socket, and the library's binder.

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering::Relaxed};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use tessera_transport::relay::{
    Binder, ChannelId, Event, SessionId, Side, SignedToken, Token, is_relay_message,
};
use tessera_transport::{Fingerprint, Identity};

/// Longest wait for what must come; far above what it takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);
/// How long one look at the socket takes at most.
const LOOK: Duration = Duration::from_millis(5);

/// Seconds since 1970.
pub(crate) fn unix_s() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs()
}

/// A token for `holder` that is good for an hour, of a session of this number and a channel of the same.
pub(crate) fn token(holder: &Identity, side: Side, number: u8) -> Token {
    Token {
        side,
        channel: ChannelId([number; 16]),
        session: SessionId([number; 16]),
        holder: holder.fingerprint(),
        expires_unix_s: unix_s() + 3600,
        rate_kbit_s: 1_000_000,
        allowance_mib: 1 << 10,
    }
}

/// One end.
pub(crate) struct Participant {
    pub(crate) socket: UdpSocket,
    pub(crate) identity: Arc<Identity>,
    relay: SocketAddr,
    binder: Option<Binder>,
    started: Instant,
}

impl Participant {
    /// A socket on loopback and a key, not bound to anything.
    pub(crate) fn new(relay: SocketAddr) -> Self {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a socket");
        socket.set_read_timeout(Some(LOOK)).expect("set");
        let identity = Arc::new(Identity::ephemeral().expect("a key"));
        Self { socket, identity, relay, binder: None, started: Instant::now() }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.socket.local_addr().expect("bound")
    }

    fn now_us(&self) -> u64 {
        self.started.elapsed().as_micros() as u64
    }

    /// Tries to bind with `token` at the relay of this fingerprint and returns what came of it.
    pub(crate) fn bind(&mut self, relay: Fingerprint, token: SignedToken) -> Event {
        static SEEDS: AtomicU8 = AtomicU8::new(0);
        let seed = [SEEDS.fetch_add(1, Relaxed); 16];
        let sequence = unix_s() * 1_000_000 + self.now_us();
        let identity = self.identity.clone();
        self.binder = Some(Binder::new(identity, relay, token, seed, sequence, self.now_us()));
        self.next_event()
    }

    /// Drives the binder until it has something to say.
    pub(crate) fn next_event(&mut self) -> Event {
        let end = Instant::now() + PATIENCE;
        let mut buffer = [0; 2048];
        while Instant::now() < end {
            let now_us = self.now_us();
            let binder = self.binder.as_mut().expect("binding");
            while let Some(packet) = binder.poll_transmit(now_us) {
                self.socket.send_to(&packet, self.relay).expect("sent");
            }
            if let Ok((length, from)) = self.socket.recv_from(&mut buffer) {
                assert_eq!(from, self.relay);
                if is_relay_message(&buffer[..length]) {
                    binder.handle_packet(&buffer[..length], now_us);
                }
            }
            if let Some(event) = binder.poll_event() {
                return event;
            }
        }
        panic!("nothing came of the bind");
    }

    /// Asks whether the end is still bound, and binds it anew if not.
    pub(crate) fn check(&mut self) {
        let now_us = self.now_us();
        self.binder.as_mut().expect("binding").check(now_us);
    }

    /// Goes on from another address, as behind an address translator that has forgotten the old one.
    pub(crate) fn move_to_another_port(&mut self) {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a socket");
        socket.set_read_timeout(Some(LOOK)).expect("set");
        self.socket = socket;
    }

    pub(crate) fn send(&self, packet: &[u8]) {
        self.socket.send_to(packet, self.relay).expect("sent");
    }

    /// The next packet that is no message of the relay; `None` when none comes for a moment.
    pub(crate) fn receive(&self) -> Option<Vec<u8>> {
        let mut buffer = [0; 2048];
        loop {
            let (length, from) = self.socket.recv_from(&mut buffer).ok()?;
            assert_eq!(from, self.relay, "a packet that did not come from the relay");
            if !is_relay_message(&buffer[..length]) {
                return Some(buffer[..length].to_vec());
            }
        }
    }

    /// Sends `packet` until `other` has it; what else `other` has is passed over.
    pub(crate) fn send_until_received(&self, other: &Self, packet: &[u8]) {
        let end = Instant::now() + PATIENCE;
        while Instant::now() < end {
            self.send(packet);
            while let Some(received) = other.receive() {
                if received == packet {
                    return;
                }
            }
        }
        panic!("the packet was not forwarded");
    }
}

/// Two ends bound to the channel of this number.
pub(crate) fn pair(
    relay: (SocketAddr, Fingerprint),
    center: &Identity,
    number: u8,
) -> (Participant, Participant) {
    let mut joiner = Participant::new(relay.0);
    let mut host = Participant::new(relay.0);
    for (end, side) in [(&mut joiner, Side::Joiner), (&mut host, Side::Host)] {
        let token = token(&end.identity, side, number).sign(center);
        let observed = end.address();
        assert_eq!(end.bind(relay.1, token), Event::Bound { observed });
    }
    (joiner, host)
}
