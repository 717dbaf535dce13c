//! A screen that changes everywhere, 30 times a second, is followed: what the viewer lacks does not
//! grow, nothing outdated is queued, and the last picture becomes exact.

mod loopback;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use loopback::{connected, run};
use tessera::ColourMode;
use tessera::pipeline::{Canvas, Sharer, Viewer};
use tessera::view::{Handle, Picture};
use tessera_codec::{Frame, Size, TILE};

const SIZE: Size = Size::new(1920, 1080);
const PERIOD: Duration = Duration::from_micros(33_333);
/// Four seconds of motion.
const DRAWN: u64 = 120;
/// Pictures that may still be presented after the last change without showing it: two unpresented
/// ones, one each in the encoder and before it, each in up to two updates (chain and leaf).
const MAX_OUTDATED: u64 = 8;

/// Pictures with no two pixels alike for long: a moving gradient with fine grain, as in a film.
fn film() -> Vec<Frame> {
    let width = usize::from(SIZE.width);
    (0..4_usize)
        .map(|shift| {
            let mut frame = Frame::black(SIZE);
            for (at, pixel) in frame.data_mut().chunks_exact_mut(4).enumerate() {
                let (x, y) = (at % width + shift * 40, at / width);
                let grain = ((at as u32).wrapping_mul(2_654_435_761) >> 29) as u8;
                pixel[0] = (x / 8) as u8 ^ grain;
                pixel[1] = (y / 5) as u8 ^ grain;
                pixel[2] = ((x + y) / 12) as u8;
            }
            frame
        })
        .collect()
}

/// Draws picture `number` of the film, with its number in a tile of one colour.
fn draw(canvas: &mut Canvas, film: &[Frame], number: u64) {
    let frame = canvas.frame_mut();
    frame.clone_from(&film[number as usize % film.len()]);
    for y in 0..TILE {
        for pixel in frame.span_mut(0, y, TILE).chunks_exact_mut(4) {
            pixel.copy_from_slice(&[number as u8, 0, 0, 0]);
        }
    }
    canvas.share(SIZE.rect());
}

fn number_in(picture: Picture<'_>) -> u64 {
    u64::from(picture.frame.span(0, 0, 1)[0])
}

#[derive(Debug, Default)]
struct Seen {
    pictures: u64,
    /// How many drawn pictures the viewer lacked at most, in the first and second half.
    behind: [u64; 2],
    /// Pictures presented after the last one was drawn that did not show it.
    outdated: u64,
}

/// Presents pictures until the last one is shown exactly.
fn watch(view: &mut Handle, drawn: &AtomicU64) -> Seen {
    let window = std::thread::current();
    view.on_wake(move || window.unpark());
    let mut seen = Seen::default();
    let is_last = |picture: Picture<'_>| picture.info.exact && number_in(picture) == DRAWN;
    while !view.picture().is_some_and(is_last) {
        let all_drawn = drawn.load(Ordering::SeqCst);
        if !view.advance() {
            std::thread::park();
            continue;
        }
        view.presented();
        let shown = view.picture().map_or(0, number_in);
        seen.pictures += 1;
        let half = usize::from(shown > DRAWN / 2);
        seen.behind[half] = seen.behind[half].max(all_drawn.saturating_sub(shown));
        seen.outdated += u64::from(all_drawn == DRAWN && shown < DRAWN);
    }
    seen
}

#[test]
fn full_screen_motion_is_followed_and_settles_exactly() {
    run(async {
        let (sharing, viewing) = connected().await;
        let (mut canvas, source) = Canvas::new(SIZE).expect("a canvas");
        let mut sharer = Sharer::new();
        let (seen_by, sharer_end) = sharer.add_viewer(ColourMode::Standard).expect("a viewer");
        let (viewer, viewer_end) = Viewer::new().expect("a viewer");
        let mut view = viewer.show(sharer.next_update(seen_by));
        let drawn = Arc::new(AtomicU64::new(0));
        let film = film();
        draw(&mut canvas, &film, 0);
        sharer.start(Box::new(source), |_| {}).expect("a share");
        let so_far = Arc::clone(&drawn);
        let drawing = std::thread::spawn(move || {
            let ticks = crossbeam::channel::tick(PERIOD);
            for number in 1..=DRAWN {
                ticks.recv().expect("a tick");
                draw(&mut canvas, &film, number);
                so_far.store(number, Ordering::SeqCst);
            }
            (canvas, film)
        });
        let (tell, watched) = tokio::sync::oneshot::channel();
        std::thread::spawn(move || {
            let seen = watch(&mut view, &drawn);
            drop(tell.send((seen, view)));
        });
        let (seen, view) = tokio::select! {
            ended = sharer_end.run(&sharing, |_| {}) => panic!("{ended:?}"),
            ended = viewer_end.run(&viewing) => panic!("{ended:?}"),
            seen = watched => seen.expect("the window's thread does not panic"),
        };
        let (mut canvas, _film) = drawing.join().expect("the drawing thread does not panic");
        println!("of {DRAWN} drawn: {seen:?}, {:?}", view.figures());
        let shown = view.picture().expect("a picture").frame;
        for y in 0..SIZE.height {
            let row = canvas.frame_mut().span_mut(0, y, SIZE.width).to_vec();
            assert!(shown.span(0, y, SIZE.width) == row, "row {y} differs");
        }
        let [first, second] = seen.behind;
        assert!(second <= first.max(MAX_OUTDATED) * 2, "it falls behind more and more: {seen:?}");
        assert!(seen.outdated <= MAX_OUTDATED, "outdated pictures were queued: {seen:?}");
    });
}
