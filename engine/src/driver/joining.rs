//! The customer's way to the representative's program: find, connect, prove.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use tessera_transport::center::{CenterError, Found, Refusal};
use tessera_transport::control::{ControlReceiver, ControlSender};
use tessera_transport::pairing::{Number, Ticket};
use tessera_transport::path::Ways;
use tessera_transport::{ConnectError, Endpoint, Fingerprint, Link, Protocol, Trust, pairing};
use tokio::task::JoinSet;

use super::{admission, channel, directory};
use crate::{Code, Error, Network, Paths, clock};

/// Head start of an address over the one after it (RFC 8305, section 5): all are tried, the first
/// that answers is used.
const HEAD_START: Duration = Duration::from_millis(100);

/// A link to the representative's program that is ready for messages.
pub(crate) struct Joined {
    pub(crate) link: Link,
    pub(crate) control: (ControlSender, ControlReceiver),
}

/// Asks the center where the session is joined.
pub(crate) async fn find(
    endpoint: &Endpoint,
    center: &str,
    data_dir: &Path,
    number: Number,
    network: &Network,
) -> Result<Found, Error> {
    let mut client = directory::connect(endpoint, center, data_dir, None, network).await?;
    let found = client.find(number).await.map_err(|error| match error {
        CenterError::Refused { reason: Refusal::NotFound, .. } => Error::CodeUnknown,
        other => other.into(),
    })?;
    client.disconnect();
    Ok(found)
}

/// Connects and proves the code.
pub(crate) async fn join(
    endpoint: &Endpoint,
    found: &Found,
    network: &Network,
    code: &Code,
) -> Result<Joined, Error> {
    let link = connect(endpoint, found, network).await?;
    prove(link, code).await
}

/// Comes back to a session that was left without a goodbye, with key and ticket.
pub(crate) async fn come_back(
    endpoint: &Endpoint,
    found: &Found,
    network: &Network,
    ticket: &Ticket,
) -> Result<Joined, Error> {
    let link = connect(endpoint, found, network).await?;
    show(link, ticket).await
}

async fn prove(link: Link, code: &Code) -> Result<Joined, Error> {
    let (mut sender, mut receiver) = link.control().await?;
    sender.send(admission::WITH_CODE).await?;
    pairing::join(&link, &mut sender, &mut receiver, code).await?;
    Ok(Joined { link, control: (sender, receiver) })
}

async fn show(link: Link, ticket: &Ticket) -> Result<Joined, Error> {
    let (mut sender, receiver) = link.control().await?;
    sender.send(admission::RETURNING).await?;
    sender.send(Bytes::copy_from_slice(ticket.as_bytes())).await?;
    Ok(Joined { link, control: (sender, receiver) })
}

/// What a customer who was lost knows about the way back.
#[derive(Clone)]
pub(crate) struct WayBack {
    pub(crate) center: String,
    pub(crate) data_dir: PathBuf,
    pub(crate) number: Number,
    pub(crate) found: Found,
    pub(crate) network: Network,
    /// The ways of the lost connection, which are probed further on.
    pub(crate) ways: Option<Ways>,
}

/// What a customer shows to be let in again.
#[derive(Clone)]
pub(crate) enum Pass {
    Ticket(Ticket),
    /// The first connection broke before a ticket came.
    Code(Code),
}

/// A new connection, what the center told for it, and since when there was a way.
pub(crate) struct Rejoined {
    pub(crate) joined: Joined,
    pub(crate) found: Option<Found>,
    pub(crate) since_us: u64,
}

/// Pause between two attempts to be introduced again.
const AGAIN: Duration = Duration::from_secs(1);

/// Connects again as soon as there is a way, by those that there were or by a new introduction.
/// Fails only where waiting is in vain, or when a connection broke again.
pub(crate) async fn rejoin(
    endpoint: Endpoint,
    back: WayBack,
    pass: Pass,
) -> Result<Rejoined, Error> {
    let known = async {
        match &back.ways {
            Some(ways) => by_known_ways(&endpoint, ways, back.found.csr).await,
            None => std::future::pending().await,
        }
    };
    let (link, found, since_us) = tokio::select! {
        linked = known => linked.map(|(link, since_us)| (link, None, since_us))?,
        linked = anew(&endpoint, &back) => {
            linked.map(|(link, found, since_us)| (link, Some(found), since_us))?
        }
    };
    let joined = match &pass {
        Pass::Ticket(ticket) => show(link, ticket).await?,
        Pass::Code(code) => prove(link, code).await?,
    };
    Ok(Rejoined { joined, found, since_us })
}

