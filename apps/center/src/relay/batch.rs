//! One socket's packets in batches: in as the system hands them over, out as it takes them.

use std::io::{self, IoSliceMut};
use std::net::{IpAddr, SocketAddr};

use mio::net::UdpSocket;
use quinn_udp::{BATCH_SIZE, RecvMeta, Transmit, UdpSocketState};

use super::channels::Address;

/// The largest that the system hands over at once, many packets of one sender put together.
const BUFFER_BYTES: usize = 64 << 10;
/// Distance between buffers: not a power of two, so that their beginnings do not fall on each other in the cache.
const SPACING_BYTES: usize = BUFFER_BYTES + 2112;
/// Buffers filled by one system call.
const BUFFERS: usize = if BATCH_SIZE < 16 { BATCH_SIZE } else { 16 };
/// The longest that is sent at once: a UDP payload with room for the headers (RFC 768).
const LONGEST_SEND_BYTES: usize = 65_000;

/// Packets of one sender, all `stride_bytes` long but the last one, which may be shorter.
#[derive(Clone, Copy, Debug)]
pub(super) struct Received {
    pub(super) from: Address,
    pub(super) stride_bytes: usize,
    start: usize,
    pub(super) len: usize,
}

/// A socket with its buffers.
pub(super) struct Batches {
    socket: UdpSocket,
    state: UdpSocketState,
    /// Whether packets are sent many at a time.
    offload: bool,
    buffers: Vec<u8>,
    gathered: Gathered,
    /// Packets that the system did not take.
    pub(super) unsent: u64,
}

/// Packets of one length for one place that wait to be sent together; never longer than a call of
/// [`Batches::receive`] and what follows from it.
#[derive(Debug, Default)]
struct Gathered {
    to: Option<Address>,
    stride_bytes: usize,
    bytes: Vec<u8>,
}

impl Batches {
    pub(super) fn new(socket: UdpSocket, offload: bool) -> io::Result<Self> {
        let state = UdpSocketState::new((&socket).into())?;
        let gathered = Gathered { bytes: Vec::with_capacity(BUFFER_BYTES), ..Gathered::default() };
        let buffers = vec![0; BUFFERS * SPACING_BYTES];
        Ok(Self { socket, state, offload, buffers, gathered, unsent: 0 })
    }

    pub(super) fn socket_mut(&mut self) -> &mut UdpSocket {
        &mut self.socket
    }

    /// Fills `received` with what has come, or leaves it empty; `WouldBlock` when there is nothing.
    pub(super) fn receive(&mut self, received: &mut Vec<Received>) -> io::Result<()> {
        received.clear();
        let mut meta = [RecvMeta::default(); BUFFERS];
        let mut chunks = self.buffers.chunks_exact_mut(SPACING_BYTES);
        let mut slices: [IoSliceMut<'_>; BUFFERS] = std::array::from_fn(|_| {
            IoSliceMut::new(chunks.next().map_or(&mut [], |chunk| &mut chunk[..BUFFER_BYTES]))
        });
        let (socket, state) = (&self.socket, &self.state);
        // mio has to see a call that would block, to wait for the next packet.
        let count = socket.try_io(|| state.recv(socket.into(), &mut slices, &mut meta))?;
        received.extend(meta.iter().take(count).enumerate().map(|(index, meta)| Received {
            from: Address { peer: meta.addr, local_ip: meta.dst_ip },
            stride_bytes: meta.stride.clamp(1, meta.len.max(1)),
            start: index * SPACING_BYTES,
            len: meta.len,
        }));
        Ok(())
    }

    /// The bytes of `received`, until the next call of [`Batches::receive`].
    pub(super) fn bytes(&self, received: &Received) -> &[u8] {
        self.buffers.get(received.start..received.start + received.len).unwrap_or_default()
    }

    /// Sends the first `len` bytes of `received` on to `to`, now or at the next [`Batches::flush`].
    pub(super) fn forward(&mut self, received: &Received, len: usize, to: Address) {
        let Received { stride_bytes, start, .. } = *received;
        if self.offload && len <= stride_bytes {
            return self.gather(start, len, to);
        }
        self.flush();
        let Self { buffers, state, socket, offload, unsent, .. } = self;
        let bytes = buffers.get(start..start + len).unwrap_or_default();
        send(state, socket, bytes, stride_bytes, to, *offload, unsent);
    }

    /// Sends one packet at once.
    pub(super) fn send(&mut self, packet: &[u8], to: Address) {
        send(&self.state, &self.socket, packet, packet.len(), to, false, &mut self.unsent);
    }

    /// Sends what has been gathered.
    pub(super) fn flush(&mut self) {
        let Gathered { to, stride_bytes, bytes } = &mut self.gathered;
        if let Some(to) = to.take() {
            send(
                &self.state,
                &self.socket,
                bytes,
                *stride_bytes,
                to,
                self.offload,
                &mut self.unsent,
            );
            bytes.clear();
        }
    }

    /// Puts one packet behind others of its length for the same place; the first shorter one is the last.
    fn gather(&mut self, start: usize, len: usize, to: Address) {
        let Gathered { to: waiting, stride_bytes, bytes } = &self.gathered;
        let segments = bytes.len() / (*stride_bytes).max(1);
        let fits = *waiting == Some(to)
            && len <= *stride_bytes
            && bytes.len() % *stride_bytes == 0
            && segments < self.state.max_gso_segments()
            && bytes.len() + len <= LONGEST_SEND_BYTES;
        if !fits {
            self.flush();
            self.gathered.to = Some(to);
            self.gathered.stride_bytes = len.max(1);
        }
        let packet = self.buffers.get(start..start + len).unwrap_or_default();
        self.gathered.bytes.extend_from_slice(packet);
    }
}

/// Sends packets of `stride_bytes` each, as many at a time as may be. What the system does not take is dropped: the
/// senders' congestion control is the queue.
fn send(
    state: &UdpSocketState,
    socket: &UdpSocket,
    bytes: &[u8],
    stride_bytes: usize,
    to: Address,
    offload: bool,
    unsent: &mut u64,
) {
    let stride_bytes = stride_bytes.max(1);
    let together = if offload {
        state.max_gso_segments().min(LONGEST_SEND_BYTES / stride_bytes).max(1)
    } else {
        1
    };
    for contents in bytes.chunks(together * stride_bytes) {
        let transmit = Transmit {
            destination: to.peer,
            ecn: None,
            contents,
            segment_size: (contents.len() > stride_bytes).then_some(stride_bytes),
            src_ip: to.local_ip.filter(|ip| is_of_family(ip, &to.peer)),
        };
        if state.try_send(socket.into(), &transmit).is_err() {
            *unsent += contents.len().div_ceil(stride_bytes) as u64;
        }
    }
}

fn is_of_family(ip: &IpAddr, peer: &SocketAddr) -> bool {
    ip.is_ipv4() == peer.is_ipv4()
}

impl Received {
    /// Each packet alone.
    pub(super) fn packets(self) -> impl Iterator<Item = Self> {
        let end = self.start + self.len;
        (self.start..end).step_by(self.stride_bytes).map(move |start| {
            let len = self.stride_bytes.min(end - start);
            Self { start, len, stride_bytes: len, ..self }
        })
    }
}
