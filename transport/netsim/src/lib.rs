//! A network between two sides, simulated below QUIC, in virtual time.
//!
//! [`Link`] is the emulator of one direction: a bottleneck with a queue, delay, jitter, loss in bursts, reordering and
//! duplication. It is pure and seeded: the same packets at the same times meet the same fate. [`Network`] puts one link
//! each way between its sockets, which stand in for UDP sockets below a real QUIC endpoint, several of them on one
//! bottleneck where flows compete.
//!
//! Time is tokio's. On a runtime whose clock is paused ([`run`]) it leaps to the next event as soon as all tasks wait,
//! so that an hour of bad weather takes seconds. Its step is the millisecond of tokio's timers: packets arrive up to
//! one later than the link says.
//!
//! Not here: threads, which virtual time does not wait for, and real packets, for which there are network namespaces.

mod link;
mod network;
mod socket;

pub use link::{Arrivals, Link, Loss, Profile};
pub use network::{Network, Side, Traffic};
pub use socket::Socket;

/// Runs `future` to its end on a runtime of this thread whose time leaps over all waiting.
///
/// # Panics
/// When no runtime can be made.
pub fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap_or_else(|error| panic!("no runtime: {error}"))
        .block_on(future)
}

/// Lets virtual time pass.
pub async fn pass(time: std::time::Duration) {
    tokio::time::sleep(time).await;
}
