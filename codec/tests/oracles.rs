//! The fuzz targets' oracles on their corpora and on random input.

use std::path::Path;

use proptest::prelude::*;
use tessera_codec::oracle;

fn replay(folder: &str, oracle: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let mut files = 0;
    for entry in std::fs::read_dir(&folder).expect("the corpus is part of the repository") {
        let path = entry.expect("corpus entry").path();
        // Names the file in the captured output when the oracle panics.
        println!("{}", path.display());
        oracle(&std::fs::read(&path).expect("corpus file"));
        files += 1;
    }
    assert!(files > 0, "{} is empty", folder.display());
}

#[test]
fn the_decode_corpus_passes() {
    replay("../fuzz/corpus/decode", oracle::decode_any);
    replay("tests/golden", oracle::decode_any);
}

#[test]
fn the_roundtrip_corpus_passes() {
    replay("../fuzz/corpus/roundtrip", oracle::roundtrip_any);
}

#[test]
fn the_state_corpus_passes() {
    replay("../fuzz/corpus/state", oracle::state_any);
}

proptest! {
    // proptest prints the failing input, which replays without the seed.
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_history_ends_exact(input in proptest::collection::vec(any::<u8>(), 0..160)) {
        oracle::roundtrip_any(&input);
    }

    #[test]
    fn any_loss_order_and_damage_is_healed(
        input in proptest::collection::vec(any::<u8>(), 0..400),
    ) {
        oracle::state_any(&input);
    }

    #[test]
    fn any_bytes_are_refused_whole(input in proptest::collection::vec(any::<u8>(), 0..400)) {
        oracle::decode_any(&input);
    }
}
