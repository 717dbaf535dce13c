//! The golden vectors: every rule of `docs/bitstream.md`, kept and broken, in bytes written by hand.
//!
//! The vectors are built here field by field and stand as files in `golden/` (format: see its
//! README). The test fails when a file differs from what is built here, when one is missing or
//! superfluous, or when the decoder judges one otherwise. `TESSERA_WRITE_GOLDEN=1` writes the files.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use tessera_codec::{Decoder, DecoderConfig, Limits, Rule, Status, Track};

const SOLID: u8 = 0;
const PALETTE: u8 = 1;
const LOSSLESS: u8 = 2;
const JPEG: u8 = 3;
const COPY: u8 = 4;

/// What the last update of a vector must do.
enum Verdict {
    /// Be applied, and leave these pixels at these places.
    Pixels(Vec<(u16, u16, [u8; 3])>),
    /// Be valid, with this status.
    Status(Status),
    /// Be refused at this byte.
    Refused(Rule, usize),
}
use Verdict::{Pixels, Refused};

struct Vector {
    name: &'static str,
    /// Updates with the track on which they come; all but the last are applied.
    updates: Vec<(Track, Vec<u8>)>,
    verdict: Verdict,
}

fn valid(name: &'static str, updates: Vec<Vec<u8>>, pixels: &[(u16, u16, [u8; 3])]) -> Vector {
    vector(name, updates, Pixels(pixels.to_vec()))
}

/// A vector of a good start of 128 by 128 pixels, all of one colour, and one bad update.
fn invalid(name: &'static str, update: Vec<u8>, rule: Rule, offset: usize) -> Vector {
    vector(name, vec![two_by_two(), update], Refused(rule, offset))
}

fn vector(name: &'static str, updates: Vec<Vec<u8>>, verdict: Verdict) -> Vector {
    // Bit 0 of the flags, when there are any, names the track.
    let track = |update: &[u8]| match update.get(3) {
        Some(flags) if flags & 1 == 1 => Track::Leaf,
        _ => Track::Chain,
    };
    let updates = updates.into_iter().map(|update| (track(&update), update)).collect();
    Vector { name, updates, verdict }
}

/// Header of an update: flags, then epoch, number and base, each below 128.
fn header(flags: u8, epoch: u8, number: u8, base: u8) -> Vec<u8> {
    vec![b'T', b'e', 1, flags, epoch, number, base]
}

/// A start of epoch 1 as update 1.
fn start(width: u16, height: u16, slices: &[Vec<u8>]) -> Vec<u8> {
    let mut update = header(2, 1, 1, 0);
    update.extend(width.to_le_bytes());
    update.extend(height.to_le_bytes());
    update.push(slices.len() as u8);
    update.extend(slices.concat());
    update
}

/// The second chain update of epoch 1.
fn second(slices: &[Vec<u8>]) -> Vec<u8> {
    let mut update = header(0, 1, 2, 1);
    update.push(slices.len() as u8);
    update.extend(slices.concat());
    update
}

/// Where the first slice of [`second`] begins.
const SLICE: usize = 8;

/// A slice with a list of tiles, given as numbers of skipped tiles.
fn list(tool: u8, skips: &[u8], payload: &[u8]) -> Vec<u8> {
    let mut slice = vec![tool, skips.len() as u8];
    slice.extend(skips);
    slice.extend(length(payload.len()));
    slice.extend(payload);
    slice
}

/// A JPEG slice over a block of tiles.
fn block(first: u8, columns: u8, rows: u8, payload: &[u8]) -> Vec<u8> {
    let mut slice = vec![JPEG, first, columns, rows];
    slice.extend(length(payload.len()));
    slice.extend(payload);
    slice
}

/// A `number` below 2^21.
fn length(value: usize) -> Vec<u8> {
    match value {
        0..0x80 => vec![value as u8],
        0x80..0x4000 => vec![value as u8 | 0x80, (value >> 7) as u8],
        _ => vec![value as u8 | 0x80, (value >> 7) as u8 | 0x80, (value >> 14) as u8],
    }
}

