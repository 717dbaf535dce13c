//! Tunnels of one event loop: the same packets in TLS over TCP, for participants whom UDP does not reach.
//!
//! A tunnel becomes an end of a channel by the same bind as a UDP address; or it carries QUIC to the center itself, for
//! which it gets a socket towards the center's own. Until it is one of the two it may send nothing else, and it has
//! [`UNUSED_S`] to get there.

mod center;
mod listener;
mod places;
mod stream;

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use mio::net::TcpStream;
use mio::{Interest, Registry, Token};
use rustls::ServerConfig;

pub(super) use center::CenterSide;
pub(super) use listener::Listener;
pub(super) use places::{Places, Taken};

use center::CenterSocket;
use stream::{Rest, Stream};

/// Time from TCP's handshake until a tunnel has a use: TLS and two questions, with repetitions.
const UNUSED_S: u64 = 10;
/// Time without a packet after which a tunnel to the center is closed: QUIC has given up before (docs/protocol.md,
/// section 1).
const CENTER_IDLE_S: u64 = 15;
/// Packets of the center's taken at a time: more than it may have in flight (64 KiB).
const CENTER_PACKETS: usize = 256;
/// What is read of one tunnel at a time: a TLS record.
const SCRATCH_BYTES: usize = 16 << 10;
/// Tokens below are other sockets of the loop.
const FIRST_TOKEN: usize = 16;

/// A connection that was let in.
#[derive(Debug)]
pub(super) struct Accepted {
    pub(super) socket: TcpStream,
    pub(super) peer: SocketAddr,
    pub(super) taken: Taken,
}

/// What a tunnel is used for.
#[derive(Debug)]
pub(super) enum Use {
    /// Nothing yet.
    None,
    /// It is an end of a channel.
    End,
    /// It carries QUIC to the center.
    Center(CenterSocket),
}

#[derive(Debug)]
pub(super) struct Tunnel {
    stream: Stream,
    pub(super) peer: SocketAddr,
    pub(super) used: Use,
    opened_s: u64,
    heard_s: u64,
    _taken: Taken,
}

/// What one of a loop's tokens stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ready {
    /// The participant's side of this tunnel.
    Participant(usize),
    /// The center's side of it.
    Center(usize),
}

impl Ready {
    pub(super) fn of(token: Token) -> Option<Self> {
        let index = token.0.checked_sub(FIRST_TOKEN)?;
        Some(if index % 2 == 0 { Self::Participant(index / 2) } else { Self::Center(index / 2) })
    }

    fn token(self) -> Token {
        match self {
            Self::Participant(number) => Token(FIRST_TOKEN + 2 * number),
            Self::Center(number) => Token(FIRST_TOKEN + 2 * number + 1),
        }
    }
}

/// All tunnels of a loop.
#[derive(Debug)]
pub(super) struct Tunnels {
    tunnels: HashMap<usize, Tunnel>,
    next_number: usize,
    config: Arc<ServerConfig>,
    center: Option<CenterSide>,
    scratch: Vec<u8>,
    /// Tunnels that were given something to send.
    touched: Vec<usize>,
    /// Tunnels that may have more to read.
    unread: Vec<usize>,
}

impl Tunnels {
    pub(super) fn new(config: Arc<ServerConfig>, center: Option<CenterSide>) -> Self {
        Self {
            tunnels: HashMap::new(),
            next_number: 0,
            config,
            center,
            scratch: vec![0; SCRATCH_BYTES],
            touched: Vec::new(),
            unread: Vec::new(),
        }
    }

    /// Begins with a connection; what it sends is read when the loop is told of it.
    pub(super) fn open(
        &mut self,
        accepted: Accepted,
        registry: &Registry,
        now_s: u64,
    ) -> io::Result<()> {
        let Accepted { socket, peer, taken } = accepted;
        let number = self.next_number;
        self.next_number += 1;
        let mut stream = Stream::new(socket, self.config.clone())?;
        let interest = Interest::READABLE | Interest::WRITABLE;
        registry.register(&mut stream.socket, Ready::Participant(number).token(), interest)?;
        let tunnel = Tunnel {
            stream,
            peer,
            used: Use::None,
            opened_s: now_s,
            heard_s: now_s,
            _taken: taken,
        };
        self.tunnels.insert(number, tunnel);
        Ok(())
    }

