//! The customer's way to the representative's program: find, connect, prove.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use tessera_transport::center::{CenterError, Found, Refusal};
use tessera_transport::control::{ControlReceiver, ControlSender};
use tessera_transport::pairing::{Number, Ticket};
use tessera_transport::{ConnectError, Endpoint, Link, Protocol, Trust, pairing};
use tokio::task::JoinSet;

use super::{admission, directory};
use crate::{Code, Error};

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
) -> Result<Found, Error> {
    let mut client = directory::connect(endpoint, center, data_dir, None).await?;
    let found = client.find(number).await.map_err(|error| match error {
        CenterError::Refused { reason: Refusal::NotFound, .. } => Error::CodeUnknown,
        other => other.into(),
    })?;
    client.disconnect();
    Ok(found)
}

/// Connects and proves the code.
pub(crate) async fn join(endpoint: &Endpoint, found: &Found, code: &Code) -> Result<Joined, Error> {
    let link = connect(endpoint, found).await?;
    let (mut sender, mut receiver) = link.control().await?;
    sender.send(admission::WITH_CODE).await?;
    pairing::join(&link, &mut sender, &mut receiver, code).await?;
    Ok(Joined { link, control: (sender, receiver) })
}

/// Connects again, with key and ticket.
pub(crate) async fn rejoin(
    endpoint: Endpoint,
    found: Found,
    ticket: Ticket,
) -> Result<Joined, Error> {
    let link = connect(&endpoint, &found).await?;
    let (mut sender, receiver) = link.control().await?;
    sender.send(admission::RETURNING).await?;
    sender.send(Bytes::copy_from_slice(ticket.as_bytes())).await?;
    Ok(Joined { link, control: (sender, receiver) })
}

async fn connect(endpoint: &Endpoint, found: &Found) -> Result<Link, Error> {
    let mut attempts = JoinSet::new();
    for (place, &address) in found.addresses.iter().enumerate() {
        let (endpoint, trust) = (endpoint.clone(), Trust::Only(found.csr));
        let wait = HEAD_START * place as u32;
        attempts.spawn(async move {
            tokio::time::sleep(wait).await;
            endpoint.connect(address, Protocol::SESSION, trust).await
        });
    }
    let mut failure = None;
    while let Some(attempt) = attempts.join_next().await {
        match attempt {
            Ok(Ok(link)) => return Ok(link),
            // A wrong key says more than an address that does not answer.
            Ok(Err(error @ ConnectError::Fingerprint { .. })) => failure = Some(error),
            Ok(Err(error)) => failure = failure.or(Some(error)),
            Err(_) => {}
        }
    }
    let addresses = found.addresses.iter().map(SocketAddr::to_string).collect::<Vec<_>>();
    Err(failure.map_or_else(|| Error::PeerUnreachable(addresses.join(", ")), Error::from))
}
