//! `tessera-center relay`: a relay by itself, beside or far from the center whose sessions it relays.
//!
//! It keeps nothing but its key. Whom it serves, it knows by the tokens that the center signed.

use std::fmt::Write;
use std::future::IntoFuture;
use std::path::Path;
use std::sync::Arc;

use tessera_transport::identity::Identity;
use tracing::info;

use crate::announcement::reachable_addresses;
use crate::cli;
use crate::commands::print;
use crate::error::Error;
use crate::relay::{self, Relay, Settings};
use crate::signals::Signals;
use crate::{http, logging};

/// Runs the relay until SIGINT or SIGTERM.
pub(crate) async fn run(data_dir: &Path, options: &cli::Relay) -> Result<(), Error> {
    logging::start(options.log_json);
    let mut signals = Signals::new()?;
    let identity = Arc::new(Identity::load_or_create(data_dir)?);
    let http_listener = http::bind(options.metrics, "metrics").await?;
    let relay = Arc::new(Relay::start(&Settings {
        listen: options.listen,
        listen_flag: "listen",
        tunnel: options.tunnel_address(),
        center_beside: None,
        identity: identity.clone(),
        center: options.key,
        loops: options.threads.map_or_else(relay::loop_for_each_core, usize::from),
        offload: !options.no_offload,
    })?);
    let http = http_listener
        .local_addr()
        .map_err(|source| Error::System { what: "the address of a socket", source })?;
    let (listen, fingerprint) = (relay.address(), identity.fingerprint());
    info!(%listen, %http, %fingerprint, center = %options.key, "relaying");
    let mut lines = vec![("listening on", format!("{listen}/udp"))];
    let places = reachable_addresses(listen).into_iter();
    let tunnel_port = relay.tunnel().map(|tunnel| format!("/{}", tunnel.port()));
    let tunnel_port = tunnel_port.unwrap_or_default();
    lines.extend(places.map(|place| ("relay", format!("{place}{tunnel_port}#{fingerprint}"))));
    lines.push(("fingerprint", fingerprint.to_string()));
    lines.push(("http", format!("http://{http}/healthz http://{http}/metrics")));
    let mut text = String::new();
    for (name, value) in lines {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{name:<16} {value}");
    }
    print(&text)?;
    tokio::select! {
        // axum's accept loop retries by itself and ends only with the process.
        _ = axum::serve(http_listener, http::relay_router(relay.clone())).into_future() => {}
        signal = signals.next() => info!(signal, "told to stop"),
    }
    Ok(())
}
