//! Encoder to decoder: what is sent arrives, bit by bit where it must.

mod desk;

use desk::Desk;
use tessera_codec::{Decoder, DecoderConfig, EncoderConfig, Policy, Size};

fn exact() -> EncoderConfig {
    EncoderConfig { policy: Policy::Exact, ..EncoderConfig::default() }
}

#[test]
fn every_canvas_shape_arrives_exactly() {
    for (width, height) in
        [(0, 0), (0, 7), (1, 1), (65, 63), (64, 64), (200, 130), (16_384, 1), (1, 16_384)]
    {
        let mut desk = Desk::new(Size::new(width, height), exact());
        desk.draw_text(7);
        desk.send();
        desk.assert_equal();
        desk.draw_photo(9);
        desk.send();
        desk.assert_equal();
        assert!(desk.decoder.is_exact(), "{width}x{height}");
    }
}

#[test]
fn a_picture_is_exact_after_rest() {
    let mut desk = Desk::new(Size::new(500, 400), EncoderConfig::default());
    desk.draw_text(1);
    desk.send();
    desk.assert_equal();
    desk.draw_photo(1);
    let report = desk.send();
    assert!(report.coarse_tiles > 0 && !desk.decoder.is_exact(), "new and large: approximate");
    // What is lost is the noise, which is below the steps.
    assert!(desk.psnr_db() > 35.0, "{} dB", desk.psnr_db());
    desk.settle();
    desk.assert_equal();
    assert!(desk.decoder.is_exact());
}

#[test]
fn a_picture_that_scrolls_is_copied_though_it_is_approximate() {
    let mut desk = Desk::new(Size::new(512, 512), EncoderConfig::default());
    desk.send();
    desk.draw_photo(1);
    desk.send();
    let before = desk.frame.clone();
    for y in 0..512 - 24 {
        desk.frame.span_mut(0, y, 512).copy_from_slice(before.view().span(0, y + 24, 512));
    }
    desk.damage.fill();
    let report = desk.send();
    assert!(report.moved_blocks >= 60 * 64, "{report:?}");
    desk.settle();
    desk.assert_equal();
}

#[test]
fn text_on_photographs_and_slopes_is_never_approximate() {
    const INKS: [[u8; 3]; 6] =
        [[255; 3], [0; 3], [0, 0, 255], [0, 255, 255], [255, 96, 32], [128, 192, 0]];
    for (at, ink) in INKS.into_iter().enumerate() {
        let mut desk = Desk::new(Size::new(640, 480), EncoderConfig::default());
        desk.send();
        if at % 2 == 0 {
            desk.draw_photo(at as u64);
        } else {
            desk.draw_slope();
        }
        let mut letters = Vec::new();
        for (line, y) in (40..440).step_by(23).enumerate() {
            letters.extend(desk.draw_letters(ink, 1.0 + 0.15 * line as f32, y));
        }
        assert!(letters.len() > 10_000);
        let report = desk.send();
        assert!(report.coarse_tiles > 30, "the photographs around it are: {report:?}");
        desk.assert_shown(&letters);
        for step in 1..4 {
            desk.now_us += 33_333;
            desk.scroll_up(13, 50 + step);
            letters.retain_mut(|(_, y)| {
                let stays = *y >= 13;
                *y = y.saturating_sub(13);
                stays
            });
            desk.send();
            desk.assert_shown(&letters);
        }
        assert!(!desk.decoder.is_exact());
        desk.settle();
        desk.assert_equal();
    }
}

#[test]
fn new_damage_comes_before_refinement_and_delays_it() {
    let mut desk = Desk::new(Size::new(640, 480), EncoderConfig::default());
    desk.send();
    desk.draw_photo(3);
    desk.send();
    for step in 0..12 {
        desk.now_us += 33_333;
        desk.scroll_up(8, 60 + step);
        let report = desk.send();
        assert_eq!(report.refined_tiles, 0, "nothing rests yet");
        assert_eq!(report.waiting_tiles, 0);
    }
    let rest_us = desk.now_us;
    while !desk.decoder.is_exact() {
        let at_us = desk.encoder.next_refinement_us().expect("something to refine");
        desk.now_us = desk.now_us.max(at_us);
        desk.send();
    }
    assert!(desk.now_us - rest_us <= 200_000, "exact {} us after rest", desk.now_us - rest_us);
}

#[test]
fn a_little_new_picture_is_exact_at_once() {
    let mut desk = Desk::new(Size::new(500, 400), EncoderConfig::default());
    desk.draw_text(1);
    desk.send();
    desk.draw_photo_in(100, 100, 64, 64, 2);
    desk.send();
    desk.assert_equal();
    assert!(desk.decoder.is_exact());
}

#[test]
fn film_travels_on_leaves_and_is_exact_after_rest() {
    let mut desk = Desk::new(Size::new(500, 400), EncoderConfig::default());
    desk.draw_text(1);
    desk.play_film(60, 60, 300, 200);
    let report = desk.send();
    assert!(report.jpeg_tiles > 0, "{report:?}");
    let view = desk.decoder.view().expect("picture");
    assert!(view.data().chunks_exact(4).all(|pixel| pixel[3] == 0));
    assert!(desk.psnr_db() > 30.0, "{} dB", desk.psnr_db());
    desk.settle();
    desk.assert_equal();
    assert!(desk.decoder.is_exact());
}

