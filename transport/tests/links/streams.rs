//! What travels on a link's streams and datagrams, and what happens to a peer that sends nonsense on them.
//!
//! The nonsense is written to a raw stream, since the types of this package cannot be made to send it.

use crate::ends::{self, endpoint, run};
use bytes::Bytes;
use tessera_transport::acknowledgement::{Acknowledged, Acknowledgement, Outcome};
use tessera_transport::chain::ChainReceiver;
use tessera_transport::datagram::{CursorPosition, Datagram};
use tessera_transport::inbound::InboundStream;
use tessera_transport::leaf::{Leaf, LeafClass, LeafHeader};
use tessera_transport::report::Report;
use tessera_transport::video::VideoEvent;
use tessera_transport::{CloseReason, Closed, Link, LinkError, Protocol};

async fn chain(link: &Link) -> ChainReceiver {
    match link.inbound().next().await.expect("a stream") {
        InboundStream::Chain(chain) => chain,
        other => panic!("{other:?}"),
    }
}

#[test]
fn updates_arrive_whole_numbered_and_in_order() {
    run(async {
        let (_client, _server, near, far) = crate::pair().await;
        let lengths = [0_usize, 1, 1000, 5_000, 3_000_000, 20];
        let sending = async {
            let mut sender = near.open_chain().await.expect("open");
            for (round, length) in lengths.into_iter().enumerate() {
                let update = Bytes::from(vec![round as u8; length]);
                let number = sender.send(update, 1000 + round as u64).await.expect("sent");
                assert_eq!(number, round as u64);
            }
            sender
        };
        let receiving = async {
            let mut chain = chain(&far).await;
            for (round, length) in lengths.into_iter().enumerate() {
                let update = chain.next().await.expect("intact").expect("another");
                assert_eq!((update.number, update.sent_us), (round as u64, 1000 + round as u64));
                assert_eq!(update.bytes, vec![round as u8; length]);
            }
            assert!(chain.gathered_updates() >= 2, "the long ones span packets");
            assert!(chain.gathered_updates() <= 4, "the short ones are handed out in place");
        };
        tokio::join!(sending, receiving);
    });
}

#[test]
fn a_sent_payload_is_held_not_copied_until_the_peer_has_it() {
    run(async {
        let (_client, _server, near, far) = crate::pair().await;
        let mut sender = near.open_chain().await.expect("open");
        let payload = Bytes::from(vec![5; 100_000]);
        sender.send(payload.clone(), 0).await.expect("sent");
        assert!(!payload.is_unique(), "QUIC holds this very buffer");
        let mut chain = chain(&far).await;
        assert_eq!(chain.next().await.expect("intact").expect("one").bytes, payload);
        while !payload.is_unique() {
            tokio::task::yield_now().await;
        }
    });
}

#[test]
fn leaves_arrive_or_are_reset_by_number() {
    run(async {
        let (_client, _server, near, far) = crate::pair().await;
        let header = LeafHeader { number: 7, builds_on: 3, sent_us: 9 };
        let leaf = near.open_leaf(LeafClass::Picture, header).await.expect("open");
        let _on_its_way = leaf.send(Bytes::from_static(b"picture")).await.expect("sent");
        let mut inbound = far.inbound();
        let InboundStream::Leaf(leaf) = inbound.next().await.expect("a stream") else {
            panic!("a leaf was sent");
        };
        let whole = Leaf::Whole { header, bytes: Bytes::from_static(b"picture") };
        assert_eq!(leaf.read().await, Ok(whole));

        let header = LeafHeader { number: 8, ..header };
        let leaf = near.open_leaf(LeafClass::Refinement, header).await.expect("open");
        leaf.send(Bytes::from(vec![0; 4_000_000])).await.expect("buffered").reset();
        match inbound.next().await.expect("a stream") {
            InboundStream::LeafReset { number } => assert_eq!(number, 8),
            InboundStream::Leaf(leaf) => {
                assert_eq!(leaf.read().await, Ok(Leaf::Reset { number: 8 }));
            }
            other => panic!("{other:?}"),
        }
    });
}

#[test]
fn video_frames_arrive_in_order_until_their_stream_is_reset() {
    run(async {
        let (_client, _server, near, far) = crate::pair().await;
        let header = |number| LeafHeader { number, builds_on: 3, sent_us: 9 };
        let mut sender = near.open_video(5).await.expect("open");
        let mut inbound = far.inbound();
        for number in 5..8 {
            let frame = Bytes::from(vec![number as u8; 3_000]);
            sender.send(header(number), frame).await.expect("sent");
        }
        let InboundStream::Video(mut video) = inbound.next().await.expect("a stream") else {
            panic!("a video was sent");
        };
        for number in 5..8 {
            let bytes = Bytes::from(vec![number as u8; 3_000]);
            let frame = VideoEvent::Frame { header: header(number), bytes };
            assert_eq!(video.next().await, Ok(frame));
        }
        sender.reset();
        assert_eq!(video.next().await, Ok(VideoEvent::Reset { last: 7 }));
    });
}

