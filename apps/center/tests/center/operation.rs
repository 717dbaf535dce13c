//! What an operator sees: starting, stopping, restarting, and every way in which it can go wrong.

use std::fs;
use std::net::{TcpListener, UdpSocket};

use crate::harness::{Center, Program, addresses, run, stderr};
use serde::Deserialize;
use tessera_transport::json;

/// The fields of a log line that must always be there.
#[derive(Deserialize)]
struct LogLine {
    timestamp: String,
    level: String,
}

const SERVE: [&str; 5] = ["serve", "--listen", "127.0.0.1:0", "--http", "127.0.0.1:0"];

#[tokio::test]
async fn both_signals_end_it_cleanly_and_the_log_is_json_without_secrets() {
    for signal in ["INT", "TERM"] {
        let data = tempfile::tempdir().expect("a folder");
        let center = Center::start(data.path(), &[]);
        let token = center.token();
        let (_csr, mut client) = Program::enrolled(&center, &token, "Ann").await;
        client.open_session(addresses(4000)).await.expect("opened");
        center.signal(signal);
        let (status, log) = center.wait();
        assert_eq!(status.code(), Some(0), "SIG{signal}: {log}");
        let (_, secret) = token
            .reveal()
            .split_once('-')
            .map(|(a, b)| (a.to_owned(), b.to_owned()))
            .expect("two halves");
        assert!(!log.contains(&secret), "the secret is in the log");
        assert!(log.lines().count() >= 3, "{log}");
        for line in log.lines() {
            let parsed: LogLine = json::parse(&mut line.as_bytes().to_vec(), 1 << 16).expect(line);
            assert!(!parsed.timestamp.is_empty() && !parsed.level.is_empty());
        }
    }
}

#[tokio::test]
async fn a_restart_keeps_certificate_and_enrolments_and_no_number() {
    let data = tempfile::tempdir().expect("a folder");
    let first = Center::start(data.path(), &[]);
    let fingerprint = first.announced("fingerprint").expect("announced").to_owned();
    let (csr, mut client) = Program::enrolled(&first, &first.token(), "Ann").await;
    let number = client.open_session(addresses(4000)).await.expect("opened");
    drop(first); // Killed, not stopped: nothing was put in order.

    let second = Center::start(data.path(), &[]);
    assert_eq!(second.announced("fingerprint"), Some(fingerprint.as_str()));
    assert_eq!(second.announced("enrolment token"), None, "a CSR is enrolled");
    let mut client = csr.connect(&second).await;
    assert!(client.find(number).await.is_err(), "a number of the first run is live");
    client.open_session(addresses(4000)).await.expect("still enrolled");
}

#[test]
fn a_second_center_in_the_same_folder_is_refused() {
    let data = tempfile::tempdir().expect("a folder");
    let _center = Center::start(data.path(), &[]);
    let output = run(&SERVE, data.path());
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("already serves"), "{}", stderr(&output));
}

#[test]
fn a_port_in_use_is_named_with_the_flag_that_changes_it() {
    let data = tempfile::tempdir().expect("a folder");
    let udp = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    let taken = udp.local_addr().expect("an address").to_string();
    let output = run(&["serve", "--listen", &taken, "--http", "127.0.0.1:0"], data.path());
    assert_eq!(output.status.code(), Some(1));
    let text = stderr(&output);
    assert!(text.contains(&taken) && text.contains("--listen"), "{text}");

    let tcp = TcpListener::bind("127.0.0.1:0").expect("a socket");
    let taken = tcp.local_addr().expect("an address").to_string();
    let output = run(&["serve", "--listen", "127.0.0.1:0", "--http", &taken], data.path());
    assert_eq!(output.status.code(), Some(1));
    let text = stderr(&output);
    assert!(text.contains(&taken) && text.contains("--http"), "{text}");
}

#[test]
fn a_damaged_database_is_named_and_kept() {
    let data = tempfile::tempdir().expect("a folder");
    let path = data.path().join("center.sqlite3");
    let garbage = [0xa5; 20_000];
    fs::write(&path, garbage).expect("written");
    for arguments in [&SERVE[..], &["token"], &["csr", "list"]] {
        let output = run(arguments, data.path());
        assert_eq!(output.status.code(), Some(1));
        let text = stderr(&output);
        assert!(text.contains("center.sqlite3") && text.contains("damaged"), "{text}");
        assert!(output.stdout.is_empty(), "nothing is announced");
    }
    assert_eq!(fs::read(&path).expect("read"), garbage);
}

#[test]
fn a_data_folder_that_cannot_be_is_named_with_the_flag_that_changes_it() {
    let data = tempfile::tempdir().expect("a folder");
    let file = data.path().join("file");
    fs::write(&file, "").expect("written");
    let output = run(&SERVE, &file.join("folder"));
    assert_eq!(output.status.code(), Some(1));
    let text = stderr(&output);
    assert!(text.contains("file/folder") && text.contains("--data"), "{text}");
    assert_eq!(text.lines().count(), 1, "{text}");
}

#[test]
fn commands_say_where_no_center_has_run() {
    let data = tempfile::tempdir().expect("a folder");
    for arguments in [&["token"][..], &["csr", "list"], &["csr", "remove", "Ann"]] {
        let output = run(arguments, data.path());
        assert_eq!(output.status.code(), Some(1));
        assert!(stderr(&output).contains("no center"), "{}", stderr(&output));
    }
    assert_eq!(fs::read_dir(data.path()).expect("listed").count(), 0);
}

#[test]
fn removing_an_unknown_csr_is_an_error() {
    let data = tempfile::tempdir().expect("a folder");
    let _center = Center::start(data.path(), &[]);
    let output = run(&["csr", "remove", "nobody"], data.path());
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("csr list"), "{}", stderr(&output));
}
