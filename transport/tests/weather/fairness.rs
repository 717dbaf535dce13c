//! Beside others: flows that fill queues, and flows of our own kind.

use crate::flows::{pair, rate_over, saturate, seconds};
use crate::rival::cubic;
use tessera_netsim::{Network, Profile, run};

#[test]
fn on_a_good_link_ours_and_cubic_share() {
    let seed = crate::seed();
    for ours_first in [true, false] {
        run(async {
            let network = Network::new(Profile::DSL, Profile::DSL, seed);
            let pair = pair(&network).await;
            let (ours, theirs) = if ours_first {
                let ours = saturate(&pair);
                seconds(3.0).await;
                (ours, cubic(&network).await)
            } else {
                let theirs = cubic(&network).await;
                seconds(3.0).await;
                (saturate(&pair), theirs)
            };
            let (ours, theirs) = tokio::join!(rate_over(&ours, 30.0), rate_over(&theirs, 30.0));
            let share = ours / (ours + theirs);
            println!(
                "ours first: {ours_first}; {:.1} % ours, {ours:.0} + {theirs:.0}",
                share * 100.0
            );
            assert!((1.0 / 3.0..=2.0 / 3.0).contains(&share), "{share}");
            assert!(ours + theirs > 0.85 * 20e6, "{}", ours + theirs);
        });
    }
}

#[test]
fn on_a_bad_link_cubic_keeps_what_it_gets_alone() {
    let seed = crate::seed();
    let beside = |ours: bool| {
        run(async {
            let network = Network::new(Profile::BAD, Profile::BAD, seed);
            let pair = pair(&network).await;
            if ours {
                saturate(&pair);
            }
            let theirs = cubic(&network).await;
            seconds(3.0).await;
            rate_over(&theirs, 180.0).await
        })
    };
    let (alone, together) = (beside(false), beside(true));
    println!("CUBIC alone {alone:.0}, beside ours {together:.0}");
    assert!(together >= 0.7 * alone, "{together} of {alone}");
}

#[test]
fn two_of_ours_converge_to_equal_shares() {
    let seed = crate::seed();
    run(async {
        let network = Network::new(Profile::DSL, Profile::DSL, seed);
        let (first, second) = (pair(&network).await, pair(&network).await);
        let one = saturate(&first);
        seconds(5.0).await;
        let two = saturate(&second);
        seconds(10.0).await;
        let (one, two) = tokio::join!(rate_over(&one, 20.0), rate_over(&two, 20.0));
        println!("{one:.0} + {two:.0}");
        let share = one / (one + two);
        assert!((0.35..=0.65).contains(&share), "{share}");
    });
}

#[test]
fn when_the_other_has_gone_the_queue_is_short_again() {
    let seed = crate::seed();
    run(async {
        let network = Network::new(Profile::DSL, Profile::DSL, seed);
        let pair = pair(&network).await;
        let _ours = saturate(&pair);
        let (theirs, rival) = crate::rival::stoppable_cubic(&network).await;
        seconds(20.0).await;
        drop(rival);
        seconds(12.0).await;
        network.forget_queues();
        seconds(10.0).await;
        let traffic = network.traffic(pair.near_socket.address());
        println!("{traffic:?}, {theirs:?}");
        assert!(traffic.mean_queue_us() <= 40_000, "{traffic:?}");
    });
}
