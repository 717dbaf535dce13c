//! The database against the real SQLite, in a folder of its own.

use std::fs;
use std::path::Path;

use sqlx::{Connection, Row};
use tempfile::TempDir;
use tessera_transport::Fingerprint;
use tessera_transport::pairing::Number;

use super::*;
use crate::sessions::SessionId;

fn folder() -> TempDir {
    tempfile::tempdir().expect("a temporary folder")
}

async fn create(folder: &Path) -> Store {
    Store::open_or_create(folder).await.expect("a new database")
}

fn csr(byte: u8) -> Fingerprint {
    Fingerprint::from([byte; 32])
}

/// Changes the closed database behind the program's back.
async fn execute(folder: &Path, statement: &'static str) {
    let options = SqliteConnectOptions::new().filename(folder.join(FILE_NAME));
    let mut connection = SqliteConnection::connect_with(&options).await.expect("opened");
    sqlx::query(statement).execute(&mut connection).await.expect("executed");
    connection.close().await.expect("closed");
}

fn contents(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut files: Vec<_> = fs::read_dir(folder)
        .expect("listed")
        .map(|entry| {
            let entry = entry.expect("an entry");
            let bytes = fs::read(entry.path()).expect("read");
            (entry.file_name().to_string_lossy().into_owned(), bytes)
        })
        .collect();
    files.sort();
    files
}

#[tokio::test]
async fn a_token_enrols_one_csr_once() {
    let folder = folder();
    let store = create(folder.path()).await;
    let hash = SecretHash::of(b"secret");
    store.add_token(&hash).await.expect("added");
    assert!(!store.enrol(&SecretHash::of(b"other"), csr(1), "Ann").await.expect("answered"));
    assert!(store.enrol(&hash, csr(1), "Ann").await.expect("answered"));
    assert!(!store.enrol(&hash, csr(2), "Bob").await.expect("answered"));
    assert!(store.is_enrolled(csr(1)).await.expect("answered"));
    assert!(!store.is_enrolled(csr(2)).await.expect("answered"));
}

#[tokio::test]
async fn of_two_enrolments_at_the_same_time_one_gets_the_token() {
    let folder = folder();
    let store = create(folder.path()).await;
    let hash = SecretHash::of(b"secret");
    store.add_token(&hash).await.expect("added");
    let (first, second) =
        tokio::join!(store.enrol(&hash, csr(1), "Ann"), store.enrol(&hash, csr(2), "Bob"));
    let enrolled = [first, second].into_iter().filter(|answer| matches!(answer, Ok(true))).count();
    assert_eq!(enrolled, 1);
    assert_eq!(store.csrs().await.expect("listed").len(), 1);
}

#[tokio::test]
async fn an_expired_token_enrols_nobody() {
    let folder = folder();
    let store = create(folder.path()).await;
    let hash = SecretHash::of(b"secret");
    store.add_token(&hash).await.expect("added");
    sqlx::query("UPDATE enrolment_tokens SET expires_at_s = $1")
        .bind(now_s())
        .execute(&store.pool)
        .await
        .expect("expired");
    assert!(!store.enrol(&hash, csr(1), "Ann").await.expect("answered"));
}

#[tokio::test]
async fn the_database_holds_no_secret() {
    let folder = folder();
    let store = create(folder.path()).await;
    let secret = b"a secret that is easy to find";
    store.add_token(&SecretHash::of(secret)).await.expect("added");
    store.close().await;
    for (name, bytes) in contents(folder.path()) {
        assert!(!bytes.windows(secret.len()).any(|window| window == secret), "{name}");
    }
}

#[tokio::test]
async fn a_removed_csr_is_gone_and_may_enrol_again() {
    let folder = folder();
    let store = create(folder.path()).await;
    for (byte, name) in [(1, "Ann"), (2, "Bob"), (3, "Bob")] {
        let hash = SecretHash::of(&[byte]);
        store.add_token(&hash).await.expect("added");
        assert!(store.enrol(&hash, csr(byte), name).await.expect("answered"));
    }
    assert!(matches!(store.remove_csr("Eve").await, Err(Error::NoSuchCsr)));
    assert!(matches!(store.remove_csr("Bob").await, Err(Error::AmbiguousCsr)));
    let removed = store.remove_csr(&csr(2).to_string().to_uppercase()).await.expect("removed");
    assert_eq!(removed.name, "Bob");
    assert_eq!(store.remove_csr("Ann").await.expect("removed").fingerprint, csr(1).to_string());
    assert!(!store.is_enrolled(csr(1)).await.expect("answered"));

    let hash = SecretHash::of(b"again");
    store.add_token(&hash).await.expect("added");
    assert!(store.enrol(&hash, csr(1), "Ann B.").await.expect("answered"));
    let names: Vec<_> =
        store.csrs().await.expect("listed").into_iter().map(|csr| csr.name).collect();
    assert_eq!(names, ["Ann B.", "Bob"]);
}

