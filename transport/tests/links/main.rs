//! Links between two endpoints on loopback, and what travels on them.

#[path = "../ends/mod.rs"]
mod ends;
mod forgery;
mod handshake;
mod input;
mod oracles;
mod pairing;
mod paths;
mod streams;
mod vigil;

use tessera_transport::{Endpoint, Link, Protocol};

/// Two endpoints and a link between them. The endpoints must be kept alive.
pub(crate) async fn pair() -> (Endpoint, Endpoint, Link, Link) {
    let client = ends::endpoint(None);
    let server = ends::endpoint(Some(Protocol::SESSION));
    let (near, far) = ends::link(&client, &server).await;
    (client, server, near, far)
}