/// A Zstandard frame of one raw block (RFC 8878): magic, a window descriptor of 128 KiB, the block's
/// header with its last-block bit, the bytes.
fn zstandard(content: &[u8]) -> Vec<u8> {
    let mut frame = vec![0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x38];
    frame.extend(&((content.len() as u32) << 3 | 1).to_le_bytes()[..3]);
    frame.extend(content);
    frame
}

/// 128 by 128 pixels, four tiles, all blue 1, green 2, red 3.
fn two_by_two() -> Vec<u8> {
    start(128, 128, &[list(SOLID, &[0, 0, 0, 0], &[1, 2, 3].repeat(4))])
}

/// Payload of a grey 64x64 block, 4:2:0: 16 units of four luma blocks (DC difference 0 is `00`, end
/// of block `1010`) and two chroma blocks (`00`, `00`).
fn grey_jpeg() -> Vec<u8> {
    let mut payload = vec![80, 1];
    payload.extend([0x28, 0xa2, 0x8a, 0x00].repeat(16));
    payload
}

fn valid_vectors() -> Vec<Vector> {
    let palette = [&[2_u8][..], &[9, 8, 7, 0, 0, 0, 5, 5, 5], &[0b10_01_00, 0b0]].concat();
    let sixteen = zstandard(&palette);
    // 3x2 pixels; green 10 20 30 / 5 15 25: from the left, from above, and twice a + b - c.
    let residuals = [10, 10, 10, 251, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0];
    let leaf = |number, base, colour: [u8; 3]| {
        let mut update = header(1, 1, number, base);
        update.push(1);
        update.extend(list(SOLID, &[0], &colour));
        update
    };
    let chain_three = [header(0, 1, 3, 1), vec![1], list(SOLID, &[0], &[30; 3])].concat();
    vec![
        valid("valid-empty-canvas", vec![start(0, 0, &[])], &[]),
        valid(
            "valid-one-pixel",
            vec![start(1, 1, &[list(SOLID, &[0], &[7, 8, 9])])],
            &[(0, 0, [7, 8, 9])],
        ),
        valid(
            "valid-solid-skips-tiles",
            vec![two_by_two(), second(&[list(SOLID, &[1, 1], &[10, 10, 10, 20, 20, 20])])],
            &[(0, 0, [1, 2, 3]), (64, 0, [10; 3]), (0, 64, [1, 2, 3]), (127, 127, [20; 3])],
        ),
        valid(
            "valid-palette-packs-indices",
            vec![start(3, 2, &[list(PALETTE, &[0], &sixteen)])],
            &[(0, 0, [9, 8, 7]), (1, 0, [0; 3]), (2, 0, [5; 3]), (0, 1, [9, 8, 7])],
        ),
        valid(
            "valid-lossless-predicts",
            vec![start(3, 2, &[list(LOSSLESS, &[0], &zstandard(&residuals))])],
            &[(0, 0, [11, 10, 10]), (2, 0, [31, 30, 30]), (0, 1, [6, 5, 5]), (2, 1, [26, 25, 25])],
        ),
        valid(
            "valid-jpeg-grey",
            vec![two_by_two(), second(&[block(3, 1, 1, &grey_jpeg())])],
            &[(63, 63, [1, 2, 3]), (64, 64, [128; 3]), (127, 127, [128; 3])],
        ),
        valid(
            "valid-copy-reads-the-canvas-before",
            vec![
                start(128, 64, &[list(SOLID, &[0, 0], &[1, 1, 1, 2, 2, 2])]),
                second(&[list(COPY, &[0], &[64, 0, 0, 0]), list(COPY, &[1], &[0xc0, 0xff, 0, 0])]),
            ],
            &[(0, 0, [2; 3]), (127, 63, [1; 3])],
        ),
        valid(
            "valid-restart-keeps-pixels",
            vec![two_by_two(), {
                let mut update = header(2, 2, 1, 0);
                update.extend([128, 0, 128, 0, 0]);
                update
            }],
            &[(0, 0, [1, 2, 3])],
        ),
        valid(
            "valid-late-leaf-is-left-out",
            vec![two_by_two(), chain_three, leaf(2, 1, [20; 3])],
            &[(0, 0, [30; 3])],
        ),
        vector(
            "valid-early-leaf-waits",
            vec![two_by_two(), leaf(3, 2, [20; 3])],
            Verdict::Status(Status::AheadOfChain { epoch: 1, chain: 2 }),
        ),
    ]
}

