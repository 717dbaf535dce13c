//! What outlives the program: enrolled CSRs, enrolment tokens (hashed) and the history of sessions.
//!
//! The only module that speaks SQL. Statements use what SQLite and PostgreSQL share — `$n` parameters, TEXT and
//! BIGINT columns — so that a second database is another pool here and nothing elsewhere. Which numbers are live
//! is not stored: see [`sessions`](crate::sessions).

mod csrs;
mod sessions;
mod tokens;

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use sqlx::migrate::{MigrateError, Migrator};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{Connection, SqliteConnection, SqlitePool};

use crate::error::Error;

pub(crate) use csrs::Csr;
pub(crate) use sessions::CloseReason;
pub(crate) use tokens::SecretHash;

static MIGRATIONS: Migrator = sqlx::migrate!();

/// Name of the database in the data directory; SQLite keeps `-wal` and `-shm` files beside it.
const FILE_NAME: &str = "center.sqlite3";

/// How long a statement waits for another process, such as `tessera-center token`, to finish its own.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// Connections in the pool; SQLite runs one write at a time, so more would only wait for each other.
const MAX_CONNECTIONS: u32 = 4;

/// The database of one center.
#[derive(Clone, Debug)]
pub(crate) struct Store {
    pool: SqlitePool,
}

impl Store {
    /// Opens the database in `data_dir`, making it when there is none, and brings its schema up to date.
    ///
    /// # Errors
    /// A file that is damaged or of a newer program is reported and left as it is.
    pub(crate) async fn open_or_create(data_dir: &Path) -> Result<Self, Error> {
        Self::open_file(&data_dir.join(FILE_NAME), true).await
    }

    /// As [`open_or_create`](Self::open_or_create), but only where a center has run before.
    pub(crate) async fn open(data_dir: &Path) -> Result<Self, Error> {
        let path = data_dir.join(FILE_NAME);
        if !path.exists() {
            return Err(Error::NoCenterHere { data_dir: data_dir.to_owned() });
        }
        Self::open_file(&path, false).await
    }

    async fn open_file(path: &Path, create: bool) -> Result<Self, Error> {
        check_header(path)?;
        if create && path.exists() {
            check(path).await?;
        }
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(create)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Normal)
            .foreign_keys(true)
            .busy_timeout(BUSY_TIMEOUT);
        let pool = SqlitePoolOptions::new()
            .max_connections(MAX_CONNECTIONS)
            .connect_with(options)
            .await
            .map_err(|source| opening_error(path, source))?;
        MIGRATIONS.run(&pool).await.map_err(|source| match source {
            MigrateError::VersionMissing(version) | MigrateError::VersionTooNew(version, _) => {
                Error::SchemaNewer { path: path.to_owned(), version }
            }
            MigrateError::Execute(source) | MigrateError::ExecuteMigration(source, _) => {
                opening_error(path, source)
            }
            source => Error::Migration { path: path.to_owned(), source },
        })?;
        Ok(Self { pool })
    }

    /// Whether the database answers, for the health check.
    pub(crate) async fn is_alive(&self) -> bool {
        sqlx::query("SELECT 1").execute(&self.pool).await.is_ok()
    }

    /// Writes what is pending and closes the file.
    pub(crate) async fn close(&self) {
        self.pool.close().await;
    }
}

/// The first bytes of every database: <https://sqlite.org/fileformat2.html#magic_header_string>.
const HEADER: &[u8] = b"SQLite format 3\0";

/// Refuses a file that is no database. SQLite does too, except for a file of one byte: that it takes for an empty
/// database and writes over it. A file of no bytes is an empty database.
fn check_header(path: &Path) -> Result<(), Error> {
    let unusable = |source| Error::DataDirUnusable { path: path.to_owned(), source };
    let file = match File::open(path) {
        Ok(file) => file,
        Err(source) if source.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(source) => return Err(unusable(source)),
    };
    let mut start = Vec::with_capacity(HEADER.len());
    file.take(HEADER.len() as u64).read_to_end(&mut start).map_err(unusable)?;
    if start.is_empty() || start == HEADER {
        return Ok(());
    }
    Err(Error::DatabaseDamaged { path: path.to_owned() })
}

/// Reads an existing database through before anything may write to it.
async fn check(path: &Path) -> Result<(), Error> {
    let options =
        SqliteConnectOptions::new().filename(path).read_only(true).busy_timeout(BUSY_TIMEOUT);
    let fault = |source| opening_error(path, source);
    let mut connection = SqliteConnection::connect_with(&options).await.map_err(fault)?;
    let verdict: String = sqlx::query_scalar("PRAGMA quick_check(1)")
        .fetch_one(&mut connection)
        .await
        .map_err(fault)?;
    connection.close().await.map_err(fault)?;
    if verdict == "ok" { Ok(()) } else { Err(Error::DatabaseDamaged { path: path.to_owned() }) }
}

/// Primary result codes of SQLite: <https://sqlite.org/rescode.html>.
const SQLITE_CORRUPT: u32 = 11;
const SQLITE_CANTOPEN: u32 = 14;
const SQLITE_READONLY: u32 = 8;
const SQLITE_NOTADB: u32 = 26;

fn opening_error(path: &Path, source: sqlx::Error) -> Error {
    // The low byte of an extended result code is its primary one.
    let code = source
        .as_database_error()
        .and_then(sqlx::error::DatabaseError::code)
        .and_then(|code| code.parse::<u32>().ok())
        .map(|code| code & 0xff);
    let path: PathBuf = path.to_owned();
    match code {
        Some(SQLITE_CORRUPT | SQLITE_NOTADB) => Error::DatabaseDamaged { path },
        Some(SQLITE_CANTOPEN | SQLITE_READONLY) => Error::DataDirUnusable {
            path,
            source: io::Error::from(io::ErrorKind::PermissionDenied),
        },
        _ => Error::Database(source),
    }
}

/// Seconds since the Unix epoch, as every time in the database.
fn now_s() -> i64 {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since_epoch.as_secs()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests;
