//! Enrolled CSRs.

use sqlx::Row;
use sqlx::sqlite::SqliteRow;
use tessera_transport::Fingerprint;

use super::{Store, now_s};
use crate::error::Error;

/// A support representative's program that may open sessions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Csr {
    pub(crate) fingerprint: String,
    pub(crate) name: String,
    /// Seconds since the Unix epoch.
    pub(crate) enrolled_at_s: i64,
}

impl Csr {
    fn from_row(row: &SqliteRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            fingerprint: row.try_get("fingerprint")?,
            name: row.try_get("name")?,
            enrolled_at_s: row.try_get("enrolled_at_s")?,
        })
    }
}

impl Store {
    /// All enrolled CSRs in order of their names.
    pub(crate) async fn csrs(&self) -> Result<Vec<Csr>, Error> {
        let rows = sqlx::query(
            "SELECT fingerprint, name, enrolled_at_s FROM csrs
             WHERE removed_at_s IS NULL ORDER BY name, fingerprint",
        )
        .fetch_all(&self.pool)
        .await?;
        Ok(rows.iter().map(Csr::from_row).collect::<Result<_, _>>()?)
    }

    /// Whether the holder of this key may open sessions.
    pub(crate) async fn is_enrolled(&self, csr: Fingerprint) -> Result<bool, Error> {
        let row = sqlx::query("SELECT 1 FROM csrs WHERE fingerprint = $1 AND removed_at_s IS NULL")
            .bind(csr.to_string())
            .fetch_optional(&self.pool)
            .await?;
        Ok(row.is_some())
    }

    /// Takes the enrolment of the CSR of this name or fingerprint away and returns it.
    ///
    /// # Errors
    /// When none is enrolled under it, or several have this name.
    pub(crate) async fn remove_csr(&self, name_or_fingerprint: &str) -> Result<Csr, Error> {
        let mut matching = self.csrs().await?;
        matching.retain(|csr| {
            csr.name == name_or_fingerprint
                || csr.fingerprint.eq_ignore_ascii_case(name_or_fingerprint)
        });
        let csr = match matching.len() {
            0 => return Err(Error::NoSuchCsr),
            1 => matching.remove(0),
            _ => return Err(Error::AmbiguousCsr),
        };
        sqlx::query("UPDATE csrs SET removed_at_s = $1 WHERE fingerprint = $2")
            .bind(now_s())
            .bind(&csr.fingerprint)
            .execute(&self.pool)
            .await?;
        Ok(csr)
    }
}
