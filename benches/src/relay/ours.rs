//! Our relay, alone, with one event loop.

use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, UdpSocket};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use tessera_transport::relay::{Binder, ChannelId, Event, SessionId, Side, Token};
use tessera_transport::{Fingerprint, Identity};

use super::load::Flow;
use super::process::Server;
use super::{Joined, free_address};
use crate::error::BenchError;

const PATIENCE: Duration = Duration::from_secs(10);
const NAME: &str = "tessera-center relay";

/// Starts `tessera-center relay` and binds two sockets to one channel.
pub(super) fn join(center_program: &Path, offload: bool) -> Result<Joined, BenchError> {
    let unusable = |_| BenchError::Rival(NAME);
    let center = Identity::ephemeral().map_err(unusable)?;
    let folder = tempfile::tempdir()?;
    let listen = free_address()?.to_string();
    let key = center.fingerprint().to_string();
    let data = folder.path().to_string_lossy().into_owned();
    let mut arguments = vec!["relay", "--key", &key, "--listen", &listen, "--threads", "1"];
    arguments.extend(["--tunnel", "off", "--metrics", "127.0.0.1:0", "--data", &data]);
    if !offload {
        arguments.push("--no-offload");
    }
    let program = center_program.to_string_lossy().into_owned();
    let mut server = Server::start(&program, &arguments, folder)?;
    let out = server.child.stdout.take().ok_or(BenchError::Rival(NAME))?;
    let mut relay = None;
    for line in BufReader::new(out).lines() {
        let line = line?;
        if let Some(fingerprint) = line.strip_prefix("fingerprint ") {
            relay = fingerprint.trim().parse::<Fingerprint>().ok();
        }
        if line.starts_with("http ") {
            break;
        }
    }
    let fingerprint = relay.ok_or(BenchError::Rival(NAME))?;
    let address: SocketAddr = listen.parse().map_err(|_| BenchError::Rival(NAME))?;
    let bind = |side| {
        let socket = UdpSocket::bind("127.0.0.1:0")?;
        bind(&socket, address, fingerprint, &center, side)?;
        Ok::<_, BenchError>(socket)
    };
    let flow = Flow {
        from: bind(Side::Joiner)?,
        through: address,
        head: Vec::new(),
        to: bind(Side::Host)?,
    };
    Ok(Joined { server, flow })
}

fn bind(
    socket: &UdpSocket,
    address: SocketAddr,
    relay: Fingerprint,
    center: &Identity,
    side: Side,
) -> Result<(), BenchError> {
    let holder = Arc::new(Identity::ephemeral().map_err(|_| BenchError::Rival(NAME))?);
    let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let token = Token {
        side,
        channel: ChannelId([1; 16]),
        session: SessionId([1; 16]),
        holder: holder.fingerprint(),
        expires_unix_s: unix.as_secs() + 86_400,
        rate_kbit_s: 100_000_000,
        allowance_mib: u32::MAX,
    };
    let started = Instant::now();
    let mut binder = Binder::new(holder, relay, token.sign(center), rand::random(), 1, 0);
    socket.set_read_timeout(Some(Duration::from_millis(10)))?;
    let mut buffer = [0; 2048];
    while started.elapsed() < PATIENCE {
        let now_us = started.elapsed().as_micros() as u64;
        while let Some(packet) = binder.poll_transmit(now_us) {
            socket.send_to(&packet, address)?;
        }
        if let Ok(length) = socket.recv(&mut buffer) {
            binder.handle_packet(buffer.get(..length).unwrap_or_default(), now_us);
        }
        if let Some(Event::Bound { .. }) = binder.poll_event() {
            return Ok(());
        }
    }
    Err(BenchError::Rival(NAME))
}
