//! Vectors of the video track.

use tessera_codec::{Rule, Status, Track};

use super::{
    BODY, HIGH_COLOUR, Refused, START, VIDEO, Vector, Verdict, after_dot, dot, header,
    leaf_over_dot, start, valid, vector,
};
use crate::hand::{Claim, SKIP, Stream};

/// Frames of a video in planes of 16 by 16 pixels, black: an intra slice, and one that changes nothing, as
/// `OpenH264` 2.6 makes them with quantizers 20 and 20.
const INTRA_SLICE: [u8; 16] = [
    0x65, 0xb8, 0x00, 0x06, 0x0d, 0xff, 0xf3, 0x83, 0x62, 0xed, 0x5f, 0x32, 0xc0, 0xfc, 0xbf, 0xf0,
];
const INTER_SLICE: [u8; 8] = [0x61, 0xe0, 0x00, 0x7e, 0x44, 0x6f, 0xfe, 0xc0];

/// A video frame of epoch 1 over the canvas of [`dot`], as update `number`.
fn video(number: u8, stream: u8, frame: u8, tiles: u8, slice: &[u8]) -> Vec<u8> {
    let place = [stream, frame, 0, 0, 0, 0, 9, 0, 1, 0, tiles];
    [&header(VIDEO, 1, number, 1)[..], &place, slice].concat()
}

/// A chain update that changes nothing of the picture of [`dot`] but says `claim` of its tile.
fn after_video(number: u8, base: u8, claim: Claim) -> Vec<u8> {
    let mut stream = after_dot().next_map_of(&[1], claim);
    stream.row(&[SKIP, SKIP]);
    [&header(0, 1, number, base)[..], &stream.body()].concat()
}

/// The update after that as number 5, in all colours.
fn after_second_video() -> Vec<u8> {
    let mut first = after_dot().next_map_of(&[1], Claim::Exact);
    first.row(&[SKIP, SKIP]);
    [&header(0, 1, 5, 3)[..], &first.next_map(&[], &[0]).body()].concat()
}

pub(crate) fn valid_videos() -> Vec<Vector> {
    let intra = || video(2, 1, 0, 1, &INTRA_SLICE);
    let obsolete = |name, updates| vector(name, updates, Verdict::Status(Status::Obsolete));
    vec![
        valid("valid-video-covers-a-dot", vec![dot(), intra()], &[(8, 0, [0; 3])]),
        valid(
            "valid-video-goes-on",
            vec![dot(), intra(), video(3, 1, 1, 1, &INTER_SLICE)],
            &[(8, 0, [0; 3])],
        ),
        valid(
            "valid-video-is-not-shown",
            vec![dot(), video(2, 1, 0, 0, &INTRA_SLICE)],
            &[(8, 0, [7, 8, 9])],
        ),
        obsolete(
            "valid-video-misses-a-frame",
            vec![dot(), intra(), video(3, 1, 2, 1, &INTER_SLICE)],
        ),
        obsolete("valid-video-has-begun", vec![dot(), intra(), video(3, 1, 0, 1, &INTRA_SLICE)]),
        obsolete(
            "valid-video-is-over-without-a-frame",
            vec![dot(), intra(), video(3, 1, 2, 1, &INTER_SLICE), video(4, 1, 1, 1, &INTER_SLICE)],
        ),
        obsolete(
            "valid-video-is-over-when-another-goes-on",
            vec![dot(), intra(), video(3, 2, 1, 1, &INTER_SLICE), video(4, 1, 1, 1, &INTER_SLICE)],
        ),
        valid(
            "valid-video-begins-again",
            vec![dot(), intra(), video(3, 1, 2, 1, &INTER_SLICE), video(4, 2, 0, 1, &INTRA_SLICE)],
            &[(8, 0, [0; 3])],
        ),
        obsolete("valid-video-of-an-earlier-epoch", {
            let mut other = dot();
            other[4] = 2;
            vec![dot(), other, intra()]
        }),
        vector(
            "valid-early-video-waits",
            vec![dot(), [&header(VIDEO, 1, 3, 2)[..], &intra()[BODY..]].concat()],
            Verdict::Status(Status::AheadOfChain { epoch: 1, chain: 2 }),
        ),
        valid(
            "valid-late-video-is-left-out",
            vec![dot(), after_video(3, 1, Claim::Exact), intra()],
            &[(8, 0, [7, 8, 9])],
        ),
        valid(
            "valid-exact-ends-a-video",
            vec![dot(), intra(), after_video(3, 1, Claim::Exact)],
            &[(8, 0, [7, 8, 9])],
        ),
        valid(
            "valid-lossy-ends-a-video",
            vec![dot(), intra(), after_video(3, 1, Claim::Lossy)],
            &[(8, 0, [7, 8, 9])],
        ),
        valid(
            "valid-around-leaves-a-video",
            vec![dot(), intra(), after_video(3, 1, Claim::AroundVideo)],
            &[(8, 0, [0; 3])],
        ),
        valid(
            "valid-around-without-a-video-is-whole",
            vec![dot(), leaf_over_dot(2), after_video(3, 1, Claim::AroundVideo)],
            &[(8, 0, [7, 8, 9])],
        ),
        valid(
            "valid-leaf-ends-a-video",
            vec![dot(), intra(), leaf_over_dot(3), after_video(4, 1, Claim::AroundVideo)],
            &[(8, 0, [7, 8, 9])],
        ),
        obsolete("valid-video-has-no-effect-in-other-colours", {
            let mut high = dot();
            high[3] |= HIGH_COLOUR;
            vec![high, intra()]
        }),
        obsolete("valid-video-is-over-in-other-colours", {
            let mut high = after_video(3, 1, Claim::Exact);
            high[3] |= HIGH_COLOUR;
            vec![
                dot(),
                intra(),
                high,
                video(4, 1, 1, 1, &INTER_SLICE),
                after_second_video(),
                video(6, 1, 2, 1, &INTER_SLICE),
            ]
        }),
    ]
}

