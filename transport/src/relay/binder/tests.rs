//! The binder against a small relay of the documented behaviour.

use super::*;
use crate::relay::{ChannelId, Cookies, SessionId, Side, Token};

const SECOND_US: u64 = 1_000_000;
const PLACE: &str = "192.0.2.1:4000";
const ELSEWHERE: &str = "198.51.100.7:9000";

fn place(text: &str) -> SocketAddr {
    text.parse().expect("an address")
}

/// A relay that remembers one end.
struct Relay {
    identity: Identity,
    center: Identity,
    cookies: Cookies,
    bound: Option<SocketAddr>,
    refuses: Option<Refusal>,
}

impl Relay {
    fn new() -> Self {
        Self {
            identity: Identity::ephemeral().expect("a key"),
            center: Identity::ephemeral().expect("a key"),
            cookies: Cookies::new(&[1; 32]),
            bound: None,
            refuses: None,
        }
    }

    fn binder(&self) -> Binder {
        let holder = Arc::new(Identity::ephemeral().expect("a key"));
        let token = Token {
            side: Side::Joiner,
            channel: ChannelId([1; 16]),
            session: SessionId([2; 16]),
            holder: holder.fingerprint(),
            expires_unix_s: 100,
            rate_kbit_s: 1000,
            allowance_mib: 1,
        };
        let token = token.sign(&self.center);
        Binder::new(holder, self.identity.fingerprint(), token, [3; 16], 5, 0)
    }

    fn answer(&mut self, packet: &[u8], from: SocketAddr, now_us: u64) -> Vec<u8> {
        let now_s = now_us / SECOND_US;
        let answer = match Message::parse(packet).expect("a message") {
            Message::Bind(bind) if self.cookies.is_good(&bind.cookie, from, now_s) => {
                let (relay, center) = (self.identity.fingerprint(), self.center.fingerprint());
                let verified =
                    bind.verify(relay, center, now_s).and(self.refuses.map_or(Ok(()), Err));
                match verified {
                    Ok(()) => {
                        self.bound = Some(from);
                        Message::Bound { transaction: bind.transaction, observed: from }
                    }
                    Err(reason) => Message::Refused { transaction: bind.transaction, reason },
                }
            }
            Message::Bind(Bind { transaction, .. }) | Message::Knock { transaction } => {
                let cookie = self.cookies.make(from, now_s);
                Message::Cookie { transaction, cookie, is_bound: self.bound == Some(from) }
            }
            other => panic!("{other:?} is not for a relay"),
        };
        let answer = answer.to_bytes();
        assert!(answer.len() <= packet.len(), "an answer of more bytes than its question");
        answer
    }

    /// Carries packets both ways until there are none, and returns how many questions there were.
    fn settle(&mut self, binder: &mut Binder, from: SocketAddr, now_us: u64) -> usize {
        let mut questions = 0;
        while let Some(packet) = binder.poll_transmit(now_us) {
            questions += 1;
            let answer = self.answer(&packet, from, now_us);
            binder.handle_packet(&answer, now_us);
            assert!(questions < 100, "it asks without end");
        }
        questions
    }
}

fn events(binder: &mut Binder) -> Vec<Event> {
    std::iter::from_fn(|| binder.poll_event()).collect()
}

#[test]
fn two_questions_bind_and_tell_the_observed_address() {
    let mut relay = Relay::new();
    let mut binder = relay.binder();
    assert_eq!(relay.settle(&mut binder, place(PLACE), 0), 2, "a knock and a bind");
    assert_eq!(events(&mut binder), [Event::Bound { observed: place(PLACE) }]);
    assert_eq!(binder.observed(), Some(place(PLACE)));
    assert_eq!(binder.next_timeout_us(), Some(KEEP_BOUND_US));
    assert_eq!(relay.settle(&mut binder, place(PLACE), KEEP_BOUND_US), 1, "a knock keeps it bound");
    assert_eq!(events(&mut binder), []);
}

