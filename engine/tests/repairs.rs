//! A picture that is wrong or cannot go on is repaired, without beginning anew.
//!
//! Sharer and viewer are joined over a relay that damages an update on its way: QUIC keeps what it
//! carries whole, so that nothing less would do.

mod loopback;

use std::cell::Cell;

use bytes::Bytes;
use loopback::{Window, connected, run};
use tessera::ColourMode;
use tessera::pipeline::{Canvas, Sharer, Viewer};
use tessera_codec::{Frame, Rect, Size};
use tessera_transport::Link;
use tessera_transport::inbound::InboundStream;
use tessera_transport::report::Report;

const SIZE: Size = Size::new(640, 448);

/// Where the flags of an update stand, and what they mean.
const FLAGS: usize = 3;
const KIND: u8 = 7;
const SLICES: u8 = 2;
const CHECK: u8 = 3;
const START: u8 = 1 << 3;
const RESET: u8 = 1 << 4;

/// Changes an update on its way.
type Damage = fn(&mut [u8]);

/// What has passed the relay.
#[derive(Default)]
struct Passed {
    /// How the next chain update is damaged.
    damage: Cell<Option<Damage>>,
    starts: Cell<u32>,
    resets: Cell<u32>,
    slices: Cell<u32>,
    slice_bytes: Cell<usize>,
    checks: Cell<u32>,
    differs: Cell<u32>,
    lost: Cell<u32>,
}

fn count(cell: &Cell<u32>, happened: bool) {
    cell.set(cell.get() + u32::from(happened));
}

impl Passed {
    fn pass(&self, update: Bytes) -> Bytes {
        let flags = update[FLAGS];
        let kind = flags & KIND;
        // Slices that start the present epoch start nothing.
        count(&self.starts, kind != SLICES && flags & START != 0);
        count(&self.resets, flags & RESET != 0);
        count(&self.slices, kind == SLICES);
        count(&self.checks, kind == CHECK);
        if kind == SLICES {
            self.slice_bytes.set(self.slice_bytes.get() + update.len());
        }
        if flags != 0 {
            return update;
        }
        match self.damage.take() {
            Some(damage) => {
                let mut update = update.to_vec();
                damage(&mut update);
                update.into()
            }
            None => update,
        }
    }

    /// Passes on updates from the sharer, and reports from the viewer, for ever.
    async fn relay(&self, to_sharer: &Link, to_viewer: &Link) -> ! {
        let updates = async {
            let mut inbound = to_sharer.inbound();
            let mut onward = to_viewer.open_chain().await.expect("a chain");
            let Ok(InboundStream::Chain(mut chain)) = inbound.next().await else {
                panic!("the sharer opens its chain first");
            };
            loop {
                tokio::select! {
                    update = chain.next() => {
                        let update = update.expect("linked").expect("no end");
                        let bytes = self.pass(update.bytes);
                        onward.send(bytes, update.sent_us).await.expect("linked");
                    }
                    _ = inbound.next() => panic!("nothing here is film"),
                }
            }
        };
        let reports = async {
            let mut onward = to_sharer.open_acknowledgements().await.expect("a stream");
            let mut inbound = to_viewer.inbound();
            let Ok(InboundStream::Acknowledgements(mut reports)) = inbound.next().await else {
                panic!("a viewer only acknowledges");
            };
            loop {
                let report = reports.next().await.expect("linked").expect("no end");
                count(&self.differs, matches!(report, Report::Differs(_)));
                count(&self.lost, report == Report::Lost);
                onward.report(&report).await.expect("linked");
            }
        };
        let (never, _): (std::convert::Infallible, std::convert::Infallible) =
            tokio::join!(updates, reports);
        match never {}
    }
}

/// Shares a page, then draws one pixel more in the lower right corner, with an update that is
/// damaged on its way, and looks until the window shows it and knows that it does.
fn is_repaired_after(damage: Damage) -> Passed {
    let passed = Passed::default();
    run(async {
        let (sharing, to_sharer) = connected().await;
        let (to_viewer, viewing) = connected().await;
        let mut sharer = Sharer::new();
        let (_, sharer_end) = sharer.add_viewer(ColourMode::Standard).expect("a viewer");
        let (viewer, viewer_end) = Viewer::new().expect("a viewer");
        let (mut canvas, source) = Canvas::new(SIZE).expect("a canvas");
        for (at, pixel) in canvas.frame_mut().data_mut().chunks_exact_mut(4).enumerate() {
            let ink = at / 9 % 7 * (at / 640 % 13) % 3 == 1;
            pixel.fill(if ink { 30 } else { 240 });
        }
        sharer.start(Box::new(source), |_| {}).expect("a share");
        canvas.share(SIZE.rect());
        let mut window = Window::new(viewer.show(0));
        let look = async {
            window.until(Window::is_verified).await;
            let slice_bytes = passed.slice_bytes.get();
            assert_eq!((passed.starts.get(), slice_bytes), (1, 0));
            passed.damage.set(Some(damage));
            for blue in [200, 10] {
                let last = Rect::new(639, 447, 1, 1);
                canvas.frame_mut().span_mut(last.x, last.y, 1).copy_from_slice(&[blue, 90, 30, 0]);
                canvas.share(last);
                let drawn = canvas.frame_mut().clone();
                window
                    .until(|window| {
                        window.is_verified() && window.shown().is_some_and(|it| same(it, &drawn))
                    })
                    .await;
            }
        };
        tokio::select! {
            ended = sharer_end.run(&sharing, |_| {}) => panic!("{ended:?}"),
            ended = viewer_end.run(&viewing) => panic!("{ended:?}"),
            () = look => {}
            _ = passed.relay(&to_sharer, &to_viewer) => {}
        }
    });
    assert_eq!(passed.starts.get(), 1, "nothing began anew");
    assert_eq!(passed.resets.get(), 1, "models did once");
    assert!(passed.damage.take().is_none());
    passed
}

fn same(shown: &Frame, drawn: &Frame) -> bool {
    let rgb = |frame: &Frame| {
        frame.data().chunks_exact(4).map(|pixel| [pixel[0], pixel[1], pixel[2]]).collect::<Vec<_>>()
    };
    rgb(shown) == rgb(drawn)
}

#[test]
fn a_wrong_tile_is_found_and_sent_again_alone() {
    // Plain bits of the last pixel's colour: nothing but a check can notice.
    let passed = is_repaired_after(|update| {
        if let Some(last) = update.last_mut() {
            *last ^= 1;
        }
    });
    assert_eq!((passed.differs.get(), passed.lost.get()), (1, 0));
    assert_eq!(passed.slices.get(), 1);
    assert!(passed.slice_bytes.get() < 2_000, "{} bytes", passed.slice_bytes.get());
    assert!(passed.checks.get() >= 3);
}

#[test]
fn a_viewer_that_cannot_decode_recovers_by_itself() {
    // A state of the entropy coder, which ends other than it must.
    let passed = is_repaired_after(|update| update[12] ^= 0x10);
    assert_eq!((passed.differs.get(), passed.lost.get()), (0, 1));
    assert!(passed.slices.get() >= 1);
}
