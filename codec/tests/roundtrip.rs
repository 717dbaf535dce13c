//! Encoder to decoder: what is sent arrives, bit by bit where it must.

mod desk;

use desk::Desk;
use tessera_codec::{EncoderConfig, Policy, Size};

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
    desk.draw_photo(1);
    desk.send();
    assert!(!desk.decoder.is_exact(), "a picture in motion is lossy");
    let view = desk.decoder.view().expect("picture");
    assert!(view.data().chunks_exact(4).all(|pixel| pixel[3] == 0));
    assert!(desk.psnr_db() > 30.0, "{} dB", desk.psnr_db());
    desk.settle();
    desk.assert_equal();
    assert!(desk.decoder.is_exact());
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
    desk.draw_photo(1);
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
