//! The golden vectors: every rule of `docs/bitstream.md`, kept and broken, in bytes written by hand.
//!
//! The vectors are built here field by field and stand as files in `golden/` (format: see its
//! README). The test fails when a file differs from what is built here, when one is missing or
//! superfluous, or when the decoder judges one otherwise. `TESSERA_WRITE_GOLDEN=1` writes the files.

mod hand;
mod vectors;

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use hand::{COPY, Claim, FORMER, GRAPHICS, PHOTO, SKIP, Stream, TRANSFORM};
use tessera_codec::{
    Checked, Decoder, DecoderConfig, Frame, Limits, Rect, Rule, Size, Status, Track, tile_hash,
};

use vectors::video::{invalid_videos, valid_videos};
use vectors::{
    BODY, BRINGS_PALETTE, CHECK, HIGH_COLOUR, KIND, LEAF, PALETTE, Pixels, RESET, Refused,
    SEGMENTS, SLICES, START, Vector, Verdict, after_dot, dot, dot_block, first_update_body,
    grey_jpeg, header, invalid, lanes_in_rows, leaf, leaf_over_dot, length, picture, putting,
    returned, second, start, third, two_by_two, two_lanes, valid, vector,
};

/// A drawn start of 16 by 10 pixels: black, but for the last pixels of the first and the ninth row.
/// What stands below the latter in the last row is for the caller to add.
fn two_dots() -> Stream {
    let mut stream = Stream::map(&[], &[1]);
    stream.row(&[GRAPHICS, GRAPHICS]);
    stream.mode(SKIP, GRAPHICS, GRAPHICS);
    stream.mode(GRAPHICS, GRAPHICS, GRAPHICS);
    stream.drawn_row_with_dot();
    stream.drawn_row_below_dot();
    stream.drawn_runs(6);
    stream.drawn_row_with_dot();
    stream
}

