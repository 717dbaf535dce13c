//! How soon the desktop is seen again after the network was gone, and what is left of it beside somebody else.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use tessera_witness::measure::Delays;
use tessera_witness::stop::Stop;

use super::load::Load;
use super::probes::Painted;
use super::stage::Stage;
use super::system::Running;
use crate::cli::LoadName;
use crate::error::BenchError;

/// How long the session may take to go on.
const LIMIT: Duration = Duration::from_secs(30);

/// What happens before the network is cut again.
const PAUSE: Duration = Duration::from_secs(2);

/// Time after which flows that share a network have found their parts.
const SETTLING: Duration = Duration::from_secs(5);

/// Ethernet's payload, and what of it TCP carries: what the device counts for each piece of the stream.
const TCP_PACKET: (f64, f64) = (1_500.0, 1_448.0);

/// Cuts the network `runs` times for `outage`, and times from its end until what is then drawn is seen.
pub(super) fn resume(
    stage: &mut Stage,
    running: &mut Running,
    outage: Duration,
    runs: u32,
    stop: &Stop,
) -> Result<Delays, BenchError> {
    let painted = Painted::start(stage)?;
    let mut delays = Delays::default();
    for _ in 0..runs {
        stop.pause(PAUSE)?;
        let Some(link) = &stage.network.link else { return Ok(delays) };
        let mended = Instant::now() + outage;
        link.cut(outage);
        stop.pause(outage)?;
        delays.push(painted.seen_after(mended, LIMIT, stage, stop)? - mended);
        running.check()?;
    }
    painted.finish()?;
    Ok(delays)
}

/// Bytes that a TCP connection has carried, while it carries as many as it can.
struct Flow {
    sender: TcpStream,
    carried: Arc<AtomicU64>,
    threads: Vec<JoinHandle<()>>,
}

impl Flow {
    fn start([sender, mut receiver]: [TcpStream; 2]) -> Result<Self, BenchError> {
        let carried = Arc::new(AtomicU64::new(0));
        let (mut write, count) = (sender.try_clone()?, Arc::clone(&carried));
        let threads = vec![
            thread::spawn(move || while write.write_all(&[7; 16_384]).is_ok() {}),
            thread::spawn(move || {
                let mut buffer = [0; 65_536];
                while let Ok(bytes @ 1..) = receiver.read(&mut buffer) {
                    count.fetch_add(bytes as u64, Ordering::Relaxed);
                }
            }),
        ];
        Ok(Self { sender, carried, threads })
    }

    /// Bytes so far, as the network's devices count them.
    fn bytes(&self) -> f64 {
        self.carried.load(Ordering::Relaxed) as f64 * TCP_PACKET.0 / TCP_PACKET.1
    }
}

impl Drop for Flow {
    fn drop(&mut self) {
        // It ends by itself when it is closed already.
        let _ = self.sender.shutdown(std::net::Shutdown::Both);
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

/// What two flows had of a network, in bytes a second.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shares {
    /// The TCP connection without the other.
    pub(super) cubic_alone: f64,
    /// Both together.
    pub(super) cubic: f64,
    pub(super) system: f64,
}

/// Measures what a TCP connection under CUBIC has by itself, and what both have while the desktop has more to send than the
/// network carries.
pub(super) fn beside_cubic(
    stage: &mut Stage,
    span: Duration,
    stop: &Stop,
) -> Result<Shares, BenchError> {
    let rate = |stage: &Stage, flow: &Flow| -> Result<(f64, f64), BenchError> {
        stop.pause(SETTLING)?;
        let before = (flow.bytes(), stage.network.traffic()?.sent_bytes);
        let started = Instant::now();
        stop.pause(span)?;
        let seconds = started.elapsed().as_secs_f64();
        let sent_bytes = (stage.network.traffic()?.sent_bytes - before.1) as f64;
        let cubic_bytes = flow.bytes() - before.0;
        Ok((cubic_bytes / seconds, (sent_bytes - cubic_bytes).max(0.0) / seconds))
    };
    let (cubic_alone, _) = rate(stage, &Flow::start(stage.network.cubic()?)?)?;
    let load = Load::start(LoadName::Noise, stage, 1, stop)?;
    stop.pause(PAUSE)?;
    let flow = Flow::start(stage.network.cubic()?)?;
    let (cubic, system) = rate(stage, &flow)?;
    drop((flow, load));
    Ok(Shares { cubic_alone, cubic, system })
}
