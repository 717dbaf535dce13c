//! How a program gets to its center: by UDP, and where that is blocked by the same QUIC inside TLS over TCP.
//!
//! Both ways end in one handshake with one key, so that a network which blocks the first wins nothing by it.

use crate::center::{CenterAddress, CenterError};
use crate::endpoint::{Endpoint, Protocol, Trust};
use crate::error::ConnectError;
use crate::identity::Fingerprint;
use crate::link::Link;
use crate::path::{Proxy, TunnelTo, Ways};
use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::pin::pin;
use std::time::Duration;
use tokio::time::timeout;

/// Head start of UDP over the tunnel: longer than a handshake takes where UDP gets through, and little where it does not.
const HEAD_START: Duration = Duration::from_millis(300);

/// A link to the center, and how it came about.
pub(super) struct Reached {
    pub(super) link: Link,
    /// The address that packets, or the tunnel, go to.
    pub(super) ip: IpAddr,
    /// The tunnel, to be kept for as long as the link.
    pub(super) ways: Option<Ways>,
}

/// Connects to the center; see [`Client::connect`](super::Client::connect).
pub(super) async fn reach(
    endpoint: &Endpoint,
    center: &CenterAddress,
    pinned: Option<Fingerprint>,
    proxy: Option<&Proxy>,
) -> Result<Reached, CenterError> {
    let lookup = |cause| CenterError::Lookup { center: center.to_string(), cause };
    let addresses = center.resolve().await.map_err(lookup)?;
    if addresses.is_empty() {
        return Err(lookup(std::io::ErrorKind::NotFound.into()));
    }
    let trust = center.fingerprint.or(pinned).map_or(Trust::AnyKey, Trust::Only);
    let udp = by_udp(endpoint, &addresses, trust);
    let tunnel = by_tunnel(endpoint, center, &addresses, trust, proxy);
    race(udp, tunnel).await.map_err(|failure| match failure {
        // A wrong key on one way is not passed over for a right one on the other.
        Failure::Udp(ConnectError::Fingerprint { expected, found, .. })
        | Failure::Both(
            _,
            CenterError::Connect(ConnectError::Fingerprint { expected, found, .. }),
        ) => CenterError::OtherKey { center: center.to_string(), expected, found },
        Failure::Udp(udp) => udp.into(),
        Failure::Both(udp, tunnel) => {
            let (udp, tunnel) = (Box::new(udp), Box::new(tunnel));
            CenterError::Unreachable { center: center.to_string(), udp, tunnel }
        }
    })
}

/// Why the center was not reached.
#[derive(Debug)]
enum Failure {
    /// By UDP somebody answered who is not to be talked to.
    Udp(ConnectError),
    /// Neither way got through.
    Both(ConnectError, CenterError),
}

/// Whether somebody answered, so that another way to the same place is of no use.
fn is_final(error: &ConnectError) -> bool {
    !matches!(error, ConnectError::Unreachable(_) | ConnectError::Address { .. })
}

/// The first of the two that succeeds; `tunnel` begins when `udp` has failed or had its head start.
async fn race<T>(
    udp: impl Future<Output = Result<T, ConnectError>>,
    tunnel: impl Future<Output = Result<T, CenterError>>,
) -> Result<T, Failure> {
    let (mut udp, mut tunnel) = (pin!(udp), pin!(tunnel));
    let mut udp_failure = match timeout(HEAD_START, &mut udp).await {
        Ok(Ok(reached)) => return Ok(reached),
        Ok(Err(error)) if is_final(&error) => return Err(Failure::Udp(error)),
        Ok(Err(error)) => Some(error),
        Err(_) => None,
    };
    let mut tunnel_failure = None;
    loop {
        tokio::select! {
            result = &mut udp, if udp_failure.is_none() => match result {
                Ok(reached) => return Ok(reached),
                Err(error) if is_final(&error) => return Err(Failure::Udp(error)),
                Err(error) => udp_failure = Some(error),
            },
            result = &mut tunnel, if tunnel_failure.is_none() => match result {
                Ok(reached) => return Ok(reached),
                Err(error) => tunnel_failure = Some(error),
            },
            else => {}
        }
        match (udp_failure, tunnel_failure) {
            (Some(udp), Some(tunnel)) => return Err(Failure::Both(udp, tunnel)),
            (udp, tunnel) => (udp_failure, tunnel_failure) = (udp, tunnel),
        }
    }
}