fn valid_vectors() -> Vec<Vector> {
    let mut strip = two_dots();
    let mut other = strip.clone();
    strip.strip(true);
    other.strip(false);
    let mut short_strip = other.clone();
    other.drawn_row_with_dot_below_dot();
    short_strip.drawn_row_of_short_strip();
    let mut photo = Stream::map(&[], &[1]);
    photo.row(&[PHOTO]);
    photo.photo_dot(0);
    let mut steps = Stream::map(&[], &[1]);
    steps.row(&[PHOTO]);
    steps.photo_steps();
    // Enough pixels for models to learn three times.
    let mut learning = Stream::map(&[], &[1, 1]);
    learning.row(&[PHOTO; 8]);
    (0..2).for_each(|_| learning.mode(PHOTO, SKIP, PHOTO));
    learning.photo_dot(79);
    // Quantizer 24 has luma steps of 8: three of them less than grey, spread over 64 pixels, are 3
    // less for each, 20 are 20 less.
    let grey = |level| {
        let mut stream = Stream::map_of(&[], &[1], Claim::Lossy);
        stream.row(&[TRANSFORM, TRANSFORM]);
        stream.raw(6, 24);
        stream.transform_grey(0, [7, 7], None, level);
        stream.transform_grey(3, [0, 7], Some(1), 0);
        start(16, 8, &stream.body())
    };
    // The components of green, blue and red differ from black's as the channels of `dot` do.
    let mut high = start(1, 1, &photo.body());
    high[3] |= HIGH_COLOUR;
    let mut high_dot = dot();
    high_dot[3] |= HIGH_COLOUR;
    // Of two colours black is predicted; the other comes next.
    let mut ranked = Stream::map(&[], &[1]);
    ranked.row(&[GRAPHICS]);
    ranked.ranked_dot();
    let mut palette = start(1, 1, &[&[2, 0, 0, 0, 7, 8, 9], &ranked.body()[..]].concat());
    palette[3] |= PALETTE | BRINGS_PALETTE;
    let mut skipped = second(&ranked.next_map(&[], &[0]).body());
    skipped[3] |= PALETTE;
    let copied = dot_block(after_dot(), &[(1, 0)], COPY);
    let copied_body = copied.body();
    let former = dot_block(copied.clone(), &[], FORMER);
    // What was copied stands for so many updates; then former content returns, and once more.
    let returns_after = |updates: u8| {
        let mut all = vec![dot(), second(&copied_body)];
        let mut stream = copied.clone();
        let mut add = |body: Vec<u8>| {
            let number = all.len() as u8;
            all.push([&header(0, 1, number + 1, number)[..], &body].concat());
        };
        for _ in 1..updates {
            stream = stream.next_map(&[], &[0]);
            add(stream.body());
        }
        for _ in 0..2 {
            stream = dot_block(stream, &[], FORMER);
            add(stream.body());
        }
        all
    };
    let shown = {
        let mut stream = Stream::map(&[], &[0; 4]).next_map(&[], &[1, 0, 0, 0]);
        (0..8).for_each(|_| stream.row(&[SKIP; 8]));
        stream.body()
    };
    vec![
        valid("valid-empty-canvas", vec![start(0, 0, &[])], &[]),
        valid("valid-nothing-changes", vec![two_by_two()], &[(127, 127, [0; 3])]),
        valid(
            "valid-graphics-short-strip",
            vec![start(16, 10, &short_strip.body())],
            &[(15, 0, [7, 8, 9]), (15, 8, [7, 8, 9]), (8, 9, [0; 3]), (15, 9, [0; 3])],
        ),
        valid(
            "valid-graphics-strip",
            vec![start(16, 10, &strip.body())],
            &[(15, 0, [7, 8, 9]), (15, 8, [7, 8, 9]), (14, 9, [0; 3]), (15, 9, [0; 3])],
        ),
        valid(
            "valid-graphics-strip-is-another",
            vec![start(16, 10, &other.body())],
            &[(15, 8, [7, 8, 9]), (14, 9, [0; 3]), (15, 9, [7, 8, 9])],
        ),
        valid("valid-graphics-difference", vec![dot()], &[(7, 0, [0; 3]), (8, 0, [7, 8, 9])]),
        valid("valid-photo-pixel", vec![start(1, 1, &photo.body())], &[(0, 0, [7, 8, 9])]),
        valid(
            "valid-photo-channels-one-after-another",
            vec![start(3, 1, &steps.body())],
            &[(0, 0, [7, 8, 9]), (1, 0, [14, 16, 18]), (2, 0, [22, 16, 18])],
        ),
        valid(
            "valid-lanes-know-nothing-of-each-other",
            two_lanes(),
            &[(0, 0, [7, 8, 9]), (0, 7, [7, 8, 9]), (0, 8, [7, 8, 9])],
        ),
        valid(
            "valid-photo-models-learn",
            vec![start(80, 1, &learning.body())],
            &[(0, 0, [7, 8, 9]), (79, 0, [7, 8, 9])],
        ),
        valid("valid-transform-block", vec![grey(-3)], &[(0, 0, [125; 3]), (15, 7, [125; 3])]),
        valid("valid-transform-large-level", vec![grey(-20)], &[(7, 7, [108; 3])]),
        valid("valid-high-colour-photo", vec![high], &[(0, 0, [24, 32, 41])]),
        valid(
            "valid-high-colour-graphics",
            vec![high_dot],
            &[(7, 0, [0; 3]), (8, 0, [24, 32, 41])],
        ),
        valid("valid-palette-rank", vec![palette.clone()], &[(0, 0, [7, 8, 9])]),
        valid("valid-palette-stays", vec![palette, skipped], &[(0, 0, [7, 8, 9])]),
        valid(
            "valid-copy-reads-the-picture-before",
            vec![dot(), second(&copied_body)],
            &[(6, 0, [0; 3]), (7, 0, [7, 8, 9]), (8, 0, [7, 8, 9])],
        ),
        valid(
            "valid-former-content-returns",
            vec![dot(), second(&copied_body), third(&former.body())],
            &[(7, 0, [0; 3]), (8, 0, [7, 8, 9])],
        ),
        // After a reset the models are new and what stood there before is black, the picture not.
        valid(
            "valid-reset-keeps-the-picture",
            vec![dot(), [&header(RESET, 1, 2, 1)[..], &first_update_body(&[COPY, SKIP])].concat()],
            &[(7, 0, [7, 8, 9]), (8, 0, [7, 8, 9])],
        ),
        valid(
            "valid-former-content-stood-for-three-updates",
            returns_after(3),
            &[(7, 0, [7, 8, 9]), (8, 0, [7, 8, 9])],
        ),
        valid(
            "valid-no-former-content-stood-for-two-updates",
            returns_after(2),
            &[(7, 0, [0; 3]), (8, 0, [7, 8, 9])],
        ),
        valid(
            "valid-reset-forgets-older-content",
            vec![
                dot(),
                second(&copied_body),
                [&header(RESET, 1, 3, 2)[..], &first_update_body(&[SKIP, FORMER])].concat(),
            ],
            &[(7, 0, [7, 8, 9]), (8, 0, [0; 3])],
        ),
        valid(
            "valid-cached-content-returns",
            returned(putting(7..8, &[]), (7, 1, 0)),
            &[(6, 0, [0; 3]), (7, 0, [7, 8, 9]), (8, 0, [7, 8, 9])],
        ),
        valid(
            "valid-cached-content-returns-in-place",
            returned(putting(254..255, &[]), (254, 0, 0)),
            &[(7, 0, [0; 3]), (8, 0, [7, 8, 9])],
        ),
        valid(
            "valid-cache-page-dropped-makes-room",
            returned(putting(0..5, &[0]), (4, 1, 0)),
            &[(7, 0, [7, 8, 9]), (8, 0, [7, 8, 9])],
        ),
        valid(
            "valid-jpeg-grey",
            vec![two_by_two(), leaf(2, &[picture(3, 1, 1, &grey_jpeg())])],
            &[(63, 63, [0; 3]), (64, 64, [128; 3]), (127, 127, [128; 3])],
        ),
        valid(
            "valid-restart-keeps-pixels",
            vec![two_by_two(), leaf(2, &[picture(0, 1, 1, &grey_jpeg())]), {
                let mut update = two_by_two();
                update[4] = 2;
                update
            }],
            &[(0, 0, [128; 3])],
        ),
        valid(
            "valid-chain-shows-through-a-leaf",
            vec![
                two_by_two(),
                leaf(2, &[picture(0, 1, 1, &grey_jpeg())]),
                [&header(0, 1, 3, 1)[..], &shown].concat(),
            ],
            &[(0, 0, [0; 3])],
        ),
        valid(
            "valid-late-leaf-is-left-out",
            vec![
                two_by_two(),
                [&header(0, 1, 3, 1)[..], &shown].concat(),
                leaf(2, &[picture(0, 1, 1, &grey_jpeg())]),
            ],
            &[(0, 0, [0; 3])],
        ),
        vector(
            "valid-early-leaf-waits",
            vec![two_by_two(), [header(LEAF, 1, 3, 2), vec![0]].concat()],
            Verdict::Status(Status::AheadOfChain { epoch: 1, chain: 2 }),
        ),
    ]
}

