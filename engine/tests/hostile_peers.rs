//! A peer that breaks the rules is disconnected with a reason, and harms nothing else.

mod loopback;

use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use loopback::{Window, connected, run};
use tessera::pipeline::{Canvas, Sharer, Viewer};
use tessera::{ColourMode, Error};
use tessera_codec::{Rect, Size};
use tessera_transport::acknowledgement::{Acknowledged, Acknowledgement, Outcome};
use tessera_transport::datagram::{CursorPosition, Datagram};
use tessera_transport::inbound::InboundStream;
use tessera_transport::leaf::{LeafClass, LeafHeader};
use tessera_transport::report::Report;
use tessera_transport::{CloseReason, Closed, Link};

/// Runs a viewer against a sharer that does `wrong`, and returns what the viewer found and what the
/// sharer was told.
async fn viewer_against<F: Future<Output = ()>>(wrong: impl FnOnce(Link) -> F) -> (Error, Closed) {
    let (sharing, viewing) = connected().await;
    let (viewer, end) = Viewer::new().expect("a viewer");
    let mut window = Window::new(viewer.show(0));
    let (error, ()) = tokio::join!(end.run(&viewing), wrong(sharing.clone()));
    let Err(error) = error;
    window.present();
    assert!(window.shown().is_none(), "nothing of it is shown");
    (error, sharing.closed().await)
}

/// As [`viewer_against`], for a sharer and a viewer that does `wrong`.
async fn sharer_against<F: Future<Output = ()>>(wrong: impl FnOnce(Link) -> F) -> (Error, Closed) {
    let (sharing, viewing) = connected().await;
    let mut sharer = Sharer::new();
    let (_, end) = sharer.add_viewer(ColourMode::Standard).expect("a viewer");
    let (mut canvas, source) = Canvas::new(Size::new(200, 200)).expect("a canvas");
    sharer.start(Box::new(source), |_| {}).expect("a share");
    canvas.share(Rect::new(0, 0, 200, 200));
    let (error, ()) = tokio::join!(end.run(&sharing, |_| {}), wrong(viewing.clone()));
    let Err(error) = error;
    (error, viewing.closed().await)
}

fn assert_disconnected((error, told): (Error, Closed), reason: &str) {
    assert!(error.to_string().contains(reason), "{error}");
    match told {
        Closed::ByPeer(CloseReason::ProtocolViolation(text)) => {
            assert!(text.contains(reason), "{text}");
        }
        other => panic!("the peer was told {other:?}"),
    }
}

async fn send_chain(link: &Link, update: &[u8]) {
    let mut chain = link.open_chain().await.expect("a chain");
    chain.send(Bytes::copy_from_slice(update), 0).await.expect("sent");
    link.closed().await;
}

/// A valid first update of a small canvas.
fn first_update(size: Size) -> Vec<u8> {
    let mut encoder = tessera_codec::Encoder::new(size, Default::default()).expect("an encoder");
    let frame = tessera_codec::Frame::black(size);
    let mut payloads = tessera_codec::Payloads::new();
    let request =
        tessera_codec::EncodeRequest { now_us: 0, budget_bytes: usize::MAX, pointer: None };
    let mut damage = tessera_codec::Region::full(size);
    encoder.encode(frame.view(), &mut damage, &request, &mut payloads);
    payloads.iter().next().expect("an update").bytes.to_vec()
}

#[test]
fn garbage_on_the_chain() {
    run(async {
        let outcome = viewer_against(|link| async move { send_chain(&link, b"nonsense").await });
        assert_disconnected(outcome.await, "cannot be decoded");
    });
}

#[test]
fn a_truncated_update() {
    run(async {
        let whole = first_update(Size::new(100, 100));
        let outcome = viewer_against(|link| async move {
            // Once is a fault for which the viewer asks help; again and again is not.
            let mut chain = link.open_chain().await.expect("a chain");
            for _ in 0..4 {
                let truncated = Bytes::copy_from_slice(&whole[..whole.len() - 1]);
                chain.send(truncated, 0).await.expect("sent");
            }
            link.closed().await;
        });
        assert_disconnected(outcome.await, "cannot be decoded");
    });
}

#[test]
fn a_canvas_beyond_every_limit() {
    run(async {
        let mut update = first_update(Size::new(100, 100));
        // The canvas size is somewhere in the header: whichever bytes hold 100 become 0xffff.
        for at in 0..update.len().min(40) - 1 {
            if update[at..at + 2] == [100, 0] {
                update[at..at + 2].fill(0xff);
            }
        }
        let outcome = viewer_against(|link| async move { send_chain(&link, &update).await });
        assert_disconnected(outcome.await, "cannot be decoded");
    });
}

#[test]
fn a_leaf_of_nonsense() {
    run(async {
        let outcome = viewer_against(|link| async move {
            let header = LeafHeader { number: 0, builds_on: 0, sent_us: 0 };
            let leaf = link.open_leaf(LeafClass::Picture, header).await.expect("a leaf");
            let _sent = leaf.send(Bytes::from_static(b"nonsense")).await.expect("sent");
            link.closed().await;
        });
        assert_disconnected(outcome.await, "cannot be decoded");
    });
}

