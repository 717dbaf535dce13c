//! What is logged while codes are tried.
//!
//! A program of its own: `tracing` remembers for the whole process whether a line is of interest, and threads without a
//! subscriber would say no.

mod ends;

use ends::{endpoint, number, run, try_code, wrong};
use std::io::Write;
use std::sync::{Arc, Mutex};
use tessera_transport::Protocol;
use tessera_transport::pairing::Door;

/// Keeps what is logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("no panic").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn no_log_line_holds_a_secret() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(move || writer.clone())
        .finish();
    let (right, mistyped) = tracing::subscriber::with_default(subscriber, || {
        run(async {
            let (client, server) = (endpoint(None), endpoint(Some(Protocol::SESSION)));
            let door = Door::new(number()).expect("random");
            let code = door.code();
            let mistyped = wrong(&code);
            try_code(&client, &server, &door, &code).await.0.expect("admitted");
            try_code(&client, &server, &door, &mistyped).await.0.expect_err("refused");
            tracing::info!(?door, ?code, "debug output is as safe as the rest");
            (code, mistyped)
        })
    });
    let log = log.0.lock().expect("no panic").clone();
    let log = String::from_utf8_lossy(&log);
    assert!(log.contains("joiner not admitted"), "the log was captured");
    for code in [right, mistyped] {
        let shown = code.reveal();
        let (_, secret) = shown.split_once('-').expect("two parts");
        let (first, second) = secret.split_once(' ').expect("two halves");
        assert!(!log.contains(secret) && !log.contains(&format!("{first}{second}")));
    }
}
