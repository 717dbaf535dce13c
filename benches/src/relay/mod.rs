//! The `relay` subcommand: what our relay forwards beside coturn, each on one core, with packets of 1,200 bytes.
//!
//! Both get the same packets from the same sender and give them to the same receiver, over loopback. With offload the
//! sender hands the system many packets at a time (GSO) and the receiver takes many (GRO); without, each travels alone.
//! A rate counts as free of loss when at most [`ALLOWED_LOSS`] of the packets are missing.

mod chart;
mod coturn;
mod load;
mod ours;
mod process;

use std::net::SocketAddr;
use std::time::Duration;

use serde::Serialize;

use crate::cli::RelayArgs;
use crate::error::BenchError;
use crate::json;
use load::{Flow, Trial};
use process::Server;

/// Payload of every packet: what participants send.
const PACKET_BYTES: usize = 1200;
/// Share of packets that may be missing: a machine that does something else for a moment is not the relay's fault.
const ALLOWED_LOSS: f64 = 0.001;
/// First rate that is tried, in Mbit/s.
const FIRST_MBIT_S: f64 = 100.0;
/// Steps between the last rate without and the first one with loss.
const BISECTIONS: usize = 5;
/// Attempts at each rate; one without loss counts.
const ATTEMPTS: usize = 2;

/// A system under test that has joined two addresses.
struct Joined {
    server: Server,
    flow: Flow,
}

/// The best rate of one system.
#[derive(Clone, Debug, Serialize)]
struct Line {
    system: &'static str,
    offload: bool,
    packet_bytes: usize,
    loss_free_mbit_s: f64,
    loss_free_packets_s: f64,
    /// Processor time of the system's threads for what it forwarded at that rate.
    cpu_us_per_packet: f64,
    /// What one core forwards at that cost.
    mbit_per_core_s: f64,
    /// Whether the sender could not offer more: the system may be able to do more than the rate says.
    sender_was_the_limit: bool,
}

/// Runs the subcommand.
pub(crate) fn run(arguments: &RelayArgs) -> Result<(), BenchError> {
    let trial = Duration::from_millis(arguments.trial_ms.into());
    let mut lines = Vec::new();
    for offload in [true, false] {
        let joined = ours::join(&arguments.center, offload)?;
        lines.push(measure("tessera", offload, joined, trial)?);
        show(arguments, lines.last());
        match coturn::join()? {
            Some(joined) => {
                lines.push(measure("coturn", offload, joined, trial)?);
                show(arguments, lines.last());
            }
            None => eprintln!("coturn is not installed (apt-get install coturn): skipped"),
        }
    }
    if !arguments.json {
        for offload in [true, false] {
            let of = |system| lines.iter().find(|it| it.system == system && it.offload == offload);
            if let (Some(ours), Some(theirs)) = (of("tessera"), of("coturn")) {
                println!(
                    "{}: {:.1} times coturn by rate, {:.1} times by processor time",
                    offload_name(offload),
                    ours.loss_free_mbit_s / theirs.loss_free_mbit_s,
                    ours.mbit_per_core_s / theirs.mbit_per_core_s,
                );
            }
        }
    }
    if let Some(path) = &arguments.svg {
        std::fs::write(path, chart::draw(&lines))?;
    }
    Ok(())
}

fn offload_name(offload: bool) -> &'static str {
    if offload { "with GSO and GRO" } else { "without" }
}

fn show(arguments: &RelayArgs, line: Option<&Line>) {
    let Some(line) = line else { return };
    if arguments.json {
        println!("{}", json::line(line));
        return;
    }
    println!(
        "{:<8} {:<16} {:>7.0} Mbit/s {:>8.0} packets/s {:>6.2} us/packet {:>7.0} Mbit/s a core{}",
        line.system,
        offload_name(line.offload),
        line.loss_free_mbit_s,
        line.loss_free_packets_s,
        line.cpu_us_per_packet,
        line.mbit_per_core_s,
        if line.sender_was_the_limit { " (the sender was the limit)" } else { "" },
    );
}

/// Looks for the highest rate without loss: by half more at a time, then between.
fn measure(
    system: &'static str,
    offload: bool,
    joined: Joined,
    duration: Duration,
) -> Result<Line, BenchError> {
    let Joined { server, flow } = joined;
    let attempt = |mbit_s: f64| -> Result<Option<Trial>, BenchError> {
        for _ in 0..ATTEMPTS {
            let trial = load::run(&flow, &server, mbit_s, duration, offload)?;
            if trial.loss() <= ALLOWED_LOSS {
                return Ok(Some(trial));
            }
        }
        Ok(None)
    };
    let (mut best, mut rate, mut limited) = (None::<Trial>, FIRST_MBIT_S, false);
    let mut too_much = loop {
        match attempt(rate)? {
            // The sender falls short: asking for more brings no more.
            Some(trial) if trial.sent_mbit_s() < 0.9 * rate => {
                limited = true;
                best = Some(trial);
                break rate;
            }
            Some(trial) => best = Some(trial),
            None => break rate,
        }
        rate *= 1.5;
    };
    for _ in 0..if limited { 0 } else { BISECTIONS } {
        let least = best.as_ref().map_or(0.0, Trial::sent_mbit_s);
        let middle = f64::midpoint(least, too_much);
        match attempt(middle)? {
            Some(trial) => best = Some(trial),
            None => too_much = middle,
        }
    }
    let best = best.ok_or(BenchError::Rival(system))?;
    Ok(Line {
        system,
        offload,
        packet_bytes: PACKET_BYTES,
        loss_free_mbit_s: best.received_mbit_s(),
        loss_free_packets_s: best.received as f64 / best.seconds,
        cpu_us_per_packet: best.cpu_us_per_packet(),
        mbit_per_core_s: PACKET_BYTES as f64 * 8.0 / best.cpu_us_per_packet(),
        sender_was_the_limit: limited,
    })
}

/// A loopback address with a port that is free at this moment.
fn free_address() -> Result<SocketAddr, BenchError> {
    let socket = std::net::UdpSocket::bind("127.0.0.1:0")?;
    Ok(socket.local_addr()?)
}
