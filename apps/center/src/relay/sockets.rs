//! The relay's UDP sockets: one for each event loop, all on one port, among which the system spreads the senders.

use std::io;
use std::net::{SocketAddr, UdpSocket};

use socket2::{Domain, Protocol, Socket, Type};

/// What a socket may hold for a loop that is busy, as far as the system allows: 50 ms at 640 Mbit/s.
const BUFFER_BYTES: usize = 4 << 20;

/// Opens `count` sockets at `address` (port 0: any free port).
pub(super) fn open(address: SocketAddr, count: usize) -> io::Result<Vec<UdpSocket>> {
    // Sockets that share a port would also share it with those of another program of this user, and each would get a
    // part of the packets: one socket that does not share shows first that the port is free.
    let alone = bind(address, false)?;
    let address = alone.local_addr()?;
    drop(alone);
    (0..count).map(|_| bind(address, true)).collect()
}

fn bind(address: SocketAddr, shares_port: bool) -> io::Result<UdpSocket> {
    let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
    if address.is_ipv6() {
        socket.set_only_v6(false)?;
    }
    socket.set_reuse_port(shares_port)?;
    // The system may grant less; the relay then drops more in a burst.
    let _ = socket.set_recv_buffer_size(BUFFER_BYTES);
    let _ = socket.set_send_buffer_size(BUFFER_BYTES);
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    Ok(socket.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_share_one_port_and_nobody_else_does() {
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let sockets = open(any, 3).expect("opened");
        let address = sockets[0].local_addr().expect("bound");
        for socket in &sockets {
            assert_eq!(socket.local_addr().expect("bound"), address);
        }
        let taken = open(address, 1).expect_err("a second relay");
        assert_eq!(taken.kind(), io::ErrorKind::AddrInUse);
    }
}
