//! Rectangles that play film: found, played by a video stream, and exact when they rest.

mod desk;
#[path = "hand/video.rs"]
mod hand;

use desk::Desk;
use hand::{HandFrame, HandVideo};
use tessera_codec::{
    ColourMode, Decoder, DecoderConfig, EncoderConfig, Payloads, Policy, Rect, Region, Size,
    Status, Track,
};

const SCREEN: Size = Size::new(700, 500);
const FILM: Rect = Rect::new(70, 40, 515, 333);
const FRAME_US: u64 = 33_333;

fn desk() -> Desk {
    let mut desk = Desk::new(SCREEN, EncoderConfig::default());
    desk.draw_text(3);
    desk.send();
    desk.settle();
    desk
}

fn play(desk: &mut Desk, rect: Rect, seed: u64) {
    desk.now_us += FRAME_US;
    desk.draw_film_in(rect, 11 * seed);
}

/// Plays until a video has begun; returns how many frames it took.
fn play_until_found(desk: &mut Desk, rect: Rect) -> u64 {
    for seed in 0..12 {
        play(desk, rect, seed);
        desk.send();
        if desk.encoder.video_rect().is_some() {
            return seed;
        }
    }
    panic!("no video was found");
}

#[test]
fn film_is_found_to_the_pixel_within_200_ms_and_everything_around_it_stays_exact() {
    let mut desk = desk();
    let frames = play_until_found(&mut desk, FILM);
    assert!(frames * FRAME_US <= 200_000, "found after {frames} frames");
    assert_eq!(desk.encoder.video_rect(), Some(FILM));
    for seed in 20..30 {
        play(&mut desk, FILM, seed);
        let report = desk.send();
        assert!(report.video_tiles > 0, "{report:?}");
        assert_eq!(report.jpeg_tiles, 0);
        for part in SCREEN.rect().outside(FILM) {
            desk.assert_equal_in(part);
        }
    }
    assert!(!desk.decoder.is_exact());
}

#[test]
fn it_is_exact_400_ms_after_it_stops_and_its_stream_is_over() {
    let mut desk = desk();
    play_until_found(&mut desk, FILM);
    play(&mut desk, FILM, 40);
    desk.send();
    let stopped_us = desk.now_us;
    // A check that tells the viewer so may come later.
    while !desk.decoder.is_exact() {
        let at_us = desk.encoder.next_refinement_us().expect("refinement");
        desk.now_us = desk.now_us.max(at_us);
        desk.send();
    }
    assert!(desk.now_us - stopped_us <= 400_000);
    desk.settle();
    desk.assert_equal();
    assert!(desk.decoder.is_exact());
    assert_eq!(desk.encoder.video_rect(), None);
}

#[test]
fn text_drawn_inside_and_beside_it_is_exact_at_once() {
    let mut desk = desk();
    play_until_found(&mut desk, FILM);
    // A whole tile inside, and a caret beside the film in a tile of its edge.
    let inside = Rect::new(256, 192, 64, 64);
    let beside = Rect::new(66, 100, 2, 14);
    for seed in 0..6 {
        play(&mut desk, FILM, 50 + seed);
        desk.draw_text_in(inside, seed);
        desk.draw_text_in(beside, seed);
        let report = desk.send();
        assert!(report.video_tiles > 0);
        desk.assert_equal_in(inside);
        desk.assert_equal_in(beside);
    }
    desk.settle();
    desk.assert_equal();
}

#[test]
fn a_film_that_moves_or_grows_is_found_again() {
    let mut desk = desk();
    play_until_found(&mut desk, FILM);
    for other in [Rect::new(3, 5, 515, 333), Rect::new(3, 5, 690, 451)] {
        for seed in 0..24 {
            play(&mut desk, other, 60 + seed);
            desk.send();
        }
        let found = desk.encoder.video_rect().expect("a video");
        assert_eq!(found.intersect(other), other, "all of it plays");
    }
    desk.settle();
    desk.assert_equal();
}

