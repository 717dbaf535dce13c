//! Pairing between real links: right, wrong, too often wrong, and with somebody in between.

use crate::ends::{self, endpoint, number, run, try_code, wrong};
use tessera_transport::pairing::keeper::MAX_WRONG_GUESSES;
use tessera_transport::pairing::{Code, Door, Number, PairingError, join};
use tessera_transport::{Link, Protocol};

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

#[test]
fn sixteen_wrong_codes_void_the_secret_and_the_renewed_one_serves_at_once() {
    run(async {
        let (client, server) = (endpoint(None), endpoint(Some(Protocol::SESSION)));
        let guesser = endpoint(None);
        let door = Door::new(number()).expect("random");
        let renewals = door.renewals();
        let old = door.code();
        for guess in 1..=MAX_WRONG_GUESSES {
            if guess % 3 == 0 {
                // Guesses are slowed down after three in a row. Somebody who knows the code breaks the row, but does
                // not make the wrong ones forgotten.
                assert_eq!(try_code(&client, &server, &door, &old).await, (Ok(()), Ok(())));
            }
            assert!(!renewals.has_changed().expect("the door lives"), "before guess {guess}");
            assert_eq!(door.code(), old);
            let (result, _) = try_code(&guesser, &server, &door, &wrong(&old)).await;
            assert_eq!(result, Err(PairingError::WrongCode), "guess {guess}");
        }
        assert!(renewals.has_changed().expect("the door lives"), "told without waiting");
        let renewed = door.code();
        assert_eq!(renewed.number, old.number);
        assert_ne!(renewed.secret, old.secret);
        let refused = (Err(PairingError::Renewed), Err(PairingError::Renewed));
        assert_eq!(try_code(&client, &server, &door, &old).await, refused);
        assert_eq!(try_code(&client, &server, &door, &renewed).await, (Ok(()), Ok(())));
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
