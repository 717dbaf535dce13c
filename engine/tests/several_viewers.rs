//! Several viewers of one sharer over real QUIC on loopback: each sees its own colours at its own
//! pace, whoever is slow, late or gone disturbs nobody, and all settle on the same desktop.

mod loopback;

use std::task::Poll;

use loopback::{Window, connected, quantized, run};
use tessera::ColourMode;
use tessera::pipeline::{Canvas, MAX_VIEWERS, Sharer, Viewer, ViewerId};
use tessera_codec::{Frame, Rect, Size};
use tessera_transport::{CloseReason, Link};
use tokio::task::JoinHandle;

const SIZE: Size = Size::new(640, 448);
const MODES: [ColourMode; 3] = [ColourMode::Standard, ColourMode::HighColour, ColourMode::Palette];

/// A participant who watches.
struct Watching {
    id: ViewerId,
    _viewer: Viewer,
    window: Window,
    link: Link,
    ends: [JoinHandle<()>; 2],
}

impl Watching {
    async fn join(sharer: &mut Sharer, colours: ColourMode) -> Self {
        let (sharing, viewing) = connected().await;
        let (id, sharer_end) = sharer.add_viewer(colours).expect("a viewer");
        let (viewer, viewer_end) = Viewer::new().expect("a viewer");
        let window = Window::new(viewer.show(sharer.next_update(id)));
        let link = viewing.clone();
        let ends = [
            tokio::spawn(async move {
                let Err(error) = sharer_end.run(&sharing, |_| {}).await;
                println!("a sharer's end: {error}");
            }),
            tokio::spawn(async move {
                let Err(error) = viewer_end.run(&viewing).await;
                println!("a viewer's end: {error}");
            }),
        ];
        Self { id, _viewer: viewer, window, link, ends }
    }

    /// Watches until the window shows the stamp `number`.
    async fn until_stamp(&mut self, number: u32) {
        self.window.until(|window| stamp_in(window) == Some(number)).await;
    }

    /// Watches until the window is known to show the sharer's desktop, in whatever colours.
    async fn until_verified(&mut self) {
        self.window.until(is_settled).await;
    }

    /// Watches until the window shows `wanted`, and knows that it does.
    async fn until_shown(&mut self, wanted: &Frame) {
        self.window
            .until(|window| {
                let is_shown = window.shown().is_some_and(|shown| shown.data() == wanted.data());
                is_shown && is_settled(window)
            })
            .await;
    }

    /// Goes, without saying so, and waits until the sharer's end has found out.
    async fn die(self) {
        self.link.close(&CloseReason::Goodbye);
        for end in self.ends {
            end.await.expect("neither end panics");
        }
    }
}

/// Whether the window is known to show the desktop as of what has been sent, in whatever colours.
fn is_settled(window: &Window) -> bool {
    window.is_exact() && window.is_verified()
}

