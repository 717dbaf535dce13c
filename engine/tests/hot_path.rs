//! The hot path allocates nothing for a frame in steady state, and its threads wait only to sleep.
//!
//! Method. A counting allocator counts every allocation of every thread but the one that runs QUIC,
//! which marks itself as exempt (there quinn, rustls and the transport's framing work). What is left
//! are the threads of our stages: capture (from captured pixels), encode (to the `Bytes` given to
//! the transport), decode (from its `Bytes`), and the window's (to presented pixels). After a
//! warm-up, in which buffers reach their sizes, frames add none, with one viewer and with several; what is tolerated is one growth of
//! one of the codec's buffers to a new maximum in a thousand frames. What is counted, what is not,
//! and why, is in docs/decisions/0008-hot-path-counting.md.
//!
//! Locks: `clippy.toml` bans lock types from this package. What a stage's thread still can do is
//! block; each block is a voluntary context switch, which the kernel counts by thread. A stage that
//! sleeps once for work and is woken once makes one or two a frame; waiting for locks would add to
//! that. The bound below is per frame and thread.

#![allow(unsafe_code, reason = "a counting allocator can be written no other way")]

mod loopback;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{Thread, current, park};

use loopback::{connected, run};
use tessera::ColourMode;
use tessera::pipeline::{Canvas, Sharer, Viewer};
use tessera::view::Handle;
use tessera_codec::{Rect, Size};
use tokio::task::JoinSet;

const SIZE: Size = Size::new(1280, 720);
const WARM_UP: u64 = 2_000;
/// Squares drawn first, larger than the measured ones, so that every list of the codec has been as
/// long as it will be.
const LARGE_SQUARES: u64 = 200;
const FRAMES: u64 = 2_000;

/// Voluntary context switches allowed to one stage's thread for one frame.
const SWITCHES_PER_FRAME: u64 = 4;

/// Such switches for each further viewer, whose acknowledgements come at a time of their own.
const SWITCHES_PER_FURTHER_VIEWER: u64 = 2;

struct Counting;

thread_local! {
    static EXEMPT: Cell<bool> = const { Cell::new(false) };
}

static COUNTING: AtomicBool = AtomicBool::new(false);
static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);

fn count() {
    let exempt = EXEMPT.try_with(Cell::get).unwrap_or(true);
    if COUNTING.load(Ordering::Relaxed) && !exempt {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
    }
}

// SAFETY: every call is passed on unchanged to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller's obligations are those of `System`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, bytes: usize) -> *mut u8 {
        count();
        // SAFETY: as above.
        unsafe { System.realloc(pointer, layout, bytes) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Voluntary context switches of our stages' threads so far, by the thread's name.
fn switches() -> Vec<(String, u64)> {
    let tasks = std::fs::read_dir("/proc/self/task").expect("the kernel lists threads");
    let mut switches = Vec::new();
    for task in tasks.flatten() {
        let status = std::fs::read_to_string(task.path().join("status")).unwrap_or_default();
        let field = |name: &str| {
            status.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default().trim()
        };
        if field("Name:").starts_with("tessera-") {
            let count = field("voluntary_ctxt_switches:").parse().expect("a number");
            switches.push((field("Name:").to_owned(), count));
        }
    }
    switches.sort();
    switches
}

/// Draws squares that differ in place and colour and waits for each to be presented by all windows.
fn draw_and_look(canvas: &mut Canvas, views: &mut [Handle], side: u16, frames: u64) {
    for frame in 0..frames {
        let colour = (frame % 250) as u8 + 1;
        let at = |limit: u16| (frame * 37 % u64::from(limit - side)) as u16;
        let square = Rect::new(at(SIZE.width), at(SIZE.height), side, side);
        for y in square.y..square.y + square.height {
            canvas.frame_mut().span_mut(square.x, y, square.width).fill(colour);
        }
        canvas.share(square);
        let shows = |view: &Handle| {
            let shown = view.picture().map(|picture| picture.frame.span(square.x, square.y, 1));
            shown.is_some_and(|pixel| pixel[0] == colour)
        };
        while !views.iter().all(shows) {
            let mut is_any_new = false;
            for view in &mut *views {
                if view.advance() {
                    view.presented();
                    is_any_new = true;
                }
            }
            if !is_any_new {
                park();
            }
        }
    }
}

/// Counts while `viewers` watch.
async fn count_for(viewers: usize) {
    let mut sharer = Sharer::new();
    let (mut canvas, source) = Canvas::new(SIZE).expect("a canvas");
    sharer.start(Box::new(source), |_| {}).expect("a share");
    let (mut views, mut receivers, mut ends) = (Vec::new(), Vec::new(), JoinSet::new());
    for _ in 0..viewers {
        let (sharing, viewing) = connected().await;
        let (_, sharer_end) = sharer.add_viewer(ColourMode::Standard).expect("a viewer");
        let (viewer, viewer_end) = Viewer::new().expect("a viewer");
        views.push(viewer.show(0));
        receivers.push(viewer);
        ends.spawn(async move { sharer_end.run(&sharing, |_| {}).await });
        ends.spawn(async move { viewer_end.run(&viewing).await });
    }
    let (done, finished) = tokio::sync::oneshot::channel();
    let window = std::thread::spawn(move || {
        let window: Arc<Thread> = Arc::new(current());
        for view in &views {
            let window = Arc::clone(&window);
            view.on_wake(move || window.unpark());
        }
        draw_and_look(&mut canvas, &mut views, 300, LARGE_SQUARES);
        draw_and_look(&mut canvas, &mut views, 32, WARM_UP);
        let before = switches();
        ALLOCATIONS.store(0, Ordering::SeqCst);
        COUNTING.store(true, Ordering::SeqCst);
        draw_and_look(&mut canvas, &mut views, 32, FRAMES);
        COUNTING.store(false, Ordering::SeqCst);
        let after = switches();
        let _ = done.send((before, after, views.first().map(Handle::figures)));
    });
    let (before, after, figures) = tokio::select! {
        Some(ended) = ends.join_next() => panic!("{ended:?}"),
        counted = finished => counted.expect("the window's thread does not panic"),
    };
    window.join().expect("the window's thread does not panic");
    println!("{viewers} viewers: {figures:?} {:?}", sharer.coding());
    let threads = 3 + 2 * viewers;
    assert_eq!(
        before.len(),
        threads,
        "capture, encode, film; each one's decode and film: {before:?}"
    );
    for ((name, before), (_, after)) in before.iter().zip(&after) {
        println!("{name}: {:.2} switches a frame", (after - before) as f64 / FRAMES as f64);
        let most = SWITCHES_PER_FRAME + SWITCHES_PER_FURTHER_VIEWER * (viewers as u64 - 1);
        assert!(after - before <= FRAMES * most, "{name} waits too often");
    }
    let allocations = ALLOCATIONS.load(Ordering::SeqCst);
    println!("{allocations} allocations of the stages in {FRAMES} frames");
    assert!(allocations <= FRAMES / 1_000, "{allocations} allocations in {FRAMES} frames");
}

#[test]
fn thousands_of_frames_allocate_nothing_each_and_wait_for_nothing_but_work() {
    EXEMPT.set(true);
    for viewers in [1, 3] {
        run(count_for(viewers));
    }
}
