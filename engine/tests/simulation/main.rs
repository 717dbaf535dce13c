//! Sessions of two to eight participants, played from seeds at the level of messages: in any order that
//! connections allow, with broken connections, restarted and vanished programs, people who do several things at once,
//! and programs that send what they may not. After each operation all participants are compared with a reference
//! model of the rules, and at each step the rules are checked that hold at every moment.

mod checks;
mod model;
mod mutations;
mod operations;
mod random;
mod run;
mod world;

use tessera::session::rules::Rulebook;

/// Number of sessions, by default as many as an ordinary test run has time for.
const SESSIONS: &str = "TESSERA_SIMULATED_SESSIONS";

/// First seed.
const SEED: &str = "TESSERA_SIMULATION_SEED";

fn variable(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().expect("a number"))
}

#[test]
fn no_session_breaks_a_rule() {
    let (first, sessions) = (variable(SEED, 0), variable(SESSIONS, 400));
    let threads = std::thread::available_parallelism().map_or(1, usize::from) as u64;
    let started = std::time::Instant::now();
    let part = sessions.div_ceil(threads);
    let failures: Vec<_> = std::thread::scope(|scope| {
        let search = |thread: u64| {
            let begin = first + thread * part;
            let end = (begin + part).min(first + sessions);
            move || run::search(begin..end, Rulebook::STANDARD)
        };
        let searches: Vec<_> = (0..threads).map(|thread| scope.spawn(search(thread))).collect();
        searches.into_iter().filter_map(|search| search.join().expect("no panic")).collect()
    });
    println!("{sessions} sessions in {:?}", started.elapsed());
    if let Some(failure) = failures.first() {
        let history = failure.history.join("\n  ");
        panic!("seed {}: {}\n  {history}", failure.seed, failure.what);
    }
}
