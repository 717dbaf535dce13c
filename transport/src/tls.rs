//! TLS 1.3 between participants: both show a certificate, and the key in it is compared, not a chain of authorities.
//!
//! Only the chain check is replaced. The handshake signature, which proves that the peer holds the key, is verified by
//! rustls' own provider. There is no 0-RTT and no resumption, so every handshake proves the keys anew.

use crate::endpoint::{Protocol, Trust};
use crate::identity::{Fingerprint, Identity};
use quinn::crypto::rustls::{QuicClientConfig, QuicServerConfig};
use rustls::client::Resumption;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms, ring, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, DistinguishedName, Error,
    PeerMisbehaved, ServerConfig, SignatureScheme, version::TLS13,
};
use std::sync::{Arc, Mutex, PoisonError};

/// The verifier of both directions: the peer's fingerprint against what the caller trusts.
#[derive(Debug)]
struct FingerprintVerifier {
    trust: Trust,
    algorithms: WebPkiSupportedAlgorithms,
    found: Arc<FoundKey>,
}

/// The fingerprint that a refused peer showed, for the error message: rustls' alert does not carry it.
#[derive(Debug, Default)]
pub(crate) struct FoundKey(Mutex<Option<Fingerprint>>);

impl FoundKey {
    pub(crate) fn refused(&self) -> Option<Fingerprint> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl FingerprintVerifier {
    fn check(&self, certificate: &CertificateDer<'_>) -> Result<(), Error> {
        let found = Fingerprint::of_certificate(certificate)?;
        match &self.trust {
            Trust::AnyKey => Ok(()),
            Trust::Only(expected) if *expected == found => Ok(()),
            Trust::Only(_) => {
                *self.found.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(found);
                Err(CertificateError::ApplicationVerificationFailure.into())
            }
        }
    }

    fn check_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signature, &self.algorithms)
    }
}

/// The configurations below allow TLS 1.3 alone; a TLS 1.2 signature cannot come up.
fn no_tls12() -> Result<HandshakeSignatureValid, Error> {
    Err(PeerMisbehaved::SelectedUnofferedCipherSuite.into())
}

impl ServerCertVerifier for FingerprintVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        self.check(end_entity).map(|()| ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        no_tls12()
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.check_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ED25519]
    }
}

impl ClientCertVerifier for FingerprintVerifier {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        self.check(end_entity).map(|()| ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        no_tls12()
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.check_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ED25519]
    }
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

fn verifier(trust: Trust, provider: &CryptoProvider) -> (Arc<FingerprintVerifier>, Arc<FoundKey>) {
    let found = Arc::new(FoundKey::default());
    let algorithms = provider.signature_verification_algorithms;
    (Arc::new(FingerprintVerifier { trust, algorithms, found: found.clone() }), found)
}

/// The configuration for connecting to a peer that `trust` admits.
pub(crate) fn client(
    identity: &Identity,
    protocol: Protocol,
    trust: Trust,
) -> Result<(Arc<QuicClientConfig>, Arc<FoundKey>), Error> {
    let provider = provider();
    let (verifier, found) = verifier(trust, &provider);
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&TLS13])?
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_client_auth_cert(identity.certificate_chain(), identity.private_key())?;
    config.alpn_protocols = vec![protocol.alpn()];
    config.resumption = Resumption::disabled();
    config.enable_sni = false;
    config.enable_early_data = false;
    Ok((Arc::new(into_quic(QuicClientConfig::try_from(config))?), found))
}

/// Agreed on by TLS on the way into a tunnel (RFC 7301).
const TUNNEL_ALPN: &[u8] = b"tessera-tunnel/1";

/// The configuration for a tunnel to a relay that `trust` admits. This side shows no certificate: what it wants there it
/// proves inside.
pub(crate) fn tunnel_client(trust: Trust) -> Result<Arc<ClientConfig>, Error> {
    let provider = provider();
    let (verifier, _) = verifier(trust, &provider);
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&TLS13])?
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth();
    config.alpn_protocols = vec![TUNNEL_ALPN.to_vec()];
    config.resumption = Resumption::disabled();
    config.enable_sni = false;
    config.enable_early_data = false;
    Ok(Arc::new(config))
}

/// The configuration for the other side of such a tunnel.
pub(crate) fn tunnel_server(identity: &Identity) -> Result<Arc<ServerConfig>, Error> {
    let mut config = ServerConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&TLS13])?
        .with_no_client_auth()
        .with_single_cert(identity.certificate_chain(), identity.private_key())?;
    config.alpn_protocols = vec![TUNNEL_ALPN.to_vec()];
    config.send_tls13_tickets = 0;
    config.max_early_data_size = 0;
    Ok(Arc::new(config))
}

/// The configuration for accepting a peer that `trust` admits.
pub(crate) fn server(
    identity: &Identity,
    protocol: Protocol,
    trust: Trust,
) -> Result<(Arc<QuicServerConfig>, Arc<FoundKey>), Error> {
    let provider = provider();
    let (verifier, found) = verifier(trust, &provider);
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&TLS13])?
        .with_client_cert_verifier(verifier)
        .with_single_cert(identity.certificate_chain(), identity.private_key())?;
    config.alpn_protocols = vec![protocol.alpn()];
    config.send_tls13_tickets = 0;
    config.max_early_data_size = 0;
    Ok((Arc::new(into_quic(QuicServerConfig::try_from(config))?), found))
}

fn into_quic<T>(
    config: Result<T, quinn::crypto::rustls::NoInitialCipherSuite>,
) -> Result<T, Error> {
    config.map_err(|error| Error::General(error.to_string()))
}