#[test]
fn datagrams_of_the_wrong_direction() {
    run(async {
        let event = Datagram::Input { first: 0, events: vec![Bytes::from_static(&[1])] };
        let outcome = viewer_against(|link| async move {
            link.send_datagram(&event).expect("sent");
            link.closed().await;
        });
        assert_disconnected(outcome.await, "wrong direction");
        let position = Datagram::Cursor(CursorPosition { number: 1, x: 1, y: 1 });
        let outcome = sharer_against(|link| async move {
            link.send_datagram(&position).expect("sent");
            link.closed().await;
        });
        assert_disconnected(outcome.await, "wrong direction");
    });
}

#[test]
fn an_input_event_of_no_kind() {
    run(async {
        let event = Datagram::Input { first: 0, events: vec![Bytes::from_static(&[77, 1])] };
        let outcome = sharer_against(|link| async move {
            link.send_datagram(&event).expect("sent");
            link.closed().await;
        });
        assert_disconnected(outcome.await, "no known kind");
    });
}

#[test]
fn an_acknowledgement_of_something_never_sent() {
    run(async {
        let outcome = sharer_against(|link| async move {
            let mut sender = link.open_acknowledgements().await.expect("a stream");
            let lie = Acknowledgement {
                of: Acknowledged::Update(1_000_000),
                outcome: Outcome::Applied,
                sent_us: 0,
                received_us: 1,
                decoded_us: Some(2),
                presented_us: Some(3),
            };
            sender.send(&lie).await.expect("sent");
            link.closed().await;
        });
        assert_disconnected(outcome.await, "never sent");
    });
}

#[test]
fn a_viewer_that_complains_without_end_is_disconnected() {
    run(async {
        let outcome = sharer_against(|link| async move {
            let mut reports = link.open_acknowledgements().await.expect("a stream");
            // Each may cost the sharer a whole picture.
            while reports.report(&Report::Lost).await.is_ok() {}
            link.closed().await;
        });
        assert_disconnected(outcome.await, "complains too often");
    });
}

#[test]
fn a_viewer_that_acknowledges_nothing_is_sent_little_and_holds_nobody_up() {
    run(async {
        let (sharing, viewing) = connected().await;
        let (sharing_silent, silent) = connected().await;
        let mut sharer = Sharer::new();
        let (_, end) = sharer.add_viewer(ColourMode::Standard).expect("a viewer");
        let (_, silent_end) = sharer.add_viewer(ColourMode::Standard).expect("a viewer");
        let (viewer, viewer_end) = Viewer::new().expect("a viewer");
        let (mut canvas, source) = Canvas::new(Size::new(200, 200)).expect("a canvas");
        sharer.start(Box::new(source), |_| {}).expect("a share");
        let mut window = Window::new(viewer.show(0));
        let received = AtomicU64::new(0);
        let swallow = async {
            let mut inbound = silent.inbound();
            let InboundStream::Chain(mut chain) = inbound.next().await.expect("a stream") else {
                panic!("the chain comes first");
            };
            while let Ok(Some(update)) = chain.next().await {
                received.fetch_add(update.bytes.len() as u64, Ordering::Relaxed);
            }
        };
        let look = async {
            let (mut before, mut idle) = (u64::MAX, 0);
            // Noise is not coded in less than it has.
            let mut noise = 1_u32;
            for _ in 0..200 {
                for byte in canvas.frame_mut().data_mut() {
                    noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    *byte = (noise >> 24) as u8;
                }
                canvas.share(Rect::new(0, 0, 200, 200));
                let drawn = canvas.frame_mut().data()[..3].to_vec();
                let is_drawn =
                    |it: &Window| it.shown().is_some_and(|shown| shown.data()[..3] == drawn[..]);
                window.until(is_drawn).await;
                let now = received.load(Ordering::Relaxed);
                idle = if now == before { idle + 1 } else { 0 };
                before = now;
                if idle == 20 {
                    return;
                }
            }
            panic!("it is sent more and more: {before} bytes");
        };
        tokio::select! {
            ended = end.run(&sharing, |_| {}) => panic!("{ended:?}"),
            ended = silent_end.run(&sharing_silent, |_| {}) => panic!("{ended:?}"),
            ended = viewer_end.run(&viewing) => panic!("{ended:?}"),
            () = swallow => panic!("the chain has ended"),
            () = look => {}
        }
    });
}

#[test]
fn another_connection_notices_nothing() {
    run(async {
        let (sharing, viewing) = connected().await;
        let mut sharer = Sharer::new();
        let (_, sharer_end) = sharer.add_viewer(ColourMode::Standard).expect("a viewer");
        let (viewer, viewer_end) = Viewer::new().expect("a viewer");
        let (mut canvas, source) = Canvas::new(Size::new(200, 200)).expect("a canvas");
        sharer.start(Box::new(source), |_| {}).expect("a share");
        let mut window = Window::new(viewer.show(0));
        let look = async {
            window.until(Window::is_exact).await;
            let broken = viewer_against(|link| async move { send_chain(&link, &[0; 9]).await });
            assert_disconnected(broken.await, "cannot be decoded");
            canvas.frame_mut().data_mut().fill(200);
            canvas.share(Rect::new(0, 0, 200, 200));
            let is_drawn = |window: &Window| {
                window.is_exact() && window.shown().is_some_and(|shown| shown.data()[0] == 200)
            };
            window.until(is_drawn).await;
        };
        tokio::select! {
            ended = sharer_end.run(&sharing, |_| {}) => panic!("{ended:?}"),
            ended = viewer_end.run(&viewing) => panic!("{ended:?}"),
            () = look => {}
        }
    });
}