/// Slices of epoch `epoch` as of chain update `number`, from the mark of a complete set on.
fn slices(epoch: u8, number: u8, body: &[u8]) -> Vec<u8> {
    [&header(SLICES, epoch, number, 0), body].concat()
}

/// The same as a start of a canvas of 9 by 1 pixels.
fn slices_start(epoch: u8, number: u8, body: &[u8]) -> Vec<u8> {
    [&header(SLICES | START, epoch, number, 0)[..], &[9, 0, 1, 0], body].concat()
}

/// A slice of the canvas of [`dot`] with its pixel, as of `version`.
fn dot_slice(version: u8) -> Vec<u8> {
    picture(0, 1, 1, &[&after_dot().body()[..], &[version]].concat())
}

/// A complete set of one slice.
fn one_slice(version: u8) -> Vec<u8> {
    [&[1, 1], &dot_slice(version)[..]].concat()
}

fn valid_slices() -> Vec<Vector> {
    let reset = |number, base| {
        [&header(RESET, 7, number, base)[..], &first_update_body(&[COPY, SKIP])].concat()
    };
    let dot_at_both = [(7, 0, [7, 8, 9]), (8, 0, [7, 8, 9])];
    let copied = || second(&dot_block(after_dot(), &[(1, 0)], COPY).body());
    vec![
        valid("valid-slices-start", vec![slices_start(7, 5, &one_slice(4))], &[(8, 0, [7, 8, 9])]),
        valid(
            "valid-slices-then-reset",
            vec![slices_start(7, 5, &one_slice(4)), reset(6, 5)],
            &dot_at_both,
        ),
        valid(
            "valid-slices-in-parts",
            vec![
                slices_start(7, 5, &[0, 0]),
                slices(7, 6, &[&[0], &one_slice(5)[1..]].concat()),
                slices(7, 8, &[1, 0]),
                reset(9, 8),
            ],
            &dot_at_both,
        ),
        valid(
            "valid-slices-start-of-the-present-epoch",
            vec![dot(), copied(), slices_start(1, 2, &one_slice(2))],
            &[(7, 0, [0; 3]), (8, 0, [7, 8, 9])],
        ),
        valid(
            "valid-slices-in-line-leave-the-models",
            vec![
                dot(),
                slices(1, 1, &one_slice(1)),
                second(&dot_block(after_dot(), &[(1, 0)], COPY).body()),
            ],
            &dot_at_both,
        ),
        valid(
            "valid-slices-do-not-show-through-newer",
            vec![dot(), leaf_over_dot(2), slices(1, 1, &one_slice(1))],
            &[(8, 0, [128; 3])],
        ),
        valid(
            "valid-slices-help-a-broken-line",
            vec![dot(), slices(1, 5, &[0, 0]), slices(1, 6, &one_slice(5))],
            &[(8, 0, [7, 8, 9])],
        ),
    ]
}