#[test]
fn acknowledgements_datagrams_and_control_messages_arrive() {
    run(async {
        let (_client, _server, near, far) = crate::pair().await;
        let acknowledgement = Acknowledgement {
            of: Acknowledged::Update(4),
            outcome: Outcome::Applied,
            sent_us: 1,
            received_us: 2,
            decoded_us: Some(3),
            presented_us: Some(4),
        };
        let mut sender = far.open_acknowledgements().await.expect("open");
        sender.send(&acknowledgement).await.expect("sent");
        let InboundStream::Acknowledgements(mut receiver) =
            near.inbound().next().await.expect("a stream")
        else {
            panic!("acknowledgements were sent");
        };
        assert_eq!(receiver.next().await, Ok(Some(Report::Acknowledged(acknowledgement))));

        let cursor = Datagram::Cursor(CursorPosition { number: 1, x: 2, y: -3 });
        near.send_datagram(&cursor).expect("sent");
        assert_eq!(far.read_datagram().await, Ok(cursor));

        let ((mut send, _), (_, mut receive)) =
            tokio::try_join!(near.control(), far.control()).expect("open");
        send.send_message(&vec!["a", "b"]).await.expect("sent");
        assert_eq!(
            receive.next_message::<Vec<String>>().await,
            Ok(Some(vec!["a".into(), "b".into()]))
        );
        send.send(Bytes::from_static(b"{nonsense")).await.expect("sent");
        let error = receive.next_message::<Vec<String>>().await.expect_err("refused");
        assert!(matches!(error, LinkError::Violation(_)), "{error}");
        assert!(matches!(near.closed().await, Closed::ByPeer(CloseReason::ProtocolViolation(_))));
    });
}

#[test]
fn figures_are_plausible_after_a_transfer() {
    run(async {
        let (_client, _server, near, far) = crate::pair().await;
        let mut sender = near.open_chain().await.expect("open");
        let receiving = async {
            let mut chain = chain(&far).await;
            for _ in 0..20 {
                chain.next().await.expect("intact").expect("another");
            }
        };
        let sending = async {
            for _ in 0..20 {
                sender.send(Bytes::from(vec![1; 500_000]), 0).await.expect("sent");
            }
        };
        tokio::join!(sending, receiving);
        let figures = near.figures();
        assert!(figures.sent_bytes > 10_000_000, "{figures:?}");
        assert!(figures.rtt_us > 0 && figures.min_rtt_us <= figures.rtt_us * 2, "{figures:?}");
        assert!(figures.window_bytes >= 2400, "{figures:?}");
        assert!(figures.delivery_rate_bytes_per_s > 1_000_000, "{figures:?}");
        assert!(figures.in_flight_bytes <= figures.sent_bytes, "{figures:?}");
    });
}

/// Bytes that a peer may not send on a unidirectional stream, whether the stream ends after them, and the reason given.
fn nonsense() -> Vec<(&'static str, Vec<u8>, &'static str)> {
    let update = |length: u32, number: u64, payload: &[u8]| {
        [&[1][..], &length.to_le_bytes(), &number.to_le_bytes(), &[0; 8], payload].concat()
    };
    let leaf =
        |length: u32, payload: &[u8]| [&[2][..], &length.to_le_bytes(), &[0; 24], payload].concat();
    vec![
        ("an unknown kind", vec![200], "unknown kind"),
        ("an empty stream", vec![], "ended in the middle"),
        ("an oversize update", update(u32::MAX, 0, &[]), "exceeds the limit"),
        ("a truncated update", update(100, 0, &[1; 50]), "ended in the middle"),
        ("a truncated header", vec![1, 0, 0], "ended in the middle"),
        ("a wrong number", update(0, 5, &[]), "came where 0 was due"),
        ("an oversize leaf", leaf(u32::MAX, &[]), "exceeds the limit"),
        ("a truncated leaf", leaf(9, &[1]), "ended in the middle"),
        ("a leaf with surplus", leaf(1, &[1, 2]), "surplus"),
        (
            "a truncated video frame",
            [&[4, 9, 0, 0, 0][..], &[0; 24]].concat(),
            "ended in the middle",
        ),
        ("an oversize acknowledgement", vec![3, 255, 255, 0, 0], "exceeds the limit"),
        (
            "a garbled acknowledgement",
            [&[3, 42, 0, 0, 0][..], &[9; 42]].concat(),
            "outside its range",
        ),
    ]
}

/// Reads everything a peer sends until something is wrong.
async fn read_all(link: &Link) -> LinkError {
    let mut inbound = link.inbound();
    loop {
        let result = match inbound.next().await {
            Ok(InboundStream::Chain(mut chain)) => chain.next().await.map(drop),
            Ok(InboundStream::Leaf(leaf)) => leaf.read().await.map(drop),
            Ok(InboundStream::Acknowledgements(mut stream)) => stream.next().await.map(drop),
            Ok(InboundStream::Video(mut video)) => video.next().await.map(drop),
            Ok(InboundStream::LeafReset { .. } | InboundStream::VideoReset { .. }) => Ok(()),
            Err(error) => Err(error),
        };
        if let Err(error) = result {
            return error;
        }
    }
}

