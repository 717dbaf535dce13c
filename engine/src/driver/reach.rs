//! Where this program can be reached, told to the other one end to end, and the way that packets
//! take at present.

use std::time::Duration;

use bytes::Bytes;
use tessera_transport::Link;
use tessera_transport::path::{Candidates, Channel, MAX_CANDIDATES, Ways};

use super::directory;
use crate::Paths;
use crate::figures::ShareFigures;

/// Pause between two looks at the own addresses: a cable that is plugged in is used this much
/// later.
const LOOK: Duration = Duration::from_secs(1);

/// The same while the connection is young and relays are still answering.
const FIRST_LOOK: Duration = Duration::from_millis(100);

/// Looks at the shorter pause.
const FIRST_LOOKS: u32 = 20;

/// Tells the other program of every change, until `send` fails.
pub(crate) async fn tell(
    link: &Link,
    paths: Paths,
    channel: Option<Channel>,
    figures: &ShareFigures,
    send: impl Fn(Bytes) -> bool,
) {
    let Some(ways) = link.ways() else { return };
    let mut told = None;
    for look in 0_u32.. {
        let candidates = Candidates { channel, addresses: addresses(ways, paths) };
        if told.as_ref() != Some(&candidates) {
            if told.is_some() {
                ways.refresh();
            }
            if !send(candidates.to_bytes()) {
                return;
            }
            told = Some(candidates);
        }
        figures.set_path(ways.figures());
        tokio::time::sleep(if look < FIRST_LOOKS { FIRST_LOOK } else { LOOK }).await;
    }
}

/// The addresses to tell. Programs on the same computer need none: they find each other through
/// the center's list.
fn addresses(ways: &Ways, paths: Paths) -> Vec<std::net::SocketAddr> {
    let Some(bound) = ways.local_address().filter(|_| paths == Paths::Any) else {
        return Vec::new();
    };
    let mut addresses = directory::own_addresses(bound, &[]);
    addresses.retain(|address| !address.ip().is_loopback());
    if let Some(observed) = ways.observed().filter(|observed| !addresses.contains(observed)) {
        addresses.insert(0, observed);
    }
    addresses.truncate(MAX_CANDIDATES);
    addresses
}