/// All of `viewers` watch until `condition` holds for each of them.
async fn all_until(viewers: &mut [Watching], condition: impl Fn(&Window) -> bool) {
    loop {
        viewers.iter_mut().for_each(|viewer| viewer.window.present());
        if viewers.iter().all(|viewer| condition(&viewer.window)) {
            return;
        }
        let woken = viewers.iter().map(|viewer| viewer.window.woken());
        let mut woken: Vec<_> = woken.map(Box::pin).collect();
        std::future::poll_fn(|context| {
            let is_woken = woken.iter_mut().any(|one| one.as_mut().poll(context).is_ready());
            if is_woken { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }
}

/// Where a number stands that says how far the desktop has come, in black and white, which look the
/// same in all colour modes.
const STAMP: Rect = Rect { x: 0, y: 0, width: 32 * 8, height: 8 };

fn stamp(frame: &mut Frame, number: u32) {
    for y in 0..STAMP.height {
        let row = frame.span_mut(STAMP.x, STAMP.y + y, STAMP.width);
        for (x, pixel) in row.chunks_exact_mut(4).enumerate() {
            let shade = if number >> (x / 8) & 1 == 1 { 255 } else { 0 };
            pixel.copy_from_slice(&[shade, shade, shade, 0]);
        }
    }
}

fn stamp_in(window: &Window) -> Option<u32> {
    let row = window.shown()?.view().span(STAMP.x, STAMP.y, STAMP.width).to_vec();
    let bits = row.chunks_exact(32).map(|pixels| u32::from(pixels[0] > 127));
    Some(bits.rev().fold(0, |number, bit| number << 1 | bit))
}

/// A desktop with drawn and photographic content and a stamp.
struct Desktop {
    canvas: Canvas,
    number: u32,
}

impl Desktop {
    fn new(sharer: &mut Sharer) -> Self {
        let (canvas, source) = Canvas::new(SIZE).expect("a canvas");
        let mut desktop = Self { canvas, number: 0 };
        desktop.draw(SIZE.rect(), 7);
        sharer.start(Box::new(source), |_| {}).expect("a share");
        desktop
    }

    /// Draws blots of two colours on the left and a slope with grain on the right of `rect`.
    fn draw(&mut self, rect: Rect, seed: u32) {
        let mut state = seed | 1;
        for y in rect.y..rect.y + rect.height {
            let row = self.canvas.frame_mut().span_mut(rect.x, y, rect.width);
            for (pixel, x) in row.chunks_exact_mut(4).zip(rect.x..) {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                let grain = (state >> 29) as u8;
                let slope = (x / 3) as u8 ^ (seed as u8 & 15);
                let drawn = if state >> 28 == 0 { 20 } else { 235 };
                let colour = if x < SIZE.width / 2 {
                    [drawn, drawn, drawn, 0]
                } else {
                    [slope ^ grain, (y / 2) as u8 ^ grain, 255 - slope, 0]
                };
                pixel.copy_from_slice(&colour);
            }
        }
        self.canvas.share(rect);
        self.count();
    }

    /// Writes the next number, and returns it.
    fn count(&mut self) -> u32 {
        self.number += 1;
        stamp(self.canvas.frame_mut(), self.number);
        self.canvas.share(STAMP);
        self.number
    }

    /// The desktop in the colours of `mode`.
    fn quantized(&mut self, mode: ColourMode) -> Frame {
        quantized(self.canvas.frame_mut(), mode)
    }
}

#[test]
fn viewers_of_different_modes_settle_each_on_its_own_picture() {
    run(async {
        let mut sharer = Sharer::new();
        let mut desktop = Desktop::new(&mut sharer);
        let mut viewers = Vec::new();
        for mode in [MODES[0], MODES[1], MODES[2], MODES[0], MODES[1]] {
            viewers.push(Watching::join(&mut sharer, mode).await);
        }
        let modes = [MODES[0], MODES[1], MODES[2], MODES[0], MODES[1]];
        for (viewer, mode) in viewers.iter_mut().zip(modes) {
            viewer.until_shown(&desktop.quantized(mode)).await;
        }
        assert_eq!(sharer.coding().lines, 3);
        // Modes change while the desktop does.
        let modes = [MODES[1], MODES[1], MODES[0], MODES[2], MODES[0]];
        for (step, (viewer, mode)) in (10..).zip(viewers.iter().zip(modes)) {
            desktop.draw(Rect::new(100, 60, 400, 300), step);
            sharer.set_colours(viewer.id, mode);
        }
        for (viewer, mode) in viewers.iter_mut().zip(modes) {
            viewer.until_stamp(desktop.number).await;
            viewer.until_verified().await;
            if mode != ColourMode::Palette {
                viewer.until_shown(&desktop.quantized(mode)).await;
            }
        }
        assert_eq!(sharer.coding().lines, 3);
    });
}

#[test]
fn one_coding_serves_all_viewers_of_a_line() {
    run(async {
        let mut sharer = Sharer::new();
        let mut desktop = Desktop::new(&mut sharer);
        let mut viewers = Vec::new();
        for _ in 0..4 {
            viewers.push(Watching::join(&mut sharer, ColourMode::Standard).await);
        }
        all_until(&mut viewers, is_settled).await;
        let before = (sharer.coding(), sharer.figures());
        for step in 0..40 {
            desktop.draw(Rect::new(20 + 8 * step, 100, 64, 16), u32::from(step));
            all_until(&mut viewers, |window| stamp_in(window) == Some(desktop.number)).await;
        }
        all_until(&mut viewers, is_settled).await;
        let after = (sharer.coding(), sharer.figures());
        let coded = after.0.coded_bytes - before.0.coded_bytes;
        let sent = after.1.bytes - before.1.bytes;
        assert_eq!(after.0.left_out, before.0.left_out, "nobody was slow");
        assert_eq!(after.0.healing_bytes, before.0.healing_bytes, "and nobody lacked anything");
        assert_eq!(sent, 4 * coded, "each update was coded once and sent to all");
        for viewer in &viewers {
            let one = sharer.viewer_figures(viewer.id).expect("it is there");
            assert!(one.bytes > 0 && one.bytes < after.1.bytes);
        }
    });
}

#[test]
fn a_viewer_that_acknowledges_nothing_costs_the_others_no_picture() {
    run(async {
        let mut sharer = Sharer::new();
        let mut desktop = Desktop::new(&mut sharer);
        let mut fast = Watching::join(&mut sharer, ColourMode::Standard).await;
        let mut stuck = Watching::join(&mut sharer, ColourMode::Standard).await;
        fast.until_verified().await;
        stuck.until_verified().await;
        // From here on its window presents nothing.
        for _ in 0..60 {
            let number = desktop.count();
            fast.until_stamp(number).await;
        }
        assert!(sharer.coding().left_out > 0, "it was left out");
        let sent_to_stuck = sharer.viewer_figures(stuck.id).expect("it is there").frames;
        for step in 0..60 {
            desktop.draw(Rect::new(70, 70, 200, 100), step);
            fast.until_stamp(desktop.number).await;
        }
        let sent_since = sharer.viewer_figures(stuck.id).expect("it is there").frames;
        assert_eq!(sent_since, sent_to_stuck, "nothing was queued for it meanwhile");
        // It goes on, and gets what it missed.
        stuck.until_stamp(desktop.number).await;
        let wanted = desktop.quantized(ColourMode::Standard);
        stuck.until_shown(&wanted).await;
        fast.until_shown(&wanted).await;
    });
}

#[test]
fn a_viewer_that_is_slow_again_and_again_gets_a_line_of_its_own() {
    run(async {
        let mut sharer = Sharer::new();
        let mut desktop = Desktop::new(&mut sharer);
        let mut fast = Watching::join(&mut sharer, ColourMode::Standard).await;
        let mut slow = Watching::join(&mut sharer, ColourMode::Standard).await;
        fast.until_verified().await;
        slow.until_verified().await;
        let mut rounds = 0;
        while sharer.coding().lines < 2 {
            // It pauses until it has been left out, and then catches up.
            let left_out = sharer.coding().left_out;
            while sharer.coding().left_out == left_out && sharer.coding().lines < 2 {
                let number = desktop.count();
                fast.until_stamp(number).await;
            }
            slow.until_stamp(desktop.number).await;
            rounds += 1;
            assert!(rounds < 20, "it stays on the fast line: {:?}", sharer.coding());
        }
        let (before, number) = (sharer.coding().left_out, desktop.count());
        fast.until_stamp(number).await;
        slow.until_stamp(number).await;
        for _ in 0..30 {
            let number = desktop.count();
            fast.until_stamp(number).await;
        }
        assert_eq!(sharer.coding().left_out, before, "each goes at its own pace");
        let wanted = desktop.quantized(ColourMode::Standard);
        slow.until_shown(&wanted).await;
        fast.until_shown(&wanted).await;
    });
}

#[test]
fn a_late_viewer_gets_everything_and_the_others_go_on() {
    run(async {
        let mut sharer = Sharer::new();
        let mut desktop = Desktop::new(&mut sharer);
        let mut first = Watching::join(&mut sharer, ColourMode::Standard).await;
        first.until_verified().await;
        for mode in MODES {
            let mut late = Watching::join(&mut sharer, mode).await;
            for step in 0..20 {
                desktop.draw(Rect::new(200, 200, 40, 40), step);
                first.until_stamp(desktop.number).await;
            }
            late.until_stamp(desktop.number).await;
            late.until_verified().await;
            // What it is sent later does not take that back.
            desktop.draw(Rect::new(330, 10, 70, 20), 3);
            late.until_stamp(desktop.number).await;
            late.until_verified().await;
            if mode != ColourMode::Palette {
                late.until_shown(&desktop.quantized(mode)).await;
            }
            late.die().await;
        }
        assert_eq!(sharer.coding().left_out, 0, "{:?}", sharer.coding());
    });
}

#[test]
fn whoever_dies_in_mid_stream_is_not_missed() {
    run(async {
        let mut sharer = Sharer::new();
        let mut desktop = Desktop::new(&mut sharer);
        let mut stays = Watching::join(&mut sharer, ColourMode::Standard).await;
        for round in 0..6_u32 {
            let mode = MODES[round as usize % MODES.len()];
            let mut dies = Watching::join(&mut sharer, mode).await;
            desktop.draw(SIZE.rect(), round);
            if round % 2 == 0 {
                dies.until_stamp(desktop.number).await;
            }
            desktop.draw(SIZE.rect(), round + 100);
            dies.die().await;
            desktop.draw(Rect::new(10, 30, 300, 60), round);
            stays.until_stamp(desktop.number).await;
        }
        stays.until_shown(&desktop.quantized(ColourMode::Standard)).await;
        assert_eq!(sharer.coding().lines, 1, "lines end with their last viewer");
    });
}

#[test]
fn there_is_a_place_again_for_each_that_has_left() {
    run(async {
        let mut sharer = Sharer::new();
        let mut ends: Vec<_> = (0..MAX_VIEWERS)
            .map(|_| sharer.add_viewer(ColourMode::Standard).expect("a place"))
            .collect();
        sharer.add_viewer(ColourMode::Standard).expect_err("no place");
        ends.truncate(MAX_VIEWERS - 1);
        let (id, _end) = sharer.add_viewer(ColourMode::Standard).expect("a place");
        sharer.add_viewer(ColourMode::Standard).expect_err("no place");
        sharer.remove_viewer(id);
        sharer.add_viewer(ColourMode::Standard).expect("a place");
    });
}

/// What a random run does next.
struct Dice(u64);

impl Dice {
    /// Marsaglia's xorshift with 64 bits.
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }
}

/// Viewers come, go, change colours, stop to look and look again at random while the desktop changes;
/// then all settle. Set `TESSERA_SEED` to repeat a run.
#[test]
fn any_company_settles_on_the_desktop() {
    let clock = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let seed = std::env::var("TESSERA_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed = seed.unwrap_or_else(|| clock.map_or(1, |clock| clock.as_nanos() as u64) | 1);
    println!("TESSERA_SEED={seed}");
    run(async move {
        let mut dice = Dice(seed);
        let mut sharer = Sharer::new();
        let mut desktop = Desktop::new(&mut sharer);
        let mut viewers = vec![Watching::join(&mut sharer, ColourMode::Standard).await];
        for _ in 0..120 {
            let which = dice.below(viewers.len().max(1) as u64) as usize;
            let mode = MODES[dice.below(3) as usize];
            match dice.below(10) {
                0 if viewers.len() < 6 => viewers.push(Watching::join(&mut sharer, mode).await),
                1 if viewers.len() > 1 => viewers.swap_remove(which).die().await,
                2 => {
                    if let Some(viewer) = viewers.get(which) {
                        sharer.set_colours(viewer.id, mode);
                    }
                }
                3..=5 => {
                    let (x, y) = (dice.below(500) as u16, dice.below(400) as u16);
                    let rect = Rect::new(x, y, 1 + dice.below(139) as u16, 48);
                    desktop.draw(rect, dice.below(1 << 30) as u32);
                }
                6 => desktop.draw(SIZE.rect(), dice.below(1 << 30) as u32),
                // The others do not look meanwhile.
                _ => {
                    if let Some(viewer) = viewers.get_mut(which) {
                        viewer.until_stamp(desktop.number).await;
                    }
                }
            }
        }
        let wanted = desktop.quantized(ColourMode::Standard);
        for viewer in &mut viewers {
            sharer.set_colours(viewer.id, ColourMode::Standard);
        }
        for viewer in &mut viewers {
            viewer.until_shown(&wanted).await;
        }
        println!("{:?}", sharer.coding());
    });
}