#[test]
fn a_window_with_film_that_is_dragged_over_text_leaves_nothing_behind() {
    let mut desk = desk();
    let film = Rect::new(3, 5, 390, 260);
    play_until_found(&mut desk, film);
    for step in 0..14 {
        desk.now_us += FRAME_US;
        desk.draw_text(3);
        // Photographs that appear, approximate at first, one every frame.
        for place in 0..4 {
            desk.draw_photo_in(600, 10 + 110 * place, 96, 96, u64::from((step + place) / 4 * 4));
        }
        let at = Rect { x: 3 + 11 * step, y: 5 + 9 * step, ..film };
        // Of every second frame most pixels are those of the one before.
        desk.draw_film_in(at, 400 + u64::from(step / 2));
        desk.send();
    }
    desk.settle();
    desk.assert_equal();
}

#[test]
fn photographs_and_pages_in_turn_are_no_film() {
    let mut desk = desk();
    for seed in 0..8 {
        play(&mut desk, FILM, seed);
        desk.send();
        assert_eq!(desk.encoder.video_rect(), None, "after {seed} photographs");
        desk.now_us += FRAME_US;
        desk.draw_text(3);
        desk.send();
    }
    desk.assert_equal();
}

#[test]
fn photographs_that_scroll_into_sight_are_no_film() {
    let mut desk = desk();
    let Rect { x, y, width, height } = FILM;
    desk.draw_photo_in(x, y, width, height, 1);
    desk.send();
    desk.settle();
    let step = 90;
    for seed in 0..12 {
        desk.now_us += FRAME_US;
        for row in y..y + height - step {
            let below = desk.frame.view().span(x, row + step, width).to_vec();
            desk.frame.span_mut(x, row, width).copy_from_slice(&below);
        }
        desk.damage.add(FILM);
        desk.draw_photo_in(x, y + height - step, width, step, 900 + 17 * seed);
        desk.send();
        assert_eq!(desk.encoder.video_rect(), None, "after {seed} steps");
    }
    desk.settle();
    desk.assert_equal();
}

#[test]
fn nothing_is_video_when_every_frame_must_be_exact() {
    let config = EncoderConfig { policy: Policy::Exact, ..EncoderConfig::default() };
    let mut desk = Desk::new(SCREEN, config);
    for seed in 0..8 {
        play(&mut desk, FILM, seed);
        assert_eq!(desk.send().video_tiles, 0);
        desk.assert_equal();
    }
}

#[test]
fn a_lost_frame_leads_to_a_new_stream_and_no_older_frame_overwrites_it() {
    let mut desk = desk();
    play_until_found(&mut desk, FILM);
    play(&mut desk, FILM, 70);
    desk.send();
    play(&mut desk, FILM, 71);
    let lost = desk.record();
    assert!(lost.iter().all(|(track, _)| *track == Track::Video));
    play(&mut desk, FILM, 72);
    for (track, update) in desk.record() {
        let applied = desk.decoder.apply(track, &update).expect("valid");
        assert_eq!(applied.status, Status::Obsolete, "it builds on a frame that was lost");
    }
    desk.encoder.video_lost(u32::MAX);
    assert_eq!(desk.encoder.next_refinement_us(), Some(0), "a frame is due");
    let report = desk.send();
    assert!(report.video_tiles > 0);
    let shown = desk.decoder.view().expect("picture").to_frame();
    for (track, update) in lost {
        let applied = desk.decoder.apply(track, &update).expect("valid");
        assert_eq!(applied.status, Status::Obsolete);
    }
    assert!(desk.decoder.view().expect("picture").to_frame() == shown);
    desk.settle();
    desk.assert_equal();
}

#[test]
fn a_frame_that_comes_after_the_chain_has_ended_the_video_changes_nothing() {
    let mut desk = desk();
    play_until_found(&mut desk, FILM);
    play(&mut desk, FILM, 80);
    desk.send();
    play(&mut desk, FILM, 81);
    let late = desk.record();
    desk.settle();
    desk.assert_equal();
    for (track, update) in late {
        desk.decoder.apply(track, &update).expect("valid");
    }
    desk.assert_equal();
}

