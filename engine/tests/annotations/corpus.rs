//! The fuzz target's oracle on its corpus.

use std::path::Path;

#[test]
fn every_file_of_the_corpus_keeps_the_promises() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus/annotations");
    let files: Vec<_> = std::fs::read_dir(folder).expect("the corpus").collect();
    assert!(files.len() >= 4);
    for file in files {
        let path = file.expect("an entry").path();
        // Names the file in the captured output when the oracle panics.
        println!("{}", path.display());
        tessera::annotate::oracle::annotations(&std::fs::read(&path).expect("a corpus file"));
    }
}
