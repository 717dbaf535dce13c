//! The history of sessions, for reports.

use tessera_transport::Fingerprint;
use tessera_transport::pairing::Number;

use super::{Store, now_s};
use crate::error::Error;
use crate::sessions::SessionId;

/// How a session came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CloseReason {
    /// Its CSR closed it.
    Closed,
    /// Its CSR was away for longer than the grace period.
    Lost,
    /// The enrolment of its CSR was taken away.
    Removed,
    /// The center ended, or had ended without closing it.
    CenterStopped,
}

impl CloseReason {
    fn as_str(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Lost => "lost",
            Self::Removed => "removed",
            Self::CenterStopped => "center_stopped",
        }
    }
}

impl SessionId {
    fn to_text(self) -> String {
        format!("{:032x}", self.0)
    }
}

impl Store {
    /// Records that a session was opened.
    pub(crate) async fn record_open(
        &self,
        id: SessionId,
        number: Number,
        csr: Fingerprint,
    ) -> Result<(), Error> {
        sqlx::query("INSERT INTO sessions (id, number, csr, opened_at_s) VALUES ($1, $2, $3, $4)")
            .bind(id.to_text())
            .bind(number.to_string())
            .bind(csr.to_string())
            .bind(now_s())
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// Records how a session ended.
    pub(crate) async fn record_close(
        &self,
        id: SessionId,
        reason: CloseReason,
    ) -> Result<(), Error> {
        sqlx::query(
            "UPDATE sessions SET closed_at_s = $1, close_reason = $2
             WHERE id = $3 AND closed_at_s IS NULL",
        )
        .bind(now_s())
        .bind(reason.as_str())
        .bind(id.to_text())
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// Records the end of every session still open: this center has none live, so another run left them.
    pub(crate) async fn record_stop(&self) -> Result<u64, Error> {
        let closed = sqlx::query(
            "UPDATE sessions SET closed_at_s = $1, close_reason = $2 WHERE closed_at_s IS NULL",
        )
        .bind(now_s())
        .bind(CloseReason::CenterStopped.as_str())
        .execute(&self.pool)
        .await?;
        Ok(closed.rows_affected())
    }
}
