//! The ways to a peer, as those above use them: opened before a connection, added to during it, kept beyond it.

use super::candidates::{Candidates, Channel};
use super::choice::PathKind;
use super::epoch::PathEpoch;
use super::route::{OWN_SOCKET, Route, SocketId, TunnelId, Way};
use super::seal::{Seal, Secrets};
use super::socket::{Sockets, Udp};
use super::status::{PathFigures, Status};
use super::table::{Table, plain_form};
use super::tunnel::{self, Proxy, TunnelError, TunnelTo};
use crate::endpoint::Trust;
use crate::identity::{Fingerprint, Identity};
use crate::relay::{Binder, SignedToken};
use rand::TryRngCore;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Weak};
use std::time::{Duration, SystemTime};
use tokio::sync::watch;

/// Pause before a tunnel that failed is tried again.
const TUNNEL_PAUSE: Duration = Duration::from_secs(1);

/// A UDP socket for one peer: a relay tells the pairs of participants apart by their addresses.
#[derive(Debug)]
pub struct Outlet {
    sockets: Arc<Sockets>,
    id: SocketId,
    udp: Arc<Udp>,
}

impl Outlet {
    pub(crate) fn new(sockets: Arc<Sockets>) -> io::Result<Self> {
        let (id, udp) = sockets.open()?;
        Ok(Self { sockets, id, udp })
    }

    /// The address bound, with the port that was chosen.
    ///
    /// # Errors
    /// What the system says.
    pub fn local_address(&self) -> io::Result<SocketAddr> {
        self.udp.local_address()
    }

    /// The way straight to an address.
    #[must_use]
    pub fn direct(&self, remote: SocketAddr) -> Ways {
        self.ways(PathKind::Direct, remote)
    }

    /// The way through `relay`, which is kept bound with `token`. It carries packets once it [is bound](Ways::bound).
    ///
    /// # Errors
    /// When the system has no randomness.
    pub fn relayed(
        &self,
        holder: &Arc<Identity>,
        token: &SignedToken,
        relay: Relay,
    ) -> io::Result<Ways> {
        let ways = self.ways(PathKind::Relay, relay.address);
        ways.add_relay(self, holder, token, relay)?;
        Ok(ways)
    }

    fn ways(&self, kind: PathKind, remote: SocketAddr) -> Ways {
        let way = Way::Udp { socket: self.id, remote: plain_form(remote) };
        Ways::new(
            &self.sockets,
            remote,
            self.sockets.change(|table, now_us| open(table, now_us, kind, way)),
        )
    }
}

/// A relay and how it is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Relay {
    /// Its UDP address.
    pub address: SocketAddr,
    /// Its key.
    pub fingerprint: Fingerprint,
}

/// The ways to one peer. Cheap to clone; they are given up a few seconds after the last clone has gone.
#[derive(Debug, Clone)]
pub struct Ways(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    sockets: Arc<Sockets>,
    /// The constant address of the peer as QUIC sees it.
    address: SocketAddr,
    /// Where they began, for display.
    began_at: SocketAddr,
    status: watch::Receiver<Status>,
}

impl Drop for Inner {
    fn drop(&mut self) {
        let address = self.address;
        self.sockets.change(|table, now_us| table.retire(address, now_us));
    }
}

impl Ways {
    fn new(
        sockets: &Arc<Sockets>,
        began_at: SocketAddr,
        (address, status): (SocketAddr, watch::Receiver<Status>),
    ) -> Self {
        Self(Arc::new(Inner { sockets: Arc::clone(sockets), address, began_at, status }))
    }

    /// The ways to a peer with whom there is a connection now, known to QUIC by `address`. `epoch` counts the switches that
    /// its congestion controller sees.
    pub(crate) fn of_connection(
        sockets: &Arc<Sockets>,
        connection: &quinn::Connection,
        epoch: PathEpoch,
    ) -> Option<Self> {
        let address = connection.remote_address();
        let is_client = connection.side() == quinn_proto::Side::Client;
        let seal = Seal::new(&secrets(connection)?, is_client)?;
        let status = sockets.change(|table, now_us| {
            if !table.take_up(address) {
                let way = Way::Udp { socket: OWN_SOCKET, remote: plain_form(address) };
                table.insert(address, Route::new(now_us, PathKind::Direct, way, epoch));
            }
            table.begin(address, now_us, seal);
            table.route(address).map(Route::status)
        })?;
        Some(Self::new(sockets, plain_form(address), (address, status)))
    }

    /// The constant address by which QUIC knows the peer.
    pub(crate) fn address(&self) -> SocketAddr {
        self.0.address
    }

    /// The count of path switches that the congestion controller of a connection by these ways sees.
    pub(crate) fn epoch(&self) -> PathEpoch {
        self.0.sockets.epoch_of(self.0.address).unwrap_or_default()
    }