#[test]
fn a_changed_address_and_a_restarted_relay_are_bound_anew_within_one_check() {
    let mut relay = Relay::new();
    let mut binder = relay.binder();
    relay.settle(&mut binder, place(PLACE), 0);
    binder.check(SECOND_US);
    assert_eq!(relay.settle(&mut binder, place(ELSEWHERE), SECOND_US), 2);
    binder.check(2 * SECOND_US);
    relay.cookies = Cookies::new(&[2; 32]);
    relay.bound = None;
    assert_eq!(relay.settle(&mut binder, place(ELSEWHERE), 2 * SECOND_US), 2);
    let observed = [PLACE, ELSEWHERE, ELSEWHERE].map(|text| Event::Bound { observed: place(text) });
    assert_eq!(events(&mut binder), observed);
}

#[test]
fn lost_packets_are_repeated_and_silence_is_told_once_and_ends() {
    let mut relay = Relay::new();
    let mut binder = relay.binder();
    let mut now_us = 0;
    let mut sent = 0;
    while now_us < 10 * SECOND_US {
        sent += usize::from(binder.poll_transmit(now_us).is_some());
        now_us = binder.next_timeout_us().expect("it goes on");
    }
    assert!((10..=14).contains(&sent), "{sent} questions in 10 s");
    assert_eq!(events(&mut binder), [Event::Silent]);
    relay.settle(&mut binder, place(PLACE), now_us);
    assert_eq!(events(&mut binder), [Event::Bound { observed: place(PLACE) }]);

    binder.check(now_us);
    for _ in 0..6 {
        binder.poll_transmit(now_us).expect("due");
        now_us = binder.next_timeout_us().expect("it goes on");
    }
    relay.settle(&mut binder, place(PLACE), now_us);
    assert_eq!(events(&mut binder), [Event::Silent, Event::Heard]);
}

#[test]
fn answers_that_nobody_asked_for_change_nothing() {
    let relay = Relay::new();
    let mut binder = relay.binder();
    binder.poll_transmit(0).expect("a knock");
    let transaction = [9; 8];
    let observed = place(ELSEWHERE);
    for forged in [
        Message::Bound { transaction, observed }.to_bytes(),
        Message::Refused { transaction, reason: Refusal::Token }.to_bytes(),
        Message::Cookie { transaction, cookie: Cookie([0; 16]), is_bound: false }.to_bytes(),
        vec![0x13; 400],
        vec![],
    ] {
        binder.handle_packet(&forged, 0);
    }
    assert_eq!(events(&mut binder), []);
    assert_eq!(binder.poll_transmit(0), None);
    assert_eq!(binder.next_timeout_us(), Some(FIRST_REPEAT_US));
}

#[test]
fn a_busy_relay_is_asked_again_and_any_other_refusal_is_final() {
    let mut relay = Relay::new();
    relay.refuses = Some(Refusal::Busy);
    let mut binder = relay.binder();
    relay.settle(&mut binder, place(PLACE), 0);
    assert_eq!(events(&mut binder), [Event::Refused(Refusal::Busy)]);
    let again_us = binder.next_timeout_us().expect("it goes on");
    relay.refuses = None;
    relay.settle(&mut binder, place(PLACE), again_us);
    assert_eq!(events(&mut binder), [Event::Bound { observed: place(PLACE) }]);

    let mut late = relay.binder();
    relay.settle(&mut late, place(PLACE), 100 * SECOND_US);
    assert_eq!(events(&mut late), [Event::Refused(Refusal::Expired)]);
    assert_eq!(late.next_timeout_us(), None);
    late.check(200 * SECOND_US);
    assert_eq!(late.poll_transmit(200 * SECOND_US), None);
}

#[test]
fn a_relay_that_only_hands_out_cookies_is_not_asked_faster_and_faster() {
    let mut relay = Relay::new();
    let mut binder = relay.binder();
    let (mut now_us, mut sent) = (0, 0);
    while now_us < 10 * SECOND_US {
        while let Some(packet) = binder.poll_transmit(now_us) {
            sent += 1;
            // It never finds a cookie good.
            relay.cookies = Cookies::new(&[sent; 32]);
            let answer = relay.answer(&packet, place(PLACE), now_us);
            binder.handle_packet(&answer, now_us);
            assert!(sent < 100, "it asks without end");
        }
        now_us = binder.next_timeout_us().expect("it goes on");
    }
    assert!(sent <= 16, "{sent} questions in 10 s");
}