/// A check of epoch 1 after update `number`.
fn check(number: u8, hash: u64, runs: &[u8]) -> Vec<u8> {
    [&header(CHECK, 1, number, 0)[..], &hash.to_le_bytes(), runs].concat()
}

/// The hash of a check of so many black tiles of 64 by 64 pixels.
fn black_hash(tiles: usize) -> u64 {
    let size = Size::new(64, 64);
    let tile = tile_hash(Frame::black(size).view(), Rect::new(0, 0, 64, 64)) as u64;
    xxhash_rust::xxh3::xxh3_64(&tile.to_le_bytes().repeat(tiles))
}

fn valid_checks() -> Vec<Vector> {
    let checked = |name, check: Vec<u8>, outcome| {
        vector(name, vec![two_by_two(), check], Verdict::Checked(outcome))
    };
    vec![
        checked("valid-check-equal", check(1, black_hash(3), &[1, 3]), Checked::Equal),
        checked("valid-check-of-nothing", check(1, black_hash(0), &[4]), Checked::Equal),
        checked("valid-check-differs", check(1, black_hash(2), &[0, 1, 3]), Checked::Differs),
    ]
}

fn invalid_slices_and_checks() -> Vec<Vector> {
    let on_dot = |name, update: Vec<u8>, rule: Rule, offset| {
        vector(name, vec![dot(), update], Refused(rule, offset))
    };
    let incomplete = slices(1, 1, &[0, 0]);
    let ahead = slices(1, 2, &[0, 0]);
    let slice_end = |update: &[u8]| update.len() - 1;
    let (too_new, of_none) = (slices(1, 1, &one_slice(2)), slices(1, 1, &one_slice(0)));
    let (new_end, none_end) = (slice_end(&too_new), slice_end(&of_none));
    let nothing = dot_block(after_dot(), &[], SKIP).body();
    let long = picture(0, 1, 1, &[&after_dot().body()[..], &[1, 0]].concat());
    let long = slices(1, 1, &[&[1, 1], &long[..]].concat());
    let long_end = slice_end(&long);
    vec![
        on_dot("invalid-kind", header(KIND, 1, 2, 0), Rule::Kind, 3),
        on_dot("invalid-leaf-start-check", header(CHECK | START, 1, 2, 0), Rule::LeafStart, 3),
        on_dot("invalid-reset-flag-slices", header(SLICES | RESET, 1, 2, 0), Rule::ResetFlag, 3),
        on_dot("invalid-chain-gap-slices-base", header(SLICES, 1, 2, 1), Rule::ChainGap, 6),
        on_dot("invalid-chain-gap-check", check(2, 0, &[1]), Rule::ChainGap, 5),
        vector(
            "invalid-chain-gap-slices",
            vec![dot(), second(&nothing), slices(1, 1, &[1, 0])],
            Refused(Rule::ChainGap, 5),
        ),
        on_dot("invalid-epoch-slices", slices(2, 2, &[1, 0]), Rule::Epoch, 4),
        vector(
            "invalid-chain-broken-slices-missing",
            vec![dot(), ahead.clone(), second(&nothing)],
            Refused(Rule::ChainBroken, 0),
        ),
        vector(
            "invalid-chain-broken-without-reset",
            vec![dot(), slices(1, 2, &[1, 0]), third(&nothing)],
            Refused(Rule::ChainBroken, 0),
        ),
        vector(
            "invalid-chain-broken-check",
            vec![dot(), ahead, check(1, 0, &[1])],
            Refused(Rule::ChainBroken, 0),
        ),
        on_dot("invalid-slice-complete", slices(1, 1, &[2, 0]), Rule::SliceComplete, BODY),
        on_dot("invalid-slice-version", too_new, Rule::SliceVersion, new_end),
        on_dot("invalid-slice-version-0", of_none, Rule::SliceVersion, none_end),
        on_dot("invalid-trailing-bytes-slice", long, Rule::TrailingBytes, long_end),
        on_dot(
            "invalid-trailing-bytes-slices",
            [incomplete, vec![0]].concat(),
            Rule::TrailingBytes,
            BODY + 2,
        ),
        on_dot("invalid-check-runs", check(1, 0, &[0, 2]), Rule::CheckRuns, BODY + 9),
        on_dot("invalid-check-runs-empty", check(1, 0, &[0, 0]), Rule::CheckRuns, BODY + 9),
    ]
}