fn invalid_headers() -> Vec<Vector> {
    let changed = |at: usize, value: u8| {
        let mut update = second(&[]);
        update[at] = value;
        update
    };
    let with = |bytes: &[u8]| [header(0, 1, 2, 1), bytes.to_vec()].concat();
    vec![
        invalid("invalid-truncated", with(&[]), Rule::Truncated, 7),
        invalid("invalid-trailing-bytes", with(&[0, 0]), Rule::TrailingBytes, 8),
        invalid("invalid-magic", changed(1, b'E'), Rule::Magic, 0),
        invalid("invalid-version", changed(2, 2), Rule::Version, 2),
        invalid("invalid-reserved-flag", changed(3, 4), Rule::ReservedFlag, 3),
        invalid("invalid-leaf-start", changed(3, 3), Rule::LeafStart, 3),
        invalid(
            "invalid-number-range",
            with(&[0xff, 0xff, 0xff, 0xff, 0x1f]),
            Rule::NumberRange,
            7,
        ),
        invalid("invalid-number-form", with(&[0x80, 0]), Rule::NumberForm, 7),
        invalid("invalid-epoch", changed(4, 2), Rule::Epoch, 4),
        invalid("invalid-epoch-repeated", two_by_two(), Rule::Epoch, 4),
        invalid("invalid-chain-gap", [header(0, 1, 4, 3), vec![0]].concat(), Rule::ChainGap, 6),
        invalid("invalid-number-order", changed(5, 1), Rule::NumberOrder, 5),
        invalid(
            "invalid-canvas-limit",
            [header(2, 2, 1, 0), vec![1, 0x40, 1, 0, 0]].concat(),
            Rule::CanvasLimit,
            7,
        ),
        invalid("invalid-update-limit", vec![0; 4097], Rule::UpdateLimit, 4096),
        invalid("invalid-slice-count", with(&[5]), Rule::SliceCount, 7),
        Vector {
            name: "invalid-track-mismatch",
            updates: vec![(Track::Leaf, two_by_two())],
            verdict: Refused(Rule::TrackMismatch, 3),
        },
    ]
}

fn invalid_slices() -> Vec<Vector> {
    let slice = |slice: Vec<u8>| second(&[slice]);
    let jpeg = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut payload = grey_jpeg();
        change(&mut payload);
        second(&[block(0, 1, 1, &payload)])
    };
    // A list slice of one tile has its payload five bytes after its start with a length of one
    // byte; a block likewise.
    let payload = SLICE + 4;
    let index_three = zstandard(&[&[2_u8][..], &[0; 9], &[3; 1024]].concat());
    vec![
        invalid("invalid-tool-unknown", slice(list(5, &[0], &[])), Rule::ToolUnknown, SLICE),
        invalid("invalid-tile-count", slice(vec![SOLID, 0, 0]), Rule::TileCount, SLICE + 1),
        invalid("invalid-tile-count-block", slice(block(0, 1, 0, &[])), Rule::TileCount, SLICE + 1),
        invalid(
            "invalid-tile-outside",
            slice(list(SOLID, &[4], &[0; 3])),
            Rule::TileOutside,
            SLICE + 2,
        ),
        invalid(
            "invalid-tile-outside-block",
            slice(block(1, 2, 1, &[])),
            Rule::TileOutside,
            SLICE + 1,
        ),
        invalid(
            "invalid-tile-repeated",
            second(&[list(SOLID, &[2], &[0; 3]), list(SOLID, &[2], &[0; 3])]),
            Rule::TileRepeated,
            SLICE + 7,
        ),
        invalid(
            "invalid-payload-limit",
            slice(vec![SOLID, 1, 0, 0x81, 0x80, 0x80, 0x01]),
            Rule::PayloadLimit,
            SLICE + 3,
        ),
        invalid(
            "invalid-payload-length-solid",
            slice(list(SOLID, &[0], &[0; 4])),
            Rule::PayloadLength,
            payload,
        ),
        invalid(
            "invalid-payload-length-lossless",
            slice(list(LOSSLESS, &[0], &zstandard(&[0; 99]))),
            Rule::PayloadLength,
            payload,
        ),
        invalid(
            "invalid-payload-length-palette",
            slice(list(PALETTE, &[0], &zstandard(&[1, 0, 0, 0]))),
            Rule::PayloadLength,
            payload,
        ),
        invalid(
            "invalid-zstandard",
            slice(list(LOSSLESS, &[0], &[1, 2, 3])),
            Rule::Zstandard,
            payload,
        ),
        invalid(
            "invalid-palette-index",
            slice(list(PALETTE, &[0], &index_three)),
            Rule::PaletteIndex,
            // The payload is longer than 127 bytes, so its length has two.
            payload + 1,
        ),
        invalid("invalid-jpeg-quality", jpeg(&|p| p[0] = 0), Rule::JpegQuality, payload + 1),
        invalid("invalid-jpeg-chroma", jpeg(&|p| p[1] = 2), Rule::JpegChroma, payload + 1),
        invalid("invalid-jpeg-marker", jpeg(&|p| p[41] = 0xff), Rule::JpegMarker, payload + 1),
        invalid("invalid-jpeg-scan", jpeg(&|p| p.truncate(20)), Rule::JpegScan, payload + 1),
        invalid(
            "invalid-copy-outside",
            slice(list(COPY, &[0], &[0xff, 0xff, 0, 0])),
            Rule::CopyOutside,
            payload,
        ),
        vector(
            "invalid-copy-unwritten",
            vec![
                start(128, 64, &[list(SOLID, &[0], &[1; 3])]),
                slice(list(COPY, &[0], &[1, 0, 0, 0])),
            ],
            Refused(Rule::CopyUnwritten, payload),
        ),
    ]
}

