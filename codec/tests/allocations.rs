//! Encoding and decoding take no memory from Rust's allocator once their buffers have grown.
//!
//! libjpeg-turbo and `OpenH264` are counted only through their wrappers: what they take and return for
//! a picture comes from the C library's allocator, which is not counted here.
//! Threads are not used: rayon's queue takes a block of memory for every few dozen calls.

mod desk;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use desk::Desk;
use tessera_codec::{EncoderConfig, Policy, Size};

struct Counting;

thread_local! {
    static COUNT: Cell<usize> = const { Cell::new(0) };
}

#[allow(unsafe_code, reason = "a counting allocator can only be written with unsafe")]
// SAFETY: every call is passed to `System` unchanged; counting does not allocate, because the
// thread-local is initialised at compile time and needs no destructor.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        COUNT.with(|count| count.set(count.get() + 1));
        // SAFETY: the caller keeps the contract of `alloc`, which is the same.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        // SAFETY: `memory` came from `System` with this layout, as `alloc` and `realloc` pass on.
        unsafe { System.dealloc(memory, layout) }
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, new_bytes: usize) -> *mut u8 {
        COUNT.with(|count| count.set(count.get() + 1));
        // SAFETY: as in `dealloc`; the new size is the caller's.
        unsafe { System.realloc(memory, layout, new_bytes) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn allocations(work: impl FnOnce()) -> usize {
    let before = COUNT.with(Cell::get);
    work();
    COUNT.with(Cell::get) - before
}

#[test]
fn the_counter_counts() {
    assert_eq!(allocations(|| drop(std::hint::black_box(vec![1_u8; 100]))), 1);
}

#[test]
fn a_repeating_workload_allocates_nothing() {
    for policy in [Policy::Live, Policy::Exact] {
        let config = EncoderConfig { policy, ..EncoderConfig::default() };
        let mut desk = Desk::new(Size::new(500, 400), config);
        let round = |desk: &mut Desk| {
            desk.draw_text(4);
            desk.draw_photo_in(64, 64, 256, 256, 5);
            desk.send();
            desk.settle();
            let mut video_tiles = 0;
            for seed in 0..12 {
                desk.now_us += 33_333;
                desk.draw_photo_in(64, 64, 256, 256, 11 * seed);
                video_tiles += desk.send().video_tiles;
            }
            assert_eq!(video_tiles > 0, policy == Policy::Live);
            desk.settle();
            desk.play_film(64, 64, 256, 256);
            desk.send();
            desk.draw_photo(6);
            desk.send();
            desk.settle();
            // More screens than the older contents of a place: the cache brings one back.
            for seed in 7..10 {
                desk.draw_text(seed);
                desk.send();
            }
            desk.assert_equal();
        };
        for _ in 0..8 {
            round(&mut desk);
        }
        let count = allocations(|| round(&mut desk));
        assert_eq!(count, 0, "{policy:?}");
    }
}