fn invalid_headers() -> Vec<Vector> {
    let nothing = Stream::map(&[], &[0; 4]).next_map(&[], &[0; 4]).body();
    let changed = |at: usize, value: u8| {
        let mut update = second(&nothing);
        update[at] = value;
        update
    };
    let with = |bytes: &[u8]| [header(0, 1, 2, 1), bytes.to_vec()].concat();
    let with_palette =
        |bytes: &[u8]| [header(PALETTE | BRINGS_PALETTE, 1, 2, 1), bytes.to_vec()].concat();
    let whole = second(&nothing).len();
    vec![
        invalid("invalid-truncated", with(&[]), Rule::Truncated, 7),
        invalid(
            "invalid-trailing-bytes",
            [second(&nothing), vec![0]].concat(),
            Rule::TrailingBytes,
            whole,
        ),
        invalid("invalid-magic", changed(1, b'E'), Rule::Magic, 0),
        invalid("invalid-version", changed(2, 2), Rule::Version, 2),
        invalid("invalid-reserved-flag", changed(3, 3 << 5), Rule::ReservedFlag, 3),
        invalid("invalid-colour-mode-leaf", changed(3, LEAF | HIGH_COLOUR), Rule::ColourMode, 3),
        invalid(
            "invalid-palette-flag",
            changed(3, HIGH_COLOUR | BRINGS_PALETTE),
            Rule::ColourMode,
            3,
        ),
        invalid("invalid-palette-count", with_palette(&[0]), Rule::PaletteCount, 7),
        invalid(
            "invalid-palette-order",
            with_palette(&[2, 8, 0, 0, 9, 0, 0]),
            Rule::PaletteOrder,
            8,
        ),
        invalid("invalid-palette-missing", changed(3, PALETTE), Rule::PaletteMissing, 7),
        invalid("invalid-leaf-start", changed(3, LEAF | START), Rule::LeafStart, 3),
        invalid("invalid-reset-flag-leaf", changed(3, LEAF | RESET), Rule::ResetFlag, 3),
        invalid("invalid-reset-flag-start", changed(3, START | RESET), Rule::ResetFlag, 3),
        invalid(
            "invalid-number-range",
            with(&[0xff, 0xff, 0xff, 0xff, 0x1f]),
            Rule::NumberRange,
            7,
        ),
        invalid("invalid-number-form", with(&[0x80, 0]), Rule::NumberForm, 7),
        invalid("invalid-epoch", changed(4, 2), Rule::Epoch, 4),
        invalid("invalid-epoch-repeated", two_by_two(), Rule::Epoch, 4),
        invalid("invalid-chain-gap", header(0, 1, 4, 3), Rule::ChainGap, 6),
        vector(
            "invalid-chain-broken",
            vec![two_by_two(), with(&[]), second(&nothing)],
            Refused(Rule::ChainBroken, 0),
        ),
        invalid("invalid-number-order", changed(5, 1), Rule::NumberOrder, 5),
        invalid(
            "invalid-canvas-limit",
            [header(START, 2, 1, 0), vec![1, 0x40, 1, 0]].concat(),
            Rule::CanvasLimit,
            7,
        ),
        invalid("invalid-update-limit", vec![0; 4097], Rule::UpdateLimit, 4096),
        vector("invalid-track-mismatch", vec![], Refused(Rule::TrackMismatch, 3))
            .and(Track::Leaf, two_by_two()),
    ]
}