/// Tries each address in turn.
async fn by_udp(
    endpoint: &Endpoint,
    addresses: &[SocketAddr],
    trust: Trust,
) -> Result<Reached, ConnectError> {
    let mut failure = None;
    for address in addresses {
        match endpoint.connect(*address, Protocol::CENTER, trust).await {
            Ok(link) => return Ok(Reached { link, ip: address.ip().to_canonical(), ways: None }),
            Err(error @ ConnectError::Fingerprint { .. }) => return Err(error),
            Err(error) => failure = Some(error),
        }
    }
    Err(failure.unwrap_or_else(nowhere))
}

/// Tries each address in turn, with a tunnel to its TCP port.
async fn by_tunnel(
    endpoint: &Endpoint,
    center: &CenterAddress,
    addresses: &[SocketAddr],
    trust: Trust,
    proxy: Option<&Proxy>,
) -> Result<Reached, CenterError> {
    let mut failure = None;
    for address in addresses {
        let relay = SocketAddr::new(address.ip(), center.tunnel_port);
        match endpoint.tunnel(&TunnelTo { relay, trust, proxy: proxy.cloned() }).await {
            Ok(ways) => {
                let link = endpoint.connect_by(&ways, Protocol::CENTER, trust).await?;
                return Ok(Reached { link, ip: relay.ip().to_canonical(), ways: Some(ways) });
            }
            Err(error) => failure = Some(error.into()),
        }
    }
    Err(failure.unwrap_or_else(|| nowhere().into()))
}

/// A host without an address.
fn nowhere() -> ConnectError {
    let address = SocketAddr::from(([0; 4], 0));
    ConnectError::Address { address, cause: "the host has no address".to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::time::{Instant, sleep};

    const AWAY: ConnectError =
        ConnectError::Unreachable(SocketAddr::new(IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 1));

    async fn after<T>(ms: u64, result: T) -> T {
        sleep(Duration::from_millis(ms)).await;
        result
    }

    /// What the race between two ways leads to, and after how many milliseconds.
    async fn ran(
        udp: impl Future<Output = Result<u8, ConnectError>>,
        tunnel: impl Future<Output = Result<u8, CenterError>>,
    ) -> (Result<u8, Failure>, u128) {
        let start = Instant::now();
        let result = race(udp, tunnel).await;
        (result, start.elapsed().as_millis())
    }

    #[tokio::test(start_paused = true)]
    async fn the_first_way_that_answers_is_taken_and_udp_has_a_head_start() {
        let tunnel = |ms| after(ms, Ok(2));
        let won = |(result, ms): (Result<u8, Failure>, u128)| (result.expect("reached"), ms);
        assert_eq!(won(ran(after(299, Ok(1)), tunnel(0)).await), (1, 299));
        assert_eq!(won(ran(after(400, Ok(1)), tunnel(50)).await), (2, 350));
        assert_eq!(won(ran(after(340, Ok(1)), tunnel(50)).await), (1, 340));
        assert_eq!(won(ran(after(10, Err(AWAY)), tunnel(50)).await), (2, 60));
        assert_eq!(won(ran(after(4000, Err(AWAY)), tunnel(9000)).await), (2, 9300));
        let failing = after(0, Err(CenterError::NoAnswer));
        assert_eq!(won(ran(after(2000, Ok(1)), failing).await), (1, 2000));
    }

    #[tokio::test(start_paused = true)]
    async fn a_wrong_key_by_udp_is_not_passed_over_for_a_tunnel() {
        let fingerprint = Fingerprint::from([1; 32]);
        let wrong = |address| ConnectError::Fingerprint {
            address,
            expected: fingerprint,
            found: Fingerprint::from([2; 32]),
        };
        let address = SocketAddr::from(([127, 0, 0, 1], 1));
        for ms in [10, 320] {
            let (result, took_ms) = ran(after(ms, Err(wrong(address))), after(100, Ok(2))).await;
            assert!(matches!(result, Err(Failure::Udp(_))), "{result:?}");
            assert_eq!(took_ms, u128::from(ms));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn both_failures_are_told() {
        let (udp, tunnel) = (after(4000, Err(AWAY)), after(1, Err(CenterError::NoAnswer)));
        let (result, took_ms) = ran(udp, tunnel).await;
        assert!(matches!(result, Err(Failure::Both(_, CenterError::NoAnswer))), "{result:?}");
        assert_eq!(took_ms, 4000);
    }
}
