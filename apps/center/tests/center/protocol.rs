//! The center protocol between the real program and the real client.

use std::path::Path;
use std::time::{Duration, Instant};

use crate::harness::{Center, Program, addresses, run};
use bytes::Bytes;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{Connection, SqliteConnection};
use tessera_transport::center::{
    CenterError, EnrolmentToken, MAX_ADDRESSES, MAX_MESSAGE_BYTES, Refusal,
};
use tessera_transport::pairing::Number;
use tessera_transport::{CloseReason, Closed, Fingerprint, Protocol, Trust};

fn refusal<T: std::fmt::Debug>(answer: Result<T, CenterError>) -> Refusal {
    match answer {
        Err(CenterError::Refused { reason, .. }) => reason,
        other => panic!("not a refusal: {other:?}"),
    }
}

#[tokio::test]
async fn a_csr_enrols_once_opens_a_session_and_is_found() {
    let data = tempfile::tempdir().expect("a folder");
    let center = Center::start(data.path(), &[]);
    let token = center.token();
    assert_eq!(Some(token.center), center.address().fingerprint);

    let stranger = Program::new();
    let mut stranger_client = stranger.connect(&center).await;
    let refused = stranger_client.open_session(addresses(4000)).await;
    assert_eq!(refusal(refused), Refusal::NotEnrolled);
    let wrong = EnrolmentToken::generate(token.center).expect("random").secret;
    let refused = stranger_client.enrol(wrong, "Eve".to_owned()).await;
    assert_eq!(refusal(refused), Refusal::Token);

    let (csr, mut client) = Program::enrolled(&center, &token, "Ann").await;
    let refused = stranger_client.enrol(token.secret, "Eve".to_owned()).await;
    assert_eq!(refusal(refused), Refusal::Token, "a token enrols once");

    let number = client.open_session(addresses(4000)).await.expect("opened");
    assert_eq!(number.to_string().len(), 9);
    let found = stranger_client.find(number).await.expect("found");
    assert_eq!(found.addresses, addresses(4000));
    assert_eq!(found.csr, csr.endpoint.fingerprint());
    assert_eq!(center.metric("tessera_center_sessions_live"), 1);

    assert_eq!(refusal(stranger_client.close_session(number).await), Refusal::NotFound);
    client.close_session(number).await.expect("closed");
    assert_eq!(refusal(stranger_client.find(number).await), Refusal::NotFound);
    assert_eq!(center.metric("tessera_center_joins_total"), 1);
    assert_eq!(center.metric("tessera_center_joins_refused_total{reason=\"not_found\"}"), 1);
    assert_eq!(center.metric("tessera_center_enrolments_total"), 1);
    assert_eq!(center.http("/healthz"), "ok\n");
}

#[tokio::test]
async fn a_number_dies_with_its_connection_when_the_grace_period_is_over() {
    let data = tempfile::tempdir().expect("a folder");
    let center = Center::start(data.path(), &["--grace-seconds", "0"]);
    let (_csr, mut client) = Program::enrolled(&center, &center.token(), "Ann").await;
    let joiner = Program::new();
    let mut joining = joiner.connect(&center).await;
    let number = client.open_session(addresses(4000)).await.expect("opened");
    joining.find(number).await.expect("found");
    client.disconnect();
    // The farewell and the question travel on different connections, and the end is recorded a moment after it: ask
    // until it has arrived.
    let gone = async {
        let mut looks = tokio::time::interval(Duration::from_millis(100));
        let refused = loop {
            let answer = joining.find(number).await;
            if answer.is_err() {
                break answer;
            }
            looks.tick().await;
        };
        assert_eq!(refusal(refused), Refusal::NotFound);
        while close_reason(data.path()).await.as_deref() != Some("lost") {
            looks.tick().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), gone).await.expect("live or not recorded");
}

/// What the database of a running center says about the end of its only session.
async fn close_reason(data: &Path) -> Option<String> {
    let options = SqliteConnectOptions::new().filename(data.join("center.sqlite3")).read_only(true);
    let mut database = SqliteConnection::connect_with(&options).await.expect("opened");
    let reason = sqlx::query_scalar("SELECT close_reason FROM sessions")
        .fetch_one(&mut database)
        .await
        .expect("one session");
    database.close().await.expect("closed");
    reason
}

#[tokio::test]
async fn a_csr_that_reconnects_in_time_keeps_its_number_and_only_it_does() {
    let data = tempfile::tempdir().expect("a folder");
    let center = Center::start(data.path(), &[]);
    let token = center.token();
    let (ann, mut client) = Program::enrolled(&center, &token, "Ann").await;
    let number = client.open_session(addresses(4000)).await.expect("opened");
    client.disconnect();

    let more = run(&["token"], data.path());
    let token = String::from_utf8(more.stdout).expect("text").parse().expect("a token");
    let (_bob, mut other) = Program::enrolled(&center, &token, "Bob").await;
    assert_eq!(refusal(other.resume_session(number, addresses(1)).await), Refusal::NotFound);

    let mut again = ann.connect(&center).await;
    again.resume_session(number, addresses(4001)).await.expect("resumed");
    let found = other.find(number).await.expect("found");
    assert_eq!(found.addresses, addresses(4001));
}