#[test]
fn nonsense_on_a_stream_disconnects_its_sender_with_the_reason_and_nobody_else() {
    run(async {
        let (client, server) = (endpoint(None), endpoint(Some(Protocol::SESSION)));
        let (bystander, bystander_far) = ends::link(&client, &server).await;
        for (what, bytes, reason) in nonsense() {
            let (near, far) = ends::link(&client, &server).await;
            tessera_transport::oracle::send_raw_stream(&near, bytes).await;
            let error = read_all(&far).await;
            assert!(matches!(error, LinkError::Violation(_)), "{what}: {error}");
            let told = near.closed().await.to_string();
            assert!(told.contains(reason), "{what}: {told}");
        }
        for bytes in [&[][..], &[99], &[1, 2], &[3; 40]] {
            let (near, far) = ends::link(&client, &server).await;
            near.send_datagram_bytes(Bytes::copy_from_slice(bytes)).expect("sent");
            let error = far.read_datagram().await.expect_err("refused");
            assert!(matches!(error, LinkError::Violation(_)), "{error}");
            assert!(near.closed().await.to_string().contains("a rule of the protocol"));
        }
        let ping = Datagram::InputAcknowledgement { next: 0 };
        bystander.send_datagram(&ping).expect("the other link lives on");
        assert_eq!(bystander_far.read_datagram().await, Ok(ping));
    });
}

#[test]
fn nonsense_on_the_control_stream_disconnects_its_sender() {
    run(async {
        let (client, server) = (endpoint(None), endpoint(Some(Protocol::SESSION)));
        let deep = [b'['; 40];
        for bytes in [&b""[..], b"\xff\xfe", b"[\"cut", b"{}", &deep] {
            let (near, far) = ends::link(&client, &server).await;
            let ((mut send, _), (_, mut receive)) =
                tokio::try_join!(near.control(), far.control()).expect("open");
            send.send(Bytes::copy_from_slice(bytes)).await.expect("sent");
            let error = receive.next_message::<Vec<String>>().await.expect_err("refused");
            assert!(matches!(error, LinkError::Violation(_)), "{error}");
            let told = near.closed().await;
            assert!(matches!(told, Closed::ByPeer(CloseReason::ProtocolViolation(_))), "{told}");
        }
        // A frame that is announced as longer than any, and one that is cut short by the end of the stream.
        for (bytes, ends) in [(&[0xff, 0xff, 0xff, 0x7f][..], false), (&[9, 0, 0, 0, 1], true)] {
            let (near, far) = ends::link(&client, &server).await;
            let reading = async {
                let (_, mut receive) = far.control().await.expect("open");
                receive.next().await.expect_err("refused")
            };
            let sending = tessera_transport::oracle::send_raw_control(&near, bytes, ends);
            let (error, ()) = tokio::join!(reading, sending);
            assert!(matches!(error, LinkError::Violation(_)), "{error}");
        }
    });
}

#[test]
fn a_stranger_has_the_control_stream_and_little_room_until_it_is_admitted() {
    run(async {
        let (client, server) = (endpoint(None), endpoint(Some(Protocol::SESSION)));
        let trust = tessera_transport::Trust::Only(server.fingerprint());
        let connecting = client.connect(ends::address(&server), Protocol::SESSION, trust);
        let accepting = async { server.accept().await.expect("open").accept_stranger().await };
        let (near, far) = tokio::join!(connecting, accepting);
        let (near, far) = (near.expect("connected"), far.expect("accepted"));

        let (mut send, mut answers) = near.control().await.expect("open");
        send.send(Bytes::from_static(b"hello")).await.expect("sent");
        let (mut answer, mut receive) = far.control().await.expect("open");
        assert_eq!(receive.next_within(5).await.expect("intact").expect("one"), "hello");
        let mut long = std::pin::pin!(send.send(Bytes::from(vec![0; 200_000])));
        let mut chain = std::pin::pin!(near.open_chain());
        // Round trips on which room or streams would have been granted.
        let round_trips = async {
            for _ in 0..20 {
                answer.send(Bytes::from_static(b"and?")).await.expect("sent");
                answers.next().await.expect("intact").expect("one");
            }
        };
        tokio::select! {
            biased;
            _ = &mut long => panic!("so much was taken of a stranger"),
            _ = &mut chain => panic!("a stranger opened a stream"),
            () = round_trips => {}
        }
        far.admit();
        let (long, chain) = tokio::join!(long, chain);
        long.expect("sent");
        chain.expect("open");
        // The message is announced as longer than what may come first.
        let error = receive.next_within(5).await.expect_err("too long");
        assert!(matches!(error, LinkError::Violation(_)), "{error}");
    });
}
