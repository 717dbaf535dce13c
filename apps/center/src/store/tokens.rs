//! One-time enrolment tokens, kept as hashes, and the enrolment that uses one up.

use std::fmt::Write;
use std::time::Duration;

use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use tessera_transport::Fingerprint;

use super::{Store, now_s};
use crate::error::Error;

/// How long a token waits for its CSR: a working day and the night after it; arbitrary, a new one is one
/// command away.
const LIFETIME: Duration = Duration::from_secs(24 * 3600);

/// SHA-256 of a token's secret. The secret is random, so neither salt nor stretching would add anything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SecretHash(String);

impl SecretHash {
    pub(crate) fn of(secret: &[u8]) -> Self {
        let mut hex = String::with_capacity(64);
        for byte in Sha256::digest(secret) {
            // Writing to a String cannot fail.
            let _ = write!(hex, "{byte:02x}");
        }
        Self(hex)
    }
}

impl Store {
    /// Makes the token with this hash valid for one enrolment within [`LIFETIME`].
    pub(crate) async fn add_token(&self, hash: &SecretHash) -> Result<(), Error> {
        let now_s = now_s();
        let expires_at_s = now_s.saturating_add_unsigned(LIFETIME.as_secs());
        sqlx::query(
            "INSERT INTO enrolment_tokens (secret_hash, created_at_s, expires_at_s)
             VALUES ($1, $2, $3)",
        )
        .bind(&hash.0)
        .bind(now_s)
        .bind(expires_at_s)
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// Uses the token with this hash up and enrols `csr` in one transaction.
    ///
    /// Answers `false`, changing nothing, when the token is unknown, used or expired.
    pub(crate) async fn enrol(
        &self,
        hash: &SecretHash,
        csr: Fingerprint,
        name: &str,
    ) -> Result<bool, Error> {
        let now_s = now_s();
        let valid: Vec<String> = sqlx::query_scalar(
            "SELECT secret_hash FROM enrolment_tokens
             WHERE used_at_s IS NULL AND expires_at_s > $1",
        )
        .bind(now_s)
        .fetch_all(&self.pool)
        .await?;
        let mut is_valid = false;
        for other in &valid {
            is_valid |= bool::from(other.as_bytes().ct_eq(hash.0.as_bytes()));
        }
        if !is_valid {
            return Ok(false);
        }

        let csr = csr.to_string();
        let mut transaction = self.pool.begin().await?;
        sqlx::query(
            "INSERT INTO csrs (fingerprint, name, enrolled_at_s) VALUES ($1, $2, $3)
             ON CONFLICT (fingerprint)
             DO UPDATE SET name = excluded.name, enrolled_at_s = excluded.enrolled_at_s,
                           removed_at_s = NULL",
        )
        .bind(&csr)
        .bind(name)
        .bind(now_s)
        .execute(&mut *transaction)
        .await?;
        // Two enrolments may have found the same token valid; only one of them changes this row.
        let used = sqlx::query(
            "UPDATE enrolment_tokens SET used_at_s = $1, used_by = $2
             WHERE secret_hash = $3 AND used_at_s IS NULL",
        )
        .bind(now_s)
        .bind(&csr)
        .bind(&hash.0)
        .execute(&mut *transaction)
        .await?;
        if used.rows_affected() != 1 {
            return Ok(false);
        }
        transaction.commit().await?;
        Ok(true)
    }
}
