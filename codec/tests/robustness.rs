//! A decoder under hostile input: refusals, never a panic, never a half-applied update.

mod desk;

use desk::Desk;
use tessera_codec::{
    Decoder, DecoderConfig, EncoderConfig, Frame, Limits, Rule, Size, Status, TILE, Track,
};

fn config() -> EncoderConfig {
    EncoderConfig::default()
}

/// A desktop with text and film, and the updates of its next picture: one on the chain, one leaf.
/// The desk's decoder has all that came before them.
fn mixed() -> (Desk, Vec<(Track, Vec<u8>)>) {
    let mut desk = Desk::new(Size::new(300, 260), config());
    desk.draw_text(5);
    desk.play_film(64, 64, 128, 128);
    desk.draw_photo_in(0, 200, 30, 30, 8);
    let updates = desk.record();
    let tracks: Vec<_> = updates.iter().map(|(track, _)| *track).collect();
    assert_eq!(tracks, [Track::Chain, Track::Leaf]);
    (desk, updates)
}

fn shown(decoder: &Decoder) -> Option<Frame> {
    decoder.view().map(|view| view.to_frame())
}

#[test]
fn every_prefix_of_a_start_is_refused() {
    let mut desk = Desk::new(Size::new(90, 70), config());
    desk.draw_text(5);
    desk.draw_photo_in(10, 10, 40, 40, 3);
    let (track, start) = desk.record().remove(0);
    for end in 0..start.len() {
        let error = desk.decoder.apply(track, &start[..end]).expect_err("a prefix was accepted");
        assert!(error.offset <= end, "{error} in a prefix of {end} bytes");
    }
    desk.decoder.apply(track, &start).expect("the whole update");
    desk.assert_equal();
}

#[test]
fn every_prefix_of_a_leaf_is_refused() {
    let (mut desk, updates) = mixed();
    let [(_, chain), (_, leaf)] = &updates[..] else { panic!("two updates") };
    desk.decoder.apply(Track::Chain, chain).expect("chain");
    let before = shown(&desk.decoder);
    for end in 0..leaf.len() {
        let error = desk.decoder.apply(Track::Leaf, &leaf[..end]).expect_err("a prefix");
        assert!(error.offset <= end, "{error} in a prefix of {end} bytes");
    }
    assert!(shown(&desk.decoder) == before);
    desk.decoder.apply(Track::Leaf, leaf).expect("the whole update");
}

#[test]
fn a_flipped_bit_never_leaves_half_an_update() {
    let mut desk = Desk::new(Size::new(150, 90), config());
    desk.draw_text(5);
    let first = desk.record().remove(0).1;
    desk.draw_photo_in(20, 20, 60, 60, 3);
    let second = desk.record().remove(0).1;
    let mut refused = 0;
    for bit in (0..32 * 8).chain((32 * 8..second.len() * 8).step_by(61)) {
        let mut decoder = Decoder::new(DecoderConfig::default()).expect("decoder");
        decoder.apply(Track::Chain, &first).expect("start");
        let before = shown(&decoder);
        let mut broken = second.clone();
        broken[bit / 8] ^= 1 << (bit % 8);
        if let Err(error) = decoder.apply(Track::Chain, &broken) {
            refused += 1;
            assert!(shown(&decoder) == before, "bit {bit}: {error}, yet the picture changed");
            // What the refused update left in the models must not show either.
            let after = decoder.apply(Track::Chain, &second);
            assert!(after.is_ok() || after.is_err_and(|error| error.rule == Rule::ChainBroken));
        }
    }
    assert!(refused > 400, "{refused} of the flips were noticed");
}

#[test]
fn a_leaf_waits_for_its_chain_and_an_old_one_is_dropped() {
    let (mut desk, updates) = mixed();
    let [(_, chain), (_, leaf)] = &updates[..] else { panic!("two updates") };
    let early = desk.decoder.apply(Track::Leaf, leaf).expect("valid");
    assert!(matches!(early.status, Status::AheadOfChain { epoch: 1, .. }));
    desk.decoder.apply(Track::Chain, chain).expect("chain");
    assert_eq!(desk.decoder.apply(Track::Leaf, leaf).expect("valid").status, Status::Applied);
    desk.encoder.restart();
    let restart = desk.record();
    desk.decoder.apply(Track::Chain, &restart[0].1).expect("new epoch");
    assert_eq!(desk.decoder.apply(Track::Leaf, leaf).expect("valid").status, Status::Obsolete);
}

#[test]
fn an_older_leaf_never_overwrites_newer_pixels() {
    let (mut desk, updates) = mixed();
    desk.now_us += 33_333;
    desk.draw_text(6);
    let next = desk.record();
    desk.decoder.apply(Track::Chain, &updates[0].1).expect("chain");
    desk.decoder.apply(Track::Chain, &next[0].1).expect("chain");
    let late = desk.decoder.apply(Track::Leaf, &updates[1].1).expect("leaf");
    assert_eq!(late.status, Status::Applied);
    assert!(late.changed.is_empty(), "the chain has written all of its tiles since");
    desk.assert_equal();
}

/// The rule that `update` breaks.
fn refusal(decoder: &mut Decoder, track: Track, update: &[u8]) -> Rule {
    decoder.apply(track, update).expect_err("a broken update was accepted").rule
}

#[test]
fn a_gap_in_the_chain_and_a_repeated_start_are_refused() {
    let mut desk = Desk::new(Size::new(300, 260), config());
    let mut updates = Vec::new();
    for seed in 5..8 {
        desk.draw_text(seed);
        updates.append(&mut desk.record());
    }
    let mut decoder = Decoder::new(DecoderConfig::default()).expect("decoder");
    assert_eq!(refusal(&mut decoder, Track::Chain, &updates[1].1), Rule::ChainGap);
    decoder.apply(Track::Chain, &updates[0].1).expect("chain");
    assert_eq!(refusal(&mut decoder, Track::Chain, &updates[2].1), Rule::ChainGap);
    assert_eq!(refusal(&mut decoder, Track::Chain, &updates[0].1), Rule::Epoch);
    assert_eq!(refusal(&mut decoder, Track::Leaf, &updates[1].1), Rule::TrackMismatch);
    decoder.apply(Track::Chain, &updates[1].1).expect("in order");
}

#[test]
fn limits_hold_before_memory_is_taken() {
    let mut desk = Desk::new(Size::new(TILE * 3, TILE), config());
    let updates = desk.record();
    let limits = |max_dimension, max_pixels, max_update_bytes| DecoderConfig {
        threads: 1,
        limits: Limits { max_dimension, max_pixels, max_update_bytes },
    };
    let outcome = |config| {
        let mut decoder = Decoder::new(config).expect("decoder");
        let result = decoder.apply(Track::Chain, &updates[0].1).map(|applied| applied.number);
        result.map_err(|error| error.rule)
    };
    let pixels = usize::from(TILE) * 3 * usize::from(TILE);
    assert_eq!(outcome(limits(TILE * 3, pixels, 4096)), Ok(1));
    assert_eq!(outcome(limits(TILE * 3 - 1, pixels, 4096)), Err(Rule::CanvasLimit));
    assert_eq!(outcome(limits(TILE * 3, pixels - 1, 4096)), Err(Rule::CanvasLimit));
    assert_eq!(outcome(limits(TILE * 3, pixels, 8)), Err(Rule::UpdateLimit));
}
