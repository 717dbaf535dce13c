//! One line, several viewers: joining late, missing updates, showing a tile wrongly.

mod desk;

use desk::Desk;
use tessera_codec::{
    Audience, Checked, ColourMode, Decoder, DecoderConfig, EncoderConfig, Payload, Payloads,
    Policy, Region, Size, Status, TileIndex, Track,
};

const SIZE: Size = Size::new(640, 448);

fn decoder() -> Decoder {
    Decoder::new(DecoderConfig::default()).expect("decoder")
}

fn desk(policy: Policy) -> Desk {
    Desk::new(SIZE, EncoderConfig { policy, ..EncoderConfig::default() })
}

fn apply(decoder: &mut Decoder, payload: &Payload) -> Option<Checked> {
    let applied = decoder.apply(payload.track, &payload.bytes).expect("a valid update");
    assert_eq!(applied.status, Status::Applied);
    applied.checked
}

/// What a viewer that holds nothing is sent, in parts of about `budget_bytes`.
fn join(desk: &mut Desk, late: &mut Decoder, budget_bytes: usize) -> usize {
    let (mut missing, mut out, mut bytes) = (Region::full(SIZE), Payloads::new(), 0);
    let mut starts = true;
    loop {
        let is_complete = desk.encoder.repair(&mut missing, starts, budget_bytes, &mut out);
        for payload in &out {
            bytes += payload.bytes.len();
            apply(late, payload);
        }
        if is_complete {
            desk.encoder.reset_line();
            return bytes;
        }
        starts = false;
    }
}

/// Encodes, and both the desk's decoder and `late` apply it.
fn send_both(desk: &mut Desk, late: &mut Decoder) -> usize {
    let updates = desk.record();
    let mut bytes = 0;
    for (track, update) in &updates {
        bytes += update.len();
        for decoder in [&mut desk.decoder, &mut *late] {
            decoder.apply(*track, update).expect("a valid update");
        }
    }
    bytes
}

fn settle_both(desk: &mut Desk, late: &mut Decoder) {
    while let Some(at_us) = desk.encoder.next_refinement_us() {
        desk.now_us = desk.now_us.max(at_us);
        send_both(desk, late);
    }
    desk.assert_equal();
    assert!(late.view().expect("picture") == desk.decoder.view().expect("picture"));
    assert!(late.is_exact() && late.is_verified() && desk.decoder.is_verified());
}

#[test]
fn a_late_joiner_gets_what_the_line_holds_and_then_the_same_updates() {
    for (policy, joined_after) in [(Policy::Exact, 1), (Policy::Exact, 7), (Policy::Live, 4)] {
        let mut desk = desk(policy);
        let mut late = decoder();
        for step in 0..12 {
            desk.now_us += 40_000;
            match step % 3 {
                0 => desk.draw_text(step + 1),
                1 => desk.draw_photo_in(30, 40, 400, 300, step),
                _ => desk.draw_photo_in(200, 100, 128, 128, step),
            }
            if step < joined_after {
                desk.send();
                continue;
            }
            if step == joined_after {
                let bytes = join(&mut desk, &mut late, 20_000);
                assert!(bytes > 1_000);
                assert!(
                    late.position() == desk.decoder.position() && !late.is_broken(),
                    "it holds what the others hold"
                );
            }
            send_both(&mut desk, &mut late);
        }
        settle_both(&mut desk, &mut late);
    }
}

#[test]
fn a_refused_start_of_another_size_does_not_keep_slices_away() {
    let mut desk = desk(Policy::Exact);
    desk.draw_text(3);
    desk.send();
    let mut other =
        Desk::new(Size::new(90, 70), EncoderConfig { first_epoch: 2, ..EncoderConfig::default() });
    other.draw_text(4);
    let (track, start) = other.record().remove(0);
    desk.decoder.apply(track, &start[..start.len() - 1]).expect_err("it is cut short");
    assert!(desk.decoder.is_broken());
    let (mut missing, mut out) = (Region::full(SIZE), Payloads::new());
    assert!(desk.encoder.repair(&mut missing, true, usize::MAX, &mut out));
    for payload in &out {
        apply(&mut desk.decoder, payload);
    }
    desk.assert_equal();
    desk.encoder.reset_line();
    desk.draw_text(5);
    desk.send();
    desk.assert_equal();
}