pub(crate) fn invalid_videos() -> Vec<Vector> {
    let refused = |name, frames: Vec<Vec<u8>>, rule, offset| {
        let updates = std::iter::once(dot()).chain(frames).collect();
        vector(name, updates, Refused(rule, offset))
    };
    let moved = |at: usize, value: u8| {
        let mut update = video(2, 1, 0, 1, &INTRA_SLICE);
        update[at] = value;
        update
    };
    let second = |slice: &[u8]| vec![video(2, 1, 0, 1, &INTRA_SLICE), video(3, 1, 1, 1, slice)];
    let other_place = {
        let mut frames = second(&INTER_SLICE);
        frames[1][BODY + 6] = 8;
        frames
    };
    vec![
        refused(
            "invalid-leaf-start-video",
            vec![header(VIDEO | START, 1, 2, 0)],
            Rule::LeafStart,
            3,
        ),
        refused(
            "invalid-video-region-outside",
            vec![moved(BODY + 2, 1)],
            Rule::VideoRegion,
            BODY + 2,
        ),
        refused(
            "invalid-video-region-empty",
            vec![moved(BODY + 6, 0)],
            Rule::VideoRegion,
            BODY + 2,
        ),
        refused("invalid-video-tiles", vec![moved(BODY + 10, 3)], Rule::VideoTiles, BODY + 10),
        refused("invalid-video-moved", other_place, Rule::VideoMoved, BODY),
        refused("invalid-video-unit-kind", second(&INTRA_SLICE), Rule::VideoUnit, BODY + 11),
        refused(
            "invalid-video-unit-start-code",
            vec![video(2, 1, 0, 1, &[0x65, 0xb8, 0, 0, 1, 0x67])],
            Rule::VideoUnit,
            BODY + 11,
        ),
        // The largest picture of OpenH264 is 3840 by 2160 pixels.
        vector(
            "invalid-video-region-too-large",
            vec![start(3841, 1, &Stream::map(&[], &[0; 61]).body()), {
                let place = [1, 0, 0, 0, 0, 0, 0x01, 0x0f, 1, 0];
                [&header(VIDEO, 1, 2, 1)[..], &place, &[0; 8], &INTRA_SLICE].concat()
            }],
            Refused(Rule::VideoRegion, BODY + 2),
        ),
        refused(
            "invalid-truncated-video",
            vec![video(2, 1, 0, 1, &[])[..BODY + 10].to_vec()],
            Rule::Truncated,
            BODY + 10,
        ),
        refused(
            "invalid-video-unit-empty",
            vec![video(2, 1, 0, 1, &[])],
            Rule::VideoUnit,
            BODY + 11,
        ),
        vector("invalid-track-mismatch-video", vec![dot()], Refused(Rule::TrackMismatch, 3))
            .and(Track::Leaf, video(2, 1, 0, 1, &INTRA_SLICE)),
        refused(
            "invalid-colour-mode-video",
            vec![{
                let mut frame = video(2, 1, 0, 1, &INTRA_SLICE);
                frame[3] |= HIGH_COLOUR;
                frame
            }],
            Rule::ColourMode,
            3,
        ),
        refused(
            "invalid-video-frame",
            vec![video(2, 1, 0, 1, &INTRA_SLICE[..3])],
            Rule::VideoFrame,
            BODY + 11,
        ),
    ]
}
