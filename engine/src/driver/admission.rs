//! Who may come in: a stranger proves the code, the known customer comes back by key and ticket.
//!
//! A joiner's first message on the control stream is one byte that says which of the two it is.
//! Until a stranger has proved the code, nothing but that byte and the pairing is read.

use bytes::Bytes;
use tessera_transport::control::{ControlReceiver, ControlSender};
use tessera_transport::pairing::ticket::TICKET_BYTES;
use tessera_transport::pairing::{Door, Ticket};
use tessera_transport::{CloseReason, Fingerprint, Incoming, Link};

use crate::pipeline::misbehaved;

/// "I have a code."
pub(crate) const WITH_CODE: Bytes = Bytes::from_static(&[1]);

/// "You know my key, and here is my ticket", which follows.
pub(crate) const RETURNING: Bytes = Bytes::from_static(&[2]);

/// Time for a joiner's handshake and first byte.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(10);

/// A joiner who has proved something.
pub(crate) struct Admitted {
    pub(crate) link: Link,
    pub(crate) control: (ControlSender, ControlReceiver),
    /// What it came back with, by key and without the code; nobody has looked at it yet.
    pub(crate) ticket: Option<Ticket>,
}

/// Examines a joiner; `None` when it is not admitted, which has been logged and told to it.
pub(crate) async fn examine(
    incoming: Incoming,
    door: Door,
    known: Option<Fingerprint>,
) -> Option<Admitted> {
    let (link, mut sender, mut receiver, opening) =
        tokio::time::timeout(PATIENCE, open(incoming)).await.ok()??;
    let ticket = if opening == WITH_CODE {
        door.admit(&link, &mut sender, &mut receiver).await.ok()?;
        None
    } else if opening != RETURNING {
        let _ = misbehaved(&link, "neither a code nor a return");
        return None;
    } else if known == Some(link.peer()) {
        let shown = tokio::time::timeout(PATIENCE, receiver.next_within(TICKET_BYTES)).await;
        let shown = shown.ok()?.ok()??;
        let Ok(ticket) = <[u8; TICKET_BYTES]>::try_from(&shown[..]) else {
            let _ = misbehaved(&link, "no ticket");
            return None;
        };
        Some(ticket.into())
    } else {
        tracing::info!(peer = %link.peer(), "a return by an unknown key was refused");
        let reason = "this session does not know this computer: join with the code".to_owned();
        link.close(&CloseReason::NotAdmitted(reason));
        return None;
    };
    link.admit();
    Some(Admitted { link, control: (sender, receiver), ticket })
}

async fn open(incoming: Incoming) -> Option<(Link, ControlSender, ControlReceiver, Bytes)> {
    let address = incoming.remote_address();
    let link = match incoming.accept_stranger().await {
        Ok(link) => link,
        Err(error) => {
            tracing::info!(%address, %error, "a joiner's connection failed");
            return None;
        }
    };
    let (sender, mut receiver) = link.control().await.ok()?;
    let opening = receiver.next_within(WITH_CODE.len()).await.ok()??;
    Some((link, sender, receiver, opening))
}
