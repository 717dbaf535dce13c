//! coturn from the distribution, joined by as much of TURN (RFC 8656) as a channel takes: an allocation, and a channel
//! bound to the receiver, so that each packet has four bytes before it.

use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, UdpSocket};
use std::time::{Duration, Instant};

use super::load::Flow;
use super::process::Server;
use super::{Joined, PACKET_BYTES, free_address};
use crate::error::BenchError;

const PROGRAM: &str = "turnserver";
const PATIENCE: Duration = Duration::from_secs(10);

/// RFC 8489, section 5.
const MAGIC_COOKIE: u32 = 0x2112_a442;
/// RFC 8656, sections 17 and 18.
const ALLOCATE: u16 = 0x0003;
const CHANNEL_BIND: u16 = 0x0009;
const SUCCESS: u16 = 0x0100;
const CHANNEL_NUMBER: u16 = 0x000c;
const XOR_PEER_ADDRESS: u16 = 0x0012;
const REQUESTED_TRANSPORT: u16 = 0x0019;
const UDP: u32 = 17 << 24;
/// The first number that a channel may have (RFC 8656, section 12).
const CHANNEL: u16 = 0x4000;

/// Starts coturn and joins two sockets; `None` when it is not installed.
pub(super) fn join() -> Result<Option<Joined>, BenchError> {
    let found = std::process::Command::new(PROGRAM).arg("--version").output();
    if found.is_err() {
        return Ok(None);
    }
    let SocketAddr::V4(address) = free_address()? else { return Err(BenchError::Rival("coturn")) };
    let port = address.port().to_string();
    let folder = tempfile::tempdir()?;
    let [log, pid] =
        ["log", "pid"].map(|name| folder.path().join(name).to_string_lossy().into_owned());
    let server = Server::start(
        PROGRAM,
        &[
            "-n",
            "--no-auth",
            "--no-tls",
            "--no-dtls",
            "--no-cli",
            "--listening-ip",
            "127.0.0.1",
            "--relay-ip",
            "127.0.0.1",
            "--listening-port",
            &port,
            "--relay-threads",
            "1",
            "--allow-loopback-peers",
            "--log-file",
            &log,
            "--pidfile",
            &pid,
        ],
        folder,
    )?;
    let from = UdpSocket::bind("127.0.0.1:0")?;
    let to = UdpSocket::bind("127.0.0.1:0")?;
    let SocketAddr::V4(peer) = to.local_addr()? else { return Err(BenchError::Rival("coturn")) };
    let through = SocketAddr::V4(address);
    ask(&from, through, ALLOCATE, &attribute(REQUESTED_TRANSPORT, &UDP.to_be_bytes()))?;
    let number = attribute(CHANNEL_NUMBER, &[CHANNEL.to_be_bytes(), [0; 2]].concat());
    let bind = [number, attribute(XOR_PEER_ADDRESS, &xor_address(peer))].concat();
    ask(&from, through, CHANNEL_BIND, &bind)?;
    let head = [CHANNEL.to_be_bytes(), (PACKET_BYTES as u16).to_be_bytes()].concat();
    Ok(Some(Joined { server, flow: Flow { from, through, head, to } }))
}

fn attribute(kind: u16, value: &[u8]) -> Vec<u8> {
    let length = value.len() as u16;
    [&kind.to_be_bytes()[..], &length.to_be_bytes(), value].concat()
}

/// RFC 8489, section 14.2.
fn xor_address(address: SocketAddrV4) -> Vec<u8> {
    let port = address.port() ^ (MAGIC_COOKIE >> 16) as u16;
    let ip = Ipv4Addr::to_bits(*address.ip()) ^ MAGIC_COOKIE;
    [&[0, 1][..], &port.to_be_bytes(), &ip.to_be_bytes()].concat()
}

/// Asks until it is done.
fn ask(
    socket: &UdpSocket,
    server: SocketAddr,
    method: u16,
    attributes: &[u8],
) -> Result<(), BenchError> {
    socket.set_read_timeout(Some(Duration::from_millis(100)))?;
    let started = Instant::now();
    let mut answer = [0; 1500];
    let transaction: [u8; 12] = rand::random();
    let length = attributes.len() as u16;
    let message = [
        &method.to_be_bytes()[..],
        &length.to_be_bytes(),
        &MAGIC_COOKIE.to_be_bytes(),
        &transaction,
        attributes,
    ]
    .concat();
    while started.elapsed() < PATIENCE {
        socket.send_to(&message, server)?;
        if socket.recv(&mut answer).is_ok_and(|length| length >= 20)
            && answer.starts_with(&(method | SUCCESS).to_be_bytes())
        {
            return Ok(());
        }
    }
    Err(BenchError::Rival("coturn"))
}
