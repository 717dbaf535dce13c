//! Input events arrive in order and exactly once, whatever the network does to datagrams.

use bytes::Bytes;
use proptest::prelude::*;
use tessera_transport::datagram::{Datagram, MAX_DATAGRAM_BYTES, MAX_EVENT_BYTES};
use tessera_transport::input::{
    InputReceiver, InputRefused, InputSender, MAX_UNACKNOWLEDGED, REPEAT_AFTER_US,
};

/// What the network does to one datagram: delivered after so many microseconds, and perhaps once more.
#[derive(Debug, Clone)]
enum Fate {
    Lost,
    Delivered { delay_us: u64 },
    Twice { delay_us: u64, again_us: u64 },
}

fn fate() -> impl Strategy<Value = Fate> {
    let delay = 0..80_000_u64;
    prop_oneof![
        2 => Just(Fate::Lost),
        5 => delay.clone().prop_map(|delay_us| Fate::Delivered { delay_us }),
        1 => (delay.clone(), delay).prop_map(|(delay_us, again_us)| Fate::Twice { delay_us, again_us }),
    ]
}

/// A network that gives each datagram the next of its fates, and loses nothing when they are used up.
struct Network {
    fates: std::vec::IntoIter<Fate>,
    /// Arrival time, order of sending, whether towards the receiver, bytes.
    flying: Vec<(u64, u64, bool, Bytes)>,
    sent: u64,
}

