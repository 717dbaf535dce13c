//! The way to the center: which one, whether it is still the same, and where this program can be
//! reached.

use std::collections::BTreeSet;
use std::io::Write;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::path::{Path, PathBuf};

use tessera_transport::center::{CenterAddress, Client};
use tessera_transport::{Endpoint, Fingerprint, Identity, Protocol};

use crate::{Error, Network};

/// Directory with one file for each center that was used, holding its fingerprint.
const PINS: &str = "centers";

/// An address of the documentation prefix (RFC 5737), to which nothing is ever sent: asking the
/// system for the way there tells which own address faces the world.
const FAR_AWAY: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)), 9);

/// The same of IPv6 (RFC 3849).
const FAR_AWAY_V6: SocketAddr =
    SocketAddr::new(IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1)), 9);

/// Opens the socket of a session: at `listen`, else at a free port of all addresses.
pub(crate) fn bind(
    listen: Option<SocketAddr>,
    data_dir: &Path,
    serves: Option<Protocol>,
) -> Result<Endpoint, Error> {
    let identity = std::sync::Arc::new(Identity::load_or_create(data_dir)?);
    let both = SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0));
    let only_v4 = SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0));
    match listen {
        Some(address) => Ok(Endpoint::bind(address, identity, serves)?),
        // Without IPv6 in the system the first of them fails.
        None => match Endpoint::bind(both, identity.clone(), serves) {
            Ok(endpoint) => Ok(endpoint),
            Err(_) => Ok(Endpoint::bind(only_v4, identity, serves)?),
        },
    }
}

/// Connects to the center, by UDP or through a tunnel, and pins its key on first use. A key that was given, with the address or
/// by an enrolment token as `expected`, counts more than the pin and replaces it.
pub(crate) async fn connect(
    endpoint: &Endpoint,
    center: &str,
    data_dir: &Path,
    expected: Option<Fingerprint>,
    network: &Network,
) -> Result<Client, Error> {
    let mut address: CenterAddress =
        center.parse().map_err(|_| Error::CenterAddress(crate::plain_text(center, 256)))?;
    if address.fingerprint.is_some_and(|given| expected.is_some_and(|expected| expected != given)) {
        return Err(Error::TokenOfAnotherCenter);
    }
    address.fingerprint = address.fingerprint.or(expected);
    let pin = data_dir.join(PINS).join(address.to_string());
    let pinned = match address.fingerprint {
        Some(given) => Some(given),
        None => read_pin(&pin)?,
    };
    let client = Client::connect(endpoint, &address, pinned, network.proxy.as_ref()).await?;
    if pinned.is_none() || address.fingerprint.is_some() {
        write_pin(&pin, client.center())?;
    }
    Ok(client)
}

fn pin_error(path: &Path) -> impl FnOnce(std::io::Error) -> Error + '_ {
    move |cause| Error::Pin { path: PathBuf::from(path), cause: cause.to_string() }
}

fn read_pin(path: &Path) -> Result<Option<Fingerprint>, Error> {
    match std::fs::read_to_string(path) {
        Ok(text) => match text.trim().parse() {
            Ok(fingerprint) => Ok(Some(fingerprint)),
            Err(_) => Err(Error::Pin {
                path: PathBuf::from(path),
                cause: "it holds no fingerprint".to_owned(),
            }),
        },
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(pin_error(path)(error)),
    }
}

fn write_pin(path: &Path, fingerprint: Fingerprint) -> Result<(), Error> {
    if let Some(directory) = path.parent() {
        std::fs::create_dir_all(directory).map_err(pin_error(directory))?;
    }
    let draft = path.with_extension(format!("{}.new", std::process::id()));
    std::fs::File::create(&draft)
        .and_then(|mut file| writeln!(file, "{fingerprint}").and_then(|()| file.sync_all()))
        .and_then(|()| std::fs::rename(&draft, path))
        .map_err(pin_error(path))
}

/// Where others can connect to `endpoint`: the address it is bound to, or, bound to all, those own
/// addresses that face the center and the world, and loopback for programs on the same computer.
pub(crate) async fn addresses(endpoint: &Endpoint, center: &str) -> Vec<SocketAddr> {
    let Ok(bound) = endpoint.local_address() else {
        return Vec::new();
    };
    let mut towards = Vec::new();
    if let Ok(address) = center.parse::<CenterAddress>() {
        towards.extend(address.resolve().await.unwrap_or_default());
    }
    own_addresses(bound, &towards)
}

