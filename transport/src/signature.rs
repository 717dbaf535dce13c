//! Ed25519 signatures (RFC 8032) with a program's key, outside of TLS.
//!
//! The fingerprint of a program is that of its certificate's key, so the bare key is enough to compare with it.

use crate::hex;
use crate::identity::Fingerprint;
use ring::signature::{ED25519, Ed25519KeyPair, UnparsedPublicKey};
use serde::{Deserialize, Serialize};
use std::fmt;

/// Length of a public key.
pub const PUBLIC_KEY_BYTES: usize = 32;
/// Length of a signature.
pub const SIGNATURE_BYTES: usize = 64;

/// What stands before the key in the DER-encoded `SubjectPublicKeyInfo` of every Ed25519 key (RFC 8410, section 4).
const KEY_INFO_PREFIX: [u8; 12] =
    [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];

/// The public half of a program's key. In JSON: 64 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct PublicKey([u8; PUBLIC_KEY_BYTES]);

impl PublicKey {
    /// The key as bytes.
    pub fn as_bytes(&self) -> &[u8; PUBLIC_KEY_BYTES] {
        &self.0
    }

    /// How the key's holder is known.
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of_key_info(&[&KEY_INFO_PREFIX[..], &self.0[..]].concat())
    }

    /// Whether the key's holder signed exactly `message`.
    pub fn verifies(&self, message: &[u8], signature: &Signature) -> bool {
        UnparsedPublicKey::new(&ED25519, self.0).verify(message, &signature.0).is_ok()
    }
}

impl From<[u8; PUBLIC_KEY_BYTES]> for PublicKey {
    /// Takes any bytes: those that are no key verify nothing.
    fn from(bytes: [u8; PUBLIC_KEY_BYTES]) -> Self {
        Self(bytes)
    }
}

impl TryFrom<&[u8]> for PublicKey {
    type Error = std::array::TryFromSliceError;

    fn try_from(bytes: &[u8]) -> Result<Self, Self::Error> {
        bytes.try_into().map(Self)
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({})", self.fingerprint())
    }
}

/// A text is neither a public key nor a signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a key is 64 hexadecimal digits and a signature 128")]
pub struct DigitsError;

impl From<PublicKey> for String {
    fn from(key: PublicKey) -> Self {
        hex::to_string(&key.0)
    }
}

impl TryFrom<String> for PublicKey {
    type Error = DigitsError;

    fn try_from(text: String) -> Result<Self, DigitsError> {
        hex::parse(&text).map(Self).ok_or(DigitsError)
    }
}

/// A signature. In JSON: 128 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Signature([u8; SIGNATURE_BYTES]);

impl Signature {
    pub(crate) fn of(signer: &Ed25519KeyPair, message: &[u8]) -> Self {
        let mut bytes = [0; SIGNATURE_BYTES];
        for (byte, signed) in bytes.iter_mut().zip(signer.sign(message).as_ref()) {
            *byte = *signed;
        }
        Self(bytes)
    }

    /// The signature as bytes.
    pub fn as_bytes(&self) -> &[u8; SIGNATURE_BYTES] {
        &self.0
    }
}

impl From<[u8; SIGNATURE_BYTES]> for Signature {
    /// Takes any bytes: those that are no signature are not verified.
    fn from(bytes: [u8; SIGNATURE_BYTES]) -> Self {
        Self(bytes)
    }
}

impl From<Signature> for String {
    fn from(signature: Signature) -> Self {
        hex::to_string(&signature.0)
    }
}

impl TryFrom<String> for Signature {
    type Error = DigitsError;

    fn try_from(text: String) -> Result<Self, DigitsError> {
        hex::parse(&text).map(Self).ok_or(DigitsError)
    }
}

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Signature")
    }
}

#[cfg(test)]
mod tests {
    use crate::identity::Identity;

    #[test]
    fn a_bare_key_has_the_fingerprint_of_its_certificate() {
        let identity = Identity::ephemeral().expect("a key");
        assert_eq!(identity.public_key().fingerprint(), identity.fingerprint());
    }

    #[test]
    fn only_the_signed_message_and_the_signing_key_verify() {
        let (ann, bob) =
            (Identity::ephemeral().expect("a key"), Identity::ephemeral().expect("a key"));
        let signature = ann.sign(b"tessera test: yes");
        assert!(ann.public_key().verifies(b"tessera test: yes", &signature));
        assert!(!ann.public_key().verifies(b"tessera test: no", &signature));
        assert!(!bob.public_key().verifies(b"tessera test: yes", &signature));
    }
}