/// The format of the files, that of `tessera_codec::oracle::decode_any`.
fn file(vector: &Vector) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (track, update) in &vector.updates {
        bytes.push(u8::from(*track == Track::Leaf));
        bytes.extend((update.len() as u16).to_le_bytes());
        bytes.extend(update);
    }
    bytes
}

fn judge(vector: &Vector) {
    let name = vector.name;
    let limits = Limits { max_update_bytes: 4096, ..Limits::default() };
    let mut decoder = Decoder::new(DecoderConfig { threads: 1, limits }).expect("decoder");
    let Some(((track, last), before)) = vector.updates.split_last() else {
        panic!("{name}: empty")
    };
    for (track, update) in before {
        decoder.apply(*track, update).unwrap_or_else(|error| panic!("{name}: {error}"));
    }
    let result = decoder.apply(*track, last).map(|applied| applied.status);
    match &vector.verdict {
        Pixels(pixels) => {
            assert_eq!(result, Ok(Status::Applied), "{name}");
            let view = decoder.view().expect("picture");
            for &(x, y, [blue, green, red]) in pixels {
                assert_eq!(view.span(x, y, 1), [blue, green, red, 0], "{name}: pixel {x},{y}");
            }
        }
        Verdict::Status(status) => assert_eq!(result, Ok(*status), "{name}"),
        Refused(rule, offset) => assert_eq!(result, Err(rule.at(*offset)), "{name}"),
    }
}

#[test]
fn golden_vectors_are_judged_as_specified() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let vectors: Vec<_> =
        [valid_vectors(), invalid_headers(), invalid_slices()].into_iter().flatten().collect();
    let write = std::env::var_os("TESSERA_WRITE_GOLDEN").is_some();
    let mut names = BTreeSet::new();
    for vector in &vectors {
        let name = format!("{}.bin", vector.name);
        let path = folder.join(&name);
        if write {
            fs::write(&path, file(vector)).expect("golden folder is writable");
        }
        let stored = fs::read(&path).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(stored, file(vector), "{name} is not what this test builds");
        judge(vector);
        assert!(names.insert(name), "two vectors of one name");
    }
    for entry in fs::read_dir(&folder).expect("golden folder") {
        let name = entry.expect("entry").file_name().into_string().expect("ASCII name");
        assert!(name == "README.md" || names.contains(&name), "{name} belongs to no vector");
    }
}
