//! A bulk flow under CUBIC, as quinn has it, between sockets of its own.

use quinn::congestion::CubicConfig;
use quinn::{Endpoint, EndpointConfig, TokioRuntime, TransportConfig};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tessera_netsim::{Network, Side};

/// A flow that ends with this.
pub(crate) struct Flow(quinn::Connection);

impl Drop for Flow {
    fn drop(&mut self) {
        self.0.close(0_u8.into(), b"");
    }
}

/// Begins to send without end from left to right; counts what has arrived.
pub(crate) async fn cubic(network: &Network) -> Arc<AtomicU64> {
    let (arrived, flow) = stoppable_cubic(network).await;
    // Runs as long as the runtime.
    std::mem::forget(flow);
    arrived
}

/// As [`cubic`]; ends when the flow is dropped.
pub(crate) async fn stoppable_cubic(network: &Network) -> (Arc<AtomicU64>, Flow) {
    let key = rcgen::generate_simple_self_signed(["rival".to_owned()]).expect("a certificate");
    let certificate = key.cert.der().clone();
    let private = rustls::pki_types::PrivatePkcs8KeyDer::from(key.signing_key.serialize_der());
    let mut roots = rustls::RootCertStore::empty();
    roots.add(certificate.clone()).expect("a root");

    let mut transport = TransportConfig::default();
    transport.congestion_controller_factory(Arc::new(CubicConfig::default()));
    let transport = Arc::new(transport);
    let mut server = quinn::ServerConfig::with_single_cert(vec![certificate], private.into())
        .expect("a configuration");
    server.transport_config(transport.clone());
    let mut client =
        quinn::ClientConfig::with_root_certificates(Arc::new(roots)).expect("a configuration");
    client.transport_config(transport);

    let (near, far) = (network.socket(Side::Left), network.socket(Side::Right));
    let address = far.address();
    let endpoint = |socket, server| {
        let mut config = EndpointConfig::default();
        config.rng_seed(crate::chance());
        Endpoint::new_with_abstract_socket(config, server, socket, Arc::new(TokioRuntime))
            .expect("an endpoint")
    };
    let (near, far) = (endpoint(near, None), endpoint(far, Some(server)));
    let arrived = Arc::new(AtomicU64::new(0));
    let count = arrived.clone();
    tokio::spawn(async move {
        let connection = far.accept().await.expect("open").await.expect("accepted");
        let mut stream = connection.accept_uni().await.expect("a stream");
        while let Ok(Some(chunk)) = stream.read_chunk(1 << 20, true).await {
            count.fetch_add(chunk.bytes.len() as u64, Ordering::Relaxed);
        }
    });
    let connecting = near.connect_with(client, address, "rival").expect("an address");
    let connection = connecting.await.expect("connected");
    let flow = Flow(connection.clone());
    tokio::spawn(async move {
        let _endpoint = near;
        let mut stream = connection.open_uni().await.expect("open");
        while stream.write_all(&[7; 6_000]).await.is_ok() {}
    });
    (arrived, flow)
}