    pub(super) fn tunnel(&mut self, number: usize) -> Option<&mut Tunnel> {
        self.tunnels.get_mut(&number)
    }

    /// Reads what has come through a tunnel, for [`Tunnels::pop`].
    pub(super) fn read(&mut self, number: usize, now_s: u64) -> io::Result<()> {
        let Some(tunnel) = self.tunnels.get_mut(&number) else { return Ok(()) };
        tunnel.heard_s = now_s;
        if tunnel.stream.read(&mut self.scratch)? == Rest::Perhaps {
            self.unread.push(number);
        }
        self.touched.push(number);
        Ok(())
    }

    /// The next packet that has come through a tunnel.
    pub(super) fn pop(&mut self, number: usize) -> Option<Bytes> {
        self.tunnels.get_mut(&number)?.stream.pop()
    }

    /// Queues packets of `stride_bytes` each for a tunnel; [`Tunnels::flush`] sends them.
    pub(super) fn push(&mut self, number: usize, packets: &[u8], stride_bytes: usize, now_us: u64) {
        if let Some(tunnel) = self.tunnels.get_mut(&number) {
            tunnel.stream.push(packets, stride_bytes, now_us);
            if self.touched.last() != Some(&number) {
                self.touched.push(number);
            }
        }
    }

    /// Gives a tunnel to the center, with a packet that came through it; `false` when there is no center here.
    pub(super) fn join_center(
        &mut self,
        number: usize,
        packet: &[u8],
        registry: &Registry,
    ) -> bool {
        let Some(tunnel) = self.tunnels.get_mut(&number) else { return false };
        if let Use::Center(socket) = &tunnel.used {
            socket.send(packet);
            return true;
        }
        let Some(center) = &self.center else { return false };
        let token = Ready::Center(number).token();
        let Ok(socket) = center.open(tunnel.peer.ip(), registry, token) else { return false };
        socket.send(packet);
        tunnel.used = Use::Center(socket);
        true
    }

    /// Queues what the center has sent for a tunnel.
    pub(super) fn read_center(&mut self, number: usize, now_us: u64) {
        let Some(tunnel) = self.tunnels.get_mut(&number) else { return };
        let Use::Center(socket) = &tunnel.used else { return };
        for _ in 0..CENTER_PACKETS {
            let Some(packet) = socket.receive(&mut self.scratch) else { break };
            tunnel.stream.push(packet, packet.len(), now_us);
        }
        self.touched.push(number);
    }

    /// Sends what was queued, as far as the system takes it; says which tunnels have broken and how many packets were
    /// dropped.
    pub(super) fn flush(&mut self, now_us: u64, broken: &mut Vec<usize>) -> u64 {
        let mut dropped = 0;
        for number in self.touched.drain(..) {
            let Some(tunnel) = self.tunnels.get_mut(&number) else { continue };
            if tunnel.stream.write(now_us).is_err() {
                broken.push(number);
            }
            dropped += tunnel.stream.take_dropped();
        }
        dropped
    }

    /// Notes that the system takes more for this tunnel.
    pub(super) fn touch(&mut self, number: usize) {
        self.touched.push(number);
    }

    /// Tunnels to be read without being told.
    pub(super) fn take_unread(&mut self) -> Vec<usize> {
        std::mem::take(&mut self.unread)
    }

    pub(super) fn has_unread(&self) -> bool {
        !self.unread.is_empty()
    }

    /// Closes a tunnel.
    pub(super) fn close(&mut self, number: usize) {
        self.tunnels.remove(&number);
    }

    /// Tunnels without a use, and those to the center that are silent.
    pub(super) fn overdue(&self, now_s: u64) -> Vec<usize> {
        let is_overdue = |tunnel: &Tunnel| match tunnel.used {
            Use::None => tunnel.opened_s + UNUSED_S <= now_s,
            Use::Center(_) => tunnel.heard_s + CENTER_IDLE_S <= now_s,
            Use::End => false,
        };
        let overdue = self.tunnels.iter().filter(|(_, tunnel)| is_overdue(tunnel));
        overdue.map(|(number, _)| *number).collect()
    }
}
