//! The proof: SPAKE2 (the spake2 crate, over Ed25519) and key confirmation both ways.
//!
//! Everything that an intermediary could change is bound in: who plays which role, both fingerprints, the session's
//! number, the protocol's version and the TLS exporter of the very connection. Two ends that differ in any of it derive
//! different keys, as if the secret had been wrong.

use crate::endpoint::Protocol;
use crate::identity::Fingerprint;
use crate::pairing::code::{Number, Secret};
use crate::pairing::message::{SHARE_BYTES, TAG_BYTES};
use hkdf::Hkdf;
use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256};
use spake2::{Ed25519Group, Identity, Password, Spake2};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// What both ends must agree on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Binding {
    pub(crate) number: Number,
    pub(crate) joiner: Fingerprint,
    pub(crate) primary: Fingerprint,
    pub(crate) protocol: Protocol,
    /// A secret of the connection; see [`crate::Link::exporter`].
    pub(crate) exporter: [u8; 32],
}

/// Who proves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    Joiner,
    Primary,
}

/// The peer's share is not a point of the group, or of the wrong side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BadShare;

/// A run that waits for the peer's share.
pub(crate) struct Run {
    spake: Spake2<Ed25519Group>,
    role: Role,
    binding: Binding,
    share: [u8; SHARE_BYTES],
}

/// The tags of a run whose keys are known: one to show, one to expect.
pub(crate) struct Confirmation {
    own: [u8; TAG_BYTES],
    peer: [u8; TAG_BYTES],
}

/// Begins every derivation, so that nothing made here serves anywhere else.
const DOMAIN: &str = "tessera pairing";

impl Run {
    pub(crate) fn start(role: Role, secret: &Secret, binding: Binding) -> Self {
        let joiner = Identity::new(&binding.identity("joiner", &binding.joiner));
        let primary = Identity::new(&binding.identity("primary", &binding.primary));
        let password = Password::new(secret.digits());
        let (spake, message) = match role {
            Role::Joiner => Spake2::start_a(&password, &joiner, &primary),
            Role::Primary => Spake2::start_b(&password, &joiner, &primary),
        };
        let mut share = [0; SHARE_BYTES];
        // The spake2 crate's messages are one byte of side and 32 of point, for this group always.
        share.copy_from_slice(&message);
        Self { spake, role, binding, share }
    }

    /// The share to send.
    pub(crate) fn share(&self) -> [u8; SHARE_BYTES] {
        self.share
    }

    pub(crate) fn finish(self, peer_share: &[u8; SHARE_BYTES]) -> Result<Confirmation, BadShare> {
        let key = Zeroizing::new(self.spake.finish(peer_share).map_err(|_| BadShare)?);
        let (joiner_share, primary_share) = match self.role {
            Role::Joiner => (&self.share, peer_share),
            Role::Primary => (peer_share, &self.share),
        };
        let transcript = self.binding.transcript(joiner_share, primary_share);
        let joiner_tag = tag(&key, b"joiner confirms", &transcript)?;
        let primary_tag = tag(&key, b"primary confirms", &transcript)?;
        Ok(match self.role {
            Role::Joiner => Confirmation { own: joiner_tag, peer: primary_tag },
            Role::Primary => Confirmation { own: primary_tag, peer: joiner_tag },
        })
    }
}

impl Confirmation {
    /// The tag that shows the peer that this side knew the secret.
    pub(crate) fn own(&self) -> [u8; TAG_BYTES] {
        self.own
    }

    /// Whether the peer's tag shows that it knew the secret. Takes the same time for every tag.
    pub(crate) fn is_confirmed_by(&self, tag: &[u8; TAG_BYTES]) -> bool {
        self.peer.ct_eq(tag).into()
    }
}

impl Binding {
    /// The name of one side within SPAKE2.
    fn identity(&self, role: &str, fingerprint: &Fingerprint) -> Vec<u8> {
        let Protocol { name, version } = self.protocol;
        format!("{DOMAIN} {name}/{version} {} {role} {fingerprint}", self.number).into_bytes()
    }