/// More blocks than an update may have of new photographs before they are film at once.
const BURST: Size = Size::new(704, 640);

#[test]
fn a_burst_of_new_photographs_is_pictures_at_once() {
    let mut desk = Desk::new(BURST, EncoderConfig::default());
    desk.draw_text(1);
    desk.send();
    desk.draw_photo(1);
    let report = desk.send();
    assert_eq!((report.jpeg_tiles, report.photo_blocks), (110, 0), "{report:?}");
    // The page that was there before costs little, whatever was shown meanwhile.
    desk.draw_text(1);
    let report = desk.send();
    assert!(report.bytes < 200 && desk.decoder.is_exact(), "{report:?}");
    desk.assert_equal();
}

#[test]
fn a_screenful_of_photographs_that_moves_is_no_burst() {
    let mut desk = Desk::new(BURST, EncoderConfig::default());
    desk.draw_photo(1);
    desk.send();
    desk.settle();
    desk.scroll_up(24, 2);
    let report = desk.send();
    assert!(report.jpeg_tiles == 0 && report.moved_blocks > 76 * 88, "{report:?}");
}

#[test]
fn two_threads_decode_what_one_encoded_and_the_reverse() {
    for (encoding, decoding) in [(1, 2), (2, 1), (2, 2)] {
        // Enough blocks with pixels for four lanes.
        let config = EncoderConfig { threads: encoding, ..exact() };
        let mut desk = Desk::new(Size::new(1100, 900), config);
        desk.decoder =
            Decoder::new(DecoderConfig { threads: decoding, ..DecoderConfig::default() })
                .expect("decoder");
        for seed in 1..4 {
            desk.draw_photo(seed);
            desk.draw_photo_in(100, 100, 700, 500, seed + 20);
            desk.send();
            desk.assert_equal();
        }
    }
}

#[test]
fn threads_do_not_change_the_bytes() {
    for policy in [Policy::Exact, Policy::Live] {
        let updates = |threads| {
            let config = EncoderConfig { threads, policy, ..EncoderConfig::default() };
            let mut desk = Desk::new(Size::new(1100, 900), config);
            desk.draw_text(3);
            desk.draw_photo_in(100, 100, 900, 700, 4);
            let mut updates = desk.record();
            // Moved, coded in several lanes, returned from the cache, film, and refined.
            desk.scroll_up(45, 5);
            updates.extend(desk.record());
            for seed in [6, 7, 3] {
                desk.draw_text(seed);
                desk.draw_photo_in(300, 200, 500, 400, seed);
                updates.extend(desk.record());
            }
            for seed in 8..14 {
                desk.now_us += 33_333;
                desk.draw_photo_in(500, 300, 400, 300, seed);
                updates.extend(desk.record());
            }
            desk.now_us += 10_000_000;
            updates.extend(desk.record());
            updates
        };
        let one = updates(1);
        assert!(one == updates(2) && one == updates(3), "{policy:?}");
    }
}

#[test]
fn a_frame_of_another_size_starts_an_epoch() {
    let mut desk = Desk::new(Size::new(300, 200), exact());
    desk.draw_text(1);
    desk.send();
    desk.resize(Size::new(150, 333));
    desk.draw_text(2);
    desk.send();
    desk.assert_equal();
}

#[test]
fn the_fourth_byte_is_no_change() {
    let mut desk = Desk::new(Size::new(300, 200), exact());
    desk.draw_text(1);
    desk.send();
    for pixel in desk.frame.data_mut().chunks_exact_mut(4) {
        pixel[3] = pixel[0].wrapping_mul(31);
    }
    desk.damage.fill();
    let report = desk.send();
    assert_eq!((report.bytes, report.unchanged_tiles), (0, 20));
    desk.assert_equal();
}

#[test]
fn a_lost_leaf_is_sent_again() {
    let mut desk = Desk::new(Size::new(500, 400), EncoderConfig::default());
    desk.play_film(60, 60, 300, 200);
    desk.send_losing_leaves();
    desk.settle();
    desk.assert_equal();
    assert!(desk.decoder.is_exact());
}

#[test]
fn a_restart_serves_a_new_decoder() {
    let mut desk = Desk::new(Size::new(300, 200), exact());
    desk.draw_text(1);
    desk.send();
    desk.replace_decoder();
    desk.encoder.restart();
    desk.send();
    desk.assert_equal();
}

#[test]
fn a_small_budget_is_kept_and_loses_nothing() {
    let mut desk = Desk::new(Size::new(640, 480), exact());
    desk.draw_text(3);
    desk.budget_bytes = 3_000;
    let mut calls = 0;
    while calls == 0 || !desk.damage.is_empty() {
        let report = desk.send();
        assert!(report.bytes < 20_000, "{} bytes at once", report.bytes);
        calls += 1;
        assert!(calls < 200);
    }
    assert!(calls > 3);
    desk.assert_equal();
}
