//! The same packets by TLS over TCP, where UDP does not get through: one tunnel is one more path.
//!
//! TCP repeats what is lost and holds back what comes after, which a path for live pictures must not do for long. So the
//! system is given little at a time, and whole packets that waited too long are dropped rather than sent late.

mod proxy;

use crate::endpoint::Trust;
use crate::relay::tunnel::{self, Inbound, Outbound};
use bytes::Bytes;
pub use proxy::{Proxy, ProxyError};
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::time::{Instant, timeout};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::pki_types::ServerName;

/// Time for TCP, the proxy and TLS.
const SETUP_TIMEOUT: Duration = Duration::from_secs(10);

/// Unsent bytes in the system from which on it takes no more: what is there cannot be dropped any longer. About 6 ms at
/// 20 Mbit/s, and enough to fill what TCP sends in one go on a slower link.
const NOT_SENT_BYTES: u32 = 16 << 10;

/// A tunnel could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum TunnelError {
    /// Nobody takes the connection.
    #[error(
        "no tunnel to {place} ({cause}): check that the relay runs and that TCP to it is allowed"
    )]
    Unreachable {
        /// The relay or the proxy.
        place: String,
        /// What the system said.
        cause: io::Error,
    },
    /// The proxy does not help.
    #[error("{0}")]
    Proxy(#[from] ProxyError),
    /// It took too long.
    #[error("no tunnel to {0}: no answer within 10 s")]
    Slow(SocketAddr),
    /// The relay is another one than expected, or does not speak TLS 1.3.
    #[error(
        "the relay at {relay} could not prove who it is ({cause}): somebody may be in between, or its operator has changed its key"
    )]
    Tls {
        /// The relay.
        relay: SocketAddr,
        /// What TLS said.
        cause: String,
    },
}

/// Where a tunnel leads, and how it gets there.
#[derive(Debug, Clone)]
pub(crate) struct TunnelTo {
    /// The relay's TCP address.
    pub(crate) relay: SocketAddr,
    /// Whose certificate must answer there. Whoever is met at the end of the tunnel has to prove a key besides.
    pub(crate) trust: Trust,
    /// The proxy on the way, if there is one.
    pub(crate) proxy: Option<Proxy>,
}

/// One end of a tunnel: a queue each way.
#[derive(Debug)]
pub(super) struct Tunnel {
    outbound: Mutex<Outbound>,
    inbound: Mutex<Inbound>,
    to_send: Notify,
    closed: Notify,
    opened: Instant,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Tunnel {
    fn now_us(&self) -> u64 {
        u64::try_from(self.opened.elapsed().as_micros()).unwrap_or(u64::MAX)
    }

    /// Queues packets of `packet_bytes` each, the last of which may be shorter.
    pub(super) fn send(&self, contents: &[u8], packet_bytes: usize) {
        lock(&self.outbound).push(contents, packet_bytes, self.now_us());
        self.to_send.notify_one();
    }

    /// Nobody has a use for it any more.
    pub(super) fn close(&self) {
        self.closed.notify_one();
    }

    /// The next packet that has come.
    pub(super) fn receive(&self) -> Option<Bytes> {
        lock(&self.inbound).pop()
    }
}

/// A tunnel that is set up and still has to be served by [`Opened::run`].
pub(super) struct Opened {
    stream: TlsStream<TcpStream>,
    pub(super) tunnel: Arc<Tunnel>,
}

/// Sets a tunnel up.
pub(super) async fn open(to: &TunnelTo) -> Result<Opened, TunnelError> {
    let setup = timeout(SETUP_TIMEOUT, set_up(to));
    let stream = setup.await.map_err(|_| TunnelError::Slow(to.relay))??;
    let tunnel = Tunnel {
        outbound: Mutex::default(),
        inbound: Mutex::default(),
        to_send: Notify::new(),
        closed: Notify::new(),
        opened: Instant::now(),
    };
    Ok(Opened { stream, tunnel: Arc::new(tunnel) })
}

async fn set_up(to: &TunnelTo) -> Result<TlsStream<TcpStream>, TunnelError> {
    let tls_error = |cause: String| TunnelError::Tls { relay: to.relay, cause };
    let unreachable = |cause| TunnelError::Unreachable { place: to.relay.to_string(), cause };
    let stream = match &to.proxy {
        Some(proxy) => proxy.connect(to.relay).await?,
        None => TcpStream::connect(to.relay).await.map_err(unreachable)?,
    };
    stream.set_nodelay(true).map_err(unreachable)?;
    low_water(&stream).map_err(unreachable)?;
    let config = tunnel::client_config(to.trust).map_err(|error| tls_error(error.to_string()))?;
    let name = ServerName::IpAddress(to.relay.ip().into());
    let connecting = TlsConnector::from(config).connect(name, stream);
    connecting.await.map_err(|error| tls_error(error.to_string()))
}

/// Keeps what the system has not sent yet small, so that what is late can still be dropped.
#[cfg(target_os = "linux")]
fn low_water(stream: &TcpStream) -> io::Result<()> {
    socket2::SockRef::from(stream).set_tcp_notsent_lowat(NOT_SENT_BYTES)
}

/// Elsewhere the send buffer as a whole is kept small.
#[cfg(not(target_os = "linux"))]
fn low_water(stream: &TcpStream) -> io::Result<()> {
    socket2::SockRef::from(stream).set_send_buffer_size(4 * NOT_SENT_BYTES as usize)
}

impl Opened {
    /// Carries packets until the tunnel breaks; `on_receipt` is called when some have come.
    pub(super) async fn run(self, on_receipt: impl Fn()) -> io::Error {
        let Self { stream, tunnel } = self;
        let (mut reader, mut writer) = tokio::io::split(stream);
        let writing = async {
            let mut batch = Vec::new();
            loop {
                let now_us = tunnel.now_us();
                lock(&tunnel.outbound).take(now_us, &mut batch);
                if batch.is_empty() {
                    tunnel.to_send.notified().await;
                    continue;
                }
                writer.write_all(&batch).await?;
                writer.flush().await?;
                batch.clear();
            }
        };
        let reading = async {
            let mut buffer = vec![0; 16 << 10];
            loop {
                let count = reader.read(&mut buffer).await?;
                let received = buffer.get(..count).unwrap_or_default();
                if received.is_empty() {
                    return Err::<std::convert::Infallible, _>(io::ErrorKind::UnexpectedEof.into());
                }
                lock(&tunnel.inbound).push(received)?;
                on_receipt();
            }
        };
        let ended: Result<std::convert::Infallible, io::Error> = tokio::select! {
            ended = writing => ended,
            ended = reading => ended,
            () = tunnel.closed.notified() => Err(io::ErrorKind::NotConnected.into()),
        };
        match ended {
            Err(error) => error,
            Ok(never) => match never {},
        }
    }
}
