//! The fuzz target's oracle on its corpus.

use std::path::Path;

use tessera::oracle;

#[test]
fn the_session_corpus_passes() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus/session");
    let mut files = 0;
    for entry in std::fs::read_dir(&folder).expect("the corpus is part of the repository") {
        let path = entry.expect("a corpus entry").path();
        // Names the file in the captured output when the oracle panics.
        println!("{}", path.display());
        oracle::session(&std::fs::read(&path).expect("a corpus file"));
        files += 1;
    }
    assert!(files > 0, "{} is empty", folder.display());
}
