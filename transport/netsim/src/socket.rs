//! What stands in for a UDP socket below a QUIC endpoint.

use crate::network::Network;
use quinn::udp::{RecvMeta, Transmit};
use quinn::{AsyncUdpSocket, UdpPoller};
use std::io::{self, IoSliceMut};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use tokio::time::Sleep;

/// Packets that one transmission holds at most, as with segmentation offload.
const SEGMENTS: usize = 10;

/// A socket on one side of a [`Network`].
#[derive(Debug)]
pub struct Socket {
    network: Network,
    address: SocketAddr,
    /// Wakes the receiver when its next packet arrives.
    arrival: Mutex<Option<Pin<Box<Sleep>>>>,
}

impl Socket {
    pub(crate) fn new(network: Network, address: SocketAddr) -> Self {
        Self { network, address, arrival: Mutex::default() }
    }

    /// Where it receives.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl AsyncUdpSocket for Socket {
    fn create_io_poller(self: Arc<Self>) -> Pin<Box<dyn UdpPoller>> {
        Box::pin(AlwaysWritable)
    }

    fn try_send(&self, transmit: &Transmit<'_>) -> io::Result<()> {
        let segment_bytes = transmit.segment_size.unwrap_or(transmit.contents.len());
        for payload in transmit.contents.chunks(segment_bytes.max(1)) {
            self.network.send(self.address, transmit.destination, payload);
        }
        Ok(())
    }

    fn poll_recv(
        &self,
        cx: &mut Context<'_>,
        bufs: &mut [IoSliceMut<'_>],
        meta: &mut [RecvMeta],
    ) -> Poll<io::Result<usize>> {
        let mut received = 0;
        for (buf, meta) in bufs.iter_mut().zip(meta) {
            match self.network.receive(self.address, cx.waker()) {
                Ok(packet) => {
                    let length = packet.payload.len().min(buf.len());
                    buf[..length].copy_from_slice(&packet.payload[..length]);
                    *meta = RecvMeta {
                        addr: packet.from,
                        len: length,
                        stride: length,
                        ecn: None,
                        dst_ip: None,
                    };
                    received += 1;
                }
                Err(_) if received > 0 => break,
                Err(arrives) => {
                    let mut arrival = self.arrival.lock().unwrap_or_else(PoisonError::into_inner);
                    *arrival = arrives.map(|at| Box::pin(tokio::time::sleep_until(at)));
                    let is_due =
                        arrival.as_mut().is_some_and(|sleep| sleep.as_mut().poll(cx).is_ready());
                    if is_due {
                        cx.waker().wake_by_ref();
                    }
                    return Poll::Pending;
                }
            }
        }
        Poll::Ready(Ok(received))
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.address)
    }

    fn max_transmit_segments(&self) -> usize {
        SEGMENTS
    }

    fn may_fragment(&self) -> bool {
        false
    }
}

/// A simulated socket takes everything; what is too much is lost at the bottleneck.
#[derive(Debug)]
struct AlwaysWritable;

impl UdpPoller for AlwaysWritable {
    fn poll_writable(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