#[test]
fn a_joiner_is_sent_the_lines_picture_and_not_the_frame() {
    let mut desk = desk(Policy::Exact);
    desk.draw_text(1);
    desk.send();
    let before = desk.frame.clone();
    desk.draw_text(2);
    let mut late = decoder();
    join(&mut desk, &mut late, usize::MAX);
    let shown = late.view().expect("picture");
    assert!(shown == before.view(), "what has not been encoded is not in it");
    assert!(late.is_exact(), "as of its version");
    send_both(&mut desk, &mut late);
    settle_both(&mut desk, &mut late);
}

#[test]
fn what_a_joiner_holds_stays_exact_in_any_colours() {
    for colours in [ColourMode::Standard, ColourMode::HighColour, ColourMode::Palette] {
        let mut desk = Desk::new(SIZE, EncoderConfig { colours, ..EncoderConfig::default() });
        desk.draw_photo(3);
        desk.send();
        desk.settle();
        // One decoder is new, the other comes from a line of all colours.
        let mut other =
            Desk::new(SIZE, EncoderConfig { first_epoch: 1 << 20, ..EncoderConfig::default() });
        other.draw_text(1);
        other.send();
        let mut joiners = [decoder(), other.decoder];
        for late in &mut joiners {
            join(&mut desk, late, 20_000);
            assert!(late.is_exact(), "{colours:?}");
        }
        desk.draw_photo_in(70, 70, 20, 20, 4);
        for (track, update) in desk.record() {
            for decoder in joiners.iter_mut().chain([&mut desk.decoder]) {
                decoder.apply(track, &update).expect("a valid update");
            }
        }
        let shown = desk.decoder.view();
        for late in &joiners {
            assert!(late.view() == shown, "{colours:?}");
            assert_eq!(late.colours(), colours);
            assert_eq!(late.exact(), desk.decoder.exact(), "{colours:?}");
        }
    }
}

#[test]
fn what_changes_all_the_time_does_not_keep_a_joiner_from_the_rest() {
    let mut desk = desk(Policy::Exact);
    desk.draw_photo(1);
    desk.send();
    let (mut late, mut missing) = (decoder(), Region::full(SIZE));
    let (mut out, mut starts, mut since) = (Payloads::new(), true, 0);
    for step in 0..40 {
        desk.encoder.written_since(since, &mut missing);
        desk.encoder.repair(&mut missing, starts, 10_000, &mut out);
        out.iter().for_each(|payload| assert_eq!(apply(&mut late, payload), None));
        (starts, since) = (false, desk.encoder.position().number);
        // More than a budget, in the upper rows.
        desk.draw_photo_in(0, 0, SIZE.width, 128, step);
        desk.send();
    }
    let shown = late.view().expect("picture");
    let row = |y: u16| shown.span(0, y, SIZE.width).to_vec();
    for y in 256..SIZE.height {
        assert!(row(y) == desk.frame.view().span(0, y, SIZE.width), "row {y} was not sent");
    }
}

#[test]
fn slices_made_while_colours_change_claim_nothing_in_the_new_ones() {
    let mut desk = desk(Policy::Exact);
    desk.draw_photo(3);
    desk.send();
    desk.encoder.set_colours(ColourMode::HighColour);
    desk.budget_bytes = 20_000;
    desk.damage.fill();
    desk.send();
    let mut late = decoder();
    join(&mut desk, &mut late, 20_000);
    let exact = late.exact().expect("picture");
    assert!(!exact.is_empty() && exact.len() < 70, "{} tiles", exact.len());
    assert_eq!(Some(exact), desk.decoder.exact());
    desk.budget_bytes = usize::MAX;
    send_both(&mut desk, &mut late);
    let wanted = desk.quantized();
    assert!(late.view() == Some(wanted.view()) && late.is_exact());
}