    /// Digest of all that was agreed on and exchanged; every field has a fixed length or stands behind its own.
    fn transcript(
        &self,
        joiner_share: &[u8; SHARE_BYTES],
        primary_share: &[u8; SHARE_BYTES],
    ) -> [u8; 32] {
        let mut digest = Sha256::new();
        let name = self.protocol.name.as_bytes();
        digest.update((name.len() as u64).to_le_bytes());
        digest.update(name);
        digest.update(self.protocol.version.to_le_bytes());
        digest.update(self.number.value().to_le_bytes());
        digest.update(self.joiner.as_bytes());
        digest.update(self.primary.as_bytes());
        digest.update(self.exporter);
        digest.update(joiner_share);
        digest.update(primary_share);
        digest.finalize().into()
    }
}

/// HMAC over the transcript with a key for this purpose alone. Cannot fail at these lengths.
fn tag(key: &[u8], purpose: &[u8], transcript: &[u8; 32]) -> Result<[u8; TAG_BYTES], BadShare> {
    let mut confirmation_key = Zeroizing::new([0; 32]);
    Hkdf::<Sha256>::new(Some(DOMAIN.as_bytes()), key)
        .expand(purpose, confirmation_key.as_mut_slice())
        .map_err(|_| BadShare)?;
    let mut mac =
        Hmac::<Sha256>::new_from_slice(confirmation_key.as_slice()).map_err(|_| BadShare)?;
    mac.update(transcript);
    Ok(mac.finalize().into_bytes().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn binding() -> Binding {
        Binding {
            number: Number::from_index(1).expect("in range"),
            joiner: [1; 32].into(),
            primary: [2; 32].into(),
            protocol: Protocol::SESSION,
            exporter: [3; 32],
        }
    }

    fn secret(digits: &str) -> Secret {
        format!("123456789{digits}").parse::<crate::pairing::Code>().expect("a code").secret
    }

    /// Whether the joiner and the primary confirm each other.
    fn confirmed(joiner: (&str, Binding), primary: (&str, Binding)) -> (bool, bool) {
        let a = Run::start(Role::Joiner, &secret(joiner.0), joiner.1);
        let b = Run::start(Role::Primary, &secret(primary.0), primary.1);
        let (share_a, share_b) = (a.share(), b.share());
        let a = a.finish(&share_b).expect("a share");
        let b = b.finish(&share_a).expect("a share");
        (b.is_confirmed_by(&a.own()), a.is_confirmed_by(&b.own()))
    }

    #[test]
    fn both_confirm_only_when_secret_and_all_bindings_agree() {
        let good = ("12345678", binding());
        assert_eq!(confirmed(good.clone(), good.clone()), (true, true));
        let others = [
            ("12345679", binding()),
            (good.0, Binding { number: Number::from_index(2).expect("in range"), ..binding() }),
            (good.0, Binding { joiner: [9; 32].into(), ..binding() }),
            (good.0, Binding { primary: [9; 32].into(), ..binding() }),
            (good.0, Binding { joiner: [2; 32].into(), primary: [1; 32].into(), ..binding() }),
            (good.0, Binding { exporter: [9; 32], ..binding() }),
            (
                good.0,
                Binding {
                    protocol: Protocol {
                        version: Protocol::SESSION.version + 1,
                        ..Protocol::SESSION
                    },
                    ..binding()
                },
            ),
        ];
        for other in others {
            assert_eq!(confirmed(other.clone(), good.clone()), (false, false), "{other:?}");
            assert_eq!(confirmed(good.clone(), other.clone()), (false, false), "{other:?}");
        }
    }

    #[test]
    fn a_reflected_or_malformed_share_is_refused() {
        let run = || Run::start(Role::Joiner, &secret("12345678"), binding());
        let own = run();
        let share = own.share();
        assert!(own.finish(&share).is_err(), "a joiner's share comes from no primary");
        // About half of all 32-byte strings are no point of the curve.
        let refused = (0..64).filter(|byte| {
            let mut share = [0; SHARE_BYTES];
            (share[0], share[1]) = (b'B', *byte);
            run().finish(&share).is_err()
        });
        assert!((16..=48).contains(&refused.count()));
    }
}
