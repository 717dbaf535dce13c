//! Colour modes over real QUIC on loopback: they change in mid-stream, without a black frame, and at
//! rest the window shows the quantized desktop.

mod loopback;

use loopback::{Window, connected, quantized, run};
use tessera::ColourMode;
use tessera::pipeline::{Canvas, Sharer, Viewer};
use tessera_codec::{Frame, Rect, Size};

const SIZE: Size = Size::new(700, 500);

/// Slopes and grain of many colours, none of them dark.
fn draw(canvas: &mut Canvas, seed: u32) {
    let mut state = seed | 1;
    for y in 0..SIZE.height {
        let row = canvas.frame_mut().span_mut(0, y, SIZE.width);
        for (x, pixel) in row.chunks_exact_mut(4).enumerate() {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let (x, y, grain) = ((x / 3) as u8, (y / 2) as u8, (state >> 29) as u8);
            let light = |value: u8| value.max(96).wrapping_add(grain & 3).max(96);
            let channels = [light(x ^ seed as u8), light(y), light(x.wrapping_add(y))];
            pixel[..3].copy_from_slice(&channels);
        }
    }
    canvas.share(Rect::new(0, 0, SIZE.width, SIZE.height));
}

fn shows(window: &Window, wanted: &Frame) -> bool {
    window.shown().is_some_and(|shown| shown.data() == wanted.data())
}

/// Dark channels of what the window shows.
fn dark(window: &Window) -> usize {
    let shown = window.shown().expect("a picture");
    shown.data().chunks_exact(4).flat_map(|pixel| &pixel[..3]).filter(|&&c| c < 48).count()
}

#[test]
fn modes_change_in_mid_stream_and_settle_on_the_quantized_desktop() {
    run(async {
        let (sharing, viewing) = connected().await;
        let mut sharer = Sharer::new();
        let (seen_by, sharer_end) = sharer.add_viewer(ColourMode::Standard).expect("a viewer");
        let (viewer, viewer_end) = Viewer::new().expect("a viewer");
        let (mut canvas, source) = Canvas::new(SIZE).expect("a canvas");
        draw(&mut canvas, 5);
        sharer.start(Box::new(source), |_| {}).expect("a share");
        let mut window = Window::new(viewer.show(0));
        let look = async {
            let wanted = quantized(canvas.frame_mut(), ColourMode::Standard);
            window.until(|window| shows(window, &wanted) && window.is_exact()).await;
            let modes = [
                ColourMode::Palette,
                ColourMode::HighColour,
                ColourMode::Standard,
                ColourMode::HighColour,
                ColourMode::Palette,
                ColourMode::Standard,
            ];
            for mode in modes {
                let wanted = quantized(canvas.frame_mut(), mode);
                sharer.set_colours(seen_by, mode);
                window
                    .until(|window| {
                        assert_eq!(dark(window), 0, "{mode:?}");
                        shows(window, &wanted) && window.is_exact()
                    })
                    .await;
            }
        };
        tokio::select! {
            ended = sharer_end.run(&sharing, |_| {}) => panic!("{ended:?}"),
            ended = viewer_end.run(&viewing) => panic!("{ended:?}"),
            () = look => {}
        }
    });
}