impl Network {
    fn send(&mut self, now_us: u64, to_receiver: bool, datagram: &Datagram) {
        let bytes = datagram.to_bytes();
        assert!(bytes.len() <= MAX_DATAGRAM_BYTES);
        let mut fly = |delay_us| {
            self.sent += 1;
            self.flying.push((now_us + delay_us, self.sent, to_receiver, bytes.clone()));
        };
        match self.fates.next() {
            Some(Fate::Lost) => {}
            Some(Fate::Delivered { delay_us }) => fly(delay_us),
            Some(Fate::Twice { delay_us, again_us }) => {
                fly(delay_us);
                fly(again_us);
            }
            None => fly(1000),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    #[test]
    fn all_events_arrive_in_order_and_once(
        events in prop::collection::vec((0..30_000_u64, prop::collection::vec(any::<u8>(), 0..=MAX_EVENT_BYTES)), 1..120),
        fates in prop::collection::vec(fate(), 0..200),
    ) {
        let mut network = Network { fates: fates.into_iter(), flying: Vec::new(), sent: 0 };
        let (mut sender, mut receiver) = (InputSender::new(), InputReceiver::new());
        let mut arrivals = Vec::new();
        let mut due_us = 0;
        let mut waiting = events.iter().map(|(gap_us, event)| {
            due_us += gap_us;
            (due_us, Bytes::from(event.clone()))
        }).collect::<std::collections::VecDeque<_>>();
        let mut now_us = 0;
        loop {
            while waiting.front().is_some_and(|(due_us, _)| *due_us <= now_us) {
                let (_, event) = waiting.pop_front().expect("just seen");
                prop_assert!(sender.push(event).is_ok());
            }
            while let Some(datagram) = sender.poll_datagram(now_us) {
                network.send(now_us, true, &datagram);
            }
            network.flying.sort_by_key(|(at_us, order, ..)| (*at_us, *order));
            while network.flying.first().is_some_and(|(at_us, ..)| *at_us <= now_us) {
                let (_, _, _, bytes) = network.flying.remove(0);
                match Datagram::parse(bytes).expect("our own") {
                    Datagram::Input { first, events } => {
                        receiver.handle_events(first, events).expect("within the window");
                        while let Some(event) = receiver.poll_event() {
                            arrivals.push(event);
                        }
                        if let Some(answer) = receiver.poll_acknowledgement() {
                            network.send(now_us, false, &answer);
                        }
                    }
                    Datagram::InputAcknowledgement { next } => {
                        sender.handle_acknowledgement(next, now_us).expect("events that were sent");
                    }
                    Datagram::Cursor(_) => unreachable!("nobody sends one here"),
                }
            }
            let next = [
                waiting.front().map(|(due_us, _)| *due_us),
                network.flying.iter().map(|(at_us, ..)| *at_us).min(),
                sender.poll_timeout(),
            ];
            let Some(next_us) = next.into_iter().flatten().min() else { break };
            now_us = next_us.max(now_us);
            prop_assert!(now_us < 600_000_000, "no progress");
        }
        let sent: Vec<Bytes> = events.into_iter().map(|(_, event)| event.into()).collect();
        prop_assert_eq!(arrivals, sent);
        prop_assert_eq!(sender.unacknowledged(), 0);
        prop_assert_eq!(sender.poll_timeout(), None);
    }

    #[test]
    fn no_datagram_makes_the_receiver_hold_more_than_its_window(
        datagrams in prop::collection::vec((any::<u64>(), 0..600_usize), 0..50),
    ) {
        let mut receiver = InputReceiver::new();
        for (first, count) in datagrams {
            let first = if first % 2 == 0 { first % 1000 } else { first };
            let _ = receiver.handle_events(first, vec![Bytes::new(); count]);
            let mut delivered = 0;
            while receiver.poll_event().is_some() {
                delivered += 1;
            }
            prop_assert!(delivered <= MAX_UNACKNOWLEDGED);
        }
    }
}

fn key() -> Bytes {
    Bytes::from_static(b"key")
}

#[test]
fn an_unanswered_event_is_repeated_after_20_ms_and_then_less_often() {
    let mut sender = InputSender::new();
    sender.push(key()).expect("taken");
    assert!(sender.poll_datagram(0).is_some());
    assert_eq!(sender.poll_datagram(REPEAT_AFTER_US - 1), None);
    let mut times_us = vec![0];
    while times_us.len() < 7 {
        let due_us = sender.poll_timeout().expect("something is unacknowledged");
        assert!(sender.poll_datagram(due_us).is_some());
        times_us.push(due_us);
    }
    let gaps_us: Vec<u64> = times_us.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert_eq!(gaps_us, [20_000, 40_000, 80_000, 160_000, 160_000, 160_000]);
}

#[test]
fn new_events_carry_the_unacknowledged_ones_before_them() {
    let mut sender = InputSender::new();
    for first in 0..3 {
        sender.push(key()).expect("taken");
        let Some(Datagram::Input { first: 0, events }) = sender.poll_datagram(first) else {
            panic!("a datagram from event 0");
        };
        assert_eq!(events.len() as u64, first + 1);
    }
}

#[test]
fn motions_that_wait_are_replaced_and_never_what_was_sent() {
    let mut sender = InputSender::new();
    let motion = |x: u8| Bytes::copy_from_slice(&[1, x]);
    let mut sent = 0;
    loop {
        sender.push_newest(motion(sent)).expect("taken");
        if sender.poll_datagram(0).is_none() {
            break;
        }
        sent += 1;
    }
    assert!(sent > 1, "some go at once");
    for x in 100..200 {
        sender.push_newest(motion(x)).expect("taken");
        assert_eq!(sender.poll_datagram(0), None);
    }
    assert_eq!(sender.unacknowledged(), usize::from(sent) + 1);
    // A key goes at once, and the newest motion before it.
    sender.push(key()).expect("taken");
    let Some(Datagram::Input { events, .. }) = sender.poll_datagram(0) else {
        panic!("nothing is sent");
    };
    assert_eq!(events[events.len() - 2..], [motion(199), key()]);
    assert_eq!(events[events.len() - 3], motion(sent - 1));
}

#[test]
fn the_sender_is_bounded_and_refuses_an_acknowledgement_of_what_was_never_sent() {
    let mut sender = InputSender::new();
    for _ in 0..MAX_UNACKNOWLEDGED {
        sender.push(key()).expect("taken");
    }
    assert_eq!(sender.push(key()), Err(InputRefused::Full));
    let long = Bytes::from(vec![0; MAX_EVENT_BYTES + 1]);
    assert_eq!(InputSender::new().push(long), Err(InputRefused::TooLong));
    assert!(sender.handle_acknowledgement(MAX_UNACKNOWLEDGED as u64 + 1, 0).is_err());
    assert!(sender.handle_acknowledgement(MAX_UNACKNOWLEDGED as u64, 0).is_ok());
    assert!(sender.handle_acknowledgement(3, 0).is_ok(), "an overtaken one is old news");
}
