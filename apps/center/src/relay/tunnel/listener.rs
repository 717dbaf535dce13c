//! Takes TCP connections in, for all event loops of a relay.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use mio::net::TcpListener;

use super::{Accepted, Places};

/// Connections taken in between two looks at everything else.
const ACCEPTS: usize = 64;

/// A listening socket.
#[derive(Debug)]
pub(in crate::relay) struct Listener {
    socket: TcpListener,
    places: Arc<Places>,
}

impl Listener {
    pub(in crate::relay) fn bind(address: SocketAddr, places: Arc<Places>) -> io::Result<Self> {
        Ok(Self { socket: TcpListener::bind(address)?, places })
    }

    pub(in crate::relay) fn address(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    pub(in crate::relay) fn socket_mut(&mut self) -> &mut TcpListener {
        &mut self.socket
    }

    /// The connections that wait, and how many were turned away because there was no place for them.
    pub(in crate::relay) fn accept(&self) -> (Vec<Accepted>, u64) {
        let (mut accepted, mut refused) = (Vec::new(), 0);
        for _ in 0..ACCEPTS {
            // Whatever keeps one from being taken in, the next look shows whether it lasts.
            let Ok((socket, peer)) = self.socket.accept() else { break };
            match self.places.take(peer.ip().into()) {
                Some(taken) => accepted.push(Accepted { socket, peer, taken }),
                None => refused += 1,
            }
        }
        (accepted, refused)
    }
}
