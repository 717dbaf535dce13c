//! The fuzz targets' oracles on their corpora.

use std::path::Path;
use tessera_transport::oracle;

fn replay(target: &str, oracle: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus").join(target);
    let mut files = 0;
    for entry in std::fs::read_dir(&folder).expect("the corpus is part of the repository") {
        let path = entry.expect("a corpus entry").path();
        // Names the file in the captured output when the oracle panics.
        println!("{}", path.display());
        oracle(&std::fs::read(&path).expect("a corpus file"));
        files += 1;
    }
    assert!(files > 0, "{} is empty", folder.display());
}

#[test]
fn the_frames_corpus_passes() {
    replay("frames", oracle::frames);
}

#[test]
fn the_datagram_corpus_passes() {
    replay("datagram", oracle::datagram);
}

#[test]
fn the_messages_corpus_passes() {
    replay("messages", oracle::messages);
}

#[test]
fn the_text_corpus_passes() {
    replay("text", oracle::text);
}

#[test]
fn the_relay_corpus_passes() {
    replay("relay", oracle::relay);
}

#[test]
fn the_paths_corpus_passes() {
    replay("paths", oracle::paths);
}
