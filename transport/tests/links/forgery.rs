//! Showing somebody else's certificate is not enough: whoever cannot sign with its key is refused.

use crate::ends::{address, endpoint, loopback, run};
use quinn::crypto::rustls::{QuicClientConfig, QuicServerConfig};
use rcgen::{CertificateParams, KeyPair, PKCS_ED25519, PublicKeyData as _};
use rustls::client::ResolvesClientCert;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::ring::{default_provider, sign::any_eddsa_type};
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer, ServerName, UnixTime};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::version::TLS13;
use rustls::{ClientConfig, DigitallySignedStruct, Error, ServerConfig, SignatureScheme};
use sha2::{Digest, Sha256};
use std::sync::Arc;
use tessera_transport::{Fingerprint, Protocol, Trust};

const ALPN: &[u8] = b"tessera-session/3";

/// The certificate of one key together with another key, or with its own.
#[derive(Debug)]
struct Shown(Arc<CertifiedKey>);

impl Shown {
    /// What is shown, and whose certificate it is.
    fn new(genuine: bool) -> (Self, Fingerprint) {
        let key = || KeyPair::generate_for(&PKCS_ED25519).expect("a key");
        let (victim, own) = (key(), key());
        let params = CertificateParams::new(vec!["tessera".to_owned()]).expect("a name");
        let certificate = params.self_signed(&victim).expect("a certificate").der().clone();
        let signing = if genuine { &victim } else { &own };
        let signing = PrivatePkcs8KeyDer::from(signing.serialize_der());
        let signing = any_eddsa_type(&signing).expect("an Ed25519 key");
        let fingerprint: [u8; 32] = Sha256::digest(victim.subject_public_key_info()).into();
        (Self(Arc::new(CertifiedKey::new(vec![certificate], signing))), fingerprint.into())
    }
}

impl ResolvesServerCert for Shown {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.clone())
    }
}

impl ResolvesClientCert for Shown {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        Some(self.0.clone())
    }

    fn has_certs(&self) -> bool {
        true
    }
}

/// Whoever forges does not care who the other is.
#[derive(Debug)]
struct Careless;

impl ServerCertVerifier for Careless {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ED25519]
    }
}

fn client(shown: Shown) -> quinn::Endpoint {
    let mut crypto = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_protocol_versions(&[&TLS13])
        .expect("a version")
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Careless))
        .with_client_cert_resolver(Arc::new(shown));
    crypto.alpn_protocols = vec![ALPN.to_vec()];
    let crypto = QuicClientConfig::try_from(crypto).expect("a cipher suite");
    let mut endpoint = quinn::Endpoint::client(loopback()).expect("a free port");
    endpoint.set_default_client_config(quinn::ClientConfig::new(Arc::new(crypto)));
    endpoint
}

fn server(shown: Shown) -> quinn::Endpoint {
    let mut crypto = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_protocol_versions(&[&TLS13])
        .expect("a version")
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(shown));
    crypto.alpn_protocols = vec![ALPN.to_vec()];
    let crypto = QuicServerConfig::try_from(crypto).expect("a cipher suite");
    let config = quinn::ServerConfig::with_crypto(Arc::new(crypto));
    quinn::Endpoint::server(config, loopback()).expect("a free port")
}

#[test]
fn a_client_that_cannot_sign_with_the_key_of_its_certificate_is_refused() {
    for genuine in [true, false] {
        run(async {
            let (shown, victim) = Shown::new(genuine);
            let server = endpoint(Some(Protocol::SESSION));
            let forger = client(shown);
            let connecting =
                forger.connect(address(&server), "tessera").expect("an address").into_future();
            let accepting =
                async { server.accept().await.expect("open").accept(Trust::Only(victim)).await };
            let (_connection, accepted) = tokio::join!(connecting, accepting);
            assert_eq!(accepted.is_ok(), genuine, "{accepted:?}");
        });
    }
}

#[test]
fn a_server_that_cannot_sign_with_the_key_of_its_certificate_is_refused() {
    for genuine in [true, false] {
        run(async {
            let (shown, victim) = Shown::new(genuine);
            let forger = server(shown);
            let address = forger.local_addr().expect("bound");
            let client = endpoint(None);
            let connecting = client.connect(address, Protocol::SESSION, Trust::Only(victim));
            let accepting = async { forger.accept().await.expect("open").await };
            let (connected, _connection) = tokio::join!(connecting, accepting);
            assert_eq!(connected.is_ok(), genuine, "{connected:?}");
        });
    }
}
