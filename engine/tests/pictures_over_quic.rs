//! Pictures over real QUIC on loopback: from a framebuffer to the pixels of a window.

mod loopback;

use std::cell::Cell;

use loopback::{Window, connected, run};
use tessera::ColourMode;
use tessera::pipeline::{Canvas, Sharer, Viewer};
use tessera_capture::pattern::Pattern;
use tessera_codec::{Frame, Rect, Region, Size};

const SIZE: Size = Size::new(1000, 700);

/// Draws the pattern's next state into the canvas and shares what it changed.
fn draw(canvas: &mut Canvas, pattern: &mut Pattern) {
    let mut drawn = Region::empty(pattern.frame().size());
    pattern.advance(&mut drawn);
    let whole = drawn.rects().fold(Rect::default(), Rect::union);
    canvas.frame_mut().clone_from(pattern.frame());
    canvas.share(whole);
}

fn same_pixels(shown: Option<&Frame>, drawn: &Frame) -> bool {
    let rgb = |frame: &Frame| {
        frame.data().chunks_exact(4).map(|p| [p[0], p[1], p[2]]).collect::<Vec<_>>()
    };
    shown.is_some_and(|shown| shown.size() == drawn.size() && rgb(shown) == rgb(drawn))
}

#[test]
fn the_settled_picture_is_exact_and_every_frame_is_acknowledged() {
    run(async {
        let (sharing, viewing) = connected().await;
        let mut sharer = Sharer::new();
        let (_, sharer_end) = sharer.add_viewer(ColourMode::Standard).expect("a viewer");
        let (viewer, viewer_end) = Viewer::new().expect("a viewer");
        let (mut canvas, source) = Canvas::new(SIZE).expect("a canvas");
        let mut pattern = Pattern::new(SIZE, 7);
        sharer.start(Box::new(source), |_| {}).expect("a share");
        let mut window = Window::new(viewer.show(0));
        let look = async {
            for _ in 0..30 {
                draw(&mut canvas, &mut pattern);
                let before = window.pictures;
                window.until(|window| window.pictures > before).await;
            }
            window
                .until(|window| window.is_exact() && same_pixels(window.shown(), pattern.frame()))
                .await;
        };
        tokio::select! {
            ended = sharer_end.run(&sharing, |_| {}) => panic!("{ended:?}"),
            ended = viewer_end.run(&viewing) => panic!("{ended:?}"),
            () = look => {}
        }
        assert!(sharer.figures().bytes > 0);
        assert!(window.figures().latency_p50_us > 0);
        println!("{:?}", window.figures());
    });
}

#[test]
fn a_second_share_on_one_connection_starts_afresh() {
    run(async {
        let (sharing, viewing) = connected().await;
        let mut sharer = Sharer::new();
        let (seen_by, sharer_end) = sharer.add_viewer(ColourMode::Standard).expect("a viewer");
        let (viewer, viewer_end) = Viewer::new().expect("a viewer");
        let done = Cell::new(false);
        let look = async {
            for (seed, size) in [(1, SIZE), (2, SIZE), (3, Size::new(333, 77))] {
                let (mut canvas, source) = Canvas::new(size).expect("a canvas");
                let mut pattern = Pattern::new(size, seed);
                draw(&mut canvas, &mut pattern);
                let first_update = sharer.next_update(seen_by);
                sharer.start(Box::new(source), |_| {}).expect("a share");
                let mut window = Window::new(viewer.show(first_update));
                window
                    .until(|window| {
                        window.is_exact() && same_pixels(window.shown(), pattern.frame())
                    })
                    .await;
                sharer.stop();
                viewer.hide();
            }
            done.set(true);
        };
        tokio::select! {
            ended = sharer_end.run(&sharing, |_| {}) => panic!("{ended:?}"),
            ended = viewer_end.run(&viewing) => panic!("{ended:?}"),
            () = look => {}
        }
        assert!(done.get());
    });
}
