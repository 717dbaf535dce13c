//! The `rate` subcommand: how congestion control answers when the path changes at once.
//!
//! A real link runs over a simulated network in virtual time and is kept full; the same seed gives the same weather.
//! docs/rate-control.md shows what is drawn.

use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde::Serialize;
use tessera_netsim::{Network, Profile, Side, pass};
use tessera_transport::inbound::InboundStream;
use tessera_transport::{Endpoint, Identity, Link, Protocol, Trust};

use crate::cli::RateArgs;
use crate::error::BenchError;
use crate::json;

/// Time between two samples; a rate is what arrived since the one before.
const SAMPLE_MS: u64 = 50;
/// Samples before and after the step.
const BEFORE: u64 = 80;
const AFTER: u64 = 120;

/// A path that becomes another.
struct Step {
    name: &'static str,
    before: Profile,
    after: Profile,
}

fn steps() -> [Step; 5] {
    let dsl = Profile { queue_bytes: 1_000_000, ..Profile::DSL };
    let rate = |bits: u64| Profile { rate_bits_per_s: bits, ..dsl };
    let longer = Profile { delay_us: dsl.delay_us + 60_000, ..dsl };
    [
        Step { name: "half-rate", before: dsl, after: rate(10_000_000) },
        Step { name: "tenth-of-rate", before: dsl, after: rate(2_000_000) },
        Step { name: "twice-rate", before: rate(10_000_000), after: dsl },
        Step { name: "longer-path", before: dsl, after: longer },
        Step { name: "bad-link", before: Profile::BAD, after: Profile::BAD },
    ]
}

#[derive(Serialize)]
struct Sample {
    time_ms: u64,
    arrived_mbit_s: f64,
    window_kb: f64,
    queue_ms: f64,
}

#[derive(Serialize)]
struct Answer<'a> {
    step: &'a str,
    seed: u64,
    /// Share of the rate that was used in the last two seconds.
    used: f64,
    longest_queue_ms: f64,
    /// From the step until the queue stayed below 60 ms.
    settled_ms: u64,
    samples: &'a [Sample],
}

/// Runs the subcommand.
pub(crate) fn run(arguments: &RateArgs) -> Result<(), BenchError> {
    for step in steps() {
        let samples = tessera_netsim::run(measure(&step, arguments.seed))?;
        let after = samples.get(BEFORE as usize..).unwrap_or_default();
        let late = after.get(after.len().saturating_sub(40)..).unwrap_or_default();
        let arrived: f64 = late.iter().map(|it| it.arrived_mbit_s).sum();
        let long = after.iter().rposition(|it| it.queue_ms > 60.0);
        let answer = Answer {
            step: step.name,
            seed: arguments.seed,
            used: arrived / late.len() as f64 * 1e6 / step.after.rate_bits_per_s as f64,
            longest_queue_ms: after.iter().map(|it| it.queue_ms).fold(0.0, f64::max),
            settled_ms: long.map_or(0, |at| (at as u64 + 1) * SAMPLE_MS),
            samples: &samples,
        };
        if arguments.json {
            println!("{}", json::line(&answer));
        } else {
            println!(
                "{:14} {:5.1} % used, queue at most {:5.1} ms, below 60 ms after {} ms",
                answer.step,
                answer.used * 100.0,
                answer.longest_queue_ms,
                answer.settled_ms
            );
        }
        if let Some(folder) = &arguments.svg {
            std::fs::create_dir_all(folder)?;
            std::fs::write(folder.join(format!("{}.svg", step.name)), draw(&step, &samples))?;
        }
    }
    Ok(())
}