    /// Where packets go at present, or where they began to go if that is a tunnel. For display.
    pub(crate) fn remote_address(&self) -> SocketAddr {
        let state = self.0.sockets.lock();
        match state.table.route(self.0.address).and_then(Route::target) {
            Some(Way::Udp { remote, .. }) => remote,
            _ => self.0.began_at,
        }
    }

    /// The way in use at this moment.
    #[must_use]
    pub fn figures(&self) -> PathFigures {
        self.0.status.borrow().figures()
    }

    /// Where packets go straight to the peer at present, if they do.
    #[must_use]
    pub fn direct_address(&self) -> Option<SocketAddr> {
        let state = self.0.sockets.lock();
        let route = state.table.route(self.0.address)?;
        match (route.kind(), route.target()?) {
            (PathKind::Direct, Way::Udp { remote, .. }) => Some(remote),
            _ => None,
        }
    }

    /// Waits until a relay forwards what is sent; for ever where there is none. The wait uses no way.
    pub fn bound(&self) -> impl Future<Output = ()> + Send + use<> {
        wait_for(self.0.status.clone(), |status| status.is_bound)
    }

    /// The same ways, without keeping them.
    #[must_use]
    pub fn downgrade(&self) -> WeakWays {
        WeakWays(Arc::downgrade(&self.0))
    }

    /// Where a relay sees this side: an address at which others may reach it.
    #[must_use]
    pub fn observed(&self) -> Option<SocketAddr> {
        self.0.status.borrow().observed
    }

    /// The port that the peer, a relay or an address translator sees packets come from, before it is translated.
    #[must_use]
    pub fn local_address(&self) -> Option<SocketAddr> {
        let state = self.0.sockets.lock();
        let home = state.table.route(self.0.address)?.home();
        state.local_address(home)
    }

    /// Watches for ways that answer again after all had been silent.
    #[must_use]
    pub fn returns(&self) -> Returns {
        Returns { seen: self.0.status.borrow().returns, status: self.0.status.clone() }
    }

    /// Adds the way through a relay from the socket of `outlet`.
    ///
    /// # Errors
    /// When the system has no randomness.
    pub fn add_relay(
        &self,
        outlet: &Outlet,
        holder: &Arc<Identity>,
        token: &SignedToken,
        relay: Relay,
    ) -> io::Result<()> {
        let way = Way::Udp { socket: outlet.id, remote: plain_form(relay.address) };
        let binder = binder(holder, token, relay.fingerprint, self.0.sockets.now_us())?;
        self.change(|route, now_us| route.add_relay(now_us, way, binder));
        Ok(())
    }

    /// Has the addresses that the peer has told probed, unless direct paths are forbidden.
    pub fn add_candidates(&self, candidates: &Candidates) {
        let may_go_direct = self.0.sockets.may_go_direct();
        self.change(|route, now_us| {
            let socket = route.home();
            for remote in candidates.addresses.iter().filter(|_| may_go_direct) {
                route.add(now_us, PathKind::Direct, Way::Udp { socket, remote: *remote });
            }
        });
    }

    /// Takes over the ways of `other`, which lead to the same peer.
    pub fn absorb(&self, other: &Self) {
        let (into, from) = (self.0.address, other.0.address);
        self.0.sockets.change(|table, now_us| table.absorb(into, from, now_us));
    }

    /// The network may have changed: has all ways probed anew.
    pub fn refresh(&self) {
        self.change(Route::refresh);
    }

    /// Keeps a tunnel to the relay at the TCP address `relay`, whose key is `fingerprint`, open for as long as the ways are
    /// used, bound with `token`.
    pub fn keep_tunnel(
        &self,
        relay: SocketAddr,
        fingerprint: Fingerprint,
        proxy: Option<Proxy>,
        holder: Arc<Identity>,
        token: SignedToken,
    ) {
        let (sockets, address) = (Arc::downgrade(&self.0.sockets), self.0.address);
        let to = TunnelTo { relay, trust: Trust::Only(fingerprint), proxy };
        tokio::spawn(async move {
            let bind = |now_us| binder(&holder, &token, fingerprint, now_us);
            keep_tunnel(sockets, address, to, bind).await;
        });
    }

    /// Waits until the path of `kind` is in use.
    #[doc(hidden)]
    pub async fn wait_for_kind(&self, kind: PathKind) {
        wait_for(self.0.status.clone(), |status| status.kind == kind).await;
    }

    fn change(&self, change: impl FnOnce(&mut Route, u64)) {
        let address = self.0.address;
        self.0.sockets.change(|table, now_us| {
            table.change(address, |route| change(route, now_us));
        });
    }
}

/// Ways that somebody else keeps.
#[derive(Debug, Clone)]
pub struct WeakWays(Weak<Inner>);

impl WeakWays {
    /// The ways, if they are still kept.
    #[must_use]
    pub fn upgrade(&self) -> Option<Ways> {
        self.0.upgrade().map(Ways)
    }
}