#[test]
fn a_joiner_costs_the_others_no_more_than_new_models() {
    // The same typing with and without somebody who joins in between.
    let bytes = |joins: bool| {
        let mut desk = desk(Policy::Exact);
        desk.draw_text(1);
        desk.send();
        let mut late = decoder();
        if joins {
            join(&mut desk, &mut late, usize::MAX);
        }
        (0..20)
            .map(|letter: u16| {
                desk.now_us += 100_000;
                desk.draw_photo_in(20 + 8 * letter, 100, 7, 9, u64::from(letter));
                desk.send().bytes
            })
            .sum::<usize>()
    };
    let (alone, joined) = (bytes(false), bytes(true));
    assert_ne!(joined, alone, "the models did begin anew");
    assert!(joined < alone + 4_000, "{alone} bytes became {joined}");
}

#[test]
fn viewers_that_missed_the_same_share_the_slices() {
    let mut desk = desk(Policy::Exact);
    let mut audience = Audience::new();
    let mut viewers = [decoder(), decoder(), decoder()];
    (0..3).for_each(|id| audience.join(id));
    let give = |desk: &mut Desk, audience: &mut Audience, viewers: &mut [Decoder; 3], room| {
        let updates = desk.record();
        audience.deliver(
            desk.encoder.position(),
            |id| id == 0 || room,
            |id| {
                for (track, update) in &updates {
                    viewers[id as usize].apply(*track, update).expect("a valid update");
                }
            },
        );
    };
    desk.draw_text(1);
    give(&mut desk, &mut audience, &mut viewers, true);
    for step in 0..5 {
        desk.draw_photo_in(70, 70, 150, 150, step);
        give(&mut desk, &mut audience, &mut viewers, false);
    }
    assert!(audience.follows(0) && !audience.follows(1) && !audience.follows(2));
    let mut sent = Vec::new();
    for id in [1, 2] {
        let mut out = Payloads::new();
        assert!(audience.heal(id, &mut desk.encoder, usize::MAX, &mut out));
        for payload in &out {
            apply(&mut viewers[id as usize], payload);
            sent.push(payload.bytes.clone());
        }
        assert!(audience.follows(id));
    }
    assert_eq!(sent.len(), 2);
    assert!(sent[0] == sent[1], "the same slices serve both");
    desk.draw_photo_in(0, 0, 300, 300, 9);
    give(&mut desk, &mut audience, &mut viewers, true);
    let shown = |at: usize| viewers[at].view().expect("picture").to_frame();
    assert!(shown(0) == shown(1) && shown(0) == shown(2));
    assert!(shown(0) == desk.frame);
}

#[test]
fn what_was_missed_without_a_change_needs_no_slices() {
    let mut desk = desk(Policy::Exact);
    let mut audience = Audience::new();
    audience.join(7);
    desk.draw_text(1);
    desk.record();
    audience.deliver(desk.encoder.position(), |_| true, |_| ());
    // A check alone.
    desk.now_us += 1_000_000;
    assert_eq!(desk.record().len(), 1);
    audience.deliver(desk.encoder.position(), |_| false, |_| panic!("it has no room"));
    assert!(audience.follows(7) && audience.needs_healing(7));
    let mut out = Payloads::new();
    assert!(!audience.heal(7, &mut desk.encoder, usize::MAX, &mut out) && out.is_empty());
    assert_eq!(desk.record().len(), 1, "another check, and nothing else");
}

