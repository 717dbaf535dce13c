//! An hour of bad weather: what must arrive arrives, in order and once.

use crate::flows::{Pair, pair, seconds};
use bytes::Bytes;
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use std::time::Duration;
use tessera_netsim::{Loss, Network, Profile, Side, run};
use tessera_transport::datagram::Datagram;
use tessera_transport::inbound::InboundStream;
use tessera_transport::input::{InputReceiver, InputSender};
use tokio::time::Instant;

const EVENTS: u64 = 18_000;
const UPDATES: u64 = 7_200;

/// A link in some weather: slow or fast, near or far, calm or not.
fn weather(random: &mut StdRng) -> Profile {
    let rate_bits_per_s = random.random_range(1_000_000..20_000_000);
    Profile {
        jitter_us: random.random_range(0..30_000),
        loss: Loss::bursts(random.random_range(0.001..0.05), random.random_range(1e3..50e3)),
        reordered: random.random_range(0.0..0.02),
        reorder_us: random.random_range(1_000..20_000),
        duplicated: random.random_range(0.0..0.02),
        ..Profile::new(
            rate_bits_per_s,
            random.random_range(5_000..80_000),
            random.random_range(50_000..300_000),
        )
    }
}

/// Types for an hour: an event each 200 ms.
async fn send_input(pair: &Pair) {
    let began = Instant::now();
    let now_us = || began.elapsed().as_micros() as u64;
    let mut sender = InputSender::new();
    let mut tick = tokio::time::interval(Duration::from_millis(200));
    let mut typed = 0;
    while typed < EVENTS || sender.unacknowledged() > 0 {
        let repeat_us = sender.poll_timeout().map_or(1_000_000, |due| due.saturating_sub(now_us()));
        tokio::select! {
            _ = tick.tick(), if typed < EVENTS => {
                sender.push(Bytes::copy_from_slice(&typed.to_le_bytes())).expect("room");
                typed += 1;
            }
            () = tessera_netsim::pass(Duration::from_micros(repeat_us)) => {}
            datagram = pair.near.read_datagram() => match datagram.expect("a link") {
                Datagram::InputAcknowledgement { next } => {
                    sender.handle_acknowledgement(next, now_us()).expect("in sequence");
                }
                other => panic!("{other:?}"),
            },
        }
        while let Some(datagram) = sender.poll_datagram(now_us()) {
            pair.near.send_datagram(&datagram).expect("sent");
        }
    }
}

async fn receive_input(pair: &Pair) {
    let mut receiver = InputReceiver::new();
    let mut expected = 0_u64;
    while expected < EVENTS {
        let Datagram::Input { first, events } = pair.far.read_datagram().await.expect("a link")
        else {
            panic!("input was sent");
        };
        receiver.handle_events(first, events).expect("in sequence");
        while let Some(event) = receiver.poll_event() {
            assert_eq!(event[..], expected.to_le_bytes());
            expected += 1;
        }
        if let Some(acknowledgement) = receiver.poll_acknowledgement() {
            pair.far.send_datagram(&acknowledgement).expect("sent");
        }
    }
    // The last acknowledgements may be lost: whoever still repeats is answered.
    loop {
        if let Ok(Datagram::Input { first, events }) = pair.far.read_datagram().await {
            receiver.handle_events(first, events).expect("in sequence");
            if let Some(acknowledgement) = receiver.poll_acknowledgement() {
                pair.far.send_datagram(&acknowledgement).expect("sent");
            }
        }
    }
}

/// What update `number` holds.
fn update(number: u64) -> Bytes {
    let mut random = StdRng::seed_from_u64(number);
    let length = random.random_range(0..20_000);
    Bytes::from((0..length).map(|at| (number + at / 64) as u8).collect::<Vec<_>>())
}

async fn send_updates(pair: &Pair) {
    let mut chain = pair.far.open_chain().await.expect("open");
    let mut tick = tokio::time::interval(Duration::from_millis(500));
    for number in 0..UPDATES {
        tick.tick().await;
        chain.send(update(number), number).await.expect("sent");
    }
    std::future::pending::<()>().await;
}

async fn receive_updates(pair: &Pair) {
    let mut inbound = pair.near.inbound();
    let InboundStream::Chain(mut chain) = inbound.next().await.expect("a stream") else {
        panic!("a chain was opened");
    };
    for number in 0..UPDATES {
        let received = chain.next().await.expect("intact").expect("another");
        assert_eq!((received.number, received.sent_us), (number, number));
        assert_eq!(received.bytes, update(number), "update {number}");
    }
}

async fn change_weather(network: &Network, seed: u64) {
    let mut random = StdRng::seed_from_u64(seed);
    loop {
        seconds(random.random_range(1.0..30.0)).await;
        network.change(Side::Left, weather(&mut random));
        network.change(Side::Right, weather(&mut random));
    }
}

#[test]
fn an_hour_of_bad_weather_loses_no_key_and_no_update() {
    let seed = crate::seed();
    run(async {
        let began = Instant::now();
        let network = Network::new(Profile::BAD, Profile::BAD, seed);
        let pair = pair(&network).await;
        tokio::select! {
            _ = async { tokio::join!(send_input(&pair), receive_updates(&pair)) } => {}
            () = receive_input(&pair) => {}
            () = send_updates(&pair) => {}
            () = change_weather(&network, seed) => {}
        }
        assert!(began.elapsed() >= Duration::from_secs(3_595), "{:?}", began.elapsed());
        println!("{:?}", pair.far.figures());
    });
}