async fn wait_for(mut status: watch::Receiver<Status>, is_so: impl FnMut(&Status) -> bool) {
    if status.wait_for(is_so).await.is_err() {
        // The ways were given to others, who know better.
        std::future::pending::<()>().await;
    }
}

/// See [`Ways::returns`].
#[derive(Debug)]
pub struct Returns {
    seen: u64,
    status: watch::Receiver<Status>,
}

impl Returns {
    /// Waits until a way answers again. Cancel-safe.
    pub async fn next(&mut self) {
        let seen = self.seen;
        let returns = self.status.wait_for(|status| status.returns > seen).await;
        let Ok(returns) = returns.map(|status| status.returns) else {
            return std::future::pending().await;
        };
        self.seen = returns;
    }
}

/// A route with one way, and the made-up address of its peer.
fn open(
    table: &mut Table,
    now_us: u64,
    kind: PathKind,
    way: Way,
) -> (SocketAddr, watch::Receiver<Status>) {
    let route = Route::new(now_us, kind, way, PathEpoch::default());
    let (address, status) = (table.make_up(), route.status());
    table.insert(address, route);
    (address, status)
}

/// A tunnel that leads to the center itself rather than to a peer.
pub(crate) async fn tunnel_to_center(
    sockets: &Arc<Sockets>,
    to: &TunnelTo,
) -> Result<Ways, TunnelError> {
    let opened = tunnel::open(to).await?;
    let (id, opened_ways) = sockets.add_tunnel(&opened.tunnel, |table, now_us, id| {
        open(table, now_us, PathKind::Tunnel, Way::Tunnel(id))
    });
    let ways = Ways::new(sockets, to.relay, opened_ways);
    let sockets = Arc::downgrade(sockets);
    tokio::spawn(async move {
        serve(&sockets, opened, id).await;
    });
    Ok(ways)
}

async fn keep_tunnel(
    sockets: Weak<Sockets>,
    address: SocketAddr,
    to: TunnelTo,
    bind: impl Fn(u64) -> io::Result<Binder>,
) {
    loop {
        match tunnel::open(&to).await {
            Ok(opened) => {
                let Some(now) = sockets.upgrade() else { return };
                let Ok(binder) = bind(now.now_us()) else { return };
                let (id, _) = now.add_tunnel(&opened.tunnel, |table, now_us, id| {
                    table.change(address, |route| {
                        route.add_relay(now_us, Way::Tunnel(id), binder);
                    })
                });
                drop(now);
                serve(&sockets, opened, id).await;
            }
            Err(error) => tracing::info!(%error, "no tunnel"),
        }
        tokio::time::sleep(TUNNEL_PAUSE).await;
        let is_wanted =
            sockets.upgrade().is_some_and(|it| it.lock().table.route(address).is_some());
        if !is_wanted {
            return;
        }
    }
}

async fn serve(sockets: &Weak<Sockets>, opened: tunnel::Opened, id: TunnelId) {
    let woken = sockets.clone();
    let error = opened
        .run(|| {
            if let Some(sockets) = woken.upgrade() {
                sockets.wake_receiver();
            }
        })
        .await;
    tracing::debug!(%error, "a tunnel has ended");
    if let Some(sockets) = sockets.upgrade() {
        sockets.remove_tunnel(id);
        sockets.change(|table, now_us| table.remove_way(Way::Tunnel(id), now_us));
    }
}

fn binder(
    holder: &Arc<Identity>,
    token: &SignedToken,
    relay: Fingerprint,
    now_us: u64,
) -> io::Result<Binder> {
    let mut seed = [0; 16];
    rand::rngs::OsRng.try_fill_bytes(&mut seed).map_err(io::Error::other)?;
    let since_epoch = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let first_sequence = u64::try_from(since_epoch.as_micros()).unwrap_or(u64::MAX);
    Ok(Binder::new(Arc::clone(holder), relay, token.clone(), seed, first_sequence, now_us))
}

/// The keys of a connection's probes, which both of its ends make alike.
fn secrets(connection: &quinn::Connection) -> Option<Secrets> {
    let mut from_client = [0; 32];
    let mut from_server = [0; 32];
    let mut names = [0; 16];
    let parts: [(&mut [u8], &[u8]); 3] =
        [(&mut from_client, b"client"), (&mut from_server, b"server"), (&mut names, b"names")];
    for (part, context) in parts {
        connection.export_keying_material(part, EXPORTER_LABEL, context).ok()?;
    }
    let (client, server) = names.split_at(8);
    let names = [client.try_into().ok()?, server.try_into().ok()?];
    Some(Secrets { from_client, from_server, names })
}

/// Label of the TLS exporter (RFC 8446, section 7.5).
const EXPORTER_LABEL: &[u8] = b"tessera path";

/// The channel of a token, by which the peer finds its own end.
#[must_use]
pub fn channel_of(token: &SignedToken) -> Option<Channel> {
    token.claims().map(|token| token.channel.0)
}
