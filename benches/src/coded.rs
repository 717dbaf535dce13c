//! Files of coded updates, so that anyone can check what the decoder makes of them.
//!
//! The file starts with [`MAGIC`]; then follow records: a kind byte (`0` end of frame, `1` chain
//! update, `2` leaf update), and for updates a 32-bit little-endian length and the update's bytes.

use std::fs::File;
use std::io::{BufReader, BufWriter, Read as _, Write as _};

use tessera_codec::{Decoder, DecoderConfig, Frame, Size, Track};

use crate::cli::{DecodeArgs, EncodeArgs};
use crate::clip::Clip;
use crate::error::BenchError;
use crate::json;
use crate::ours::{Coder, Setting};

const MAGIC: &[u8; 8] = b"TESSCLP1";
const END_OF_FRAME: u8 = 0;
const CHAIN: u8 = 1;
const LEAF: u8 = 2;
const VIDEO: u8 = 3;

/// Bound on one update: the largest that a session carries.
const MAX_UPDATE_BYTES: u32 = 64 << 20;

/// What `encode --json` prints.
#[derive(serde::Serialize)]
struct Written {
    clip: String,
    policy: &'static str,
    width: u16,
    height: u16,
    frames: usize,
    bytes: usize,
}

/// What `decode --json` prints.
#[derive(serde::Serialize)]
struct Read {
    width: u16,
    height: u16,
    frames: usize,
}

/// The `encode` subcommand.
pub(crate) fn encode(arguments: &EncodeArgs) -> Result<(), BenchError> {
    let clip = Clip::open(&arguments.clip, None)?;
    let (policy, colours) = (arguments.policy, arguments.colours);
    let setting = Setting { policy, colours, threads: 1, ack_delay: 0, lose_leaf: 0 };
    let mut coder = Coder::new(&clip, setting)?;
    let mut out = BufWriter::new(File::create(&arguments.out)?);
    out.write_all(MAGIC)?;
    let mut frames = clip.frames()?;
    let mut source = Frame::black(clip.size);
    let (mut count, mut bytes) = (0_usize, 0_usize);
    while frames.next_into(&mut source)? {
        bytes += coder.code(&source)?.bytes;
        for payload in coder.payloads() {
            let kind = match payload.track {
                Track::Chain => CHAIN,
                Track::Leaf => LEAF,
                Track::Video => VIDEO,
            };
            out.write_all(&[kind])?;
            out.write_all(&(payload.bytes.len() as u32).to_le_bytes())?;
            out.write_all(&payload.bytes)?;
        }
        out.write_all(&[END_OF_FRAME])?;
        count += 1;
    }
    out.flush()?;
    if arguments.json {
        let written = Written {
            clip: clip.name,
            policy: arguments.policy.as_str(),
            width: clip.size.width,
            height: clip.size.height,
            frames: count,
            bytes,
        };
        println!("{}", json::line(&written));
    } else {
        println!("{count} frames in {bytes} bytes of updates");
    }
    Ok(())
}

/// The `decode` subcommand.
pub(crate) fn decode(arguments: &DecodeArgs) -> Result<(), BenchError> {
    let bad = |what| BenchError::Coded(arguments.input.clone(), what);
    let mut input = BufReader::new(File::open(&arguments.input)?);
    let mut magic = [0; MAGIC.len()];
    input.read_exact(&mut magic).map_err(|_| bad("it is too short"))?;
    if &magic != MAGIC {
        return Err(bad("it starts differently"));
    }
    let mut decoder = Decoder::new(DecoderConfig { threads: 1, ..DecoderConfig::default() })
        .map_err(|error| BenchError::Ours { frame: 0, what: error.to_string() })?;
    let mut raw = BufWriter::new(File::create(&arguments.raw)?);
    let mut update = Vec::new();
    let mut frame = 0;
    let mut kind = [0];
    while input.read(&mut kind)? == 1 {
        let track = match kind[0] {
            CHAIN => Track::Chain,
            LEAF => Track::Leaf,
            VIDEO => Track::Video,
            END_OF_FRAME => {
                let view = decoder.view().ok_or_else(|| bad("a frame ends before any update"))?;
                for y in 0..view.size().height {
                    raw.write_all(view.span(0, y, view.size().width))?;
                }
                frame += 1;
                continue;
            }
            _ => return Err(bad("a record has an unknown kind")),
        };
        let mut length = [0; 4];
        input.read_exact(&mut length).map_err(|_| bad("a record is cut short"))?;
        let length = u32::from_le_bytes(length);
        if length > MAX_UPDATE_BYTES {
            return Err(bad("an update is longer than 64 MiB"));
        }
        update.resize(length as usize, 0);
        input.read_exact(&mut update).map_err(|_| bad("a record is cut short"))?;
        decoder
            .apply(track, &update)
            .map_err(|error| BenchError::Ours { frame, what: error.to_string() })?;
    }
    raw.flush()?;
    if arguments.json {
        let Size { width, height } = decoder.view().map(|view| view.size()).unwrap_or_default();
        println!("{}", json::line(&Read { width, height, frames: frame }));
    } else {
        println!("{frame} frames");
    }
    Ok(())
}
