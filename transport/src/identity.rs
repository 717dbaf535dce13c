//! Who a program is: an Ed25519 key pair, kept in its data directory, and the fingerprint by which others know it.
//!
//! The certificate around the key is self-signed and made anew at every start; only the key matters. What a peer's
//! fingerprint is worth is decided elsewhere: by [`crate::pairing`], by a pin, by the roster of a session.

use crate::hex;
use crate::signature::{PublicKey, Signature};
use rcgen::{CertificateParams, KeyPair, PKCS_ED25519};
use ring::signature::{Ed25519KeyPair, KeyPair as _};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::ParsedCertificate;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::fmt;
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use zeroize::Zeroizing;

/// File name of the key inside the data directory.
const KEY_FILE: &str = "identity.pem";

/// SHA-256 over the DER-encoded `SubjectPublicKeyInfo` of a participant's certificate (as in RFC 7469, section 2.4).
///
/// Shown and parsed as 64 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Fingerprint([u8; 32]);

impl Fingerprint {
    /// The fingerprint as bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The fingerprint of the key in `certificate`.
    pub(crate) fn of_certificate(certificate: &CertificateDer<'_>) -> Result<Self, rustls::Error> {
        let parsed = ParsedCertificate::try_from(certificate)?;
        Ok(Self::of_key_info(&parsed.subject_public_key_info()))
    }

    /// The fingerprint of a DER-encoded `SubjectPublicKeyInfo`.
    pub(crate) fn of_key_info(key_info: &[u8]) -> Self {
        Self(Sha256::digest(key_info).into())
    }
}

impl From<[u8; 32]> for Fingerprint {
    fn from(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        hex::write(&self.0, f)
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl From<Fingerprint> for String {
    fn from(fingerprint: Fingerprint) -> Self {
        fingerprint.to_string()
    }
}

/// A text is not a fingerprint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a fingerprint is 64 hexadecimal digits: copy it again, whole")]
pub struct FingerprintError;

impl FromStr for Fingerprint {
    type Err = FingerprintError;

    fn from_str(text: &str) -> Result<Self, FingerprintError> {
        hex::parse(text).map(Self).ok_or(FingerprintError)
    }
}

impl TryFrom<String> for Fingerprint {
    type Error = FingerprintError;

    fn try_from(text: String) -> Result<Self, FingerprintError> {
        text.parse()
    }
}

/// A program's key could not be had.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// The file system refused.
    #[error(
        "cannot {action} {path} ({cause}): check the directory and its permissions, or choose another with --data"
    )]
    File {
        /// `read`, `write`…
        action: &'static str,
        /// Which file or directory.
        path: PathBuf,
        /// What the system said.
        cause: std::io::Error,
    },
    /// Others can read the key.
    #[error(
        "{0} can be read by other users: run chmod 600 on it, or remove it to get a new identity"
    )]
    Exposed(PathBuf),
    /// The file holds no usable key.
    #[error("{0} does not hold an Ed25519 key: restore it, or remove it to get a new identity")]
    Unusable(PathBuf),
    /// A key could not be made.
    #[error("a key could not be generated ({0}): check the system's random source")]
    Generate(String),
}

/// A program's key pair and the self-signed certificate around it.
pub struct Identity {
    key_der: Zeroizing<Vec<u8>>,
    signer: Ed25519KeyPair,
    public_key: PublicKey,
    certificate: CertificateDer<'static>,
    fingerprint: Fingerprint,
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity").field("fingerprint", &self.fingerprint).finish_non_exhaustive()
    }
}

impl Identity {
    /// Reads the key from `directory`, or makes one there. A missing directory is created, readable by its user alone
    /// (mode 0700), as the key file is (mode 0600).
    ///
    /// When two programs make a key at the same time, both end up with the same one.
    pub fn load_or_create(directory: &Path) -> Result<Self, IdentityError> {
        let path = directory.join(KEY_FILE);
        match read_key(&path) {
            Err(IdentityError::File { cause, .. })
                if cause.kind() == std::io::ErrorKind::NotFound =>
            {
                std::fs::DirBuilder::new()
                    .recursive(true)
                    .mode(0o700)
                    .create(directory)
                    .map_err(file_error("create", directory))?;
                let pem = Zeroizing::new(generate()?.serialize_pem());
                publish_key(directory, &path, &pem)?;
                read_key(&path)
            }
            other => other,
        }
        .and_then(|pem| {
            let key = KeyPair::from_pem(&pem).map_err(|_| IdentityError::Unusable(path.clone()))?;
            Self::from_key(&key).map_err(|_| IdentityError::Unusable(path))
        })
    }

    /// A new identity that is not kept anywhere.
    pub fn ephemeral() -> Result<Self, IdentityError> {
        Self::from_key(&generate()?).map_err(|error| IdentityError::Generate(error.to_string()))
    }

    /// How others know this program.
    pub fn fingerprint(&self) -> Fingerprint {
        self.fingerprint
    }

    /// The key that verifies what [`Identity::sign`] signs.
    pub fn public_key(&self) -> PublicKey {
        self.public_key
    }