/// The own addresses of a socket bound at `bound` that face the world and those in `towards`.
pub(crate) fn own_addresses(bound: SocketAddr, towards: &[SocketAddr]) -> Vec<SocketAddr> {
    if !bound.ip().is_unspecified() {
        return vec![bound];
    }
    let towards = towards.iter().copied().chain([FAR_AWAY, FAR_AWAY_V6]);
    let mut own: BTreeSet<IpAddr> = towards.filter_map(own_address_towards).collect();
    if bound.is_ipv4() {
        own.retain(IpAddr::is_ipv4);
    }
    own.insert(IpAddr::V4(Ipv4Addr::LOCALHOST));
    let mut own: Vec<SocketAddr> =
        own.into_iter().map(|ip| SocketAddr::new(ip, bound.port())).collect();
    own.sort_by_key(|address| address.ip().is_loopback());
    own
}

fn own_address_towards(address: SocketAddr) -> Option<IpAddr> {
    let unspecified: IpAddr = match address {
        SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    let socket = UdpSocket::bind((unspecified, 0)).ok()?;
    // Connecting a UDP socket only asks the routing table.
    socket.connect(address).ok()?;
    socket.local_addr().ok().map(|own| own.ip()).filter(|ip| !ip.is_unspecified())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use tessera_transport::Trust;
    use tessera_transport::center::CenterError;

    /// A center's endpoint that lets everybody in, and a program's that connects to it.
    fn ends() -> (Endpoint, Endpoint) {
        let bind = |serves| {
            let identity = Arc::new(Identity::ephemeral().expect("an identity"));
            let loopback = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
            Endpoint::bind(loopback, identity, serves).expect("a free port")
        };
        (bind(Some(Protocol::CENTER)), bind(None))
    }

    async fn let_in(center: Endpoint) {
        let mut links = Vec::new();
        while let Some(incoming) = center.accept().await {
            links.extend(incoming.accept(Trust::AnyKey).await);
        }
    }

    #[tokio::test]
    async fn a_center_is_pinned_on_first_use_and_another_key_is_refused_until_it_is_given() {
        let (center, program) = ends();
        let key = center.fingerprint();
        let address = center.local_address().expect("bound").to_string();
        tokio::spawn(let_in(center));
        let data = tempfile::tempdir().expect("a directory");
        let pin = data.path().join(PINS).join(&address);
        let connect = async |center: &str, expected| {
            let network = Network::default();
            connect(&program, center, data.path(), expected, &network)
                .await
                .map(|client| client.center())
        };

        assert_eq!(connect(&address, None).await.expect("first use"), key);
        assert_eq!(read_pin(&pin).expect("readable"), Some(key));
        assert_eq!(connect(&address, None).await.expect("the same key"), key);

        let earlier = program.fingerprint();
        write_pin(&pin, earlier).expect("written");
        let refused = connect(&address, None).await.expect_err("another key");
        assert!(
            matches!(&refused, Error::Center(CenterError::OtherKey { expected, found, .. })
                if (*expected, *found) == (earlier, key)),
            "{refused}"
        );
        assert!(refused.to_string().contains(&format!("--center {address}#")), "{refused}");
        assert_eq!(read_pin(&pin).expect("readable"), Some(earlier), "refusing changes nothing");

        assert_eq!(connect(&format!("{address}#{key}"), None).await.expect("given"), key);
        assert_eq!(read_pin(&pin).expect("readable"), Some(key), "what was given is pinned");
        let refused = connect(&format!("{address}#{earlier}"), None).await.expect_err("given");
        assert!(matches!(refused, Error::Center(CenterError::OtherKey { .. })), "{refused}");
    }

    #[tokio::test]
    async fn the_key_that_a_token_names_counts_on_first_use_too() {
        let (center, program) = ends();
        let key = center.fingerprint();
        let address = center.local_address().expect("bound").to_string();
        tokio::spawn(let_in(center));
        let data = tempfile::tempdir().expect("a directory");
        let pin = data.path().join(PINS).join(&address);

        let other = program.fingerprint();
        let network = Network::default();
        let refused = connect(&program, &address, data.path(), Some(other), &network).await;
        assert!(matches!(refused, Err(Error::Center(CenterError::OtherKey { .. }))), "{refused:?}");
        assert_eq!(read_pin(&pin).expect("readable"), None, "a refused center is not pinned");
        let with_key = format!("{address}#{key}");
        let refused = connect(&program, &with_key, data.path(), Some(other), &network).await;
        assert!(matches!(refused, Err(Error::TokenOfAnotherCenter)), "{refused:?}");
        let connected = connect(&program, &address, data.path(), Some(key), &network).await;
        connected.expect("the token's center");
        assert_eq!(read_pin(&pin).expect("readable"), Some(key));
    }

    #[test]
    fn a_damaged_pin_is_no_first_use() {
        let data = tempfile::tempdir().expect("a directory");
        let pin = data.path().join("pin");
        std::fs::write(&pin, "no fingerprint").expect("written");
        let error = read_pin(&pin).expect_err("damaged").to_string();
        assert!(error.contains("it holds no fingerprint"), "{error}");
    }
}
