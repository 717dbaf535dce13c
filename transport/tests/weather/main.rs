//! Links through simulated weather, in virtual time: use, delay, fairness, answers to steps, and an hour of everything.
//!
//! Every test prints the seed of its network; `TESSERA_SEED=n` runs them with another.

mod datagrams;
mod fairness;
mod flows;
mod hour;
mod rival;
mod steps;
mod throughput;

/// The seed of all networks of a test.
fn seed() -> u64 {
    let seed = std::env::var("TESSERA_SEED").ok().and_then(|it| it.parse().ok()).unwrap_or(1);
    println!("TESSERA_SEED={seed}");
    seed
}

/// What QUIC leaves to chance, from the same seed.
fn chance() -> Option<[u8; 32]> {
    let mut chance = [0; 32];
    chance[..8].copy_from_slice(&seed().to_le_bytes());
    Some(chance)
}
