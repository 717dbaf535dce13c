//! Pairing between real links: right, wrong, too often wrong, and with somebody in between.

mod ends;

use ends::{endpoint, run};
use std::io::Write;
use std::sync::{Arc, Mutex};
use tessera_transport::pairing::{Code, Door, Number, PairingError, join};
use tessera_transport::{Endpoint, Link, Protocol};

fn number() -> Number {
    Number::from_index(42).expect("in range")
}

async fn try_code(
    client: &Endpoint,
    server: &Endpoint,
    door: &Door,
    code: &Code,
) -> (Result<(), PairingError>, Result<(), PairingError>) {
    let (near, far) = ends::link(client, server).await;
    let joining = async {
        let (mut send, mut receive) = near.control().await.expect("open");
        let result = join(&near, &mut send, &mut receive, code).await;
        if result.is_err() {
            near.close(&tessera_transport::CloseReason::Goodbye);
        }
        result
    };
    let admitting = async {
        let (mut send, mut receive) = far.control().await.expect("open");
        door.admit(&far, &mut send, &mut receive).await
    };
    tokio::join!(joining, admitting)
}

/// A code that differs from `code` in its last digit.
fn wrong(code: &Code) -> Code {
    let mut digits = code.reveal().to_string();
    let last = digits.pop().and_then(|digit| digit.to_digit(10)).expect("a digit");
    digits.push(char::from_digit((last + 1) % 10, 10).expect("a digit"));
    digits.parse().expect("a code")
}

#[test]
fn the_right_code_admits_and_a_wrong_one_does_not() {
    run(async {
        let (client, server) = (endpoint(None), endpoint(Some(Protocol::SESSION)));
        let door = Door::new(number()).expect("random");
        let code = door.code();
        assert_eq!(try_code(&client, &server, &door, &code).await, (Ok(()), Ok(())));
        let refused = (Err(PairingError::WrongCode), Err(PairingError::WrongCode));
        assert_eq!(try_code(&client, &server, &door, &wrong(&code)).await, refused);
        let other = Code { number: Number::from_index(43).expect("in range"), ..code.clone() };
        let refused = (Err(PairingError::OtherNumber), Err(PairingError::OtherNumber));
        assert_eq!(try_code(&client, &server, &door, &other).await, refused);
        assert_eq!(try_code(&client, &server, &door, &code).await, (Ok(()), Ok(())));
    });
}

#[test]
fn the_holder_of_an_old_code_is_told_so() {
    run(async {
        let (client, server) = (endpoint(None), endpoint(Some(Protocol::SESSION)));
        let door = Door::new(number()).expect("random");
        let mut renewals = door.renewals();
        let old = door.code();
        door.renew().expect("random");
        renewals.changed().await.expect("the door lives");
        let refused = (Err(PairingError::Renewed), Err(PairingError::Renewed));
        assert_eq!(try_code(&client, &server, &door, &old).await, refused);
        assert_eq!(try_code(&client, &server, &door, &door.code()).await, (Ok(()), Ok(())));
    });
}

/// Passes the streams of two links on to each other, as a center would that gave out its own key.
async fn pass_on(from: &Link, to: &Link) {
    let (mut from_send, mut from_receive) = from.control().await.expect("open");
    let (mut to_send, mut to_receive) = to.control().await.expect("open");
    let there = async {
        while let Ok(Some(message)) = from_receive.next().await {
            if to_send.send(message).await.is_err() {
                break;
            }
        }
    };
    let back = async {
        while let Ok(Some(message)) = to_receive.next().await {
            if from_send.send(message).await.is_err() {
                break;
            }
        }
    };
    tokio::join!(there, back);
}

#[test]
fn a_center_that_substitutes_its_key_is_found_out() {
    run(async {
        let (client, server) = (endpoint(None), endpoint(Some(Protocol::SESSION)));
        let between = endpoint(Some(Protocol::SESSION));
        let door = Door::new(number()).expect("random");
        let code = door.code();
        let (near, between_near) = ends::link(&client, &between).await;
        let (between_far, far) = ends::link(&between, &server).await;
        let joining = async {
            let (mut send, mut receive) = near.control().await.expect("open");
            let result = join(&near, &mut send, &mut receive, &code).await;
            near.close(&tessera_transport::CloseReason::Goodbye);
            between_far.close(&tessera_transport::CloseReason::Goodbye);
            result
        };
        let admitting = async {
            let (mut send, mut receive) = far.control().await.expect("open");
            door.admit(&far, &mut send, &mut receive).await
        };
        let (joined, admitted, ()) =
            tokio::join!(joining, admitting, pass_on(&between_near, &between_far));
        assert_eq!(joined, Err(PairingError::WrongCode), "although the code is right");
        assert_eq!(admitted, Err(PairingError::WrongCode));
    });
}

#[test]
fn anything_but_pairing_is_a_violation_before_admission() {
    run(async {
        let (client, server) = (endpoint(None), endpoint(Some(Protocol::SESSION)));
        let door = Door::new(number()).expect("random");
        for message in [vec![], vec![b'{'; 60], vec![3; 33], vec![0; 200]] {
            let (near, far) = ends::link(&client, &server).await;
            let (mut send, _receive) = near.control().await.expect("open");
            send.send(message.into()).await.expect("sent");
            let (mut far_send, mut far_receive) = far.control().await.expect("open");
            let error =
                door.admit(&far, &mut far_send, &mut far_receive).await.expect_err("refused");
            assert!(matches!(error, PairingError::Link(_)), "{error}");
            assert!(near.closed().await.to_string().contains("a rule of the protocol was broken"));
        }
    });
}

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

#[test]
fn somebody_who_guesses_does_not_stop_the_session() {
    run(async {
        let (client, server) = (endpoint(None), endpoint(Some(Protocol::SESSION)));
        let door = Door::new(number()).expect("random");
        let code = door.code();
        let (near, far) = ends::link(&client, &server).await;
        for _ in 0..3 {
            let guesser = endpoint(None);
            let (result, _) = try_code(&guesser, &server, &door, &wrong(&code)).await;
            assert_eq!(result, Err(PairingError::WrongCode));
        }
        assert_eq!((near.close_reason(), far.close_reason()), (None, None));
        assert_eq!(try_code(&client, &server, &door, &code).await, (Ok(()), Ok(())));
    });
}
