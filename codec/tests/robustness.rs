//! A decoder under hostile input: refusals, never a panic, never a half-applied update.

mod desk;

use desk::Desk;
use tessera_codec::{
    Decoder, DecoderConfig, EncoderConfig, Limits, Rule, Size, Status, TILE, Track,
};

fn config() -> EncoderConfig {
    EncoderConfig::default()
}

/// A desktop with every class of content, its updates recorded.
fn mixed() -> (Desk, Vec<(Track, Vec<u8>)>) {
    let mut desk = Desk::new(Size::new(300, 260), config());
    desk.draw_text(5);
    desk.draw_photo_in(64, 64, 128, 128, 3);
    let updates = desk.record();
    assert!(updates.iter().any(|(track, _)| *track == Track::Leaf));
    (desk, updates)
}

#[test]
fn every_prefix_of_an_update_is_refused() {
    let (_, updates) = mixed();
    let mut decoder = Decoder::new(DecoderConfig::default()).expect("decoder");
    for (track, update) in &updates {
        for end in 0..update.len() {
            let error = decoder.apply(*track, &update[..end]).expect_err("a prefix was accepted");
            assert!(error.offset <= end, "{error} in a prefix of {end} bytes");
        }
        decoder.apply(*track, update).expect("the whole update");
    }
}

#[test]
fn a_flipped_bit_never_leaves_half_an_update() {
    let (_, updates) = mixed();
    let mut decoder = Decoder::new(DecoderConfig::default()).expect("decoder");
    for (track, update) in &updates {
        let mut refused = 0;
        // All of the headers, and a sample of the payloads.
        for bit in (0..64 * 8).chain((64 * 8..update.len() * 8).step_by(97)) {
            let mut broken = update.clone();
            broken[bit / 8] ^= 1 << (bit % 8);
            let before = decoder.view().map(|view| view.data().to_vec());
            match decoder.apply(*track, &broken) {
                Err(_) => {
                    refused += 1;
                    assert_eq!(decoder.view().map(|view| view.data().to_vec()), before);
                }
                // It may still be a valid update, of other pixels or another number.
                Ok(_) => decoder = restored(&updates, *track),
            }
        }
        assert!(refused > 8 * 4, "at least the magic and the version are guarded");
        decoder = restored(&updates, *track);
        decoder.apply(*track, update).expect("the update as it was made");
    }
}

/// A decoder to which the chain was applied when a leaf comes next, else a new one.
fn restored(updates: &[(Track, Vec<u8>)], next: Track) -> Decoder {
    let mut decoder = Decoder::new(DecoderConfig::default()).expect("decoder");
    if next == Track::Leaf {
        for (track, update) in updates.iter().filter(|(track, _)| *track == Track::Chain) {
            decoder.apply(*track, update).expect("chain");
        }
    }
    decoder
}

#[test]
fn a_leaf_waits_for_its_chain_and_an_old_one_is_dropped() {
    let (mut desk, first) = mixed();
    let mut decoder = Decoder::new(DecoderConfig::default()).expect("decoder");
    let leaf = &first.iter().find(|(track, _)| *track == Track::Leaf).expect("leaf").1;
    let applied = decoder.apply(Track::Leaf, leaf).expect("valid");
    assert_eq!(applied.status, Status::AheadOfChain { epoch: 1, chain: 1 });
    decoder.apply(Track::Chain, &first[0].1).expect("chain");
    assert_eq!(decoder.apply(Track::Leaf, leaf).expect("valid").status, Status::Applied);
    desk.encoder.restart();
    decoder.apply(Track::Chain, &desk.record()[0].1).expect("new epoch");
    assert_eq!(decoder.apply(Track::Leaf, leaf).expect("valid").status, Status::Obsolete);
}

#[test]
fn an_older_leaf_never_overwrites_newer_pixels() {
    let (mut desk, first) = mixed();
    desk.draw_text(6);
    let second = desk.record();
    let mut decoder = Decoder::new(DecoderConfig::default()).expect("decoder");
    decoder.apply(Track::Chain, &first[0].1).expect("chain");
    decoder.apply(Track::Chain, &second[0].1).expect("chain");
    let late = decoder.apply(Track::Leaf, &first[1].1).expect("leaf");
    assert_eq!(late.status, Status::Applied);
    assert!(late.changed.is_empty(), "the chain has written all of its tiles since");
    desk.decoder = decoder;
    desk.assert_equal();
}

/// The rule that `update` breaks.
fn refusal(decoder: &mut Decoder, track: Track, update: &[u8]) -> Rule {
    decoder.apply(track, update).expect_err("a broken update was accepted").rule
}

#[test]
fn a_gap_in_the_chain_and_a_repeated_start_are_refused() {
    let (mut desk, first) = mixed();
    desk.draw_text(6);
    let second = desk.record();
    desk.draw_text(7);
    let third = desk.record();
    let mut decoder = Decoder::new(DecoderConfig::default()).expect("decoder");
    assert_eq!(refusal(&mut decoder, Track::Chain, &second[0].1), Rule::ChainGap);
    decoder.apply(Track::Chain, &first[0].1).expect("chain");
    assert_eq!(refusal(&mut decoder, Track::Chain, &third[0].1), Rule::ChainGap);
    assert_eq!(refusal(&mut decoder, Track::Chain, &first[0].1), Rule::Epoch);
    assert_eq!(refusal(&mut decoder, Track::Leaf, &second[0].1), Rule::TrackMismatch);
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
