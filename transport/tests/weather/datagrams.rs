//! Input and the cursor beside full streams: few bytes, the newest of what moves, and no key that waits.

use crate::flows::{pair, saturate, seconds};
use bytes::Bytes;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tessera_netsim::{Network, Profile, run};
use tessera_transport::Link;
use tessera_transport::datagram::{CursorPosition, Datagram, NewestCursor};
use tessera_transport::input::{InputReceiver, InputSender};
use tessera_transport::pace::{AROUND_BYTES, DATAGRAM_BITS_PER_S, DatagramPace, Urgency};
use tokio::time::{Instant, sleep_until};

/// A mouse that reports as often as the fastest do.
const MOTION_US: u64 = 1_000;
/// Keys go down and up twenty times a second.
const KEY_US: u64 = 50_000;
const KEY: u8 = 4;

/// What both sides count.
#[derive(Default)]
struct Counts {
    /// Bytes that each side's datagrams took on the wire.
    sent_bytes: [AtomicU64; 2],
    slowest_key_us: AtomicU64,
    keys: AtomicU64,
    cursor: AtomicU64,
}

struct End {
    link: Link,
    began: Instant,
    counts: Arc<Counts>,
    side: usize,
}

impl End {
    fn now_us(&self) -> u64 {
        self.began.elapsed().as_micros() as u64
    }

    fn send(&self, datagram: &Datagram) -> usize {
        let bytes = datagram.to_bytes();
        let length = bytes.len();
        self.link.send_datagram_bytes(bytes).expect("connected");
        self.counts.sent_bytes[self.side]
            .fetch_add((length + AROUND_BYTES) as u64, Ordering::Relaxed);
        length
    }

    async fn at(&self, due_us: u64) {
        sleep_until(self.began + Duration::from_micros(due_us)).await;
    }
}

/// Moves and presses keys without end.
async fn operate(end: End) {
    let (mut sender, mut newest) = (InputSender::new(), NewestCursor::default());
    let (mut motion_us, mut key_us) = (0, 0);
    loop {
        let now_us = end.now_us();
        while motion_us <= now_us {
            let _ = sender.push_newest(Bytes::copy_from_slice(&[1, 0, 0, 0, 0]));
            motion_us += MOTION_US;
        }
        while key_us <= now_us {
            let stamped = [&[KEY][..], &now_us.to_le_bytes()].concat();
            sender.push(stamped.into()).expect("room");
            key_us += KEY_US;
        }
        while let Some(datagram) = sender.poll_datagram(now_us) {
            end.send(&datagram);
        }
        let due_us = sender.poll_timeout().unwrap_or(u64::MAX).min(motion_us).min(key_us);
        tokio::select! {
            datagram = end.link.read_datagram() => match datagram.expect("connected") {
                Datagram::InputAcknowledgement { next } => {
                    sender.handle_acknowledgement(next, end.now_us()).expect("sent before");
                }
                Datagram::Cursor(position) if newest.is_newer(&position) => {
                    end.counts.cursor.store(position.x as u64, Ordering::Relaxed);
                }
                _ => {}
            },
            () = end.at(due_us) => {}
        }
    }
}

/// Is operated, and tells where the cursor is.
async fn be_operated(end: End) {
    let (mut receiver, mut pace) = (InputReceiver::new(), DatagramPace::default());
    let (mut owed, mut number) = (None, 0);
    loop {
        let now_us = end.now_us();
        if let Some(receipt) = owed.take_if(|_| pace.due_us(Urgency::Each) <= now_us) {
            pace.spend(end.send(&receipt), now_us);
        }
        if pace.due_us(Urgency::Newest) <= now_us {
            number += 1;
            let x = i32::try_from(now_us / MOTION_US).expect("a short test");
            let position = CursorPosition { number, x, y: 0 };
            pace.spend(end.send(&Datagram::Cursor(position)), now_us);
        }
        let receipt_us = owed.as_ref().map(|_| pace.due_us(Urgency::Each));
        let due_us = receipt_us.unwrap_or(u64::MAX).min(pace.due_us(Urgency::Newest));
        tokio::select! {
            datagram = end.link.read_datagram() => {
                let Datagram::Input { first, events } = datagram.expect("connected") else { continue };
                receiver.handle_events(first, events).expect("within the window");
                while let Some(event) = receiver.poll_event() {
                    if let Some((&KEY, stamp)) = event.split_first() {
                        let stamp = u64::from_le_bytes(stamp.try_into().expect("a stamp"));
                        let late_us = end.now_us() - stamp;
                        end.counts.slowest_key_us.fetch_max(late_us, Ordering::Relaxed);
                        end.counts.keys.fetch_add(1, Ordering::Relaxed);
                    }
                }
                owed = receiver.poll_acknowledgement().or(owed);
            }
            () = end.at(due_us.max(now_us + 1)) => {}
        }
    }
}

fn beside_full_streams(profile: Profile) -> Arc<Counts> {
    let seed = crate::seed();
    run(async {
        let network = Network::new(profile, profile, seed);
        let pair = pair(&network).await;
        let (counts, began) = (Arc::new(Counts::default()), Instant::now());
        let end = |link: &Link, side| End {
            link: link.clone(),
            began,
            counts: Arc::clone(&counts),
            side,
        };
        // The near side is operated, and its pictures fill the link.
        let _arrived = saturate(&pair);
        tokio::spawn(be_operated(end(&pair.near, 0)));
        tokio::spawn(operate(end(&pair.far, 1)));
        seconds(5.0).await;
        let before = counts.sent_bytes.each_ref().map(|it| it.load(Ordering::Relaxed));
        seconds(20.0).await;
        for (side, before) in before.into_iter().enumerate() {
            let bits = 8 * (counts.sent_bytes[side].load(Ordering::Relaxed) - before);
            println!("side {side}: {} bit/s in datagrams", bits / 20);
            // What the pace lets be overdrawn counts once.
            assert!(bits <= 20 * DATAGRAM_BITS_PER_S + DATAGRAM_BITS_PER_S / 10);
        }
        let behind_ms = u64::try_from(began.elapsed().as_millis()).expect("short")
            - counts.cursor.load(Ordering::Relaxed);
        let slowest_ms = counts.slowest_key_us.load(Ordering::Relaxed) / 1000;
        let keys = counts.keys.load(Ordering::Relaxed);
        println!(
            "the cursor is {behind_ms} ms behind; {keys} keys, the slowest after {slowest_ms} ms"
        );
        assert!(keys >= 24 * 1_000_000 / KEY_US, "{keys}");
        counts
    })
}

#[test]
fn input_and_cursor_keep_below_their_rate_and_no_key_waits_for_pictures() {
    let counts = beside_full_streams(Profile::DSL);
    // Half a round trip, and what motions have taken of the pace.
    assert!(counts.slowest_key_us.load(Ordering::Relaxed) <= 60_000);
}

#[test]
fn on_a_bad_link_a_lost_key_is_repeated_before_anybody_asks() {
    let counts = beside_full_streams(Profile::BAD);
    // Two of them lost in a row, at 2 %, cost two repetitions.
    assert!(counts.slowest_key_us.load(Ordering::Relaxed) <= 200_000);
}
