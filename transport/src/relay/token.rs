//! What the center says about one end of a channel, signed, so that a relay needs neither a database nor a connection to
//! the center.

use crate::hex;
use crate::identity::{Fingerprint, Identity};
use crate::signature::{PUBLIC_KEY_BYTES, PublicKey, SIGNATURE_BYTES, Signature};
use crate::wire::{Reader, Truncated};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Length of a signed token.
pub const TOKEN_BYTES: usize = SIGNED_BYTES + SIGNATURE_BYTES;
/// What the signature covers, besides [`CONTEXT`].
const SIGNED_BYTES: usize = 2 + 16 + 16 + 32 + 8 + 4 + 4 + PUBLIC_KEY_BYTES;
/// First byte of a token; raised when relays would misread an older or newer one.
const VERSION: u8 = 1;
/// Signed before the token's bytes, so that no other signature of the center's key can be taken for a token.
const CONTEXT: &[u8] = b"tessera relay token";

/// A pair of ends; drawn at random by the center for each introduction.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChannelId(pub [u8; 16]);

impl fmt::Debug for ChannelId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        hex::write(&self.0, f)
    }
}

/// The session that a channel belongs to; limits at the relay count for all channels of a session together.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionId(pub [u8; 16]);

impl fmt::Debug for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        hex::write(&self.0, f)
    }
}

/// Which end of a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Side {
    /// Who asked for the session's number.
    Joiner,
    /// Whose session it is.
    Host,
}

impl Side {
    /// The end that this one's packets are forwarded to.
    pub fn other(self) -> Self {
        match self {
            Self::Joiner => Self::Host,
            Self::Host => Self::Joiner,
        }
    }

    /// 0 or 1.
    pub fn index(self) -> usize {
        usize::from(self.code())
    }

    fn code(self) -> u8 {
        match self {
            Self::Joiner => 0,
            Self::Host => 1,
        }
    }

    fn from_code(code: u8) -> Option<Self> {
        match code {
            0 => Some(Self::Joiner),
            1 => Some(Self::Host),
            _ => None,
        }
    }
}

/// What a signed token says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// Which end.
    pub side: Side,
    /// Of which channel.
    pub channel: ChannelId,
    /// Of which session.
    pub session: SessionId,
    /// Who may use it: nobody without this key.
    pub holder: Fingerprint,
    /// Until when: seconds since 1970-01-01T00:00Z, without leap seconds.
    pub expires_unix_s: u64,
    /// What the relay forwards of the session in the long run, all channels and both directions together, in units of
    /// 1000 bits a second. Not zero.
    pub rate_kbit_s: u32,
    /// What the relay forwards of the session altogether, in units of 2^20 bytes. Not zero.
    pub allowance_mib: u32,
}

impl Token {
    /// Signs the token as the center whose identity `center` is.
    pub fn sign(&self, center: &Identity) -> SignedToken {
        let mut bytes = [0; TOKEN_BYTES];
        let issuer = center.public_key();
        let parts: [&[u8]; 8] = [
            &[VERSION, self.side.code()],
            &self.channel.0,
            &self.session.0,
            self.holder.as_bytes(),
            &self.expires_unix_s.to_le_bytes(),
            &self.rate_kbit_s.to_le_bytes(),
            &self.allowance_mib.to_le_bytes(),
            issuer.as_bytes(),
        ];
        let mut signed = Vec::with_capacity(CONTEXT.len() + SIGNED_BYTES);
        signed.extend_from_slice(CONTEXT);
        parts.iter().for_each(|part| signed.extend_from_slice(part));
        let signature = center.sign(&signed);
        let fields = signed.iter().skip(CONTEXT.len()).chain(signature.as_bytes());
        for (byte, field) in bytes.iter_mut().zip(fields) {
            *byte = *field;
        }
        SignedToken(Box::new(bytes))
    }
}

/// A text is not a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this is not a relay token of {TOKEN_BYTES} bytes in hexadecimal digits")]
pub struct TokenTextError;

/// A token as it travels: [`TOKEN_BYTES`] bytes, in JSON as hexadecimal digits. It is no secret: without its holder's key
/// it opens nothing.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct SignedToken(Box<[u8; TOKEN_BYTES]>);

impl SignedToken {
    /// The token as bytes.
    pub fn as_bytes(&self) -> &[u8; TOKEN_BYTES] {
        &self.0
    }

