//! An HTTP proxy that connects (RFC 9110, section 9.3.6) and does nothing else.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

use tessera_netlab::Namespace;

/// A proxy that runs until the process ends.
pub(crate) struct ConnectProxy {
    connected: Arc<AtomicU32>,
}

impl ConnectProxy {
    /// Listens at `port` of every address of `place`.
    pub(crate) fn start(place: &Namespace, port: u16) -> Self {
        let connected = Arc::new(AtomicU32::new(0));
        let count = Arc::clone(&connected);
        let serve = || {
            let listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)).expect("a free port");
            // The thread, and those that it starts, stay in the namespace.
            thread::spawn(move || {
                for stream in listener.incoming().map_while(Result::ok) {
                    let count = Arc::clone(&count);
                    thread::spawn(move || connect(stream, &count));
                }
            });
        };
        place.enter(serve).expect("entered");
        Self { connected }
    }

    /// How many connections it has made.
    pub(crate) fn connected(&self) -> u32 {
        self.connected.load(Ordering::Relaxed)
    }
}

/// Serves one client; `None` when it leaves.
fn connect(client: TcpStream, count: &AtomicU32) -> Option<()> {
    let mut reader = BufReader::new(client.try_clone().ok()?);
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let target: SocketAddr = line.strip_prefix("CONNECT ")?.split(' ').next()?.parse().ok()?;
    while line.trim() != "" {
        line.clear();
        reader.read_line(&mut line).ok()?;
    }
    let server = TcpStream::connect(target).ok()?;
    count.fetch_add(1, Ordering::Relaxed);
    (&client).write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").ok()?;
    let (from_server, to_client) = (server.try_clone().ok()?, client);
    thread::spawn(move || carry(from_server, &to_client));
    carry(reader, &server);
    Some(())
}

/// Carries bytes one way until either side ends.
fn carry(mut from: impl Read, mut to: &TcpStream) {
    let mut buffer = [0; 16 << 10];
    while let Ok(count @ 1..) = from.read(&mut buffer) {
        if to.write_all(&buffer[..count]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Both);
}
