//! The packets: a sender that keeps to a rate, and a receiver that counts.

use std::io::{self, IoSliceMut};
use std::net::{SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};

use quinn_udp::{BATCH_SIZE, RecvMeta, Transmit, UdpSocketState};

use super::PACKET_BYTES;
use super::process::Server;
use crate::error::BenchError;

/// Packets handed to the system at a time with offload: the most that Linux takes of this size.
const TOGETHER: usize = 48;
/// How often the sender looks whether packets are due, without offload.
const PACING: Duration = Duration::from_micros(200);
/// How long the receiver waits for the last packets.
const DRAIN: Duration = Duration::from_millis(150);
/// What the receiver may have waiting, as far as the system allows.
const BUFFER_BYTES: usize = 8 << 20;

/// Two sockets that the system under test has joined.
pub(super) struct Flow {
    pub(super) from: UdpSocket,
    /// Where packets are sent.
    pub(super) through: SocketAddr,
    /// What stands before each packet for the system under test.
    pub(super) head: Vec<u8>,
    pub(super) to: UdpSocket,
}

/// What came of one rate.
pub(super) struct Trial {
    pub(super) sent: u64,
    pub(super) received: u64,
    pub(super) seconds: f64,
    cpu_ns: u64,
}

impl Trial {
    pub(super) fn loss(&self) -> f64 {
        1.0 - self.received as f64 / self.sent.max(1) as f64
    }

    pub(super) fn sent_mbit_s(&self) -> f64 {
        self.sent as f64 * PACKET_BYTES as f64 * 8e-6 / self.seconds
    }

    pub(super) fn received_mbit_s(&self) -> f64 {
        self.received as f64 * PACKET_BYTES as f64 * 8e-6 / self.seconds
    }

    pub(super) fn cpu_us_per_packet(&self) -> f64 {
        self.cpu_ns as f64 / 1000.0 / self.received.max(1) as f64
    }
}

/// Sends at `mbit_s` for `duration` and counts what arrives.
pub(super) fn run(
    flow: &Flow,
    server: &Server,
    mbit_s: f64,
    duration: Duration,
    offload: bool,
) -> Result<Trial, BenchError> {
    let is_over = AtomicBool::new(false);
    let cpu_before_ns = server.cpu_ns()?;
    let (sent, seconds, received) = thread::scope(|scope| {
        let receiver = scope.spawn(|| receive(&flow.to, &is_over));
        let sent = send(flow, mbit_s, duration, offload);
        thread::sleep(DRAIN);
        is_over.store(true, Relaxed);
        let received = receiver.join().unwrap_or_else(|_| Err(io::ErrorKind::Other.into()));
        let (sent, seconds) = sent?;
        Ok::<_, io::Error>((sent, seconds, received?))
    })?;
    let cpu_ns = server.cpu_ns()?.saturating_sub(cpu_before_ns);
    Ok(Trial { sent, received, seconds, cpu_ns })
}

/// Sends, and says how many packets and for how many seconds.
fn send(flow: &Flow, mbit_s: f64, duration: Duration, offload: bool) -> io::Result<(u64, f64)> {
    let state = UdpSocketState::new((&flow.from).into())?;
    flow.from.set_nonblocking(false)?;
    // QUIC's bit, so that nothing takes it for a message of its own.
    let packet = [&flow.head[..], &[0x40; PACKET_BYTES]].concat();
    let together = if offload { TOGETHER } else { 1 };
    let contents = packet.repeat(together);
    let packets_per_s = mbit_s * 1e6 / 8.0 / PACKET_BYTES as f64;
    let started = Instant::now();
    let mut sent = 0;
    while started.elapsed() < duration {
        let due = (started.elapsed().as_secs_f64() * packets_per_s) as u64;
        if due < sent + together as u64 {
            thread::sleep(PACING.min(duration));
            continue;
        }
        let transmit = Transmit {
            destination: flow.through,
            ecn: None,
            contents: &contents,
            segment_size: offload.then_some(packet.len()),
            src_ip: None,
        };
        state.try_send((&flow.from).into(), &transmit)?;
        sent += together as u64;
    }
    Ok((sent, started.elapsed().as_secs_f64()))
}

/// Counts packets of the right length until it is over.
fn receive(socket: &UdpSocket, is_over: &AtomicBool) -> io::Result<u64> {
    let state = UdpSocketState::new(socket.into())?;
    // The system may grant less.
    let _ = state.set_recv_buffer_size(socket.into(), BUFFER_BYTES);
    socket.set_nonblocking(false)?;
    socket.set_read_timeout(Some(Duration::from_millis(20)))?;
    let mut buffers = vec![0; BATCH_SIZE * (1 << 16)];
    let mut meta = [RecvMeta::default(); BATCH_SIZE];
    let mut received = 0;
    while !is_over.load(Relaxed) {
        let mut chunks = buffers.chunks_exact_mut(1 << 16);
        let mut slices: [IoSliceMut<'_>; BATCH_SIZE] =
            std::array::from_fn(|_| IoSliceMut::new(chunks.next().unwrap_or_default()));
        match state.recv(socket.into(), &mut slices, &mut meta) {
            Ok(count) => {
                let batches = meta.iter().take(count).filter(|it| it.stride == PACKET_BYTES);
                received += batches.map(|it| (it.len / it.stride) as u64).sum::<u64>();
            }
            Err(fault) if fault.kind() == io::ErrorKind::WouldBlock => {}
            Err(fault) => return Err(fault),
        }
    }
    Ok(received)
}