/// Waits for a probe that returns, and connects by that way at once. An attempt under way gives way
/// to a new one then: its packets went out before, and would be repeated late.
async fn by_known_ways(
    endpoint: &Endpoint,
    ways: &Ways,
    csr: Fingerprint,
) -> Result<(Link, u64), Error> {
    let mut returns = ways.returns();
    loop {
        let since_us = clock::now_us();
        tokio::select! {
            linked = endpoint.connect_by(ways, Protocol::SESSION, Trust::Only(csr)) => {
                match linked {
                    Ok(link) => return Ok((link, since_us)),
                    Err(ConnectError::Unreachable(_)) => returns.next().await,
                    Err(error) => return Err(error.into()),
                }
            }
            () = returns.next() => {}
        }
    }
}

/// Asks the center again and again, since the other program may be elsewhere by now.
async fn anew(endpoint: &Endpoint, back: &WayBack) -> Result<(Link, Found, u64), Error> {
    let mut found = back.found.clone();
    loop {
        let since_us = clock::now_us();
        match connect(endpoint, &found, &back.network).await {
            Ok(link) => return Ok((link, found, since_us)),
            Err(Error::Connect(error @ ConnectError::Fingerprint { .. })) => {
                return Err(error.into());
            }
            Err(error) => tracing::info!(%error, "not yet back in the session"),
        }
        tokio::time::sleep(AGAIN).await;
        match find(endpoint, &back.center, &back.data_dir, back.number, &back.network).await {
            // Whoever was found before is who is looked for.
            Ok(again) if again.csr == back.found.csr => found = again,
            Ok(_) => {}
            Err(error) => tracing::debug!(%error, "the center does not help"),
        }
    }
}

/// Time for a relay to answer.
const RELAY_PATIENCE: Duration = Duration::from_secs(10);

/// Connects by every way at once that the center told, with a little head start for each over the
/// next; the first that answers carries the session, and the relays stay at hand.
async fn connect(endpoint: &Endpoint, found: &Found, network: &Network) -> Result<Link, Error> {
    let outlet = endpoint.outlet()?;
    let trust = Trust::Only(found.csr);
    let relayed = found.channel.as_ref().and_then(|channel| {
        channel::open(endpoint, &outlet, channel, network)
            .inspect_err(|error| tracing::warn!(%error, "a relay is not used"))
            .ok()?
    });
    let straight = (network.paths != Paths::Relayed).then_some(&found.addresses);
    if straight.is_none() && relayed.is_none() {
        return Err(Error::NoRelay);
    }
    let mut attempts = JoinSet::new();
    for (place, address) in straight.into_iter().flatten().enumerate() {
        let (endpoint, ways) = (endpoint.clone(), outlet.direct(*address));
        let wait = HEAD_START * place as u32;
        attempts.spawn(async move {
            tokio::time::sleep(wait).await;
            endpoint.connect_by(&ways, Protocol::SESSION, trust).await
        });
    }
    if let Some(ways) = relayed.clone() {
        let endpoint = endpoint.clone();
        attempts.spawn(async move {
            // Where no relay answers, the attempt fails by itself.
            let _ = tokio::time::timeout(RELAY_PATIENCE, ways.bound()).await;
            endpoint.connect_by(&ways, Protocol::SESSION, trust).await
        });
    }
    let mut failure = None;
    while let Some(attempt) = attempts.join_next().await {
        match attempt {
            Ok(Ok(link)) => {
                if let (Some(ways), Some(relayed)) = (link.ways(), &relayed) {
                    ways.absorb(relayed);
                }
                return Ok(link);
            }
            // A wrong key says more than an address that does not answer.
            Ok(Err(error @ ConnectError::Fingerprint { .. })) => failure = Some(error),
            Ok(Err(error)) => failure = failure.or(Some(error)),
            Err(_) => {}
        }
    }
    let addresses = found.addresses.iter().map(SocketAddr::to_string).collect::<Vec<_>>();
    Err(failure.map_or_else(|| Error::PeerUnreachable(addresses.join(", ")), Error::from))
}