#[tokio::test]
async fn a_flood_of_joins_is_limited_and_others_are_not_told_more() {
    let data = tempfile::tempdir().expect("a folder");
    let center = Center::start(data.path(), &[]);
    let program = Program::new();
    let mut never_was = Vec::new();
    let mut limited = 0;
    for index in 0..40 {
        let mut client = program.connect(&center).await;
        let number = Number::from_index(index).expect("in range");
        let asked = Instant::now();
        match refusal(client.find(number).await) {
            Refusal::NotFound => never_was.push(asked.elapsed()),
            Refusal::Busy => limited += 1,
            other => panic!("{other:?}"),
        }
        client.disconnect();
    }
    assert!(limited >= 5, "{limited} of 40 were limited");
    assert!(never_was.len() >= 20, "the first 20 are answered");
    assert!(never_was.iter().all(|delay| *delay >= Duration::from_millis(300)), "{never_was:?}");
    assert_eq!(
        center.metric("tessera_center_joins_refused_total{reason=\"rate_limited\"}"),
        limited
    );
}

#[tokio::test]
async fn guesses_at_tokens_are_limited() {
    let data = tempfile::tempdir().expect("a folder");
    let center = Center::start(data.path(), &[]);
    let program = Program::new();
    let mut client = program.connect(&center).await;
    let mut answers = Vec::new();
    for _ in 0..8 {
        let wrong = EnrolmentToken::generate(Fingerprint::from([0; 32])).expect("random").secret;
        answers.push(refusal(client.enrol(wrong, "Eve".to_owned()).await));
    }
    assert_eq!(answers[..5], [Refusal::Token; 5]);
    assert_eq!(answers[7], Refusal::Busy);
}

#[tokio::test]
async fn a_removed_csr_loses_session_and_connection() {
    let data = tempfile::tempdir().expect("a folder");
    let center = Center::start(data.path(), &[]);
    let (csr, mut client) = Program::enrolled(&center, &center.token(), "Ann").await;
    let number = client.open_session(addresses(4000)).await.expect("opened");
    let list = run(&["csr", "list"], data.path());
    let list = String::from_utf8(list.stdout).expect("text");
    assert!(
        list.contains("Ann") && list.contains(&csr.endpoint.fingerprint().to_string()),
        "{list}"
    );
    assert!(run(&["csr", "remove", "Ann"], data.path()).status.success());
    let end = client.closed().await;
    assert!(matches!(end, Closed::ByPeer(CloseReason::NotAdmitted(_))), "{end:?}");
    let mut again = csr.connect(&center).await;
    assert_eq!(refusal(again.find(number).await), Refusal::NotFound);
    assert_eq!(refusal(again.open_session(addresses(4000)).await), Refusal::NotEnrolled);
}

#[tokio::test]
async fn requests_out_of_bounds_are_refused_each_with_its_reason() {
    let data = tempfile::tempdir().expect("a folder");
    let center = Center::start(data.path(), &[]);
    let program = Program::new();
    let mut client = program.connect(&center).await;
    let token = center.token();
    let refused = client.enrol(token.secret.clone(), "Ann\u{1b}[2J".to_owned()).await;
    assert_eq!(refusal(refused), Refusal::Name);
    client.enrol(token.secret, "Ann".to_owned()).await.expect("the token is still good");
    for bad in [vec![], addresses(0), vec![addresses(1)[0]; MAX_ADDRESSES + 1]] {
        assert_eq!(refusal(client.open_session(bad).await), Refusal::Addresses);
    }
    for port in 1..=16 {
        client.open_session(addresses(port)).await.expect("opened");
    }
    assert_eq!(refusal(client.open_session(addresses(17)).await), Refusal::TooManySessions);
}

#[tokio::test]
async fn garbage_disconnects_its_sender_and_nobody_else() {
    let data = tempfile::tempdir().expect("a folder");
    let center = Center::start(data.path(), &[]);
    let (_csr, mut client) = Program::enrolled(&center, &center.token(), "Ann").await;
    let number = client.open_session(addresses(4000)).await.expect("opened");

    let oversize = format!(r#"{{"request":"find","number":"{}"}}"#, "1".repeat(MAX_MESSAGE_BYTES));
    let deep = "[".repeat(1000);
    let messages = [&b"\xff\xfe"[..], b"", b"{}", oversize.as_bytes(), deep.as_bytes()];
    for message in messages {
        let program = Program::new();
        let address = center.address().resolve().await.expect("resolved")[0];
        let link = program
            .endpoint
            .connect(address, Protocol::CENTER, Trust::AnyKey)
            .await
            .expect("connected");
        let (mut send, _receive) = link.control().await.expect("a control stream");
        send.send(Bytes::copy_from_slice(message)).await.expect("sent");
        let end = link.closed().await;
        assert!(matches!(end, Closed::ByPeer(CloseReason::ProtocolViolation(_))), "{end:?}");
    }
    assert_eq!(center.metric("tessera_center_protocol_errors_total"), messages.len() as u64);
    client.find(number).await.expect("the session goes on");
}

#[tokio::test]
async fn a_connection_that_asks_without_end_is_ended() {
    let data = tempfile::tempdir().expect("a folder");
    let center = Center::start(data.path(), &[]);
    let program = Program::new();
    let mut client = program.connect(&center).await;
    let mut answered = 0;
    let number = Number::from_index(5).expect("in range");
    let lost = loop {
        match client.close_session(number).await {
            Err(CenterError::Refused { reason: Refusal::NotFound, .. }) => answered += 1,
            Err(error) => break error,
            Ok(()) => panic!("there is no session"),
        }
        assert!(answered < 1_000, "no limit was met");
    };
    assert!(answered >= 64, "{answered} were answered");
    assert!(matches!(lost, CenterError::Lost(_)), "{lost:?}");
}
