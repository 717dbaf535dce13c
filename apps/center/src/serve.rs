//! `tessera-center serve`: takes the data folder and the two sockets, tells the operator, and runs until a signal.

use std::fs::{File, TryLockError};
use std::future::IntoFuture;
use std::io::{self, IsTerminal};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tessera_transport::center::{MAX_RELAYS, RelayPlace};
use tessera_transport::identity::Identity;
use tessera_transport::{BindError, CloseReason, Endpoint, Fingerprint, Protocol};
use tokio::net::TcpListener;
use tokio::time::timeout;
use tracing::info;

use crate::announcement::Announcement;
use crate::cli::Serve;
use crate::commands::{new_token, print};
use crate::error::Error;
use crate::relay::{self, Relay};
use crate::service::{self, Center, Introducer};
use crate::signals::Signals;
use crate::store::Store;
use crate::{http, logging};

/// Held locked while a center serves from the data folder; two would end each other's sessions in the database.
const LOCK_FILE: &str = "serve.lock";

/// How long peers are given to acknowledge that the center ends.
const FAREWELL: Duration = Duration::from_secs(1);

/// Runs the center until SIGINT or SIGTERM.
pub(crate) async fn run(data_dir: &Path, options: &Serve) -> Result<(), Error> {
    logging::start(options.log_json);
    let mut signals = Signals::new()?;
    let identity = Arc::new(Identity::load_or_create(data_dir)?);
    let _lock = lock(data_dir)?;
    let endpoint = bind_endpoint(options.listen, identity.clone())?;
    let http_listener = http::bind(options.http, "http").await?;
    let relay = Relay::start(&relay::Settings {
        listen: options.relay_address(),
        listen_flag: "relay",
        tunnel: options.tunnel_address(),
        center_beside: Some(endpoint.local_address().map_err(no_address)?),
        identity: identity.clone(),
        center: identity.fingerprint(),
        loops: relay::loop_for_each_core(),
        offload: true,
    })?;
    let store = Store::open_or_create(data_dir).await?;
    let left_open = store.record_stop().await?;
    if left_open > 0 {
        info!(sessions = left_open, "closed what the last run had left open");
    }
    announce(&endpoint, &http_listener, &relay, &store).await?;

    let grace = Duration::from_secs(options.grace_seconds);
    let introducer = Introducer {
        relays: relays(options, &relay, identity.fingerprint()),
        identity,
        rate_kbit_s: options.relay_rate * 1000,
    };
    let center = Arc::new(Center::new(store, grace, introducer, relay));
    tokio::select! {
        () = service::run(&center, &endpoint) => {}
        // axum's accept loop retries by itself and ends only with the process.
        _ = axum::serve(http_listener, http::router(center.clone())).into_future() => {}
        signal = signals.next() => info!(signal, "told to stop"),
    }

    endpoint.close(&CloseReason::Goodbye);
    // A peer that does not answer is not waited for.
    let _ = timeout(FAREWELL, endpoint.wait_idle()).await;
    center.store().record_stop().await?;
    center.store().close().await;
    info!("stopped");
    Ok(())
}

/// The relays that joiners are told of: this program's own first.
fn relays(options: &Serve, own: &Relay, fingerprint: Fingerprint) -> Vec<RelayPlace> {
    let (listen, address) = (options.listen.ip(), own.address());
    // What is bound where the center is bound, programs reach as they reach the center; the name or address that does
    // it from outside is not known here.
    let is_with_center = address.ip() == listen || address.ip().is_unspecified();
    let ip = (!is_with_center).then_some(address.ip());
    let tunnel = own.tunnel().map(|tunnel| tunnel.port());
    let own = RelayPlace { ip, port: address.port(), tunnel, fingerprint };
    [own].into_iter().chain(options.other_relays.iter().copied()).take(MAX_RELAYS).collect()
}

fn no_address(source: io::Error) -> Error {
    Error::System { what: "the address of a socket", source }
}

fn lock(data_dir: &Path) -> Result<File, Error> {
    let path = data_dir.join(LOCK_FILE);
    let unusable = |source| Error::DataDirUnusable { path: path.clone(), source };
    let file = File::create(&path).map_err(unusable)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => {
            Err(Error::AlreadyServing { data_dir: data_dir.to_owned() })
        }
        Err(TryLockError::Error(source)) => Err(unusable(source)),
    }
}

fn bind_endpoint(address: SocketAddr, identity: Arc<Identity>) -> Result<Endpoint, Error> {
    Endpoint::bind(address, identity, Some(Protocol::CENTER)).map_err(|error| match error {
        BindError::Socket { cause, .. } if cause.kind() == io::ErrorKind::AddrInUse => {
            Error::ListenInUse { address }
        }
        error => Error::Listen(error),
    })
}

/// Tells where the center is and how to enrol the first CSR: on standard output, and without the token in the log.
async fn announce(
    endpoint: &Endpoint,
    http: &TcpListener,
    relay: &Relay,
    store: &Store,
) -> Result<(), Error> {
    let bound = endpoint.local_address().map_err(no_address)?;
    let http = http.local_addr().map_err(no_address)?;
    let fingerprint = endpoint.fingerprint();
    let (relay, tunnel) = (relay.address(), relay.tunnel());
    let token = match store.csrs().await?.as_slice() {
        [] => Some(new_token(store, fingerprint).await?),
        _ => None,
    };
    let announcement = Announcement { bound, http, relay, tunnel, fingerprint, token };
    let is_person = io::stdout().is_terminal();
    if !(is_person && io::stderr().is_terminal()) {
        info!(listen = %bound, %relay, %http, %fingerprint, "serving");
    }
    print(&if is_person { announcement.for_people() } else { announcement.for_programs() })
}