#[test]
fn a_rate_makes_frames_smaller() {
    let mut desk = desk();
    play_until_found(&mut desk, FILM);
    let bytes = |desk: &mut Desk| {
        for seed in 0..16 {
            play(desk, FILM, 90 + seed);
            desk.send();
        }
        play(desk, FILM, 110);
        desk.send().bytes
    };
    let best = bytes(&mut desk);
    desk.encoder.set_picture_rate(Some(best as u32 * 6));
    let limited = bytes(&mut desk);
    assert!(limited * 2 < best, "{limited} of {best} bytes");
}

/// Plays `frames` of the rectangle and sends them.
fn go_on(desk: &mut Desk, rect: Rect, seeds: std::ops::Range<u64>) {
    for seed in seeds {
        play(desk, rect, seed);
        desk.send();
    }
}

#[test]
fn a_decoder_written_by_hand_shows_the_same_within_a_rounding() {
    let mut desk = desk();
    play_until_found(&mut desk, FILM);
    let mut hand = HandVideo::new();
    for seed in 120..126 {
        play(&mut desk, FILM, seed);
        for (track, update) in desk.record() {
            desk.decoder.apply(track, &update).expect("valid");
            if track != Track::Video {
                continue;
            }
            let frame = HandFrame::read(&update);
            assert_eq!(frame.rect, [FILM.x, FILM.y, FILM.width, FILM.height]);
            assert_eq!((frame.epoch, frame.stream, u64::from(frame.frame)), (1, 1, seed - 120));
            assert!(frame.shown.iter().all(|shown| *shown));
            let view = desk.decoder.view().expect("picture");
            let pixels = hand.pixels(&frame);
            for (row, y) in pixels.chunks(usize::from(FILM.width)).zip(FILM.y..) {
                let shown = view.span(FILM.x, y, FILM.width).chunks_exact(4);
                for (expected, shown) in row.iter().zip(shown) {
                    for (expected, shown) in expected.iter().zip(shown) {
                        let error = (expected - f64::from(*shown)).abs();
                        assert!(error <= 1.0, "{shown} in the place of {expected} in row {y}");
                    }
                }
            }
        }
    }
}

#[test]
fn other_colours_end_it_and_have_none() {
    for mode in [ColourMode::HighColour, ColourMode::Palette] {
        let mut desk = desk();
        play_until_found(&mut desk, FILM);
        go_on(&mut desk, FILM, 20..23);
        play(&mut desk, FILM, 23);
        let late = desk.record();
        assert!(late.iter().any(|(track, _)| *track == Track::Video));
        desk.encoder.set_colours(mode);
        for seed in 24..34 {
            play(&mut desk, FILM, seed);
            assert_eq!(desk.send().video_tiles, 0, "{mode:?}");
            assert_eq!(desk.encoder.video_rect(), None);
        }
        let shown = desk.decoder.view().expect("picture").to_frame();
        for (_, update) in late.iter().filter(|(track, _)| *track == Track::Video) {
            let applied = desk.decoder.apply(Track::Video, update).expect("valid");
            assert_eq!(applied.status, Status::Obsolete);
        }
        assert!(desk.decoder.view().expect("picture").to_frame() == shown);
        desk.settle();
        assert!(desk.view().data() == desk.quantized().data() && desk.decoder.is_exact());
        // It plays again in all colours.
        desk.encoder.set_colours(ColourMode::Standard);
        play_until_found(&mut desk, FILM);
        go_on(&mut desk, FILM, 40..44);
        desk.settle();
        desk.assert_equal();
        assert!(desk.decoder.is_exact());
    }
}

#[test]
fn photographs_drawn_over_it_when_it_has_ended_are_seen_at_once() {
    let mut desk = desk();
    play_until_found(&mut desk, FILM);
    go_on(&mut desk, FILM, 20..24);
    // Less than a rest later, and not as film: nothing may be left of what played there.
    desk.now_us += 300_000;
    desk.draw_photo(7);
    desk.send();
    let psnr = desk.psnr_db();
    assert!(psnr > 30.0, "{psnr} dB");
    desk.settle();
    desk.assert_equal();
}