    /// Signs `message`, which must begin with a text that no other protocol's signed messages begin with: the same key
    /// signs TLS handshakes, whose messages begin with 64 blanks (RFC 8446, section 4.4.3).
    pub fn sign(&self, message: &[u8]) -> Signature {
        Signature::of(&self.signer, message)
    }

    fn from_key(key: &KeyPair) -> Result<Self, Box<dyn std::error::Error>> {
        if key.algorithm() != &PKCS_ED25519 {
            return Err("not an Ed25519 key".into());
        }
        // The name is the same for everyone: a certificate must not tell more than the key.
        let certificate = CertificateParams::new(vec!["tessera".to_owned()])?.self_signed(key)?;
        let certificate = certificate.der().clone();
        let fingerprint = Fingerprint::of_certificate(&certificate)?;
        let key_der = Zeroizing::new(key.serialize_der());
        let signer = Ed25519KeyPair::from_pkcs8_maybe_unchecked(&key_der)
            .map_err(|_| "not an Ed25519 key")?;
        let public_key = PublicKey::try_from(signer.public_key().as_ref())?;
        Ok(Self { key_der, signer, public_key, certificate, fingerprint })
    }

    pub(crate) fn certificate_chain(&self) -> Vec<CertificateDer<'static>> {
        vec![self.certificate.clone()]
    }

    pub(crate) fn private_key(&self) -> PrivateKeyDer<'static> {
        PrivatePkcs8KeyDer::from(self.key_der.to_vec()).into()
    }
}

fn generate() -> Result<KeyPair, IdentityError> {
    KeyPair::generate_for(&PKCS_ED25519).map_err(|error| IdentityError::Generate(error.to_string()))
}

fn file_error<'a>(
    action: &'static str,
    path: &'a Path,
) -> impl FnOnce(std::io::Error) -> IdentityError + 'a {
    move |cause| IdentityError::File { action, path: path.to_owned(), cause }
}

fn read_key(path: &Path) -> Result<Zeroizing<String>, IdentityError> {
    let metadata = std::fs::metadata(path).map_err(file_error("read", path))?;
    if metadata.permissions().mode() & 0o077 != 0 {
        return Err(IdentityError::Exposed(path.to_owned()));
    }
    std::fs::read_to_string(path).map(Zeroizing::new).map_err(file_error("read", path))
}

/// Writes the key beside its place and links it there: the file is never seen half-written, and an existing key is
/// never replaced.
fn publish_key(directory: &Path, path: &Path, pem: &str) -> Result<(), IdentityError> {
    let draft = directory.join(format!("{KEY_FILE}.{}", std::process::id()));
    let written = std::fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&draft)
        .and_then(|mut file| file.write_all(pem.as_bytes()).and_then(|()| file.sync_all()))
        .map_err(file_error("write", &draft));
    let linked = written.and_then(|()| match std::fs::hard_link(&draft, path) {
        Err(cause) if cause.kind() != std::io::ErrorKind::AlreadyExists => {
            Err(file_error("write", path)(cause))
        }
        _ => Ok(()),
    });
    // The draft may be missing when writing failed; the key in its place is what counts.
    let _ = std::fs::remove_file(&draft);
    linked
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_made_once_private_and_found_again() {
        let directory = tempfile::tempdir().expect("temporary directory");
        let data = directory.path().join("data");
        let first = Identity::load_or_create(&data).expect("created");
        let second = Identity::load_or_create(&data).expect("loaded");
        assert_eq!(first.fingerprint(), second.fingerprint());
        let mode =
            |path: &Path| std::fs::metadata(path).expect("exists").permissions().mode() & 0o777;
        assert_eq!(mode(&data.join(KEY_FILE)), 0o600);
        assert_eq!(mode(&data), 0o700);
        assert_eq!(std::fs::read_dir(&data).expect("listed").count(), 1, "no draft stays behind");
    }

    #[test]
    fn an_exposed_or_damaged_key_is_refused_with_its_path() {
        let directory = tempfile::tempdir().expect("temporary directory");
        Identity::load_or_create(directory.path()).expect("created");
        let path = directory.path().join(KEY_FILE);
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).expect("changed");
        let exposed = Identity::load_or_create(directory.path()).expect_err("exposed");
        assert!(matches!(exposed, IdentityError::Exposed(_)), "{exposed}");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).expect("changed");
        std::fs::write(&path, "no key").expect("written");
        let damaged = Identity::load_or_create(directory.path()).expect_err("damaged");
        assert!(damaged.to_string().contains(KEY_FILE), "{damaged}");
    }

    #[test]
    fn fingerprints_are_parsed_as_shown_and_nothing_else_is() {
        let fingerprint = Identity::ephemeral().expect("made").fingerprint();
        assert_eq!(fingerprint.to_string().parse(), Ok(fingerprint));
        assert_eq!(fingerprint.to_string().to_uppercase().parse(), Ok(fingerprint));
        for bad in ["", "00", &"g".repeat(64), &"0".repeat(63), &"é".repeat(32)] {
            assert_eq!(bad.parse::<Fingerprint>(), Err(FingerprintError), "{bad}");
        }
    }
}
