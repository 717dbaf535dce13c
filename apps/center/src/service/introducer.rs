//! Introduces two participants: draws a channel, and signs for each end the token that relays let it bind with.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use tessera_transport::center::{Introduction, RelayPlace};
use tessera_transport::relay::{ChannelId, SessionId as RelayedSession, Side, Token};
use tessera_transport::{Fingerprint, Identity};

use super::requests::random;
use crate::error::Error;
use crate::sessions::SessionId;

/// Until when a token is good: longer than a session of support lasts, and a rejoin brings a new one.
const TOKEN_LIFETIME_S: u64 = 24 * 60 * 60;
/// What a relay passes of one session altogether, in MiB: 45 minutes at 200 Mbit/s, days of ordinary use.
const ALLOWANCE_MIB: u32 = 64 << 10;

/// The center's part of a relayed channel.
#[derive(Debug)]
pub(crate) struct Introducer {
    /// Signs the tokens.
    pub(crate) identity: Arc<Identity>,
    /// The relays that take them, 1 to [`MAX_RELAYS`](tessera_transport::center::MAX_RELAYS).
    pub(crate) relays: Vec<RelayPlace>,
    /// What a relay passes of one session in the long run, in kbit/s.
    pub(crate) rate_kbit_s: u32,
}

impl Introducer {
    /// A new channel of `session`, as `joiner` and `host` are to be told of it.
    pub(super) fn introduce(
        &self,
        session: SessionId,
        joiner: Fingerprint,
        host: Fingerprint,
    ) -> Result<(Introduction, Introduction), Error> {
        let channel = ChannelId(random()?);
        let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let introduce = |side, holder| {
            let token = Token {
                side,
                channel,
                session: RelayedSession(session.0.to_le_bytes()),
                holder,
                expires_unix_s: unix.as_secs() + TOKEN_LIFETIME_S,
                rate_kbit_s: self.rate_kbit_s,
                allowance_mib: ALLOWANCE_MIB,
            };
            Introduction { token: token.sign(&self.identity), relays: self.relays.clone() }
        };
        Ok((introduce(Side::Joiner, joiner), introduce(Side::Host, host)))
    }
}
