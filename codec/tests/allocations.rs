//! Encoding and decoding take no memory from Rust's allocator once their buffers have grown.
//!
//! libjpeg-turbo and `OpenH264` are counted only through their wrappers: what they take and return for
//! a picture comes from the C library's allocator, which is not counted here.
//! Threads hand work to each other without memory; only the queue by which a call enters the pool
//! takes a block of it for every 63 calls.

mod desk;

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};

use desk::Desk;
use tessera_codec::{Decoder, DecoderConfig, EncoderConfig, Policy, Rect, Size};

struct Counting;

/// Counts on all threads, which is why there is one test here only.
static COUNT: AtomicUsize = AtomicUsize::new(0);

#[allow(unsafe_code, reason = "a counting allocator can only be written with unsafe")]
// SAFETY: every call is passed to `System` unchanged; counting does not allocate.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        COUNT.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller keeps the contract of `alloc`, which is the same.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        // SAFETY: `memory` came from `System` with this layout, as `alloc` and `realloc` pass on.
        unsafe { System.dealloc(memory, layout) }
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, new_bytes: usize) -> *mut u8 {
        COUNT.fetch_add(1, Ordering::Relaxed);
        // SAFETY: as in `dealloc`; the new size is the caller's.
        unsafe { System.realloc(memory, layout, new_bytes) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn allocations(work: impl FnOnce()) -> usize {
    let before = COUNT.load(Ordering::Relaxed);
    work();
    COUNT.load(Ordering::Relaxed) - before
}

/// Calls that enter the pool for each block that its queue takes.
const CALLS_PER_BLOCK: usize = 63;

/// More calls than one round makes that enter the pool: of the encoder and of the decoder.
const MOST_CALLS: usize = 120;

#[test]
fn a_repeating_workload_allocates_nothing() {
    assert_eq!(
        allocations(|| drop(std::hint::black_box(vec![1_u8; 100]))),
        1,
        "the counter counts"
    );
    for (policy, threads) in
        [Policy::Live, Policy::Exact].into_iter().flat_map(|policy| [(policy, 1), (policy, 2)])
    {
        let config = EncoderConfig { policy, threads, ..EncoderConfig::default() };
        let mut desk = Desk::new(Size::new(500, 400), config);
        let decoding = DecoderConfig { threads, ..DecoderConfig::default() };
        desk.decoder = Decoder::new(decoding).expect("decoder");
        let round = |desk: &mut Desk| {
            desk.draw_text(4);
            desk.draw_photo_in(64, 64, 256, 256, 5);
            desk.send();
            desk.settle();
            let mut video_tiles = 0;
            for seed in 0..12 {
                desk.now_us += 33_333;
                desk.draw_film_in(Rect::new(64, 64, 256, 256), 11 * seed);
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
        let blocks = if threads > 1 { MOST_CALLS.div_ceil(CALLS_PER_BLOCK) } else { 0 };
        assert!(count <= blocks, "{count} allocations, {policy:?} on {threads} threads");
    }
}
