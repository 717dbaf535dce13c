//! Packets in TLS on one TCP connection, without ever blocking.

use std::io::{self, Read, Write};
use std::sync::Arc;

use bytes::Bytes;
use mio::net::TcpStream;
use rustls::{ServerConfig, ServerConnection};
use socket2::SockRef;
use tessera_transport::relay::tunnel::{Inbound, Outbound};

/// Unsent bytes in the system from which on it takes no more: what is there cannot be dropped any longer. Enough for the
/// 8 KiB handed over at a time and the same again while they leave.
const NOT_SENT_BYTES: u32 = 16 << 10;
/// Reads of the socket between two looks at everything else.
const READS: usize = 8;
/// What TLS itself may hold back of what is to be sent: the handshake's answers, and one batch of packets.
const TLS_BUFFER_BYTES: usize = 32 << 10;

/// What a call of [`Stream::read`] has left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rest {
    /// Nothing: the socket tells when there is more.
    Nothing,
    /// Perhaps something, which the socket will not tell.
    Perhaps,
}

/// One connection.
#[derive(Debug)]
pub(super) struct Stream {
    pub(super) socket: TcpStream,
    tls: ServerConnection,
    outbound: Outbound,
    inbound: Inbound,
    batch: Vec<u8>,
}

impl Stream {
    pub(super) fn new(socket: TcpStream, config: Arc<ServerConfig>) -> io::Result<Self> {
        socket.set_nodelay(true)?;
        low_water(&socket)?;
        let mut tls = ServerConnection::new(config).map_err(io::Error::other)?;
        tls.set_buffer_limit(Some(TLS_BUFFER_BYTES));
        let (outbound, inbound) = (Outbound::default(), Inbound::default());
        Ok(Self { socket, tls, outbound, inbound, batch: Vec::new() })
    }

    /// Takes what has come; fails at the end of the connection, or when it carries no packets in TLS.
    pub(super) fn read(&mut self, scratch: &mut [u8]) -> io::Result<Rest> {
        for _ in 0..READS {
            match self.tls.read_tls(&mut self.socket) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(_) => {}
                Err(fault) if fault.kind() == io::ErrorKind::WouldBlock => {
                    return Ok(Rest::Nothing);
                }
                Err(fault) if fault.kind() == io::ErrorKind::Interrupted => continue,
                Err(fault) => return Err(fault),
            }
            if let Err(fault) = self.tls.process_new_packets() {
                // The alert that says what is wrong, as far as it goes out at once.
                let _ = self.tls.write_tls(&mut self.socket);
                return Err(io::Error::new(io::ErrorKind::InvalidData, fault));
            }
            loop {
                match self.tls.reader().read(scratch) {
                    Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                    Ok(count) => self.inbound.push(scratch.get(..count).unwrap_or_default())?,
                    Err(fault) if fault.kind() == io::ErrorKind::WouldBlock => break,
                    Err(fault) => return Err(fault),
                }
            }
        }
        Ok(Rest::Perhaps)
    }

    /// The next packet that has come whole.
    pub(super) fn pop(&mut self) -> Option<Bytes> {
        self.inbound.pop()
    }

    /// Queues packets of `stride_bytes` each, the last of which may be shorter, for [`Stream::write`].
    pub(super) fn push(&mut self, packets: &[u8], stride_bytes: usize, now_us: u64) {
        self.outbound.push(packets, stride_bytes, now_us);
    }

    /// Packets dropped since this was last asked.
    pub(super) fn take_dropped(&mut self) -> u64 {
        self.outbound.take_dropped()
    }

    /// Sends what the system takes; the socket tells when it takes more.
    pub(super) fn write(&mut self, now_us: u64) -> io::Result<()> {
        loop {
            while self.tls.wants_write() {
                match self.tls.write_tls(&mut self.socket) {
                    Ok(_) => {}
                    Err(fault) if fault.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                    Err(fault) if fault.kind() == io::ErrorKind::Interrupted => {}
                    Err(fault) => return Err(fault),
                }
            }
            if self.tls.is_handshaking() {
                return Ok(());
            }
            self.batch.clear();
            self.outbound.take(now_us, &mut self.batch);
            if self.batch.is_empty() {
                return Ok(());
            }
            self.tls.writer().write_all(&self.batch)?;
        }
    }
}

/// Keeps what the system has not sent yet small.
#[cfg(target_os = "linux")]
fn low_water(socket: &TcpStream) -> io::Result<()> {
    SockRef::from(socket).set_tcp_notsent_lowat(NOT_SENT_BYTES)
}

/// Elsewhere the send buffer as a whole is kept small.
#[cfg(not(target_os = "linux"))]
fn low_water(socket: &TcpStream) -> io::Result<()> {
    SockRef::from(socket).set_send_buffer_size(4 * NOT_SENT_BYTES as usize)
}