#[test]
fn a_wrong_tile_is_found_and_healed_alone() {
    let mut desk = desk(Policy::Exact);
    desk.draw_text(1);
    desk.send();
    // One pixel of new colour, coded with plain bits: a flipped one shows another colour.
    let pixel = desk.frame.span_mut(639, 447, 1);
    pixel.copy_from_slice(&[200, 90, 30, 0]);
    desk.damage.fill();
    let mut updates = desk.record();
    *updates[0].1.last_mut().expect("bytes") ^= 1;
    desk.decoder.apply(Track::Chain, &updates[0].1).expect("decoded, if wrongly");
    assert!(desk.decoder.is_exact(), "it cannot know");
    desk.now_us += 1_000_000;
    let (track, check) = desk.record().remove(0);
    let applied = desk.decoder.apply(track, &check).expect("a valid check");
    assert_eq!(applied.checked, Some(Checked::Differs));
    assert!(!desk.decoder.is_verified());
    let hashes = desk.decoder.hashes().to_vec();
    let mut wrong = desk.encoder.find_wrong(desk.decoder.position(), hashes.into_iter());
    assert_eq!(wrong.iter().collect::<Vec<_>>(), [TileIndex(69)]);
    let mut out = Payloads::new();
    assert!(desk.encoder.repair(&mut wrong, false, usize::MAX, &mut out));
    desk.encoder.reset_line();
    let bytes: usize = out.iter().map(|payload| payload.bytes.len()).sum();
    assert!(bytes < 4_000, "{bytes} bytes for one tile");
    out.iter().for_each(|payload| assert_eq!(apply(&mut desk.decoder, payload), None));
    desk.settle();
    desk.assert_equal();
    assert!(desk.decoder.is_verified());
}

#[test]
fn a_broken_line_is_mended_without_a_start() {
    let mut desk = desk(Policy::Exact);
    desk.draw_text(1);
    desk.send();
    desk.draw_photo_in(64, 64, 200, 200, 1);
    let mut damaged = desk.record().remove(0).1;
    damaged[20] ^= 0x55;
    desk.decoder.apply(Track::Chain, &damaged).expect_err("a damaged stream");
    assert!(desk.decoder.is_broken());
    let epoch = desk.encoder.position().epoch;
    let (mut missing, mut out) = (Region::full(SIZE), Payloads::new());
    assert!(desk.encoder.repair(&mut missing, true, usize::MAX, &mut out));
    desk.encoder.reset_line();
    out.iter().for_each(|payload| assert_eq!(apply(&mut desk.decoder, payload), None));
    assert!(!desk.decoder.is_broken());
    desk.draw_photo_in(0, 0, 100, 100, 2);
    desk.send();
    desk.assert_equal();
    assert_eq!(desk.decoder.position().epoch, epoch);
}

#[test]
fn refinement_is_budgeted_nearest_first_and_gives_way_to_damage() {
    let mut desk = desk(Policy::Live);
    desk.send();
    desk.draw_photo(1);
    desk.send();
    let lossy = |desk: &Desk| 70 - desk.decoder.exact().expect("picture").len();
    assert!(lossy(&desk) > 40);
    // At rest, with a budget for a few tiles: those around the pointer, at (40, 40).
    desk.now_us += 1_000_000;
    desk.budget_bytes = 20_000;
    let report = desk.send();
    assert!((1..20).contains(&report.refined_tiles), "{report:?}");
    let exact = desk.decoder.exact().expect("picture");
    assert!(exact.contains(TileIndex(0)) && !exact.contains(TileIndex(69)));
    // New damage far away takes the budget that refinement would have had.
    desk.draw_photo_in(448, 320, 128, 128, 2);
    desk.budget_bytes = 1;
    let report = desk.send();
    assert_eq!(report.refined_tiles, 0, "{report:?}");
    assert!(report.exact_tiles + report.coarse_tiles > 0);
    desk.budget_bytes = usize::MAX;
    desk.settle();
    desk.assert_equal();
}