    /// What the token says, if `center` signed it.
    pub fn verify(&self, center: Fingerprint) -> Option<Token> {
        let (fields, signature) = self.0.split_at(SIGNED_BYTES);
        let (token, issuer) = parse(Bytes::copy_from_slice(fields)).ok()??;
        let signature = Signature::from(<[u8; SIGNATURE_BYTES]>::try_from(signature).ok()?);
        let is_signed = issuer.fingerprint() == center
            && issuer.verifies(&[CONTEXT, fields].concat(), &signature);
        is_signed.then_some(token)
    }

    /// What the token claims, whoever made it up; for its holder, who got it from the center. `None` when it is of
    /// another version, or says nothing that could be.
    pub fn claims(&self) -> Option<Token> {
        parse(Bytes::copy_from_slice(&self.0[..SIGNED_BYTES])).ok()?.map(|(token, _)| token)
    }
}

fn parse(fields: Bytes) -> Result<Option<(Token, PublicKey)>, Truncated> {
    let mut reader = Reader(fields);
    let version = reader.u8()?;
    let side = Side::from_code(reader.u8()?);
    let channel = ChannelId(reader.array()?);
    let session = SessionId(reader.array()?);
    let holder = Fingerprint::from(reader.array::<32>()?);
    let expires_unix_s = reader.u64()?;
    let rate_kbit_s = reader.u32()?;
    let allowance_mib = reader.u32()?;
    let issuer = PublicKey::from(reader.array::<PUBLIC_KEY_BYTES>()?);
    let Some(side) = side.filter(|_| version == VERSION && rate_kbit_s > 0 && allowance_mib > 0)
    else {
        return Ok(None);
    };
    let token =
        Token { side, channel, session, holder, expires_unix_s, rate_kbit_s, allowance_mib };
    Ok(Some((token, issuer)))
}

impl From<[u8; TOKEN_BYTES]> for SignedToken {
    /// Takes any bytes: what is no token of the center's is not verified.
    fn from(bytes: [u8; TOKEN_BYTES]) -> Self {
        Self(Box::new(bytes))
    }
}

impl fmt::Debug for SignedToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SignedToken").field(&self.claims()).finish()
    }
}

impl From<SignedToken> for String {
    fn from(token: SignedToken) -> Self {
        hex::to_string(&token.0[..])
    }
}

impl TryFrom<String> for SignedToken {
    type Error = TokenTextError;

    fn try_from(text: String) -> Result<Self, TokenTextError> {
        hex::parse(&text).map(|bytes| Self(Box::new(bytes))).ok_or(TokenTextError)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(holder: Fingerprint) -> Token {
        Token {
            side: Side::Host,
            channel: ChannelId([1; 16]),
            session: SessionId([2; 16]),
            holder,
            expires_unix_s: 1_800_000_000,
            rate_kbit_s: 100_000,
            allowance_mib: 1024,
        }
    }

    #[test]
    fn a_token_says_what_was_signed_and_only_by_the_right_center() {
        let center = Identity::ephemeral().expect("a key");
        let other = Identity::ephemeral().expect("a key");
        let token = token(other.fingerprint());
        let signed = token.sign(&center);
        assert_eq!(signed.verify(center.fingerprint()), Some(token.clone()));
        assert_eq!(signed.claims(), Some(token));
        assert_eq!(signed.verify(other.fingerprint()), None);
    }

    #[test]
    fn no_bit_of_a_token_can_be_changed() {
        let center = Identity::ephemeral().expect("a key");
        let signed = token(center.fingerprint()).sign(&center);
        for index in 0..TOKEN_BYTES {
            let mut bytes = *signed.as_bytes();
            bytes[index] ^= 1;
            assert_eq!(SignedToken::from(bytes).verify(center.fingerprint()), None, "byte {index}");
        }
    }

    #[test]
    fn a_token_that_allows_nothing_or_is_of_another_version_is_none() {
        let center = Identity::ephemeral().expect("a key");
        let good = token(center.fingerprint());
        for bad in
            [Token { rate_kbit_s: 0, ..good.clone() }, Token { allowance_mib: 0, ..good.clone() }]
        {
            assert_eq!(bad.sign(&center).verify(center.fingerprint()), None);
        }
        let mut newer = *good.sign(&center).as_bytes();
        newer[0] = VERSION + 1;
        assert_eq!(SignedToken::from(newer).claims(), None);
    }

    #[test]
    fn text_is_read_back() {
        let center = Identity::ephemeral().expect("a key");
        let signed = token(center.fingerprint()).sign(&center);
        let text = String::from(signed.clone());
        assert_eq!(SignedToken::try_from(text.clone()), Ok(signed));
        assert_eq!(SignedToken::try_from(text[1..].to_owned()), Err(TokenTextError));
    }
}
