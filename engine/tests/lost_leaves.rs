//! Leaves and video frames may be lost; what stood in them is sent again, so that the picture becomes exact.

mod loopback;

use bytes::Bytes;
use loopback::{connected, run};
use tessera::ColourMode;
use tessera::pipeline::{Canvas, Sharer};
use tessera_codec::{Decoder, DecoderConfig, Frame, Size, Status, Track};
use tessera_transport::Link;
use tessera_transport::acknowledgement::{
    Acknowledged, Acknowledgement, AcknowledgementSender, Outcome,
};
use tessera_transport::chain::ChainReceiver;
use tessera_transport::inbound::InboundStream;
use tessera_transport::leaf::{Leaf, LeafHeader};
use tessera_transport::video::{VideoEvent, VideoReceiver};

const SIZE: Size = Size::new(512, 384);

/// Leaves that the viewer loses, the first ones.
const LOST: u64 = 3;

/// A picture of a film: photographic content, other in each picture.
fn photograph(number: u32) -> Frame {
    let mut frame = Frame::black(SIZE);
    for (at, pixel) in frame.data_mut().chunks_exact_mut(4).enumerate() {
        let noise = (at as u32 ^ number << 20).wrapping_mul(2_654_435_761) >> 27;
        let shade = (at % 512 / 3) as u8 + noise as u8;
        pixel.copy_from_slice(&[shade, shade / 2 + noise as u8, 220 - shade, 0]);
    }
    frame
}

/// A viewer without a window that loses leaves and says so, with what it has seen.
struct Loser<'a> {
    canvas: &'a mut Canvas,
    /// Number of the picture drawn last.
    drawn: u32,
    decoder: Decoder,
    acknowledgements: AcknowledgementSender,
    lost: u64,
    applied: u64,
}

impl Loser<'_> {
    async fn acknowledge(&mut self, of: Acknowledged, outcome: Outcome) {
        let at_us = Some(1).filter(|_| outcome == Outcome::Applied);
        let acknowledgement = Acknowledgement {
            of,
            outcome,
            sent_us: 0,
            received_us: 1,
            decoded_us: at_us,
            presented_us: at_us,
        };
        self.acknowledgements.send(&acknowledgement).await.expect("sent");
    }

    async fn on_leaf(&mut self, leaf: Leaf, outcome: Outcome) {
        let Leaf::Whole { header, bytes } = leaf else { panic!("the sharer resets no leaf") };
        let of = Acknowledged::Leaf(header.number);
        let lose = self.lost < LOST;
        let ahead = !lose && {
            let applied = self.decoder.apply(Track::Leaf, &bytes).expect("a valid leaf");
            matches!(applied.status, Status::AheadOfChain { .. })
        };
        if lose || ahead {
            self.lost += 1;
            self.acknowledge(of, outcome).await;
        } else {
            self.applied += 1;
            self.acknowledge(of, Outcome::Applied).await;
        }
    }

    async fn on_frame(&mut self, header: LeafHeader, bytes: Bytes, outcome: Outcome) {
        let of = Acknowledged::Video(header.number);
        let is_applied = self.lost >= LOST && {
            let applied = self.decoder.apply(Track::Video, &bytes).expect("a valid frame");
            applied.status == Status::Applied
        };
        if is_applied {
            self.applied += 1;
            self.acknowledge(of, Outcome::Applied).await;
        } else {
            self.lost += 1;
            self.acknowledge(of, outcome).await;
        }
    }

    /// Goes on with the film until enough of it was lost and some of it was seen.
    fn draw(&mut self) {
        if self.lost < LOST || self.applied == 0 {
            self.drawn += 1;
            self.canvas.frame_mut().clone_from(&photograph(self.drawn));
            self.canvas.share(SIZE.rect());
        }
    }

    async fn until_exact(mut self, link: &Link, lost_as: Outcome) -> Self {
        let mut inbound = link.inbound();
        let mut chain: Option<ChainReceiver> = None;
        let mut video: Option<VideoReceiver> = None;
        while self.lost < LOST || self.applied == 0 || !self.decoder.is_exact() {
            let next_update = async {
                match &mut chain {
                    Some(chain) => chain.next().await,
                    None => std::future::pending().await,
                }
            };
            let next_frame = async {
                match &mut video {
                    Some(video) => video.next().await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                opened = inbound.next() => match opened.expect("linked") {
                    InboundStream::Chain(opened) => chain = Some(opened),
                    InboundStream::Leaf(leaf) => {
                        let leaf = leaf.read().await.expect("a leaf");
                        self.on_leaf(leaf, lost_as).await;
                        self.draw();
                    }
                    InboundStream::Video(opened) => video = Some(opened),
                    // All of it had been acknowledged.
                    InboundStream::VideoReset { .. } => {}
                    _ => panic!("neither chain, leaf nor video"),
                },
                event = next_frame => match event.expect("linked") {
                    VideoEvent::Frame { header, bytes } => {
                        self.on_frame(header, bytes, lost_as).await;
                        self.draw();
                    }
                    VideoEvent::Reset { .. } | VideoEvent::Ended => video = None,
                },
                update = next_update => {
                    let update = update.expect("linked").expect("no end");
                    self.decoder.apply(Track::Chain, &update.bytes).expect("a valid update");
                    self.acknowledge(Acknowledged::Update(update.number), Outcome::Applied).await;
                    self.draw();
                }
            }
        }
        self
    }
}

fn becomes_exact(lost_as: Outcome) {
    run(async move {
        let (sharing, viewing) = connected().await;
        let (mut canvas, source) = Canvas::new(SIZE).expect("a canvas");
        canvas.frame_mut().clone_from(&photograph(0));
        canvas.share(SIZE.rect());
        let mut sharer = Sharer::new();
        let (_, sharer_end) = sharer.add_viewer(ColourMode::Standard).expect("a viewer");
        sharer.start(Box::new(source), |_| {}).expect("a share");
        let loser = Loser {
            canvas: &mut canvas,
            drawn: 0,
            decoder: Decoder::new(DecoderConfig::default()).expect("a decoder"),
            acknowledgements: viewing.open_acknowledgements().await.expect("a stream"),
            lost: 0,
            applied: 0,
        };
        let seen = tokio::select! {
            ended = sharer_end.run(&sharing, |_| {}) => panic!("{ended:?}"),
            seen = loser.until_exact(&viewing, lost_as) => seen,
        };
        assert!(seen.applied > 0, "{} lost, none applied", seen.lost);
        let photograph = photograph(seen.drawn);
        let shown = seen.decoder.view().expect("a picture");
        for y in 0..SIZE.height {
            let drawn = photograph.view().span(0, y, SIZE.width).to_vec();
            assert!(shown.span(0, y, SIZE.width) == drawn, "row {y} differs");
        }
    });
}

#[test]
fn what_stood_in_leaves_that_were_reset_is_sent_again() {
    becomes_exact(Outcome::Reset);
}

#[test]
fn what_stood_in_leaves_that_came_too_late_is_sent_again() {
    becomes_exact(Outcome::Overtaken);
}