fn invalid_streams() -> Vec<Vector> {
    let on_dot = |name, stream: &Stream, rule| {
        vector(name, vec![dot(), second(&stream.body())], Refused(rule, SEGMENTS))
    };
    let nothing = || Stream::map(&[], &[0; 4]).next_map(&[], &[0; 4]);
    let long = [nothing().segments(), vec![0; 2]].concat();
    let mut damaged = nothing().segments();
    damaged[9] ^= 1;
    let stream = |name, segments: &[u8], plain: &[u8], rule| {
        let body = [&length(segments.len())[..], &length(plain.len()), segments, plain].concat();
        invalid(name, second(&body), rule, SEGMENTS)
    };
    vec![
        stream("invalid-stream-length", &long, &[], Rule::StreamLength),
        stream("invalid-stream-length-short", &nothing().segments()[..14], &[], Rule::StreamLength),
        stream("invalid-stream-state", &damaged, &[], Rule::StreamState),
        stream("invalid-plain-bits", &nothing().segments(), &[0], Rule::PlainBits),
        vector(
            "invalid-lane-row-outside",
            vec![lanes_in_rows(&[4, 16])],
            Refused(Rule::LaneRow, SEGMENTS + 4),
        ),
        vector(
            "invalid-lane-row-order",
            vec![lanes_in_rows(&[4, 4])],
            Refused(Rule::LaneRow, SEGMENTS + 4),
        ),
        vector(
            "invalid-lane-row-first",
            vec![lanes_in_rows(&[0])],
            Refused(Rule::LaneRow, SEGMENTS + 4),
        ),
        on_dot("invalid-vector-unknown", &dot_block(after_dot(), &[], COPY), Rule::VectorUnknown),
        vector(
            "invalid-cache-missing",
            returned(putting(0..1, &[]), (1, 0, 0)),
            Refused(Rule::CacheMissing, SEGMENTS),
        ),
        vector(
            "invalid-cache-missing-after-a-drop",
            returned(putting(0..2, &[0]), (0, 0, 0)),
            Refused(Rule::CacheMissing, SEGMENTS),
        ),
        // The canvas has one tile, the cache room for four.
        vector("invalid-cache-full", putting(0..5, &[]).0, Refused(Rule::CacheFull, SEGMENTS)),
        on_dot("invalid-copy-outside", &dot_block(after_dot(), &[(2, 0)], COPY), Rule::CopyOutside),
    ]
}