#[tokio::test]
async fn sessions_are_kept_with_the_reason_of_their_end() {
    let folder = folder();
    let store = create(folder.path()).await;
    let hash = SecretHash::of(b"secret");
    store.add_token(&hash).await.expect("added");
    assert!(store.enrol(&hash, csr(1), "Ann").await.expect("answered"));
    for id in [1, 2] {
        let number = Number::from_index(id).expect("in range");
        store.record_open(SessionId(id.into()), number, csr(1)).await.expect("recorded");
    }
    store.record_close(SessionId(1), CloseReason::Lost).await.expect("recorded");
    assert_eq!(store.record_stop().await.expect("recorded"), 1, "the other one was open");
    store.record_close(SessionId(2), CloseReason::Closed).await.expect("recorded");
    let rows = sqlx::query("SELECT id, close_reason FROM sessions ORDER BY id")
        .fetch_all(&store.pool)
        .await
        .expect("listed");
    let reasons: Vec<String> = rows.iter().map(|row| row.get("close_reason")).collect();
    assert_eq!(reasons, ["lost", "center_stopped"], "the first reason stays");
}

#[tokio::test]
async fn a_file_that_is_no_database_is_reported_and_left_alone() {
    let files = [&b"S"[..], b"\0", b"SQLite format 3", b"not a database", &[0; 100], &[0xa5; 8192]];
    for bytes in files {
        let folder = folder();
        fs::write(folder.path().join(FILE_NAME), bytes).expect("written");
        let error = Store::open_or_create(folder.path()).await.expect_err("damaged");
        assert!(matches!(error, Error::DatabaseDamaged { .. }), "{} bytes: {error}", bytes.len());
        let error = Store::open(folder.path()).await.expect_err("damaged");
        assert!(matches!(error, Error::DatabaseDamaged { .. }), "{} bytes: {error}", bytes.len());
        assert_eq!(contents(folder.path()), [(FILE_NAME.to_owned(), bytes.to_vec())]);
    }
}

#[tokio::test]
async fn an_empty_file_is_an_empty_database() {
    let folder = folder();
    fs::write(folder.path().join(FILE_NAME), b"").expect("written");
    let store = create(folder.path()).await;
    assert!(store.csrs().await.expect("listed").is_empty());
}

#[tokio::test]
async fn a_database_damaged_behind_its_header_is_reported_and_left_alone() {
    let folder = folder();
    create(folder.path()).await.close().await;
    let path = folder.path().join(FILE_NAME);
    let whole = fs::read(&path).expect("read");
    let (header, rest) = whole.split_at(4096);
    for damaged in [[header, &vec![0xa5; rest.len()]].concat(), header[..20].to_vec()] {
        fs::write(&path, &damaged).expect("written");
        let error = Store::open_or_create(folder.path()).await.expect_err("damaged");
        assert!(matches!(error, Error::DatabaseDamaged { .. }), "{error}");
        assert_eq!(fs::read(&path).expect("read"), damaged);
    }
}

#[tokio::test]
async fn a_newer_schema_is_refused_by_name_and_left_alone() {
    let folder = folder();
    create(folder.path()).await.close().await;
    execute(
        folder.path(),
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
         VALUES (9999, 'from the future', TRUE, x'00', 0)",
    )
    .await;
    let before = fs::read(folder.path().join(FILE_NAME)).expect("read");
    let error = Store::open_or_create(folder.path()).await.expect_err("too new");
    assert!(matches!(error, Error::SchemaNewer { version: 9999, .. }), "{error}");
    assert_eq!(fs::read(folder.path().join(FILE_NAME)).expect("read"), before);
}

#[tokio::test]
async fn commands_do_not_make_a_center_where_there_is_none() {
    let folder = folder();
    let error = Store::open(folder.path()).await.expect_err("none");
    assert!(matches!(error, Error::NoCenterHere { .. }), "{error}");
    assert!(contents(folder.path()).is_empty());
}
