//! The one-time token that lets a CSR's program enrol, and lets it know the center it enrols with.

use crate::hex;
use crate::identity::Fingerprint;
use crate::pairing::NoRandomness;
use rand::TryRngCore;
use rand::rngs::OsRng;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;
use zeroize::Zeroizing;

/// Length of the secret: 160 random bits cannot be guessed, whatever the rate.
const SECRET_BYTES: usize = 20;

/// The secret half of a token, written as 40 hexadecimal digits. `Debug` does not show it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct EnrolmentSecret(Zeroizing<[u8; SECRET_BYTES]>);

impl EnrolmentSecret {
    /// The secret as bytes, to be hashed.
    pub fn as_bytes(&self) -> &[u8] {
        &*self.0
    }

    fn to_hex(&self) -> Zeroizing<String> {
        Zeroizing::new(hex::to_string(&*self.0))
    }
}

impl fmt::Debug for EnrolmentSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EnrolmentSecret(hidden)")
    }
}

impl From<EnrolmentSecret> for String {
    fn from(secret: EnrolmentSecret) -> Self {
        secret.to_hex().to_string()
    }
}

impl FromStr for EnrolmentSecret {
    type Err = TokenError;

    fn from_str(text: &str) -> Result<Self, TokenError> {
        hex::parse(text).map(|bytes| Self(Zeroizing::new(bytes))).ok_or(TokenError)
    }
}

impl TryFrom<String> for EnrolmentSecret {
    type Error = TokenError;

    fn try_from(text: String) -> Result<Self, TokenError> {
        Zeroizing::new(text).parse()
    }
}

/// A text is not an enrolment token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this is not an enrolment token: copy the whole text that `tessera-center` printed")]
pub struct TokenError;

/// What `tessera-center` prints for one CSR: `FINGERPRINT-SECRET`, in hexadecimal digits.
#[derive(Clone, PartialEq, Eq)]
pub struct EnrolmentToken {
    /// Which center made it; whoever enrols there accepts no other key.
    pub center: Fingerprint,
    /// What proves that its holder was meant.
    pub secret: EnrolmentSecret,
}

impl EnrolmentToken {
    /// Draws a token for the center with this fingerprint from the system's random source.
    pub fn generate(center: Fingerprint) -> Result<Self, NoRandomness> {
        let mut bytes = Zeroizing::new([0; SECRET_BYTES]);
        OsRng.try_fill_bytes(&mut *bytes).map_err(|_| NoRandomness)?;
        Ok(Self { center, secret: EnrolmentSecret(bytes) })
    }

    /// The token as text. Not `Display`, so that it cannot slip into a log by `{}`.
    pub fn reveal(&self) -> Zeroizing<String> {
        Zeroizing::new(format!("{}-{}", self.center, self.secret.to_hex().as_str()))
    }
}

impl fmt::Debug for EnrolmentToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EnrolmentToken").field("center", &self.center).finish_non_exhaustive()
    }
}

impl FromStr for EnrolmentToken {
    type Err = TokenError;

    fn from_str(text: &str) -> Result<Self, TokenError> {
        let (center, secret) = text.trim().split_once('-').ok_or(TokenError)?;
        Ok(Self { center: center.parse().map_err(|_| TokenError)?, secret: secret.parse()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token() -> EnrolmentToken {
        EnrolmentToken::generate(Fingerprint::from([0xab; 32])).expect("random bytes")
    }

    #[test]
    fn a_token_is_read_back_as_it_was_printed() {
        let token = token();
        let text = token.reveal();
        assert_eq!(text.parse(), Ok(token.clone()));
        assert_eq!(format!("  {}\n", text.as_str()).parse(), Ok(token));
        for bad in ["", "-", &text[1..], &text[..text.len() - 1], &text.replace('-', "")] {
            assert_eq!(bad.parse::<EnrolmentToken>(), Err(TokenError), "{bad}");
        }
    }

    #[test]
    fn no_two_are_alike_and_debug_shows_neither() {
        let (first, second) = (token(), token());
        assert_ne!(first, second);
        let secret = first.secret.to_hex();
        assert!(!format!("{first:?}{:?}", first.secret).contains(secret.as_str()));
    }
}
