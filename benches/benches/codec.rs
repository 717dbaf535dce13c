//! The codec's kernels, whole 1920x1080 frames drawn here (text-like and photograph-like), and the
//! frames of the project's clips.
//!
//! `cargo bench -p tessera-bench --bench codec`. One thread, so that figures compare.

use std::path::Path;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use tessera_capture::clip::ClipReader;
use tessera_codec::{
    Decoder, DecoderConfig, EncodeRequest, Encoder, EncoderConfig, Frame, Payloads, Policy, Region,
    Size, TileGrid, TileIndex, tile_hash,
};

const SIZE: Size = Size::new(1920, 1080);

/// Marsaglia's xorshift with 64 bits.
fn next(state: &mut u64) -> u64 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    *state
}

/// Blots of a few shades in lines on plain ground.
fn text(seed: u64) -> Frame {
    let mut frame = Frame::black(SIZE);
    let mut state = seed;
    for y in 0..SIZE.height {
        for (x, pixel) in frame.span_mut(0, y, SIZE.width).chunks_exact_mut(4).enumerate() {
            if x % 8 == 0 {
                next(&mut state);
            }
            let ink = y % 18 < 11 && state >> (x % 8) & 3 == 3;
            let shade = if ink { (state >> 40) as u8 & 0x70 } else { 250 };
            pixel.copy_from_slice(&[shade, shade, shade, 0]);
        }
    }
    frame
}

/// Slopes of colour with grain.
fn photo(seed: u64) -> Frame {
    let mut frame = Frame::black(SIZE);
    let mut state = seed;
    for y in 0..SIZE.height {
        for (x, pixel) in frame.span_mut(0, y, SIZE.width).chunks_exact_mut(4).enumerate() {
            let grain = (next(&mut state) >> 60) as u8;
            let slope = (x / 9 + usize::from(y) / 5) as u8 / 2 + (seed as u8 & 31);
            pixel.copy_from_slice(&[slope + grain, slope / 2 + grain, 100 + grain, 0]);
        }
    }
    frame
}

fn hashing(criterion: &mut Criterion) {
    let frame = photo(1);
    let grid = TileGrid::new(SIZE);
    let mut group = criterion.benchmark_group("kernel");
    group.throughput(Throughput::Bytes(frame.data().len() as u64));
    group.bench_function("tile_hash 1080p", |bench| {
        bench.iter(|| {
            (0..grid.tiles()).fold(0, |sum: u128, tile| {
                sum ^ tile_hash(frame.view(), grid.rect(TileIndex(tile)))
            })
        });
    });
    group.finish();
}

/// Encodes two frames in turn, every tile damaged each time; then decodes the same.
fn frames(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("frame");
    group.throughput(Throughput::Elements(SIZE.area() as u64));
    for (name, policy, pair) in [
        ("text", Policy::Live, [text(1), text(2)]),
        ("photo in motion", Policy::Live, [photo(1), photo(2)]),
        ("photo exact", Policy::Exact, [photo(1), photo(2)]),
    ] {
        let config = EncoderConfig { policy, ..EncoderConfig::default() };
        let mut encoder = Encoder::new(SIZE, config).expect("encoder");
        let mut payloads = Payloads::new();
        let mut damage = Region::full(SIZE);
        let mut at = 0_u64;
        let mut encode = |payloads: &mut Payloads| {
            at += 1;
            damage.fill();
            let request =
                EncodeRequest { now_us: at * 33_333, budget_bytes: usize::MAX, pointer: None };
            let frame = pair[at as usize % 2].view();
            encoder.encode(frame, &mut damage, &request, payloads)
        };
        group.bench_function(format!("encode {name}"), |bench| {
            bench.iter(|| encode(&mut payloads));
        });

        let mut decoder = Decoder::new(DecoderConfig::default()).expect("decoder");
        let mut fresh = Encoder::new(SIZE, config).expect("encoder");
        let request = EncodeRequest { now_us: 0, budget_bytes: usize::MAX, pointer: None };
        group.bench_function(format!("decode {name}"), |bench| {
            bench.iter_batched(
                || {
                    // A start each time: any number of them may follow one another.
                    fresh.restart();
                    fresh.encode(pair[0].view(), &mut Region::full(SIZE), &request, &mut payloads);
                    payloads.drain().collect::<Vec<_>>()
                },
                |updates| {
                    for update in &updates {
                        decoder.apply(update.track, &update.bytes).expect("valid update");
                    }
                    updates
                },
                criterion::BatchSize::PerIteration,
            );
        });
    }

    let frame = photo(1);
    let mut encoder = Encoder::new(SIZE, EncoderConfig::default()).expect("encoder");
    let mut payloads = Payloads::new();
    let request = EncodeRequest { now_us: 0, budget_bytes: usize::MAX, pointer: None };
    let mut damage = Region::full(SIZE);
    encoder.encode(frame.view(), &mut damage, &request, &mut payloads);
    group.bench_function("sweep unchanged", |bench| {
        bench.iter(|| {
            damage.fill();
            encoder.encode(frame.view(), &mut damage, &request, &mut payloads)
        });
    });
    group.finish();
}

