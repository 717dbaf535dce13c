//! The HTTP side: `/healthz` for whatever restarts the program, `/metrics` for Prometheus.
//!
//! Neither needs a log-in and neither tells who is in a session; the default address is loopback.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use tokio::net::TcpListener;

use crate::error::Error;
use crate::relay::Relay;
use crate::service::Center;

/// The content type of Prometheus' text format.
const PROMETHEUS_TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Opens the socket at `address`, which was given with the argument `flag`.
pub(crate) async fn bind(address: SocketAddr, flag: &'static str) -> Result<TcpListener, Error> {
    TcpListener::bind(address).await.map_err(|source| match source.kind() {
        io::ErrorKind::AddrInUse => Error::HttpInUse { address, flag },
        _ => Error::Http { address, flag, source },
    })
}

/// All routes of a relay that runs alone.
pub(crate) fn relay_router(relay: Arc<Relay>) -> Router {
    let metrics = async |State(relay): State<Arc<Relay>>| prometheus(relay.to_string());
    Router::new()
        .route("/healthz", get(async || "ok\n"))
        .route("/metrics", get(metrics))
        .with_state(relay)
}

/// All routes of a center.
pub(crate) fn router(center: Arc<Center>) -> Router {
    Router::new().route("/healthz", get(healthz)).route("/metrics", get(metrics)).with_state(center)
}

/// 200 while the database answers, else 503.
async fn healthz(State(center): State<Arc<Center>>) -> Response {
    if center.store().is_alive().await {
        "ok\n".into_response()
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "the database does not answer\n").into_response()
    }
}

async fn metrics(State(center): State<Arc<Center>>) -> Response {
    prometheus(center.snapshot())
}

fn prometheus(text: String) -> Response {
    ([(header::CONTENT_TYPE, PROMETHEUS_TEXT)], text).into_response()
}
