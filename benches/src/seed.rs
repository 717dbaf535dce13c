//! The `seed` subcommand: updates of a part of a clip as an input of the fuzz target `decode`.
//!
//! Such an input is one update after another: a byte for the track (0 chain, 1 leaf, 2 video), two bytes
//! of length, lower first, and the update.

use tessera_codec::{EncodeRequest, Encoder, EncoderConfig, Frame, Payloads, Region, Size, Track};

use crate::cli::SeedArgs;
use crate::clip::Clip;
use crate::error::BenchError;
use crate::json;

#[derive(serde::Serialize)]
struct Seed {
    clip: String,
    frames: usize,
    updates: usize,
    bytes: usize,
}

/// Runs the subcommand.
pub(crate) fn run(arguments: &SeedArgs) -> Result<(), BenchError> {
    let clip = Clip::open(&arguments.clip, Some(arguments.skip + arguments.frames))?;
    let size =
        Size::new(arguments.width.min(clip.size.width), arguments.height.min(clip.size.height));
    let (left, top) = ((clip.size.width - size.width) / 2, (clip.size.height - size.height) / 2);
    let failed = |what: String| BenchError::Ours { frame: 0, what };
    let config = EncoderConfig { policy: arguments.policy.into(), ..EncoderConfig::default() };
    let mut encoder = Encoder::new(size, config).map_err(|error| failed(error.to_string()))?;
    let (mut frame, mut part) = (Frame::black(clip.size), Frame::black(size));
    let mut payloads = Payloads::new();
    let mut input = Vec::new();
    let mut seed = Seed { clip: clip.name.clone(), frames: 0, updates: 0, bytes: 0 };
    let mut frames = clip.frames()?;
    let mut at = 0;
    while frames.next_into(&mut frame)? {
        at += 1;
        if at <= arguments.skip {
            continue;
        }
        for y in 0..size.height {
            let row = frame.view().span(left, top + y, size.width);
            part.span_mut(0, y, size.width).copy_from_slice(row);
        }
        let now_us = (at as f64 * 1e6 / clip.fps) as u64;
        let request = EncodeRequest { now_us, budget_bytes: usize::MAX, pointer: None };
        encoder.encode(part.view(), &mut Region::full(size), &request, &mut payloads);
        for payload in &payloads {
            let length = u16::try_from(payload.bytes.len())
                .map_err(|_| BenchError::Seed(payload.bytes.len()))?;
            input.push(match payload.track {
                Track::Chain => 0,
                Track::Leaf => 1,
                Track::Video => 2,
            });
            input.extend_from_slice(&length.to_le_bytes());
            input.extend_from_slice(&payload.bytes);
            seed.updates += 1;
        }
        seed.frames += 1;
    }
    seed.bytes = input.len();
    std::fs::write(&arguments.out, input)?;
    if arguments.json {
        println!("{}", json::line(&seed));
    } else {
        println!("{} updates of {} frames in {} bytes", seed.updates, seed.frames, seed.bytes);
    }
    Ok(())
}
