//! The HTTP side: `/healthz` for whatever restarts the program, `/metrics` for Prometheus.
//!
//! Neither needs a log-in and neither tells who is in a session; the default address is loopback.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use crate::service::Center;

/// The content type of Prometheus' text format.
const PROMETHEUS_TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// All routes.
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
    ([(header::CONTENT_TYPE, PROMETHEUS_TEXT)], center.snapshot()).into_response()
}
