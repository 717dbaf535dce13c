//! How much of a link is used, and how much delay that adds.

use crate::flows::{count_arrivals, pair, rate_over, saturate, seconds};
use bytes::Bytes;
use std::time::Duration;
use tessera_netsim::{Loss, Network, Profile, run};

struct Outcome {
    /// Share of the link's rate that arrived as updates.
    used: f64,
    mean_queue_us: u64,
    longest_queue_us: u64,
}

/// Sends for `time_s` after `warmup_s`.
fn alone(rightwards: Profile, leftwards: Profile, warmup_s: f64, time_s: f64) -> Outcome {
    let seed = crate::seed();
    run(async {
        let network = Network::new(rightwards, leftwards, seed);
        let pair = pair(&network).await;
        let arrived = saturate(&pair);
        seconds(warmup_s).await;
        network.forget_queues();
        let rate = rate_over(&arrived, time_s).await;
        let traffic = network.traffic(pair.near_socket.address());
        let outcome = Outcome {
            used: rate / rightwards.rate_bits_per_s as f64,
            mean_queue_us: traffic.mean_queue_us(),
            longest_queue_us: traffic.longest_queue_us,
        };
        println!(
            "{:.1} % used, {} us of queue, at most {}; {:?}",
            outcome.used * 100.0,
            outcome.mean_queue_us,
            outcome.longest_queue_us,
            pair.near.figures(),
        );
        outcome
    })
}

#[test]
fn a_bad_link_is_used_with_little_delay() {
    let outcome = alone(Profile::BAD, Profile::BAD, 3.0, 60.0);
    assert!(outcome.used >= 0.7, "{}", outcome.used);
    assert!(outcome.longest_queue_us <= 100_000, "{}", outcome.longest_queue_us);
    assert!(outcome.mean_queue_us <= 50_000, "{}", outcome.mean_queue_us);
}

#[test]
fn a_good_link_is_used_with_little_delay() {
    let outcome = alone(Profile::DSL, Profile::DSL, 3.0, 30.0);
    assert!(outcome.used >= 0.85, "{}", outcome.used);
    assert!(outcome.longest_queue_us <= 50_000, "{}", outcome.longest_queue_us);
}

#[test]
fn losses_in_bursts_cost_little() {
    let profile = Profile { loss: Loss::bursts(0.02, 10_000.0), ..Profile::BAD };
    let outcome = alone(profile, profile, 3.0, 60.0);
    assert!(outcome.used >= 0.6, "{}", outcome.used);
    assert!(outcome.longest_queue_us <= 100_000, "{}", outcome.longest_queue_us);
}

#[test]
fn a_link_that_loses_a_tenth_of_all_packets_is_used() {
    let profile = Profile { loss: Loss::random(0.1), ..Profile::BAD };
    let outcome = alone(profile, profile, 10.0, 60.0);
    assert!(outcome.used >= 0.6, "{}", outcome.used);
    assert!(outcome.longest_queue_us <= 100_000, "{}", outcome.longest_queue_us);
}

#[test]
fn a_link_that_jitters_is_used() {
    let profile = Profile { jitter_us: 20_000, ..Profile::DSL };
    let outcome = alone(profile, profile, 5.0, 30.0);
    assert!(outcome.used >= 0.7, "{}", outcome.used);
    assert!(outcome.longest_queue_us <= 100_000, "{}", outcome.longest_queue_us);
}

#[test]
fn a_link_without_a_queue_is_used_and_loses_little() {
    let profile = Profile::new(20_000_000, 20_000, 5_000);
    let outcome = alone(profile, profile, 5.0, 30.0);
    assert!(outcome.used >= 0.7, "{}", outcome.used);
}

#[test]
fn a_slow_link_queues_no_more_than_half_a_second() {
    let profile = Profile::new(384_000, 50_000, 2_000_000);
    let outcome = alone(profile, profile, 0.0, 60.0);
    assert!(outcome.used >= 0.7, "{}", outcome.used);
    assert!(outcome.longest_queue_us <= 500_000, "{}", outcome.longest_queue_us);
}

/// A sender that leaves a quarter of the window free, as refinement does, sees no end of the start-up by itself.
#[test]
fn a_sender_that_leaves_room_free_leaves_no_queue_either() {
    let seed = crate::seed();
    let (longest_queue_us, rate) = run(async {
        let network = Network::new(Profile::BAD, Profile::BAD, seed);
        let pair = pair(&network).await;
        let arrived = count_arrivals(&pair);
        let near = pair.near.clone();
        tokio::spawn(async move {
            let mut chain = near.open_chain().await.expect("open");
            loop {
                let path = near.congestion();
                let taken = path.in_flight_bytes() + path.unsent_exact_bytes();
                if taken + 3_000 > path.window_bytes() / 4 * 3 {
                    tessera_netsim::pass(Duration::from_millis(1)).await;
                } else if chain.send(Bytes::from(vec![7; 3_000]), 0).await.is_err() {
                    return;
                }
            }
        });
        seconds(3.0).await;
        network.forget_queues();
        let rate = rate_over(&arrived, 40.0).await;
        (network.traffic(pair.near_socket.address()).longest_queue_us, rate)
    });
    println!("{longest_queue_us} us of queue, {rate} bits/s");
    assert!(longest_queue_us <= 40_000, "{longest_queue_us}");
    assert!(rate >= 0.65 * Profile::BAD.rate_bits_per_s as f64, "{rate}");
}