async fn measure(step: &Step, seed: u64) -> Result<Vec<Sample>, BenchError> {
    let network = Network::new(step.before, step.before, seed);
    let (near_socket, far_socket) = (network.socket(Side::Left), network.socket(Side::Right));
    let address = far_socket.address();
    let near = endpoint(near_socket)?;
    let far = endpoint(far_socket)?;
    let (near_link, far_link) =
        tokio::join!(near.connect(address, Protocol::SESSION, Trust::AnyKey), async {
            match far.accept().await {
                Some(incoming) => incoming.accept(Trust::AnyKey).await.ok(),
                None => None,
            }
        });
    let (Ok(near_link), Some(far_link)) = (near_link, far_link) else {
        return Err(BenchError::Simulated("a link"));
    };
    let arrived = fill(near_link.clone(), far_link);
    let mut samples = Vec::new();
    let mut before = 0;
    for number in 0..BEFORE + AFTER {
        if number == BEFORE {
            network.change(Side::Left, step.after);
        }
        pass(Duration::from_millis(SAMPLE_MS)).await;
        let now = arrived.load(Ordering::Relaxed);
        samples.push(Sample {
            time_ms: (number + 1) * SAMPLE_MS,
            arrived_mbit_s: (now - before) as f64 * 8.0 / 1e3 / SAMPLE_MS as f64,
            window_kb: near_link.congestion().window_bytes() as f64 / 1e3,
            queue_ms: network.queued_us(Side::Left) as f64 / 1e3,
        });
        before = now;
    }
    Ok(samples)
}

fn endpoint(socket: Arc<tessera_netsim::Socket>) -> Result<Endpoint, BenchError> {
    let identity = Identity::ephemeral().map_err(|_| BenchError::Simulated("a key"))?;
    Endpoint::with_socket(socket, Arc::new(identity), Some(Protocol::SESSION), Some([1; 32]))
        .map_err(|_| BenchError::Simulated("an endpoint"))
}

/// Sends without end; counts what arrives.
fn fill(near: Link, far: Link) -> Arc<AtomicU64> {
    let arrived = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&arrived);
    tokio::spawn(async move {
        let Ok(mut chain) = near.open_chain().await else { return };
        while chain.send(vec![7; 1_000].into(), 0).await.is_ok() {}
    });
    tokio::spawn(async move {
        let mut inbound = far.inbound();
        let Ok(InboundStream::Chain(mut chain)) = inbound.next().await else { return };
        while let Ok(Some(update)) = chain.next().await {
            count.fetch_add(update.bytes.len() as u64, Ordering::Relaxed);
        }
    });
    arrived
}

const WIDTH: f64 = 720.0;
const LEFT: f64 = 60.0;
const PANEL: f64 = 110.0;

/// What arrives, the window and the queue, one above the other.
fn draw(step: &Step, samples: &[Sample]) -> String {
    type Value = fn(&Sample) -> f64;
    let panels: [(&str, Value, &str); 3] = [
        ("arrives, Mbit/s", |it| it.arrived_mbit_s, "#2a6fbb"),
        ("window, kB", |it| it.window_kb, "#666"),
        ("queue, ms", |it| it.queue_ms, "#b5482a"),
    ];
    let height = 40.0 + panels.len() as f64 * (PANEL + 20.0);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n<text x=\"10\" y=\"20\" font-size=\"14\">{}</text>\n",
        step.name
    );
    let total_ms = (BEFORE + AFTER) * SAMPLE_MS;
    let x = |time_ms: u64| LEFT + (WIDTH - LEFT - 20.0) * time_ms as f64 / total_ms as f64;
    for ((title, value, colour), index) in panels.into_iter().zip(0_u32..) {
        let top = 40.0 + f64::from(index) * (PANEL + 20.0);
        let most = samples.iter().map(value).fold(1.0, f64::max);
        let points: Vec<String> = samples
            .iter()
            .map(|it| {
                let y = top + PANEL - (PANEL - 18.0) * value(it) / most;
                format!("{:.1},{y:.1}", x(it.time_ms))
            })
            .collect();
        let (base, step_x) = (top + PANEL, x(BEFORE * SAMPLE_MS));
        // Writing to a String cannot fail.
        let _ = writeln!(
            svg,
            "<text x=\"{LEFT}\" y=\"{:.1}\">{title}</text><text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{most:.0}</text>\
             <path d=\"M{LEFT},{base}H{:.1}M{step_x:.1},{top}V{base}\" stroke=\"#bbb\" fill=\"none\"/>\
             <polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"1.5\"/>",
            top + 10.0,
            LEFT - 6.0,
            top + 22.0,
            WIDTH - 20.0,
            points.join(" "),
        );
    }
    let seconds = total_ms / 1000;
    let _ =
        writeln!(svg, "<text x=\"{:.1}\" y=\"{height}\">{seconds} s</text></svg>", WIDTH - 40.0);
    svg
}
