//! The two ends of a channel: the ways through the relays that the center told to both sides.

use std::time::Duration;

use tessera_transport::center::{Channel, Relay};
use tessera_transport::path::{self, Outlet, Ways};
use tessera_transport::{BindError, Endpoint};

use crate::Network;

/// Channels that are open for joiners who have not come yet. The center lets fewer be asked for at a
/// time.
const MAX_OPEN: usize = 32;

/// After this time a joiner who has not come will not come any more.
const PATIENCE_US: u64 = 60_000_000;

/// Head start of UDP over the tunnel.
const TUNNEL_DELAY: Duration = Duration::from_millis(300);

/// Binds this side's end at the channel's relays, from the socket of `outlet`; `None` without a
/// relay.
pub(crate) fn open(
    endpoint: &Endpoint,
    outlet: &Outlet,
    channel: &Channel,
    network: &Network,
) -> std::io::Result<Option<Ways>> {
    let holder = endpoint.identity();
    let place = |relay: &Relay| path::Relay { address: relay.udp, fingerprint: relay.fingerprint };
    let Some((first, others)) = channel.relays.split_first() else { return Ok(None) };
    let ways = outlet.relayed(&holder, &channel.token, place(first))?;
    for other in others {
        ways.add_relay(outlet, &holder, &channel.token, place(other))?;
    }
    let tunnel = channel.relays.iter().find_map(|relay| Some((relay, relay.tunnel?)));
    if let Some((relay, address)) = tunnel {
        let (proxy, fingerprint) = (network.proxy.clone(), relay.fingerprint);
        let (ways, token) = (ways.downgrade(), channel.token.clone());
        tokio::spawn(async move {
            let Some(status) = ways.upgrade().map(|ways| ways.bound()) else { return };
            if tokio::time::timeout(TUNNEL_DELAY, status).await.is_err()
                && let Some(ways) = ways.upgrade()
            {
                ways.keep_tunnel(address, fingerprint, proxy, holder, token);
            }
        });
    }
    Ok(Some(ways))
}

/// The channels of joiners who have not come yet.
#[derive(Default)]
pub(crate) struct Channels {
    open: Vec<(path::Channel, Ways, u64)>,
}

impl Channels {
    /// Opens this side's end of a channel that a joiner was told of.
    pub(crate) fn add(
        &mut self,
        endpoint: &Endpoint,
        channel: &Channel,
        network: &Network,
        now_us: u64,
    ) -> Result<(), BindError> {
        self.close_old(now_us);
        let Some(id) = path::channel_of(&channel.token) else { return Ok(()) };
        if self.open.len() >= MAX_OPEN {
            self.open.remove(0);
        }
        let outlet = endpoint.outlet()?;
        match open(endpoint, &outlet, channel, network) {
            Ok(Some(ways)) => self.open.push((id, ways, now_us)),
            Ok(None) => {}
            Err(error) => tracing::warn!(%error, "a relay is not used"),
        }
        Ok(())
    }

    /// The ways of the channel that the customer has come by, or names.
    pub(crate) fn take(&mut self, id: &path::Channel) -> Option<Ways> {
        let place = self.open.iter().position(|(open, _, _)| open == id)?;
        Some(self.open.remove(place).1)
    }

    /// When [`Self::close_old`] has something to do.
    pub(crate) fn due_us(&self) -> Option<u64> {
        self.open.first().map(|(_, _, opened_us)| opened_us + PATIENCE_US)
    }

    /// Closes the channels that nobody has come by.
    pub(crate) fn close_old(&mut self, now_us: u64) {
        self.open.retain(|(_, _, opened_us)| now_us < opened_us + PATIENCE_US);
    }
}