/// Frames of a clip that are coded in turn.
const CLIP_FRAMES: usize = 24;

/// The first frames of one of the project's clips.
fn clip(name: &str) -> Vec<Frame> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("clips").join(name);
    let mut reader = ClipReader::open(&path).expect("a clip of the project");
    let mut frame = Frame::black(reader.info().size);
    let mut frames = Vec::new();
    while frames.len() < CLIP_FRAMES && reader.read_frame(&mut frame).expect("a frame") {
        frames.push(frame.clone());
    }
    frames
}

/// Whole clips, every tile damaged in each frame: what changed has to be found as well.
fn clips(criterion: &mut Criterion) {
    for (name, policy) in [
        ("terminal-typing", Policy::Exact),
        ("terminal-scroll", Policy::Exact),
        ("editor", Policy::Exact),
        ("browser-page", Policy::Exact),
        ("browser-page", Policy::Live),
        ("window-drag", Policy::Exact),
        ("film", Policy::Live),
    ] {
        let frames = clip(name);
        let size = frames[0].size();
        let pixels = size.area() * frames.len();
        let config = EncoderConfig { policy, ..EncoderConfig::default() };
        let mut encoder = Encoder::new(size, config).expect("encoder");
        let mut payloads = Payloads::new();
        let mut damage = Region::full(size);
        let mut now_us = 0;
        let mut encode = |encoder: &mut Encoder, updates: &mut Vec<tessera_codec::Payload>| {
            updates.clear();
            encoder.restart();
            for frame in &frames {
                now_us += 50_000;
                damage.fill();
                let request = EncodeRequest { now_us, budget_bytes: usize::MAX, pointer: None };
                encoder.encode(frame.view(), &mut damage, &request, &mut payloads);
                updates.extend(payloads.drain());
            }
        };
        let mut group = criterion.benchmark_group(format!("clip {name} {policy:?}"));
        group.throughput(Throughput::Elements(pixels as u64)).sample_size(10);
        let mut updates = Vec::new();
        group.bench_function("encode", |bench| bench.iter(|| encode(&mut encoder, &mut updates)));
        let mut decoder = Decoder::new(DecoderConfig::default()).expect("decoder");
        group.bench_function("decode", |bench| {
            bench.iter_batched(
                || {
                    // A start each time: any number of them may follow one another.
                    let mut updates = Vec::new();
                    encode(&mut encoder, &mut updates);
                    updates
                },
                |updates| {
                    for update in &updates {
                        decoder.apply(update.track, &update.bytes).expect("valid update");
                    }
                    updates
                },
                criterion::BatchSize::PerIteration,
            );
        });
        group.finish();
    }
}

criterion_group!(benches, hashing, frames, clips);
criterion_main!(benches);
