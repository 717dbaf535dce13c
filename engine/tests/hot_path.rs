//! The hot path allocates nothing for a frame in steady state, and its threads wait only to sleep.
//!
//! Method. A counting allocator counts every allocation of every thread but the one that runs QUIC,
//! which marks itself as exempt (there quinn, rustls and the transport's framing work). What is left
//! are the threads of our stages: capture (from captured pixels), encode (to the `Bytes` given to
//! the transport), decode (from its `Bytes`), and the window's (to presented pixels). After a
//! warm-up, in which buffers reach their sizes, frames add none; what is tolerated is one growth of
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

const SIZE: Size = Size::new(1280, 720);
const WARM_UP: u64 = 3_000;
/// Squares drawn first, larger than the measured ones, so that every list of the codec has been as
/// long as it will be.
const LARGE_SQUARES: u64 = 200;
const FRAMES: u64 = 3_000;

/// Voluntary context switches allowed to one stage's thread for one frame.
const SWITCHES_PER_FRAME: u64 = 4;

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

/// Draws squares that differ in place and colour and waits for each to be presented.
fn draw_and_look(canvas: &mut Canvas, view: &mut Handle, side: u16, frames: u64) {
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
        while !shows(view) {
            if view.advance() {
                view.presented();
            } else {
                park();
            }
        }
    }
}

#[test]
fn thousands_of_frames_allocate_nothing_each_and_wait_for_nothing_but_work() {
    EXEMPT.set(true);
    run(async {
        let (sharing, viewing) = connected().await;
        let (mut canvas, source) = Canvas::new(SIZE).expect("a canvas");
        let mut sharer = Sharer::new();
        let (_, sharer_end) = sharer.add_viewer(ColourMode::Standard).expect("a viewer");
        sharer.start(Box::new(source), |_| {}).expect("a share");
        let (viewer, viewer_end) = Viewer::new().expect("a viewer");
        let mut view = viewer.show(0);
        let (done, finished) = tokio::sync::oneshot::channel();
        let window = std::thread::spawn(move || {
            let window: Arc<Thread> = Arc::new(current());
            view.on_wake(move || window.unpark());
            draw_and_look(&mut canvas, &mut view, 300, LARGE_SQUARES);
            draw_and_look(&mut canvas, &mut view, 32, WARM_UP);
            let before = switches();
            COUNTING.store(true, Ordering::SeqCst);
            draw_and_look(&mut canvas, &mut view, 32, FRAMES);
            COUNTING.store(false, Ordering::SeqCst);
            let after = switches();
            let _ = done.send((before, after, view.figures()));
        });
        let (before, after, figures) = tokio::select! {
            ended = sharer_end.run(&sharing, |_| {}) => panic!("{ended:?}"),
            ended = viewer_end.run(&viewing) => panic!("{ended:?}"),
            counted = finished => counted.expect("the window's thread does not panic"),
        };
        window.join().expect("the window's thread does not panic");
        println!("{figures:?}");
        assert_eq!(before.len(), 3, "capture, encode and decode: {before:?}");
        for ((name, before), (_, after)) in before.iter().zip(&after) {
            println!("{name}: {:.2} switches a frame", (after - before) as f64 / FRAMES as f64);
            assert!(after - before <= FRAMES * SWITCHES_PER_FRAME, "{name} waits too often");
        }
        let allocations = ALLOCATIONS.load(Ordering::SeqCst);
        println!("{allocations} allocations of the stages in {FRAMES} frames");
        assert!(allocations <= FRAMES / 1_000, "{allocations} allocations in {FRAMES} frames");
    });
}
