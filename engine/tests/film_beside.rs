//! Film over real QUIC: what changes beside it is seen without waiting for its frames, and when it
//! stops all of it becomes exact.

mod loopback;

use std::num::Wrapping;

use loopback::{Window, connected, run};
use tessera::ColourMode;
use tessera::pipeline::{Canvas, Sharer, Viewer};
use tessera_codec::{Frame, Rect, Size};

const SIZE: Size = Size::new(1000, 700);
const FILM: Rect = Rect::new(37, 64, 700, 480);
const SQUARE: Rect = Rect::new(900, 600, 32, 32);

/// Another frame of smooth colours with grain, such as film has.
fn draw_film(canvas: &mut Canvas, number: u32) {
    let fold = |at: u32| (at % 256).min(255 - at % 256) as u8;
    let mut grain = Wrapping(number | 1);
    for y in FILM.y..FILM.bottom() as u16 {
        let row = canvas.frame_mut().span_mut(FILM.x, y, FILM.width).chunks_exact_mut(4);
        for (pixel, x) in row.zip(u32::from(FILM.x)..) {
            grain = grain * Wrapping(1_664_525) + Wrapping(1_013_904_223);
            let (y, grain) = (u32::from(y), (grain.0 >> 29) as u8);
            let blue = fold(x * 2 + y + number * 143) + grain;
            let green = fold(y * 3 / 2 + number * 319) + grain;
            let red = fold((x + y) / 2 + number * 77) + grain;
            pixel.copy_from_slice(&[blue, green, red, 0]);
        }
    }
    canvas.share(FILM);
}

fn draw_square(canvas: &mut Canvas, shade: u8) {
    for y in SQUARE.y..SQUARE.y + SQUARE.height {
        canvas.frame_mut().span_mut(SQUARE.x, y, SQUARE.width).fill(shade);
    }
    canvas.share(SQUARE);
}

fn shade_of(shown: Option<&Frame>) -> Option<u8> {
    shown.map(|shown| shown.view().span(SQUARE.x, SQUARE.y, 1)[0])
}

fn same_pixels(shown: Option<&Frame>, drawn: &Frame) -> bool {
    shown.is_some_and(|shown| {
        let pairs = shown.data().chunks_exact(4).zip(drawn.data().chunks_exact(4));
        shown.size() == drawn.size() && pairs.into_iter().all(|(a, b)| a[..3] == b[..3])
    })
}

#[test]
fn changes_beside_film_are_all_seen_and_it_is_exact_when_it_stops() {
    run(async {
        let (sharing, viewing) = connected().await;
        let mut sharer = Sharer::new();
        let (_, sharer_end) = sharer.add_viewer(ColourMode::Standard).expect("a viewer");
        let (viewer, viewer_end) = Viewer::new().expect("a viewer");
        let (mut canvas, source) = Canvas::new(SIZE).expect("a canvas");
        sharer.start(Box::new(source), |_| {}).expect("a share");
        let mut window = Window::new(viewer.show(0));
        let look = async {
            let mut beat = tokio::time::interval(std::time::Duration::from_millis(30));
            for number in 1..40 {
                beat.tick().await;
                draw_film(&mut canvas, number);
                // Each change is waited for, and so is seen by itself.
                for step in 0..3 {
                    let shade = number as u8 * 5 + step;
                    draw_square(&mut canvas, shade);
                    window.until(|window| shade_of(window.shown()) == Some(shade)).await;
                }
            }
            let drawn = canvas.frame_mut().clone();
            window.until(|window| window.is_exact() && same_pixels(window.shown(), &drawn)).await;
        };
        tokio::select! {
            ended = sharer_end.run(&sharing, |_| {}) => panic!("{ended:?}"),
            ended = viewer_end.run(&viewing) => panic!("{ended:?}"),
            () = look => {}
        }
        println!("{:?} {:?}", window.figures(), sharer.coding());
    });
}
