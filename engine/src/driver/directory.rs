//! The way to the center: which one, whether it is still the same, and where this program can be
//! reached.

use std::collections::BTreeSet;
use std::io::Write;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::path::{Path, PathBuf};

use tessera_transport::center::{CenterAddress, Client};
use tessera_transport::{Endpoint, Fingerprint, Identity, Protocol};

use crate::Error;

/// Directory with one file for each center that was used, holding its fingerprint.
const PINS: &str = "centers";

/// An address of the documentation prefix (RFC 5737), to which nothing is ever sent: asking the
/// system for the way there tells which own address faces the world.
const FAR_AWAY: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)), 9);

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

/// Connects to the center and pins its key on first use. `expected` is the key that an enrolment
/// token names.
pub(crate) async fn connect(
    endpoint: &Endpoint,
    center: &str,
    data_dir: &Path,
    expected: Option<Fingerprint>,
) -> Result<Client, Error> {
    let mut address: CenterAddress =
        center.parse().map_err(|_| Error::CenterAddress(crate::plain_text(center, 256)))?;
    address.fingerprint = address.fingerprint.or(expected);
    let pin = data_dir.join(PINS).join(address.to_string());
    let client = Client::connect(endpoint, &address, read_pin(&pin)?).await?;
    write_pin(&pin, client.center())?;
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

/// Writes a pin that is not there yet; one that is there is never replaced.
fn write_pin(path: &Path, fingerprint: Fingerprint) -> Result<(), Error> {
    if path.exists() {
        return Ok(());
    }
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
    if !bound.ip().is_unspecified() {
        return vec![bound];
    }
    let mut towards = vec![FAR_AWAY];
    if let Ok(address) = center.parse::<CenterAddress>() {
        towards.extend(address.resolve().await.unwrap_or_default());
    }
    let mut own: BTreeSet<IpAddr> = towards.into_iter().filter_map(own_address_towards).collect();
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