fn invalid_pictures() -> Vec<Vector> {
    let one = |picture: Vec<u8>| leaf(2, &[picture]);
    let jpeg = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut payload = grey_jpeg();
        change(&mut payload);
        one(picture(0, 1, 1, &payload))
    };
    // Behind the number of pictures; a picture's payload stands four bytes after its start.
    let first = BODY + 1;
    let payload = first + 4;
    let grey = picture(2, 1, 1, &grey_jpeg());
    vec![
        invalid(
            "invalid-picture-count",
            [header(LEAF, 1, 2, 1), vec![5]].concat(),
            Rule::PictureCount,
            BODY,
        ),
        invalid("invalid-tile-count", one(picture(0, 1, 0, &[])), Rule::TileCount, first),
        invalid("invalid-tile-outside", one(picture(4, 1, 1, &[])), Rule::TileOutside, first),
        invalid("invalid-tile-outside-block", one(picture(1, 2, 1, &[])), Rule::TileOutside, first),
        invalid(
            "invalid-tile-repeated",
            leaf(2, &[grey.clone(), grey.clone()]),
            Rule::TileRepeated,
            first + grey.len(),
        ),
        invalid(
            "invalid-payload-limit",
            one(vec![0, 1, 1, 0x81, 0x80, 0x80, 0x01]),
            Rule::PayloadLimit,
            first + 3,
        ),
        invalid(
            "invalid-payload-length",
            one(picture(0, 1, 1, &[80])),
            Rule::PayloadLength,
            payload,
        ),
        invalid("invalid-jpeg-quality", jpeg(&|p| p[0] = 0), Rule::JpegQuality, payload),
        invalid("invalid-jpeg-chroma", jpeg(&|p| p[1] = 2), Rule::JpegChroma, payload),
        invalid("invalid-jpeg-marker", jpeg(&|p| p[41] = 0xff), Rule::JpegMarker, payload),
        invalid("invalid-jpeg-scan", jpeg(&|p| p.truncate(20)), Rule::JpegScan, payload),
    ]
}

/// The format of the files, that of `tessera_codec::oracle::decode_any`.
fn file(vector: &Vector) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (track, update) in &vector.updates {
        bytes.push(match track {
            Track::Chain => 0,
            Track::Leaf => 1,
            Track::Video => 2,
        });
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
        let outcome = decoder.apply(*track, update).map(|applied| applied.status);
        let breaks_chain = matches!(vector.verdict, Refused(Rule::ChainBroken, _));
        assert!(outcome.is_ok() || breaks_chain, "{name}: {outcome:?}");
    }
    let result = decoder.apply(*track, last).map(|applied| (applied.status, applied.checked));
    match &vector.verdict {
        Pixels(pixels) => {
            assert_eq!(result, Ok((Status::Applied, None)), "{name}");
            let view = decoder.view().expect("picture");
            for &(x, y, [blue, green, red]) in pixels {
                assert_eq!(view.span(x, y, 1), [blue, green, red, 0], "{name}: pixel {x},{y}");
            }
        }
        Verdict::Checked(checked) => {
            assert_eq!(result, Ok((Status::Applied, Some(*checked))), "{name}");
        }
        Verdict::Status(status) => assert_eq!(result, Ok((*status, None)), "{name}"),
        Refused(rule, offset) => assert_eq!(result, Err(rule.at(*offset)), "{name}"),
    }
}

#[test]
fn golden_vectors_are_judged_as_specified() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let vectors: Vec<_> = [
        valid_vectors(),
        valid_slices(),
        valid_checks(),
        invalid_slices_and_checks(),
        valid_videos(),
        invalid_videos(),
        invalid_headers(),
        invalid_streams(),
        invalid_pictures(),
    ]
    .into_iter()
    .flatten()
    .collect();
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