#[test]
fn what_stands_around_a_film_that_has_moved_is_exact() {
    let mut desk = desk();
    play_until_found(&mut desk, FILM);
    go_on(&mut desk, FILM, 20..24);
    // Half over where it was, where it leaves text.
    let moved = Rect::new(FILM.x + 53, FILM.y + 107, FILM.width, FILM.height);
    desk.draw_text_in(FILM, 3);
    let mut calls = 0;
    while desk.encoder.video_rect() != Some(moved) {
        play(&mut desk, moved, 30 + calls);
        desk.send();
        calls += 1;
        assert!(calls < 30, "it is not found again");
    }
    for seed in 60..64 {
        play(&mut desk, moved, seed);
        assert!(desk.send().video_tiles > 0);
        for part in SCREEN.rect().outside(moved) {
            desk.assert_equal_in(part);
        }
    }
    desk.settle();
    desk.assert_equal();
}

#[test]
fn a_late_joiner_sees_the_next_frame_and_everything_around_exactly() {
    let mut desk = desk();
    play_until_found(&mut desk, FILM);
    go_on(&mut desk, FILM, 20..24);
    let mut late = Decoder::new(DecoderConfig::default()).expect("decoder");
    let (mut missing, mut out) = (Region::full(SCREEN), Payloads::new());
    assert!(desk.encoder.repair(&mut missing, true, usize::MAX, &mut out));
    for payload in &out {
        late.apply(payload.track, &payload.bytes).expect("valid");
    }
    desk.encoder.reset_line();
    assert_eq!(desk.encoder.next_refinement_us(), Some(0), "a frame is due");
    for seed in 24..28 {
        if seed > 24 {
            play(&mut desk, FILM, seed);
        }
        for (track, update) in desk.record() {
            for decoder in [&mut desk.decoder, &mut late] {
                let applied = decoder.apply(track, &update).expect("valid");
                assert_eq!(applied.status, Status::Applied);
            }
        }
        assert!(late.view().expect("picture") == desk.decoder.view().expect("picture"));
        for part in SCREEN.rect().outside(FILM) {
            desk.assert_equal_in(part);
        }
    }
    assert!(!late.is_exact());
}

#[test]
fn a_restart_and_another_size_end_it() {
    let mut desk = desk();
    for size in [SCREEN, Size::new(640, 470)] {
        play_until_found(&mut desk, FILM);
        go_on(&mut desk, FILM, 20..23);
        play(&mut desk, FILM, 23);
        let late = desk.record();
        if size == SCREEN {
            desk.encoder.restart();
        } else {
            desk.resize(size);
        }
        desk.draw_text(9);
        desk.send();
        assert_eq!(desk.encoder.video_rect(), None);
        for (_, update) in late.iter().filter(|(track, _)| *track == Track::Video) {
            let applied = desk.decoder.apply(Track::Video, update).expect("valid");
            assert_eq!(applied.status, Status::Obsolete);
        }
        desk.settle();
        desk.assert_equal();
    }
}

#[test]
fn damaged_slices_are_refused_and_leave_what_is_shown() {
    let mut desk = desk();
    play_until_found(&mut desk, FILM);
    go_on(&mut desk, FILM, 20..22);
    for at in 0..40 {
        play(&mut desk, FILM, 22 + at);
        for (track, mut update) in desk.record() {
            if track == Track::Video {
                let before = desk.decoder.view().expect("picture").to_frame();
                let place = update.len() - 1 - (at as usize * 37) % (update.len() / 2);
                match at % 3 {
                    0 => update.truncate(place),
                    1 => update[place] ^= 0x55,
                    _ => update.extend_from_slice(&[3; 9]),
                }
                // A decoder cannot tell every damage, but what it refuses leaves no trace.
                if desk.decoder.apply(track, &update).is_err() {
                    assert!(desk.decoder.view().expect("picture").to_frame() == before);
                }
                assert!(!desk.decoder.is_exact());
            } else {
                desk.decoder.apply(track, &update).expect("valid");
            }
        }
        desk.encoder.video_lost(u32::MAX);
    }
    desk.settle();
    desk.assert_equal();
}
